#include "fs/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/mem.h"

const char dj_options_usage[] =
    "usage: djfs [--connect SOCKET] MOUNT [-o OPTIONS] [--ready-fd N] [-f]\n"
    "       djfs SOURCE MOUNT -o OPTIONS\n"
    "\n"
    "Shows the runs of a djd as files below MOUNT, an empty folder.\n"
    "\n"
    "  --connect SOCKET  the daemon's socket; otherwise $DJ_CONNECT, your own, /run/dj/socket\n"
    "  -o ro             the pure cache: nothing computes, what is not cached is not there\n"
    "  -o allow_other    other users may look, too; permissions are checked\n"
    "  -o no_epoch       with ro: go on as on a Linux before 6.16, see djfs(8)\n"
    "  -o wait=SECONDS   how long requests wait while the daemon is away (10)\n"
    "  -f, --foreground  stay in the foreground\n"
    "  -d, --debug       the same, and say more\n"
    "  --ready-fd N      write a newline to descriptor N when the mount can be used\n"
    "  -h, --help        this text\n"
    "  -V, --version     the version\n";

static const char *const ignored_words[] = {
    "rw",    "auto",  "noauto",  "user",    "nouser", "users",  "owner", "group",  "defaults",
    "nofail", "async", "_netdev", "default_permissions", "dev", "suid", "nodev",  "nosuid",
    "relatime",
};

static const char *const kernel_words[] = {
    "exec", "noexec", "atime", "noatime", "sync", "dirsync",
};

static bool is_one_of(const char *word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(word, list[i]) == 0)
            return true;
    }
    return false;
}

static int parse_wait(const char *text, struct dj_options *options, struct dj_err *err)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(seconds) || seconds < 0 || seconds > 1e6)
        return dj_err_set(err, EINVAL, "wait=%s: the option wants a number of seconds", text);
    options->wait_ms = (int64_t)(seconds * 1000);
    options->wait_given = true;
    return 0;
}

static int parse_word(const char *word, struct dj_options *options, struct dj_err *err)
{
    if (*word == '\0' || strncmp(word, "x-", 2) == 0 || strncmp(word, "comment=", 8) == 0)
        return 0;
    if (strcmp(word, "ro") == 0) {
        options->readonly = true;
        return 0;
    }
    if (strcmp(word, "no_epoch") == 0) {
        options->epoch = false;
        return 0;
    }
    if (strcmp(word, "allow_other") == 0) {
        options->allow_other = true;
        return 0;
    }
    if (strncmp(word, "wait=", 5) == 0)
        return parse_wait(word + 5, options, err);
    if (strncmp(word, "connect=", 8) == 0) {
        free(options->connect);
        options->connect = dj_xstrdup(word + 8);
        return 0;
    }
    if (is_one_of(word, kernel_words, DJ_ARRAY_SIZE(kernel_words))) {
        dj_buf_addf(&options->kernel, ",%s", word);
        return 0;
    }
    if (is_one_of(word, ignored_words, DJ_ARRAY_SIZE(ignored_words)))
        return 0;
    return dj_err_set(err, EINVAL, "djfs does not know the mount option %s", word);
}

static int parse_words(const char *list, struct dj_options *options, struct dj_err *err)
{
    dj_cleanup_free char *copy = dj_xstrdup(list);
    char *rest = copy;

    for (char *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
        int code = parse_word(word, options, err);

        if (code < 0)
            return code;
    }
    return 0;
}

static int parse_fd(const char *text, struct dj_options *options, struct dj_err *err)
{
    char *end;
    long fd = strtol(text, &end, 10);

    if (end == text || *end != '\0' || fd < 0 || fd > 1 << 20)
        return dj_err_set(err, EINVAL, "--ready-fd %s: not the number of a descriptor", text);
    options->ready_fd = (int)fd;
    return 0;
}

/* mount(8) needs some word as the source; only one that can be an address is taken as one. */
static void take_source(const char *source, struct dj_options *options)
{
    if (options->connect == NULL && (strchr(source, '/') != NULL))
        options->connect = dj_xstrdup(source);
}

static int take_places(int n, char **places, struct dj_options *options, struct dj_err *err)
{
    if (n == 0)
        return dj_err_set(err, EINVAL, "djfs needs a folder to mount on");
    if (n > 2)
        return dj_err_set(err, EINVAL, "djfs mounts on one folder; %s is one word too many",
                          places[2]);
    if (n == 2)
        take_source(places[0], options);
    options->mount = dj_xstrdup(places[n - 1]);
    return 0;
}

int dj_options_parse(int argc, char **argv, struct dj_options *ret,
                     enum dj_options_verdict *ret_verdict, struct dj_err *err)
{
    static const struct option names[] = {
        {"connect", required_argument, NULL, 'c'}, {"ready-fd", required_argument, NULL, 'r'},
        {"foreground", no_argument, NULL, 'f'},    {"debug", no_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},          {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int letter;
    int code = 0;

    *ret = (struct dj_options){.ready_fd = -1, .epoch = true, .wait_ms = DJ_WAIT_DEFAULT_MS};
    *ret_verdict = DJ_OPTIONS_RUN;
    opterr = 0;
    while (code == 0 && (letter = getopt_long(argc, argv, ":c:o:fdhVsvnt:", names, NULL)) != -1) {
        switch (letter) {
        case 'c':
            free(ret->connect);
            ret->connect = dj_xstrdup(optarg);
            break;
        case 'o':
            code = parse_words(optarg, ret, err);
            break;
        case 'r':
            code = parse_fd(optarg, ret, err);
            break;
        case 'd':
            ret->debug = true;
            ret->foreground = true;
            break;
        case 'f':
            ret->foreground = true;
            break;
        case 'h':
            *ret_verdict = DJ_OPTIONS_HELP;
            return 0;
        case 'V':
            *ret_verdict = DJ_OPTIONS_VERSION;
            return 0;
        case 's': /* mount(8) passes these four on: sloppy, verbose, no mtab, type */
        case 'v':
        case 'n':
        case 't':
            break;
        case ':':
            return dj_err_set(err, EINVAL, "%s wants a value", argv[optind - 1]);
        default:
            return dj_err_set(err, EINVAL, "djfs does not know the option %s", argv[optind - 1]);
        }
    }
    return code < 0 ? code : take_places(argc - optind, argv + optind, ret, err);
}

void dj_options_release(struct dj_options *options)
{
    free(options->connect);
    free(options->mount);
    dj_buf_release(&options->kernel);
    options->connect = NULL;
    options->mount = NULL;
}

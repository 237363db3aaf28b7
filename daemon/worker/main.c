/* djw: runs the tasks of a djd. See djw(8). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/worker/worker.h"
#include "lib/util/clock.h"
#include "lib/util/log.h"
#include "lib/util/str.h"

#define AWAY_S 10

static const char usage[] =
    "usage: djw --connect SOCKET --work DIR [--slots N] [--away TIME] [-v]\n"
    "Runs the tasks of the djd that listens at SOCKET in folders below DIR.\n"
    "\n"
    "  -c, --connect SOCKET  the daemon's socket\n"
    "  -w, --work DIR        working folder, on the file system of the store\n"
    "  -n, --slots N         runs at one time, those included that wait for others (65536)\n"
    "  -a, --away TIME       without runs, end when the daemon is away for so long (10s)\n"
    "  -v, --verbose         say more\n"
    "  -h, --help  -V, --version\n";

/* Descriptors that are opened at will must not become 0, 1 or 2; tasks get our stdin. */
static void settle_standard_fds(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        dup2(fd, STDIN_FILENO);
        close(fd);
    }
}

static int wrong(const char *what, const char *text)
{
    fprintf(stderr, "djw: %s: %s\n%s", what, text, usage);
    return DJ_WORKER_USAGE;
}

static int read_slots(const char *text, struct dj_worker_options *options)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    uint64_t n;
    int rc = dj_parse_uint(dj_bytes_of(text), &n, &err);

    if (rc == 0 && (n < 1 || n > DJ_SESSIONS_MAX))
        rc = dj_err_set(&err, ERANGE, "from 1 to %d", DJ_SESSIONS_MAX);
    if (rc < 0)
        return wrong("--slots", dj_err_text(&err, rc));
    options->capacity = (uint32_t)n;
    return 0;
}

static int read_away(const char *text, struct dj_worker_options *options)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    uint64_t ms;
    int rc = dj_parse_duration(dj_bytes_of(text), &ms, &err);

    if (rc < 0)
        return wrong("--away", dj_err_text(&err, rc));
    options->away_ns = ms * DJ_NS_PER_MS;
    return 0;
}

static int show(const char *text)
{
    fputs(text, stdout);
    exit(DJ_WORKER_DONE);
}

static int read_option(int letter, struct dj_worker_options *options)
{
    switch (letter) {
    case 'c':
        options->socket = optarg;
        return 0;
    case 'w':
        options->place = optarg;
        return 0;
    case 'n':
        return read_slots(optarg, options);
    case 'a':
        return read_away(optarg, options);
    case 'v':
        dj_log_verbose();
        return 0;
    case 'h':
        return show(usage);
    case 'V':
        return show("djw (djfs) " PACKAGE_VERSION "\n");
    default:
        fputs(usage, stderr);
        return DJ_WORKER_USAGE;
    }
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"connect", required_argument, NULL, 'c'}, {"work", required_argument, NULL, 'w'},
        {"slots", required_argument, NULL, 'n'},   {"away", required_argument, NULL, 'a'},
        {"verbose", no_argument, NULL, 'v'},       {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},       {NULL, 0, NULL, 0},
    };
    struct dj_worker_options options = {.capacity = DJ_SESSIONS_MAX,
                                        .away_ns = AWAY_S * DJ_NS_PER_S};
    int letter, rc = 0;

    dj_log_setup("djw");
    while (rc == 0 && (letter = getopt_long(argc, argv, "c:w:n:a:vhV", names, NULL)) != -1)
        rc = read_option(letter, &options);
    if (rc != 0)
        return rc;
    if (optind < argc)
        return wrong(argv[optind], "not expected");
    if (options.socket == NULL || options.place == NULL)
        return wrong(options.socket == NULL ? "--connect" : "--work", "missing");
    settle_standard_fds();
    return dj_worker_main(&options);
}

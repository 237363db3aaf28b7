#include "fs/options.h"

#include <errno.h>
#include <getopt.h>

#include "tests/unit/tap.h"

static struct dj_options options;
static struct dj_err err;
static enum dj_options_verdict verdict;

static int parse(const char *line)
{
    static char copy[512];
    char *argv[32] = {0};
    char *rest = copy;
    int argc = 0;

    snprintf(copy, sizeof(copy), "djfs %s", line);
    while (argc < 31 && (argv[argc] = strsep(&rest, " ")) != NULL)
        argc += *argv[argc] != '\0';
    argv[argc] = NULL;
    dj_options_release(&options);
    dj_err_release(&err);
    optind = 0;
    return dj_options_parse(argc, argv, &options, &verdict, &err);
}

int main(void)
{
    is_int(parse("/dj"), 0, "a folder is enough");
    is_str(options.mount, "/dj", "it is the mount point");
    ok(options.connect == NULL && options.ready_fd == -1 && !options.readonly, "nothing else");
    is_int((int)options.wait_ms, DJ_WAIT_DEFAULT_MS, "requests wait ten seconds");
    is_int(parse("--connect /run/s --ready-fd 7 -f /dj -o ro,allow_other,wait=0.5"), 0, "all");
    is_str(options.connect, "/run/s", "the socket");
    ok(options.readonly && options.allow_other && options.foreground, "ro, allow_other, -f");
    is_int(options.ready_fd, 7, "the descriptor");
    is_int((int)options.wait_ms, 500, "half a second");
    is_int(parse("none /dj -o rw,nosuid,_netdev,x-systemd.automount,noatime"), 0, "as from fstab");
    ok(options.connect == NULL, "none is no address");
    is_str(dj_buf_str(&options.kernel), ",noatime", "what the kernel is to know");
    is_int(parse("/run/dj/socket /dj -o rw"), 0, "with a socket as the source");
    is_str(options.connect, "/run/dj/socket", "which is taken");
    is_int(parse("--connect /a /b /dj"), 0, "both");
    is_str(options.connect, "/a", "--connect counts");
    is_int(parse("-o connect=/x /dj"), 0, "connect= as a mount option");
    is_str(options.connect, "/x", "is taken");
    is_int(parse("-h"), 0, "help");
    is_int((int)verdict, DJ_OPTIONS_HELP, "is asked for");
    is_int(parse("--version"), 0, "version");
    is_int((int)verdict, DJ_OPTIONS_VERSION, "is asked for");
    is_int(parse(""), -EINVAL, "no folder");
    is_int(parse("a b c"), -EINVAL, "three words");
    is_int(parse("/dj -o bogus"), -EINVAL, "an unknown mount option");
    is_str(err.text, "djfs does not know the mount option bogus", "is named");
    is_int(parse("/dj -o wait=x"), -EINVAL, "wait= without a number");
    is_int(parse("/dj -o wait=-1"), -EINVAL, "wait= below zero");
    is_int(parse("/dj --ready-fd x"), -EINVAL, "--ready-fd without a number");
    is_int(parse("/dj --bogus"), -EINVAL, "an unknown option");
    is_int(parse("/dj -o"), -EINVAL, "-o without a word");
    dj_options_release(&options);
    dj_err_release(&err);
    return tap_done();
}

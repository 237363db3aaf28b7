/* dj-host: runs of thread and resident tasks, many in one process. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/host/host.h"
#include "daemon/host/library.h"
#include "lib/util/fdio.h"
#include "lib/util/log.h"
#include "lib/util/str.h"

static const char usage[] =
    "usage: dj-host --connect SOCKET --work DIR --number N (--library FILE | -- PROGRAM ...)\n"
    "       dj-host --list FILE\n"
    "Runs tasks of the djd that listens at SOCKET: C functions of a shared object in threads, or\n"
    "calls of a program that answers a JSON line each. djd has it started; --list prints the\n"
    "tasks of a shared object as sections of a task file.\n"
    "\n"
    "      --recycle-runs N    replace a program after N calls\n"
    "      --recycle-rss SIZE  replace a program that has more memory than that after a call\n"
    "  -h, --help  -V, --version\n";

static int wrong(const char *what, const char *text)
{
    fprintf(stderr, "dj-host: %s: %s\n%s", what, text, usage);
    return DJ_HOST_USAGE;
}

static int list(const char *path)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_library *library = NULL;
    int rc = dj_library_open(path, &library, &err);

    rc = rc < 0 ? rc : dj_library_list(library, &text, &err);
    dj_library_close(library);
    if (rc < 0) {
        fprintf(stderr, "%s\n", dj_err_text(&err, rc));
        return DJ_HOST_FAILED;
    }
    return dj_write_full(STDOUT_FILENO, text.data, text.len) < 0 ? DJ_HOST_FAILED : DJ_HOST_DONE;
}

static int show(const char *text)
{
    fputs(text, stdout);
    exit(DJ_HOST_DONE);
}

static int read_uint(const char *name, uint64_t *ret)
{
    return dj_parse_uint(dj_bytes_of(optarg), ret, NULL) < 0 ? wrong(name, "not a number") : 0;
}

static int read_option(int letter, struct dj_host_options *options)
{
    switch (letter) {
    case 'c':
        options->socket = optarg;
        return 0;
    case 'w':
        options->work = optarg;
        return 0;
    case 'n':
        options->number = optarg;
        return 0;
    case 'l':
        options->library = optarg;
        return 0;
    case 'r':
        return read_uint("--recycle-runs", &options->recycle_runs);
    case 's':
        return read_uint("--recycle-rss", &options->recycle_rss);
    case 'L':
        exit(list(optarg));
    case 'h':
        return show(usage);
    case 'V':
        return show("dj-host (djfs) " PACKAGE_VERSION "\n");
    default:
        fputs(usage, stderr);
        return DJ_HOST_USAGE;
    }
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"connect", required_argument, NULL, 'c'},
        {"work", required_argument, NULL, 'w'},
        {"number", required_argument, NULL, 'n'},
        {"library", required_argument, NULL, 'l'},
        {"recycle-runs", required_argument, NULL, 'r'},
        {"recycle-rss", required_argument, NULL, 's'},
        {"list", required_argument, NULL, 'L'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    struct dj_host_options options = {0};
    int letter, rc = 0;

    dj_log_setup("dj-host");
    while (rc == 0 && (letter = getopt_long(argc, argv, "+hV", names, NULL)) != -1)
        rc = read_option(letter, &options);
    if (rc != 0)
        return rc;
    if (options.socket == NULL || options.work == NULL || options.number == NULL)
        return wrong("--connect, --work, --number", "missing");
    options.argv = argv + optind;
    if ((options.library == NULL) == (optind == argc))
        return wrong("--library", "that, or a program");
    return dj_host_main(&options);
}

/* dj up, down, mount, umount: the daemon and its mount. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress_bar.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/model/resource.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { WORKERS_MAX = 65536 }; /* as djd */

struct dj_up_options {
    const char *store, *workers, *quota;
    struct dj_list resources; /* struct dj_buf */
};

static bool fuse_usable(void)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, "/dev/fuse", O_RDWR, 0);

    return fd >= 0;
}

/* 0 or -errno; asks whoever serves the folder: the kernel still knows the top of a dead mount. */
static int look(const char *path, struct statx *ret)
{
    return statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, ret) < 0 ? -errno : 0;
}

/* A mount point lies on another device than its folder; one whose program has gone cannot be looked
 * at. */
static bool is_mounted(const char *at)
{
    dj_cleanup_buf struct dj_buf above = DJ_BUF_INIT;
    struct statx here, there;
    int rc = look(at, &here);

    if (rc < 0)
        return rc == -ENOTCONN;
    dj_buf_addf(&above, "%s/..", at);
    return look(dj_buf_str(&above), &there) < 0 || here.stx_dev_major != there.stx_dev_major ||
           here.stx_dev_minor != there.stx_dev_minor;
}

static int mount_and_say(struct dj_cli *cli, const char *named, const char *options)
{
    char *mount;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_bar *bar;
    int rc;

    if (!fuse_usable()) {
        fputs("dj: /dev/fuse cannot be opened, so there is no mount; `dj get`, `dj ls` and "
              "`dj cat` do the same\n", stderr);
        return DJ_EX_OK;
    }
    bar = dj_bar_begin(cli, "mounting", 0);
    rc = dj_said(cli, dj_mount_with(cli->dj, named, options, &mount), &err);
    dj_bar_end(bar);
    if (rc < 0)
        return dj_fail(rc, &err);
    if (!cli->quiet)
        printf("mounted at %s\n", mount);
    dj_mem_free(mount);
    return DJ_EX_OK;
}

static bool is_workers(const char *text)
{
    uint64_t number;

    if (dj_parse_uint(dj_bytes_of(text), &number, NULL) == 0 && number > 0 &&
        number <= WORKERS_MAX)
        return true;
    fprintf(stderr, "dj: up: --workers %s is not a number from 1 to %d\n", text, WORKERS_MAX);
    return false;
}

static bool add_resource(struct dj_list *resources, const char *text)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_resource resource;
    int rc = dj_resource_parse(dj_bytes_of(text), &resource, &err);

    if (rc < 0) {
        fprintf(stderr, "dj: up: --resource %s: %s\n", text, dj_err_text(&err, rc));
        return false;
    }
    free(resource.name);
    dj_list_add_bytes(resources, dj_bytes_of(text));
    return true;
}

static void set_option(struct dj *dj, const char *name, const char *value)
{
    if (value != NULL)
        (void)dj_set_daemon_option(dj, name, value);
}

static int start(struct dj_cli *cli, const struct dj_up_options *options, struct dj_err *err)
{
    struct dj_bar *bar = dj_bar_begin(cli, "starting the daemon", 0);
    int rc;

    cli->dj = dj_new("dj " PACKAGE_VERSION);
    set_option(cli->dj, "store", options->store);
    set_option(cli->dj, "workers", options->workers);
    set_option(cli->dj, "quota", options->quota);
    for (size_t i = 0; i < options->resources.n; i++)
        set_option(cli->dj, "resource",
                   dj_buf_str(DJ_LIST_AT(&options->resources, struct dj_buf, i)));
    rc = dj_connect_to(cli->dj, cli->connect, DJ_START_DAEMON | DJ_START_NAMED);
    dj_bar_end(bar);
    return dj_said(cli, rc, err);
}

static int up(struct dj_cli *cli, const struct dj_up_options *options, struct dj_err *err)
{
    int rc = dj_connect(cli, false, err);

    if (rc == -ENOTCONN) {
        dj_err_release(err);
        return start(cli, options, err);
    }
    if (rc == 0 && !cli->quiet)
        fprintf(stderr, "dj: a daemon runs already, with the store %s\n",
                dj_daemon_store(cli->dj));
    return rc;
}

int dj_cmd_up(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"store", required_argument, NULL, 's'},
        {"workers", required_argument, NULL, 'w'},
        {"resource", required_argument, NULL, 'r'},
        {"quota", required_argument, NULL, 'q'},
        {"no-mount", no_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    struct dj_up_options options = {0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    bool mount = true;
    int option, rc;

    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (option == 's')
            options.store = optarg;
        else if (option == 'w' && is_workers(optarg))
            options.workers = optarg;
        else if (option == 'r' && add_resource(&options.resources, optarg))
            continue;
        else if (option == 'w' || option == 'r')
            return dj_usage("up");
        else if (option == 'q')
            options.quota = optarg;
        else if (option == 'n')
            mount = false;
        else
            return dj_bad_option(argv, option);
    }
    if (argc - optind > 1)
        return dj_usage("up");
    rc = up(cli, &options, &err);
    dj_bytes_list_release(&options.resources);
    if (rc < 0)
        return dj_fail(rc, &err);
    return mount ? mount_and_say(cli, optind < argc ? argv[optind] : NULL, NULL) : DJ_EX_OK;
}

int dj_cmd_mount(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{NULL, 0, NULL, 0}};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    const char *options = NULL;
    int option, rc;

    while ((option = getopt_long(argc, argv, "+:o:", longs, NULL)) != -1) {
        if (option != 'o')
            return dj_bad_option(argv, option);
        options = optarg;
    }
    if (argc - optind > 1)
        return dj_usage("mount");
    rc = dj_connect(cli, false, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    return mount_and_say(cli, optind < argc ? argv[optind] : NULL, options);
}

static int run_program(char **argv)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int unmount(const char *mount)
{
    char fusermount[] = "fusermount3", umount[] = "umount", option[] = "-u";
    dj_cleanup_free char *at = dj_absolute(mount);
    char *as_user[] = {fusermount, option, at, NULL};
    char *as_root[] = {umount, at, NULL};

    if (!is_mounted(at)) {
        fprintf(stderr, "dj: nothing is mounted at %s\n", mount);
        return DJ_EX_UNKNOWN;
    }
    if (run_program(geteuid() == 0 ? as_root : as_user) == 0)
        return DJ_EX_OK;
    fprintf(stderr, "dj: %s could not be unmounted\n", mount);
    return DJ_EX_FAILED;
}

int dj_cmd_umount(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    const char *mount;
    int rc;

    if (argc > 2)
        return dj_usage("umount");
    if (argc == 2)
        return unmount(argv[1]);
    rc = dj_connect(cli, false, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    mount = dj_daemon_mount(cli->dj);
    if (mount[0] == '\0') {
        fputs("dj: nothing is mounted\n", stderr);
        return DJ_EX_UNKNOWN;
    }
    return unmount(mount);
}

enum { GONE_MS = 30000, PAUSE_MS = 10 };

/* Its process, or -1: another one may have the number that it has where it runs. */
static int process_of(const struct dj *dj)
{
    int64_t pid = dj_daemon_pid(dj);
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, name = DJ_BUF_INIT;
    int fd = pid > 0 ? pidfd_open((pid_t)pid, 0) : -1;

    dj_buf_addf(&path, "/proc/%lld/comm", (long long)pid);
    if (fd >= 0 && (dj_read_file(AT_FDCWD, dj_buf_str(&path), 64, &name) < 0 ||
                    strcmp(dj_buf_str(&name), "djd\n") != 0))
        dj_closep(&fd);
    return fd;
}

/*
 * Gone: nobody answers at this socket (looked for by name it could be another daemon's by now), and
 * the process has ended, which closes its store when it answers nobody any more.
 */
static bool wait_gone(const char *socket, int process)
{
    const uint64_t until_ns = dj_clock_mono_ns() + GONE_MS * DJ_NS_PER_MS;
    struct timespec pause = {0, PAUSE_MS * 1000000};
    struct pollfd polled = {.fd = process, .events = POLLIN};
    struct dj *dj = dj_new("dj " PACKAGE_VERSION);
    uint64_t now_ns;
    int rc;

    while ((rc = dj_connect_to(dj, socket, 0)) == 0 && dj_clock_mono_ns() < until_ns) {
        dj_disconnect(dj);
        nanosleep(&pause, NULL);
    }
    dj_free(dj);
    now_ns = dj_clock_mono_ns();
    if (rc == 0 || process < 0)
        return rc < 0 && rc != -ETIME;
    return poll(&polled, 1, until_ns < now_ns ? 0 : (int)((until_ns - now_ns) / DJ_NS_PER_MS)) != 0;
}

int dj_cmd_down(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    char *socket = NULL;
    dj_cleanup_close int process = -1;
    struct dj_bar *bar;
    const char *mount;
    int rc, code = DJ_EX_OK;
    bool gone;

    if (argc > 2)
        return dj_usage("down");
    rc = dj_connect(cli, false, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    mount = argc == 2 ? argv[1] : dj_daemon_mount(cli->dj);
    if (mount[0] != '\0' && (argc == 2 || is_mounted(mount)))
        code = unmount(mount);
    if (code != DJ_EX_OK && argc == 2) {
        fputs("dj: the daemon goes on\n", stderr);
        return code;
    }
    process = process_of(cli->dj);
    rc = dj_find_socket(cli->dj, cli->connect, &socket);
    if (rc == 0)
        rc = dj_stop(cli->dj, 0);
    rc = dj_said(cli, rc, &err);
    if (rc < 0 && (rc != -ENOTCONN || socket == NULL)) { /* else it went before it could answer */
        dj_mem_free(socket);
        return dj_fail(rc, &err);
    }
    bar = dj_bar_begin(cli, "stopping the daemon", 0);
    gone = wait_gone(socket, process);
    dj_bar_end(bar);
    dj_mem_free(socket);
    if (!gone) {
        fputs("dj: the daemon has not ended within 30 s\n", stderr);
        return DJ_EX_FAILED;
    }
    return code;
}

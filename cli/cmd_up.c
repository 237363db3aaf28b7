/* dj up, down, mount, umount: the daemon and its mount. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

static bool fuse_usable(void)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, "/dev/fuse", O_RDWR, 0);

    return fd >= 0;
}

/* /dj where it can be made or is ours and empty, else ~/dj. */
static char *default_mount(void)
{
    struct dj_buf path = DJ_BUF_INIT;
    const char *home = getenv("HOME");
    struct stat st;

    if (mkdir("/dj", 0755) == 0 || (stat("/dj", &st) == 0 && st.st_uid == geteuid()) ||
        home == NULL)
        return dj_xstrdup("/dj");
    dj_buf_addf(&path, "%s/dj", home);
    return dj_buf_steal(&path);
}

static char *absolute(const char *path)
{
    struct dj_buf full = DJ_BUF_INIT;
    dj_cleanup_free char *cwd = NULL;

    if (path[0] == '/')
        return dj_xstrdup(path);
    cwd = getcwd(NULL, 0);
    dj_buf_addf(&full, "%s/%s", cwd == NULL ? "" : cwd, path);
    return dj_buf_steal(&full);
}

int dj_mount_at(struct dj_cli *cli, const char *mount, struct dj_err *err)
{
    dj_cleanup_free char *socket = NULL, *program = dj_program("djfs"), *at = absolute(mount);
    dj_cleanup_buf struct dj_buf log = DJ_BUF_INIT;
    char option[] = "--connect";
    char *argv[5] = {program, option, NULL, at, NULL};
    const char *mounted = dj_connection_welcome(cli->connection)->mount;
    char *slash;
    int rc;

    if (mounted != NULL && strcmp(mounted, at) == 0)
        return 1;
    rc = dj_socket_path(cli->connect, &socket, err);
    if (rc < 0)
        return rc;
    argv[2] = socket;
    if (mkdir(at, 0755) < 0 && errno != EEXIST && errno != ENOTCONN)
        return dj_err_sys(err, errno, "%s", at);
    dj_buf_adds(&log, socket);
    slash = strrchr((char *)log.data, '/');
    if (slash != NULL)
        dj_buf_truncate(&log, (size_t)(slash - (char *)log.data) + 1);
    dj_buf_adds(&log, "djfs.log");
    return dj_start_program(argv, dj_buf_str(&log), err);
}

static int mount_and_say(struct dj_cli *cli, const char *named)
{
    dj_cleanup_free char *mount = named != NULL ? dj_xstrdup(named) : default_mount();
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    if (!fuse_usable()) {
        fputs("dj: /dev/fuse cannot be opened, so there is no mount; `dj get`, `dj ls` and "
              "`dj cat` do the same\n", stderr);
        return DJ_EX_OK;
    }
    rc = dj_mount_at(cli, mount, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    if (!cli->quiet)
        printf("mounted at %s\n", mount);
    return DJ_EX_OK;
}

int dj_cmd_up(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"store", required_argument, NULL, 's'},
        {"workers", required_argument, NULL, 'w'},
        {"no-mount", no_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    const char *store = NULL, *workers = NULL;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_free char *socket = NULL, *store_path = NULL;
    const char *named = cli->connect != NULL ? cli->connect : getenv("DJ_CONNECT");
    bool mount = true;
    int option, rc;

    while ((option = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
        if (option == 's')
            store = optarg;
        else if (option == 'w')
            workers = optarg;
        else if (option == 'n')
            mount = false;
        else
            return dj_usage("up");
    }
    if (argc - optind > 1)
        return dj_usage("up");
    rc = dj_connect(cli, false, &err);
    if (rc == -ENOTCONN) {
        dj_err_release(&err);
        store_path = store == NULL ? NULL : absolute(store);
        rc = named != NULL && named[0] != '\0' ? dj_socket_path(cli->connect, &socket, &err)
                                               : dj_own_socket_path(true, &socket, &err);
        if (rc == 0)
            rc = dj_start_daemon(socket, store_path, workers, &err);
        if (rc == 0)
            rc = dj_connect(cli, false, &err);
    } else if (rc == 0 && !cli->quiet) {
        fprintf(stderr, "dj: a daemon runs already, with the store %s\n",
                dj_connection_welcome(cli->connection)->store);
    }
    if (rc < 0)
        return dj_fail(rc, &err);
    return mount ? mount_and_say(cli, optind < argc ? argv[optind] : NULL) : DJ_EX_OK;
}

int dj_cmd_mount(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    if (argc > 2)
        return dj_usage("mount");
    rc = dj_connect(cli, false, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    return mount_and_say(cli, argc == 2 ? argv[1] : NULL);
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

/* A mount point lies on another device than its folder; a dead one cannot be looked at. */
static bool is_mounted(const char *at)
{
    dj_cleanup_buf struct dj_buf above = DJ_BUF_INIT;
    struct stat here, there;

    dj_buf_addf(&above, "%s/..", at);
    if (stat(at, &here) < 0)
        return errno == ENOTCONN;
    return stat(dj_buf_str(&above), &there) < 0 || here.st_dev != there.st_dev;
}

static int unmount(const char *mount)
{
    char fusermount[] = "fusermount3", umount[] = "umount", option[] = "-u";
    dj_cleanup_free char *at = absolute(mount);
    char *as_user[] = {fusermount, option, at, NULL};
    char *as_root[] = {umount, at, NULL};

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
    mount = dj_connection_welcome(cli->connection)->mount;
    if (mount == NULL || mount[0] == '\0') {
        fputs("dj: nothing is mounted\n", stderr);
        return DJ_EX_UNKNOWN;
    }
    return unmount(mount);
}

/* The daemon is gone when nobody answers at its socket. */
static bool wait_gone(struct dj_cli *cli)
{
    struct timespec pause = {0, 10000000};

    for (int i = 0; i < 3000; i++) {
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
        int rc;

        dj_connection_free(dj_steal(cli->connection));
        rc = dj_connect(cli, false, &err);
        if (rc < 0)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

int dj_cmd_down(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_msg_stop stop = {0};
    struct dj_message_in answer;
    const char *mount;
    int rc, code = DJ_EX_OK;

    if (argc > 2)
        return dj_usage("down");
    rc = dj_connect(cli, false, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    mount = argc == 2 ? argv[1] : dj_connection_welcome(cli->connection)->mount;
    if (mount != NULL && mount[0] != '\0' && (argc == 2 || is_mounted(mount)))
        code = unmount(mount);
    rc = dj_connection_call(cli->connection, DJ_MSG_STOP, &stop, DJ_MSG_OK, &answer, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    dj_message_release(&answer);
    if (!wait_gone(cli)) {
        fputs("dj: the daemon has not ended within 30 s\n", stderr);
        return DJ_EX_FAILED;
    }
    return code;
}

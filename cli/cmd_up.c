/* dj up, down, mount, umount: the daemon and its mount. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress_bar.h"
#include "lib/model/config.h"
#include "lib/util/fdio.h"
#include "lib/model/resource.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { WORKERS_MAX = 65536 }; /* as djd */

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

/* A mount point lies on another device than its folder. */
static bool is_live_mount(const char *at)
{
    dj_cleanup_buf struct dj_buf above = DJ_BUF_INIT;
    struct statx here, there;

    dj_buf_addf(&above, "%s/..", at);
    return look(at, &here) == 0 &&
           (look(dj_buf_str(&above), &there) < 0 || here.stx_dev_major != there.stx_dev_major ||
            here.stx_dev_minor != there.stx_dev_minor);
}

/* One whose program has gone cannot be looked at. */
static bool is_mounted(const char *at)
{
    struct statx st;

    return look(at, &st) == -ENOTCONN || is_live_mount(at);
}

static bool can_be_dj(void)
{
    struct statx st;
    DIR *folder;
    int entries = 0, rc;

    if (mkdir("/dj", 0755) == 0)
        return true;
    rc = look("/dj", &st);
    if (rc < 0)
        return rc == -ENOTCONN;
    folder = st.stx_uid == geteuid() && !is_live_mount("/dj") ? opendir("/dj") : NULL;
    if (folder == NULL)
        return false;
    while (readdir(folder) != NULL)
        entries++;
    closedir(folder);
    return entries <= 2;
}

static bool is_djfs(const char *at)
{
    FILE *table = setmntent("/proc/self/mounts", "re");
    const struct mntent *entry;
    bool is = false;

    while (table != NULL && (entry = getmntent(table)) != NULL) {
        if (strcmp(entry->mnt_dir, at) == 0)
            is = strcmp(entry->mnt_type, "fuse.djfs") == 0;
    }
    if (table != NULL)
        endmntent(table);
    return is;
}

/* Whether it is at this daemon, and has heard so itself: what is asked of it is answered. */
static bool is_back(const struct dj_connection *connection, const char *at)
{
    const struct dj_msg_welcome *welcome = dj_connection_welcome(connection);
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct statx st;

    dj_buf_addf(&path, "%s/README", at);
    return welcome->mount != NULL && strcmp(welcome->mount, at) == 0 && !welcome->mount_due &&
           statx(AT_FDCWD, dj_buf_str(&path), AT_STATX_FORCE_SYNC, STATX_TYPE, &st) == 0;
}

/*
 * A mount whose daemon was killed looks for the next one by itself, four times a second, and tells
 * it where it is. So one that lives here is asked for until then: what the daemon of this socket
 * names is surely its own.
 */
static bool comes_back(const char *socket, const char *at)
{
    static const struct dj_greeting greeting = {.role = DJ_ROLE_CLIENT,
                                                .program = "dj " PACKAGE_VERSION};
    struct timespec pause = {0, 20000000};
    bool came = false;

    for (int i = 0; i < 150 && !came && is_live_mount(at) && is_djfs(at); i++) {
        struct dj_connection *connection;

        nanosleep(&pause, NULL);
        if (dj_connection_open(socket, &greeting, &connection, NULL) < 0)
            return false;
        came = is_back(connection, at);
        dj_connection_free(connection);
    }
    return came;
}

/* Ours: another user's daemon may be mounted there for everybody. */
static bool is_own_mount(const char *socket, const char *at)
{
    struct statx st;

    return look(at, &st) == 0 && st.stx_uid == geteuid() && comes_back(socket, at);
}

/* Where its mount waits for it, else /dj where it can be made or is ours and empty, else ~/dj. */
static char *usual_mount(const char *socket)
{
    const char *home = getenv("HOME");
    dj_cleanup_buf struct dj_buf below_home = DJ_BUF_INIT;
    const char *places[] = {"/dj", NULL};

    if (home != NULL) {
        dj_buf_addf(&below_home, "%s/dj", home);
        places[1] = dj_buf_str(&below_home);
    }
    for (size_t i = 0; i < DJ_ARRAY_SIZE(places); i++) {
        if (places[i] != NULL && is_own_mount(socket, places[i]))
            return dj_xstrdup(places[i]);
    }
    return dj_xstrdup(can_be_dj() || home == NULL ? places[0] : places[1]);
}

/* Where it is mounted already, else as dj.conf says, else where it usually is. */
static int default_mount(const char *socket, const char *mounted, char **ret, struct dj_err *err)
{
    dj_cleanup_config struct dj_config config = {0};
    const char *fixed;
    int rc;

    if (mounted != NULL && mounted[0] != '\0' && is_live_mount(mounted)) {
        *ret = dj_xstrdup(mounted);
        return 0;
    }
    rc = dj_config_load(&config, err);
    if (rc < 0)
        return rc;
    fixed = config.values[DJ_SET_MOUNT].text;
    *ret = fixed != NULL ? dj_xstrdup(fixed) : usual_mount(socket);
    return 0;
}

int dj_mount_at(struct dj_cli *cli, const char *mount, struct dj_err *err)
{
    dj_cleanup_free char *named = NULL, *socket = NULL;
    dj_cleanup_free char *program = dj_program("djfs"), *at = dj_absolute(mount);
    dj_cleanup_buf struct dj_buf log = DJ_BUF_INIT;
    char option[] = "--connect";
    char *argv[5] = {program, option, NULL, at, NULL};
    char *slash;
    int rc;

    if (is_live_mount(at) && is_back(cli->connection, at))
        return 1;
    rc = dj_socket_path(cli->connect, &named, err);
    if (rc < 0)
        return rc;
    argv[2] = socket = dj_absolute(named);
    if (comes_back(socket, at))
        return 1;
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
    const char *mounted = dj_connection_welcome(cli->connection)->mount;
    dj_cleanup_free char *mount = NULL, *socket = NULL;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_bar *bar;
    int rc;

    if (!fuse_usable()) {
        fputs("dj: /dev/fuse cannot be opened, so there is no mount; `dj get`, `dj ls` and "
              "`dj cat` do the same\n", stderr);
        return DJ_EX_OK;
    }
    rc = dj_socket_path(cli->connect, &socket, &err);
    if (rc == 0 && named != NULL)
        mount = dj_xstrdup(named);
    else if (rc == 0)
        rc = default_mount(socket, mounted, &mount, &err);
    if (rc == 0) {
        bar = dj_bar_begin(cli, "mounting", 0);
        rc = dj_mount_at(cli, mount, &err);
        dj_bar_end(bar);
    }
    if (rc < 0)
        return dj_fail(rc, &err);
    if (!cli->quiet)
        printf("mounted at %s\n", mount);
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
    struct dj_daemon_options options = {0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_free char *socket = NULL, *store_path = NULL;
    struct dj_bar *bar;
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
    rc = dj_connect(cli, false, &err);
    if (rc == -ENOTCONN) {
        dj_err_release(&err);
        store_path = options.store == NULL ? NULL : dj_absolute(options.store);
        options.store = store_path;
        rc = dj_socket_named(cli->connect, &socket, &err);
        if (rc == 0 && socket == NULL)
            rc = dj_own_socket_path(true, &socket, &err);
        bar = dj_bar_begin(cli, "starting the daemon", 0);
        if (rc == 0)
            rc = dj_start_daemon(socket, &options, &err);
        dj_bar_end(bar);
        if (rc == 0)
            rc = dj_connect(cli, false, &err);
    } else if (rc == 0 && !cli->quiet) {
        fprintf(stderr, "dj: a daemon runs already, with the store %s\n",
                dj_connection_welcome(cli->connection)->store);
    }
    dj_bytes_list_release(&options.resources);
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
    mount = dj_connection_welcome(cli->connection)->mount;
    if (mount == NULL || mount[0] == '\0') {
        fputs("dj: nothing is mounted\n", stderr);
        return DJ_EX_UNKNOWN;
    }
    return unmount(mount);
}

/* Gone: nobody answers at this socket. Looked for by name it could be another daemon's by now. */
static bool wait_gone(const char *socket)
{
    static const struct dj_greeting greeting = {.role = DJ_ROLE_CLIENT,
                                                .program = "dj " PACKAGE_VERSION};
    struct timespec pause = {0, 10000000};

    for (int i = 0; i < 3000; i++) {
        struct dj_connection *connection;

        if (dj_connection_open(socket, &greeting, &connection, NULL) < 0)
            return true;
        dj_connection_free(connection);
        nanosleep(&pause, NULL);
    }
    return false;
}

int dj_cmd_down(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_free char *socket = NULL;
    struct dj_bar *bar;
    const char *mount;
    int rc, code = DJ_EX_OK;
    bool gone;

    if (argc > 2)
        return dj_usage("down");
    rc = dj_socket_path(cli->connect, &socket, &err);
    if (rc == 0)
        rc = dj_connect(cli, false, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    mount = argc == 2 ? argv[1] : dj_connection_welcome(cli->connection)->mount;
    if (mount != NULL && mount[0] != '\0' && (argc == 2 || is_mounted(mount)))
        code = unmount(mount);
    if (code != DJ_EX_OK && argc == 2) {
        fputs("dj: the daemon goes on\n", stderr);
        return code;
    }
    rc = dj_said(cli, dj_stop(cli->dj, 0), &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    bar = dj_bar_begin(cli, "stopping the daemon", 0);
    gone = wait_gone(socket);
    dj_bar_end(bar);
    if (!gone) {
        fputs("dj: the daemon has not ended within 30 s\n", stderr);
        return DJ_EX_FAILED;
    }
    return code;
}

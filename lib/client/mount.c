/* Where the tree is mounted, and that it is. (dj.h) */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/client/client.h"
#include "lib/model/config.h"
#include "lib/util/fdio.h"
#include "lib/util/helper_program.h"
#include "lib/util/mem.h"
#include "lib/wire/socket_path.h"

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
static bool comes_back(struct dj *dj, const char *socket, const char *at)
{
    static const struct dj_greeting greeting = {.role = DJ_ROLE_CLIENT,
                                                .program = "dj " PACKAGE_VERSION};
    struct timespec pause = {0, 20000000};
    bool came = false;

    for (int i = 0; i < 150 && !came && is_live_mount(at) && is_djfs(at); i++) {
        struct dj_connection *connection;

        if (dj_interrupted(dj) < 0)
            return false;
        nanosleep(&pause, NULL);
        if (dj_connection_open(socket, &greeting, &connection, NULL) < 0)
            return false;
        came = is_back(connection, at);
        dj_connection_free(connection);
    }
    return came;
}

/* Ours: another user's daemon may be mounted there for everybody. */
static bool is_own_mount(struct dj *dj, const char *socket, const char *at)
{
    struct statx st;

    return look(at, &st) == 0 && st.stx_uid == geteuid() && comes_back(dj, socket, at);
}

/* Where its mount waits for it, else /dj where it can be made or is ours and empty, else ~/dj. */
static char *usual_mount(struct dj *dj, const char *socket)
{
    const char *home = getenv("HOME");
    dj_cleanup_buf struct dj_buf below_home = DJ_BUF_INIT;
    const char *places[] = {"/dj", NULL};

    if (home != NULL) {
        dj_buf_addf(&below_home, "%s/dj", home);
        places[1] = dj_buf_str(&below_home);
    }
    for (size_t i = 0; i < DJ_ARRAY_SIZE(places); i++) {
        if (places[i] != NULL && is_own_mount(dj, socket, places[i]))
            return dj_xstrdup(places[i]);
    }
    return dj_xstrdup(can_be_dj() || home == NULL ? places[0] : places[1]);
}

/* Where it is mounted already, else as dj.conf says, else where it usually is. */
static int default_mount(struct dj *dj, const char *socket, char **ret)
{
    dj_cleanup_config struct dj_config config = {0};
    const char *mounted = dj_daemon_mount(dj), *fixed;
    int rc;

    if (mounted[0] != '\0' && is_live_mount(mounted)) {
        *ret = dj_xstrdup(mounted);
        return 0;
    }
    rc = dj_config_load(&config, &dj->err);
    if (rc < 0)
        return rc;
    fixed = config.values[DJ_SET_MOUNT].text;
    *ret = fixed != NULL ? dj_xstrdup(fixed) : usual_mount(dj, socket);
    return 0;
}

/* Options with commas between them: it is one of the words. */
static bool has_word(const char *options, const char *word)
{
    const size_t len = strlen(word);

    for (const char *at = options; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

static int mount_at(struct dj *dj, const char *socket, const char *at, const char *options)
{
    dj_cleanup_free char *program = dj_program("djfs"), *folder = dj_xstrdup(at);
    dj_cleanup_free char *address = dj_absolute(socket);
    dj_cleanup_buf struct dj_buf log = DJ_BUF_INIT;
    dj_cleanup_free char *words = dj_xstrdup(options == NULL ? "" : options);
    char option[] = "--connect", with[] = "-o";
    char *argv[] = {program, option, address, folder, options == NULL ? NULL : with, words, NULL};
    const bool further = has_word(words, "ro");
    const char *slash;

    if (!further && is_live_mount(at) && is_back(dj->connection, at))
        return 1;
    if (!further && comes_back(dj, address, at))
        return 1;
    if (dj_interrupted(dj) < 0)
        return -EINTR;
    if (mkdir(at, 0755) < 0 && errno != EEXIST && errno != ENOTCONN)
        return dj_err_sys(&dj->err, errno, "%s", at);
    dj_buf_adds(&log, address);
    slash = strrchr(dj_buf_str(&log), '/');
    if (slash != NULL)
        dj_buf_truncate(&log, (size_t)(slash - dj_buf_str(&log)) + 1);
    dj_buf_adds(&log, "djfs.log");
    return dj_start_program(argv, dj_buf_str(&log), dj->wake_fd, &dj->err);
}

static int find_and_mount(struct dj *dj, const char *named, const char *options, char **ret)
{
    dj_cleanup_free char *socket = NULL, *at = NULL;
    int rc = dj_socket_path(dj->address, &socket, &dj->err);

    if (rc == 0 && named == NULL && has_word(options, "ro"))
        rc = dj_err_set(&dj->err, EINVAL, "a read-only mount has a folder of its own: name it");
    if (rc == 0 && named != NULL)
        at = dj_xstrdup(named);
    else if (rc == 0)
        rc = default_mount(dj, socket, &at);
    if (rc == 0) {
        dj_cleanup_free char *folder = dj_absolute(at);

        rc = mount_at(dj, socket, folder, options);
    }
    if (rc >= 0 && ret != NULL)
        *ret = dj_steal(at);
    return rc;
}

int dj_mount(struct dj *dj, const char *at, char **ret)
{
    return dj_mount_with(dj, at, NULL, ret);
}

int dj_mount_with(struct dj *dj, const char *at, const char *options, char **ret)
{
    int rc = dj_begin(dj);

    return rc < 0 ? rc : dj_end(dj, find_and_mount(dj, at, options, ret));
}

#include "fs/mount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util/buf.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

extern char **environ;

/* What /proc/self/mountinfo says of a mount point. */
struct mounted {
    bool found;
    bool djfs;
    bool ours; /* mounted by us, or we are root */
    char type[64];
};

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] != '\0' &&
            from[3] != '\0') {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

static void read_line(char *line, const char *path, struct mounted *ret)
{
    char *behind = strstr(line, " - ");
    char *rest = line;
    char *point = NULL;
    const char *user;

    if (behind == NULL)
        return;
    for (int field = 0; field < 5; field++)
        point = strsep(&rest, " ");
    if (point == NULL)
        return;
    unescape(point);
    if (strcmp(point, path) != 0)
        return;
    ret->found = true;
    if (sscanf(behind, " - %63s", ret->type) != 1)
        ret->type[0] = '\0';
    user = strstr(behind, "user_id=");
    ret->djfs = strcmp(ret->type, "fuse.djfs") == 0;
    ret->ours = geteuid() == 0 ||
                (user != NULL && strtoul(user + strlen("user_id="), NULL, 10) == geteuid());
}

/* The uppermost mount on the path: the last line that names it. */
static struct mounted look_up(const char *path)
{
    struct mounted result = {0};
    dj_cleanup_free char *line = NULL;
    size_t size = 0;
    FILE *file = fopen("/proc/self/mountinfo", "re");

    if (file == NULL)
        return result;
    while (getline(&line, &size, file) > 0)
        read_line(line, path, &result);
    fclose(file);
    return result;
}

/* A dead mount cannot be walked into, so the path up to it is resolved by itself. */
static char *absolute(const char *path)
{
    dj_cleanup_free char *for_folder = dj_xstrdup(path);
    dj_cleanup_free char *for_name = dj_xstrdup(path);
    dj_cleanup_free char *folder = NULL;
    dj_cleanup_buf struct dj_buf path_of_it = DJ_BUF_INIT;
    char *whole = realpath(path, NULL);

    if (whole != NULL || errno != ENOTCONN)
        return whole;
    folder = realpath(dirname(for_folder), NULL);
    if (folder == NULL)
        return NULL;
    dj_buf_addf(&path_of_it, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, basename(for_name));
    return dj_buf_steal(&path_of_it);
}

/* Asks past the kernel's cache; a djfs that is alive answers for its root without its daemon. */
static bool is_dead(const char *path)
{
    struct statx st;

    return statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_TYPE, &st) < 0 && errno == ENOTCONN;
}

pid_t dj_mount_detach(const char *path, bool lazy)
{
    char words[] = "fusermount3\0-u\0-q\0-z\0--";
    dj_cleanup_free char *place = dj_xstrdup(path);
    char *argv[7] = {words, words + 12, words + 15};
    int n = 3;
    posix_spawnattr_t attr;
    sigset_t none;
    pid_t pid;
    int code;

    if (lazy)
        argv[n++] = words + 18;
    argv[n++] = words + 21;
    argv[n++] = place;
    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attr, &none);
    code = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    return code == 0 ? pid : -code;
}

/* Nobody answers for a dead mount, so this may wait for its end. */
static int mend(const char *path, struct dj_err *err)
{
    pid_t pid = dj_mount_detach(path, true);
    int status = 0;

    if (pid < 0) {
        if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
            return dj_err_sys(err, errno, "the dead mount on %s cannot be taken away", path);
        return 0;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        return dj_err_set(err, EBUSY, "the dead mount on %s cannot be taken away; try "
                          "fusermount3 -u -z %s", path, path);
    dj_log_info("took a dead mount away from %s", path);
    return 0;
}

/* 0: nothing is mounted there (any more). */
static int check_mounts(const char *path, struct dj_err *err)
{
    for (int i = 0; i < 16; i++) {
        struct mounted mounted = look_up(path);
        int code;

        if (!mounted.found)
            return 0;
        if (!is_dead(path))
            return dj_err_set(err, EBUSY, "%s is a mount point already (%s)%s", path, mounted.type,
                              mounted.djfs ? "; dj umount takes it away" : "");
        if (!mounted.djfs || !mounted.ours)
            return dj_err_set(err, EBUSY, "%s is a dead mount of %s, which djfs leaves alone", path,
                              mounted.djfs ? "another user" : mounted.type);
        code = mend(path, err);
        if (code < 0)
            return code;
    }
    return dj_err_set(err, EBUSY, "too many dead mounts on %s", path);
}

static int check_folder(const char *path, struct dj_err *err)
{
    const struct dirent *entry;
    bool empty = true;
    DIR *folder = opendir(path);

    if (folder == NULL)
        return dj_err_sys(err, errno, "cannot mount on %s", path);
    while (empty && (entry = readdir(folder)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    if (!empty)
        return dj_err_set(err, ENOTEMPTY, "%s is not empty; djfs mounts on an empty folder only",
                          path);
    return 0;
}

int dj_mount_prepare(const char *path, char **ret, struct dj_err *err)
{
    dj_cleanup_free char *whole = absolute(path);
    int code;

    if (whole == NULL)
        return dj_err_sys(err, errno, "cannot mount on %s", path);
    code = check_mounts(whole, err);
    if (code == 0)
        code = check_folder(whole, err);
    if (code == 0)
        *ret = dj_steal(whole);
    return code;
}

/* Mount points, as dj doctor sees them. (doctor.h) */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { PATIENCE_MS = 3000 };

typedef bool each_mount_fn(void *cookie, const struct mntent *entry);

/* Until each() says false. */
static void each_mount(each_mount_fn *each, void *cookie)
{
    dj_cleanup_free char *path = dj_doctor_path("/proc/self/mounts");
    FILE *table = setmntent(path, "re");
    const struct mntent *entry;

    while (table != NULL && (entry = getmntent(table)) != NULL && each(cookie, entry))
        continue;
    if (table != NULL)
        endmntent(table);
}

struct looked_up {
    const char *path;
    bool exact;
    size_t best; /* length of the mount point */
    bool found;
    struct dj_buf *ret;
};

static bool lies_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    return strcmp(folder, "/") == 0 ||
           (strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

/* Of two on one point the later one counts. */
static bool look_at(void *cookie, const struct mntent *entry)
{
    struct looked_up *looked = cookie;
    size_t len = strlen(entry->mnt_dir);

    if (looked->exact ? strcmp(entry->mnt_dir, looked->path) != 0
                      : !lies_below(looked->path, entry->mnt_dir) || len < looked->best)
        return true;
    looked->best = len;
    looked->found = true;
    dj_buf_set(looked->ret, dj_bytes_of(entry->mnt_type));
    return true;
}

bool dj_doctor_type(const char *path, struct dj_buf *ret)
{
    dj_cleanup_free char *whole = realpath(path, NULL);
    struct looked_up looked = {.path = whole, .ret = ret};

    if (whole != NULL)
        each_mount(look_at, &looked);
    return looked.found;
}

bool dj_doctor_mounted(const char *path, struct dj_buf *ret)
{
    struct looked_up looked = {.path = path, .exact = true, .ret = ret};

    each_mount(look_at, &looked);
    return looked.found;
}

/* ---- our own mounts ---- */

/* 0 or an errno of looking at it past the kernel's cache; ETIME: it does not answer. */
static int look_past_cache(const char *path)
{
    int fds[2], code = ETIME;
    struct pollfd polled;
    struct statx st;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return 0;
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        code = statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_TYPE, &st) < 0 ? errno : 0;
        (void)!write(fds[1], &code, sizeof(code));
        _exit(0);
    }
    close(fds[1]);
    polled = (struct pollfd){.fd = fds[0], .events = POLLIN};
    if (pid < 0 || (poll(&polled, 1, PATIENCE_MS) == 1 &&
                    read(fds[0], &code, sizeof(code)) != sizeof(code)))
        code = 0;
    close(fds[0]);
    if (pid > 0)
        kill(pid, SIGKILL);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return code;
}

static bool check_own(void *cookie, const struct mntent *entry)
{
    struct dj_doctor *doctor = cookie;
    int code;

    if (strcmp(entry->mnt_type, "fuse.djfs") != 0)
        return true;
    code = look_past_cache(entry->mnt_dir);
    if (code == ETIME)
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "mount",
                      "the mount at %s does not answer: its djfs is stopped, or waits; kill it, "
                      "and dj mount %s",
                      entry->mnt_dir, entry->mnt_dir);
    else if (code == ENOTCONN)
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "mount",
                      "%s is a dead mount: its djfs has ended; dj mount %s mends it, dj umount %s "
                      "takes it away",
                      entry->mnt_dir, entry->mnt_dir, entry->mnt_dir);
    else
        dj_doctor_say(doctor, DJ_DOCTOR_OK, "mount", "the tree is mounted at %s", entry->mnt_dir);
    return true;
}

/* ---- where one is to be ---- */

static bool is_empty(DIR *folder)
{
    const struct dirent *entry;

    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return false;
    }
    return true;
}

static void check_folder(struct dj_doctor *doctor, const char *at)
{
    DIR *folder = opendir(at);

    if (folder == NULL && errno == ENOENT)
        dj_doctor_say(doctor, DJ_DOCTOR_OK, "mount", "%s is not there, and dj up makes it", at);
    else if (folder == NULL)
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "mount",
                      "nothing can be mounted at %s (%s); name another folder", at,
                      strerror(errno));
    else if (!is_empty(folder))
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "mount",
                      "%s is not empty, and djfs mounts on an empty folder only; name another one",
                      at);
    else
        dj_doctor_say(doctor, DJ_DOCTOR_OK, "mount", "%s is free for a mount", at);
    if (folder != NULL)
        closedir(folder);
}

static void check_named(struct dj_doctor *doctor)
{
    dj_cleanup_free char *at = dj_absolute(doctor->mount);
    dj_cleanup_buf struct dj_buf type = DJ_BUF_INIT;

    if (!dj_doctor_mounted(at, &type))
        check_folder(doctor, at);
    else if (!dj_bytes_is(dj_buf_bytes(&type), "fuse.djfs"))
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "mount",
                      "%s is a mount point already (%s); unmount that, or name another folder", at,
                      dj_buf_str(&type));
    else if (doctor->daemon_mount == NULL || strcmp(doctor->daemon_mount, at) != 0)
        dj_doctor_say(doctor, DJ_DOCTOR_NOTE, "mount",
                      "what is mounted at %s is not the tree of this daemon; dj umount %s takes it "
                      "away",
                      at, at);
}

void dj_doctor_mounts(struct dj_doctor *doctor)
{
    each_mount(check_own, doctor);
    if (doctor->mount != NULL)
        check_named(doctor);
}

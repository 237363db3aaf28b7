/*
 * Removing trees of any depth with a bounded number of descriptors: a folder that lies deeper than
 * DEPTH_MAX below the top is first moved up into the top, and the top is gone through again.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/fdio.h"

#define DEPTH_MAX 64

struct removal {
    int top;
    dev_t device;
    unsigned moved;
    unsigned names;
    int code; /* the first error; the rest is removed all the same */
};

static void clear_folder(struct removal *removal, int fd, unsigned depth);

static void failed(struct removal *removal, int code)
{
    if (removal->code == 0)
        removal->code = code;
}

/* make_usable(dir, name): u+rwx through a descriptor, so that no link is followed. */
static int make_usable(int dir, const char *name)
{
    dj_cleanup_close int fd = dj_open(dir, name, O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
    char path[64];

    if (fd < 0)
        return fd;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return chmod(path, 0700) < 0 ? -errno : 0;
}

static int open_folder(int dir, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    int fd = dj_open(dir, name, flags, 0);

    if (fd == -EACCES && make_usable(dir, name) == 0)
        fd = dj_open(dir, name, flags, 0);
    return fd;
}

static void move_up(struct removal *removal, int dir, const char *name)
{
    char moved[32];
    int code;

    do
        snprintf(moved, sizeof(moved), ".dj-deep-%u", removal->names++);
    while (faccessat(removal->top, moved, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    /* A folder that changes its parent must be writable itself. */
    code = make_usable(dir, name);
    if (code == 0 && renameat(dir, name, removal->top, moved) < 0)
        code = -errno;
    if (code < 0)
        failed(removal, code);
    else
        removal->moved++;
}

static void remove_folder(struct removal *removal, int dir, const char *name, unsigned depth)
{
    dj_cleanup_close int fd = -1;
    struct stat st;

    if (depth >= DEPTH_MAX) {
        move_up(removal, dir, name);
        return;
    }
    fd = open_folder(dir, name);
    if (fd < 0) {
        if (fd != -ENOENT)
            failed(removal, fd);
        return;
    }
    if (fstat(fd, &st) < 0 || st.st_dev != removal->device) {
        failed(removal, -EXDEV);
        return;
    }
    clear_folder(removal, fd, depth);
    if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        failed(removal, -errno);
}

static void remove_entry(struct removal *removal, int dir, const char *name, unsigned depth)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return;
    if (errno == EISDIR) /* some filesystems give no d_type */
        remove_folder(removal, dir, name, depth);
    else
        failed(removal, -errno);
}

static void clear_folder(struct removal *removal, int fd, unsigned depth)
{
    struct dirent *entry;
    DIR *stream;
    int copy;

    (void)!fchmod(fd, 0700); /* entries of a folder without w and x cannot be removed */
    copy = dj_open(fd, ".", O_RDONLY | O_DIRECTORY, 0);
    stream = copy < 0 ? NULL : fdopendir(copy);
    if (stream == NULL) {
        failed(removal, copy < 0 ? copy : -errno);
        dj_close(copy);
        return;
    }
    while ((entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (entry->d_type == DT_DIR)
            remove_folder(removal, fd, entry->d_name, depth + 1);
        else
            remove_entry(removal, fd, entry->d_name, depth + 1);
    }
    closedir(stream);
}

int dj_clear_tree(int dir, const char *path)
{
    dj_cleanup_close int fd = open_folder(dir, path);
    struct removal removal = {.top = fd};
    struct stat st;

    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    removal.device = st.st_dev;
    do {
        removal.moved = 0;
        clear_folder(&removal, fd, 0);
    } while (removal.moved > 0);
    return removal.code;
}

int dj_remove_tree(int dir, const char *path)
{
    int code;

    if (unlinkat(dir, path, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -errno;
    code = dj_clear_tree(dir, path);
    if (code == 0 && unlinkat(dir, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
        code = -errno;
    return code;
}

#include "daemon/worker/slot.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/worker/launched.h"
#include "lib/proto/messages.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/kill_point.h"
#include "lib/util/mem.h"

enum { PATH_SIZE = 64 };

struct dj_slot *dj_slot_new(uint32_t number)
{
    struct dj_slot *slot = dj_xcalloc(1, sizeof(*slot));

    slot->number = number;
    slot->pidfd = -1;
    slot->line = -1;
    return slot;
}

void dj_slot_free(struct dj_slot *slot)
{
    if (slot == NULL)
        return;
    dj_slot_forget_args(slot);
    free(slot->args);
    dj_close(slot->pidfd);
    dj_close(slot->line);
    free(slot);
}

int dj_slot_open_state(const struct dj_work *work, uint32_t slot, int flags)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%u/state", slot);
    return dj_open(work->dir, path, O_RDWR | O_NOFOLLOW | flags, 0600);
}

/* ---- trash ------------------------------------------------------------------------------- */

static int throw_away(struct dj_work *work, const char *path)
{
    static unsigned counter;
    char target[PATH_SIZE];

    if (mkdirat(work->dir, "trash", 0700) < 0 && errno != EEXIST)
        return -errno;
    snprintf(target, sizeof(target), "trash/%llx-%d-%u",
             (unsigned long long)dj_clock_now_ns(), (int)getpid(), counter++);
    if (renameat(work->dir, path, work->dir, target) == 0) {
        dj_kill_point("djw-thrown-away");
        work->trash = true;
        return 0;
    }
    if (errno == ENOENT)
        return 0;
    /* A folder that its task has closed to us cannot be moved, but removed it can be. */
    return dj_remove_tree(work->dir, path);
}

int dj_trash_empty(const struct dj_work *work)
{
    /* The folder itself stays: the worker may be moving something into it. */
    int rc = dj_clear_tree(work->dir, "trash");

    return rc == -ENOENT ? 0 : rc;
}

/* ---- folders and files ------------------------------------------------------------------- */

static int make_folder(int dir, const char *path)
{
    return mkdirat(dir, path, DJ_SLOT_FOLDER_MODE) < 0 && errno != EEXIST ? -errno : 0;
}

static bool is_empty(int folder)
{
    int copy = dup(folder);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry = NULL;

    if (stream == NULL) {
        dj_close(copy);
        return false;
    }
    while ((entry = readdir(stream)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            break;
    closedir(stream);
    return entry == NULL;
}

static bool look(int fd, const char *path, struct statx *ret)
{
    int flags = path[0] == '\0' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;

    return statx(fd, path, flags, STATX_BASIC_STATS, ret) == 0;
}

static bool is_as_made(const struct statx *st, unsigned mode)
{
    return st->stx_mode == mode && st->stx_uid == geteuid() &&
           (st->stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) == 0;
}

bool dj_slot_folder_is_plain(int folder)
{
    struct statx st;

    return look(folder, "", &st) && is_as_made(&st, S_IFDIR | DJ_SLOT_FOLDER_MODE) &&
           flistxattr(folder, NULL, 0) <= 0;
}

static bool is_plain_file(const struct statx *st)
{
    return is_as_made(st, S_IFREG | DJ_SLOT_FILE_MODE) && st->stx_nlink == 1;
}

bool dj_slot_file_is_plain(int file, uint64_t *ret_size)
{
    struct statx st;

    *ret_size = 0;
    if (!look(file, "", &st))
        return false;
    *ret_size = st.stx_size;
    return is_plain_file(&st);
}

static bool is_fresh_folder(int dir, const char *path)
{
    dj_cleanup_close int folder = dj_open(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

    return folder >= 0 && dj_slot_folder_is_plain(folder) && is_empty(folder);
}

/* An empty folder as if it had just been made. */
static int refresh_folder(struct dj_work *work, uint32_t slot, const char *name)
{
    char path[PATH_SIZE];
    int rc;

    snprintf(path, sizeof(path), "%u/%s", slot, name);
    if (is_fresh_folder(work->dir, path))
        return 0;
    rc = throw_away(work, path);
    return rc < 0 ? rc : make_folder(work->dir, path);
}

/*
 * An output that djd left here. Cutting it in a descriptor of its own, closed before anything is
 * written, matters: ext4 writes a file that was cut to nothing out to the disk at the next close,
 * and that had better be this one.
 */
static int cut_output(struct dj_work *work, uint32_t slot, const char *name)
{
    char path[PATH_SIZE];
    struct statx st;
    int fd;

    snprintf(path, sizeof(path), "%u/%s", slot, name);
    if (!look(work->dir, path, &st))
        return errno == ENOENT ? 0 : -errno;
    if (!is_plain_file(&st))
        return throw_away(work, path);
    if (st.stx_size == 0)
        return 0;
    fd = dj_open(work->dir, path, O_WRONLY | O_TRUNC | O_NOFOLLOW, 0);
    dj_close(fd);
    return fd < 0 ? fd : 0;
}

static int discard_output(struct dj_work *work, uint32_t slot, const char *name)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%u/%s", slot, name);
    return throw_away(work, path);
}

static int make_all(struct dj_work *work, const struct dj_slot *slot)
{
    char path[PATH_SIZE];
    int rc;

    snprintf(path, sizeof(path), "%u", slot->number);
    rc = make_folder(work->dir, path);
    rc = rc < 0 ? rc : refresh_folder(work, slot->number, "arg");
    rc = rc < 0 ? rc : refresh_folder(work, slot->number, "cwd");
    rc = rc < 0 ? rc : refresh_folder(work, slot->number, "tmp");
    rc = rc < 0 ? rc : cut_output(work, slot->number, "out");
    return rc < 0 ? rc : cut_output(work, slot->number, "err");
}

static int throw_slot_away(struct dj_work *work, const struct dj_slot *slot)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%u", slot->number);
    return throw_away(work, path);
}

/* One in which something cannot even be moved away (chattr +i), or in which a run that was launched
 * elsewhere may still write, is moved away itself. */
int dj_slot_make(struct dj_work *work, struct dj_slot *slot, struct dj_err *err)
{
    int rc;

    if (slot->made)
        return 0;
    dj_slot_forget_args(slot);
    rc = dj_launched_is_open(work, slot->number) ? throw_slot_away(work, slot) : 0;
    rc = rc < 0 ? rc : make_all(work, slot);
    if (rc == -EPERM || rc == -EACCES || rc == -ENOTEMPTY || rc == -EBUSY) {
        rc = throw_slot_away(work, slot);
        rc = rc < 0 ? rc : make_all(work, slot);
    }
    if (rc < 0)
        return dj_err_sys(err, -rc, "cannot prepare slot %u of the worker", slot->number);
    slot->made = true;
    return 0;
}

void dj_slot_clean(struct dj_work *work, struct dj_slot *slot)
{
    uint64_t clean = slot->ended.clean;
    bool lost = slot->ended.how == DJ_EXIT_LOST;
    int rc = 0;

    if (!dj_slot_args_are_ours(work, slot) && dj_launched_is_open(work, slot->number)) {
        (void)throw_slot_away(work, slot); /* else the next run finds it as it is */
        slot->made = false;
        return;
    }
    /* Somebody may still have the outputs of a lost run open. */
    if (lost)
        rc = discard_output(work, slot->number, "out");
    else if (!(clean & DJ_CLEAN_OUT))
        rc = cut_output(work, slot->number, "out");
    if (rc == 0 && lost)
        rc = discard_output(work, slot->number, "err");
    else if (rc == 0 && !(clean & DJ_CLEAN_ERR))
        rc = cut_output(work, slot->number, "err");
    if (rc == 0 && !(clean & DJ_CLEAN_CWD))
        rc = refresh_folder(work, slot->number, "cwd");
    if (rc == 0 && !(clean & DJ_CLEAN_TMP))
        rc = refresh_folder(work, slot->number, "tmp");
    if (rc == 0 && !dj_slot_args_are_ours(work, slot)) {
        dj_slot_forget_args(slot);
        rc = refresh_folder(work, slot->number, "arg");
    }
    slot->made = rc == 0;
}

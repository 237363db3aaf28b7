#include "fs/watch.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/log.h"

#define MADE (IN_CREATE | IN_MOVED_TO)
#define GONE (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

#define TRIES 100 /* somebody makes and removes the same folders meanwhile */

/* The last part of the path goes; false when nothing is left of it. */
static bool cut(struct dj_buf *path)
{
    const char *slash = strrchr(dj_buf_str(path), '/');

    if (slash == NULL || path->len <= 1)
        return false;
    dj_buf_truncate(path, slash == dj_buf_str(path) ? 1 : (size_t)(slash - dj_buf_str(path)));
    return true;
}

/* The name behind a folder of the path. */
static void name_behind(const char *path, const struct dj_buf *folder, struct dj_buf *ret)
{
    const char *name = path + folder->len;

    name += strspn(name, "/");
    dj_buf_clear(ret);
    dj_buf_add(ret, name, strcspn(name, "/"));
}

/* Whether the next folder on the way is there now, though it could not be watched before. */
static bool is_there(const struct dj_watch *watch, const struct dj_buf *folder)
{
    dj_cleanup_buf struct dj_buf next = DJ_BUF_INIT;
    struct stat st;

    dj_buf_addf(&next, "%s/%s", dj_buf_str(folder), dj_buf_str(&watch->name));
    return stat(dj_buf_str(&next), &st) == 0 && S_ISDIR(st.st_mode);
}

/* -EAGAIN: what was not there has been made meanwhile. */
static int look(struct dj_watch *watch)
{
    dj_cleanup_buf struct dj_buf folder = DJ_BUF_INIT;

    dj_buf_adds(&folder, watch->path);
    while (cut(&folder)) {
        watch->number = inotify_add_watch(watch->fd, dj_buf_str(&folder), MADE | GONE | IN_ONLYDIR);
        if (watch->number >= 0) {
            name_behind(watch->path, &folder, &watch->name);
            return is_there(watch, &folder) ? -EAGAIN : 0;
        }
        if (errno != ENOENT && errno != ENOTDIR)
            break;
    }
    return -errno;
}

static void look_anew(struct dj_watch *watch)
{
    int code = -EAGAIN;

    for (int i = 0; i < TRIES && code == -EAGAIN; i++) {
        if (watch->number >= 0)
            (void)inotify_rm_watch(watch->fd, watch->number);
        code = look(watch);
    }
    if (code < 0) {
        dj_log_debug("cannot watch for %s: %s", watch->path, strerror(-code));
        dj_watch_end(watch);
    }
}

void dj_watch_begin(struct dj_watch *watch, const char *path)
{
    *watch = DJ_WATCH_INIT;
    if (*path != '/')
        return;
    watch->path = path;
    watch->number = -1;
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->fd >= 0)
        look_anew(watch);
}

void dj_watch_end(struct dj_watch *watch)
{
    if (watch->path != NULL && watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
    dj_buf_release(&watch->name);
}

bool dj_watch_take(struct dj_watch *watch)
{
    _Alignas(struct inotify_event) char bytes[4096];
    bool made = false, moved = false;
    ssize_t n;

    while ((n = read(watch->fd, bytes, sizeof(bytes))) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (const void *)(bytes + at);

            at += (ssize_t)(sizeof(*event) + event->len);
            moved |= (event->mask & GONE) != 0 && event->wd == watch->number;
            made |= (event->mask & IN_Q_OVERFLOW) != 0 ||
                    (event->len > 0 && event->wd == watch->number &&
                     strcmp(event->name, dj_buf_str(&watch->name)) == 0);
        }
    }
    if (made || moved)
        look_anew(watch);
    return made || moved;
}

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/engine_impl.h"
#include "daemon/engine_open.h"
#include "lib/util/fdio.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

/*
 * The mount that the daemon before had. It stays while there is none, and its djfs comes to the
 * next daemon soon; but runs that are begun before that need $DJ, and the loop must not look below
 * it. So its place is kept in a file beside the socket as long as it is mounted, and believed for
 * as long as djfs may take to come.
 */

enum { COMES_MS = 10000, PLACE_MAX = 4096 };

static void path_of(const struct dj_engine *engine, struct dj_buf *ret)
{
    dj_buf_addf(ret, "%s.mount", engine->socket);
}

/* Without a question to whoever serves it. */
static bool is_mount(const char *place)
{
    struct statx st;

    return statx(AT_FDCWD, place, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW,
                 STATX_TYPE, &st) == 0 &&
           (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static void set(struct dj_engine *engine, const char *place)
{
    free(engine->mount);
    engine->mount = place == NULL || place[0] == '\0' ? NULL : dj_xstrdup(place);
}

static void disbelieve(struct dj_engine *engine)
{
    mounts_remove(dj_bytes_of(engine->mount));
    set(engine, NULL);
}

/* It came, or it is not believed any more. */
static void settle(struct dj_engine *engine, bool came)
{
    if (engine->mount_due == NULL)
        return;
    dj_timer_cancel(dj_steal(engine->mount_due));
    if (!came)
        disbelieve(engine);
}

static void did_not_come(void *cookie)
{
    struct dj_engine *engine = cookie;

    engine->mount_due = NULL;
    disbelieve(engine);
}

void last_mount_load(struct dj_engine *engine)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, place = DJ_BUF_INIT;

    path_of(engine, &path);
    if (dj_read_file(AT_FDCWD, dj_buf_str(&path), PLACE_MAX, &place) < 0 || place.len == 0 ||
        !is_mount(dj_buf_str(&place)))
        return;
    set(engine, dj_buf_str(&place));
    mounts_add(dj_buf_bytes(&place));
    engine->mount_due = dj_loop_timer(engine->loop, COMES_MS, did_not_come, engine);
}

void last_mount_end(struct dj_engine *engine)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    dj_timer_cancel(dj_steal(engine->mount_due));
    path_of(engine, &path);
    if (engine->mount == NULL || !is_mount(engine->mount))
        unlink(dj_buf_str(&path));
}

void dj_engine_set_mount(struct dj_engine *engine, const char *mount)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    settle(engine, false);
    set(engine, mount);
    path_of(engine, &path);
    if (engine->mount != NULL &&
        dj_write_file(AT_FDCWD, dj_buf_str(&path), dj_bytes_of(engine->mount), 0600) < 0)
        dj_log_warning("%s cannot be written: what runs right after a crash may not know the mount",
                       dj_buf_str(&path));
}

void dj_engine_add_mount(struct dj_engine *engine, const char *mount)
{
    if (engine->mount_due != NULL && strcmp(engine->mount, mount) == 0)
        settle(engine, true); /* among the mounts it is already */
    else
        mounts_add(dj_bytes_of(mount));
}

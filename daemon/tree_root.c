/* The top of the tree: README, status, events, ctl, self, tasks, sessions, frames. */
#include <errno.h>

#include "daemon/render.h"
#include "daemon/tree_impl.h"
#include "lib/util/clock.h"
#include "lib/util/str.h"

struct fixed_name {
    const char *name;
    enum dj_fixed number;
};

static const struct fixed_name names[] = {
    {"README", DJ_FIXED_README}, {"ctl", DJ_FIXED_CTL},   {"events", DJ_FIXED_EVENTS},
    {"self", DJ_FIXED_SELF},     {"tasks", DJ_FIXED_TASKS}, {"status", DJ_FIXED_STATUS},
    {"sessions", DJ_FIXED_SESSIONS}, {"frames", DJ_FIXED_FRAMES},
};

/* self is there for runs only, ctl for those who may write. */
static bool visible(const struct dj_spot *root, const struct dj_asker *asker, enum dj_fixed number)
{
    if (number == DJ_FIXED_SELF)
        return asker->run != 0;
    return number != DJ_FIXED_CTL || !root->readonly;
}

static int root_lookup(const struct dj_spot *root, const struct dj_asker *asker,
                       struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    for (size_t i = 0; i < DJ_ARRAY_SIZE(names); i++) {
        if (dj_bytes_is(name, names[i].name) && visible(root, asker, names[i].number)) {
            dj_spot_fixed(root, names[i].number, ret);
            return 0;
        }
    }
    if (dj_bytes_is(name, "self"))
        return dj_err_set(err, ENOENT, "you are not in a run; self is there for runs only");
    return dj_err_set(err, ENOENT, "no such file; README lists what is here");
}

static int root_list(const struct dj_spot *root, const struct dj_asker *asker,
                     struct dj_listing *listing, struct dj_err *err)
{
    (void)err;
    for (size_t i = (size_t)DJ_MIN(listing->cookie, DJ_ARRAY_SIZE(names));
         i < DJ_ARRAY_SIZE(names); i++) {
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

        if (!visible(root, asker, names[i].number))
            continue;
        dj_spot_fixed(root, names[i].number, &spot);
        if (!dj_listing_add(listing, &spot, dj_bytes_of(names[i].name), i + 1))
            return 0;
    }
    listing->out.end = true;
    return 0;
}

static void readme_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_render_readme(buf, spot->engine);
}

static void status_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_render_status(buf, spot->engine);
}

static int long_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
{
    (void)spot;
    (void)err;
    attr->ttl_ms = DJ_TTL_LONG_MS;
    return 0;
}

/* ---- self ------------------------------------------------------------------------------------ */

static void self_readlink(const struct dj_spot *spot, struct dj_request *request,
                          const struct dj_asker *asker, const struct dj_msg_readlink *ask)
{
    dj_cleanup_buf struct dj_buf target = DJ_BUF_INIT;
    struct dj_call *call = asker->run == 0 ? NULL : dj_instance_call(spot->engine, asker->run);

    (void)ask;
    if (call == NULL) {
        dj_tree_refuse(request, -ENOENT, "you are not in a run; self is there for runs only");
        return;
    }
    dj_buf_addf(&target, "tasks/%s/", dj_call_task(call)->name);
    dj_buf_add_bytes(&target, dj_call_name(call));
    dj_call_unref(call);
    dj_tree_link(request, &target);
}

/* ---- events ---------------------------------------------------------------------------------- */

/*
 * The file's first byte is the oldest line that is left when it is read from the start; from there
 * the offsets of one open go on to mean the same bytes. When old lines have been dropped the file
 * gets shorter, as a log that is rotated does, and tail -f goes on with what is there.
 */
static int events_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
{
    uint64_t end = dj_events_end(spot->engine);

    (void)err;
    if (spot->tree->events_ns == 0 || end != spot->tree->events_end) {
        spot->tree->events_end = end;
        spot->tree->events_ns = dj_clock_now_ns();
    }
    spot->peer->events_base = dj_events_begin(spot->engine);
    attr->size = end - spot->peer->events_base;
    attr->mtime_ns = spot->tree->events_ns;
    return 0;
}

static void read_events(struct dj_engine *engine, uint64_t *base, struct dj_request *request,
                        const struct dj_msg_read *ask)
{
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;
    uint64_t begin = dj_events_begin(engine);
    uint64_t end = dj_events_end(engine);

    if (ask->offset == 0)
        *base = begin;
    if (*base + ask->offset < begin) /* what stood here is gone: go on with the oldest line */
        *base = begin - ask->offset;
    if (*base + ask->offset < end)
        dj_events_read(engine, *base + ask->offset, (size_t)DJ_MIN(ask->size, DJ_TREE_READ_MAX),
                       &bytes);
    dj_tree_data(request, dj_buf_bytes(&bytes));
}

static void events_handle_read(struct dj_handle *handle, struct dj_request *request,
                               const struct dj_msg_read *ask)
{
    read_events(request->engine, &handle->base, request, ask);
}

static void events_read(const struct dj_spot *spot, struct dj_request *request,
                        const struct dj_msg_read *ask)
{
    read_events(spot->engine, &spot->peer->events_base, request, ask);
}

static void events_open(const struct dj_spot *spot, struct dj_request *request,
                        const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    static const struct dj_handle_ops ops = {.read = events_handle_read};
    struct dj_handle *handle = dj_handle_new(&spot->peer->handles, spot->tree, spot->id, &ops);

    (void)asker;
    (void)ask;
    handle->base = dj_events_begin(spot->engine);
    dj_tree_opened_handle(request, handle, dj_events_end(spot->engine) - handle->base);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static int tasks_lookup(const struct dj_spot *spot, const struct dj_asker *asker,
                        struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    struct dj_task *task = dj_task_by_name(spot->engine, name);

    if (task != NULL && task->definition != NULL) {
        dj_spot_task(spot, task, DJ_TASK_FOLDER, ret);
        return 0;
    }
    dj_add_printable(&shown, name);
    if (name.len > 0 && name.data[0] != '.')
        dj_note_refusal(spot->engine, asker, "it looked for a task that was not defined");
    return dj_err_set(err, ENOENT, "there is no task %s; `dj tasks` lists those that are defined",
                      dj_buf_str(&shown));
}

static int tasks_list(const struct dj_spot *spot, const struct dj_asker *asker,
                      struct dj_listing *listing, struct dj_err *err)
{
    struct dj_task *task;
    struct dj_bytes after = listing->after;

    (void)asker;
    (void)err;
    if (after.len == 0 && listing->cookie != 0) { /* seekdir: the number is all that is known */
        task = dj_task_by_number(spot->engine, (uint32_t)listing->cookie);
        after = dj_bytes_of(task == NULL ? NULL : task->name);
    }
    while ((task = dj_task_after(spot->engine, after)) != NULL) {
        dj_cleanup_spot struct dj_spot found = DJ_SPOT_INIT;

        after = dj_bytes_of(task->name);
        dj_spot_task(spot, task, DJ_TASK_FOLDER, &found);
        if (!dj_listing_add(listing, &found, after, task->number))
            return 0;
    }
    listing->out.end = true;
    return 0;
}

const struct dj_sort dj_root_sorts[DJ_FIXED_COUNT] = {
    [DJ_FIXED_ROOT] = {.mode = S_IFDIR | 0555, .attr = long_attr, .lookup = root_lookup,
                       .list = root_list},
    [DJ_FIXED_README] = {.mode = S_IFREG | 0444, .text = readme_text, .attr = long_attr},
    [DJ_FIXED_STATUS] = {.mode = S_IFREG | 0444, .text = status_text},
    [DJ_FIXED_EVENTS] = {.mode = S_IFREG | 0444, .attr = events_attr, .open = events_open,
                         .read = events_read},
    [DJ_FIXED_CTL] = {.mode = S_IFREG | 0666, .text = dj_ctl_text, .writable = &dj_ctl_root_ops},
    [DJ_FIXED_SELF] = {.mode = S_IFLNK | 0777, .readlink = self_readlink},
    [DJ_FIXED_TASKS] = {.mode = S_IFDIR | 0555, .attr = long_attr, .lookup = tasks_lookup,
                        .list = tasks_list},
    [DJ_FIXED_SESSIONS] = {.mode = S_IFDIR | 0555, .lookup = dj_sessions_lookup,
                           .list = dj_sessions_list},
    [DJ_FIXED_FRAMES] = {.mode = S_IFDIR | 0755, .lookup = dj_frames_lookup,
                         .list = dj_frames_list, .unlink = dj_frames_unlink},
    [DJ_FIXED_SESSION_SELF] = {.mode = S_IFLNK | 0777, .readlink = dj_session_self},
};

/* Names and attributes: everything here is asked of the daemon and answered without waiting. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/attr.h"
#include "fs/clock.h"
#include "fs/fs.h"
#include "fs/ops.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

/* ---- runs that are looked up one after the other --------------------------------------------- */

struct next {
    struct dj_fs *fs;
    uint64_t task;
};

static void on_next(void *cookie, const struct dj_message_in *message)
{
    struct next *next = cookie;

    dj_aheads_came(&next->fs->aheads, next->task,
                   message->number == DJ_MSG_NEXT_RUNS ? message->fields : NULL, dj_now_ms());
    free(next);
}

static void ask_next(struct dj_fs *fs, struct dj_msg_next *ask)
{
    struct next *next = dj_xcalloc(1, sizeof(*next));

    *next = (struct next){fs, ask->node};
    (void)dj_backend_ask(&fs->backend, DJ_MSG_NEXT, ask, on_next, next);
    dj_codec_release(dj_message_layout(DJ_MSG_NEXT), ask);
}

/* ---- looking up ------------------------------------------------------------------------------ */

/* Of a read-only mount where names that are in use cannot be taken back: see notifier.h. */
#define NAMES_IN_USE_S 1.0

static void on_found(struct dj_pending *pending, int code, void *fields)
{
    struct dj_msg_entry *entry = fields;
    struct dj_fs *fs = pending->fs;
    struct dj_msg_next ask = {0};
    struct fuse_entry_param param;
    bool came, next;

    if (code < 0) {
        dj_pending_fail(pending, code);
        return;
    }
    dj_attr_entry(&entry->attr, &param);
    if (fs->options.readonly && !dj_notifier_epochs(&fs->notifier))
        param.entry_timeout = DJ_MIN(param.entry_timeout, NAMES_IN_USE_S);
    param.generation = dj_removed_generation(&fs->removed, pending->ask.lookup.node,
                                             dj_buf_bytes(&pending->ask.lookup.name));
    dj_attrs_keep(&fs->attrs, &entry->attr, dj_now_ms());
    came = dj_aheads_take(&fs->aheads, &fs->answers, entry, dj_now_ms());
    dj_names_seen(&fs->names, pending->ask.lookup.node, dj_buf_bytes(&pending->ask.lookup.name),
                  entry->attr.node);
    next = came && dj_aheads_looked(&fs->aheads, pending->ask.lookup.node,
                                    dj_buf_bytes(&pending->ask.lookup.name), &ask);
    ask.caller = pending->ask.lookup.caller;
    if (fuse_reply_entry(dj_pending_take(pending), &param) != 0)
        dj_names_forget(&fs->names, entry->attr.node, 1);
    if (next) /* while the kernel goes on */
        ask_next(fs, &ask);
}

/*
 * A look-up is the same for everybody, so that what came for one is good for the next. The answer
 * goes first, and the tables are set while the kernel goes on.
 */
static bool found_ahead(struct dj_fs *fs, fuse_req_t req, fuse_ino_t folder, const char *name)
{
    int64_t now_ms = dj_now_ms();
    struct fuse_ctx asker = *fuse_req_ctx(req);
    struct dj_msg_next ask;
    struct dj_part_attr attr;
    struct fuse_entry_param param;

    if (!(strcmp(name, "result") == 0 &&
          dj_aheads_find(&fs->aheads, &fs->answers, folder, now_ms, &attr)) &&
        !dj_aheads_run(&fs->aheads, &fs->answers, folder, dj_bytes_of(name), now_ms, &attr))
        return false;
    dj_attr_entry(&attr, &param);
    param.generation = dj_removed_generation(&fs->removed, folder, dj_bytes_of(name));
    fuse_reply_entry(req, &param);
    dj_attrs_keep(&fs->attrs, &attr, now_ms);
    dj_aheads_told(&fs->aheads, &fs->answers, &ask);
    if (ask.node != 0)
        dj_fs_caller_of(fs, &asker, &ask.caller);
    if (ask.node != 0 && dj_backend_up(&fs->backend))
        ask_next(fs, &ask);
    else if (ask.node != 0)
        dj_aheads_came(&fs->aheads, 0, NULL, now_ms);
    dj_codec_release(dj_message_layout(DJ_MSG_NEXT), &ask);
    return true;
}

void dj_op_lookup(fuse_req_t req, fuse_ino_t folder, const char *name)
{
    struct dj_fs *fs = dj_fs_of(req);
    struct dj_pending *pending;
    struct dj_msg_lookup *ask;

    if (folder == fs->aheads.task)
        dj_aheads_named(&fs->aheads, dj_bytes_of(name));
    if (found_ahead(fs, req, folder, name))
        return;
    pending = dj_pending_new(fs, req);
    ask = &pending->ask.lookup;
    ask->node = folder;
    dj_buf_adds(&ask->name, name);
    dj_fs_caller(fs, req, &ask->caller);
    /* A read-only mount is told by other means how long names hold, and is not asked to open. */
    ask->ahead = ask->caller.run == 0 && !fs->options.readonly ? DJ_AHEAD_BYTES : 0;
    dj_pending_ask(pending, DJ_MSG_LOOKUP, DJ_MSG_ENTRY, on_found);
}

static void forget(struct dj_fs *fs, uint64_t node, uint64_t count)
{
    if (dj_names_forget(&fs->names, node, count))
        dj_fs_tell_forget(fs, node, count);
    if (fs->bare) /* nobody has it open: the file of what was purged must not take space for us */
        dj_answers_forget(&fs->answers, node);
}

void dj_op_forget(fuse_req_t req, fuse_ino_t node, uint64_t count)
{
    forget(dj_fs_of(req), node, count);
    fuse_reply_none(req);
}

void dj_op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < n; i++)
        forget(dj_fs_of(req), forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(req);
}

static void on_attr(struct dj_pending *pending, int code, void *fields)
{
    const struct dj_msg_entry *entry = fields;
    struct stat st;

    if (code < 0) {
        dj_pending_fail(pending, code);
        return;
    }
    if (entry->attr.node == DJ_NODE_ROOT)
        pending->fs->root = entry->attr;
    dj_attrs_keep(&pending->fs->attrs, &entry->attr, dj_now_ms());
    dj_attr_stat(&entry->attr, &st);
    fuse_reply_attr(dj_pending_take(pending), &st, dj_attr_seconds(&entry->attr));
}

static void ask_attr(fuse_req_t req, fuse_ino_t node, uint64_t note, dj_answer_to *answer)
{
    struct dj_fs *fs = dj_fs_of(req);
    struct dj_pending *pending = dj_pending_new(fs, req);

    pending->note = note;
    pending->ask.getattr.node = node;
    dj_fs_caller(fs, req, &pending->ask.getattr.caller);
    dj_pending_ask(pending, DJ_MSG_GETATTR, DJ_MSG_ENTRY, answer);
}

void dj_op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file)
{
    struct dj_fs *fs = dj_fs_of(req);
    const struct dj_part_attr *known = NULL;
    struct stat st;

    (void)file;
    if (DJ_NODE_IS_INSTANCE(node))
        known = dj_attrs_find(&fs->attrs, node, dj_now_ms());
    else if (node == DJ_NODE_ROOT && !dj_backend_up(&fs->backend))
        known = &fs->root; /* a mount that is alive says so, whatever became of the daemon */
    if (known == NULL) {
        ask_attr(req, node, 0, on_attr);
        return;
    }
    dj_attr_stat(known, &st);
    fuse_reply_attr(req, &st, node == DJ_NODE_ROOT ? 0 : dj_attr_seconds(known));
}

/*
 * `echo > ctl` may cut the file and `touch` may set its times: nothing to do for files that take
 * words, and nothing that could be done to others.
 */
static void on_attr_to_set(struct dj_pending *pending, int code, void *fields)
{
    const int harmless = FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
                         FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_CTIME;
    const struct dj_msg_entry *entry = fields;

    if (code == 0 && !(S_ISREG((mode_t)entry->attr.mode) && (entry->attr.mode & 0222)))
        code = pending->note & FUSE_SET_ATTR_SIZE ? -EACCES : -EPERM;
    else if (code == 0 && (pending->note & (uint64_t)~harmless) != 0)
        code = -EPERM;
    on_attr(pending, code, fields);
}

void dj_op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *wanted, int which,
                   struct fuse_file_info *file)
{
    (void)wanted;
    (void)file;
    ask_attr(req, node, (uint64_t)which, on_attr_to_set);
}

static void on_link(struct dj_pending *pending, int code, void *fields)
{
    struct dj_msg_link *link = fields;

    if (code == -EAGAIN && pending->fs->options.readonly)
        code = -ENOENT;
    if (code < 0)
        dj_pending_fail(pending, code);
    else
        fuse_reply_readlink(dj_pending_take(pending), dj_buf_str(&link->target));
}

void dj_op_readlink(fuse_req_t req, fuse_ino_t node)
{
    struct dj_fs *fs = dj_fs_of(req);
    const char *known = dj_links_find(&fs->links, node, dj_now_ms());
    struct dj_msg_readlink *ask;
    struct dj_pending *pending;

    if (known != NULL) {
        fuse_reply_readlink(req, known);
        return;
    }
    pending = dj_pending_new(fs, req);
    ask = &pending->ask.readlink;
    pending->patient = true;
    ask->node = node;
    ask->flags = fs->options.readonly ? DJ_OPEN_NONBLOCK : 0;
    dj_fs_caller(fs, req, &ask->caller);
    dj_pending_ask(pending, DJ_MSG_READLINK, DJ_MSG_LINK, on_link);
}

static void on_done(struct dj_pending *pending, int code, void *fields)
{
    const struct dj_msg_unlink *ask = &pending->ask.unlink;

    (void)fields;
    if (code == 0 && ask->folder)
        dj_removed_note(&pending->fs->removed, ask->node, dj_buf_bytes(&ask->name));
    dj_pending_fail(pending, code);
}

static void take_away(fuse_req_t req, fuse_ino_t folder, const char *name, bool is_folder)
{
    struct dj_fs *fs = dj_fs_of(req);
    struct dj_pending *pending = dj_pending_new(fs, req);
    struct dj_msg_unlink *ask = &pending->ask.unlink;

    pending->once = true;
    ask->node = folder;
    ask->folder = is_folder;
    dj_buf_adds(&ask->name, name);
    dj_fs_caller(fs, req, &ask->caller);
    dj_pending_ask(pending, DJ_MSG_UNLINK, DJ_MSG_OK, on_done);
}

void dj_op_unlink(fuse_req_t req, fuse_ino_t folder, const char *name)
{
    take_away(req, folder, name, false);
}

void dj_op_rmdir(fuse_req_t req, fuse_ino_t folder, const char *name)
{
    take_away(req, folder, name, true);
}

static void on_space(struct dj_pending *pending, int code, void *fields)
{
    const struct dj_msg_space *space = fields;
    struct statvfs st = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};

    if (code < 0) {
        dj_pending_fail(pending, code);
        return;
    }
    st.f_blocks = space->bytes_total / st.f_frsize;
    st.f_bfree = st.f_bavail = space->bytes_free / st.f_frsize;
    st.f_files = space->files_total;
    st.f_ffree = st.f_favail = space->files_free;
    fuse_reply_statfs(dj_pending_take(pending), &st);
}

void dj_op_statfs(fuse_req_t req, fuse_ino_t node)
{
    struct dj_pending *pending = dj_pending_new(dj_fs_of(req), req);

    (void)node;
    dj_pending_ask(pending, DJ_MSG_STATFS, DJ_MSG_SPACE, on_space);
}

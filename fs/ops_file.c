/* Open files: the only operations that may wait for a run. */
#include <errno.h>
#include <fcntl.h>

#include "fs/bare.h"
#include "fs/clock.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/ops.h"
#include "lib/util/log.h"

/* ---- open -------------------------------------------------------------------------------- */

static uint64_t flags_of(const struct dj_fs *fs, int flags)
{
    uint64_t result = 0;

    if ((flags & O_ACCMODE) != O_WRONLY)
        result |= DJ_OPEN_READ;
    if ((flags & O_ACCMODE) != O_RDONLY)
        result |= DJ_OPEN_WRITE;
    if ((flags & O_NONBLOCK) || fs->options.readonly)
        result |= DJ_OPEN_NONBLOCK;
    return result;
}

static void reply_open(fuse_req_t req, struct fuse_file_info *file, struct dj_handle *handle)
{
    struct dj_fs *fs = dj_fs_of(req);

    file->fh = (uint64_t)(uintptr_t)handle;
    if (fuse_reply_open(req, file) != 0)
        dj_handle_free(fs, handle);
}

/*
 * How the kernel is to treat the file. An instance is cached for ever; an open that is served some
 * other instance than its node (DJ_OPEN_CURRENT) must not leave its bytes in the node's cache.
 */
static void set_file(struct fuse_file_info *file, uint64_t opened, uint64_t asked)
{
    bool other = (asked & DJ_OPEN_CURRENT) != 0;

    file->keep_cache = (opened & DJ_OPENED_IMMUTABLE) && !other;
    file->direct_io = (opened & DJ_OPENED_DIRECT) || other;
    file->nonseekable = (opened & DJ_OPENED_STREAM) != 0;
    file->noflush = 1;
}

static bool answer_at_once(struct dj_fs *fs, fuse_req_t req, fuse_ino_t node,
                           struct fuse_file_info *file)
{
    struct dj_answer *answer = dj_answers_get(&fs->answers, node);
    struct dj_handle *handle;

    if (answer == NULL)
        return false;
    handle = dj_handle_new(fs, node, DJ_OPEN_READ);
    dj_handle_from(fs, handle, answer);
    set_file(file, answer->flags, 0);
    if (file->keep_cache)
        dj_handle_store(fs, handle);
    reply_open(req, file, handle);
    return true;
}

/* ESTALE makes the kernel look again, once: whoever comes back from there is served. */
static void on_stale(struct dj_pending *pending)
{
    struct dj_msg_open *ask = &pending->ask.open;

    if (pending->note != 0) {
        ask->flags |= DJ_OPEN_CURRENT;
        dj_pending_ask(pending, DJ_MSG_OPEN, DJ_MSG_OPENED, pending->answer);
        return;
    }
    dj_stale_note(&pending->fs->stale, pending->tid, ask->node, dj_now_ms());
    dj_pending_fail(pending, -ESTALE);
}

static void on_opened(struct dj_pending *pending, int code, void *fields)
{
    struct dj_fs *fs = pending->fs;
    struct dj_msg_opened *opened = fields;
    uint64_t asked = pending->ask.open.flags;
    struct fuse_file_info file = pending->file;
    struct dj_handle *handle;

    if (code == -ESTALE && !(asked & DJ_OPEN_CURRENT)) {
        on_stale(pending);
        return;
    }
    if (code == -EAGAIN && fs->options.readonly)
        code = -ENOENT;
    if (code < 0) {
        dj_pending_fail(pending, code);
        return;
    }
    handle = dj_handle_new(fs, pending->ask.open.node, asked);
    dj_handle_opened(fs, handle, opened);
    if (handle->answer != NULL && DJ_NODE_IS_INSTANCE(handle->node) &&
        (opened->flags & DJ_OPENED_IMMUTABLE) && !(asked & DJ_OPEN_CURRENT))
        dj_answers_add(&fs->answers, handle->answer);
    if (!(asked & DJ_OPEN_FOLDER))
        set_file(&file, opened->flags, asked);
    if (file.keep_cache)
        dj_handle_store(fs, handle);
    reply_open(dj_pending_take(pending), &file, handle);
}

static void ask_open(struct dj_fs *fs, fuse_req_t req, fuse_ino_t node,
                     struct fuse_file_info *file, uint64_t flags,
                     const struct dj_part_caller *caller, uint64_t stale)
{
    struct dj_pending *pending = dj_pending_new(fs, req);

    pending->patient = true;
    pending->file = *file;
    pending->note = stale;
    pending->ask.open.node = node;
    pending->ask.open.flags = stale == node ? flags | DJ_OPEN_CURRENT : flags;
    pending->ask.open.caller = *caller;
    dj_pending_ask(pending, DJ_MSG_OPEN, DJ_MSG_OPENED, on_opened);
}

void dj_op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file)
{
    struct dj_fs *fs = dj_fs_of(req);
    uint64_t flags = flags_of(fs, file->flags);
    struct dj_part_caller caller;
    uint64_t stale;

    if (fs->bare) { /* said once; the kernel asks no more */
        fuse_reply_err(req, ENOSYS);
        return;
    }
    dj_fs_caller(fs, req, &caller);
    stale = dj_stale_recall(&fs->stale, (pid_t)caller.pid, dj_now_ms());
    /* A run's open is a call: it is answered only when the daemon has put it on record. */
    if (caller.run == 0 && !(flags & DJ_OPEN_WRITE) && stale != node &&
        DJ_NODE_IS_INSTANCE(node) && answer_at_once(fs, req, node, file))
        return;
    ask_open(fs, req, node, file, flags, &caller, stale);
}

void dj_op_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file)
{
    struct dj_fs *fs = dj_fs_of(req);
    struct dj_part_caller caller;

    dj_fs_caller(fs, req, &caller);
    ask_open(fs, req, node, file, flags_of(fs, file->flags) | DJ_OPEN_FOLDER, &caller,
             dj_stale_recall(&fs->stale, (pid_t)caller.pid, dj_now_ms()));
}

void dj_op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file)
{
    (void)node;
    dj_handle_free(dj_fs_of(req), dj_handle_of(file->fh));
    fuse_reply_err(req, 0);
}

/* ---- handles of a daemon that was restarted ------------------------------------------------ */

static void on_reopened(struct dj_pending *pending, int code, void *fields)
{
    struct dj_fs *fs = pending->fs;
    struct dj_msg_opened *opened = fields;

    if (code < 0) {
        dj_pending_fail(pending, code == -ESTALE ? -EIO : code);
        return;
    }
    if (dj_handle_lost(fs, pending->handle))
        dj_handle_opened(fs, pending->handle, opened);
    else /* another read was faster */
        dj_fs_tell_release(fs, pending->handle->node, opened->handle, 1);
    dj_pending_forget_ask(pending);
    pending->resume(pending);
}

static void reopen(struct dj_pending *pending)
{
    struct dj_msg_open *ask = &pending->ask.open;

    if (pending->handle->written) {
        dj_pending_fail(pending, -EIO);
        return;
    }
    ask->node = pending->handle->node;
    ask->flags = pending->handle->open_flags;
    ask->caller = pending->caller;
    dj_pending_ask(pending, DJ_MSG_OPEN, DJ_MSG_OPENED, on_reopened);
}

/* ---- read -------------------------------------------------------------------------------- */

void dj_reply_content(fuse_req_t req, const struct dj_answer *answer, uint64_t size,
                      uint64_t offset)
{
    struct fuse_bufvec vec = FUSE_BUFVEC_INIT(0);

    size = offset < answer->size ? DJ_MIN(size, answer->size - offset) : 0;
    if (answer->fd < 0 || size == 0) {
        fuse_reply_buf(req, size == 0 ? NULL : (const char *)answer->content.data + offset, size);
        return;
    }
    vec.buf[0].size = size;
    vec.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
    vec.buf[0].fd = answer->fd;
    vec.buf[0].pos = (off_t)offset;
    fuse_reply_data(req, &vec, 0);
}

void dj_reply_bytes(struct dj_pending *pending, const struct dj_msg_data *data)
{
    uint64_t size = DJ_MIN(pending->size, data->bytes.len);

    fuse_reply_buf(dj_pending_take(pending), (const char *)data->bytes.data, size);
}

static void on_data(struct dj_pending *pending, int code, void *fields)
{
    if (code < 0)
        dj_pending_fail(pending, code);
    else
        dj_reply_bytes(pending, fields);
}

static void start_read(struct dj_pending *pending)
{
    struct dj_handle *handle = pending->handle;
    struct dj_msg_read *ask = &pending->ask.read;

    dj_pending_forget_ask(pending);
    if (handle->answer != NULL) {
        uint64_t size = pending->size;
        uint64_t offset = pending->offset;

        dj_reply_content(dj_pending_take(pending), handle->answer, size, offset);
        return;
    }
    if (dj_handle_lost(pending->fs, handle)) {
        reopen(pending);
        return;
    }
    ask->node = handle->node;
    ask->handle = handle->remote;
    ask->offset = pending->offset;
    ask->size = pending->size;
    ask->flags = pending->note;
    ask->caller = pending->caller;
    dj_pending_ask(pending, DJ_MSG_READ, DJ_MSG_DATA, on_data);
}

void dj_op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                struct fuse_file_info *file)
{
    struct dj_fs *fs = dj_fs_of(req);
    struct dj_handle *handle = dj_handle_of(file->fh);
    struct dj_pending *pending;

    if (handle == NULL) {
        dj_bare_read(req, node, size, (uint64_t)offset);
        return;
    }
    if (handle->answer != NULL) {
        dj_reply_content(req, handle->answer, size, (uint64_t)offset);
        return;
    }
    pending = dj_pending_new(fs, req);
    pending->patient = true;
    pending->handle = handle;
    pending->size = size;
    pending->offset = (uint64_t)offset;
    pending->note = flags_of(fs, file->flags) & DJ_OPEN_NONBLOCK;
    pending->resume = start_read;
    dj_fs_caller(fs, req, &pending->caller);
    start_read(pending);
}

/* ---- write ------------------------------------------------------------------------------- */

static void on_written(struct dj_pending *pending, int code, void *fields)
{
    size_t size = pending->size;

    (void)fields;
    if (code < 0)
        dj_pending_fail(pending, code);
    else /* all or nothing */
        fuse_reply_write(dj_pending_take(pending), size);
}

static void start_write(struct dj_pending *pending)
{
    struct dj_handle *handle = pending->handle;
    struct dj_msg_write *ask = &pending->ask.write;

    dj_pending_forget_ask(pending);
    if (dj_handle_lost(pending->fs, handle)) {
        reopen(pending);
        return;
    }
    ask->node = handle->node;
    ask->handle = handle->remote;
    ask->offset = pending->offset;
    ask->caller = pending->caller;
    if (dj_backend_up(&pending->fs->backend)) {
        handle->written = true;
        pending->once = true;
        ask->bytes = pending->bytes;
        dj_buf_init(&pending->bytes);
    }
    dj_pending_ask(pending, DJ_MSG_WRITE, DJ_MSG_OK, on_written);
}

void dj_op_write(fuse_req_t req, fuse_ino_t node, const char *bytes, size_t size, off_t offset,
                 struct fuse_file_info *file)
{
    struct dj_fs *fs = dj_fs_of(req);
    struct dj_handle *handle = dj_handle_of(file->fh);
    struct dj_pending *pending;

    (void)node;
    if (handle == NULL) { /* a read-only mount that was remounted */
        fuse_reply_err(req, EROFS);
        return;
    }
    pending = dj_pending_new(fs, req);
    pending->handle = handle;
    pending->size = size;
    pending->offset = (uint64_t)offset;
    pending->resume = start_write;
    dj_buf_add(&pending->bytes, bytes, size);
    dj_fs_caller(fs, req, &pending->caller);
    start_write(pending);
}

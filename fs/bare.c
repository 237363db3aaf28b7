#include "fs/bare.h"

#include <errno.h>

#include "fs/fs.h"
#include "fs/ops.h"

/* In pending->note: djd has the bytes, and they cannot be had all at once. */
enum { BY_NODE = 1 };

static void start(struct dj_pending *pending);

static void on_data(struct dj_pending *pending, int code, void *fields)
{
    const struct dj_msg_data *data = fields;

    /* A descriptor of something that is gone: there is nothing to look up again. */
    if (code == -ESTALE || code == -ENOENT)
        code = -EIO;
    if (code < 0) {
        dj_pending_fail(pending, code);
        return;
    }
    dj_reply_bytes(pending, data);
}

static void ask_bytes(struct dj_pending *pending)
{
    struct dj_msg_read *ask = &pending->ask.read;

    ask->node = pending->node;
    ask->offset = pending->offset;
    ask->size = pending->size;
    ask->caller = pending->caller;
    dj_pending_ask(pending, DJ_MSG_READ, DJ_MSG_DATA, on_data);
}

/* What is held for an open that nobody made is given back at once: the bytes are here. */
static void on_content(struct dj_pending *pending, int code, void *fields)
{
    struct dj_fs *fs = pending->fs;
    struct dj_msg_opened *opened = fields;
    uint64_t size = pending->size, offset = pending->offset;
    struct dj_answer *answer;

    if (code < 0) {
        on_data(pending, code, NULL);
        return;
    }
    dj_fs_tell_release(fs, pending->node, opened->handle, 1);
    answer = dj_answer_new(pending->node, opened);
    if (answer == NULL) {
        pending->note = BY_NODE;
        start(pending);
        return;
    }
    dj_answers_add(&fs->answers, answer);
    dj_reply_content(dj_pending_take(pending), answer, size, offset);
    dj_answer_unref(answer);
}

static void ask_content(struct dj_pending *pending)
{
    struct dj_msg_open *ask = &pending->ask.open;

    ask->node = pending->node;
    ask->flags = DJ_OPEN_READ | DJ_OPEN_NONBLOCK | DJ_OPEN_NODE;
    ask->caller = pending->caller;
    dj_pending_ask(pending, DJ_MSG_OPEN, DJ_MSG_OPENED, on_content);
}

static void start(struct dj_pending *pending)
{
    dj_pending_forget_ask(pending);
    if (DJ_NODE_IS_INSTANCE(pending->node) && pending->note != BY_NODE)
        ask_content(pending);
    else
        ask_bytes(pending);
}

void dj_bare_read(fuse_req_t req, uint64_t node, uint64_t size, uint64_t offset)
{
    struct dj_fs *fs = dj_fs_of(req);
    const struct dj_answer *answer = dj_answers_get(&fs->answers, node);
    struct dj_pending *pending;

    if (answer != NULL) {
        dj_reply_content(req, answer, size, offset);
        return;
    }
    pending = dj_pending_new(fs, req);
    pending->node = node;
    pending->size = size;
    pending->offset = offset;
    pending->resume = start;
    dj_fs_caller(fs, req, &pending->caller);
    start(pending);
}

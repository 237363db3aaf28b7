#include "fs/pending.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <utlist.h>

#include "fs/clock.h"
#include "fs/fs.h"
#include "fs/signals.h"
#include "lib/client/environment.h"
#include "lib/util/fdio.h"
#include "lib/util/kill_point.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

enum { ENVIRONMENT_MAX = 64 << 20 }; /* bytes; never cut off, since a key may hang on the rest */

/*
 * libfuse calls this for an interrupted request, with a lock of the request held, so it must not be
 * answered here: the loop looks at it right after.
 */
static void on_interrupt(fuse_req_t req, void *cookie)
{
    struct dj_pending *pending = cookie;

    (void)req;
    if (pending->interrupted)
        return;
    pending->interrupted = true;
    DL_APPEND2(pending->fs->pendings.interrupted, pending, interrupted_prev, interrupted_next);
}

struct dj_pending *dj_pending_new(struct dj_fs *fs, fuse_req_t req)
{
    struct dj_pending *pending = dj_xcalloc(1, sizeof(*pending));

    pending->fs = fs;
    pending->req = req;
    pending->tid = fuse_req_ctx(req)->pid;
    pending->since_ms = dj_now_ms();
    DL_APPEND(fs->pendings.all, pending);
    fs->pendings.count++;
    fuse_req_interrupt_func(req, on_interrupt, pending);
    return pending;
}

void dj_pending_forget_ask(struct dj_pending *pending)
{
    if (pending->number != 0)
        dj_codec_release(dj_message_layout(pending->number), &pending->ask);
    pending->number = 0;
}

static void pending_free(struct dj_pending *pending)
{
    dj_pending_forget_ask(pending);
    dj_buf_release(&pending->bytes);
    free(pending);
}

/* Takes the request away; pending stays. */
static fuse_req_t detach(struct dj_pending *pending)
{
    struct dj_pendings *pendings = &pending->fs->pendings;

    if (pending->interrupted)
        DL_DELETE2(pendings->interrupted, pending, interrupted_prev, interrupted_next);
    pending->interrupted = false;
    DL_DELETE(pendings->all, pending);
    pendings->count--;
    fuse_req_interrupt_func(pending->req, NULL, NULL);
    return dj_steal(pending->req);
}

fuse_req_t dj_pending_take(struct dj_pending *pending)
{
    fuse_req_t req = detach(pending);

    pending_free(pending);
    return req;
}

void dj_pending_fail(struct dj_pending *pending, int code)
{
    fuse_reply_err(dj_pending_take(pending), -code);
}

/* The daemon's answer to a request that has been answered EINTR: nothing may stay behind there. */
static void tidy_orphan(struct dj_pending *pending, const struct dj_message_in *message)
{
    if (message->number == DJ_MSG_OPENED) {
        const struct dj_msg_opened *opened = message->fields;

        dj_fs_tell_release(pending->fs, pending->ask.open.node, opened->handle, 1);
    } else if (message->number == DJ_MSG_ENTRY && pending->number == DJ_MSG_LOOKUP) {
        const struct dj_msg_entry *entry = message->fields;

        if (DJ_NODE_IS_NAMED(entry->attr.node))
            dj_fs_tell_forget(pending->fs, entry->attr.node, 1);
    }
    pending_free(pending);
}

static int code_of(const struct dj_pending *pending, const struct dj_message_in *message)
{
    if (message->number == DJ_MSG_ERROR) {
        const struct dj_msg_error *error = message->fields;

        dj_log_debug("%s: %s", dj_message_name(pending->number),
                     error->text == NULL ? "" : error->text);
        return error->code > 0 && error->code < 1000 ? -(int)error->code : -EIO;
    }
    return message->number == pending->want ? 0 : -EIO;
}

/* The variables that a key holds, from the process behind the request; -EIO when it was asked. */
static int answer_wants(struct dj_pending *pending, const struct dj_msg_wants *wants)
{
    struct dj_list *env = pending->number == DJ_MSG_READLINK ? &pending->ask.readlink.env
                          : pending->number == DJ_MSG_OPEN   ? &pending->ask.open.env
                          : pending->number == DJ_MSG_WRITE  ? &pending->ask.write.env
                                                             : NULL;
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, block = DJ_BUF_INIT;
    int code;

    if (env == NULL || env->n != 0)
        return -EIO;
    dj_buf_addf(&path, "/proc/%ld/environ", (long)pending->tid);
    code = dj_read_file(AT_FDCWD, dj_buf_str(&path), ENVIRONMENT_MAX, &block);
    if (code < 0)
        return code == -ENOENT || code == -ESRCH ? -EINTR : -EACCES;
    dj_environment_pick(wants, dj_buf_bytes(&block), env);
    return 0;
}

static void send_question(struct dj_pending *pending);

static void on_answer(void *cookie, const struct dj_message_in *message)
{
    struct dj_pending *pending = cookie;
    int code = code_of(pending, message);

    pending->id = 0;
    if (pending->req == NULL) {
        tidy_orphan(pending, message);
        return;
    }
    if (message->number == DJ_MSG_WANTS) {
        code = answer_wants(pending, message->fields);
        if (code == 0)
            send_question(pending);
        else
            dj_pending_fail(pending, code);
        return;
    }
    if (code != -ENOTCONN) {
        dj_kill_point("djfs-answered");
        pending->answer(pending, code, code == 0 ? message->fields : NULL);
        return;
    }
    if (pending->once)
        dj_pending_fail(pending, -EIO);
    else if (dj_backend_given_up(&pending->fs->backend, dj_now_ms()))
        dj_pending_fail(pending, -ENOTCONN);
    /* else it is parked */
}

static void send_question(struct dj_pending *pending)
{
    pending->id = dj_backend_ask(&pending->fs->backend, pending->number, &pending->ask, on_answer,
                                 pending);
    dj_kill_point("djfs-asked");
}

void dj_pending_ask(struct dj_pending *pending, enum dj_message number, enum dj_message want,
                    dj_answer_to *answer)
{
    struct dj_backend *backend = &pending->fs->backend;

    pending->number = number;
    pending->want = want;
    pending->answer = answer;
    if (dj_backend_up(backend)) {
        send_question(pending);
        return;
    }
    dj_backend_want(backend, dj_now_ms());
    if (dj_backend_given_up(backend, dj_now_ms()))
        dj_pending_fail(pending, -ENOTCONN);
}

void dj_pending_adopt(struct dj_pending *pending, uint64_t id, enum dj_message number,
                      enum dj_message want, dj_answer_to *answer)
{
    pending->number = number;
    pending->want = want;
    pending->answer = answer;
    pending->id = id;
    dj_backend_redirect(&pending->fs->backend, id, on_answer, pending);
}

void dj_pendings_resume(struct dj_pendings *pendings)
{
    struct dj_pending *pending, *next;

    DL_FOREACH_SAFE(pendings->all, pending, next) {
        if (pending->id != 0)
            continue;
        if (pending->resume != NULL)
            pending->resume(pending);
        else
            send_question(pending);
    }
}

static void fail_all(struct dj_pendings *pendings, bool parked_only)
{
    struct dj_pending *pending, *next;

    DL_FOREACH_SAFE(pendings->all, pending, next) {
        if (!parked_only || pending->id == 0)
            dj_pending_fail(pending, -ENOTCONN);
    }
}

void dj_pendings_give_up(struct dj_pendings *pendings)
{
    fail_all(pendings, true);
}

void dj_pendings_abort(struct dj_pendings *pendings)
{
    fail_all(pendings, false);
}

/*
 * An open that waits ends for every signal that matters. What the daemon answers at once anyway (a
 * stat, a look-up, a young open) is not disturbed by a timer's signal, as it would not be on a
 * disk; but nothing stays unkillable while the daemon is slow or away.
 */
static bool must_end(const struct dj_pending *pending, int64_t now_ms)
{
    enum dj_signals signals;

    if (now_ms - pending->since_ms < DJ_PENDING_CHECK_MS)
        return false;
    signals = dj_signals_pending(pending->tid);
    if (signals == DJ_SIGNALS_SERIOUS)
        return pending->patient || pending->id == 0;
    return signals == DJ_SIGNALS_DEADLY;
}

static void end(struct dj_pending *pending)
{
    uint64_t id = pending->id;
    struct dj_backend *backend = &pending->fs->backend;
    fuse_req_t req = detach(pending);

    fuse_reply_err(req, EINTR);
    if (id == 0)
        pending_free(pending);
    else
        dj_backend_cancel(backend, id);
}

void dj_pendings_check(struct dj_pendings *pendings, int64_t now_ms)
{
    struct dj_pending *pending, *next;

    DL_FOREACH_SAFE2(pendings->interrupted, pending, next, interrupted_next) {
        if (must_end(pending, now_ms))
            end(pending);
    }
}

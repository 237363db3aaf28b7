#include <errno.h>
#include <stdlib.h>

#include "daemon/dispatch.h"
#include "daemon/engine_impl.h"
#include "daemon/fsck.h"
#include "lib/util/mem.h"

/*
 * FSCK: the check of a running daemon's store, a step for each request. What the step has to read
 * from files is a job, and the request waits for it.
 */

struct dj_check {
    struct dj_fsck *fsck;
    struct dj_engine *engine;
    struct dj_request *request; /* waits for the job that is under way */
    bool gone;                  /* its peer is */
};

static bool held(void *cookie, uint64_t instance)
{
    return held_find(cookie, instance) != NULL;
}

static void corrupt_run(void *cookie, uint64_t number, uint64_t instance, const char *sentence)
{
    struct dj_call *call = dj_call_by_number(cookie, number);

    if (call != NULL)
        call_corrupt(cookie, call, instance, sentence);
    dj_call_unref(call);
}

static void corrupt_content(void *cookie, const struct dj_digest *digest, bool file, int code)
{
    content_corrupt(cookie, digest, file ? DJ_CONTENT_INLINE_MAX + 1 : 1, code);
}

static int write_fixes(void *cookie, struct dj_store_batch *batch, struct dj_err *err)
{
    return engine_write(cookie, batch, err);
}

static void check_free(struct dj_check *check)
{
    if (check == NULL)
        return;
    dj_fsck_free(check->fsck);
    free(check);
}

static struct dj_check *begin(struct dj_engine *engine, uint64_t flags)
{
    struct dj_fsck_hooks hooks = {.held = held, .write = write_fixes, .cookie = engine,
                                  .corrupt_run = corrupt_run, .corrupt_content = corrupt_content};
    struct dj_check *check = dj_xcalloc(1, sizeof(*check));

    check->engine = engine;
    check->fsck = dj_fsck_new(engine->store, flags, &hooks);
    return check;
}

static void answer(struct dj_check *check, struct dj_request *request)
{
    struct dj_msg_fscked fscked;

    dj_fsck_take(check->fsck, &fscked);
    dj_reply(request, DJ_MSG_FSCKED, &fscked);
    dj_codec_release(dj_message_layout(DJ_MSG_FSCKED), &fscked);
}

static void work(void *cookie)
{
    dj_fsck_work(((struct dj_check *)cookie)->fsck);
}

static void worked(void *cookie)
{
    struct dj_check *check = cookie;

    answer(check, dj_steal(check->request));
    if (check->gone)
        check_free(check);
}

void dj_serve_fsck(struct dj_request *request)
{
    const struct dj_msg_fsck *ask = request->fields;
    struct dj_check **check = dj_peer_check(request->peer);

    if (*check != NULL && (*check)->request != NULL) {
        dj_reply_error(request, EBUSY, "the step before is not done yet");
        return;
    }
    if (ask->begin) {
        check_free(*check);
        *check = begin(request->engine, ask->flags);
    }
    if (*check == NULL) {
        dj_reply_error(request, EINVAL, "no check has begun");
    } else if (dj_fsck_step((*check)->fsck) == DJ_FSCK_JOB) {
        (*check)->request = request;
        dj_loop_job(request->engine->loop, work, worked, *check);
    } else {
        answer(*check, request);
    }
}

void dj_serve_fsck_gone(struct dj_peer *peer)
{
    struct dj_check *check = dj_steal(*dj_peer_check(peer));

    if (check == NULL || check->request == NULL) {
        check_free(check);
        return;
    }
    check->gone = true;
    dj_fsck_stop(check->fsck);
}

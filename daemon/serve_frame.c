/* FRAME, ROWS: a frame handed over by a peer. (dispatch.h) */
#include <errno.h>

#include "daemon/dispatch.h"
#include "daemon/frames_impl.h"
#include "daemon/memo.h"

static struct dj_frame *filled_by(struct dj_engine *engine, const struct dj_peer *peer)
{
    struct dj_frames *frames = dj_engine_frames(engine);
    struct dj_frame *frame = frames == NULL ? NULL : frames->first;

    while (frame != NULL && (frame->filler != peer || frame->state != FRAME_FILLING))
        frame = frame->next;
    return frame;
}

static int check(struct dj_request *request, const struct dj_task *task, struct dj_err *err)
{
    const struct dj_msg_frame *ask = request->fields;

    if (dj_peer_facts(request->peer)->run != 0)
        return dj_err_set(err, EINVAL, "a stored frame is no part of a run; `dj map` without"
                          " --frame calls for the run");
    if (task == NULL || task->definition == NULL)
        return dj_err_set(err, ENOENT, "there is no task %s", ask->task == NULL ? "" : ask->task);
    if (dj_memo_is_task(task))
        return dj_err_set(err, EINVAL, "the runs of dj memo are no calls of a task");
    if (ask->name == NULL || ask->as == NULL)
        return dj_err_set(err, EINVAL, "a frame has a name, and its result a column");
    if (filled_by(request->engine, request->peer) != NULL)
        return dj_err_set(err, EBUSY, "a connection hands over one frame at a time");
    return 0;
}

void dj_serve_frame(struct dj_request *request)
{
    struct dj_msg_frame ask = *(const struct dj_msg_frame *)request->fields;
    const struct dj_peer_facts *facts = dj_peer_facts(request->peer);
    const struct dj_task *task = dj_task_by_name(request->engine, dj_bytes_of(ask.task));
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_frame *frame = NULL;
    int rc = check(request, task, &err);

    if (rc == 0 && ask.env.n == 0 && task->definition->env_keyed.n != 0) {
        dj_reply_wants(request, task->definition);
        return;
    }
    ask.uid = facts->uid;
    ask.gid = facts->gid;
    if (rc == 0)
        rc = dj_frame_hand_over(dj_engine_frames(request->engine), &ask, &frame, &err);
    if (rc < 0) {
        dj_reply_err(request, rc, &err);
        return;
    }
    frame->filler = request->peer;
    dj_reply_ok(request, 0, "");
}

void dj_serve_rows(struct dj_request *request)
{
    const struct dj_msg_rows *rows = request->fields;
    struct dj_frame *frame = filled_by(request->engine, request->peer);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    if (frame == NULL || frame->ending != NULL) {
        dj_reply_error(request, EINVAL, "no frame is being handed over");
        return;
    }
    rc = dj_frame_add(frame, rows, &err);
    if (rc < 0) {
        dj_reply_err(request, rc, &err);
        dj_frame_abandon(frame);
    } else if (rows->end) {
        dj_frame_complete(frame, request);
    } else {
        dj_reply_ok(request, dj_frame_rows(frame), "");
    }
}

void dj_serve_frame_gone(struct dj_engine *engine, struct dj_peer *peer)
{
    struct dj_frame *frame = filled_by(engine, peer);

    if (frame != NULL)
        dj_frame_abandon(frame);
}

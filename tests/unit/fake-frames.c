/* The frames of the fake engine: none. (daemon/frames.h) */
#include <errno.h>

#include "daemon/engine_open.h"
#include "daemon/frames.h"

struct dj_frames *dj_engine_frames(struct dj_engine *engine)
{
    (void)engine;
    return NULL;
}

struct dj_frame *dj_frame_after(struct dj_frames *frames, const char *name)
{
    (void)frames;
    (void)name;
    return NULL;
}

struct dj_frame *dj_frame_find(struct dj_frames *frames, struct dj_bytes name)
{
    (void)frames;
    (void)name;
    return NULL;
}

const char *dj_frame_name(const struct dj_frame *frame)
{
    (void)frame;
    return "";
}

void dj_frame_look(const struct dj_frame *frame, struct dj_frame_facts *ret)
{
    (void)frame;
    *ret = (struct dj_frame_facts){.status = "", .task = ""};
}

struct dj_frame_file *dj_frame_results(struct dj_frame *frame)
{
    (void)frame;
    return NULL;
}

struct dj_frame_file *dj_frame_table(struct dj_frame *frame)
{
    (void)frame;
    return NULL;
}

void dj_frame_file_unref(struct dj_frame_file *file)
{
    (void)file;
}

int dj_frame_retry(struct dj_frame *frame, struct dj_err *err)
{
    (void)frame;
    return dj_err_set(err, ENOENT, "there are no frames here");
}

int dj_frame_cancel(struct dj_frame *frame, struct dj_err *err)
{
    return dj_frame_retry(frame, err);
}

int dj_frame_delete(struct dj_frame *frame, struct dj_err *err)
{
    return dj_frame_retry(frame, err);
}

void dj_frame_wait(struct dj_frame *frame, struct dj_request *request)
{
    (void)frame;
    (void)request;
}

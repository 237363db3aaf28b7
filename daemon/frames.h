/*
 * Stored frames: rows with the calls that they make, and their results as they come.
 *
 * A frame is handed over row by row and stored as a whole (the FRAME and ROWS messages), and then
 * computed, many rows at a time and as if nobody waited: who waits for a run goes before. What has
 * ended is appended to results.jsonl and table.csv in the order of the rows. Failed rows are run
 * again alone by `retry`: a new pair of files is written, in which the others are as they were, and
 * takes the place of the old one when it is complete.
 *
 *     STORE/frames/NAME/rows            frames of lib/wire: FRAME, then ROWS; synced before they
 *                                       are acknowledged
 *     STORE/frames/NAME/state           a line: what it does, and how far it was when that changed
 *     STORE/frames/NAME/results.jsonl   and table.csv; *.next: of a retry under way
 *
 * A daemon that is killed leaves whole rows and at most a part of one, which the next one cuts off
 * before it goes on; runs that ended meanwhile are hits. Loop thread only.
 */
#ifndef DJ_DAEMON_FRAMES_H
#define DJ_DAEMON_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/proto/messages.h"
#include "lib/util/err.h"

struct dj_engine;
struct dj_frame;
struct dj_frames;
struct dj_request;

/* dj_frames_new(engine, store): those of the store's folder; a frame that was not handed over to
 * its end is removed. _start(): goes on with what was under way. _stop(): nothing more is begun. */
struct dj_frames *dj_frames_new(struct dj_engine *engine, const char *store);
void dj_frames_start(struct dj_frames *frames);
void dj_frames_stop(struct dj_frames *frames);
void dj_frames_free(struct dj_frames *frames);

/* ---- looking ---- */

/* dj_frame_after(frames, name): the next by name, NULL behind the last; one that is still handed
 * over is not there yet. */
struct dj_frame *dj_frame_after(struct dj_frames *frames, const char *name);
struct dj_frame *dj_frame_find(struct dj_frames *frames, struct dj_bytes name);
const char *dj_frame_name(const struct dj_frame *frame);

struct dj_frame_facts {
    const char *status; /* running, done, failed, cancelled, stopped */
    const char *task;
    const char *why;    /* stopped: a sentence; else NULL */
    uint64_t rows, ended, failed;
    uint64_t changed_ns;
};
void dj_frame_look(const struct dj_frame *frame, struct dj_frame_facts *ret);

/* A file of a frame, which stays what it was for who has it open. */
struct dj_frame_file {
    int fd;
    unsigned refs;
    uint64_t size; /* whole rows */
};
struct dj_frame_file *dj_frame_results(struct dj_frame *frame); /* borrowed */
struct dj_frame_file *dj_frame_table(struct dj_frame *frame);
void dj_frame_file_unref(struct dj_frame_file *file);

/* ---- changing ---- */

int dj_frame_retry(struct dj_frame *frame, struct dj_err *err) DJ_MUST_CHECK;
int dj_frame_cancel(struct dj_frame *frame, struct dj_err *err) DJ_MUST_CHECK;
int dj_frame_delete(struct dj_frame *frame, struct dj_err *err) DJ_MUST_CHECK;

/* dj_frame_wait(frame, request): answered with DATA of its status when it has ended. */
void dj_frame_wait(struct dj_frame *frame, struct dj_request *request);

/* ---- handing over: serve_frame.c ---- */

/* dj_frame_hand_over(frames, ask, ret, err): -EEXIST, -EINVAL. The caller adds rows and ends it. */
int dj_frame_hand_over(struct dj_frames *frames, const struct dj_msg_frame *ask,
                       struct dj_frame **ret, struct dj_err *err) DJ_MUST_CHECK;
int dj_frame_add(struct dj_frame *frame, const struct dj_msg_rows *rows,
                 struct dj_err *err) DJ_MUST_CHECK;
/* dj_frame_complete(frame, request): syncs, answers the request, and begins to compute. */
void dj_frame_complete(struct dj_frame *frame, struct dj_request *request);
/* dj_frame_abandon(frame): it was not handed over to its end. */
void dj_frame_abandon(struct dj_frame *frame);
uint64_t dj_frame_rows(const struct dj_frame *frame);

#endif

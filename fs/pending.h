/*
 * Requests of the kernel that wait for the daemon's answer.
 *
 * Every request is answered exactly once, and this is where that is kept: a pending request holds
 * the fuse_req_t until one of dj_pending_fail() or dj_pending_take() gives it away, and at the end
 * of the program the table must be empty.
 *
 *     asked        the daemon has the question; `answer` is called with what it says
 *     parked       the daemon is away: asked again when it is back, ENOTCONN when it stays away
 *     interrupted  a signal came: looked at now and every 50 ms until it is answered, see signals.h
 *     orphaned     answered EINTR already; what the daemon still says is only tidied up
 *
 * A question that may have been carried out when the connection broke (`once`: a write, an unlink)
 * is not repeated but answered EIO.
 */
#ifndef DJ_FS_PENDING_H
#define DJ_FS_PENDING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fs/fuse.h"
#include "lib/proto/messages.h"

struct dj_fs;
struct dj_handle;
struct dj_pending;

/*
 * dj_answer_to(pending, code, fields): the daemon's answer: code 0 and the fields of the wanted
 * message, or a negative errno and NULL. It answers the request (take or fail) or asks again with
 * dj_pending_ask(). It may move memory out of fields.
 */
typedef void dj_answer_to(struct dj_pending *pending, int code, void *fields);

/* dj_resume_op(pending): begins the operation again; what it had asked was lost on the way. */
typedef void dj_resume_op(struct dj_pending *pending);

struct dj_pending {
    struct dj_fs *fs;
    fuse_req_t req; /* NULL: orphaned */
    pid_t tid;
    enum dj_message number;
    enum dj_message want;
    union {
        struct dj_msg_lookup lookup;
        struct dj_msg_getattr getattr;
        struct dj_msg_readdir readdir;
        struct dj_msg_readlink readlink;
        struct dj_msg_open open;
        struct dj_msg_read read;
        struct dj_msg_write write;
        struct dj_msg_unlink unlink;
        struct dj_msg_statfs statfs;
    } ask;
    dj_answer_to *answer;
    bool once;
    bool patient;           /* may take long: signals are looked at early */

    /* For `answer`, as the operation needs them. */
    struct fuse_file_info file;
    struct dj_handle *handle;
    uint64_t node;
    uint64_t size;
    uint64_t offset;
    uint64_t note;
    struct dj_part_caller caller;
    struct dj_buf bytes;
    dj_resume_op *resume;   /* NULL: the same question is sent again */

    uint64_t id;            /* of the question, 0: parked */
    int64_t since_ms;
    bool interrupted;
    struct dj_pending *prev, *next;                     /* all that hold a request */
    struct dj_pending *interrupted_prev, *interrupted_next;
};

struct dj_pendings {
    struct dj_pending *all;
    struct dj_pending *interrupted;
    size_t count;
};

/* dj_pending_new(fs, req): for the thread that made the request. */
struct dj_pending *dj_pending_new(struct dj_fs *fs, fuse_req_t req);

/* dj_pending_ask(pending, number, want, answer): sends (again) what stands in pending->ask. */
void dj_pending_ask(struct dj_pending *pending, enum dj_message number, enum dj_message want,
                    dj_answer_to *answer);
/* dj_pending_adopt(pending, id, …): what stands in pending->ask was asked already, with that id. */
void dj_pending_adopt(struct dj_pending *pending, uint64_t id, enum dj_message number,
                      enum dj_message want, dj_answer_to *answer);
/* dj_pending_forget_ask(): the question's memory is released and zero; before another is asked. */
void dj_pending_forget_ask(struct dj_pending *pending);

/* dj_pending_take(pending): the request, to be answered by the caller; pending is gone. */
fuse_req_t dj_pending_take(struct dj_pending *pending);
/* dj_pending_fail(pending, code): answers with a negative errno, 0 for plain success. */
void dj_pending_fail(struct dj_pending *pending, int code);

/* The daemon is back, or has stayed away too long. */
void dj_pendings_resume(struct dj_pendings *pendings);
void dj_pendings_give_up(struct dj_pendings *pendings);
/* dj_pendings_abort(): answers all that are left; the connection is gone by then. */
void dj_pendings_abort(struct dj_pendings *pendings);

/* dj_pendings_check(pendings, now_ms): looks at the interrupted ones. */
void dj_pendings_check(struct dj_pendings *pendings, int64_t now_ms);
#define DJ_PENDING_CHECK_MS 50

#endif

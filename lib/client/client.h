/*
 * What the files behind dj.h share: a struct dj from the inside.
 *
 * A blocking call is bracketed: dj_begin() refuses when there is no connection, forgets the last
 * error, and starts its time; dj_end() gives the code that its caller hears, and drops a connection
 * that broke.
 */
#ifndef DJ_CLIENT_CLIENT_H
#define DJ_CLIENT_CLIENT_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "lib/client/connection.h"
#include "lib/client/dj.h"
#include "lib/client/programs.h"

TAILQ_HEAD(dj_requests, dj_request);

/* What was made with a connection and has to know when that goes: dj is NULL then. The first member
 * of its object. */
struct dj_child {
    struct dj *dj;
    TAILQ_ENTRY(dj_child) link;
};

TAILQ_HEAD(dj_children, dj_child);
TAILQ_HEAD(dj_batches, dj_batch);
TAILQ_HEAD(dj_held_locks, dj_held_lock);

struct dj {
    struct dj_connection *connection; /* NULL: none */
    char *program;
    char *address;                    /* of dj_connect_to(), or NULL */
    unsigned flags;
    uint64_t serial;                  /* of the connection, from 1 */
    uint64_t exports;                 /* how many runs were exported: the last one is readable */
    uint64_t process;                 /* dj_process_mark() of the one that it was made in */
    struct dj_daemon_options options; /* of a daemon that is started; its texts are ours */
    struct dj_err err;
    struct dj_list notes;             /* struct dj_buf */
    int cancel_fd;                    /* the caller's, -1: none */
    int timer_fd;                     /* -1: no call may end by time */
    int wake_fd;                      /* an epoll of both, for the connection */
    uint64_t timeout_ms;
    struct dj_requests waiting;       /* under way */
    struct dj_requests over, calling; /* over, and not given by dj_next or to its callback yet */
    struct dj_requests idle;          /* all others */
    size_t pending;                   /* how many are not idle */
    size_t timed;                     /* how many of those that wait have a deadline */
    struct dj_file *files;            /* what has to know when we go */
    struct dj_dir *dirs;
    struct dj_tasks *tasks;
    struct dj_impact *impacts;
    struct dj_children children;
    struct dj_batches batches;
    struct dj_held_locks locks;
};

/* dj_begin(dj): 0 or -ENOTCONN; dj_fresh(dj): the same for what needs no connection. -EINVAL for
 * NULL. */
int dj_begin(struct dj *dj) DJ_MUST_CHECK;
int dj_fresh(struct dj *dj) DJ_MUST_CHECK;
/* dj_begin_alone(dj): as dj_begin(), of a call that needs no connection. */
int dj_begin_alone(struct dj *dj) DJ_MUST_CHECK;
int dj_end(struct dj *dj, int rc);

/* dj_null(dj, what): -EINVAL, "dj_get: the task is NULL". */
int dj_null(struct dj *dj, const char *what);

/* dj_notice_end(dj): drops a connection that has ended; its requests are over. */
void dj_notice_end(struct dj *dj);
/* dj_drop(dj): the connection ends; its requests are over, its locks are not forgotten. */
void dj_drop(struct dj *dj);
/* dj_notice_fork(dj): in a child of fork() the connection is the parent's: ours has ended,
 * unsaid. */
void dj_notice_fork(struct dj *dj);
bool dj_is_forked(const struct dj *dj);

/* dj_time_is_over(dj): whether the time of this call ran out. */
bool dj_time_is_over(struct dj *dj);
/* dj_interrupted(dj): -EINTR between two steps of a call when it is to end: by time or
 * descriptor. */
int dj_interrupted(struct dj *dj) DJ_MUST_CHECK;

void dj_child_add(struct dj *dj, struct dj_child *child);
void dj_child_remove(struct dj_child *child);
/* dj_child_begin(child): as dj_begin(); -EINVAL for NULL, -ENOTCONN when the connection was
 * freed. */
int dj_child_begin(struct dj_child *child) DJ_MUST_CHECK;

void dj_add_note(struct dj *dj, const char *note);

/* dj_process_mark(): another one in each child of fork(). */
uint64_t dj_process_mark(void);

/* dj_below_mount(dj, path): the part of a path behind the mount point and slashes. */
const char *dj_below_mount(const struct dj *dj, const char *path);
/* dj_run_split(dj, run, ret_task, ret_name): of a run's path; -EINVAL with a sentence. */
int dj_run_split(struct dj *dj, const char *run, struct dj_bytes *ret_task,
                 struct dj_bytes *ret_name) DJ_MUST_CHECK;
/* dj_run_path(dj, run, ret): tasks/TASK/NAME; -EINVAL with a sentence. */
int dj_run_path(struct dj *dj, const char *run, struct dj_buf *ret) DJ_MUST_CHECK;

/* dj_call(dj, number, fields, env, want, ret): one whole blocking call; env may be NULL. */
int dj_call(struct dj *dj, enum dj_message number, const void *fields, struct dj_list *env,
            enum dj_message want, struct dj_message_in *ret) DJ_MUST_CHECK;
/* dj_call_ok(dj, number, fields, ret_text, ret_number): answered OK; both may be NULL. */
int dj_call_ok(struct dj *dj, enum dj_message number, const void *fields, char **ret_text,
               uint64_t *ret_number) DJ_MUST_CHECK;

/* dj_requests_lose(dj): dj is going: its requests are nobody's. */
void dj_requests_lose(struct dj *dj);
void dj_files_lose(struct dj *dj);
void dj_lists_lose(struct dj *dj);

/* ---- locks.c ---- */

/* dj_lock_taken(dj, lock): the daemon gave it. */
void dj_lock_taken(struct dj *dj, const struct dj_msg_lock *lock);
/* dj_lock_check_free(dj, name): -EDEADLK when this connection has it. */
int dj_lock_check_free(struct dj *dj, const char *name) DJ_MUST_CHECK;
/* dj_lock_fill_inside(dj, ret): tokens of the locks that we are inside of. */
void dj_lock_fill_inside(struct dj *dj, struct dj_list *ret);
/* dj_lock_abandon(dj, lock): nobody wants it any more, granted or not. */
void dj_lock_abandon(struct dj *dj, const struct dj_msg_lock *lock);
/* dj_locks_claim(dj): of a connection that is new again; -ENOTCONN when it broke meanwhile. */
int dj_locks_claim(struct dj *dj) DJ_MUST_CHECK;
void dj_locks_forget(struct dj *dj);

/* ---- batch.c ---- */

/* dj_batches_send(dj): what may be sent now; dj_batches_want(dj): whether there is something. */
void dj_batches_send(struct dj *dj);
bool dj_batches_want(const struct dj *dj);
/* dj_batches_ready(dj): whether a call has ended that was not told of. */
bool dj_batches_ready(const struct dj *dj);
void dj_batches_lose(struct dj *dj);
/* dj_time_left(dj): until a request is late, in ms; -1: none has a time. (submit.c) */
int dj_time_left(const struct dj *dj);
/* dj_step(dj, timeout_ms): waits so long at the most, reads and writes; -ENOTCONN. (submit.c) */
int dj_step(struct dj *dj, int timeout_ms) DJ_MUST_CHECK;

#endif

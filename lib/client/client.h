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

#include "lib/client/internal.h"

TAILQ_HEAD(dj_requests, dj_request);

struct dj {
    struct dj_connection *connection; /* NULL: none */
    char *program;
    char *address;                    /* of dj_connect_to(), or NULL */
    unsigned flags;
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
};

/* dj_begin(dj): 0 or -ENOTCONN; dj_fresh(dj): the same for what needs no connection. -EINVAL for
 * NULL. */
int dj_begin(struct dj *dj) DJ_MUST_CHECK;
int dj_fresh(struct dj *dj) DJ_MUST_CHECK;
int dj_end(struct dj *dj, int rc);

/* dj_null(dj, what): -EINVAL, "dj_get: the task is NULL". */
int dj_null(struct dj *dj, const char *what);

/* dj_notice_end(dj): drops a connection that has ended; its requests are over. */
void dj_notice_end(struct dj *dj);

/* dj_time_is_over(dj): whether the time of this call ran out. */
bool dj_time_is_over(struct dj *dj);

void dj_add_note(struct dj *dj, const char *note);

/* dj_below_mount(dj, path): the part of a path behind the mount point and slashes. */
const char *dj_below_mount(const struct dj *dj, const char *path);
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

#endif

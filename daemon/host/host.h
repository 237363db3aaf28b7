/*
 * dj-host: the process in which runs of thread and resident tasks happen, many in its life.
 *
 * djd has the worker start it, as the worker starts any run, and hands it calls over a connection
 * of its own; the host answers each with EXITED. A library's calls go to threads (pool.h), those of
 * a program that stays to its children (children.h).
 *
 *   main.c      options
 *   host.c      the loop: connection, orders and reports
 *   pool.c      threads, and the chains of calls that they take
 *   api.c       what lib/djfs/task.h offers to a task, on its thread
 *   library.c   the shared object
 *   children.c  programs that answer a JSON line a call
 *   places.c    the folders that runs are in
 *   culprit.c   whose doing it is when the process ends
 *
 * The main thread owns the connection and everything here; what threads share with it is in
 * struct dj_pool, under its lock. While the daemon is away runs go on, and their ends are told to
 * the next one.
 */
#ifndef DJ_HOST_HOST_H
#define DJ_HOST_HOST_H

#include <stdatomic.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/worker/session_table.h"
#include "daemon/worker/slot.h"
#include "lib/client/connection.h"
#include "lib/proto/messages.h"

struct djfs_host;
struct djfs_task;
struct dj_library;
struct dj_pool;
struct dj_children;

struct dj_host_options {
    const char *socket;
    const char *work;      /* the worker's folder */
    const char *number;    /* of this host, as djd told it */
    const char *library;   /* a shared object, or: */
    char **argv;           /* a program */
    uint64_t recycle_runs; /* a child is replaced after so many; 0: never */
    uint64_t recycle_rss;  /* bytes */
};

/* A folder in which one run at a time happens: cwd/, out and err, as of a slot of the worker. */
struct dj_place {
    struct dj_slot *slot;
    int cwd;                  /* -1: to be opened anew */
    uint64_t empty_since_ns;  /* its ctime when it was found empty; 0: it is to be read */
    bool busy;
    struct dj_place *next;
};

/* One call, from its arrival until its end is told. */
struct dj_hosted {
    const struct djfs_host *api; /* first: a task sees no more of it */
    struct dj_host *host;
    uint64_t instance, attempt;
    struct dj_msg_call call;
    struct dj_place *place;
    uint64_t start_ns;
    uint64_t begun_ns;        /* by the steady clock; 0: it has not begun */
    uint64_t kill_ns;         /* when a thread that shall end has to have */
    bool running, told, finished;
    enum dj_exit_how ending;  /* DJ_EXIT_CODE: it is not being ended */
    _Atomic bool cancelled;
    struct dj_exit_record ended;
    struct dj_buf result, log;
    size_t log_written;       /* of `log`, to the place's file */
    bool live;                /* the log goes to the file at once: somebody may look */
    bool limited;             /* it has exceeded a limit: `ended` says which */
    char *error;              /* of what failed last */
    char *result_path;        /* below the working directory: the file that is the result */
    struct dj_list texts;     /* char *: what the task was given */
    struct chain *chain;      /* pool.c */
    struct dj_hosted *next;   /* in a chain, or in the list of those that are done */
    struct dj_hosted *prev_all, *next_all; /* of the host's */
};

/* What a task asks the daemon for, and waits for. */
struct dj_ask {
    struct dj_hosted *hosted;
    enum dj_message number;
    const void *fields;
    enum dj_message want;
    struct dj_list *env;      /* in fields, for WANTS; NULL: there is none */
    bool again;
    struct question *question; /* host.c: posted, and not answered yet; NULL: not posted */
    bool answered;
    pthread_cond_t *answer;   /* pool.c: then signalled */
    int code;
    char *error;
    struct dj_buf content;    /* of a RESULT, when it is small; else */
    char *path;
    struct dj_ask *next;
};

struct dj_host {
    struct dj_host_options options;
    uint64_t number;
    struct dj_work work;      /* our own folder below the worker's */
    struct dj_place *places;
    _Atomic bool emptying;    /* a thread removes what is in trash/ */
    struct dj_sessions *sessions;
    struct dj_connection *connection; /* NULL: the daemon is away */
    bool broken;
    bool stopping;            /* ends with the last of its calls */
    bool over;
    uint64_t retry_ns, pause_ns, away_since_ns;
    struct dj_hosted *all;
    struct dj_ask *asks;      /* that wait for the daemon's answer */
    struct dj_library *library;
    struct dj_pool *pool;
    struct dj_children *children;
    const char *refusal;      /* why no call can be begun; NULL: they can */
};

enum dj_host_exit { DJ_HOST_DONE = 0, DJ_HOST_FAILED = 1, DJ_HOST_USAGE = 2 };

/* dj_host_main(options): the whole life; main()'s return value. */
int dj_host_main(const struct dj_host_options *options);

/* dj_host_ended(host, hosted): it has ended (hosted->ended says how): its end is told. */
void dj_host_ended(struct dj_host *host, struct dj_hosted *hosted);

/* dj_hosted_refuse(hosted, how, code, sentence): its end, for dj_host_ended(). */
void dj_hosted_refuse(struct dj_hosted *hosted, enum dj_exit_how how, int code,
                      const char *sentence);

/* ---- places.c ---------------------------------------------------------------------------- */

/* dj_places_open(host, err): the folder host-NUMBER below the worker's. */
int dj_places_open(struct dj_host *host, struct dj_err *err) DJ_MUST_CHECK;
void dj_places_close(struct dj_host *host);
/* dj_place_take(host, err): one that is free, clean and made; NULL. Under dj_place_lock(). */
struct dj_place *dj_place_take(struct dj_host *host, struct dj_err *err);
/* dj_place_free(host, place, clean): clean: nothing was left in it. */
void dj_place_free(struct dj_host *host, struct dj_place *place, bool clean);
/* dj_place_empty(host, place): what a run left goes; its cwd stays the same folder. False: it could
 * not be made as it was. dj_place_renew(): it is free, and is made anew before it is used. */
bool dj_place_empty(struct dj_host *host, struct dj_place *place);
void dj_place_renew(struct dj_host *host, struct dj_place *place);
/* dj_place_is_empty(host, place): a run left no files, dj_place_is_there(): and did not move or
 * remove the folder. */
bool dj_place_is_empty(const struct dj_host *host, struct dj_place *place);
bool dj_place_is_there(const struct dj_host *host, const struct dj_place *place);
/* dj_place_path(host, place, name, ret): of a thing in it. */
void dj_place_path(const struct dj_host *host, const struct dj_place *place, const char *name,
                   struct dj_buf *ret);
/* dj_place_log(host, place, log, written): what follows in its file err. At its offset there, since
 * a thread that dies leaves its log while another one may be writing the same. -errno. */
int dj_place_log(const struct dj_host *host, const struct dj_place *place,
                 const struct dj_buf *log, size_t written);
/* dj_place_write(): the whole of a file. -errno. */
int dj_place_write(const struct dj_host *host, const struct dj_place *place, const char *name,
                   struct dj_bytes bytes);

#endif

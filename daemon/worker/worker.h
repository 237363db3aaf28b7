/*
 * The worker's state, shared by its parts:
 *
 *   worker.c   the loop: signals, reapers, the connection and what happens while there is none
 *   orders.c   messages from djd and to it
 *   runs.c     runs: starting, adopting, ending
 *
 * One thread, one loop, and no wake-up while nothing happens.
 */
#ifndef DJ_WORKER_WORKER_H
#define DJ_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/worker/session_table.h"
#include "daemon/worker/slot.h"
#include "lib/client/connection.h"
#include "lib/util/err.h"

struct dj_worker_options {
    const char *socket;
    const char *place;
    uint32_t capacity;  /* slots */
    uint64_t away_ns;   /* how long a worker without runs waits for a daemon that is away */
};

struct dj_worker {
    struct dj_worker_options options;
    char *place;                  /* absolute */
    struct dj_work work;
    int lock;
    int epoll;
    int signals;
    struct dj_sessions *sessions;
    struct dj_connection *connection; /* NULL: the daemon is away */
    short polled;                 /* what epoll was told of the connection */
    bool broken;                  /* the connection is over; the loop drops it */
    bool dismissed;               /* the daemon ended: so does the worker, with its last run */
    bool over;                    /* the worker ends, */
    int status;                   /* so */
    uint64_t away_since_ns;
    uint64_t retry_ns;            /* when to connect again */
    uint64_t pause_ns;            /* and how long to wait after that */
    struct dj_slot **slots;       /* by number; NULL: never used */
    size_t slots_n;
    size_t slots_cap;
    size_t in_use;
    struct dj_slot *by_reaper;    /* uthash */
    struct dj_slot *fresh;
    uint64_t fresh_ns;            /* when the last of them was started */
    pid_t remover;                /* empties the trash; 0: none */
    struct dj_buf cgroup;         /* where runs may have cgroups of their own; empty: nowhere */
    uint64_t oom_kills;           /* of the kernel, */
    uint64_t oom_kills_ns;        /* when it was last asked */
};

enum dj_worker_exit {
    DJ_WORKER_DONE = 0,
    DJ_WORKER_FAILED = 1,
    DJ_WORKER_USAGE = 2,
    DJ_WORKER_NO_DAEMON = 69,
    DJ_WORKER_BUSY = 75,
};

/* dj_worker_main(options): the whole life; main()'s return value. */
int dj_worker_main(const struct dj_worker_options *options);

/* dj_worker_end(worker, status, format): a sentence for the log, and the loop is left. */
void dj_worker_end(struct dj_worker *worker, int status, const char *format, ...) DJ_PRINTF(3, 4);

/* dj_worker_slot(worker, number): made when it was never used; number < DJ_SESSIONS_MAX. */
struct dj_slot *dj_worker_slot(struct dj_worker *worker, uint32_t number);

/* ---- orders.c ---------------------------------------------------------------------------- */

/* dj_orders_message(): for dj_connection_on_message(); the cookie is the worker. */
void dj_orders_message(void *worker, const struct dj_message_in *message);

/* dj_tell_running(worker): after each WELCOME: RUNNING, and EXITED for each slot that ended. */
void dj_tell_running(struct dj_worker *worker);
/* dj_tell_started(worker): STARTED for those whose task has its session by now. */
void dj_tell_started(struct dj_worker *worker);
void dj_tell_exited(struct dj_worker *worker, const struct dj_slot *slot);

/* ---- runs.c ------------------------------------------------------------------------------ */

/* dj_run_start(): the slot is FREE; afterwards it is RUNNING, or ENDED with the reason. */
void dj_run_start(struct dj_worker *worker, struct dj_slot *slot, const struct dj_msg_run *run);
void dj_run_kill(struct dj_slot *slot);
/* dj_run_taken(): an ENDED slot is FREE again. */
void dj_run_taken(struct dj_worker *worker, struct dj_slot *slot);
/* dj_runs_forget_hosts(worker): the daemon is away, or ends: slots of hosts that have ended are
 * free again. */
void dj_runs_forget_hosts(struct dj_worker *worker);
/* dj_runs_reap(worker): on SIGCHLD. dj_run_gone(worker, slot): its reaper is no more.
 * dj_run_reported(worker, slot): its reaper has something to say. */
void dj_runs_reap(struct dj_worker *worker);
void dj_run_gone(struct dj_worker *worker, struct dj_slot *slot);
void dj_run_reported(struct dj_worker *worker, struct dj_slot *slot);
/* dj_reaper_dismiss(worker, slot): its reaper ends, after its run. dj_reaper_await(): waits for
 * that, so the slot must not be RUNNING. */
void dj_reaper_dismiss(struct dj_worker *worker, struct dj_slot *slot);
void dj_reaper_await(struct dj_worker *worker, struct dj_slot *slot);
/* dj_runs_adopt(worker): what an earlier worker has left in the folder. */
int dj_runs_adopt(struct dj_worker *worker, struct dj_err *err) DJ_MUST_CHECK;

#endif

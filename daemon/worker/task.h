/*
 * The task of a run: from the reaper to exec.
 *
 * A fork copies what it never uses, so the child shares the reaper's memory until exec, on a stack
 * of its own. The reaper goes on meanwhile, since chdir and exec may take long: they may wait for a
 * run, when they are on a mount. So nothing that the child uses may be changed before it is gone or
 * has called exec; and both share one errno, so a child that fails may have been misled and says no
 * more than that it failed. The reaper then starts it again `alone`, with its own copy of the
 * memory, and that one finds out why and writes the exit record.
 */
#ifndef DJ_WORKER_TASK_H
#define DJ_WORKER_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "daemon/worker/reaper.h"
#include "daemon/worker/record.h"

/* What _exit() gives when exec failed; the exit record then has the reason. */
#define DJ_TASK_NOT_STARTED 127

struct dj_task_start {
    const struct dj_order *order;
    int state;
    struct dj_sessions *sessions;
    pid_t reaper;
    const char *leaf;    /* its cgroup, or NULL */
    bool alone;
    _Atomic bool failed; /* set by a child that shares our memory */
    char *stack;         /* of such children, one after the other */
};

/*
 * dj_task_start(start): the task's pid, or -errno when there is no process for it. The caller's
 * working directory is the slot's folder, its 0, 1 and 2 are the task's. Sets alone when memory
 * cannot be shared.
 */
pid_t dj_task_start(struct dj_task_start *start) DJ_MUST_CHECK;

/* dj_exit_begin(order, ret): a record with everything zero but whose it is and when it began. */
void dj_exit_begin(const struct dj_order *order, struct dj_exit_record *ret);

#endif

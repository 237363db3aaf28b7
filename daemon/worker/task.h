/*
 * The task of a run: from the reaper to exec.
 *
 * The child shares the reaper's memory until exec, and the reaper stands still meanwhile: that costs
 * a fifth less than a fork for a short run. exec may take long, when the program is itself a result
 * that is still to be computed. So the child takes signals as its task will, and carries the run's
 * timeout with it until exec; the worker, which knows its pid from the sessions file, ends it on
 * KILL (dj_run_kill). The reaper finds out when it goes on.
 */
#ifndef DJ_WORKER_TASK_H
#define DJ_WORKER_TASK_H

#include <sys/types.h>

#include "daemon/worker/reaper.h"
#include "daemon/worker/record.h"

/* What _exit() gives when exec failed; the exit record then has the reason. */
#define DJ_TASK_NOT_STARTED 127

/*
 * dj_task_start(order, state, sessions): the task's pid, or -errno when there is no process for it.
 * The caller's working directory is the slot's folder, its 0, 1 and 2 are the task's.
 */
pid_t dj_task_start(const struct dj_order *order, int state, struct dj_sessions *sessions);

/* dj_exit_begin(order, ret): a record with everything zero but whose it is and when it began. */
void dj_exit_begin(const struct dj_order *order, struct dj_exit_record *ret);

#endif

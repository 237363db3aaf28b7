/*
 * The task of a run: from the forked child to exec.
 */
#ifndef DJ_WORKER_TASK_H
#define DJ_WORKER_TASK_H

#include "daemon/worker/reaper.h"
#include "daemon/worker/record.h"

/* What _exit() gives when exec failed; the exit record then has the reason. */
#define DJ_TASK_NOT_STARTED 127

/*
 * dj_task_exec(order, state, sessions, reaper): in the child, with the slot's folder as the working
 * directory and 0, 1 and 2 in place. Never returns.
 */
void dj_task_exec(const struct dj_order *order, int state, struct dj_sessions *sessions,
                  pid_t reaper) __attribute__((noreturn));

/* dj_exit_begin(order, ret): a record with everything zero but whose it is and when it began. */
void dj_exit_begin(const struct dj_order *order, struct dj_exit_record *ret);

#endif

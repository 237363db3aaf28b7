/*
 * The worker's side of the sessions file (lib/proto/sessions.h): mapped by the worker before it
 * forks, so its reapers and their tasks share it.
 */
#ifndef DJ_WORKER_SESSION_TABLE_H
#define DJ_WORKER_SESSION_TABLE_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/proto/sessions.h"
#include "lib/util/err.h"

/* dj_sessions_map(dir, ret, err): DIR/sessions, made when it is missing; what it holds stays. */
int dj_sessions_map(int dir, struct dj_sessions **ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_sessions_set(): by the task itself, after setsid() and before exec. */
void dj_sessions_set(struct dj_sessions *sessions, uint32_t slot, uint64_t run, pid_t session,
                     pid_t reaper);
void dj_sessions_clear(struct dj_sessions *sessions, uint32_t slot);

/* dj_sessions_pid(): leader of the run's session; 0 while it is not there yet. */
pid_t dj_sessions_pid(const struct dj_sessions *sessions, uint32_t slot, uint64_t run);

#endif

/*
 * Runs in hosts (hosts.c): handed over, in chains when they are short, answered, ended. A part of
 * the engine's inside.
 */
#ifndef DJ_DAEMON_HOSTED_H
#define DJ_DAEMON_HOSTED_H

#include "daemon/engine_impl.h"

/* hosted_mode(): false: it is no run for a host. */
bool hosted_mode(const struct run *run, const struct dj_launch *launch, struct dj_launch *ret,
                 bool *ret_alone);
int hosted_start(struct run *run, const struct dj_launch *launch, bool alone,
                 struct dj_err *err) DJ_MUST_CHECK;
void hosted_give(struct run *run);
/* hosted_ride(run): how many more runs may use its slot, one after the other; hosted_rides(next,
 * run): it may be one of them; hosted_join(next, run): it is. */
size_t hosted_ride(const struct run *run);
bool hosted_rides(const struct run *next, const struct run *run);
void hosted_join(struct run *next, struct run *run);
void hosted_kill(struct run *run);
/* hosted_blocked(run): those behind it in its chain go on. */
void hosted_blocked(const struct run *run);
void hosted_taken(struct run *run);
/* hosted_dir(run, ret): the folder that it happened in; false: it left nothing there. */
bool hosted_dir(const struct run *run, struct dj_buf *ret);
void hosted_message(struct host *host, const struct dj_message_in *message);

#endif

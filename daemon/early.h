/*
 * Answers that runs get before what they read is durable. A part of the engine's inside.
 *
 * The log of the store is ordered, and the record of a run that has read another is written behind
 * that one's: it is durable only when both are. So a run is answered as soon as the record is
 * written, which is safe against a kill, and who is no run, and may keep for good what he is told,
 * after its sync. A chain of calls costs one sync and not one for each.
 *
 * Until then the run is shown as it was, to all: mounts and readers outside must not have it. A run
 * that was told of it and looks at something else waits for the sync first (dj_run_is_early()).
 *
 * When the sync fails, who was told rests on what may be lost, and is stale from the start.
 */
#ifndef DJ_DAEMON_EARLY_H
#define DJ_DAEMON_EARLY_H

#include "daemon/engine_impl.h"

/* early_tell(run): it is COMMITTED: the runs among those that wait for it are answered at the end
 * of this turn, together with those of others. */
void early_tell(struct run *run);
/* early_read(engine, call, asker): the instance that answers him alone, on record as read; 0. */
uint64_t early_read(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker);
/* early_expired(run): its ttl was over before it was durable. */
bool early_expired(const struct run *run);
/* early_settle(run, code, sentence): it is durable, or not (code). */
void early_settle(struct run *run, int code, const char *sentence);

#endif

/*
 * The limits of one run, looked at by its reaper while the run goes on.
 *
 * Each is looked at again when it could have been reached by then, so far from a limit the reaper
 * hardly ever wakes up. The caller's working directory is the slot's folder, and 1 and 2 are the
 * files of result and log.
 */
#ifndef DJ_WORKER_LIMITS_H
#define DJ_WORKER_LIMITS_H

#include "daemon/worker/reaper.h"
#include "daemon/worker/record.h"

enum { DJ_LIMIT_RESULT, DJ_LIMIT_LOG, DJ_LIMIT_FILES, DJ_LIMIT_MEMORY, DJ_LIMIT_COUNT };

struct dj_limits {
    const struct dj_order *order;
    uint64_t look_ns[DJ_LIMIT_COUNT]; /* steady clock; UINT64_MAX: there is no such limit */
    uint64_t memory_peak;             /* the most that was seen */
};

/* dj_limits_begin(limits, order, now, memory): memory: whether that is to be looked at, too. */
void dj_limits_begin(struct dj_limits *limits, const struct dj_order *order, uint64_t now,
                     bool memory);

/* dj_limits_next(limits): when to look again. */
uint64_t dj_limits_next(const struct dj_limits *limits);

/* dj_limits_look(limits, now, ended): at what is due by now. Whether one is exceeded: then `how`,
 * `limit` and `reached` of the exit record are set. */
bool dj_limits_look(struct dj_limits *limits, uint64_t now, struct dj_exit_record *ended);

/* dj_limits_final(limits, ended): at the outputs, when nobody writes to them any more. */
bool dj_limits_final(struct dj_limits *limits, struct dj_exit_record *ended);

/* dj_limit_wait_ms(size, limit, fastest, cost_ms): the pause before the next look: as long as the
 * fastest growth (bytes a ms) would need, and twenty times as long as a look takes; pure. */
uint64_t dj_limit_wait_ms(uint64_t size, uint64_t limit, uint64_t fastest, uint64_t cost_ms);

#endif

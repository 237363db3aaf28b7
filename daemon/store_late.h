/*
 * Writes that wait for others of their kind, to be one write then.
 *
 * A write to RocksDB costs a system call and a place in its queue, whatever is in it; for many
 * small runs that is more than their records. So those that nobody may be told of before the next
 * sync are gathered here, and written by the thread that syncs, beside the loop.
 *
 * Nobody sees that they wait: whoever looks for one of their keys, begins a walk or writes anything
 * else has them written first (dj_late_settle()). Order is kept, so what is durable is a prefix of
 * what was written still.
 *
 * A write that fails takes all that waited along: dj_late_settle() says so to everybody from then
 * on, and nothing is written, until dj_late_over().
 */
#ifndef DJ_DAEMON_STORE_LATE_H
#define DJ_DAEMON_STORE_LATE_H

#include "daemon/store.h"

struct dj_late;

typedef int dj_late_write_fn(struct dj_store *store, const struct dj_store_batch *batch,
                             struct dj_err *err);

struct dj_late *dj_late_new(struct dj_store *store, dj_late_write_fn *write);
void dj_late_free(struct dj_late *late);

/*
 * dj_late_add(late, batch, tail, err): on the loop's thread only. tail: what stands behind all that
 * waits, instead of the tail before; it may be NULL. -errno: a write failed, as of dj_late_over().
 */
int dj_late_add(struct dj_late *late, const struct dj_store_batch *batch,
                const struct dj_store_batch *tail, struct dj_err *err) DJ_MUST_CHECK;

/* dj_late_settle(late, err): what waits now is written when it returns, by whatever thread. */
int dj_late_settle(struct dj_late *late, struct dj_err *err);

/* dj_late_has(late, key): it may be among what waits, or is being written. */
bool dj_late_has(struct dj_late *late, struct dj_bytes key);

/* dj_late_over(late): who waited for what failed, or waits yet, has been told. On the loop's thread
 * only, as what waits is written first, or refused. */
void dj_late_over(struct dj_late *late);

#endif

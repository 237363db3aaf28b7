/*
 * A sweep being read: its calls made, many at a time, and their rows written in order.
 *
 * Each open of `results` or `table.csv` is one of these; equal calls of several are shared as any
 * are. Nothing is called before the first read. From then on at most ROWS_MAX calls are under way,
 * and rows are made as far ahead of the reader as AHEAD_MAX bytes, whether he reads on or not. What
 * has been written stays in a file without a name, so that any part can be read again, and neither
 * rows nor results are kept in memory. When it is freed, what nobody else waits for is withdrawn.
 * Loop thread only.
 */
#ifndef DJ_DAEMON_SWEEP_RUN_H
#define DJ_DAEMON_SWEEP_RUN_H

#include "daemon/handle.h"
#include "lib/model/sweep.h"

/*
 * dj_sweep_run_new(engine, task, sweep, table, flags, asker, err): it takes a reference of the
 * sweep, and copies what the asker borrows. flags: DJ_GET_CACHED: what is not stored is a row
 * without a result; with `strict` it ends the file with EAGAIN. NULL: no file could be made.
 */
struct dj_sweep_run *dj_sweep_run_new(struct dj_engine *engine, struct dj_task *task,
                                      struct dj_sweep *sweep, bool table, unsigned flags,
                                      bool strict, const struct dj_asker *asker,
                                      struct dj_err *err);

/* dj_sweep_run_read(handle, request, ask): answered as soon as there is a byte at that place, or it
 * is known that none comes. */
void dj_sweep_run_read(struct dj_handle *handle, struct dj_request *request,
                       const struct dj_msg_read *ask);

void dj_sweep_run_free(struct dj_sweep_run *run); /* NULL is fine */

#endif

/*
 * How a call of many ended, for who reads the table: its place in the tree, status, content.
 */
#ifndef DJ_DAEMON_OUTCOME_H
#define DJ_DAEMON_OUTCOME_H

#include "daemon/engine.h"
#include "daemon/request.h"
#include "lib/model/row.h"

/*
 * dj_outcome(engine, peer, code, call, instance, sentence, notes, ret): fills ret from what a
 * calling's done() was told. The peer may read large content by its path until it goes away; with
 * NULL nobody will. notes: with what dj_call_hit_note() has to say.
 */
void dj_outcome(struct dj_engine *engine, struct dj_peer *peer, int code, struct dj_call *call,
                uint64_t instance, const char *sentence, bool notes, struct dj_part_outcome *ret);

/* dj_outcome_row(outcome, row, as, errors, ret): the row as it comes out (dj_row_answer). */
void dj_outcome_row(const struct dj_part_outcome *outcome, const struct dj_row *row,
                    const char *as, bool errors, struct dj_row *ret);

void dj_outcome_release(struct dj_part_outcome *outcome);

#endif

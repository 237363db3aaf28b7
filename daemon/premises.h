/*
 * Premises and closures: what a stored result rests on, in sets that are stored once.
 *
 * A premise says that a task had an effective version, or that a file had a content. A closure is
 * the set of the premises of a run and of all it called. Both get numbers; equal ones get the same
 * number, and the union of two sets is looked up before it is made, so a chain or fan-in of any
 * size costs one number a run. Set 0 is the empty set.
 *
 * A verdict on a set of task premises holds as long as the generation it was made in: raise the
 * generation whenever a task's effective version changes, and each set is judged again when it is
 * next met. Sets of file premises are judged at each request: nobody tells when a file changes.
 *
 * Pure: no I/O. What is new is handed to a callback that stores it. Not thread-safe.
 */
#ifndef DJ_DAEMON_PREMISES_H
#define DJ_DAEMON_PREMISES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/records.h"

struct dj_premises;

struct dj_premises *dj_premises_new(void);
void dj_premises_free(struct dj_premises *premises);

/* What has been made since the start: to be stored with the batch that first refers to it. */
typedef void dj_premise_made_fn(void *cookie, uint64_t number,
                                const struct dj_rec_premise *premise);
typedef void dj_set_made_fn(void *cookie, uint64_t number, const struct dj_rec_set *set);
void dj_premises_on_made(struct dj_premises *premises, dj_premise_made_fn *premise,
                         dj_set_made_fn *set, void *cookie);

/* From the store, in ascending order and before anything else. */
void dj_premises_load(struct dj_premises *premises, uint64_t number,
                      const struct dj_rec_premise *premise);
void dj_premises_load_set(struct dj_premises *premises, uint64_t number,
                          const struct dj_rec_set *set);

/* The set that holds just one premise. */
uint64_t dj_premises_task(struct dj_premises *premises, uint32_t task,
                          const struct dj_digest *effective);
uint64_t dj_premises_file(struct dj_premises *premises, struct dj_bytes path,
                          const struct dj_digest *content);

/*
 * The set of one premise that never holds: what the run saw cannot be seen again for sure, and the
 * sentence says why. It is a file premise whose path begins with a NUL byte, as no path does.
 */
uint64_t dj_premises_never(struct dj_premises *premises, const char *sentence);
/* dj_premise_never(premise): the sentence, not terminated; NULL data for all other premises. */
struct dj_bytes dj_premise_never(const struct dj_rec_premise *premise);

uint64_t dj_premises_union(struct dj_premises *premises, uint64_t a, uint64_t b);
/* dj_premises_union_all(premises, set, sets, n): of a set and n more, without those between. */
uint64_t dj_premises_union_all(struct dj_premises *premises, uint64_t set, const uint64_t *sets,
                               size_t n);
/* dj_premises_size(premises, set): how many premises are in it. */
size_t dj_premises_size(struct dj_premises *premises, uint64_t set);

/* dj_premises_hold(premises, set, generation, holds, cookie): every premise holds(). A set number
 * that is unknown does not hold. generation 0: judge anew, remember nothing. */
typedef bool dj_premise_holds_fn(void *cookie, const struct dj_rec_premise *premise);
bool dj_premises_hold(struct dj_premises *premises, uint64_t set, uint64_t generation,
                      dj_premise_holds_fn *holds, void *cookie);

/* dj_premises_each(): the premises of a set by number, until each() says false. They stay as long
 * as the premises do. */
typedef bool dj_premise_each_fn(void *cookie, uint64_t number,
                                const struct dj_rec_premise *premise);
void dj_premises_each(struct dj_premises *premises, uint64_t set, dj_premise_each_fn *each,
                      void *cookie);
/* dj_premises_map(premises, set, now, cookie): the set of the premises on the same tasks and files
 * with the digests that now() gives; false: without that one. In the order of dj_premises_each. */
typedef bool dj_premise_now_fn(void *cookie, const struct dj_rec_premise *premise,
                               struct dj_digest *ret);
uint64_t dj_premises_map(struct dj_premises *premises, uint64_t set, dj_premise_now_fn *now,
                         void *cookie);
/* dj_premises_has(): the set has the premise of that number. */
bool dj_premises_has(struct dj_premises *premises, uint64_t set, uint64_t premise);
/* dj_premises_knows(): there is a premise on this effective version. */
bool dj_premises_knows(struct dj_premises *premises, uint32_t task,
                       const struct dj_digest *effective);

/* dj_premises_has_task(): the set has a premise on that task. */
bool dj_premises_has_task(struct dj_premises *premises, uint64_t set, uint32_t task);

#endif

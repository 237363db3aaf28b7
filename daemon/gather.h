/*
 * The premises that a run meets while it goes on, as the numbers of their sets. They are joined
 * into one set only when somebody asks for it: joining at each step would make, and store, as many
 * sets as there are steps, each a little larger than the one before.
 *
 * All zero bytes are none. Pure.
 */
#ifndef DJ_DAEMON_GATHER_H
#define DJ_DAEMON_GATHER_H

#include "daemon/premises.h"

struct dj_gathered_set;

struct dj_gathered {
    uint64_t joined;         /* holds the first joined_n of the sets, and what it began with */
    size_t joined_n;
    struct dj_list sets;     /* uint64_t: each once, in the order in which they were met */
    struct dj_gathered_set *known;
};

/* dj_gather(gathered, set): false when it is there already, or is empty. */
bool dj_gather(struct dj_gathered *gathered, uint64_t set);
/* dj_gathered_join(): the one set of all. */
uint64_t dj_gathered_join(struct dj_premises *premises, struct dj_gathered *gathered);
/* dj_gathered_hold(): as dj_premises_hold() of that set, which is not made for it. */
bool dj_gathered_hold(struct dj_premises *premises, const struct dj_gathered *gathered,
                      uint64_t generation, dj_premise_holds_fn *holds, void *cookie);
void dj_gathered_release(struct dj_gathered *gathered);

#endif

/*
 * Instances that somebody has open, and what djd is owed for them.
 *
 * djd keeps the content of an instance, deleted or not, from each OPENED that it answered for a
 * node of it without a handle until RELEASE. The kernel opens a node many times, often answered by
 * djfs alone; so the RELEASEs are kept back until the last opener is gone, and then one is sent for
 * each OPENED. A daemon that was started anew is told what is held.
 */
#ifndef DJ_FS_HOLDS_H
#define DJ_FS_HOLDS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/proto/messages.h"

struct dj_hold;

struct dj_holds {
    struct dj_hold *table;
};

/* dj_holds_open(holds, node, asked): one opener more; asked: djd answered this one with OPENED. */
void dj_holds_open(struct dj_holds *holds, uint64_t node, bool asked);

/* dj_holds_openers(holds, node): how many there are now. */
uint64_t dj_holds_openers(const struct dj_holds *holds, uint64_t node);

/* dj_holds_close(holds, node): one opener less; how many RELEASEs are to be sent now. */
uint64_t dj_holds_close(struct dj_holds *holds, uint64_t node);

/* dj_holds_list(holds, list): a struct dj_part_forgotten for each node that djd holds for us. */
void dj_holds_list(const struct dj_holds *holds, struct dj_list *list);
void dj_holds_release(struct dj_holds *holds);

#endif

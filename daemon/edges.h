/*
 * What one run has read: its edges in their order, and a hash beside them, so that the next of a
 * hundred thousand children is as quick as the first. All zero bytes are no edges.
 */
#ifndef DJ_DAEMON_EDGES_H
#define DJ_DAEMON_EDGES_H

#include <uthash.h>

#include "lib/model/records.h"

/* A pair that was read, and for each call one with instance 0, which no instance has. */
struct dj_edge_known {
    uint64_t pair[2];
    UT_hash_handle hh;
};

struct dj_edges {
    struct dj_list list; /* struct dj_rec_edge */
    struct dj_edge_known *known;
};

/* dj_edges_add(edges, edge): false when that instance of that call is there already. */
bool dj_edges_add(struct dj_edges *edges, const struct dj_rec_edge *edge);
bool dj_edges_has(const struct dj_edges *edges, uint64_t call, uint64_t instance);
/* dj_edges_has_call(edges, call): some instance of it. */
bool dj_edges_has_call(const struct dj_edges *edges, uint64_t call);
/* dj_edges_take(edges): the list, which is the caller's now; nothing is left. */
struct dj_list dj_edges_take(struct dj_edges *edges);
void dj_edges_release(struct dj_edges *edges);

#endif

#include "daemon/edges.h"

#include <stdlib.h>

#include "lib/util/mem.h"

bool dj_edges_has(const struct dj_edges *edges, uint64_t call, uint64_t instance)
{
    const uint64_t pair[2] = {call, instance};
    struct dj_edge_known *known;

    HASH_FIND(hh, edges->known, pair, sizeof(pair), known);
    return known != NULL;
}

bool dj_edges_has_call(const struct dj_edges *edges, uint64_t call)
{
    return dj_edges_has(edges, call, 0);
}

static bool know(struct dj_edges *edges, uint64_t call, uint64_t instance)
{
    struct dj_edge_known *known;

    if (dj_edges_has(edges, call, instance))
        return false;
    known = dj_xcalloc(1, sizeof(*known));
    known->pair[0] = call;
    known->pair[1] = instance;
    HASH_ADD(hh, edges->known, pair, sizeof(known->pair), known);
    return true;
}

bool dj_edges_add(struct dj_edges *edges, const struct dj_rec_edge *edge)
{
    if (!know(edges, edge->call, edge->instance))
        return false;
    (void)know(edges, edge->call, 0);
    *(struct dj_rec_edge *)dj_list_add(&edges->list, sizeof(*edge)) = *edge;
    return true;
}

struct dj_list dj_edges_take(struct dj_edges *edges)
{
    struct dj_list list = edges->list;

    edges->list = (struct dj_list){0};
    dj_edges_release(edges);
    return list;
}

void dj_edges_release(struct dj_edges *edges)
{
    struct dj_edge_known *known, *next;

    HASH_ITER(hh, edges->known, known, next)
    {
        HASH_DEL(edges->known, known);
        free(known);
    }
    free(edges->list.items);
    edges->list = (struct dj_list){0};
}

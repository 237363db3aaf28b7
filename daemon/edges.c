#include "daemon/edges.h"

#include <stdlib.h>
#include <uthash.h>

#include "lib/util/mem.h"

/* A pair that was read, and for each call one with instance 0, which no instance has. */
struct dj_edge_known {
    uint64_t pair[2];
    UT_hash_handle hh;
};

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

unsigned dj_edges_worst(const struct dj_edges *edges)
{
    unsigned worst = 0;

    if (edges->known == NULL)
        return 0;
    for (unsigned i = 0; i < edges->known->hh.tbl->num_buckets; i++)
        worst = DJ_MAX(worst, edges->known->hh.tbl->buckets[i].count);
    return worst;
}

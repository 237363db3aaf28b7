#include "daemon/gather.h"

#include <stdlib.h>
#include <uthash.h>

#include "lib/util/mem.h"

struct dj_gathered_set {
    uint64_t number;
    UT_hash_handle hh;
};

bool dj_gather(struct dj_gathered *gathered, uint64_t set)
{
    struct dj_gathered_set *known;

    if (set == 0)
        return false;
    HASH_FIND(hh, gathered->known, &set, sizeof(set), known);
    if (known != NULL)
        return false;
    known = dj_xcalloc(1, sizeof(*known));
    known->number = set;
    HASH_ADD(hh, gathered->known, number, sizeof(known->number), known);
    *(uint64_t *)dj_list_add(&gathered->sets, sizeof(uint64_t)) = set;
    return true;
}

static const uint64_t *rest(const struct dj_gathered *gathered, size_t *ret_n)
{
    *ret_n = gathered->sets.n - gathered->joined_n;
    return *ret_n == 0 ? NULL : DJ_LIST_AT(&gathered->sets, uint64_t, gathered->joined_n);
}

uint64_t dj_gathered_join(struct dj_premises *premises, struct dj_gathered *gathered)
{
    size_t n;
    const uint64_t *sets = rest(gathered, &n);

    gathered->joined = dj_premises_union_all(premises, gathered->joined, sets, n);
    gathered->joined_n = gathered->sets.n;
    return gathered->joined;
}

bool dj_gathered_hold(struct dj_premises *premises, const struct dj_gathered *gathered,
                      uint64_t generation, dj_premise_holds_fn *holds, void *cookie)
{
    size_t n;
    const uint64_t *sets = rest(gathered, &n);
    bool all = dj_premises_hold(premises, gathered->joined, generation, holds, cookie);

    for (size_t i = 0; all && i < n; i++)
        all = dj_premises_hold(premises, sets[i], generation, holds, cookie);
    return all;
}

void dj_gathered_release(struct dj_gathered *gathered)
{
    struct dj_gathered_set *known, *next;

    HASH_ITER(hh, gathered->known, known, next)
    {
        HASH_DEL(gathered->known, known);
        free(known);
    }
    free(gathered->sets.items);
    *gathered = (struct dj_gathered){0};
}

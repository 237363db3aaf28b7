#include "cli/ids.h"

#include <stdlib.h>
#include <uthash.h>

#include "lib/util/mem.h"

struct dj_ids {
    struct dj_digest id;
    UT_hash_handle hh;
};

void dj_ids_add(struct dj_ids **ids, const struct dj_digest *id)
{
    struct dj_ids *one;

    if (dj_ids_has(*ids, id))
        return;
    one = dj_xcalloc(1, sizeof(*one));
    one->id = *id;
    HASH_ADD(hh, *ids, id, sizeof(one->id), one);
}

bool dj_ids_has(const struct dj_ids *ids, const struct dj_digest *id)
{
    const struct dj_ids *one;

    HASH_FIND(hh, ids, id, sizeof(*id), one);
    return one != NULL;
}

size_t dj_ids_count(const struct dj_ids *ids)
{
    return HASH_COUNT(ids);
}

void dj_ids_free(struct dj_ids **ids)
{
    struct dj_ids *one, *next;

    HASH_ITER(hh, *ids, one, next)
    {
        HASH_DEL(*ids, one);
        free(one);
    }
}

void dj_ids_add_hex(struct dj_ids **ids, const char *hex)
{
    struct dj_digest id;

    if (dj_digest_parse(dj_bytes_of(hex), &id) == 0)
        dj_ids_add(ids, &id);
}

bool dj_ids_has_hex(const struct dj_ids *ids, const char *hex)
{
    struct dj_digest id;

    return dj_digest_parse(dj_bytes_of(hex), &id) == 0 && dj_ids_has(ids, &id);
}

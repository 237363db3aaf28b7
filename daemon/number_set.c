#include "daemon/number_set.h"

#include <stdlib.h>

#include <uthash.h>

#include "lib/util/mem.h"

struct dj_number_set_member {
    uint64_t number;
    UT_hash_handle hh;
};

bool dj_number_set_add(struct dj_number_set *set, uint64_t number)
{
    struct dj_number_set_member *member;

    if (dj_number_set_has(set, number))
        return false;
    member = dj_xcalloc(1, sizeof(*member));
    member->number = number;
    HASH_ADD(hh, set->members, number, sizeof(number), member);
    return true;
}

bool dj_number_set_has(const struct dj_number_set *set, uint64_t number)
{
    struct dj_number_set_member *member;

    HASH_FIND(hh, set->members, &number, sizeof(number), member);
    return member != NULL;
}

void dj_number_set_clear(struct dj_number_set *set)
{
    struct dj_number_set_member *member, *next;

    HASH_ITER(hh, set->members, member, next)
    {
        HASH_DEL(set->members, member);
        free(member);
    }
}

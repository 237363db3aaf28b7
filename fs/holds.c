#include "fs/holds.h"

#include <stdlib.h>
#include <uthash.h>

#include "lib/util/mem.h"

struct dj_hold {
    uint64_t node;
    uint64_t openers;
    uint64_t owed;
    UT_hash_handle hh;
};

void dj_holds_open(struct dj_holds *holds, uint64_t node, bool asked)
{
    struct dj_hold *hold;

    HASH_FIND(hh, holds->table, &node, sizeof(node), hold);
    if (hold == NULL) {
        hold = dj_xcalloc(1, sizeof(*hold));
        hold->node = node;
        HASH_ADD(hh, holds->table, node, sizeof(hold->node), hold);
    }
    hold->openers++;
    hold->owed += asked;
}

uint64_t dj_holds_openers(const struct dj_holds *holds, uint64_t node)
{
    const struct dj_hold *hold;

    HASH_FIND(hh, holds->table, &node, sizeof(node), hold);
    return hold == NULL ? 0 : hold->openers;
}

uint64_t dj_holds_close(struct dj_holds *holds, uint64_t node)
{
    struct dj_hold *hold;
    uint64_t owed;

    HASH_FIND(hh, holds->table, &node, sizeof(node), hold);
    if (hold == NULL || --hold->openers > 0)
        return 0;
    owed = hold->owed;
    HASH_DEL(holds->table, hold);
    free(hold);
    return owed;
}

void dj_holds_list(const struct dj_holds *holds, struct dj_list *list)
{
    for (const struct dj_hold *hold = holds->table; hold != NULL; hold = hold->hh.next) {
        struct dj_part_forgotten *part;

        if (hold->owed == 0)
            continue;
        part = dj_list_add(list, sizeof(*part));
        part->node = hold->node;
        part->count = hold->owed;
    }
}

void dj_holds_release(struct dj_holds *holds)
{
    struct dj_hold *hold, *next;

    HASH_ITER(hh, holds->table, hold, next) {
        HASH_DEL(holds->table, hold);
        free(hold);
    }
}

#include "daemon/sched.h"

#include <stdlib.h>

#include "lib/util/mem.h"

void dj_sched_init(struct dj_sched *sched, uint64_t slots)
{
    *sched = (struct dj_sched){.slots = slots};
}

void dj_sched_release(struct dj_sched *sched)
{
    free(sched->heap);
    dj_sched_init(sched, 0);
}

static bool before(const struct dj_sched_item *a, const struct dj_sched_item *b)
{
    if (a->class != b->class)
        return a->class < b->class;
    if (a->priority != b->priority)
        return a->priority > b->priority;
    return a->order < b->order;
}

static void place(struct dj_sched *sched, size_t at, struct dj_sched_item *item)
{
    sched->heap[at] = item;
    item->at = at;
}

static void sift(struct dj_sched *sched, size_t at)
{
    struct dj_sched_item *item = sched->heap[at];

    while (at > 1 && before(item, sched->heap[at / 2])) {
        place(sched, at, sched->heap[at / 2]);
        at /= 2;
    }
    for (;;) {
        size_t child = 2 * at;

        if (child < sched->n && before(sched->heap[child + 1], sched->heap[child]))
            child++;
        if (child > sched->n || !before(sched->heap[child], item))
            break;
        place(sched, at, sched->heap[child]);
        at = child;
    }
    place(sched, at, item);
}

void dj_sched_add(struct dj_sched *sched, struct dj_sched_item *item, enum dj_sched_class class,
                  int64_t priority)
{
    if (item->at != 0) {
        if (class >= item->class)
            return;
        item->class = class;
        sift(sched, item->at);
        return;
    }
    item->class = class;
    item->priority = priority;
    item->order = ++sched->last_order;
    sched->heap = dj_xgrow(sched->heap, &sched->cap, sched->n + 2, sizeof(*sched->heap));
    place(sched, ++sched->n, item);
    sift(sched, sched->n);
}

void dj_sched_remove(struct dj_sched *sched, struct dj_sched_item *item)
{
    size_t at = item->at;
    struct dj_sched_item *last;

    if (at == 0)
        return;
    item->at = 0;
    last = sched->heap[sched->n--];
    if (last == item)
        return;
    place(sched, at, last);
    sift(sched, at);
}

struct dj_sched_item *dj_sched_next(struct dj_sched *sched)
{
    struct dj_sched_item *item;

    if (sched->n == 0 || sched->busy >= sched->slots)
        return NULL;
    item = sched->heap[1];
    if (sched->paused && item->class != DJ_SCHED_RESUME)
        return NULL;
    dj_sched_remove(sched, item);
    sched->busy++;
    return item;
}

void dj_sched_give_back(struct dj_sched *sched)
{
    if (sched->busy > 0)
        sched->busy--;
}

void dj_sched_take(struct dj_sched *sched)
{
    sched->busy++;
}

uint64_t dj_sched_position(const struct dj_sched *sched, const struct dj_sched_item *item)
{
    uint64_t position = 1;

    if (item->at == 0)
        return 0;
    for (size_t i = 1; i <= sched->n; i++)
        position += before(sched->heap[i], item);
    return position;
}

#include "daemon/sched.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "lib/util/mem.h"

void dj_sched_init(struct dj_sched *sched, uint64_t slots)
{
    *sched = (struct dj_sched){.slots = slots};
}

static struct dj_sched_kind *kind_at(const struct dj_sched *sched, size_t kind)
{
    return DJ_LIST_AT(&sched->kinds, struct dj_sched_kind, kind);
}

static struct dj_sched_part *part_at(const struct dj_list *parts, size_t index)
{
    return DJ_LIST_AT(parts, struct dj_sched_part, index);
}

void dj_sched_release(struct dj_sched *sched)
{
    for (size_t i = 0; i < sched->kinds.n; i++) {
        free(kind_at(sched, i)->name);
        free(kind_at(sched, i)->line.heap);
    }
    free(sched->kinds.items);
    free(sched->line.heap);
    dj_sched_init(sched, 0);
}

/* ---- resources ---- */

struct dj_sched_kind *dj_sched_kind(const struct dj_sched *sched, const char *name, size_t *ret)
{
    for (size_t i = 0; i < sched->kinds.n; i++) {
        if (strcmp(kind_at(sched, i)->name, name) == 0) {
            if (ret != NULL)
                *ret = i;
            return kind_at(sched, i);
        }
    }
    return NULL;
}

void dj_sched_set(struct dj_sched *sched, const char *name, uint64_t total)
{
    struct dj_sched_kind *kind = dj_sched_kind(sched, name, NULL);

    if (kind == NULL) {
        kind = dj_list_add(&sched->kinds, sizeof(*kind));
        *kind = (struct dj_sched_kind){.name = dj_xstrdup(name)};
    }
    kind->total = total;
}

static struct dj_sched_part *find_part(const struct dj_list *parts, size_t kind)
{
    for (size_t i = 0; i < parts->n; i++) {
        if (part_at(parts, i)->kind == kind)
            return part_at(parts, i);
    }
    return NULL;
}

static struct dj_sched_part *add_part(struct dj_list *parts, size_t kind, uint64_t amount)
{
    struct dj_sched_part *part = find_part(parts, kind);

    if (part == NULL) {
        part = dj_list_add(parts, sizeof(*part));
        *part = (struct dj_sched_part){.kind = kind};
    }
    part->amount += amount;
    return part;
}

static void drop_parts(struct dj_list *parts)
{
    free(parts->items);
    *parts = (struct dj_list){0};
}

void dj_sched_need(struct dj_sched_item *item, size_t kind, uint64_t amount)
{
    (void)add_part(&item->needs, kind, amount);
}

void dj_sched_need_nothing(struct dj_sched_item *item)
{
    drop_parts(&item->needs);
    item->slotless = false;
}

bool dj_sched_fits(const struct dj_sched *sched, const struct dj_sched_item *item)
{
    for (size_t i = 0; i < item->needs.n; i++) {
        const struct dj_sched_part *part = part_at(&item->needs, i);
        const struct dj_sched_kind *kind = kind_at(sched, part->kind);

        if (kind->held > kind->total || part->amount > kind->total - kind->held)
            return false;
    }
    return true;
}

void dj_sched_hold(struct dj_sched *sched, struct dj_sched_item *item, size_t kind,
                   uint64_t amount)
{
    (void)add_part(&item->holds, kind, amount);
    kind_at(sched, kind)->held += amount;
}

void dj_sched_free(struct dj_sched *sched, struct dj_sched_item *item, size_t kind,
                   uint64_t amount)
{
    struct dj_sched_part *part = find_part(&item->holds, kind);

    if (part == NULL)
        return;
    amount = amount < part->amount ? amount : part->amount;
    part->amount -= amount;
    kind_at(sched, kind)->held -= amount;
}

void dj_sched_free_all(struct dj_sched *sched, struct dj_sched_item *item)
{
    for (size_t i = 0; i < item->holds.n; i++)
        kind_at(sched, part_at(&item->holds, i)->kind)->held -= part_at(&item->holds, i)->amount;
    drop_parts(&item->holds);
}

uint64_t dj_sched_held(const struct dj_sched_item *item, size_t kind)
{
    const struct dj_sched_part *part = find_part(&item->holds, kind);

    return part == NULL ? 0 : part->amount;
}

/* ---- a line: a heap whose items know their places ---- */

enum { PLAIN = -1 }; /* the line of those that need nothing but a slot */

static bool before(const struct dj_sched_item *a, const struct dj_sched_item *b)
{
    if (a->class != b->class)
        return a->class < b->class;
    if (a->priority != b->priority)
        return a->priority > b->priority;
    return a->order < b->order;
}

static struct dj_sched_line *line_of(struct dj_sched *sched, ssize_t kind)
{
    return kind == PLAIN ? &sched->line : &kind_at(sched, (size_t)kind)->line;
}

static size_t *place_of(struct dj_sched_item *item, ssize_t kind)
{
    struct dj_sched_part *part = kind == PLAIN ? NULL : find_part(&item->needs, (size_t)kind);

    return part == NULL ? &item->at : &part->at;
}

static void place(struct dj_sched_line *line, ssize_t kind, size_t at, struct dj_sched_item *item)
{
    line->heap[at] = item;
    *place_of(item, kind) = at;
}

static void sift(struct dj_sched_line *line, ssize_t kind, size_t at)
{
    struct dj_sched_item *item = line->heap[at];

    while (at > 1 && before(item, line->heap[at / 2])) {
        place(line, kind, at, line->heap[at / 2]);
        at /= 2;
    }
    for (;;) {
        size_t child = 2 * at;

        if (child < line->n && before(line->heap[child + 1], line->heap[child]))
            child++;
        if (child > line->n || !before(line->heap[child], item))
            break;
        place(line, kind, at, line->heap[child]);
        at = child;
    }
    place(line, kind, at, item);
}

static void line_add(struct dj_sched *sched, ssize_t kind, struct dj_sched_item *item)
{
    struct dj_sched_line *line = line_of(sched, kind);

    line->heap = dj_xgrow(line->heap, &line->cap, line->n + 2, sizeof(*line->heap));
    place(line, kind, ++line->n, item);
    sift(line, kind, line->n);
}

static void line_remove(struct dj_sched *sched, ssize_t kind, struct dj_sched_item *item)
{
    struct dj_sched_line *line = line_of(sched, kind);
    size_t at = *place_of(item, kind);
    struct dj_sched_item *last = line->heap[line->n--];

    *place_of(item, kind) = 0;
    if (last == item)
        return;
    place(line, kind, at, last);
    sift(line, kind, at);
}

/* ---- who waits ---- */

bool dj_sched_waits(const struct dj_sched_item *item)
{
    return item->at != 0 || item->in_parts;
}

static void in_all_lines(struct dj_sched *sched, struct dj_sched_item *item,
                         void (*each)(struct dj_sched *sched, ssize_t kind,
                                      struct dj_sched_item *item))
{
    for (size_t i = 0; i < item->needs.n; i++)
        each(sched, (ssize_t)part_at(&item->needs, i)->kind, item);
}

static void move_up(struct dj_sched *sched, ssize_t kind, struct dj_sched_item *item)
{
    sift(line_of(sched, kind), kind, *place_of(item, kind));
}

void dj_sched_add(struct dj_sched *sched, struct dj_sched_item *item, enum dj_sched_class class,
                  int64_t priority)
{
    if (dj_sched_waits(item)) {
        if (class >= item->class)
            return;
        item->class = class;
        if (item->in_parts)
            in_all_lines(sched, item, move_up);
        else
            move_up(sched, PLAIN, item);
        return;
    }
    item->class = class;
    item->priority = priority;
    item->order = ++sched->last_order;
    sched->n++;
    item->in_parts = item->needs.n != 0;
    if (item->in_parts)
        in_all_lines(sched, item, line_add);
    else
        line_add(sched, PLAIN, item);
}

void dj_sched_remove(struct dj_sched *sched, struct dj_sched_item *item)
{
    if (!dj_sched_waits(item))
        return;
    sched->n--;
    if (item->in_parts)
        in_all_lines(sched, item, line_remove);
    else
        line_remove(sched, PLAIN, item);
    item->in_parts = false;
}

/* ---- whose turn it is ---- */

static bool may_go(const struct dj_sched *sched, const struct dj_sched_item *item)
{
    if (item->slotless)
        return true;
    return sched->busy < sched->slots && (!sched->paused || item->class == DJ_SCHED_RESUME);
}

struct dj_sched_item *dj_sched_first(const struct dj_sched *sched)
{
    if (sched->line.n == 0 || sched->paused || sched->line.heap[1]->class == DJ_SCHED_RESUME)
        return NULL;
    return sched->line.heap[1];
}

bool dj_sched_is_first(const struct dj_sched *sched, const struct dj_sched_item *item)
{
    for (size_t i = 0; i < item->needs.n; i++) {
        if (part_at(&item->needs, i)->at != 1)
            return false;
    }
    return dj_sched_fits(sched, item);
}

static void take_needs(struct dj_sched *sched, struct dj_sched_item *item)
{
    for (size_t i = 0; i < item->needs.n; i++) {
        const struct dj_sched_part *part = part_at(&item->needs, i);

        dj_sched_hold(sched, item, part->kind, part->amount);
    }
    drop_parts(&item->needs);
}

struct dj_sched_item *dj_sched_next(struct dj_sched *sched)
{
    struct dj_sched_item *best = NULL;

    if (sched->line.n != 0 && may_go(sched, sched->line.heap[1]))
        best = sched->line.heap[1];
    for (size_t i = 0; i < sched->kinds.n; i++) {
        struct dj_sched_line *line = &kind_at(sched, i)->line;
        struct dj_sched_item *first = line->n == 0 ? NULL : line->heap[1];

        if (first != NULL && may_go(sched, first) && (best == NULL || before(first, best)) &&
            dj_sched_is_first(sched, first))
            best = first;
    }
    if (best == NULL)
        return NULL;
    dj_sched_remove(sched, best);
    take_needs(sched, best);
    if (!best->slotless)
        sched->busy++;
    return best;
}

bool dj_sched_go(struct dj_sched *sched, struct dj_sched_item *item)
{
    return dj_sched_is_first(sched, item) && dj_sched_promote(sched, item);
}

bool dj_sched_promote(struct dj_sched *sched, struct dj_sched_item *item)
{
    if (!item->in_parts || !dj_sched_fits(sched, item))
        return false;
    dj_sched_remove(sched, item);
    take_needs(sched, item);
    if (!item->slotless)
        dj_sched_add(sched, item, item->class, item->priority);
    return true;
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

/* ---- for people ---- */

static uint64_t count_before(const struct dj_sched_line *line, ssize_t kind,
                             const struct dj_sched_item *item)
{
    uint64_t n = 0;

    for (size_t i = 1; i <= line->n; i++) {
        const struct dj_sched_item *other = line->heap[i];

        /* One that needs several stands in several lines. */
        if (kind == PLAIN || part_at(&other->needs, 0)->kind == (size_t)kind)
            n += before(other, item);
    }
    return n;
}

uint64_t dj_sched_position(const struct dj_sched *sched, const struct dj_sched_item *item)
{
    uint64_t position = 1;

    if (!dj_sched_waits(item))
        return 0;
    position += count_before(&sched->line, PLAIN, item);
    for (size_t i = 0; i < sched->kinds.n; i++)
        position += count_before(&kind_at(sched, i)->line, (ssize_t)i, item);
    return position;
}

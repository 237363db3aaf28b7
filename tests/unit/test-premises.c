/* Closures: equal sets are one number, verdicts live as long as a generation. */
#include "daemon/premises.h"
#include "daemon/edges.h"
#include "daemon/gather.h"
#include "tests/unit/tap.h"

static unsigned asked;
static uint32_t changed_task;

static bool holds(void *cookie, const struct dj_rec_premise *premise)
{
    (void)cookie;
    asked++;
    return premise->task != changed_task;
}

static void interning(struct dj_premises *premises)
{
    struct dj_digest one = {{1}}, two = {{2}};
    uint64_t a = dj_premises_task(premises, 1, &one), b = dj_premises_task(premises, 2, &one);
    uint64_t c = dj_premises_task(premises, 1, &two);
    uint64_t f = dj_premises_file(premises, dj_bytes_of("/data/a"), &one);

    ok(a != b && a != c && b != c && f != a, "different premises are different sets");
    is_int((long)dj_premises_task(premises, 1, &one), (long)a, "the same premise is the same set");
    is_int((long)dj_premises_union(premises, a, b), (long)dj_premises_union(premises, b, a),
           "a union does not know an order");
    is_int((long)dj_premises_union(premises, a, 0), (long)a, "the empty set adds nothing");
    is_int((long)dj_premises_union(premises, dj_premises_union(premises, a, b), c),
           (long)dj_premises_union(premises, a, dj_premises_union(premises, b, c)),
           "nor a grouping");
    is_int((long)dj_premises_union(premises, dj_premises_union(premises, a, b), a),
           (long)dj_premises_union(premises, a, b), "what is in it adds nothing");
    ok(dj_premises_has_task(premises, dj_premises_union(premises, a, b), 2), "it knows its tasks");
    ok(!dj_premises_has_task(premises, a, 2), "and no others");
}

static void judging(struct dj_premises *premises)
{
    struct dj_digest one = {{1}};
    uint64_t chain = dj_premises_task(premises, 1, &one);

    for (int i = 0; i < 100000; i++)
        chain = dj_premises_union(premises, chain, dj_premises_task(premises, 1 + i % 3, &one));
    asked = 0;
    ok(dj_premises_hold(premises, chain, 1, holds, NULL), "all premises hold");
    is_int((long)asked, 3, "a chain of 100 000 runs of three tasks is judged by three look-ups");
    ok(dj_premises_hold(premises, chain, 1, holds, NULL), "still");
    is_int((long)asked, 3, "and by none within one generation");
    changed_task = 2;
    ok(!dj_premises_hold(premises, chain, 2, holds, NULL), "a new generation judges anew");
    changed_task = 0;
    ok(dj_premises_hold(premises, chain, 3, holds, NULL), "set back, it holds again");
    ok(dj_premises_hold(premises, 0, 3, holds, NULL), "the empty set always holds");
    ok(!dj_premises_hold(premises, 1000000, 3, holds, NULL), "an unknown set never does");
}

static void never(struct dj_premises *premises)
{
    struct dj_digest one = {{1}};
    uint64_t task = dj_premises_task(premises, 1, &one);
    uint64_t refused = dj_premises_never(premises, "a cycle");

    is_int((long)dj_premises_never(premises, "a cycle"), (long)refused, "a refusal is stored once");
    ok(!dj_premises_hold(premises, refused, 4, holds, NULL), "it never holds");
    ok(!dj_premises_hold(premises, dj_premises_union(premises, task, refused), 4, holds, NULL),
       "nor does what contains it");
    ok(dj_premises_hold(premises, task, 4, holds, NULL), "the rest does");
}

struct saved {
    struct dj_premises *copy;
};

static void save_premise(void *cookie, uint64_t number, const struct dj_rec_premise *premise)
{
    dj_premises_load(((struct saved *)cookie)->copy, number, premise);
}

static void save_set(void *cookie, uint64_t number, const struct dj_rec_set *set)
{
    dj_premises_load_set(((struct saved *)cookie)->copy, number, set);
}

static void loading(void)
{
    struct saved saved = {dj_premises_new()};
    struct dj_premises *original = dj_premises_new();
    struct dj_digest one = {{1}};
    uint64_t both;

    dj_premises_on_made(original, save_premise, save_set, &saved);
    both = dj_premises_union(original, dj_premises_task(original, 1, &one),
                             dj_premises_task(original, 2, &one));
    is_int((long)dj_premises_union(saved.copy, dj_premises_task(saved.copy, 1, &one),
                                   dj_premises_task(saved.copy, 2, &one)),
           (long)both, "what was stored gets the same numbers after a restart");
    dj_premises_free(original);
    dj_premises_free(saved.copy);
}

static bool count(void *cookie, uint64_t number, const struct dj_rec_premise *premise)
{
    (void)number;
    (void)premise;
    return ++*(int *)cookie < 2;
}

static void looking(void)
{
    struct dj_premises *premises = dj_premises_new();
    struct dj_digest one = {{1}}, two = {{2}};
    uint64_t a = dj_premises_task(premises, 1, &one), b = dj_premises_task(premises, 2, &one);
    uint64_t both = dj_premises_union(premises, a, b);
    int seen = 0;

    ok(dj_premises_knows(premises, 1, &one) && !dj_premises_knows(premises, 1, &two),
       "a premise is known");
    ok(dj_premises_has(premises, both, 1) && dj_premises_has(premises, both, 2) &&
           !dj_premises_has(premises, both, 3) && !dj_premises_has(premises, a, 2) &&
           !dj_premises_has(premises, 0, 1),
       "a set has its premises and no others");
    both = dj_premises_union(premises, both, dj_premises_task(premises, 3, &one));
    dj_premises_each(premises, both, count, &seen);
    is_int(seen, 2, "looking through a set ends when that is wanted");
    dj_premises_free(premises);
}

/* How many entries the slowest look-up compares with. */
static unsigned worst_bucket(const struct dj_edges *edges)
{
    const UT_hash_table *table = edges->known->hh.tbl;
    unsigned worst = 0;

    for (unsigned i = 0; i < table->num_buckets; i++)
        worst = DJ_MAX(worst, table->buckets[i].count);
    return worst;
}

static void fan_in(void)
{
    enum { WIDE = 100000 };
    struct dj_premises *premises = dj_premises_new();
    struct dj_digest one = {{1}};
    struct dj_edges edges = {0};
    struct dj_list list;
    uint64_t set = 0;
    size_t again = 0, found = 0;

    for (uint64_t i = 1; i <= WIDE; i++) {
        struct dj_rec_edge edge = {.call = i, .instance = i + 7};

        dj_edges_add(&edges, &edge);
        again += dj_edges_add(&edges, &edge);
        found += dj_edges_has_call(&edges, i) && !dj_edges_has_call(&edges, i + 1);
        set = dj_premises_union(premises, set, dj_premises_task(premises, 1 + i % 3, &one));
    }
    is_int((long)edges.list.n, WIDE, "a run that reads 100 000 others has as many edges");
    is_int((long)again, 0, "each once");
    is_int((long)found, WIDE, "and knows whom it has read");
    ok(!dj_edges_has(&edges, 5, 13), "another instance is another edge");
    ok(worst_bucket(&edges) <= 32, "no look-up compares with more than 32 of them");
    asked = 0;
    ok(dj_premises_hold(premises, set, 1, holds, NULL), "what they rest on holds");
    is_int((long)asked, 3, "by three look-ups");
    list = dj_edges_take(&edges);
    is_int((long)DJ_LIST_AT(&list, struct dj_rec_edge, WIDE - 1)->call, WIDE, "in their order");
    ok(edges.list.n == 0 && !dj_edges_has_call(&edges, 1), "taken, nothing is left");
    free(list.items);
    dj_edges_release(&edges);
    dj_premises_free(premises);
}

static size_t made, members_made;

static void count_set(void *cookie, uint64_t number, const struct dj_rec_set *set)
{
    (void)cookie;
    (void)number;
    made++;
    members_made += set->members.n;
}

/* A run that names as many files, one after the other. */
static void files(void)
{
    enum { WIDE = 100000 };
    struct dj_premises *premises = dj_premises_new();
    struct dj_gathered gathered = {0}, again = {0};
    struct dj_digest content = {{7}};
    size_t new = 0, repeated = 0;
    char path[32];
    uint64_t one = 0;

    dj_premises_on_made(premises, NULL, count_set, NULL);
    for (uint64_t i = 1; i <= WIDE; i++) {
        snprintf(path, sizeof(path), "/data/%llu", (unsigned long long)i);
        one = dj_premises_file(premises, dj_bytes_of(path), &content);
        new += dj_gather(&gathered, one);
        repeated += dj_gather(&gathered, one);
    }
    is_int((long)new, WIDE, "100 000 files that one run named");
    is_int((long)repeated, 0, "each once");
    asked = 0;
    changed_task = 99;
    ok(dj_gathered_hold(premises, &gathered, 0, holds, NULL), "they hold before they are one set");
    is_int((long)asked, WIDE, "each asked for once");
    ok(made == WIDE, "no set was made between");
    one = dj_gathered_join(premises, &gathered);
    is_int((long)dj_premises_size(premises, one), WIDE, "joined they are one set of them all");
    ok(made == WIDE + 1 && members_made == 2 * WIDE, "with nothing between");
    ok(dj_gathered_join(premises, &gathered) == one, "joined again, it is the same");
    again.joined = one;
    dj_gather(&again, dj_premises_never(premises, "refused"));
    ok(!dj_gathered_hold(premises, &again, 0, holds, NULL), "one that never holds");
    dj_gather(&again, dj_premises_never(premises, "and again"));
    is_int((long)dj_premises_size(premises, dj_gathered_join(premises, &again)), WIDE + 2,
           "more than one set joined with what was there before");
    dj_gather(&again, 1 << 30);
    dj_gather(&again, one);
    ok(!dj_premises_hold(premises, dj_gathered_join(premises, &again), 0, holds, NULL),
       "a set that is unknown does not hold, with whatever it is joined");
    dj_gathered_release(&gathered);
    dj_gathered_release(&again);
    dj_premises_free(premises);
}

static bool to_two(void *cookie, const struct dj_rec_premise *premise, struct dj_digest *ret)
{
    const uint32_t *leave_out = cookie;

    *ret = (struct dj_digest){{2}};
    return premise->task != *leave_out;
}

static void mapping(struct dj_premises *premises)
{
    struct dj_digest one = {{1}}, two = {{2}}, three = {{3}};
    uint64_t a = dj_premises_task(premises, 7, &one), b = dj_premises_task(premises, 8, &one);
    uint64_t c = dj_premises_task(premises, 7, &three), all;
    uint32_t none = 0, eight = 8;

    all = dj_premises_union(premises, dj_premises_union(premises, a, b), c);
    is_int((long)dj_premises_map(premises, all, to_two, &none),
           (long)dj_premises_union(premises, dj_premises_task(premises, 8, &two),
                                   dj_premises_task(premises, 7, &two)),
           "the same tasks with other versions, each once");
    is_int((long)dj_premises_map(premises, all, to_two, &eight),
           (long)dj_premises_task(premises, 7, &two), "one is left out");
    is_int((long)dj_premises_map(premises, b, to_two, &eight), 0, "nothing is left");
    is_int((long)dj_premises_map(premises, 0, to_two, &none), 0, "of nothing");
}

int main(void)
{
    struct dj_premises *premises = dj_premises_new();

    interning(premises);
    judging(premises);
    never(premises);
    mapping(premises);
    dj_premises_free(premises);
    loading();
    fan_in();
    files();
    looking();
    return tap_done();
}

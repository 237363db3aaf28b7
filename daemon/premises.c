#include "daemon/premises.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/util/mem.h"

struct premise {
    struct dj_rec_premise rec;
    uint64_t number;
    struct dj_buf identity; /* hash key */
    UT_hash_handle hh;
};

struct set {
    uint64_t number;
    uint64_t *members; /* ascending; hash key */
    size_t n;
    uint64_t judged_in; /* generation of the verdict, 0: none */
    bool holds;
    UT_hash_handle hh;
};

struct joined {
    uint64_t pair[2]; /* a < b */
    uint64_t number;
    UT_hash_handle hh;
};

struct dj_premises {
    struct premise *premises;      /* by identity */
    struct premise **by_number;    /* index = number - 1 */
    size_t premise_count, premise_cap;
    struct set *sets;              /* by members */
    struct set **set_by_number;
    size_t set_count, set_cap;
    struct joined *unions;
    dj_premise_made_fn *premise_made;
    dj_set_made_fn *set_made;
    void *cookie;
};

struct dj_premises *dj_premises_new(void)
{
    return dj_xcalloc(1, sizeof(struct dj_premises));
}

void dj_premises_free(struct dj_premises *premises)
{
    struct premise *premise, *next_premise;
    struct set *set, *next_set;
    struct joined *joined, *next_joined;

    if (premises == NULL)
        return;
    HASH_ITER(hh, premises->unions, joined, next_joined)
    {
        HASH_DEL(premises->unions, joined);
        free(joined);
    }
    HASH_ITER(hh, premises->sets, set, next_set)
    {
        HASH_DEL(premises->sets, set);
        free(set->members);
        free(set);
    }
    HASH_ITER(hh, premises->premises, premise, next_premise)
    {
        HASH_DEL(premises->premises, premise);
        dj_codec_release(&dj_layout_premise, &premise->rec);
        dj_buf_release(&premise->identity);
        free(premise);
    }
    free(premises->by_number);
    free(premises->set_by_number);
    free(premises);
}

void dj_premises_on_made(struct dj_premises *premises, dj_premise_made_fn *premise,
                         dj_set_made_fn *set, void *cookie)
{
    premises->premise_made = premise;
    premises->set_made = set;
    premises->cookie = cookie;
}

static struct premise *add_premise(struct dj_premises *premises, uint64_t number, uint32_t task,
                                   const struct dj_digest *digest, struct dj_bytes path,
                                   struct dj_buf *identity)
{
    struct premise *premise = dj_xcalloc(1, sizeof(*premise));

    premise->number = number;
    premise->rec.task = task;
    premise->rec.digest = *digest;
    dj_buf_add_bytes(&premise->rec.path, path);
    premise->identity = *identity;
    dj_buf_init(identity);
    premises->by_number = dj_xgrow(premises->by_number, &premises->premise_cap, number,
                                   sizeof(*premises->by_number));
    while (premises->premise_count < number)
        premises->by_number[premises->premise_count++] = NULL;
    premises->by_number[number - 1] = premise;
    HASH_ADD_KEYPTR(hh, premises->premises, premise->identity.data, premise->identity.len, premise);
    return premise;
}

static void identify(struct dj_buf *identity, uint32_t task, const struct dj_digest *digest,
                     struct dj_bytes path)
{
    dj_buf_add(identity, &task, sizeof(task));
    dj_buf_add(identity, digest->b, sizeof(digest->b));
    dj_buf_add_bytes(identity, path);
}

void dj_premises_load(struct dj_premises *premises, uint64_t number,
                      const struct dj_rec_premise *rec)
{
    dj_cleanup_buf struct dj_buf identity = DJ_BUF_INIT;

    if (number == 0)
        return;
    identify(&identity, (uint32_t)rec->task, &rec->digest, dj_buf_bytes(&rec->path));
    add_premise(premises, number, (uint32_t)rec->task, &rec->digest, dj_buf_bytes(&rec->path),
                &identity);
}

static uint64_t intern_premise(struct dj_premises *premises, uint32_t task,
                               const struct dj_digest *digest, struct dj_bytes path)
{
    dj_cleanup_buf struct dj_buf identity = DJ_BUF_INIT;
    struct premise *premise;

    identify(&identity, task, digest, path);
    HASH_FIND(hh, premises->premises, identity.data, identity.len, premise);
    if (premise == NULL) {
        premise = add_premise(premises, premises->premise_count + 1, task, digest, path, &identity);
        if (premises->premise_made != NULL)
            premises->premise_made(premises->cookie, premise->number, &premise->rec);
    }
    return premise->number;
}

static struct set *add_set(struct dj_premises *premises, uint64_t number, uint64_t *members,
                           size_t n)
{
    struct set *set = dj_xcalloc(1, sizeof(*set));

    set->number = number;
    set->members = members;
    set->n = n;
    premises->set_by_number = dj_xgrow(premises->set_by_number, &premises->set_cap, number,
                                       sizeof(*premises->set_by_number));
    while (premises->set_count < number)
        premises->set_by_number[premises->set_count++] = NULL;
    premises->set_by_number[number - 1] = set;
    HASH_ADD_KEYPTR(hh, premises->sets, set->members, n * sizeof(*members), set);
    return set;
}

void dj_premises_load_set(struct dj_premises *premises, uint64_t number,
                          const struct dj_rec_set *rec)
{
    uint64_t *members;

    if (number == 0 || rec->members.n == 0)
        return;
    members = dj_xmalloc(rec->members.n * sizeof(*members));
    for (size_t i = 0; i < rec->members.n; i++)
        members[i] = DJ_LIST_AT(&rec->members, struct dj_rec_member, i)->premise;
    add_set(premises, number, members, rec->members.n);
}

/* Takes the members. */
static uint64_t intern_set(struct dj_premises *premises, uint64_t *members, size_t n)
{
    struct dj_rec_set rec = {{0}};
    struct set *set;

    HASH_FIND(hh, premises->sets, members, n * sizeof(*members), set);
    if (set != NULL) {
        free(members);
        return set->number;
    }
    set = add_set(premises, premises->set_count + 1, members, n);
    for (size_t i = 0; i < n; i++)
        ((struct dj_rec_member *)dj_list_add(&rec.members, sizeof(struct dj_rec_member)))->premise =
            members[i];
    if (premises->set_made != NULL)
        premises->set_made(premises->cookie, set->number, &rec);
    dj_codec_release(&dj_layout_set, &rec);
    return set->number;
}

static uint64_t single(struct dj_premises *premises, uint64_t premise)
{
    return intern_set(premises, dj_xmemdup(&premise, sizeof(premise)), 1);
}

uint64_t dj_premises_task(struct dj_premises *premises, uint32_t task,
                          const struct dj_digest *effective)
{
    return single(premises, intern_premise(premises, task, effective, dj_bytes(NULL, 0)));
}

uint64_t dj_premises_file(struct dj_premises *premises, struct dj_bytes path,
                          const struct dj_digest *content)
{
    return single(premises, intern_premise(premises, 0, content, path));
}

uint64_t dj_premises_never(struct dj_premises *premises, const char *sentence)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct dj_digest none = {{0}};

    dj_buf_addc(&path, 0);
    dj_buf_adds(&path, sentence);
    return dj_premises_file(premises, dj_buf_bytes(&path), &none);
}

struct dj_bytes dj_premise_never(const struct dj_rec_premise *premise)
{
    struct dj_bytes path = dj_buf_bytes(&premise->path);

    if (premise->task != 0 || path.len == 0 || path.data[0] != 0)
        return dj_bytes(NULL, 0);
    return dj_bytes_from(path, 1);
}

static struct set *set_at(struct dj_premises *premises, uint64_t number)
{
    return number == 0 || number > premises->set_count ? NULL
                                                       : premises->set_by_number[number - 1];
}

static uint64_t *merge(const struct set *a, const struct set *b, size_t *ret_n)
{
    uint64_t *members = dj_xmalloc((a->n + b->n) * sizeof(*members));
    size_t i = 0, j = 0, n = 0;

    while (i < a->n || j < b->n) {
        if (j == b->n || (i < a->n && a->members[i] < b->members[j])) {
            members[n++] = a->members[i++];
        } else {
            if (i < a->n && a->members[i] == b->members[j])
                i++;
            members[n++] = b->members[j++];
        }
    }
    *ret_n = n;
    return members;
}

uint64_t dj_premises_union(struct dj_premises *premises, uint64_t a, uint64_t b)
{
    uint64_t pair[2] = {DJ_MIN(a, b), DJ_MAX(a, b)};
    struct joined *joined;
    struct set *first = set_at(premises, pair[0]), *second = set_at(premises, pair[1]);
    size_t n;

    if (pair[0] == pair[1] || first == NULL || second == NULL)
        return pair[1];
    HASH_FIND(hh, premises->unions, pair, sizeof(pair), joined);
    if (joined == NULL) {
        uint64_t *members = merge(first, second, &n);

        joined = dj_xcalloc(1, sizeof(*joined));
        memcpy(joined->pair, pair, sizeof(pair));
        joined->number = intern_set(premises, members, n);
        HASH_ADD(hh, premises->unions, pair, sizeof(joined->pair), joined);
    }
    return joined->number;
}

size_t dj_premises_size(struct dj_premises *premises, uint64_t number)
{
    const struct set *set = set_at(premises, number);

    return set == NULL ? 0 : set->n;
}

static void mark_members(const struct set *set, uint64_t *bits)
{
    for (size_t i = 0; i < set->n; i++)
        bits[set->members[i] / 64] |= (uint64_t)1 << set->members[i] % 64;
}

/* Takes the bits; bit n stands for premise n. */
static uint64_t intern_bits(struct dj_premises *premises, uint64_t *bits, size_t words)
{
    uint64_t *members;
    size_t n = 0;

    for (size_t i = 0; i < words; i++)
        n += (size_t)__builtin_popcountll(bits[i]);
    members = dj_xmalloc(n * sizeof(*members));
    n = 0;
    for (size_t i = 0; i < words; i++) {
        for (uint64_t left = bits[i]; left != 0; left &= left - 1)
            members[n++] = i * 64 + (unsigned)__builtin_ctzll(left);
    }
    free(bits);
    return intern_set(premises, members, n);
}

uint64_t dj_premises_union_all(struct dj_premises *premises, uint64_t number,
                               const uint64_t *sets, size_t n)
{
    const struct set *set = set_at(premises, number);
    size_t words = premises->premise_count / 64 + 1;
    uint64_t *bits;

    if (n <= 1)
        return n == 0 ? number : dj_premises_union(premises, number, sets[0]);
    if (number != 0 && set == NULL)
        return number; /* it never holds, nor would the union */
    bits = dj_xcalloc(words, sizeof(*bits));
    if (set != NULL)
        mark_members(set, bits);
    for (size_t i = 0; i < n; i++) {
        set = set_at(premises, sets[i]);
        if (set == NULL && sets[i] != 0) {
            free(bits);
            return sets[i];
        }
        if (set != NULL)
            mark_members(set, bits);
    }
    return intern_bits(premises, bits, words);
}

bool dj_premises_hold(struct dj_premises *premises, uint64_t number, uint64_t generation,
                      dj_premise_holds_fn *holds, void *cookie)
{
    struct set *set = set_at(premises, number);
    bool all = true;

    if (number == 0)
        return true;
    if (set == NULL)
        return false;
    if (generation != 0 && set->judged_in == generation)
        return set->holds;
    for (size_t i = 0; all && i < set->n; i++) {
        struct premise *premise = set->members[i] > premises->premise_count
                                      ? NULL
                                      : premises->by_number[set->members[i] - 1];

        all = premise != NULL && dj_premise_never(&premise->rec).data == NULL &&
              holds(cookie, &premise->rec);
    }
    set->judged_in = generation;
    set->holds = all;
    return all;
}

bool dj_premises_has_task(struct dj_premises *premises, uint64_t number, uint32_t task)
{
    struct set *set = set_at(premises, number);

    for (size_t i = 0; set != NULL && i < set->n; i++) {
        struct premise *premise = premises->by_number[set->members[i] - 1];

        if (premise != NULL && premise->rec.task == task)
            return true;
    }
    return false;
}

void dj_premises_each(struct dj_premises *premises, uint64_t number, dj_premise_each_fn *each,
                      void *cookie)
{
    struct set *set = set_at(premises, number);
    bool go_on = true;

    for (size_t i = 0; set != NULL && go_on && i < set->n; i++) {
        struct premise *premise = set->members[i] > premises->premise_count
                                      ? NULL
                                      : premises->by_number[set->members[i] - 1];

        if (premise != NULL)
            go_on = each(cookie, premise->number, &premise->rec);
    }
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return *left < *right ? -1 : *left > *right;
}

static size_t sort_unique(uint64_t *members, size_t n)
{
    size_t kept = 0;

    qsort(members, n, sizeof(*members), by_number);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || members[i] != members[kept - 1])
            members[kept++] = members[i];
    }
    return kept;
}

/* Interning may move the tables but not what they point to. */
uint64_t dj_premises_map(struct dj_premises *premises, uint64_t number, dj_premise_now_fn *now,
                         void *cookie)
{
    const struct set *set = set_at(premises, number);
    uint64_t *members;
    size_t n = 0;

    if (set == NULL)
        return 0;
    members = dj_xmalloc(set->n * sizeof(*members));
    for (size_t i = 0; i < set->n; i++) {
        const struct premise *premise = set->members[i] > premises->premise_count
                                            ? NULL
                                            : premises->by_number[set->members[i] - 1];
        struct dj_digest digest;

        if (premise != NULL && now(cookie, &premise->rec, &digest))
            members[n++] = intern_premise(premises, (uint32_t)premise->rec.task, &digest,
                                          dj_buf_bytes(&premise->rec.path));
    }
    if (n == 0) {
        free(members);
        return 0;
    }
    return intern_set(premises, members, sort_unique(members, n));
}

bool dj_premises_has(struct dj_premises *premises, uint64_t number, uint64_t premise)
{
    struct set *set = set_at(premises, number);
    size_t low = 0, high = set == NULL ? 0 : set->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->members[middle] == premise)
            return true;
        if (set->members[middle] < premise)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool dj_premises_knows(struct dj_premises *premises, uint32_t task,
                       const struct dj_digest *effective)
{
    dj_cleanup_buf struct dj_buf identity = DJ_BUF_INIT;
    struct premise *premise;

    identify(&identity, task, effective, dj_bytes(NULL, 0));
    HASH_FIND(hh, premises->premises, identity.data, identity.len, premise);
    return premise != NULL;
}

#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * Runs that agree with a call in all arguments but some, or parts of some, which one request
 * ignores.
 *
 * For each task and choice of parameters that was asked for there is an index in memory: the done
 * instances by a hash of the arguments that count. The first who asks has it made, a few runs at a
 * time, so that nobody else waits; from then on each run that ends is added. An entry is a hint:
 * whether it agrees and is valid is looked up when it is met, so nothing has to be taken out.
 */

enum {
    INDEXES_MAX = 8,
    RUNS_AT_ONCE = 250,
    TAIL_MAX = 1000,       /* entries that are not sorted in yet */
    CANDIDATES_MAX = 1000, /* that are looked at, the newest first */
};

struct entry {
    uint64_t hash, instance, call;
};

struct waiting_alike {
    dj_ready_fn *ready;
    void *cookie;
};

struct alike {
    struct dj_engine *engine;
    struct task *task;
    struct dj_params params; /* the task's, with what is ignored marked */
    struct dj_list entries;  /* struct entry */
    size_t sorted;           /* the first of them, by hash and instance */
    uint64_t used;           /* when it was asked for last */
    struct dj_timer *timer;  /* of the next step of its making; NULL: it is made */
    struct dj_buf after;     /* the run that was looked at last */
    struct dj_list waiting;  /* struct waiting_alike */
    struct alike *next;
};

/* ---- what counts -------------------------------------------------------------------------- */

static void join(const struct dj_list *words, struct dj_buf *ret)
{
    for (size_t i = 0; i < words->n; i++) {
        if (i > 0)
            dj_buf_addc(ret, ',');
        dj_buf_add_bytes(ret, dj_buf_bytes(&DJ_LIST_AT(words, struct dj_part_word, i)->bytes));
    }
}

/* What the definition ignores stays so: the request's rules are for what its own leave. */
static void combine(struct dj_params *params, const struct dj_params *defined)
{
    for (size_t i = 0; i < params->n; i++) {
        struct dj_param *param = &params->items[i];
        const struct dj_param *own = &defined->items[i];
        struct dj_parts *asked = param->parts;

        param->ignored |= own->ignored;
        if (own->parts == NULL)
            continue;
        param->parts = dj_parts_copy(own->parts);
        param->parts->then = asked;
    }
}

int dj_alike_params(struct dj_task *public, const struct dj_list *ignore,
                    const struct dj_list *keep, struct dj_params *ret, struct dj_err *err)
{
    const struct task *task = dj_container_of(public, struct task, public);
    dj_cleanup_buf struct dj_buf list = DJ_BUF_INIT;
    int rc;

    if (ignore->n != 0 && keep->n != 0)
        return dj_err_set(err, EINVAL, "--ignore and --keep exclude each other");
    dj_params_copy(ret, &task->definition.params);
    for (size_t i = 0; i < ret->n; i++) {
        ret->items[i].ignored = false;
        dj_parts_freep(&ret->items[i].parts);
    }
    join(ignore->n != 0 ? ignore : keep, &list);
    rc = ignore->n != 0 ? dj_params_ignore(public->name, ret, dj_buf_bytes(&list), err)
                        : dj_params_keep(public->name, ret, dj_buf_bytes(&list), err);
    combine(ret, &task->definition.params);
    if (rc < 0)
        dj_params_release(ret);
    return rc;
}

static bool same_choice(const struct dj_params *a, const struct dj_params *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; same && i < a->n; i++)
        same = dj_param_same_rules(&a->items[i], &b->items[i]);
    return same;
}

/* Of the arguments that count; false: they are bound to other parameters. */
static bool digest(const struct dj_call *call, const struct dj_params *params,
                   struct dj_digest *ret)
{
    const struct dj_args args = {params, call->args.values};

    if (call->foreign || call->params.n != params->n)
        return false;
    dj_key_digest(call->task->public.name, &args, ret);
    return true;
}

static uint64_t hash_of(const struct dj_digest *digest)
{
    return dj_get64(dj_bytes(digest->b, sizeof(digest->b)), 0);
}

/* ---- the index --------------------------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;

    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    return left->instance < right->instance ? -1 : left->instance > right->instance;
}

static int newest_first(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;

    return left->instance > right->instance ? -1 : left->instance < right->instance;
}

/* The tail is sorted and merged in from behind. */
static void sort_in(struct alike *alike)
{
    struct entry *all = alike->entries.items;
    size_t n = alike->entries.n - alike->sorted, i = alike->sorted, at = alike->entries.n;
    struct entry *tail;

    if (n == 0)
        return;
    tail = dj_xmemdup(all + i, n * sizeof(*tail));
    qsort(tail, n, sizeof(*tail), by_hash);
    while (n > 0) {
        if (i > 0 && by_hash(&all[i - 1], &tail[n - 1]) > 0)
            all[--at] = all[--i];
        else
            all[--at] = tail[--n];
    }
    free(tail);
    alike->sorted = alike->entries.n;
}

static void add(struct alike *alike, const struct dj_call *call, uint64_t instance)
{
    struct dj_digest key;

    if (digest(call, &alike->params, &key))
        *(struct entry *)dj_list_add(&alike->entries, sizeof(struct entry)) =
            (struct entry){hash_of(&key), instance, call->rec.number};
}

void alike_add(struct run *run)
{
    for (struct alike *alike = run->engine->alikes; alike != NULL; alike = alike->next) {
        if (alike->task != run->call->task)
            continue;
        add(alike, run->call, run->instance);
        if (alike->timer == NULL && alike->entries.n - alike->sorted > TAIL_MAX)
            sort_in(alike);
    }
}

/* The first entry of the sorted ones that is behind all with that hash. */
static size_t behind(const struct alike *alike, uint64_t hash)
{
    size_t low = 0, high = alike->sorted;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (DJ_LIST_AT(&alike->entries, struct entry, middle)->hash <= hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void collect(const struct alike *alike, uint64_t hash, struct dj_list *ret)
{
    const struct entry *all = alike->entries.items;

    for (size_t i = behind(alike, hash); i > 0 && all[i - 1].hash == hash; i--) {
        if (ret->n == CANDIDATES_MAX)
            break;
        *(struct entry *)dj_list_add(ret, sizeof(*all)) = all[i - 1];
    }
    for (size_t i = alike->sorted; i < alike->entries.n; i++) {
        if (all[i].hash == hash)
            *(struct entry *)dj_list_add(ret, sizeof(*all)) = all[i];
    }
    if (ret->n != 0)
        qsort(ret->items, ret->n, sizeof(*all), newest_first);
}

static bool answers(struct alike *alike, const struct entry *entry, const struct dj_digest *key)
{
    struct dj_call *call = dj_call_by_number(alike->engine, entry->call);
    struct dj_digest own;
    bool fits = call != NULL && call->task == alike->task && digest(call, &alike->params, &own) &&
                dj_digest_equal(&own, key) &&
                dj_call_current(alike->engine, call) == entry->instance;

    dj_call_unref(call);
    return fits;
}

static uint64_t find(struct alike *alike, const struct dj_digest *key)
{
    struct dj_list candidates = {0};
    uint64_t found = 0;

    collect(alike, hash_of(key), &candidates);
    for (size_t i = 0; found == 0 && i < candidates.n && i < CANDIDATES_MAX; i++) {
        const struct entry *entry = DJ_LIST_AT(&candidates, struct entry, i);

        if (answers(alike, entry, key))
            found = entry->instance;
    }
    free(candidates.items);
    return found;
}

/* ---- its making -------------------------------------------------------------------------- */

struct telling {
    struct dj_list waiting;
    int code;
};

static void tell(void *cookie)
{
    struct telling *telling = cookie;

    for (size_t i = 0; i < telling->waiting.n; i++) {
        struct waiting_alike *one = DJ_LIST_AT(&telling->waiting, struct waiting_alike, i);

        one->ready(one->cookie, telling->code);
    }
    free(telling->waiting.items);
    free(telling);
}

static struct telling *take_waiting(struct alike *alike, int code)
{
    struct telling *telling = dj_xcalloc(1, sizeof(*telling));

    telling->waiting = alike->waiting;
    telling->code = code;
    alike->waiting = (struct dj_list){0};
    return telling;
}

/* Who waits asks again when this turn is over: what drops it is in the middle of a change. */
static void drop(struct alike *alike, int code)
{
    struct telling *telling = take_waiting(alike, code);

    if (code == 0)
        dj_loop_later(alike->engine->loop, tell, telling);
    for (struct alike **at = &alike->engine->alikes; *at != NULL; at = &(*at)->next) {
        if (*at == alike) {
            *at = alike->next;
            break;
        }
    }
    dj_timer_cancel(alike->timer);
    dj_params_release(&alike->params);
    dj_buf_release(&alike->after);
    free(alike->entries.items);
    free(alike);
    if (code != 0)
        tell(telling);
}

struct step {
    struct alike *alike;
    size_t left;
};

static int look(void *cookie, struct dj_bytes name, uint64_t number)
{
    struct step *step = cookie;
    struct dj_call *call = dj_call_by_number(step->alike->engine, number);

    dj_buf_set(&step->alike->after, name);
    for (size_t i = 0; call != NULL && i < call->rec.instances.n; i++) {
        const struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);

        if (summary->state == DJ_DONE)
            add(step->alike, call, summary->instance);
    }
    dj_call_unref(call);
    return --step->left == 0;
}

static void make_on(void *cookie)
{
    struct alike *alike = cookie;
    struct step step = {alike, RUNS_AT_ONCE};
    dj_cleanup_buf struct dj_buf after = DJ_BUF_INIT;

    dj_buf_set(&after, dj_buf_bytes(&alike->after));
    alike->timer = NULL;
    dj_task_runs(alike->engine, &alike->task->public, dj_buf_bytes(&after), look, &step);
    if (step.left == 0) {
        alike->timer = dj_loop_timer(alike->engine->loop, 0, make_on, alike);
        return;
    }
    sort_in(alike);
    tell(take_waiting(alike, 0));
}

/* The one that was asked for longest ago gives way. */
static void make_room(struct dj_engine *engine)
{
    struct alike *oldest = NULL;
    size_t n = 0;

    for (struct alike *alike = engine->alikes; alike != NULL; alike = alike->next, n++) {
        if (alike->timer == NULL && (oldest == NULL || alike->used < oldest->used))
            oldest = alike;
    }
    if (n >= INDEXES_MAX && oldest != NULL)
        drop(oldest, 0);
}

static struct alike *index_of(struct dj_engine *engine, struct task *task,
                              const struct dj_params *params)
{
    struct alike *alike = engine->alikes;

    while (alike != NULL && (alike->task != task || !same_choice(&alike->params, params)))
        alike = alike->next;
    if (alike == NULL) {
        make_room(engine);
        alike = dj_xcalloc(1, sizeof(*alike));
        alike->engine = engine;
        alike->task = task;
        dj_params_copy(&alike->params, params);
        alike->next = engine->alikes;
        engine->alikes = alike;
        alike->timer = dj_loop_timer(engine->loop, 0, make_on, alike);
    }
    alike->used = ++engine->alikes_used;
    return alike;
}

int dj_alike(struct dj_engine *engine, struct dj_call *call, const struct dj_params *params,
             uint64_t *ret, dj_ready_fn *ready, void *cookie)
{
    struct alike *alike;
    struct dj_digest key;

    *ret = 0;
    if (dj_call_current(engine, call) != 0 || !digest(call, params, &key))
        return 0;
    alike = index_of(engine, call->task, params);
    if (alike->timer != NULL) {
        *(struct waiting_alike *)dj_list_add(&alike->waiting, sizeof(struct waiting_alike)) =
            (struct waiting_alike){ready, cookie};
        return 1;
    }
    *ret = find(alike, &key);
    return 0;
}

void alikes_drop(struct dj_engine *engine, const struct task *task, int code)
{
    struct alike *alike = engine->alikes, *next;

    for (; alike != NULL; alike = next) {
        next = alike->next;
        if (task == NULL || alike->task == task)
            drop(alike, code);
    }
}

#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/model/expiry.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * cutoff = yes: a run that comes out equal does not invalidate those that had called it.
 *
 * A stale result is looked at again, call by call in their order: a called run that is valid still,
 * or whose task has cutoff and whose valid result is equal to what was read then, stands. One that
 * has no valid result is computed first: with all before it equal, it would be called again anyway.
 * When all stand, the result is valid by a second closure, that of what its calls rest on now,
 * which is put down like an acceptance: so a look-up stays one comparison, and a result that is
 * kept is kept over restarts. Else it is computed.
 *
 * A run that is CHECKING has not begun; it goes step by step, from the loop, so that neither many
 * calls nor a long chain of runs that check each other hold anything up.
 */

enum { AT_ONCE = 256, KEPT_MAX = 8, DEPTH_MAX = 1000 };

enum verdict { STANDS, COMPUTE, FAILS };

/* What is known of an earlier result so far. */
struct walk {
    struct dj_engine *engine;
    uint64_t tasks;        /* closures of what stands, as they are now */
    struct dj_list files;  /* uint64_t: sets */
    struct dj_list before; /* uint64_t: sets by which the calls were valid once */
    uint64_t expires_ns;
    struct dj_buf equal;   /* the first that came out equal */
    size_t equals;
};

struct check {
    struct run *run;       /* NULL: it is over, and this goes with what is planned */
    uint64_t instance;     /* the earlier result */
    struct dj_list edges;  /* struct dj_rec_edge */
    size_t next;
    bool computed;         /* the next one was, for us */
    size_t depth;
    struct walk walk;
    struct dj_want *want;
    bool planned;
};

static void walk_release(struct walk *walk)
{
    free(walk->files.items);
    free(walk->before.items);
    dj_buf_release(&walk->equal);
}

static void add_set(struct dj_list *sets, uint64_t set)
{
    for (size_t i = sets->n; set != 0 && i-- > 0;) {
        if (*DJ_LIST_AT(sets, uint64_t, i) == set)
            return;
    }
    if (set != 0)
        *(uint64_t *)dj_list_add(sets, sizeof(set)) = set;
}

/* ---- which result can stand ---- */

static bool can_stand(struct dj_engine *engine DJ_UNUSED, const struct dj_rec_summary *summary)
{
    struct dj_expiry own = {summary->ended_ns, summary->own_ns, 0};

    return summary->state == DJ_DONE && !summary->corrupt && !summary->stale &&
           dj_expiry_at(&own, dj_clock_now_ns()) != DJ_EXPIRED;
}

static bool rests_on_cutoff(const struct dj_engine *engine, uint64_t tasks)
{
    for (const struct task *task = engine->tasks; task != NULL; task = task->hh.next) {
        if (task->public.definition != NULL && task->definition.cutoff &&
            dj_premises_has_task(engine->premises, tasks, task->public.number))
            return true;
    }
    return false;
}

/* The result that may be valid again by what it called; NULL: none. */
static const struct dj_rec_instance *candidate(struct dj_engine *engine,
                                               const struct dj_call *call)
{
    const struct dj_rec_summary *newest =
        call->task->unsettled || call->foreign ? NULL : call_newest_that(engine, call, can_stand);
    const struct dj_rec_instance *rec;

    if (newest == NULL || !rests_on_cutoff(engine, newest->tasks))
        return NULL;
    rec = dj_instance(engine, newest->instance);
    return rec != NULL && rec->edges.n != 0 &&
                   dj_digest_equal(&rec->effective, &call->task->effective)
               ? rec
               : NULL;
}

/* ---- equal ---- */

static bool same_content(const struct dj_rec_content *a, const struct dj_rec_content *b)
{
    return a->size == b->size && dj_digest_equal(&a->digest, &b->digest);
}

static bool load_manifest(struct dj_engine *engine, const struct dj_rec_instance *rec,
                          struct dj_rec_manifest *ret)
{
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;

    return dj_read_content(engine, &rec->manifest, 0, (size_t)rec->manifest.size, &bytes,
                           NULL) == 0 &&
           dj_codec_decode(&dj_layout_manifest, dj_buf_bytes(&bytes), ret, NULL) == 0;
}

static bool same_entries(const struct dj_rec_manifest *a, const struct dj_rec_manifest *b)
{
    bool same = a->entries.n == b->entries.n;

    for (size_t i = 0; same && i < a->entries.n; i++) {
        const struct dj_rec_entry *one = DJ_LIST_AT(&a->entries, struct dj_rec_entry, i),
                                  *other = DJ_LIST_AT(&b->entries, struct dj_rec_entry, i);

        same = dj_bytes_equal(dj_buf_bytes(&one->path), dj_buf_bytes(&other->path)) &&
               one->mode == other->mode && same_content(&one->content, &other->content) &&
               dj_bytes_equal(dj_buf_bytes(&one->target), dj_buf_bytes(&other->target));
    }
    return same;
}

/* Result and files, but for the times of files. */
static bool came_out_equal(struct dj_engine *engine, uint64_t a, uint64_t b)
{
    const struct dj_rec_instance *one = dj_instance(engine, a), *other = dj_instance(engine, b);
    struct dj_rec_manifest before = {0}, now = {0};
    bool same;

    if (one == NULL || other == NULL || !same_content(&one->result, &other->result) ||
        one->file_count != other->file_count || one->file_bytes != other->file_bytes)
        return false;
    if (same_content(&one->manifest, &other->manifest))
        return true;
    same = load_manifest(engine, one, &before) && load_manifest(engine, other, &now) &&
           same_entries(&before, &now);
    dj_codec_release(&dj_layout_manifest, &before);
    dj_codec_release(&dj_layout_manifest, &now);
    return same;
}

/* ---- one call ---- */

static void stands_by(struct walk *walk, const struct closure *closure)
{
    walk->tasks = dj_premises_union(walk->engine->premises, walk->tasks, closure->tasks);
    add_set(&walk->files, closure->files);
    walk->expires_ns = dj_expiry_least(walk->expires_ns, closure->expires_ns);
}

static void note_equal(struct walk *walk, const struct dj_call *call,
                       const struct dj_rec_acceptance *accepted)
{
    if (accepted != NULL && (accepted->equal == NULL || *accepted->equal == '\0'))
        return;
    if (walk->equals++ != 0)
        return;
    if (accepted != NULL)
        dj_buf_adds(&walk->equal, accepted->equal);
    else
        add_run_name(&walk->equal, call);
}

static void note_before(struct walk *walk, const struct dj_rec_summary *summary)
{
    add_set(&walk->before, summary->tasks);
    add_set(&walk->before, summary->files);
    for (size_t i = 0; i < summary->accepted.n; i++) {
        const struct dj_rec_acceptance *accepted =
            DJ_LIST_AT(&summary->accepted, struct dj_rec_acceptance, i);

        add_set(&walk->before, accepted->tasks);
        add_set(&walk->before, accepted->files);
    }
}

static enum verdict judge_call(struct walk *walk, struct dj_call *call,
                               const struct dj_rec_summary *read)
{
    uint64_t read_instance = read->instance, current;
    bool cutoff = call->task->public.definition != NULL && call->task->definition.cutoff;
    struct closure closure;

    note_before(walk, read);
    if (summary_holds(walk->engine, read, &closure) && !closure.served) {
        stands_by(walk, &closure);
        if (closure.accepted != NULL)
            note_equal(walk, call, closure.accepted);
        return STANDS;
    }
    current = dj_call_current(walk->engine, call);
    if (current != 0 && !(summary_holds(walk->engine, call_summary(call, current), &closure) &&
                          closure.served)) {
        if (!cutoff || !came_out_equal(walk->engine, read_instance, current))
            return FAILS;
        stands_by(walk, &closure);
        note_equal(walk, call, NULL);
        return STANDS;
    }
    if (call->task->public.definition == NULL || call->foreign)
        return FAILS;
    return cutoff || candidate(walk->engine, call) != NULL ? COMPUTE : FAILS;
}

/* One that was deleted, or left no trace, is answered for by what of the closure still holds. */
static enum verdict judge_edge(struct walk *walk, const struct dj_rec_edge *edge,
                               struct dj_call **ret_call)
{
    const struct dj_rec_summary *read;
    enum verdict verdict = STANDS;

    *ret_call = NULL;
    if (edge->failed)
        return FAILS;
    if (edge->instance == 0)
        return STANDS;
    *ret_call = dj_call_by_number(walk->engine, edge->call);
    read = *ret_call == NULL ? NULL : call_summary(*ret_call, edge->instance);
    if (read != NULL)
        verdict = judge_call(walk, *ret_call, read);
    return verdict;
}

/* ---- the second closure ---- */

static bool was_before(const struct walk *walk, uint64_t premise)
{
    for (size_t i = 0; i < walk->before.n; i++) {
        if (dj_premises_has(walk->engine->premises, *DJ_LIST_AT(&walk->before, uint64_t, i),
                            premise))
            return true;
    }
    return false;
}

struct covering {
    struct walk *walk;
    dj_premise_holds_fn *holds;
    bool covered;
};

/* What does not hold any more must be a call's, which has been looked at, and not its own. */
static bool look_whether_covered(void *cookie, uint64_t number,
                                 const struct dj_rec_premise *premise)
{
    struct covering *covering = cookie;

    covering->covered = covering->holds(covering->walk->engine, premise) ||
                        was_before(covering->walk, number);
    return covering->covered;
}

static bool is_covered(struct walk *walk, uint64_t set, dj_premise_holds_fn *holds)
{
    struct covering covering = {walk, holds, true};

    dj_premises_each(walk->engine->premises, set, look_whether_covered, &covering);
    return covering.covered;
}

static bool task_that_holds(void *cookie, const struct dj_rec_premise *premise,
                            struct dj_digest *ret)
{
    *ret = premise->digest;
    return task_premise_holds(cookie, premise);
}

static bool file_that_holds(void *cookie, const struct dj_rec_premise *premise,
                            struct dj_digest *ret)
{
    *ret = premise->digest;
    return file_premise_holds(cookie, premise);
}

static void drop_oldest(struct dj_rec_summary *summary)
{
    size_t n = 0, oldest = SIZE_MAX;

    for (size_t i = summary->accepted.n; i-- > 0;) {
        const char *equal = DJ_LIST_AT(&summary->accepted, struct dj_rec_acceptance, i)->equal;

        if (equal != NULL && *equal != '\0') {
            n++;
            oldest = i;
        }
    }
    if (n < KEPT_MAX)
        return;
    dj_codec_release(&dj_layout_acceptance,
                     DJ_LIST_AT(&summary->accepted, struct dj_rec_acceptance, oldest));
    for (size_t i = oldest; i + 1 < summary->accepted.n; i++)
        *DJ_LIST_AT(&summary->accepted, struct dj_rec_acceptance, i) =
            *DJ_LIST_AT(&summary->accepted, struct dj_rec_acceptance, i + 1);
    summary->accepted.n--;
}

static void say_equal(struct dj_buf *buf, const struct walk *walk)
{
    if (walk->equals == 0)
        dj_buf_adds(buf, "what it called");
    dj_add_printable(buf, dj_buf_bytes(&walk->equal));
    if (walk->equals > 1)
        dj_buf_addf(buf, " and %zu more", walk->equals - 1);
}

static bool put(struct walk *walk, struct dj_call *call, struct dj_rec_summary *summary,
                uint64_t tasks, uint64_t files)
{
    struct dj_store_batch *batch = dj_store_batch_new();
    struct dj_rec_acceptance *added;
    struct dj_buf equal = DJ_BUF_INIT;
    char *though = why_stale(walk->engine, call, summary);
    int rc;

    say_equal(&equal, walk);
    drop_oldest(summary);
    added = dj_list_add(&summary->accepted, sizeof(*added));
    added->tasks = tasks;
    added->files = files;
    added->time_ns = dj_clock_now_ns();
    added->user = dj_xstrdup("");
    added->though = though;
    added->equal = dj_buf_steal(&equal);
    added->expires_ns = dj_expiry_least(summary->own_ns, walk->expires_ns);
    call_save(walk->engine, batch, call);
    rc = engine_write(walk->engine, batch, NULL);
    dj_store_batch_free(batch);
    if (rc < 0)
        call_reload(walk->engine, call);
    else
        call_changed(walk->engine, call, false);
    return rc == 0;
}

/* All calls stand; true: the result is valid from here on. */
static bool settle(struct walk *walk, struct dj_call *call, uint64_t instance)
{
    struct dj_engine *engine = walk->engine;
    struct dj_rec_summary *summary = call_summary(call, instance);
    uint64_t tasks, files;

    if (summary == NULL || !can_stand(engine, summary) ||
        !is_covered(walk, summary->tasks, task_premise_holds) ||
        !is_covered(walk, summary->files, file_premise_holds))
        return false;
    tasks = dj_premises_map(engine->premises, summary->tasks, task_that_holds, engine);
    tasks = dj_premises_union(engine->premises, tasks, walk->tasks);
    files = dj_premises_map(engine->premises, summary->files, file_that_holds, engine);
    files = dj_premises_union_all(engine->premises, files, walk->files.items, walk->files.n);
    return premises_hold(engine, tasks, files) && put(walk, call, summary, tasks, files);
}

bool cutoff_settle(struct dj_engine *engine, struct dj_call *call)
{
    const struct dj_rec_instance *rec = candidate(engine, call);
    struct walk walk = {.engine = engine};
    enum verdict verdict = STANDS;
    bool settled = false;

    if (rec == NULL || rec->edges.n > AT_ONCE)
        return false;
    for (size_t i = 0; verdict == STANDS && i < rec->edges.n; i++) {
        struct dj_call *called;

        verdict = judge_edge(&walk, DJ_LIST_AT(&rec->edges, struct dj_rec_edge, i), &called);
        dj_call_unref(called);
    }
    if (verdict == STANDS)
        settled = settle(&walk, call, rec->number);
    walk_release(&walk);
    return settled;
}

/* ---- a run that is checking ---- */

static void free_check(struct check *check)
{
    walk_release(&check->walk);
    free(check->edges.items);
    free(check);
}

static void step(void *cookie);

static void plan(struct check *check)
{
    if (check->walk.engine->stopping) /* then the loop may be gone */
        return;
    check->planned = true;
    dj_loop_later(check->walk.engine->loop, step, check);
}

void check_end(struct run *run)
{
    struct check *check = dj_steal(run->check);

    if (check == NULL)
        return;
    check->run = NULL;
    if (check->want != NULL)
        dj_want_cancel(dj_steal(check->want));
    if (!check->planned)
        free_check(check);
}

void check_forget(struct run *run)
{
    if (run->check != NULL)
        free_check(dj_steal(run->check));
}

static void compute(struct run *run)
{
    check_end(run);
    run_queue(run, run_class(run));
    call_changed(run->engine, run->call, false);
}

static void called_ended(void *cookie, int code DJ_UNUSED, uint64_t instance DJ_UNUSED,
                         const char *sentence DJ_UNUSED)
{
    struct check *check = cookie;

    check->want = NULL;
    if (check->run != NULL)
        plan(check);
}

/* False: it cannot be computed, or the run would wait for itself. */
static bool wait_for(struct check *check, struct dj_call *called)
{
    dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;
    struct run *target = check->computed ? NULL : run_for_check(check->run, called);

    if (target == NULL || cycle_closes(check->run, target, &sentence))
        return false;
    check->computed = true;
    if (target->check != NULL)
        target->check->depth = check->depth + 1;
    /* A long chain is not given up one within the other. */
    target->started |= check->depth >= DEPTH_MAX;
    check->want = want_end(check->run, target, called_ended, check);
    return true;
}

static void verified(void *cookie, int code, const char *sentence DJ_UNUSED)
{
    struct check *check = cookie;

    check->planned = false;
    if (check->run == NULL)
        free_check(check);
    else if (code == 0)
        run_kept(check->run, check->instance);
    else
        compute(check->run);
}

/* Content is looked at before it is given, as that of any hit. */
static void all_stand(struct check *check)
{
    struct run *run = check->run;
    const struct dj_rec_instance *rec = dj_instance(run->engine, check->instance);
    const struct dj_rec_content *content = rec == NULL ? NULL : &rec->result;
    int rc = -ENOENT;

    if (rec != NULL && settle(&check->walk, run->call, check->instance))
        rc = dj_verify(run->engine, check->instance, &content, 1, verified, check, NULL);
    if (rc == 1)
        check->planned = true;
    else if (rc == 0)
        run_kept(run, check->instance);
    else
        compute(run);
}

static void step(void *cookie)
{
    struct check *check = cookie;

    check->planned = false;
    if (check->run == NULL) {
        free_check(check);
        return;
    }
    if (check->walk.engine->stopping)
        return;
    for (size_t n = 0; check->next < check->edges.n; n++) {
        struct dj_call *called;
        enum verdict verdict;
        bool waits;

        if (n == AT_ONCE) {
            plan(check);
            return;
        }
        verdict = judge_edge(&check->walk,
                             DJ_LIST_AT(&check->edges, struct dj_rec_edge, check->next), &called);
        waits = verdict == COMPUTE && wait_for(check, called);
        dj_call_unref(called);
        if (waits)
            return;
        if (verdict != STANDS) {
            compute(check->run);
            return;
        }
        check->next++;
        check->computed = false;
    }
    all_stand(check);
}

bool check_begin(struct run *run)
{
    const struct dj_rec_instance *rec =
        run->forced || run->incognito ? NULL : candidate(run->engine, run->call);
    struct check *check;

    if (rec == NULL)
        return false;
    check = dj_xcalloc(1, sizeof(*check));
    check->run = run;
    check->instance = rec->number;
    check->walk.engine = run->engine;
    for (size_t i = 0; i < rec->edges.n; i++)
        *(struct dj_rec_edge *)dj_list_add(&check->edges, sizeof(struct dj_rec_edge)) =
            *DJ_LIST_AT(&rec->edges, struct dj_rec_edge, i);
    run->state = CHECKING;
    run->check = check;
    plan(check);
    return true;
}

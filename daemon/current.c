/* Which instance of a call answers, and what the call is as a whole. */
#include "daemon/engine_impl.h"
#include "lib/model/expiry.h"
#include "lib/util/clock.h"

bool task_premise_holds(void *cookie, const struct dj_rec_premise *premise)
{
    struct dj_task *public = dj_task_by_number(cookie, (uint32_t)premise->task);

    return public != NULL && public->definition != NULL &&
           !dj_container_of(public, struct task, public)->unsettled &&
           dj_digest_equal(&dj_container_of(public, struct task, public)->effective,
                           &premise->digest);
}

bool file_premise_holds(void *cookie, const struct dj_rec_premise *premise)
{
    return input_holds(cookie, dj_buf_bytes(&premise->path), &premise->digest);
}

bool premises_hold(struct dj_engine *engine, uint64_t tasks, uint64_t files)
{
    return dj_premises_hold(engine->premises, tasks, engine->generation, task_premise_holds,
                            engine) &&
           dj_premises_hold(engine->premises, files, 0, file_premise_holds, engine);
}

static enum dj_freshness freshness(const struct dj_rec_summary *summary, uint64_t expires_ns)
{
    struct dj_expiry expiry = {summary->ended_ns, expires_ns, summary->serve_ms};

    return expires_ns == 0 ? DJ_FRESH : dj_expiry_at(&expiry, dj_clock_now_ns());
}

bool summary_expired(const struct dj_rec_summary *summary)
{
    return freshness(summary, summary->expires_ns) == DJ_EXPIRED;
}

bool summary_holds(struct dj_engine *engine, const struct dj_rec_summary *summary,
                   struct closure *ret)
{
    enum dj_freshness fresh = freshness(summary, summary->expires_ns);

    *ret = (struct closure){summary->tasks, summary->files, NULL, summary->expires_ns,
                            fresh == DJ_SERVED};
    if (summary->state != DJ_DONE || summary->corrupt)
        return false;
    if (!summary->stale && fresh != DJ_EXPIRED &&
        premises_hold(engine, summary->tasks, summary->files))
        return true;
    for (size_t i = summary->accepted.n; i-- > 0;) {
        const struct dj_rec_acceptance *accepted =
            DJ_LIST_AT(&summary->accepted, struct dj_rec_acceptance, i);

        fresh = freshness(summary, accepted->expires_ns);
        if (fresh != DJ_EXPIRED && premises_hold(engine, accepted->tasks, accepted->files)) {
            *ret = (struct closure){accepted->tasks, accepted->files, accepted,
                                    accepted->expires_ns, fresh == DJ_SERVED};
            return true;
        }
    }
    return false;
}

bool summary_valid(struct dj_engine *engine, const struct dj_rec_summary *summary)
{
    struct closure unused;

    return summary_holds(engine, summary, &unused);
}

struct dj_rec_summary *call_summary(const struct dj_call *call, uint64_t instance)
{
    for (size_t i = 0; i < call->rec.instances.n; i++) {
        struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);

        if (summary->instance == instance)
            return summary;
    }
    return NULL;
}

struct closure instance_closure(struct dj_engine *engine, const struct dj_call *call,
                                const struct dj_rec_instance *rec)
{
    const struct dj_rec_summary *summary = call_summary(call, rec->number);
    struct closure closure;

    if (summary == NULL || !summary_holds(engine, summary, &closure))
        closure = (struct closure){rec->tasks, rec->files, NULL, rec->expires_ns, false};
    return closure;
}

bool dj_instance_constant(struct dj_engine *engine, const struct dj_call *call,
                          const struct dj_rec_instance *rec)
{
    struct closure closure = instance_closure(engine, call, rec);

    return closure.files == 0 && closure.expires_ns == 0;
}

bool summary_durable(struct dj_engine *engine, const struct dj_rec_summary *summary)
{
    const struct run *run = run_find(engine, summary->instance);

    return (run == NULL || run->over) && !dj_number_set_has(&engine->unsynced, summary->instance);
}

/* Its place among the instances of its call, which are in the order of their ends. */
static uint64_t asked(const struct dj_rec_summary *summary)
{
    return summary->asked != 0 ? summary->asked : summary->instance;
}

/* Numbers of several stores cannot be compared, times can. */
static bool asked_later(const struct dj_rec_summary *a, const struct dj_rec_summary *b)
{
    if ((a->imported || b->imported) && a->asked_ns != b->asked_ns)
        return a->asked_ns > b->asked_ns;
    return asked(a) > asked(b);
}

static bool is_answer(struct dj_engine *engine, const struct dj_rec_summary *summary)
{
    return summary_durable(engine, summary) && summary_valid(engine, summary);
}

const struct dj_rec_summary *call_newest_that(struct dj_engine *engine,
                                              const struct dj_call *call, summary_fits_fn *fits)
{
    const struct dj_rec_summary *newest = NULL;

    for (size_t i = call->rec.deleted_ns != 0 ? 0 : call->rec.instances.n; i-- > 0;) {
        const struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);

        if ((newest == NULL || asked_later(summary, newest)) &&
            (fits == NULL || fits(engine, summary)))
            newest = summary;
    }
    return newest;
}

uint64_t dj_call_current(struct dj_engine *engine, struct dj_call *call)
{
    const struct dj_rec_summary *current;

    tasks_look_at_tracked(engine);
    if (call->rec.deleted_ns != 0 || (call->run != NULL && call->run->forced))
        return 0;
    current = call_newest_that(engine, call, is_answer);
    return current == NULL ? 0 : current->instance;
}

void call_choose_run(struct dj_engine *engine, struct dj_call *call)
{
    const struct dj_rec_summary *current;

    call->run = NULL;
    for (struct run *run = call->runs; run != NULL; run = run->beside) {
        if (run_is_joined(run) && !run->cancelled && !run->over &&
            (call->run == NULL || call->run->asked < run->asked))
            call->run = run;
    }
    current = call->run == NULL ? NULL : call_newest_that(engine, call, is_answer);
    if (current != NULL && asked(current) > call->run->asked)
        call->run = NULL;
}

const struct dj_rec_summary *call_newest(const struct dj_call *call)
{
    return call_newest_that(NULL, call, NULL);
}

const struct dj_rec_instance *failure_remembered(struct dj_engine *engine,
                                                 const struct dj_call *call)
{
    const struct dj_definition *definition = call->task->public.definition;
    const struct dj_rec_summary *newest = call_newest(call);
    const struct dj_rec_instance *rec;

    if (definition == NULL || definition->on_failure != DJ_FAILURE_REMEMBER || newest == NULL ||
        newest->state != DJ_FAILED || newest->stale ||
        !premises_hold(engine, newest->tasks, newest->files))
        return NULL;
    rec = dj_instance(engine, newest->instance);
    return rec != NULL && dj_exit_remembered(rec->how) ? rec : NULL;
}

enum dj_status dj_call_status(struct dj_engine *engine, struct dj_call *call)
{
    const struct dj_rec_summary *newest = call_newest(call);

    if (call->run != NULL) {
        switch (call->run->state) {
        case DELAYED:
        case QUEUED:
            return DJ_QUEUED;
        case CHECKING:
        case BLOCKED:
        case RESUMING:
            return DJ_WAITING;
        default:
            return DJ_RUNNING;
        }
    }
    if (newest == NULL)
        return DJ_ABSENT;
    if (dj_call_current(engine, call) != 0)
        return DJ_DONE;
    return newest->state == DJ_DONE ? DJ_STALE : (enum dj_status)newest->state;
}

uint64_t dj_call_latest(struct dj_engine *engine DJ_UNUSED, struct dj_call *call)
{
    const struct dj_rec_summary *newest = call_newest(call);

    if (call->run != NULL)
        return call->run->instance;
    return newest == NULL ? 0 : newest->instance;
}

/* What went before the others leaves their numbers as they are. */
static uint64_t nth_of(const struct dj_call *call, size_t i)
{
    const struct dj_rec_summary *summary =
        DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);

    return summary->nth != 0 ? summary->nth : i + 1;
}

struct dj_rec_summary *call_add_summary(struct dj_call *call)
{
    size_t n = call->rec.instances.n;
    uint64_t last = n == 0 ? 0 : nth_of(call, n - 1);
    struct dj_rec_summary *summary = dj_list_add(&call->rec.instances, sizeof(*summary));

    summary->nth = last == n ? 0 : last + 1;
    return summary;
}

void call_number_summaries(struct dj_call *call)
{
    for (size_t i = 0; i < call->rec.instances.n; i++)
        DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i)->nth = nth_of(call, i);
}

size_t dj_call_count(const struct dj_call *call)
{
    size_t n = call->rec.instances.n;

    return call->rec.deleted_ns != 0 || n == 0 ? 0 : (size_t)nth_of(call, n - 1);
}

uint64_t dj_call_ended(struct dj_engine *engine, const struct dj_call *call, uint64_t n)
{
    for (size_t i = (size_t)DJ_MIN(n, dj_call_count(call) == 0 ? 0 : call->rec.instances.n);
         i-- > 0 && nth_of(call, i) >= n;) {
        uint64_t instance = DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i)->instance;

        if (nth_of(call, i) == n)
            return run_find(engine, instance) == NULL ? instance : 0;
    }
    return 0;
}

bool dj_call_has_ended(struct dj_engine *engine, const struct dj_call *call, uint64_t instance)
{
    size_t n = dj_call_count(call) == 0 ? 0 : call->rec.instances.n;

    for (size_t i = n; i-- > 0;) {
        if (DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i)->instance == instance)
            return run_find(engine, instance) == NULL;
    }
    return false;
}

#include "daemon/early.h"

#include <errno.h>

#include "lib/util/kill_point.h"
#include "lib/util/str.h"

/* What has no record may be told to anybody when it ends, without a sync. */
static bool may_be_told(const struct run *asker)
{
    return !asker->incognito && asker->state >= STARTING && asker->state <= RESUMING;
}

/* And not durable yet. */
static bool is_written(const struct run *run)
{
    return run->state == COMMITTED && run->failure == 0 && !run->incognito && !run->over;
}

static bool was_told(const struct run *run, const struct run *asker)
{
    for (size_t i = 0; i < run->told.n; i++) {
        if (*DJ_LIST_AT(&run->told, uint64_t, i) == asker->instance)
            return true;
    }
    return false;
}

/* He rests on it from here on; -errno: not so. */
static int note(struct run *run, struct run *asker)
{
    int rc = want_record(asker, run, 0, run->instance, NULL);

    if (rc == 0 && !was_told(run, asker)) {
        *(uint64_t *)dj_list_add(&run->told, sizeof(uint64_t)) = asker->instance;
        asker->ahead++;
    }
    return rc;
}

static bool may_tell(const struct dj_want *want)
{
    return want->asker != NULL && !want->only_end && may_be_told(want->asker);
}

static struct run *due_run(struct dj_engine *engine, size_t i)
{
    struct run *run = run_find(engine, *DJ_LIST_AT(&engine->telling, uint64_t, i));

    return run != NULL && is_written(run) ? run : NULL;
}

/* All that these runs have to know is written at once: what was to be written later, and that their
 * askers have read it. */
static int note_due(struct dj_engine *engine)
{
    struct dj_store_batch *edges = dj_store_batch_new();
    int rc = dj_store_settle(engine->store, NULL);

    engine->edges = edges;
    for (size_t i = 0; rc == 0 && i < engine->telling.n; i++) {
        struct run *run = due_run(engine, i);

        for (struct dj_want *want = run == NULL ? NULL : run->wants; rc == 0 && want != NULL;
             want = want->next)
            rc = may_tell(want) ? note(run, want->asker) : 0;
    }
    engine->edges = NULL;
    if (rc == 0)
        rc = engine_write(engine, edges, NULL);
    dj_store_batch_free(edges);
    dj_kill_point("djd-edges-written");
    return rc;
}

/* Telling one may change the list. */
static void tell(struct run *run)
{
    struct dj_want *want = run->wants;

    call_changed(run->engine, run->call, run->forced); /* who is told may look */
    while (want != NULL) {
        if (may_tell(want) && was_told(run, want->asker)) {
            want_tell(want, run->instance);
            want = run->wants;
        } else {
            want = want->next;
        }
    }
}

/* When it cannot be written they hear of it with all others, after the sync. */
static void tell_due(void *cookie)
{
    struct dj_engine *engine = cookie;
    int rc = engine->stopping ? -ECANCELED : note_due(engine);

    for (size_t i = 0; i < engine->telling.n; i++) {
        struct run *run = due_run(engine, i);

        if (run != NULL && rc == 0)
            tell(run);
    }
    engine->telling.n = 0;
    dj_kill_point("djd-told-early");
}

void early_tell(struct run *run)
{
    struct dj_engine *engine = run->engine;
    const struct dj_want *want = is_written(run) ? run->wants : NULL;

    while (want != NULL && !may_tell(want))
        want = want->next;
    if (want == NULL)
        return;
    if (engine->telling.n == 0)
        dj_loop_later(engine->loop, tell_due, engine);
    *(uint64_t *)dj_list_add(&engine->telling, sizeof(uint64_t)) = run->instance;
}

/* The run of the call that can answer him so, and he as a run; false: there is none. */
static bool find(struct dj_engine *engine, const struct dj_call *call,
                 const struct dj_asker *asker, struct run **ret_asker)
{
    const struct run *run = call->run;

    *ret_asker = asker->run == 0 || asker->readonly ? NULL : run_find(engine, asker->run);
    return *ret_asker != NULL && may_be_told(*ret_asker) && run != NULL && is_written(run) &&
           !run->cancelled && run_is_joined(run);
}

bool early_expired(const struct run *run)
{
    const struct dj_rec_summary *summary = call_summary(run->call, run->instance);

    return summary != NULL && run->failure == 0 && summary_expired(summary);
}

uint64_t early_read(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker)
{
    struct run *run = call->run, *parent;

    if (!find(engine, call, asker, &parent) || run->outdated || run->never != 0 ||
        early_expired(run) || !run_holds(run) ||
        (run->late && dj_store_settle(engine->store, NULL) < 0))
        return 0;
    return note(run, parent) == 0 ? run->instance : 0;
}

uint64_t dj_early_instance(struct dj_engine *engine, const struct dj_call *call,
                           const struct dj_asker *asker)
{
    struct run *parent;

    return find(engine, call, asker, &parent) &&
                   dj_edges_has(&parent->edges, call->rec.number, call->run->instance)
               ? call->run->instance
               : 0;
}

bool dj_run_is_early(struct dj_engine *engine, uint64_t number)
{
    const struct run *run = number == 0 ? NULL : run_find(engine, number);

    return run != NULL && run->ahead != 0;
}

void dj_after_sync(struct dj_engine *engine, dj_done_fn *done, void *cookie)
{
    sync_then(engine, done, cookie);
}

void early_settle(struct run *run, int code, const char *sentence)
{
    for (size_t i = 0; i < run->told.n; i++) {
        struct run *asker = run_find(run->engine, *DJ_LIST_AT(&run->told, uint64_t, i));
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

        if (asker == NULL)
            continue;
        asker->ahead--;
        /* One that is written already is behind it in the log, and lost with it. */
        if (code == 0 || asker->state == COMMITTED)
            continue;
        dj_buf_adds(&text, "what it read of ");
        add_run_name(&text, run->call);
        dj_buf_addf(&text, " may be lost: %s", sentence);
        run_refused(asker, dj_buf_str(&text));
    }
    run->told.n = 0;
}

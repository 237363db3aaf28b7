#include "daemon/early.h"

#include "lib/util/kill_point.h"
#include "lib/util/str.h"

/* What has no record may be told to anybody when it ends, without a sync. */
static bool may_be_told(const struct run *asker)
{
    return !asker->incognito && asker->state >= STARTING && asker->state <= RESUMING;
}

static bool is_told_early(const struct run *run)
{
    return run->state == COMMITTED && run->failure == 0 && !run->incognito && !run->over;
}

static int tell(struct run *run, struct run *asker)
{
    int rc = want_record(asker, run, 0, run->instance, NULL);

    for (size_t i = 0; rc == 0 && i < run->early.n; i++) {
        if (*DJ_LIST_AT(&run->early, uint64_t, i) == asker->instance)
            return 0;
    }
    if (rc == 0) {
        *(uint64_t *)dj_list_add(&run->early, sizeof(uint64_t)) = asker->instance;
        asker->ahead++;
    }
    return rc;
}

/* The first of its runs that may be told: telling one may change the list. */
static struct dj_want *want_of_run(const struct run *run)
{
    struct dj_want *want = run->wants;

    while (want != NULL && (want->asker == NULL || want->only_end || !may_be_told(want->asker)))
        want = want->next;
    return want;
}

void early_tell(struct run *run)
{
    struct dj_want *want = is_told_early(run) ? want_of_run(run) : NULL;

    if (want == NULL || (run->late && dj_store_settle(run->engine->store, NULL) < 0))
        return;
    call_changed(run->engine, run->call, run->forced); /* of who is told it may be looked at */
    while (want != NULL && tell(run, want->asker) == 0) {
        want_tell(want, run->instance);
        want = want_of_run(run);
    }
    dj_kill_point("djd-told-early");
}

/* The run of the call that can answer him so, and he as a run; false: there is none. */
static bool find(struct dj_engine *engine, const struct dj_call *call,
                 const struct dj_asker *asker, struct run **ret_asker)
{
    const struct run *run = call->run;

    *ret_asker = asker->run == 0 || asker->readonly ? NULL : run_find(engine, asker->run);
    return *ret_asker != NULL && may_be_told(*ret_asker) && run != NULL && is_told_early(run) &&
           !run->cancelled && run_is_joined(run);
}

uint64_t early_read(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker)
{
    struct run *run = call->run, *parent;

    if (!find(engine, call, asker, &parent) || run->outdated || run->never != 0 ||
        !run_holds(run) || (run->late && dj_store_settle(engine->store, NULL) < 0))
        return 0;
    return tell(run, parent) == 0 ? run->instance : 0;
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
    for (size_t i = 0; i < run->early.n; i++) {
        struct run *asker = run_find(run->engine, *DJ_LIST_AT(&run->early, uint64_t, i));
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
    run->early.n = 0;
}

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "daemon/memo.h"
#include "lib/util/clock.h"
#include "lib/util/kill_point.h"
#include "lib/util/mem.h"

/*
 * Further tries. A run that failed is followed by one of its own when its definition's retries say
 * so: an instance with a record of its own, which those who wait are handed over to. It is made
 * together with the record of the failure, so a crash leaves neither of them alone. A run that was
 * lost is started again as the same instance, its next attempt: nobody could say how it ended.
 */

enum { LOST_MAX = 3 };

/* ---- waiting for its moment -------------------------------------------------------------- */

enum dj_sched_class run_class(const struct run *run)
{
    enum dj_sched_class class = DJ_SCHED_WAITING;

    for (const struct dj_want *want = run->wants; want != NULL; want = want->next) {
        if (want->asker != NULL)
            return DJ_SCHED_CHILD;
        class = DJ_SCHED_WANTED;
    }
    return class;
}

static void delay_is_over(void *cookie)
{
    struct run *run = cookie;

    run->timer = NULL;
    run_queue(run, run_class(run));
}

void run_delay(struct run *run)
{
    uint64_t now = dj_clock_now_ns();
    uint64_t wait = run->retry_ns > now ? (run->retry_ns - now) / DJ_NS_PER_MS + 1 : 0;

    run->state = DELAYED;
    /* A clock that was set back must not make a delay longer than any can be. */
    wait = DJ_MIN(wait, DJ_RETRY_DELAY_MAX_MS);
    if (!run->engine->stopping)
        run->timer = dj_loop_timer(run->engine->loop, wait, delay_is_over, run);
}

/* ---- behind a failure -------------------------------------------------------------------- */

void run_prepare_retry(struct run *run, struct dj_store_batch *batch)
{
    const struct dj_definition *definition = run->call->task->public.definition;
    struct run *next;

    if (definition == NULL || run->cancelled ||
        !dj_retry_again(&definition->retry, run->try, run->exited.how, run->exited.code))
        return;
    next = run_new(run->engine, run->call, 0);
    next->state = DELAYED;
    run_join_session(next, run->session);
    next->own_launch = run->own_launch;
    if (run->own_launch)
        dj_launch_copy(&next->launch, &run->launch);
    dj_params_copy(&next->params, &run->params);
    dj_args_copy(&next->args, &run->args);
    next->args.params = &next->params;
    next->forced = run->forced;
    next->incognito = run->incognito;
    next->unstored = run->unstored;
    next->started = true;
    next->user = dj_xstrdup(run->user == NULL ? "" : run->user);
    next->asked_by = dj_xstrdup(run->asked_by == NULL ? next->user : run->asked_by);
    next->first_asker = run->first_asker;
    next->try = run->try + 1;
    next->tries = definition->retry.retries + 1;
    next->before = run->instance;
    next->asked = run->asked;
    next->retry_ns = next->queued_ns +
                     dj_retry_wait_ms(&definition->retry, run->try) * DJ_NS_PER_MS;
    run_put_live(next, batch);
    run->next = next;
}

void run_hand_over(struct run *run, const char *sentence)
{
    struct dj_engine *engine = run->engine;
    struct dj_call *call = run->call;
    struct run *next = run->next;
    bool cancelled = run->cancelled, dropped = run->dropped;
    dj_cleanup_free char *by = dj_steal(run->by);

    run->next = NULL;
    next->wants = dj_steal(run->wants);
    for (struct dj_want *want = next->wants; want != NULL; want = want->next)
        want->target = next;
    if (call->run == run)
        call->run = next;
    event(engine, "failed", call, run->instance, sentence);
    event(engine, "delayed", call, next->instance, NULL);
    want_forget_asker(run);
    cancel_ended(engine, run->instance, next->instance);
    run_free(run);
    call_changed(engine, call, false);
    if (cancelled)
        run_cancel(next, by, dropped);
    else if (next->incognito && next->wants == NULL)
        run_cancel(next, NULL, false);
    else
        run_delay(next);
    run_plan_start(engine);
}

/* ---- lost -------------------------------------------------------------------------------- */

static void forget_attempt(struct run *run, struct dj_store_batch *batch)
{
    live_forget_read(run, batch);
    dj_edges_release(&run->edges);
    dj_edges_release(&run->awaited);
    dj_gathered_release(&run->files);
    run->tasks = run->never = run->expires_ns = 0;
    run->outdated = run->lost_asks = false;
    for (size_t i = 0; i < run->given_up.n; i++)
        dj_call_unref(*DJ_LIST_AT(&run->given_up, struct dj_call *, i));
    run->given_up.n = 0;
    run->start_ns = 0;
    run->progress = (struct dj_progress){0};
    dj_freep(&run->log_path);
    dj_codec_release(dj_message_layout(DJ_MSG_EXITED), &run->exited);
    memset(&run->exited, 0, sizeof(run->exited));
    host_unref(run);
    run->given = false;
    run_new_token(run);
}

bool run_may_start_again(const struct run *run)
{
    /* The environment of a memo is known to the daemon that was asked for it only. */
    if (run->adopted && dj_memo_is(run->call))
        return false;
    return !run->cancelled && run->lost < LOST_MAX &&
           run->call->task->public.definition != NULL && !(run->incognito && run->wants == NULL);
}

bool run_start_again(struct run *run, bool by_itself)
{
    struct dj_engine *engine = run->engine;
    struct dj_store_batch *batch;
    char text[64];

    if (!run_may_start_again(run))
        return false;
    batch = dj_store_batch_new();
    want_forget_asker(run);
    dj_sched_remove(&run->session->sched, &run->line);
    run_give_back(run);
    run_free_resources(run);
    forget_attempt(run, batch);
    run->lost += by_itself;
    run->attempt++;
    run->adopted = false;
    run->started = true;
    run->retry_ns = dj_clock_now_ns();
    run_put_live(run, batch);
    (void)engine_write(engine, batch, NULL);
    dj_store_batch_free(batch);
    dj_kill_point("djd-lost-written");
    snprintf(text, sizeof(text), "attempt %llu begins", (unsigned long long)run->attempt);
    event(engine, "lost", run->call, run->instance, text);
    run_queue(run, run_class(run));
    call_changed(engine, run->call, false);
    return true;
}

#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "daemon/hosted.h"
#include "daemon/memo.h"
#include "lib/model/expiry.h"
#include "lib/model/resource.h"
#include "lib/util/clock.h"
#include "lib/util/kill_point.h"
#include "lib/util/mem.h"
#include "lib/util/random.h"
#include "lib/util/str.h"

enum {
    INSTANCES_AT_ONCE = 1000,
    NEVER_MAX = 16,
    TOKENS_AT_ONCE = 64,
    TOKEN_BYTES = 16,
    TOKEN_SIZE = 2 * TOKEN_BYTES + 1,
};

struct run *run_find(struct dj_engine *engine, uint64_t instance)
{
    struct run *run;

    HASH_FIND(hh, engine->runs, &instance, sizeof(instance), run);
    return run;
}

struct run *run_of_token(struct dj_engine *engine, struct dj_bytes token)
{
    for (struct run *run = engine->runs; run != NULL; run = run->hh.next) {
        if (dj_bytes_is(token, run->token))
            return run;
    }
    return NULL;
}

/*
 * Numbers are reserved in blocks, so that a crash never lets one be used twice. A reservation that
 * cannot be written is written before whatever is written next.
 */
uint64_t engine_number(struct dj_engine *engine)
{
    if (engine->next_instance >= engine->reserved_instance) {
        dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
        struct dj_store_batch *nothing = dj_store_batch_new();

        engine->reserved_instance = engine->next_instance + INSTANCES_AT_ONCE;
        dj_key_counter(&key, "instances");
        dj_put64(&value, engine->reserved_instance);
        dj_store_batch_put(engine->batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
        (void)engine_write(engine, nothing, NULL);
        dj_store_batch_free(nothing);
        dj_kill_point("djd-numbers-reserved");
    }
    return ++engine->next_instance;
}

/* Every run has one: the kernel is asked for those of many at once. */
static void new_token(char ret[TOKEN_SIZE])
{
    static uint8_t random[TOKENS_AT_ONCE][TOKEN_BYTES];
    static size_t left;

    if (left == 0) {
        dj_random(random, sizeof(random));
        left = TOKENS_AT_ONCE;
    }
    dj_hex(random[--left], TOKEN_BYTES, ret);
}

void run_new_token(struct run *run)
{
    new_token(run->token);
}

void run_new_launch_token(struct run *run)
{
    new_token(run->launch_token);
}

struct run *run_new(struct dj_engine *engine, struct dj_call *call, uint64_t instance)
{
    struct run *run = dj_xcalloc(1, sizeof(*run));

    run->instance = run->asked = instance == 0 ? engine_number(engine) : instance;
    run->engine = engine;
    run->call = call;
    call->refs++;
    LL_PREPEND2(call->runs, run, beside);
    run->attempt = run->try = run->tries = 1;
    run->queued_ns = dj_clock_now_ns();
    run_join_session(run, engine->session);
    run_new_token(run);
    HASH_ADD(hh, engine->runs, instance, sizeof(run->instance), run);
    return run;
}

void run_free(struct run *run)
{
    struct dj_engine *engine = run->engine;

    HASH_DEL(engine->runs, run);
    LL_DELETE2(run->call->runs, run, beside);
    if (run->call->run == run)
        run->call->run = NULL;
    run_give_back(run);
    host_unref(run);
    run_join_session(run, NULL);
    dj_call_unref(run->call);
    for (size_t i = 0; i < run->given_up.n; i++)
        dj_call_unref(*DJ_LIST_AT(&run->given_up, struct dj_call *, i));
    free(run->given_up.items);
    memo_forget_env(run);
    dj_args_release(&run->args);
    dj_params_release(&run->params);
    inputs_free(&run->inputs);
    dj_edges_release(&run->edges);
    dj_edges_release(&run->awaited);
    dj_gathered_release(&run->files);
    free(run->told.items);
    free(run->version);
    free(run->user);
    free(run->asked_by);
    dj_resources_release(&run->used);
    dj_launch_release(&run->launch);
    free(run->by);
    dj_timer_cancel(run->timer);
    check_forget(run);
    free(run->log_path);
    dj_codec_release(dj_message_layout(DJ_MSG_EXITED), &run->exited);
    dj_codec_release(&dj_layout_instance, &run->result);
    free(run);
}

void run_give_back(struct run *run)
{
    if (!run->holds_slot)
        return;
    run->holds_slot = false;
    /* The slot is the chain's while there is somebody left in it. */
    if (run->chain != NULL && --run->chain->n > 0) {
        run->chain = NULL;
        if (run->state == BLOCKED)
            hosted_blocked(run);
        return;
    }
    free(dj_steal(run->chain));
    dj_sched_give_back(&run->session->sched);
}

void run_queue(struct run *run, enum dj_sched_class class)
{
    const struct dj_definition *definition = run->call->task->public.definition;

    run->state = QUEUED;
    run->effective = run->call->task->effective;
    run_need(run);
    dj_sched_add(&run->session->sched, &run->line, class,
                 definition == NULL ? 0 : definition->priority);
    event(run->engine, "queued", run->call, run->instance, NULL);
    run_plan_start(run->engine);
}

/* Versions are taken when a run starts: it rests on the definition that it is given now. */
static void take_version(struct run *run)
{
    struct task *task = run->call->task;
    const char *version = task->definition.version;

    run->effective = task->effective;
    free(run->version);
    run->version = dj_xstrdup(version == NULL ? "" : version);
    run->tasks = dj_premises_task(run->engine->premises, task->public.number, &task->effective);
    run->program = program_now(run->engine, task);
    run->tracked = tracked_known(task);
    run->tries = task->definition.retry.retries + 1;
    run->ttl_ms = task->definition.ttl_ms;
    run->serve_ms = task->definition.serve_stale_ms;
    run->bounds = (struct dj_rec_bounds){
        .timeout_ms = task->definition.timeout_ms,
        .memory = task->definition.memory,
        .max_result = task->definition.max_result,
        .max_log = task->definition.max_log,
        .max_files = task->definition.max_files,
    };
}

/* Its files are what its key says, and it has a slot. */
static void start_for_good(struct run *run, int code, const char *sentence)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    if (code == 0 && run->cancelled)
        code = dj_err_set(&err, ECANCELED, "cancelled before it started");
    else if (code == 0 && run->call->task->public.definition == NULL)
        code = dj_err_set(&err, ENOENT, "its task is not defined any more");
    else if (code == 0 && run->call->foreign)
        code = dj_err_set(&err, EINVAL, "its arguments do not fit the task's parameters any more");
    /* What is started now is what its tracked files hold now. */
    tasks_look_at_tracked(run->engine);
    if (code == 0 && run_is_held(run)) {
        run_hold(run);
        return;
    }
    /* Parameters may have changed while it ran for an earlier daemon, or was lost. */
    if (code == 0 && (run->adopted || run->lost != 0))
        (void)args_rebind(&run->params, &run->args, &run->call->task->definition.params);
    if (code < 0) {
        run_finish(run, code, sentence != NULL ? sentence : dj_err_text(&err, code));
        return;
    }
    if (run->engine->worker == NULL) { /* it went while files were looked at */
        run_give_back(run);
        run_queue(run, DJ_SCHED_WAITING);
        return;
    }
    take_version(run);
    mark_built_on_failure(run->engine, run->call);
    code = worker_start(run, &err);
    if (code < 0)
        run_finish(run, code, dj_err_text(&err, code));
}

static void start(struct run *run)
{
    run->holds_slot = true;
    run->state = STARTING;
    run_note_used(run);
    run->held = false; /* who joined it while it was held has put it in line */
    if (run_is_held(run)) {
        run_hold(run);
        return;
    }
    inputs_take(run, start_for_good);
}

/* Handing a short run over costs more than the run: so those behind it come along. */
static void start_riders(struct session *session, struct run *run)
{
    size_t more = hosted_ride(run);

    while (more-- > 0) {
        struct dj_sched_item *item = dj_sched_first(&session->sched);
        struct run *next;

        if (item == NULL)
            return;
        next = dj_container_of(item, struct run, line);
        if (!hosted_rides(next, run))
            return;
        dj_sched_remove(&session->sched, item);
        hosted_join(next, run);
        start(next);
    }
}

/* False: it is nobody's turn. */
static bool start_one(struct dj_engine *engine, struct session *session)
{
    struct dj_sched_item *item = dj_sched_next(&session->sched);
    struct run *run;

    if (item == NULL)
        return false;
    if (item->slotless) {
        (void)want_reserved(dj_container_of(item, struct dj_want, part), 0, NULL);
        return true;
    }
    run = dj_container_of(item, struct run, line);
    if (run->state == RESUMING) {
        run->holds_slot = true;
        wants_deliver(run);
    } else {
        uint64_t instance = run->instance;

        start(run);
        run = run_find(engine, instance);
        if (run != NULL)
            start_riders(session, run);
    }
    return true;
}

static void start_some(void *cookie)
{
    struct dj_engine *engine = cookie;
    struct session *session, *next;

    engine->start_planned = false;
    if (engine->stopping)
        return;
    /* Without a worker nothing can start, but what was blocked may go on. */
    HASH_ITER(hh, engine->sessions, session, next)
    {
        while (engine->worker != NULL && start_one(engine, session))
            continue;
    }
    sessions_forget_empty(engine);
    /* A slot that is free is time lost; what else this turn has to do can wait. */
    if (engine->worker != NULL)
        dj_peer_flush(engine->worker);
    dj_kill_point("djd-runs-sent");
}

void run_plan_start(struct dj_engine *engine)
{
    if (engine->start_planned || engine->stopping) /* then the loop may be gone */
        return;
    engine->start_planned = true;
    dj_loop_later(engine->loop, start_some, engine);
}

void run_forget_live(struct run *run, struct dj_store_batch *batch)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    if (run->unsaved)
        return;
    run->stored = false;
    dj_key_number(&key, 'A', run->instance);
    dj_store_batch_delete(batch, dj_buf_bytes(&key));
    live_forget_read(run, batch);
}

/* It ends without a record of its own. */
static void forget_stored(struct run *run)
{
    struct dj_store_batch *batch = dj_store_batch_new();

    run_forget_live(run, batch);
    (void)engine_write(run->engine, batch, NULL);
    dj_store_batch_free(batch);
}

/* The end of a run's life: everybody who waits is told. */
static void finish(struct run *run, int code, uint64_t instance, const char *sentence)
{
    struct dj_engine *engine = run->engine;
    struct dj_call *call = run->call;
    uint64_t ended = run->instance;

    dj_call_ref(call);
    run->over = true;
    if (call->run == run)
        call_choose_run(engine, call);
    if (run->stored)
        forget_stored(run);
    check_end(run);
    want_forget_asker(run);
    if (instance == run->instance)
        event(engine, code == 0 ? "done" : "failed", call, instance, sentence);
    wants_answer(run, code, instance, sentence);
    run_free(run);
    call_changed(engine, call, false);
    dj_call_unref(call);
    cancel_ended(engine, ended, 0);
    run_plan_start(engine);
}

void run_finish(struct run *run, int code, const char *sentence)
{
    finish(run, code, run->instance, sentence);
}

void run_kept(struct run *run, uint64_t instance)
{
    const struct dj_rec_instance *rec = dj_instance(run->engine, instance);
    struct closure closure = {0};

    if (rec != NULL)
        closure = instance_closure(run->engine, run->call, rec);
    run_add_closure(run, &closure);
    finish(run, 0, instance, NULL);
}

/* Whoever cancelled it: a next daemon must be able to say so. */
static void note_cancel(struct run *run)
{
    struct dj_store_batch *batch = dj_store_batch_new();

    run_put_live(run, batch);
    (void)engine_write(run->engine, batch, NULL);
    dj_store_batch_free(batch);
}

/* What a user has cancelled has a record that says so; what nobody wanted any more has none. */
static void cancel_waiting(struct run *run)
{
    dj_timer_cancel(dj_steal(run->timer));
    dj_sched_remove(&run->session->sched, &run->line);
    if (run->by == NULL || run->dropped || run->incognito) {
        run_finish(run, -ECANCELED, "cancelled before it started");
        return;
    }
    run->exited.how = DJ_EXIT_KILLED;
    run->exited.end_ns = dj_clock_now_ns();
    run_end(run);
}

void run_cancel(struct run *run, const char *by, bool drop)
{
    if (run->cancelled) {
        if (drop && !run->dropped) {
            run->dropped = true;
            if (run->stored)
                note_cancel(run);
        }
        return;
    }
    run->dropped |= drop;
    run->cancelled = true;
    run->abandoned = by == NULL;
    run->by = by == NULL ? NULL : dj_xstrdup(by);
    if (run->call->run == run)
        call_choose_run(run->engine, run->call);
    if (run->state <= QUEUED) {
        check_end(run);
        cancel_waiting(run);
    } else if (run->state != ENDING && run->state != COMMITTED) {
        if (run->stored)
            note_cancel(run);
        worker_kill(run);
    }
}

/* An incognito run is its asker's alone, and a delete leaves nothing of it behind anyway. */
static bool is_meant(const struct run *run, const struct task *task, const struct dj_call *call,
                     bool drop)
{
    if (run->call->task != task || (call != NULL && run->call != call))
        return false;
    return run->call->run == run || (run->state != COMMITTED && !(drop && run->incognito));
}

/* Who waits may end other runs and begin new ones, so they are found again by their numbers. */
size_t runs_cancel(struct dj_engine *engine, const struct task *task, const struct dj_call *call,
                   const char *by, bool drop)
{
    struct dj_list instances = {0};
    size_t n;

    for (struct run *run = engine->runs; run != NULL; run = run->hh.next) {
        if (is_meant(run, task, call, drop))
            *(uint64_t *)dj_list_add(&instances, sizeof(uint64_t)) = run->instance;
    }
    n = instances.n;
    for (size_t i = 0; i < n; i++) {
        struct run *run = run_find(engine, *DJ_LIST_AT(&instances, uint64_t, i));

        if (run != NULL)
            run_cancel(run, by, drop);
    }
    free(instances.items);
    return n;
}

/* ---- what a run rests on ---- */

void run_add_premises(struct run *run, uint64_t tasks, uint64_t files)
{
    run->tasks = dj_premises_union(run->engine->premises, run->tasks, tasks);
    (void)dj_gather(&run->files, files);
}

void run_add_closure(struct run *run, const struct closure *closure)
{
    run_add_premises(run, closure->tasks, closure->files);
    run->expires_ns = dj_expiry_least(run->expires_ns, closure->expires_ns);
}

bool run_is_joined(const struct run *run)
{
    return !run->incognito || run->unstored;
}

uint64_t run_files(struct run *run)
{
    return dj_gathered_join(run->engine->premises, &run->files);
}

bool run_holds(const struct run *run)
{
    struct dj_engine *engine = run->engine;

    return premises_hold(engine, run->tasks, 0) &&
           dj_gathered_hold(engine->premises, &run->files, 0, file_premise_holds, engine);
}

void run_add_never(struct run *run, uint64_t never)
{
    /* One is enough to make it stale, and the first few are enough to say why. */
    if (dj_premises_size(run->engine->premises, run->never) < NEVER_MAX)
        run->never = dj_premises_union(run->engine->premises, run->never, never);
}

/* Its waiters get what it makes of the refusal; who asks later gets a run of his own. */
void run_refused(struct run *run, const char *sentence)
{
    run_add_never(run, dj_premises_never(run->engine->premises, sentence));
    live_save_premises(run);
}

/* Asked for and not waited for: what the run makes of that depends on who was faster, unless it
 * asks again and waits. */
void run_give_up(struct run *run, struct dj_call *child)
{
    dj_call_ref(child);
    *(struct dj_call **)dj_list_add(&run->given_up, sizeof(child)) = child;
}

bool run_waits_for(struct run *run, uint64_t call)
{
    const struct dj_rec_edge edge = {call, 1, false}; /* of any instance */

    return dj_edges_add(&run->awaited, &edge);
}

/* Should this daemon end, the run may go on without having heard the answer. */
void run_note_wait(struct run *run, struct dj_call *child)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    bool numbered = child->rec.number == 0;
    struct dj_store_batch *batch;

    live_need(run);
    if (!run->stored || (!numbered && dj_edges_has_call(&run->edges, child->rec.number)))
        return;
    batch = dj_store_batch_new();
    call_record(run->engine, batch, child);
    if (run_waits_for(run, child->rec.number)) {
        dj_key_numbers(&key, 'W', run->instance, run->awaited.list.n);
        dj_put64(&value, child->rec.number);
        dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
        if (engine_write(run->engine, batch, NULL) < 0 && numbered)
            call_reload(run->engine, child);
    }
    dj_store_batch_free(batch);
}

/* When all it has read is known. */
void run_settle_premises(struct run *run)
{
    for (size_t i = 0; i < run->given_up.n; i++) {
        struct dj_call *child = *DJ_LIST_AT(&run->given_up, struct dj_call *, i);
        dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;

        if (child->rec.number != 0 && dj_edges_has_call(&run->edges, child->rec.number))
            continue;
        dj_buf_addf(&sentence, "it gave up waiting for %s/", child->task->public.name);
        dj_add_printable(&sentence, dj_buf_bytes(&child->name));
        run_add_never(run, dj_premises_never(run->engine->premises, dj_buf_str(&sentence)));
    }
    /* It may have read what they held only for a while. */
    if (run->tracked != 0 && run->tracked != tracked_now(run->engine, run->call->task))
        run_add_never(run, dj_premises_never(run->engine->premises,
                                             "a file that its task tracks changed while it ran"));
    (void)dj_gather(&run->files, run->never);
}

/*
 * The edge is safe against a kill of the daemon before the run hears the answer: the run may live
 * on under its worker and be taken in by the next daemon, which must know all that it read.
 */
int run_add_edge(struct run *run, struct dj_call *child, uint64_t instance, bool failed)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_store_batch *gathered = run->engine->edges, *batch;
    struct dj_rec_edge edge;
    bool numbered;
    int rc;

    if (dj_edges_has(&run->edges, child->rec.number, instance))
        return 0;
    live_need(run);
    numbered = child->rec.number == 0;
    batch = gathered != NULL ? gathered : dj_store_batch_new();
    call_record(run->engine, batch, child);
    edge = (struct dj_rec_edge){child->rec.number, instance, failed};
    (void)dj_edges_add(&run->edges, &edge);
    if (run->stored) { /* else a process that it left asks, and its record is written already */
        dj_key_numbers(&key, 'E', run->instance, run->edges.list.n);
        dj_codec_encode(&value, &dj_layout_edge, &edge);
        dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
    }
    if (gathered != NULL)
        return 0;
    rc = engine_write(run->engine, batch, NULL);
    dj_store_batch_free(batch);
    dj_kill_point("djd-edge-written");
    if (rc < 0 && numbered)
        call_reload(run->engine, child);
    return rc;
}

bool dj_live(struct dj_engine *engine, uint64_t number, struct dj_live *ret)
{
    struct run *run = number == 0 ? NULL : run_find(engine, number);

    if (run == NULL)
        return false;
    *ret = (struct dj_live){
        .status = run->state == QUEUED || run->state == DELAYED     ? DJ_QUEUED
                  : run->state == BLOCKED || run->state == RESUMING || run->state == CHECKING
                      ? DJ_WAITING
                                                                    : DJ_RUNNING,
        .queued_ns = run->queued_ns,
        .start_ns = run->start_ns,
        .position = dj_sched_position(&run->session->sched, &run->line),
        .log_path = run->log_path,
        .edges = &run->edges.list,
        .try = run->try,
        .tries = run->tries,
        .before = run->before,
        .retry_ns = run->state == DELAYED ? run->retry_ns : 0,
        .lost = run->lost,
        .progress = run->progress,
        .launch = run->state == QUEUED || run->state == DELAYED ? NULL : &run->launch,
    };
    if (run->asks != NULL && run->asks->target != NULL)
        ret->blocked_on = run->asks->target->call->rec.number;
    return true;
}

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/engine_impl.h"
#include "daemon/hosted.h"
#include "daemon/memo.h"
#include "lib/proto/sessions.h"
#include "lib/util/clock.h"
#include "lib/util/kill_point.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

enum { SPAWN_AGAIN_MS = 1000 };

/* ---- slots ---- */

uint64_t slot_take(struct dj_engine *engine)
{
    size_t slot = 0;

    while (slot < engine->slot_cap && engine->slots[slot] != 0)
        slot++;
    if (slot == engine->slot_cap) {
        size_t old = engine->slot_cap;

        engine->slots = dj_xgrow(engine->slots, &engine->slot_cap, slot + 1, 1);
        memset(engine->slots + old, 0, engine->slot_cap - old);
    }
    engine->slots[slot] = 1;
    return slot;
}

static void slot_claim(struct dj_engine *engine, uint64_t slot)
{
    size_t old = engine->slot_cap;

    if (slot >= old) {
        engine->slots = dj_xgrow(engine->slots, &engine->slot_cap, slot + 1, 1);
        memset(engine->slots + old, 0, engine->slot_cap - old);
    }
    engine->slots[slot] = 1;
}

void slot_free(struct dj_engine *engine, uint64_t slot)
{
    if (slot < engine->slot_cap)
        engine->slots[slot] = 0;
}

/* ---- starting a run ---- */

static void add_env(struct dj_list *env, const char *name, const char *value)
{
    struct dj_part_pair *pair = dj_list_add(env, sizeof(*pair));

    pair->name = dj_xstrdup(name);
    dj_buf_adds(&pair->value, value);
}

static void fill_message(struct run *run, struct dj_expansion *expansion,
                         struct dj_msg_run *message)
{
    struct dj_engine *engine = run->engine;

    message->instance = run->instance;
    message->attempt = run->attempt;
    message->slot = run->slot;
    message->limits = (struct dj_part_limits){
        .timeout_ms = run->bounds.timeout_ms,
        .result_bytes = run->bounds.max_result,
        .log_bytes = run->bounds.max_log,
        .files_bytes = run->bounds.max_files,
        .memory_bytes = run->bounds.memory,
    };
    if (run->call->task->definition.result_file != NULL)
        message->result = dj_xstrdup(run->call->task->definition.result_file);
    for (size_t i = 0; i < expansion->argv.n; i++) {
        struct dj_part_word *word = dj_list_add(&message->argv, sizeof(*word));

        dj_buf_add_bytes(&word->bytes, dj_list_bytes(&expansion->argv, i));
    }
    for (size_t i = 0; i < expansion->env.n; i++) {
        const struct dj_env *env = DJ_LIST_AT(&expansion->env, struct dj_env, i);

        add_env(&message->env, env->name, env->value == NULL ? "" : env->value);
    }
    for (size_t i = 0; i < expansion->files.n; i++) {
        struct dj_arg_file *file = DJ_LIST_AT(&expansion->files, struct dj_arg_file, i);
        struct dj_part_file *part = dj_list_add(&message->files, sizeof(*part));

        part->name = dj_xstrdup(file->name);
        dj_buf_add_bytes(&part->content, dj_buf_bytes(&file->content));
        part->executable = file->executable;
    }
    add_env(&message->env, "DJ_RUN", run->token);
    add_env(&message->env, "DJ_CONNECT", engine->socket);
    if (engine->mount != NULL)
        add_env(&message->env, "DJ", engine->mount);
}

/* Each set that it has met since the last time: as many again would be written with each. */
static void put_files(struct run *run, struct dj_store_batch *batch)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    for (; run->files_stored < run->files.sets.n; run->files_stored++) {
        dj_buf_clear(&value);
        dj_put64(&value, *DJ_LIST_AT(&run->files.sets, uint64_t, run->files_stored));
        dj_key_numbers(&key, 'H', run->instance, run->files_stored + 1);
        dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
    }
}

static void forget_each(const struct run *run, char kind, size_t n, struct dj_store_batch *batch)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    for (; n > 0; n--) {
        dj_key_numbers(&key, kind, run->instance, n);
        dj_store_batch_delete(batch, dj_buf_bytes(&key));
    }
}

void live_forget_read(struct run *run, struct dj_store_batch *batch)
{
    forget_each(run, 'E', run->edges.list.n + run->result.edges.n, batch);
    forget_each(run, 'W', run->awaited.list.n, batch);
    forget_each(run, 'H', run->files_stored, batch);
    run->files_stored = 0;
}

void run_put_live(struct run *run, struct dj_store_batch *batch)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_rec_live live = {
        .instance = run->instance,
        .attempt = run->attempt,
        .slot = run->slot,
        .call = run->call->rec.number,
        .version = run->version,
        .effective = run->effective,
        .queued_ns = run->queued_ns,
        .start_ns = run->start_ns,
        .forced = run->forced,
        .incognito = run->incognito,
        .user = run->user,
        .own_files = run->files.joined,
        .inputs = run->inputs,
        .try = run->try,
        .tries = run->tries,
        .lost = run->lost,
        .before = run->before,
        .asked = run->asked,
        .retry_ns = run->retry_ns,
        .cancelled = run->cancelled,
        .by = run->by,
        .dropped = run->dropped,
        .tracked = run->tracked,
        .bounds = run->bounds,
        .tasks = run->tasks,
        .never = run->never,
        .program = run->program,
        .launch = dj_launch_text(&run->launch),
        .own_launch = run->own_launch,
        .launch_token = run->launch_token[0] == '\0' ? NULL : run->launch_token,
        .host = run->host == NULL ? 0 : run->host->number,
        .unstored = run->unstored,
        .ttl_ms = run->ttl_ms,
        .serve_ms = run->serve_ms,
        .expires_ns = run->expires_ns,
    };

    run_store_session(run, &live);
    dj_args_store(&live.args, &run->args);
    dj_buf_adds(&live.token, run->token);
    dj_key_number(&key, 'A', run->instance);
    dj_codec_encode(&value, &dj_layout_live, &live);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
    dj_buf_release(&live.token);
    dj_buf_release(&live.args);
    free(live.session);
    free(live.resources);
    free(live.totals);
    free(live.launch);
    run->stored = true;
    run->unsaved = false;
    run->tasks_stored = run->tasks;
    run->never_stored = run->never;
    run->expires_stored = run->expires_ns;
    put_files(run, batch);
}

/* What the run rests on is known to the daemon that takes it in, should this one end before. */
int live_save(struct run *run, struct dj_err *err)
{
    struct dj_store_batch *batch = dj_store_batch_new();
    bool numbered = run->call->rec.number == 0;
    int rc;

    call_record(run->engine, batch, run->call);
    run_put_live(run, batch);
    rc = engine_write(run->engine, batch, err);
    dj_store_batch_free(batch);
    if (rc < 0 && numbered)
        call_reload(run->engine, run->call);
    return rc;
}

void live_need(struct run *run)
{
    if (run->unsaved && worker_has(run))
        (void)live_save(run, NULL);
}

void live_save_premises(struct run *run)
{
    struct dj_store_batch *batch;

    if (!run->stored || run->tasks != run->tasks_stored || run->never != run->never_stored ||
        run->expires_ns != run->expires_stored) {
        (void)live_save(run, NULL);
        return;
    }
    batch = dj_store_batch_new();
    put_files(run, batch);
    (void)engine_write(run->engine, batch, NULL);
    dj_store_batch_free(batch);
}

static void set_log_path(struct run *run)
{
    struct dj_buf path = DJ_BUF_INIT;

    dj_buf_addf(&path, "%s/%llu/err", run->engine->work_dir, (unsigned long long)run->slot);
    free(run->log_path);
    run->log_path = dj_buf_steal(&path);
}

int worker_start(struct run *run, struct dj_err *err)
{
    struct dj_engine *engine = run->engine;
    struct dj_expansion expansion = {0};
    struct dj_msg_run message = {0};
    struct dj_template_place place = {.mount = engine->mount};
    dj_cleanup_buf struct dj_buf dir = DJ_BUF_INIT;
    const struct dj_launch *launch;
    struct dj_launch hosted;
    bool alone;
    int rc = run_settle_launch(run, &launch, err);

    if (rc == 0 && hosted_mode(run, launch, &hosted, &alone))
        return hosted_start(run, &hosted, alone, err);
    run->slot = slot_take(engine);
    run->has_slot = true;
    run->retry_ns = 0;
    dj_buf_addf(&dir, "%s/%llu/arg", engine->work_dir, (unsigned long long)run->slot);
    place.arg_dir = dj_buf_str(&dir);
    if (rc == 0 && dj_memo_is(run->call))
        memo_expand(run, &expansion, &message.cwd);
    else if (rc == 0)
        rc = dj_template_expand(&run->call->task->definition, &run->args, &place, &expansion,
                                err);
    run->launch_token[0] = '\0';
    if (rc == 0)
        fill_message(run, &expansion, &message);
    if (rc == 0 && launch->mode == DJ_LAUNCH_COMMAND)
        rc = launch_by_command(run, launch, &expansion, &message, err);
    if (rc == 0)
        rc = live_save(run, err);
    if (rc == 0) {
        dj_kill_point("djd-run-saved");
        dj_peer_send(engine->worker, DJ_MSG_RUN, &message);
        run->state = STARTING;
        set_log_path(run);
    } else {
        slot_free(engine, run->slot);
        run->has_slot = false;
    }
    dj_codec_release(dj_message_layout(DJ_MSG_RUN), &message);
    dj_expansion_release(&expansion);
    return rc;
}

void worker_kill(struct run *run)
{
    struct dj_msg_kill kill = {run->instance, run->attempt, run->slot};

    if (run->host != NULL)
        hosted_kill(run);
    else if (run->has_slot && run->engine->worker != NULL)
        dj_peer_send(run->engine->worker, DJ_MSG_KILL, &kill);
}

static bool is_held(const struct dj_engine *engine, uint64_t slot)
{
    for (const struct run *run = engine->runs; run != NULL; run = run->hh.next) {
        if (run->has_slot && run->slot == slot)
            return true;
    }
    return false;
}

void worker_free(struct dj_engine *engine, uint64_t instance, uint64_t attempt, uint64_t slot)
{
    struct dj_msg_taken taken = {instance, attempt, slot};

    /* A late word of what is over must not free what another has by now. */
    if (!is_held(engine, slot))
        slot_free(engine, slot);
    if (engine->worker != NULL)
        dj_peer_send(engine->worker, DJ_MSG_TAKEN, &taken);
}

void worker_taken(struct run *run)
{
    dj_freep(&run->log_path); /* it is another run's soon */
    if (!run->has_slot)
        return;
    run->has_slot = false;
    if (run->host != NULL)
        hosted_taken(run);
    else
        worker_free(run->engine, run->instance, run->attempt, run->slot);
}

/* ---- the worker itself ---- */

static void spawn_again(void *cookie)
{
    struct dj_engine *engine = cookie;

    engine->spawning = false;
    if (engine->worker == NULL && !engine->stopping)
        worker_spawn(engine);
}

static void ended(void *cookie)
{
    struct dj_engine *engine = cookie;

    if (!engine->stopping)
        dj_loop_timer(engine->loop, SPAWN_AGAIN_MS, spawn_again, engine);
}

void worker_spawn(struct dj_engine *engine)
{
    char connect[] = "--connect", work[] = "--work";
    char *argv[] = {engine->worker_program, connect, engine->socket, work, engine->work_dir, NULL};
    int rc;

    if (engine->spawning)
        return;
    engine->spawning = true;
    rc = dj_loop_spawn(engine->loop, argv, ended, engine);
    if (rc < 0) {
        dj_log_error("cannot start the worker %s: %s", argv[0], strerror(-rc));
        dj_loop_timer(engine->loop, SPAWN_AGAIN_MS, spawn_again, engine);
    }
}

void worker_attach(struct dj_engine *engine, struct dj_peer *peer, const char *place)
{
    engine->greeting_worker = peer;
    if (strcmp(place, engine->work_dir) != 0)
        dj_log_warning("the worker uses %s instead of %s", place, engine->work_dir);
}

void worker_gone(struct dj_engine *engine, struct dj_peer *peer)
{
    if (engine->greeting_worker == peer)
        engine->greeting_worker = NULL;
    host_detach(engine, peer);
    if (engine->worker != peer)
        return;
    engine->worker = NULL;
    if (!engine->stopping)
        worker_spawn(engine);
}

/* ---- what it tells ---- */

static void load_edge(struct run *run, struct dj_bytes value)
{
    struct dj_rec_edge edge;
    const struct dj_rec_instance *rec;
    struct closure closure;
    struct dj_call *call;

    if (dj_codec_decode(&dj_layout_edge, value, &edge, NULL) < 0)
        return;
    (void)dj_edges_add(&run->edges, &edge);
    rec = dj_instance(run->engine, edge.instance);
    /* What it rests on by that cannot be told any more. */
    if (rec == NULL)
        run_add_never(run, dj_premises_never(run->engine->premises,
                                             "a result that it had read was deleted meanwhile"));
    call = rec == NULL ? NULL : dj_call_by_number(run->engine, edge.call);
    if (call != NULL) {
        closure = instance_closure(run->engine, call, rec);
        run_add_closure(run, &closure);
    }
    dj_call_unref(call);
}

static void take_live(struct run *run, struct dj_rec_live *live)
{
    struct dj_premises *premises = run->engine->premises;

    run->adopted = run->stored = run->started = true;
    run->attempt = live->attempt;
    run->slot = live->slot;
    run->forced = live->forced;
    run->incognito = live->incognito;
    run->unstored = live->unstored;
    run->ttl_ms = live->ttl_ms;
    run->serve_ms = live->serve_ms;
    run->expires_ns = live->expires_ns;
    run->cancelled = live->cancelled;
    run->dropped = live->dropped;
    run->tracked = live->tracked;
    run->effective = live->effective;
    run->version = dj_steal(live->version);
    run->user = dj_steal(live->user);
    run->inputs = live->inputs;
    live->inputs = (struct dj_list){0};
    run->asked_by = dj_xstrdup(run->user == NULL ? "" : run->user);
    run->program = live->program;
    if (live->by != NULL && *live->by != '\0')
        run->by = dj_steal(live->by);
    run->abandoned = run->cancelled && run->by == NULL;
    run->queued_ns = live->queued_ns;
    run->start_ns = live->start_ns;
    run->files.joined = live->own_files;
    run->try = live->try == 0 ? 1 : live->try;
    run->tries = live->tries == 0 ? 1 : live->tries;
    run->lost = live->lost;
    run->before = live->before;
    run->asked = live->asked != 0 ? live->asked : run->instance;
    run->retry_ns = live->retry_ns;
    run->bounds = live->bounds;
    run_load_session(run, live);
    run_load_launch(run, live);
    if (live->host != 0)
        host_ref(host_adopt(run->engine, live->host), run);
    memcpy(run->token, live->token.data, DJ_MIN(live->token.len, sizeof(run->token) - 1));
    run->tasks = dj_premises_task(premises, run->call->task->public.number, &live->effective);
    run_add_premises(run, live->tasks, 0);
    run->never = live->never;
}

static void load_file(struct run *run, struct dj_bytes value)
{
    (void)dj_gather(&run->files, dj_get64(value, 0));
}

/* It cannot be told whether it heard the answer. */
static void load_wait(struct run *run, struct dj_bytes value)
{
    struct dj_call *call = dj_call_by_number(run->engine, dj_get64(value, 0));

    (void)run_waits_for(run, dj_get64(value, 0));
    if (call != NULL)
        run_give_up(run, call);
    dj_call_unref(call);
}

/* What is kept beside the live record, one by one. */
static void load_each(struct run *run, char kind, void (*load)(struct run *run, struct dj_bytes))
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, to = DJ_BUF_INIT;
    struct dj_store_iter *iter;

    dj_key_number(&key, kind, run->instance);
    dj_key_number(&to, kind, run->instance + 1);
    iter = dj_store_iter_new(run->engine->store, dj_buf_bytes(&key), dj_buf_bytes(&to));
    while (dj_store_iter_next(iter))
        load(run, dj_store_iter_value(iter));
    dj_store_iter_free(iter);
}

/* A run that an earlier daemon started: everything about it is in the store. */
static struct run *adopt(struct dj_engine *engine, uint64_t instance)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_rec_live live;
    struct dj_call *call;
    struct run *run;

    dj_key_number(&key, 'A', instance);
    if (dj_store_get(engine->store, dj_buf_bytes(&key), &value) < 0 ||
        dj_codec_decode(&dj_layout_live, dj_buf_bytes(&value), &live, NULL) < 0)
        return NULL;
    call = dj_call_by_number(engine, live.call);
    if (call == NULL) {
        dj_codec_release(&dj_layout_live, &live);
        return NULL;
    }
    run = run_new(engine, call, instance);
    if (live.args.len == 0 || dj_args_load_own(dj_buf_bytes(&live.args), &run->params, &run->args,
                                               NULL) < 0)
        run_bind(run, NULL);
    dj_call_unref(call);
    take_live(run, &live);
    dj_codec_release(&dj_layout_live, &live);
    call_choose_run(engine, call);
    if (run->retry_ns != 0) {
        run_delay(run);
        return run;
    }
    run->has_slot = true;
    load_each(run, 'H', load_file);
    run->files_stored = run->files.sets.n;
    load_each(run, 'E', load_edge);
    load_each(run, 'W', load_wait);
    run->state = RUNNING;
    run->holds_slot = true;
    dj_sched_take(&run->session->sched);
    if (run->host == NULL)
        set_log_path(run);
    else
        run->given = true;
    return run;
}

void worker_lost(struct run *run)
{
    run->exited.how = DJ_EXIT_LOST;
    run->exited.end_ns = dj_clock_now_ns();
    run->has_slot = false;
    slot_free(run->engine, run->slot);
    if (!run_start_again(run, true))
        run_end(run);
}

bool worker_has(const struct run *run)
{
    /* One whose files are still looked at was not sent to anybody. */
    return (run->state == STARTING && run->has_slot) || run->state == RUNNING ||
           run->state == BLOCKED || run->state == RESUMING;
}

static bool told_of(const struct dj_msg_running *running, const struct run *run)
{
    for (size_t i = 0; i < running->slots.n; i++) {
        const struct dj_part_slot_state *slot =
            DJ_LIST_AT(&running->slots, struct dj_part_slot_state, i);

        if (slot->instance == run->instance && slot->attempt == run->attempt)
            return true;
    }
    return false;
}

/* Live records whose run no worker has: lost with their worker's slots. */
static void adopt_lost(struct dj_engine *engine, const struct dj_msg_running *running)
{
    struct dj_store_iter *iter =
        dj_store_iter_new(engine->store, DJ_BYTES_LIT("A"), DJ_BYTES_LIT("B"));
    struct dj_list numbers = {0};

    while (dj_store_iter_next(iter))
        *(uint64_t *)dj_list_add(&numbers, sizeof(uint64_t)) =
            dj_get64(dj_store_iter_key(iter), 1);
    dj_store_iter_free(iter);
    for (size_t i = 0; i < numbers.n; i++) {
        uint64_t instance = *DJ_LIST_AT(&numbers, uint64_t, i);
        struct run *run = run_find(engine, instance);

        if (run == NULL)
            run = adopt(engine, instance);
        if (run != NULL && run->host == NULL && worker_has(run) && !told_of(running, run))
            worker_lost(run);
    }
    free(numbers.items);
}

/* Before anybody asks: a call that is under way is joined and not started again. */
void workers_adopt(struct dj_engine *engine)
{
    struct dj_store_iter *iter =
        dj_store_iter_new(engine->store, DJ_BYTES_LIT("A"), DJ_BYTES_LIT("B"));
    struct dj_list numbers = {0};

    while (dj_store_iter_next(iter))
        *(uint64_t *)dj_list_add(&numbers, sizeof(uint64_t)) =
            dj_get64(dj_store_iter_key(iter), 1);
    dj_store_iter_free(iter);
    for (size_t i = 0; i < numbers.n; i++) {
        struct run *run = adopt(engine, *DJ_LIST_AT(&numbers, uint64_t, i));

        if (run != NULL && run->has_slot)
            slot_claim(engine, run->slot);
    }
    free(numbers.items);
}

static void claim_told(struct dj_engine *engine, const struct dj_msg_running *running)
{
    for (size_t i = 0; i < running->slots.n; i++)
        slot_claim(engine, DJ_LIST_AT(&running->slots, struct dj_part_slot_state, i)->slot);
}

static void on_running(struct dj_engine *engine, const struct dj_msg_running *running)
{
    for (size_t i = 0; i < running->slots.n; i++) {
        const struct dj_part_slot_state *slot =
            DJ_LIST_AT(&running->slots, struct dj_part_slot_state, i);
        struct run *run = run_find(engine, slot->instance);

        if (host_told(engine, slot))
            continue;
        if (run == NULL)
            run = adopt(engine, slot->instance);
        /* Who cancels while there is no worker, or just before it ends, has told nobody. */
        if (run == NULL || run->attempt != slot->attempt || run->cancelled) {
            struct dj_msg_kill kill = {slot->instance, slot->attempt, slot->slot};

            dj_peer_send(engine->worker, DJ_MSG_KILL, &kill);
        }
    }
    adopt_lost(engine, running);
    hosts_lost(engine, running);
    /* Last, and before anything is started: what is lost by now may have been sent to a slot whose
     * last run had been taken, of which this worker has not heard. */
    claim_told(engine, running);
}

void worker_started(struct run *run, const struct dj_msg_started *started)
{
    run->start_ns = started->time_ns;
    if (run->state == STARTING)
        run->state = RUNNING;
    live_need(run);
    event(run->engine, "started", run->call, run->instance, NULL);
}

static void on_started(struct dj_engine *engine, const struct dj_msg_started *started)
{
    struct run *run = run_find(engine, started->instance);

    if (run != NULL && run->attempt == started->attempt)
        worker_started(run, started);
}

void worker_exited(struct run *run, struct dj_msg_exited *exited)
{
    if (!worker_has(run))
        return;
    if (exited->how == DJ_EXIT_LOST && run_may_start_again(run)) {
        worker_taken(run);
        (void)run_start_again(run, true);
        return;
    }
    run->exited = *exited;
    exited->text = exited->result_file = exited->host = NULL;
    exited->result = exited->log = (struct dj_buf)DJ_BUF_INIT;
    run_end(run);
}

static void on_exited(struct dj_engine *engine, struct dj_msg_exited *exited)
{
    struct run *run = run_find(engine, exited->instance);

    if ((exited->instance & DJ_HOST_BIT) != 0)
        host_exited(engine, exited);
    else if (run == NULL || run->attempt != exited->attempt || (!worker_has(run) && !run->has_slot))
        /* A late end of something that is over, or that nobody remembers: not wanted. Or it was
         * taken while there was no worker to be told. */
        worker_free(engine, exited->instance, exited->attempt, exited->slot);
    else
        worker_exited(run, exited);
}

void worker_message(struct dj_engine *engine, struct dj_peer *peer,
                    const struct dj_message_in *message)
{
    /* Only who has told what it runs is given more: until then its slots are not known. */
    if (message->number == DJ_MSG_RUNNING && peer == engine->greeting_worker) {
        engine->worker = peer;
        on_running(engine, message->fields);
        run_plan_start(engine);
        return;
    }
    if (peer != engine->worker) {
        struct host *host = host_of_peer(engine, peer);

        if (host != NULL)
            hosted_message(host, message);
        return;
    }
    if (message->number == DJ_MSG_RUNNING)
        on_running(engine, message->fields);
    else if (message->number == DJ_MSG_STARTED)
        on_started(engine, message->fields);
    else if (message->number == DJ_MSG_EXITED)
        on_exited(engine, message->fields);
}

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "daemon/engine_open.h"
#include "daemon/hosted.h"
#include "daemon/memo.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"

enum { CHAIN_MAX = 64 };
#define CHAIN_NS (2 * DJ_NS_PER_MS)
#define SHORT_NS (1 * DJ_NS_PER_MS)

/*
 * Runs that happen in a host: handed to it, ended in it, and what they leave there.
 */

/* ---- what can be launched so ------------------------------------------------------------- */

/* A task that stays by its definition is never a plain process: `process` is a host of its own. */
bool hosted_mode(const struct run *run, const struct dj_launch *launch, struct dj_launch *ret,
                 bool *ret_alone)
{
    const struct dj_definition *definition = run->call->task->public.definition;

    *ret = *launch; /* borrowed */
    *ret_alone = run->suspect;
    if (dj_launch_stays(launch))
        return true;
    if (definition == NULL || !dj_launch_stays(&definition->launch) || dj_memo_is(run->call))
        return false;
    *ret = definition->launch;
    *ret_alone |= launch->mode == DJ_LAUNCH_PROCESS;
    return true;
}

/* ---- handed over ------------------------------------------------------------------------- */

static void add_args(struct run *run, struct dj_list *args)
{
    for (size_t i = 0; i < run->args.params->n; i++) {
        const struct dj_param *param = &run->args.params->items[i];
        const struct dj_value *value = &run->args.values[i];

        for (size_t at = 0; !param->environment && at < value->n; at++) {
            struct dj_part_hosted_arg *arg = dj_list_add(args, sizeof(*arg));

            arg->name = dj_xstrdup(param->name);
            dj_template_value(&arg->text, value, at, run->engine->mount);
        }
    }
}

static void add_environment(const struct run *run, struct dj_list *env)
{
    for (size_t i = 0; i < run->args.params->n; i++) {
        const struct dj_param *param = &run->args.params->items[i];
        struct dj_part_pair *pair;

        if (!param->environment)
            continue;
        pair = dj_list_add(env, sizeof(*pair));
        pair->name = dj_xstrdup(dj_param_variable(param));
        pair->unset = run->args.values[i].n == 0;
        if (!pair->unset)
            dj_buf_set(&pair->value, dj_buf_bytes(&run->args.values[i].scalars[0].text));
    }
}

static const char *function_of(const struct dj_definition *definition, bool thread)
{
    return thread && definition->command.n == 2
               ? dj_buf_str(DJ_LIST_AT(&definition->command, struct dj_buf, 1))
               : definition->name;
}

static void fill_message(struct run *run, struct dj_msg_call *message)
{
    const struct dj_definition *definition = &run->call->task->definition;
    bool thread = run->host->thread;

    message->instance = run->instance;
    message->attempt = run->attempt;
    message->slot = run->slot;
    message->task = dj_xstrdup(definition->name);
    message->function = dj_xstrdup(function_of(definition, thread));
    dj_buf_set(&message->name, dj_buf_bytes(&run->call->name));
    dj_buf_adds(&message->token, run->token);
    message->limits = (struct dj_part_limits){
        .timeout_ms = run->bounds.timeout_ms,
        .result_bytes = run->bounds.max_result,
        .log_bytes = run->bounds.max_log,
    };
    if (definition->result_file != NULL)
        message->result = dj_xstrdup(definition->result_file);
    if (thread)
        add_args(run, &message->args);
    else
        dj_args_json(&message->json, &run->args);
    add_environment(run, &message->env);
}

/* It rides when its chain is that of the call before: only then does the host know whose. */
void hosted_give(struct run *run)
{
    struct dj_msg_call message = {0};

    run->given = true;
    message.rides = run->chain != NULL && run->host->last == run->chain;
    run->host->last = run->chain;
    fill_message(run, &message);
    dj_peer_send(run->host->peer, DJ_MSG_CALL, &message);
    dj_codec_release(dj_message_layout(DJ_MSG_CALL), &message);
}

/*
 * What takes less than its record would is not recorded until it has gone on for a while: should
 * the daemon end meanwhile, the host forgets it, and who asks again has it computed again.
 */
static bool is_short(const struct task *task)
{
    return task->hosted_ns != 0 && task->hosted_ns < SHORT_NS;
}

/* Who rides is of the same task, and has come in the same turn: that of the first is his, too. */
static struct host *host_of_chain(const struct run *run)
{
    const struct chain *chain = run->chain;

    return chain == NULL || chain->turn != dj_loop_turn(run->engine->loop) ||
                   chain->program != run->program || chain->host->gone ||
                   chain->host->key.len == 0
               ? NULL
               : chain->host;
}

int hosted_start(struct run *run, const struct dj_launch *launch, bool alone, struct dj_err *err)
{
    struct dj_engine *engine = run->engine;
    const struct dj_definition *definition = &run->call->task->definition;
    struct host *host;
    int rc = dj_definition_launchable(definition, launch, err);

    run->retry_ns = 0;
    rc = rc < 0 ? rc : dj_args_complete(definition->name, &run->args, err);
    if (rc < 0)
        return rc;
    host = alone ? NULL : host_of_chain(run);
    if (host == NULL)
        host = host_for(run, launch, alone, err);
    if (host == NULL)
        return -EINVAL;
    host_ref(host, run);
    run->slot = slot_take(engine);
    run->has_slot = true;
    /* One that was begun anew, or is another try, has its record already. */
    run->unsaved = !run->stored && is_short(run->call->task);
    rc = run->unsaved ? 0 : live_save(run, err);
    if (rc < 0) {
        slot_free(engine, run->slot);
        run->has_slot = false;
        return rc;
    }
    run->state = STARTING;
    if (host->heard)
        hosted_give(run);
    return 0;
}

/* ---- chains ------------------------------------------------------------------------------ */

/* So many that they take a time worth handing over, and no more than leave the others busy. */
size_t hosted_ride(const struct run *run)
{
    const struct dj_sched *sched = &run->session->sched;
    uint64_t ns = run->call->task->hosted_ns, n;

    if (run->host == NULL || run->host->alone || run->state != STARTING || ns == 0 ||
        run->inputs.n != 0)
        return 0;
    n = DJ_MIN(CHAIN_NS / ns, sched->line.n / DJ_MAX(sched->slots, 1U));
    return (size_t)DJ_MIN(n, CHAIN_MAX);
}

bool hosted_rides(const struct run *next, const struct run *run)
{
    return next->state == QUEUED && next->call->task == run->call->task && !next->suspect &&
           !next->own_launch && !run->own_launch && next->line.holds.n == 0;
}

void hosted_join(struct run *next, struct run *run)
{
    if (run->chain == NULL) {
        run->chain = dj_xcalloc(1, sizeof(*run->chain));
        *run->chain = (struct chain){1, run->host, run->program,
                                     dj_loop_turn(run->engine->loop)};
        run->host->last = run->chain;
    }
    next->chain = run->chain;
    next->chain->n++;
}

/* ---- ended ------------------------------------------------------------------------------- */

/* What it was not given yet is over at once. */
void hosted_kill(struct run *run)
{
    struct dj_msg_kill kill = {run->instance, run->attempt, run->slot};
    struct dj_msg_exited exited = {.how = DJ_EXIT_KILLED, .here = true};

    if (run->host->gone)
        return;
    if (!run->given)
        worker_exited(run, &exited);
    else if (run->host->peer != NULL)
        dj_peer_send(run->host->peer, DJ_MSG_KILL, &kill);
}

void hosted_blocked(const struct run *run)
{
    struct dj_msg_blocked blocked = {run->instance, run->attempt};

    if (run->host != NULL && run->host->peer != NULL)
        dj_peer_send(run->host->peer, DJ_MSG_BLOCKED, &blocked);
}

void hosted_taken(struct run *run)
{
    struct dj_msg_taken taken = {run->instance, run->attempt, run->slot};

    slot_free(run->engine, run->slot);
    if (!run->exited.here && run->host->peer != NULL)
        dj_peer_send(run->host->peer, DJ_MSG_TAKEN, &taken);
}

bool hosted_dir(const struct run *run, struct dj_buf *ret)
{
    host_path(run->engine, run->host, ret);
    dj_buf_addf(ret, "/%" PRIu64, run->exited.place);
    return !run->exited.here;
}

/* ---- what a host tells ------------------------------------------------------------------- */

static bool is_told(const struct dj_msg_running *running, const struct run *run)
{
    for (size_t i = 0; i < running->slots.n; i++) {
        const struct dj_part_slot_state *slot =
            DJ_LIST_AT(&running->slots, struct dj_part_slot_state, i);

        if (slot->instance == run->instance && slot->attempt == run->attempt)
            return true;
    }
    return false;
}

static struct run *run_in(struct host *host, uint64_t instance, uint64_t attempt)
{
    struct run *run = run_find(host->engine, instance);

    return run != NULL && run->host == host && run->attempt == attempt ? run : NULL;
}

static void forget_unknown(struct host *host, const struct dj_msg_running *running)
{
    for (size_t i = 0; i < running->slots.n; i++) {
        const struct dj_part_slot_state *slot =
            DJ_LIST_AT(&running->slots, struct dj_part_slot_state, i);
        struct dj_msg_kill kill = {slot->instance, slot->attempt, slot->slot};
        struct run *run = run_in(host, slot->instance, slot->attempt);

        if (run == NULL || run->cancelled)
            dj_peer_send(host->peer, DJ_MSG_KILL, &kill);
    }
}

/* It came, or came back: what it does not have was lost on the way, what waits for it is given. */
static void on_running(struct host *host, const struct dj_msg_running *running)
{
    struct dj_list numbers = {0};

    forget_unknown(host, running);
    host->heard = true;
    for (struct run *run = host->engine->runs; run != NULL; run = run->hh.next) {
        if (run->host == host && worker_has(run) && !is_told(running, run))
            *(uint64_t *)dj_list_add(&numbers, sizeof(uint64_t)) = run->instance;
    }
    for (size_t i = 0; i < numbers.n; i++) {
        struct run *run = run_find(host->engine, *DJ_LIST_AT(&numbers, uint64_t, i));

        if (run == NULL || run->host != host)
            continue;
        if (run->given)
            worker_lost(run);
        else
            hosted_give(run);
    }
    free(numbers.items);
}

static void on_started(struct host *host, const struct dj_msg_started *started)
{
    struct run *run = run_in(host, started->instance, started->attempt);
    struct dj_buf path = DJ_BUF_INIT;

    if (run == NULL)
        return;
    host_path(host->engine, host, &path);
    dj_buf_addf(&path, "/%" PRIu64 "/err", started->slot);
    free(run->log_path);
    run->log_path = dj_buf_steal(&path);
    worker_started(run, started);
}

/* What one run of the task takes, the last ones counting most. */
static void note_time(struct task *task, const struct dj_msg_exited *exited)
{
    uint64_t ns = exited->end_ns > exited->start_ns ? exited->end_ns - exited->start_ns : 1;

    task->hosted_ns = task->hosted_ns == 0 ? ns : (task->hosted_ns * 7 + ns) / 8;
}

static void on_exited(struct host *host, struct dj_msg_exited *exited)
{
    struct run *run = run_in(host, exited->instance, exited->attempt);
    struct dj_msg_taken taken = {exited->instance, exited->attempt, exited->slot};

    if (run != NULL && exited->how == DJ_EXIT_CODE && exited->code == 0)
        note_time(run->call->task, exited);
    if (run != NULL && (worker_has(run) || run->has_slot))
        worker_exited(run, exited);
    else if (!exited->here)
        dj_peer_send(host->peer, DJ_MSG_TAKEN, &taken);
}

void hosted_message(struct host *host, const struct dj_message_in *message)
{
    switch (message->number) {
    case DJ_MSG_RUNNING:
        on_running(host, message->fields);
        break;
    case DJ_MSG_STARTED:
        on_started(host, message->fields);
        break;
    case DJ_MSG_EXITED:
        on_exited(host, message->fields);
        break;
    default:
        break;
    }
}

uint64_t dj_engine_speaks(struct dj_engine *engine, const struct dj_peer *peer, uint64_t instance)
{
    struct host *host = host_of_peer(engine, peer);
    struct run *run = run_find(engine, instance);

    return host != NULL && run != NULL && run->host == host ? instance : 0;
}

void dj_engine_host_attach(struct dj_engine *engine, struct dj_peer *peer, const char *number)
{
    host_attach(engine, peer, number);
}

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/early.h"
#include "daemon/engine_impl.h"
#include "daemon/failure.h"
#include "daemon/hosted.h"
#include "daemon/ingest.h"
#include "daemon/memo.h"
#include "lib/model/expiry.h"
#include "lib/util/clock.h"
#include "lib/util/kill_point.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * From a run's exit to its stored record: its outputs are taken in on a pool thread, the record is
 * written with everything that belongs to it in one batch, and who waits is told after the sync.
 */

enum { ROOM_FOR_OUTPUT = 64 << 10 }; /* below that the disk counts as full */

struct ending {
    struct dj_ingest ingest;
    struct run *run;
};

/* The exit code of a memo is part of its result. */
static bool ended_well(const struct run *run)
{
    return run->exited.how == DJ_EXIT_CODE && !run->cancelled &&
           (run->exited.code == 0 || dj_memo_is(run->call));
}

static const char *this_host(void)
{
    static char host[256];

    if (host[0] == '\0')
        gethostname(host, sizeof(host) - 1);
    return host;
}

static void fill(struct run *run)
{
    struct dj_rec_instance *rec = &run->result;
    const struct dj_msg_exited *exited = &run->exited;

    rec->call = run->call->rec.number;
    rec->number = run->instance;
    rec->version = dj_xstrdup(run->version == NULL ? "" : run->version);
    rec->effective = run->effective;
    rec->tasks = run->tasks;
    rec->files = run_files(run);
    rec->queued_ns = run->queued_ns;
    rec->start_ns = exited->start_ns != 0 ? exited->start_ns : run->start_ns;
    rec->end_ns = exited->end_ns != 0 ? exited->end_ns : dj_clock_now_ns();
    rec->user_us = exited->user_us;
    rec->system_us = exited->system_us;
    rec->max_rss_kib = exited->max_rss_kib;
    rec->host = dj_xstrdup(exited->host == NULL ? this_host() : exited->host);
    rec->user = dj_xstrdup(run->user == NULL ? "" : run->user);
    rec->attempt = run->attempt;
    rec->lost = run->lost;
    rec->memory_guard = exited->memory_guard;
    rec->memory_peak = exited->memory_peak;
    rec->forced = run->forced;
    rec->program = run->program;
    rec->edges = dj_edges_take(&run->edges);
    rec->progress_done = run->progress.done;
    rec->progress_total = run->progress.total;
    run_record_session(run, rec);
    rec->launch = dj_launch_text(&run->launch);
    dj_args_store(&rec->args, &run->args);
}

/* A call that was deleted begins anew: what undelete could have brought back gives way. */
void call_drop_deleted(struct dj_engine *engine, struct dj_store_batch *batch,
                       struct dj_call *call)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    struct dj_rec_call *rec = &call->rec;

    dj_freep(&rec->deleted_by);
    if (rec->deleted_ns == 0)
        return;
    for (size_t i = 0; i < rec->instances.n; i++) {
        struct dj_rec_summary *summary = DJ_LIST_AT(&rec->instances, struct dj_rec_summary, i);

        instance_drop(engine, batch, summary->instance);
        dj_codec_release(&dj_layout_summary, summary);
    }
    rec->instances.n = 0;
    dj_key_numbers(&key, 'X', rec->deleted_ns, rec->number);
    dj_store_batch_delete(batch, dj_buf_bytes(&key));
    rec->deleted_ns = 0;
}

void instance_put(struct dj_store_batch *batch, const struct dj_rec_instance *rec)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    dj_key_number(&key, 'I', rec->number);
    dj_codec_encode(&value, &dj_layout_instance, rec);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
    dj_buf_clear(&value);
    dj_put64(&value, rec->call);
    for (size_t i = 0; i < rec->edges.n; i++) {
        dj_key_numbers(&key, 'D', DJ_LIST_AT(&rec->edges, struct dj_rec_edge, i)->call,
                       rec->number);
        dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
    }
}

static void add_summary(struct run *run)
{
    struct dj_rec_summary *summary = call_add_summary(run->call);

    summary->instance = run->instance;
    summary->state = run->result.state;
    summary->tasks = run->tasks;
    summary->files = run->result.files;
    summary->forced = run->forced;
    summary->asked = run->asked == run->instance ? 0 : run->asked;
    if (run->expires_ns != 0)
        summary->ended_ns = run->result.end_ns;
    summary->expires_ns = run->expires_ns;
    summary->own_ns = run->own_expires_ns;
    summary->serve_ms = run->serve_ms;
    summary->asked_ns = run->queued_ns;
    if (summary->state == DJ_DONE)
        alike_add(run);
    /* The first of a task: what is usual can be told from now on. */
    if (run->call->task->usual_ns == 0)
        run->call->task->usual_until_ns = 0;
}

static void durable(void *cookie, int code, const char *sentence)
{
    struct run *run = cookie;
    dj_cleanup_free char *text = NULL;

    dj_kill_point("djd-end-durable");
    early_settle(run, code, sentence);
    if (code != 0) {
        (void)dj_number_set_add(&run->engine->unsynced, run->instance);
        if (run->late) { /* it may not even be written */
            call_reload(run->engine, run->call);
            engine_load_sums(run->engine);
        }
        if (run->next != NULL)
            run_finish(dj_steal(run->next), code, sentence);
        run_finish(run, code, sentence);
        return;
    }
    if (run->failure == 0) {
        call_changed(run->engine, run->call, run->forced);
        instance_lend(run->engine, &run->result);
        run_finish(run, 0, NULL);
        return;
    }
    text = dj_xstrdup(run->result.error);
    if (run->next != NULL)
        run_hand_over(run, text);
    else
        run_finish(run, run->failure, text);
}

/* Nothing of an incognito run is stored: its record lives while somebody holds it. */
static void keep_ephemeral(struct run *run, struct dj_list *claims)
{
    struct held *held;

    dj_instance_hold(run->engine, run->instance);
    held = held_find(run->engine, run->instance);
    held->ephemeral = true;
    held->rec = run->result;
    held->call = run->call;
    dj_call_ref(held->call);
    held->claims = *claims;
    *claims = (struct dj_list){0};
    memset(&run->result, 0, sizeof(run->result));
}

static void end_incognito(struct run *run, struct dj_ingest *ingest)
{
    struct dj_engine *engine = run->engine;
    struct dj_store_batch *batch = dj_store_batch_new();
    uint64_t instance = run->instance;
    int failure = run->failure;
    dj_cleanup_free char *text = dj_xstrdup(run->result.error == NULL ? "" : run->result.error);

    run_forget_live(run, batch);
    if (failure != 0)
        run_prepare_retry(run, batch);
    (void)engine_write(engine, batch, NULL);
    dj_store_batch_free(batch);
    keep_ephemeral(run, &ingest->claims);
    if (run->next != NULL)
        run_hand_over(run, text);
    else
        run_finish(run, failure, failure == 0 ? NULL : text);
    dj_instance_release(engine, instance);
}

/* What the program did right can still be too much, have no place, or be about something else. */
static void judge_outputs(struct run *run, const struct dj_ingest *ingest,
                          struct dj_buf *ret_changed)
{
    const struct dj_rec_content *result = &run->result.result;

    if (ingest->code < 0) {
        run->exited.how = ingest->no_result ? DJ_EXIT_NO_RESULT : DJ_EXIT_NOT_STORED;
        run->exited.code = (uint64_t)-ingest->code;
    } else if (run->bounds.max_result != 0 && result->size > run->bounds.max_result) {
        run->exited.how = DJ_EXIT_RESULT_LIMIT;
        run->exited.limit = run->bounds.max_result;
        run->exited.reached = result->size;
    } else if (!inputs_same(run, ret_changed)) {
        run->exited.how = DJ_EXIT_INPUT_CHANGED;
    }
}

/* What the sentence is made of. */
static void fill_end(struct run *run)
{
    struct dj_rec_instance *rec = &run->result;

    rec->how = run->exited.how;
    rec->code = run->exited.code;
    rec->limit = run->exited.limit;
    rec->reached = run->exited.reached;
    rec->memory_guard = run->exited.memory_guard;
    rec->try = run->try;
    rec->tries = run->tries;
    rec->lost = run->lost;
    rec->bounds = run->bounds;
    rec->by = dj_xstrdup(run->by == NULL ? "" : run->by);
    rec->state = ended_well(run) ? DJ_DONE : dj_exit_state(rec->how, rec->code);
}

/*
 * A program that could not write its output fails in a way of its own, and its log may say nothing,
 * being on the same disk.
 */
static void judge_disk(struct run *run, struct dj_ingest *ingest)
{
    const struct dj_msg_exited *exited = &run->exited;
    uint64_t used, room, total;

    if (run->cancelled || ingest->code < 0 ||
        !((exited->how == DJ_EXIT_CODE && exited->code != 0) || exited->how == DJ_EXIT_SIGNAL) ||
        dj_store_usage(run->engine->store, &used, &room, &total) < 0 || room >= ROOM_FOR_OUTPUT)
        return;
    ingest->code = dj_err_set(&ingest->err, ENOSPC,
                              "it ended with %s %llu while the disk of the store %s is full",
                              exited->how == DJ_EXIT_CODE ? "exit code" : "signal",
                              (unsigned long long)exited->code, dj_store_dir(run->engine->store));
    run->exited.how = DJ_EXIT_NOT_STORED;
    run->exited.code = ENOSPC;
}

/* What the askers get: a full disk is not the run's doing. */
static int errno_of(const struct run *run, const struct dj_ingest *ingest)
{
    if (run->result.state == DJ_CANCELLED)
        return -ECANCELED;
    if (run->exited.how == DJ_EXIT_INPUT_CHANGED)
        return -ESTALE;
    return run->exited.how == DJ_EXIT_NOT_STORED &&
                   (ingest->code == -ENOSPC || ingest->code == -EDQUOT)
               ? ingest->code
               : -EIO;
}

static void judge(struct run *run, struct ending *ending)
{
    dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT, path = DJ_BUF_INIT;
    struct dj_ingest *ingest = &ending->ingest;
    struct dj_failure failure = {
        .task = run->call->task->public.name,
        .name = dj_buf_bytes(&run->call->name),
        .rec = &run->result,
        .text = run->exited.text,
        .log = dj_buf_bytes(&ingest->tail),
        .abandoned = run->abandoned,
    };

    if (ended_well(run))
        judge_outputs(run, ingest, &path);
    else if (run->cancelled && run->exited.how != DJ_EXIT_LOST)
        run->exited.how = DJ_EXIT_KILLED;
    else
        judge_disk(run, ingest);
    fill_end(run);
    if (run->result.state != DJ_DONE) {
        if (ingest->code < 0 && run->exited.how != DJ_EXIT_NOT_STARTED)
            failure.text = dj_err_text(&ingest->err, ingest->code);
        else if (run->exited.how == DJ_EXIT_INPUT_CHANGED)
            failure.text = dj_buf_str(&path);
        if (dj_memo_is(run->call))
            memo_explain(&sentence, run);
        else
            dj_failure_explain(&sentence, &failure);
        run->failure = errno_of(run, ingest);
    }
    run->result.error = dj_buf_steal(&sentence);
}

/* Nothing of it is anywhere but here: with this daemon it would be computed again, as if it had
 * ended a moment sooner. */
static bool can_wait(const struct run *run)
{
    return run->unsaved && run->exited.here && run->failure == 0 &&
           run->call->rec.deleted_ns == 0;
}

static int write_end(struct run *run, struct dj_store_batch *batch, struct dj_err *err)
{
    struct dj_store_batch *counters = dj_store_batch_new();
    int rc;

    counters_put(run->engine, counters);
    if (!run->late) {
        dj_store_batch_add_all(batch, counters);
        rc = engine_write(run->engine, batch, err);
    } else {
        rc = engine_write_later(run->engine, batch, counters, err);
    }
    dj_store_batch_free(counters);
    return rc;
}

/* What is purged goes before what is stored: the same bytes may be in both. */
static int commit(struct run *run, const struct dj_store_batch *outputs, struct dj_err *err)
{
    struct dj_engine *engine = run->engine;
    struct dj_store_batch *batch = dj_store_batch_new();
    uint64_t runs = engine->stored_runs, bytes = engine->stored_bytes;
    int rc;

    run->late = can_wait(run);
    call_drop_deleted(engine, batch, run->call);
    dj_store_batch_add_all(batch, outputs);
    (void)call_number(engine, batch, run->call);
    fill(run);
    add_summary(run);
    run_forget_live(run, batch);
    instance_put(batch, &run->result);
    engine->stored_runs++;
    engine->stored_bytes += dj_quota_bytes(&run->result);
    call_save(engine, batch, run->call);
    if (run->failure != 0)
        run_prepare_retry(run, batch);
    rc = write_end(run, batch, err);
    dj_store_batch_free(batch);
    dj_kill_point("djd-end-written");
    if (rc == 0)
        contents_leave(engine);
    if (rc < 0) {
        engine->stored_runs = runs;
        engine->stored_bytes = bytes;
        call_reload(engine, run->call);
        if (run->next != NULL)
            run_free(dj_steal(run->next));
    }
    return rc;
}

/* No record of it: its live one goes with the next batch that can be written. */
static void end_unstored(struct run *run, int code, const struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;

    run_forget_live(run, run->engine->batch);
    if (run->failure != 0)
        dj_buf_addf(&sentence, "%s; this is on no record: ", run->result.error);
    dj_buf_addf(&sentence, "%s", dj_err_text(err, code));
    run_finish(run, run->failure != 0 ? run->failure : code, dj_buf_str(&sentence));
}

/* Its call is deleted, and a record of its end would be the beginning of a new life. */
static void end_dropped(struct run *run)
{
    dj_cleanup_free char *text = dj_steal(run->result.error);

    worker_taken(run);
    run_finish(run, -ECANCELED, text);
}

/* From here on it is the run's own, too. */
static void settle_expiry(struct run *run)
{
    uint64_t end_ns = run->exited.end_ns != 0 ? run->exited.end_ns : dj_clock_now_ns();

    if (run->ttl_ms != 0)
        run->own_expires_ns = end_ns + run->ttl_ms * DJ_NS_PER_MS;
    run->expires_ns = dj_expiry_least(run->expires_ns, run->own_expires_ns);
    run->result.expires_ns = run->expires_ns;
}

static void taken_in(void *cookie)
{
    struct ending *ending = cookie;
    struct run *run = ending->run;
    struct dj_engine *engine = run->engine;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    judge(run, ending);
    run_settle_premises(run);
    settle_expiry(run);
    if (run->dropped) {
        end_dropped(run);
    } else if (run->incognito) {
        dj_ingest_written(&ending->ingest);
        worker_taken(run);
        end_incognito(run, &ending->ingest);
    } else {
        rc = quota_check(engine, &run->result, &err);
        if (rc == 0)
            rc = commit(run, ending->ingest.batch, &err);
        if (rc == 0)
            dj_ingest_written(&ending->ingest);
        worker_taken(run);
        if (rc < 0) {
            end_unstored(run, rc, &err);
        } else {
            for (size_t i = 0; i < ending->ingest.fresh.n; i++)
                verified_add(engine, DJ_LIST_AT(&ending->ingest.fresh, struct dj_digest, i));
            run->state = COMMITTED;
            early_tell(run); /* before the sync, so that not its thread writes the records */
            sync_then(engine, durable, run);
            dj_kill_point("djd-slot-given-back");
        }
    }
    contents_settle(engine, &ending->ingest.claims);
    dj_ingest_release(&ending->ingest);
    free(ending);
}

static void take_in_here(void *cookie)
{
    dj_ingest_work(cookie);
    taken_in(cookie);
}

/*
 * A small result was just written and is in memory: reading it takes less time than handing it to
 * another thread does. It comes after the start of the next run, which was planned before it.
 */
static void take_in(struct ending *ending)
{
    struct dj_loop *loop = ending->run->engine->loop;

    if (ending->ingest.here ||
        (!ending->ingest.has_files && ending->ingest.result_file == NULL &&
         ending->ingest.result_size + ending->ingest.log_size <= DJ_INGEST_HERE))
        dj_loop_later(loop, take_in_here, ending);
    else
        dj_loop_job(loop, dj_ingest_work, taken_in, ending);
}

void run_end(struct run *run)
{
    struct ending *ending = dj_xcalloc(1, sizeof(*ending));
    struct dj_buf dir = DJ_BUF_INIT;
    const struct dj_definition *definition = run->call->task->public.definition;

    run->state = ENDING;
    /* It may have ended while it waited, or stood in line to go on. */
    dj_sched_remove(&run->session->sched, &run->line);
    want_forget_asker(run);
    run_give_back(run);
    run_free_resources(run);
    host_leave(run);
    run_plan_start(run->engine);
    ending->run = run;
    /* Without its slot there is nothing to take in: a folder that is not there says so. */
    if (run->host != NULL)
        (void)hosted_dir(run, &dir);
    else
        dj_buf_addf(&dir, "%s/%s%llu", run->engine->work_dir, run->has_slot ? "" : "lost/",
                    (unsigned long long)run->slot);
    ending->ingest = (struct dj_ingest){
        .store = run->engine->store,
        .slot_dir = dj_buf_steal(&dir),
        .keep_result = ended_well(run) || dj_memo_is(run->call),
        .has_files = run->exited.has_files,
        .result_size = run->exited.result_size,
        .log_size = run->exited.log_size,
        .here = run->exited.here,
        .result = dj_buf_bytes(&run->exited.result),
        .log = dj_buf_bytes(&run->exited.log),
        .instance = run->instance,
        .nothing_stored = run->incognito,
        .into = &run->result,
        .batch = dj_store_batch_new(),
    };
    if (run->exited.result_file != NULL && *run->exited.result_file != '\0')
        ending->ingest.result_file = dj_xstrdup(run->exited.result_file);
    else if (definition != NULL && definition->result_file != NULL)
        ending->ingest.result_file = dj_xstrdup(definition->result_file);
    take_in(ending);
}

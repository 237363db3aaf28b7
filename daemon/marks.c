#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/clock.h"
#include "lib/util/kill_point.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"
#include "lib/util/user.h"

/*
 * What happens to stored runs one by one: marks that spread to dependents, deletion, its undoing.
 */

/* ---- marks ---- */

struct spreading {
    struct dj_engine *engine;
    struct dj_store_batch *batch;
    const char *reason;
    struct dj_list todo; /* struct dj_rec_edge: call and instance to mark, 0: all its instances */
    uint64_t child_call, child_instance;
    bool only_failed;
    struct dj_number_set passed; /* purged ones */
};

static void push(struct spreading *spreading, uint64_t call, uint64_t instance)
{
    struct dj_rec_edge *edge = dj_list_add(&spreading->todo, sizeof(*edge));

    edge->call = call;
    edge->instance = instance;
}

/* One that was purged has no record that a mark could be seen in: it is passed once. */
static void push_purged(struct spreading *spreading, uint64_t call, uint64_t instance)
{
    if (dj_number_set_add(&spreading->passed, instance))
        push(spreading, call, instance);
}

/* Who read something is concerned when it was answered by just the instance that is marked. */
static bool concerns(const struct spreading *spreading, const struct dj_rec_edge *edge)
{
    return edge->call == spreading->child_call && (!spreading->only_failed || edge->failed) &&
           (spreading->child_instance == 0 || edge->instance == spreading->child_instance);
}

/* One that was accepted since its mark is stale only when it is marked anew. */
static bool has_mark(const struct dj_rec_summary *summary)
{
    return summary->stale && summary->accepted.n == 0 && !summary->corrupt;
}

static bool is_marked(struct dj_engine *engine, uint64_t number, uint64_t instance)
{
    struct dj_call *call = dj_call_by_number(engine, number);
    const struct dj_rec_summary *summary = call == NULL ? NULL : call_summary(call, instance);
    bool marked = summary != NULL && has_mark(summary);

    dj_call_unref(call);
    return marked;
}

/* One that is marked needs no second look: when the children of a wide run are made anew one by
 * one, its record is read for the first of them only. */
static int look_at_parent(void *cookie, uint64_t parent_call, uint64_t parent_instance)
{
    struct spreading *spreading = cookie;
    const struct dj_rec_instance *rec = NULL;

    if (is_marked(spreading->engine, parent_call, parent_instance))
        return 0;
    rec = dj_instance(spreading->engine, parent_instance);
    if (rec == NULL) /* who had read it rests on this child still */
        push_purged(spreading, parent_call, parent_instance);
    for (size_t i = 0; rec != NULL && i < rec->edges.n; i++) {
        if (concerns(spreading, DJ_LIST_AT(&rec->edges, struct dj_rec_edge, i))) {
            push(spreading, parent_call, parent_instance);
            break;
        }
    }
    return 0;
}

/* A run under way has no record yet by which it could be found. */
static void mark_live(struct spreading *spreading)
{
    for (struct run *run = spreading->engine->runs; run != NULL; run = run->hh.next) {
        if (!dj_edges_has_call(&run->edges, spreading->child_call))
            continue;
        for (size_t i = 0; i < run->edges.list.n; i++) {
            if (concerns(spreading, DJ_LIST_AT(&run->edges.list, struct dj_rec_edge, i))) {
                run->outdated = true;
                run_refused(run, spreading->reason);
                break;
            }
        }
    }
}

static void push_parents(struct spreading *spreading, uint64_t call, uint64_t instance)
{
    spreading->child_call = call;
    spreading->child_instance = instance;
    dj_dependents(spreading->engine, call, 0, look_at_parent, spreading);
    mark_live(spreading);
}

static void forget_accepted(struct dj_rec_summary *summary)
{
    for (size_t i = 0; i < summary->accepted.n; i++)
        dj_codec_release(&dj_layout_acceptance,
                         DJ_LIST_AT(&summary->accepted, struct dj_rec_acceptance, i));
    dj_freep(&summary->accepted.items);
    summary->accepted = (struct dj_list){0};
}

static bool mark_summaries(struct spreading *spreading, struct dj_call *call, uint64_t instance)
{
    bool marked = false;

    for (size_t i = 0; i < call->rec.instances.n; i++) {
        struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);

        if (has_mark(summary) || (instance != 0 && summary->instance != instance))
            continue;
        summary->stale = true;
        forget_accepted(summary);
        free(summary->mark);
        summary->mark = dj_xstrdup(spreading->reason);
        marked = true;
    }
    return marked;
}

static void spread(struct spreading *spreading)
{

    for (size_t i = 0; i < spreading->todo.n; i++) {
        struct dj_rec_edge next = *DJ_LIST_AT(&spreading->todo, struct dj_rec_edge, i);
        struct dj_call *call = dj_call_by_number(spreading->engine, next.call);

        if (call != NULL && mark_summaries(spreading, call, next.instance)) {
            call_save(spreading->engine, spreading->batch, call);
            call_changed(spreading->engine, call, true);
            spreading->only_failed = false;
            push_parents(spreading, next.call, next.instance);
        } else if (call != NULL && next.instance != 0 &&
                   call_summary(call, next.instance) == NULL) {
            push_parents(spreading, next.call, next.instance);
        }
        dj_call_unref(call);
    }
    free(spreading->todo.items);
    dj_number_set_clear(&spreading->passed);
}

void mark_stale(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_call *call,
                const char *reason)
{
    struct spreading spreading = {.engine = engine, .batch = batch, .reason = reason};

    push(&spreading, call->rec.number, 0);
    spread(&spreading);
}

/*
 * A run that read a failed child and still ended well stands only until the child is tried again,
 * which is now.
 */
void mark_built_on_failure(struct dj_engine *engine, struct dj_call *call)
{
    const struct dj_rec_summary *newest = call_newest(call);
    dj_cleanup_buf struct dj_buf reason = DJ_BUF_INIT;
    struct spreading spreading = {.engine = engine, .only_failed = true};

    /* What it had before it was deleted, or purged, may have been a failure. */
    if (call->rec.number == 0 || (newest != NULL && newest->state == DJ_DONE))
        return;
    dj_buf_addf(&reason, "%s/", call->task->public.name);
    dj_add_printable(&reason, dj_buf_bytes(&call->name));
    dj_buf_adds(&reason, ", whose failure it had read, was tried again");
    spreading.reason = dj_buf_str(&reason);
    spreading.batch = dj_store_batch_new();
    push_parents(&spreading, call->rec.number, 0);
    spread(&spreading);
    if (engine_write(engine, spreading.batch, NULL) < 0)
        engine_reload(engine);
    dj_store_batch_free(spreading.batch);
}

static int write_then(struct dj_engine *engine, struct dj_store_batch *batch, dj_done_fn *done,
                      void *cookie, struct dj_err *err)
{
    int rc = engine_write(engine, batch, err);

    dj_kill_point("djd-mark-written");
    dj_store_batch_free(batch);
    if (rc == 0)
        sync_then(engine, done, cookie);
    else
        engine_reload(engine);
    return rc;
}

int dj_call_invalidate(struct dj_engine *engine, struct dj_call *call,
                       const struct dj_asker *asker, dj_done_fn *done, void *cookie,
                       struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf reason = DJ_BUF_INIT;
    struct dj_store_batch *batch;

    if (call_newest(call) == NULL)
        return dj_err_set(err, ENOENT, "it has no stored result");
    dj_buf_addf(&reason, "%s/", call->task->public.name);
    dj_add_printable(&reason, dj_buf_bytes(&call->name));
    dj_buf_addf(&reason, " was invalidated by %s", dj_user_name(asker->uid));
    batch = dj_store_batch_new();
    mark_stale(engine, batch, call, dj_buf_str(&reason));
    return write_then(engine, batch, done, cookie, err);
}

/* ---- deleting ---- */

static void delete_into(struct dj_engine *engine, struct dj_store_batch *batch,
                        struct dj_call *call, const struct dj_asker *asker)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    call->rec.deleted_ns = dj_clock_now_ns();
    free(call->rec.deleted_by);
    call->rec.deleted_by = dj_xstrdup(dj_user_name(asker->uid));
    call_unlist(engine, batch, call);
    dj_key_numbers(&key, 'X', call->rec.deleted_ns, call->rec.number);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_bytes(NULL, 0));
    call_save(engine, batch, call);
    call_changed(engine, call, true);
}

int dj_call_delete(struct dj_engine *engine, struct dj_call *call,
                   const struct dj_asker *asker, dj_done_fn *done, void *cookie,
                   struct dj_err *err)
{
    struct dj_store_batch *batch;
    bool stored;
    int rc;

    if (runs_cancel(engine, call->task, call, dj_user_name(asker->uid), true) == 0 &&
        call_newest(call) == NULL)
        return dj_err_set(err, ENOENT, "it has no stored result");
    batch = dj_store_batch_new();
    stored = call_newest(call) != NULL;
    if (stored)
        delete_into(engine, batch, call, asker);
    rc = write_then(engine, batch, done, cookie, err);
    if (rc == 0 && stored)
        event(engine, "deleted", call, 0, NULL);
    return rc;
}

struct deleting {
    struct dj_engine *engine;
    struct dj_store_batch *batch;
    const struct dj_asker *asker;
    struct dj_list calls; /* struct dj_call *, referenced */
};

static int delete_each(void *cookie, struct dj_bytes name DJ_UNUSED, uint64_t number)
{
    struct deleting *deleting = cookie;
    struct dj_call *call = dj_call_by_number(deleting->engine, number);

    if (call == NULL)
        return 0;
    *(struct dj_call **)dj_list_add(&deleting->calls, sizeof(call)) = call;
    if (call_newest(call) != NULL)
        delete_into(deleting->engine, deleting->batch, call, deleting->asker);
    return 0;
}

int dj_task_delete_all(struct dj_engine *engine, struct dj_task *task,
                       const struct dj_asker *asker, dj_done_fn *done, void *cookie,
                       struct dj_err *err)
{
    struct deleting deleting = {engine, dj_store_batch_new(), asker, {0}};
    int rc;

    (void)runs_cancel(engine, dj_container_of(task, struct task, public), NULL,
                      dj_user_name(asker->uid), true);
    dj_task_runs(engine, task, dj_bytes(NULL, 0), delete_each, &deleting);
    rc = write_then(engine, deleting.batch, done, cookie, err);
    for (size_t i = 0; i < deleting.calls.n; i++) {
        struct dj_call *call = *DJ_LIST_AT(&deleting.calls, struct dj_call *, i);

        if (rc == 0)
            event(engine, "deleted", call, 0, NULL);
        dj_call_unref(call);
    }
    free(deleting.calls.items);
    return rc;
}

static struct dj_store_iter *deleted_calls(struct dj_engine *engine)
{
    return dj_store_iter_new(engine->store, DJ_BYTES_LIT("X"), DJ_BYTES_LIT("Y"));
}

int dj_undelete(struct dj_engine *engine, struct dj_task *task, struct dj_bytes name,
                uint64_t *ret_count, dj_done_fn *done, void *cookie, struct dj_err *err)
{
    struct dj_store_batch *batch = dj_store_batch_new();
    struct dj_store_iter *iter = deleted_calls(engine);

    *ret_count = 0;
    while (dj_store_iter_next(iter)) {
        struct dj_call *call = dj_call_by_number(engine, dj_get64(dj_store_iter_key(iter), 9));

        if (call != NULL && call->rec.deleted_ns != 0 &&
            (task == NULL || task == &call->task->public) &&
            (name.len == 0 || dj_bytes_equal(name, dj_buf_bytes(&call->name)))) {
            dj_store_batch_delete(batch, dj_store_iter_key(iter));
            call->rec.deleted_ns = 0;
            dj_freep(&call->rec.deleted_by);
            call_save(engine, batch, call);
            call_changed(engine, call, false);
            ++*ret_count;
        }
        dj_call_unref(call);
    }
    dj_store_iter_free(iter);
    alikes_drop(engine, NULL, 0);
    if (*ret_count == 0) {
        dj_store_batch_free(batch);
        return dj_err_set(err, ENOENT, "nothing that was deleted lately matches");
    }
    return write_then(engine, batch, done, cookie, err);
}

static bool purge_call(struct dj_engine *engine, struct dj_store_batch *batch,
                       struct dj_call *call)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    for (size_t i = 0; i < call->rec.instances.n; i++) {
        if (held_find(engine, DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i)->instance))
            return false;
    }
    for (size_t i = 0; i < call->rec.instances.n; i++) {
        struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);

        instance_drop(engine, batch, summary->instance);
        dj_codec_release(&dj_layout_summary, summary);
    }
    call->rec.instances.n = 0;
    /* The call itself stays: a dependency's link may name it. */
    dj_key_numbers(&key, 'X', call->rec.deleted_ns, call->rec.number);
    dj_store_batch_delete(batch, dj_buf_bytes(&key));
    call->rec.deleted_ns = 0;
    call_save(engine, batch, call);
    return true;
}

void purge_deleted(struct dj_engine *engine, uint64_t bytes)
{
    struct dj_store_batch *batch = dj_store_batch_new();
    struct dj_store_iter *iter = deleted_calls(engine);

    while (engine->stored_bytes > bytes && dj_store_iter_next(iter)) {
        struct dj_call *call =
            dj_call_by_number(engine, dj_get64(dj_store_iter_key(iter), 9));

        if (call != NULL && call->rec.deleted_ns != 0)
            purge_call(engine, batch, call);
        dj_call_unref(call);
    }
    dj_store_iter_free(iter);
    if (engine_write(engine, batch, NULL) == 0)
        contents_leave(engine);
    else
        engine_reload(engine);
    dj_store_batch_free(batch);
}

int dj_gc(struct dj_engine *engine, struct dj_err *err)
{
    struct dj_store_batch *batch = dj_store_batch_new();
    struct dj_store_iter *iter = deleted_calls(engine);
    uint64_t now = dj_clock_now_ns();
    int rc;

    while (dj_store_iter_next(iter)) {
        struct dj_call *call;

        if (dj_get64(dj_store_iter_key(iter), 1) + engine->keep_deleted_ns > now)
            break;
        call = dj_call_by_number(engine, dj_get64(dj_store_iter_key(iter), 9));
        if (call != NULL && call->rec.deleted_ns != 0)
            purge_call(engine, batch, call);
        dj_call_unref(call);
    }
    dj_store_iter_free(iter);
    rc = engine_write(engine, batch, err);
    dj_store_batch_free(batch);
    if (rc == 0)
        contents_leave(engine);
    else
        engine_reload(engine);
    (void)contents_sweep(engine);
    return rc;
}

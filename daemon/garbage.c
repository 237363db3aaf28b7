#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "daemon/exchange.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"

/*
 * What no current task can reach: runs that cannot answer as the tasks are defined now, and that
 * nothing which can answer rests on. They are looked through page by page, counted or dropped.
 */

enum {
    CALLS_AT_ONCE = 500,
    READERS_MAX = 2000, /* looked at to find one that can answer; beyond that a run stays */
};

enum waste { UNDEFINED, STALE, FAILED, DELETED, WASTES };

static const char *const words[WASTES] = {"undefined", "stale", "failed", "deleted"};

struct collecting {
    struct dj_engine *engine;
    struct dj_store_batch *batch; /* NULL: only counted */
    struct dj_msg_garbage *ret;
    struct dj_list at; /* struct dj_call *: of this page, referenced */
    uint64_t runs[WASTES], bytes[WASTES];
    size_t left;
};

/* ---- what is reached ---- */

struct reaching {
    struct dj_engine *engine;
    struct dj_list todo;       /* struct dj_rec_edge: call and instance */
    struct dj_number_set seen; /* instances */
    size_t looked;
    uint64_t call, instance; /* whose readers are looked at */
    bool reached;
};

static void push(struct reaching *reaching, uint64_t call, uint64_t instance)
{
    struct dj_rec_edge *edge;

    if (!dj_number_set_add(&reaching->seen, instance))
        return;
    edge = dj_list_add(&reaching->todo, sizeof(*edge));
    edge->call = call;
    edge->instance = instance;
}

static bool has_read(const struct dj_rec_instance *rec, uint64_t call, uint64_t instance)
{
    for (size_t i = 0; i < rec->edges.n; i++) {
        const struct dj_rec_edge *edge = DJ_LIST_AT(&rec->edges, struct dj_rec_edge, i);

        if (edge->call == call && edge->instance == instance)
            return true;
    }
    return false;
}

static int look_at_reader(void *cookie, uint64_t number, uint64_t instance)
{
    struct reaching *reaching = cookie;
    const struct dj_rec_instance *rec = dj_instance(reaching->engine, instance);
    struct dj_call *call = rec == NULL ? NULL : dj_call_by_number(reaching->engine, number);
    const struct dj_rec_summary *summary = call == NULL ? NULL : call_summary(call, instance);

    if (++reaching->looked > READERS_MAX)
        reaching->reached = true;
    if (summary != NULL && has_read(rec, reaching->call, reaching->instance)) {
        if (summary_valid(reaching->engine, summary))
            reaching->reached = true;
        else
            push(reaching, number, instance);
    }
    dj_call_unref(call);
    return reaching->reached;
}

/* By a run that can answer, through whatever lies between. */
static bool is_reached(struct dj_engine *engine, uint64_t call, uint64_t instance)
{
    struct reaching reaching = {.engine = engine};

    push(&reaching, call, instance);
    for (size_t i = 0; !reaching.reached && i < reaching.todo.n; i++) {
        const struct dj_rec_edge *edge = DJ_LIST_AT(&reaching.todo, struct dj_rec_edge, i);

        reaching.call = edge->call;
        reaching.instance = edge->instance;
        dj_dependents(engine, edge->call, 0, look_at_reader, &reaching);
    }
    dj_number_set_clear(&reaching.seen);
    free(reaching.todo.items);
    return reaching.reached;
}

/* What a run under way has read, or starts again from, is reached by it. */
static bool is_in_use(struct dj_engine *engine, const struct dj_call *call, uint64_t instance)
{
    if (held_find(engine, instance) != NULL || call->runs != NULL)
        return true;
    for (const struct run *run = engine->runs; run != NULL; run = run->hh.next) {
        if (dj_edges_has_call(&run->edges, call->rec.number))
            return true;
    }
    return false;
}

/* ---- one call ---- */

static bool is_waste(struct dj_engine *engine, const struct dj_call *call,
                     const struct dj_rec_summary *summary, enum waste *ret)
{
    const struct dj_rec_instance *remembered;

    if (summary_valid(engine, summary) || call->task->unsettled)
        return false;
    remembered = failure_remembered(engine, call);
    if (remembered != NULL && remembered->number == summary->instance)
        return false;
    *ret = call->task->public.definition == NULL ? UNDEFINED
           : summary->state == DJ_DONE           ? STALE
                                                 : FAILED;
    return !is_reached(engine, call->rec.number, summary->instance);
}

static void count(struct collecting *collecting, enum waste waste, uint64_t instance)
{
    const struct dj_rec_instance *rec = dj_instance(collecting->engine, instance);

    collecting->runs[waste]++;
    collecting->bytes[waste] += rec == NULL ? 0 : dj_quota_bytes(rec);
}

/* The summaries that stay move up; their numbers in history/ stay. */
static bool look_at_call(struct collecting *collecting, struct dj_call *call)
{
    struct dj_list *instances = &call->rec.instances;
    size_t kept = 0;
    bool dropped = false;

    call_number_summaries(call);
    for (size_t i = 0; i < instances->n; i++) {
        struct dj_rec_summary *summary = DJ_LIST_AT(instances, struct dj_rec_summary, i);
        enum waste waste;
        bool goes = is_waste(collecting->engine, call, summary, &waste);

        if (goes && is_in_use(collecting->engine, call, summary->instance)) {
            collecting->ret->kept++;
            goes = false;
        }
        if (goes)
            count(collecting, waste, summary->instance);
        if (goes && collecting->batch != NULL) {
            dropped = true;
            instance_drop(collecting->engine, collecting->batch, summary->instance);
            dj_codec_release(&dj_layout_summary, summary);
        } else {
            if (kept != i)
                *DJ_LIST_AT(instances, struct dj_rec_summary, kept) = *summary;
            kept++;
        }
    }
    instances->n = kept;
    return dropped;
}

static void look(struct collecting *collecting, struct dj_call *call)
{
    if (!look_at_call(collecting, call))
        return;
    if (call->rec.instances.n == 0)
        call_unlist(collecting->engine, collecting->batch, call);
    call_save(collecting->engine, collecting->batch, call);
    call_changed(collecting->engine, call, true);
}

/* ---- a page ---- */

static int note_call(void *cookie, struct dj_bytes name, uint64_t number)
{
    struct collecting *collecting = cookie;
    struct dj_call *call;

    if (collecting->left == 0)
        return 1;
    collecting->left--;
    dj_buf_set(&collecting->ret->at_name, name);
    call = dj_call_by_number(collecting->engine, number);
    if (call != NULL)
        *(struct dj_call **)dj_list_add(&collecting->at, sizeof(call)) = call;
    return 0;
}

static void walk(struct collecting *collecting, struct dj_buf *at)
{
    struct dj_task *public = dj_task_by_name(collecting->engine, dj_buf_bytes(at));
    struct task *task = public == NULL ? task_after(collecting->engine, dj_buf_bytes(at))
                                       : dj_container_of(public, struct task, public);
    dj_cleanup_buf struct dj_buf after = DJ_BUF_INIT;

    for (; task != NULL; task = task_after(collecting->engine, dj_buf_bytes(at))) {
        if (!dj_bytes_is(dj_buf_bytes(at), task->public.name))
            dj_buf_clear(&collecting->ret->at_name);
        dj_buf_set(at, dj_bytes_of(task->public.name));
        dj_buf_set(&after, dj_buf_bytes(&collecting->ret->at_name));
        dj_task_runs(collecting->engine, &task->public, dj_buf_bytes(&after), note_call,
                     collecting);
        if (collecting->left == 0)
            return;
    }
    collecting->ret->end = true;
}

/* What was deleted, and can be brought back no more. */
static void count_deleted(struct collecting *collecting)
{
    struct dj_engine *engine = collecting->engine;
    struct dj_store_iter *iter =
        dj_store_iter_new(engine->store, DJ_BYTES_LIT("X"), DJ_BYTES_LIT("Y"));
    uint64_t now = dj_clock_now_ns();

    while (dj_store_iter_next(iter) &&
           dj_get64(dj_store_iter_key(iter), 1) + engine->keep_deleted_ns <= now) {
        struct dj_call *call = dj_call_by_number(engine, dj_get64(dj_store_iter_key(iter), 9));

        for (size_t i = 0; call != NULL && call->rec.deleted_ns != 0 && i < call->rec.instances.n;
             i++)
            count(collecting, DELETED,
                  DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i)->instance);
        dj_call_unref(call);
    }
    dj_store_iter_free(iter);
}

static int write_page(struct collecting *collecting, struct dj_err *err)
{
    struct dj_engine *engine = collecting->engine;
    int rc = engine_write(engine, collecting->batch, err);

    if (rc < 0)
        engine_reload(engine);
    else
        contents_leave(engine);
    if (rc == 0 && collecting->ret->end)
        rc = dj_gc(engine, err);
    return rc;
}

int dj_garbage_page(struct dj_engine *engine, const struct dj_msg_gc *ask,
                    struct dj_msg_garbage *ret, struct dj_err *err)
{
    struct collecting collecting = {.engine = engine, .ret = ret};
    struct dj_buf at = DJ_BUF_INIT;
    int rc = 0;

    *ret = (struct dj_msg_garbage){.end = false};
    collecting.batch = ask->drop ? dj_store_batch_new() : NULL;
    collecting.left = ask->max == 0 ? CALLS_AT_ONCE : (size_t)DJ_MIN(ask->max, CALLS_AT_ONCE);
    dj_buf_adds(&at, ask->at_task == NULL ? "" : ask->at_task);
    dj_buf_set(&ret->at_name, dj_buf_bytes(&ask->at_name));
    tasks_look_at_tracked(engine);
    walk(&collecting, &at);
    ret->at_task = dj_buf_steal(&at);
    for (size_t i = 0; i < collecting.at.n; i++) {
        struct dj_call *call = *DJ_LIST_AT(&collecting.at, struct dj_call *, i);

        look(&collecting, call);
        dj_call_unref(call);
    }
    free(collecting.at.items);
    if (ret->end)
        count_deleted(&collecting);
    if (ask->drop)
        rc = write_page(&collecting, err);
    dj_store_batch_free(collecting.batch);
    for (size_t i = 0; i < WASTES; i++) {
        struct dj_part_waste *waste;

        if (collecting.runs[i] == 0)
            continue;
        waste = dj_list_add(&ret->wastes, sizeof(*waste));
        waste->why = dj_xstrdup(words[i]);
        waste->runs = collecting.runs[i];
        waste->bytes = collecting.bytes[i];
    }
    return rc;
}

void dj_engine_sync(struct dj_engine *engine, dj_done_fn *done, void *cookie)
{
    sync_then(engine, done, cookie);
}

#include "daemon/engine_impl.h"

/*
 * What a new version of a task would invalidate: the runs that have a valid result now and would
 * have none if nothing held that rests on the task as it is. They are looked through page by page,
 * in the order of their names, so that a large store holds nobody up.
 */

struct looking {
    struct dj_engine *engine;
    uint32_t task;
    size_t left;
    dj_impact_fn *each;
    void *cookie;
    struct dj_bytes after;
    const struct dj_task *at;
    struct dj_buf *ret_task, *ret_name;
};

/* Some valid instance does not rest on the task at all: it would answer. */
static bool would_stay(const struct looking *looking, const struct dj_call *call)
{
    for (size_t i = 0; i < call->rec.instances.n; i++) {
        const struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);

        if (summary_durable(looking->engine, summary) &&
            summary_valid(looking->engine, summary) &&
            !dj_premises_has_task(looking->engine->premises, summary->tasks, looking->task))
            return true;
    }
    return false;
}

static int look(void *cookie, struct dj_bytes name, uint64_t number)
{
    struct looking *looking = cookie;
    struct dj_call *call;

    if (looking->left == 0)
        return 1;
    looking->left--;
    dj_buf_set(looking->ret_name, name);
    call = dj_call_by_number(looking->engine, number);
    if (call != NULL && dj_call_current(looking->engine, call) != 0 && !would_stay(looking, call))
        looking->each(looking->cookie, looking->at, name);
    dj_call_unref(call);
    return 0;
}

bool dj_impact(struct dj_engine *engine, const struct dj_task *task, struct dj_buf *task_name,
               struct dj_buf *name, size_t max, dj_impact_fn *each, void *cookie)
{
    struct looking looking = {.engine = engine, .task = task->number, .left = max, .each = each,
                              .cookie = cookie, .ret_task = task_name, .ret_name = name};
    dj_cleanup_buf struct dj_buf after = DJ_BUF_INIT;
    struct dj_task *at = dj_task_by_name(engine, dj_buf_bytes(task_name));

    if (at == NULL || at->definition == NULL)
        at = dj_task_after(engine, dj_buf_bytes(task_name));
    for (; at != NULL; at = dj_task_after(engine, dj_bytes_of(at->name))) {
        if (!dj_bytes_is(dj_buf_bytes(task_name), at->name))
            dj_buf_clear(name);
        dj_buf_set(task_name, dj_bytes_of(at->name));
        dj_buf_set(&after, dj_buf_bytes(name));
        looking.at = at;
        dj_task_runs(engine, at, dj_buf_bytes(&after), look, &looking);
        if (looking.left == 0)
            return false;
    }
    return true;
}

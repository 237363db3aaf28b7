#include <stdlib.h>

#include "daemon/engine_impl.h"

/*
 * What the folder of a task lists: the runs that have a record. Those that have ended are in the
 * store's list of names; one that has begun for the first time has a live record and no place
 * there, since nothing would take it out again when it leaves nothing behind.
 */

struct begun {
    struct dj_list calls; /* const struct dj_call *, by name */
    size_t next;
    dj_run_each_fn *each;
    void *cookie;
    bool enough;
};

static int by_name(const void *a, const void *b)
{
    const struct dj_call *const *left = a, *const *right = b;

    return dj_bytes_cmp(dj_buf_bytes(&(*left)->name), dj_buf_bytes(&(*right)->name));
}

static void find_begun(struct dj_engine *engine, const struct task *task, struct dj_bytes after,
                       struct begun *ret)
{
    for (struct run *run = engine->runs; run != NULL; run = run->hh.next) {
        const struct dj_call *call = run->call;

        if (call->task != task || call->run != run || !run->stored || call_newest(call) != NULL ||
            (after.len != 0 && dj_bytes_cmp(dj_buf_bytes(&call->name), after) <= 0))
            continue;
        *(const struct dj_call **)dj_list_add(&ret->calls, sizeof(call)) = call;
    }
    if (ret->calls.n > 1)
        qsort(ret->calls.items, ret->calls.n, sizeof(const struct dj_call *), by_name);
}

/* Those that come before the name; all when there is none. */
static void tell_begun(struct begun *begun, const struct dj_bytes *before)
{
    for (; !begun->enough && begun->next < begun->calls.n; begun->next++) {
        const struct dj_call *call =
            *DJ_LIST_AT(&begun->calls, const struct dj_call *, begun->next);

        if (before != NULL && dj_bytes_cmp(dj_buf_bytes(&call->name), *before) >= 0)
            return;
        begun->enough = begun->each(begun->cookie, dj_buf_bytes(&call->name),
                                    call->rec.number) != 0;
    }
}

static int merge(void *cookie, struct dj_bytes name, uint64_t number)
{
    struct begun *begun = cookie;

    tell_begun(begun, &name);
    if (!begun->enough)
        begun->enough = begun->each(begun->cookie, name, number) != 0;
    return begun->enough;
}

void dj_task_listed(struct dj_engine *engine, struct dj_task *task, struct dj_bytes after,
                    dj_run_each_fn *each, void *cookie)
{
    struct begun begun = {.each = each, .cookie = cookie};

    find_begun(engine, dj_container_of(task, struct task, public), after, &begun);
    dj_task_runs(engine, task, after, merge, &begun);
    if (!begun.enough)
        tell_begun(&begun, NULL);
    free(begun.calls.items);
}

#include "daemon/calling.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_open.h"
#include "daemon/memo.h"
#include "lib/util/mem.h"

enum { TRIES_MAX = 3 };

struct dj_calling {
    const struct dj_calling_plan *plan;
    const struct dj_list *words;
    void *cookie;
    struct dj_call *call;
    struct dj_want *want;
    uint64_t named;    /* the files of this try */
    unsigned tries;
    bool starting;     /* within dj_calling_start() */
    bool over;         /* done() was called, or nobody wants to hear */
};

static void try_it(struct dj_calling *calling);

static void release(struct dj_calling *calling)
{
    dj_call_unref(calling->call);
    free(calling);
}

static void finish(struct dj_calling *calling, int code, uint64_t instance, const char *sentence)
{
    calling->over = true;
    calling->plan->done(calling->cookie, code, calling->call, instance, sentence);
    if (!calling->starting)
        release(calling);
}

static struct dj_asker asker_of(struct dj_calling *calling)
{
    struct dj_asker asker = calling->plan->asker;

    asker.named = &calling->named;
    asker.cached = calling->plan->lazy || (calling->plan->flags & DJ_GET_CACHED) != 0;
    return asker;
}

static void wanted(void *cookie, int code, uint64_t instance, const char *sentence)
{
    struct dj_calling *calling = cookie;
    struct dj_asker asker = asker_of(calling);

    calling->want = NULL;
    if (code == -ESTALE && ++calling->tries < TRIES_MAX) {
        calling->named = 0;
        dj_call_unref(calling->call);
        calling->call = NULL;
        try_it(calling);
        return;
    }
    dj_note_named(calling->plan->engine, &asker);
    finish(calling, code == -ESTALE ? -EIO : code, instance, sentence);
}

static void resolved(void *cookie, int code, struct dj_call *call, const struct dj_args *args,
                     const char *sentence)
{
    struct dj_calling *calling = cookie;
    struct dj_engine *engine;
    struct dj_asker asker;
    struct dj_want *want;

    if (calling->over) { /* left while its files were looked at; who has the plan may be gone */
        release(calling);
        return;
    }
    engine = calling->plan->engine;
    asker = asker_of(calling);
    if (code != 0) {
        if (code != -DJ_CODE_WANTS && code != -EAGAIN)
            dj_note_refusal(engine, &asker, sentence);
        finish(calling, code, 0, sentence);
        return;
    }
    dj_call_ref(call);
    calling->call = call;
    if (calling->plan->lazy) {
        dj_note_named(engine, &asker);
        finish(calling, 0, 0, NULL);
        return;
    }
    asker.args = args;
    asker.again = calling->tries + 1 < TRIES_MAX;
    want = dj_want(engine, call, &asker, calling->plan->flags, wanted, calling);
    if (want != NULL)
        calling->want = want;
}

static struct dj_task *bind(struct dj_calling *calling, struct dj_args *ret, struct dj_err *err,
                            int *ret_code)
{
    const struct dj_calling_plan *plan = calling->plan;
    struct dj_task *task;

    if (plan->bind == NULL)
        return dj_engine_bind(plan->engine, plan->task, calling->words, ret, err, ret_code);
    task = dj_task_by_name(plan->engine, dj_bytes_of(plan->task));
    if (task == NULL || task->definition == NULL)
        *ret_code = dj_err_set(err, ENOENT, "there is no task %s", plan->task);
    else
        *ret_code = plan->bind(calling->cookie, task, ret, err);
    return *ret_code < 0 ? NULL : task;
}

/* A name as the tree has it; that of a stored run is found whatever its task has become. */
static void try_name(struct dj_calling *calling)
{
    struct dj_engine *engine = calling->plan->engine;
    struct dj_asker asker = asker_of(calling);
    struct dj_bytes name = dj_buf_bytes(&DJ_LIST_AT(calling->words, struct dj_part_word, 0)->bytes);
    struct dj_task *task = dj_task_by_name(engine, dj_bytes_of(calling->plan->task));
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_args given = DJ_ARGS_INIT;
    const struct dj_args *args = NULL;
    struct dj_call *call = NULL;
    int rc = task == NULL ? dj_err_set(&err, ENOENT, "there is no task %s", calling->plan->task)
                          : dj_call_by_name(engine, task, name, &call, &canonical, &err);

    if (rc > 0) {
        dj_call_resolve(engine, task, name, &asker, resolved, calling);
        return;
    }
    if (rc == 0 && dj_call_given(engine, task, name, &given))
        args = &given;
    resolved(calling, rc, call, args, rc == 0 ? NULL : dj_err_text(&err, rc));
    dj_args_release(&given);
    dj_call_unref(call);
}

static void try_it(struct dj_calling *calling)
{
    struct dj_engine *engine = calling->plan->engine;
    struct dj_asker asker = asker_of(calling);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_task *task;
    struct dj_args args;
    int rc = 0;

    if (calling->plan->named) {
        try_name(calling);
        return;
    }
    task = bind(calling, &args, &err, &rc);
    if (task != NULL && dj_memo_is_task(task)) {
        dj_args_release(&args);
        rc = dj_err_set(&err, EINVAL, "the runs of dj memo are no calls of a task");
        task = NULL;
    }
    if (task == NULL) {
        dj_note_refusal(engine, &asker, dj_err_text(&err, rc));
        finish(calling, rc, 0, dj_err_text(&err, rc));
        return;
    }
    dj_engine_resolve(engine, task, &args, &asker, resolved, calling);
}

struct dj_calling *dj_calling_start(const struct dj_calling_plan *plan,
                                    const struct dj_list *words, void *cookie)
{
    struct dj_calling *calling = dj_xcalloc(1, sizeof(*calling));

    calling->plan = plan;
    calling->words = words;
    calling->cookie = cookie;
    calling->starting = true;
    try_it(calling);
    calling->starting = false;
    if (!calling->over)
        return calling;
    release(calling);
    return NULL;
}

void dj_calling_leave(struct dj_calling *calling, struct dj_buf *ret)
{
    calling->over = true;
    if (calling->want != NULL)
        dj_want_leave(calling->want, ret);
    else if (!dj_resolve_cancel(calling->plan->engine, calling))
        return; /* resolved() ends it */
    release(calling);
}

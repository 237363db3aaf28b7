/*
 * Cancelling, which is answered when the record of what was ended is there: who asks for the status
 * right after sees it.
 *
 * To end a run takes moments. One that does not end (a job on a machine that is gone) is ended as
 * soon as it can be; who cancelled it is answered after ANSWER_MS.
 */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "daemon/engine_impl.h"
#include "lib/util/mem.h"
#include "lib/util/user.h"

enum { ANSWER_MS = 10000 };

/* One dj_call_cancel() that is not answered yet. */
struct cancelling {
    struct dj_engine *engine;
    struct dj_list instances; /* uint64_t, that have not ended */
    struct dj_timer *timer;
    dj_done_fn *done;
    void *cookie;
    struct cancelling *prev, *next;
};

static void cancelling_free(struct cancelling *cancelling)
{
    DL_DELETE(cancelling->engine->cancellings, cancelling);
    free(cancelling->instances.items);
    free(cancelling);
}

static void answer(struct cancelling *cancelling)
{
    dj_done_fn *done = cancelling->done;
    void *cookie = cancelling->cookie;

    cancelling_free(cancelling);
    done(cookie, 0, NULL);
}

static void on_time(void *cookie)
{
    answer(cookie);
}

static void replace(struct dj_list *instances, uint64_t old, uint64_t new)
{
    uint64_t *items = instances->items;
    size_t kept = 0;

    for (size_t i = 0; i < instances->n; i++) {
        if (items[i] != old)
            items[kept++] = items[i];
        else if (new != 0)
            items[kept++] = new;
    }
    instances->n = kept;
}

void cancel_ended(struct dj_engine *engine, uint64_t instance, uint64_t next)
{
    struct cancelling *cancelling, *after;

    DL_FOREACH_SAFE(engine->cancellings, cancelling, after) {
        replace(&cancelling->instances, instance, next);
        if (cancelling->instances.n > 0)
            continue;
        dj_timer_cancel(cancelling->timer);
        answer(cancelling);
    }
}

int dj_call_cancel(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
                   dj_done_fn *done, void *cookie, struct dj_err *err)
{
    struct cancelling *cancelling;

    if (runs_cancel(engine, call->task, call, dj_user_name(asker->uid), false) == 0)
        return dj_err_set(err, ENOENT, "nothing of it is under way");
    cancelling = dj_xcalloc(1, sizeof(*cancelling));
    cancelling->engine = engine;
    cancelling->done = done;
    cancelling->cookie = cookie;
    for (struct run *run = call->runs; run != NULL; run = run->beside) {
        if (run->cancelled)
            *(uint64_t *)dj_list_add(&cancelling->instances, sizeof(uint64_t)) = run->instance;
    }
    DL_APPEND(engine->cancellings, cancelling);
    if (cancelling->instances.n == 0)
        answer(cancelling);
    else
        cancelling->timer = dj_loop_timer(engine->loop, ANSWER_MS, on_time, cancelling);
    return 0;
}

unsigned dj_call_cancel_forget(struct dj_engine *engine, const void *cookie)
{
    struct cancelling *cancelling, *after;
    unsigned n = 0;

    DL_FOREACH_SAFE(engine->cancellings, cancelling, after) {
        if (cancelling->cookie != cookie)
            continue;
        dj_timer_cancel(cancelling->timer);
        cancelling_free(cancelling);
        n++;
    }
    return n;
}

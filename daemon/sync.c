#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/kill_point.h"

/*
 * Writes are visible at once and durable after a sync. All who ask during one turn of the loop, or
 * while a sync is under way, share the next one.
 */

static void plan(struct dj_engine *engine);

static void work(void *cookie)
{
    struct dj_engine *engine = cookie;

    engine->sync_code = dj_store_sync(engine->store, &engine->sync_err);
}

static void done(void *cookie)
{
    struct dj_engine *engine = cookie;
    struct dj_list served = engine->syncing;
    int code = engine->sync_code;
    struct dj_err err = engine->sync_err;

    engine->syncing = (struct dj_list){0};
    engine->sync_err = (struct dj_err)DJ_ERR_INIT;
    engine->sync_running = false;
    if (engine->syncs.n != 0)
        plan(engine);
    for (size_t i = 0; i < served.n; i++) {
        struct waiting_sync *waiting = DJ_LIST_AT(&served, struct waiting_sync, i);

        waiting->done(waiting->cookie, code, code == 0 ? NULL : dj_err_text(&err, code));
    }
    free(served.items);
    dj_err_release(&err);
}

static void start(void *cookie)
{
    struct dj_engine *engine = cookie;

    engine->syncing = engine->syncs;
    engine->syncs = (struct dj_list){0};
    dj_loop_job(engine->loop, work, done, engine);
}

static void plan(struct dj_engine *engine)
{
    engine->sync_running = true;
    dj_loop_later(engine->loop, start, engine);
}

void sync_then(struct dj_engine *engine, dj_done_fn *then, void *cookie)
{
    struct waiting_sync *waiting = dj_list_add(&engine->syncs, sizeof(*waiting));

    *waiting = (struct waiting_sync){then, cookie};
    if (!engine->sync_running)
        plan(engine);
}

int engine_write(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_err *err)
{
    int rc = 0;

    /* Premises made since the last write go first: a record never names one that is not there. */
    if (!dj_store_batch_empty(engine->batch)) {
        rc = dj_store_write(engine->store, engine->batch, err);
        if (rc == 0) {
            dj_store_batch_clear(engine->batch);
            dj_kill_point("djd-premises-written");
        }
    }
    if (rc == 0)
        rc = dj_store_write(engine->store, batch, err);
    unwritten_forget(engine, rc == 0);
    return rc;
}

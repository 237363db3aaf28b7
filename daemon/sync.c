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

/* What was to be written later may be theirs, who came after the sync was planned. */
static void join_failed(struct dj_engine *engine, struct dj_list *served)
{
    for (size_t i = 0; i < engine->syncs.n; i++) {
        const struct waiting_sync *late = DJ_LIST_AT(&engine->syncs, struct waiting_sync, i);

        *(struct waiting_sync *)dj_list_add(served, sizeof(*late)) = *late;
    }
    free(engine->syncs.items);
    engine->syncs = (struct dj_list){0};
    dj_store_later_over(engine->store);
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
    if (code < 0)
        join_failed(engine, &served);
    else
        dj_number_set_clear(&engine->unsynced);
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

/* Premises made since the last write go first: a record never names one that is not there. */
static int write_premises(struct dj_engine *engine, struct dj_err *err)
{
    int rc;

    if (dj_store_batch_empty(engine->batch))
        return 0;
    rc = dj_store_write(engine->store, engine->batch, err);
    if (rc == 0) {
        dj_store_batch_clear(engine->batch);
        dj_kill_point("djd-premises-written");
    }
    return rc;
}

int engine_write_later(struct dj_engine *engine, struct dj_store_batch *batch,
                       const struct dj_store_batch *tail, struct dj_err *err)
{
    int rc = write_premises(engine, err);

    if (rc == 0)
        rc = dj_store_write_later(engine->store, batch, tail, err);
    unwritten_forget(engine, rc == 0);
    return rc;
}

int engine_write(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_err *err)
{
    int rc = write_premises(engine, err);

    if (rc == 0)
        rc = dj_store_write(engine->store, batch, err);
    unwritten_forget(engine, rc == 0);
    return rc;
}

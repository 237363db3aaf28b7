#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/kill_point.h"
#include "lib/util/mem.h"

/*
 * Instances and their content taken out of the store. Content goes with the last reference to it:
 * small content in the batch that deletes the reference, a file when that batch is durable, so that
 * a record which a power loss brings back finds its content.
 */

/* By an instance that the batch which is being made leaves there. */
static bool referred(struct dj_engine *engine, const struct dj_digest *digest)
{
    dj_cleanup_buf struct dj_buf from = DJ_BUF_INIT, to = DJ_BUF_INIT;
    struct dj_store_iter *iter;
    bool found = false;

    dj_key_reference(&from, digest, 0);
    dj_buf_truncate(&from, from.len - 8);
    dj_key_after(&to, dj_buf_bytes(&from));
    iter = dj_store_iter_new(engine->store, dj_buf_bytes(&from), dj_buf_bytes(&to));
    while (!found && dj_store_iter_next(iter))
        found = !unwritten_is_purged(engine,
                                     dj_get64(dj_store_iter_key(iter), 1 + DJ_DIGEST_SIZE));
    dj_store_iter_free(iter);
    return found;
}

static void remove_unreferred(struct dj_engine *engine, const struct dj_digest *digest)
{
    if (!referred(engine, digest))
        (void)dj_content_remove(engine->store, digest);
}

/* ---- files that wait for their batch's sync ---- */

struct leaving {
    struct dj_engine *engine;
    struct dj_list digests; /* struct dj_digest */
};

/* Without a sync they stay, for the sweep to find. */
static void remove_files(void *cookie, int code, const char *sentence)
{
    struct leaving *leaving = cookie;

    (void)sentence;
    dj_kill_point("djd-purge-durable");
    for (size_t i = 0; code == 0 && i < leaving->digests.n; i++)
        remove_unreferred(leaving->engine, DJ_LIST_AT(&leaving->digests, struct dj_digest, i));
    free(leaving->digests.items);
    free(leaving);
}

void contents_leave(struct dj_engine *engine)
{
    struct leaving *leaving;

    if (engine->leaving.n == 0)
        return;
    leaving = dj_xcalloc(1, sizeof(*leaving));
    leaving->engine = engine;
    leaving->digests = engine->leaving;
    engine->leaving = (struct dj_list){0};
    sync_then(engine, remove_files, leaving);
}

void contents_settle(struct dj_engine *engine, struct dj_list *claims)
{
    for (size_t i = 0; i < claims->n; i++) {
        const struct dj_digest *digest = DJ_LIST_AT(claims, struct dj_digest, i);

        dj_content_unclaim(engine->store, digest);
        remove_unreferred(engine, digest);
    }
    free(claims->items);
    *claims = (struct dj_list){0};
}

/* ---- files that no record refers to ---- */

struct sweep {
    struct dj_engine *engine;
    struct dj_list orphans; /* struct dj_digest */
};

static int find_orphan(const struct dj_digest *digest, void *cookie)
{
    struct sweep *sweep = cookie;

    if (!referred(sweep->engine, digest))
        *(struct dj_digest *)dj_list_add(&sweep->orphans, sizeof(*digest)) = *digest;
    else
        (void)dj_content_seal(sweep->engine->store, digest);
    return 0;
}

size_t contents_sweep(struct dj_engine *engine)
{
    struct sweep sweep = {.engine = engine};
    size_t removed = 0;

    (void)dj_content_each(engine->store, find_orphan, &sweep);
    for (size_t i = 0; i < sweep.orphans.n; i++) {
        removed += dj_content_remove(engine->store,
                                     DJ_LIST_AT(&sweep.orphans, struct dj_digest, i)) == 0;
        dj_kill_point("djd-orphan-removed");
    }
    free(sweep.orphans.items);
    return removed;
}

/* ---- instances ---- */

static void put_counter(struct dj_store_batch *batch, const char *name, uint64_t number)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    dj_key_counter(&key, name);
    dj_put64(&value, number);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
}

void count_run(struct dj_engine *engine, struct dj_store_batch *batch,
               const struct dj_rec_instance *rec, int change)
{
    engine->stored_runs += (uint64_t)(int64_t)change;
    engine->stored_bytes += (uint64_t)(int64_t)change * dj_quota_bytes(rec);
    put_counter(batch, "runs", engine->stored_runs);
    put_counter(batch, "bytes", engine->stored_bytes);
}

void counters_put(const struct dj_engine *engine, struct dj_store_batch *batch)
{
    put_counter(batch, "calls", engine->next_call);
    put_counter(batch, "runs", engine->stored_runs);
    put_counter(batch, "bytes", engine->stored_bytes);
}

static void purge_content(struct dj_engine *engine, struct dj_store_batch *batch,
                          const struct dj_rec_content *content, uint64_t instance)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    if (content->here || content->size == 0)
        return;
    dj_key_reference(&key, &content->digest, instance);
    dj_store_batch_delete(batch, dj_buf_bytes(&key));
    if (referred(engine, &content->digest))
        return;
    if (content->size > DJ_CONTENT_INLINE_MAX) {
        *(struct dj_digest *)dj_list_add(&engine->leaving, sizeof(struct dj_digest)) =
            content->digest;
        return;
    }
    dj_key_content(&key, &content->digest);
    dj_store_batch_delete(batch, dj_buf_bytes(&key));
}

static int has_one(void *cookie, uint64_t call DJ_UNUSED, uint64_t instance DJ_UNUSED)
{
    *(bool *)cookie = true;
    return 1;
}

/* With dependents the way to it from what it called stays: marks go on through it. */
static void purge_edges(struct dj_engine *engine, struct dj_store_batch *batch,
                        const struct dj_rec_instance *rec)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    bool is_read = false;

    dj_dependents(engine, rec->call, 0, has_one, &is_read);
    for (size_t i = 0; !is_read && i < rec->edges.n; i++) {
        dj_key_numbers(&key, 'D', DJ_LIST_AT(&rec->edges, struct dj_rec_edge, i)->call,
                       rec->number);
        dj_store_batch_delete(batch, dj_buf_bytes(&key));
    }
}

static void purge(struct dj_engine *engine, struct dj_store_batch *batch, uint64_t number)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    const struct dj_rec_instance *rec = dj_instance(engine, number);
    const struct dj_rec_manifest *manifest;

    if (rec == NULL)
        return;
    unwritten_purge(engine, number);
    manifest = dj_manifest(engine, number);
    for (size_t i = 0; i < manifest->entries.n; i++)
        purge_content(engine, batch,
                      &DJ_LIST_AT(&manifest->entries, struct dj_rec_entry, i)->content, number);
    purge_content(engine, batch, &rec->result, number);
    purge_content(engine, batch, &rec->log, number);
    purge_content(engine, batch, &rec->manifest, number);
    purge_edges(engine, batch, rec);
    instance_forget(engine, number);
    dj_key_number(&key, 'I', number);
    dj_store_batch_delete(batch, dj_buf_bytes(&key));
    count_run(engine, batch, rec, -1);
}

void instance_drop(struct dj_engine *engine, struct dj_store_batch *batch, uint64_t number)
{
    struct held *held = held_find(engine, number);

    if (held != NULL)
        unwritten_drop(engine, number);
    else
        purge(engine, batch, number);
}

void instance_dropped(struct dj_engine *engine, uint64_t number)
{
    struct dj_store_batch *batch = dj_store_batch_new();

    purge(engine, batch, number);
    if (engine_write(engine, batch, NULL) == 0)
        contents_leave(engine);
    else
        engine_reload(engine);
    dj_store_batch_free(batch);
}

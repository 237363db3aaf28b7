#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

/*
 * Content that is bad, and the runs that have it: they are no answer any more, their next asker
 * computes. The bad bytes are kept in quarantine/ of the store, for a look.
 */

/* The engine's caller may be in the middle of a look at the call: its record stays where it is. */
static bool mark(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_call *call,
                 uint64_t instance, const char *sentence)
{
    struct run *run = run_find(engine, instance); /* that is not durable yet */

    for (size_t i = 0; i < call->rec.instances.n; i++) {
        struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);

        if (summary->instance != instance || summary->corrupt)
            continue;
        summary->stale = summary->corrupt = true;
        free(summary->mark);
        summary->mark = dj_xstrdup(sentence);
        if (run != NULL)
            run->outdated = true;
        call_save(engine, batch, call);
        event(engine, "corrupt", call, instance, sentence);
        dj_log_error("tasks/%s/%.*s, instance %llu, is corrupt: %s", call->task->public.name,
                     (int)call->name.len, (const char *)call->name.data,
                     (unsigned long long)instance, sentence);
        call_changed(engine, call, true);
        return true;
    }
    return false;
}

static bool write_marks(struct dj_engine *engine, struct dj_store_batch *batch)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = engine_write(engine, batch, &err);

    if (rc < 0)
        dj_log_error("what is corrupt cannot be recorded: %s", dj_err_text(&err, rc));
    dj_store_batch_free(batch);
    return rc == 0;
}

void call_corrupt(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                  const char *sentence)
{
    struct dj_store_batch *batch = dj_store_batch_new();

    mark(engine, batch, call, instance, sentence);
    write_marks(engine, batch);
}

void instance_corrupt(struct dj_engine *engine, uint64_t instance, const char *sentence)
{
    struct dj_call *call = dj_instance_call(engine, instance);

    if (call != NULL)
        call_corrupt(engine, call, instance, sentence);
    dj_call_unref(call);
}

bool dj_instance_lost(struct dj_engine *engine, struct dj_call *call, uint64_t instance)
{
    struct dj_rec_instance rec;
    int rc;

    if (run_find(engine, instance) != NULL || held_find(engine, instance) != NULL)
        return false;
    rc = instance_load(engine, instance, &rec);
    if (rc == 0) {
        dj_codec_release(&dj_layout_instance, &rec);
        return false;
    }
    call_corrupt(engine, call, instance,
                 rc == -ENOENT ? "its record is gone from the store"
                               : "its record cannot be read any more");
    return true;
}

/* ---- content ---- */

static void explain(struct dj_buf *ret, const struct dj_digest *digest, int code)
{
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(digest, hex);
    dj_buf_addf(ret, "content %.16s ", hex);
    if (code == 0)
        dj_buf_adds(ret, "does not match its digest");
    else if (code == -ENOENT)
        dj_buf_adds(ret, "is gone from the store");
    else if (code == -EUCLEAN)
        dj_buf_adds(ret, "cannot be read: the store's checksum does not hold");
    else
        dj_buf_addf(ret, "cannot be read: %s", strerror(-code));
}

/* The numbers of all that refer to it. */
static void find_owners(struct dj_engine *engine, const struct dj_digest *digest,
                        struct dj_list *ret)
{
    dj_cleanup_buf struct dj_buf from = DJ_BUF_INIT, to = DJ_BUF_INIT;
    struct dj_store_iter *iter;

    dj_key_reference(&from, digest, 0);
    dj_buf_truncate(&from, from.len - 8);
    dj_key_after(&to, dj_buf_bytes(&from));
    iter = dj_store_iter_new(engine->store, dj_buf_bytes(&from), dj_buf_bytes(&to));
    while (dj_store_iter_next(iter))
        *(uint64_t *)dj_list_add(ret, sizeof(uint64_t)) =
            dj_get64(dj_store_iter_key(iter), 1 + DJ_DIGEST_SIZE);
    dj_store_iter_free(iter);
}

static void set_aside(struct dj_engine *engine, struct dj_store_batch *batch,
                      const struct dj_digest *digest, uint64_t size)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    int rc;

    if (size > DJ_CONTENT_INLINE_MAX) {
        rc = dj_content_set_aside(engine->store, digest);
    } else {
        dj_key_content(&key, digest);
        rc = dj_store_get(engine->store, dj_buf_bytes(&key), &value);
        if (rc == 0)
            rc = dj_content_keep_bad(engine->store, digest, dj_buf_bytes(&value));
        dj_store_batch_delete(batch, dj_buf_bytes(&key));
    }
    if (rc < 0 && rc != -ENOENT && rc != -EUCLEAN)
        dj_log_warning("bad content cannot be moved to quarantine: %s", strerror(-rc));
}

void content_corrupt(struct dj_engine *engine, const struct dj_digest *digest, uint64_t size,
                     int code)
{
    struct dj_store_batch *batch = dj_store_batch_new();
    dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT, key = DJ_BUF_INIT;
    struct dj_list owners = {0}, calls = {0}; /* uint64_t, struct dj_call * */

    verified_forget(engine, digest);
    explain(&sentence, digest, code);
    find_owners(engine, digest, &owners);
    for (size_t i = 0; i < owners.n; i++) {
        uint64_t instance = *DJ_LIST_AT(&owners, uint64_t, i);
        struct dj_call *call = dj_instance_call(engine, instance);

        if (call != NULL) {
            mark(engine, batch, call, instance, dj_buf_str(&sentence));
            *(struct dj_call **)dj_list_add(&calls, sizeof(call)) = call;
        }
        dj_key_reference(&key, digest, instance);
        dj_store_batch_delete(batch, dj_buf_bytes(&key));
    }
    set_aside(engine, batch, digest, size);
    write_marks(engine, batch);
    /* Until here each has the marks of its other instances, which the store did not have yet. */
    for (size_t i = 0; i < calls.n; i++)
        dj_call_unref(*DJ_LIST_AT(&calls, struct dj_call *, i));
    free(calls.items);
    free(owners.items);
}

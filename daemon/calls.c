/* Calls: found by key or number, stored, listed. */
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/mem.h"

void dj_call_ref(struct dj_call *call)
{
    call->refs++;
}

static void free_call(struct dj_call *call)
{
    dj_args_release(&call->args);
    dj_params_release(&call->params);
    dj_buf_release(&call->key_cbor);
    dj_buf_release(&call->name);
    dj_codec_release(&dj_layout_call, &call->rec);
    free(call);
}

/* The table is reached through a task that every call has: there is one engine in a process. */
static struct dj_engine *only_engine;

void dj_call_unref(struct dj_call *call)
{
    if (call == NULL || --call->refs != 0)
        return;
    HASH_DEL(only_engine->calls, call);
    free_call(call);
}

struct dj_task *dj_call_task(const struct dj_call *call)
{
    return &call->task->public;
}

struct dj_bytes dj_call_name(const struct dj_call *call)
{
    return dj_buf_bytes(&call->name);
}

const struct dj_args *dj_call_args(const struct dj_call *call)
{
    return &call->args;
}

const struct dj_digest *dj_call_key(const struct dj_call *call)
{
    return &call->key;
}

uint64_t dj_call_number(const struct dj_call *call)
{
    return call->rec.number;
}

uint64_t dj_call_bucket(const struct dj_call *call)
{
    uint64_t bucket = 0;

    for (size_t i = 0; i < 8; i++)
        bucket = bucket << 8 | call->key.b[i];
    return bucket % DJ_GENERATION_BUCKETS;
}

/*
 * While a task tracks files every open has to ask, since nobody tells when such a file changes: a
 * generation that is over makes sure of it.
 */
uint64_t dj_call_generation(struct dj_engine *engine, const struct dj_call *call)
{
    uint64_t now = dj_generation(engine->generations, dj_call_bucket(call));

    return dj_changes_told(engine) ? now : now - 1;
}

bool dj_changes_told(struct dj_engine *engine)
{
    for (const struct task *task = engine->tasks; task != NULL; task = task->hh.next) {
        if (task->tracked.n != 0)
            return false;
    }
    return true;
}

/* ---- finding ---- */

static int load_record(struct dj_engine *engine, struct dj_call *call)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    int rc;

    dj_key_call(&key, &call->key);
    rc = dj_store_get(engine->store, dj_buf_bytes(&key), &value);
    if (rc < 0)
        return rc;
    return dj_codec_decode(&dj_layout_call, dj_buf_bytes(&value), &call->rec, NULL);
}

/* args are bound to the task's definition. */
struct dj_call *call_of_args(struct dj_engine *engine, struct task *task,
                             const struct dj_args *args)
{
    dj_cleanup_buf struct dj_buf cbor = DJ_BUF_INIT;
    struct dj_call *call;
    struct dj_digest key;

    only_engine = engine;
    dj_key_cbor(&cbor, task->public.name, args);
    dj_digest_bytes(dj_buf_bytes(&cbor), &key);
    HASH_FIND(hh, engine->calls, key.b, sizeof(key.b), call);
    if (call != NULL) {
        call->refs++;
        return call;
    }
    call = dj_xcalloc(1, sizeof(*call));
    call->refs = 1;
    call->key = key;
    call->task = task;
    dj_params_copy(&call->params, args->params);
    dj_args_copy(&call->args, args);
    call->args.params = &call->params;
    dj_buf_set(&call->key_cbor, dj_buf_bytes(&cbor));
    (void)load_record(engine, call);
    dj_name_canonical(&call->name, &call->args);
    HASH_ADD(hh, engine->calls, key, sizeof(call->key), call);
    return call;
}

struct dj_call *call_of_key(struct dj_engine *engine, const struct dj_digest *key)
{
    struct dj_call *call;
    struct dj_task *public;

    only_engine = engine;
    HASH_FIND(hh, engine->calls, key->b, sizeof(key->b), call);
    if (call != NULL) {
        call->refs++;
        return call;
    }
    call = dj_xcalloc(1, sizeof(*call));
    call->refs = 1;
    call->key = *key;
    public = load_record(engine, call) < 0 ? NULL
                                           : dj_task_by_number(engine, (uint32_t)call->rec.task);
    if (public == NULL) {
        free_call(call);
        return NULL;
    }
    call->task = dj_container_of(public, struct task, public);
    dj_buf_set(&call->key_cbor, dj_buf_bytes(&call->rec.key));
    call_bind(call);
    HASH_ADD(hh, engine->calls, key, sizeof(call->key), call);
    return call;
}

struct dj_call *call_of_stored(struct dj_engine *engine, struct task *task, struct dj_bytes key,
                               struct dj_bytes args)
{
    struct dj_digest digest;
    struct dj_call *call;

    dj_digest_bytes(key, &digest);
    call = call_of_key(engine, &digest);
    if (call != NULL)
        return call;
    call = dj_xcalloc(1, sizeof(*call));
    call->refs = 1;
    call->key = digest;
    call->task = task;
    dj_buf_set(&call->key_cbor, key);
    dj_buf_set(&call->rec.args, args);
    call_bind(call);
    dj_buf_clear(&call->rec.args);
    HASH_ADD(hh, engine->calls, key, sizeof(call->key), call);
    return call;
}

struct dj_call *dj_call_by_number(struct dj_engine *engine, uint64_t number)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_digest digest;

    dj_key_number(&key, 'N', number);
    if (number == 0 || dj_store_get(engine->store, dj_buf_bytes(&key), &value) < 0 ||
        value.len != sizeof(digest.b))
        return NULL;
    memcpy(digest.b, value.data, sizeof(digest.b));
    return call_of_key(engine, &digest);
}

/* ---- storing ---- */

/* Takes the name that the record has out of the task's list, unless it is another call's by now. */
void call_unlist(struct dj_engine *engine, struct dj_store_batch *batch,
                 const struct dj_call *call)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    dj_key_name(&key, call->task->public.number, dj_buf_bytes(&call->rec.name));
    if (dj_store_get(engine->store, dj_buf_bytes(&key), &value) == 0 &&
        dj_get64(dj_buf_bytes(&value), 0) == call->rec.number)
        dj_store_batch_delete(batch, dj_buf_bytes(&key));
}

void call_save(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_call *call)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    if (!dj_bytes_equal(dj_buf_bytes(&call->rec.name), dj_buf_bytes(&call->name))) {
        call_unlist(engine, batch, call);
        dj_buf_set(&call->rec.name, dj_buf_bytes(&call->name));
    }
    dj_key_call(&key, &call->key);
    dj_codec_encode(&value, &dj_layout_call, &call->rec);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
    unwritten_call(engine, call);
    if (call->rec.deleted_ns != 0 || call->rec.instances.n == 0)
        return;
    dj_key_name(&key, call->task->public.number, dj_buf_bytes(&call->name));
    dj_buf_clear(&value);
    dj_put64(&value, call->rec.number);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
}

bool call_number(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_call *call)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    if (call->rec.number != 0)
        return false;
    call->rec.number = ++engine->next_call;
    call->rec.task = call->task->public.number;
    dj_buf_set(&call->rec.name, dj_buf_bytes(&call->name));
    dj_buf_set(&call->rec.key, dj_buf_bytes(&call->key_cbor));
    dj_args_store(&call->rec.args, &call->args);
    dj_key_number(&key, 'N', call->rec.number);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_bytes(call->key.b, sizeof(call->key.b)));
    return true;
}

/* Gives a call its number and record; nothing lists it before it has an instance. */
void call_record(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_call *call)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    if (!call_number(engine, batch, call))
        return;
    dj_key_counter(&key, "calls");
    dj_put64(&value, call->rec.number);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
    call_save(engine, batch, call);
}

void call_reload(struct dj_engine *engine, struct dj_call *call)
{
    dj_codec_release(&dj_layout_call, &call->rec);
    memset(&call->rec, 0, sizeof(call->rec));
    if (load_record(engine, call) < 0)
        memset(&call->rec, 0, sizeof(call->rec));
}

void calls_reload(struct dj_engine *engine)
{
    for (struct dj_call *call = engine->calls; call != NULL; call = call->hh.next) {
        if (call->rec.number != 0)
            call_reload(engine, call);
        call_bind(call);
        call_changed(engine, call, true);
    }
}

void call_changed(struct dj_engine *engine, struct dj_call *call, bool invalid)
{
    engine->changes[dj_call_bucket(call)]++;
    if (invalid)
        atomic_fetch_add(&engine->generations->bucket[dj_call_bucket(call)], 1);
    if (engine->change != NULL)
        engine->change(engine->change_cookie, call);
}

/* ---- listing ---- */

void dj_task_runs(struct dj_engine *engine, struct dj_task *task, struct dj_bytes after,
                  dj_run_each_fn *each, void *cookie)
{
    dj_cleanup_buf struct dj_buf from = DJ_BUF_INIT, prefix = DJ_BUF_INIT, to = DJ_BUF_INIT;
    struct dj_store_iter *iter;

    dj_key_name(&prefix, task->number, dj_bytes(NULL, 0));
    dj_key_after(&to, dj_buf_bytes(&prefix));
    dj_key_name(&from, task->number, after);
    if (after.len != 0)
        dj_buf_addc(&from, 0);
    iter = dj_store_iter_new(engine->store, dj_buf_bytes(&from), dj_buf_bytes(&to));
    while (dj_store_iter_next(iter)) {
        struct dj_bytes name = dj_bytes_from(dj_store_iter_key(iter), prefix.len);

        if (each(cookie, name, dj_get64(dj_store_iter_value(iter), 0)) != 0)
            break;
    }
    dj_store_iter_free(iter);
}

struct counting {
    struct dj_engine *engine;
    uint64_t *counts;
};

static int count_one(void *cookie, struct dj_bytes name DJ_UNUSED, uint64_t number)
{
    struct counting *counting = cookie;
    struct dj_call *call = dj_call_by_number(counting->engine, number);

    if (call != NULL)
        counting->counts[dj_call_status(counting->engine, call)]++;
    dj_call_unref(call);
    return 0;
}

void dj_task_counts(struct dj_engine *engine, struct dj_task *task, uint64_t *ret)
{
    struct counting counting = {engine, ret};

    memset(ret, 0, DJ_STATUS_COUNT * sizeof(*ret));
    dj_task_runs(engine, task, dj_bytes(NULL, 0), count_one, &counting);
    /* Those that are under way for the first time have no place in the list yet. */
    for (struct run *run = engine->runs; run != NULL; run = run->hh.next) {
        if (run->call->task == dj_container_of(task, struct task, public) &&
            run->call->run == run && call_newest(run->call) == NULL)
            ret[dj_call_status(engine, run->call)]++;
    }
}

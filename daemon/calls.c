#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/clock.h"
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

    for (const struct task *task = engine->tasks; task != NULL; task = task->hh.next) {
        if (task->tracked.n != 0)
            return now - 1;
    }
    return now;
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

/* A name that a listing shows is canonical. */
static struct dj_call *listed(struct dj_engine *engine, struct dj_task *task, struct dj_bytes name)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_call *call;

    dj_key_name(&key, task->number, name);
    if (dj_store_get(engine->store, dj_buf_bytes(&key), &value) < 0)
        return NULL;
    call = dj_call_by_number(engine, dj_get64(dj_buf_bytes(&value), 0));
    /* A store from before stored names followed the parameters: it may mean another call by now. */
    if (call != NULL && !dj_bytes_equal(dj_buf_bytes(&call->name), name)) {
        dj_call_unref(call);
        return NULL;
    }
    return call;
}

/* %k and the digest of a key: what the task's parameters cannot spell any more, or any other. */
static struct dj_call *of_key_name(struct dj_engine *engine, struct task *task,
                                   struct dj_bytes name)
{
    struct dj_digest key;
    struct dj_call *call;

    if (!dj_bytes_starts(name, DJ_BYTES_LIT("%k")) ||
        dj_digest_parse(dj_bytes_from(name, 2), &key) < 0)
        return NULL;
    call = call_of_key(engine, &key);
    if (call == NULL || call->task == task)
        return call;
    dj_call_unref(call);
    return NULL;
}

/* TASK/RUN@PREFIX: a run of today's name and that key; it may have no record yet. */
static int complete_run(struct dj_engine *engine, struct dj_scalar *scalar)
{
    dj_cleanup_buf struct dj_buf prefix = DJ_BUF_INIT;
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_buf_set(&prefix, dj_buf_bytes(&scalar->prefix));
    if (resolve_run(engine, scalar, NULL) < 0)
        return -ENOENT;
    dj_digest_hex(&scalar->digest, hex);
    return dj_bytes_starts(dj_bytes_of(hex), dj_buf_bytes(&prefix)) ? 0 : -ENOENT;
}

/* NAME@PREFIX: what was seen with a digest that begins so; -ENOENT, -EINVAL when there are two. */
static int complete_reference(struct dj_engine *engine, enum dj_type type,
                              struct dj_scalar *scalar)
{
    dj_cleanup_buf struct dj_buf from = DJ_BUF_INIT, to = DJ_BUF_INIT, path = DJ_BUF_INIT;
    char padded[DJ_DIGEST_HEX_SIZE] = {0};
    struct dj_store_iter *iter;
    struct dj_digest digest, prefix;
    size_t whole = scalar->prefix.len / 2;
    int found = 0;

    if (type == DJ_RUN)
        return complete_run(engine, scalar);
    if (scalar->prefix.len > 2 * DJ_DIGEST_SIZE)
        return -ENOENT;
    memset(padded, '0', sizeof(padded) - 1);
    memcpy(padded, scalar->prefix.data, scalar->prefix.len);
    if (dj_digest_parse(dj_bytes_of(padded), &prefix) < 0)
        return -ENOENT;
    dj_key_seen(&from, type, dj_bytes(prefix.b, whole));
    dj_key_after(&to, dj_buf_bytes(&from));
    iter = dj_store_iter_new(engine->store, dj_buf_bytes(&from), dj_buf_bytes(&to));
    while (dj_store_iter_next(iter)) {
        char hex[DJ_DIGEST_HEX_SIZE];
        struct dj_bytes key = dj_store_iter_key(iter);

        if (key.len != 2 + DJ_DIGEST_SIZE)
            continue;
        memcpy(digest.b, key.data + 2, DJ_DIGEST_SIZE);
        dj_digest_hex(&digest, hex);
        if (memcmp(hex, scalar->prefix.data, scalar->prefix.len) != 0)
            continue;
        found++;
        prefix = digest;
        dj_buf_set(&path, dj_store_iter_value(iter));
    }
    dj_store_iter_free(iter);
    if (found == 1) {
        dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

        dj_buf_set(&name, dj_buf_bytes(&scalar->text));
        dj_scalar_resolve(scalar, dj_buf_bytes(&name), &prefix, dj_buf_bytes(&path));
    }
    return found == 1 ? 0 : found == 0 ? -ENOENT : -EINVAL;
}

/* 0 all is resolved, 1 something has to be looked at outside, -errno. */
static int complete_references(struct dj_engine *engine, struct dj_args *args)
{
    int rc = 0;

    for (size_t i = 0; i < args->params->n; i++) {
        struct dj_value *value = &args->values[i];

        for (size_t j = 0; j < value->n; j++) {
            struct dj_scalar *scalar = &value->scalars[j];
            int one = 0;

            if (scalar->resolution == DJ_REFERENCED)
                one = complete_reference(engine, value->type, scalar);
            if (one < 0)
                return one;
            if (scalar->resolution == DJ_SPELLED)
                rc = 1;
        }
    }
    return rc;
}

/* A long name that was spelled out a moment ago and has no record yet. */
static struct dj_call *hashed_live(struct dj_engine *engine, struct task *task,
                                   struct dj_bytes name)
{
    for (struct dj_call *each = engine->calls; each != NULL; each = each->hh.next) {
        if (each->task == task && dj_bytes_equal(dj_buf_bytes(&each->name), name)) {
            each->refs++;
            return each;
        }
    }
    return NULL;
}

/* A hashed name has to be found again in a moment, so the call is kept until others came. */
static void keep_spelled(struct dj_engine *engine, struct dj_call *call)
{
    struct dj_call **place = &engine->spelled[engine->spelled_next];

    for (size_t i = 0; i < SPELLED_KEPT; i++) {
        if (engine->spelled[i] == call) {
            dj_call_unref(call);
            return;
        }
    }
    dj_call_unref(*place);
    *place = call;
    engine->spelled_next = (engine->spelled_next + 1) % SPELLED_KEPT;
}

/* Whether it is the call's own name, or leads to it. Takes the reference. */
static int answer_name(struct dj_engine *engine, struct dj_call *call, struct dj_bytes name,
                       struct dj_bytes canonical, struct dj_call **ret,
                       struct dj_buf *ret_canonical)
{
    if (dj_bytes_equal(canonical, name)) {
        *ret = call;
        return 0;
    }
    dj_buf_set(ret_canonical, canonical);
    if (dj_name_is_hashed(canonical))
        keep_spelled(engine, call);
    else
        dj_call_unref(call);
    return 1;
}

static int spelled(struct dj_engine *engine, struct task *task, struct dj_bytes name,
                   struct dj_call **ret, struct dj_buf *ret_canonical, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf own = DJ_BUF_INIT;
    struct dj_args args;
    int rc = dj_name_parse(task->public.name, &task->definition.params, name, &args, err);

    if (rc < 0)
        return rc;
    rc = complete_references(engine, &args);
    if (rc == 0) {
        struct dj_call *call = call_of_args(engine, task, &args);

        dj_name_spelled(&own, &args);
        rc = answer_name(engine, call, name, dj_buf_bytes(&own), ret, ret_canonical);
    } else if (rc == 1) {
        rc = 2;
    } else {
        (void)dj_err_set(err, -rc, rc == -ENOENT ? "nothing with that digest has been seen"
                                                 : "more than one digest begins so; give more "
                                                   "digits of it");
    }
    dj_args_release(&args);
    return rc;
}

int dj_call_by_name(struct dj_engine *engine, struct dj_task *public, struct dj_bytes name,
                    struct dj_call **ret, struct dj_buf *ret_canonical, struct dj_err *err)
{
    struct task *task = dj_container_of(public, struct task, public);
    struct dj_call *call;

    only_engine = engine;
    if (name.len == 0 || name.data[0] == '.')
        return dj_err_set(err, ENOENT, "no run has that name");
    call = listed(engine, public, name);
    if (call == NULL)
        call = of_key_name(engine, task, name);
    if (call != NULL)
        return answer_name(engine, call, name, dj_buf_bytes(&call->name), ret, ret_canonical);
    if (public->definition == NULL)
        return dj_err_set(err, ENOENT, "there is no task %s", public->name);
    if (!dj_name_is_hashed(name))
        return spelled(engine, task, name, ret, ret_canonical, err);
    call = hashed_live(engine, task, name);
    if (call == NULL)
        return dj_err_set(err, ENOENT, "no run with that digest is known; spell it out");
    *ret = call;
    return 0;
}

bool dj_call_given(struct dj_engine *engine, struct dj_task *public, struct dj_bytes name,
                   struct dj_args *ret)
{
    struct task *task = dj_container_of(public, struct task, public);

    *ret = (struct dj_args)DJ_ARGS_INIT;
    if (public->definition == NULL ||
        dj_name_parse(public->name, &task->definition.params, name, ret, NULL) < 0)
        return false;
    if (dj_args_ignored(ret) && complete_references(engine, ret) == 0)
        return true;
    dj_args_release(ret);
    return false;
}

void dj_call_show_args(struct dj_engine *engine, struct dj_call *call, const struct dj_args *given,
                       struct dj_buf *buf)
{
    uint64_t shown = call->run == NULL ? dj_call_current(engine, call) : 0;
    struct run would = {.call = call};
    const struct dj_rec_instance *rec;

    if (call->run == NULL)
        rec = dj_instance(engine, shown != 0 ? shown : dj_call_latest(engine, call));
    else
        rec = NULL;
    if (call->run != NULL) {
        dj_args_json(buf, &call->run->args);
    } else if (rec != NULL &&
               dj_args_load_own(dj_buf_bytes(&rec->args), &would.params, &would.args, NULL) == 0) {
        dj_args_json(buf, &would.args);
    } else {
        run_bind(&would, given);
        dj_args_json(buf, &would.args);
    }
    dj_args_release(&would.args);
    dj_params_release(&would.params);
}

/* ---- judging ---- */

bool task_premise_holds(void *cookie, const struct dj_rec_premise *premise)
{
    struct dj_task *public = dj_task_by_number(cookie, (uint32_t)premise->task);

    return public != NULL && public->definition != NULL &&
           dj_digest_equal(&dj_container_of(public, struct task, public)->effective,
                           &premise->digest);
}

bool file_premise_holds(void *cookie, const struct dj_rec_premise *premise)
{
    return input_holds(cookie, dj_buf_bytes(&premise->path), &premise->digest);
}

bool premises_hold(struct dj_engine *engine, uint64_t tasks, uint64_t files)
{
    return dj_premises_hold(engine->premises, tasks, engine->generation, task_premise_holds,
                            engine) &&
           dj_premises_hold(engine->premises, files, 0, file_premise_holds, engine);
}

bool summary_holds(struct dj_engine *engine, const struct dj_rec_summary *summary,
                   struct closure *ret)
{
    *ret = (struct closure){summary->tasks, summary->files, NULL};
    if (summary->state != DJ_DONE || summary->corrupt)
        return false;
    if (!summary->stale && premises_hold(engine, summary->tasks, summary->files))
        return true;
    for (size_t i = summary->accepted.n; i-- > 0;) {
        const struct dj_rec_acceptance *accepted =
            DJ_LIST_AT(&summary->accepted, struct dj_rec_acceptance, i);

        if (premises_hold(engine, accepted->tasks, accepted->files)) {
            *ret = (struct closure){accepted->tasks, accepted->files, accepted};
            return true;
        }
    }
    return false;
}

bool summary_valid(struct dj_engine *engine, const struct dj_rec_summary *summary)
{
    struct closure unused;

    return summary_holds(engine, summary, &unused);
}

struct dj_rec_summary *call_summary(const struct dj_call *call, uint64_t instance)
{
    for (size_t i = 0; i < call->rec.instances.n; i++) {
        struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);

        if (summary->instance == instance)
            return summary;
    }
    return NULL;
}

struct closure instance_closure(struct dj_engine *engine, const struct dj_call *call,
                                const struct dj_rec_instance *rec)
{
    const struct dj_rec_summary *summary = call_summary(call, rec->number);
    struct closure closure;

    if (summary == NULL || !summary_holds(engine, summary, &closure))
        closure = (struct closure){rec->tasks, rec->files, NULL};
    return closure;
}

bool summary_durable(struct dj_engine *engine, const struct dj_rec_summary *summary)
{
    const struct run *run = run_find(engine, summary->instance);

    return run == NULL || run->over;
}

/* Its place among the instances of its call, which are in the order of their ends. */
static uint64_t asked(const struct dj_rec_summary *summary)
{
    return summary->asked != 0 ? summary->asked : summary->instance;
}

static bool is_answer(struct dj_engine *engine, const struct dj_rec_summary *summary)
{
    return summary_durable(engine, summary) && summary_valid(engine, summary);
}

typedef bool fits_fn(struct dj_engine *engine, const struct dj_rec_summary *summary);

/* fits: NULL: every one does. */
static const struct dj_rec_summary *newest_of(struct dj_engine *engine,
                                              const struct dj_call *call, fits_fn *fits)
{
    const struct dj_rec_summary *newest = NULL;

    for (size_t i = call->rec.deleted_ns != 0 ? 0 : call->rec.instances.n; i-- > 0;) {
        const struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);

        if ((newest == NULL || asked(summary) > asked(newest)) &&
            (fits == NULL || fits(engine, summary)))
            newest = summary;
    }
    return newest;
}

uint64_t dj_call_current(struct dj_engine *engine, struct dj_call *call)
{
    const struct dj_rec_summary *current;

    if (call->rec.deleted_ns != 0 || (call->run != NULL && call->run->forced))
        return 0;
    tasks_look_at_tracked(engine);
    current = newest_of(engine, call, is_answer);
    return current == NULL ? 0 : current->instance;
}

void call_choose_run(struct dj_engine *engine, struct dj_call *call)
{
    const struct dj_rec_summary *current;

    call->run = NULL;
    for (struct run *run = call->runs; run != NULL; run = run->beside) {
        if (!run->incognito && !run->cancelled && !run->over &&
            (call->run == NULL || call->run->asked < run->asked))
            call->run = run;
    }
    current = call->run == NULL ? NULL : newest_of(engine, call, is_answer);
    if (current != NULL && asked(current) > call->run->asked)
        call->run = NULL;
}

const struct dj_rec_summary *call_newest(const struct dj_call *call)
{
    return newest_of(NULL, call, NULL);
}

const struct dj_rec_summary *call_newest_durable(struct dj_engine *engine,
                                                 const struct dj_call *call)
{
    return newest_of(engine, call, summary_durable);
}

const struct dj_rec_instance *failure_remembered(struct dj_engine *engine,
                                                 const struct dj_call *call)
{
    const struct dj_definition *definition = call->task->public.definition;
    const struct dj_rec_summary *newest = call_newest(call);
    const struct dj_rec_instance *rec;

    if (definition == NULL || definition->on_failure != DJ_FAILURE_REMEMBER || newest == NULL ||
        newest->state != DJ_FAILED || newest->stale ||
        !premises_hold(engine, newest->tasks, newest->files))
        return NULL;
    rec = dj_instance(engine, newest->instance);
    return rec != NULL && dj_exit_remembered(rec->how) ? rec : NULL;
}

enum dj_status dj_call_status(struct dj_engine *engine, struct dj_call *call)
{
    const struct dj_rec_summary *newest = call_newest(call);

    if (call->run != NULL) {
        switch (call->run->state) {
        case DELAYED:
        case QUEUED:
            return DJ_QUEUED;
        case BLOCKED:
        case RESUMING:
            return DJ_WAITING;
        default:
            return DJ_RUNNING;
        }
    }
    if (newest == NULL)
        return DJ_ABSENT;
    if (dj_call_current(engine, call) != 0)
        return DJ_DONE;
    return newest->state == DJ_DONE ? DJ_STALE : (enum dj_status)newest->state;
}

uint64_t dj_call_latest(struct dj_engine *engine DJ_UNUSED, struct dj_call *call)
{
    const struct dj_rec_summary *newest = call_newest(call);

    if (call->run != NULL)
        return call->run->instance;
    return newest == NULL ? 0 : newest->instance;
}

size_t dj_call_count(const struct dj_call *call)
{
    return call->rec.deleted_ns != 0 ? 0 : call->rec.instances.n;
}

uint64_t dj_call_ended(struct dj_engine *engine, const struct dj_call *call, uint64_t n)
{
    uint64_t instance;

    if (n == 0 || n > dj_call_count(call))
        return 0;
    instance = DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, n - 1)->instance;
    return run_find(engine, instance) == NULL ? instance : 0;
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
    if (call->rec.deleted_ns != 0 || call->rec.instances.n == 0)
        return;
    dj_key_name(&key, call->task->public.number, dj_buf_bytes(&call->name));
    dj_buf_clear(&value);
    dj_put64(&value, call->rec.number);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
}

/* Gives a call its number and record; nothing lists it before it has an instance. */
void call_record(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_call *call)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    if (call->rec.number != 0)
        return;
    call->rec.number = ++engine->next_call;
    call->rec.task = call->task->public.number;
    dj_buf_set(&call->rec.name, dj_buf_bytes(&call->name));
    dj_buf_set(&call->rec.key, dj_buf_bytes(&call->key_cbor));
    dj_args_store(&call->rec.args, &call->args);
    dj_key_number(&key, 'N', call->rec.number);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_bytes(call->key.b, sizeof(call->key.b)));
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

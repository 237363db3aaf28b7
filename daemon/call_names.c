/* Calls by what a path has of them: a name of any spelling, long ones and references among them. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"

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

static int refuse_reference(int code, struct dj_err *err)
{
    return dj_err_set(err, -code, code == -ENOENT ? "nothing with that digest has been seen"
                                                  : "more than one digest begins so; give more "
                                                    "digits of it");
}

int dj_args_refer(struct dj_engine *engine, struct dj_args *args, struct dj_err *err)
{
    int rc = complete_references(engine, args);

    return rc < 0 ? refuse_reference(rc, err) : 0;
}

/* args are resolved. */
static int answer_args(struct dj_engine *engine, struct task *task, const struct dj_args *args,
                       struct dj_bytes name, struct dj_call **ret, struct dj_buf *ret_canonical)
{
    dj_cleanup_buf struct dj_buf own = DJ_BUF_INIT;
    struct dj_call *call = call_of_args(engine, task, args);

    dj_name_spelled(&own, args);
    return answer_name(engine, call, name, dj_buf_bytes(&own), ret, ret_canonical);
}

static bool is_resolved(const struct dj_args *args)
{
    for (size_t i = 0; i < args->params->n; i++) {
        for (size_t j = 0; j < args->values[i].n; j++) {
            if (args->values[i].scalars[j].resolution != DJ_RESOLVED)
                return false;
        }
    }
    return true;
}

/*
 * A name that says all there is to a key: nothing that the store lists can tell more of it, and
 * this asks for one record where the list leads to it by three. False: it is another name.
 */
static bool plain(struct dj_engine *engine, struct task *task, struct dj_bytes name, int *ret_code,
                  struct dj_call **ret, struct dj_buf *ret_canonical)
{
    struct dj_args args;
    bool found;

    if (task->public.definition == NULL || dj_name_is_hashed(name) ||
        dj_name_parse(task->public.name, &task->definition.params, name, &args, NULL) < 0)
        return false;
    found = is_resolved(&args);
    if (found)
        *ret_code = answer_args(engine, task, &args, name, ret, ret_canonical);
    dj_args_release(&args);
    return found;
}

static int spelled(struct dj_engine *engine, struct task *task, struct dj_bytes name,
                   struct dj_call **ret, struct dj_buf *ret_canonical, struct dj_err *err)
{
    struct dj_args args;
    int rc = dj_name_parse(task->public.name, &task->definition.params, name, &args, err);

    if (rc < 0)
        return rc;
    rc = complete_references(engine, &args);
    if (rc == 0) {
        rc = answer_args(engine, task, &args, name, ret, ret_canonical);
    } else if (rc == 1) {
        rc = 2;
    } else {
        rc = refuse_reference(rc, err);
    }
    dj_args_release(&args);
    return rc;
}

int dj_call_by_name(struct dj_engine *engine, struct dj_task *public, struct dj_bytes name,
                    struct dj_call **ret, struct dj_buf *ret_canonical, struct dj_err *err)
{
    struct task *task = dj_container_of(public, struct task, public);
    struct dj_call *call;
    int rc;

    if (name.len == 0 || name.data[0] == '.')
        return dj_err_set(err, ENOENT, "no run has that name");
    if (plain(engine, task, name, &rc, ret, ret_canonical))
        return rc;
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

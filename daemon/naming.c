#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/mem.h"

/*
 * Calls and the parameters that their task has now.
 *
 * A key says which call it is for good; its name is a spelling in the parameters of the day. When
 * these change, a stored call whose arguments still make its key is spelled anew, and one that
 * cannot be spelled any more is *foreign*: it is listed as %k and the digest of its key, answers
 * as long as it is valid, and cannot be computed. A name never leads to a call with another key.
 */

/* The arguments with the parameters of now; false when that is not possible. */
bool args_rebind(struct dj_params *params, struct dj_args *args, const struct dj_params *now)
{
    dj_cleanup_buf struct dj_buf stored = DJ_BUF_INIT;
    struct dj_params fresh;
    struct dj_args loaded;

    dj_args_store(&stored, args);
    dj_params_copy(&fresh, now);
    if (dj_args_load(dj_buf_bytes(&stored), &fresh, &loaded, NULL) < 0) {
        dj_params_release(&fresh);
        return false;
    }
    dj_args_release(args);
    dj_params_release(params);
    *params = fresh;
    *args = loaded;
    args->params = params;
    return true;
}

static void name_by_key(struct dj_call *call)
{
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(&call->key, hex);
    dj_buf_clear(&call->name);
    dj_buf_addf(&call->name, "%%k%s", hex);
}

/* Arguments and name of a call, by its record and the definition of now. */
void call_bind(struct dj_call *call)
{
    dj_cleanup_buf struct dj_buf stored = DJ_BUF_INIT, cbor = DJ_BUF_INIT;

    if (call->args.params != NULL)
        dj_args_store(&stored, &call->args);
    else
        dj_buf_set(&stored, dj_buf_bytes(&call->rec.args));
    dj_args_release(&call->args);
    dj_params_release(&call->params);
    dj_params_copy(&call->params, &call->task->definition.params);
    if (dj_args_load(dj_buf_bytes(&stored), &call->params, &call->args, NULL) == 0)
        dj_key_cbor(&cbor, call->task->public.name, &call->args);
    call->foreign = !dj_bytes_equal(dj_buf_bytes(&cbor), dj_buf_bytes(&call->key_cbor));
    if (!call->foreign) {
        dj_buf_clear(&call->name);
        dj_name_canonical(&call->name, &call->args);
        return;
    }
    name_by_key(call);
    dj_args_release(&call->args);
    dj_params_release(&call->params);
    if (dj_args_load_own(dj_buf_bytes(&stored), &call->params, &call->args, NULL) < 0)
        call->args = (struct dj_args)DJ_ARGS_INIT;
    call->args.params = &call->params;
}

/* ---- a change of parameters ---- */

static int collect(void *cookie, struct dj_bytes name, uint64_t number)
{
    (void)name;
    *(uint64_t *)dj_list_add(cookie, sizeof(number)) = number;
    return 0;
}

/* Those whose name is another one now; referenced. */
static void find_renamed(struct dj_engine *engine, struct task *task, struct dj_list *ret)
{
    struct dj_list numbers = {0};

    dj_task_runs(engine, &task->public, dj_bytes(NULL, 0), collect, &numbers);
    for (size_t i = 0; i < numbers.n; i++) {
        struct dj_call *call = dj_call_by_number(engine, *DJ_LIST_AT(&numbers, uint64_t, i));

        if (call != NULL &&
            !dj_bytes_equal(dj_buf_bytes(&call->rec.name), dj_buf_bytes(&call->name)))
            *(struct dj_call **)dj_list_add(ret, sizeof(call)) = call;
        else
            dj_call_unref(call);
    }
    free(numbers.items);
}

void calls_rename(struct dj_engine *engine, struct dj_store_batch *batch, struct task *task)
{
    struct dj_list renamed = {0};

    for (struct dj_call *call = engine->calls; call != NULL; call = call->hh.next) {
        if (call->task == task)
            call_bind(call);
    }
    for (struct run *run = engine->runs; run != NULL; run = run->hh.next) {
        if (run->call->task == task && run->state <= QUEUED)
            (void)args_rebind(&run->params, &run->args, &task->definition.params);
    }
    find_renamed(engine, task, &renamed);
    /* All old names go before the first new one comes, which may be one of them. */
    for (size_t i = 0; i < renamed.n; i++) {
        struct dj_call *call = *DJ_LIST_AT(&renamed, struct dj_call *, i);

        call_unlist(engine, batch, call);
        dj_buf_set(&call->rec.name, dj_buf_bytes(&call->name));
    }
    for (size_t i = 0; i < renamed.n; i++) {
        struct dj_call *call = *DJ_LIST_AT(&renamed, struct dj_call *, i);

        call_save(engine, batch, call);
        call_changed(engine, call, true);
        dj_call_unref(call);
    }
    free(renamed.items);
}

/* ---- what a run computes with ---- */

/* Parts that do not count, of a value whose parts that count are those of the call. */
static const struct dj_value *bound_parts(const struct dj_param *param,
                                          const struct dj_value *given,
                                          const struct dj_value *call)
{
    if (given != NULL && dj_param_equal(param, given, call))
        return given;
    if (param->has_default && dj_param_equal(param, &param->default_value, call))
        return &param->default_value;
    return NULL;
}

/*
 * What is ignored is as the call was spelled; what it did not spell is as in the default, and
 * without one as it was when the call was asked for first.
 */
void run_bind(struct run *run, const struct dj_args *given)
{
    dj_params_copy(&run->params, &run->call->params);
    dj_args_copy(&run->args, &run->call->args);
    run->args.params = &run->params;
    for (size_t i = 0; i < run->params.n; i++) {
        const struct dj_param *param = &run->params.items[i];
        const struct dj_value *value = given == NULL ? NULL : dj_args_get(given, param->name);

        if (!param->ignored && !dj_param_has_parts(param))
            continue;
        if (value != NULL && (value->type != param->type || value->list != param->list ||
                              (value->n == 0 && !value->list)))
            value = NULL;
        if (!param->ignored)
            value = bound_parts(param, value, &run->args.values[i]);
        else if (value == NULL && param->has_default)
            value = &param->default_value;
        if (value == NULL || value == &run->args.values[i])
            continue;
        dj_value_release(&run->args.values[i]);
        dj_value_copy(&run->args.values[i], value);
    }
}

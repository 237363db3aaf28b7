/*
 * Definitions as CBOR: a layout over a struct that mirrors struct dj_definition with the codec's
 * types. Fields are only ever appended.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/model/definition.h"
#include "lib/model/launch.h"
#include "lib/model/resource.h"
#include "lib/util/cbor.h"
#include "lib/util/mem.h"

struct stored_param {
    char *name;
    uint64_t type;
    bool list;
    bool ignored;
    struct dj_buf default_value; /* dj_value_store; empty: none */
    struct dj_buf absent;
    char *parts; /* dj_parts_print; NULL: all of it counts */
};

struct stored {
    char *name;
    char *here;
    struct dj_list command;
    char *script;
    struct dj_list params;
    char *version;
    char *setup;
    struct dj_list env;
    struct dj_list env_keyed;
    struct dj_list track;
    uint64_t timeout_ms;
    int64_t priority;
    char *result_file;
    uint64_t on_failure;
    uint64_t abandon;
    char *help;
    struct dj_list base_env;
    uint64_t memory;
    uint64_t max_result;
    uint64_t max_log; /* + 1; 0: stored before there were limits */
    uint64_t max_files;
    uint64_t retries;
    uint64_t retry_delay_ms;
    uint64_t retry_factor_milli; /* 0: stored before there were retries */
    struct dj_list retry_on;
    struct dj_list resources;
    char *session;
    char *launch; /* NULL: process */
    bool cutoff;
    bool unstored;
    uint64_t ttl_ms;
    uint64_t serve_stale_ms;
};

#define FIELD(type, member, kind, sub) \
    {#member, DJ_FIELD_##kind, offsetof(struct type, member), sub}

static const struct dj_field env_fields[] = {
    FIELD(dj_env, name, TEXT, NULL),
    FIELD(dj_env, value, TEXT, NULL),
};
static const struct dj_layout env_layout = {"environment variable", sizeof(struct dj_env),
                                            env_fields, DJ_ARRAY_SIZE(env_fields)};

static const struct dj_field param_fields[] = {
    FIELD(stored_param, name, TEXT, NULL),
    FIELD(stored_param, type, UINT, NULL),
    FIELD(stored_param, list, BOOL, NULL),
    FIELD(stored_param, ignored, BOOL, NULL),
    FIELD(stored_param, default_value, BYTES, NULL),
    FIELD(stored_param, absent, BYTES, NULL),
    FIELD(stored_param, parts, TEXT, NULL),
};
static const struct dj_layout param_layout = {"parameter", sizeof(struct stored_param),
                                              param_fields, DJ_ARRAY_SIZE(param_fields)};

static const struct dj_field case_fields[] = {
    FIELD(dj_retry_case, how, UINT, NULL),
    FIELD(dj_retry_case, exact, BOOL, NULL),
    FIELD(dj_retry_case, code, UINT, NULL),
};
static const struct dj_layout case_layout = {"way to fail", sizeof(struct dj_retry_case),
                                             case_fields, DJ_ARRAY_SIZE(case_fields)};

static const struct dj_field resource_fields[] = {
    FIELD(dj_resource, name, TEXT, NULL),
    FIELD(dj_resource, amount, UINT, NULL),
};
static const struct dj_layout resource_layout = {"resource", sizeof(struct dj_resource),
                                                 resource_fields, DJ_ARRAY_SIZE(resource_fields)};

static const struct dj_field definition_fields[] = {
    FIELD(stored, name, TEXT, NULL),
    FIELD(stored, here, TEXT, NULL),
    FIELD(stored, command, BYTES_LIST, NULL),
    FIELD(stored, script, TEXT, NULL),
    FIELD(stored, params, LIST, &param_layout),
    FIELD(stored, version, TEXT, NULL),
    FIELD(stored, setup, TEXT, NULL),
    FIELD(stored, env, LIST, &env_layout),
    FIELD(stored, env_keyed, BYTES_LIST, NULL),
    FIELD(stored, track, BYTES_LIST, NULL),
    FIELD(stored, timeout_ms, UINT, NULL),
    FIELD(stored, priority, INT, NULL),
    FIELD(stored, result_file, TEXT, NULL),
    FIELD(stored, on_failure, UINT, NULL),
    FIELD(stored, abandon, UINT, NULL),
    FIELD(stored, help, TEXT, NULL),
    FIELD(stored, base_env, LIST, &env_layout),
    FIELD(stored, memory, UINT, NULL),
    FIELD(stored, max_result, UINT, NULL),
    FIELD(stored, max_log, UINT, NULL),
    FIELD(stored, max_files, UINT, NULL),
    FIELD(stored, retries, UINT, NULL),
    FIELD(stored, retry_delay_ms, UINT, NULL),
    FIELD(stored, retry_factor_milli, UINT, NULL),
    FIELD(stored, retry_on, LIST, &case_layout),
    FIELD(stored, resources, LIST, &resource_layout),
    FIELD(stored, session, TEXT, NULL),
    FIELD(stored, launch, TEXT, NULL),
    FIELD(stored, cutoff, BOOL, NULL),
    FIELD(stored, unstored, BOOL, NULL),
    FIELD(stored, ttl_ms, UINT, NULL),
    FIELD(stored, serve_stale_ms, UINT, NULL),
};
static const struct dj_layout definition_layout = {"definition", sizeof(struct stored),
                                                   definition_fields,
                                                   DJ_ARRAY_SIZE(definition_fields)};

static char *parts_text(const struct dj_parts *parts)
{
    struct dj_buf text = DJ_BUF_INIT;

    if (parts == NULL)
        return NULL;
    dj_parts_print(&text, parts);
    return dj_buf_steal(&text);
}

static void add_params(struct dj_list *list, const struct dj_params *params)
{
    for (size_t i = 0; i < params->n; i++) {
        const struct dj_param *param = &params->items[i];
        struct stored_param *to;

        if (param->environment) /* env_keyed says it */
            continue;
        to = dj_list_add(list, sizeof(*to));
        to->name = dj_xstrdup(param->name);
        to->type = param->type;
        to->list = param->list;
        to->ignored = param->ignored;
        if (param->has_default)
            dj_value_store(&to->default_value, &param->default_value);
        if (param->has_absent)
            dj_value_store(&to->absent, &param->absent);
        to->parts = parts_text(param->parts);
    }
}

static void release_params(struct dj_list *params)
{
    for (size_t i = 0; i < params->n; i++)
        dj_codec_release(&param_layout, DJ_LIST_AT(params, struct stored_param, i));
    free(params->items);
    *params = (struct dj_list){NULL, 0, 0};
}

void dj_definition_store(struct dj_buf *buf, const struct dj_definition *definition)
{
    struct stored stored = {
        .name = definition->name,
        .here = definition->here,
        .command = definition->command,
        .script = definition->script,
        .version = definition->version,
        .setup = definition->setup,
        .env = definition->env,
        .env_keyed = definition->env_keyed,
        .track = definition->track,
        .timeout_ms = definition->timeout_ms,
        .priority = definition->priority,
        .result_file = definition->result_file,
        .on_failure = definition->on_failure,
        .abandon = definition->abandon,
        .help = definition->help,
        .base_env = definition->base_env,
        .memory = definition->memory,
        .max_result = definition->max_result,
        .max_log = definition->max_log + 1,
        .max_files = definition->max_files,
        .retries = definition->retry.retries,
        .retry_delay_ms = definition->retry.delay_ms,
        .retry_factor_milli = definition->retry.factor_milli,
        .retry_on = definition->retry.on,
        .resources = definition->resources,
        .session = definition->session,
        .launch = dj_launch_text(&definition->launch),
        .cutoff = definition->cutoff,
        .unstored = definition->unstored,
        .ttl_ms = definition->ttl_ms,
        .serve_stale_ms = definition->serve_stale_ms,
    };

    add_params(&stored.params, &definition->params);
    dj_codec_encode(buf, &definition_layout, &stored);
    release_params(&stored.params);
    free(stored.launch); /* everything else was only borrowed */
}

/* ---- loading ------------------------------------------------------------------------------ */

static int load_value(const struct stored_param *param, const struct dj_buf *bytes, bool *ret_has,
                      struct dj_value *ret, struct dj_err *err)
{
    int code;

    if (bytes->len == 0)
        return 0;
    code = dj_value_load(dj_buf_bytes(bytes), ret, err);
    if (code < 0)
        return code;
    *ret_has = true;
    if (ret->type != (enum dj_type)param->type || ret->list != param->list)
        return dj_err_set(err, EBADMSG, "a stored value does not have the type of its parameter");
    return 0;
}

static int load_params(struct dj_list *list, struct dj_params *ret, struct dj_err *err)
{
    ret->items = dj_xcalloc(list->n, sizeof(*ret->items));
    for (size_t i = 0; i < list->n; i++) {
        struct stored_param *from = DJ_LIST_AT(list, struct stored_param, i);
        struct dj_param *to = &ret->items[ret->n];
        int code;

        if (from->name == NULL || from->type > DJ_RUN)
            return dj_err_set(err, EBADMSG, "a stored parameter is malformed");
        to->name = dj_steal(from->name);
        ret->n++;
        to->type = (enum dj_type)from->type;
        to->list = from->list;
        to->ignored = from->ignored;
        code = load_value(from, &from->default_value, &to->has_default, &to->default_value, err);
        if (code == 0)
            code = load_value(from, &from->absent, &to->has_absent, &to->absent, err);
        if (code == 0 && from->parts != NULL && *from->parts != '\0')
            code = dj_parts_parse(dj_bytes_of(from->parts), &to->parts, err);
        if (code < 0)
            return code;
    }
    return 0;
}

static int load_env(struct dj_list *list, struct dj_err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        struct dj_env *env = DJ_LIST_AT(list, struct dj_env, i);

        if (env->name == NULL)
            return dj_err_set(err, EBADMSG, "a stored environment variable has no name");
        if (env->value == NULL)
            env->value = dj_xstrdup("");
    }
    return 0;
}

static struct dj_list steal_list(struct dj_list *list)
{
    struct dj_list stolen = *list;

    *list = (struct dj_list){NULL, 0, 0};
    return stolen;
}

static int check_resources(const struct dj_list *list, struct dj_err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(list, struct dj_resource, i);

        if (resource->name == NULL || resource->amount == 0 || resource->amount > DJ_AMOUNT_MAX)
            return dj_err_set(err, EBADMSG, "a stored resource is malformed");
    }
    return 0;
}

static void load_limits(struct stored *stored, struct dj_definition *ret)
{
    ret->memory = stored->memory;
    ret->max_result = stored->max_result;
    ret->max_log = stored->max_log == 0 ? DJ_MAX_LOG : stored->max_log - 1;
    ret->max_files = stored->max_files;
    dj_retry_init(&ret->retry);
    if (stored->retry_factor_milli == 0)
        return;
    ret->retry.retries = stored->retries;
    ret->retry.delay_ms = stored->retry_delay_ms;
    ret->retry.factor_milli = stored->retry_factor_milli;
    ret->retry.on = steal_list(&stored->retry_on);
}

int dj_definition_load(struct dj_bytes bytes, struct dj_definition *ret, struct dj_err *err)
{
    struct stored stored;
    int code = dj_codec_decode(&definition_layout, bytes, &stored, err);

    *ret = (struct dj_definition){0};
    if (code < 0)
        return code;
    if (stored.name == NULL || stored.here == NULL || stored.version == NULL ||
        stored.on_failure > DJ_FAILURE_REMEMBER || stored.abandon > DJ_ABANDON_CANCEL)
        code = dj_err_set(err, EBADMSG, "a stored definition is malformed");
    if (code == 0)
        code = load_params(&stored.params, &ret->params, err);
    if (code == 0)
        code = load_env(&stored.env, err);
    if (code == 0)
        code = load_env(&stored.base_env, err);
    if (code == 0)
        code = check_resources(&stored.resources, err);
    if (code == 0 && stored.launch != NULL)
        code = dj_launch_parse(dj_bytes_of(stored.launch), &ret->launch, err);
    if (code < 0) {
        dj_params_release(&ret->params);
        dj_launch_release(&ret->launch);
        dj_codec_release(&definition_layout, &stored);
        return code;
    }
    ret->name = dj_steal(stored.name);
    ret->here = dj_steal(stored.here);
    ret->command = steal_list(&stored.command);
    ret->script = dj_steal(stored.script);
    ret->version = dj_steal(stored.version);
    ret->setup = dj_steal(stored.setup);
    ret->env = steal_list(&stored.env);
    ret->env_keyed = steal_list(&stored.env_keyed);
    dj_params_add_environment(&ret->params, &ret->env_keyed);
    ret->track = steal_list(&stored.track);
    ret->timeout_ms = stored.timeout_ms;
    ret->priority = stored.priority;
    ret->result_file = dj_steal(stored.result_file);
    ret->on_failure = (enum dj_on_failure)stored.on_failure;
    ret->abandon = (enum dj_abandon)stored.abandon;
    ret->help = dj_steal(stored.help);
    ret->base_env = steal_list(&stored.base_env);
    ret->resources = steal_list(&stored.resources);
    ret->session = dj_steal(stored.session);
    if (ret->session != NULL && *ret->session == '\0')
        dj_freep(&ret->session);
    ret->cutoff = stored.cutoff;
    ret->unstored = stored.unstored;
    ret->ttl_ms = stored.ttl_ms;
    ret->serve_stale_ms = stored.serve_stale_ms;
    load_limits(&stored, ret);
    dj_codec_release(&definition_layout, &stored);
    return 0;
}

/* ---- digest ------------------------------------------------------------------------------- */

/* What is not there is a null, so that it differs from an empty text. */
static void add_text(struct dj_buf *buf, const char *text)
{
    if (text == NULL)
        dj_cbor_null(buf);
    else
        dj_cbor_bytes(buf, dj_bytes_of(text));
}

static void add_list(struct dj_buf *buf, const struct dj_list *list)
{
    dj_cbor_array(buf, list->n);
    for (size_t i = 0; i < list->n; i++)
        dj_cbor_bytes(buf, dj_list_bytes(list, i));
}

void dj_definition_digest(const struct dj_definition *definition, struct dj_digest *ret)
{
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;

    dj_cbor_array(&buf, 6);
    add_list(&buf, &definition->command);
    add_text(&buf, definition->script);
    add_text(&buf, definition->setup);
    dj_cbor_array(&buf, 2 * definition->env.n);
    for (size_t i = 0; i < definition->env.n; i++) {
        add_text(&buf, DJ_LIST_AT(&definition->env, struct dj_env, i)->name);
        add_text(&buf, DJ_LIST_AT(&definition->env, struct dj_env, i)->value);
    }
    add_list(&buf, &definition->env_keyed);
    add_text(&buf, definition->result_file);
    dj_digest_bytes(dj_buf_bytes(&buf), ret);
}

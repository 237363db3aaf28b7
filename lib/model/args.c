#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/bind.h"
#include "lib/model/json.h"
#include "lib/model/param.h"
#include "lib/util/cbor.h"
#include "lib/util/mem.h"

static int bind_word(struct dj_binder *binder, struct dj_bytes word, struct dj_err *err)
{
    struct dj_bytes text = word;
    size_t index;
    int r;

    if (!dj_binder_named(binder, word, &index, &text)) {
        r = dj_binder_next(binder, &index, err);
        if (r != 0)
            return r;
    }
    r = dj_binder_begin(binder, index, err);
    if (r != 0)
        return r;
    r = dj_scalar_parse(binder->params->items[index].type, text, dj_binder_add(binder, index), err);
    return r == 0 ? 0 : dj_binder_blame(binder, index, r, err);
}

int dj_args_bind(const char *task, const struct dj_params *params, const struct dj_bytes *words,
                 size_t n, struct dj_args *ret, struct dj_err *err)
{
    struct dj_binder binder DJ_CLEANUP(dj_binder_release) = {0};
    int r = 0;

    *ret = (struct dj_args)DJ_ARGS_INIT;
    dj_binder_init(&binder, task, params, false);
    for (size_t i = 0; i < n && r == 0; i++)
        r = bind_word(&binder, words[i], err);
    return r == 0 ? dj_binder_finish(&binder, ret, err) : r;
}

static bool is_missing(const struct dj_value *value)
{
    return !value->list && value->n == 0;
}

int dj_args_complete(const char *task, const struct dj_args *args, struct dj_err *err)
{
    for (size_t i = 0; i < args->params->n; i++) {
        const char *name = args->params->items[i].name;

        if (is_missing(&args->values[i]) && !args->params->items[i].environment)
            return dj_err_set(err, EINVAL,
                              "%s: the ignored parameter %s has no default; give it with %s=VALUE",
                              task, name, name);
    }
    return 0;
}

bool dj_args_resolved(const struct dj_args *args)
{
    for (size_t i = 0; i < args->params->n; i++)
        if (!dj_value_resolved(&args->values[i]))
            return false;
    return true;
}

struct dj_value *dj_args_get(const struct dj_args *args, const char *name)
{
    const struct dj_param *param = dj_params_find(args->params, dj_bytes_of(name));

    return param == NULL ? NULL : &args->values[param - args->params->items];
}

void dj_args_copy(struct dj_args *ret, const struct dj_args *args)
{
    *ret = (struct dj_args){args->params, NULL};
    if (args->values == NULL)
        return;
    ret->values = dj_xcalloc(args->params->n, sizeof(*ret->values));
    for (size_t i = 0; i < args->params->n; i++)
        dj_value_copy(&ret->values[i], &args->values[i]);
}

void dj_args_release(struct dj_args *args)
{
    for (size_t i = 0; args->values != NULL && i < args->params->n; i++)
        dj_value_release(&args->values[i]);
    free(args->values);
    *args = (struct dj_args)DJ_ARGS_INIT;
}

bool dj_args_ignored_at(const struct dj_args *args, size_t i)
{
    const struct dj_param *param = &args->params->items[i];
    const struct dj_value *value = &args->values[i];

    return param->ignored && !is_missing(value) &&
           !(param->has_default && dj_value_equal(value, &param->default_value));
}

bool dj_args_ignored_partly(const struct dj_args *args, size_t i)
{
    const struct dj_value *value = &args->values[i], *counted;
    struct dj_value room dj_cleanup_value = DJ_VALUE_INIT;

    counted = dj_param_counted(&args->params->items[i], value, &room);
    return counted != value && !dj_value_equal(counted, value);
}

bool dj_args_ignored(const struct dj_args *args)
{
    for (size_t i = 0; i < args->params->n; i++)
        if (dj_args_ignored_at(args, i) || dj_args_ignored_partly(args, i))
            return true;
    return false;
}

/* ---- as JSON ---------------------------------------------------------------------------- */

static bool is_json(enum dj_type type, struct dj_bytes text)
{
    if (type == DJ_FLOAT)
        return !dj_bytes_is(text, "nan") && !dj_bytes_is(text, "inf") && !dj_bytes_is(text, "-inf");
    return type == DJ_INT || type == DJ_BOOL || type == DJ_JSON;
}

static void reference_json(struct dj_buf *buf, const struct dj_scalar *scalar)
{
    struct dj_buf text dj_cleanup_buf = DJ_BUF_INIT;

    dj_buf_add_bytes(&text, dj_buf_bytes(&scalar->text));
    dj_buf_addc(&text, '@');
    dj_buf_add_bytes(&text, dj_buf_bytes(&scalar->prefix));
    dj_json_string(buf, dj_buf_bytes(&text));
}

static void scalar_json(struct dj_buf *buf, enum dj_type type, const struct dj_scalar *scalar)
{
    struct dj_bytes text = dj_buf_bytes(&scalar->text);

    if (is_json(type, text))
        dj_buf_add_bytes(buf, text);
    else if (scalar->resolution == DJ_REFERENCED)
        reference_json(buf, scalar);
    else if (type >= DJ_FILE && scalar->source.len != 0)
        dj_json_string(buf, dj_buf_bytes(&scalar->source));
    else
        dj_json_string(buf, text);
}

void dj_value_json(struct dj_buf *buf, const struct dj_value *value)
{
    if (!value->list) {
        scalar_json(buf, value->type, &value->scalars[0]);
        return;
    }
    dj_buf_addc(buf, '[');
    for (size_t i = 0; i < value->n; i++) {
        if (i > 0)
            dj_buf_addc(buf, ',');
        scalar_json(buf, value->type, &value->scalars[i]);
    }
    dj_buf_addc(buf, ']');
}

void dj_args_json(struct dj_buf *buf, const struct dj_args *args)
{
    const char *separator = "";

    dj_buf_addc(buf, '{');
    for (size_t i = 0; i < args->params->n; i++) {
        if (is_missing(&args->values[i]))
            continue;
        dj_buf_adds(buf, separator);
        dj_json_string(buf, dj_bytes_of(args->params->items[i].name));
        dj_buf_addc(buf, ':');
        dj_value_json(buf, &args->values[i]);
        separator = ",";
    }
    dj_buf_adds(buf, "}\n");
}

/* ---- stored: [[name, value]…] -------------------------------------------------------------- */

void dj_args_store(struct dj_buf *buf, const struct dj_args *args)
{
    struct dj_buf value dj_cleanup_buf = DJ_BUF_INIT;

    dj_cbor_array(buf, args->params->n);
    for (size_t i = 0; i < args->params->n; i++) {
        dj_cbor_array(buf, 2);
        dj_cbor_text(buf, dj_bytes_of(args->params->items[i].name));
        dj_buf_clear(&value);
        dj_value_store(&value, &args->values[i]);
        dj_cbor_bytes(buf, dj_buf_bytes(&value));
    }
}

static int load_pair(struct dj_cbor_reader *reader, struct dj_args *args, struct dj_err *err)
{
    struct dj_value value dj_cleanup_value = DJ_VALUE_INIT;
    struct dj_bytes name, stored;
    const struct dj_param *param;
    struct dj_value *place;
    uint64_t pair;
    int r;

    if (dj_cbor_get_array(reader, &pair) != 0 || pair != 2 ||
        dj_cbor_get_text(reader, &name) != 0 || dj_cbor_get_bytes(reader, &stored) != 0)
        return dj_err_set(err, EBADMSG, "stored arguments are damaged");
    r = dj_value_load(stored, &value, err);
    if (r != 0)
        return r;
    param = dj_params_find(args->params, name);
    if (param == NULL || param->type != value.type || param->list != value.list)
        return 0;
    place = &args->values[param - args->params->items];
    dj_value_release(place);
    *place = value;
    value = (struct dj_value)DJ_VALUE_INIT;
    return 0;
}

static void set_absent(struct dj_value *value, const struct dj_param *param)
{
    if (param->has_absent)
        dj_value_copy(value, &param->absent);
    else if (param->has_default)
        dj_value_copy(value, &param->default_value);
    else
        dj_value_init(value, param->type, param->list, 0);
}

static int add_own(struct dj_cbor_reader *reader, struct dj_params *params, struct dj_args *args,
                   struct dj_err *err)
{
    struct dj_param *param = &params->items[params->n];
    struct dj_value *value = &args->values[params->n];
    struct dj_bytes name, stored;
    uint64_t pair;
    int r;

    if (dj_cbor_get_array(reader, &pair) != 0 || pair != 2 ||
        dj_cbor_get_text(reader, &name) != 0 || dj_cbor_get_bytes(reader, &stored) != 0)
        return dj_err_set(err, EBADMSG, "stored arguments are damaged");
    r = dj_value_load(stored, value, err);
    if (r != 0)
        return r;
    *param = (struct dj_param){.name = dj_xmemdup0(name.data, name.len), .type = value->type,
                               .list = value->list};
    params->n++;
    return 0;
}

int dj_args_load_own(struct dj_bytes bytes, struct dj_params *ret_params, struct dj_args *ret,
                     struct dj_err *err)
{
    struct dj_cbor_reader reader = {bytes};
    uint64_t n;
    int r = 0;

    *ret_params = (struct dj_params)DJ_PARAMS_INIT;
    *ret = (struct dj_args){ret_params, NULL};
    if (dj_cbor_get_array(&reader, &n) != 0 || n > bytes.len)
        return dj_err_set(err, EBADMSG, "stored arguments are damaged");
    ret_params->items = dj_xcalloc(n, sizeof(*ret_params->items));
    ret->values = dj_xcalloc(n, sizeof(*ret->values));
    for (uint64_t i = 0; i < n && r == 0; i++)
        r = add_own(&reader, ret_params, ret, err);
    if (r != 0) {
        dj_args_release(ret);
        dj_params_release(ret_params);
    }
    return r;
}

int dj_args_load(struct dj_bytes bytes, const struct dj_params *params, struct dj_args *ret,
                 struct dj_err *err)
{
    struct dj_args args dj_cleanup_args = {params, dj_xcalloc(params->n, sizeof(*args.values))};
    struct dj_cbor_reader reader = {bytes};
    uint64_t n;
    int r = 0;

    *ret = (struct dj_args)DJ_ARGS_INIT;
    for (size_t i = 0; i < params->n; i++)
        set_absent(&args.values[i], &params->items[i]);
    if (dj_cbor_get_array(&reader, &n) != 0)
        return dj_err_set(err, EBADMSG, "stored arguments are damaged");
    for (uint64_t i = 0; i < n && r == 0; i++)
        r = load_pair(&reader, &args, err);
    if (r == 0 && reader.rest.len != 0)
        r = dj_err_set(err, EBADMSG, "stored arguments are damaged");
    if (r != 0)
        return r;
    *ret = args;
    args = (struct dj_args)DJ_ARGS_INIT;
    return 0;
}

#include "lib/model/bind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/mem.h"

void dj_binder_init(struct dj_binder *binder, const char *task, const struct dj_params *params,
                    bool counted_only)
{
    *binder = (struct dj_binder){.task = task, .params = params, .counted_only = counted_only};
    binder->values = dj_xcalloc(params->n, sizeof(*binder->values));
    binder->caps = dj_xcalloc(params->n, sizeof(*binder->caps));
    binder->given = dj_xcalloc(params->n, sizeof(*binder->given));
    for (size_t i = 0; i < params->n; i++)
        dj_value_init(&binder->values[i], params->items[i].type, params->items[i].list, 0);
    for (size_t i = 0; i < params->n; i++)
        binder->caps[i] = 1;
}

void dj_binder_release(struct dj_binder *binder)
{
    for (size_t i = 0; binder->values != NULL && i < binder->params->n; i++)
        dj_value_release(&binder->values[i]);
    free(binder->values);
    free(binder->caps);
    free(binder->given);
    *binder = (struct dj_binder){0};
}

static bool takes_place(const struct dj_binder *binder, size_t index)
{
    const struct dj_param *param = &binder->params->items[index];

    return !param->environment && (!binder->counted_only || !param->ignored);
}

/* last_place(binder): the last parameter that values without a name can go to; n: there is none. */
static size_t last_place(const struct dj_binder *binder)
{
    for (size_t i = binder->params->n; i-- > 0;)
        if (takes_place(binder, i))
            return i;
    return binder->params->n;
}

static int refuse_more(const struct dj_binder *binder, struct dj_err *err)
{
    struct dj_buf names dj_cleanup_buf = DJ_BUF_INIT;
    size_t places = 0;

    for (size_t i = 0; i < binder->params->n; i++)
        if (takes_place(binder, i))
            dj_buf_addf(&names, "%s%s", places++ == 0 ? "" : ", ", binder->params->items[i].name);
    if (places == 0)
        return dj_err_set(err, EINVAL, "%s takes no arguments", binder->task);
    return dj_err_set(err, EINVAL, "%s takes %zu argument%s (%s), and more are given", binder->task,
                      places, places == 1 ? "" : "s", dj_buf_str(&names));
}

int dj_binder_next(struct dj_binder *binder, size_t *ret, struct dj_err *err)
{
    size_t last = last_place(binder);

    for (size_t i = 0; i < binder->params->n; i++) {
        if (takes_place(binder, i) && !binder->given[i]) {
            *ret = i;
            return 0;
        }
    }
    if (last == binder->params->n || !binder->params->items[last].list)
        return refuse_more(binder, err);
    *ret = last;
    return 0;
}

bool dj_binder_named(const struct dj_binder *binder, struct dj_bytes text, size_t *ret,
                     struct dj_bytes *ret_value)
{
    const uint8_t *sign = text.len == 0 ? NULL : memchr(text.data, '=', text.len);
    const struct dj_param *param;
    size_t len;

    if (sign == NULL)
        return false;
    len = (size_t)(sign - text.data);
    param = dj_params_find(binder->params, dj_bytes(text.data, len));
    if (param == NULL)
        return false;
    *ret = (size_t)(param - binder->params->items);
    *ret_value = dj_bytes_from(text, len + 1);
    return true;
}

int dj_binder_begin(struct dj_binder *binder, size_t index, struct dj_err *err)
{
    const struct dj_param *param = &binder->params->items[index];

    if (binder->given[index] && !param->list)
        return dj_err_set(err, EINVAL, "%s: %s is given twice", binder->task, param->name);
    binder->given[index] = true;
    return 0;
}

struct dj_scalar *dj_binder_add(struct dj_binder *binder, size_t index)
{
    struct dj_value *value = &binder->values[index];

    value->scalars = dj_xgrow(value->scalars, &binder->caps[index], value->n + 1,
                              sizeof(*value->scalars));
    value->scalars[value->n] = (struct dj_scalar){0};
    return &value->scalars[value->n++];
}

int dj_binder_blame(const struct dj_binder *binder, size_t index, int code, struct dj_err *err)
{
    if (err == NULL)
        return code;
    return dj_err_prefix(err, code, "%s: %s", binder->task, binder->params->items[index].name);
}

static int fill_in(struct dj_binder *binder, size_t index, struct dj_err *err)
{
    const struct dj_param *param = &binder->params->items[index];

    if (binder->given[index])
        return 0;
    if (param->environment) {
        dj_value_release(&binder->values[index]);
        dj_value_init(&binder->values[index], DJ_STR, false, 1);
        binder->values[index].scalars[0].resolution = DJ_SPELLED;
        return 0;
    }
    if (param->has_default) {
        dj_value_release(&binder->values[index]);
        dj_value_copy(&binder->values[index], &param->default_value);
        return 0;
    }
    if ((param->list && index == last_place(binder)) || !takes_place(binder, index))
        return 0;
    return dj_err_set(err, EINVAL, "%s: %s:%s%s is not given and has no default", binder->task,
                      param->name, dj_type_name(param->type), param->list ? "*" : "");
}

int dj_binder_finish(struct dj_binder *binder, struct dj_args *ret, struct dj_err *err)
{
    for (size_t i = 0; i < binder->params->n; i++) {
        int r = fill_in(binder, i, err);

        if (r != 0)
            return r;
    }
    *ret = (struct dj_args){binder->params, dj_steal(binder->values)};
    return 0;
}

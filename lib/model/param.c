#include "lib/model/param.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/mem.h"

enum { NAME_MAX_LEN = 100 };

static bool is_separator(uint8_t byte)
{
    return byte == ',' || byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool name_ok(struct dj_bytes name)
{
    if (name.len == 0 || name.len > NAME_MAX_LEN || isdigit(name.data[0]))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum(name.data[i]) && name.data[i] != '_')
            return false;
    return true;
}

/* One word, "name" or "name:type" or "name:type*". */
static int parse_word(struct dj_bytes word, struct dj_param *ret, struct dj_err *err)
{
    const uint8_t *colon = memchr(word.data, ':', word.len);
    size_t name_len = colon == NULL ? word.len : (size_t)(colon - word.data);
    struct dj_bytes name = dj_bytes(word.data, name_len);

    if (!name_ok(name))
        return dj_err_set(err, EINVAL,
                          "\"%.*s\" is not a parameter name: letters, digits and _, no digit "
                          "first, %d at the most", (int)name.len, (const char *)name.data,
                          NAME_MAX_LEN);
    if (dj_bytes_is(name, "here"))
        return dj_err_set(err, EINVAL, "no parameter can be called here: {here} is the folder of "
                                       "the definition");
    if (colon != NULL &&
        dj_type_parse(dj_bytes_from(word, name_len + 1), &ret->type, &ret->list) != 0)
        return dj_err_set(err, EINVAL,
                          "\"%.*s\" is not a type: str int float bool json file path run, or one "
                          "of them with * for a list", (int)(word.len - name_len - 1),
                          (const char *)colon + 1);
    ret->name = dj_xmemdup0(name.data, name.len);
    return 0;
}

static int add_word(struct dj_params *params, size_t *cap, struct dj_bytes word, struct dj_err *err)
{
    struct dj_param param = {0};
    int r = parse_word(word, &param, err);

    if (r != 0)
        return r;
    if (dj_params_find(params, dj_bytes_of(param.name)) != NULL) {
        r = dj_err_set(err, EINVAL, "the parameter %s is named twice", param.name);
        free(param.name);
        return r;
    }
    params->items = dj_xgrow(params->items, cap, params->n + 1, sizeof(*params->items));
    params->items[params->n++] = param;
    return 0;
}

int dj_params_parse(struct dj_bytes text, struct dj_params *ret, struct dj_err *err)
{
    size_t cap = 0, at = 0;
    int r = 0;

    *ret = (struct dj_params)DJ_PARAMS_INIT;
    while (r == 0) {
        size_t begin;

        while (at < text.len && is_separator(text.data[at]))
            at++;
        if (at == text.len)
            return 0;
        begin = at;
        while (at < text.len && !is_separator(text.data[at]))
            at++;
        r = add_word(ret, &cap, dj_bytes(text.data + begin, at - begin), err);
    }
    dj_params_release(ret);
    return r;
}

static const char environment[] = "env.";

void dj_params_add_environment(struct dj_params *params, const struct dj_list *names)
{
    size_t cap = params->n;

    for (size_t i = 0; i < names->n; i++) {
        struct dj_buf name = DJ_BUF_INIT;

        dj_buf_adds(&name, environment);
        dj_buf_add_bytes(&name, dj_list_bytes(names, i));
        params->items = dj_xgrow(params->items, &cap, params->n + 1, sizeof(*params->items));
        params->items[params->n++] =
            (struct dj_param){.name = dj_buf_steal(&name), .type = DJ_STR, .environment = true};
    }
}

const char *dj_param_variable(const struct dj_param *param)
{
    return param->name + strlen(environment);
}

void dj_params_print(struct dj_buf *buf, const struct dj_params *params)
{
    for (size_t i = 0; i < params->n; i++) {
        const struct dj_param *param = &params->items[i];

        if (param->environment)
            continue;
        dj_buf_addf(buf, "%s%s", i == 0 ? "" : ", ", param->name);
        if (param->type != DJ_STR || param->list)
            dj_buf_addf(buf, ":%s%s", dj_type_name(param->type), param->list ? "*" : "");
    }
}

struct dj_param *dj_params_find(const struct dj_params *params, struct dj_bytes name)
{
    for (size_t i = 0; i < params->n; i++)
        if (dj_bytes_is(name, params->items[i].name))
            return &params->items[i];
    return NULL;
}

void dj_params_copy(struct dj_params *ret, const struct dj_params *params)
{
    *ret = (struct dj_params){dj_xcalloc(params->n, sizeof(*ret->items)), params->n};
    for (size_t i = 0; i < params->n; i++) {
        const struct dj_param *from = &params->items[i];
        struct dj_param *to = &ret->items[i];

        *to = *from;
        to->name = dj_xstrdup(from->name);
        if (from->has_default)
            dj_value_copy(&to->default_value, &from->default_value);
        if (from->has_absent)
            dj_value_copy(&to->absent, &from->absent);
        to->parts = dj_parts_copy(from->parts);
    }
}

void dj_params_release(struct dj_params *params)
{
    for (size_t i = 0; i < params->n; i++) {
        free(params->items[i].name);
        dj_value_release(&params->items[i].default_value);
        dj_value_release(&params->items[i].absent);
        dj_parts_free(params->items[i].parts);
    }
    free(params->items);
    *params = (struct dj_params)DJ_PARAMS_INIT;
}

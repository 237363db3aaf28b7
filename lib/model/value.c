#include "lib/model/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/json.h"
#include "lib/model/number.h"
#include "lib/util/mem.h"

static const char *const type_names[] = {
    [DJ_STR] = "str",   [DJ_INT] = "int",   [DJ_FLOAT] = "float", [DJ_BOOL] = "bool",
    [DJ_JSON] = "json", [DJ_FILE] = "file", [DJ_PATH] = "path",   [DJ_RUN] = "run",
};

const char *dj_type_name(enum dj_type type)
{
    return type_names[type];
}

int dj_type_parse(struct dj_bytes text, enum dj_type *ret, bool *ret_list)
{
    bool list = text.len > 0 && text.data[text.len - 1] == '*';

    text.len -= list;
    for (size_t i = 0; i < DJ_ARRAY_SIZE(type_names); i++) {
        if (dj_bytes_is(text, type_names[i])) {
            *ret = (enum dj_type)i;
            *ret_list = list;
            return 0;
        }
    }
    return -EINVAL;
}

/* ---- scalars ---------------------------------------------------------------------------- */

/* The text as a person can read it in a sentence, cut where it gets long. */
static const char *shown(struct dj_buf *buf, struct dj_bytes text)
{
    enum { LONG = 60 };

    dj_json_string(buf, dj_bytes(text.data, DJ_MIN(text.len, (size_t)LONG)));
    if (text.len > LONG)
        dj_buf_adds(buf, "…");
    return dj_buf_str(buf);
}

static int refuse(struct dj_bytes text, const char *why, struct dj_err *err)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;

    return dj_err_set(err, EINVAL, "%s %s", shown(&buf, text), why);
}

static int parse_str(struct dj_bytes text, struct dj_buf *ret, struct dj_err *err)
{
    if (text.len != 0 && memchr(text.data, '\0', text.len) != NULL)
        return refuse(text, "holds a NUL byte, which no argument of a program can", err);
    dj_buf_add_bytes(ret, text);
    return 0;
}

static int parse_int(struct dj_bytes text, struct dj_buf *ret, struct dj_err *err)
{
    if (text.len > DJ_NUMBER_MAX)
        return refuse(text, "is too long for an int: 1000 digits at the most", err);
    if (dj_int_canonical(text, ret) != 0)
        return refuse(text, "is not an int", err);
    return 0;
}

static int parse_float(struct dj_bytes text, struct dj_buf *ret, struct dj_err *err)
{
    double value;
    int r = dj_float_parse(text, &value);

    if (r == -ERANGE)
        return refuse(text, "is too large for a float", err);
    if (r != 0)
        return refuse(text, "is not a float", err);
    dj_float_print(ret, value);
    return 0;
}

static int parse_bool(struct dj_bytes text, struct dj_buf *ret, struct dj_err *err)
{
    if (!dj_bytes_is(text, "true") && !dj_bytes_is(text, "false"))
        return refuse(text, "is not a bool: true or false", err);
    dj_buf_add_bytes(ret, text);
    return 0;
}

bool dj_scalar_split(struct dj_bytes text, struct dj_bytes *ret_name, struct dj_bytes *ret_prefix)
{
    size_t at = text.len;

    while (at > 0 && isxdigit(text.data[at - 1]))
        at--;
    if (at < 2 || text.data[at - 1] != '@')
        return false;
    *ret_name = dj_bytes(text.data, at - 1);
    *ret_prefix = dj_bytes_from(text, at);
    return ret_prefix->len >= DJ_SHOWN_DIGITS && ret_prefix->len <= 2 * DJ_DIGEST_SIZE;
}

void dj_scalar_refer(struct dj_bytes name, struct dj_bytes prefix, struct dj_scalar *ret)
{
    *ret = (struct dj_scalar){.resolution = DJ_REFERENCED};
    dj_buf_add_bytes(&ret->text, name);
    for (size_t i = 0; i < prefix.len; i++)
        dj_buf_addc(&ret->prefix, tolower(prefix.data[i]));
}

int dj_scalar_spell(enum dj_type type, struct dj_bytes text, struct dj_scalar *ret,
                    struct dj_err *err)
{
    *ret = (struct dj_scalar){.resolution = DJ_SPELLED};
    if (text.len == 0)
        return dj_err_set(err, EINVAL, "the empty string is not a %s", dj_type_name(type));
    return parse_str(text, &ret->text, err);
}

static int parse_named(enum dj_type type, struct dj_bytes text, struct dj_scalar *ret,
                       struct dj_err *err)
{
    struct dj_bytes name, prefix;

    if (type != DJ_RUN && dj_scalar_split(text, &name, &prefix) &&
        memchr(name.data, '/', name.len) == NULL && memchr(name.data, '\0', name.len) == NULL) {
        dj_scalar_refer(name, prefix, ret);
        return 0;
    }
    return dj_scalar_spell(type, text, ret, err);
}

int dj_scalar_parse(enum dj_type type, struct dj_bytes text, struct dj_scalar *ret,
                    struct dj_err *err)
{
    *ret = (struct dj_scalar){.resolution = DJ_RESOLVED};
    switch (type) {
    case DJ_STR:
        return parse_str(text, &ret->text, err);
    case DJ_INT:
        return parse_int(text, &ret->text, err);
    case DJ_FLOAT:
        return parse_float(text, &ret->text, err);
    case DJ_BOOL:
        return parse_bool(text, &ret->text, err);
    case DJ_JSON:
        return dj_json_canonical(text, &ret->text, err);
    case DJ_FILE:
    case DJ_PATH:
    case DJ_RUN:
        return parse_named(type, text, ret, err);
    }
    return -EINVAL;
}

/* By way of a copy, since bytes may lie inside buf. */
static void replace(struct dj_buf *buf, struct dj_bytes bytes)
{
    struct dj_buf fresh = DJ_BUF_INIT;

    dj_buf_add_bytes(&fresh, bytes);
    dj_buf_release(buf);
    *buf = fresh;
}

void dj_scalar_resolve(struct dj_scalar *scalar, struct dj_bytes name,
                       const struct dj_digest *digest, struct dj_bytes source)
{
    struct dj_buf old_text = scalar->text;

    dj_buf_init(&scalar->text);
    dj_buf_add_bytes(&scalar->text, name);
    replace(&scalar->source, source);
    dj_buf_release(&old_text);
    scalar->digest = *digest;
    scalar->resolution = DJ_RESOLVED;
    dj_scalar_show(scalar, DJ_SHOWN_DIGITS);
}

void dj_scalar_show(struct dj_scalar *scalar, size_t digits)
{
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(&scalar->digest, hex);
    dj_buf_set(&scalar->prefix, dj_bytes(hex, DJ_MIN(digits, sizeof(hex) - 1)));
}

void dj_scalar_copy(struct dj_scalar *ret, const struct dj_scalar *scalar)
{
    *ret = (struct dj_scalar){.resolution = scalar->resolution, .digest = scalar->digest};
    dj_buf_add_bytes(&ret->text, dj_buf_bytes(&scalar->text));
    dj_buf_add_bytes(&ret->prefix, dj_buf_bytes(&scalar->prefix));
    dj_buf_add_bytes(&ret->source, dj_buf_bytes(&scalar->source));
}

void dj_scalar_release(struct dj_scalar *scalar)
{
    dj_buf_release(&scalar->text);
    dj_buf_release(&scalar->prefix);
    dj_buf_release(&scalar->source);
}

/* ---- values ----------------------------------------------------------------------------- */

void dj_value_init(struct dj_value *ret, enum dj_type type, bool list, size_t n)
{
    *ret = (struct dj_value){.type = type, .list = list, .n = n};
    ret->scalars = dj_xcalloc(DJ_MAX(n, (size_t)1), sizeof(*ret->scalars));
}

int dj_value_parse(enum dj_type type, bool list, const struct dj_bytes *texts, size_t n,
                   struct dj_value *ret, struct dj_err *err)
{
    int r = 0;

    *ret = (struct dj_value)DJ_VALUE_INIT;
    if (!list && n != 1)
        return dj_err_set(err, EINVAL, "%zu values are given for one %s", n, dj_type_name(type));
    dj_value_init(ret, type, list, n);
    for (size_t i = 0; i < n && r == 0; i++)
        r = dj_scalar_parse(type, texts[i], &ret->scalars[i], err);
    if (r != 0)
        dj_value_release(ret);
    return r;
}

bool dj_value_resolved(const struct dj_value *value)
{
    for (size_t i = 0; i < value->n; i++)
        if (value->scalars[i].resolution != DJ_RESOLVED)
            return false;
    return true;
}

static bool scalar_equal(enum dj_type type, const struct dj_scalar *a, const struct dj_scalar *b)
{
    if (a->resolution != b->resolution)
        return false;
    if (type >= DJ_FILE && a->resolution == DJ_RESOLVED)
        return dj_digest_equal(&a->digest, &b->digest);
    return dj_bytes_equal(dj_buf_bytes(&a->text), dj_buf_bytes(&b->text)) &&
           dj_bytes_equal(dj_buf_bytes(&a->prefix), dj_buf_bytes(&b->prefix));
}

bool dj_value_equal(const struct dj_value *a, const struct dj_value *b)
{
    if (a->type != b->type || a->list != b->list || a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!scalar_equal(a->type, &a->scalars[i], &b->scalars[i]))
            return false;
    return true;
}

void dj_value_copy(struct dj_value *ret, const struct dj_value *value)
{
    dj_value_init(ret, value->type, value->list, value->n);
    for (size_t i = 0; i < value->n; i++)
        dj_scalar_copy(&ret->scalars[i], &value->scalars[i]);
}

void dj_value_release(struct dj_value *value)
{
    for (size_t i = 0; i < value->n; i++)
        dj_scalar_release(&value->scalars[i]);
    free(value->scalars);
    *value = (struct dj_value)DJ_VALUE_INIT;
}

#include "lib/model/name.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/model/bind.h"

static const char nothing[] = "_"; /* the name of a call without counted parameters */
static const char empty[] = "%e";  /* the empty string */
static const char unset[] = "%u";  /* a variable that the caller does not have */

/* ---- bytes ------------------------------------------------------------------------------ */

static bool must_encode(struct dj_bytes bytes, size_t i)
{
    const uint8_t byte = bytes.data[i];

    if (byte == '.')
        return i == 0 || bytes.data[i - 1] == '.';
    return byte < 0x20 || byte == 0x7f || strchr("/,=%@{};*", byte) != NULL;
}

static void add_encoded(struct dj_buf *buf, uint8_t byte)
{
    dj_buf_addf(buf, "%%%02X", (unsigned)byte);
}

void dj_name_encode(struct dj_buf *buf, struct dj_bytes bytes)
{
    if (bytes.len == 0)
        dj_buf_adds(buf, empty);
    for (size_t i = 0; i < bytes.len; i++) {
        if (must_encode(bytes, i))
            add_encoded(buf, bytes.data[i]);
        else
            dj_buf_addc(buf, bytes.data[i]);
    }
}

static int hex_value(uint8_t digit)
{
    if (!isxdigit(digit))
        return -1;
    return isdigit(digit) ? digit - '0' : tolower(digit) - 'a' + 10;
}

/* One %XX at the start of text; the byte, or -EINVAL. */
static int decode_byte(struct dj_bytes text, struct dj_err *err)
{
    int high = text.len < 3 ? -1 : hex_value(text.data[1]);
    int low = text.len < 3 ? -1 : hex_value(text.data[2]);

    if (high < 0 || low < 0)
        return dj_err_set(err, EINVAL,
                          "%% is followed by two hex digits; %% itself is written %%25");
    if (high == 0 && low == 0)
        return dj_err_set(err, EINVAL, "%%00 is a NUL byte, which no argument can hold");
    return high * 16 + low;
}

int dj_name_decode(struct dj_buf *buf, struct dj_bytes text, struct dj_err *err)
{
    size_t begin = buf->len;

    if (dj_bytes_is(text, empty))
        return 0;
    while (text.len > 0) {
        int byte = text.data[0];
        size_t used = 1;

        if (byte == '%') {
            byte = decode_byte(text, err);
            used = 3;
        }
        if (byte < 0) {
            dj_buf_truncate(buf, begin);
            return byte;
        }
        dj_buf_addc(buf, byte);
        text = dj_bytes_from(text, used);
    }
    return 0;
}

/* ---- writing ---------------------------------------------------------------------------- */

static void add_scalar(struct dj_buf *buf, const struct dj_scalar *scalar)
{
    dj_name_encode(buf, dj_buf_bytes(&scalar->text));
    if (scalar->prefix.len == 0)
        return;
    dj_buf_addc(buf, '@');
    dj_buf_add_bytes(buf, dj_buf_bytes(&scalar->prefix));
}

static void add_value(struct dj_buf *buf, const struct dj_value *value)
{
    if (!value->list && value->n == 0)
        dj_buf_adds(buf, unset);
    else if (!value->list)
        add_scalar(buf, &value->scalars[0]);
    for (size_t i = 0; value->list && i < value->n; i++) {
        add_scalar(buf, &value->scalars[i]);
        dj_buf_addc(buf, ';');
    }
    if (value->list && value->n == 0)
        dj_buf_addc(buf, ';');
}

static void add_alone(struct dj_buf *buf, const struct dj_value *value)
{
    size_t begin = buf->len;

    add_value(buf, value);
    if (dj_bytes_is(dj_bytes_from(dj_buf_bytes(buf), begin), nothing)) {
        dj_buf_truncate(buf, begin);
        add_encoded(buf, (uint8_t)nothing[0]);
    }
}

static size_t count_counted(const struct dj_params *params)
{
    size_t n = 0;

    for (size_t i = 0; i < params->n; i++)
        n += !params->items[i].ignored && !params->items[i].environment;
    return n;
}

static bool has_environment(const struct dj_params *params)
{
    return params->n > 0 && params->items[params->n - 1].environment;
}

/* Nobody has looked into the caller's environment yet. */
static bool is_open_variable(const struct dj_args *args, size_t i)
{
    return args->params->items[i].environment && args->values[i].n > 0 &&
           args->values[i].scalars[0].resolution == DJ_SPELLED;
}

/* whole: with the parts that do not count. */
static void add_long(struct dj_buf *buf, const struct dj_args *args, bool whole)
{
    const size_t counted = count_counted(args->params);
    const bool named = has_environment(args->params) || counted > 1;
    const char *separator = "";

    if (counted == 0 && !named)
        dj_buf_adds(buf, nothing);
    for (size_t i = 0; i < args->params->n; i++) {
        const struct dj_param *param = &args->params->items[i];
        struct dj_value room dj_cleanup_value = DJ_VALUE_INIT;
        const struct dj_value *value = &args->values[i];

        if (param->ignored || is_open_variable(args, i))
            continue;
        if (!whole)
            value = dj_param_counted(param, value, &room);
        if (!named) {
            add_alone(buf, value);
            continue;
        }
        dj_buf_addf(buf, "%s%s=", separator, param->name);
        add_value(buf, value);
        separator = ",";
    }
    if (named && *separator == '\0')
        dj_buf_adds(buf, nothing);
}

void dj_name_long(struct dj_buf *buf, const struct dj_args *args)
{
    add_long(buf, args, false);
}

void dj_name_canonical(struct dj_buf *buf, const struct dj_args *args)
{
    const size_t begin = buf->len;
    char hex[DJ_DIGEST_HEX_SIZE];
    struct dj_digest digest;

    dj_name_long(buf, args);
    if (buf->len - begin <= DJ_NAME_MAX)
        return;
    dj_digest_bytes(dj_bytes_from(dj_buf_bytes(buf), begin), &digest);
    dj_digest_hex(&digest, hex);
    dj_buf_truncate(buf, begin);
    dj_buf_addf(buf, "%%h%s", hex);
}

void dj_name_spelled(struct dj_buf *buf, const struct dj_args *args)
{
    const size_t begin = buf->len;
    struct dj_buf name dj_cleanup_buf = DJ_BUF_INIT;

    dj_name_canonical(&name, args);
    if (dj_name_is_hashed(dj_buf_bytes(&name))) {
        dj_buf_add_bytes(buf, dj_buf_bytes(&name));
        return;
    }
    add_long(buf, args, true);
    for (size_t i = 0; i < args->params->n; i++) {
        if (!dj_args_ignored_at(args, i))
            continue;
        dj_buf_addf(buf, ",%s=", args->params->items[i].name);
        add_value(buf, &args->values[i]);
    }
    if (buf->len - begin <= DJ_NAME_MAX)
        return;
    dj_buf_truncate(buf, begin);
    dj_buf_add_bytes(buf, dj_buf_bytes(&name));
}

bool dj_name_is_hashed(struct dj_bytes name)
{
    struct dj_digest digest;

    return dj_bytes_starts(name, DJ_BYTES_LIT("%h")) &&
           dj_digest_parse(dj_bytes_from(name, 2), &digest) == 0;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* A raw @ and digits at the end are a digest; an encoded @ belongs to the value. */
static int parse_named(enum dj_type type, struct dj_bytes text, struct dj_scalar *ret,
                       struct dj_err *err)
{
    struct dj_buf decoded dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_bytes name = text, prefix = {0};
    bool referenced = dj_scalar_split(text, &name, &prefix);
    int r = dj_name_decode(&decoded, referenced ? name : text, err);

    if (r != 0)
        return r;
    if (decoded.len == 0)
        return dj_err_set(err, EINVAL, "the empty string is not a %s", dj_type_name(type));
    if (referenced && (type == DJ_RUN || memchr(decoded.data, '/', decoded.len) == NULL)) {
        dj_scalar_refer(dj_buf_bytes(&decoded), prefix, ret);
        return 0;
    }
    if (referenced) {
        dj_buf_addc(&decoded, '@');
        dj_buf_add_bytes(&decoded, prefix);
    }
    return dj_scalar_spell(type, dj_buf_bytes(&decoded), ret, err);
}

int dj_name_scalar(enum dj_type type, struct dj_bytes text, struct dj_scalar *ret,
                   struct dj_err *err)
{
    struct dj_buf decoded dj_cleanup_buf = DJ_BUF_INIT;
    int r;

    *ret = (struct dj_scalar){0};
    if (type >= DJ_FILE)
        return parse_named(type, text, ret, err);
    r = dj_name_decode(&decoded, text, err);
    return r != 0 ? r : dj_scalar_parse(type, dj_buf_bytes(&decoded), ret, err);
}

static int parse_element(struct dj_binder *binder, size_t index, struct dj_bytes text,
                         struct dj_err *err)
{
    return dj_name_scalar(binder->params->items[index].type, text, dj_binder_add(binder, index),
                          err);
}

/* take_until(rest, separator): what stands before the next separator, which is stepped over. */
static struct dj_bytes take_until(struct dj_bytes *rest, char separator)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    struct dj_bytes taken = dj_bytes(rest->data, len);

    *rest = dj_bytes_from(*rest, end == NULL ? len : len + 1);
    return taken;
}

static int parse_list(struct dj_binder *binder, size_t index, struct dj_bytes text,
                      struct dj_err *err)
{
    int r = 0;

    if (dj_bytes_is(text, ";"))
        return 0;
    if (text.len == 0)
        return dj_err_set(err, EINVAL, "an empty list is written ; and an empty string %%e");
    while (text.len > 0 && r == 0) {
        struct dj_bytes element = take_until(&text, ';');

        if (element.len == 0)
            return dj_err_set(err, EINVAL, "an empty element of a list is written %%e");
        r = parse_element(binder, index, element, err);
    }
    return r;
}

/* One part between commas: NAME=VALUE, or a value alone. */
static int parse_part(struct dj_binder *binder, struct dj_bytes part, struct dj_err *err)
{
    struct dj_bytes text = part;
    size_t index;
    int r;

    if (!dj_binder_named(binder, part, &index, &text)) {
        r = dj_binder_next(binder, &index, err);
        if (r != 0)
            return r;
    }
    r = dj_binder_begin(binder, index, err);
    if (r != 0)
        return r;
    if (binder->params->items[index].environment && dj_bytes_is(text, unset))
        return 0; /* given, and without a value */
    if (binder->params->items[index].list)
        r = parse_list(binder, index, text, err);
    else
        r = parse_element(binder, index, text, err);
    return r == 0 ? 0 : dj_binder_blame(binder, index, r, err);
}

/* What stands raw in a name for something else than itself, or cannot be in a name at all. */
static int check_raw(const char *task, struct dj_bytes name, struct dj_err *err)
{
    if (name.len == 0 || name.data[0] == '.')
        return dj_err_set(err, ENOENT, "%s: no run has a name that begins with a dot; as part of a "
                                       "value write %%2E", task);
    if (dj_name_is_hashed(name))
        return dj_err_set(err, ENOKEY, "%s: no run with this digest is known", task);
    for (size_t i = 0; i < name.len; i++) {
        switch (name.data[i]) {
        case '*': /* a pattern of a shell that matched nothing */
            return dj_err_set(err, ENOENT, "%s: no run matches; as part of a value write * as %%2A",
                              task);
        case '{':
        case '}':
            return dj_err_set(err, EINVAL,
                              "%s: { and } stand around the values of a sweep, as in {a;b}; as "
                              "part of a value write %%7B and %%7D", task);
        case '/':
        case '\0':
            return dj_err_set(err, EINVAL, "%s: a name holds neither / nor NUL; / is written %%2F",
                              task);
        default:
            break;
        }
    }
    return 0;
}

static int parse_parts(struct dj_binder *binder, struct dj_bytes name, struct dj_err *err)
{
    struct dj_bytes rest = name;
    bool more = true;
    int r = 0;

    if (dj_bytes_is(name, nothing))
        return 0;
    if (count_counted(binder->params) == 0 && dj_bytes_starts(name, DJ_BYTES_LIT("_,")))
        rest = dj_bytes_from(name, 2);
    while (more && r == 0) {
        more = rest.len != 0 && memchr(rest.data, ',', rest.len) != NULL;
        r = parse_part(binder, take_until(&rest, ','), err);
    }
    return r;
}

int dj_name_parse(const char *task, const struct dj_params *params, struct dj_bytes name,
                  struct dj_args *ret, struct dj_err *err)
{
    struct dj_binder binder DJ_CLEANUP(dj_binder_release) = {0};
    int r;

    *ret = (struct dj_args)DJ_ARGS_INIT;
    r = check_raw(task, name, err);
    if (r != 0)
        return r;
    dj_binder_init(&binder, task, params, true);
    r = parse_parts(&binder, name, err);
    return r == 0 ? dj_binder_finish(&binder, ret, err) : r;
}

#include "lib/model/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/cbor.h"
#include "lib/util/mem.h"
#include "lib/util/utf8.h"

enum { LEVELS_MAX = 512 };

/* ---- parsing ---------------------------------------------------------------------------- */

static bool too_deep(json_t *value, unsigned levels)
{
    const char *key;
    json_t *inside;
    size_t i;

    if (!json_is_array(value) && !json_is_object(value))
        return false;
    if (levels == 0)
        return true;
    json_array_foreach(value, i, inside)
        if (too_deep(inside, levels - 1))
            return true;
    json_object_foreach(value, key, inside)
        if (too_deep(inside, levels - 1))
            return true;
    return false;
}

static int explain(const json_error_t *error, struct dj_err *err)
{
    switch (json_error_code(error)) {
    case json_error_numeric_overflow:
        return dj_err_set(err, EINVAL,
                          "JSON: byte %d: %s: no 64-bit integer or double holds this number; write "
                          "it as a string in quotes", error->position, error->text);
    case json_error_stack_overflow:
        return dj_err_set(err, EINVAL, "JSON: more than %d levels", LEVELS_MAX);
    default:
        return dj_err_set(err, EINVAL, "JSON: byte %d: %s", error->position, error->text);
    }
}

static json_t *parse(struct dj_bytes text, struct dj_err *err)
{
    const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    json_error_t error;
    json_t *value;

    /* jansson takes a NUL byte behind the value for the end. */
    if (text.len != 0 && memchr(text.data, '\0', text.len) != NULL) {
        dj_err_set(err, EINVAL, "JSON: the text holds a NUL byte; in a string write \\u0000");
        return NULL;
    }
    value = json_loadb(text.len == 0 ? "" : (const char *)text.data, text.len, flags, &error);
    if (value == NULL) {
        explain(&error, err);
        return NULL;
    }
    if (too_deep(value, LEVELS_MAX)) {
        json_decref(value);
        dj_err_set(err, EINVAL, "JSON: more than %d levels", LEVELS_MAX);
        return NULL;
    }
    return value;
}

/* ---- keys of an object, in one order or the other ------------------------------------------ */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* RFC 8949 sorts by the encoded key, whose head holds the length. */
static int by_encoding(const void *a, const void *b)
{
    size_t a_len = strlen(*(const char *const *)a), b_len = strlen(*(const char *const *)b);

    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    return by_bytes(a, b);
}

static const char **sorted_keys(json_t *object, int (*order)(const void *, const void *))
{
    const char **keys = dj_xmalloc(json_object_size(object) * sizeof(*keys));
    const char *key;
    json_t *value;
    size_t n = 0;

    json_object_foreach(object, key, value)
        keys[n++] = key;
    qsort(keys, n, sizeof(*keys), order);
    return keys;
}

static struct dj_bytes string_bytes(const json_t *string)
{
    return dj_bytes(json_string_value(string), json_string_length(string));
}

/* ---- writing ---------------------------------------------------------------------------- */

static void print(struct dj_buf *buf, json_t *value);

static void print_object(struct dj_buf *buf, json_t *object)
{
    const char **keys dj_cleanup_free = sorted_keys(object, by_bytes);

    dj_buf_addc(buf, '{');
    for (size_t i = 0; i < json_object_size(object); i++) {
        if (i > 0)
            dj_buf_addc(buf, ',');
        dj_json_string(buf, dj_bytes_of(keys[i]));
        dj_buf_addc(buf, ':');
        print(buf, json_object_get(object, keys[i]));
    }
    dj_buf_addc(buf, '}');
}

static void print_array(struct dj_buf *buf, json_t *array)
{
    dj_buf_addc(buf, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i > 0)
            dj_buf_addc(buf, ',');
        print(buf, json_array_get(array, i));
    }
    dj_buf_addc(buf, ']');
}

static void print(struct dj_buf *buf, json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        print_object(buf, value);
        break;
    case JSON_ARRAY:
        print_array(buf, value);
        break;
    case JSON_STRING:
        dj_json_string(buf, string_bytes(value));
        break;
    case JSON_INTEGER:
        dj_buf_addf(buf, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        dj_float_print(buf, json_real_value(value));
        break;
    case JSON_TRUE:
        dj_buf_adds(buf, "true");
        break;
    case JSON_FALSE:
        dj_buf_adds(buf, "false");
        break;
    case JSON_NULL:
        dj_buf_adds(buf, "null");
        break;
    }
}

static void encode(struct dj_buf *buf, json_t *value);

static void encode_object(struct dj_buf *buf, json_t *object)
{
    const char **keys dj_cleanup_free = sorted_keys(object, by_encoding);

    dj_cbor_map(buf, json_object_size(object));
    for (size_t i = 0; i < json_object_size(object); i++) {
        dj_cbor_text(buf, dj_bytes_of(keys[i]));
        encode(buf, json_object_get(object, keys[i]));
    }
}

static void encode(struct dj_buf *buf, json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        encode_object(buf, value);
        break;
    case JSON_ARRAY:
        dj_cbor_array(buf, json_array_size(value));
        for (size_t i = 0; i < json_array_size(value); i++)
            encode(buf, json_array_get(value, i));
        break;
    case JSON_STRING:
        dj_cbor_text(buf, string_bytes(value));
        break;
    case JSON_INTEGER:
        dj_cbor_int(buf, json_integer_value(value));
        break;
    case JSON_REAL:
        dj_cbor_double(buf, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        dj_cbor_bool(buf, json_is_true(value));
        break;
    case JSON_NULL:
        dj_cbor_null(buf);
        break;
    }
}

int dj_json_canonical(struct dj_bytes text, struct dj_buf *ret, struct dj_err *err)
{
    json_t *value = parse(text, err);

    if (value == NULL)
        return -EINVAL;
    print(ret, value);
    json_decref(value);
    return 0;
}

void dj_json_cbor(struct dj_buf *buf, struct dj_bytes canonical)
{
    json_t *value = parse(canonical, NULL);

    if (value == NULL)
        abort(); /* only canonical text gets here, and canonical text is JSON */
    encode(buf, value);
    json_decref(value);
}

/* ---- taken apart ------------------------------------------------------------------------- */

/* A struct dj_json is jansson's value by another name. */
static json_t *inside(const struct dj_json *value)
{
    return (json_t *)(uintptr_t)value;
}

struct dj_json *dj_json_read(struct dj_bytes text, struct dj_err *err)
{
    return (struct dj_json *)parse(text, err);
}

void dj_json_free(struct dj_json *value)
{
    json_decref(inside(value));
}

void dj_json_freep(struct dj_json **value)
{
    dj_json_free(*value);
    *value = NULL;
}

const struct dj_json *dj_json_member(const struct dj_json *object, const char *name)
{
    return (const struct dj_json *)json_object_get(inside(object), name);
}

const struct dj_json *dj_json_at(const struct dj_json *array, size_t i)
{
    return (const struct dj_json *)json_array_get(inside(array), i);
}

void dj_json_plain(struct dj_buf *buf, const struct dj_json *value)
{
    if (value == NULL)
        return;
    if (json_is_string(inside(value)))
        dj_buf_add_bytes(buf, string_bytes(inside(value)));
    else
        print(buf, inside(value));
}

bool dj_json_is(const struct dj_json *value, const char *text)
{
    return json_is_string(inside(value)) &&
           dj_bytes_is(string_bytes(inside(value)), text);
}

uint64_t dj_json_uint(const struct dj_json *value)
{
    json_int_t number = json_integer_value(inside(value));

    return number < 0 ? 0 : (uint64_t)number;
}

double dj_json_number(const struct dj_json *value)
{
    return json_number_value(inside(value));
}

void dj_json_each(const struct dj_json *object, dj_json_each_fn *each, void *cookie)
{
    const char **keys dj_cleanup_free = sorted_keys(inside(object), by_bytes);

    for (size_t i = 0; i < json_object_size(inside(object)); i++)
        each(cookie, keys[i], dj_json_member(object, keys[i]));
}

/* ---- values as they are written ---------------------------------------------------------- */

/* What follows is of a text that jansson has read: only where things end has to be found. */
static size_t skip_blanks(struct dj_bytes text, size_t at)
{
    while (at < text.len && memchr(" \t\r\n", text.data[at], 4) != NULL)
        at++;
    return at;
}

static size_t skip_string(struct dj_bytes text, size_t at)
{
    for (at++; at < text.len && text.data[at] != '"'; at++)
        at += text.data[at] == '\\';
    return at + 1;
}

static size_t skip_value(struct dj_bytes text, size_t at)
{
    unsigned depth = 0;

    while (at < text.len) {
        uint8_t byte = text.data[at];

        if (byte == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (depth == 0 && memchr(",} \t\r\n", byte, 6) != NULL)
            break;
        depth += byte == '{' || byte == '[';
        depth -= byte == '}' || byte == ']';
        at++;
    }
    return at;
}

static void add_unescaped(struct dj_buf *buf, struct dj_bytes quoted)
{
    json_t *string = json_loadb((const char *)quoted.data, quoted.len,
                                JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

    if (json_is_string(string))
        dj_buf_add(buf, json_string_value(string), json_string_length(string));
    json_decref(string);
}

int dj_json_raw(struct dj_bytes text, dj_json_raw_fn *each, void *cookie, struct dj_err *err)
{
    json_error_t error;
    json_t *whole = json_loadb((const char *)text.data, text.len,
                               JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
                               &error);
    size_t at;

    if (whole == NULL)
        return explain(&error, err);
    if (!json_is_object(whole)) {
        json_decref(whole);
        return dj_err_set(err, EINVAL, "JSON: no object");
    }
    json_decref(whole);
    at = skip_blanks(text, skip_blanks(text, 0) + 1);
    while (text.data[at] != '}') {
        dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;
        size_t end = skip_string(text, at), value;

        add_unescaped(&name, dj_bytes(text.data + at, end - at));
        value = skip_blanks(text, skip_blanks(text, end) + 1);
        end = skip_value(text, value);
        each(cookie, dj_buf_bytes(&name), dj_bytes(text.data + value, end - value));
        at = skip_blanks(text, end);
        at = text.data[at] == ',' ? skip_blanks(text, at + 1) : at;
    }
    return 0;
}

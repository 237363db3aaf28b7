#include "lib/model/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/cbor.h"
#include "lib/util/mem.h"

/* ---- lists ------------------------------------------------------------------------------ */

void *dj_list_add(struct dj_list *list, size_t size)
{
    void *element;

    list->items = dj_xgrow(list->items, &list->cap, list->n + 1, size);
    element = (char *)list->items + list->n * size;
    memset(element, 0, size);
    list->n++;
    return element;
}

void dj_list_add_bytes(struct dj_list *list, struct dj_bytes bytes)
{
    struct dj_buf *buf = dj_list_add(list, sizeof(*buf));

    dj_buf_add_bytes(buf, bytes);
}

struct dj_bytes dj_list_bytes(const struct dj_list *list, size_t index)
{
    return dj_buf_bytes(DJ_LIST_AT(list, struct dj_buf, index));
}

void dj_bytes_list_release(struct dj_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        dj_buf_release(DJ_LIST_AT(list, struct dj_buf, i));
    free(list->items);
    *list = (struct dj_list){NULL, 0, 0};
}

/* ---- encoding --------------------------------------------------------------------------- */

static void encode_struct(struct dj_buf *buf, const struct dj_layout *layout, const char *object);

static void encode_list(struct dj_buf *buf, const struct dj_field *field,
                        const struct dj_list *list)
{
    dj_cbor_array(buf, list->n);
    for (size_t i = 0; i < list->n; i++) {
        if (field->kind == DJ_FIELD_BYTES_LIST)
            dj_cbor_bytes(buf, dj_list_bytes(list, i));
        else
            encode_struct(buf, field->sub, (char *)list->items + i * field->sub->size);
    }
}

static void encode_field(struct dj_buf *buf, const struct dj_field *field, const void *at)
{
    switch (field->kind) {
    case DJ_FIELD_UINT:
        dj_cbor_uint(buf, *(const uint64_t *)at);
        break;
    case DJ_FIELD_INT:
        dj_cbor_int(buf, *(const int64_t *)at);
        break;
    case DJ_FIELD_BOOL:
        dj_cbor_bool(buf, *(const bool *)at);
        break;
    case DJ_FIELD_DOUBLE:
        dj_cbor_double(buf, *(const double *)at);
        break;
    case DJ_FIELD_DIGEST:
        dj_cbor_bytes(buf, dj_bytes(((const struct dj_digest *)at)->b, DJ_DIGEST_SIZE));
        break;
    case DJ_FIELD_BYTES:
        dj_cbor_bytes(buf, dj_buf_bytes(at));
        break;
    case DJ_FIELD_TEXT: /* a byte string: paths and arguments need not be UTF-8 */
        dj_cbor_bytes(buf, dj_bytes_of(*(char *const *)at));
        break;
    case DJ_FIELD_STRUCT:
        encode_struct(buf, field->sub, at);
        break;
    case DJ_FIELD_LIST:
    case DJ_FIELD_BYTES_LIST:
        encode_list(buf, field, at);
        break;
    }
}

static void encode_struct(struct dj_buf *buf, const struct dj_layout *layout, const char *object)
{
    dj_cbor_array(buf, layout->n);
    for (size_t i = 0; i < layout->n; i++)
        encode_field(buf, &layout->fields[i], object + layout->fields[i].offset);
}

void dj_codec_encode(struct dj_buf *buf, const struct dj_layout *layout, const void *object)
{
    encode_struct(buf, layout, object);
}

/* ---- decoding --------------------------------------------------------------------------- */

struct decoder {
    struct dj_cbor_reader reader;
    size_t budget; /* bytes that lists may still take: a short input must not fill the memory */
    struct dj_err *err;
};

enum { BUDGET_PER_BYTE = 32, BUDGET_FREE = 4096 };

static int decode_struct(struct decoder *decoder, const struct dj_layout *layout, char *object);

static int decode_digest(struct decoder *decoder, struct dj_digest *ret)
{
    struct dj_bytes bytes;
    int r = dj_cbor_get_bytes(&decoder->reader, &bytes);

    if (r != 0 || bytes.len != DJ_DIGEST_SIZE)
        return -EBADMSG;
    memcpy(ret->b, bytes.data, bytes.len);
    return 0;
}

static int decode_text(struct decoder *decoder, char **ret)
{
    struct dj_bytes bytes;
    int r = dj_cbor_get_bytes(&decoder->reader, &bytes);

    if (r != 0 || (bytes.len != 0 && memchr(bytes.data, '\0', bytes.len) != NULL))
        return -EBADMSG;
    *ret = bytes.len == 0 ? NULL : dj_xmemdup0(bytes.data, bytes.len);
    return 0;
}

static int decode_bytes(struct decoder *decoder, struct dj_buf *ret)
{
    struct dj_bytes bytes;
    int r = dj_cbor_get_bytes(&decoder->reader, &bytes);

    if (r == 0 && bytes.len != 0)
        dj_buf_add_bytes(ret, bytes);
    return r;
}

static int decode_list(struct decoder *decoder, const struct dj_field *field, struct dj_list *ret)
{
    bool of_bytes = field->kind == DJ_FIELD_BYTES_LIST;
    size_t size = of_bytes ? sizeof(struct dj_buf) : field->sub->size, room;
    uint64_t n;
    int r = dj_cbor_get_array(&decoder->reader, &n);

    if (r != 0 || __builtin_mul_overflow(n, size, &room) || room > decoder->budget)
        return -EBADMSG;
    decoder->budget -= room;
    ret->items = dj_xgrow(ret->items, &ret->cap, n, size);
    for (uint64_t i = 0; i < n; i++) {
        void *element = dj_list_add(ret, size);

        if (of_bytes)
            r = decode_bytes(decoder, element);
        else
            r = decode_struct(decoder, field->sub, element);
        if (r != 0)
            return r;
    }
    return 0;
}

static int decode_field(struct decoder *decoder, const struct dj_field *field, void *at)
{
    switch (field->kind) {
    case DJ_FIELD_UINT:
        return dj_cbor_get_uint(&decoder->reader, at);
    case DJ_FIELD_INT:
        return dj_cbor_get_int(&decoder->reader, at);
    case DJ_FIELD_BOOL:
        return dj_cbor_get_bool(&decoder->reader, at);
    case DJ_FIELD_DOUBLE:
        return dj_cbor_get_double(&decoder->reader, at);
    case DJ_FIELD_DIGEST:
        return decode_digest(decoder, at);
    case DJ_FIELD_BYTES:
        return decode_bytes(decoder, at);
    case DJ_FIELD_TEXT:
        return decode_text(decoder, at);
    case DJ_FIELD_STRUCT:
        return decode_struct(decoder, field->sub, at);
    case DJ_FIELD_LIST:
    case DJ_FIELD_BYTES_LIST:
        return decode_list(decoder, field, at);
    }
    return -EBADMSG;
}

static int decode_struct(struct decoder *decoder, const struct dj_layout *layout, char *object)
{
    uint64_t n;

    if (dj_cbor_get_array(&decoder->reader, &n) != 0)
        return dj_err_set(decoder->err, EBADMSG, "%s is not a CBOR array", layout->name);
    for (uint64_t i = 0; i < n; i++) {
        const struct dj_field *field = i < layout->n ? &layout->fields[i] : NULL;
        int r = field == NULL ? dj_cbor_skip(&decoder->reader)
                              : decode_field(decoder, field, object + field->offset);

        if (r != 0 && (decoder->err == NULL || decoder->err->code == 0))
            return dj_err_set(decoder->err, EBADMSG, "%s: field %s is malformed", layout->name,
                              field == NULL ? "unknown to this version" : field->name);
        if (r != 0)
            return r;
    }
    return 0;
}

int dj_codec_decode(const struct dj_layout *layout, struct dj_bytes bytes, void *ret_object,
                    struct dj_err *err)
{
    struct dj_err dj_cleanup_err own = DJ_ERR_INIT;
    struct decoder decoder = {{bytes}, 0, &own};
    int r;

    if (__builtin_mul_overflow(bytes.len, (size_t)BUDGET_PER_BYTE, &decoder.budget) ||
        __builtin_add_overflow(decoder.budget, (size_t)BUDGET_FREE, &decoder.budget))
        decoder.budget = SIZE_MAX;
    memset(ret_object, 0, layout->size);
    r = decode_struct(&decoder, layout, ret_object);
    if (r == 0 && decoder.reader.rest.len != 0)
        r = dj_err_set(&own, EBADMSG, "%s: %zu bytes follow it", layout->name,
                       decoder.reader.rest.len);
    if (r != 0) {
        dj_codec_release(layout, ret_object);
        return dj_err_set(err, EBADMSG, "%s", dj_err_text(&own, r));
    }
    return 0;
}

/* ---- release ---------------------------------------------------------------------------- */

static void release_field(const struct dj_field *field, void *at)
{
    struct dj_list *list = at;

    switch (field->kind) {
    case DJ_FIELD_BYTES:
        dj_buf_release(at);
        break;
    case DJ_FIELD_TEXT:
        free(*(char **)at);
        break;
    case DJ_FIELD_STRUCT:
        dj_codec_release(field->sub, at);
        break;
    case DJ_FIELD_LIST:
        for (size_t i = 0; i < list->n; i++)
            dj_codec_release(field->sub, (char *)list->items + i * field->sub->size);
        free(list->items);
        break;
    case DJ_FIELD_BYTES_LIST:
        dj_bytes_list_release(list);
        break;
    default:
        break;
    }
}

void dj_codec_release(const struct dj_layout *layout, void *object)
{
    for (size_t i = 0; i < layout->n; i++)
        release_field(&layout->fields[i], (char *)object + layout->fields[i].offset);
    memset(object, 0, layout->size);
}

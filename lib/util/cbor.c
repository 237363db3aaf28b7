/*
 * Strictness comes from one rule: after libcbor has decoded an item, its head is written again, and
 * only if that gives the bytes that were read is the item accepted. So there is exactly one form.
 */
#include "lib/util/cbor.h"

#include <cbor.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/util/utf8.h"

enum { HEAD_MAX = 9, DEPTH_MAX = 32 };

struct item {
    enum dj_cbor_kind kind;
    uint64_t number; /* value, length, count or tag; -1 - number for NEGINT; 0 or 1 for BOOL */
    double real;
    struct dj_bytes bytes;
};

/*
 * The heads that nearly everything of ours is made of: a number, or how many bytes or items follow,
 * in its shortest form. libcbor makes several calls for each, and a run needs hundreds of them.
 */
enum { MAJOR_SHIFT = 5, INFO = 0x1f, INLINE_MAX = 23, INFO_8 = 24, INFO_64 = 27,
       CBOR_FALSE = 0xf4, CBOR_TRUE = 0xf5 };

static size_t put_head(unsigned major, uint64_t number, unsigned char *out)
{
    unsigned info = number <= INLINE_MAX   ? (unsigned)number
                    : number <= UINT8_MAX  ? INFO_8
                    : number <= UINT16_MAX ? INFO_8 + 1
                    : number <= UINT32_MAX ? INFO_8 + 2
                                           : INFO_64;
    size_t more = info < INFO_8 ? 0 : (size_t)1 << (info - INFO_8);

    out[0] = (unsigned char)(major << MAJOR_SHIFT | info);
    for (size_t i = 0; i < more; i++)
        out[more - i] = (unsigned char)(number >> (8 * i));
    return 1 + more;
}

/* Heads of all kinds but DOUBLE; the number of bytes written to out, which has HEAD_MAX of them. */
static size_t encode_head(enum dj_cbor_kind kind, uint64_t number, unsigned char *out)
{
    switch (kind) {
    case DJ_CBOR_UINT:
    case DJ_CBOR_NEGINT:
    case DJ_CBOR_BYTES:
    case DJ_CBOR_TEXT:
    case DJ_CBOR_ARRAY:
    case DJ_CBOR_MAP:
    case DJ_CBOR_TAG:
        return put_head((unsigned)(kind - DJ_CBOR_UINT), number, out);
    case DJ_CBOR_BOOL:
        return cbor_encode_bool(number != 0, out, HEAD_MAX);
    case DJ_CBOR_NULL:
        return cbor_encode_null(out, HEAD_MAX);
    default:
        return 0;
    }
}

static void add_head(struct dj_buf *buf, enum dj_cbor_kind kind, uint64_t number)
{
    buf->len += encode_head(kind, number, dj_buf_room(buf, HEAD_MAX));
    buf->data[buf->len] = '\0';
}

void dj_cbor_uint(struct dj_buf *buf, uint64_t value)
{
    add_head(buf, DJ_CBOR_UINT, value);
}

void dj_cbor_int(struct dj_buf *buf, int64_t value)
{
    if (value >= 0)
        add_head(buf, DJ_CBOR_UINT, (uint64_t)value);
    else
        dj_cbor_negint(buf, (uint64_t)(-1 - value));
}

void dj_cbor_negint(struct dj_buf *buf, uint64_t minus_one_minus)
{
    add_head(buf, DJ_CBOR_NEGINT, minus_one_minus);
}

void dj_cbor_bytes(struct dj_buf *buf, struct dj_bytes bytes)
{
    add_head(buf, DJ_CBOR_BYTES, bytes.len);
    dj_buf_add_bytes(buf, bytes);
}

void dj_cbor_text(struct dj_buf *buf, struct dj_bytes utf8)
{
    add_head(buf, DJ_CBOR_TEXT, utf8.len);
    dj_buf_add_bytes(buf, utf8);
}

void dj_cbor_array(struct dj_buf *buf, size_t items)
{
    add_head(buf, DJ_CBOR_ARRAY, items);
}

void dj_cbor_map(struct dj_buf *buf, size_t pairs)
{
    add_head(buf, DJ_CBOR_MAP, pairs);
}

void dj_cbor_tag(struct dj_buf *buf, uint64_t tag)
{
    add_head(buf, DJ_CBOR_TAG, tag);
}

void dj_cbor_bool(struct dj_buf *buf, bool value)
{
    add_head(buf, DJ_CBOR_BOOL, value);
}

void dj_cbor_null(struct dj_buf *buf)
{
    add_head(buf, DJ_CBOR_NULL, 0);
}

/*
 * The bits of value as a half, when it is one exactly. libcbor's own cbor_encode_half() drops the
 * mantissa of subnormals, so it cannot be asked.
 */
static bool half_bits(float value, uint16_t *ret)
{
    uint32_t bits, mantissa;
    int exponent, drop;

    memcpy(&bits, &value, sizeof(bits));
    exponent = (int)(bits >> 23 & 0xff) - 127;
    mantissa = bits & 0x7fffff;
    *ret = (uint16_t)(bits >> 16 & 0x8000);
    if (exponent == -127) /* zero; a float's subnormals are far below a half's */
        return mantissa == 0;
    if (exponent == 128) { /* infinity; there are no NaNs here */
        *ret |= 0x7c00;
        return true;
    }
    if (exponent > 15 || exponent < -24)
        return false;
    if (exponent >= -14) {
        *ret |= (uint16_t)((unsigned)(exponent + 15) << 10 | mantissa >> 13);
        return (mantissa & 0x1fff) == 0;
    }
    drop = -1 - exponent; /* a half's subnormal counts units of 2^-24; a mantissa has 23 bits */
    mantissa |= 0x800000;
    *ret |= (uint16_t)(mantissa >> drop);
    return (mantissa & ((1U << drop) - 1)) == 0;
}

static bool fits_float(double value)
{
    return isinf(value) || (fabs(value) <= (double)__FLT_MAX__ && (double)(float)value == value);
}

static size_t encode_double(double value, unsigned char *out)
{
    uint16_t half;

    if (isnan(value)) {
        memcpy(out, "\xf9\x7e\x00", 3);
        return 3;
    }
    if (!fits_float(value))
        return cbor_encode_double(value, out, HEAD_MAX);
    if (!half_bits((float)value, &half))
        return cbor_encode_single((float)value, out, HEAD_MAX);
    out[0] = 0xf9;
    out[1] = (unsigned char)(half >> 8);
    out[2] = (unsigned char)(half & 0xff);
    return 3;
}

void dj_cbor_double(struct dj_buf *buf, double value)
{
    unsigned char out[HEAD_MAX];

    dj_buf_add(buf, out, encode_double(value, out));
}

/* ---- reading ---------------------------------------------------------------------------- */

static void set_item(void *context, enum dj_cbor_kind kind, uint64_t number)
{
    struct item *item = context;

    item->kind = kind;
    item->number = number;
}

static void on_uint8(void *context, uint8_t value)
{
    set_item(context, DJ_CBOR_UINT, value);
}

static void on_uint16(void *context, uint16_t value)
{
    set_item(context, DJ_CBOR_UINT, value);
}

static void on_uint32(void *context, uint32_t value)
{
    set_item(context, DJ_CBOR_UINT, value);
}

static void on_uint64(void *context, uint64_t value)
{
    set_item(context, DJ_CBOR_UINT, value);
}

static void on_negint8(void *context, uint8_t value)
{
    set_item(context, DJ_CBOR_NEGINT, value);
}

static void on_negint16(void *context, uint16_t value)
{
    set_item(context, DJ_CBOR_NEGINT, value);
}

static void on_negint32(void *context, uint32_t value)
{
    set_item(context, DJ_CBOR_NEGINT, value);
}

static void on_negint64(void *context, uint64_t value)
{
    set_item(context, DJ_CBOR_NEGINT, value);
}

static void on_bytes(void *context, cbor_data data, size_t len)
{
    set_item(context, DJ_CBOR_BYTES, len);
    ((struct item *)context)->bytes = dj_bytes(data, len);
}

static void on_text(void *context, cbor_data data, size_t len)
{
    set_item(context, DJ_CBOR_TEXT, len);
    ((struct item *)context)->bytes = dj_bytes(data, len);
}

static void on_array(void *context, size_t items)
{
    set_item(context, DJ_CBOR_ARRAY, items);
}

static void on_map(void *context, size_t pairs)
{
    set_item(context, DJ_CBOR_MAP, pairs);
}

static void on_tag(void *context, uint64_t tag)
{
    set_item(context, DJ_CBOR_TAG, tag);
}

static void on_bool(void *context, bool value)
{
    set_item(context, DJ_CBOR_BOOL, value);
}

static void on_null(void *context)
{
    set_item(context, DJ_CBOR_NULL, 0);
}

static void on_double(void *context, double value)
{
    set_item(context, DJ_CBOR_DOUBLE, 0);
    ((struct item *)context)->real = value;
}

static void on_float(void *context, float value)
{
    on_double(context, (double)value);
}

/* What deterministic encoding has no use for: indefinite lengths, `undefined`, a lone break. */
static void on_refused(void *context)
{
    set_item(context, DJ_CBOR_BAD, 0);
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint64,
    .byte_string_start = on_refused,
    .byte_string = on_bytes,
    .string = on_text,
    .string_start = on_refused,
    .indef_array_start = on_refused,
    .array_start = on_array,
    .indef_map_start = on_refused,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_refused,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = on_refused,
};

static bool is_shortest(const struct item *item, struct dj_bytes read)
{
    unsigned char again[HEAD_MAX];
    size_t len, head = read.len - item->bytes.len;

    if (item->kind == DJ_CBOR_DOUBLE)
        len = encode_double(item->real, again);
    else
        len = encode_head(item->kind, item->number, again);
    return len == head && memcmp(again, read.data, len) == 0;
}

/* A count that the rest of the input cannot hold is refused before anybody allocates for it. */
static bool is_plausible(const struct item *item, size_t left)
{
    switch (item->kind) {
    case DJ_CBOR_TEXT:
        return dj_utf8_ok(item->bytes);
    case DJ_CBOR_ARRAY:
        return item->number <= left;
    case DJ_CBOR_MAP:
        return item->number <= left / 2;
    case DJ_CBOR_TAG:
        return left > 0;
    default:
        return true;
    }
}

/* Likewise: numbers, byte strings, arrays and bools in their one form; 0: libcbor shall look. */
static size_t decode_head(struct dj_bytes rest, struct item *ret)
{
    unsigned major = rest.data[0] >> MAJOR_SHIFT, info = rest.data[0] & INFO;
    size_t more = info < INFO_8 ? 0 : (size_t)1 << (info - INFO_8);
    uint64_t number = info;

    if (rest.data[0] == CBOR_FALSE || rest.data[0] == CBOR_TRUE) {
        *ret = (struct item){.kind = DJ_CBOR_BOOL, .number = rest.data[0] == CBOR_TRUE};
        return 1;
    }
    if ((major > 2 && major != 4) || info > INFO_64 || rest.len <= more)
        return 0;
    if (more != 0) {
        number = 0;
        for (size_t i = 1; i <= more; i++)
            number = number << 8 | rest.data[i];
        if (number <= (more == 1 ? INLINE_MAX : UINT64_MAX >> (64 - 4 * more)))
            return 0; /* fewer bytes would have done */
    }
    if (major > 1 && number > rest.len - 1 - more)
        return 0;
    *ret = (struct item){.kind = (enum dj_cbor_kind)(DJ_CBOR_UINT + (int)major), .number = number};
    if (major != 2)
        return 1 + more;
    ret->bytes = dj_bytes(rest.data + 1 + more, (size_t)number);
    return 1 + more + (size_t)number;
}

/* decode(rest, ret): the bytes that the next item (its head, for what holds others) takes; 0: BAD
 * or END, as ret->kind says. */
static size_t decode(struct dj_bytes rest, struct item *ret)
{
    struct cbor_decoder_result result;
    size_t used;

    *ret = (struct item){.kind = DJ_CBOR_BAD};
    if (rest.len == 0) {
        ret->kind = DJ_CBOR_END;
        return 0;
    }
    used = decode_head(rest, ret);
    if (used != 0)
        return used;
    result = cbor_stream_decode(rest.data, rest.len, &callbacks, ret);
    if (result.status != CBOR_DECODER_FINISHED || ret->kind == DJ_CBOR_BAD ||
        !is_shortest(ret, dj_bytes(rest.data, result.read)) ||
        !is_plausible(ret, rest.len - result.read)) {
        ret->kind = DJ_CBOR_BAD;
        return 0;
    }
    return result.read;
}

static int take(struct dj_cbor_reader *reader, enum dj_cbor_kind kind, struct item *ret)
{
    size_t used = decode(reader->rest, ret);

    if (used == 0 || ret->kind != kind)
        return -EBADMSG;
    reader->rest = dj_bytes_from(reader->rest, used);
    return 0;
}

static int take_number(struct dj_cbor_reader *reader, enum dj_cbor_kind kind, uint64_t *ret)
{
    struct item item;
    int r = take(reader, kind, &item);

    if (r == 0)
        *ret = item.number;
    return r;
}

static int take_bytes(struct dj_cbor_reader *reader, enum dj_cbor_kind kind, struct dj_bytes *ret)
{
    struct item item;
    int r = take(reader, kind, &item);

    if (r == 0)
        *ret = item.bytes;
    return r;
}

enum dj_cbor_kind dj_cbor_peek(const struct dj_cbor_reader *reader)
{
    struct item item;

    decode(reader->rest, &item);
    return item.kind;
}

int dj_cbor_get_uint(struct dj_cbor_reader *reader, uint64_t *ret)
{
    return take_number(reader, DJ_CBOR_UINT, ret);
}

int dj_cbor_get_int(struct dj_cbor_reader *reader, int64_t *ret)
{
    struct item item;
    size_t used = decode(reader->rest, &item);

    if (used == 0 || (item.kind != DJ_CBOR_UINT && item.kind != DJ_CBOR_NEGINT) ||
        item.number > INT64_MAX)
        return -EBADMSG;
    *ret = item.kind == DJ_CBOR_UINT ? (int64_t)item.number : -1 - (int64_t)item.number;
    reader->rest = dj_bytes_from(reader->rest, used);
    return 0;
}

int dj_cbor_get_bytes(struct dj_cbor_reader *reader, struct dj_bytes *ret)
{
    return take_bytes(reader, DJ_CBOR_BYTES, ret);
}

int dj_cbor_get_text(struct dj_cbor_reader *reader, struct dj_bytes *ret)
{
    return take_bytes(reader, DJ_CBOR_TEXT, ret);
}

int dj_cbor_get_array(struct dj_cbor_reader *reader, uint64_t *ret_items)
{
    return take_number(reader, DJ_CBOR_ARRAY, ret_items);
}

int dj_cbor_get_map(struct dj_cbor_reader *reader, uint64_t *ret_pairs)
{
    return take_number(reader, DJ_CBOR_MAP, ret_pairs);
}

int dj_cbor_get_tag(struct dj_cbor_reader *reader, uint64_t *ret)
{
    return take_number(reader, DJ_CBOR_TAG, ret);
}

int dj_cbor_get_bool(struct dj_cbor_reader *reader, bool *ret)
{
    uint64_t number;
    int r = take_number(reader, DJ_CBOR_BOOL, &number);

    if (r == 0)
        *ret = number != 0;
    return r;
}

int dj_cbor_get_null(struct dj_cbor_reader *reader)
{
    uint64_t number;

    return take_number(reader, DJ_CBOR_NULL, &number);
}

int dj_cbor_get_double(struct dj_cbor_reader *reader, double *ret)
{
    struct item item;
    int r = take(reader, DJ_CBOR_DOUBLE, &item);

    if (r == 0)
        *ret = item.real;
    return r;
}

static int skip(struct dj_bytes *rest, unsigned depth)
{
    struct item item;
    size_t used = decode(*rest, &item);
    uint64_t inside = 0;

    if (used == 0)
        return -EBADMSG;
    *rest = dj_bytes_from(*rest, used);
    if (item.kind == DJ_CBOR_ARRAY)
        inside = item.number;
    else if (item.kind == DJ_CBOR_MAP)
        inside = 2 * item.number;
    else if (item.kind == DJ_CBOR_TAG)
        inside = 1;
    if (inside > 0 && depth == DEPTH_MAX)
        return -EBADMSG;
    for (uint64_t i = 0; i < inside; i++) {
        int r = skip(rest, depth + 1);

        if (r != 0)
            return r;
    }
    return 0;
}

int dj_cbor_skip(struct dj_cbor_reader *reader)
{
    struct dj_bytes rest = reader->rest;
    int r = skip(&rest, 1);

    if (r == 0)
        reader->rest = rest;
    return r;
}

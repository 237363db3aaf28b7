/* Every item that is accepted, written again, gives the bytes it was read from. */
#include "lib/util/cbor.h"

#include "tests/fuzz/fuzz.h"

/* copy_number(reader, buf, kind): one item of a kind that is a number, or has one as its head. */
static int copy_number(struct dj_cbor_reader *reader, struct dj_buf *buf, enum dj_cbor_kind kind)
{
    uint64_t number = 0;
    int r;

    switch (kind) {
    case DJ_CBOR_UINT:
        r = dj_cbor_get_uint(reader, &number);
        dj_cbor_uint(buf, number);
        return r;
    case DJ_CBOR_ARRAY:
        r = dj_cbor_get_array(reader, &number);
        must(number <= reader->rest.len);
        dj_cbor_array(buf, number);
        return r;
    case DJ_CBOR_MAP:
        r = dj_cbor_get_map(reader, &number);
        must(number <= reader->rest.len / 2);
        dj_cbor_map(buf, number);
        return r;
    default:
        r = dj_cbor_get_tag(reader, &number);
        dj_cbor_tag(buf, number);
        return r;
    }
}

static int copy_negint(struct dj_cbor_reader *reader, struct dj_buf *buf)
{
    int64_t whole = 0;
    struct dj_bytes before = reader->rest;
    int r = dj_cbor_get_int(reader, &whole);

    if (r == 0) {
        must(whole < 0);
        dj_cbor_int(buf, whole);
        return 0;
    }
    must(dj_bytes_equal(before, reader->rest)); /* below -2^63 */
    r = dj_cbor_skip(reader);
    dj_buf_add(buf, before.data, before.len - reader->rest.len);
    return r;
}

static int copy_plain(struct dj_cbor_reader *reader, struct dj_buf *buf, enum dj_cbor_kind kind)
{
    struct dj_bytes bytes = {NULL, 0};
    double real = 0;
    bool truth = false;
    int r;

    switch (kind) {
    case DJ_CBOR_BYTES:
        r = dj_cbor_get_bytes(reader, &bytes);
        dj_cbor_bytes(buf, bytes);
        return r;
    case DJ_CBOR_TEXT:
        r = dj_cbor_get_text(reader, &bytes);
        dj_cbor_text(buf, bytes);
        return r;
    case DJ_CBOR_BOOL:
        r = dj_cbor_get_bool(reader, &truth);
        dj_cbor_bool(buf, truth);
        return r;
    case DJ_CBOR_NULL:
        dj_cbor_null(buf);
        return dj_cbor_get_null(reader);
    default:
        r = dj_cbor_get_double(reader, &real);
        dj_cbor_double(buf, real);
        return r;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dj_cbor_reader reader = {dj_bytes(data, size)}, skipper = reader;
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;

    for (;;) {
        enum dj_cbor_kind kind = dj_cbor_peek(&reader);
        int r;

        if (kind == DJ_CBOR_END || kind == DJ_CBOR_BAD)
            break;
        if (kind == DJ_CBOR_NEGINT)
            r = copy_negint(&reader, &buf);
        else if (kind == DJ_CBOR_UINT || kind == DJ_CBOR_ARRAY || kind == DJ_CBOR_MAP ||
                 kind == DJ_CBOR_TAG)
            r = copy_number(&reader, &buf, kind);
        else
            r = copy_plain(&reader, &buf, kind);
        must(r == 0);
    }
    must(dj_bytes_equal(dj_buf_bytes(&buf), dj_bytes(data, size - reader.rest.len)));
    while (dj_cbor_skip(&skipper) == 0)
        continue;
    must(skipper.rest.len >= reader.rest.len);
    return 0;
}

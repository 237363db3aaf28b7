/* Values as CBOR: the strict form that keys are made of, and the full form that is stored. */
#include "lib/model/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/json.h"
#include "lib/model/number.h"
#include "lib/util/cbor.h"

/*
 * Tags that keep types apart which would otherwise meet: "dj" and a number, from the range of RFC
 * 8949 that is first come, first served; they never leave a key.
 */
enum {
    TAG_JSON = 0x646a0001,
    TAG_FILE = 0x646a0002,
    TAG_PATH = 0x646a0003,
    TAG_RUN = 0x646a0004,
};

static void digest_cbor(struct dj_buf *buf, uint64_t tag, const struct dj_digest *digest)
{
    dj_cbor_tag(buf, tag);
    dj_cbor_bytes(buf, dj_bytes(digest->b, sizeof(digest->b)));
}

static void float_cbor(struct dj_buf *buf, struct dj_bytes canonical)
{
    double value = 0;

    if (dj_float_parse(canonical, &value) != 0)
        abort(); /* the text was printed from a double */
    dj_cbor_double(buf, value);
}

static void scalar_cbor(struct dj_buf *buf, enum dj_type type, const struct dj_scalar *scalar)
{
    struct dj_bytes text = dj_buf_bytes(&scalar->text);

    switch (type) {
    case DJ_STR:
        dj_cbor_bytes(buf, text);
        break;
    case DJ_INT:
        dj_int_cbor(buf, text);
        break;
    case DJ_FLOAT:
        float_cbor(buf, text);
        break;
    case DJ_BOOL:
        dj_cbor_bool(buf, dj_bytes_is(text, "true"));
        break;
    case DJ_JSON:
        dj_cbor_tag(buf, TAG_JSON);
        dj_json_cbor(buf, text);
        break;
    case DJ_FILE:
        digest_cbor(buf, TAG_FILE, &scalar->digest);
        break;
    case DJ_PATH:
        digest_cbor(buf, TAG_PATH, &scalar->digest);
        break;
    case DJ_RUN:
        digest_cbor(buf, TAG_RUN, &scalar->digest);
        break;
    }
}

void dj_value_cbor(struct dj_buf *buf, const struct dj_value *value)
{
    if (value->list)
        dj_cbor_array(buf, value->n);
    for (size_t i = 0; i < value->n; i++)
        scalar_cbor(buf, value->type, &value->scalars[i]);
}

void dj_path_digest(struct dj_bytes path, uint64_t size, int64_t mtime_ns, struct dj_digest *ret)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;

    dj_cbor_array(&buf, 3);
    dj_cbor_bytes(&buf, path);
    dj_cbor_uint(&buf, size);
    dj_cbor_int(&buf, mtime_ns);
    dj_digest_bytes(dj_buf_bytes(&buf), ret);
}

/* ---- the stored form: [type, list, [scalar…]] ---------------------------------------------- */

static void store_scalar(struct dj_buf *buf, enum dj_type type, const struct dj_scalar *scalar)
{
    if (type < DJ_FILE) {
        dj_cbor_bytes(buf, dj_buf_bytes(&scalar->text));
        return;
    }
    dj_cbor_array(buf, 5);
    dj_cbor_uint(buf, scalar->resolution);
    dj_cbor_bytes(buf, dj_buf_bytes(&scalar->text));
    dj_cbor_bytes(buf, dj_bytes(scalar->digest.b, sizeof(scalar->digest.b)));
    dj_cbor_bytes(buf, dj_buf_bytes(&scalar->prefix));
    dj_cbor_bytes(buf, dj_buf_bytes(&scalar->source));
}

void dj_value_store(struct dj_buf *buf, const struct dj_value *value)
{
    dj_cbor_array(buf, 3);
    dj_cbor_uint(buf, value->type);
    dj_cbor_bool(buf, value->list);
    dj_cbor_array(buf, value->n);
    for (size_t i = 0; i < value->n; i++)
        store_scalar(buf, value->type, &value->scalars[i]);
}

/* Parsed again, so that nothing but canonical text gets in. */
static int load_plain(struct dj_cbor_reader *reader, enum dj_type type, struct dj_scalar *ret)
{
    struct dj_bytes text;

    if (dj_cbor_get_bytes(reader, &text) != 0 || dj_scalar_parse(type, text, ret, NULL) != 0 ||
        !dj_bytes_equal(text, dj_buf_bytes(&ret->text)))
        return -EBADMSG;
    return 0;
}

static int load_named(struct dj_cbor_reader *reader, struct dj_scalar *ret)
{
    struct dj_bytes text, digest, prefix, source;
    uint64_t fields, resolution;

    if (dj_cbor_get_array(reader, &fields) != 0 || fields != 5 ||
        dj_cbor_get_uint(reader, &resolution) != 0 || resolution > DJ_REFERENCED ||
        dj_cbor_get_bytes(reader, &text) != 0 || dj_cbor_get_bytes(reader, &digest) != 0 ||
        digest.len != DJ_DIGEST_SIZE || dj_cbor_get_bytes(reader, &prefix) != 0 ||
        dj_cbor_get_bytes(reader, &source) != 0)
        return -EBADMSG;
    ret->resolution = (enum dj_resolution)resolution;
    memcpy(ret->digest.b, digest.data, digest.len);
    dj_buf_add_bytes(&ret->text, text);
    dj_buf_add_bytes(&ret->prefix, prefix);
    dj_buf_add_bytes(&ret->source, source);
    return 0;
}

static int load(struct dj_cbor_reader *reader, struct dj_value *ret)
{
    uint64_t fields, type, n;
    bool list;

    if (dj_cbor_get_array(reader, &fields) != 0 || fields != 3 ||
        dj_cbor_get_uint(reader, &type) != 0 || type > DJ_RUN ||
        dj_cbor_get_bool(reader, &list) != 0 || dj_cbor_get_array(reader, &n) != 0 ||
        (!list && n > 1))
        return -EBADMSG;
    dj_value_init(ret, (enum dj_type)type, list, n);
    for (uint64_t i = 0; i < n; i++) {
        struct dj_scalar *scalar = &ret->scalars[i];
        int r = type < DJ_FILE ? load_plain(reader, ret->type, scalar)
                               : load_named(reader, scalar);

        if (r != 0)
            return r;
    }
    return reader->rest.len == 0 ? 0 : -EBADMSG;
}

int dj_value_load(struct dj_bytes bytes, struct dj_value *ret, struct dj_err *err)
{
    struct dj_cbor_reader reader = {bytes};
    int r;

    *ret = (struct dj_value)DJ_VALUE_INIT;
    r = load(&reader, ret);
    if (r != 0) {
        dj_value_release(ret);
        return dj_err_set(err, EBADMSG, "a stored value is damaged");
    }
    return 0;
}

/* What decodes, encodes to bytes that decode to the same, and everything is freed. */
#include "lib/model/codec.h"

#include "tests/fuzz/fuzz.h"

struct part {
    uint64_t number;
    char *text;
    struct dj_list strings;
};

struct whole {
    uint64_t u;
    int64_t i;
    bool b;
    double d;
    struct part part;
    struct dj_list parts;
    struct dj_list strings;
    struct dj_buf bytes;
    char *text;
    struct dj_digest digest;
};

#define FIELD(owner, kind_, field, sub_) {#field, kind_, offsetof(struct owner, field), sub_}

static const struct dj_field part_fields[] = {
    FIELD(part, DJ_FIELD_UINT, number, NULL),
    FIELD(part, DJ_FIELD_TEXT, text, NULL),
    FIELD(part, DJ_FIELD_BYTES_LIST, strings, NULL),
};
static const struct dj_layout part_layout = {"part", sizeof(struct part), part_fields, 3};

static const struct dj_field whole_fields[] = {
    FIELD(whole, DJ_FIELD_UINT, u, NULL),
    FIELD(whole, DJ_FIELD_INT, i, NULL),
    FIELD(whole, DJ_FIELD_BOOL, b, NULL),
    FIELD(whole, DJ_FIELD_DOUBLE, d, NULL),
    FIELD(whole, DJ_FIELD_STRUCT, part, &part_layout),
    FIELD(whole, DJ_FIELD_LIST, parts, &part_layout),
    FIELD(whole, DJ_FIELD_BYTES_LIST, strings, NULL),
    FIELD(whole, DJ_FIELD_BYTES, bytes, NULL),
    FIELD(whole, DJ_FIELD_TEXT, text, NULL),
    FIELD(whole, DJ_FIELD_DIGEST, digest, NULL),
};
static const struct dj_layout whole_layout = {"whole", sizeof(struct whole), whole_fields, 10};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dj_buf first dj_cleanup_buf = DJ_BUF_INIT, second dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct whole object;
    int r = dj_codec_decode(&whole_layout, dj_bytes(data, size), &object, &err);

    must((r == 0) == (err.text == NULL));
    if (r != 0)
        return 0;
    dj_codec_encode(&first, &whole_layout, &object);
    dj_codec_release(&whole_layout, &object);
    must(dj_codec_decode(&whole_layout, dj_buf_bytes(&first), &object, NULL) == 0);
    dj_codec_encode(&second, &whole_layout, &object);
    dj_codec_release(&whole_layout, &object);
    must(dj_bytes_equal(dj_buf_bytes(&first), dj_buf_bytes(&second)));
    return 0;
}

/* Canonical text is its own canonical text, and has a CBOR form. */
#include "lib/model/json.h"

#include "lib/util/cbor.h"
#include "lib/util/utf8.h"
#include "tests/fuzz/fuzz.h"

static size_t count(struct dj_bytes text, uint8_t byte)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += text.data[i] == byte;
    return n;
}

static void check_string(struct dj_bytes bytes)
{
    struct dj_buf text dj_cleanup_buf = DJ_BUF_INIT, canonical dj_cleanup_buf = DJ_BUF_INIT;

    dj_json_string(&text, bytes);
    must(dj_utf8_ok(dj_buf_bytes(&text)));
    must(dj_json_canonical(dj_buf_bytes(&text), &canonical, NULL) == 0);
    must(dj_bytes_equal(dj_buf_bytes(&text), dj_buf_bytes(&canonical)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dj_buf first dj_cleanup_buf = DJ_BUF_INIT, second dj_cleanup_buf = DJ_BUF_INIT,
                  cbor dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct dj_cbor_reader reader;

    check_string(dj_bytes(data, size));
    if (dj_json_canonical(dj_bytes(data, size), &first, &err) != 0) {
        must(err.text != NULL && first.len == 0);
        return 0;
    }
    must(dj_json_canonical(dj_buf_bytes(&first), &second, NULL) == 0);
    must(dj_bytes_equal(dj_buf_bytes(&first), dj_buf_bytes(&second)));
    dj_json_cbor(&cbor, dj_buf_bytes(&first));
    reader.rest = dj_buf_bytes(&cbor);
    if (count(dj_buf_bytes(&first), '[') + count(dj_buf_bytes(&first), '{') < 32)
        must(dj_cbor_skip(&reader) == 0 && reader.rest.len == 0);
    return 0;
}

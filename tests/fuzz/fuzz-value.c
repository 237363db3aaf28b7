/*
 * The first byte is a type, and whether it is a list; words follow, each ended by a newline.
 * Canonical text is its own canonical text and has one key; what is stored is loaded as the same.
 */
#include "lib/model/value.h"

#include "tests/fuzz/fuzz.h"

enum { WORDS_MAX = 64 };

static size_t split(struct dj_bytes text, struct dj_bytes *words)
{
    size_t n = 0;

    while (n < WORDS_MAX) {
        const uint8_t *end = text.len == 0 ? NULL : memchr(text.data, '\n', text.len);

        if (end == NULL) {
            words[n++] = text;
            break;
        }
        words[n++] = dj_bytes(text.data, (size_t)(end - text.data));
        text = dj_bytes_from(text, (size_t)(end - text.data) + 1);
    }
    return n;
}

static void check_store(const struct dj_value *value)
{
    struct dj_buf first dj_cleanup_buf = DJ_BUF_INIT, second dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_value back dj_cleanup_value = DJ_VALUE_INIT;

    dj_value_store(&first, value);
    must(dj_value_load(dj_buf_bytes(&first), &back, NULL) == 0);
    must(dj_value_equal(value, &back));
    dj_value_store(&second, &back);
    must(dj_bytes_equal(dj_buf_bytes(&first), dj_buf_bytes(&second)));
}

static void check_load(struct dj_bytes bytes)
{
    struct dj_buf again dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_value value dj_cleanup_value = DJ_VALUE_INIT;

    if (dj_value_load(bytes, &value, NULL) != 0)
        return;
    dj_value_store(&again, &value);
    must(dj_bytes_equal(bytes, dj_buf_bytes(&again)));
}

static void check_canonical(const struct dj_value *value)
{
    struct dj_buf first dj_cleanup_buf = DJ_BUF_INIT, second dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_value again dj_cleanup_value = DJ_VALUE_INIT;
    struct dj_bytes texts[WORDS_MAX];

    if (value->type >= DJ_FILE)
        return;
    for (size_t i = 0; i < value->n; i++)
        texts[i] = dj_buf_bytes(&value->scalars[i].text);
    must(dj_value_parse(value->type, value->list, texts, value->n, &again, NULL) == 0);
    must(dj_value_equal(value, &again));
    dj_value_cbor(&first, value);
    dj_value_cbor(&second, &again);
    must(dj_bytes_equal(dj_buf_bytes(&first), dj_buf_bytes(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dj_value value dj_cleanup_value = DJ_VALUE_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct dj_bytes words[WORDS_MAX];
    size_t n;
    int r;

    check_load(dj_bytes(data, size));
    if (size == 0)
        return 0;
    n = split(dj_bytes(data + 1, size - 1), words);
    r = dj_value_parse((enum dj_type)(data[0] & 7), (data[0] & 8) != 0, words, n, &value, &err);
    must((r == 0) == (err.text == NULL));
    if (r != 0)
        return 0;
    must(value.n == n);
    check_store(&value);
    check_canonical(&value);
    return 0;
}

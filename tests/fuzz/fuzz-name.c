/*
 * The first two bytes say which parameters are ignored and which have a default, a line of
 * parameters follows, the rest is a name; it is also taken as words, one a line. Whatever is read,
 * its canonical name reads back to itself and to the same key.
 */
#include "lib/model/name.h"

#include "lib/model/key.h"
#include "tests/fuzz/fuzz.h"

enum { WORDS_MAX = 16 };

static struct dj_bytes take_line(struct dj_bytes *rest)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    struct dj_bytes line = dj_bytes(rest->data, len);

    *rest = dj_bytes_from(*rest, end == NULL ? len : len + 1);
    return line;
}

static void set_up(struct dj_params *params, unsigned ignored, unsigned defaults)
{
    static const char *const texts[] = {
        [DJ_STR] = "_",  [DJ_INT] = "1",  [DJ_FLOAT] = "1", [DJ_BOOL] = "true",
        [DJ_JSON] = "1", [DJ_FILE] = "f", [DJ_PATH] = "p",  [DJ_RUN] = "t/1",
    };

    for (size_t i = 0; i < params->n && i < 8; i++) {
        struct dj_param *param = &params->items[i];
        struct dj_bytes text = dj_bytes_of(texts[param->type]);

        param->ignored = (ignored >> i & 1) != 0;
        if ((defaults >> i & 1) == 0)
            continue;
        param->has_default = true;
        must(dj_value_parse(param->type, param->list, &text, 1, &param->default_value, NULL) == 0);
    }
}

/* The digest is one of the name, so that a reference can be looked up without a table. */
static void resolve(struct dj_args *args)
{
    for (size_t i = 0; i < args->params->n; i++) {
        struct dj_value *value = &args->values[i];

        for (size_t j = 0; j < value->n; j++) {
            struct dj_scalar *scalar = &value->scalars[j];
            struct dj_bytes name = dj_buf_bytes(&scalar->text);
            struct dj_digest digest;

            if (scalar->resolution == DJ_RESOLVED)
                continue;
            for (size_t k = name.len; value->type != DJ_RUN && k-- > 0;) {
                if (name.data[k] == '/') {
                    name = dj_bytes_from(name, k + 1);
                    break;
                }
            }
            if (name.len == 0)
                name = DJ_BYTES_LIT("nameless");
            dj_digest_bytes(name, &digest);
            dj_scalar_resolve(scalar, name, &digest, dj_buf_bytes(&scalar->text));
        }
    }
}

static void check_args(const struct dj_params *params, struct dj_args *args)
{
    struct dj_args again dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_buf name dj_cleanup_buf = DJ_BUF_INIT, second dj_cleanup_buf = DJ_BUF_INIT,
                  key dj_cleanup_buf = DJ_BUF_INIT, second_key dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;

    resolve(args);
    must(dj_args_resolved(args));
    dj_name_canonical(&name, args);
    must(name.len > 0 && name.len <= DJ_NAME_MAX && name.data[0] != '.');
    must(memchr(name.data, '/', name.len) == NULL && memchr(name.data, '\0', name.len) == NULL);
    if (dj_name_is_hashed(dj_buf_bytes(&name))) {
        dj_buf_clear(&name);
        dj_name_long(&name, args);
        must(name.len > DJ_NAME_MAX);
    }
    must(dj_name_parse("f", params, dj_buf_bytes(&name), &again, &err) == 0);
    resolve(&again);
    dj_name_long(&second, &again);
    must(dj_bytes_equal(dj_buf_bytes(&name), dj_buf_bytes(&second)));
    dj_key_cbor(&key, "f", args);
    dj_key_cbor(&second_key, "f", &again);
    must(dj_bytes_equal(dj_buf_bytes(&key), dj_buf_bytes(&second_key)));
}

static void check_stored(const struct dj_params *params, const struct dj_args *args)
{
    struct dj_buf first dj_cleanup_buf = DJ_BUF_INIT, second dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_args back dj_cleanup_args = DJ_ARGS_INIT;

    dj_args_store(&first, args);
    must(dj_args_load(dj_buf_bytes(&first), params, &back, NULL) == 0);
    dj_args_store(&second, &back);
    must(dj_bytes_equal(dj_buf_bytes(&first), dj_buf_bytes(&second)));
}

static void check_name(const struct dj_params *params, struct dj_bytes name)
{
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    int r = dj_name_parse("f", params, name, &args, &err);

    must((r == 0) == (err.text == NULL));
    if (r != 0)
        return;
    check_stored(params, &args);
    check_args(params, &args);
}

static void check_words(const struct dj_params *params, struct dj_bytes text)
{
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_bytes words[WORDS_MAX];
    size_t n = 0;

    while (text.len > 0 && n < WORDS_MAX)
        words[n++] = take_line(&text);
    if (dj_args_bind("f", params, words, n, &args, NULL) == 0)
        check_args(params, &args);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dj_params params dj_cleanup_params = DJ_PARAMS_INIT;
    struct dj_bytes rest;

    if (size < 2)
        return 0;
    rest = dj_bytes_from(dj_bytes(data, size), 2);
    if (dj_params_parse(take_line(&rest), &params, NULL) != 0)
        return 0;
    set_up(&params, data[0], data[1]);
    check_name(&params, rest);
    check_words(&params, rest);
    return 0;
}

/* What the tests of lib/model share: short ways to parameters, arguments and hex digits. */
#ifndef DJ_TESTS_UNIT_MODEL_H
#define DJ_TESTS_UNIT_MODEL_H

#include "lib/model/key.h"
#include "lib/model/name.h"
#include "tests/unit/tap.h"

__attribute__((unused)) static void params_of(struct dj_params *ret, const char *text)
{
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;

    if (dj_params_parse(dj_bytes_of(text), ret, &err) != 0)
        bail_out("parameters %s: %s", text, err.text);
}

__attribute__((unused)) static void set_default(struct dj_params *params, const char *name,
                                                const char *text)
{
    struct dj_param *param = dj_params_find(params, dj_bytes_of(name));
    struct dj_bytes word = dj_bytes_of(text);

    param->has_default = dj_value_parse(param->type, param->list, &word, 1, &param->default_value,
                                        NULL) == 0;
}

__attribute__((unused)) static void set_ignored(struct dj_params *params, const char *name)
{
    dj_params_find(params, dj_bytes_of(name))->ignored = true;
}

__attribute__((unused)) static const char *hex_of(struct dj_bytes bytes, struct dj_buf *buf)
{
    dj_buf_clear(buf);
    for (size_t i = 0; i < bytes.len; i++)
        dj_buf_addf(buf, "%02x", bytes.data[i]);
    return dj_buf_str(buf);
}

/*
 * What a daemon does, without files: NAME is the last component of the spelling (a run keeps all of
 * it), and the content of a file is that name.
 */
__attribute__((unused)) static void resolve(struct dj_args *args)
{
    for (size_t i = 0; i < args->params->n; i++) {
        struct dj_value *value = &args->values[i];

        for (size_t j = 0; j < value->n; j++) {
            struct dj_scalar *scalar = &value->scalars[j];
            const char *text = dj_buf_str(&scalar->text), *slash = strrchr(text, '/');
            struct dj_bytes name = dj_bytes_of(value->type == DJ_RUN || slash == NULL ? text
                                                                                      : slash + 1);
            struct dj_digest digest;

            if (scalar->resolution == DJ_RESOLVED)
                continue;
            if (value->type == DJ_STR) { /* a variable that is not set */
                scalar->resolution = DJ_RESOLVED;
                value->n = 0;
                break;
            }
            dj_digest_bytes(name, &digest);
            dj_scalar_resolve(scalar, name, &digest, dj_buf_bytes(&scalar->text));
        }
    }
}

#endif

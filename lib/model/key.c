#include "lib/model/key.h"

#include <stdlib.h>
#include <string.h>

#include "lib/util/cbor.h"
#include "lib/util/mem.h"

bool dj_key_counts(const struct dj_param *param, const struct dj_value *value)
{
    if (param->environment && value->n == 0)
        return false; /* the caller has no such variable */
    return !param->ignored && !(param->has_absent && dj_param_equal(param, value, &param->absent));
}

/* The order of encoded text strings: the shorter first, since the head holds the length. */
static int by_encoding(const void *a, const void *b)
{
    const char *a_name = (*(const struct dj_param *const *)a)->name;
    const char *b_name = (*(const struct dj_param *const *)b)->name;
    size_t a_len = strlen(a_name), b_len = strlen(b_name);

    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    return strcmp(a_name, b_name);
}

/* Which rules made it what it is belongs to it: what is left by two of them may be alike. */
static void counted_cbor(struct dj_buf *buf, const struct dj_param *param,
                         const struct dj_value *value)
{
    struct dj_value room dj_cleanup_value = DJ_VALUE_INIT;
    struct dj_buf rules dj_cleanup_buf = DJ_BUF_INIT;

    if (dj_param_has_parts(param)) {
        dj_parts_key(&rules, param->parts);
        dj_cbor_tag(buf, DJ_KEY_TAG_PARTS);
        dj_cbor_array(buf, 2);
        dj_cbor_text(buf, dj_buf_bytes(&rules));
    }
    dj_value_cbor(buf, dj_param_counted(param, value, &room));
}

void dj_key_cbor(struct dj_buf *buf, const char *task, const struct dj_args *args)
{
    const struct dj_params *params = args->params;
    const struct dj_param **counted dj_cleanup_free = dj_xmalloc(params->n * sizeof(*counted));
    size_t n = 0;

    for (size_t i = 0; i < params->n; i++)
        if (dj_key_counts(&params->items[i], &args->values[i]))
            counted[n++] = &params->items[i];
    qsort(counted, n, sizeof(*counted), by_encoding);
    dj_cbor_array(buf, 2);
    dj_cbor_text(buf, dj_bytes_of(task));
    dj_cbor_map(buf, n);
    for (size_t i = 0; i < n; i++) {
        dj_cbor_text(buf, dj_bytes_of(counted[i]->name));
        counted_cbor(buf, counted[i], &args->values[counted[i] - params->items]);
    }
}

void dj_key_digest(const char *task, const struct dj_args *args, struct dj_digest *ret)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;

    dj_key_cbor(&buf, task, args);
    dj_digest_bytes(dj_buf_bytes(&buf), ret);
}

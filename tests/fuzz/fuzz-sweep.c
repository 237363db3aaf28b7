/*
 * As fuzz-name: two bytes say which parameters are ignored and have a default, a line of parameters
 * follows, the rest is a name; it is also taken as words, one a line. The link of every row that is
 * the first of its arguments leads back to the row, no two rows share one, and its spelling is read
 * as the arguments that the row has.
 */
#include "lib/model/sweep.h"

#include "lib/model/name.h"
#include "tests/fuzz/fuzz.h"

enum { WORDS_MAX = 8, ROWS_MAX = 40 };

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

static void check_link(const struct dj_sweep *sweep, uint64_t row)
{
    struct dj_buf link dj_cleanup_buf = DJ_BUF_INIT;
    uint64_t found;

    dj_sweep_link(sweep, row, &link);
    must(link.len > 0 && link.len <= DJ_NAME_MAX && link.data[0] != '.');
    must(memchr(link.data, '/', link.len) == NULL && memchr(link.data, '\0', link.len) == NULL);
    if (dj_sweep_first_from(sweep, row) == row) {
        must(dj_sweep_find(sweep, dj_buf_bytes(&link), &found));
        must(found == row);
    }
}

static void check_row(const struct dj_sweep *sweep, const struct dj_params *params, uint64_t row)
{
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT, again dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_buf name dj_cleanup_buf = DJ_BUF_INIT, second dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_row columns dj_cleanup_row = DJ_ROW_INIT;

    dj_sweep_args(sweep, row, &args);
    dj_sweep_columns(sweep, &args, &columns);
    must(columns.n > 0);
    dj_name_long(&name, &args);
    must(dj_name_parse("f", params, dj_buf_bytes(&name), &again, NULL) == 0);
    dj_name_long(&second, &again);
    must(dj_bytes_equal(dj_buf_bytes(&name), dj_buf_bytes(&second)));
}

static void check(struct dj_sweep *sweep, const struct dj_params *params, bool name)
{
    must(dj_sweep_fits(sweep, params));
    for (uint64_t row = 0; row < dj_sweep_rows(sweep) && row < ROWS_MAX; row++) {
        check_row(sweep, params, row);
        if (name)
            check_link(sweep, row);
    }
    dj_sweep_unref(sweep);
}

static void check_name(const struct dj_params *params, struct dj_bytes name)
{
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct dj_sweep *sweep;
    int rc = dj_sweep_of_name("f", params, name, &sweep, &err);

    must((rc < 0) == (err.text != NULL));
    must((rc == 1) == (sweep != NULL));
    if (rc == 1)
        check(sweep, params, true);
}

static void check_words(const struct dj_params *params, struct dj_bytes text)
{
    struct dj_bytes words[WORDS_MAX];
    struct dj_sweep *sweep;
    size_t n = 0;

    while (text.len > 0 && n < WORDS_MAX)
        words[n++] = take_line(&text);
    if (dj_sweep_of_words("f", params, words, n, &sweep, NULL) == 1)
        check(sweep, params, false);
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

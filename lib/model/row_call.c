#include "lib/model/row_call.h"

#include <errno.h>

#include "lib/model/json.h"
#include "lib/model/json_text.h"
#include "lib/util/utf8.h"

static int add_word(const struct dj_param *param, struct dj_bytes value, struct dj_list *ret,
                    struct dj_err *err)
{
    struct dj_buf *word = dj_list_add(ret, sizeof(*word));
    size_t begin;

    dj_buf_adds(word, param->name);
    dj_buf_addc(word, '=');
    begin = word->len;
    if (value.data[0] == '"' && param->type != DJ_JSON)
        dj_json_unquote(word, value);
    else
        dj_buf_add_bytes(word, value);
    if (memchr(word->data + begin, '\0', word->len - begin) != NULL)
        return dj_err_set(err, EINVAL, "%s: an argument cannot hold a NUL byte", param->name);
    return 0;
}

int dj_row_words(const struct dj_row *row, const struct dj_params *params, struct dj_list *ret,
                 struct dj_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < params->n; i++) {
        const struct dj_param *param = &params->items[i];
        struct dj_bytes value = dj_row_get(row, dj_bytes_of(param->name));
        struct dj_json_walk walk;

        if (value.len == 0 || (dj_bytes_is(value, "null") && param->type != DJ_JSON))
            continue;
        if (!param->list || value.data[0] != '[') {
            rc = add_word(param, value, ret, err);
            continue;
        }
        walk = dj_json_walk(value);
        while (rc == 0 && dj_json_next(&walk))
            rc = add_word(param, walk.value, ret, err);
    }
    return rc;
}

bool dj_result_cell(struct dj_buf *buf, struct dj_bytes content)
{
    struct dj_bytes value;

    if (dj_json_is_whole(content, &value)) {
        dj_json_one_line(buf, value);
        return true;
    }
    if (!dj_utf8_ok(content))
        return false;
    if (content.len > 0 && content.data[content.len - 1] == '\n')
        content.len--;
    dj_json_string(buf, content);
    return true;
}

/* ---- columns --------------------------------------------------------------------------------- */

const char *dj_outcome_status(const struct dj_row_outcome *outcome)
{
    if (outcome->code == 0 ||
        (outcome->status != NULL && strcmp(outcome->status, "done") != 0))
        return outcome->status;
    switch (outcome->code) {
    case EINTR:
        return "interrupted";
    case EAGAIN:
        return "absent";
    case ECANCELED:
        return "cancelled";
    default:
        return outcome->run == NULL ? "refused" : "failed";
    }
}

/* JSON holds no bytes that are not UTF-8. A name has another spelling, which leads to the run. */
static const char *run_text(const char *run, struct dj_buf *buf)
{
    struct dj_bytes rest = dj_bytes_of(run);

    if (dj_utf8_ok(rest))
        return run;
    while (rest.len > 0) {
        size_t len = dj_utf8_char(rest);

        if (len == 0)
            dj_buf_addf(buf, "%%%02X", (unsigned)rest.data[0]);
        else
            dj_buf_add(buf, rest.data, len);
        rest = dj_bytes_from(rest, len == 0 ? 1 : len);
    }
    return dj_buf_str(buf);
}

void dj_outcome_cell(struct dj_buf *buf, const struct dj_row_outcome *outcome)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, text = DJ_BUF_INIT;

    if (outcome->code != 0 || outcome->status == NULL) {
        dj_buf_adds(buf, "null");
        return;
    }
    if (outcome->has_content && dj_result_cell(buf, outcome->content))
        return;
    dj_buf_addf(&path, "%s/result", run_text(outcome->run, &text));
    dj_json_string(buf, dj_buf_bytes(&path));
}

static void put_text(struct dj_row *row, const char *column, const char *text)
{
    struct dj_buf *value = dj_row_set(row, dj_bytes_of(column));

    if (text == NULL)
        dj_buf_adds(value, "null");
    else
        dj_json_string(value, dj_bytes_of(text));
}

void dj_row_answer(const struct dj_row *row, const char *run, const char *status, const char *as,
                   struct dj_bytes cell, const char *error, bool errors, struct dj_row *ret)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_row_copy(ret, row);
    put_text(ret, "run", run == NULL ? NULL : run_text(run, &text));
    if (as != NULL) {
        put_text(ret, "status", status);
        dj_buf_add_bytes(dj_row_set(ret, dj_bytes_of(as)),
                         cell.len == 0 ? DJ_BYTES_LIT("null") : cell);
    }
    if (error != NULL || errors)
        put_text(ret, "error", error);
    else
        dj_row_remove(ret, DJ_BYTES_LIT("error"));
}

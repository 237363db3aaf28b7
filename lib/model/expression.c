#include "lib/model/expression.h"

#include <ctype.h>
#include <errno.h>
#include <jq.h>
#include <stdlib.h>

#include "lib/util/mem.h"
#include "lib/util/str.h"

struct dj_expression {
    char *text;
    bool simple;          /* a path, which needs no jq as long as it leads somewhere */
    struct dj_bytes path; /* without the first dot */
    jq_state *jq;         /* made when it is needed */
    struct dj_buf input;
    struct dj_buf complaint;
};

/* .name.name: what the row has is given as it stands. */
static bool is_path(const char *text)
{
    if (*text != '.')
        return false;
    while (*text == '.') {
        text++;
        if (!isalpha((unsigned char)*text) && *text != '_')
            return false;
        while (isalnum((unsigned char)*text) || *text == '_')
            text++;
    }
    return *text == '\0';
}

/* jq says what is wrong in the first line of the first of several messages. */
static void complain(void *cookie, jv message)
{
    struct dj_expression *expression = cookie;
    static const char noise[] = "jq: error: ";
    struct dj_bytes rest, line;

    message = jq_format_error(message);
    rest = dj_bytes(jv_string_value(message), (size_t)jv_string_length_bytes(jv_copy(message)));
    if (expression->complaint.len == 0 && dj_next_line(&rest, &line)) {
        if (dj_bytes_starts(line, dj_bytes_of(noise)))
            line = dj_bytes_from(line, strlen(noise));
        dj_add_printable(&expression->complaint, line);
    }
    jv_free(message);
}

static int prepare(struct dj_expression *expression, struct dj_err *err)
{
    if (expression->jq != NULL)
        return 0;
    expression->jq = jq_init();
    if (expression->jq == NULL)
        return dj_err_set(err, ENOMEM, "jq could not be started");
    jq_set_error_cb(expression->jq, complain, expression);
    if (jq_compile(expression->jq, expression->text) != 0)
        return 0;
    jq_teardown(&expression->jq);
    return dj_err_set(err, EINVAL, "%s: %s", expression->text,
                      dj_buf_str(&expression->complaint));
}

struct dj_expression *dj_expression_new(const char *text, struct dj_err *err)
{
    struct dj_expression *expression = dj_xcalloc(1, sizeof(*expression));
    struct dj_bytes bytes = dj_bytes_of(text);

    expression->text = dj_xstrdup(text);
    expression->simple = strcmp(text, ".") == 0 || is_path(text);
    expression->path = dj_bytes_from(dj_bytes_of(expression->text), bytes.len == 0 ? 0 : 1);
    if (dj_strip(bytes).len == 0)
        dj_err_set(err, EINVAL, "an expression of jq is missing");
    else if (expression->simple || prepare(expression, err) == 0)
        return expression;
    dj_expression_free(expression);
    return NULL;
}

void dj_expression_free(struct dj_expression *expression)
{
    if (expression == NULL)
        return;
    if (expression->jq != NULL)
        jq_teardown(&expression->jq);
    dj_buf_release(&expression->input);
    dj_buf_release(&expression->complaint);
    free(expression->text);
    free(expression);
}

const char *dj_expression_text(const struct dj_expression *expression)
{
    return expression->text;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool is_large_int(struct dj_bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (!isdigit(value.data[i]) && (i != 0 || value.data[i] != '-'))
            return false;
    }
    return value.len >= 16;
}

/* The digits that the row has for it, when there is no doubt. */
static struct dj_bytes own_digits(const struct dj_row *row, double number)
{
    struct dj_bytes found = DJ_BYTES_LIT("");

    for (size_t i = 0; i < row->n; i++) {
        struct dj_bytes value = dj_buf_bytes(&row->cells[i].value);

        if (!is_large_int(value) || strtod(dj_buf_str(&row->cells[i].value), NULL) != number)
            continue;
        if (found.len != 0 && !dj_bytes_equal(found, value))
            return DJ_BYTES_LIT("");
        found = value;
    }
    return found;
}

/* Ends the output. */
static void print(struct dj_buf *buf, const struct dj_row *row, jv output)
{
    bool number = jv_get_kind(output) == JV_KIND_NUMBER;
    double value = number ? jv_number_value(output) : 0;
    struct dj_bytes own = DJ_BYTES_LIT("");

    if (value >= 9007199254740992.0 || value <= -9007199254740992.0)
        own = own_digits(row, value);
    if (own.len != 0) {
        jv_free(output);
        dj_buf_add_bytes(buf, own);
        return;
    }
    output = jv_dump_string(output, 0);
    dj_buf_add(buf, jv_string_value(output), (size_t)jv_string_length_bytes(jv_copy(output)));
    jv_free(output);
}

/* ---- running --------------------------------------------------------------------------------- */

/* Ends the output. */
static int failed(const struct dj_expression *expression, jv output, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    jv message = jv_invalid_get_msg(output);

    if (jv_get_kind(message) != JV_KIND_STRING)
        message = jv_dump_string(message, 0);
    dj_add_printable(&shown, dj_bytes(jv_string_value(message),
                                      (size_t)jv_string_length_bytes(jv_copy(message))));
    jv_free(message);
    return dj_err_set(err, EINVAL, "%s: %s", expression->text, dj_buf_str(&shown));
}

static int evaluate(struct dj_expression *expression, const struct dj_row *row,
                    dj_value_fn *value, void *cookie, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    jv input, output;
    int rc = 0;

    dj_buf_clear(&expression->input);
    dj_row_print(&expression->input, row);
    input = jv_parse_sized(dj_buf_str(&expression->input), (int)expression->input.len);
    if (!jv_is_valid(input))
        return failed(expression, input, err);
    jq_start(expression->jq, input, 0);
    while (rc == 0 && jv_is_valid(output = jq_next(expression->jq))) {
        dj_buf_clear(&text);
        print(&text, row, output);
        rc = value(cookie, dj_buf_bytes(&text), err);
    }
    if (rc != 0)
        return rc;
    if (jq_halted(expression->jq)) {
        jv_free(output);
        return dj_err_set(err, EINVAL, "%s: it halts, and there are more rows", expression->text);
    }
    if (jv_invalid_has_msg(jv_copy(output)))
        return failed(expression, output, err);
    jv_free(output);
    return 0;
}

int dj_expression_run(struct dj_expression *expression, const struct dj_row *row,
                      dj_value_fn *value, void *cookie, struct dj_err *err)
{
    struct dj_bytes found;
    int rc;

    if (expression->simple && expression->path.len == 0) {
        dj_buf_clear(&expression->input);
        dj_row_print(&expression->input, row);
        return value(cookie, dj_strip(dj_buf_bytes(&expression->input)), err);
    }
    if (expression->simple) {
        found = dj_row_get_path(row, expression->path);
        if (found.len != 0)
            return value(cookie, found, err);
    }
    rc = prepare(expression, err); /* what is not there: null, or jq's complaint */
    return rc < 0 ? rc : evaluate(expression, row, value, cookie, err);
}

struct one {
    struct dj_buf *buf;
    size_t n;
};

static int keep_first(void *cookie, struct dj_bytes value, struct dj_err *err)
{
    struct one *one = cookie;

    (void)err;
    if (one->n++ != 0)
        return 1;
    dj_buf_add_bytes(one->buf, value);
    return 0;
}

int dj_expression_one(struct dj_expression *expression, const struct dj_row *row,
                      struct dj_buf *buf, struct dj_err *err)
{
    struct one one = {.buf = buf};
    int rc = dj_expression_run(expression, row, keep_first, &one, err);

    if (rc < 0 || one.n == 1)
        return rc;
    return dj_err_set(err, EINVAL, "%s: it gives %s, and one value is wanted", expression->text,
                      one.n == 0 ? "none" : "several");
}

int dj_expression_holds(struct dj_expression *expression, const struct dj_row *row, bool *ret,
                        struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf value = DJ_BUF_INIT;
    struct one one = {.buf = &value};
    int rc = dj_expression_run(expression, row, keep_first, &one, err);

    if (rc == 1)
        return dj_err_set(err, EINVAL, "%s: it gives several, and one value is wanted",
                          expression->text);
    *ret = one.n == 1 && !dj_bytes_is(dj_buf_bytes(&value), "false") &&
           !dj_bytes_is(dj_buf_bytes(&value), "null");
    return rc;
}

#include "lib/model/axes.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/model/expression.h"
#include "lib/model/json_text.h"
#include "lib/model/row_text.h"
#include "lib/model/series.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct axis {
    char *path;
    struct dj_series series;
    struct dj_expression *expression; /* instead of a series */
    bool zipped;
    struct dj_row row;                /* what this axis has made of it */
    struct dj_buf value;
};

struct dj_axes {
    struct axis **items;
    size_t n, cap;
    struct axis *last; /* that a word named */
    /* While rows are made: */
    bool zipping;      /* the first zipped axis has chosen */
    uint64_t at;       /* which */
    dj_row_fn *each;
    void *cookie;
};

struct dj_axes *dj_axes_new(void)
{
    return dj_xcalloc(1, sizeof(struct dj_axes));
}

void dj_axes_free(struct dj_axes *axes)
{
    if (axes == NULL)
        return;
    for (size_t i = 0; i < axes->n; i++) {
        struct axis *axis = axes->items[i];

        free(axis->path);
        dj_series_release(&axis->series);
        dj_expression_free(axis->expression);
        dj_row_release(&axis->row);
        dj_buf_release(&axis->value);
        free(axis);
    }
    free(axes->items);
    free(axes);
}

/* ---- words ----------------------------------------------------------------------------------- */

int dj_assignment_split(struct dj_bytes word, struct dj_bytes *ret_path, struct dj_bytes *ret_value,
                        bool *ret_expression, struct dj_err *err)
{
    const uint8_t *equals = word.len == 0 ? NULL : memchr(word.data, '=', word.len);
    size_t len = equals == NULL ? 0 : (size_t)(equals - word.data);
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    dj_add_printable(&shown, word);
    if (equals == NULL)
        return dj_err_set(err, EINVAL, "%s is neither COL=VALUE nor COL:=EXPRESSION",
                          dj_buf_str(&shown));
    *ret_expression = len > 0 && word.data[len - 1] == ':';
    *ret_value = dj_bytes_from(word, len + 1);
    *ret_path = dj_bytes(word.data, len - *ret_expression);
    return dj_path_check(*ret_path, err) < 0 ? dj_err_prefix(err, -EINVAL, "%s", dj_buf_str(&shown))
                                             : 0;
}

int dj_value_word(struct dj_buf *buf, struct dj_bytes text, struct dj_err *err)
{
    dj_cleanup_err struct dj_err why = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    struct dj_bytes value;

    if (text.len == 0 || strchr("{[\"", text.data[0]) == NULL) {
        dj_cell_typed(buf, text);
        return 0;
    }
    if (dj_json_is_whole(text, &value)) {
        dj_json_one_line(buf, value);
        return 0;
    }
    dj_add_printable(&shown, text);
    if (dj_json_span(text, &value, &why) == 0)
        dj_err_set(&why, EINVAL, "this is not JSON: something follows the value");
    return dj_err_set(err, EINVAL, "%s: %s; text that begins so is written as a JSON string",
                      dj_buf_str(&shown), dj_err_text(&why, -EINVAL));
}

static struct axis *axis_of(struct dj_axes *axes, struct dj_bytes path)
{
    struct axis *axis;

    for (size_t i = 0; i < axes->n; i++) {
        if (dj_bytes_is(path, axes->items[i]->path))
            return axes->items[i];
    }
    axes->items = dj_xgrow(axes->items, &axes->cap, axes->n + 1, sizeof(struct axis *));
    axis = axes->items[axes->n++] = dj_xcalloc(1, sizeof(*axis));
    axis->path = dj_xmemdup0(path.data, path.len);
    return axis;
}

static int add_value(struct axis *axis, struct dj_bytes text, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf value = DJ_BUF_INIT;
    int rc = dj_value_word(&value, text, err);

    if (rc == 0)
        dj_buf_add_bytes(dj_series_value(&axis->series), dj_buf_bytes(&value));
    return rc;
}

/* {a;b} is no JSON; {} and {"a":";"} are. */
static int add_set(struct axis *axis, struct dj_bytes text, struct dj_err *err)
{
    struct dj_bytes inside = dj_series_inside(text), value = {NULL, 0};
    int rc = 0;

    while (rc == 0 && dj_series_next(&inside, &value))
        rc = add_value(axis, value, err);
    return rc;
}

static int add_expression(struct axis *axis, bool fresh, struct dj_bytes text, struct dj_err *err)
{
    dj_cleanup_free char *copy = dj_xmemdup0(text.data, text.len);

    if (!fresh)
        return dj_err_set(err, EINVAL,
                          "an expression gives all values of a column; it stands alone");
    axis->expression = dj_expression_new(copy, err);
    return axis->expression == NULL ? -EINVAL : 0;
}

int dj_axes_word(struct dj_axes *axes, struct dj_bytes word, struct dj_buf *ret_file,
                 struct dj_err *err)
{
    size_t before = axes->n;
    struct dj_bytes path, value, whole;
    bool expression;
    struct axis *axis;
    int rc = dj_assignment_split(word, &path, &value, &expression, err);

    if (rc < 0)
        return rc;
    axis = axes->last = axis_of(axes, path);
    if (expression || axis->expression != NULL)
        rc = add_expression(axis, expression && before != axes->n, value, err);
    else if (value.len > 1 && value.data[0] == '@' && value.data[1] != '@') {
        dj_buf_set(ret_file, dj_bytes_from(value, 1));
        return 1;
    } else if (value.len > 1 && value.data[0] == '@') { /* @@ is an @ */
        rc = add_value(axis, dj_bytes_from(value, 1), err);
    } else if (dj_series_is_set(value) && memchr(value.data, ';', value.len) != NULL &&
               !dj_json_is_whole(value, &whole)) {
        rc = add_set(axis, value, err);
    } else {
        rc = dj_series_range(&axis->series, value, err);
        if (rc == 0)
            rc = add_value(axis, value, err);
    }
    return rc < 0 ? dj_err_prefix(err, rc, "%s", axis->path) : 0;
}

int dj_axes_lines(struct dj_axes *axes, struct dj_bytes text, struct dj_err *err)
{
    struct dj_bytes line;
    size_t n = 0;
    int rc = 0;

    while (rc == 0 && dj_next_line(&text, &line)) {
        n++;
        rc = add_value(axes->last, line, err);
    }
    return rc < 0 ? dj_err_prefix(err, rc, "%s: line %zu", axes->last->path, n) : 0;
}

int dj_axes_ready(struct dj_axes *axes, bool zip, struct dj_err *err)
{
    const struct axis *first = NULL;
    uint64_t product = 1;

    for (size_t i = 0; i < axes->n; i++) {
        struct axis *axis = axes->items[i];

        axis->zipped = zip && axis->expression == NULL && axis->series.n != 1;
        if (axis->zipped && first != NULL && axis->series.n != first->series.n)
            return dj_err_set(err, EINVAL, "--zip: %s has %llu values, and %s has %llu",
                              first->path, (unsigned long long)first->series.n, axis->path,
                              (unsigned long long)axis->series.n);
        if (axis->expression == NULL && !(axis->zipped && first != NULL) &&
            !dj_series_times(product, axis->series.n, &product))
            return dj_err_set(err, EINVAL, "these are too many rows");
        if (axis->zipped && first == NULL)
            first = axis;
    }
    return 0;
}

uint64_t dj_axes_count(const struct dj_axes *axes)
{
    bool zipped = false;
    uint64_t product = 1;

    for (size_t i = 0; i < axes->n; i++) {
        const struct axis *axis = axes->items[i];

        if (axis->expression != NULL)
            return 0;
        if (!(axis->zipped && zipped))
            product *= axis->series.n;
        zipped = zipped || axis->zipped;
    }
    return product;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int spread(struct dj_axes *axes, size_t level, const struct dj_row *row, struct dj_err *err);

static int take(struct dj_axes *axes, size_t level, const struct dj_row *row,
                struct dj_bytes value, struct dj_err *err)
{
    struct axis *axis = axes->items[level];
    int rc;

    dj_row_copy(&axis->row, row);
    rc = dj_row_set_path(&axis->row, dj_bytes_of(axis->path), value, err);
    return rc < 0 ? rc : spread(axes, level + 1, &axis->row, err);
}

struct output {
    struct dj_axes *axes;
    size_t level;
    const struct dj_row *row;
};

static int take_output(void *cookie, struct dj_bytes value, struct dj_err *err)
{
    struct output *output = cookie;

    return take(output->axes, output->level, output->row, value, err);
}

static int take_at(struct dj_axes *axes, size_t level, const struct dj_row *row, uint64_t i,
                   struct dj_err *err)
{
    struct axis *axis = axes->items[level];

    dj_buf_clear(&axis->value);
    dj_series_at(&axis->series, i, &axis->value);
    return take(axes, level, row, dj_buf_bytes(&axis->value), err);
}

static int spread(struct dj_axes *axes, size_t level, const struct dj_row *row, struct dj_err *err)
{
    struct output output = {axes, level, row};
    struct axis *axis = level == axes->n ? NULL : axes->items[level];
    bool chooses;
    int rc = 0;

    if (axis == NULL)
        return axes->each(axes->cookie, row, err);
    if (axis->expression != NULL)
        return dj_expression_run(axis->expression, row, take_output, &output, err);
    if (axis->zipped && axes->zipping)
        return take_at(axes, level, row, axes->at, err);
    chooses = axis->zipped;
    for (uint64_t i = 0; rc == 0 && i < axis->series.n; i++) {
        axes->zipping = axes->zipping || chooses;
        if (chooses)
            axes->at = i;
        rc = take_at(axes, level, row, i, err);
    }
    if (chooses)
        axes->zipping = false;
    return rc;
}

int dj_axes_apply(struct dj_axes *axes, const struct dj_row *row, dj_row_fn *each, void *cookie,
                  struct dj_err *err)
{
    axes->each = each;
    axes->cookie = cookie;
    axes->zipping = false;
    return spread(axes, 0, row, err);
}

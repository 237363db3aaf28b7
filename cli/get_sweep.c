/*
 * dj get TASK with series among its arguments: a result for every combination. (command.h)
 *
 * An int parameter takes LO..HI[..STEP], and where it can be no value {a;b;c} is a series, too: of
 * int, float, bool and json. What looks like a series elsewhere is the text that it is.
 */
#include <errno.h>
#include <stdlib.h>

#include "cli/map.h"
#include "lib/model/json.h"
#include "lib/model/json_text.h"
#include "lib/model/series.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { CALLS_MAX = 1000000 };

struct axis {
    const struct dj_param *param; /* NULL: not bound */
    struct dj_series series;
};

struct sweep {
    const struct dj_params *params;
    struct axis *axes; /* in the order of the arguments */
    size_t n;
    bool varies;
};

/* A value as a row has it. */
static int add_value(struct axis *axis, struct dj_bytes text, struct dj_err *err)
{
    struct dj_buf *value = dj_series_value(&axis->series);
    struct dj_bytes json;

    if (axis->param->type != DJ_JSON) {
        dj_json_string(value, text);
        return 0;
    }
    if (!dj_json_is_whole(text, &json))
        return dj_err_set(err, EINVAL, "%s: this is not JSON", axis->param->name);
    dj_json_one_line(value, json);
    return 0;
}

static int add_set(struct axis *axis, struct dj_bytes text, struct dj_err *err)
{
    struct dj_bytes inside = dj_series_inside(text), value = {NULL, 0};
    int rc = 0;

    while (rc == 0 && dj_series_next(&inside, &value))
        rc = add_value(axis, value, err);
    return rc;
}

/* Where {a;b} is no value: a text can be just that, and means it. */
static bool has_sets(enum dj_type type)
{
    return type == DJ_INT || type == DJ_FLOAT || type == DJ_BOOL || type == DJ_JSON;
}

/* 1: it is a series. */
static int take_value(struct axis *axis, struct dj_bytes text, struct dj_err *err)
{
    struct dj_bytes json;
    int rc = axis->param->type == DJ_INT ? dj_series_range(&axis->series, text, err) : 0;

    if (rc != 0)
        return rc < 0 ? dj_err_prefix(err, rc, "%s", axis->param->name) : 1;
    if (has_sets(axis->param->type) && dj_series_is_set(text) &&
        memchr(text.data, ';', text.len) != NULL &&
        !(axis->param->type == DJ_JSON && dj_json_is_whole(text, &json))) {
        rc = add_set(axis, text, err);
        return rc < 0 ? rc : 1;
    }
    return add_value(axis, text, err);
}

static bool is_bound(const struct sweep *sweep, const struct dj_param *param)
{
    for (size_t i = 0; i < sweep->n; i++) {
        if (sweep->axes[i].param == param)
            return true;
    }
    return false;
}

static const struct dj_param *next_unbound(const struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->params->n; i++) {
        if (!is_bound(sweep, &sweep->params->items[i]))
            return &sweep->params->items[i];
    }
    return NULL;
}

/* As dj_args_bind() has it. 1: what these words are is not for us to say: one call. */
static int take_word(struct sweep *sweep, struct dj_bytes word, struct dj_err *err)
{
    const uint8_t *equals = word.len == 0 ? NULL : memchr(word.data, '=', word.len);
    struct axis *axis = &sweep->axes[sweep->n];
    int rc;

    if (equals != NULL)
        axis->param = dj_params_find(sweep->params,
                                     dj_bytes(word.data, (size_t)(equals - word.data)));
    if (axis->param != NULL)
        word = dj_bytes_from(word, (size_t)(equals - word.data) + 1);
    else
        axis->param = next_unbound(sweep);
    if (axis->param == NULL || axis->param->list || is_bound(sweep, axis->param))
        return 1;
    sweep->n++;
    rc = take_value(axis, word, err);
    sweep->varies = sweep->varies || rc == 1;
    return rc < 0 ? rc : 0;
}

static int take_words(struct sweep *sweep, int argc, char **argv, uint64_t *ret_calls,
                      struct dj_err *err)
{
    int rc = 0;

    *ret_calls = 1;
    sweep->axes = dj_xcalloc((size_t)argc, sizeof(*sweep->axes));
    for (int i = 0; rc == 0 && i < argc; i++)
        rc = take_word(sweep, dj_bytes_of(argv[i]), err);
    if (rc != 0 || !sweep->varies)
        return rc < 0 ? rc : 1;
    for (size_t i = 0; i < sweep->n; i++) {
        if (!dj_series_times(*ret_calls, sweep->axes[i].series.n, ret_calls) ||
            *ret_calls > CALLS_MAX)
            return dj_err_set(err, EINVAL, "these are more than %d calls; `dj frame` and `dj map`"
                              " take any number", CALLS_MAX);
    }
    return 0;
}

static void add_row(const struct sweep *sweep, uint64_t i, struct dj_buf *ret)
{
    uint64_t below = 1;

    for (size_t k = 1; k < sweep->n; k++)
        below *= sweep->axes[k].series.n;
    for (size_t k = 0; k < sweep->n; k++) {
        const struct axis *axis = &sweep->axes[k];

        dj_buf_addf(ret, "%s\"%s\":", k == 0 ? "{" : ",", axis->param->name);
        dj_series_at(&axis->series, i / below % axis->series.n, ret);
        if (k + 1 < sweep->n)
            below /= sweep->axes[k + 1].series.n;
    }
    dj_buf_adds(ret, "}\n");
}

static void sweep_release(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->n; i++)
        dj_series_release(&sweep->axes[i].series);
    free(sweep->axes);
}

int dj_get_sweep(struct dj_cli *cli, struct dj_get_options *options, int argc, char **argv)
{
    struct dj_map_options map = {.task = argv[0], .as = "result", .session = options->session,
                                 .launch = options->launch, .flags = options->flags,
                                 .timeout_ms = options->timeout_ms,
                                 .raw = true};
    dj_cleanup_rows struct dj_rows rows = DJ_ROWS_INIT;
    dj_cleanup_params struct dj_params params = DJ_PARAMS_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct sweep sweep = {.params = &params};
    uint64_t calls = 0;
    int rc = dj_connect(cli, true, &err);

    if (rc == 0 && dj_task_params(cli, argv[0], &params, &err) < 0) {
        dj_err_release(&err);
        rc = 1; /* what is wrong with the task the call says */
    }
    if (rc == 0)
        rc = take_words(&sweep, argc - 1, argv + 1, &calls, &err);
    if (rc == 0 && (options->ignore.n != 0 || options->keep.n != 0))
        rc = dj_err_set(&err, EINVAL, "--ignore and --keep are for one call");
    for (uint64_t i = 0; rc == 0 && i < calls; i++)
        add_row(&sweep, i, &rows.in);
    sweep_release(&sweep);
    if (rc < 0)
        return dj_fail(rc, &err);
    if (rc == 1)
        return dj_get_one(cli, options, argc, argv);
    rows.at_end = true;
    rows.reader.file = argv[0];
    return dj_map(cli, &map, &rows, 0, NULL);
}

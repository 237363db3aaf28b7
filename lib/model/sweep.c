#include "lib/model/sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "lib/model/bind.h"
#include "lib/model/name.h"
#include "lib/model/sweep_impl.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct sweep_axis *sweep_axis(const struct dj_sweep *sweep, size_t i)
{
    return DJ_LIST_AT(&sweep->axes, struct sweep_axis, i);
}

static void axis_release(struct sweep_axis *axis)
{
    dj_series_release(&axis->range);
    for (size_t i = 0; i < axis->members.n; i++)
        dj_scalar_release(&DJ_LIST_AT(&axis->members, struct sweep_member, i)->scalar);
    free(axis->members.items);
}

void dj_sweep_ref(struct dj_sweep *sweep)
{
    sweep->refs++;
}

void dj_sweep_unref(struct dj_sweep *sweep)
{
    if (sweep == NULL || --sweep->refs != 0)
        return;
    for (size_t i = 0; i < sweep->axes.n; i++)
        axis_release(sweep_axis(sweep, i));
    free(sweep->axes.items);
    dj_params_release(&sweep->params);
    free(sweep->task);
    free(sweep);
}

/* ---- counted --------------------------------------------------------------------------------- */

static bool same_scalar(const struct dj_scalar *one, const struct dj_scalar *other)
{
    return dj_bytes_equal(dj_buf_bytes(&one->text), dj_buf_bytes(&other->text)) &&
           dj_bytes_equal(dj_buf_bytes(&one->prefix), dj_buf_bytes(&other->prefix));
}

static int compare(const void *a, const void *b)
{
    const struct dj_scalar *one = &(*(struct sweep_member *const *)a)->scalar;
    const struct dj_scalar *other = &(*(struct sweep_member *const *)b)->scalar;
    int rc = dj_bytes_cmp(dj_buf_bytes(&one->text), dj_buf_bytes(&other->text));

    if (rc == 0)
        rc = dj_bytes_cmp(dj_buf_bytes(&one->prefix), dj_buf_bytes(&other->prefix));
    if (rc != 0)
        return rc;
    /* In their order. */
    return *(struct sweep_member *const *)a < *(struct sweep_member *const *)b ? -1 : 1;
}

/* Which members are not the first of their value. */
static void mark_again(struct sweep_axis *axis)
{
    dj_cleanup_free struct sweep_member **sorted = dj_xcalloc(axis->members.n + 1, sizeof(*sorted));

    for (size_t i = 0; i < axis->members.n; i++)
        sorted[i] = DJ_LIST_AT(&axis->members, struct sweep_member, i);
    qsort(sorted, axis->members.n, sizeof(struct sweep_member *), compare);
    for (size_t i = 1; i < axis->members.n; i++)
        sorted[i]->again = same_scalar(&sorted[i - 1]->scalar, &sorted[i]->scalar);
}

static int count_rows(struct dj_sweep *sweep, struct dj_err *err)
{
    bool empty = false;

    sweep->rows = 1;
    for (size_t i = 0; i < sweep->axes.n; i++) {
        empty = empty || sweep_axis(sweep, i)->n == 0;
        mark_again(sweep_axis(sweep, i));
    }
    for (size_t i = 0; !empty && i < sweep->axes.n; i++) {
        if (__builtin_mul_overflow(sweep->rows, sweep_axis(sweep, i)->n, &sweep->rows) ||
            sweep->rows > DJ_SWEEP_MAX)
            return dj_err_set(err, E2BIG, "%s: these are more than %" PRIu64 " runs", sweep->task,
                              DJ_SWEEP_MAX);
    }
    if (empty)
        sweep->rows = 0;
    return 0;
}

static void bind(const struct dj_sweep *sweep, uint64_t row, struct dj_binder *binder)
{
    uint64_t below = sweep->rows;

    dj_binder_init(binder, sweep->task, &sweep->params, sweep->counted_only);
    for (size_t i = 0; i < sweep->axes.n; i++) {
        const struct sweep_axis *axis = sweep_axis(sweep, i);
        struct dj_scalar *scalar;
        uint64_t at;

        binder->given[axis->param] = true;
        if (axis->none)
            continue;
        scalar = dj_binder_add(binder, axis->param);
        if (axis->n == 0) /* nothing is ever computed of it */
            continue;
        below /= axis->n;
        at = below == 0 ? 0 : row / below % axis->n;
        if (axis->members.n == 0)
            dj_series_at(&axis->range, at, &scalar->text);
        else
            dj_scalar_copy(scalar,
                           &DJ_LIST_AT(&axis->members, struct sweep_member, (size_t)at)->scalar);
    }
}

/* All that is needed is given. */
static int check(const struct dj_sweep *sweep, struct dj_err *err)
{
    struct dj_binder binder DJ_CLEANUP(dj_binder_release) = {0};
    dj_cleanup_args struct dj_args args = DJ_ARGS_INIT;

    bind(sweep, 0, &binder);
    return dj_binder_finish(&binder, &args, err);
}

int sweep_finish(struct dj_sweep *sweep, struct dj_err *err)
{
    int rc = count_rows(sweep, err);

    return rc == 0 ? check(sweep, err) : rc;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static bool same_default(const struct dj_value *one, const struct dj_value *other)
{
    if (one->n != other->n)
        return false;
    for (size_t i = 0; i < one->n; i++) {
        if (!same_scalar(&one->scalars[i], &other->scalars[i]))
            return false;
    }
    return true;
}

bool dj_sweep_fits(const struct dj_sweep *sweep, const struct dj_params *params)
{
    if (params->n != sweep->params.n)
        return false;
    for (size_t i = 0; i < params->n; i++) {
        const struct dj_param *mine = &sweep->params.items[i], *other = &params->items[i];

        if (!dj_param_same_key(mine, other) || mine->has_default != other->has_default ||
            (mine->has_default && !same_default(&mine->default_value, &other->default_value)))
            return false;
    }
    return true;
}

uint64_t dj_sweep_rows(const struct dj_sweep *sweep)
{
    return sweep->rows;
}

void dj_sweep_args(const struct dj_sweep *sweep, uint64_t row, struct dj_args *ret)
{
    struct dj_binder binder DJ_CLEANUP(dj_binder_release) = {0};

    bind(sweep, row, &binder);
    if (dj_binder_finish(&binder, ret, NULL) < 0)
        abort(); /* it was checked */
}

void dj_sweep_columns(const struct dj_sweep *sweep, const struct dj_args *args, struct dj_row *ret)
{
    dj_row_clear(ret);
    for (size_t i = 0; i < sweep->axes.n; i++) {
        size_t param = sweep_axis(sweep, i)->param;
        struct dj_bytes name = dj_bytes_of(sweep->params.items[param].name);
        const struct dj_value *value = args == NULL ? NULL : &args->values[param];

        if (dj_row_find(ret, name) >= 0)
            continue;
        if (value == NULL || (!value->list && value->n == 0))
            dj_buf_adds(dj_row_set(ret, name), "null");
        else
            dj_value_json(dj_row_set(ret, name), value);
    }
}

/* How many rows at least are to be passed by: those with the same repeated value. */
static uint64_t repeated(const struct dj_sweep *sweep, uint64_t row)
{
    uint64_t below = sweep->rows;

    for (size_t i = 0; i < sweep->axes.n; i++) {
        const struct sweep_axis *axis = sweep_axis(sweep, i);

        below /= axis->n;
        if (axis->members.n != 0 &&
            DJ_LIST_AT(&axis->members, struct sweep_member, (size_t)(row / below % axis->n))->again)
            return below - row % below;
    }
    return 0;
}

uint64_t dj_sweep_first_from(const struct dj_sweep *sweep, uint64_t row)
{
    uint64_t more = 1;

    while (row < sweep->rows && (more = repeated(sweep, row)) != 0)
        row += more;
    return DJ_MIN(row, sweep->rows);
}

void dj_sweep_spelling(const struct dj_sweep *sweep, uint64_t row, struct dj_buf *buf)
{
    dj_cleanup_args struct dj_args args = DJ_ARGS_INIT;
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

    dj_sweep_args(sweep, row, &args);
    dj_name_spelled(&name, &args);
    if (dj_name_is_hashed(dj_buf_bytes(&name))) {
        dj_buf_clear(&name);
        dj_name_long(&name, &args);
    }
    dj_buf_add_bytes(buf, dj_buf_bytes(&name));
}

static const char numbered[] = "%r";

/* With what is ignored the name would be too long, so it is that of other rows, too. */
static bool leaves_out(const struct dj_args *args, struct dj_bytes name)
{
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;

    if (!dj_args_ignored(args))
        return false;
    dj_name_canonical(&canonical, args);
    return dj_bytes_equal(dj_buf_bytes(&canonical), name);
}

bool dj_sweep_is_numbered(struct dj_bytes link)
{
    return dj_bytes_starts(link, dj_bytes_of(numbered));
}

void dj_sweep_link(const struct dj_sweep *sweep, uint64_t row, struct dj_buf *buf)
{
    dj_cleanup_args struct dj_args args = DJ_ARGS_INIT;
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

    dj_sweep_args(sweep, row, &args);
    dj_name_spelled(&name, &args);
    if (dj_name_is_hashed(dj_buf_bytes(&name)) || leaves_out(&args, dj_buf_bytes(&name)) ||
        dj_bytes_is(dj_buf_bytes(&name), "results") ||
        dj_bytes_is(dj_buf_bytes(&name), "table.csv"))
        dj_buf_addf(buf, "%s%" PRIu64, numbered, row);
    else
        dj_buf_add_bytes(buf, dj_buf_bytes(&name));
}

/* Which value of an axis the j-th one of its parameter is; the first of equal ones. */
static bool place_of(const struct sweep_axis *axis, const struct dj_value *value, size_t j,
                     uint64_t *ret)
{
    const struct dj_scalar *scalar;
    int64_t number;

    if (j >= value->n)
        return false;
    scalar = &value->scalars[j];
    if (axis->members.n == 0)
        return dj_parse_int(dj_buf_bytes(&scalar->text), &number, NULL) == 0 &&
               dj_series_place(&axis->range, number, ret);
    for (size_t i = 0; i < axis->members.n; i++) {
        if (same_scalar(&DJ_LIST_AT(&axis->members, struct sweep_member, i)->scalar, scalar)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool find_args(const struct dj_sweep *sweep, const struct dj_args *args, uint64_t *ret)
{
    dj_cleanup_free size_t *seen = dj_xcalloc(sweep->params.n + 1, sizeof(*seen));

    *ret = 0;
    for (size_t i = 0; i < sweep->axes.n; i++) {
        const struct sweep_axis *axis = sweep_axis(sweep, i);
        uint64_t at = 0;

        if (axis->none)
            continue;
        if (!place_of(axis, &args->values[axis->param], seen[axis->param]++, &at))
            return false;
        *ret = *ret * axis->n + at;
    }
    return true;
}

/* A row has one name, so that one is found only when it is that. */
bool dj_sweep_find(const struct dj_sweep *sweep, struct dj_bytes link, uint64_t *ret)
{
    dj_cleanup_buf struct dj_buf own = DJ_BUF_INIT;
    dj_cleanup_args struct dj_args args = DJ_ARGS_INIT;

    if (sweep->rows == 0)
        return false;
    if (dj_sweep_is_numbered(link)) {
        if (dj_parse_uint(dj_bytes_from(link, strlen(numbered)), ret, NULL) < 0)
            return false;
    } else if (dj_name_parse(sweep->task, &sweep->params, link, &args, NULL) < 0 ||
               !find_args(sweep, &args, ret)) {
        return false;
    }
    if (*ret >= sweep->rows || dj_sweep_first_from(sweep, *ret) != *ret)
        return false;
    dj_sweep_link(sweep, *ret, &own);
    return dj_bytes_equal(dj_buf_bytes(&own), link);
}

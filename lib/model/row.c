#include "lib/model/row.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/model/json.h"
#include "lib/model/json_text.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"
#include "lib/util/utf8.h"

void dj_row_clear(struct dj_row *row)
{
    row->n = 0;
}

void dj_row_release(struct dj_row *row)
{
    for (size_t i = 0; i < row->cap; i++) {
        dj_buf_release(&row->cells[i].name);
        dj_buf_release(&row->cells[i].value);
    }
    free(row->cells);
    *row = (struct dj_row)DJ_ROW_INIT;
}

static struct dj_cell *add_cell(struct dj_row *row)
{
    struct dj_cell *cell;

    if (row->n == row->cap) {
        size_t cap = row->cap;

        row->cells = dj_xgrow(row->cells, &row->cap, row->n + 1, sizeof(*row->cells));
        memset(row->cells + cap, 0, (row->cap - cap) * sizeof(*row->cells));
    }
    cell = &row->cells[row->n++];
    dj_buf_clear(&cell->name);
    dj_buf_clear(&cell->value);
    return cell;
}

void dj_row_copy(struct dj_row *ret, const struct dj_row *row)
{
    dj_row_clear(ret);
    for (size_t i = 0; i < row->n; i++) {
        struct dj_cell *cell = add_cell(ret);

        dj_buf_add_bytes(&cell->name, dj_buf_bytes(&row->cells[i].name));
        dj_buf_add_bytes(&cell->value, dj_buf_bytes(&row->cells[i].value));
    }
}

long dj_row_find(const struct dj_row *row, struct dj_bytes name)
{
    for (size_t i = 0; i < row->n; i++) {
        if (dj_bytes_equal(dj_buf_bytes(&row->cells[i].name), name))
            return (long)i;
    }
    return -1;
}

struct dj_bytes dj_row_get(const struct dj_row *row, struct dj_bytes name)
{
    long at = dj_row_find(row, name);

    return at < 0 ? DJ_BYTES_LIT("") : dj_buf_bytes(&row->cells[at].value);
}

struct dj_buf *dj_row_set(struct dj_row *row, struct dj_bytes name)
{
    long at = dj_row_find(row, name);
    struct dj_cell *cell = at < 0 ? add_cell(row) : &row->cells[at];

    if (at < 0)
        dj_buf_add_bytes(&cell->name, name);
    dj_buf_clear(&cell->value);
    return &cell->value;
}

/* The cell goes to the end with its memory. */
void dj_row_remove(struct dj_row *row, struct dj_bytes name)
{
    long at = dj_row_find(row, name);
    struct dj_cell cell;

    if (at < 0)
        return;
    cell = row->cells[at];
    row->n--;
    memmove(row->cells + at, row->cells + at + 1, (row->n - (size_t)at) * sizeof(cell));
    row->cells[row->n] = cell;
}

/* ---- paths ----------------------------------------------------------------------------------- */

int dj_path_check(struct dj_bytes path, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    bool empty = path.len == 0 || path.data[0] == '.' || path.data[path.len - 1] == '.';

    for (size_t i = 1; i < path.len; i++)
        empty = empty || (path.data[i] == '.' && path.data[i - 1] == '.');
    dj_add_printable(&shown, path);
    if (empty)
        return dj_err_set(err, EINVAL, "%s%sa column needs a name", dj_buf_str(&shown),
                          path.len == 0 ? "" : ": ");
    if (!dj_utf8_ok(path) || memchr(path.data, '\0', path.len) != NULL)
        return dj_err_set(err, EINVAL, "%s: the name of a column is UTF-8", dj_buf_str(&shown));
    return 0;
}

static struct dj_bytes head_of(struct dj_bytes path)
{
    const uint8_t *dot = memchr(path.data, '.', path.len);

    return dot == NULL ? path : dj_bytes(path.data, (size_t)(dot - path.data));
}

int dj_row_set_path(struct dj_row *row, struct dj_bytes path, struct dj_bytes value,
                    struct dj_err *err)
{
    struct dj_bytes head = head_of(path);
    dj_cleanup_buf struct dj_buf next = DJ_BUF_INIT;
    int rc;

    if (head.len == path.len || dj_row_find(row, path) >= 0) {
        dj_buf_add_bytes(dj_row_set(row, path), value);
        return 0;
    }
    rc = dj_json_set_path(&next, dj_row_get(row, head), dj_bytes_from(path, head.len + 1), value,
                          err);
    if (rc < 0) {
        dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

        dj_add_printable(&shown, path);
        return dj_err_prefix(err, rc, "%s", dj_buf_str(&shown));
    }
    dj_buf_add_bytes(dj_row_set(row, head), dj_buf_bytes(&next));
    return 0;
}

struct dj_bytes dj_row_get_path(const struct dj_row *row, struct dj_bytes path)
{
    struct dj_bytes head = head_of(path), value = dj_row_get(row, path);

    if (value.len != 0 || head.len == path.len)
        return value;
    value = dj_row_get(row, head);
    while (value.len != 0 && head.len < path.len) {
        struct dj_json_walk walk = dj_json_walk(value);
        bool object = value.data[0] == '{';

        path = dj_bytes_from(path, head.len + 1);
        head = head_of(path);
        value = DJ_BYTES_LIT("");
        while (object && dj_json_next(&walk)) {
            if (dj_json_name_is(walk.name, head))
                value = walk.value;
        }
    }
    return value;
}

/* ---- text ------------------------------------------------------------------------------------ */

static int take_members(struct dj_row *row, struct dj_bytes object, struct dj_err *err)
{
    struct dj_json_walk walk = dj_json_walk(object);
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

    while (dj_json_next(&walk)) {
        dj_buf_clear(&name);
        dj_json_unquote(&name, walk.name);
        if (dj_row_find(row, dj_buf_bytes(&name)) >= 0) {
            dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

            dj_add_printable(&shown, dj_buf_bytes(&name));
            return dj_err_set(err, EINVAL, "the column %s is there twice", dj_buf_str(&shown));
        }
        if (row->n == DJ_ROW_COLUMNS_MAX)
            return dj_err_set(err, EINVAL, "a row has at most %d columns", DJ_ROW_COLUMNS_MAX);
        dj_buf_add_bytes(dj_row_set(row, dj_buf_bytes(&name)), walk.value);
    }
    return 0;
}

int dj_row_parse(struct dj_row *row, struct dj_bytes line, struct dj_err *err)
{
    struct dj_bytes object;
    int rc;

    dj_row_clear(row);
    rc = dj_json_span(line, &object, err);
    if (rc < 0)
        return rc;
    if (object.data[0] != '{')
        return dj_err_set(err, EINVAL, "a row is a JSON object");
    if (dj_strip(dj_bytes_from(line, (size_t)(object.data - line.data) + object.len)).len != 0)
        return dj_err_set(err, EINVAL, "more than one JSON object stands in this line");
    return take_members(row, object, err);
}

void dj_row_print(struct dj_buf *buf, const struct dj_row *row)
{
    dj_buf_addc(buf, '{');
    for (size_t i = 0; i < row->n; i++) {
        if (i != 0)
            dj_buf_addc(buf, ',');
        dj_json_string(buf, dj_buf_bytes(&row->cells[i].name));
        dj_buf_addc(buf, ':');
        dj_json_one_line(buf, dj_buf_bytes(&row->cells[i].value));
    }
    dj_buf_adds(buf, "}\n");
}

/* What has no canonical form, such as an int that no 64 bits hold, is compared as it stands. */
static void canonical(struct dj_bytes text, struct dj_buf *ret)
{
    if (dj_json_canonical(text, ret, NULL) < 0)
        dj_buf_set(ret, text);
}

bool dj_cells_equal(struct dj_bytes a, struct dj_bytes b)
{
    dj_cleanup_buf struct dj_buf first = DJ_BUF_INIT, second = DJ_BUF_INIT;

    if (dj_bytes_equal(a, b))
        return true;
    if (a.len == 0 || b.len == 0)
        return false;
    canonical(a, &first);
    canonical(b, &second);
    return dj_bytes_equal(dj_buf_bytes(&first), dj_buf_bytes(&second));
}

bool dj_rows_equal(const struct dj_row *a, const struct dj_row *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (!dj_cells_equal(dj_buf_bytes(&a->cells[i].value),
                            dj_row_get(b, dj_buf_bytes(&a->cells[i].name))))
            return false;
    }
    return true;
}

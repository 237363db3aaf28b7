/*
 * A row: columns in their order, each a name and a JSON value that is carried byte for byte.
 *
 * Nothing converts what a row holds: 9007199254740993, 1.0 and {"b": 1, "a": 2} come out as they
 * went in. A row is filled anew many times; it keeps its memory until it is released.
 *
 * A *path* names a column, or with dots something inside of one: `net.lr` is the member lr of the
 * column net, unless there is a column whose whole name is net.lr (CSV has such).
 *
 * Pure. Values given out are good until the row changes.
 */
#ifndef DJ_MODEL_ROW_H
#define DJ_MODEL_ROW_H

#include <stdbool.h>

#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/err.h"

struct dj_cell {
    struct dj_buf name;  /* the bytes that it means */
    struct dj_buf value; /* JSON */
};

struct dj_row {
    struct dj_cell *cells;
    size_t n;
    size_t cap; /* cells behind n keep their memory */
};

#define DJ_ROW_INIT {NULL, 0, 0}
#define dj_cleanup_row DJ_CLEANUP(dj_row_release)

#define DJ_ROW_COLUMNS_MAX 2000 /* of what is read from outside */

void dj_row_clear(struct dj_row *row);
void dj_row_release(struct dj_row *row);
void dj_row_copy(struct dj_row *ret, const struct dj_row *row);

/* dj_row_get(row, name): its value; len 0 when there is no such column. */
struct dj_bytes dj_row_get(const struct dj_row *row, struct dj_bytes name);
/* dj_row_find(row, name): its place, -1. */
long dj_row_find(const struct dj_row *row, struct dj_bytes name);

/* dj_row_set(row, name): the value to be filled in, empty: an old column's, or that of a new one
 * at the end. */
struct dj_buf *dj_row_set(struct dj_row *row, struct dj_bytes name);
/* dj_row_remove(row, name): fine when it is not there. */
void dj_row_remove(struct dj_row *row, struct dj_bytes name);

/* dj_row_set_path(row, path, value, err): see above. -EINVAL. */
int dj_row_set_path(struct dj_row *row, struct dj_bytes path, struct dj_bytes value,
                    struct dj_err *err) DJ_MUST_CHECK;
/* dj_row_get_path(row, path): as dj_row_get(). */
struct dj_bytes dj_row_get_path(const struct dj_row *row, struct dj_bytes path);
/* dj_path_check(path, err): names separated by dots, none of them empty. -EINVAL. */
int dj_path_check(struct dj_bytes path, struct dj_err *err) DJ_MUST_CHECK;

/* dj_row_parse(row, line, err): a JSON object. -EINVAL: none, or a name twice. */
int dj_row_parse(struct dj_row *row, struct dj_bytes line, struct dj_err *err) DJ_MUST_CHECK;
/* dj_row_print(buf, row): as an object on one line, with its newline. */
void dj_row_print(struct dj_buf *buf, const struct dj_row *row);

/* dj_rows_equal(a, b): the same columns, in any order, with values that mean the same JSON: numbers
 * by their canonical form (1 and 1.0 are two values), objects in any order. */
bool dj_rows_equal(const struct dj_row *a, const struct dj_row *b);
bool dj_cells_equal(struct dj_bytes a, struct dj_bytes b);

#endif

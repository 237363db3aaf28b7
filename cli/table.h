/*
 * Facts in rows and columns, shown as an aligned table or as JSON; libsmartcols is used here and
 * nowhere else.
 *
 *     struct dj_table *table = dj_table_new(columns, DJ_ARRAY_SIZE(columns));
 *     dj_table_row(table);
 *     dj_table_text(table, dj_bytes_of("factorial"));      a cell after the other
 *     dj_table_number(table, 12);
 *     rc = dj_table_print(table, json, &err);
 *
 * Both are made from the same cells, so they tell the same. In the table a byte that the terminal
 * could take for a command, or that is no text of the locale, is shown as \xNN; in JSON what is no
 * UTF-8 becomes U+FFFD. Colours are for terminals without $NO_COLOR.
 */
#ifndef DJ_CLI_TABLE_H
#define DJ_CLI_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/buf.h"
#include "lib/util/err.h"

struct dj_column {
    const char *heading; /* of the table; NULL: JSON only */
    const char *member;  /* of a row's object in JSON */
    bool right;          /* numbers */
};

struct dj_table;

/* columns stays the caller's and must live as long as the table. */
struct dj_table *dj_table_new(const struct dj_column *columns, size_t n);
void dj_table_free(struct dj_table *table);
void dj_table_freep(struct dj_table **table);
#define dj_cleanup_table DJ_CLEANUP(dj_table_freep)

void dj_table_row(struct dj_table *table);

/* The next cell of the row. */
void dj_table_text(struct dj_table *table, struct dj_bytes text);
void dj_table_number(struct dj_table *table, uint64_t number);
void dj_table_size(struct dj_table *table, uint64_t bytes);     /* "4.0 KiB"; JSON: 4096 */
void dj_table_none(struct dj_table *table);                     /* "-"; JSON: null */
/* dj_table_cell(table, shown, json): any other value: as it is shown, and its JSON. */
void dj_table_cell(struct dj_table *table, struct dj_bytes shown, struct dj_bytes json);

/* dj_table_colour(table, name): of the cell that was added last: "red", "green" …; NULL: none. */
void dj_table_colour(struct dj_table *table, const char *name);

/* dj_table_without(table, member): the column is not shown; JSON has it all the same. */
void dj_table_without(struct dj_table *table, const char *member);

/* dj_table_json(buf, table): an array with an object for each row, without a newline behind it. */
void dj_table_json(struct dj_buf *buf, const struct dj_table *table);
/* dj_table_show(table, headings, err): on stdout. */
int dj_table_show(const struct dj_table *table, bool headings, struct dj_err *err) DJ_MUST_CHECK;

#endif

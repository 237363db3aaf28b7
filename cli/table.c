#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/model/codec.h"
#include "lib/model/json.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct cell {
    struct dj_buf shown;
    struct dj_buf json;
    const char *colour;
};

struct dj_table {
    const struct dj_column *columns;
    bool *hidden;
    size_t n;
    struct dj_list cells; /* struct cell, row behind row */
};

struct dj_table *dj_table_new(const struct dj_column *columns, size_t n)
{
    struct dj_table *table = dj_xcalloc(1, sizeof(*table));

    table->columns = columns;
    table->n = n;
    table->hidden = dj_xcalloc(n, sizeof(*table->hidden));
    for (size_t i = 0; i < n; i++)
        table->hidden[i] = columns[i].heading == NULL;
    return table;
}

static struct cell *cell_at(const struct dj_table *table, size_t i)
{
    return DJ_LIST_AT(&table->cells, struct cell, i);
}

void dj_table_free(struct dj_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->cells.n; i++) {
        dj_buf_release(&cell_at(table, i)->shown);
        dj_buf_release(&cell_at(table, i)->json);
    }
    free(table->cells.items);
    free(table->hidden);
    free(table);
}

void dj_table_freep(struct dj_table **table)
{
    dj_table_free(*table);
    *table = NULL;
}

/* ---- cells ----------------------------------------------------------------------------------- */

static struct cell *add_cell(struct dj_table *table)
{
    return dj_list_add(&table->cells, sizeof(struct cell));
}

/* What a row was not given is none. */
void dj_table_row(struct dj_table *table)
{
    while (table->cells.n % table->n != 0)
        dj_table_none(table);
}

void dj_table_cell(struct dj_table *table, struct dj_bytes shown, struct dj_bytes json)
{
    struct cell *cell = add_cell(table);

    dj_buf_add_bytes(&cell->shown, shown);
    dj_buf_add_bytes(&cell->json, json);
}

void dj_table_text(struct dj_table *table, struct dj_bytes text)
{
    struct cell *cell = add_cell(table);

    dj_buf_add_bytes(&cell->shown, text);
    dj_json_string(&cell->json, text);
}

void dj_table_number(struct dj_table *table, uint64_t number)
{
    struct cell *cell = add_cell(table);

    dj_buf_addf(&cell->shown, "%" PRIu64, number);
    dj_buf_addf(&cell->json, "%" PRIu64, number);
}

void dj_table_size(struct dj_table *table, uint64_t bytes)
{
    struct cell *cell = add_cell(table);

    dj_people_size(&cell->shown, bytes);
    dj_buf_addf(&cell->json, "%" PRIu64, bytes);
}

void dj_table_none(struct dj_table *table)
{
    dj_table_cell(table, DJ_BYTES_LIT("-"), DJ_BYTES_LIT("null"));
}

void dj_table_colour(struct dj_table *table, const char *name)
{
    cell_at(table, table->cells.n - 1)->colour = name;
}

void dj_table_without(struct dj_table *table, const char *member)
{
    for (size_t i = 0; i < table->n; i++) {
        if (strcmp(table->columns[i].member, member) == 0)
            table->hidden[i] = true;
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

void dj_table_json(struct dj_buf *buf, const struct dj_table *table)
{
    dj_buf_adds(buf, "[");
    for (size_t i = 0; i < table->cells.n; i++) {
        const char *before = i % table->n != 0 ? ", " : i == 0 ? "{" : ", {";

        dj_buf_adds(buf, before);
        dj_json_string(buf, dj_bytes_of(table->columns[i % table->n].member));
        dj_buf_adds(buf, ": ");
        dj_buf_add_bytes(buf, dj_buf_bytes(&cell_at(table, i)->json));
        if (i % table->n == table->n - 1)
            dj_buf_adds(buf, "}");
    }
    dj_buf_adds(buf, "]");
}

/* ---- the table ------------------------------------------------------------------------------- */

static bool wants_colours(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

static int add_columns(struct libscols_table *shown, const struct dj_table *table)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct dj_column *column = &table->columns[i];

        if (!table->hidden[i] &&
            scols_table_new_column(shown, column->heading, 0,
                                   column->right ? SCOLS_FL_RIGHT : 0) == NULL)
            return -ENOMEM;
    }
    return 0;
}

static int add_row(struct libscols_table *shown, const struct dj_table *table, size_t first)
{
    struct libscols_line *line = scols_table_new_line(shown, NULL);
    size_t at = 0;
    int rc = line == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < table->n; i++) {
        const struct cell *cell = cell_at(table, first + i);

        if (table->hidden[i])
            continue;
        rc = scols_line_set_data(line, at, dj_buf_str(&cell->shown));
        if (rc == 0 && cell->colour != NULL)
            rc = scols_cell_set_color(scols_line_get_cell(line, at), cell->colour);
        at++;
    }
    return rc;
}

static int fill(struct libscols_table *shown, const struct dj_table *table)
{
    int rc = add_columns(shown, table);

    for (size_t i = 0; rc == 0 && i + table->n <= table->cells.n; i += table->n)
        rc = add_row(shown, table, i);
    return rc;
}

/* libsmartcols fills a last column that is not the longest with blanks in some versions. */
static void add_stripped(struct dj_buf *buf, struct dj_bytes text)
{
    struct dj_bytes line;

    while (dj_next_line(&text, &line)) {
        while (line.len > 0 && line.data[line.len - 1] == ' ')
            line.len--;
        dj_buf_add_bytes(buf, line);
        dj_buf_addc(buf, '\n');
    }
}

int dj_table_show(const struct dj_table *table, bool headings, struct dj_err *err)
{
    struct libscols_table *shown = scols_new_table();
    dj_cleanup_buf struct dj_buf out = DJ_BUF_INIT;
    char *text = NULL;
    int rc = shown == NULL ? -ENOMEM : 0;

    setlocale(LC_CTYPE, "");
    if (rc == 0) {
        scols_table_set_termforce(shown, SCOLS_TERMFORCE_NEVER); /* nothing is cut */
        scols_table_enable_colors(shown, wants_colours());
        scols_table_enable_noheadings(shown, !headings);
        scols_table_set_column_separator(shown, "  ");
        rc = fill(shown, table);
    }
    if (rc == 0 && table->cells.n >= table->n)
        rc = scols_print_table_to_string(shown, &text);
    scols_unref_table(shown);
    if (rc < 0)
        return dj_err_sys(err, -rc, "the table cannot be made");
    if (text != NULL)
        add_stripped(&out, dj_bytes_of(text));
    free(text);
    rc = dj_write_out(dj_buf_bytes(&out));
    return rc < 0 ? dj_cannot_write(rc, err) : 0;
}

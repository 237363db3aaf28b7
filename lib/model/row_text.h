/*
 * Rows as text: JSON Lines, CSV, TSV, and plain lines.
 *
 * CSV is RFC 4180: the first record names the columns, a field in quotes may hold commas, quotes
 * (doubled) and newlines. A field in quotes is a string. One without is a number, true, false or
 * null when it is spelled as JSON spells these, null when it is empty, else a string; so what is
 * written here is read back as it was, but that objects and arrays become strings with their JSON.
 * TSV has no quotes: \t \n \r and \\ stand for what a field cannot hold, and a field is told by its
 * looks alone. A plain line (DJ_ROWS_LINES) is a string in the one column that the reader is given.
 *
 * A CSV or TSV writer has the columns of its first row; a later row that has another one is
 * refused, one that lacks some leaves them empty.
 *
 * Pure: the caller brings bytes as they come and takes rows.
 */
#ifndef DJ_MODEL_ROW_TEXT_H
#define DJ_MODEL_ROW_TEXT_H

#include "lib/model/row.h"

enum dj_row_format { DJ_ROWS_JSON, DJ_ROWS_CSV, DJ_ROWS_TSV, DJ_ROWS_LINES };

#define DJ_ROW_BYTES_MAX (4U << 20) /* of one row */

struct dj_row_reader {
    enum dj_row_format format;
    const char *file;    /* for sentences */
    const char *column;  /* DJ_ROWS_LINES */
    size_t line;         /* of the input that the last row began in, from 1 */
    size_t next_line;    /* that follows what was read; 0 at first */
    size_t seen;         /* bytes of the input that were looked through for the end of a record */
    bool quoted;         /* and what is behind them is inside of quotes */
    bool headed;
    struct dj_row header; /* names only */
    struct dj_buf field;  /* memory for the next one */
};

struct dj_row_writer {
    enum dj_row_format format; /* not DJ_ROWS_LINES */
    bool headed;
    size_t rows;
    struct dj_row header;
};

void dj_row_reader_release(struct dj_row_reader *reader);
void dj_row_writer_release(struct dj_row_writer *writer);

/*
 * dj_row_read(reader, text, at_end, ret_row, ret_used, err): the row at the start of text. 1: there
 * is one; 0: more text is needed, or with at_end there is none any more; -EINVAL with FILE:LINE and
 * a sentence. *ret_used bytes are done with in any case; the rest is to be brought again.
 */
int dj_row_read(struct dj_row_reader *reader, struct dj_bytes text, bool at_end,
                struct dj_row *ret_row, size_t *ret_used, struct dj_err *err) DJ_MUST_CHECK;

/* dj_row_write(writer, row, buf, err): appends it, a header before the first. -EINVAL. */
int dj_row_write(struct dj_row_writer *writer, const struct dj_row *row, struct dj_buf *buf,
                 struct dj_err *err) DJ_MUST_CHECK;
/* dj_row_write_header(writer, row, buf): the columns of a row that is not written. */
void dj_row_write_header(struct dj_row_writer *writer, const struct dj_row *row,
                         struct dj_buf *buf);

/* dj_row_format_parse(text, ret): jsonl, csv or tsv. -EINVAL with a sentence. */
int dj_row_format_parse(struct dj_bytes text, enum dj_row_format *ret,
                        struct dj_err *err) DJ_MUST_CHECK;

/* dj_cell_typed(buf, text): a word as JSON: a number, true, false, null, else a string. */
void dj_cell_typed(struct dj_buf *buf, struct dj_bytes text);

#endif

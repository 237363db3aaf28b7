/*
 * Rows in and out: what dj frame, set, map, load, group and compare share.
 *
 *     -i FILE       rows from there ("-", or no -i: stdin)
 *     --csv --tsv   these rows are CSV, TSV, not JSON Lines;  -R: each line is one value
 *     --to FORMAT   jsonl (the default), csv, tsv
 *
 * Rows are read as they come and written as soon as nothing more can be read, so that commands in a
 * pipeline work beside each other; no more than a piece of the input is in memory.
 */
#ifndef DJ_CLI_ROWS_H
#define DJ_CLI_ROWS_H

#include <getopt.h>

#include "cli/command.h"
#include "lib/model/row_text.h"

enum { DJ_ROWS_CSV_OPTION = 300, DJ_ROWS_TSV_OPTION, DJ_ROWS_TO_OPTION };

#define DJ_ROWS_SHORTS "i:R"
#define DJ_ROWS_LONGS                                     \
    {"csv", no_argument, NULL, DJ_ROWS_CSV_OPTION},       \
        {"tsv", no_argument, NULL, DJ_ROWS_TSV_OPTION},   \
        {"to", required_argument, NULL, DJ_ROWS_TO_OPTION}

struct dj_rows {
    const char *file;  /* of the input */
    int fd;            /* -1: not opened yet */
    bool at_end;       /* nothing more is read */
    struct dj_buf in;
    size_t in_used;
    struct dj_row_reader reader;
    struct dj_row_writer writer;
    struct dj_buf out;
};

#define DJ_ROWS_INIT {.fd = -1, .reader.column = "line"}
#define dj_cleanup_rows DJ_CLEANUP(dj_rows_release)

void dj_rows_release(struct dj_rows *rows);

/* dj_rows_option(rows, option, value, err): 1: it was one of these; 0: none of them; -EINVAL. */
int dj_rows_option(struct dj_rows *rows, int option, const char *value, struct dj_err *err);

int dj_rows_open(struct dj_rows *rows, struct dj_err *err) DJ_MUST_CHECK;

/* dj_rows_take(rows, ret, err): a row of what has been read: 1, or 0 when there is none. */
int dj_rows_take(struct dj_rows *rows, struct dj_row *ret, struct dj_err *err) DJ_MUST_CHECK;
/* dj_rows_fill(rows, err): reads on, once. */
int dj_rows_fill(struct dj_rows *rows, struct dj_err *err) DJ_MUST_CHECK;
/* dj_rows_over(rows): the end was reached, and all of it taken. */
bool dj_rows_over(const struct dj_rows *rows);

/* dj_rows_next(rows, ret, err): the next row, waited for: 1, or 0 at the end. What was put is
 * written before it waits. */
int dj_rows_next(struct dj_rows *rows, struct dj_row *ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_rows_put(rows, row, err): to stdout, sooner or later. */
int dj_rows_put(struct dj_rows *rows, const struct dj_row *row, struct dj_err *err) DJ_MUST_CHECK;
int dj_rows_flush(struct dj_rows *rows, struct dj_err *err) DJ_MUST_CHECK;

/* dj_rows_blame(rows, code, err): puts FILE:LINE of the row read last before the sentence. */
int dj_rows_blame(const struct dj_rows *rows, int code, struct dj_err *err);

/* dj_rows_fail(code, err): as dj_fail(), but that nobody reads on is no error worth a sentence. */
int dj_rows_fail(int code, const struct dj_err *err);

#endif

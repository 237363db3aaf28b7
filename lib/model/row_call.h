/*
 * From a row to the words of a call, and from a result to a column.
 *
 * A column that has the name of a parameter is its argument: a string is its text, all else its
 * JSON; an array is the elements of a list parameter; null, and no such column, is not given. A
 * json parameter takes the JSON as it is, null and strings in their quotes, too. Other columns are
 * not the task's business. Pure.
 */
#ifndef DJ_MODEL_ROW_CALL_H
#define DJ_MODEL_ROW_CALL_H

#include "lib/model/param.h"
#include "lib/model/row.h"

/* dj_row_words(row, params, ret, err): appends `name=value` for each argument to ret (struct
 * dj_buf). -EINVAL: a value cannot be a word. */
int dj_row_words(const struct dj_row *row, const struct dj_params *params, struct dj_list *ret,
                 struct dj_err *err) DJ_MUST_CHECK;

/* dj_result_cell(buf, content): appends a result as a column has it: its JSON when it is some, else
 * a string, without the newline at its end. False: it is not UTF-8, and nothing was appended. */
bool dj_result_cell(struct dj_buf *buf, struct dj_bytes content);

/* How the call of a row went. */
struct dj_row_outcome {
    int code;             /* 0, or a positive errno */
    const char *run;      /* tasks/TASK/NAME, or NULL: it did not get that far */
    const char *status;   /* of its instance, or NULL */
    const char *error;    /* a sentence, or NULL */
    bool has_content;
    struct dj_bytes content;
};

/* dj_outcome_status(outcome): done, failed, cancelled, lost, refused, interrupted, absent; NULL:
 * nothing was computed, nor was it to be. */
const char *dj_outcome_status(const struct dj_row_outcome *outcome);
/* dj_outcome_cell(buf, outcome): the result's column: null without one, the path of `result` for
 * what is too large for a column, or no text. */
void dj_outcome_cell(struct dj_buf *buf, const struct dj_row_outcome *outcome);

/*
 * dj_row_answer(row, run, status, as, cell, error, errors, ret): the row as it comes out: with run,
 * and but for a NULL `as` with status and the result's column. error is there when it is not NULL,
 * or with errors always: CSV and TSV have their columns from the first row on.
 */
void dj_row_answer(const struct dj_row *row, const char *run, const char *status, const char *as,
                   struct dj_bytes cell, const char *error, bool errors, struct dj_row *ret);

#endif

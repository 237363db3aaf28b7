/*
 * Words that make rows: COL=VALUE, COL=LO..HI[..STEP], COL={a;b;c}, COL=@FILE, COL:=EXPR.
 *
 * Each column that is named is an *axis*: it takes one value, or several (a Vary), and each row
 * becomes one row for every combination; of several axes the last one goes fastest. The same column
 * named again has more values. An expression is run on the row as it is by then, so it sees the
 * columns before it and may give each row values of its own: each output makes one row; none, and
 * the row is gone. COL may be a path (lib/model/row.h).
 *
 * A VALUE is JSON when it is a number, true, false, null, or begins with {, [ or "; all else is a
 * string. Files are read by the caller, so that this stays pure but for what jq does.
 */
#ifndef DJ_MODEL_AXES_H
#define DJ_MODEL_AXES_H

#include <stdint.h>

#include "lib/model/row.h"

struct dj_axes;

struct dj_axes *dj_axes_new(void);
void dj_axes_free(struct dj_axes *axes);

/*
 * dj_axes_word(axes, word, ret_file, err): one word. 0: taken; 1: it is COL=@FILE, whose text is to
 * be given to dj_axes_lines() next; ret_file is its name. -EINVAL.
 */
int dj_axes_word(struct dj_axes *axes, struct dj_bytes word, struct dj_buf *ret_file,
                 struct dj_err *err) DJ_MUST_CHECK;
/* dj_axes_lines(axes, text, err): a value a line, for the axis of the word before. */
int dj_axes_lines(struct dj_axes *axes, struct dj_bytes text, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_axes_ready(axes, zip, err): behind the last word. zip: columns with several values take theirs
 * together, the first with the first; they must have equally many. -EINVAL.
 */
int dj_axes_ready(struct dj_axes *axes, bool zip, struct dj_err *err) DJ_MUST_CHECK;

/* dj_axes_count(axes): the rows that one row becomes; 0 when expressions decide it. */
uint64_t dj_axes_count(const struct dj_axes *axes);

/* The row is good during the call; anything but 0 ends it and is returned. */
typedef int dj_row_fn(void *cookie, const struct dj_row *row, struct dj_err *err);

/* dj_axes_apply(axes, row, each, cookie, err): each() for every row that the row becomes. */
int dj_axes_apply(struct dj_axes *axes, const struct dj_row *row, dj_row_fn *each, void *cookie,
                  struct dj_err *err) DJ_MUST_CHECK;

/* dj_assignment_split(word, ret_path, ret_value, ret_expression, err): COL=… or COL:=…. */
int dj_assignment_split(struct dj_bytes word, struct dj_bytes *ret_path,
                        struct dj_bytes *ret_value, bool *ret_expression,
                        struct dj_err *err) DJ_MUST_CHECK;

/* dj_value_word(buf, text, err): a VALUE as JSON. -EINVAL: it begins as JSON and is none. */
int dj_value_word(struct dj_buf *buf, struct dj_bytes text, struct dj_err *err) DJ_MUST_CHECK;

#endif

/*
 * Expressions of jq over rows; libjq is used here and nowhere else.
 *
 * An expression sees a row as an object and gives any number of values. jq reads numbers as
 * doubles and writes them its own way, so what need not go through it does not: `.`, `.n` and
 * `.net.lr` give the bytes that the row has. From any other expression a whole number of 2^53 or
 * more comes out as the row's own digits when jq gives what it had made of them, else as jq has it.
 *
 * Not thread-safe; one expression is run by one caller at a time.
 */
#ifndef DJ_MODEL_EXPRESSION_H
#define DJ_MODEL_EXPRESSION_H

#include "lib/model/row.h"

struct dj_expression;

/* dj_expression_new(text, err): NULL with a sentence when jq does not take it. */
struct dj_expression *dj_expression_new(const char *text, struct dj_err *err) DJ_MUST_CHECK;
void dj_expression_free(struct dj_expression *expression);
const char *dj_expression_text(const struct dj_expression *expression);

/* A value is JSON on one line, good during the call; anything but 0 ends it and is returned. */
typedef int dj_value_fn(void *cookie, struct dj_bytes value, struct dj_err *err);

/* dj_expression_run(expression, row, value, cookie, err): value() for each output, as they come.
 * -EINVAL with jq's sentence. */
int dj_expression_run(struct dj_expression *expression, const struct dj_row *row,
                      dj_value_fn *value, void *cookie, struct dj_err *err) DJ_MUST_CHECK;

/* dj_expression_one(expression, row, buf, err): its one value. -EINVAL: it gives none, or more. */
int dj_expression_one(struct dj_expression *expression, const struct dj_row *row,
                      struct dj_buf *buf, struct dj_err *err) DJ_MUST_CHECK;

/* dj_expression_holds(expression, row, ret, err): neither false nor null; no value at all is false,
 * more than one is refused. */
int dj_expression_holds(struct dj_expression *expression, const struct dj_row *row, bool *ret,
                        struct dj_err *err) DJ_MUST_CHECK;

#endif

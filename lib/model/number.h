/*
 * Numbers as canonical text: ints of any length, floats as Python's repr() writes them.
 *
 * No locale is ever asked, so a program that calls setlocale() changes nothing here. Pure.
 */
#ifndef DJ_MODEL_NUMBER_H
#define DJ_MODEL_NUMBER_H

#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/macros.h"

#define DJ_NUMBER_MAX 1000 /* longest literal in bytes */

/* dj_int_canonical(text, ret): [+-]?digits to its one form, appended; -EINVAL. */
int dj_int_canonical(struct dj_bytes text, struct dj_buf *ret) DJ_MUST_CHECK;

/* dj_int_cbor(buf, canonical): a CBOR integer, beyond 64 bits a bignum (tags 2 and 3). */
void dj_int_cbor(struct dj_buf *buf, struct dj_bytes canonical);

/*
 * dj_float_parse(text, ret): [+-]?(D+.?D*|.D+)([eE][+-]?D+)?, and nan, inf, infinity in any case
 * with any sign. -EINVAL for anything else, -ERANGE for a literal too large for a double.
 */
int dj_float_parse(struct dj_bytes text, double *ret) DJ_MUST_CHECK;

/* dj_float_print(buf, value): the shortest text that reads back the same, never like an int. */
void dj_float_print(struct dj_buf *buf, double value);

#endif

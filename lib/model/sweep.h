/*
 * A sweep: the calls of one task whose arguments take several values in turn, each a Vary.
 *
 *     0..9   a=0..4,b={1;2}   mult/b=3,{5;6}        a name of the tree: parts between commas
 *     a=0..4   'b={1;2}'                            the words of a command line
 *
 * LO..HI and LO..HI..STEP are whole numbers with both ends (series.h), for an int parameter.
 * {A;B;C} are values of any type, none in {}. In braces a value is written as in a name: % and two
 * digits stand for a byte, so for a semicolon %3B and for a brace %7B or %7D; commas are its own.
 * A json value may also stand there as JSON, whose strings and brackets hold whatever they like.
 * For a list parameter each value is one element.
 *
 * Outside of braces a part of a name is what it is in any name, and a word means itself. In a name
 * raw braces are always those of a sweep. In a word they are when the parameter's type has no value
 * that looks so (int, float, bool); for the others when there is a ; in them, and the word is
 * neither JSON nor has braces in its braces; so {}, {a} and {"a":1} are the texts that they are.
 * Any text can be given: what begins with {%7B is always a sweep, and {%7Ba%3Bb%7D} is the text
 * {a;b}.
 *
 * Rows are the combinations, the last part going fastest; they have numbers from 0 on. A row whose
 * arguments an earlier one has, too ({1;01}), is a row, but no run of its own.
 *
 * Pure.
 */
#ifndef DJ_MODEL_SWEEP_H
#define DJ_MODEL_SWEEP_H

#include "lib/model/param.h"
#include "lib/model/row.h"

struct dj_sweep;

#define DJ_SWEEP_MAX UINT64_C(1000000000) /* rows */
#define DJ_SWEEP_NAME_MAX 1024            /* bytes of a name */

/*
 * 1: *ret is made, with one reference. 0: nothing varies, and what it is is not for us to say.
 * -EINVAL; -E2BIG for too many rows, -ENAMETOOLONG. The parameters are copied.
 */
int dj_sweep_of_name(const char *task, const struct dj_params *params, struct dj_bytes name,
                     struct dj_sweep **ret, struct dj_err *err) DJ_MUST_CHECK;
int dj_sweep_of_words(const char *task, const struct dj_params *params,
                      const struct dj_bytes *words, size_t n, struct dj_sweep **ret,
                      struct dj_err *err) DJ_MUST_CHECK;

/* dj_sweep_may_be(text): it has what every name or word that varies has. */
bool dj_sweep_may_be(struct dj_bytes text);

void dj_sweep_ref(struct dj_sweep *sweep);
void dj_sweep_unref(struct dj_sweep *sweep); /* NULL is fine */

/* dj_sweep_fits(sweep, params): its rows have the same arguments, names and keys with these. */
bool dj_sweep_fits(const struct dj_sweep *sweep, const struct dj_params *params);

uint64_t dj_sweep_rows(const struct dj_sweep *sweep);

/* dj_sweep_args(sweep, row, ret): of that row; files and the like are not resolved. */
void dj_sweep_args(const struct dj_sweep *sweep, uint64_t row, struct dj_args *ret);

/* dj_sweep_columns(sweep, args, ret): the arguments that the sweep names, in its order. NULL: with
 * null for each. */
void dj_sweep_columns(const struct dj_sweep *sweep, const struct dj_args *args, struct dj_row *ret);

/* dj_sweep_first_from(sweep, row): the first row from there on that has the arguments of no earlier
 * one; the number of rows: there is none. */
uint64_t dj_sweep_first_from(const struct dj_sweep *sweep, uint64_t row);

/*
 * dj_sweep_link(sweep, row, buf): the row's name in the folder of the sweep: that of its run
 * (dj_name_spelled), with files by their paths. One that is too long, or is that of a file there
 * (results, table.csv), becomes %r and the number of the row.
 * dj_sweep_find(sweep, link, ret): the row of such a name; false: none.
 */
void dj_sweep_link(const struct dj_sweep *sweep, uint64_t row, struct dj_buf *buf);
bool dj_sweep_find(const struct dj_sweep *sweep, struct dj_bytes link, uint64_t *ret);
/* dj_sweep_is_numbered(link): it has the number instead of the name. */
bool dj_sweep_is_numbered(struct dj_bytes link);

/* dj_sweep_spelling(sweep, row, buf): a name of the run of any length. */
void dj_sweep_spelling(const struct dj_sweep *sweep, uint64_t row, struct dj_buf *buf);

#endif

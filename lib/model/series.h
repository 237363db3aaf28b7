/*
 * A series: the values that something takes in turn, which is a Vary. Ranges are not written out.
 *
 *     0..9      0, 1, … 9        whole numbers, both ends included
 *     0..10..5  0, 5, 10         with a step, which may go down: 9..0..-1
 *     {a;b;c}   a, b, c
 *
 * Pure.
 */
#ifndef DJ_MODEL_SERIES_H
#define DJ_MODEL_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/codec.h"
#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/err.h"

struct dj_series {
    struct dj_list parts; /* of series.c */
    uint64_t n;
};

#define DJ_SERIES_INIT {{0}, 0}
#define DJ_SERIES_MAX (UINT64_C(1) << 62) /* values of one, and rows of all */

void dj_series_release(struct dj_series *series);

/* dj_series_range(series, text, err): appends a range. 0: the text is none; 1: it is; -EINVAL: it
 * looks like one and is wrong; -E2BIG: it has too many values. */
int dj_series_range(struct dj_series *series, struct dj_bytes text,
                    struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_series_is_set(text): it has the form {…}. dj_series_next(&inside, ret): its next member; to be
 * begun with what is inside of the braces and *ret zeroed. {} has none, {a;} has a and nothing.
 */
bool dj_series_is_set(struct dj_bytes text);
struct dj_bytes dj_series_inside(struct dj_bytes set);
bool dj_series_next(struct dj_bytes *inside, struct dj_bytes *ret);

/* dj_series_value(series): the place for one more value. */
struct dj_buf *dj_series_value(struct dj_series *series);

/* dj_series_at(series, i, buf): appends the i-th value; i < n. */
void dj_series_at(const struct dj_series *series, uint64_t i, struct dj_buf *buf);

/* dj_series_place(series, value, ret): which value of its ranges that is; false: none. */
bool dj_series_place(const struct dj_series *series, int64_t value, uint64_t *ret);

/* dj_series_times(product, n, ret): false when more than DJ_SERIES_MAX would come out. */
bool dj_series_times(uint64_t product, uint64_t n, uint64_t *ret);

#endif

/*
 * What the files of sweeps share.
 */
#ifndef DJ_MODEL_SWEEP_IMPL_H
#define DJ_MODEL_SWEEP_IMPL_H

#include "lib/model/series.h"
#include "lib/model/sweep.h"

struct sweep_member {
    struct dj_scalar scalar;
    bool again; /* an earlier one of its axis has the same value */
};

/* One part of a name, or one word. */
struct sweep_axis {
    size_t param;
    bool varies;
    bool none;               /* given, and without a value: an empty list, a variable not set */
    struct dj_series range;  /* or: */
    struct dj_list members;  /* struct sweep_member */
    uint64_t n;
};

struct dj_sweep {
    unsigned refs;
    char *task;
    struct dj_params params;
    bool counted_only;   /* of a name */
    struct dj_list axes; /* struct sweep_axis */
    uint64_t rows;
};

struct sweep_axis *sweep_axis(const struct dj_sweep *sweep, size_t i);

/* sweep_finish(sweep, err): all axes are there: counts the rows. -E2BIG; -EINVAL: something that
 * the task needs is not given. */
int sweep_finish(struct dj_sweep *sweep, struct dj_err *err) DJ_MUST_CHECK;

#endif

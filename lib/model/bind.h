/*
 * Binding scalars to parameters, for words of a command line (args.c) and names of runs (name.c).
 *
 *     dj_binder_init(&binder, task, params, false);
 *     for each value: dj_binder_next() or dj_binder_named(), then dj_binder_add()
 *     dj_binder_finish(&binder, &args, err);
 *     dj_binder_release(&binder);
 *
 * With `counted_only`, values without a name go to parameters that count for the key, and ignored
 * ones that were not given and have no default stay without a value. Variables of the environment
 * that were not given become unresolved values.
 */
#ifndef DJ_MODEL_BIND_H
#define DJ_MODEL_BIND_H

#include "lib/model/param.h"

struct dj_binder {
    const char *task;
    const struct dj_params *params;
    bool counted_only;
    struct dj_value *values;
    size_t *caps;
    bool *given;
};

void dj_binder_init(struct dj_binder *binder, const char *task, const struct dj_params *params,
                    bool counted_only);
void dj_binder_release(struct dj_binder *binder);

/* dj_binder_next(binder, ret, err): which parameter the next value without a name is for. */
int dj_binder_next(struct dj_binder *binder, size_t *ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_binder_named(binder, text, ret, ret_value): text is NAME=VALUE and NAME is a parameter. */
bool dj_binder_named(const struct dj_binder *binder, struct dj_bytes text, size_t *ret,
                     struct dj_bytes *ret_value);

/* dj_binder_begin(binder, index, err): a value follows, or an empty list; a second is refused. */
int dj_binder_begin(struct dj_binder *binder, size_t index, struct dj_err *err) DJ_MUST_CHECK;

/* dj_binder_add(binder, index): the place for the scalar, to be filled by the caller. */
struct dj_scalar *dj_binder_add(struct dj_binder *binder, size_t index);

/* dj_binder_blame(binder, index, code, err): puts task and parameter before the sentence. */
int dj_binder_blame(const struct dj_binder *binder, size_t index, int code, struct dj_err *err);

int dj_binder_finish(struct dj_binder *binder, struct dj_args *ret,
                     struct dj_err *err) DJ_MUST_CHECK;

#endif

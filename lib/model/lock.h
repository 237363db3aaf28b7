/*
 * Names of locks. A name is a word for people: 1 to 200 bytes of letters, digits and any of
 * . _ - + : @ and slash, with a letter or a digit at its beginning.
 */
#ifndef DJ_MODEL_LOCK_H
#define DJ_MODEL_LOCK_H

#include "lib/util/err.h"

enum { DJ_LOCK_NAME_MAX = 200 };

/* dj_lock_check(name, err): 0, or -EINVAL with a sentence; NULL is an empty name. */
int dj_lock_check(const char *name, struct dj_err *err) DJ_MUST_CHECK;

#endif

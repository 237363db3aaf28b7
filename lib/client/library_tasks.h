/*
 * The tasks of a shared object (lib/djfs/task.h) as definitions.
 */
#ifndef DJ_CLIENT_LIBRARY_TASKS_H
#define DJ_CLIENT_LIBRARY_TASKS_H

#include "lib/model/codec.h"
#include "lib/util/err.h"

/* dj_library_tasks(library, names, n, ret, err): an absolute path; ret: struct dj_definition, all
 * or those of these names. */
int dj_library_tasks(const char *library, const char *const *names, int n, struct dj_list *ret,
                     struct dj_err *err) DJ_MUST_CHECK;

#endif

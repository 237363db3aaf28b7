/*
 * The marked functions of a Python file (python/) as definitions.
 */
#ifndef DJ_CLIENT_PYTHON_TASKS_H
#define DJ_CLIENT_PYTHON_TASKS_H

#include "lib/model/codec.h"
#include "lib/util/err.h"

/* dj_python_tasks(file, names, n, ret, ret_path, err): an absolute path; ret: struct dj_definition,
 * all or those of these names; ret_path: what $PYTHONPATH has to be for them. */
int dj_python_tasks(const char *file, const char *const *names, int n, struct dj_list *ret,
                    char **ret_path, struct dj_err *err) DJ_MUST_CHECK;

#endif

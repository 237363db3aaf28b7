/*
 * A shared object with tasks: opened, its functions found, its tasks told as sections of a task
 * file.
 */
#ifndef DJ_HOST_LIBRARY_H
#define DJ_HOST_LIBRARY_H

#include "lib/util/buf.h"
#include "lib/util/err.h"

struct dj_library;
struct dj_run;

typedef int dj_task_fn(struct dj_run *run);

/* dj_library_open(path, ret, err): -ENOEXEC when it cannot be loaded or has no tasks. Its
 * constructors run. */
int dj_library_open(const char *path, struct dj_library **ret, struct dj_err *err) DJ_MUST_CHECK;
void dj_library_close(struct dj_library *library); /* it stays loaded */

/* dj_library_find(library, name): NULL when there is none. */
dj_task_fn *dj_library_find(const struct dj_library *library, const char *name);

/* dj_library_list(library, buf, err): a section for each of its tasks; -EINVAL for options that are
 * no lines of their own. */
int dj_library_list(const struct dj_library *library, struct dj_buf *buf,
                    struct dj_err *err) DJ_MUST_CHECK;

#endif

/*
 * Tasks that a program lists: it is run with a file, and prints the file's tasks as sections of a
 * task file.
 */
#ifndef DJ_CLIENT_LISTED_TASKS_H
#define DJ_CLIENT_LISTED_TASKS_H

#include "lib/model/codec.h"
#include "lib/util/err.h"

/* dj_list_by(argv, file, ret, err): what it prints. -EINVAL with what it says when it fails: on its
 * standard output behind a !, else on its standard error. argv[0] is looked for in PATH. */
int dj_list_by(const char *const *argv, const char *file, struct dj_buf *ret, struct dj_err *err)
    DJ_MUST_CHECK;

/* dj_list_read(file, text, names, n, ret, err): its sections as struct dj_definition, all or those
 * of these names; file is an absolute path. */
int dj_list_read(const char *file, struct dj_bytes text, const char *const *names, int n,
                 struct dj_list *ret, struct dj_err *err) DJ_MUST_CHECK;

#endif

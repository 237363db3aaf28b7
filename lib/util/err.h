/*
 * The error object: an errno for programs and one sentence for people.
 *
 * A function whose failure a human will read takes `struct dj_err *err` as its last parameter (NULL
 * is allowed and ignored). On success the object is left untouched; on failure the function sets it
 * and returns the negative errno, so that
 *
 *     return dj_err_set(err, EINVAL, "%s is not an int", text);
 *
 * is the usual last line. On the way up dj_err_prefix() adds where it happened. Libraries never
 * print; only a program's edge does. Not thread-safe; one object belongs to one call.
 */
#ifndef DJ_UTIL_ERR_H
#define DJ_UTIL_ERR_H

#include "lib/util/macros.h"

struct dj_err {
    int code;   /* a positive errno, 0 while nothing went wrong */
    char *text; /* one sentence without newline, owned */
};

#define DJ_ERR_INIT {0, NULL}
#define dj_cleanup_err DJ_CLEANUP(dj_err_release)

/* dj_err_set(err, code, format): replaces what was there; returns -code. */
int dj_err_set(struct dj_err *err, int code, const char *format, ...) DJ_PRINTF(3, 4);

/* dj_err_sys(err, code, format): like set, with ": " and the words of the errno behind. */
int dj_err_sys(struct dj_err *err, int code, const char *format, ...) DJ_PRINTF(3, 4);

/* dj_err_prefix(err, code, format): puts "text: " before the sentence; returns code as it came. */
int dj_err_prefix(struct dj_err *err, int code, const char *format, ...) DJ_PRINTF(3, 4);

/* dj_err_text(err, code): the sentence, or the words of the errno -code when none was set. */
const char *dj_err_text(const struct dj_err *err, int code);

void dj_err_release(struct dj_err *err);

#endif

/*
 * Allocation that cannot fail.
 *
 * Under Linux overcommit a small malloc does not fail, and code that pretends otherwise is never
 * tested. So these abort the process with a sentence when memory is refused; the store is safe
 * against a kill at any moment, so an abort costs a restart and no result. Sizes that come from
 * outside (a frame, a file, a row) are bounded by their reader before they get here.
 *
 * Thread-safe. The caller owns what is returned and releases it with free().
 */
#ifndef DJ_UTIL_MEM_H
#define DJ_UTIL_MEM_H

#include <stddef.h>

#include "lib/util/macros.h"

void *dj_xmalloc(size_t size);
void *dj_xcalloc(size_t count, size_t size);
void *dj_xrealloc(void *old, size_t size);

/* dj_xgrow(array, cap, want, size): room for want elements of `size` bytes; half more at least. */
void *dj_xgrow(void *array, size_t *cap, size_t want, size_t size);

char *dj_xstrdup(const char *text);
void *dj_xmemdup(const void *data, size_t size);

/* dj_xmemdup0(data, size): a copy with a NUL byte behind it. */
char *dj_xmemdup0(const void *data, size_t size);

/* dj_freep(&pointer): for DJ_CLEANUP. */
void dj_freep(void *pointer_to_pointer);

#define dj_cleanup_free DJ_CLEANUP(dj_freep)

#endif

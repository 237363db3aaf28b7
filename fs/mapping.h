/* Files of djd that djfs maps read-only: the generations and the sessions. */
#ifndef DJ_FS_MAPPING_H
#define DJ_FS_MAPPING_H

#include <stddef.h>

#include "lib/util/err.h"

/* dj_mapping_open(path, size, ret, err): a shared, read-only view; -EPROTO when it is too short. */
int dj_mapping_open(const char *path, size_t size, const void **ret,
                    struct dj_err *err) DJ_MUST_CHECK;
void dj_mapping_close(const void *map, size_t size); /* NULL is fine */

#endif

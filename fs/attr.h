/* What the daemon says of a node, in the words of stat(2) and of FUSE. */
#ifndef DJ_FS_ATTR_H
#define DJ_FS_ATTR_H

#include "fs/fuse.h"
#include "lib/proto/messages.h"

void dj_attr_stat(const struct dj_part_attr *attr, struct stat *ret);
void dj_attr_entry(const struct dj_part_attr *attr, struct fuse_entry_param *ret);

static inline double dj_attr_seconds(const struct dj_part_attr *attr)
{
    return (double)attr->ttl_ms / 1000.0;
}

#endif

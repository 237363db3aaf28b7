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

/*
 * Attributes of instances, which never change. The kernel asks for them again after each read, as
 * every read spoils the access time that it knows; so the latest ones are kept here for as long as
 * the daemon said that they may be.
 */
#define DJ_ATTRS_KEPT 1024

struct dj_attrs {
    struct {
        struct dj_part_attr attr; /* node 0: free */
        int64_t until_ms;
    } kept[DJ_ATTRS_KEPT];
};

/* dj_attrs_keep(attrs, attr, now_ms): nothing happens for nodes that are no instances. */
void dj_attrs_keep(struct dj_attrs *attrs, const struct dj_part_attr *attr, int64_t now_ms);
/* dj_attrs_find(attrs, node, now_ms): borrowed until the next keep; NULL: must be asked for. */
const struct dj_part_attr *dj_attrs_find(const struct dj_attrs *attrs, uint64_t node,
                                         int64_t now_ms);

#endif

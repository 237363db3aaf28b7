#include "fs/attr.h"

#include <string.h>

#define BLOCK 4096

void dj_attr_stat(const struct dj_part_attr *attr, struct stat *ret)
{
    struct timespec time = {.tv_sec = (time_t)(attr->mtime_ns / 1000000000U),
                            .tv_nsec = (long)(attr->mtime_ns % 1000000000U)};

    memset(ret, 0, sizeof(*ret));
    ret->st_ino = attr->ino;
    ret->st_mode = (mode_t)attr->mode;
    ret->st_nlink = attr->nlink;
    ret->st_uid = (uid_t)attr->uid;
    ret->st_gid = (gid_t)attr->gid;
    ret->st_size = (off_t)attr->size;
    ret->st_blksize = BLOCK;
    ret->st_blocks = (blkcnt_t)((attr->size + 511) / 512);
    ret->st_atim = ret->st_mtim = ret->st_ctim = time;
}

void dj_attr_entry(const struct dj_part_attr *attr, struct fuse_entry_param *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->ino = attr->node;
    ret->attr_timeout = ret->entry_timeout = dj_attr_seconds(attr);
    dj_attr_stat(attr, &ret->attr);
}

static size_t place_of(uint64_t node)
{
    return node * UINT64_C(0x9e3779b97f4a7c15) >> 54;
}

void dj_attrs_keep(struct dj_attrs *attrs, const struct dj_part_attr *attr, int64_t now_ms)
{
    size_t place = place_of(attr->node);

    if (!DJ_NODE_IS_INSTANCE(attr->node))
        return;
    attrs->kept[place].attr = *attr;
    attrs->kept[place].until_ms = now_ms + (int64_t)DJ_MIN(attr->ttl_ms, 3600000U);
}

const struct dj_part_attr *dj_attrs_find(const struct dj_attrs *attrs, uint64_t node,
                                         int64_t now_ms)
{
    size_t place = place_of(node);

    if (attrs->kept[place].attr.node != node || attrs->kept[place].until_ms <= now_ms)
        return NULL;
    return &attrs->kept[place].attr;
}

_Static_assert(DJ_ATTRS_KEPT == 1 << (64 - 54), "place_of() gives ten bits");

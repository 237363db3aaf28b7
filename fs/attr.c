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

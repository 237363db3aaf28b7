/*
 * The operations of the file system, by what they are about. Each answers its request exactly once,
 * now or through pending.h. ops.c holds the table.
 */
#ifndef DJ_FS_OPS_H
#define DJ_FS_OPS_H

#include "fs/fuse.h"
#include "fs/pending.h"

struct dj_answer;

/* ops_name.c: names and attributes */
void dj_op_lookup(fuse_req_t req, fuse_ino_t folder, const char *name);
void dj_op_forget(fuse_req_t req, fuse_ino_t node, uint64_t count);
void dj_op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets);
void dj_op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file);
void dj_op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *wanted, int which,
                   struct fuse_file_info *file);
void dj_op_readlink(fuse_req_t req, fuse_ino_t node);
void dj_op_unlink(fuse_req_t req, fuse_ino_t folder, const char *name);
void dj_op_rmdir(fuse_req_t req, fuse_ino_t folder, const char *name);
void dj_op_statfs(fuse_req_t req, fuse_ino_t node);

/* ops_file.c: open files */
void dj_op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file);
void dj_op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                struct fuse_file_info *file);
void dj_op_write(fuse_req_t req, fuse_ino_t node, const char *bytes, size_t size, off_t offset,
                 struct fuse_file_info *file);
void dj_op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file);
void dj_op_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file);

/* Answers to READ. dj_reply_bytes() takes the request out of pending. */
void dj_reply_content(fuse_req_t req, const struct dj_answer *answer, uint64_t size,
                      uint64_t offset);
void dj_reply_bytes(struct dj_pending *pending, const struct dj_msg_data *data);

/* ops_folder.c: listings */
void dj_op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                   struct fuse_file_info *file);
void dj_op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                       struct fuse_file_info *file);

#endif

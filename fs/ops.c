/* The table of operations, the agreement with the kernel, and what the tree never allows. */
#include "fs/ops.h"

#include <errno.h>

#include "fs/epoch.h"
#include "fs/fs.h"
#include "lib/util/log.h"

static void want(struct fuse_conn_info *conn, unsigned flags, bool on)
{
    conn->want = on ? conn->want | (conn->capable & flags) : conn->want & ~flags;
}

static void init(void *cookie, struct fuse_conn_info *conn)
{
    struct dj_fs *fs = cookie;

    /* Replies from the store's files go through a pipe; requests are small and are just read. */
    want(conn, FUSE_CAP_SPLICE_WRITE, true);
    want(conn, FUSE_CAP_SPLICE_READ, false);
    want(conn, FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS, true);
    want(conn, FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO, true);
    /* `echo > ctl` is one OPEN; as a SETATTR of its own it would take the inode's lock. */
    want(conn, FUSE_CAP_ATOMIC_O_TRUNC, true);
    /* Nothing that is cached ever changes: no need to compare times and sizes at each read. */
    want(conn, FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_EXPLICIT_INVAL_DATA, false);
    /* Where opens are not seen, all is cached; what does change is known by its size and time. */
    fs->bare = fs->options.readonly && (conn->capable & FUSE_CAP_NO_OPEN_SUPPORT) != 0;
    fs->answers.lasting = fs->bare;
    if (fs->bare)
        want(conn, FUSE_CAP_AUTO_INVAL_DATA, true);
    dj_notifier_set(&fs->notifier, fs->options.readonly,
                    fs->options.epoch && dj_epoch_known(conn));
    want(conn, FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_EXPORT_SUPPORT, false);
    want(conn, FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS, false);
    fs->on_init(fs);
}

static void mknod_(fuse_req_t req, fuse_ino_t folder, const char *name, mode_t mode, dev_t device)
{
    (void)folder, (void)name, (void)mode, (void)device;
    fuse_reply_err(req, EACCES);
}

static void mkdir_(fuse_req_t req, fuse_ino_t folder, const char *name, mode_t mode)
{
    (void)folder, (void)name, (void)mode;
    fuse_reply_err(req, EACCES);
}

static void create(fuse_req_t req, fuse_ino_t folder, const char *name, mode_t mode,
                   struct fuse_file_info *file)
{
    (void)folder, (void)name, (void)mode, (void)file;
    fuse_reply_err(req, EACCES);
}

static void symlink_(fuse_req_t req, const char *target, fuse_ino_t folder, const char *name)
{
    (void)target, (void)folder, (void)name;
    fuse_reply_err(req, EACCES);
}

static void rename_(fuse_req_t req, fuse_ino_t folder, const char *name, fuse_ino_t new_folder,
                    const char *new_name, unsigned flags)
{
    (void)folder, (void)name, (void)new_folder, (void)new_name, (void)flags;
    fuse_reply_err(req, EPERM);
}

static void link_(fuse_req_t req, fuse_ino_t node, fuse_ino_t folder, const char *name)
{
    (void)node, (void)folder, (void)name;
    fuse_reply_err(req, EPERM);
}

const struct fuse_lowlevel_ops dj_fs_ops = {
    .init = init,
    .lookup = dj_op_lookup,
    .forget = dj_op_forget,
    .forget_multi = dj_op_forget_multi,
    .getattr = dj_op_getattr,
    .setattr = dj_op_setattr,
    .readlink = dj_op_readlink,
    .unlink = dj_op_unlink,
    .rmdir = dj_op_rmdir,
    .statfs = dj_op_statfs,
    .open = dj_op_open,
    .read = dj_op_read,
    .write = dj_op_write,
    .release = dj_op_release,
    .opendir = dj_op_opendir,
    .readdir = dj_op_readdir,
    .readdirplus = dj_op_readdirplus,
    .releasedir = dj_op_release,
    .mknod = mknod_,
    .mkdir = mkdir_,
    .create = create,
    .symlink = symlink_,
    .rename = rename_,
    .link = link_,
};

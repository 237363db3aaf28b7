/*
 * The kernel's epoch: one notification after which it looks up every name again.
 *
 * Each name that the kernel knows has the epoch in which its look-up began; raising it makes all of
 * them doubtful at once, whatever their number, and waits for no lock. Linux has it since 6.16,
 * libfuse 3.14 has not, so the notification is written here.
 */
#ifndef DJ_FS_EPOCH_H
#define DJ_FS_EPOCH_H

#include <stdbool.h>

#include "lib/util/macros.h"

struct fuse_conn_info;
struct fuse_session;

/* dj_epoch_known(conn): this kernel has one. */
bool dj_epoch_known(const struct fuse_conn_info *conn);

/* dj_epoch_raise(session): -EINVAL when the kernel does not know it. */
int dj_epoch_raise(struct fuse_session *session) DJ_MUST_CHECK;

#endif

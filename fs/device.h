/*
 * How libfuse reads and writes /dev/fuse: what is small goes in one piece.
 *
 * libfuse writes an answer as its head and its rest, and the kernel looks up and locks the memory
 * of each piece by itself, which takes longer than to copy a hundred bytes.
 */
#ifndef DJ_FS_DEVICE_H
#define DJ_FS_DEVICE_H

#include "fs/fuse.h"

/* dj_device_take(session): for a session that is mounted. 0, or -errno: it goes on without. */
int dj_device_take(struct fuse_session *session);

#endif

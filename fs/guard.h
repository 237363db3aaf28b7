/*
 * The guard: a process that does nothing until this one is killed.
 *
 * SIGKILL does not end the notifier's thread while the kernel's lock that it waits for is held, and
 * whoever holds that may wait for an answer of ours: an rmdir, a look-up. As long as one thread is
 * left the mount is not cut off, so neither would ever end, and nobody could end them. The guard
 * has a channel of its own to the mount: when the main thread is gone it answers what comes with
 * ENOTCONN until all threads are, and goes, too; then the kernel cuts the mount off.
 *
 * The notifier must not share its descriptors with the main thread (notifier.h), else the guard
 * does not see that this is gone.
 */
#ifndef DJ_FS_GUARD_H
#define DJ_FS_GUARD_H

#include "lib/util/macros.h"

struct fuse_session;

/* dj_guard_start(session): while there is one thread. Where it cannot be had all goes on
 * without. */
void dj_guard_start(struct fuse_session *session);

/* dj_channel_open(session): a descriptor of its own to the mount, or -errno. */
int dj_channel_open(struct fuse_session *session) DJ_MUST_CHECK;

#endif

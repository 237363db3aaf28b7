/* The loop: waits for the kernel, the daemon, signals and time until it is unmounted. */
#ifndef DJ_FS_LOOP_H
#define DJ_FS_LOOP_H

#include "fs/fs.h"

/* dj_loop_signals(err): blocks the signals that the loop takes; a descriptor for dj_loop_run().
 * Before any thread is started. */
int dj_loop_signals(struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_loop_run(fs, signal_fd): returns when it is unmounted. SIGTERM, SIGINT and SIGHUP unmount:
 * cleanly when nobody uses it, else lazily, and then whoever still waits gets ENOTCONN.
 */
void dj_loop_run(struct dj_fs *fs, int signal_fd);

/* dj_loop_end(fs): answers the last requests ENOTCONN until the notifier's thread has ended. */
void dj_loop_end(struct dj_fs *fs);

#endif

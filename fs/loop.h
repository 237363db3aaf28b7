/*
 * The loop: waits for the kernel, the daemon, signals and time until it is unmounted.
 *
 * Two threads wait: one for requests of the kernel, in a read of /dev/fuse, and one in poll(2) for
 * all else. A poll before each read was a fifth of what djfs did for a small file.
 * Whoever wakes takes the loop's mutex, and until it waits again all of struct dj_fs is its own.
 */
#ifndef DJ_FS_LOOP_H
#define DJ_FS_LOOP_H

#include "fs/fs.h"

/* dj_loop_signals(err): blocks the signals that the loop takes; a descriptor for dj_loop_run().
 * Before any thread is started. */
int dj_loop_signals(struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_loop_run(fs, signal_fd, err): returns when it is unmounted and all threads have ended.
 * SIGTERM, SIGINT and SIGHUP unmount: cleanly when nobody uses it, else lazily, and then whoever
 * still waits gets ENOTCONN.
 */
int dj_loop_run(struct dj_fs *fs, int signal_fd, struct dj_err *err) DJ_MUST_CHECK;

#endif

/*
 * A file written to its disk while something else is done with it: by a thread of its own, since
 * nothing else keeps a disk busy while its bytes are hashed.
 *
 * An error of the disk is told once to whoever syncs, so the answer of dj_write_out_end() counts: a
 * later sync of the same file would succeed.
 */
#ifndef DJ_DAEMON_WRITE_OUT_H
#define DJ_DAEMON_WRITE_OUT_H

#include <pthread.h>
#include <stdbool.h>

struct dj_write_out {
    int fd; /* borrowed until the end */
    int code;
    bool started;
    pthread_t thread;
};

/* dj_write_out_begin(out, fd): when there is no thread to be had, nothing is begun. */
void dj_write_out_begin(struct dj_write_out *out, int fd);

/* dj_write_out_end(out): waits. 0: what was begun is done; -errno: the disk's error. */
int dj_write_out_end(struct dj_write_out *out);

#endif

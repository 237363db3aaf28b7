/*
 * Threads that were just told ESTALE.
 *
 * OPEN of a node that is not the current instance is answered ESTALE; the kernel then walks the
 * path once more and opens the right node. Sometimes the walk leads to the same node again (a
 * descriptor that is opened anew through /proc/self/fd has no path), or the instance was replaced
 * in between; a second ESTALE would reach the program. So a thread's ESTALE is remembered for a
 * moment, and its next open is served whatever instance is current.
 */
#ifndef DJ_FS_STALE_H
#define DJ_FS_STALE_H

#include <stdint.h>
#include <sys/types.h>

#define DJ_STALE_MS 2000

struct dj_stale_thread;

struct dj_stale {
    struct dj_stale_thread *threads; /* oldest first */
};

void dj_stale_note(struct dj_stale *stale, pid_t tid, uint64_t node, int64_t now_ms);

/* dj_stale_recall(stale, tid, now_ms): the node it was told ESTALE for, 0; it is forgotten. */
uint64_t dj_stale_recall(struct dj_stale *stale, pid_t tid, int64_t now_ms);
void dj_stale_release(struct dj_stale *stale);

#endif

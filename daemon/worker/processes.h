/*
 * Processes that belong to a run and are found only through /proc.
 *
 * A reaper and the worker are subreapers: what lost its parent below them becomes their child, and
 * the pid of a child cannot be given to another process before it was waited for. So killing
 * children is safe, and killing them until none is left ends a whole tree.
 */
#ifndef DJ_WORKER_PROCESSES_H
#define DJ_WORKER_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* dj_kill_children(): SIGKILL to each child of the calling process. */
void dj_kill_children(void);

/*
 * dj_kill_strays(spare, cookie, tmp): what a killed reaper left behind: SIGKILL to each child of
 * the calling process that spare() does not know, and to each process that was started with
 * TMPDIR=tmp
 * in its environment (the reaper's children went elsewhere when it was an old worker's). The number
 * of processes that were still there.
 */
typedef bool dj_spare_fn(void *cookie, pid_t pid);
size_t dj_kill_strays(dj_spare_fn *spare, void *cookie, const char *tmp);

#endif

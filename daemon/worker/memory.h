/*
 * The memory of a run's processes, as /proc shows it.
 *
 * The caller is the run's reaper, a subreaper: all processes of the run are below it.
 */
#ifndef DJ_WORKER_MEMORY_H
#define DJ_WORKER_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* dj_memory_visible(): whether this kernel lists the children of a process. */
bool dj_memory_visible(void);

/*
 * dj_memory_below(enough): bytes that the processes below the caller have in memory. What several
 * of them share is counted for each, unless that would be more than `enough`: then it is counted
 * once, which takes longer to find out.
 */
uint64_t dj_memory_below(uint64_t enough);

/* dj_oom_kills(): how many processes the kernel has ended for want of memory since it booted. */
uint64_t dj_oom_kills(void);

/* dj_counter_in(text, name): the number behind `name` in lines of a name and a number; pure. */
uint64_t dj_counter_in(const char *text, const char *name);

#endif

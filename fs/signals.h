/*
 * Which signals are to end a request that waits.
 *
 * The kernel tells once that a waiting thread got some signal, not which. Answering EINTR to every
 * one breaks ordinary scripts: a child that ends, a resized window or a profiler's tick would make
 * open(2) fail where no other file system does. So the thread's pending signals are looked up, and
 * only those that end or stop it, or run a handler of its own, count.
 */
#ifndef DJ_FS_SIGNALS_H
#define DJ_FS_SIGNALS_H

#include <stdbool.h>
#include <sys/types.h>

enum dj_signals {
    DJ_SIGNALS_HARMLESS, /* nothing, or only what a waiting thread need not notice */
    DJ_SIGNALS_SERIOUS,  /* a handler wants to run, or the thread is to stop */
    DJ_SIGNALS_DEADLY,   /* SIGKILL: the thread is dying (exit of its process counts, too) */
};

/* dj_signals_judge(status): from the text of /proc/TID/status. Pure. */
enum dj_signals dj_signals_judge(const char *status);

/* dj_signals_pending(tid): reads it; a thread that cannot be looked at (gone, or of another pid
 * namespace) is DEADLY, since it must never be left unkillable. */
enum dj_signals dj_signals_pending(pid_t tid);

#endif

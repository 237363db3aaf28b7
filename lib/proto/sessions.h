/*
 * The sessions file: which processes belong to which run, known before the run's first instruction.
 *
 * The worker's reaper and task write it, mounts and djd map it. Slot number = index. The child that
 * becomes a task calls setsid() and writes its pid as the session before exec, so an open by its
 * very first instruction finds it; the worker clears the entry before the slot is used again.
 *
 * To find the run of a process P: take sid = getsid(P) and look for an entry with that session. If
 * there is none, walk the parents of P until a pid is the reaper of an entry (setsid, script and
 * double forks leave the session but not the reaper) or 1 is reached. Entries are read in the order
 * reaper, session, run, and written in the opposite order, so a reader never pairs old with new:
 * `run` is 0 while an entry is being changed.
 *
 * A process that is host to many runs has an entry with DJ_HOST_BIT in its number. Each of its
 * threads that is in a run has an entry, too, with the thread's id as session; so when the search
 * leads to a host, the thread P itself is looked for. A program that stays is the session, and the
 * reaper, of the run that it has at the moment.
 */
#ifndef DJ_PROTO_SESSIONS_H
#define DJ_PROTO_SESSIONS_H

#include <stdatomic.h>
#include <stdint.h>

#define DJ_SESSIONS_MAX 65536
#define DJ_HOST_BIT (UINT64_C(1) << 62) /* no instance has it */

struct dj_session_entry {
    _Atomic uint64_t run;     /* instance number, 0: free */
    _Atomic uint32_t session; /* pid of the task, leader of its session */
    _Atomic uint32_t reaper;  /* pid of its reaper */
};

struct dj_sessions {
    _Atomic uint64_t used;    /* entries at and above this index are free: bounds the search */
    _Atomic uint64_t changes; /* raised after each entry that is set: negative answers expire */
    struct dj_session_entry entry[DJ_SESSIONS_MAX];
};

#endif

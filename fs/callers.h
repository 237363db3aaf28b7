/*
 * Who the caller is: from the thread that touched a file to the run that it is part of.
 *
 * The sessions file (lib/proto/sessions.h) names the session and the reaper of each running task,
 * written before the task's first instruction. A thread's session is the fast way; a session that
 * is not in the file is looked into once, by walking from the thread up to a run's reaper, and the
 * outcome is remembered for the session: its members all descend from the process that made it, so
 * they are inside a run together or not at all. What is remembered lives a second at most, and an
 * outcome "none" is compared with the file again whenever the file has changed. While no run is
 * under way at all nobody is looked at.
 */
#ifndef DJ_FS_CALLERS_H
#define DJ_FS_CALLERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/proto/sessions.h"
#include "lib/util/err.h"

struct dj_caller_memory {
    pid_t session; /* 0: free */
    uint64_t run;
    uint64_t index;   /* of the entry that named the run */
    uint64_t changes; /* of the file when it was looked at */
    int64_t walked_ms; /* when the parents were walked, or the entry was found */
};

#define DJ_CALLERS_REMEMBERED 512

struct dj_callers {
    const struct dj_sessions *sessions; /* NULL: no run is ever found */
    bool empty;                         /* with so many changes no run was in the file */
    uint64_t empty_changes;
    struct dj_caller_memory memory[DJ_CALLERS_REMEMBERED];
};

/* dj_callers_map(callers, path, err): takes another file; NULL or "" takes none. Forgets all. */
int dj_callers_map(struct dj_callers *callers, const char *path, struct dj_err *err) DJ_MUST_CHECK;
void dj_callers_release(struct dj_callers *callers);

/* dj_callers_run(callers, tid): the run's instance number, 0 when it is nobody's. */
uint64_t dj_callers_run(struct dj_callers *callers, pid_t tid);

#endif

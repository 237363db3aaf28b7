#include "fs/callers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs/clock.h"
#include "fs/mapping.h"

#define REMEMBER_MS 1000
#define PARENTS_MAX 4096
#define FEW_ENTRIES 64

int dj_callers_map(struct dj_callers *callers, const char *path, struct dj_err *err)
{
    const void *map = NULL;

    if (path != NULL && *path != '\0') {
        int code = dj_mapping_open(path, sizeof(struct dj_sessions), &map, err);

        if (code < 0)
            return code;
    }
    dj_callers_release(callers);
    callers->sessions = map;
    return 0;
}

void dj_callers_release(struct dj_callers *callers)
{
    dj_mapping_close(callers->sessions, sizeof(struct dj_sessions));
    memset(callers, 0, sizeof(*callers));
}

static uint64_t entries_used(const struct dj_sessions *sessions)
{
    uint64_t used = atomic_load_explicit(&sessions->used, memory_order_acquire);

    return used < DJ_SESSIONS_MAX ? used : DJ_SESSIONS_MAX;
}

/* The run of an entry whose session is `session`, else 0; the order of reading is the file's. */
static uint64_t run_of_session(const struct dj_sessions *sessions, uint64_t index, pid_t session)
{
    const struct dj_session_entry *entry = &sessions->entry[index];

    if (atomic_load_explicit(&entry->session, memory_order_acquire) != (uint32_t)session)
        return 0;
    return atomic_load(&entry->run);
}

static uint64_t find_session(const struct dj_sessions *sessions, pid_t session, uint64_t *ret_index)
{
    uint64_t used = entries_used(sessions);

    for (uint64_t i = 0; i < used; i++) {
        uint64_t run = run_of_session(sessions, i, session);

        if (run != 0) {
            *ret_index = i;
            return run;
        }
    }
    return 0;
}

static uint64_t find_reaper(const struct dj_sessions *sessions, pid_t pid, uint64_t *ret_index)
{
    uint64_t used = entries_used(sessions);

    for (uint64_t i = 0; i < used; i++) {
        const struct dj_session_entry *entry = &sessions->entry[i];

        if (atomic_load_explicit(&entry->reaper, memory_order_acquire) == (uint32_t)pid) {
            *ret_index = i;
            return atomic_load(&entry->run);
        }
    }
    return 0;
}

/* The parent of a process or thread, 0 when there is none to be seen. */
static pid_t parent_of(pid_t pid)
{
    char path[64];
    char text[512];
    const char *behind;
    ssize_t n;
    long parent;
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    behind = strrchr(text, ')'); /* the program's name may hold anything, brackets included */
    return behind != NULL && sscanf(behind, ") %*c %ld", &parent) == 1 ? (pid_t)parent : 0;
}

static uint64_t walk_parents(const struct dj_sessions *sessions, pid_t tid, uint64_t *ret_index)
{
    pid_t pid = parent_of(tid);

    for (int step = 0; pid > 1 && step < PARENTS_MAX; step++) {
        uint64_t run = find_reaper(sessions, pid, ret_index);

        if (run != 0)
            return run;
        pid = parent_of(pid);
    }
    return 0;
}

static bool still_true(const struct dj_callers *callers, struct dj_caller_memory *memory,
                       uint64_t changes)
{
    if (dj_now_ms() - memory->walked_ms >= REMEMBER_MS)
        return false;
    if (memory->run != 0)
        return atomic_load(&callers->sessions->entry[memory->index].run) == memory->run;
    if (memory->changes == changes)
        return true;
    memory->run = find_session(callers->sessions, memory->session, &memory->index);
    memory->changes = changes;
    return true;
}

/* By its session; in a process that is host to many, that is all that can be told. */
static uint64_t find_run(struct dj_callers *callers, pid_t tid)
{
    struct dj_caller_memory *memory;
    uint64_t changes;
    pid_t session;

    session = getsid(tid);
    if (session <= 0)
        return 0;
    changes = atomic_load(&callers->sessions->changes);
    memory = &callers->memory[(unsigned)session % DJ_CALLERS_REMEMBERED];
    if (memory->session == session && still_true(callers, memory, changes))
        return memory->run;
    *memory = (struct dj_caller_memory){
        .session = session, .changes = changes, .walked_ms = dj_now_ms()};
    memory->run = find_session(callers->sessions, session, &memory->index);
    if (memory->run == 0)
        memory->run = walk_parents(callers->sessions, tid, &memory->index);
    return memory->run;
}

/*
 * No run is under way, and none has been entered since that was seen: nobody is inside of one. An
 * entry is in the file, and counted in its changes, before the run's first instruction.
 */
static bool nobody_runs(struct dj_callers *callers)
{
    uint64_t changes = atomic_load(&callers->sessions->changes);
    uint64_t used = entries_used(callers->sessions);

    if (callers->empty && callers->empty_changes == changes)
        return true;
    callers->empty = used <= FEW_ENTRIES;
    callers->empty_changes = changes;
    for (uint64_t i = 0; callers->empty && i < used; i++) {
        uint64_t run = atomic_load(&callers->sessions->entry[i].run);

        callers->empty = run == 0 || (run & DJ_HOST_BIT) != 0;
    }
    return callers->empty;
}

uint64_t dj_callers_run(struct dj_callers *callers, pid_t tid)
{
    uint64_t run, index;

    if (callers->sessions == NULL || tid <= 0 || nobody_runs(callers))
        return 0;
    run = find_run(callers, tid);
    return (run & DJ_HOST_BIT) == 0 ? run : find_session(callers->sessions, tid, &index);
}

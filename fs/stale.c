#include "fs/stale.h"

#include <stdlib.h>
#include <uthash.h>

#include "lib/util/mem.h"

struct dj_stale_thread {
    pid_t tid;
    uint64_t node;
    int64_t when_ms;
    UT_hash_handle hh;
};

static void drop(struct dj_stale *stale, struct dj_stale_thread *thread)
{
    HASH_DEL(stale->threads, thread);
    free(thread);
}

/* The table is in the order of its additions: the oldest are at its head. */
static void drop_old(struct dj_stale *stale, int64_t now_ms)
{
    while (stale->threads != NULL && now_ms - stale->threads->when_ms > DJ_STALE_MS)
        drop(stale, stale->threads);
}

void dj_stale_note(struct dj_stale *stale, pid_t tid, uint64_t node, int64_t now_ms)
{
    struct dj_stale_thread *thread;

    drop_old(stale, now_ms);
    HASH_FIND(hh, stale->threads, &tid, sizeof(tid), thread);
    if (thread != NULL)
        drop(stale, thread);
    thread = dj_xcalloc(1, sizeof(*thread));
    thread->tid = tid;
    thread->node = node;
    thread->when_ms = now_ms;
    HASH_ADD(hh, stale->threads, tid, sizeof(thread->tid), thread);
}

uint64_t dj_stale_recall(struct dj_stale *stale, pid_t tid, int64_t now_ms)
{
    struct dj_stale_thread *thread;
    uint64_t node;

    if (stale->threads == NULL)
        return 0;
    drop_old(stale, now_ms);
    HASH_FIND(hh, stale->threads, &tid, sizeof(tid), thread);
    if (thread == NULL)
        return 0;
    node = thread->node;
    drop(stale, thread);
    return node;
}

void dj_stale_release(struct dj_stale *stale)
{
    while (stale->threads != NULL)
        drop(stale, stale->threads);
}

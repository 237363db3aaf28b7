/*
 * Threads that take calls, and what they hand back to the main thread.
 *
 * A call comes alone or rides: then it begins when the one before it has ended, in the same thread,
 * since both have one slot of the daemon. So many short runs cost one hand-over. When a run of such
 * a chain is blocked, the rest of the chain goes on in another thread. Threads are made when there
 * is a chain and nobody idle, and end when they were idle for long, so there are as many as runs
 * under way, those included that are blocked.
 *
 * What has ended comes back in groups; dj_pool_fd() is readable then.
 */
#ifndef DJ_HOST_POOL_H
#define DJ_HOST_POOL_H

#include "daemon/host/host.h"

struct dj_pool;

struct dj_pool *dj_pool_new(struct dj_host *host);
/* dj_pool_free(pool): nothing runs any more. */
void dj_pool_free(struct dj_pool *pool);
int dj_pool_fd(const struct dj_pool *pool);

/* dj_pool_add(pool, hosted, rides), dj_pool_begin(pool): what was added begins. */
void dj_pool_add(struct dj_pool *pool, struct dj_hosted *hosted, bool rides);
void dj_pool_begin(struct dj_pool *pool);

/* dj_pool_remove(pool, hosted): one that has not begun; false: it has. */
bool dj_pool_remove(struct dj_pool *pool, struct dj_hosted *hosted);

/* dj_pool_blocked(pool, hosted): it waits for another run: what rides behind it does not. */
void dj_pool_blocked(struct dj_pool *pool, struct dj_hosted *hosted);

/* dj_pool_done(pool): what has ended since, as a list by `next`; dj_pool_asks(): what is asked. */
struct dj_hosted *dj_pool_done(struct dj_pool *pool);
struct dj_ask *dj_pool_asks(struct dj_pool *pool);
/* dj_pool_answered(pool, ask): its thread goes on; the ask is not to be used any more. */
void dj_pool_answered(struct dj_pool *pool, struct dj_ask *ask);

/* On the thread of a run: dj_pool_ask() waits for the answer; ask->code, and ask->error. */
void dj_pool_ask(struct dj_pool *pool, struct dj_ask *ask);

/* The lock of everything that threads share. */
void dj_pool_lock(struct dj_pool *pool);
void dj_pool_unlock(struct dj_pool *pool);

/* dj_task_run(hosted): api.c: on its thread; hosted->ended says how it ended. */
void dj_task_run(struct dj_hosted *hosted);
/* dj_task_show_log(hosted): under the lock: its log goes to its file from here on. */
void dj_task_show_log(struct dj_hosted *hosted);

#endif

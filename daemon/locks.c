#include "daemon/locks.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/util/mem.h"

struct dj_lock *dj_lock_find(const struct dj_locks *locks, const char *name)
{
    struct dj_lock *lock;

    HASH_FIND_STR(locks->all, name, lock);
    return lock;
}

static struct dj_lock *lock_for(struct dj_locks *locks, const char *name)
{
    struct dj_lock *lock = dj_lock_find(locks, name);

    if (lock != NULL)
        return lock;
    lock = dj_xcalloc(1, sizeof(*lock));
    lock->name = dj_xstrdup(name);
    HASH_ADD_KEYPTR(hh, locks->all, lock->name, strlen(lock->name), lock);
    return lock;
}

bool dj_lock_fits(const struct dj_lock_claim *claim)
{
    const struct dj_lock_claim *holders = claim->lock->holders;

    return holders == NULL || (claim->shared && holders->shared);
}

static void take(struct dj_lock_claim *claim)
{
    claim->held = true;
    DL_APPEND(claim->lock->holders, claim);
}

static void take_from_line(struct dj_locks *locks, struct dj_lock_claim *claim)
{
    DL_DELETE(claim->lock->line, claim);
    locks->waiting--;
    take(claim);
}

bool dj_lock_ask(struct dj_locks *locks, const char *name, struct dj_lock_claim *claim)
{
    claim->lock = lock_for(locks, name);
    claim->order = ++locks->last_order;
    claim->held = false;
    if (claim->lock->line == NULL && dj_lock_fits(claim)) {
        take(claim);
        return true;
    }
    DL_APPEND(claim->lock->line, claim);
    locks->waiting++;
    return false;
}

void dj_lock_hold(struct dj_locks *locks, const char *name, struct dj_lock_claim *claim)
{
    claim->lock = lock_for(locks, name);
    claim->order = ++locks->last_order;
    take(claim);
}

void dj_lock_leave(struct dj_locks *locks, struct dj_lock_claim *claim)
{
    struct dj_lock *lock = claim->lock;

    if (lock == NULL)
        return;
    if (claim->held) {
        DL_DELETE(lock->holders, claim);
    } else {
        DL_DELETE(lock->line, claim);
        locks->waiting--;
    }
    claim->lock = NULL;
    claim->held = false;
    if (lock->ready)
        return;
    lock->ready = true;
    lock->next_ready = locks->ready;
    locks->ready = lock;
}

struct dj_lock_claim *dj_locks_turn(struct dj_locks *locks)
{
    struct dj_lock *lock;

    while ((lock = locks->ready) != NULL) {
        struct dj_lock_claim *first = lock->line;

        if (first != NULL && dj_lock_fits(first)) {
            take_from_line(locks, first);
            return first;
        }
        locks->ready = lock->next_ready;
        lock->ready = false;
        if (lock->holders == NULL && lock->line == NULL) {
            HASH_DEL(locks->all, lock);
            free(lock->name);
            free(lock);
        }
    }
    return NULL;
}

bool dj_lock_pass(struct dj_locks *locks, struct dj_lock_claim *claim)
{
    if (claim->held || !dj_lock_fits(claim))
        return false;
    take_from_line(locks, claim);
    return true;
}

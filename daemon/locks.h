/*
 * Named locks: who has them, and whose turn it is. Pure: no clock, no I/O.
 *
 * A claim is one's wish for a lock, and later the lock itself. Claims stand in line in the order in
 * which they came. An exclusive one has the lock alone; shared ones have it together, but none goes
 * before a claim that came earlier: so nobody is starved. A lock is there while it has a claim.
 *
 *     if (!dj_lock_ask(&locks, "db", &claim))
 *         … wait: dj_locks_turn() gives it out when its turn has come …
 *     dj_lock_leave(&locks, &claim);
 *     while ((next = dj_locks_turn(&locks)) != NULL)
 *         … next has its lock …
 */
#ifndef DJ_DAEMON_LOCKS_H
#define DJ_DAEMON_LOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

struct dj_lock;

/* Embedded in what its owner keeps of it. */
struct dj_lock_claim {
    struct dj_lock *lock; /* NULL: it is in no line and has nothing */
    bool shared;
    bool held;
    uint64_t order;       /* of asking */
    struct dj_lock_claim *prev, *next;
};

struct dj_lock {
    char *name;
    struct dj_lock_claim *holders, *line;
    bool ready;           /* in locks->ready */
    struct dj_lock *next_ready;
    UT_hash_handle hh;
};

struct dj_locks {
    struct dj_lock *all;   /* by name */
    struct dj_lock *ready; /* whose line may move */
    uint64_t last_order;
    size_t waiting;        /* claims */
};

/* dj_lock_ask(locks, name, claim): claim->shared is set; true: it has the lock. */
bool dj_lock_ask(struct dj_locks *locks, const char *name, struct dj_lock_claim *claim);
/* dj_lock_hold(): it had the lock before this table was there. */
void dj_lock_hold(struct dj_locks *locks, const char *name, struct dj_lock_claim *claim);
/* dj_lock_leave(): gives the lock back, or the wish up; fine for one without either. */
void dj_lock_leave(struct dj_locks *locks, struct dj_lock_claim *claim);
/* dj_locks_turn(): one whose turn has come after others left; it has its lock now. NULL: none. */
struct dj_lock_claim *dj_locks_turn(struct dj_locks *locks);
/* dj_lock_fits(claim): those who have the lock leave room for it. */
bool dj_lock_fits(const struct dj_lock_claim *claim);
/* dj_lock_pass(): out of turn, when it fits; false: it does not. */
bool dj_lock_pass(struct dj_locks *locks, struct dj_lock_claim *claim);
/* dj_lock_find(locks, name): NULL when nobody has or wants it. */
struct dj_lock *dj_lock_find(const struct dj_locks *locks, const char *name);

#endif

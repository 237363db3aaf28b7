/*
 * The scheduler: which run may use a worker slot next. Pure: no clock, no I/O, no memory of runs
 * beyond what waits here.
 *
 * Runs that were blocked on a call and may go on come before everything that has not started, since
 * they hold memory. Then come children that a blocked run waits for, then what somebody waits for,
 * then the rest; within a class by priority (higher first), then in the order of arrival. So with
 * one slot a recursion of any depth finishes.
 *
 * A run holds a slot between dj_sched_next() handing it out and dj_sched_give_back().
 */
#ifndef DJ_DAEMON_SCHED_H
#define DJ_DAEMON_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dj_sched_class {
    DJ_SCHED_RESUME,  /* was blocked, its calls are answered */
    DJ_SCHED_CHILD,   /* a blocked run waits for it */
    DJ_SCHED_WANTED,  /* somebody else waits for it */
    DJ_SCHED_WAITING, /* nobody does */
};

/* Embedded in a run; `at` is 0 while it does not wait here. */
struct dj_sched_item {
    enum dj_sched_class class;
    int64_t priority;
    uint64_t order;
    size_t at;
};

struct dj_sched {
    struct dj_sched_item **heap; /* heap[0] is not used */
    size_t n, cap;
    uint64_t last_order;
    uint64_t slots;
    uint64_t busy;
    bool paused; /* resumers still go on */
};

void dj_sched_init(struct dj_sched *sched, uint64_t slots);
void dj_sched_release(struct dj_sched *sched);

/* dj_sched_add(): puts it in line; one that waits already moves up when its class got better. */
void dj_sched_add(struct dj_sched *sched, struct dj_sched_item *item, enum dj_sched_class class,
                  int64_t priority);
/* dj_sched_remove(): fine when it is not in line. */
void dj_sched_remove(struct dj_sched *sched, struct dj_sched_item *item);

/* dj_sched_next(): takes out whose turn it is and gives it a slot; NULL: nobody may go. */
struct dj_sched_item *dj_sched_next(struct dj_sched *sched);
void dj_sched_give_back(struct dj_sched *sched);
/* dj_sched_take(): a slot for a run that was running before this scheduler existed. */
void dj_sched_take(struct dj_sched *sched);

/* dj_sched_position(): how many go before it, counted from 1; 0: not in line. */
uint64_t dj_sched_position(const struct dj_sched *sched, const struct dj_sched_item *item);

#endif

/*
 * The scheduler of one session: which run may use a worker slot next, and which may have the named
 * resources that it needs. Pure: no clock, no I/O, no memory of runs beyond what waits here.
 *
 * Runs that were blocked on a call and may go on come before everything that has not started, since
 * they hold memory; but for a direct call, which goes on with its caller's slot. Then come children
 * that a blocked run waits for, then what somebody waits for, then the rest; within a class by
 * priority (higher first), then in the order of arrival. So with one slot a recursion of any depth
 * finishes.
 *
 * Who needs resources stands in the line of each of them and goes when it is the first of all these
 * lines and everything fits. So what needs much is not starved by what needs little, and whoever
 * needs nothing of it passes by. A run holds a slot between dj_sched_next() handing it out and
 * dj_sched_give_back(), and resources until dj_sched_free().
 *
 * Amounts are millionths (lib/model/resource.h). A resource is known by its index, `kind`.
 */
#ifndef DJ_DAEMON_SCHED_H
#define DJ_DAEMON_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/model/codec.h"

enum dj_sched_class {
    DJ_SCHED_DIRECT,  /* it takes the slot that its caller gives up at the same time */
    DJ_SCHED_RESUME,  /* was blocked, its calls are answered */
    DJ_SCHED_CHILD,   /* a blocked run waits for it */
    DJ_SCHED_WANTED,  /* somebody else waits for it */
    DJ_SCHED_WAITING, /* nobody does */
};

/* Part of a resource: in `needs` it stands in that resource's line at `at`. */
struct dj_sched_part {
    size_t kind;
    uint64_t amount;
    size_t at;
};

/* Embedded in a run. */
struct dj_sched_item {
    enum dj_sched_class class;
    int64_t priority;
    uint64_t order;
    size_t at;            /* in the line of those that need nothing but a slot; 0: not there */
    struct dj_list needs; /* struct dj_sched_part: what it waits for */
    struct dj_list holds; /* struct dj_sched_part: what it has */
    bool in_parts;        /* it stands in the lines of its needs */
    bool slotless;        /* it needs no slot for what it waits for */
};

struct dj_sched_line {
    struct dj_sched_item **heap; /* heap[0] is not used */
    size_t n, cap;
};

struct dj_sched_kind {
    char *name;
    uint64_t total;
    uint64_t held;
    struct dj_sched_line line;
    uint64_t spare; /* for deadlock.c, as is the next */
    bool taken;
};

struct dj_sched {
    struct dj_sched_line line;
    struct dj_list kinds; /* struct dj_sched_kind */
    size_t n;             /* in line, each once */
    uint64_t last_order;
    uint64_t slots;
    uint64_t busy;
    bool paused; /* resumers still go on */
};

void dj_sched_init(struct dj_sched *sched, uint64_t slots);
void dj_sched_release(struct dj_sched *sched);

/* dj_sched_set(sched, name, total): a resource, new or not. */
void dj_sched_set(struct dj_sched *sched, const char *name, uint64_t total);
/* dj_sched_kind(sched, name): or NULL; its index into *ret, which may be NULL. */
struct dj_sched_kind *dj_sched_kind(const struct dj_sched *sched, const char *name, size_t *ret);

/* dj_sched_need(item, kind, amount): what it will wait for; while it is not in line. */
void dj_sched_need(struct dj_sched_item *item, size_t kind, uint64_t amount);
/* dj_sched_need_nothing(item): while it is not in line. */
void dj_sched_need_nothing(struct dj_sched_item *item);
/* dj_sched_fits(sched, item): there is room for what it needs, now. */
bool dj_sched_fits(const struct dj_sched *sched, const struct dj_sched_item *item);

/* dj_sched_add(): puts it in line; one that waits already moves up when its class got better. */
void dj_sched_add(struct dj_sched *sched, struct dj_sched_item *item, enum dj_sched_class class,
                  int64_t priority);
/* dj_sched_remove(): fine when it is not in line. */
void dj_sched_remove(struct dj_sched *sched, struct dj_sched_item *item);
bool dj_sched_waits(const struct dj_sched_item *item);

/*
 * dj_sched_next(): takes out whose turn it is, with what it needs; NULL: nobody may go. It has a
 * slot then, unless it is slotless.
 */
struct dj_sched_item *dj_sched_next(struct dj_sched *sched);
/* dj_sched_first(): who would be next of those that need nothing but a slot; NULL: nobody, or one
 * who is to go on after a wait. It stays in line. */
struct dj_sched_item *dj_sched_first(const struct dj_sched *sched);
/* dj_sched_is_first(): what it needs fits, and nobody who needs the same stands before it. */
bool dj_sched_is_first(const struct dj_sched *sched, const struct dj_sched_item *item);
/* dj_sched_go(): a slotless one that may go at once does; false: it waits. */
bool dj_sched_go(struct dj_sched *sched, struct dj_sched_item *item);
/* dj_sched_promote(): takes what it needs, out of turn, when it fits: then it waits for a slot, or
 * when it is slotless, for nothing. */
bool dj_sched_promote(struct dj_sched *sched, struct dj_sched_item *item);
void dj_sched_give_back(struct dj_sched *sched);
/* dj_sched_take(): a slot for a run that was running before this scheduler existed. */
void dj_sched_take(struct dj_sched *sched);

/* dj_sched_hold(): what a run has, whether there is room or not. */
void dj_sched_hold(struct dj_sched *sched, struct dj_sched_item *item, size_t kind,
                   uint64_t amount);
/* dj_sched_free(): of what it holds; all of them at most. dj_sched_free_all(): everything. */
void dj_sched_free(struct dj_sched *sched, struct dj_sched_item *item, size_t kind,
                   uint64_t amount);
void dj_sched_free_all(struct dj_sched *sched, struct dj_sched_item *item);
uint64_t dj_sched_held(const struct dj_sched_item *item, size_t kind);

/* dj_sched_position(): how many go before it, counted from 1; 0: not in line. */
uint64_t dj_sched_position(const struct dj_sched *sched, const struct dj_sched_item *item);

#endif

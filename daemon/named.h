/*
 * Nodes for names that have no number: a run that was never computed, another spelling of one, a
 * sweep.
 *
 * Looking such a name up makes an entry (task, name as it was looked up) with a made-up number, and
 * a mount's kernel may then use the number until it forgets it. So each mount's look-ups are
 * counted per entry, over all its files, and an entry goes when no mount knows it any more. While
 * it stays, it keeps its call: a name whose call got a record meanwhile goes on working as that
 * call, and goes on having the same node, so that a shell which stands in the folder does not
 * lose it.
 *
 * A mount outlives its daemon, and what its kernel knows has to go on working: it declares its
 * numbers to the next daemon (RESTORE). The numbers of one daemon hold a random epoch, so they do
 * not meet those that an earlier one made up.
 */
#ifndef DJ_DAEMON_NAMED_H
#define DJ_DAEMON_NAMED_H

#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "daemon/engine.h"
#include "lib/model/sweep.h"
#include "lib/util/buf.h"

struct dj_named {
    uint64_t number;      /* 24 bits of epoch, 28 of sequence */
    struct dj_task *task;
    struct dj_buf name;
    struct dj_call *call; /* a reference, or NULL: another spelling, or a sweep */
    struct dj_sweep *sweep; /* a reference, or NULL */
    uint64_t serial;        /* of a sweep: in the nodes of its rows */
    uint64_t count;       /* look-ups of all mounts that have not been forgotten */
    bool listed;          /* found by its name: the newest entry of that name */
    struct dj_buf key;    /* task and name, for by_key */
    UT_hash_handle by_number;
    UT_hash_handle by_key;
    UT_hash_handle by_serial;
};

struct dj_nameds {
    struct dj_named *numbers;
    struct dj_named *keys;
    struct dj_named *serials;
    uint64_t epoch;
    uint64_t serial;
    uint64_t sequence;
};

/* One mount's share of the counts. */
struct dj_named_count {
    uint64_t number;
    uint64_t count;
    UT_hash_handle hh;
};

void dj_nameds_init(struct dj_nameds *nameds); /* draws the epoch */
void dj_nameds_release(struct dj_nameds *nameds);

struct dj_named *dj_named_by_number(struct dj_nameds *nameds, uint64_t number);

/* dj_named_find(nameds, task, name): the entry that this name has now, or NULL. */
struct dj_named *dj_named_find(struct dj_nameds *nameds, struct dj_task *task,
                               struct dj_bytes name);

/*
 * dj_named_get(nameds, task, name, call): the entry, made when there is none. An entry of that name
 * which stands for another call (the parameters have changed) keeps its number for those who know
 * it, and the name gets a new one.
 */
struct dj_named *dj_named_get(struct dj_nameds *nameds, struct dj_task *task, struct dj_bytes name,
                              struct dj_call *call);

/* dj_named_sweep(nameds, task, name, sweep): likewise for a sweep; it takes a reference of it. */
struct dj_named *dj_named_sweep(struct dj_nameds *nameds, struct dj_task *task,
                                struct dj_bytes name, struct dj_sweep *sweep);
/* dj_named_by_serial(nameds, serial): the entry of a sweep, or NULL. */
struct dj_named *dj_named_by_serial(struct dj_nameds *nameds, uint64_t serial);

/* dj_named_restore(…, number): under a number that a mount knows; NULL when that is taken. call or
 * sweep, or neither. */
struct dj_named *dj_named_restore(struct dj_nameds *nameds, struct dj_task *task,
                                  struct dj_bytes name, struct dj_call *call,
                                  struct dj_sweep *sweep, uint64_t number);

/* dj_named_add(named, counts, n): a mount looked it up n times more. */
void dj_named_add(struct dj_named *named, struct dj_named_count **counts, uint64_t n);
/* dj_named_forget(nameds, counts, number, n): frees the entry when nobody knows it any more. */
void dj_named_forget(struct dj_nameds *nameds, struct dj_named_count **counts, uint64_t number,
                     uint64_t n);
/* dj_named_forget_all(nameds, counts): the mount is gone. */
void dj_named_forget_all(struct dj_nameds *nameds, struct dj_named_count **counts);
bool dj_named_known(const struct dj_named *named, struct dj_named_count *counts);

#endif

/*
 * A slot's state file: who runs in it, and how that ended, in two small records of one file.
 *
 * The file survives worker, reaper and daemon, so it is how a new worker learns what an old one
 * started. Its lock (flock) says whether the reaper lives: the worker takes it on a descriptor of
 * its own for each reaper, the reaper inherits that, and the worker closes its copy. So nobody
 * guesses by pid; and a pid that the locker wrote is the locker's as long as the lock is held.
 *
 * Both records are rewritten in place; a torn or foreign one has a wrong magic number or sum and is
 * taken for none. Nothing is synced: what power loss takes is lost with the runs themselves.
 */
#ifndef DJ_WORKER_RECORD_H
#define DJ_WORKER_RECORD_H

#include <stdint.h>

#include "lib/util/macros.h"

struct dj_record_head {
    uint64_t magic;
    uint64_t sum; /* of all that is behind the head */
};

/* Written by the reaper before it starts the task; by the worker when the slot is free again. */
struct dj_spec_record {
    struct dj_record_head head;
    uint64_t instance; /* 0: the slot is free */
    uint64_t attempt;
    uint64_t start_ns;
    uint64_t reaper; /* its pid; it holds the lock of this file */
};

/* What the reaper found as it should be, so that the worker need not look again. */
enum dj_clean {
    DJ_CLEAN_CWD = 1 << 0, /* empty, mode as it was, no attributes */
    DJ_CLEAN_TMP = 1 << 1, /* empty */
    DJ_CLEAN_OUT = 1 << 2, /* empty and nowhere else linked */
    DJ_CLEAN_ERR = 1 << 3,
};

/* Written by the reaper when all processes of the run are gone, or by the task when exec failed. */
struct dj_exit_record {
    struct dj_record_head head;
    uint64_t instance;
    uint64_t attempt;
    uint64_t how; /* DJ_EXIT_* */
    uint64_t code;
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t user_us;
    uint64_t system_us;
    uint64_t max_rss_kib;
    uint64_t result_size;
    uint64_t log_size;
    uint64_t has_files;
    uint64_t clean; /* DJ_CLEAN_* */
    char text[368];
    uint64_t limit;   /* the one that was exceeded, and */
    uint64_t reached; /* how much there was */
    uint64_t memory_guard; /* enum dj_memory_guard */
    uint64_t memory_peak;
    char host[64];    /* where it ran, when another program has started it; else empty */
};

/* Each fills in the head of its record; 0 or -errno. */
int dj_spec_write(int fd, struct dj_spec_record *spec) DJ_MUST_CHECK;
int dj_exit_write(int fd, struct dj_exit_record *ended) DJ_MUST_CHECK;

/* 0, or -ENODATA when there is no whole record. */
int dj_spec_read(int fd, struct dj_spec_record *ret) DJ_MUST_CHECK;

/* dj_exit_read(fd, instance, attempt, ret): -ENODATA also for the record of another attempt. */
int dj_exit_read(int fd, uint64_t instance, uint64_t attempt,
                 struct dj_exit_record *ret) DJ_MUST_CHECK;

#endif

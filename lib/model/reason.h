/*
 * Why a run has a result or has none: the facts, and the one line that `why` shows of them.
 *
 * A line begins with what an open would meet: "hit", a kind of waiting ("queued …", "waiting …",
 * "running …"), or the cause for which there is no valid result. Of a run that is under way the
 * cause stands behind that: why it is computed at all. man/dj-tree.5 lists every form.
 *
 *     dj_reason_init(&reason);
 *     … fill in …
 *     dj_reason_print(&buf, &reason);
 *     dj_reason_release(&reason);
 *
 * Runs are named TASK/NAME. Pure: the daemon finds the facts (daemon/why.c).
 */
#ifndef DJ_MODEL_REASON_H
#define DJ_MODEL_REASON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/codec.h"

enum dj_reason_now {
    DJ_NOW_NOTHING,  /* nothing is under way, and there is no valid result */
    DJ_NOW_HIT,
    DJ_NOW_CHECKING, /* whether what an earlier result rests on comes out equal; called */
    DJ_NOW_QUEUED,
    DJ_NOW_WAITING,  /* for a run that it called */
    DJ_NOW_RESERVING, /* it has asked for resources of its session */
    DJ_NOW_LOCKING,  /* it waits for a named lock */
    DJ_NOW_RESUMING, /* its calls are answered; for a worker */
    DJ_NOW_RUNNING,
};

enum dj_cause {
    DJ_CAUSE_NONE,
    DJ_CAUSE_NEVER_RUN,
    DJ_CAUSE_FORCED,     /* user */
    DJ_CAUSE_DELETED,    /* user */
    DJ_CAUSE_CANCELLED,  /* user, or text: how it came when nobody did it */
    DJ_CAUSE_FAILED,     /* text: how; attempt of attempts */
    DJ_CAUSE_LOST,       /* text: how; lost */
    DJ_CAUSE_CORRUPT,    /* text: what was found */
    DJ_CAUSE_UNSTORED,   /* nothing of its task is */
    /* It was done, and is stale; path leads to the called run that brings it. */
    DJ_CAUSE_VERSION,    /* from, to */
    DJ_CAUSE_DEFINITION, /* text: the first part that differs */
    DJ_CAUSE_TRACKED,    /* text: a file */
    DJ_CAUSE_EPOCH,      /* user: invalidated the task */
    DJ_CAUSE_UNDEFINED,
    DJ_CAUSE_INPUT,      /* text: a file; gone */
    DJ_CAUSE_EXPIRED,    /* expires_ns */
    DJ_CAUSE_MARK,       /* text: a sentence about what was marked */
    DJ_CAUSE_UNKNOWN,    /* something that it rests on */
};

struct dj_reason {
    enum dj_reason_now now;
    enum dj_cause cause;
    struct dj_list path; /* struct dj_buf: called runs, from this one's call downwards */
    struct dj_buf task;  /* of whom the cause is told, when no path leads there; empty: the run */
    struct dj_buf user;
    struct dj_buf from, to;
    struct dj_buf text;
    bool gone;              /* the file is not there any more */
    bool remembered;        /* the failure answers: only force tries again */
    uint64_t attempt, attempts;
    uint64_t lost;          /* LOST: how often */
    struct dj_buf argument; /* NEVER_RUN: a file argument that was another file … */
    struct dj_buf before;   /* … when this run was computed */
    /* queued, resuming */
    uint64_t ahead;
    uint64_t workers;
    struct dj_list holders; /* struct dj_buf: runs that have them, the first DJ_HOLDERS_SHOWN */
    uint64_t holder_count;
    bool paused, no_worker;
    /* queued and reserving, when resources are what it lacks */
    struct dj_buf part;        /* "ram=1.5" */
    struct dj_buf session;     /* of that one */
    struct dj_buf part_held;   /* "100 of 128" */
    struct dj_list part_holders; /* struct dj_buf: runs and what they have, as above */
    uint64_t part_holder_count;
    /* locking */
    struct dj_buf lock, lock_holders;
    /* queued for another try */
    uint64_t try, tries;
    uint64_t retry_ns; /* not before that; 0: it stands in line */
    uint64_t begun_again; /* under way: how often it was lost */
    /* waiting */
    struct dj_buf called;      /* the run that it waits for */
    const char *called_status;
    struct dj_buf called_by;   /* who had it computed already, when that was somebody else */
    /* running */
    struct dj_buf asked_by;
    struct dj_buf launcher;    /* which was asked to start it, and has not yet; else empty */
    /* hit; when it was accepted: user, and text: what had made it stale */
    uint64_t accepted_ns;
    uint64_t expires_ns;       /* by its ttl, or one of what it called; 0: never */
    uint64_t served_ns;        /* that moment is over, and until this one it is served */
    struct dj_list left_out;   /* struct dj_buf: parts of arguments that did not count, by path */
    struct dj_buf equal;       /* not empty: what came out equal, and so did not make it stale */
    struct dj_list notes;      /* struct dj_buf: sentences for people */
};

#define DJ_HOLDERS_SHOWN 3
#define DJ_PATH_SHOWN 6 /* of a longer one the middle is counted */

void dj_reason_init(struct dj_reason *reason);
void dj_reason_release(struct dj_reason *reason);
#define dj_cleanup_reason DJ_CLEANUP(dj_reason_release)

/* dj_reason_print(buf, reason): one line without a newline. */
void dj_reason_print(struct dj_buf *buf, const struct dj_reason *reason);

/* dj_reason_cause(buf, reason): the cause alone, without "stale: ". */
void dj_reason_cause(struct dj_buf *buf, const struct dj_reason *reason);

/* dj_reason_notes(buf, reason): what `dj get` says beside a hit; may be nothing. */
void dj_reason_notes(struct dj_buf *buf, const struct dj_reason *reason);

/*
 * dj_reason_part(before, after, ret): two texts of dj_definition_hashed(); the name of the first
 * part in which they differ.
 */
void dj_reason_part(struct dj_bytes before, struct dj_bytes after, struct dj_buf *ret);

#endif

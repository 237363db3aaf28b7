/*
 * Control words: what may be written to a `ctl`.
 *
 * A write holds one or more whole commands, one a line; the newline behind the last may be missing.
 * All are read and checked before the first is carried out. There are four files that take words,
 * and each takes its own:
 *
 *     ctl           gc   pause   resume
 *     tasks/T/.ctl  run ARGS   force ARGS   invalidate   delete ARGS   delete all
 *     tasks/T/N/ctl run   force   incognito   delete   cancel   invalidate   accept
 *     sessions/S/ctl   reserve NAME=N...   release   release NAME=N...   set NAME=N...
 *
 * ARGS is the name of one run as tasks/T would take it: everything behind the blank. This part is
 * pure; carrying out is in tree_ctl.c.
 */
#ifndef DJ_DAEMON_CTL_H
#define DJ_DAEMON_CTL_H

#include <stdbool.h>

#include "lib/model/codec.h"
#include "lib/util/bytes.h"
#include "lib/util/err.h"

#define DJ_CTL_MAX (64U * 1024) /* a longer write is E2BIG */

enum dj_ctl_scope { DJ_CTL_ROOT, DJ_CTL_TASK, DJ_CTL_RUN, DJ_CTL_SESSION, DJ_CTL_FRAME };

enum dj_ctl_verb {
    DJ_CTL_GC,
    DJ_CTL_PAUSE,
    DJ_CTL_RELOAD,
    DJ_CTL_RESUME,
    DJ_CTL_START, /* `run` */
    DJ_CTL_FORCE,
    DJ_CTL_INCOGNITO,
    DJ_CTL_DELETE,
    DJ_CTL_DELETE_ALL,
    DJ_CTL_CANCEL,
    DJ_CTL_INVALIDATE, /* a run, or all runs of a task */
    DJ_CTL_ACCEPT,
    DJ_CTL_RESERVE,
    DJ_CTL_RELEASE,
    DJ_CTL_SET,
    DJ_CTL_RETRY,
};

struct dj_ctl_command {
    enum dj_ctl_verb verb;
    struct dj_bytes args; /* points into the text */
};

/*
 * dj_ctl_parse(scope, text, ret, err): appends struct dj_ctl_command; at least one. -EINVAL with a
 * sentence that lists the words, -E2BIG. On failure ret is as it was.
 */
int dj_ctl_parse(enum dj_ctl_scope scope, struct dj_bytes text, struct dj_list *ret,
                 struct dj_err *err) DJ_MUST_CHECK;

/* dj_ctl_words(buf, scope): the words as the file shows them, one a line. */
void dj_ctl_words(struct dj_buf *buf, enum dj_ctl_scope scope);

/* What a command finds at its call, and what it will leave for those behind it. */
struct dj_ctl_state {
    bool stored;  /* there is something to delete or to invalidate */
    bool current; /* a `run` will find its result there */
    bool live;    /* queued, waiting or running */
    bool stale;   /* there is a result to accept */
};

/* dj_ctl_check(verb, state, err): -ENOENT when there is nothing to do it to, -EBUSY while it cannot
 * be done; else changes state. */
int dj_ctl_check(enum dj_ctl_verb verb, struct dj_ctl_state *state,
                 struct dj_err *err) DJ_MUST_CHECK;

#endif

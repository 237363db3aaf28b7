/*
 * One call of many: from its words to its end, without a request of its own.
 *
 * It is for those who make many calls at a time (a group of a peer, a stored frame). done() is
 * called once, maybe before dj_calling_start() returns; not any more after dj_calling_leave().
 *
 *   code 0      instance answers; with lazy there is none, only the call
 *   negative    an errno with a sentence; instance when a run failed, call when it got that far
 *   -DJ_CODE_WANTS   the key needs variables that the asker does not bring
 *
 * When a file changes while it is computed, the call is made anew, up to three times. Loop thread.
 */
#ifndef DJ_DAEMON_CALLING_H
#define DJ_DAEMON_CALLING_H

#include "daemon/engine.h"

struct dj_calling;

typedef void dj_called_fn(void *cookie, int code, struct dj_call *call, uint64_t instance,
                          const char *sentence);

struct dj_calling_plan {
    struct dj_engine *engine;
    const char *task;
    struct dj_asker asker; /* what it points to outlives the calling */
    /* Instead of words: the arguments of the call with that cookie. -errno. */
    int (*bind)(void *cookie, struct dj_task *task, struct dj_args *ret, struct dj_err *err);
    bool named;            /* the one word of each is the name of its run */
    unsigned flags;        /* DJ_GET_FORCE, DJ_GET_INCOGNITO, DJ_GET_CACHED */
    bool lazy;
    dj_called_fn *done;
};

/* dj_calling_start(plan, words, cookie): plan and words (struct dj_part_word) outlive it; words are
 * NULL when the plan binds. NULL when done() has been called already. */
struct dj_calling *dj_calling_start(const struct dj_calling_plan *plan,
                                    const struct dj_list *words, void *cookie);

/* dj_calling_leave(calling, ret): it is not waited for any more; what becomes of its run. Its
 * memory goes with it, or with a job that still looks at its files. */
void dj_calling_leave(struct dj_calling *calling, struct dj_buf *ret);

#endif

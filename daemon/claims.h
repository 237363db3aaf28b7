/* Who has or wants a named lock: claims.c. A part of the engine's inside. */
#ifndef DJ_DAEMON_CLAIMS_H
#define DJ_DAEMON_CLAIMS_H

#include "daemon/engine_impl.h"

/* What somebody has or wants of a named lock. */
struct claim {
    struct dj_engine *engine;
    struct dj_lock_claim place; /* its `held` is true from the moment on when it is given out */
    const void *owner;       /* a peer; NULL: it was an earlier daemon's, and has not come back */
    struct dj_want *want;    /* until it was told */
    dj_wanted_fn *done;
    void *cookie;
    struct dj_list inside;   /* struct dj_buf: tokens of the claims that the asker stands inside */
    struct dj_rec_lock rec;
    bool ends;               /* deadlock.c, of one without a run */
    struct claim *prev, *next;
};

void claims_load(struct dj_engine *engine);
void claims_end(struct dj_engine *engine); /* while there is a loop */
void claims_free(struct dj_engine *engine);
/* claim_pass(): it has its lock out of turn; false: there is no room. */
bool claim_pass(struct claim *claim);
struct claim *claim_of_token(const struct dj_engine *engine, const char *token);
void lock_add_holders(struct dj_buf *buf, const struct dj_lock *lock);
/* lock_say(run, ret): the lock that it waits for, if any. */
bool lock_say(const struct run *run, struct dj_reason *ret);

#endif

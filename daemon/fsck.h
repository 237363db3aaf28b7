/*
 * Checking a store: records decode, what refers to each other agrees in both directions, content is
 * there and is what its digest says, nothing is left over.
 *
 * The check goes through the store in steps of a few milliseconds, each consistent in itself since
 * nobody else writes meanwhile: a daemon makes a step between two other requests, and `djd --fsck`
 * one after the other on a store that nobody has open. A step that has to read files asks for a
 * job:
 *
 *     fsck = dj_fsck_new(store, flags, &hooks);
 *     do {
 *         next = dj_fsck_step(fsck);
 *         if (next == DJ_FSCK_JOB)
 *             dj_fsck_work(fsck);         on any thread
 *         dj_fsck_take(fsck, &answer);    findings so far
 *     } while (next != DJ_FSCK_END);
 *
 * Each finding has a kind, one of the words that dj(1) lists. What is mended (DJ_FSCK_REPAIR) can
 * be had again from what is left, or is nobody's.
 */
#ifndef DJ_DAEMON_FSCK_H
#define DJ_DAEMON_FSCK_H

#include "daemon/store.h"
#include "lib/proto/messages.h"

struct dj_fsck;

/* What a daemon knows beyond the store. Each function may be NULL. */
struct dj_fsck_hooks {
    /* held(cookie, instance): its call forgot it, and it stays while somebody has it open. */
    bool (*held)(void *cookie, uint64_t instance);
    /* What is bad is no answer any more; code: -errno of reading it, 0: its digest. */
    void (*corrupt_run)(void *cookie, uint64_t call, uint64_t instance, const char *sentence);
    void (*corrupt_content)(void *cookie, const struct dj_digest *digest, bool file, int code);
    /* write(cookie, batch, err): for repairs; NULL: straight into the store. */
    int (*write)(void *cookie, struct dj_store_batch *batch, struct dj_err *err);
    void *cookie;
};

enum dj_fsck_next { DJ_FSCK_MORE, DJ_FSCK_JOB, DJ_FSCK_END };

/* hooks may be NULL: nobody else has the store. */
struct dj_fsck *dj_fsck_new(struct dj_store *store, uint64_t flags,
                            const struct dj_fsck_hooks *hooks);
void dj_fsck_free(struct dj_fsck *fsck);

enum dj_fsck_next dj_fsck_step(struct dj_fsck *fsck);
void dj_fsck_work(struct dj_fsck *fsck);
/* dj_fsck_stop(fsck): a job that is under way ends soon; any thread. */
void dj_fsck_stop(struct dj_fsck *fsck);

/* dj_fsck_take(fsck, ret): the findings since the last time, and how far it is. */
void dj_fsck_take(struct dj_fsck *fsck, struct dj_msg_fscked *ret);

/*
 * dj_fsck_alone(dir, flags, fd, err): a whole check of a store that nobody has open; the FSCKED
 * messages go to the descriptor as frames. A store that cannot be opened is one of them, too.
 */
int dj_fsck_alone(const char *dir, uint64_t flags, int fd, struct dj_err *err) DJ_MUST_CHECK;

#endif

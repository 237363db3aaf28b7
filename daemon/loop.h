/*
 * The event loop: the only user of libuv.
 *
 * One thread runs the loop and owns all state of the daemon. What can block (hashing, taking files
 * in, syncing the store) is a job: its work() runs on a pool thread with nothing but what it was
 * given, then its done() runs on the loop. Work must not touch what belongs to the loop.
 *
 * Connections deliver whole frames and queue what is sent. A connection that ends calls gone()
 * once, after which it must not be used.
 *
 * Everything here belongs to the loop's thread.
 */
#ifndef DJ_DAEMON_LOOP_H
#define DJ_DAEMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/err.h"

struct dj_loop;
struct dj_link; /* one connection */

typedef void dj_loop_fn(void *cookie);

struct dj_loop *dj_loop_new(void);
void dj_loop_run(struct dj_loop *loop); /* until dj_loop_stop() */
void dj_loop_stop(struct dj_loop *loop);
void dj_loop_free(struct dj_loop *loop); /* closes what is open; waits for jobs */

/* dj_loop_job(): done() is called exactly once, also when the loop is being stopped. */
void dj_loop_job(struct dj_loop *loop, dj_loop_fn *work, dj_loop_fn *done, void *cookie);

/* dj_loop_later(): calls fn once, at the end of this turn of the loop. */
void dj_loop_later(struct dj_loop *loop, dj_loop_fn *fn, void *cookie);

/* dj_loop_turn(loop): raised at the end of each turn, and whenever something was read: who looks at
 * files once for each number sees what was done before any message that he answers was sent. */
uint64_t dj_loop_turn(const struct dj_loop *loop);

/* dj_loop_timer(loop, ms, fn, cookie): calls fn once; the handle is for dj_timer_cancel only. */
struct dj_timer;
struct dj_timer *dj_loop_timer(struct dj_loop *loop, uint64_t ms, dj_loop_fn *fn, void *cookie);
void dj_timer_cancel(struct dj_timer *timer); /* not after it fired; NULL is fine */

/* dj_loop_on_signals(): SIGTERM and SIGINT. */
int dj_loop_on_signals(struct dj_loop *loop, dj_loop_fn *fn, void *cookie);

/* dj_loop_spawn(): a detached program of its own session; ended() gets its end. 0 or -errno. */
int dj_loop_spawn(struct dj_loop *loop, char **argv, dj_loop_fn *ended, void *cookie);

struct dj_link_events {
    void (*frame)(void *cookie, struct dj_bytes body);
    void (*gone)(void *cookie);
};

struct dj_peer_credentials {
    uint32_t uid, gid;
    int64_t pid;
};

/* accepted() returns the cookie for the link's events, or NULL to refuse it. */
typedef void *dj_accept_fn(void *cookie, struct dj_link *link,
                           const struct dj_peer_credentials *credentials);

/* dj_loop_listen(): a unix socket at path, mode 0600; a stale one is replaced. -EADDRINUSE when
 * somebody answers there. */
int dj_loop_listen(struct dj_loop *loop, const char *path, const struct dj_link_events *events,
                   dj_accept_fn *accepted, void *cookie, struct dj_err *err);

/* dj_link_send(): one frame; it is copied. What is sent during a turn of the loop leaves at its
 * end, all together, or at once with dj_link_flush(). */
void dj_link_send(struct dj_link *link, struct dj_bytes frame);
void dj_link_flush(struct dj_link *link);
void dj_link_close(struct dj_link *link); /* gone() follows */

#endif

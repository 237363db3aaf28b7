/*
 * The daemon as djfs sees it: a connection that comes back.
 *
 * It must come back with the same store: the kernel keeps bytes and names by node ids, which are
 * numbers of that store. A daemon with another one at the same socket is left alone, and the mount
 * goes on as if its own were away; so it does when check() refuses the daemon, until it does not.
 *
 * While the daemon is away, dj_backend_up() is false and nothing can be asked; requests wait (see
 * pending.h) until it is back or dj_backend_given_up(). Every new connection has a higher epoch;
 * handles of an older epoch mean nothing to the daemon any more.
 *
 * Greeting a daemon can block, so a thread that lives only while the daemon is away tries it, at
 * once and then after pauses of 20 to 250 ms. After two seconds that ends: the socket is watched
 * (watch.h), and a mount that nobody uses wakes up for nothing. A socket that is made, and a
 * request, begin it anew; a request that comes when the daemon has been given up gets at most one
 * second, for an attempt that began after it came. Where nothing can be watched, it is tried every
 * 5 s.
 *
 * A daemon that cannot be used is not asked over and over: one that sends what we do not
 * understand, is of another store or is refused by check(). Of that one sentence is said; the
 * pauses grow to 8 s, and requests do not make them shorter; and it counts as away since the first
 * time, so that who waits is answered in the end. A new socket ends all that.
 */
#ifndef DJ_FS_BACKEND_H
#define DJ_FS_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/watch.h"
#include "lib/client/connection.h"

struct dj_backend_events {
    /* Before the first use of a new connection: -errno when the mount cannot go on with it. */
    int (*check)(void *cookie, const struct dj_msg_welcome *welcome, struct dj_err *err);
    void (*up)(void *cookie);                     /* a new connection, its first use */
    void (*down)(void *cookie);                   /* every pending answer has been called */
    dj_answer_fn *message;                        /* what answers nothing */
};

struct dj_backend {
    char *socket;
    struct dj_greeting greeting;
    const struct dj_backend_events *events;
    void *cookie;
    struct dj_connection *connection; /* NULL while the daemon is away */
    unsigned epoch;
    int64_t wait_ms;
    int64_t up_since_ms;
    int64_t away_since_ms;
    int64_t bad_since_ms;    /* 0: the daemon can be used, as far as we know */
    int64_t next_try_ms;     /* INT64_MAX: none by itself */
    int64_t pause_ms;
    int64_t bad_pause_ms;
    int64_t not_before_ms;   /* of a daemon that cannot be used */
    int64_t eager_until_ms;  /* until then it is tried by the time, too */
    int64_t chance_until_ms; /* until then requests wait, though the daemon was given up */
    int64_t tried_ms;        /* when the attempt under way began */
    struct dj_buf store;     /* what the first daemon's store is known by */
    struct dj_watch watch;   /* while the daemon is away */
    bool trying;
    bool again;              /* a request came after the attempt began */
    bool over;               /* dj_backend_end() */
    bool complained;         /* of something that waiting does not mend */
    int tried[2];            /* a pipe: the trying thread's outcome */
};

/* dj_backend_start(): the first connection, made by the caller's thread. Fields socket, greeting,
 * events, cookie and wait_ms are set before. */
int dj_backend_start(struct dj_backend *backend, struct dj_err *err) DJ_MUST_CHECK;
/* dj_backend_end(): pending answers get ENOTCONN; nothing is tried any more. */
void dj_backend_end(struct dj_backend *backend);

bool dj_backend_up(const struct dj_backend *backend);
/* While away, when a request has come. */
void dj_backend_want(struct dj_backend *backend, int64_t now_ms);
bool dj_backend_given_up(const struct dj_backend *backend, int64_t now_ms);
int64_t dj_backend_gives_up_ms(const struct dj_backend *backend); /* while away: when that is */
const struct dj_msg_welcome *dj_backend_welcome(const struct dj_backend *backend); /* while up */

/* While up: as dj_connection_ask(). */
uint64_t dj_backend_ask(struct dj_backend *backend, enum dj_message number, const void *fields,
                        dj_answer_fn *answer, void *cookie);
void dj_backend_cancel(struct dj_backend *backend, uint64_t id);
/* dj_backend_redirect(): as dj_connection_redirect(). */
void dj_backend_redirect(struct dj_backend *backend, uint64_t id, dj_answer_fn *answer,
                         void *cookie);
/* dj_backend_tell(): a message without an answer; dropped while the daemon is away. */
void dj_backend_tell(struct dj_backend *backend, enum dj_message number, const void *fields);

/* For the loop: places in a poll set, and when to call dj_backend_tick() at the latest. */
#define DJ_BACKEND_PLACES 3
struct pollfd;
void dj_backend_poll(const struct dj_backend *backend, struct pollfd *places);
void dj_backend_handle(struct dj_backend *backend, const struct pollfd *places);
int64_t dj_backend_due_ms(const struct dj_backend *backend); /* INT64_MAX: never */
void dj_backend_tick(struct dj_backend *backend, int64_t now_ms);

#endif

/*
 * A connection to djd: where its socket is, the greeting, and requests with their answers.
 *
 * Two ways of use over one object. Blocking: dj_connection_call() sends one request and waits for
 * its answer; Ctrl-C and timeouts are the caller's (see dj_connection_call's cancel descriptor).
 * Polling (djfs, the worker, lists of runs): dj_connection_fd(), dj_connection_handle() and
 * callbacks, with any number of requests under way; every request's callback is called exactly
 * once: with its answer, or with an ERROR ENOTCONN message when the connection ends first. Only an
 * answer in parts (RESULTS) calls it for each of them; the last one says so.
 *
 * Not thread-safe: one thread owns a connection.
 */
#ifndef DJ_CLIENT_CONNECTION_H
#define DJ_CLIENT_CONNECTION_H

#include <stdbool.h>

#include "lib/proto/messages.h"
#include "lib/util/err.h"
#include "lib/wire/socket_path.h"

struct dj_connection;

struct dj_greeting {
    enum dj_role role;
    const char *program;
    const char *place;
    uint64_t flags;
};

/*
 * dj_connection_open(socket, greeting, ret, err): connects, greets ($DJ_RUN is the token), waits
 * for WELCOME. -ENOTCONN with a sentence that proposes `dj up` when nobody listens, -ETIME when who
 * listens says nothing for 20 s, -EPROTO for a daemon of another protocol version (both versions
 * are named), or one that cannot be understood.
 */
int dj_connection_open(const char *socket, const struct dj_greeting *greeting,
                       struct dj_connection **ret, struct dj_err *err) DJ_MUST_CHECK;
void dj_connection_free(struct dj_connection *connection); /* pending callbacks get ENOTCONN */

/* dj_connection_hold_at(connection, holder): *holder is NULL as soon as the connection goes. */
void dj_connection_hold_at(struct dj_connection *connection, struct dj_connection **holder);

const struct dj_msg_welcome *dj_connection_welcome(const struct dj_connection *connection);

/* dj_connection_post(connection, number, id, fields): sends a message; nobody waits for it here. */
int dj_connection_post(struct dj_connection *connection, enum dj_message number, uint64_t id,
                       const void *fields);

/*
 * dj_connection_call(connection, number, fields, want, ret, err): one request; `want` is the number
 * of the answer that is expected (an ERROR answer becomes err and the negative errno; any other is
 * -EPROTO). ret is released by the caller with dj_message_release.
 */
int dj_connection_call(struct dj_connection *connection, enum dj_message number,
                       const void *fields, enum dj_message want, struct dj_message_in *ret,
                       struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_connection_call_env(…, env, …): for requests whose answer may be WANTS: env is the list of
 * pairs inside of fields, filled in from this process's environment before it is sent again.
 */
int dj_connection_call_env(struct dj_connection *connection, enum dj_message number,
                           const void *fields, struct dj_list *env, enum dj_message want,
                           struct dj_message_in *ret, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_connection_cancel_fd(connection, fd): while a call waits, a readable fd (a signalfd, a
 * timerfd) makes it send CANCEL and go on waiting for the answer. -1: none.
 */
void dj_connection_cancel_fd(struct dj_connection *connection, int fd);

/* dj_connection_patience(connection, ms): how long nothing may come while a call waits, before it
 * fails with -ETIME; -1, as in the beginning: for ever. */
void dj_connection_patience(struct dj_connection *connection, int ms);

/* ---- polling use ---- */

/* The callback owns nothing of message; it is valid during the call. */
typedef void dj_answer_fn(void *cookie, const struct dj_message_in *message);

/* dj_connection_ask(): sends a request; its id is returned (never 0). */
uint64_t dj_connection_ask(struct dj_connection *connection, enum dj_message number,
                           const void *fields, dj_answer_fn *answer, void *cookie);
void dj_connection_cancel(struct dj_connection *connection, uint64_t id); /* sends CANCEL */
/* dj_connection_redirect(connection, id, answer, cookie): its answer goes there instead. */
void dj_connection_redirect(struct dj_connection *connection, uint64_t id, dj_answer_fn *answer,
                            void *cookie);

/*
 * dj_connection_gather(connection, on): while on, what is posted waits, so that many requests leave
 * in one piece; turning it off sends them.
 */
void dj_connection_gather(struct dj_connection *connection, bool on);
/* dj_connection_hold(connection, on): the same, but turning it off sends nothing yet: whatever
 * polls or posts next does. */
void dj_connection_hold(struct dj_connection *connection, bool on);

/* dj_connection_has_ended(connection): nothing can be asked any more. */
bool dj_connection_has_ended(const struct dj_connection *connection);

/* dj_connection_on_message(): for messages that answer nothing of ours (CHANGED, RUN, …). */
void dj_connection_on_message(struct dj_connection *connection, dj_answer_fn *message,
                              void *cookie);

int dj_connection_fd(const struct dj_connection *connection);
short dj_connection_events(const struct dj_connection *connection); /* for poll(2) */
/* dj_connection_handle(connection, revents): reads, calls back, writes. -ENOTCONN: it is over;
 * -EPROTO: also, since what came cannot be understood. */
int dj_connection_handle(struct dj_connection *connection, short revents) DJ_MUST_CHECK;

#endif

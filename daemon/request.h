/*
 * A request that a peer waits on, from its arrival to its one answer.
 *
 * dispatch.c makes one for every message that expects an answer and hands it to the handler of the
 * message's number. The handler answers at once or keeps the request and answers later; either way
 * exactly one of the dj_reply functions is called for it, and the request is gone when it returns.
 *
 * A handler that waits sets on_cancel. It is called at most once, when the peer sent CANCEL or went
 * away: it must stop the waiting and answer EINTR (an answer to a peer that is gone is dropped, but
 * must still be given, since that is what frees the request).
 *
 * Loop thread only.
 */
#ifndef DJ_DAEMON_REQUEST_H
#define DJ_DAEMON_REQUEST_H

#include "lib/proto/messages.h"
#include "lib/util/err.h"

struct dj_engine;
struct dj_peer;

struct dj_request {
    struct dj_engine *engine;
    struct dj_peer *peer;
    uint64_t id;
    uint64_t number;         /* DJ_MSG_* */
    const void *fields;      /* struct of that number; owned by the request, valid until answered */
    void (*on_cancel)(struct dj_request *request);
    void *cookie;            /* the handler's own */
    struct dj_request *prev; /* the peer's requests: dispatch.c only */
    struct dj_request *next;
    struct dj_message_in message;
};

/* dj_reply_part(request, number, fields): a part of an answer in several messages; it goes on. */
void dj_reply_part(struct dj_request *request, enum dj_message number, const void *fields);

/* dj_given(text): a field that is optional; NULL when it was left empty. */
static inline const char *dj_given(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

/* Each of these ends the request. */
void dj_reply(struct dj_request *request, enum dj_message number, const void *fields);
void dj_reply_error(struct dj_request *request, int code, const char *format, ...) DJ_PRINTF(3, 4);
/* dj_reply_err(request, code, err): code is the negative errno that came with err. */
void dj_reply_err(struct dj_request *request, int code, const struct dj_err *err);
void dj_reply_ok(struct dj_request *request, uint64_t number, const char *text);
/* dj_reply_wants(request, definition): the variables that the key holds; see WANTS. */
struct dj_definition;
void dj_reply_wants(struct dj_request *request, const struct dj_definition *definition);

/*
 * What is known of the peer. A mount's requests carry the caller; a client is its own caller: uid
 * from the socket's credentials, run from the token that it greeted with.
 */
struct dj_peer_facts {
    enum dj_role role;
    bool readonly;       /* a mount with -o ro */
    uint32_t uid, gid;
    int64_t pid;
    uint64_t run;        /* client: the run that its token names, else 0 */
    const char *place;
};

const struct dj_peer_facts *dj_peer_facts(const struct dj_peer *peer);

/* dj_peer_send(peer, number, fields): a message that nobody asked for. */
void dj_peer_send(struct dj_peer *peer, enum dj_message number, const void *fields);
/* dj_peer_flush(peer): what was sent leaves now and not at the end of this turn of the loop. */
void dj_peer_flush(struct dj_peer *peer);

/* dj_peer_request(peer, id): one of its requests that is not answered yet, NULL. */
struct dj_request *dj_peer_request(const struct dj_peer *peer, uint64_t id);

/* dj_peer_slot(peer): a pointer that the tree keeps for each peer (open handles, named nodes). */
void **dj_peer_slot(struct dj_peer *peer);
/* dj_peer_check(peer): likewise for its check of the store. */
struct dj_check;
struct dj_check **dj_peer_check(struct dj_peer *peer);
/* dj_peer_exchange(peer): likewise for the runs that it exports or imports (exchange.h). */
struct dj_exchange;
struct dj_exchange **dj_peer_exchange(struct dj_peer *peer);

#endif

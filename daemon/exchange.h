/*
 * Runs on their way into another store and out of it, on the daemon's side.
 *
 * What a peer has under way stands in its struct dj_exchange: the instance that it exports, which
 * stays readable, and the content that it has sent for the run that it imports next. Content above
 * DJ_CONTENT_INLINE_MAX waits in a file of the store's folder (import/), hashed as it comes, and is
 * linked into the store by the import; what nobody imports goes with the peer, and with the next
 * start of the daemon.
 *
 * Loop thread only; writing, hashing and looking at input files are jobs.
 */
#ifndef DJ_DAEMON_EXCHANGE_H
#define DJ_DAEMON_EXCHANGE_H

#include "daemon/checksum.h"
#include "daemon/engine.h"
#include "daemon/request.h"

struct dj_exchange;

/* dj_exchange_of(peer): made when it is first asked for. */
struct dj_exchange *dj_exchange_of(struct dj_peer *peer, struct dj_engine *engine);
/* dj_exchange_gone(peer): what it has sent goes, when the job that uses it has ended. */
void dj_exchange_gone(struct dj_peer *peer);
/* dj_exchange_sweep(store): what an earlier daemon's peers left, at the start. */
struct dj_store;
void dj_exchange_sweep(struct dj_store *store);

/* dj_exchange_hold(exchange, instance): instead of the one before; 0: none. */
void dj_exchange_hold(struct dj_exchange *exchange, uint64_t instance);
uint64_t dj_exchange_held(const struct dj_exchange *exchange);

/* Content that was sent, whole and with the digest that it was said to have. */
struct dj_upload {
    struct dj_digest digest;
    uint64_t size;
    struct dj_buf bytes; /* small content */
    char *path;          /* large content, else NULL */
    struct dj_checksum checksum; /* of large content */
};
/* dj_exchange_upload(exchange, digest): NULL: it was not sent. */
const struct dj_upload *dj_exchange_upload(const struct dj_exchange *exchange,
                                           const struct dj_digest *digest);
/* dj_exchange_begin(exchange): an import reads the uploads from here on, false: there are none;
 * dj_exchange_end(): it does not any more, and they go. */
bool dj_exchange_begin(struct dj_exchange *exchange);
void dj_exchange_end(struct dj_exchange *exchange);

/* ---- exports.c ---- */

/* dj_carried_make(engine, instance, ret, err): the record of a done instance as it travels;
 * -ENOENT: there is none, or it has no result. */
int dj_carried_make(struct dj_engine *engine, uint64_t instance, struct dj_rec_carried *ret,
                    struct dj_err *err) DJ_MUST_CHECK;
/* dj_instance_id(engine, instance, ret): false: it is not stored. */
bool dj_instance_id(struct dj_engine *engine, uint64_t instance, struct dj_digest *ret);

/* dj_runs_page(engine, ask, ret, err): the answer to RUNS. */
int dj_runs_page(struct dj_engine *engine, const struct dj_msg_runs *ask,
                 struct dj_msg_stored_runs *ret, struct dj_err *err) DJ_MUST_CHECK;

/* ---- imports.c ---- */

/*
 * dj_import(engine, exchange, import, user, done, cookie): the record is checked, and unless it is
 * there already, or only the verdict is asked for, the run is stored with its content, all or
 * nothing. done() is called when it is durable.
 */
typedef void dj_imported_fn(void *cookie, int code, const struct dj_msg_imported *imported,
                            const char *sentence);
void dj_import(struct dj_engine *engine, struct dj_exchange *exchange,
               const struct dj_msg_import *import, const char *user, dj_imported_fn *done,
               void *cookie);

/* ---- garbage.c ---- */

/*
 * dj_garbage_page(engine, ask, ret, err): counted, or dropped, which dj_engine_sync() makes
 * durable.
 */
int dj_garbage_page(struct dj_engine *engine, const struct dj_msg_gc *ask,
                    struct dj_msg_garbage *ret, struct dj_err *err) DJ_MUST_CHECK;
void dj_engine_sync(struct dj_engine *engine, dj_done_fn *done, void *cookie);

#endif

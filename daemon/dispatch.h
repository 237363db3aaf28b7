/*
 * Peers and requests: from frames to handlers and back.
 *
 * Every connection is a peer that must greet with HELLO first. A message that expects an answer
 * becomes a request (request.h) for the handler of its number; unknown and malformed messages are
 * answered with an error. When a peer goes away, its requests are cancelled.
 */
#ifndef DJ_DAEMON_DISPATCH_H
#define DJ_DAEMON_DISPATCH_H

#include "daemon/engine_open.h"
#include "daemon/loop.h"

struct dj_dispatch;

/* stop() is called when a peer asks the daemon to end. */
struct dj_dispatch *dj_dispatch_new(struct dj_engine *engine, void (*stop)(void *), void *cookie);
void dj_dispatch_free(struct dj_dispatch *dispatch); /* all links are gone */

/* For dj_loop_listen(); the dispatch is the cookie. */
extern const struct dj_link_events dj_dispatch_events;
void *dj_dispatch_accept(void *dispatch, struct dj_link *link,
                         const struct dj_peer_credentials *credentials);

/* The handlers of calls and definitions (serve_calls.c, serve_tasks.c). */
void dj_serve_get(struct dj_request *request);
void dj_serve_memo(struct dj_request *request);
void dj_serve_follow(struct dj_request *request);
void dj_serve_path(struct dj_request *request);
void dj_serve_group(struct dj_request *request);
void dj_serve_frame(struct dj_request *request);
void dj_serve_rows(struct dj_request *request);
void dj_serve_frame_gone(struct dj_engine *engine, struct dj_peer *peer);
void dj_serve_reserve(struct dj_request *request);
void dj_serve_unreserve(struct dj_request *request);
void dj_serve_progress(struct dj_request *request);
void dj_serve_lock(struct dj_request *request);
void dj_serve_unlock(struct dj_request *request);
void dj_serve_define(struct dj_request *request);
void dj_serve_undefine(struct dj_request *request);
void dj_serve_bump(struct dj_request *request);
void dj_serve_impact(struct dj_request *request);
void dj_serve_task_list(struct dj_request *request);
void dj_serve_undelete(struct dj_request *request);

/* serve_exchange.c, and uploads.c: runs that change stores, and runs that go. */
void dj_serve_runs(struct dj_request *request);
void dj_serve_export(struct dj_request *request);
void dj_serve_fetch(struct dj_request *request);
void dj_serve_upload(struct dj_request *request);
void dj_serve_import(struct dj_request *request);
void dj_serve_gc(struct dj_request *request);

/* serve_fsck.c: a peer's check of the store, which ends with the peer. */
void dj_serve_fsck(struct dj_request *request);
void dj_serve_fsck_gone(struct dj_peer *peer);

#endif

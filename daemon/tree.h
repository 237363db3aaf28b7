/*
 * The tree: what mounts and `dj ls|cat|write` see of the engine, message by message.
 *
 * dispatch.c gives every tree message here. Node ids are explained in node.h, open files in
 * handle.h, control words in ctl.h; man/dj-tree.5 says what each file holds.
 *
 * The rules that everything here keeps:
 *   - LOOKUP, GETATTR, READDIR, UNLINK and WRITE never wait for a run; none but WRITE starts one.
 *   - OPEN and READLINK of what is not there wait, and READ of `wait` and of a reply to a control
 *     word; all of them stop at CANCEL with EINTR.
 *   - A node of an instance never changes. OPEN of a node that is not what its call's current
 *     instance shows is answered ESTALE once the right one is there, and the asker looks again;
 *     with DJ_OPEN_CURRENT it gets the right bytes through a handle.
 *   - A listing shows what can be read at once: `result` and `files` of a run only when they are
 *     current. Names lead further than listings.
 *   - What a run opens is a call, and is answered when the engine has the edge.
 *
 * Loop thread only. There is one tree in a process, made by the first message.
 */
#ifndef DJ_DAEMON_TREE_H
#define DJ_DAEMON_TREE_H

#include "daemon/engine.h"
#include "daemon/request.h"

/* dj_tree_handle(request): LOOKUP GETATTR READDIR READLINK OPEN READ WRITE UNLINK STATFS NEXT and
 * RESTORE. */
void dj_tree_handle(struct dj_request *request);

/*
 * dj_tree_waits(request): of a run that has read what is not durable yet, and would be shown the
 * state before that: it is to be handled after dj_after_sync().
 */
bool dj_tree_waits(const struct dj_request *request);

/* dj_tree_notice(engine, peer, message): RELEASE and FORGET, which nobody answers. */
void dj_tree_notice(struct dj_engine *engine, struct dj_peer *peer,
                    const struct dj_message_in *message);

/* dj_tree_hold(engine, peer, instance): it will read that content by path: until it goes. */
void dj_tree_hold(struct dj_engine *engine, struct dj_peer *peer, uint64_t instance);

/* dj_tree_peer_gone(engine, peer): closes what it had open, forgets what it knew. */
void dj_tree_peer_gone(struct dj_engine *engine, struct dj_peer *peer);

/*
 * dj_tree_changed(engine, call): for dj_engine_on_change(), with the engine as its cookie. Tells
 * the mounts that may hold an answer which has become wrong, at a bounded rate; what is dropped
 * expires by itself within a second.
 */
void dj_tree_changed(void *engine, struct dj_call *call);

/* dj_tree_end(engine): frees the tree; all peers are gone. */
void dj_tree_end(struct dj_engine *engine);

#endif

#include <errno.h>

#include "daemon/dispatch.h"

/*
 * LOCK and UNLOCK: named locks, which end with the connection that has them.
 */

static void locked(void *cookie, int code, uint64_t instance DJ_UNUSED, const char *sentence)
{
    struct dj_request *request = cookie;

    request->on_cancel = NULL;
    if (code < 0)
        dj_reply_error(request, code, "%s", sentence);
    else
        dj_reply_ok(request, 0, "");
}

static void lock_cancel(struct dj_request *request)
{
    const struct dj_msg_lock *lock = request->fields;

    dj_lock_give_up(request->engine, lock->token);
    dj_reply_error(request, EINTR, "it did not get lock %s", lock->name);
}

void dj_serve_lock(struct dj_request *request)
{
    const struct dj_peer_facts *facts = dj_peer_facts(request->peer);
    const struct dj_msg_lock *lock = request->fields;
    struct dj_asker asker = {.run = facts->run, .uid = facts->uid, .gid = facts->gid};
    struct dj_lock_ask ask = {
        .name = lock->name,
        .token = lock->token,
        .shared = (lock->flags & DJ_LOCK_SHARED) != 0,
        .now = (lock->flags & DJ_LOCK_NOW) != 0,
        .owner = request->peer,
        .pid = facts->pid,
    };

    for (size_t i = 0; i < lock->inside.n; i++)
        dj_list_add_bytes(&ask.inside, dj_buf_bytes(&DJ_LIST_AT(&lock->inside, struct dj_part_word,
                                                                i)->bytes));
    request->on_cancel = lock_cancel;
    dj_lock(request->engine, &asker, &ask, locked, request);
    dj_bytes_list_release(&ask.inside);
}

void dj_serve_unlock(struct dj_request *request)
{
    const struct dj_msg_unlock *unlock = request->fields;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_unlock(request->engine, request->peer, unlock->token, &err);

    if (rc < 0)
        dj_reply_err(request, rc, &err);
    else
        dj_reply_ok(request, 0, "");
}

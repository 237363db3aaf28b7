#include <errno.h>

#include "daemon/dispatch.h"
#include "lib/model/resource.h"

/*
 * RESERVE and UNRESERVE: what runs take of their session's resources, and give back.
 */

static struct dj_asker asker_of(const struct dj_request *request)
{
    const struct dj_peer_facts *facts = dj_peer_facts(request->peer);

    return (struct dj_asker){.run = facts->run, .uid = facts->uid, .gid = facts->gid};
}

static void reserved(void *cookie, int code, uint64_t instance DJ_UNUSED, const char *sentence)
{
    struct dj_request *request = cookie;

    request->on_cancel = NULL;
    if (code < 0)
        dj_reply_error(request, code, "%s", sentence);
    else
        dj_reply_ok(request, 0, "");
}

static void reserve_cancel(struct dj_request *request)
{
    dj_want_cancel(request->cookie);
    dj_reply_error(request, EINTR, "interrupted while waiting for resources; none were reserved");
}

void dj_serve_reserve(struct dj_request *request)
{
    const struct dj_msg_reserve *reserve = request->fields;
    struct dj_asker asker = asker_of(request);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_want *want;
    struct dj_list list;
    int rc = dj_resources_parse(dj_bytes_of(reserve->resources), &list, &err);

    if (rc < 0) {
        dj_reply_err(request, rc, &err);
        return;
    }
    want = dj_reserve(request->engine, &asker, &list, reserved, request);
    if (want != NULL) {
        request->cookie = want;
        request->on_cancel = reserve_cancel;
    }
    dj_resources_release(&list);
}

void dj_serve_unreserve(struct dj_request *request)
{
    const struct dj_msg_unreserve *unreserve = request->fields;
    struct dj_asker asker = asker_of(request);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_list list = {0};
    int rc = 0;

    if (unreserve->resources != NULL && *unreserve->resources != '\0')
        rc = dj_resources_parse(dj_bytes_of(unreserve->resources), &list, &err);
    if (rc == 0)
        rc = dj_unreserve(request->engine, &asker, &list, &err);
    dj_resources_release(&list);
    if (rc < 0)
        dj_reply_err(request, rc, &err);
    else
        dj_reply_ok(request, 0, "");
}

void dj_serve_progress(struct dj_request *request)
{
    const struct dj_msg_progress *message = request->fields;
    struct dj_progress progress = {message->done, message->total};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_engine_progress(request->engine, dj_peer_facts(request->peer)->run, &progress,
                                &err);

    if (rc < 0)
        dj_reply_err(request, rc, &err);
    else
        dj_reply_ok(request, 0, "");
}

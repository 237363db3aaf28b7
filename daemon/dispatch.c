#include "daemon/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/exchange.h"
#include "daemon/tree.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"
#include "lib/wire/frame.h"

struct dj_dispatch {
    struct dj_engine *engine;
    void (*stop)(void *);
    void *stop_cookie;
    struct dj_buf out;
};

struct dj_peer {
    struct dj_dispatch *dispatch;
    struct dj_link *link;
    struct dj_peer_facts facts;
    bool greeted;
    bool gone;   /* nothing is sent any more */
    bool buried; /* goes with its last request */
    char *place;
    struct dj_buf token;
    uint64_t speaks; /* a host: the run that the next request comes from; 0: none */
    struct dj_request *requests;
    void *slot;
    struct dj_check *check;
    struct dj_exchange *exchange;
};

struct dj_dispatch *dj_dispatch_new(struct dj_engine *engine, void (*stop)(void *), void *cookie)
{
    struct dj_dispatch *dispatch = dj_xcalloc(1, sizeof(*dispatch));

    dispatch->engine = engine;
    dispatch->stop = stop;
    dispatch->stop_cookie = cookie;
    return dispatch;
}

void dj_dispatch_free(struct dj_dispatch *dispatch)
{
    if (dispatch == NULL)
        return;
    dj_buf_release(&dispatch->out);
    free(dispatch);
}

const struct dj_peer_facts *dj_peer_facts(const struct dj_peer *peer)
{
    return &peer->facts;
}

void **dj_peer_slot(struct dj_peer *peer)
{
    return &peer->slot;
}

struct dj_check **dj_peer_check(struct dj_peer *peer)
{
    return &peer->check;
}

struct dj_exchange **dj_peer_exchange(struct dj_peer *peer)
{
    return &peer->exchange;
}

/* ---- sending ---- */

static void send_message(struct dj_peer *peer, enum dj_message number, uint64_t id,
                         const void *fields)
{
    struct dj_buf *out = &peer->dispatch->out;
    size_t begin;

    if (peer->gone)
        return;
    dj_buf_clear(out);
    begin = dj_frame_begin(out);
    dj_message_encode(out, number, id, fields);
    if (dj_frame_end(out, begin) < 0) {
        struct dj_msg_error error = {.code = EMSGSIZE};

        error.text = dj_xstrdup("the answer is larger than a message may be");
        begin = dj_frame_begin(out);
        dj_message_encode(out, DJ_MSG_ERROR, id, &error);
        (void)!dj_frame_end(out, begin);
        free(error.text);
    }
    dj_link_send(peer->link, dj_buf_bytes(out));
}

void dj_peer_send(struct dj_peer *peer, enum dj_message number, const void *fields)
{
    send_message(peer, number, 0, fields);
}

void dj_peer_flush(struct dj_peer *peer)
{
    if (!peer->gone)
        dj_link_flush(peer->link);
}

static void free_peer(struct dj_peer *peer);

static void end_request(struct dj_request *request)
{
    struct dj_peer *peer = request->peer;

    if (request->prev != NULL)
        request->prev->next = request->next;
    else
        peer->requests = request->next;
    if (request->next != NULL)
        request->next->prev = request->prev;
    dj_message_release(&request->message);
    free(request);
    if (peer->buried && peer->requests == NULL)
        free_peer(peer);
}

void dj_reply_part(struct dj_request *request, enum dj_message number, const void *fields)
{
    send_message(request->peer, number, request->id, fields);
}

void dj_reply(struct dj_request *request, enum dj_message number, const void *fields)
{
    send_message(request->peer, number, request->id, fields);
    end_request(request);
}

static void reply_text(struct dj_request *request, int code, char *text)
{
    struct dj_msg_error error = {.code = (uint64_t)(code < 0 ? -code : code), .text = text};

    dj_reply(request, DJ_MSG_ERROR, &error);
}

void dj_reply_error(struct dj_request *request, int code, const char *format, ...)
{
    struct dj_buf text = DJ_BUF_INIT;
    va_list args;

    va_start(args, format);
    dj_buf_addv(&text, format, args);
    va_end(args);
    dj_buf_room(&text, 0);
    reply_text(request, code, (char *)text.data);
    dj_buf_release(&text);
}

void dj_reply_err(struct dj_request *request, int code, const struct dj_err *err)
{
    dj_reply_error(request, code, "%s", dj_err_text(err, code));
}

void dj_reply_ok(struct dj_request *request, uint64_t number, const char *text)
{
    struct dj_msg_ok ok = {.number = number};

    ok.text = dj_xstrdup(text == NULL ? "" : text);
    dj_reply(request, DJ_MSG_OK, &ok);
    free(ok.text);
}

void dj_reply_wants(struct dj_request *request, const struct dj_definition *definition)
{
    struct dj_msg_wants wants = {0};

    for (size_t i = 0; definition != NULL && i < definition->env_keyed.n; i++) {
        struct dj_part_word *word = dj_list_add(&wants.names, sizeof(*word));

        dj_buf_add_bytes(&word->bytes, dj_list_bytes(&definition->env_keyed, i));
    }
    dj_reply(request, DJ_MSG_WANTS, &wants);
    dj_codec_release(dj_message_layout(DJ_MSG_WANTS), &wants);
}

/* ---- receiving ---- */

static void welcome(struct dj_request *request)
{
    struct dj_peer *peer = request->peer;
    struct dj_engine *engine = request->engine;
    const struct dj_msg_hello *hello = request->fields;
    struct dj_msg_welcome answer = {.version = DJ_PROTOCOL_VERSION, .pid = (uint64_t)getpid()};
    struct dj_buf sessions = DJ_BUF_INIT;
    const char *mount;

    peer->facts.role = hello->role <= DJ_ROLE_HOST ? (enum dj_role)hello->role : DJ_ROLE_CLIENT;
    peer->facts.readonly = (hello->flags & DJ_HELLO_READONLY) != 0;
    peer->place = dj_xstrdup(hello->place == NULL ? "" : hello->place);
    peer->facts.place = peer->place;
    dj_buf_set(&peer->token, dj_buf_bytes(&hello->token));
    peer->greeted = true;
    if (peer->facts.role == DJ_ROLE_MOUNT)
        dj_engine_add_mount(engine, peer->place);
    if (peer->facts.role == DJ_ROLE_MOUNT && !peer->facts.readonly)
        dj_engine_set_mount(engine, peer->place);
    mount = dj_engine_mount(engine);
    answer.program = dj_xstrdup("djd " PACKAGE_VERSION);
    answer.store = dj_xstrdup(dj_engine_store_dir(engine));
    answer.generations = dj_xstrdup(dj_engine_generations(engine));
    answer.mount = dj_xstrdup(mount == NULL ? "" : mount);
    answer.mount_due = dj_engine_mount_due(engine);
    dj_buf_addf(&sessions, "%s/sessions", dj_engine_work_dir(engine));
    answer.sessions = dj_buf_steal(&sessions);
    dj_reply(request, DJ_MSG_WELCOME, &answer);
    dj_codec_release(dj_message_layout(DJ_MSG_WELCOME), &answer);
    if (peer->facts.role == DJ_ROLE_WORKER)
        dj_engine_worker_attach(engine, peer, peer->place);
    if (peer->facts.role == DJ_ROLE_HOST)
        dj_engine_host_attach(engine, peer, peer->place);
}

static void greet(struct dj_request *request)
{
    const struct dj_msg_hello *hello = request->fields;
    const struct dj_peer_facts *facts = &request->peer->facts;

    if (hello->version != DJ_PROTOCOL_VERSION)
        dj_reply_error(request, EPROTO,
                       "the daemon speaks protocol %d and this program %llu; run `dj down` and "
                       "`dj up` to start the installed version",
                       DJ_PROTOCOL_VERSION, (unsigned long long)hello->version);
    else if (facts->uid != geteuid() && facts->uid != 0)
        dj_reply_error(request, EACCES, "this daemon belongs to another user");
    else
        welcome(request);
}

static void on_stop(struct dj_request *request)
{
    struct dj_dispatch *dispatch = request->peer->dispatch;
    const struct dj_msg_stop *stop = request->fields;

    dj_engine_stop(dispatch->engine, stop->cancel);
    dj_reply_ok(request, 0, "stopping");
    dispatch->stop(dispatch->stop_cookie);
}

static void on_ping(struct dj_request *request)
{
    dj_reply_ok(request, 0, "");
}

typedef void handler_fn(struct dj_request *request);

/* When a run is answered that has read what is not durable yet (dj_run_is_early()): a call at once,
 * what shows how things are after the sync. Of the tree some is the one and some the other. */
enum answered { AT_ONCE, WHEN_DURABLE, AS_THE_TREE_SAYS };

static const struct handler {
    enum dj_message number;
    handler_fn *handle;
    enum answered answered;
} handlers[] = {
    {DJ_MSG_PING, on_ping, AT_ONCE},
    {DJ_MSG_LOOKUP, dj_tree_handle, AS_THE_TREE_SAYS},
    {DJ_MSG_GETATTR, dj_tree_handle, AS_THE_TREE_SAYS},
    {DJ_MSG_READDIR, dj_tree_handle, AS_THE_TREE_SAYS},
    {DJ_MSG_READLINK, dj_tree_handle, AS_THE_TREE_SAYS},
    {DJ_MSG_OPEN, dj_tree_handle, AS_THE_TREE_SAYS},
    {DJ_MSG_READ, dj_tree_handle, AS_THE_TREE_SAYS},
    {DJ_MSG_WRITE, dj_tree_handle, AS_THE_TREE_SAYS},
    {DJ_MSG_UNLINK, dj_tree_handle, AS_THE_TREE_SAYS},
    {DJ_MSG_STATFS, dj_tree_handle, AS_THE_TREE_SAYS},
    {DJ_MSG_RESTORE, dj_tree_handle, AS_THE_TREE_SAYS},
    {DJ_MSG_NEXT, dj_tree_handle, AS_THE_TREE_SAYS},
    {DJ_MSG_GET, dj_serve_get, AT_ONCE},
    {DJ_MSG_PATH, dj_serve_path, AT_ONCE},
    {DJ_MSG_DEFINE, dj_serve_define, WHEN_DURABLE},
    {DJ_MSG_UNDEFINE, dj_serve_undefine, WHEN_DURABLE},
    {DJ_MSG_BUMP, dj_serve_bump, WHEN_DURABLE},
    {DJ_MSG_UNDELETE, dj_serve_undelete, WHEN_DURABLE},
    {DJ_MSG_STOP, on_stop, AT_ONCE},
    {DJ_MSG_MEMO, dj_serve_memo, AT_ONCE},
    {DJ_MSG_FOLLOW, dj_serve_follow, AT_ONCE},
    {DJ_MSG_IMPACT, dj_serve_impact, WHEN_DURABLE},
    {DJ_MSG_FSCK, dj_serve_fsck, WHEN_DURABLE},
    {DJ_MSG_TASKS, dj_serve_task_list, WHEN_DURABLE},
    {DJ_MSG_RESERVE, dj_serve_reserve, AT_ONCE},
    {DJ_MSG_UNRESERVE, dj_serve_unreserve, AT_ONCE},
    {DJ_MSG_PROGRESS, dj_serve_progress, AT_ONCE},
    {DJ_MSG_LOCK, dj_serve_lock, AT_ONCE},
    {DJ_MSG_UNLOCK, dj_serve_unlock, AT_ONCE},
    {DJ_MSG_RUNS, dj_serve_runs, WHEN_DURABLE},
    {DJ_MSG_EXPORT, dj_serve_export, WHEN_DURABLE},
    {DJ_MSG_FETCH, dj_serve_fetch, WHEN_DURABLE},
    {DJ_MSG_UPLOAD, dj_serve_upload, WHEN_DURABLE},
    {DJ_MSG_IMPORT, dj_serve_import, WHEN_DURABLE},
    {DJ_MSG_GC, dj_serve_gc, WHEN_DURABLE},
    {DJ_MSG_CALLS, dj_serve_group, AT_ONCE},
    {DJ_MSG_FRAME, dj_serve_frame, WHEN_DURABLE},
    {DJ_MSG_ROWS, dj_serve_rows, WHEN_DURABLE},
};

static struct dj_request *new_request(struct dj_peer *peer, struct dj_message_in *message)
{
    struct dj_request *request = dj_xcalloc(1, sizeof(*request));

    request->engine = peer->dispatch->engine;
    request->peer = peer;
    request->message = *message;
    request->id = message->id;
    request->number = message->number;
    request->fields = message->fields;
    message->fields = NULL;
    request->next = peer->requests;
    if (request->next != NULL)
        request->next->prev = request;
    peer->requests = request;
    return request;
}

/* At other calls, which may answer it. */
static bool looks_at_others(const struct dj_msg_get *get)
{
    return get->ignore.n != 0 || get->keep.n != 0;
}

static bool waits(const struct dj_request *request, const struct handler *handler)
{
    if (handler->answered == AS_THE_TREE_SAYS)
        return dj_tree_waits(request);
    if (handler->answered == AT_ONCE &&
        (request->number != DJ_MSG_GET || !looks_at_others(request->fields)))
        return false;
    return dj_run_is_early(request->engine, request->peer->facts.run);
}

struct waiting {
    struct dj_request *request;
    handler_fn *handle;
    uint64_t run;
};

/* Whether it is durable now or never will be: what is shown is what there is. */
static void waited(void *cookie, int code DJ_UNUSED, const char *sentence DJ_UNUSED)
{
    struct waiting waiting = *(struct waiting *)cookie;
    struct dj_peer *peer = waiting.request->peer;

    free(cookie);
    if (peer->gone) {
        dj_reply_error(waiting.request, EINTR, "interrupted");
        return;
    }
    peer->facts.run = waiting.run;
    waiting.handle(waiting.request);
}

static void call_handler(struct dj_request *request, const struct handler *handler)
{
    struct waiting *waiting;

    if (!waits(request, handler)) {
        handler->handle(request);
        return;
    }
    waiting = dj_xcalloc(1, sizeof(*waiting));
    *waiting = (struct waiting){request, handler->handle, request->peer->facts.run};
    dj_after_sync(request->engine, waited, waiting);
}

static void handle(struct dj_peer *peer, struct dj_message_in *message)
{
    struct dj_request *request = new_request(peer, message);

    if (request->number == DJ_MSG_HELLO) {
        greet(request);
        return;
    }
    if (!peer->greeted) {
        dj_reply_error(request, EPROTO, "the first message must be HELLO");
        return;
    }
    peer->facts.run = peer->speaks != 0
                          ? peer->speaks
                          : dj_engine_run_of_token(request->engine, dj_buf_bytes(&peer->token));
    peer->speaks = 0;
    for (size_t i = 0; i < DJ_ARRAY_SIZE(handlers); i++) {
        if (handlers[i].number == request->number) {
            call_handler(request, &handlers[i]);
            return;
        }
    }
    dj_reply_error(request, EPROTO, "%s is not a request", dj_message_name(request->number));
}

static void cancel(struct dj_request *request)
{
    void (*on_cancel)(struct dj_request *) = request->on_cancel;

    request->on_cancel = NULL;
    if (on_cancel != NULL)
        on_cancel(request);
}

struct dj_request *dj_peer_request(const struct dj_peer *peer, uint64_t id)
{
    struct dj_request *at = peer->requests;

    while (at != NULL && at->id != id)
        at = at->next;
    return at;
}

static void on_cancel_message(struct dj_peer *peer, const struct dj_msg_cancel *message)
{
    struct dj_request *request = dj_peer_request(peer, message->id);

    if (request != NULL)
        cancel(request);
}

static void on_frame(void *cookie, struct dj_bytes body)
{
    struct dj_peer *peer = cookie;
    struct dj_engine *engine = peer->dispatch->engine;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_message_in message;

    if (dj_message_decode(body, &message, &err) < 0) {
        struct dj_msg_error error = {.code = EBADMSG, .text = err.text};

        send_message(peer, DJ_MSG_ERROR, message.id, &error);
        return;
    }
    switch (message.number) {
    case DJ_MSG_CANCEL:
        on_cancel_message(peer, message.fields);
        break;
    case DJ_MSG_RELEASE:
    case DJ_MSG_FORGET:
        if (peer->greeted)
            dj_tree_notice(engine, peer, &message);
        break;
    case DJ_MSG_SPEAK:
        peer->speaks = dj_engine_speaks(
            engine, peer, ((const struct dj_msg_speak *)message.fields)->instance);
        break;
    case DJ_MSG_RUNNING:
    case DJ_MSG_STARTED:
    case DJ_MSG_EXITED:
        dj_engine_worker_message(engine, peer, &message);
        break;
    default:
        if (message.id != 0)
            handle(peer, &message);
        break;
    }
    dj_message_release(&message);
}

static void free_peer(struct dj_peer *peer)
{
    dj_buf_release(&peer->token);
    free(peer->place);
    free(peer);
}

/* Requests that wait for a job cannot be cancelled: the last of them takes the peer with it. */
static void on_gone(void *cookie)
{
    struct dj_peer *peer = cookie;
    bool found = true;

    peer->gone = true;
    while (found) {
        found = false;
        for (struct dj_request *at = peer->requests; at != NULL && !found; at = at->next) {
            if (at->on_cancel != NULL) {
                found = true;
                cancel(at);
                break;
            }
        }
    }
    dj_serve_fsck_gone(peer);
    dj_lock_owner_gone(peer->dispatch->engine, peer);
    dj_exchange_gone(peer);
    dj_serve_frame_gone(peer->dispatch->engine, peer);
    dj_engine_worker_gone(peer->dispatch->engine, peer);
    if (peer->greeted && peer->facts.role == DJ_ROLE_MOUNT)
        dj_engine_remove_mount(peer->dispatch->engine, peer->place);
    if (peer->greeted)
        dj_tree_peer_gone(peer->dispatch->engine, peer);
    peer->buried = true;
    if (peer->requests == NULL)
        free_peer(peer);
}

void *dj_dispatch_accept(void *cookie, struct dj_link *link,
                         const struct dj_peer_credentials *credentials)
{
    struct dj_peer *peer = dj_xcalloc(1, sizeof(*peer));

    peer->dispatch = cookie;
    peer->link = link;
    peer->facts.uid = credentials->uid;
    peer->facts.gid = credentials->gid;
    peer->facts.pid = credentials->pid;
    peer->facts.place = "";
    return peer;
}

const struct dj_link_events dj_dispatch_events = {on_frame, on_gone};

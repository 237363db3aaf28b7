#include "daemon/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "daemon/tree_impl.h"
#include "lib/util/mem.h"

/* The engine has no place for us, and a process has one engine. */
static struct dj_tree *the_tree;

struct dj_tree *dj_tree_of(struct dj_engine *engine)
{
    if (the_tree != NULL && the_tree->engine != engine)
        dj_tree_end(the_tree->engine);
    if (the_tree == NULL) {
        the_tree = dj_xcalloc(1, sizeof(*the_tree));
        the_tree->engine = engine;
        the_tree->uid = geteuid();
        the_tree->gid = getegid();
        dj_nameds_init(&the_tree->nameds);
    }
    return the_tree;
}

struct dj_tree_peer *dj_tree_peer_of(struct dj_engine *engine, struct dj_peer *peer)
{
    void **slot = dj_peer_slot(peer);
    struct dj_tree_peer *mine = *slot;

    if (mine == NULL) {
        mine = dj_xcalloc(1, sizeof(*mine));
        mine->tree = dj_tree_of(engine);
        mine->peer = peer;
        DL_APPEND(mine->tree->peers, mine);
        *slot = mine;
    }
    return mine;
}

void dj_tree_hold(struct dj_engine *engine, struct dj_peer *peer, uint64_t instance)
{
    dj_held_add(dj_tree_peer_of(engine, peer), instance, 1);
}

void dj_tree_peer_gone(struct dj_engine *engine, struct dj_peer *peer)
{
    void **slot = dj_peer_slot(peer);
    struct dj_tree_peer *mine = *slot;

    (void)engine;
    if (mine == NULL)
        return;
    *slot = NULL;
    dj_handle_close_all(&mine->handles);
    dj_held_drop_all(mine);
    dj_texts_release(mine);
    dj_named_forget_all(&mine->tree->nameds, &mine->counts);
    DL_DELETE(mine->tree->peers, mine);
    free(mine);
}

void dj_tree_end(struct dj_engine *engine)
{
    if (the_tree == NULL || the_tree->engine != engine)
        return;
    while (the_tree->peers != NULL)
        dj_tree_peer_gone(engine, the_tree->peers->peer);
    dj_refusals_release(the_tree);
    dj_reservings_release(the_tree);
    dj_manifests_release(the_tree);
    dj_nameds_release(&the_tree->nameds);
    free(dj_steal(the_tree));
}

void dj_tree_changed(void *engine, struct dj_call *call)
{
    if (the_tree != NULL && the_tree->engine == engine)
        dj_change_send(the_tree, call);
}

/* ---- who asks, and answers ------------------------------------------------------------------- */

struct dj_asker dj_tree_asker(const struct dj_request *request,
                              const struct dj_part_caller *caller, const struct dj_list *env)
{
    const struct dj_peer_facts *facts = dj_peer_facts(request->peer);
    struct dj_asker asker = {.run = facts->run, .uid = facts->uid, .gid = facts->gid,
                             .readonly = facts->readonly};

    if (facts->role == DJ_ROLE_MOUNT) {
        asker.run = caller->run;
        asker.uid = (uint32_t)caller->uid;
        asker.gid = (uint32_t)caller->gid;
    }
    if (env != NULL && env->n > 0)
        asker.env = env;
    return asker;
}

int dj_tree_may_change(const struct dj_tree *tree, const struct dj_asker *asker,
                       struct dj_err *err)
{
    if (asker->readonly)
        return dj_err_set(err, EROFS, "this mount is read-only; nothing is changed through it");
    if (asker->uid != 0 && asker->uid != tree->uid)
        return dj_err_set(err, EACCES, "only user %u, whose daemon this is, may change anything",
                          tree->uid);
    return 0;
}

void dj_tree_refuse(struct dj_request *request, int code, const char *format, ...)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    va_list args;

    va_start(args, format);
    dj_buf_addv(&text, format, args);
    va_end(args);
    dj_err_set(&err, -code, "%s", dj_buf_str(&text));
    dj_reply_err(request, code, &err);
}

void dj_tree_data(struct dj_request *request, struct dj_bytes bytes)
{
    struct dj_msg_data data = {0};

    dj_buf_add_bytes(&data.bytes, bytes);
    dj_reply(request, DJ_MSG_DATA, &data);
    dj_buf_release(&data.bytes);
}

void dj_tree_slice(struct dj_request *request, struct dj_bytes text, const struct dj_msg_read *ask)
{
    struct dj_bytes rest = dj_bytes_from(text, (size_t)DJ_MIN(ask->offset, text.len));

    rest.len = (size_t)DJ_MIN(rest.len, DJ_MIN(ask->size, DJ_TREE_READ_MAX));
    dj_tree_data(request, rest);
}

void dj_tree_link(struct dj_request *request, const struct dj_buf *target)
{
    struct dj_msg_link link = {.target = *target};

    dj_reply(request, DJ_MSG_LINK, &link);
}

void dj_tree_opened_text(struct dj_request *request, struct dj_buf *text)
{
    struct dj_msg_opened opened = {.flags = DJ_OPENED_DIRECT, .size = text->len,
                                   .has_content = true, .content = *text};

    dj_reply(request, DJ_MSG_OPENED, &opened);
}

void dj_tree_opened_handle(struct dj_request *request, const struct dj_handle *handle,
                           uint64_t size)
{
    struct dj_msg_opened opened = {.handle = handle->number, .flags = DJ_OPENED_DIRECT,
                                   .size = size};

    dj_reply(request, DJ_MSG_OPENED, &opened);
}

/* ---- one function a message ------------------------------------------------------------------ */

/* Shown to a run alone: who looks for the same name has to ask, not to be told by the kernel. */
static bool is_early(const struct dj_spot *spot)
{
    struct dj_live live;

    return spot->node.kind == DJ_NODE_INSTANCE && dj_live(spot->engine, spot->node.number, &live);
}

/* lasting_ms: what is known by other means to be good for so long. */
static void reply_entry(struct dj_request *request, const struct dj_spot *spot, uint64_t lasting_ms)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_msg_entry entry = {0};
    int code = dj_spot_attr(spot, &entry.attr, &err);

    if (code < 0) {
        dj_reply_err(request, code, &err);
        return;
    }
    if (spot->named != NULL && request->number == DJ_MSG_LOOKUP)
        dj_named_add(spot->named, &spot->peer->counts, 1);
    entry.attr.ttl_ms = is_early(spot) ? 0 : DJ_MAX(entry.attr.ttl_ms, lasting_ms);
    if (entry.attr.ttl_ms != 0)
        dj_change_looked(spot->peer, spot->call);
    dj_ahead_entry(request, spot, &entry);
    dj_reply(request, DJ_MSG_ENTRY, &entry);
    dj_codec_release(dj_message_layout(DJ_MSG_ENTRY), &entry);
}

static void on_lookup(const struct dj_spot *spot, struct dj_request *request)
{
    const struct dj_msg_lookup *ask = request->fields;
    struct dj_asker asker = dj_tree_asker(request, &ask->caller, NULL);
    dj_cleanup_spot struct dj_spot found = DJ_SPOT_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code;

    if (spot->sort->lookup == NULL) {
        dj_tree_refuse(request, -ENOTDIR, "this is not a folder");
        return;
    }
    code = spot->sort->lookup(spot, &asker, dj_buf_bytes(&ask->name), &found, &err);
    if (code < 0)
        dj_reply_err(request, code, &err);
    else
        reply_entry(request, &found, dj_lasting_name(spot, &found));
}

static void on_readdir(const struct dj_spot *spot, struct dj_request *request)
{
    const struct dj_msg_readdir *ask = request->fields;
    struct dj_asker asker = dj_tree_asker(request, &ask->caller, NULL);
    struct dj_listing listing = {.cookie = ask->cookie, .after = dj_buf_bytes(&ask->after),
                                 .max = (size_t)DJ_MIN(ask->max, DJ_TREE_PAGE_MAX)};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code;

    if (listing.max == 0)
        listing.max = DJ_TREE_PAGE_MAX;
    if (ask->flags & DJ_READDIR_NAMES)
        listing.max_names = (size_t)DJ_MIN(DJ_MAX(ask->max, 1), DJ_TREE_NAMES_MAX);
    if (spot->sort->list == NULL)
        code = dj_err_set(&err, ENOTDIR, "this is not a folder");
    else
        code = spot->sort->list(spot, &asker, &listing, &err);
    if (code < 0)
        dj_reply_err(request, code, &err);
    else
        dj_reply(request, DJ_MSG_DIRENTS, &listing.out);
    dj_codec_release(dj_message_layout(DJ_MSG_DIRENTS), &listing.out);
}

static void on_readlink(const struct dj_spot *spot, struct dj_request *request)
{
    const struct dj_msg_readlink *ask = request->fields;
    struct dj_asker asker = dj_tree_asker(request, &ask->caller, &ask->env);

    if (spot->sort->readlink == NULL)
        dj_tree_refuse(request, -EINVAL, "this is not a link");
    else
        spot->sort->readlink(spot, request, &asker, ask);
}

static void open_to_write(const struct dj_spot *spot, struct dj_request *request,
                          const struct dj_asker *asker)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_handle *handle;
    int code = 0;

    if (spot->sort->writable == NULL && !asker->readonly)
        code = dj_err_set(&err, EACCES, "this file is not written to");
    else
        code = dj_tree_may_change(spot->tree, asker, &err);
    if (code < 0) {
        dj_reply_err(request, code, &err);
        return;
    }
    handle = dj_handle_new(&spot->peer->handles, spot->tree, spot->id, spot->sort->writable);
    handle->task = spot->task;
    if (spot->named != NULL)
        dj_buf_set(&handle->name, dj_buf_bytes(&spot->named->name));
    if (spot->session != NULL)
        dj_session_keep(spot, &handle->name);
    if (spot->frame != NULL)
        dj_buf_addf(&handle->name, "frames/%s", dj_frame_name(spot->frame));
    if (spot->call != NULL) {
        dj_call_ref(spot->call);
        handle->call = spot->call;
    }
    dj_tree_opened_handle(request, handle, 0);
}

static void open_folder(const struct dj_spot *spot, struct dj_request *request,
                        const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    struct dj_msg_opened opened = {0};

    if (!S_ISDIR(spot->sort->mode))
        dj_tree_refuse(request, -ENOTDIR, "this is not a folder");
    else if (spot->sort->open != NULL)
        spot->sort->open(spot, request, asker, ask);
    else
        dj_reply(request, DJ_MSG_OPENED, &opened);
}

static void on_open(const struct dj_spot *spot, struct dj_request *request)
{
    const struct dj_msg_open *ask = request->fields;
    struct dj_asker asker = dj_tree_asker(request, &ask->caller, &ask->env);

    if (ask->flags & DJ_OPEN_FOLDER) {
        open_folder(spot, request, &asker, ask);
    } else if (S_ISDIR(spot->sort->mode)) {
        dj_tree_refuse(request, -EISDIR, "this is a folder");
    } else if (ask->flags & DJ_OPEN_WRITE) {
        open_to_write(spot, request, &asker);
    } else if ((ask->flags & DJ_OPEN_NODE) && spot->node.kind == DJ_NODE_INSTANCE) {
        dj_open_node(spot, request);
    } else if (spot->sort->open != NULL) {
        spot->sort->open(spot, request, &asker, ask);
    } else if (spot->sort->text != NULL) {
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

        spot->sort->text(spot, &text);
        dj_tree_opened_text(request, &text);
    } else {
        dj_tree_refuse(request, -ELOOP, "this is a link, which is read and not opened");
    }
}

/* Without a handle: immutable content, or a mount that sends no OPEN (-o ro). */
static void on_read(const struct dj_spot *spot, struct dj_request *request)
{
    const struct dj_msg_read *ask = request->fields;

    if (spot->sort->read != NULL) {
        spot->sort->read(spot, request, ask);
    } else if (spot->sort->text != NULL) {
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
        struct dj_bytes shown;

        if (!dj_text_shown(spot, &shown)) {
            spot->sort->text(spot, &text);
            shown = dj_buf_bytes(&text);
        }
        dj_tree_slice(request, shown, ask);
    } else {
        dj_tree_refuse(request, S_ISDIR(spot->sort->mode) ? -EISDIR : -EINVAL,
                       "this has no bytes to read");
    }
}

static void on_unlink(const struct dj_spot *spot, struct dj_request *request)
{
    const struct dj_msg_unlink *ask = request->fields;
    struct dj_asker asker = dj_tree_asker(request, &ask->caller, NULL);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = dj_tree_may_change(spot->tree, &asker, &err);

    if (code < 0)
        dj_reply_err(request, code, &err);
    else if (spot->sort->unlink == NULL)
        dj_tree_refuse(request, -EPERM, "nothing is taken away here; see dj-tree(5) for what is");
    else
        spot->sort->unlink(spot, request, &asker, ask);
}

static void on_getattr(const struct dj_spot *spot, struct dj_request *request)
{
    reply_entry(request, spot, dj_lasting_attr(spot));
}

static void with_handle(struct dj_tree_peer *peer, struct dj_request *request, uint64_t number)
{
    struct dj_handle *handle = dj_handle_get(&peer->handles, number);

    if (handle == NULL)
        dj_tree_refuse(request, -EBADF, "this file is not open any more");
    else if (request->number == DJ_MSG_READ)
        handle->ops->read(handle, request, request->fields);
    else if (handle->ops->write != NULL)
        handle->ops->write(handle, request, request->fields);
    else
        dj_tree_refuse(request, -EACCES, "this file is not written to");
}

static void on_statfs(struct dj_request *request)
{
    struct dj_totals totals;
    struct dj_msg_space space;

    dj_totals(request->engine, &totals);
    space = (struct dj_msg_space){totals.bytes_total, totals.bytes_free,
                                  totals.runs + totals.bytes_free / 1024,
                                  totals.bytes_free / 1024};
    dj_reply(request, DJ_MSG_SPACE, &space);
}

static void restore_name(struct dj_tree_peer *peer, const struct dj_part_named *part)
{
    struct dj_engine *engine = peer->tree->engine;
    struct dj_task *task = dj_task_by_name(engine, dj_bytes_of(part->task));
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;
    struct dj_bytes name = dj_buf_bytes(&part->name);
    struct dj_call *call = NULL;
    struct dj_sweep *sweep = NULL;
    struct dj_named *named;
    struct dj_node node;

    if (task == NULL || !dj_node_unpack(part->node, &node) || node.kind != DJ_NODE_NAMED)
        return;
    if (dj_sweep_may_be(name) && task->definition != NULL &&
        dj_sweep_of_name(task->name, &task->definition->params, name, &sweep, NULL) < 0)
        return;
    if (sweep == NULL && dj_call_by_name(engine, task, name, &call, &canonical, NULL) != 0)
        call = NULL;
    named = dj_named_restore(&peer->tree->nameds, task, name, call, sweep, node.number);
    dj_sweep_unref(sweep);
    if (named != NULL)
        dj_named_add(named, &peer->counts, DJ_MAX(part->count, 1));
    if (call != NULL)
        dj_call_unref(call);
}

static void on_restore(struct dj_tree_peer *peer, struct dj_request *request)
{
    const struct dj_msg_restore *ask = request->fields;

    for (size_t i = 0; i < ask->names.n; i++)
        restore_name(peer, DJ_LIST_AT(&ask->names, struct dj_part_named, i));
    for (size_t i = 0; i < ask->held.n; i++) {
        const struct dj_part_forgotten *part =
            DJ_LIST_AT(&ask->held, struct dj_part_forgotten, i);
        struct dj_node node;

        if (dj_node_unpack(part->node, &node) && dj_node_is_ended(&node))
            dj_held_add(peer, node.number, part->count);
    }
    dj_reply_ok(request, 0, "");
}

/* The node, and the handle where there is one, of each kind of request. */
static uint64_t node_of(const struct dj_request *request, uint64_t *ret_handle)
{
    *ret_handle = 0;
    if (request->number == DJ_MSG_READ) {
        *ret_handle = ((const struct dj_msg_read *)request->fields)->handle;
        return ((const struct dj_msg_read *)request->fields)->node;
    }
    if (request->number == DJ_MSG_WRITE) {
        *ret_handle = ((const struct dj_msg_write *)request->fields)->handle;
        return ((const struct dj_msg_write *)request->fields)->node;
    }
    return *(const uint64_t *)request->fields; /* the first field of all others */
}

static void on_node(struct dj_tree_peer *peer, struct dj_request *request,
                    void (*handle)(const struct dj_spot *spot, struct dj_request *request))
{
    dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    uint64_t number;
    uint64_t node = node_of(request, &number);
    int code;

    if (number != 0) {
        with_handle(peer, request, number);
        return;
    }
    if (request->number == DJ_MSG_WRITE) {
        dj_tree_refuse(request, -EBADF, "this file is not open to write");
        return;
    }
    code = dj_spot_of(peer, node, &spot, &err);
    if (code < 0)
        dj_reply_err(request, code, &err);
    else
        handle(&spot, request);
}

void dj_tree_handle(struct dj_request *request)
{
    struct dj_tree_peer *peer = dj_tree_peer_of(request->engine, request->peer);

    dj_manifests_trim(peer->tree);
    switch (request->number) {
    case DJ_MSG_LOOKUP:
        on_node(peer, request, on_lookup);
        break;
    case DJ_MSG_GETATTR:
        on_node(peer, request, on_getattr);
        break;
    case DJ_MSG_READDIR:
        on_node(peer, request, on_readdir);
        break;
    case DJ_MSG_READLINK:
        on_node(peer, request, on_readlink);
        break;
    case DJ_MSG_OPEN:
        on_node(peer, request, on_open);
        break;
    case DJ_MSG_READ:
    case DJ_MSG_WRITE:
        on_node(peer, request, on_read);
        break;
    case DJ_MSG_UNLINK:
        on_node(peer, request, on_unlink);
        break;
    case DJ_MSG_NEXT:
        on_node(peer, request, dj_ahead_next);
        break;
    case DJ_MSG_STATFS:
        on_statfs(request);
        break;
    case DJ_MSG_RESTORE:
        on_restore(peer, request);
        break;
    default:
        dj_tree_refuse(request, -EPROTO, "the tree does not answer message %llu",
                       (unsigned long long)request->number);
    }
}

void dj_tree_notice(struct dj_engine *engine, struct dj_peer *peer,
                    const struct dj_message_in *message)
{
    struct dj_tree_peer *mine = dj_tree_peer_of(engine, peer);
    struct dj_node node;

    if (message->number == DJ_MSG_RELEASE) {
        const struct dj_msg_release *release = message->fields;

        if (release->handle != 0)
            dj_handle_close(&mine->handles, release->handle);
        else if (dj_node_unpack(release->node, &node) && dj_node_is_ended(&node))
            dj_held_drop(mine, node.number);
    } else if (message->number == DJ_MSG_FORGET) {
        const struct dj_msg_forget *forget = message->fields;

        for (size_t i = 0; i < forget->nodes.n; i++) {
            const struct dj_part_forgotten *part =
                DJ_LIST_AT(&forget->nodes, struct dj_part_forgotten, i);

            if (dj_node_unpack(part->node, &node) && node.kind == DJ_NODE_NAMED)
                dj_named_forget(&mine->tree->nameds, &mine->counts, node.number, part->count);
        }
    }
}

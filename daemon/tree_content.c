/* Immutable bytes: opening, reading and holding what belongs to an ended instance. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/tree_impl.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

/* ---- reading --------------------------------------------------------------------------------- */

static const struct dj_rec_content *content_at(const struct dj_rec_instance *record,
                                               const struct dj_rec_manifest *manifest,
                                               uint64_t entry)
{
    if (entry == DJ_INSTANCE_RESULT)
        return &record->result;
    if (entry == DJ_INSTANCE_LOG)
        return &record->log;
    if (entry < DJ_INSTANCE_ENTRY || entry - DJ_INSTANCE_ENTRY >= manifest->entries.n)
        return NULL;
    return &DJ_LIST_AT(&manifest->entries, struct dj_rec_entry, entry - DJ_INSTANCE_ENTRY)->content;
}

const struct dj_rec_content *dj_content_of(struct dj_engine *engine, uint64_t instance,
                                           uint64_t entry)
{
    const struct dj_rec_instance *record = dj_instance(engine, instance);

    if (record == NULL)
        return NULL;
    if (entry < DJ_INSTANCE_ENTRY)
        return content_at(record, NULL, entry);
    return content_at(record, dj_manifest_of(dj_tree_of(engine), record, instance), entry);
}

static int read_file(const char *path, uint64_t offset, size_t size, struct dj_buf *ret,
                     struct dj_err *err)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, path, O_RDONLY, 0);
    ssize_t n;

    if (fd < 0)
        return dj_err_sys(err, -fd, "the stored content %s cannot be opened", path);
    n = dj_pread_full(fd, dj_buf_room(ret, size), size, offset);
    if (n < 0)
        return dj_err_sys(err, (int)-n, "the stored content %s cannot be read", path);
    ret->len += (size_t)n;
    return 0;
}

int dj_content_read(struct dj_engine *engine, const struct dj_rec_content *content,
                    uint64_t offset, uint64_t size, struct dj_buf *ret, struct dj_err *err)
{
    dj_cleanup_free char *path = NULL;

    if (offset >= content->size)
        return 0;
    size = DJ_MIN(DJ_MIN(size, DJ_TREE_READ_MAX), content->size - offset);
    path = dj_content_file(engine, content);
    if (path != NULL)
        return read_file(path, offset, (size_t)size, ret, err);
    return dj_read_content(engine, content, offset, (size_t)size, ret, err);
}

static void reply_content(struct dj_request *request, const struct dj_rec_content *content,
                          const struct dj_msg_read *ask)
{
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code;

    if (content == NULL) {
        dj_tree_refuse(request, -ESTALE, "this run is not there any more; look again");
        return;
    }
    code = dj_content_read(request->engine, content, ask->offset, ask->size, &bytes, &err);
    if (code < 0)
        dj_reply_err(request, code, &err);
    else
        dj_tree_data(request, dj_buf_bytes(&bytes));
}

void dj_read_node(const struct dj_spot *spot, struct dj_request *request,
                  const struct dj_msg_read *ask)
{
    reply_content(request, content_at(spot->record, spot->manifest, spot->node.leaf), ask);
}

static void handle_read(struct dj_handle *handle, struct dj_request *request,
                        const struct dj_msg_read *ask)
{
    reply_content(request, dj_content_of(request->engine, handle->instance, handle->entry), ask);
}

/* ---- what is open by its node ---------------------------------------------------------------- */

struct dj_held {
    uint64_t instance;
    uint64_t count;
    UT_hash_handle hh;
};

void dj_held_add(struct dj_tree_peer *peer, uint64_t instance, uint64_t n)
{
    struct dj_held *held;

    if (n == 0)
        return;
    HASH_FIND(hh, peer->held, &instance, sizeof(instance), held);
    if (held == NULL) {
        held = dj_xcalloc(1, sizeof(*held));
        held->instance = instance;
        HASH_ADD(hh, peer->held, instance, sizeof(held->instance), held);
        dj_instance_hold(peer->tree->engine, instance);
    }
    held->count += n;
}

static void held_free(struct dj_tree_peer *peer, struct dj_held *held)
{
    HASH_DEL(peer->held, held);
    dj_instance_release(peer->tree->engine, held->instance);
    free(held);
}

void dj_held_drop(struct dj_tree_peer *peer, uint64_t instance)
{
    struct dj_held *held;

    HASH_FIND(hh, peer->held, &instance, sizeof(instance), held);
    if (held != NULL && --held->count == 0)
        held_free(peer, held);
}

void dj_held_drop_all(struct dj_tree_peer *peer)
{
    while (peer->held != NULL)
        held_free(peer, peer->held);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Small content comes along, large content is a file that the mount reads itself. */
static int set_content(struct dj_engine *engine, const struct dj_rec_content *content,
                       uint64_t small, struct dj_msg_opened *opened, struct dj_err *err)
{
    opened->size = content->size;
    if (content->size <= small) {
        opened->has_content = true;
        return dj_content_read(engine, content, 0, content->size, &opened->content, err);
    }
    opened->path = dj_content_file(engine, content);
    return 0;
}

static int reply_opened(struct dj_request *request, const struct dj_rec_content *content,
                         struct dj_msg_opened *opened)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    /* Who sends no OPEN has read nothing before: all that is not a file comes along. */
    bool whole = (((const struct dj_msg_open *)request->fields)->flags & DJ_OPEN_NODE) != 0;
    int code = set_content(request->engine, content,
                           whole ? DJ_TREE_READ_MAX : DJ_TREE_INLINE_MAX, opened, &err);

    if (code < 0)
        dj_reply_err(request, code, &err);
    else
        dj_reply(request, DJ_MSG_OPENED, opened);
    dj_codec_release(dj_message_layout(DJ_MSG_OPENED), opened);
    return code;
}

/*
 * An answer that depends on input files or has a ttl has to be judged at each open, since nobody
 * tells us of a change; so does a log, which another run replaces without making the result
 * invalid.
 */
static bool may_repeat(const struct dj_spot *spot)
{
    return spot->node.kind == DJ_NODE_HISTORY ||
           (spot->node.leaf != DJ_INSTANCE_LOG &&
            dj_instance_constant(spot->engine, spot->call, spot->record));
}

static void set_flags(const struct dj_spot *spot, struct dj_msg_opened *opened)
{
    bool constant = spot->node.kind == DJ_NODE_HISTORY;

    opened->flags = DJ_OPENED_IMMUTABLE;
    /* What was verified meanwhile may be current no more: then it is given this once. */
    if (may_repeat(spot) &&
        (constant || dj_call_current(spot->engine, spot->call) == spot->node.number)) {
        opened->flags |= DJ_OPENED_CACHED;
        opened->bucket = dj_call_bucket(spot->call);
        opened->generation = dj_call_generation(spot->engine, spot->call);
    }
}

/*
 * Whoever looks up a run is about to look up and open its result. Only what an open would be
 * answered with DJ_OPENED_CACHED may go ahead of it, and nothing may come of it here: what is not
 * good, or has to be read by a job, is for the open to find out.
 */
bool dj_content_ahead(const struct dj_spot *spot, size_t max, struct dj_part_ahead *ret)
{
    dj_cleanup_spot struct dj_spot result = DJ_SPOT_INIT;
    uint64_t current = dj_call_current(spot->engine, spot->call);

    if (current == 0 || dj_instance_unstored(spot->engine, spot->call, current) ||
        dj_spot_instance(spot, current, DJ_INSTANCE_RESULT, &result, NULL) < 0 ||
        !may_repeat(&result) || dj_spot_attr(&result, &ret->attr, NULL) < 0 ||
        !dj_content_at_hand(spot->engine, &result.record->result, max, &ret->content))
        return false;
    ret->bucket = dj_call_bucket(spot->call);
    ret->generation = dj_call_generation(spot->engine, spot->call);
    return true;
}

void dj_open_text(const struct dj_spot *spot, struct dj_request *request, struct dj_buf *text)
{
    struct dj_msg_opened opened = {.size = text->len, .has_content = true, .content = *text};

    set_flags(spot, &opened);
    dj_held_add(spot->peer, spot->node.number, 1);
    dj_reply(request, DJ_MSG_OPENED, &opened);
}

static void open_good_node(const struct dj_spot *spot, struct dj_request *request)
{
    const struct dj_rec_content *content = content_at(spot->record, spot->manifest,
                                                      spot->node.leaf);
    struct dj_msg_opened opened = {0};

    set_flags(spot, &opened);
    if (reply_opened(request, content, &opened) == 0)
        dj_held_add(spot->peer, spot->node.number, 1);
}

static void open_good_other(const struct dj_spot *spot, struct dj_request *request,
                            uint64_t instance, uint64_t entry)
{
    static const struct dj_handle_ops ops = {.read = handle_read};
    const struct dj_rec_content *content = dj_content_of(spot->engine, instance, entry);
    struct dj_msg_opened opened = {.flags = DJ_OPENED_DIRECT};
    struct dj_handle *handle;

    if (content == NULL) {
        dj_tree_refuse(request, -ESTALE, "this run is not there any more; look again");
        return;
    }
    handle = dj_handle_new(&spot->peer->handles, spot->tree, spot->id, &ops);
    dj_handle_hold(handle, instance);
    handle->entry = entry;
    opened.handle = handle->number;
    if (reply_opened(request, content, &opened) < 0)
        dj_handle_close(&spot->peer->handles, handle->number);
}

/* An open that waits until the content is known to be good. */
struct verified_open {
    struct dj_request *request; /* NULL: nobody waits any more */
    struct dj_spot spot;
    bool other;                 /* bytes of another node than the spot's: */
    uint64_t instance, entry;
};

/* What is bad is not served, and what comes in its place is found by looking again. */
static void refuse_bad(struct dj_request *request, bool other, int code, const char *sentence)
{
    dj_tree_refuse(request, code == -EUCLEAN && !other ? -ESTALE : -EIO, "%s", sentence);
}

static void open_good(const struct verified_open *open)
{
    dj_cleanup_spot struct dj_spot now = DJ_SPOT_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    const struct dj_spot *spot = &open->spot;
    int code = 0;

    if (open->other) {
        open_good_other(spot, open->request, open->instance, open->entry);
        return;
    }
    /* What the spot had borrowed is gone by now. */
    code = spot->node.kind == DJ_NODE_HISTORY
               ? dj_spot_history(spot, spot->node.number, spot->node.leaf, &now, &err)
               : dj_spot_instance(spot, spot->node.number, spot->node.leaf, &now, &err);
    if (code < 0)
        dj_reply_err(open->request, code, &err);
    else
        open_good_node(&now, open->request);
}

static void open_verified(void *cookie, int code, const char *sentence)
{
    struct verified_open *open = cookie;

    if (open->request != NULL) {
        open->request->on_cancel = NULL;
        if (code < 0)
            refuse_bad(open->request, open->other, code, sentence);
        else
            open_good(open);
    }
    dj_spot_release(&open->spot);
    free(open);
}

static void open_left(struct dj_request *request)
{
    struct verified_open *open = request->cookie;

    open->request = NULL;
    dj_tree_refuse(request, -EINTR, "interrupted");
}

/* Opened now, or when it has been read and compared. */
static void open_content(const struct dj_spot *spot, struct dj_request *request, bool other,
                         uint64_t instance, uint64_t entry,
                         const struct dj_rec_content *content)
{
    struct verified_open *open = dj_xcalloc(1, sizeof(*open));
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code;

    *open = (struct verified_open){request, *spot, other, instance, entry};
    open->spot.named = NULL;
    open->spot.record = NULL;
    open->spot.manifest = NULL;
    if (spot->call != NULL)
        dj_call_ref(spot->call);
    code = content == NULL ? 0
                           : dj_verify(spot->engine, instance, &content, 1, open_verified, open,
                                       &err);
    if (code == 1) {
        request->cookie = open;
        request->on_cancel = open_left;
        return;
    }
    if (code < 0)
        refuse_bad(request, other, code, dj_err_text(&err, code));
    else if (other)
        open_good_other(spot, request, instance, entry);
    else
        open_good_node(spot, request);
    dj_spot_release(&open->spot);
    free(open);
}

void dj_open_node(const struct dj_spot *spot, struct dj_request *request)
{
    open_content(spot, request, false, spot->node.number, spot->node.leaf,
                 content_at(spot->record, spot->manifest, spot->node.leaf));
}

void dj_open_other(const struct dj_spot *spot, struct dj_request *request, uint64_t instance,
                   uint64_t entry)
{
    open_content(spot, request, true, instance, entry,
                 dj_content_of(spot->engine, instance, entry));
}

/* An open that waits for the current instance. */
struct opening {
    struct dj_request *request;
    struct dj_want *want;
    struct dj_spot spot;
    bool other;         /* serve it whatever the node is */
    struct dj_buf path; /* below files/; empty: `result` */
};

static void opening_free(struct opening *opening)
{
    dj_spot_release(&opening->spot);
    dj_buf_release(&opening->path);
    free(opening);
}

static void opening_cancel(struct dj_request *request)
{
    struct opening *opening = request->cookie;
    dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;

    dj_want_leave(opening->want, &sentence);
    opening_free(opening);
    dj_tree_refuse(request, -EINTR, "%s",
                   sentence.len == 0 ? "interrupted" : dj_buf_str(&sentence));
}

static void serve_other(struct opening *opening, uint64_t instance)
{
    const struct dj_spot *spot = &opening->spot;
    const struct dj_rec_instance *record = dj_instance(spot->engine, instance);
    struct dj_request *request = opening->request;
    int64_t index = -1;

    if (opening->path.len == 0) {
        dj_open_other(spot, request, instance, DJ_INSTANCE_RESULT);
        return;
    }
    if (record != NULL)
        index = dj_manifest_at(dj_manifest_of(spot->tree, record, instance),
                               dj_buf_bytes(&opening->path));
    if (index < 0)
        dj_tree_refuse(request, -ENOENT, "the newer run left no such file");
    else
        dj_open_other(spot, request, instance, DJ_INSTANCE_ENTRY + (uint64_t)index);
}

/* What the spot had borrowed may be gone by now. */
static void open_again(const struct dj_spot *spot, struct dj_request *request)
{
    dj_cleanup_spot struct dj_spot now = DJ_SPOT_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = dj_spot_instance(spot, spot->node.number, spot->node.leaf, &now, &err);

    if (code < 0)
        dj_reply_err(request, code, &err);
    else
        dj_open_node(&now, request);
}

static void on_current(void *cookie, int code, uint64_t instance, const char *sentence)
{
    struct opening *opening = cookie;
    struct dj_request *request = opening->request;
    const struct dj_spot *spot = &opening->spot;

    if (code == -EAGAIN && spot->readonly)
        code = -ENOENT;
    /* A file that changed: looking again finds its new content, not so under its old name. */
    if (code == -ESTALE && opening->other)
        code = -EIO;
    if (code < 0)
        dj_tree_refuse(request, code, "%s", sentence == NULL ? "there is no result" : sentence);
    else if (opening->other || dj_instance_unstored(spot->engine, spot->call, instance))
        serve_other(opening, instance);
    else if (spot->node.kind == DJ_NODE_INSTANCE && spot->node.number == instance)
        open_again(spot, request);
    else
        dj_tree_refuse(request, -ESTALE, "there is a newer result; look again");
    opening_free(opening);
}

static void want_current(const struct dj_spot *spot, struct dj_request *request,
                         const struct dj_asker *asker, const struct dj_msg_open *ask,
                         struct dj_bytes path)
{
    struct opening *opening = dj_xcalloc(1, sizeof(*opening));
    bool cached = asker->readonly || (ask->flags & DJ_OPEN_NONBLOCK);
    dj_cleanup_args struct dj_args given = DJ_ARGS_INIT;
    struct dj_asker mine = *asker;
    struct dj_want *want;

    dj_spot_given(spot, &mine, &given);
    opening->request = request;
    opening->spot = *spot;
    opening->spot.named = NULL; /* these may be gone when the run has ended */
    opening->spot.record = NULL;
    opening->spot.manifest = NULL;
    dj_call_ref(spot->call);
    opening->other = (ask->flags & DJ_OPEN_CURRENT) != 0;
    dj_buf_add_bytes(&opening->path, path);
    want = dj_want(spot->engine, spot->call, &mine, cached ? DJ_GET_CACHED : 0, on_current,
                   opening);
    if (want == NULL) /* answered, and gone */
        return;
    opening->want = want;
    request->cookie = opening;
    request->on_cancel = opening_cancel;
}

void dj_open_result(const struct dj_spot *spot, struct dj_request *request,
                    const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    want_current(spot, request, asker, ask, DJ_BYTES_LIT(""));
}

/* A run that opens something of an instance has called it. */
static int note(const struct dj_spot *spot, const struct dj_asker *asker, struct dj_err *err)
{
    int code = asker->run == 0 ? 0 : dj_note_call(spot->engine, spot->node.number, asker);

    if (code == -EDEADLK)
        return dj_err_set(err, EDEADLK, "a run cannot wait for itself, by whatever way");
    if (code < 0)
        return dj_err_sys(err, -code, "the call cannot be recorded");
    return 0;
}

static int check_current(const struct dj_spot *spot, const struct dj_asker *asker, bool now,
                         struct dj_err *err)
{
    uint64_t current = dj_call_current(spot->engine, spot->call);

    if (current == spot->node.number)
        return note(spot, asker, err);
    if (current == 0 && now)
        return dj_err_set(err, EAGAIN, "there is no result yet");
    return dj_err_set(err, ESTALE, "this is not the current result; look again");
}

void dj_open_entry(const struct dj_spot *spot, struct dj_request *request,
                   const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code;

    if (ask->flags & DJ_OPEN_CURRENT) {
        want_current(spot, request, asker, ask,
                     dj_buf_bytes(&DJ_LIST_AT(&spot->manifest->entries, struct dj_rec_entry,
                                              spot->node.leaf - DJ_INSTANCE_ENTRY)->path));
        return;
    }
    code = check_current(spot, asker, asker->readonly || (ask->flags & DJ_OPEN_NONBLOCK), &err);
    if (code == -EAGAIN && asker->readonly)
        code = -ENOENT;
    if (code < 0)
        dj_tree_refuse(request, code, "%s", dj_err_text(&err, code));
    else
        dj_open_node(spot, request);
}

/*
 * A listing computes nothing, so one of a run that was just deleted or became stale is still given
 * to those who are not in a run: rm -r is in the middle of it.
 */
void dj_open_files(const struct dj_spot *spot, struct dj_request *request,
                   const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_msg_opened opened = {0};
    int code = check_current(spot, asker, false, &err);

    if (code == -ESTALE && asker->run == 0 &&
        (dj_call_current(spot->engine, spot->call) == 0 || (ask->flags & DJ_OPEN_CURRENT)))
        code = 0;
    if (code < 0) {
        dj_reply_err(request, code, &err);
        return;
    }
    dj_held_add(spot->peer, spot->node.number, 1);
    dj_reply(request, DJ_MSG_OPENED, &opened);
}

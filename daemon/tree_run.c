/* tasks/TASK/NAME: the files of a run, while there is no instance to show, and the others. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/render.h"
#include "daemon/tree_impl.h"
#include "lib/model/name.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct run_file {
    const char *name;
    enum dj_run_leaf leaf;
    bool listed;
};

/*
 * In the order of listings. `result` is the last: rm -r takes away files in this order, the run
 * goes with its result, and everything before that is still what it was when rm looked at it.
 */
static const struct run_file files[] = {
    {"args", DJ_RUN_ARGS, true},
    {"command", DJ_RUN_COMMAND, true},
    {"ctl", DJ_RUN_CTL, true},
    {"deps", DJ_RUN_DEPS, true},
    {"dependents", DJ_RUN_DEPENDENTS, true},
    {"error", DJ_RUN_ERROR, false},
    {"files", DJ_RUN_FILES, true},
    {"history", DJ_RUN_HISTORY, true},
    {"key", DJ_RUN_KEY, true},
    {"log", DJ_RUN_LOG, true},
    {"meta", DJ_RUN_META, true},
    {"progress", DJ_RUN_PROGRESS, false},
    {"status", DJ_RUN_STATUS, true},
    {"wait", DJ_RUN_WAIT, false},
    {"why", DJ_RUN_WHY, true},
    {"result", DJ_RUN_RESULT, true},
};

/* And an instance's number: where `files` leads when it has waited. */
static const char hidden[] = ".files-";

static const struct run_file *file_of(struct dj_bytes name)
{
    for (size_t i = 0; i < DJ_ARRAY_SIZE(files); i++) {
        if (dj_bytes_is(name, files[i].name))
            return &files[i];
    }
    return NULL;
}

bool dj_run_visible(struct dj_engine *engine, struct dj_call *call)
{
    return dj_run_shown(engine, call, true) != 0;
}

uint64_t dj_run_shown(struct dj_engine *engine, struct dj_call *call, bool readonly)
{
    uint64_t latest = dj_call_latest(engine, call);
    struct dj_live live;
    bool under_way = latest != 0 && dj_live(engine, latest, &live);
    uint64_t current;

    if (latest == 0 || (under_way && !readonly))
        return 0;
    current = dj_call_current(engine, call);
    if (current != 0)
        return current;
    return under_way ? 0 : latest;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* result and files: of the current instance; else, for those who may wait, a placeholder. */
static int current_spot(const struct dj_spot *folder, enum dj_run_leaf leaf, struct dj_spot *ret,
                        struct dj_err *err)
{
    uint64_t current = dj_call_current(folder->engine, folder->call);
    uint32_t part = leaf == DJ_RUN_RESULT ? DJ_INSTANCE_RESULT : DJ_INSTANCE_FILES;

    if (current != 0 && dj_spot_instance(folder, current, part, ret, NULL) == 0)
        return 0;
    if (folder->readonly)
        return dj_err_set(err, ENOENT, "there is no result; a read-only mount computes none");
    dj_spot_run(folder, leaf, ret);
    return 0;
}

/* What a run has read and is not durable yet is shown to it as it will be to all. */
static int early_spot(const struct dj_spot *folder, const struct dj_asker *asker,
                      struct dj_spot *ret)
{
    uint64_t early = dj_early_instance(folder->engine, folder->call, asker);

    return early == 0 ? -ENOENT
                      : dj_spot_instance(folder, early, DJ_INSTANCE_RESULT, ret, NULL);
}

static int file_spot(const struct dj_spot *folder, enum dj_run_leaf leaf, struct dj_spot *ret,
                     struct dj_err *err)
{
    uint64_t shown;

    switch (leaf) {
    case DJ_RUN_RESULT:
    case DJ_RUN_FILES:
        return current_spot(folder, leaf, ret, err);
    case DJ_RUN_LOG:
        shown = dj_run_shown(folder->engine, folder->call, folder->readonly);
        if (shown != 0 && dj_spot_instance(folder, shown, DJ_INSTANCE_LOG, ret, NULL) == 0)
            return 0;
        if (folder->readonly)
            return dj_err_set(err, ENOENT, "there is no log of a run that has ended");
        break;
    case DJ_RUN_WAIT:
    case DJ_RUN_CTL:
        if (folder->readonly)
            return dj_err_set(err, ENOENT, "a read-only mount neither waits nor changes anything");
        break;
    default:
        break;
    }
    dj_spot_run(folder, leaf, ret);
    return 0;
}

/* .files-NUMBER: the folder of an ended instance of this very call, when it is durable. */
static int hidden_spot(const struct dj_spot *folder, struct dj_bytes number, struct dj_spot *ret,
                       struct dj_err *err)
{
    uint64_t instance;
    struct dj_call *call = NULL;
    struct dj_live live;
    int code = dj_parse_uint(number, &instance, NULL);

    if (code == 0 && !dj_live(folder->engine, instance, &live))
        call = dj_instance_call(folder->engine, instance);
    if (call == NULL)
        return dj_err_set(err, ENOENT, "no such file");
    if (dj_digest_equal(dj_call_key(call), dj_call_key(folder->call)))
        code = dj_spot_instance(folder, instance, DJ_INSTANCE_FILES, ret, err);
    else
        code = dj_err_set(err, ENOENT, "no such file");
    dj_call_unref(call);
    return code;
}

static int run_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                      struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    const struct run_file *file = file_of(name);

    if (file != NULL && file->leaf == DJ_RUN_RESULT && early_spot(folder, asker, ret) == 0)
        return 0;
    if (file != NULL)
        return file_spot(folder, file->leaf, ret, err);
    if (dj_bytes_starts(name, dj_bytes_of(hidden)))
        return hidden_spot(folder, dj_bytes_from(name, strlen(hidden)), ret, err);
    return dj_err_set(err, ENOENT, "a run has no such file");
}

/* The newest try is what `error` tells of, whichever instance answers. */
static bool has_failed(struct dj_engine *engine, struct dj_call *call)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_render_error(&text, engine, call);
    return text.len > 0;
}

static bool is_under_way(struct dj_engine *engine, struct dj_call *call)
{
    uint64_t latest = dj_call_latest(engine, call);
    struct dj_live live;

    return latest != 0 && dj_live(engine, latest, &live);
}

static bool is_listed(const struct dj_spot *folder, const struct run_file *file)
{
    if (file->leaf == DJ_RUN_RESULT || file->leaf == DJ_RUN_FILES)
        return dj_call_current(folder->engine, folder->call) != 0;
    if (file->leaf == DJ_RUN_ERROR)
        return has_failed(folder->engine, folder->call);
    if (file->leaf == DJ_RUN_PROGRESS)
        return is_under_way(folder->engine, folder->call);
    return file->listed;
}

static int run_list(const struct dj_spot *folder, const struct dj_asker *asker,
                    struct dj_listing *listing, struct dj_err *err)
{
    (void)asker;
    (void)err;
    for (size_t i = (size_t)DJ_MIN(listing->cookie, DJ_ARRAY_SIZE(files));
         i < DJ_ARRAY_SIZE(files); i++) {
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

        if (!is_listed(folder, &files[i]) ||
            file_spot(folder, files[i].leaf, &spot, NULL) < 0)
            continue;
        if (!dj_listing_add(listing, &spot, dj_bytes_of(files[i].name), i + 1))
            return 0;
    }
    listing->out.end = true;
    return 0;
}

static int short_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
{
    (void)spot;
    (void)err;
    attr->ttl_ms = DJ_TTL_SHORT_MS;
    return 0;
}

/* ---- taking away ----------------------------------------------------------------------------- */

static void on_deleted(void *cookie, int code, const char *sentence)
{
    struct dj_request *request = cookie;

    if (code < 0)
        dj_tree_refuse(request, code, "%s",
                       sentence == NULL ? "the run could not be deleted" : sentence);
    else
        dj_reply_ok(request, 0, "");
}

/* rm -r takes away `result` before the folder, so there may be no record any more. */
void dj_run_delete(struct dj_request *request, const struct dj_asker *asker, struct dj_call *call)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = dj_call_delete(request->engine, call, asker, on_deleted, request, &err);

    if (code == -ENOENT)
        dj_reply_ok(request, 0, "");
    else if (code < 0)
        dj_reply_err(request, code, &err);
}

static void run_unlink(const struct dj_spot *folder, struct dj_request *request,
                       const struct dj_asker *asker, const struct dj_msg_unlink *ask)
{
    const struct run_file *file = file_of(dj_buf_bytes(&ask->name));

    if (file == NULL && !dj_bytes_starts(dj_buf_bytes(&ask->name), dj_bytes_of(hidden)))
        dj_tree_refuse(request, -ENOENT, "a run has no such file");
    else if (file != NULL && file->leaf == DJ_RUN_RESULT)
        dj_run_delete(request, asker, folder->call);
    else
        dj_reply_ok(request, 0, "");
}

/* ---- small texts ----------------------------------------------------------------------------- */

static void status_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_render_run_status(buf, spot->engine, spot->call);
}

static void args_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_cleanup_args struct dj_args given = DJ_ARGS_INIT;
    struct dj_asker asker = {0};

    dj_spot_given(spot, &asker, &given);
    dj_call_show_args(spot->engine, spot->call, asker.args, buf);
}

static void meta_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_render_meta(buf, spot->engine, spot->call,
                   dj_run_shown(spot->engine, spot->call, spot->readonly));
}

static void command_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_cleanup_args struct dj_args given = DJ_ARGS_INIT;
    struct dj_asker asker = {0};

    dj_spot_given(spot, &asker, &given);
    dj_call_command(spot->engine, spot->call, asker.args, buf);
}

static void error_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_render_error(buf, spot->engine, spot->call);
}

static void progress_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_render_progress(buf, spot->engine, spot->call,
                       dj_run_shown(spot->engine, spot->call, spot->readonly));
}

static void why_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_render_why(buf, spot->engine, spot->call);
}

static void key_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_call_key_text(spot->engine, spot->call,
                     dj_run_shown(spot->engine, spot->call, spot->readonly), buf);
}

/* ---- progress -------------------------------------------------------------------------------- */

static void progress_write(struct dj_handle *handle, struct dj_request *request,
                           const struct dj_msg_write *ask)
{
    struct dj_asker asker = dj_tree_asker(request, &ask->caller, NULL);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_progress progress;
    int code = dj_progress_parse(dj_buf_bytes(&ask->bytes), &progress, &err);

    if (code == 0)
        code = dj_run_progress(request->engine, handle->call, &asker, &progress, &err);
    if (code == 0) {
        dj_reply_ok(request, ask->bytes.len, "");
        return;
    }
    dj_refusal_note(handle->tree, handle->task, handle->call, dj_err_text(&err, code));
    dj_reply_err(request, code, &err);
}

static void progress_read(struct dj_handle *handle, struct dj_request *request,
                          const struct dj_msg_read *ask)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_render_progress(&text, request->engine, handle->call,
                       dj_run_shown(request->engine, handle->call, false));
    dj_tree_slice(request, dj_buf_bytes(&text), ask);
}

static const struct dj_handle_ops progress_ops = {.read = progress_read,
                                                  .write = progress_write};

/* ---- placeholders ---------------------------------------------------------------------------- */

static void placeholder_read(const struct dj_spot *spot, struct dj_request *request,
                             const struct dj_msg_read *ask)
{
    (void)spot;
    (void)ask;
    dj_tree_refuse(request, -ESTALE, "there was no result when this name was looked up");
}

/* A request that waits for the engine. */
struct waiting {
    struct dj_request *request;
    struct dj_want *want;
    struct dj_handle *handle;
    struct dj_task *task; /* of a name that is being resolved */
    struct dj_call *call; /* whose files are wanted */
};

static void waiting_end(struct waiting *waiting)
{
    if (waiting->handle != NULL)
        dj_handle_unref(waiting->handle);
    dj_call_unref(waiting->call);
    free(waiting);
}

static void waiting_cancel(struct dj_request *request)
{
    struct waiting *waiting = request->cookie;

    dj_want_cancel(waiting->want);
    waiting_end(waiting);
    dj_tree_refuse(request, -EINTR, "interrupted while waiting for the run");
}

static struct waiting *waiting_new(struct dj_request *request)
{
    struct waiting *waiting = dj_xcalloc(1, sizeof(*waiting));

    waiting->request = request;
    return waiting;
}

/* The callback may have come before dj_want() returned; then everything is gone already. */
static void waiting_begin(struct dj_request *request, struct waiting *waiting, struct dj_want *want)
{
    if (want == NULL)
        return;
    waiting->want = want;
    request->cookie = waiting;
    request->on_cancel = waiting_cancel;
}

static void on_files(void *cookie, int code, uint64_t instance, const char *sentence)
{
    struct waiting *waiting = cookie;
    struct dj_request *request = waiting->request;
    dj_cleanup_buf struct dj_buf target = DJ_BUF_INIT;
    bool unstored = code == 0 && dj_instance_unstored(request->engine, waiting->call, instance);

    waiting_end(waiting);
    if (code == -ESTALE)
        code = -EIO;
    if (unstored) {
        dj_tree_refuse(request, -ENOENT, "its task has store = no: its files are not kept");
        return;
    }
    if (code < 0) {
        dj_tree_refuse(request, code, "%s", sentence == NULL ? "the run has no files" : sentence);
        return;
    }
    dj_buf_addf(&target, "%s%" PRIu64, hidden, instance);
    dj_tree_link(request, &target);
}

static void files_readlink(const struct dj_spot *spot, struct dj_request *request,
                           const struct dj_asker *asker, const struct dj_msg_readlink *ask)
{
    bool cached = asker->readonly || (ask->flags & DJ_OPEN_NONBLOCK);
    struct waiting *waiting = waiting_new(request);
    dj_cleanup_args struct dj_args given = DJ_ARGS_INIT;
    struct dj_asker mine = *asker;

    dj_spot_given(spot, &mine, &given);
    waiting->call = spot->call;
    dj_call_ref(spot->call);
    waiting_begin(request, waiting, dj_want(spot->engine, spot->call, &mine,
                                            cached ? DJ_GET_CACHED : 0, on_files, waiting));
}

/* ---- wait ------------------------------------------------------------------------------------ */

static void on_ended(void *cookie, int code, uint64_t instance, const char *sentence)
{
    struct waiting *waiting = cookie;
    struct dj_request *request = waiting->request;
    struct dj_handle *handle = waiting->handle;

    (void)instance;
    if (code < 0) {
        dj_tree_refuse(request, code, "%s", sentence == NULL ? "waiting failed" : sentence);
    } else {
        dj_buf_clear(&handle->text);
        dj_render_run_status(&handle->text, request->engine, handle->call);
        dj_tree_slice(request, dj_buf_bytes(&handle->text), request->fields);
    }
    waiting_end(waiting);
}

static void wait_read(struct dj_handle *handle, struct dj_request *request,
                      const struct dj_msg_read *ask)
{
    struct dj_asker asker = dj_tree_asker(request, &ask->caller, NULL);
    uint64_t latest = dj_call_latest(request->engine, handle->call);
    struct dj_live live;
    struct waiting *waiting;

    if (ask->offset != 0) {
        dj_tree_slice(request, dj_buf_bytes(&handle->text), ask);
        return;
    }
    if ((ask->flags & DJ_OPEN_NONBLOCK) && latest != 0 && dj_live(request->engine, latest, &live)) {
        dj_tree_refuse(request, -EAGAIN, "the run has not ended");
        return;
    }
    waiting = waiting_new(request);
    waiting->handle = handle;
    dj_handle_ref(handle);
    waiting_begin(request, waiting,
                  dj_wait_end(request->engine, handle->call, &asker, on_ended, waiting));
}

static const struct dj_handle_ops wait_ops = {.read = wait_read};

static struct dj_handle *handle_for(const struct dj_spot *spot, const struct dj_handle_ops *ops)
{
    struct dj_handle *handle = dj_handle_new(&spot->peer->handles, spot->tree, spot->id, ops);

    dj_call_ref(spot->call);
    handle->call = spot->call;
    return handle;
}

static void wait_open(const struct dj_spot *spot, struct dj_request *request,
                      const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    (void)asker;
    (void)ask;
    dj_tree_opened_handle(request, handle_for(spot, &wait_ops), 0);
}

/* ---- log ------------------------------------------------------------------------------------- */

static uint64_t log_size(struct dj_engine *engine, uint64_t instance)
{
    const struct dj_rec_content *content;
    struct dj_live live;
    struct stat st;

    if (instance == 0)
        return 0;
    if (dj_live(engine, instance, &live) && live.log_path != NULL)
        return stat(live.log_path, &st) == 0 ? (uint64_t)st.st_size : 0;
    content = dj_content_of(engine, instance, DJ_INSTANCE_LOG);
    return content == NULL ? 0 : content->size;
}

static int log_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
{
    (void)err;
    attr->size = log_size(spot->engine, dj_call_latest(spot->engine, spot->call));
    return 0;
}

static int read_live(const char *path, const struct dj_msg_read *ask, struct dj_buf *ret)
{
    size_t size = (size_t)DJ_MIN(ask->size, DJ_TREE_READ_MAX);
    dj_cleanup_close int fd = -1;
    ssize_t n;

    fd = dj_open(AT_FDCWD, path, O_RDONLY, 0);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    n = dj_pread_full(fd, dj_buf_room(ret, size), size, ask->offset);
    if (n > 0)
        ret->len += (size_t)n;
    return n < 0 ? (int)n : 0;
}

/* A log goes on under the same handle when its run ends and it moves into the record, which has it
 * before that is durable. */
static void read_log(struct dj_engine *engine, uint64_t instance, struct dj_request *request,
                     const struct dj_msg_read *ask)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;
    const struct dj_rec_content *content;
    struct dj_live live;
    int code = 0;

    if (instance != 0 && dj_live(engine, instance, &live) && live.log_path != NULL) {
        code = read_live(live.log_path, ask, &bytes);
        if (code < 0)
            dj_err_sys(&err, -code, "the log cannot be read");
    } else if (instance != 0) {
        content = dj_content_of(engine, instance, DJ_INSTANCE_LOG);
        if (content != NULL)
            code = dj_content_read(engine, content, ask->offset, ask->size, &bytes, &err);
    }
    if (code < 0)
        dj_reply_err(request, code, &err);
    else
        dj_tree_data(request, dj_buf_bytes(&bytes));
}

static void log_handle_read(struct dj_handle *handle, struct dj_request *request,
                            const struct dj_msg_read *ask)
{
    /* Opened before the run began: from its beginning on it is that run's. */
    if (handle->instance == 0)
        handle->instance = dj_call_latest(request->engine, handle->call);
    read_log(request->engine, handle->instance, request, ask);
}

static void log_read(const struct dj_spot *spot, struct dj_request *request,
                     const struct dj_msg_read *ask)
{
    read_log(spot->engine, dj_call_latest(spot->engine, spot->call), request, ask);
}

static void log_open(const struct dj_spot *spot, struct dj_request *request,
                     const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    static const struct dj_handle_ops ops = {.read = log_handle_read};
    struct dj_handle *handle = handle_for(spot, &ops);

    (void)asker;
    (void)ask;
    handle->instance = dj_call_latest(spot->engine, spot->call);
    dj_tree_opened_handle(request, handle, log_size(spot->engine, handle->instance));
}

/* ---- links ----------------------------------------------------------------------------------- */

/* From deps/ or dependents/ of any run: three folders up is tasks/. */
static void link_readlink(const struct dj_spot *spot, struct dj_request *request,
                          const struct dj_asker *asker, const struct dj_msg_readlink *ask)
{
    dj_cleanup_buf struct dj_buf target = DJ_BUF_INIT;

    (void)asker;
    (void)ask;
    dj_buf_addf(&target, "../../../%s/", spot->task->name);
    dj_buf_add_bytes(&target, dj_call_name(spot->call));
    dj_tree_link(request, &target);
}

static int link_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
{
    (void)err;
    attr->size = strlen("../../..//") + strlen(spot->task->name) + dj_call_name(spot->call).len;
    attr->ttl_ms = DJ_TTL_SHORT_MS;
    return 0;
}

static void on_resolved(void *cookie, int code, struct dj_call *call, const struct dj_args *args,
                        const char *sentence)
{
    struct waiting *waiting = cookie;
    struct dj_request *request = waiting->request;
    const struct dj_definition *definition = waiting->task->definition;
    dj_cleanup_buf struct dj_buf target = DJ_BUF_INIT;

    waiting_end(waiting);
    if (request == NULL) /* interrupted: the answer is nobody's */
        return;
    if (code == -DJ_CODE_WANTS) {
        dj_reply_wants(request, definition);
        return;
    }
    if (code < 0) {
        dj_tree_refuse(request, code, "%s",
                       sentence == NULL ? "the name cannot be resolved" : sentence);
        return;
    }
    (void)call;
    dj_name_spelled(&target, args);
    dj_tree_link(request, &target);
}

static void resolve_cancel(struct dj_request *request)
{
    struct waiting *waiting = request->cookie;

    if (dj_resolve_cancel(request->engine, waiting))
        waiting_end(waiting);
    else
        waiting->request = NULL;
    dj_tree_refuse(request, -EINTR, "interrupted while the name was resolved");
}

static void alias_readlink(const struct dj_spot *spot, struct dj_request *request,
                           const struct dj_asker *asker, const struct dj_msg_readlink *ask)
{
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_bytes name = dj_buf_bytes(&spot->named->name);
    struct dj_call *call = NULL;
    struct waiting *waiting;
    int code = dj_call_by_name(spot->engine, spot->task, name, &call, &canonical, &err);

    (void)ask;
    if (code < 0) {
        dj_reply_err(request, code, &err);
    } else if (code == 0) {
        dj_call_unref(call);
        dj_tree_refuse(request, -ESTALE, "this is the name of a run by now; look again");
    } else if (code == 1) {
        dj_tree_link(request, &canonical);
    } else {
        waiting = waiting_new(request);
        waiting->task = spot->task;
        request->cookie = waiting;
        request->on_cancel = resolve_cancel;
        dj_call_resolve(spot->engine, spot->task, name, asker, on_resolved, waiting);
    }
}

const struct dj_sort dj_run_sorts[DJ_RUN_LEAVES] = {
    [DJ_RUN_FOLDER] = {.mode = S_IFDIR | 0755, .attr = short_attr, .lookup = run_lookup,
                       .list = run_list, .unlink = run_unlink},
    [DJ_RUN_RESULT] = {.mode = S_IFREG | 0444, .open = dj_open_result, .read = placeholder_read},
    [DJ_RUN_FILES] = {.mode = S_IFLNK | 0777, .readlink = files_readlink},
    [DJ_RUN_LOG] = {.mode = S_IFREG | 0444, .attr = log_attr, .open = log_open, .read = log_read},
    [DJ_RUN_STATUS] = {.mode = S_IFREG | 0444, .text = status_text},
    [DJ_RUN_ARGS] = {.mode = S_IFREG | 0444, .text = args_text},
    [DJ_RUN_COMMAND] = {.mode = S_IFREG | 0555, .text = command_text},
    [DJ_RUN_META] = {.mode = S_IFREG | 0444, .text = meta_text},
    [DJ_RUN_ERROR] = {.mode = S_IFREG | 0444, .text = error_text},
    [DJ_RUN_PROGRESS] = {.mode = S_IFREG | 0666, .text = progress_text, .costly = true,
                         .writable = &progress_ops},
    [DJ_RUN_WHY] = {.mode = S_IFREG | 0444, .text = why_text},
    [DJ_RUN_KEY] = {.mode = S_IFREG | 0444, .text = key_text, .costly = true},
    [DJ_RUN_WAIT] = {.mode = S_IFREG | 0444, .open = wait_open},
    [DJ_RUN_CTL] = {.mode = S_IFREG | 0666, .text = dj_ctl_text, .writable = &dj_ctl_run_ops},
    [DJ_RUN_DEPS] = {.mode = S_IFDIR | 0755, .attr = short_attr, .lookup = dj_edges_lookup,
                     .list = dj_edges_list, .unlink = dj_edges_unlink},
    [DJ_RUN_DEPENDENTS] = {.mode = S_IFDIR | 0755, .attr = short_attr, .lookup = dj_edges_lookup,
                           .list = dj_edges_list, .unlink = dj_edges_unlink},
    [DJ_RUN_HISTORY] = {.mode = S_IFDIR | 0755, .attr = short_attr, .lookup = dj_history_lookup,
                        .list = dj_history_list, .unlink = dj_history_unlink},
    [DJ_RUN_LINK] = {.mode = S_IFLNK | 0777, .attr = link_attr, .readlink = link_readlink},
    [DJ_RUN_ALIAS] = {.mode = S_IFLNK | 0777, .attr = short_attr, .readlink = alias_readlink},
    [DJ_RUN_SWEEP] = {.mode = S_IFDIR | 0755, .attr = dj_sweeps_attr, .lookup = dj_sweeps_lookup,
                      .list = dj_sweeps_list, .unlink = dj_sweeps_unlink},
    [DJ_RUN_SWEEP_RESULTS] = {.mode = S_IFREG | 0444, .attr = dj_sweeps_attr,
                              .open = dj_sweeps_open, .read = dj_sweeps_read},
    [DJ_RUN_SWEEP_TABLE] = {.mode = S_IFREG | 0444, .attr = dj_sweeps_attr,
                            .open = dj_sweeps_open, .read = dj_sweeps_read},
};

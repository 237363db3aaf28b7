/*
 * frames/: rows with their results.
 *
 *     NAME/results.jsonl   grows while it is computed
 *     NAME/table.csv       the same rows
 *     NAME/status          one fact a line
 *     NAME/ctl             retry, cancel, delete
 *     NAME/wait            never listed: a read waits until it has ended
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "daemon/engine_open.h"
#include "daemon/tree_impl.h"
#include "lib/util/fdio.h"
#include "lib/util/str.h"

/* ---- frames/ --------------------------------------------------------------------------------- */

int dj_frames_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                     struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    struct dj_frame *frame = dj_frame_find(dj_engine_frames(folder->engine), name);
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    (void)asker;
    if (frame != NULL) {
        dj_spot_frame(folder, frame, DJ_FRAME_FOLDER, ret);
        return 0;
    }
    dj_add_printable(&shown, name);
    return dj_err_set(err, ENOENT, "there is no frame %s; `dj map --frame` stores one",
                      dj_buf_str(&shown));
}

int dj_frames_list(const struct dj_spot *folder, const struct dj_asker *asker,
                   struct dj_listing *listing, struct dj_err *err)
{
    struct dj_frames *frames = dj_engine_frames(folder->engine);
    uint64_t cookie = 0;

    (void)asker;
    (void)err;
    for (struct dj_frame *frame = dj_frame_after(frames, ""); frame != NULL;
         frame = dj_frame_after(frames, dj_frame_name(frame))) {
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

        if (++cookie <= listing->cookie)
            continue;
        dj_spot_frame(folder, frame, DJ_FRAME_FOLDER, &spot);
        if (!dj_listing_add(listing, &spot, dj_bytes_of(dj_frame_name(frame)), cookie))
            return 0;
    }
    listing->out.end = true;
    return 0;
}

void dj_frames_unlink(const struct dj_spot *folder, struct dj_request *request,
                      const struct dj_asker *asker, const struct dj_msg_unlink *ask)
{
    struct dj_frame *frame = dj_frame_find(dj_engine_frames(folder->engine),
                                           dj_buf_bytes(&ask->name));
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = dj_tree_may_change(folder->tree, asker, &err);

    if (code == 0 && frame == NULL)
        code = dj_err_set(&err, ENOENT, "there is no such frame");
    else if (code == 0 && !ask->folder)
        code = dj_err_set(&err, EISDIR, "a frame is a folder; rmdir takes it away");
    else if (code == 0)
        code = dj_frame_delete(frame, &err);
    if (code < 0)
        dj_reply_err(request, code, &err);
    else
        dj_reply_ok(request, 0, "");
}

/* ---- NAME/ ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum dj_frame_leaf leaf;
} leaves[] = {
    {"results.jsonl", DJ_FRAME_RESULTS}, {"table.csv", DJ_FRAME_TABLE},
    {"status", DJ_FRAME_STATUS},         {"ctl", DJ_FRAME_CTL},
    {"wait", DJ_FRAME_WAIT}, /* the last one: never listed */
};

static bool is_there(const struct dj_spot *folder, enum dj_frame_leaf leaf)
{
    return !folder->readonly || (leaf != DJ_FRAME_CTL && leaf != DJ_FRAME_WAIT);
}

static int frame_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                        struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    (void)asker;
    for (size_t i = 0; i < DJ_ARRAY_SIZE(leaves); i++) {
        if (dj_bytes_is(name, leaves[i].name) && is_there(folder, leaves[i].leaf)) {
            dj_spot_frame(folder, folder->frame, leaves[i].leaf, ret);
            return 0;
        }
    }
    return dj_err_set(err, ENOENT, "a frame has results.jsonl, table.csv, status and ctl");
}

static int frame_list(const struct dj_spot *folder, const struct dj_asker *asker,
                      struct dj_listing *listing, struct dj_err *err)
{
    (void)asker;
    (void)err;
    for (size_t i = (size_t)DJ_MIN(listing->cookie, DJ_ARRAY_SIZE(leaves));
         i + 1 < DJ_ARRAY_SIZE(leaves); i++) {
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

        if (!is_there(folder, leaves[i].leaf))
            continue;
        dj_spot_frame(folder, folder->frame, leaves[i].leaf, &spot);
        if (!dj_listing_add(listing, &spot, dj_bytes_of(leaves[i].name), i + 1))
            return 0;
    }
    listing->out.end = true;
    return 0;
}

/* rm -r empties the folder first; what is in it goes with the frame. */
static void frame_unlink(const struct dj_spot *folder, struct dj_request *request,
                         const struct dj_asker *asker, const struct dj_msg_unlink *ask)
{
    (void)folder;
    (void)asker;
    (void)ask;
    dj_tree_refuse(request, -EPERM, "the files of a frame go with it: rmdir takes the frame away");
}

static void status_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    struct dj_frame_facts facts;

    dj_frame_look(spot->frame, &facts);
    dj_buf_addf(buf, "status %s\ntask %s\nrows %" PRIu64 "\ndone %" PRIu64 "\nfailed %" PRIu64
                "\n", facts.status, facts.task, facts.rows, facts.ended - facts.failed,
                facts.failed);
    if (facts.why != NULL)
        dj_buf_addf(buf, "why %s\n", facts.why);
}

static int frame_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
{
    struct dj_frame_facts facts;

    (void)err;
    dj_frame_look(spot->frame, &facts);
    attr->mtime_ns = facts.changed_ns;
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static struct dj_frame_file *file_of(const struct dj_spot *spot)
{
    return spot->node.leaf == DJ_FRAME_RESULTS ? dj_frame_results(spot->frame)
                                               : dj_frame_table(spot->frame);
}

static int file_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
{
    attr->size = file_of(spot)->size;
    return frame_attr(spot, attr, err);
}

static void read_file(const struct dj_frame_file *file, struct dj_request *request,
                      const struct dj_msg_read *ask)
{
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;
    size_t size = (size_t)DJ_MIN(ask->size, DJ_TREE_READ_MAX);
    ssize_t n = 0;

    if (ask->offset < file->size) {
        size = (size_t)DJ_MIN((uint64_t)size, file->size - ask->offset);
        n = dj_pread_full(file->fd, dj_buf_room(&bytes, size), size, ask->offset);
    }
    if (n < 0) {
        dj_tree_refuse(request, (int)n, "the frame cannot be read");
        return;
    }
    bytes.len = (size_t)n;
    dj_tree_data(request, dj_buf_bytes(&bytes));
}

static void handle_read(struct dj_handle *handle, struct dj_request *request,
                        const struct dj_msg_read *ask)
{
    read_file(handle->file, request, ask);
}

static void node_read(const struct dj_spot *spot, struct dj_request *request,
                      const struct dj_msg_read *ask)
{
    read_file(file_of(spot), request, ask);
}

static void file_open(const struct dj_spot *spot, struct dj_request *request,
                      const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    static const struct dj_handle_ops ops = {.read = handle_read};
    struct dj_handle *handle = dj_handle_new(&spot->peer->handles, spot->tree, spot->id, &ops);

    (void)asker;
    (void)ask;
    handle->file = file_of(spot);
    handle->file->refs++;
    dj_tree_opened_handle(request, handle, handle->file->size);
}

/* ---- ctl, wait ------------------------------------------------------------------------------- */

static int command_of(struct dj_bytes text, struct dj_ctl_command *ret, struct dj_err *err)
{
    struct dj_list commands = {0};
    int code = dj_ctl_parse(DJ_CTL_FRAME, text, &commands, err);

    if (code == 0 && commands.n > 1)
        code = dj_err_set(err, EINVAL, "a write to this ctl is one command");
    if (code == 0)
        *ret = *DJ_LIST_AT(&commands, struct dj_ctl_command, 0);
    free(commands.items);
    return code;
}

/* The handle's name is frames/NAME. */
static struct dj_frame *frame_of(const struct dj_handle *handle)
{
    return dj_frame_find(dj_engine_frames(handle->tree->engine),
                         dj_bytes_from(dj_buf_bytes(&handle->name), strlen("frames/")));
}

static int carry_out(struct dj_frame *frame, const struct dj_ctl_command *command,
                     struct dj_err *err)
{
    if (command->verb == DJ_CTL_RETRY)
        return dj_frame_retry(frame, err);
    return command->verb == DJ_CTL_CANCEL ? dj_frame_cancel(frame, err)
                                          : dj_frame_delete(frame, err);
}

static void ctl_write(struct dj_handle *handle, struct dj_request *request,
                      const struct dj_msg_write *ask)
{
    struct dj_frame *frame = frame_of(handle);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_ctl_command command;
    int code = command_of(dj_buf_bytes(&ask->bytes), &command, &err);

    if (code == 0 && frame == NULL)
        code = dj_err_set(&err, ESTALE, "the frame is not there any more");
    if (code == 0)
        code = carry_out(frame, &command, &err);
    if (code < 0) {
        dj_refusal_note_session(handle->tree, dj_buf_str(&handle->name), dj_err_text(&err, code));
        dj_reply_err(request, code, &err);
    } else {
        dj_reply_ok(request, ask->bytes.len, "");
    }
}

static void ctl_read(struct dj_handle *handle, struct dj_request *request,
                     const struct dj_msg_read *ask)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_ctl_words(&text, DJ_CTL_FRAME);
    (void)handle;
    dj_tree_slice(request, dj_buf_bytes(&text), ask);
}

static void wait_read(struct dj_handle *handle, struct dj_request *request,
                      const struct dj_msg_read *ask)
{
    struct dj_frame *frame = frame_of(handle);
    struct dj_frame_facts facts;

    if (handle->base == 0)
        handle->base = ask->offset + 1;
    if (ask->offset + 1 != handle->base) { /* it was told already */
        dj_tree_data(request, DJ_BYTES_LIT(""));
        return;
    }
    if (frame == NULL) {
        dj_tree_refuse(request, -ESTALE, "the frame is not there any more");
        return;
    }
    dj_frame_look(frame, &facts);
    if ((ask->flags & DJ_OPEN_NONBLOCK) && strcmp(facts.status, "running") == 0)
        dj_tree_refuse(request, -EAGAIN, "the frame has not ended");
    else
        dj_frame_wait(frame, request);
}

static void wait_open(const struct dj_spot *spot, struct dj_request *request,
                      const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    static const struct dj_handle_ops ops = {.read = wait_read};
    struct dj_handle *handle = dj_handle_new(&spot->peer->handles, spot->tree, spot->id, &ops);

    (void)asker;
    (void)ask;
    dj_buf_addf(&handle->name, "frames/%s", dj_frame_name(spot->frame));
    dj_tree_opened_handle(request, handle, 0);
}

static const struct dj_handle_ops ctl_ops = {.read = ctl_read, .write = ctl_write};

const struct dj_sort dj_frame_sorts[DJ_FRAME_LEAVES] = {
    [DJ_FRAME_FOLDER] = {.mode = S_IFDIR | 0755, .attr = frame_attr, .lookup = frame_lookup,
                         .list = frame_list, .unlink = frame_unlink},
    [DJ_FRAME_RESULTS] = {.mode = S_IFREG | 0444, .attr = file_attr, .open = file_open,
                          .read = node_read},
    [DJ_FRAME_TABLE] = {.mode = S_IFREG | 0444, .attr = file_attr, .open = file_open,
                        .read = node_read},
    [DJ_FRAME_STATUS] = {.mode = S_IFREG | 0444, .text = status_text, .attr = frame_attr},
    [DJ_FRAME_CTL] = {.mode = S_IFREG | 0666, .text = dj_ctl_text, .writable = &ctl_ops},
    [DJ_FRAME_WAIT] = {.mode = S_IFREG | 0444, .open = wait_open},
};

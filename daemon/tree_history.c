/*
 * history/N: the earlier instances of a call, each with its result, files, log and meta.
 *
 * They are constants: reading one asks nothing, computes nothing and is no call of the run that
 * reads. So their nodes are a kind of their own, whose opens do not look what is current by now.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/render.h"
#include "daemon/tree_impl.h"
#include "lib/util/str.h"

/* ---- history/ -------------------------------------------------------------------------------- */

int dj_history_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                      struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    uint64_t n, instance = 0;

    (void)asker;
    if (name.len > 0 && name.data[0] != '0' && dj_parse_uint(name, &n, NULL) == 0)
        instance = dj_call_ended(folder->engine, folder->call, n);
    if (instance == 0)
        return dj_err_set(err, ENOENT, "there is no instance of that number");
    return dj_spot_history(folder, instance, DJ_INSTANCE_FOLDER, ret, err);
}

/* All but the one whose files stand one folder higher. */
int dj_history_list(const struct dj_spot *folder, const struct dj_asker *asker,
                    struct dj_listing *listing, struct dj_err *err)
{
    uint64_t shown = dj_run_shown(folder->engine, folder->call, true);

    (void)asker;
    (void)err;
    for (uint64_t n = listing->cookie + 1; n <= dj_call_count(folder->call); n++) {
        uint64_t instance = dj_call_ended(folder->engine, folder->call, n);
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;
        char name[24];

        if (instance == 0 || instance == shown ||
            dj_spot_history(folder, instance, DJ_INSTANCE_FOLDER, &spot, NULL) < 0)
            continue;
        snprintf(name, sizeof(name), "%" PRIu64, n);
        if (!dj_listing_add(listing, &spot, dj_bytes_of(name), n))
            return 0;
    }
    listing->out.end = true;
    return 0;
}

/* rm -r of a run goes on; its instances go with its `result` or its folder. */
void dj_history_unlink(const struct dj_spot *folder, struct dj_request *request,
                       const struct dj_asker *asker, const struct dj_msg_unlink *ask)
{
    (void)folder;
    (void)asker;
    (void)ask;
    dj_reply_ok(request, 0, "");
}

/* ---- history/N/ ------------------------------------------------------------------------------ */

struct part {
    const char *name;
    enum dj_instance_leaf leaf;
};

static const struct part parts[] = {
    {"files", DJ_INSTANCE_FILES},
    {"log", DJ_INSTANCE_LOG},
    {"meta", DJ_INSTANCE_META},
    {"result", DJ_INSTANCE_RESULT},
};

static bool has_part(const struct dj_spot *folder, enum dj_instance_leaf leaf)
{
    return leaf != DJ_INSTANCE_RESULT || folder->record->state == DJ_DONE;
}

static int instance_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                           struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    (void)asker;
    for (size_t i = 0; i < DJ_ARRAY_SIZE(parts); i++) {
        if (!dj_bytes_is(name, parts[i].name))
            continue;
        if (!has_part(folder, parts[i].leaf))
            return dj_err_set(err, ENOENT, "this instance gave no result; its meta tells why");
        return dj_spot_beside(folder, parts[i].leaf, ret, err);
    }
    return dj_err_set(err, ENOENT, "an instance has no such file");
}

static int instance_list(const struct dj_spot *folder, const struct dj_asker *asker,
                         struct dj_listing *listing, struct dj_err *err)
{
    (void)asker;
    (void)err;
    for (uint64_t i = listing->cookie; i < DJ_ARRAY_SIZE(parts); i++) {
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

        if (!has_part(folder, parts[i].leaf) ||
            dj_spot_beside(folder, parts[i].leaf, &spot, NULL) < 0)
            continue;
        if (!dj_listing_add(listing, &spot, dj_bytes_of(parts[i].name), i + 1))
            return 0;
    }
    listing->out.end = true;
    return 0;
}

static void meta_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_render_ended(buf, spot->call, spot->record);
}

/* ---- opening --------------------------------------------------------------------------------- */

/*
 * Of a call that was deleted nothing is shown, also to who knows the names for a moment longer.
 * Folders are listed all the same: rm -r is in the middle of it.
 */
static bool is_there(const struct dj_spot *spot, struct dj_request *request)
{
    if (dj_call_has_ended(spot->engine, spot->call, spot->node.number))
        return true;
    dj_tree_refuse(request, -ESTALE, "this instance is not there any more; look again");
    return false;
}

static void open_content(const struct dj_spot *spot, struct dj_request *request,
                         const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    (void)asker;
    (void)ask;
    if (is_there(spot, request))
        dj_open_node(spot, request);
}

static void open_meta(const struct dj_spot *spot, struct dj_request *request,
                      const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    (void)asker;
    (void)ask;
    if (!is_there(spot, request))
        return;
    meta_text(spot, &text);
    dj_open_text(spot, request, &text);
}

static void open_folder(const struct dj_spot *spot, struct dj_request *request,
                        const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    struct dj_msg_opened opened = {0};

    (void)asker;
    (void)ask;
    dj_held_add(spot->peer, spot->node.number, 1);
    dj_reply(request, DJ_MSG_OPENED, &opened);
}

const struct dj_sort dj_history_sorts[] = {
    [DJ_INSTANCE_RESULT] = {.mode = S_IFREG | 0444, .attr = dj_instance_attr,
                            .open = open_content, .read = dj_read_node},
    [DJ_INSTANCE_FILES] = {.mode = S_IFDIR | 0755, .attr = dj_instance_attr,
                           .lookup = dj_files_lookup, .list = dj_files_list, .open = open_folder,
                           .unlink = dj_files_unlink},
    [DJ_INSTANCE_LOG] = {.mode = S_IFREG | 0444, .attr = dj_instance_attr, .open = open_content,
                         .read = dj_read_node},
    [DJ_INSTANCE_META] = {.mode = S_IFREG | 0444, .text = meta_text, .attr = dj_instance_attr,
                          .open = open_meta},
    [DJ_INSTANCE_FOLDER] = {.mode = S_IFDIR | 0755, .attr = dj_instance_attr,
                            .lookup = instance_lookup, .list = instance_list, .open = open_folder,
                            .unlink = dj_history_unlink},
};

const struct dj_sort dj_history_entry_sorts[] = {
    {.mode = S_IFREG | 0444, .attr = dj_entry_attr, .open = open_content, .read = dj_read_node},
    {.mode = S_IFDIR | 0755, .attr = dj_entry_attr, .lookup = dj_files_lookup,
     .list = dj_files_list, .open = open_folder, .unlink = dj_files_unlink},
    {.mode = S_IFLNK | 0777, .attr = dj_entry_attr, .readlink = dj_entry_readlink},
};

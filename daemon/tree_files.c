/* Ended instances: result, log, and files/ of any depth. */
#include <errno.h>

#include "daemon/tree_impl.h"

static const struct dj_rec_entry *entry_at(const struct dj_rec_manifest *manifest, int64_t index)
{
    return DJ_LIST_AT(&manifest->entries, struct dj_rec_entry, index);
}

static struct dj_bytes path_at(const struct dj_rec_manifest *manifest, int64_t index)
{
    return dj_buf_bytes(&entry_at(manifest, index)->path);
}

/* ---- folders --------------------------------------------------------------------------------- */

/* The place of the spot's own entry; -1 is files/ itself. */
static int64_t place_of(const struct dj_spot *spot)
{
    return (int64_t)spot->node.leaf - DJ_INSTANCE_ENTRY < 0
               ? -1
               : (int64_t)spot->node.leaf - DJ_INSTANCE_ENTRY;
}

int dj_files_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                    struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    int64_t index = dj_manifest_find(folder->manifest, place_of(folder), name);

    (void)asker;
    if (index < 0)
        return dj_err_set(err, ENOENT, "the run left no such file");
    return dj_spot_beside(folder, (uint32_t)(DJ_INSTANCE_ENTRY + index), ret, err);
}

int dj_files_list(const struct dj_spot *folder, const struct dj_asker *asker,
                  struct dj_listing *listing, struct dj_err *err)
{
    const struct dj_rec_manifest *manifest = folder->manifest;
    int64_t place = place_of(folder);
    size_t skip = place < 0 ? 0 : path_at(manifest, place).len + 1;
    int64_t index = (int64_t)DJ_MIN(listing->cookie, manifest->entries.n) - 1;

    (void)asker;
    (void)err;
    while ((index = dj_manifest_next(manifest, place, index)) >= 0) {
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

        if (dj_spot_beside(folder, (uint32_t)(DJ_INSTANCE_ENTRY + index), &spot, NULL) < 0)
            break;
        if (!dj_listing_add(listing, &spot, dj_bytes_from(path_at(manifest, index), skip),
                            (uint64_t)index + 1))
            return 0;
    }
    listing->out.end = true;
    return 0;
}

/* Nothing in here is taken away by itself: rm -r goes on, and the run goes with its `result`. */
void dj_files_unlink(const struct dj_spot *folder, struct dj_request *request,
                     const struct dj_asker *asker, const struct dj_msg_unlink *ask)
{
    (void)asker;
    if (dj_manifest_find(folder->manifest, place_of(folder), dj_buf_bytes(&ask->name)) < 0)
        dj_tree_refuse(request, -ENOENT, "the run left no such file");
    else
        dj_reply_ok(request, 0, "");
}

/* ---- attributes ------------------------------------------------------------------------------ */

int dj_instance_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
{
    (void)err;
    if (spot->node.leaf == DJ_INSTANCE_RESULT)
        attr->size = spot->record->result.size;
    else if (spot->node.leaf == DJ_INSTANCE_LOG)
        attr->size = spot->record->log.size;
    attr->mtime_ns = spot->record->end_ns;
    attr->ttl_ms = DJ_TTL_SHORT_MS;
    return 0;
}

/*
 * Modes are those that the run gave, but nobody writes to a file, and the owner can always read it
 * and take away what is in a folder: rm -r of a run must not stumble over them.
 */
int dj_entry_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
{
    const struct dj_rec_entry *entry = entry_at(spot->manifest, place_of(spot));
    mode_t mode = (mode_t)entry->mode & 0777;

    (void)err;
    if (S_ISDIR((mode_t)entry->mode))
        attr->mode = S_IFDIR | mode | 0700;
    else if (!S_ISLNK((mode_t)entry->mode))
        attr->mode = S_IFREG | (mode & 0555) | 0400;
    if (S_ISLNK((mode_t)entry->mode))
        attr->size = entry->target.len;
    else if (!S_ISDIR((mode_t)entry->mode))
        attr->size = entry->content.size;
    attr->mtime_ns = entry->mtime_ns;
    attr->ttl_ms = DJ_TTL_LONG_MS;
    return 0;
}

void dj_entry_readlink(const struct dj_spot *spot, struct dj_request *request,
                       const struct dj_asker *asker, const struct dj_msg_readlink *ask)
{
    (void)asker;
    (void)ask;
    dj_tree_link(request, &entry_at(spot->manifest, place_of(spot))->target);
}

/* ---- log ------------------------------------------------------------------------------------- */

static void log_open(const struct dj_spot *spot, struct dj_request *request,
                     const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    uint64_t shown = dj_run_shown(spot->engine, spot->call, asker->readonly);

    if (ask->flags & DJ_OPEN_CURRENT)
        dj_open_other(spot, request, shown != 0 ? shown : spot->node.number, DJ_INSTANCE_LOG);
    else if (shown == spot->node.number)
        dj_open_node(spot, request);
    else
        dj_tree_refuse(request, -ESTALE, "there is a newer run; look again");
}

const struct dj_sort dj_instance_sorts[] = {
    [DJ_INSTANCE_RESULT] = {.mode = S_IFREG | 0444, .attr = dj_instance_attr,
                            .open = dj_open_result, .read = dj_read_node},
    [DJ_INSTANCE_FILES] = {.mode = S_IFDIR | 0755, .attr = dj_instance_attr,
                           .lookup = dj_files_lookup, .list = dj_files_list, .open = dj_open_files,
                           .unlink = dj_files_unlink},
    [DJ_INSTANCE_LOG] = {.mode = S_IFREG | 0444, .attr = dj_instance_attr, .open = log_open,
                         .read = dj_read_node},
};

const struct dj_sort dj_entry_sorts[] = {
    {.mode = S_IFREG | 0444, .attr = dj_entry_attr, .open = dj_open_entry, .read = dj_read_node},
    {.mode = S_IFDIR | 0755, .attr = dj_entry_attr, .lookup = dj_files_lookup,
     .list = dj_files_list, .open = dj_open_files, .unlink = dj_files_unlink},
    {.mode = S_IFLNK | 0777, .attr = dj_entry_attr, .readlink = dj_entry_readlink},
};

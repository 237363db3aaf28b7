/* Ended instances: result, log, and files/ of any depth. */
#include <errno.h>

#include "daemon/tree_impl.h"

/* ---- manifests ------------------------------------------------------------------------------- */

static const struct dj_rec_entry *entry_at(const struct dj_rec_manifest *manifest, int64_t index)
{
    return DJ_LIST_AT(&manifest->entries, struct dj_rec_entry, index);
}

static struct dj_bytes path_at(const struct dj_rec_manifest *manifest, int64_t index)
{
    return index < 0 ? DJ_BYTES_LIT("") : dj_buf_bytes(&entry_at(manifest, index)->path);
}

static bool is_inside(struct dj_bytes path, struct dj_bytes folder)
{
    if (folder.len == 0)
        return true;
    return path.len > folder.len && dj_bytes_starts(path, folder) && path.data[folder.len] == '/';
}

/* What lies in a folder follows it directly: the place behind the last of it. */
static int64_t end_of(const struct dj_rec_manifest *manifest, int64_t folder)
{
    struct dj_bytes path = path_at(manifest, folder);
    int64_t low = folder + 1;
    int64_t high = (int64_t)DJ_MIN(manifest->entries.n, DJ_NODE_ENTRIES_MAX);

    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (is_inside(path_at(manifest, middle), path))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t dj_manifest_next(const struct dj_rec_manifest *manifest, int64_t folder, int64_t after)
{
    struct dj_bytes path = path_at(manifest, folder);
    size_t skip = path.len == 0 ? 0 : path.len + 1;
    int64_t end = end_of(manifest, folder);
    int64_t next = after <= folder ? folder + 1 : end_of(manifest, after);

    for (; next < end; next++) {
        struct dj_bytes rest = dj_bytes_from(path_at(manifest, next), skip);

        if (memchr(rest.data, '/', rest.len) == NULL)
            return next;
    }
    return -1;
}

/* The order of paths component by component: '/' comes before every other byte. */
static int compare(struct dj_bytes a, struct dj_bytes b)
{
    size_t i = 0;

    while (i < a.len && i < b.len && a.data[i] == b.data[i])
        i++;
    if (i == a.len || i == b.len)
        return a.len < b.len ? -1 : a.len > b.len;
    if (a.data[i] == '/' || b.data[i] == '/')
        return a.data[i] == '/' ? -1 : 1;
    return a.data[i] < b.data[i] ? -1 : 1;
}

/*
 * Found by halving. Where names in one folder sort differently with a slash behind them ("a b" and
 * "a/") a manifest may have been sorted the other way; then every entry is looked at.
 */
int64_t dj_manifest_at(const struct dj_rec_manifest *manifest, struct dj_bytes path)
{
    const int64_t n = (int64_t)DJ_MIN(manifest->entries.n, DJ_NODE_ENTRIES_MAX);
    int64_t low = 0;
    int64_t high = n;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = compare(path_at(manifest, middle), path);

        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (int64_t i = 0; i < n; i++) {
        if (dj_bytes_equal(path_at(manifest, i), path))
            return i;
    }
    return -1;
}

int64_t dj_manifest_find(const struct dj_rec_manifest *manifest, int64_t folder,
                         struct dj_bytes name)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    if (name.len == 0 || memchr(name.data, '/', name.len) != NULL)
        return -1;
    if (folder >= 0) {
        dj_buf_add_bytes(&path, path_at(manifest, folder));
        dj_buf_addc(&path, '/');
    }
    dj_buf_add_bytes(&path, name);
    return dj_manifest_at(manifest, dj_buf_bytes(&path));
}

/* ---- folders --------------------------------------------------------------------------------- */

/* The place of the spot's own entry; -1 is files/ itself. */
static int64_t place_of(const struct dj_spot *spot)
{
    return (int64_t)spot->node.leaf - DJ_INSTANCE_ENTRY < 0
               ? -1
               : (int64_t)spot->node.leaf - DJ_INSTANCE_ENTRY;
}

static int files_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                        struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    int64_t index = dj_manifest_find(folder->manifest, place_of(folder), name);

    (void)asker;
    if (index < 0)
        return dj_err_set(err, ENOENT, "the run left no such file");
    return dj_spot_instance(folder, folder->node.number, (uint32_t)(DJ_INSTANCE_ENTRY + index),
                            ret, err);
}

static int files_list(const struct dj_spot *folder, const struct dj_asker *asker,
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

        if (dj_spot_instance(folder, folder->node.number,
                             (uint32_t)(DJ_INSTANCE_ENTRY + index), &spot, NULL) < 0)
            break;
        if (!dj_listing_add(listing, &spot, dj_bytes_from(path_at(manifest, index), skip),
                            (uint64_t)index + 1))
            return 0;
    }
    listing->out.end = true;
    return 0;
}

/* Nothing in here is taken away by itself: rm -r goes on, and the run goes with its `result`. */
static void files_unlink(const struct dj_spot *folder, struct dj_request *request,
                         const struct dj_asker *asker, const struct dj_msg_unlink *ask)
{
    (void)asker;
    if (dj_manifest_find(folder->manifest, place_of(folder), dj_buf_bytes(&ask->name)) < 0)
        dj_tree_refuse(request, -ENOENT, "the run left no such file");
    else
        dj_reply_ok(request, 0, "");
}

/* ---- attributes ------------------------------------------------------------------------------ */

static int result_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
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
static int entry_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
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

static void entry_readlink(const struct dj_spot *spot, struct dj_request *request,
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
    [DJ_INSTANCE_RESULT] = {.mode = S_IFREG | 0444, .attr = result_attr, .open = dj_open_result,
                            .read = dj_read_node},
    [DJ_INSTANCE_FILES] = {.mode = S_IFDIR | 0755, .attr = result_attr, .lookup = files_lookup,
                           .list = files_list, .open = dj_open_files, .unlink = files_unlink},
    [DJ_INSTANCE_LOG] = {.mode = S_IFREG | 0444, .attr = result_attr, .open = log_open,
                         .read = dj_read_node},
};

const struct dj_sort dj_entry_sorts[] = {
    {.mode = S_IFREG | 0444, .attr = entry_attr, .open = dj_open_entry, .read = dj_read_node},
    {.mode = S_IFDIR | 0755, .attr = entry_attr, .lookup = files_lookup, .list = files_list,
     .open = dj_open_files, .unlink = files_unlink},
    {.mode = S_IFLNK | 0777, .attr = entry_attr, .readlink = entry_readlink},
};

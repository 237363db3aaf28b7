/*
 * Manifests: what a run left in files/, as one sorted list of paths.
 *
 * Reading one takes as long as it is, and going through the files of a run asks for it once a file.
 * It never changes, so those that were used last are kept. What is kept is thrown out between
 * requests only: a pointer to a manifest is good until the request is handled.
 */
#include <stdlib.h>

#include "daemon/tree_impl.h"
#include "lib/util/mem.h"

#define KEPT_MAX 256
#define KEPT_ENTRIES_MAX (1U << 20)

struct dj_kept {
    uint64_t instance;
    struct dj_rec_manifest manifest;
    UT_hash_handle hh; /* the one that was used last is the last */
};

static void kept_free(struct dj_tree *tree, struct dj_kept *kept)
{
    HASH_DEL(tree->manifests, kept);
    tree->manifest_entries -= kept->manifest.entries.n;
    dj_codec_release(&dj_layout_manifest, &kept->manifest);
    free(kept);
}

void dj_manifests_trim(struct dj_tree *tree)
{
    while (HASH_COUNT(tree->manifests) > KEPT_MAX ||
           (HASH_COUNT(tree->manifests) > 1 && tree->manifest_entries > KEPT_ENTRIES_MAX))
        kept_free(tree, tree->manifests);
}

void dj_manifests_release(struct dj_tree *tree)
{
    while (tree->manifests != NULL)
        kept_free(tree, tree->manifests);
}

static void load(struct dj_engine *engine, const struct dj_rec_content *content,
                 struct dj_rec_manifest *ret)
{
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;

    if (content->size == 0 ||
        dj_read_content(engine, content, 0, content->size, &bytes, NULL) < 0 ||
        dj_codec_decode(&dj_layout_manifest, dj_buf_bytes(&bytes), ret, NULL) < 0)
        *ret = (struct dj_rec_manifest){{0}};
}

const struct dj_rec_manifest *dj_manifest_of(struct dj_tree *tree,
                                             const struct dj_rec_instance *record,
                                             uint64_t instance)
{
    struct dj_kept *kept;

    HASH_FIND(hh, tree->manifests, &instance, sizeof(instance), kept);
    if (kept != NULL) {
        HASH_DEL(tree->manifests, kept);
    } else {
        kept = dj_xcalloc(1, sizeof(*kept));
        kept->instance = instance;
        load(tree->engine, &record->manifest, &kept->manifest);
        tree->manifest_entries += kept->manifest.entries.n;
    }
    HASH_ADD(hh, tree->manifests, instance, sizeof(kept->instance), kept);
    return &kept->manifest;
}

/* ---- looking into one ------------------------------------------------------------------------ */

static struct dj_bytes path_at(const struct dj_rec_manifest *manifest, int64_t index)
{
    if (index < 0)
        return DJ_BYTES_LIT("");
    return dj_buf_bytes(&DJ_LIST_AT(&manifest->entries, struct dj_rec_entry, index)->path);
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

int64_t dj_manifest_at(const struct dj_rec_manifest *manifest, struct dj_bytes path)
{
    int64_t low = 0;
    int64_t high = (int64_t)DJ_MIN(manifest->entries.n, DJ_NODE_ENTRIES_MAX);

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

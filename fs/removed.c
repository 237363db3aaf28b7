#include "fs/removed.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/util/mem.h"

/* In the order of removal, oldest first. */
struct dj_removed_folder {
    uint64_t generation;
    UT_hash_handle hh;
    size_t len;
    uint8_t key[]; /* the parent's node, the name */
};

static struct dj_removed_folder *folder_new(uint64_t parent, struct dj_bytes name)
{
    struct dj_removed_folder *folder;

    folder = dj_xcalloc(1, sizeof(*folder) + sizeof(parent) + name.len);
    folder->len = sizeof(parent) + name.len;
    memcpy(folder->key, &parent, sizeof(parent));
    if (name.len > 0)
        memcpy(folder->key + sizeof(parent), name.data, name.len);
    return folder;
}

static struct dj_removed_folder *find(const struct dj_removed *removed,
                                      const struct dj_removed_folder *like)
{
    struct dj_removed_folder *folder;

    HASH_FIND(hh, removed->folders, like->key, like->len, folder);
    return folder;
}

static void drop(struct dj_removed *removed, struct dj_removed_folder *folder)
{
    HASH_DEL(removed->folders, folder);
    free(folder);
}

void dj_removed_release(struct dj_removed *removed)
{
    while (removed->folders != NULL)
        drop(removed, removed->folders);
}

void dj_removed_note(struct dj_removed *removed, uint64_t parent, struct dj_bytes name)
{
    struct dj_removed_folder *folder = folder_new(parent, name);
    struct dj_removed_folder *old = find(removed, folder);

    if (old != NULL)
        drop(removed, old);
    folder->generation = ++removed->generation;
    HASH_ADD(hh, removed->folders, key, (unsigned)folder->len, folder);
    if (HASH_COUNT(removed->folders) > DJ_REMOVED_MAX)
        drop(removed, removed->folders);
}

uint64_t dj_removed_generation(const struct dj_removed *removed, uint64_t parent,
                               struct dj_bytes name)
{
    const struct dj_removed_folder *folder;
    struct dj_removed_folder *like;

    if (removed->folders == NULL)
        return 0;
    like = folder_new(parent, name);
    folder = find(removed, like);
    free(like);
    return folder == NULL ? 0 : folder->generation;
}

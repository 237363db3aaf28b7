/*
 * Folders that were taken away here, and how often: their generation.
 *
 * A run that was deleted is there again as soon as it is named, as the same node. The kernel marks
 * the inode of a folder that it removed as dead and lets nobody look into it any more; as long as
 * somebody has a file below it open it keeps that inode, and would find it again behind the new
 * name. Another generation makes it take a new one. Only the newest DJ_REMOVED_MAX removals are
 * remembered, since nearly always nothing was open and the dead inode is gone at once.
 */
#ifndef DJ_FS_REMOVED_H
#define DJ_FS_REMOVED_H

#include <stdint.h>

#include "lib/util/bytes.h"

#define DJ_REMOVED_MAX 16384

struct dj_removed_folder;

struct dj_removed {
    struct dj_removed_folder *folders;
    uint64_t generation;
};

void dj_removed_release(struct dj_removed *removed);
void dj_removed_note(struct dj_removed *removed, uint64_t parent, struct dj_bytes name);
/* dj_removed_generation(): of what `name` in `parent` is now; 0: it was never taken away. */
uint64_t dj_removed_generation(const struct dj_removed *removed, uint64_t parent,
                               struct dj_bytes name);

#endif

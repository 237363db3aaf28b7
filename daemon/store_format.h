/*
 * The folder of a store: who may open it, who holds it, what form it has and how it was left.
 *
 *     FORMAT    four lines: "djfs store", "format N", "kind rocksdb", "id HEX"; written last when a
 * store is made, never changed afterwards; without it the folder is no store LOCK      flock(2)ed
 * while open; its text is the holder's pid and host CLEAN     there while the store is closed in
 * order; removed when it is opened db/ wal/ content/    belong to the kind and to content.h
 *
 * A folder that is refused is not written to. One that has LOCK but no FORMAT, and nothing foreign,
 * was left by a creation that was killed, and is made anew.
 *
 * Call order: open, (the kind opens its part), ready, mark_clean, release.
 */
#ifndef DJ_DAEMON_STORE_FORMAT_H
#define DJ_DAEMON_STORE_FORMAT_H

#include <stdbool.h>

#include "lib/util/err.h"

struct dj_store_folder {
    char *dir; /* absolute */
    int fd;
    int lock; /* LOCK, locked */
    const char *kind;
    char id[33];
    bool created; /* there was no store before; FORMAT is not there until ready */
    bool was_clean;
};

/* dj_store_folder_open(folder, dir, kind, err): errors as for dj_store_open_rocksdb(). */
int dj_store_folder_open(struct dj_store_folder *folder, const char *dir, const char *kind,
                         struct dj_err *err);

/* dj_store_folder_ready(folder, err): from here on it is in use: writes FORMAT, removes CLEAN. */
int dj_store_folder_ready(struct dj_store_folder *folder, struct dj_err *err);

void dj_store_folder_mark_clean(struct dj_store_folder *folder);

/* dj_store_folder_release(folder): unlocks and frees. */
void dj_store_folder_release(struct dj_store_folder *folder);

#endif

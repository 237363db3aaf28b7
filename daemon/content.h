/*
 * Content files: what is too large for the store's tables, one read-only file a digest.
 *
 *     content/ab/abcdef…   the digest in hex below a folder of its first two digits
 *     content/incoming/    copies under way; emptied when the store is opened
 *     quarantine/          beside it: bytes that were not those of their name, by that name
 *
 * A name stands for whole, synced bytes: files are synced before they get their name, and a name is
 * durable when adopt returns. An adopted file keeps the name that it had, too, and its mode, so
 * that a daemon that is killed before the record is written leaves everything to be taken in again;
 * it is sealed (read-only) when the record is there, and its other name is for the caller to
 * remove. The sweep after an unclean end seals what was not. Removing is not made durable: after a
 * power loss a removed file may be back, which the sweep after an unclean end finds.
 *
 * Adopting a file claims it: it is not removed before as many unclaims, so that whoever takes the
 * same bytes in does not lose them to somebody who finds that no record refers to them yet.
 *
 * Threads: all calls may run at the same time.
 */
#ifndef DJ_DAEMON_CONTENT_H
#define DJ_DAEMON_CONTENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/util/digest.h"
#include "lib/util/err.h"

struct dj_content_claim;

struct dj_content_dir {
    int fd;
    char *path; /* absolute */
    pthread_mutex_t lock;
    bool counted;   /* protected by lock: bytes is known, and kept up to date */
    uint64_t bytes; /* allocated on the disk */
    struct dj_content_claim *claims; /* protected by lock */
};

/* dj_content_dir_open(content, store, store_path, err): makes or opens the folder in the store's.
 */
int dj_content_dir_open(struct dj_content_dir *content, int store, const char *store_path,
                        struct dj_err *err);
void dj_content_dir_release(struct dj_content_dir *content);

/* The calls of daemon/store.h. */
int dj_content_dir_adopt(struct dj_content_dir *content, const char *path,
                         const struct dj_digest *digest, struct dj_err *err);
int dj_content_dir_adopt_bytes(struct dj_content_dir *content, struct dj_bytes bytes,
                               const struct dj_digest *digest, struct dj_err *err);
int dj_content_dir_seal(struct dj_content_dir *content, const struct dj_digest *digest);
int dj_content_dir_open_file(struct dj_content_dir *content, const struct dj_digest *digest);
void dj_content_dir_unclaim(struct dj_content_dir *content, const struct dj_digest *digest);
int dj_content_dir_set_aside(struct dj_content_dir *content, const struct dj_digest *digest);
int dj_content_dir_keep_bad(struct dj_content_dir *content, const struct dj_digest *digest,
                            struct dj_bytes bytes);
bool dj_content_dir_claimed(struct dj_content_dir *content, const struct dj_digest *digest);
int dj_content_dir_remove(struct dj_content_dir *content, const struct dj_digest *digest);
char *dj_content_dir_path(struct dj_content_dir *content, const struct dj_digest *digest);
int dj_content_dir_each(struct dj_content_dir *content,
                        int (*each)(const struct dj_digest *, void *), void *cookie);

/* dj_content_dir_usage(content, ret): bytes on the disk; the first call walks all files. */
int dj_content_dir_usage(struct dj_content_dir *content, uint64_t *ret_bytes);

#endif

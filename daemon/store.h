/*
 * The store: ordered keys with values, and large content as files beside them.
 *
 * One interface, two implementations: RocksDB (store_rocksdb.c), memory (store_memory.c); the same
 * tests run over both. What keys mean is none of the store's business (see store_keys.h).
 *
 * Durability comes in two steps. dj_store_write() makes a batch visible, all or nothing, and safe
 * against a kill of the process. dj_store_sync() makes everything written before it began safe
 * against power loss. The log is ordered: what is durable is always a prefix of what was written.
 *
 * Content above DJ_CONTENT_INLINE_MAX bytes is a file named by its digest below <dir>/content/,
 * moved in by rename from the same file system (copied from another), fsynced with its folder
 * before dj_content_adopt() returns, and never changed afterwards.
 *
 * Threads: write, write_later, open and close belong to the daemon's loop; get, iterators, sync and
 * the content calls may run on any thread at the same time. Keep iterators short: after a full disk
 * a write waits for them (half a second at most) before it can mend the store. The same digest must
 * not be adopted and removed at the same time.
 *
 * Errors: 0 or -errno; -ENOSPC and -EDQUOT are told apart from -EIO so that the caller can say what
 * happened. After a failed write nothing of the batch is visible. When the disk has room again,
 * dj_store_write() works again without a restart.
 */
#ifndef DJ_DAEMON_STORE_H
#define DJ_DAEMON_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/digest.h"
#include "lib/util/err.h"

#define DJ_CONTENT_INLINE_MAX (1024 * 1024)
#define DJ_STORE_FORMAT 1

struct dj_store;
struct dj_store_batch;
struct dj_store_iter;

/*
 * dj_store_open_rocksdb(dir, ret, err): makes the folder (0700) and an empty store when there is
 * none. Refused, untouched and with a sentence: another daemon holds it (-EBUSY; names its pid), a
 * newer format (-EPROTONOSUPPORT; names both numbers), a folder that is not a store and not empty
 * (-ENOTEMPTY), not ours or writable by others (-EPERM), damage (-EUCLEAN).
 */
int dj_store_open_rocksdb(const char *dir, struct dj_store **ret, struct dj_err *err);

/* dj_store_open_memory(dir, ret, err): nothing survives it, but for content files below dir. */
int dj_store_open_memory(const char *dir, struct dj_store **ret, struct dj_err *err);

/* dj_store_close(store): syncs, marks a clean end and frees. Iterators must be gone. */
void dj_store_close(struct dj_store *store);

/* dj_store_was_clean(store): the last user of the store closed it. */
bool dj_store_was_clean(const struct dj_store *store);

/* dj_store_leave_unclean(store): what an unclean end may have left is still to be removed when the
 * store is opened next, although this user closes it in order. */
void dj_store_leave_unclean(struct dj_store *store);

/*
 * dj_store_notice(store): a sentence for the daemon's log about what opening it had to mend, or
 * NULL: the log was damaged before its end, so what was written after that place is gone.
 */
const char *dj_store_notice(const struct dj_store *store);

/* dj_store_id(store): 32 hex digits, made with the store; a memory store has new ones each time. */
const char *dj_store_id(const struct dj_store *store);

/* dj_store_get(store, key, ret): replaces ret's content; -ENOENT. */
int dj_store_get(struct dj_store *store, struct dj_bytes key, struct dj_buf *ret);

/* A batch is built on any thread, used once or several times, and freed by its maker. */
struct dj_store_batch *dj_store_batch_new(void);
void dj_store_batch_put(struct dj_store_batch *batch, struct dj_bytes key, struct dj_bytes value);
void dj_store_batch_delete(struct dj_store_batch *batch, struct dj_bytes key);
/* dj_store_batch_add_all(batch, from): the steps of another behind its own. */
void dj_store_batch_add_all(struct dj_store_batch *batch, const struct dj_store_batch *from);
size_t dj_store_batch_size(const struct dj_store_batch *batch); /* bytes of keys and values */
bool dj_store_batch_empty(const struct dj_store_batch *batch);
void dj_store_batch_clear(struct dj_store_batch *batch);
void dj_store_batch_free(struct dj_store_batch *batch);

int dj_store_write(struct dj_store *store, const struct dj_store_batch *batch, struct dj_err *err);

/*
 * dj_store_write_later(store, batch, tail, err): as dj_store_write() for who looks, but written
 * with others of its kind, at the latest by the next sync: nobody may be told of it before that, or
 * before dj_store_settle().
 * tail: steps behind all of them, of which only the last ones count; it may be NULL. Should the
 * write fail, then so does that sync, and every write until dj_store_later_over(): by then whoever
 * waited for the sync has been told that nothing of his is written.
 */
int dj_store_write_later(struct dj_store *store, const struct dj_store_batch *batch,
                         const struct dj_store_batch *tail, struct dj_err *err) DJ_MUST_CHECK;
void dj_store_later_over(struct dj_store *store);
/* dj_store_settle(store, err): what was to be written later is written, and safe against a kill. */
int dj_store_settle(struct dj_store *store, struct dj_err *err) DJ_MUST_CHECK;
int dj_store_sync(struct dj_store *store, struct dj_err *err);

/*
 * dj_store_iter_new(store, from, to): walks keys with from <= key < to in order (an empty `to` is
 * the end of the store) as they were when the walk began. Positioned before the first key:
 *
 *     while (dj_store_iter_next(iter))
 *         use(dj_store_iter_key(iter), dj_store_iter_value(iter));
 *
 * Key and value are valid until the next step.
 */
struct dj_store_iter *dj_store_iter_new(struct dj_store *store, struct dj_bytes from,
                                        struct dj_bytes to);
/* dj_store_iter_new_back(): the same range from its end to its beginning. */
struct dj_store_iter *dj_store_iter_new_back(struct dj_store *store, struct dj_bytes from,
                                             struct dj_bytes to);
bool dj_store_iter_next(struct dj_store_iter *iter);
struct dj_bytes dj_store_iter_key(const struct dj_store_iter *iter);
struct dj_bytes dj_store_iter_value(const struct dj_store_iter *iter);
/* dj_store_iter_error(iter): after next gave false: 0 at the end, -errno when reading failed. */
int dj_store_iter_error(const struct dj_store_iter *iter);
void dj_store_iter_free(struct dj_store_iter *iter);

/* dj_store_dir(store): its folder, absolute. */
const char *dj_store_dir(const struct dj_store *store);

/*
 * dj_content_adopt(store, path, digest, err): the file at path is content of that digest from here
 * on: linked where that can be, else copied; the file stays. -EBUSY: the copy has another digest.
 * Durable when it returns, and claimed:
 * until dj_content_unclaim(), when a record refers to it or never will, it cannot be removed.
 * dj_content_seal() makes it read-only, before anybody reads it and after the record is written.
 */
int dj_content_adopt(struct dj_store *store, const char *path, const struct dj_digest *digest,
                     struct dj_err *err);
int dj_content_adopt_bytes(struct dj_store *store, struct dj_bytes bytes,
                           const struct dj_digest *digest, struct dj_err *err);
int dj_content_seal(struct dj_store *store, const struct dj_digest *digest);
int dj_content_open(struct dj_store *store, const struct dj_digest *digest); /* fd or -errno */
void dj_content_unclaim(struct dj_store *store, const struct dj_digest *digest);
bool dj_content_claimed(struct dj_store *store, const struct dj_digest *digest);
/* dj_content_set_aside(store, digest): its file is bad and goes to quarantine/ of the store, which
 * nothing reads; dj_content_keep_bad(): likewise these bytes, which were no file. */
int dj_content_set_aside(struct dj_store *store, const struct dj_digest *digest);
int dj_content_keep_bad(struct dj_store *store, const struct dj_digest *digest,
                        struct dj_bytes bytes);
/* -EBUSY: somebody has just adopted it. */
int dj_content_remove(struct dj_store *store, const struct dj_digest *digest);
/* dj_content_path(store, digest): malloc'd; says nothing about whether it is there. */
char *dj_content_path(struct dj_store *store, const struct dj_digest *digest);
/* dj_content_each(store, each, cookie): every digest that has a file; each returning != 0 ends. */
int dj_content_each(struct dj_store *store, int (*each)(const struct dj_digest *, void *),
                    void *cookie);

/* dj_store_usage(store, ret_bytes, ret_free, ret_total): of the store, and its file system. */
int dj_store_usage(struct dj_store *store, uint64_t *ret_bytes, uint64_t *ret_free,
                   uint64_t *ret_total);

#endif

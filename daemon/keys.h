/*
 * The keys of the store: what is kept under which, and their order.
 *
 *   T task32              struct dj_rec_task
 *   C key-digest          struct dj_rec_call
 *   N call64              digest of the call's key
 *   L task32 name         call64: the runs of a task by name (what a listing shows)
 *   I instance64          struct dj_rec_instance
 *   D call64 instance64   call64 of the parent: instance called `call`
 *   B digest              content up to DJ_CONTENT_INLINE_MAX
 *   R digest instance64   the instance refers to that content: of a file its checksum (checksum.h),
 *                         of other content nothing, and of files of older stores neither
 *   P premise64           struct dj_rec_premise
 *   V task32 digest       struct dj_rec_version: of an effective version that a premise names;
 *                         written with the premise and as long-lived
 *   S set64               struct dj_rec_set
 *   A instance64          struct dj_rec_live
 *   E instance64 n64      struct dj_rec_edge of a run that is under way
 *   W instance64 n64      call64: a call whose answer a run under way has waited for
 *   H instance64 n64      set64: file premises that a run under way has met
 *   F type8 path          struct dj_rec_input: the stat cache
 *   G type8 digest        path where content with that digest was seen
 *   X time64 call64       nothing: a deleted call, by the time of its deletion
 *   K token               struct dj_rec_lock: a lock that somebody has
 *   M name                64-bit counters
 *
 * Numbers are big-endian, so keys sort by number. Each function replaces the buffer's content.
 */
#ifndef DJ_DAEMON_KEYS_H
#define DJ_DAEMON_KEYS_H

#include <stdint.h>

#include "lib/util/buf.h"
#include "lib/util/digest.h"

void dj_key_task(struct dj_buf *buf, uint32_t task);
void dj_key_call(struct dj_buf *buf, const struct dj_digest *key);
void dj_key_name(struct dj_buf *buf, uint32_t task, struct dj_bytes name);
void dj_key_number(struct dj_buf *buf, char kind, uint64_t number);
void dj_key_numbers(struct dj_buf *buf, char kind, uint64_t first, uint64_t second);
void dj_key_content(struct dj_buf *buf, const struct dj_digest *digest);
void dj_key_reference(struct dj_buf *buf, const struct dj_digest *digest, uint64_t instance);
void dj_key_input(struct dj_buf *buf, unsigned type, struct dj_bytes path);
void dj_key_version(struct dj_buf *buf, uint32_t task, const struct dj_digest *effective);
void dj_key_seen(struct dj_buf *buf, unsigned type, struct dj_bytes digest_prefix);
void dj_key_lock(struct dj_buf *buf, const char *token);
void dj_key_counter(struct dj_buf *buf, const char *name);

/* dj_key_after(buf, prefix): the smallest key behind all keys with that prefix. */
void dj_key_after(struct dj_buf *buf, struct dj_bytes prefix);

void dj_put64(struct dj_buf *buf, uint64_t number);
uint64_t dj_get64(struct dj_bytes bytes, size_t offset); /* 0 when it is too short */

#endif

/*
 * A batch of puts and deletes as one run of bytes, and the walk over it.
 *
 * The bytes are in the form of RocksDB's own write batch (the form that its log has on disk), so
 * that a commit of many megabytes is one copy and no walk: 8 bytes of sequence number (zero), 4
 * bytes of count, little endian, then for each step a tag (1 put, 0 delete), and key and for a put
 * the value, each behind its length as a varint. The making functions are in daemon/store.h.
 *
 *     struct dj_store_step step;
 *     struct dj_bytes rest = dj_store_batch_steps(batch);
 *     while (dj_store_batch_next(&rest, &step))
 *         apply(&step);
 */
#ifndef DJ_DAEMON_STORE_BATCH_H
#define DJ_DAEMON_STORE_BATCH_H

#include "daemon/store.h"

/* One key or value is shorter than this; what is larger is content, and a file. */
#define DJ_STORE_ITEM_MAX (UINT32_C(1) << 30)

struct dj_store_step {
    bool put; /* else a delete: value is empty */
    struct dj_bytes key;
    struct dj_bytes value;
};

/* dj_store_batch_sort(batch): by keys; steps with the same key stay in their order. */
void dj_store_batch_sort(struct dj_store_batch *batch);

/* dj_store_batch_image(batch): the whole, header included; valid until the batch changes. */
struct dj_bytes dj_store_batch_image(const struct dj_store_batch *batch);

/* dj_store_batch_steps(batch): what dj_store_batch_next() walks. */
struct dj_bytes dj_store_batch_steps(const struct dj_store_batch *batch);

/* dj_store_batch_next(&rest, ret): the next step in the order it was added; false at the end. */
bool dj_store_batch_next(struct dj_bytes *rest, struct dj_store_step *ret);

#endif

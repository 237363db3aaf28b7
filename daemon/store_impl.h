/*
 * What the two kinds of store share: the table of their operations and the part in front.
 *
 *     daemon/store.c          dispatches, and does what is the same for both
 *     daemon/store_rocksdb.c  struct rocks { struct dj_store base; … }
 *     daemon/store_memory.c   struct memory { struct dj_store base; … }
 *
 * A constructor calls dj_store_begin() (folder, lock, format, content), opens its own part, and
 * then dj_store_ready(); on failure dj_store_abandon() leaves the folder as it was found.
 * dj_store_close() calls ops->close, then does the rest.
 *
 * ops->write is called by one thread at a time: the loop's, or whoever has what waits written.
 *
 * Errors of an operation are those of daemon/store.h. `err` may be NULL everywhere.
 */
#ifndef DJ_DAEMON_STORE_IMPL_H
#define DJ_DAEMON_STORE_IMPL_H

#include "daemon/content.h"
#include "daemon/store.h"
#include "daemon/store_format.h"
#include "daemon/store_late.h"

struct dj_store_ops {
    const char *kind; /* the word in FORMAT */
    int (*get)(struct dj_store *store, struct dj_bytes key, struct dj_buf *ret);
    int (*write)(struct dj_store *store, const struct dj_store_batch *batch, struct dj_err *err);
    int (*sync)(struct dj_store *store, struct dj_err *err);
    struct dj_store_iter *(*iterate)(struct dj_store *store, struct dj_bytes from,
                                     struct dj_bytes to, bool back);
    int (*usage)(struct dj_store *store, uint64_t *ret_bytes); /* without content files */
    /* close(store): frees what is its own (not the struct); true when nothing was left undone. */
    bool (*close)(struct dj_store *store);
};

struct dj_store {
    const struct dj_store_ops *ops;
    struct dj_store_folder folder;
    struct dj_content_dir content;
    struct dj_late *late; /* see dj_store_write_later() */
    char *notice; /* see dj_store_notice() */
    bool left_unclean; /* see dj_store_leave_unclean() */
};

struct dj_store_iter_ops {
    bool (*next)(struct dj_store_iter *iter);
    struct dj_bytes (*key)(const struct dj_store_iter *iter);
    struct dj_bytes (*value)(const struct dj_store_iter *iter);
    int (*error)(const struct dj_store_iter *iter);
    void (*free)(struct dj_store_iter *iter);
};

struct dj_store_iter {
    const struct dj_store_iter_ops *ops;
};

int dj_store_begin(struct dj_store *store, const struct dj_store_ops *ops, const char *dir,
                   struct dj_err *err);
int dj_store_ready(struct dj_store *store, struct dj_err *err);
void dj_store_abandon(struct dj_store *store);

#endif

#include "daemon/store.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "daemon/store_impl.h"
#include "lib/util/kill_point.h"

int dj_store_begin(struct dj_store *store, const struct dj_store_ops *ops, const char *dir,
                   struct dj_err *err)
{
    int code;

    store->ops = ops;
    store->notice = NULL;
    code = dj_store_folder_open(&store->folder, dir, ops->kind, err);
    if (code < 0)
        return code;
    code = dj_content_dir_open(&store->content, store->folder.fd, store->folder.dir, err);
    if (code < 0)
        dj_store_folder_release(&store->folder);
    else
        store->late = dj_late_new(store, ops->write);
    return code;
}

int dj_store_ready(struct dj_store *store, struct dj_err *err)
{
    return dj_store_folder_ready(&store->folder, err);
}

void dj_store_abandon(struct dj_store *store)
{
    dj_late_free(store->late);
    dj_content_dir_release(&store->content);
    dj_store_folder_release(&store->folder);
    free(store->notice);
    free(store);
}

void dj_store_close(struct dj_store *store)
{
    bool synced;

    if (store == NULL)
        return;
    synced = dj_store_sync(store, NULL) == 0;
    if (store->ops->close(store) && synced && !store->left_unclean)
        dj_store_folder_mark_clean(&store->folder);
    dj_store_abandon(store);
}

bool dj_store_was_clean(const struct dj_store *store)
{
    return store->folder.was_clean;
}

void dj_store_leave_unclean(struct dj_store *store)
{
    store->left_unclean = true;
}

const char *dj_store_notice(const struct dj_store *store)
{
    return store->notice;
}

const char *dj_store_id(const struct dj_store *store)
{
    return store->folder.id;
}

const char *dj_store_dir(const struct dj_store *store)
{
    return store->folder.dir;
}

int dj_store_get(struct dj_store *store, struct dj_bytes key, struct dj_buf *ret)
{
    if (dj_late_has(store->late, key))
        (void)dj_late_settle(store->late, NULL);
    return store->ops->get(store, key, ret);
}

int dj_store_write(struct dj_store *store, const struct dj_store_batch *batch, struct dj_err *err)
{
    int code;

    if (dj_store_batch_empty(batch))
        return 0;
    code = dj_late_settle(store->late, err);
    return code < 0 ? code : store->ops->write(store, batch, err);
}

int dj_store_write_later(struct dj_store *store, const struct dj_store_batch *batch,
                         const struct dj_store_batch *tail, struct dj_err *err)
{
    return dj_late_add(store->late, batch, tail, err);
}

void dj_store_later_over(struct dj_store *store)
{
    dj_late_over(store->late);
}

int dj_store_settle(struct dj_store *store, struct dj_err *err)
{
    return dj_late_settle(store->late, err);
}

int dj_store_sync(struct dj_store *store, struct dj_err *err)
{
    int code = dj_late_settle(store->late, err), rc;

    dj_kill_point("djd-group-written");
    /* Of a group that was refused others may be written, and answer calls from here on. */
    rc = store->ops->sync(store, code < 0 ? NULL : err);
    return code < 0 ? code : rc;
}

struct dj_store_iter *dj_store_iter_new(struct dj_store *store, struct dj_bytes from,
                                        struct dj_bytes to)
{
    (void)dj_late_settle(store->late, NULL);
    return store->ops->iterate(store, from, to, false);
}

struct dj_store_iter *dj_store_iter_new_back(struct dj_store *store, struct dj_bytes from,
                                             struct dj_bytes to)
{
    (void)dj_late_settle(store->late, NULL);
    return store->ops->iterate(store, from, to, true);
}

bool dj_store_iter_next(struct dj_store_iter *iter)
{
    return iter->ops->next(iter);
}

struct dj_bytes dj_store_iter_key(const struct dj_store_iter *iter)
{
    return iter->ops->key(iter);
}

struct dj_bytes dj_store_iter_value(const struct dj_store_iter *iter)
{
    return iter->ops->value(iter);
}

int dj_store_iter_error(const struct dj_store_iter *iter)
{
    return iter->ops->error(iter);
}

void dj_store_iter_free(struct dj_store_iter *iter)
{
    if (iter != NULL)
        iter->ops->free(iter);
}

int dj_content_adopt(struct dj_store *store, const char *path, const struct dj_digest *digest,
                     struct dj_err *err)
{
    return dj_content_dir_adopt(&store->content, path, digest, err);
}

int dj_content_adopt_bytes(struct dj_store *store, struct dj_bytes bytes,
                           const struct dj_digest *digest, struct dj_err *err)
{
    return dj_content_dir_adopt_bytes(&store->content, bytes, digest, err);
}

int dj_content_seal(struct dj_store *store, const struct dj_digest *digest)
{
    return dj_content_dir_seal(&store->content, digest);
}

int dj_content_open(struct dj_store *store, const struct dj_digest *digest)
{
    return dj_content_dir_open_file(&store->content, digest);
}

void dj_content_unclaim(struct dj_store *store, const struct dj_digest *digest)
{
    dj_content_dir_unclaim(&store->content, digest);
}

bool dj_content_claimed(struct dj_store *store, const struct dj_digest *digest)
{
    return dj_content_dir_claimed(&store->content, digest);
}

int dj_content_set_aside(struct dj_store *store, const struct dj_digest *digest)
{
    return dj_content_dir_set_aside(&store->content, digest);
}

int dj_content_keep_bad(struct dj_store *store, const struct dj_digest *digest,
                        struct dj_bytes bytes)
{
    return dj_content_dir_keep_bad(&store->content, digest, bytes);
}

int dj_content_remove(struct dj_store *store, const struct dj_digest *digest)
{
    return dj_content_dir_remove(&store->content, digest);
}

char *dj_content_path(struct dj_store *store, const struct dj_digest *digest)
{
    return dj_content_dir_path(&store->content, digest);
}

int dj_content_each(struct dj_store *store, int (*each)(const struct dj_digest *, void *),
                    void *cookie)
{
    return dj_content_dir_each(&store->content, each, cookie);
}

int dj_store_usage(struct dj_store *store, uint64_t *ret_bytes, uint64_t *ret_free,
                   uint64_t *ret_total)
{
    struct statvfs fs;
    uint64_t own;
    uint64_t content;
    int code = store->ops->usage(store, &own);

    if (code == 0)
        code = dj_content_dir_usage(&store->content, &content);
    if (code < 0)
        return code;
    if (fstatvfs(store->folder.fd, &fs) < 0)
        return -errno;
    *ret_bytes = own + content;
    *ret_free = (uint64_t)fs.f_bavail * fs.f_frsize;
    *ret_total = (uint64_t)fs.f_blocks * fs.f_frsize;
    return 0;
}

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/engine_impl.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

/*
 * The digests of files outside the daemon, remembered by their stat: a file is read again when its
 * stat is another one. What is remembered was looked at when its times could not stay the same any
 * more under a change (dj_fstat_settled).
 */

bool input_same_stat(const struct dj_rec_input *input, const struct stat *st)
{
    return input->size == (uint64_t)st->st_size && input->mtime_ns == dj_ns_of(st->st_mtim) &&
           input->ctime_ns == dj_ns_of(st->st_ctim) && input->inode == st->st_ino &&
           input->device == st->st_dev;
}

bool input_known(struct dj_store *store, const char *path, const struct stat *st,
                 struct dj_digest *ret)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_rec_input input;
    bool same;

    dj_key_input(&key, DJ_FILE, dj_bytes_of(path));
    if (dj_store_get(store, dj_buf_bytes(&key), &value) < 0 ||
        dj_codec_decode(&dj_layout_input, dj_buf_bytes(&value), &input, NULL) < 0)
        return false;
    same = input_same_stat(&input, st);
    *ret = input.digest;
    dj_codec_release(&dj_layout_input, &input);
    return same;
}

bool input_holds(struct dj_engine *engine, struct dj_bytes path, const struct dj_digest *digest)
{
    dj_cleanup_free char *text = dj_xmemdup0(path.data, path.len);
    struct dj_digest now;
    struct stat st;
    int rc = outside_stat(text, &st); /* what is in a mount now was not when it became a premise */

    if (dj_digest_is_zero(digest)) /* there was no such file */
        return rc == -ENOENT || rc == -ENOTDIR;
    /* A file whose stat changed may still be the same, but hashing it here would hold up everybody:
     * it counts as changed, and the run that is made anew finds its inputs by content. */
    return rc == 0 && input_known(engine->store, text, &st, &now) && dj_digest_equal(&now, digest);
}

void input_remember(struct dj_store_batch *batch, enum dj_type type, const char *path,
                    const struct dj_digest *digest, const struct stat *st)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_rec_input input = {
        .digest = *digest,
        .size = (uint64_t)st->st_size,
        .mtime_ns = dj_ns_of(st->st_mtim),
        .ctime_ns = dj_ns_of(st->st_ctim),
        .inode = st->st_ino,
        .device = st->st_dev,
        .type = type,
    };

    dj_buf_adds(&input.path, path);
    if (type == DJ_FILE) {
        dj_key_input(&key, DJ_FILE, dj_bytes_of(path));
        dj_codec_encode(&value, &dj_layout_input, &input);
        dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
    }
    dj_buf_release(&input.path);
    dj_key_seen(&key, type, dj_bytes(digest->b, sizeof(digest->b)));
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_bytes_of(path));
}

int input_look(struct dj_store *store, struct dj_store_batch *batch, const char *path,
               struct dj_digest *ret, struct dj_err *err)
{
    dj_cleanup_close int fd = outside_open(path, O_RDONLY | O_NONBLOCK);
    struct stat st, after;
    int rc;

    if (fd == -EXDEV)
        return dj_err_set(err, EINVAL, "%s leads into the mount now", path);
    if (fd < 0 || fstat(fd, &st) < 0)
        return dj_err_sys(err, fd < 0 ? -fd : errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return dj_err_set(err, EINVAL, "%s is not a regular file", path);
    if (input_known(store, path, &st, ret))
        return 0;
    rc = dj_fstat_settled(fd, &st);
    if (rc == 0)
        rc = dj_digest_fd(fd, ret, NULL);
    if (rc < 0)
        return dj_err_sys(err, -rc, "%s", path);
    if (fstat(fd, &after) < 0 || dj_ns_of(after.st_mtim) != dj_ns_of(st.st_mtim) ||
        after.st_size != st.st_size)
        return dj_err_set(err, EBUSY, "%s changes while it is being read", path);
    input_remember(batch, DJ_FILE, path, ret, &st);
    return 0;
}

struct hashing_one {
    struct dj_engine *engine;
    struct dj_store_batch *batch;
    char *path;
    int code;
    input_hashed_fn *then;
    void *cookie;
};

static void hash_one(void *cookie)
{
    struct hashing_one *one = cookie;
    struct dj_digest digest;

    one->code = input_look(one->engine->store, one->batch, one->path, &digest, NULL);
}

static void hashed_one(void *cookie)
{
    struct hashing_one *one = cookie;

    if (one->code == 0 && !dj_store_batch_empty(one->batch))
        one->code = engine_write(one->engine, one->batch, NULL);
    one->then(one->cookie, one->code);
    dj_store_batch_free(one->batch);
    free(one->path);
    free(one);
}

void input_hash_later(struct dj_engine *engine, const char *path, input_hashed_fn *then,
                      void *cookie)
{
    struct hashing_one *one = dj_xcalloc(1, sizeof(*one));

    one->engine = engine;
    one->batch = dj_store_batch_new();
    one->path = dj_xstrdup(path);
    one->then = then;
    one->cookie = cookie;
    dj_loop_job(engine->loop, hash_one, hashed_one, one);
}

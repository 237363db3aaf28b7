#include "daemon/ingest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/checksum.h"
#include "daemon/keys.h"
#include "daemon/lease.h"
#include "daemon/write_out.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/kill_point.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { FILES_MAX = 1000000, DEPTH_MAX = 200, TRIES = 6, PAUSE_NS = 10000000 };

static void put_content(struct dj_ingest *ingest, struct dj_bytes bytes,
                        const struct dj_rec_content *content)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    dj_key_content(&key, &content->digest);
    dj_store_batch_put(ingest->batch, dj_buf_bytes(&key), bytes);
    *(struct dj_digest *)dj_list_add(&ingest->fresh, sizeof(content->digest)) = content->digest;
}

/* Whose file is there already keeps it. */
static bool is_there(struct dj_ingest *ingest, const struct dj_digest *digest)
{
    dj_cleanup_free char *path = dj_content_path(ingest->store, digest);

    return access(path, F_OK) == 0;
}

/* checksum: of content that is a file, else empty. */
static void refer(struct dj_ingest *ingest, const struct dj_rec_content *content,
                  struct dj_bytes checksum)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    dj_key_reference(&key, &content->digest, ingest->instance);
    dj_store_batch_put(ingest->batch, dj_buf_bytes(&key), checksum);
}

static void take_bytes(struct dj_ingest *ingest, struct dj_bytes bytes, size_t here,
                       struct dj_rec_content *ret)
{
    ret->size = bytes.len;
    dj_digest_bytes(bytes, &ret->digest);
    if (bytes.len <= here || ingest->nothing_stored) {
        ret->here = true;
        dj_buf_set(&ret->bytes, bytes);
        return;
    }
    put_content(ingest, bytes, ret);
    refer(ingest, ret, DJ_BYTES_LIT(""));
}

/* Whether what was adopted is what was hashed. */
static int check_adopted(struct dj_ingest *ingest, const struct dj_digest *digest)
{
    dj_cleanup_close int fd = dj_content_open(ingest->store, digest);
    struct dj_digest is;
    int rc = fd < 0 ? fd : dj_digest_fd(fd, &is, NULL);

    if (rc < 0)
        return dj_err_sys(&ingest->err, -rc, "what was taken in cannot be read");
    return dj_digest_equal(&is, digest) ? 0 : -EBUSY;
}

static bool same_times(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && dj_ns_of(a->st_mtim) == dj_ns_of(b->st_mtim);
}

/* -EBUSY, without a sentence: it was written to. */
static int hash_and_adopt(struct dj_ingest *ingest, int fd, const char *path, bool leased,
                          struct dj_rec_content *ret, struct dj_checksum *ret_checksum)
{
    struct dj_write_out out;
    struct stat before, after;
    bool fresh;
    int rc, written;

    if (fstat(fd, &before) < 0)
        return dj_err_sys(&ingest->err, errno, "cannot look at %s", path);
    dj_write_out_begin(&out, fd);
    rc = dj_checksum_and_digest_fd(fd, ret_checksum, &ret->digest, &ret->size);
    written = dj_write_out_end(&out);
    if (written < 0)
        return dj_err_sys(&ingest->err, -written, "cannot write %s to its disk", path);
    if (rc < 0)
        return dj_err_sys(&ingest->err, -rc, "cannot read %s", path);
    if (ret->size <= DJ_CONTENT_INLINE_MAX) /* that would be no file */
        return -EBUSY;
    fresh = !is_there(ingest, &ret->digest);
    rc = dj_content_adopt(ingest->store, path, &ret->digest, &ingest->err);
    dj_kill_point("djd-content-adopted");
    if (rc < 0)
        return rc;
    *(struct dj_digest *)dj_list_add(&ingest->claims, sizeof(ret->digest)) = ret->digest;
    if (fstat(fd, &after) < 0)
        return dj_err_sys(&ingest->err, errno, "cannot look at %s", path);
    rc = leased && same_times(&before, &after) ? 0 : check_adopted(ingest, &ret->digest);
    if (rc == 0 && fresh)
        *(struct dj_digest *)dj_list_add(&ingest->fresh, sizeof(ret->digest)) = ret->digest;
    return rc;
}

/* Who writes to it waits meanwhile, or has it open, so that what was hashed is looked at again.
 * Where files have no leases times have to do. */
static int take_large(struct dj_ingest *ingest, int fd, const char *path,
                      struct dj_rec_content *ret)
{
    enum dj_lease lease = dj_lease_take(fd);
    struct dj_checksum checksum;
    int rc = hash_and_adopt(ingest, fd, path, lease != DJ_LEASE_WRITTEN, ret, &checksum);

    if (lease == DJ_LEASE_HELD)
        dj_lease_end(fd);
    if (rc < 0)
        return rc;
    *(char **)dj_list_add(&ingest->sources, sizeof(char *)) = dj_xstrdup(path);
    refer(ingest, ret, dj_bytes(checksum.b, sizeof(checksum.b)));
    return 0;
}

/* One that its own task has closed is opened up for a moment: the mode that it has is recorded. */
static int open_output(const char *path)
{
    int fd = dj_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
    struct stat st;

    if (fd == -EACCES && lstat(path, &st) == 0 && S_ISREG(st.st_mode) && chmod(path, 0600) == 0) {
        fd = dj_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
        (void)!chmod(path, st.st_mode & 07777);
    }
    return fd;
}

/* path is a regular file. -EBUSY: it was written to. */
static int try_file(struct dj_ingest *ingest, const char *path, size_t here,
                     struct dj_rec_content *ret)
{
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;
    dj_cleanup_close int fd = open_output(path);
    struct stat st;
    int rc;

    if (fd < 0 || fstat(fd, &st) < 0)
        return dj_err_sys(&ingest->err, fd < 0 ? -fd : errno, "cannot read %s", path);
    if (st.st_size > DJ_CONTENT_INLINE_MAX)
        return take_large(ingest, fd, path, ret);
    rc = dj_read_fd(fd, DJ_CONTENT_INLINE_MAX, &bytes);
    if (rc < 0)
        return rc == -EFBIG ? -EBUSY : dj_err_sys(&ingest->err, -rc, "cannot read %s", path);
    take_bytes(ingest, dj_buf_bytes(&bytes), here, ret);
    return 0;
}

/* A program that stays may write still, in a thread of its own: it is given time to end. */
static int take_file(struct dj_ingest *ingest, const char *path, size_t here,
                     struct dj_rec_content *ret)
{
    struct timespec pause = {.tv_nsec = PAUSE_NS};
    int rc = try_file(ingest, path, here, ret);

    for (int i = 1; i < TRIES && rc == -EBUSY; i++) {
        nanosleep(&pause, NULL);
        pause.tv_nsec *= 2;
        rc = try_file(ingest, path, here, ret);
    }
    return rc == -EBUSY ? dj_err_set(&ingest->err, EBUSY, "%s is still being written to", path)
                        : rc;
}

/* Its last line says best what was wrong. */
static void read_tail(struct dj_ingest *ingest, const char *path)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
    struct stat st;
    uint64_t from;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    from = st.st_size > DJ_INGEST_TAIL ? (uint64_t)st.st_size - DJ_INGEST_TAIL : 0;
    n = dj_pread_full(fd, dj_buf_room(&ingest->tail, DJ_INGEST_TAIL), DJ_INGEST_TAIL, from);
    if (n > 0)
        ingest->tail.len += (size_t)n;
}

static int take_log(struct dj_ingest *ingest)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    if (ingest->here) {
        size_t over = ingest->log.len > DJ_INGEST_TAIL ? ingest->log.len - DJ_INGEST_TAIL : 0;

        if (!ingest->keep_result)
            dj_buf_add_bytes(&ingest->tail, dj_bytes_from(ingest->log, over));
        take_bytes(ingest, ingest->log, DJ_INGEST_HERE, &ingest->into->log);
        return 0;
    }
    if (ingest->log_size == 0) {
        take_bytes(ingest, dj_bytes(NULL, 0), DJ_INGEST_HERE, &ingest->into->log);
        return 0;
    }
    dj_buf_addf(&path, "%s/err", ingest->slot_dir);
    if (!ingest->keep_result)
        read_tail(ingest, dj_buf_str(&path));
    return take_file(ingest, dj_buf_str(&path), DJ_INGEST_HERE, &ingest->into->log);
}

/* Behind a link a file is not the run's own, and taking it in would take it away from there. */
static bool is_own_file(const struct dj_ingest *ingest)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct dj_bytes rest = dj_bytes_of(ingest->result_file), component;
    struct stat st;

    dj_buf_addf(&path, "%s/cwd", ingest->slot_dir);
    while (lstat(dj_buf_str(&path), &st) == 0 && S_ISDIR(st.st_mode) &&
           dj_next_component(&rest, &component)) {
        dj_buf_addc(&path, '/');
        dj_buf_add_bytes(&path, component);
        st.st_mode = 0;
    }
    return !dj_next_component(&rest, &component) && S_ISREG(st.st_mode);
}

static int take_result(struct dj_ingest *ingest)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    if (ingest->here && ingest->result_file == NULL) {
        take_bytes(ingest, ingest->result, DJ_INGEST_HERE, &ingest->into->result);
        return 0;
    }
    if (ingest->result_file == NULL) {
        if (ingest->result_size == 0) {
            take_bytes(ingest, dj_bytes(NULL, 0), DJ_INGEST_HERE, &ingest->into->result);
            return 0;
        }
        dj_buf_addf(&path, "%s/out", ingest->slot_dir);
    } else {
        dj_buf_addf(&path, "%s/cwd/%s", ingest->slot_dir, ingest->result_file);
        if (!is_own_file(ingest)) {
            ingest->no_result = true;
            return dj_err_set(&ingest->err, EIO, "it left no file %s, which was to be its result",
                              ingest->result_file);
        }
    }
    return take_file(ingest, dj_buf_str(&path), DJ_INGEST_HERE, &ingest->into->result);
}

/* ---- files ---- */

static int take_entry(struct dj_ingest *ingest, struct dj_list *entries, const char *full,
                      const char *relative, const struct stat *st)
{
    struct dj_rec_entry *entry;

    if (entries->n >= FILES_MAX)
        return dj_err_set(&ingest->err, EFBIG, "it left more than %d files", FILES_MAX);
    if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode))
        return 0; /* sockets, pipes and devices mean nothing afterwards */
    entry = dj_list_add(entries, sizeof(*entry));
    dj_buf_adds(&entry->path, relative);
    entry->mode = st->st_mode;
    entry->mtime_ns = dj_ns_of(st->st_mtim);
    if (S_ISLNK(st->st_mode)) {
        int rc = dj_readlink(AT_FDCWD, full, &entry->target);

        return rc < 0 ? dj_err_sys(&ingest->err, -rc, "cannot read the link %s", relative) : 0;
    }
    if (!S_ISREG(st->st_mode))
        return 0;
    ingest->into->file_count++;
    ingest->into->file_bytes += (uint64_t)st->st_size;
    return take_file(ingest, full, 0, &entry->content);
}

static int walk(struct dj_ingest *ingest, struct dj_list *entries, const char *dir,
                const char *prefix, unsigned depth)
{
    DIR *stream = opendir(dir);
    struct dirent *dirent;
    int rc = 0;

    if (stream == NULL && errno == EACCES && chmod(dir, 0700) == 0)
        stream = opendir(dir);
    if (stream == NULL)
        return dj_err_sys(&ingest->err, errno, "cannot read the folder %s", dir);
    if (depth == 0)
        rc = dj_err_set(&ingest->err, ELOOP, "its folders are more than %d deep", DEPTH_MAX);
    while (rc == 0 && (dirent = readdir(stream)) != NULL) {
        dj_cleanup_buf struct dj_buf full = DJ_BUF_INIT, relative = DJ_BUF_INIT;
        struct stat st;

        if (strcmp(dirent->d_name, ".") == 0 || strcmp(dirent->d_name, "..") == 0)
            continue;
        dj_buf_addf(&full, "%s/%s", dir, dirent->d_name);
        dj_buf_addf(&relative, "%s%s%s", prefix, prefix[0] == '\0' ? "" : "/", dirent->d_name);
        if (lstat(dj_buf_str(&full), &st) < 0)
            rc = dj_err_sys(&ingest->err, errno, "cannot look at %s", dj_buf_str(&relative));
        if (rc == 0)
            rc = take_entry(ingest, entries, dj_buf_str(&full), dj_buf_str(&relative), &st);
        if (rc == 0 && S_ISDIR(st.st_mode))
            rc = walk(ingest, entries, dj_buf_str(&full), dj_buf_str(&relative), depth - 1);
    }
    closedir(stream);
    return rc;
}

/* By components: what is in a folder follows it directly. '/' sorts before every other byte. */
static int by_path(const void *a, const void *b)
{
    const struct dj_buf *left = &((const struct dj_rec_entry *)a)->path;
    const struct dj_buf *right = &((const struct dj_rec_entry *)b)->path;
    size_t common = left->len < right->len ? left->len : right->len;

    for (size_t i = 0; i < common; i++) {
        int l = left->data[i] == '/' ? 0 : left->data[i];
        int r = right->data[i] == '/' ? 0 : right->data[i];

        if (l != r)
            return l - r;
    }
    return left->len < right->len ? -1 : left->len > right->len;
}

static int take_manifest(struct dj_ingest *ingest, struct dj_bytes bytes)
{
    struct dj_rec_content *ret = &ingest->into->manifest;
    struct dj_checksum checksum;
    int rc;

    if (bytes.len <= DJ_CONTENT_INLINE_MAX) {
        take_bytes(ingest, bytes, DJ_INGEST_HERE, ret);
        return 0;
    }
    ret->size = bytes.len;
    dj_digest_bytes(bytes, &ret->digest);
    rc = dj_content_adopt_bytes(ingest->store, bytes, &ret->digest, &ingest->err);
    if (rc < 0)
        return rc;
    *(struct dj_digest *)dj_list_add(&ingest->claims, sizeof(ret->digest)) = ret->digest;
    dj_checksum_bytes(bytes, &checksum);
    refer(ingest, ret, dj_bytes(checksum.b, sizeof(checksum.b)));
    return 0;
}

static int take_files(struct dj_ingest *ingest)
{
    dj_cleanup_buf struct dj_buf dir = DJ_BUF_INIT, bytes = DJ_BUF_INIT;
    struct dj_rec_manifest manifest = {{0}};
    int rc;

    if (!ingest->has_files)
        return 0;
    dj_buf_addf(&dir, "%s/cwd", ingest->slot_dir);
    rc = walk(ingest, &manifest.entries, dj_buf_str(&dir), "", DEPTH_MAX);
    if (rc == 0 && manifest.entries.n != 0) {
        qsort(manifest.entries.items, manifest.entries.n, sizeof(struct dj_rec_entry), by_path);
        dj_codec_encode(&bytes, &dj_layout_manifest, &manifest);
        rc = take_manifest(ingest, dj_buf_bytes(&bytes));
    }
    dj_codec_release(&dj_layout_manifest, &manifest);
    return rc;
}

static void forget_content(struct dj_rec_content *content)
{
    dj_buf_release(&content->bytes);
    *content = (struct dj_rec_content){0};
}

/* All or nothing: what was taken in before something went wrong is referred to by nobody. */
static void forget_outputs(struct dj_rec_instance *into)
{
    forget_content(&into->result);
    forget_content(&into->manifest);
    into->file_count = into->file_bytes = 0;
}

void dj_ingest_work(void *cookie)
{
    struct dj_ingest *ingest = cookie;
    struct dj_store_batch *log = ingest->batch;
    int rc = take_log(ingest);

    ingest->batch = dj_store_batch_new();
    if (rc == 0 && ingest->keep_result)
        rc = take_result(ingest);
    if (rc == 0)
        rc = take_files(ingest);
    if (rc == 0)
        dj_store_batch_add_all(log, ingest->batch);
    else
        forget_outputs(ingest->into);
    dj_store_batch_free(ingest->batch);
    ingest->batch = log;
    ingest->code = rc;
    dj_kill_point("djd-outputs-taken");
}

void dj_ingest_written(struct dj_ingest *ingest)
{
    for (size_t i = 0; i < ingest->claims.n; i++)
        (void)dj_content_seal(ingest->store, DJ_LIST_AT(&ingest->claims, struct dj_digest, i));
    dj_kill_point("djd-content-sealed");
    for (size_t i = 0; i < ingest->sources.n; i++)
        unlink(*DJ_LIST_AT(&ingest->sources, char *, i));
}

void dj_ingest_release(struct dj_ingest *ingest)
{
    for (size_t i = 0; i < ingest->sources.n; i++)
        free(*DJ_LIST_AT(&ingest->sources, char *, i));
    free(ingest->sources.items);
    free(ingest->slot_dir);
    free(ingest->result_file);
    free(ingest->claims.items);
    free(ingest->fresh.items);
    dj_buf_release(&ingest->tail);
    dj_store_batch_free(ingest->batch);
    dj_err_release(&ingest->err);
}

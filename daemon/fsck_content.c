#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <uthash.h>

#include "daemon/fsck_impl.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/* Content: that of the store's tables, the files, and what refers to them. */

int fsck_file_size(struct dj_fsck *fsck, const struct dj_digest *digest, uint64_t *ret)
{
    dj_cleanup_free char *path = dj_content_path(fsck->store, digest);
    struct stat st;

    if (lstat(path, &st) < 0)
        return -errno;
    *ret = (uint64_t)st.st_size;
    return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

int fsck_read_content(struct dj_fsck *fsck, const struct dj_rec_content *content,
                      struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    dj_cleanup_close int fd = -1;

    if (content->here) {
        dj_buf_set(ret, dj_buf_bytes(&content->bytes));
        return 0;
    }
    if (content->size <= DJ_CONTENT_INLINE_MAX) {
        dj_key_content(&key, &content->digest);
        return dj_store_get(fsck->store, dj_buf_bytes(&key), ret);
    }
    fd = dj_content_open(fsck->store, &content->digest);
    return fd < 0 ? fd : dj_read_fd(fd, content->size, ret);
}

static bool is_referred(struct dj_fsck *fsck, const struct dj_digest *digest)
{
    dj_cleanup_buf struct dj_buf prefix = DJ_BUF_INIT;

    dj_key_reference(&prefix, digest, 0);
    dj_buf_truncate(&prefix, prefix.len - 8);
    return fsck_any(fsck, dj_buf_bytes(&prefix));
}

static const char *at_content(struct dj_fsck *fsck, const struct dj_digest *digest)
{
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(digest, hex);
    return fsck_where(fsck, "content %s", hex);
}

/* ---- in the store's tables ---- */

int fsck_content(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    struct dj_digest digest, is;

    if (!fsck_shape(fsck, key, 1 + DJ_DIGEST_SIZE))
        return FSCK_DONE;
    memcpy(digest.b, key.data + 1, sizeof(digest.b));
    if (!is_referred(fsck, &digest)) {
        fsck_found(fsck, "content-orphan", at_content(fsck, &digest), "no run needs it");
        fsck_delete(fsck, key);
        return FSCK_DONE;
    }
    if ((fsck->flags & DJ_FSCK_READ_DATA) == 0)
        return FSCK_DONE;
    dj_digest_bytes(value, &is);
    fsck->bytes += value.len;
    if (!dj_digest_equal(&digest, &is)) {
        fsck_found(fsck, "content-digest", at_content(fsck, &digest), "it is not what it was");
        fsck_corrupt_content(fsck, &digest, false, 0);
    }
    return FSCK_DONE;
}

/* ---- references ---- */

/*
 * What an instance has, to be looked up by digest. References are in the order of the digests, so
 * the lists of those that have many files are kept while there is room.
 */
struct fsck_manifests {
    uint64_t instance;
    struct dj_digest *digests; /* ascending */
    size_t n, cap;
    UT_hash_handle hh;
};

enum { DIGESTS_KEPT_MAX = 4 << 20 };

static void manifest_free(struct dj_fsck *fsck, struct fsck_manifests *one)
{
    HASH_DEL(fsck->manifests, one);
    free(one->digests);
    free(one);
}

void fsck_manifests_free(struct dj_fsck *fsck)
{
    while (fsck->manifests != NULL)
        manifest_free(fsck, fsck->manifests);
}

static int by_digest(const void *a, const void *b)
{
    return memcmp(a, b, DJ_DIGEST_SIZE);
}

static void add_digest(struct fsck_manifests *one, const struct dj_rec_content *content)
{
    if (content->here || content->size == 0)
        return;
    one->digests = dj_xgrow(one->digests, &one->cap, one->n + 1, sizeof(*one->digests));
    one->digests[one->n++] = content->digest;
}

/* 0, -ENOENT: no such instance, other errors: what it has cannot be told. */
static int load_digests(struct dj_fsck *fsck, struct fsck_manifests *one)
{
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;
    struct dj_rec_manifest manifest = {{0}};
    struct dj_rec_instance rec;
    int rc = fsck_load_instance(fsck, one->instance, &rec);

    if (rc < 0)
        return rc;
    add_digest(one, &rec.result);
    add_digest(one, &rec.log);
    add_digest(one, &rec.manifest);
    if (rec.manifest.size != 0) {
        rc = fsck_read_content(fsck, &rec.manifest, &bytes);
        if (rc == 0)
            rc = dj_codec_decode(&dj_layout_manifest, dj_buf_bytes(&bytes), &manifest, NULL);
        rc = rc < 0 ? -EBADMSG : 0;
    }
    for (size_t i = 0; i < manifest.entries.n; i++)
        add_digest(one, &DJ_LIST_AT(&manifest.entries, struct dj_rec_entry, i)->content);
    if (one->n != 0)
        qsort(one->digests, one->n, sizeof(*one->digests), by_digest);
    dj_codec_release(&dj_layout_manifest, &manifest);
    dj_codec_release(&dj_layout_instance, &rec);
    return rc;
}

static size_t digests_kept(const struct dj_fsck *fsck)
{
    size_t sum = 0;

    for (const struct fsck_manifests *one = fsck->manifests; one != NULL; one = one->hh.next)
        sum += one->n;
    return sum;
}

/* The one that was asked for last is the last in the list, and the first goes. */
static int digests_of(struct dj_fsck *fsck, uint64_t instance, struct fsck_manifests **ret)
{
    struct fsck_manifests *one;
    int rc;

    HASH_FIND(hh, fsck->manifests, &instance, sizeof(instance), one);
    if (one != NULL) {
        HASH_DEL(fsck->manifests, one);
    } else {
        one = dj_xcalloc(1, sizeof(*one));
        one->instance = instance;
        rc = load_digests(fsck, one);
        if (rc < 0) {
            free(one->digests);
            free(one);
            return rc;
        }
        while (HASH_COUNT(fsck->manifests) >= 256 ||
               (fsck->manifests != NULL && digests_kept(fsck) + one->n > DIGESTS_KEPT_MAX))
            manifest_free(fsck, fsck->manifests);
    }
    HASH_ADD(hh, fsck->manifests, instance, sizeof(one->instance), one);
    *ret = one;
    return 0;
}

static bool instance_is_there(struct dj_fsck *fsck, uint64_t instance)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    dj_key_number(&key, 'I', instance);
    return fsck_has(fsck, &key);
}

static bool is_there(struct dj_fsck *fsck, const struct dj_digest *digest)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    uint64_t size;

    dj_key_content(&key, digest);
    return fsck_file_size(fsck, digest, &size) == 0 || fsck_any(fsck, dj_buf_bytes(&key));
}

int fsck_reference(struct dj_fsck *fsck, struct dj_bytes key,
                              struct dj_bytes value DJ_UNUSED)
{
    dj_cleanup_buf struct dj_buf own = DJ_BUF_INIT;
    struct fsck_manifests *has = NULL;
    struct dj_digest digest;
    uint64_t instance;
    int rc;

    if (!fsck_shape(fsck, key, 1 + DJ_DIGEST_SIZE + 8))
        return FSCK_DONE;
    dj_buf_set(&own, key);
    if (fsck_repairs(fsck) && !fsck_has(fsck, &own))
        return FSCK_DONE; /* another one of the same content was mended */
    memcpy(digest.b, key.data + 1, sizeof(digest.b));
    instance = dj_get64(key, 1 + DJ_DIGEST_SIZE);
    rc = instance_is_there(fsck, instance) ? digests_of(fsck, instance, &has) : -ENOENT;
    if (rc == -ENOENT || (rc == 0 && (has->n == 0 ||
                                      bsearch(&digest, has->digests, has->n, sizeof(digest),
                                              by_digest) == NULL))) {
        fsck_found(fsck, "reference-orphan", at_content(fsck, &digest),
                   "instance %llu is said to need it, and %s", (unsigned long long)instance,
                   rc == -ENOENT ? "is not there" : "does not");
        fsck_delete(fsck, key);
    } else if (!is_there(fsck, &digest)) {
        fsck_found(fsck, "content-missing", at_content(fsck, &digest),
                   "instance %llu needs it, and it is not there", (unsigned long long)instance);
        fsck_corrupt_content(fsck, &digest, false, -ENOENT);
    }
    return FSCK_DONE;
}

/* ---- files ---- */

static void hash_file(struct dj_fsck *fsck, struct fsck_file *file)
{
    dj_cleanup_close int fd = dj_content_open(fsck->store, &file->digest);
    struct dj_digest is;
    uint64_t size = 0;

    file->code = fd < 0 ? fd : dj_digest_fd(fd, &is, &size);
    file->differs = file->code == 0 && !dj_digest_equal(&is, &file->digest);
    file->hashed = true;
    fsck->bytes += size;
}

static void scan_folder(struct dj_fsck *fsck)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct fsck_file file = {.hashed = false};
    const struct dirent *entry;
    DIR *dir;

    dj_buf_addf(&path, "%s/content/%02x", dj_store_dir(fsck->store), fsck->folder);
    dir = opendir(dj_buf_str(&path));
    fsck->code = dir == NULL && errno != ENOENT ? -errno : 0;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (dj_digest_parse(dj_bytes_of(entry->d_name), &file.digest) == 0 &&
            file.digest.b[0] == fsck->folder)
            *(struct fsck_file *)dj_list_add(&fsck->names, sizeof(file)) = file;
        else
            dj_buf_addf(&fsck->strange, "%s\n", entry->d_name);
    }
    if (dir != NULL)
        closedir(dir);
}

void fsck_files_work(struct dj_fsck *fsck)
{
    if (fsck->scanned)
        hash_file(fsck, DJ_LIST_AT(&fsck->names, struct fsck_file, fsck->name));
    else
        scan_folder(fsck);
}

static void judge_folder(struct dj_fsck *fsck)
{
    struct dj_bytes rest = dj_buf_bytes(&fsck->strange), name;

    if (fsck->code < 0)
        fsck_found(fsck, "unreadable", fsck_where(fsck, "content/%02x", fsck->folder),
                   "the folder cannot be listed: %s", strerror(-fsck->code));
    while (dj_next_line(&rest, &name))
        fsck_found(fsck, "unknown-file",
                   fsck_where(fsck, "content/%02x/%.*s", fsck->folder, (int)name.len,
                              (const char *)name.data), "no content has that name");
    dj_buf_clear(&fsck->strange);
}

static void judge_file(struct dj_fsck *fsck, const struct fsck_file *file)
{
    uint64_t size;

    if (fsck_file_size(fsck, &file->digest, &size) == -ENOENT)
        return; /* it went meanwhile; who needs it is told by his record */
    fsck->files++;
    if (!is_referred(fsck, &file->digest)) {
        if (fsck->unclean || dj_content_claimed(fsck->store, &file->digest))
            return;
        fsck_found(fsck, "content-orphan", at_content(fsck, &file->digest),
                   "a file that no run needs");
        if (fsck_repairs(fsck) && dj_content_remove(fsck->store, &file->digest) == 0)
            fsck_repaired(fsck, "removed");
    } else if (file->code < 0) {
        fsck_found(fsck, "unreadable", at_content(fsck, &file->digest),
                   "its file cannot be read: %s", strerror(-file->code));
    } else if (file->differs) {
        fsck_found(fsck, "content-digest", at_content(fsck, &file->digest),
                   "its file is not what it was");
        fsck_corrupt_content(fsck, &file->digest, true, 0);
    }
}

/* The files of one folder after the other: listed and hashed by jobs, judged here. */
enum dj_fsck_next fsck_files(struct dj_fsck *fsck)
{
    if (!fsck->scanned) {
        if (!fsck->job_done)
            return DJ_FSCK_JOB;
        fsck->job_done = false;
        fsck->scanned = true;
        judge_folder(fsck);
    }
    for (; fsck->name < fsck->names.n; fsck->name++) {
        struct fsck_file *file = DJ_LIST_AT(&fsck->names, struct fsck_file, fsck->name);

        if ((fsck->flags & DJ_FSCK_READ_DATA) && !file->hashed)
            return DJ_FSCK_JOB;
        fsck->job_done = false;
        judge_file(fsck, file);
    }
    fsck->names.n = fsck->name = 0;
    fsck->scanned = false;
    return ++fsck->folder == 256 ? DJ_FSCK_END : DJ_FSCK_MORE;
}

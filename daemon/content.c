#include "daemon/content.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "daemon/lease.h"
#include "lib/util/buf.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/random.h"

#define INCOMING "incoming"
#define QUARANTINE "../quarantine"

enum { NAME_SIZE = 3 + DJ_DIGEST_HEX_SIZE, COPY_STEP = 1 << 20, COMPARED = 1 << 20, SEALED = 0400 };

static void name_of(const struct dj_digest *digest, char name[NAME_SIZE])
{
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(digest, hex);
    memcpy(name, hex, 2);
    name[2] = '/';
    memcpy(name + 3, hex, sizeof(hex));
}

/* ---- claims ---- */

struct dj_content_claim {
    struct dj_digest digest;
    unsigned count;
    UT_hash_handle hh;
};

static void claim(struct dj_content_dir *content, const struct dj_digest *digest)
{
    struct dj_content_claim *found;

    pthread_mutex_lock(&content->lock);
    HASH_FIND(hh, content->claims, digest, sizeof(*digest), found);
    if (found == NULL) {
        found = dj_xcalloc(1, sizeof(*found));
        found->digest = *digest;
        HASH_ADD(hh, content->claims, digest, sizeof(found->digest), found);
    }
    found->count++;
    pthread_mutex_unlock(&content->lock);
}

void dj_content_dir_unclaim(struct dj_content_dir *content, const struct dj_digest *digest)
{
    struct dj_content_claim *found;

    pthread_mutex_lock(&content->lock);
    HASH_FIND(hh, content->claims, digest, sizeof(*digest), found);
    if (found != NULL && --found->count == 0) {
        HASH_DEL(content->claims, found);
        free(found);
    }
    pthread_mutex_unlock(&content->lock);
}

bool dj_content_dir_claimed(struct dj_content_dir *content, const struct dj_digest *digest)
{
    struct dj_content_claim *found;

    pthread_mutex_lock(&content->lock);
    HASH_FIND(hh, content->claims, digest, sizeof(*digest), found);
    pthread_mutex_unlock(&content->lock);
    return found != NULL;
}

static void release_claims(struct dj_content_dir *content)
{
    struct dj_content_claim *each, *next;

    HASH_ITER(hh, content->claims, each, next) {
        HASH_DEL(content->claims, each);
        free(each);
    }
}

/* ---- the folder ---- */

int dj_content_dir_open(struct dj_content_dir *content, int store, const char *store_path,
                        struct dj_err *err)
{
    struct dj_buf path = DJ_BUF_INIT;
    int code;

    *content = (struct dj_content_dir){.fd = -1};
    pthread_mutex_init(&content->lock, NULL);
    dj_buf_addf(&path, "%s/content", store_path);
    content->path = dj_buf_steal(&path);
    if (mkdirat(store, "content", 0700) < 0 && errno != EEXIST) {
        code = -errno;
        goto failed;
    }
    content->fd = dj_open(store, "content", O_RDONLY | O_DIRECTORY, 0);
    code = content->fd;
    if (code < 0)
        goto failed;
    if (mkdirat(content->fd, INCOMING, 0700) < 0 && errno != EEXIST)
        code = -errno;
    else
        code = dj_clear_tree(content->fd, INCOMING);
    if (code == 0)
        return 0;
failed:
    dj_err_sys(err, -code, "%s cannot be opened", content->path);
    dj_content_dir_release(content);
    return code;
}

void dj_content_dir_release(struct dj_content_dir *content)
{
    content->fd = dj_close(content->fd);
    free(content->path);
    content->path = NULL;
    release_claims(content);
    pthread_mutex_destroy(&content->lock);
}

static void account(struct dj_content_dir *content, int64_t change)
{
    pthread_mutex_lock(&content->lock);
    if (content->counted)
        content->bytes += (uint64_t)change;
    pthread_mutex_unlock(&content->lock);
}

static int64_t bytes_on_disk(const struct stat *st)
{
    return (int64_t)st->st_blocks * 512;
}

/* Copies the bytes of [offset, end), by the kernel where it can. */
static int copy_range(int from, int to, off_t offset, off_t end)
{
    dj_cleanup_free char *buffer = NULL;
    off_t out = offset;
    int code = 0;

    while (offset < end) {
        ssize_t n = copy_file_range(from, &offset, to, &out, (size_t)(end - offset), 0);

        if (n > 0)
            continue;
        if (n < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
            return -errno;
        break;
    }
    if (offset < end)
        buffer = dj_xmalloc(COPY_STEP);
    while (code == 0 && offset < end) {
        size_t want = (size_t)DJ_MIN(end - offset, (off_t)COPY_STEP);
        ssize_t n = dj_pread_full(from, buffer, want, (uint64_t)offset);

        if (n <= 0)
            return n < 0 ? (int)n : -EIO; /* shorter than it was: somebody still writes */
        code = dj_pwrite_full(to, buffer, (size_t)n, (uint64_t)offset);
        offset += n;
    }
    return code;
}

/* Holes stay holes: a sparse file of a terabyte must not become a real one. */
static int copy_data(int from, int to, off_t size)
{
    off_t offset = 0;
    int code = 0;

    while (code == 0 && offset < size) {
        off_t data = lseek(from, offset, SEEK_DATA);
        off_t hole;

        if (data < 0 && errno == ENXIO)
            break;
        hole = data < 0 ? size : lseek(from, data, SEEK_HOLE);
        data = data < 0 ? offset : data;
        hole = hole < 0 || hole > size ? size : hole;
        code = copy_range(from, to, data, hole);
        offset = hole;
    }
    if (code == 0 && ftruncate(to, size) < 0)
        code = -errno;
    return code;
}

static int sync_file(int fd)
{
    return fsync(fd) < 0 ? -errno : 0;
}

static int make_fan_out(struct dj_content_dir *content, const char *name)
{
    char folder[3] = {name[0], name[1], 0};

    if (mkdirat(content->fd, folder, 0700) < 0)
        return errno == EEXIST ? 0 : -errno;
    return dj_sync_dir(content->fd, ".");
}

static int sync_fan_out(struct dj_content_dir *content, const char *name)
{
    char folder[3] = {name[0], name[1], 0};

    return dj_sync_dir(content->fd, folder);
}

static int open_incoming(struct dj_content_dir *content, char *ret_name, size_t size)
{
    uint64_t random;

    dj_random(&random, sizeof(random));
    snprintf(ret_name, size, INCOMING "/%016" PRIx64, random);
    return dj_open(content->fd, ret_name, O_RDWR | O_CREAT | O_EXCL, 0600);
}

/* A file of ours that is whole: it becomes read-only and gets its name, whatever had it before. */
static int give_name(struct dj_content_dir *content, int fd, const char *from, const char *name)
{
    int code = fchmod(fd, SEALED) < 0 ? -errno : sync_file(fd);

    if (code == 0)
        code = make_fan_out(content, name);
    if (code == 0 && renameat(content->fd, from, content->fd, name) < 0)
        code = -errno;
    return code == 0 ? sync_fan_out(content, name) : code;
}

/* What is copied may be written to meanwhile; -EBUSY: it is something else by now. */
static int check_copy(int fd, const struct dj_digest *digest)
{
    struct dj_digest is;
    int code = lseek(fd, 0, SEEK_SET) < 0 ? -errno : dj_digest_fd(fd, &is, NULL);

    return code < 0 || dj_digest_equal(&is, digest) ? code : -EBUSY;
}

static int copy_in(struct dj_content_dir *content, int from, const struct stat *st,
                   const struct dj_digest *digest)
{
    char name[NAME_SIZE];
    char temporary[64];
    dj_cleanup_close int to = open_incoming(content, temporary, sizeof(temporary));
    int code;

    if (to < 0)
        return to;
    name_of(digest, name);
    code = copy_data(from, to, st->st_size);
    if (code == 0)
        code = check_copy(to, digest);
    if (code == 0)
        code = give_name(content, to, temporary, name);
    if (code < 0)
        unlinkat(content->fd, temporary, 0);
    return code;
}

/*
 * A second name for the file. It is not sealed yet, since the mode is the file's, and whoever takes
 * in again what a killed daemon began to take in must find that as it was.
 */
static int link_in(struct dj_content_dir *content, const char *path, int fd, const char *name)
{
    int code = sync_file(fd);

    if (code == 0)
        code = make_fan_out(content, name);
    if (code == 0 && linkat(AT_FDCWD, path, content->fd, name, 0) < 0)
        code = -errno;
    return code == 0 ? sync_fan_out(content, name) : code;
}

static bool is_being_written(int fd)
{
    enum dj_lease lease = dj_lease_take(fd);

    if (lease == DJ_LEASE_HELD)
        dj_lease_end(fd);
    return lease == DJ_LEASE_WRITTEN;
}

/*
 * A file with a further name, of another owner or that somebody writes to could be changed under
 * its digest later, so it is copied, as is one of another file system (bind mounts: one device, two
 * mounts), or of one that has no links.
 */
static int take_in(struct dj_content_dir *content, const char *path, int fd, const struct stat *st,
                   const struct dj_digest *digest)
{
    char name[NAME_SIZE];
    struct stat own;

    name_of(digest, name);

    if (fstat(content->fd, &own) < 0)
        return -errno;
    if (st->st_dev == own.st_dev && st->st_nlink == 1 && st->st_uid == geteuid() &&
        !is_being_written(fd)) {
        int code = link_in(content, path, fd, name);

        if (code == 0 || code == -ENOSPC || code == -EDQUOT || code == -EIO)
            return code;
    }
    return copy_in(content, fd, st, digest);
}

/* Whether the file of that name holds the same, byte for byte. */
static bool is_same(struct dj_content_dir *content, const char *name, int fd)
{
    dj_cleanup_close int there = dj_open(content->fd, name, O_RDONLY | O_NOFOLLOW, 0);
    dj_cleanup_free char *ours = dj_xmalloc(COMPARED), *theirs = dj_xmalloc(COMPARED);
    uint64_t offset = 0;
    ssize_t n = 1;

    while (there >= 0 && n > 0) {
        n = dj_pread_full(fd, ours, COMPARED, offset);
        if (n < 0 || dj_pread_full(there, theirs, COMPARED, offset) != n ||
            memcmp(ours, theirs, (size_t)n) != 0)
            return false;
        offset += (uint64_t)n;
    }
    return there >= 0;
}

static int adopt_open(struct dj_content_dir *content, const char *path, int fd,
                      const struct dj_digest *digest)
{
    char name[NAME_SIZE];
    struct stat st;
    struct stat there;
    bool replaced;
    int code;

    name_of(digest, name);
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    replaced = fstatat(content->fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0;
    /* One that is not sealed is part of another's working folder, and is not waited for. One that
     * the disk has damaged gives way. Another thread may have named one a moment ago and not yet
     * synced the folder. */
    if (replaced && there.st_size == st.st_size && there.st_mode == (S_IFREG | SEALED) &&
        is_same(content, name, fd))
        return sync_fan_out(content, name);
    code = replaced ? copy_in(content, fd, &st, digest)
                    : take_in(content, path, fd, &st, digest);
    if (code < 0)
        return code;
    if (fstatat(content->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        account(content, bytes_on_disk(&st) - (replaced ? bytes_on_disk(&there) : 0));
    return 0;
}

int dj_content_dir_adopt(struct dj_content_dir *content, const char *path,
                         const struct dj_digest *digest, struct dj_err *err)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    int code = fd;

    claim(content, digest);
    if (fd >= 0)
        code = adopt_open(content, path, fd, digest);
    if (code < 0)
        dj_content_dir_unclaim(content, digest);
    if (code < 0)
        return dj_err_sys(err, -code, "%s cannot be taken into the store", path);
    return 0;
}

int dj_content_dir_adopt_bytes(struct dj_content_dir *content, struct dj_bytes bytes,
                               const struct dj_digest *digest, struct dj_err *err)
{
    char name[NAME_SIZE], temporary[64];
    dj_cleanup_close int fd = open_incoming(content, temporary, sizeof(temporary));
    int code = fd;

    claim(content, digest);
    name_of(digest, name);
    if (code >= 0)
        code = dj_pwrite_full(fd, bytes.data, bytes.len, 0);
    if (code == 0)
        code = give_name(content, fd, temporary, name);
    if (code == 0) {
        account(content, (int64_t)bytes.len);
        return 0;
    }
    unlinkat(content->fd, temporary, 0);
    dj_content_dir_unclaim(content, digest);
    return dj_err_sys(err, -code, "a list of files cannot be taken into the store");
}

int dj_content_dir_seal(struct dj_content_dir *content, const struct dj_digest *digest)
{
    char name[NAME_SIZE];
    struct stat st;

    name_of(digest, name);
    if (fstatat(content->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_mode == (S_IFREG | SEALED))
        return 0;
    return fchmodat(content->fd, name, SEALED, 0) < 0 ? -errno : 0;
}

int dj_content_dir_open_file(struct dj_content_dir *content, const struct dj_digest *digest)
{
    char name[NAME_SIZE];

    name_of(digest, name);
    return dj_open(content->fd, name, O_RDONLY | O_NOFOLLOW, 0);
}

int dj_content_dir_remove(struct dj_content_dir *content, const struct dj_digest *digest)
{
    struct dj_content_claim *claimed;
    char name[NAME_SIZE];
    struct stat st;
    int code = 0;

    name_of(digest, name);
    pthread_mutex_lock(&content->lock);
    HASH_FIND(hh, content->claims, digest, sizeof(*digest), claimed);
    if (claimed != NULL)
        code = -EBUSY;
    else if (fstatat(content->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
             unlinkat(content->fd, name, 0) < 0)
        code = -errno;
    else if (content->counted)
        content->bytes -= (uint64_t)bytes_on_disk(&st);
    pthread_mutex_unlock(&content->lock);
    return code;
}

/* ---- quarantine ---- */

static int make_quarantine(struct dj_content_dir *content)
{
    return mkdirat(content->fd, QUARANTINE, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int dj_content_dir_set_aside(struct dj_content_dir *content, const struct dj_digest *digest)
{
    char name[NAME_SIZE];
    dj_cleanup_buf struct dj_buf to = DJ_BUF_INIT;
    struct stat st;
    int code = make_quarantine(content);

    name_of(digest, name);
    dj_buf_addf(&to, QUARANTINE "/%s", name + 3);
    if (code == 0 && (fstatat(content->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                      renameat(content->fd, name, content->fd, dj_buf_str(&to)) < 0))
        code = -errno;
    if (code == 0)
        account(content, -bytes_on_disk(&st));
    return code;
}

int dj_content_dir_keep_bad(struct dj_content_dir *content, const struct dj_digest *digest,
                            struct dj_bytes bytes)
{
    char hex[DJ_DIGEST_HEX_SIZE];
    dj_cleanup_buf struct dj_buf to = DJ_BUF_INIT;
    int code = make_quarantine(content);

    dj_digest_hex(digest, hex);
    dj_buf_addf(&to, QUARANTINE "/%s", hex);
    return code < 0 ? code : dj_write_file(content->fd, dj_buf_str(&to), bytes, 0400);
}

char *dj_content_dir_path(struct dj_content_dir *content, const struct dj_digest *digest)
{
    struct dj_buf path = DJ_BUF_INIT;
    char name[NAME_SIZE];

    name_of(digest, name);
    dj_buf_addf(&path, "%s/%s", content->path, name);
    return dj_buf_steal(&path);
}

/* Names that no digest has are not ours to judge, and are passed over. */
static int each_in(int dir, int (*each)(const struct dj_digest *, void *), void *cookie)
{
    DIR *stream = fdopendir(dir);
    const struct dirent *entry;
    struct dj_digest digest;
    int code = 0;

    if (stream == NULL) {
        code = -errno;
        dj_close(dir);
        return code;
    }
    while (code == 0 && (entry = readdir(stream)) != NULL) {
        if (dj_digest_parse(dj_bytes_of(entry->d_name), &digest) == 0)
            code = each(&digest, cookie);
    }
    closedir(stream);
    return code;
}

int dj_content_dir_each(struct dj_content_dir *content,
                        int (*each)(const struct dj_digest *, void *), void *cookie)
{
    int code = 0;

    for (unsigned i = 0; code == 0 && i < 256; i++) {
        char folder[3];
        int dir;

        snprintf(folder, sizeof(folder), "%02x", i);
        dir = dj_open(content->fd, folder, O_RDONLY | O_DIRECTORY, 0);
        if (dir >= 0)
            code = each_in(dir, each, cookie);
        else if (dir != -ENOENT)
            code = dir;
    }
    return code;
}

static int count_one(const struct dj_digest *digest, void *cookie)
{
    struct dj_content_dir *content = cookie;
    char name[NAME_SIZE];
    struct stat st;

    name_of(digest, name);
    if (fstatat(content->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        content->bytes += (uint64_t)bytes_on_disk(&st);
    return 0;
}

int dj_content_dir_usage(struct dj_content_dir *content, uint64_t *ret_bytes)
{
    int code = 0;

    pthread_mutex_lock(&content->lock);
    if (!content->counted) {
        content->bytes = 0;
        code = dj_content_dir_each(content, count_one, content);
        content->counted = code == 0;
    }
    *ret_bytes = content->bytes;
    pthread_mutex_unlock(&content->lock);
    return code;
}

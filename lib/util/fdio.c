#include "lib/util/fdio.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/util/mem.h"

/* ---- descriptors -------------------------------------------------------------------------- */

int dj_open(int dir, const char *path, int flags, mode_t mode)
{
    int fd;

    do
        fd = openat(dir, path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int dj_close(int fd)
{
    int saved = errno;

    if (fd >= 0)
        close(fd); /* not repeated on EINTR: Linux has closed it by then */
    errno = saved;
    return -1;
}

void dj_closep(int *fd)
{
    *fd = dj_close(*fd);
}

int dj_set_nonblock(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return -errno;
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

/* ---- whole reads and writes --------------------------------------------------------------- */

ssize_t dj_read_full(int fd, void *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = read(fd, (char *)data + done, len - done);

        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            done += (size_t)n;
    }
    return (ssize_t)done;
}

ssize_t dj_pread_full(int fd, void *data, size_t len, uint64_t offset)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, (char *)data + done, len - done, (off_t)(offset + done));

        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            done += (size_t)n;
    }
    return (ssize_t)done;
}

int dj_write_full(int fd, const void *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(fd, (const char *)data + done, len - done);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            done += (size_t)n;
    }
    return 0;
}

int dj_pwrite_full(int fd, const void *data, size_t len, uint64_t offset)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pwrite(fd, (const char *)data + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            done += (size_t)n;
    }
    return 0;
}

int dj_read_fd(int fd, size_t max, struct dj_buf *buf)
{
    size_t done = 0, chunk = 16384;

    for (;;) {
        /* One byte above the limit tells "just fits" from "too long". */
        size_t want = DJ_MIN(chunk, max - done + 1);
        ssize_t n = dj_read_full(fd, dj_buf_room(buf, want), want);

        if (n < 0)
            return (int)n;
        if ((size_t)n > max - done)
            return -EFBIG;
        buf->len += (size_t)n;
        buf->data[buf->len] = '\0';
        done += (size_t)n;
        if ((size_t)n < want)
            return 0;
        chunk = DJ_MIN(chunk * 2, (size_t)1 << 20);
    }
}

int dj_read_file(int dir, const char *path, size_t max, struct dj_buf *buf)
{
    dj_cleanup_close int fd = dj_open(dir, path, O_RDONLY | O_NOCTTY, 0);

    if (fd < 0)
        return fd;
    return dj_read_fd(fd, max, buf);
}

int dj_write_file(int dir, const char *path, struct dj_bytes bytes, mode_t mode)
{
    dj_cleanup_close int fd = dj_open(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, mode);

    if (fd < 0)
        return fd;
    return dj_write_full(fd, bytes.data, bytes.len);
}

/* ---- replacing ---------------------------------------------------------------------------- */

/* The path's folder, "." for a bare name. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return dj_xstrdup(".");
    return dj_xmemdup0(path, slash == path ? 1 : (size_t)(slash - path));
}

static int write_synced(int dir, const char *path, struct dj_bytes bytes, mode_t mode)
{
    dj_cleanup_close int fd = dj_open(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_NOCTTY, mode);
    int code;

    if (fd < 0)
        return fd;
    code = dj_write_full(fd, bytes.data, bytes.len);
    if (code == 0 && fsync(fd) < 0)
        code = -errno;
    return code;
}

int dj_sync_dir(int dir, const char *path)
{
    dj_cleanup_close int fd = dj_open(dir, path, O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0)
        return fd;
    return fsync(fd) < 0 ? -errno : 0;
}

int dj_replace_file(int dir, const char *path, struct dj_bytes bytes, mode_t mode)
{
    static atomic_uint counter;
    dj_cleanup_free char *folder = folder_of(path);
    dj_cleanup_buf struct dj_buf temporary = DJ_BUF_INIT;
    int code;

    dj_buf_addf(&temporary, "%s/.dj-new-%ld-%u", folder, (long)getpid(),
                atomic_fetch_add(&counter, 1));
    /* One left by a process of the same number that was killed. */
    if (unlinkat(dir, dj_buf_str(&temporary), 0) < 0 && errno != ENOENT)
        return -errno;
    code = write_synced(dir, dj_buf_str(&temporary), bytes, mode);
    if (code == 0 && renameat(dir, dj_buf_str(&temporary), dir, path) < 0)
        code = -errno;
    if (code < 0) {
        unlinkat(dir, dj_buf_str(&temporary), 0);
        return code;
    }
    return dj_sync_dir(dir, folder);
}

/* ---- folders and links -------------------------------------------------------------------- */

static int make_one(const char *path, mode_t mode)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    if (stat(path, &st) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int dj_mkdir_p(const char *path, mode_t mode)
{
    dj_cleanup_free char *copy = dj_xstrdup(path);
    int code = make_one(path, mode);

    if (code != -ENOENT || *path == '\0')
        return code;
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        code = make_one(copy, mode);
        *slash = '/';
        if (code < 0)
            return code;
    }
    return make_one(path, mode);
}

int dj_readlink(int dir, const char *path, struct dj_buf *buf)
{
    for (size_t size = 256;; size *= 2) {
        uint8_t *room = dj_buf_room(buf, size);
        ssize_t n = readlinkat(dir, path, (char *)room, size);

        if (n < 0)
            return -errno;
        if ((size_t)n < size) {
            buf->len += (size_t)n;
            buf->data[buf->len] = '\0';
            return 0;
        }
    }
}

/* ---- times --------------------------------------------------------------------------------- */

#define SETTLING_MAX (DJ_NS_PER_S + 100 * DJ_NS_PER_MS)

bool dj_stat_is_settled(const struct stat *st)
{
    bool whole = st->st_ctim.tv_nsec == 0 && st->st_mtim.tv_nsec == 0;
    uint64_t now = dj_clock_tick_ns();

    return dj_ns_of(st->st_ctim) < (whole ? now / DJ_NS_PER_S * DJ_NS_PER_S : now);
}

int dj_fstat_settled(int fd, struct stat *ret)
{
    uint64_t end = dj_clock_mono_ns() + SETTLING_MAX;

    for (;;) {
        if (fstat(fd, ret) < 0)
            return -errno;
        if (dj_stat_is_settled(ret) || dj_clock_mono_ns() >= end ||
            dj_ns_of(ret->st_ctim) > dj_clock_tick_ns() + SETTLING_MAX)
            return 0;
        dj_pause_ms(1);
    }
}

char *dj_absolute(const char *path)
{
    struct dj_buf full = DJ_BUF_INIT;
    dj_cleanup_free char *cwd = NULL;

    if (path[0] == '/' || strstr(path, "://") != NULL)
        return dj_xstrdup(path);
    cwd = getcwd(NULL, 0);
    dj_buf_addf(&full, "%s/%s", cwd == NULL ? "" : cwd, path);
    return dj_buf_steal(&full);
}

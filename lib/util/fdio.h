/*
 * Files and descriptors: whole reads, full writes, replacement that survives a crash, trees.
 *
 * Every descriptor made here is close-on-exec. EINTR is repeated everywhere. All functions return 0
 * (or what they say) or -errno; nothing is printed. `dir` is a directory descriptor or AT_FDCWD.
 * Thread-safe.
 */
#ifndef DJ_UTIL_FDIO_H
#define DJ_UTIL_FDIO_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/macros.h"

/* dj_open(dir, path, flags, mode): openat with O_CLOEXEC; the descriptor or -errno. */
int dj_open(int dir, const char *path, int flags, mode_t mode) DJ_MUST_CHECK;

/* dj_close(fd): returns -1 to assign; negative ones are fine; errno is kept. fd = dj_close(fd); */
int dj_close(int fd);
void dj_closep(int *fd);
#define dj_cleanup_close DJ_CLEANUP(dj_closep)

/* dj_read_full(fd, data, len): bytes read, less than len only at the end of the file; -errno. */
ssize_t dj_read_full(int fd, void *data, size_t len) DJ_MUST_CHECK;
ssize_t dj_pread_full(int fd, void *data, size_t len, uint64_t offset) DJ_MUST_CHECK;
int dj_write_full(int fd, const void *data, size_t len) DJ_MUST_CHECK;
int dj_pwrite_full(int fd, const void *data, size_t len, uint64_t offset) DJ_MUST_CHECK;

/* dj_read_fd(fd, max, buf): appends all up to the end; -EFBIG when there is more than max. */
int dj_read_fd(int fd, size_t max, struct dj_buf *buf) DJ_MUST_CHECK;
int dj_read_file(int dir, const char *path, size_t max, struct dj_buf *buf) DJ_MUST_CHECK;

/* dj_write_file(dir, path, bytes, mode): made or cut and rewritten; neither atomic nor synced. */
int dj_write_file(int dir, const char *path, struct dj_bytes bytes, mode_t mode) DJ_MUST_CHECK;

/*
 * dj_replace_file(dir, path, bytes, mode): through a temporary name beside it, fsync, rename, fsync
 * of the folder: after a crash either the old or the new content is there.
 */
int dj_replace_file(int dir, const char *path, struct dj_bytes bytes, mode_t mode) DJ_MUST_CHECK;

/* dj_sync_dir(dir, path): fsync of a folder. */
int dj_sync_dir(int dir, const char *path) DJ_MUST_CHECK;

/* dj_mkdir_p(path, mode): all that is missing; a folder that is there is fine, a file -ENOTDIR. */
int dj_mkdir_p(const char *path, mode_t mode) DJ_MUST_CHECK;

/*
 * dj_remove_tree(dir, path): rm -rf: symlinks are not followed, folders without permissions are
 * opened up, other filesystems are not entered (-EXDEV); any depth takes 130 descriptors at most.
 * What can be removed is removed, the first error is returned. A path that is not there is fine.
 */
int dj_remove_tree(int dir, const char *path) DJ_MUST_CHECK;

/* dj_clear_tree(dir, path): the same for what is inside; the folder stays, mode 0700. */
int dj_clear_tree(int dir, const char *path) DJ_MUST_CHECK;

/*
 * Whoever knows a file by its stat has to look at it when its times are settled. The kernel stamps
 * files with the time of its clock's last tick, and Debian's ticks every 4 ms: a file that is
 * written once more within the tick keeps all its times, and, if the new content is as long, its
 * size.
 *
 * dj_stat_is_settled(st): whether any change from now on gives the file other times; to be asked
 * before the file is read.
 *
 * dj_fstat_settled(fd, ret): fstat, when that is so: waits for milliseconds after a change, up to a
 * second where the file system keeps whole seconds. It does not wait for the times of a server
 * whose clock is ahead by more than that.
 */
bool dj_stat_is_settled(const struct stat *st);
int dj_fstat_settled(int fd, struct stat *ret) DJ_MUST_CHECK;

/* dj_set_nonblock(fd, on): 0 or -errno. */
int dj_set_nonblock(int fd, bool on);

/* dj_readlink(dir, path, buf): appends the target of any length. */
int dj_readlink(int dir, const char *path, struct dj_buf *buf) DJ_MUST_CHECK;

/* dj_absolute(path): below the current folder; what we start runs in another. An address with
 * "://" stays as it is. malloc'd. */
char *dj_absolute(const char *path);

#endif

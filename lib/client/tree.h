/*
 * The tree by messages: paths walked, files read and written without a mount.
 *
 * A path is relative to the top of the tree ("tasks/factorial/5/result"; a leading slash is fine).
 * Links are followed, 40 at most (-ELOOP); one that leads out of the tree is -EXDEV. An open that
 * finds its node out of date walks the path once more, as the kernel does. All calls block; errors
 * come with the daemon's sentence.
 */
#ifndef DJ_CLIENT_TREE_H
#define DJ_CLIENT_TREE_H

#include "lib/client/connection.h"

/* dj_tree_find(connection, path, follow, ret, err): what is there; follow: through a last link. */
int dj_tree_find(struct dj_connection *connection, const char *path, bool follow,
                 struct dj_part_attr *ret, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_tree_open_path(connection, path, flags, ret, answer, err): a file of the tree opened
 * (DJ_OPEN_*); ret is its node, answer an OPENED that the caller releases.
 */
int dj_tree_open_path(struct dj_connection *connection, const char *path, uint64_t flags,
                      struct dj_part_attr *ret, struct dj_message_in *answer,
                      struct dj_err *err) DJ_MUST_CHECK;

/* dj_tree_read(connection, path, each, cookie, err): the file's bytes in order; each() returning a
 * negative errno ends it. */
typedef int dj_tree_bytes_fn(void *cookie, struct dj_bytes bytes);
int dj_tree_read(struct dj_connection *connection, const char *path, dj_tree_bytes_fn *each,
                 void *cookie, struct dj_err *err) DJ_MUST_CHECK;

/*
 * A file that grows, read on from where the last read ended: `events`, the log of a run under way.
 * It stays the file that it was when it was opened.
 */
struct dj_tree_file {
    uint64_t node;
    uint64_t handle;
    uint64_t offset;
};
int dj_tree_open(struct dj_connection *connection, const char *path, struct dj_tree_file *ret,
                 struct dj_err *err) DJ_MUST_CHECK;
/* dj_tree_read_on(connection, file, each, cookie, err): all up to its present end. */
int dj_tree_read_on(struct dj_connection *connection, struct dj_tree_file *file,
                    dj_tree_bytes_fn *each, void *cookie, struct dj_err *err) DJ_MUST_CHECK;
void dj_tree_close(struct dj_connection *connection, const struct dj_tree_file *file);

/* dj_tree_write(connection, path, bytes, err): one write at offset 0. */
int dj_tree_write(struct dj_connection *connection, const char *path, struct dj_bytes bytes,
                  struct dj_err *err) DJ_MUST_CHECK;

/* dj_tree_list(connection, path, each, cookie, err): the entries without "." and "..". */
typedef int dj_tree_entry_fn(void *cookie, const struct dj_part_dirent *entry);
int dj_tree_list(struct dj_connection *connection, const char *path, dj_tree_entry_fn *each,
                 void *cookie, struct dj_err *err) DJ_MUST_CHECK;

#endif

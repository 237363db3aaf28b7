/* The mount point: whether it can be one, and how it is given back. */
#ifndef DJ_FS_MOUNT_H
#define DJ_FS_MOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/util/err.h"

/*
 * dj_mount_prepare(path, ret, err): the absolute path of an empty folder that nothing is mounted
 * on. A mount of ours whose djfs has died is taken away first. -EBUSY, -ENOTEMPTY, … with a
 * sentence.
 */
int dj_mount_prepare(const char *path, char **ret, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_mount_detach(path, lazy): starts a child that unmounts; SIGCHLD tells when it is done. Not
 * done by the caller itself, since unmounting may need answers of the file system. The child, or
 * -errno.
 */
pid_t dj_mount_detach(const char *path, bool lazy);

#endif

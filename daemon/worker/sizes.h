/*
 * How large the outputs of a run are, looked at while others write to them.
 */
#ifndef DJ_WORKER_SIZES_H
#define DJ_WORKER_SIZES_H

#include <stdint.h>

/* dj_size_of_fd(fd): of the file behind a descriptor; 0 when it cannot be told. */
uint64_t dj_size_of_fd(int fd);
/* dj_size_of_file(path): of a regular file, else 0. */
uint64_t dj_size_of_file(const char *path);

/*
 * dj_size_of_tree(path, enough): of all files below a folder together, as `ls -l` shows them; links
 * are not followed, what vanishes meanwhile is not counted, and once the sum is more than `enough`
 * the rest is not looked at.
 */
uint64_t dj_size_of_tree(const char *path, uint64_t enough);

#endif

/*
 * libfuse's low-level API, included here and nowhere else: the one place that says which version of
 * the interface this program is written against.
 */
#ifndef DJ_FS_FUSE_H
#define DJ_FS_FUSE_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#endif

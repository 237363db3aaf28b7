/*
 * A path that is waited for without a wake-up: the folder in which it will be made is watched.
 *
 * Where that folder is not there, either, the nearest one above it is, for the next one on the way.
 * Nothing that is made in between is missed. Not seen is a folder further up that is renamed: who
 * wants to know looks for himself.
 */
#ifndef DJ_FS_WATCH_H
#define DJ_FS_WATCH_H

#include <stdbool.h>

#include "lib/util/buf.h"

struct dj_watch {
    const char *path;   /* lent */
    int fd;             /* of inotify, -1: none */
    int number;         /* of the one watch */
    struct dj_buf name; /* what is waited for there */
};

#define DJ_WATCH_INIT ((struct dj_watch){.fd = -1})

/* dj_watch_begin(watch, path): path is absolute. Where it cannot be watched fd stays -1. */
void dj_watch_begin(struct dj_watch *watch, const char *path);
void dj_watch_end(struct dj_watch *watch);

/* dj_watch_take(watch): when fd is readable; true when the path may have been made. */
bool dj_watch_take(struct dj_watch *watch);

#endif

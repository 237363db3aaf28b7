/*
 * The names of a plain listing, as DIRENTS has them: packed, since a folder may have a million, and
 * a list of parts would take memory and a call for each field of each.
 *
 * An entry is the cookie and the ino (8 bytes each), the mode (4), all big-endian, then the name
 * with a NUL behind it. A name is not empty and holds neither a NUL nor a slash.
 */
#ifndef DJ_PROTO_DIRNAMES_H
#define DJ_PROTO_DIRNAMES_H

#include <stdint.h>

#include "lib/util/buf.h"

struct dj_dirname {
    struct dj_bytes name; /* in what was packed, a NUL behind it */
    uint64_t cookie;      /* goes on behind it */
    uint64_t ino;
    uint32_t mode;
};

/* dj_dirnames_add(packed, one): at the end. */
void dj_dirnames_add(struct dj_buf *packed, const struct dj_dirname *one);

/* dj_dirnames_next(rest, ret): 1: the first of *rest, which is taken from it; 0: there is none;
 * -EBADMSG: it is none. */
int dj_dirnames_next(struct dj_bytes *rest, struct dj_dirname *ret);

#endif

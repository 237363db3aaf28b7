/*
 * Frames: a 4-byte little-endian length, then that many bytes.
 *
 * dj_frame_next() is a pure function over what has arrived so far; it refuses a length above
 * DJ_FRAME_MAX before anybody allocates for it. The first fuzz target.
 */
#ifndef DJ_WIRE_FRAME_H
#define DJ_WIRE_FRAME_H

#include "lib/util/buf.h"
#include "lib/util/bytes.h"

#define DJ_FRAME_MAX (8U * 1024 * 1024)
#define DJ_FRAME_HEAD 4

/* dj_frame_begin(buf): room for the head; its offset, for dj_frame_end() when the body is there. */
size_t dj_frame_begin(struct dj_buf *buf);
/* 0, or -EMSGSIZE: the body is too long and has been taken out again. */
int dj_frame_end(struct dj_buf *buf, size_t begin) DJ_MUST_CHECK;

/*
 * dj_frame_next(in, ret_body, ret_used): 1 with a body that points into `in` and the bytes used,
 * 0 when the frame is not complete yet, -EMSGSIZE when its length is out of bounds.
 */
int dj_frame_next(struct dj_bytes in, struct dj_bytes *ret_body, size_t *ret_used) DJ_MUST_CHECK;

#endif

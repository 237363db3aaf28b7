/*
 * A buffered non-blocking stream of frames over a socket, for programs that own their poll loop.
 *
 *     struct dj_stream stream;
 *     dj_stream_init(&stream, fd);
 *     poll for POLLIN, and POLLOUT while dj_stream_wants_write(&stream)
 *     on POLLIN:   dj_stream_read(&stream), then dj_stream_next(&stream, &body) until it gives 0
 *     on POLLOUT:  dj_stream_flush(&stream)
 *
 * Sending appends to the output buffer and tries to write at once. Nothing blocks. The stream owns
 * the descriptor. Not thread-safe. (djd has its own streams on libuv, in daemon/loop.c.)
 */
#ifndef DJ_WIRE_STREAM_H
#define DJ_WIRE_STREAM_H

#include <stdbool.h>

#include "lib/util/buf.h"
#include "lib/wire/frame.h"

struct dj_stream {
    int fd;
    struct dj_buf in;
    size_t in_used; /* bytes of `in` that dj_stream_next has handed out */
    struct dj_buf out;
    size_t out_sent;
};

void dj_stream_init(struct dj_stream *stream, int fd);
void dj_stream_release(struct dj_stream *stream); /* closes the descriptor */

/* dj_stream_read(stream): 0, -EAGAIN when nothing was there, -EPIPE at the other side's end. */
int dj_stream_read(struct dj_stream *stream) DJ_MUST_CHECK;

/* dj_stream_next(stream, ret_body): 1 with a body valid until the next call on the stream; 0; or
 * -EMSGSIZE: the connection is beyond repair. */
int dj_stream_next(struct dj_stream *stream, struct dj_bytes *ret_body) DJ_MUST_CHECK;

/* dj_stream_out(stream): append one frame's worth between dj_frame_begin and dj_frame_end here. */
struct dj_buf *dj_stream_out(struct dj_stream *stream);
/* dj_stream_flush(stream): writes what can be written; 0 also when some is left; -EPIPE. */
int dj_stream_flush(struct dj_stream *stream) DJ_MUST_CHECK;
bool dj_stream_wants_write(const struct dj_stream *stream);

#endif

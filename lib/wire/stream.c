#include "lib/wire/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

void dj_stream_init(struct dj_stream *stream, int fd)
{
    *stream = (struct dj_stream){.fd = fd};
}

void dj_stream_release(struct dj_stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    dj_buf_release(&stream->in);
    dj_buf_release(&stream->out);
    stream->fd = -1;
}

int dj_stream_read(struct dj_stream *stream)
{
    dj_buf_consume(&stream->in, stream->in_used);
    stream->in_used = 0;
    for (;;) {
        uint8_t *room = dj_buf_room(&stream->in, READ_SIZE);
        ssize_t n = recv(stream->fd, room, READ_SIZE, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? -EAGAIN : -EPIPE;
        if (n == 0)
            return -EPIPE;
        stream->in.len += (size_t)n;
        stream->in.data[stream->in.len] = '\0';
        return 0;
    }
}

int dj_stream_next(struct dj_stream *stream, struct dj_bytes *ret_body)
{
    struct dj_bytes rest = dj_bytes_from(dj_buf_bytes(&stream->in), stream->in_used);
    size_t used;
    int rc = dj_frame_next(rest, ret_body, &used);

    if (rc == 1)
        stream->in_used += used;
    return rc;
}

struct dj_buf *dj_stream_out(struct dj_stream *stream)
{
    return &stream->out;
}

int dj_stream_flush(struct dj_stream *stream)
{
    while (stream->out_sent < stream->out.len) {
        ssize_t n = send(stream->fd, stream->out.data + stream->out_sent,
                         stream->out.len - stream->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0)
            return -EPIPE;
        stream->out_sent += (size_t)n;
    }
    dj_buf_clear(&stream->out);
    stream->out_sent = 0;
    return 0;
}

bool dj_stream_wants_write(const struct dj_stream *stream)
{
    return stream->out_sent < stream->out.len;
}

#include "lib/wire/frame.h"

#include <errno.h>

size_t dj_frame_begin(struct dj_buf *buf)
{
    static const uint8_t head[DJ_FRAME_HEAD];
    size_t begin = buf->len;

    dj_buf_add(buf, head, sizeof(head));
    return begin;
}

int dj_frame_end(struct dj_buf *buf, size_t begin)
{
    size_t body = buf->len - begin - DJ_FRAME_HEAD;

    if (body > DJ_FRAME_MAX) {
        dj_buf_truncate(buf, begin);
        return -EMSGSIZE;
    }
    for (int i = 0; i < DJ_FRAME_HEAD; i++)
        buf->data[begin + (size_t)i] = (uint8_t)(body >> (8 * i));
    return 0;
}

int dj_frame_next(struct dj_bytes in, struct dj_bytes *ret_body, size_t *ret_used)
{
    uint32_t body = 0;

    if (in.len < DJ_FRAME_HEAD)
        return 0;
    for (int i = 0; i < DJ_FRAME_HEAD; i++)
        body |= (uint32_t)in.data[i] << (8 * i);
    if (body > DJ_FRAME_MAX)
        return -EMSGSIZE;
    if (in.len - DJ_FRAME_HEAD < body)
        return 0;
    *ret_body = dj_bytes(in.data + DJ_FRAME_HEAD, body);
    *ret_used = DJ_FRAME_HEAD + (size_t)body;
    return 1;
}

#include "lib/util/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/mem.h"

enum { LINE = 63 };

void dj_buf_init(struct dj_buf *buf)
{
    *buf = (struct dj_buf)DJ_BUF_INIT;
}

void dj_buf_release(struct dj_buf *buf)
{
    free(buf->data);
    dj_buf_init(buf);
}

void dj_buf_clear(struct dj_buf *buf)
{
    dj_buf_truncate(buf, 0);
}

uint8_t *dj_buf_room(struct dj_buf *buf, size_t n)
{
    size_t want;

    if (n < buf->cap - buf->len) {
        buf->data[buf->len] = '\0';
        return buf->data + buf->len;
    }
    if (__builtin_add_overflow(buf->len, n + 1, &want) || n + 1 == 0)
        want = (size_t)-1;
    buf->data = dj_xgrow(buf->data, &buf->cap, want, 1);
    buf->data[buf->len] = '\0';
    return buf->data + buf->len;
}

void dj_buf_add(struct dj_buf *buf, const void *data, size_t len)
{
    uint8_t *end = dj_buf_room(buf, len);

    if (len != 0)
        memcpy(end, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void dj_buf_add_bytes(struct dj_buf *buf, struct dj_bytes bytes)
{
    dj_buf_add(buf, bytes.data, bytes.len);
}

void dj_buf_adds(struct dj_buf *buf, const char *text)
{
    dj_buf_add(buf, text, strlen(text));
}

void dj_buf_addc(struct dj_buf *buf, int byte)
{
    uint8_t *end = dj_buf_room(buf, 1);

    end[0] = (uint8_t)byte;
    end[1] = '\0';
    buf->len++;
}

void dj_buf_addv(struct dj_buf *buf, const char *format, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    dj_buf_room(buf, LINE); /* most fit there: one pass then */
    len = vsnprintf((char *)buf->data + buf->len, buf->cap - buf->len, format, again);
    va_end(again);
    if (len < 0)
        return;
    if ((size_t)len >= buf->cap - buf->len)
        vsnprintf((char *)dj_buf_room(buf, (size_t)len), (size_t)len + 1, format, args);
    buf->len += (size_t)len;
}

void dj_buf_addf(struct dj_buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    dj_buf_addv(buf, format, args);
    va_end(args);
}

void dj_buf_set(struct dj_buf *buf, struct dj_bytes bytes)
{
    dj_buf_clear(buf);
    dj_buf_add_bytes(buf, bytes);
}

void dj_buf_consume(struct dj_buf *buf, size_t n)
{
    if (n == 0)
        return;
    memmove(buf->data, buf->data + n, buf->len - n);
    dj_buf_truncate(buf, buf->len - n);
}

void dj_buf_truncate(struct dj_buf *buf, size_t len)
{
    buf->len = len;
    if (buf->cap != 0)
        buf->data[len] = '\0';
}

struct dj_bytes dj_buf_bytes(const struct dj_buf *buf)
{
    return dj_bytes(buf->data, buf->len);
}

const char *dj_buf_str(const struct dj_buf *buf)
{
    return buf->cap == 0 ? "" : (const char *)buf->data;
}

char *dj_buf_steal(struct dj_buf *buf)
{
    char *text;

    dj_buf_room(buf, 0);
    text = (char *)buf->data;
    dj_buf_init(buf);
    return text;
}

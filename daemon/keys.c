#include "daemon/keys.h"

void dj_put64(struct dj_buf *buf, uint64_t number)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        dj_buf_addc(buf, (int)(number >> shift & 0xff));
}

uint64_t dj_get64(struct dj_bytes bytes, size_t offset)
{
    uint64_t number = 0;

    if (bytes.len < offset + 8)
        return 0;
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | bytes.data[offset + i];
    return number;
}

static void put32(struct dj_buf *buf, uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        dj_buf_addc(buf, (int)(number >> shift & 0xff));
}

static void begin(struct dj_buf *buf, char kind)
{
    dj_buf_clear(buf);
    dj_buf_addc(buf, kind);
}

void dj_key_task(struct dj_buf *buf, uint32_t task)
{
    begin(buf, 'T');
    put32(buf, task);
}

void dj_key_call(struct dj_buf *buf, const struct dj_digest *key)
{
    begin(buf, 'C');
    dj_buf_add(buf, key->b, sizeof(key->b));
}

void dj_key_name(struct dj_buf *buf, uint32_t task, struct dj_bytes name)
{
    begin(buf, 'L');
    put32(buf, task);
    dj_buf_add_bytes(buf, name);
}

void dj_key_number(struct dj_buf *buf, char kind, uint64_t number)
{
    begin(buf, kind);
    dj_put64(buf, number);
}

void dj_key_numbers(struct dj_buf *buf, char kind, uint64_t first, uint64_t second)
{
    dj_key_number(buf, kind, first);
    dj_put64(buf, second);
}

void dj_key_content(struct dj_buf *buf, const struct dj_digest *digest)
{
    begin(buf, 'B');
    dj_buf_add(buf, digest->b, sizeof(digest->b));
}

void dj_key_reference(struct dj_buf *buf, const struct dj_digest *digest, uint64_t instance)
{
    begin(buf, 'R');
    dj_buf_add(buf, digest->b, sizeof(digest->b));
    dj_put64(buf, instance);
}

void dj_key_input(struct dj_buf *buf, unsigned type, struct dj_bytes path)
{
    begin(buf, 'F');
    dj_buf_addc(buf, (int)type);
    dj_buf_add_bytes(buf, path);
}

void dj_key_version(struct dj_buf *buf, uint32_t task, const struct dj_digest *effective)
{
    begin(buf, 'V');
    put32(buf, task);
    dj_buf_add(buf, effective->b, sizeof(effective->b));
}

void dj_key_seen(struct dj_buf *buf, unsigned type, struct dj_bytes digest_prefix)
{
    begin(buf, 'G');
    dj_buf_addc(buf, (int)type);
    dj_buf_add_bytes(buf, digest_prefix);
}

void dj_key_lock(struct dj_buf *buf, const char *token)
{
    begin(buf, 'K');
    dj_buf_adds(buf, token);
}

void dj_key_counter(struct dj_buf *buf, const char *name)
{
    begin(buf, 'M');
    dj_buf_adds(buf, name);
}

void dj_key_after(struct dj_buf *buf, struct dj_bytes prefix)
{
    dj_buf_clear(buf);
    dj_buf_add_bytes(buf, prefix);
    while (buf->len > 0 && buf->data[buf->len - 1] == 0xff)
        dj_buf_truncate(buf, buf->len - 1);
    if (buf->len > 0)
        buf->data[buf->len - 1]++;
}

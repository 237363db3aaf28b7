#include "lib/util/utf8.h"

#include <string.h>

/* The range of the second byte closes out overlong forms, surrogates and what lies too high. */
static size_t expected(const uint8_t *data, uint8_t *ret_low, uint8_t *ret_high)
{
    *ret_low = 0x80;
    *ret_high = 0xbf;
    if (data[0] < 0x80)
        return 1;
    if (data[0] >= 0xc2 && data[0] <= 0xdf)
        return 2;
    if (data[0] >= 0xe0 && data[0] <= 0xef) {
        *ret_low = data[0] == 0xe0 ? 0xa0 : 0x80;
        *ret_high = data[0] == 0xed ? 0x9f : 0xbf;
        return 3;
    }
    if (data[0] >= 0xf0 && data[0] <= 0xf4) {
        *ret_low = data[0] == 0xf0 ? 0x90 : 0x80;
        *ret_high = data[0] == 0xf4 ? 0x8f : 0xbf;
        return 4;
    }
    return 0;
}

size_t dj_utf8_char(struct dj_bytes bytes)
{
    uint8_t low, high;
    size_t len;

    if (bytes.len == 0)
        return 0;
    len = expected(bytes.data, &low, &high);
    if (len > bytes.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (bytes.data[i] < low || bytes.data[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return len;
}

/* How many of the first bytes are plain, at least: eight at a time, since most text is. */
static size_t plain(struct dj_bytes bytes)
{
    size_t at = 0;
    uint64_t eight;

    for (; at + sizeof(eight) <= bytes.len; at += sizeof(eight)) {
        memcpy(&eight, bytes.data + at, sizeof(eight));
        if ((eight & 0x8080808080808080) != 0)
            break;
    }
    while (at < bytes.len && bytes.data[at] < 0x80)
        at++;
    return at;
}

bool dj_utf8_ok(struct dj_bytes bytes)
{
    for (;;) {
        size_t len;

        bytes = dj_bytes_from(bytes, plain(bytes));
        if (bytes.len == 0)
            return true;
        len = dj_utf8_char(bytes);

        if (len == 0)
            return false;
        bytes = dj_bytes_from(bytes, len);
    }
}

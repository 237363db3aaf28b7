/*
 * A borrowed run of bytes: pointer and length, owned by somebody else, not NUL-terminated.
 *
 * Arguments, file names and results are byte strings: they may hold any byte, NUL included where
 * the source allows it. A function that takes a struct dj_bytes reads it during the call only,
 * unless its header says that it keeps the pointer.
 */
#ifndef DJ_UTIL_BYTES_H
#define DJ_UTIL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct dj_bytes {
    const uint8_t *data;
    size_t len;
};

#define DJ_BYTES_LIT(literal) \
    ((struct dj_bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

static inline struct dj_bytes dj_bytes(const void *data, size_t len)
{
    return (struct dj_bytes){data, len};
}

/* dj_bytes_of(text): the bytes of a NUL-terminated string; NULL gives the empty run. */
static inline struct dj_bytes dj_bytes_of(const char *text)
{
    return (struct dj_bytes){(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
}

static inline bool dj_bytes_equal(struct dj_bytes a, struct dj_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool dj_bytes_is(struct dj_bytes a, const char *text)
{
    return dj_bytes_equal(a, dj_bytes_of(text));
}

/* dj_bytes_cmp(a, b): memcmp order, a prefix sorts before what it is a prefix of. */
static inline int dj_bytes_cmp(struct dj_bytes a, struct dj_bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

static inline bool dj_bytes_starts(struct dj_bytes a, struct dj_bytes prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.data, prefix.data, prefix.len) == 0);
}

/* dj_bytes_from(a, n): what follows the first n bytes; n must not exceed a.len. */
static inline struct dj_bytes dj_bytes_from(struct dj_bytes a, size_t n)
{
    return (struct dj_bytes){a.data + n, a.len - n};
}

#endif

/*
 * A growable byte buffer that owns its memory.
 *
 *     struct dj_buf buf = DJ_BUF_INIT;
 *     dj_buf_addf(&buf, "%s/%d", task, n);
 *     use(dj_buf_str(&buf));
 *     dj_buf_release(&buf);
 *
 * Invariants: len <= cap; when cap > 0 there is always a NUL byte at data[len] that is not counted,
 * so text needs no copy to become a C string. Not thread-safe. Aborts when memory is refused.
 */
#ifndef DJ_UTIL_BUF_H
#define DJ_UTIL_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/bytes.h"
#include "lib/util/macros.h"

struct dj_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
};

#define DJ_BUF_INIT {NULL, 0, 0}
#define dj_cleanup_buf DJ_CLEANUP(dj_buf_release)

void dj_buf_init(struct dj_buf *buf);
void dj_buf_release(struct dj_buf *buf); /* frees; the buffer is empty and usable again */
void dj_buf_clear(struct dj_buf *buf);   /* forgets the bytes, keeps the memory */

/* dj_buf_room(buf, n): room for n more bytes; the pointer to them. len is not changed. */
uint8_t *dj_buf_room(struct dj_buf *buf, size_t n);

void dj_buf_add(struct dj_buf *buf, const void *data, size_t len);
void dj_buf_add_bytes(struct dj_buf *buf, struct dj_bytes bytes);
void dj_buf_adds(struct dj_buf *buf, const char *text);
void dj_buf_addc(struct dj_buf *buf, int byte);
void dj_buf_addf(struct dj_buf *buf, const char *format, ...) DJ_PRINTF(2, 3);
void dj_buf_addv(struct dj_buf *buf, const char *format, va_list args) DJ_PRINTF(2, 0);

/* dj_buf_set(buf, bytes): replaces the content; bytes must not lie inside buf. */
void dj_buf_set(struct dj_buf *buf, struct dj_bytes bytes);

/* dj_buf_consume(buf, n): drops the first n bytes. */
void dj_buf_consume(struct dj_buf *buf, size_t n);

/* dj_buf_truncate(buf, len): forgets what lies behind len; len must not exceed buf->len. */
void dj_buf_truncate(struct dj_buf *buf, size_t len);

struct dj_bytes dj_buf_bytes(const struct dj_buf *buf);

/* dj_buf_str(buf): the content as a C string, never NULL; valid until the buffer changes. */
const char *dj_buf_str(const struct dj_buf *buf);

/* dj_buf_steal(buf): the memory as a NUL-terminated string for free(); the buffer is empty. */
char *dj_buf_steal(struct dj_buf *buf);

#endif

/*
 * CBOR (RFC 8949) written into a buffer and read from one; libcbor is used here and nowhere else.
 *
 * Writing always gives the shortest form of each head, as section 4.2 of the RFC asks of
 * deterministic encoding; the order of map keys is the caller's duty. Lengths are definite.
 *
 * Reading is pull-style: a reader walks the items in order and each call says what it expects.
 * A call returns 0, or -EBADMSG when the next item is another kind, malformed, not in its shortest
 * form or cut off; the reader then stays where it was. What it returns points into the input. A
 * count of items never exceeds what the rest of the input could hold. Text is checked to be UTF-8.
 */
#ifndef DJ_UTIL_CBOR_H
#define DJ_UTIL_CBOR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/buf.h"
#include "lib/util/bytes.h"

void dj_cbor_uint(struct dj_buf *buf, uint64_t value);
void dj_cbor_int(struct dj_buf *buf, int64_t value);
void dj_cbor_negint(struct dj_buf *buf, uint64_t minus_one_minus); /* -1 - value, to -2^64 */
void dj_cbor_bytes(struct dj_buf *buf, struct dj_bytes bytes);
void dj_cbor_text(struct dj_buf *buf, struct dj_bytes utf8); /* the caller knows it is UTF-8 */
void dj_cbor_array(struct dj_buf *buf, size_t items);
void dj_cbor_map(struct dj_buf *buf, size_t pairs);
void dj_cbor_tag(struct dj_buf *buf, uint64_t tag);
void dj_cbor_bool(struct dj_buf *buf, bool value);
void dj_cbor_null(struct dj_buf *buf);

/* dj_cbor_double(buf, value): shortest of half, single and double that keeps the value; one NaN. */
void dj_cbor_double(struct dj_buf *buf, double value);

struct dj_cbor_reader {
    struct dj_bytes rest; /* what has not been read */
};

enum dj_cbor_kind {
    DJ_CBOR_END, /* no more input */
    DJ_CBOR_UINT,
    DJ_CBOR_NEGINT,
    DJ_CBOR_BYTES,
    DJ_CBOR_TEXT,
    DJ_CBOR_ARRAY,
    DJ_CBOR_MAP,
    DJ_CBOR_TAG,
    DJ_CBOR_BOOL,
    DJ_CBOR_NULL,
    DJ_CBOR_DOUBLE,
    DJ_CBOR_BAD,
};

/* dj_cbor_peek(reader): the kind of the next item; nothing is consumed. */
enum dj_cbor_kind dj_cbor_peek(const struct dj_cbor_reader *reader);

int dj_cbor_get_uint(struct dj_cbor_reader *reader, uint64_t *ret) DJ_MUST_CHECK;
int dj_cbor_get_int(struct dj_cbor_reader *reader, int64_t *ret) DJ_MUST_CHECK;
int dj_cbor_get_bytes(struct dj_cbor_reader *reader, struct dj_bytes *ret) DJ_MUST_CHECK;
int dj_cbor_get_text(struct dj_cbor_reader *reader, struct dj_bytes *ret) DJ_MUST_CHECK;
int dj_cbor_get_array(struct dj_cbor_reader *reader, uint64_t *ret_items) DJ_MUST_CHECK;
int dj_cbor_get_map(struct dj_cbor_reader *reader, uint64_t *ret_pairs) DJ_MUST_CHECK;
int dj_cbor_get_tag(struct dj_cbor_reader *reader, uint64_t *ret) DJ_MUST_CHECK;
int dj_cbor_get_bool(struct dj_cbor_reader *reader, bool *ret) DJ_MUST_CHECK;
int dj_cbor_get_null(struct dj_cbor_reader *reader) DJ_MUST_CHECK;
int dj_cbor_get_double(struct dj_cbor_reader *reader, double *ret) DJ_MUST_CHECK;

/* dj_cbor_skip(reader): steps over one item with all that is inside it, 32 levels at most. */
int dj_cbor_skip(struct dj_cbor_reader *reader) DJ_MUST_CHECK;

#endif

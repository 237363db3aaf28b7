/*
 * JSON in its canonical form; jansson is used here and nowhere else.
 *
 * Canonical: object keys sorted by their bytes, no white space, strings with the shortest escapes
 * (UTF-8 as it is), ints as digits within 64 bits, floats as dj_float_print() writes them
 * (lib/model/number.h), so 1 and 1.0 stay apart. Refused with a sentence: duplicate keys, numbers
 * that no int64 or double holds, text that is not UTF-8, more than 512 levels, bytes behind the
 * value. Pure and thread-safe.
 */
#ifndef DJ_MODEL_JSON_H
#define DJ_MODEL_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/number.h"
#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/err.h"

/* dj_json_canonical(text, ret, err): appends the canonical text. -EINVAL. */
int dj_json_canonical(struct dj_bytes text, struct dj_buf *ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_json_cbor(buf, canonical): the same value as deterministic CBOR; the input is canonical. */
void dj_json_cbor(struct dj_buf *buf, struct dj_bytes canonical);

/* dj_json_string(buf, bytes): one JSON string with its quotes; bad UTF-8 becomes U+FFFD. */
void dj_json_string(struct dj_buf *buf, struct dj_bytes bytes);

/* ---- JSON taken apart, for those who show it ---- */

struct dj_json;

/* dj_json_read(text, err): NULL with a sentence; freed by the caller. */
struct dj_json *dj_json_read(struct dj_bytes text, struct dj_err *err) DJ_MUST_CHECK;
void dj_json_free(struct dj_json *value);
void dj_json_freep(struct dj_json **value);
#define dj_cleanup_json DJ_CLEANUP(dj_json_freep)

/* Borrowed; NULL when there is no such member, or the object is none. All below take NULL. */
const struct dj_json *dj_json_member(const struct dj_json *object, const char *name);
const struct dj_json *dj_json_at(const struct dj_json *array, size_t i);
/* dj_json_plain(buf, value): a string without quotes and escapes, else its canonical text. */
void dj_json_plain(struct dj_buf *buf, const struct dj_json *value);
bool dj_json_is(const struct dj_json *value, const char *text); /* that string */
uint64_t dj_json_uint(const struct dj_json *value);             /* 0 when it is none */
double dj_json_number(const struct dj_json *value);             /* 0 when it is none */
/*
 * dj_json_raw(text, each, cookie, err): the members of an object with the bytes of their values as
 * they stand in the text, so that no number is rounded. each: dj_json_raw_fn; the name is without
 * quotes and escapes. -EINVAL when the text is no object.
 */
typedef void dj_json_raw_fn(void *cookie, struct dj_bytes name, struct dj_bytes value);
int dj_json_raw(struct dj_bytes text, dj_json_raw_fn *each, void *cookie,
                struct dj_err *err) DJ_MUST_CHECK;

typedef void dj_json_each_fn(void *cookie, const char *name, const struct dj_json *value);
void dj_json_each(const struct dj_json *object, dj_json_each_fn *each, void *cookie);

#endif

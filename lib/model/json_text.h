/*
 * JSON as the text that it is: checked and taken apart without being read into values.
 *
 * For those who carry values they do not understand: a number keeps its spelling (1.0,
 * 9007199254740993) and an object the order of its members, since nothing is converted. What is
 * taken is RFC 8259 with at most 512 levels and in valid UTF-8; what is refused gets a sentence.
 * Pure and thread-safe; nothing is allocated.
 */
#ifndef DJ_MODEL_JSON_TEXT_H
#define DJ_MODEL_JSON_TEXT_H

#include <stdbool.h>

#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/err.h"

/* dj_json_span(text, ret, err): the value at the start, which may have blanks before it; *ret is
 * the value alone. What follows it is the caller's business. -EINVAL. */
int dj_json_span(struct dj_bytes text, struct dj_bytes *ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_json_is_whole(text): it is one value and nothing but blanks around it. */
bool dj_json_is_whole(struct dj_bytes text, struct dj_bytes *ret);

/* dj_json_unquote(buf, string): the bytes of a string that dj_json_span() has given. */
void dj_json_unquote(struct dj_buf *buf, struct dj_bytes string);

/*
 * The members of an object or the elements of an array that dj_json_span() has given:
 *
 *     struct dj_json_walk walk = dj_json_walk(value);
 *     while (dj_json_next(&walk)) use(walk.name, walk.value);
 *
 * name is a string with its quotes, empty in an array.
 */
struct dj_json_walk {
    struct dj_bytes rest;
    struct dj_bytes name;
    struct dj_bytes value;
};

struct dj_json_walk dj_json_walk(struct dj_bytes value);
bool dj_json_next(struct dj_json_walk *walk);

/* dj_json_name_is(string, name): the string with its quotes means these bytes. */
bool dj_json_name_is(struct dj_bytes string, struct dj_bytes name);

/*
 * dj_json_set_path(buf, value, path, leaf): appends value with the member that path leads to
 * replaced by leaf, or added at the end; all else keeps its bytes. path is names separated by dots.
 * An empty value, or null, counts as {}. -EINVAL with a sentence when a value on the way is no
 * object.
 */
int dj_json_set_path(struct dj_buf *buf, struct dj_bytes value, struct dj_bytes path,
                     struct dj_bytes leaf, struct dj_err *err) DJ_MUST_CHECK;

/* dj_json_one_line(buf, value): appends it; newlines between its tokens become blanks. */
void dj_json_one_line(struct dj_buf *buf, struct dj_bytes value);

#endif

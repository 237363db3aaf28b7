/*
 * UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. Pure.
 */
#ifndef DJ_UTIL_UTF8_H
#define DJ_UTIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/util/bytes.h"

/* dj_utf8_char(bytes): length of the character at the start, 0 when there is no valid one. */
size_t dj_utf8_char(struct dj_bytes bytes);

/* dj_utf8_ok(bytes): all of it is UTF-8. */
bool dj_utf8_ok(struct dj_bytes bytes);

#endif

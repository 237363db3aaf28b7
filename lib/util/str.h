/*
 * Small text helpers: numbers, durations and sizes read strictly, and printed for people.
 *
 * Reading takes the whole text or refuses it with a sentence: no blanks around it, no sign, no
 * leftovers, no overflow. What is printed for people is rounded; it is not meant to be read back.
 *
 *   duration   a number with a unit: 250ms 90s 5m 2h 1d, also 1.5h and 1h30m; a bare number is
 *              seconds; at most 100 years
 *   size       a number with a unit: 512 4KiB 1.5GiB 10MB (k and K alike; K, M, G, T alone are
 *              powers of 1024; KB, MB … are powers of 1000; a bare number or B is bytes)
 *
 * Pure and thread-safe.
 */
#ifndef DJ_UTIL_STR_H
#define DJ_UTIL_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/err.h"

int dj_parse_uint(struct dj_bytes text, uint64_t *ret, struct dj_err *err) DJ_MUST_CHECK;
int dj_parse_int(struct dj_bytes text, int64_t *ret, struct dj_err *err) DJ_MUST_CHECK;
int dj_parse_duration(struct dj_bytes text, uint64_t *ret_ms, struct dj_err *err) DJ_MUST_CHECK;
int dj_parse_size(struct dj_bytes text, uint64_t *ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_print_duration(buf, ms): exact and read back the same by dj_parse_duration: 1h30m, 250ms. */
void dj_print_duration(struct dj_buf *buf, uint64_t ms);

/* dj_print_size(buf, bytes): exact and read back the same by dj_parse_size: 10M, 1536K, 1000. */
void dj_print_size(struct dj_buf *buf, uint64_t bytes);

/* For people, two units or three digits: "850 us", "12.3 ms", "4.21 s", "3 min 5 s", "2 d 4 h". */
void dj_people_duration(struct dj_buf *buf, uint64_t ns);
void dj_people_size(struct dj_buf *buf, uint64_t bytes); /* "512 B", "4.0 KiB", "1.5 GiB" */

/* dj_people_time(buf, ns): local time, "2024-05-01 13:37:00"; 0 prints "-". */
void dj_people_time(struct dj_buf *buf, uint64_t realtime_ns);

/* dj_strip(text): without the blanks, tabs, CR and LF at both ends. */
struct dj_bytes dj_strip(struct dj_bytes text);

/*
 * dj_next_line(&rest, ret_line): the next line without its newline; false at the end of the text. A
 * last line without a newline counts.
 */
bool dj_next_line(struct dj_bytes *rest, struct dj_bytes *ret_line);

/* dj_next_component(&rest, ret): the next one of a path, without "." and empty ones. */
bool dj_next_component(struct dj_bytes *rest, struct dj_bytes *ret);

/* dj_next_item(&rest, ret_item): the next word of a list separated by commas and blanks. */
bool dj_next_item(struct dj_bytes *rest, struct dj_bytes *ret_item);

/*
 * dj_nearest(word, candidates, n): the candidate that a typing slip may have meant (at most a third
 * of its letters away), or NULL.
 */
const char *dj_nearest(struct dj_bytes word, const char *const *candidates, size_t n);

/* dj_add_escaped(buf, bytes): on one line and to be told apart: \\ \n \t, \xNN for other control
 * bytes; all else as it is. */
void dj_add_escaped(struct dj_buf *buf, struct dj_bytes bytes);

/* dj_add_printable(buf, bytes): for sentences: control bytes become \xNN, at most 200 bytes. */
void dj_add_printable(struct dj_buf *buf, struct dj_bytes bytes);

#endif

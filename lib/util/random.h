/* Random bytes, and bytes as hex: without libsodium, which is loaded for digests alone. */
#ifndef DJ_UTIL_RANDOM_H
#define DJ_UTIL_RANDOM_H

#include <stddef.h>

/* From the kernel. */
void dj_random(void *ret, size_t len);

/* dj_hex(bytes, len, hex): lower-case hex with a NUL, into 2 * len + 1. */
void dj_hex(const void *bytes, size_t len, char *hex);

#endif

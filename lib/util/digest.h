/*
 * Content digests: BLAKE2b with 256 bits, from libsodium, which no other file includes.
 *
 * A streaming hash is init, update…, final; the state needs no release. Everything is thread-safe.
 * A process in which libsodium cannot start exits with a sentence: nothing works without it.
 */
#ifndef DJ_UTIL_DIGEST_H
#define DJ_UTIL_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/macros.h"

#define DJ_DIGEST_SIZE 32
#define DJ_DIGEST_HEX_SIZE (2 * DJ_DIGEST_SIZE + 1)

struct dj_digest {
    uint8_t b[DJ_DIGEST_SIZE];
};

struct dj_hasher {
    _Alignas(64) unsigned char state[384];
};

void dj_digest_bytes(struct dj_bytes bytes, struct dj_digest *ret);

void dj_hasher_init(struct dj_hasher *hasher);
void dj_hasher_update(struct dj_hasher *hasher, const void *data, size_t len);
void dj_hasher_final(struct dj_hasher *hasher, struct dj_digest *ret);

/* dj_digest_fd(fd, ret, ret_size): hashes from the current offset to the end; 0 or -errno. */
int dj_digest_fd(int fd, struct dj_digest *ret, uint64_t *ret_size);

/* dj_digest_hex(digest, hex): lower-case hex with a NUL into a buffer of DJ_DIGEST_HEX_SIZE. */
void dj_digest_hex(const struct dj_digest *digest, char *hex);

/* dj_digest_parse(hex, ret): exactly 64 hex digits, else -EINVAL. */
int dj_digest_parse(struct dj_bytes hex, struct dj_digest *ret);

bool dj_digest_equal(const struct dj_digest *a, const struct dj_digest *b);
bool dj_digest_is_zero(const struct dj_digest *digest);

/* dj_base64_decode(text, buf): appends the bytes; -EINVAL. Here, since libsodium has it. */
int dj_base64_decode(struct dj_bytes text, struct dj_buf *buf) DJ_MUST_CHECK;

#endif

/*
 * Checksums of large content: what its first read after a start is compared with.
 *
 * A digest (BLAKE2b) is the name of content, and nobody can make other bytes for it; computing it
 * takes longer than a disk that is fast takes to read the bytes. That bytes have not rotted since
 * they were taken in needs less: XXH3 with 128 bits, at many times the speed. So it is kept beside
 * the digest, in the value of each reference to the content (keys.h). Whoever can write into the
 * store's folder can change both; a check of the store (fsck.h) computes digests.
 *
 * The only user of xxHash. The bytes are those of its canonical form.
 *
 * Threads: all calls may run at the same time, each with its own state.
 */
#ifndef DJ_DAEMON_CHECKSUM_H
#define DJ_DAEMON_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "lib/util/buf.h"
#include "lib/util/digest.h"

#define DJ_CHECKSUM_SIZE 16

struct dj_checksum {
    uint8_t b[DJ_CHECKSUM_SIZE];
};

/* What is summed up piece by piece: new, add, and final, which frees it; or free. */
struct dj_summing;
struct dj_summing *dj_summing_new(void);
void dj_summing_add(struct dj_summing *summing, const void *bytes, size_t len);
void dj_summing_final(struct dj_summing *summing, struct dj_checksum *ret);
void dj_summing_free(struct dj_summing *summing); /* NULL is all right */

/* dj_checksum_bytes(bytes, ret): in one go. */
void dj_checksum_bytes(struct dj_bytes bytes, struct dj_checksum *ret);

/* dj_checksum_fd(fd, ret): from the current offset to the end; 0 or -errno. */
int dj_checksum_fd(int fd, struct dj_checksum *ret);

/* dj_checksum_and_digest_fd(fd, ret, ret_digest, ret_size): both, in one reading. */
int dj_checksum_and_digest_fd(int fd, struct dj_checksum *ret, struct dj_digest *ret_digest,
                              uint64_t *ret_size);

#endif

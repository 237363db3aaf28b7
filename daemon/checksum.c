#include "daemon/checksum.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "lib/util/mem.h"

enum { CHUNK = 256 * 1024 };

struct dj_summing {
    XXH3_state_t *state;
};

struct dj_summing *dj_summing_new(void)
{
    struct dj_summing *summing = dj_xcalloc(1, sizeof(*summing));

    summing->state = XXH3_createState();
    if (summing->state == NULL)
        abort(); /* as the allocators of mem.h */
    XXH3_128bits_reset(summing->state);
    return summing;
}

void dj_summing_add(struct dj_summing *summing, const void *bytes, size_t len)
{
    XXH3_128bits_update(summing->state, bytes, len);
}

static void put(XXH128_hash_t hash, struct dj_checksum *ret)
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, hash);
    memcpy(ret->b, canonical.digest, sizeof(ret->b));
}

void dj_summing_final(struct dj_summing *summing, struct dj_checksum *ret)
{
    put(XXH3_128bits_digest(summing->state), ret);
    dj_summing_free(summing);
}

void dj_summing_free(struct dj_summing *summing)
{
    if (summing == NULL)
        return;
    XXH3_freeState(summing->state);
    free(summing);
}

void dj_checksum_bytes(struct dj_bytes bytes, struct dj_checksum *ret)
{
    put(XXH3_128bits(bytes.data, bytes.len), ret);
}

/* hasher: NULL for none. */
static int sum(int fd, struct dj_hasher *hasher, struct dj_checksum *ret, uint64_t *ret_size)
{
    dj_cleanup_free uint8_t *chunk = dj_xmalloc(CHUNK);
    struct dj_summing *summing = dj_summing_new();
    ssize_t n;

    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    *ret_size = 0;
    while ((n = read(fd, chunk, CHUNK)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int code = -errno;

            dj_summing_free(summing);
            return code;
        }
        dj_summing_add(summing, chunk, (size_t)n);
        if (hasher != NULL)
            dj_hasher_update(hasher, chunk, (size_t)n);
        *ret_size += (uint64_t)n;
    }
    dj_summing_final(summing, ret);
    return 0;
}

int dj_checksum_fd(int fd, struct dj_checksum *ret)
{
    uint64_t size;

    return sum(fd, NULL, ret, &size);
}

int dj_checksum_and_digest_fd(int fd, struct dj_checksum *ret, struct dj_digest *ret_digest,
                              uint64_t *ret_size)
{
    struct dj_hasher hasher;
    int rc;

    dj_hasher_init(&hasher);
    rc = sum(fd, &hasher, ret, ret_size);
    if (rc == 0)
        dj_hasher_final(&hasher, ret_digest);
    return rc;
}

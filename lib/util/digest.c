#include "lib/util/digest.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/mem.h"

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(struct dj_hasher),
               "the hasher has room for libsodium's state");

/* Here and not in main(): what is not linked with this file does not load libsodium either. */
__attribute__((constructor)) static void set_up(void)
{
    if (sodium_init() < 0) {
        fputs("djfs: libsodium could not start\n", stderr);
        exit(70);
    }
}

void dj_digest_bytes(struct dj_bytes bytes, struct dj_digest *ret)
{
    crypto_generichash(ret->b, sizeof(ret->b), bytes.data, bytes.len, NULL, 0);
}

static crypto_generichash_state *state_of(struct dj_hasher *hasher)
{
    return (crypto_generichash_state *)(void *)hasher->state;
}

void dj_hasher_init(struct dj_hasher *hasher)
{
    crypto_generichash_init(state_of(hasher), NULL, 0, DJ_DIGEST_SIZE);
}

void dj_hasher_update(struct dj_hasher *hasher, const void *data, size_t len)
{
    crypto_generichash_update(state_of(hasher), data, len);
}

void dj_hasher_final(struct dj_hasher *hasher, struct dj_digest *ret)
{
    crypto_generichash_final(state_of(hasher), ret->b, sizeof(ret->b));
}

int dj_digest_fd(int fd, struct dj_digest *ret, uint64_t *ret_size)
{
    enum { CHUNK = 256 * 1024 };
    dj_cleanup_free uint8_t *chunk = dj_xmalloc(CHUNK);
    struct dj_hasher hasher;
    uint64_t size = 0;

    dj_hasher_init(&hasher);
    for (;;) {
        ssize_t n = read(fd, chunk, CHUNK);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        dj_hasher_update(&hasher, chunk, (size_t)n);
        size += (uint64_t)n;
    }
    dj_hasher_final(&hasher, ret);
    if (ret_size != NULL)
        *ret_size = size;
    return 0;
}

void dj_digest_hex(const struct dj_digest *digest, char *hex)
{
    sodium_bin2hex(hex, DJ_DIGEST_HEX_SIZE, digest->b, sizeof(digest->b));
}

int dj_digest_parse(struct dj_bytes hex, struct dj_digest *ret)
{
    size_t len = 0;

    if (hex.len != 2 * DJ_DIGEST_SIZE)
        return -EINVAL;
    if (sodium_hex2bin(ret->b, sizeof(ret->b), (const char *)hex.data, hex.len, NULL, &len,
                       NULL) != 0 || len != DJ_DIGEST_SIZE)
        return -EINVAL;
    return 0;
}

bool dj_digest_equal(const struct dj_digest *a, const struct dj_digest *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool dj_digest_is_zero(const struct dj_digest *digest)
{
    static const struct dj_digest zero;

    return dj_digest_equal(digest, &zero);
}

int dj_base64_decode(struct dj_bytes text, struct dj_buf *buf)
{
    size_t room = text.len / 4 * 3 + 3, len = 0;

    if (sodium_base642bin(dj_buf_room(buf, room), room, (const char *)text.data, text.len,
                          " \r\n", &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return -EINVAL;
    buf->len += len;
    return 0;
}

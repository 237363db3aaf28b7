#include "lib/util/digest.h"

#include <errno.h>
#include <unistd.h>

#include "lib/util/random.h"
#include "tests/unit/tap.h"

/* b2sum -l 256 of nothing and of "abc" */
#define OF_NOTHING "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
#define OF_ABC "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"

static const char *hex_of(const struct dj_digest *digest)
{
    static char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(digest, hex);
    return hex;
}

static void test_known(void)
{
    struct dj_digest digest;

    dj_digest_bytes((struct dj_bytes){NULL, 0}, &digest);
    is_str(hex_of(&digest), OF_NOTHING, "the digest of nothing");
    dj_digest_bytes(DJ_BYTES_LIT("abc"), &digest);
    is_str(hex_of(&digest), OF_ABC, "the digest of abc");
    ok(!dj_digest_is_zero(&digest), "is not zero");
    memset(&digest, 0, sizeof(digest));
    ok(dj_digest_is_zero(&digest), "zero is");
}

static void test_streaming(void)
{
    struct dj_hasher hasher;
    struct dj_digest whole, parts;

    dj_hasher_init(&hasher);
    dj_hasher_update(&hasher, "a", 1);
    dj_hasher_update(&hasher, "", 0);
    dj_hasher_update(&hasher, "bc", 2);
    dj_hasher_final(&hasher, &parts);
    dj_digest_bytes(DJ_BYTES_LIT("abc"), &whole);
    ok(dj_digest_equal(&whole, &parts), "parts give the digest of the whole");
}

static void test_fd(void)
{
    struct dj_digest digest;
    uint64_t size = 99;
    int pipe_fd[2];

    if (pipe(pipe_fd) != 0 || write(pipe_fd[1], "abc", 3) != 3)
        bail_out("no pipe");
    close(pipe_fd[1]);
    is_int(dj_digest_fd(pipe_fd[0], &digest, &size), 0, "a descriptor is read to its end");
    close(pipe_fd[0]);
    is_int((intmax_t)size, 3, "its size");
    is_str(hex_of(&digest), OF_ABC, "its digest");
    is_int(dj_digest_fd(-1, &digest, NULL), -EBADF, "no descriptor");
}

static void test_parse(void)
{
    struct dj_digest digest, parsed;

    dj_digest_bytes(DJ_BYTES_LIT("abc"), &digest);
    is_int(dj_digest_parse(DJ_BYTES_LIT(OF_ABC), &parsed), 0, "hex digits are read");
    ok(dj_digest_equal(&digest, &parsed), "as the same digest");
    is_int(dj_digest_parse(DJ_BYTES_LIT("abc"), &parsed), -EINVAL, "too few digits");
    is_int(dj_digest_parse(DJ_BYTES_LIT(OF_ABC "00"), &parsed), -EINVAL, "too many digits");
    is_int(dj_digest_parse(dj_bytes_from(DJ_BYTES_LIT("g" OF_ABC), 0), &parsed), -EINVAL,
           "a letter too many");
    is_int(dj_digest_parse(dj_bytes("g" OF_ABC, 64), &parsed), -EINVAL, "not a hex digit");
}

static void test_random(void)
{
    uint64_t a = 0, b = 0;

    dj_random(&a, sizeof(a));
    dj_random(&b, sizeof(b));
    ok(a != b, "two random numbers differ");
    dj_random(&a, 0);
}

static void test_hex(void)
{
    char hex[9];

    dj_hex("\x00\x0f\xa9\xff", 4, hex);
    is_str(hex, "000fa9ff", "bytes as hex");
    dj_hex("", 0, hex);
    is_str(hex, "", "no bytes as hex");
}

int main(void)
{
    test_known();
    test_streaming();
    test_fd();
    test_parse();
    test_random();
    test_hex();
    return tap_done();
}

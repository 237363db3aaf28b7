/* Checksums: known ones, whole or in pieces, of bytes or of a file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/checksum.h"
#include "lib/util/fdio.h"
#include "lib/util/random.h"
#include "tests/unit/tap.h"

#define LONG 1000003

static bool is(const struct dj_checksum *sum, const char *hex)
{
    char is_hex[2 * DJ_CHECKSUM_SIZE + 1];

    dj_hex(sum->b, sizeof(sum->b), is_hex);
    if (strcmp(is_hex, hex) != 0)
        diag("%s, not %s", is_hex, hex);
    return strcmp(is_hex, hex) == 0;
}

/* As `xxhsum -H2` prints them. */
static void known(void)
{
    struct dj_checksum sum;

    dj_checksum_bytes(DJ_BYTES_LIT(""), &sum);
    ok(is(&sum, "99aa06d3014798d86001c324468d497f"), "of nothing");
    dj_checksum_bytes(DJ_BYTES_LIT("abc"), &sum);
    ok(is(&sum, "06b05ab6733a618578af5f94892f3950"), "of abc");
}

static void pieces(const uint8_t *bytes)
{
    struct dj_summing *summing = dj_summing_new();
    struct dj_checksum whole, sum;

    dj_checksum_bytes(dj_bytes(bytes, LONG), &whole);
    for (size_t done = 0, piece = 1; done < LONG; done += piece, piece = piece * 3 + 1)
        dj_summing_add(summing, bytes + done, DJ_MIN(piece, LONG - done));
    dj_summing_final(summing, &sum);
    ok(memcmp(&whole, &sum, sizeof(sum)) == 0, "pieces have the sum of the whole");
    dj_summing_free(NULL);
}

static void file(uint8_t *bytes)
{
    struct dj_checksum whole, sum;
    struct dj_digest digest, is_digest;
    uint64_t size = 0;
    FILE *temporary = tmpfile();
    int fd = fileno(temporary);

    dj_checksum_bytes(dj_bytes(bytes, LONG), &whole);
    dj_digest_bytes(dj_bytes(bytes, LONG), &digest);
    ok(dj_write_full(fd, bytes, LONG) == 0 && lseek(fd, 0, SEEK_SET) == 0, "a file");
    ok(dj_checksum_fd(fd, &sum) == 0 && memcmp(&whole, &sum, sizeof(sum)) == 0, "its sum");
    ok(lseek(fd, 0, SEEK_SET) == 0 &&
           dj_checksum_and_digest_fd(fd, &sum, &is_digest, &size) == 0,
       "both in one reading");
    ok(memcmp(&whole, &sum, sizeof(sum)) == 0 && dj_digest_equal(&digest, &is_digest) &&
           size == LONG,
       "are the same");
    bytes[LONG / 2] ^= 1;
    dj_checksum_bytes(dj_bytes(bytes, LONG), &sum);
    ok(memcmp(&whole, &sum, sizeof(sum)) != 0, "one bit makes another sum");
    fclose(temporary);
    ok(dj_checksum_fd(-1, &sum) == -EBADF, "a file that cannot be read");
}

int main(void)
{
    uint8_t *bytes = malloc(LONG);

    for (size_t i = 0; i < LONG; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    known();
    pieces(bytes);
    file(bytes);
    free(bytes);
    return tap_done();
}

#include "lib/util/random.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void dj_random(void *ret, size_t len)
{
    uint8_t *at = ret;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fprintf(stderr, "djfs: no random bytes from the kernel: %s\n", strerror(errno));
            abort();
        }
        at += n;
        len -= (size_t)n;
    }
}

void dj_hex(const void *bytes, size_t len, char *hex)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[at[i] >> 4];
        hex[2 * i + 1] = digits[at[i] & 0xf];
    }
    hex[2 * len] = '\0';
}

#include "lib/util/utf8.h"

#include <string.h>

#include "tests/unit/tap.h"

/* What RFC 3629 says about a code point, written independently of the table under test. */
static size_t encode(uint32_t point, uint8_t *out)
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (uint8_t)(0xc0 | point >> 6);
        out[1] = (uint8_t)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (uint8_t)(0xe0 | point >> 12);
        out[1] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | point >> 18);
    out[1] = (uint8_t)(0x80 | (point >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (point & 0x3f));
    return 4;
}

static void test_all_points(void)
{
    unsigned wrong = 0;

    for (uint32_t point = 0; point < 0x110400; point++) {
        bool valid = point < 0x110000 && (point < 0xd800 || point > 0xdfff);
        uint8_t bytes[4];
        size_t len = encode(point, bytes);

        wrong += dj_utf8_char(dj_bytes(bytes, len)) != (valid ? len : 0);
        wrong += len > 1 && dj_utf8_char(dj_bytes(bytes, len - 1)) != 0;
    }
    is_int(wrong, 0, "all code points, none of the surrogates, none above U+10FFFF, none cut off");
}

static void test_bad(void)
{
    ok(dj_utf8_ok((struct dj_bytes){NULL, 0}), "nothing is UTF-8");
    ok(dj_utf8_ok(DJ_BYTES_LIT("a\0\xc3\xbc\xf0\x9f\x98\x80")), "characters of each length");
    ok(!dj_utf8_ok(DJ_BYTES_LIT("\xff")), "ff");
    ok(!dj_utf8_ok(DJ_BYTES_LIT("\x80")), "a second byte alone");
    ok(!dj_utf8_ok(DJ_BYTES_LIT("\xc0\x80")), "an overlong NUL");
    ok(!dj_utf8_ok(DJ_BYTES_LIT("\xe0\x9f\xbf")), "an overlong form of three bytes");
    ok(!dj_utf8_ok(DJ_BYTES_LIT("\xf0\x8f\xbf\xbf")), "an overlong form of four bytes");
    ok(!dj_utf8_ok(DJ_BYTES_LIT("abc\xc3")), "cut off");
}

/* Plain bytes are looked at eight at a time: what is not plain may stand at any place of these. */
static void test_among_plain(void)
{
    char text[32];
    unsigned wrong = 0;

    for (size_t len = 1; len <= sizeof(text); len++) {
        memset(text, 'a', sizeof(text));
        wrong += !dj_utf8_ok(dj_bytes(text, len));
        for (size_t at = 0; at < len; at++) {
            memset(text, 'a', sizeof(text));
            text[at] = (char)0xc3;
            wrong += dj_utf8_ok(dj_bytes(text, len));
            if (at + 1 == len)
                continue;
            text[at + 1] = (char)0xbc;
            wrong += !dj_utf8_ok(dj_bytes(text, len));
        }
    }
    is_int(wrong, 0, "one character among plain ones, at every place, whole and cut");
}

int main(void)
{
    test_all_points();
    test_bad();
    test_among_plain();
    return tap_done();
}

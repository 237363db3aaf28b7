#include "lib/util/cbor.h"

#include <errno.h>
#include <float.h>
#include <math.h>

#include "tests/unit/tap.h"

static struct dj_cbor_reader reader_of(const void *data, size_t len)
{
    return (struct dj_cbor_reader){dj_bytes(data, len)};
}

#define READER(literal) reader_of(literal, sizeof(literal) - 1)

/* wrote(hex, name, statement): what the statement writes into `buf` is these bytes. */
#define WROTE(want, name, statement)                                             \
    do {                                                                         \
        struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;                          \
        statement;                                                               \
        is_bytes(buf.data, buf.len, want, sizeof(want) - 1, "writing %s", name); \
    } while (0)

static void test_writing(void)
{
    WROTE("\x00", "0", dj_cbor_uint(&buf, 0));
    WROTE("\x17", "23", dj_cbor_uint(&buf, 23));
    WROTE("\x18\x18", "24", dj_cbor_uint(&buf, 24));
    WROTE("\x18\xff", "255", dj_cbor_uint(&buf, 255));
    WROTE("\x19\x01\x00", "256", dj_cbor_uint(&buf, 256));
    WROTE("\x1a\x00\x01\x00\x00", "65536", dj_cbor_uint(&buf, 65536));
    WROTE("\x1b\x00\x00\x00\x01\x00\x00\x00\x00", "2^32", dj_cbor_uint(&buf, 1ULL << 32));
    WROTE("\x1b\xff\xff\xff\xff\xff\xff\xff\xff", "2^64-1", dj_cbor_uint(&buf, UINT64_MAX));
    WROTE("\x20", "-1", dj_cbor_int(&buf, -1));
    WROTE("\x38\x18", "-25", dj_cbor_int(&buf, -25));
    WROTE("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", "-2^63", dj_cbor_int(&buf, INT64_MIN));
    WROTE("\x3b\xff\xff\xff\xff\xff\xff\xff\xff", "-2^64", dj_cbor_negint(&buf, UINT64_MAX));
    WROTE("\x40", "no bytes", dj_cbor_bytes(&buf, (struct dj_bytes){NULL, 0}));
    WROTE("\x43\x00\x01\xff", "bytes", dj_cbor_bytes(&buf, DJ_BYTES_LIT("\x00\x01\xff")));
    WROTE("\x62\xc3\xbc", "text", dj_cbor_text(&buf, DJ_BYTES_LIT("\xc3\xbc")));
    WROTE("\x80", "an empty array", dj_cbor_array(&buf, 0));
    WROTE("\x98\x18", "an array of 24", dj_cbor_array(&buf, 24));
    WROTE("\xa1", "a map", dj_cbor_map(&buf, 1));
    WROTE("\xc2", "a tag", dj_cbor_tag(&buf, 2));
    WROTE("\xf4", "false", dj_cbor_bool(&buf, false));
    WROTE("\xf5", "true", dj_cbor_bool(&buf, true));
    WROTE("\xf6", "null", dj_cbor_null(&buf));
}

static void test_writing_doubles(void)
{
    WROTE("\xf9\x00\x00", "0.0", dj_cbor_double(&buf, 0.0));
    WROTE("\xf9\x80\x00", "-0.0", dj_cbor_double(&buf, -0.0));
    WROTE("\xf9\x3c\x00", "1.0", dj_cbor_double(&buf, 1.0));
    WROTE("\xf9\x7b\xff", "65504.0", dj_cbor_double(&buf, 65504.0));
    WROTE("\xfa\x47\x80\x00\x00", "65536.0", dj_cbor_double(&buf, 65536.0));
    WROTE("\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a", "1.1", dj_cbor_double(&buf, 1.1));
    WROTE("\xf9\x00\x01", "2^-24", dj_cbor_double(&buf, 0x1p-24));
    WROTE("\xf9\x03\xff", "the largest subnormal half", dj_cbor_double(&buf, 0x3ffp-24));
    WROTE("\xfa\x33\x00\x00\x00", "2^-25", dj_cbor_double(&buf, 0x1p-25));
    WROTE("\xfa\x00\x00\x00\x01", "the smallest float", dj_cbor_double(&buf, 0x1p-149));
    WROTE("\xfb\x36\x90\x00\x00\x00\x00\x00\x00", "half of that", dj_cbor_double(&buf, 0x1p-150));
    WROTE("\xfa\x7f\x7f\xff\xff", "the largest float", dj_cbor_double(&buf, (double)FLT_MAX));
    WROTE("\xfb\x7f\xef\xff\xff\xff\xff\xff\xff", "the largest double",
          dj_cbor_double(&buf, DBL_MAX));
    WROTE("\xf9\x7c\x00", "infinity", dj_cbor_double(&buf, INFINITY));
    WROTE("\xf9\xfc\x00", "-infinity", dj_cbor_double(&buf, -INFINITY));
    WROTE("\xf9\x7e\x00", "nan", dj_cbor_double(&buf, NAN));
    WROTE("\xf9\x7e\x00", "-nan", dj_cbor_double(&buf, -NAN));
}

/* Each half is read, and written again as itself; of the NaNs only one is. */
static void test_all_halves(void)
{
    unsigned right = 0, nans = 0;

    for (unsigned half = 0; half <= 0xffff; half++) {
        const uint8_t bytes[3] = {0xf9, (uint8_t)(half >> 8), (uint8_t)half};
        struct dj_cbor_reader reader = reader_of(bytes, sizeof(bytes));
        bool is_nan = (half & 0x7c00) == 0x7c00 && (half & 0x3ff) != 0;
        double value;
        int r = dj_cbor_get_double(&reader, &value);

        right += is_nan == (r != 0);
        nans += is_nan && r == 0 && isnan(value);
    }
    is_int(right, 65535, "every half that is a number is accepted, and NaNs are not");
    is_int(nans, 1, "but for one");
}

#define REFUSED(literal, name)                                                             \
    do {                                                                                   \
        struct dj_cbor_reader reader = READER(literal);                                    \
        size_t before = reader.rest.len;                                                   \
        is_int(dj_cbor_peek(&reader), DJ_CBOR_BAD, "%s is bad", name);                     \
        is_int(dj_cbor_skip(&reader), -EBADMSG, "%s is not skipped", name);                \
        is_int((intmax_t)reader.rest.len, (intmax_t)before, "the reader stays before it"); \
    } while (0)

static void test_refused(void)
{
    REFUSED("\x18\x17", "23 in two bytes");
    REFUSED("\x19\x00\xff", "255 in three bytes");
    REFUSED("\x1b\x00\x00\x00\x00\xff\xff\xff\xff", "2^32-1 in nine bytes");
    REFUSED("\x38\x00", "-1 in two bytes");
    REFUSED("\x58\x01x", "a length in two bytes");
    REFUSED("\xd8\x02\x00", "a tag in two bytes");
    REFUSED("\xfa\x3f\x80\x00\x00", "1.0 as a single");
    REFUSED("\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00", "1.0 as a double");
    REFUSED("\xfa\x7f\xc0\x00\x00", "NaN as a single");
    REFUSED("\x19\x01", "a head that is cut off");
    REFUSED("\x43" "ab", "bytes that are cut off");
    REFUSED("\x5b\xff\xff\xff\xff\xff\xff\xff\xff", "2^64-1 bytes");
    REFUSED("\x7b\x7f\xff\xff\xff\xff\xff\xff\xff", "2^63-1 bytes of text");
    REFUSED("\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "2^64-1 items");
    REFUSED("\xbb\x80\x00\x00\x00\x00\x00\x00\x00", "2^63 pairs");
    REFUSED("\x82\x00", "two items where there is one byte");
    REFUSED("\xa1\x00", "a pair where there is one byte");
    REFUSED("\xc2", "a tag of nothing");
    REFUSED("\x5f\x41x\xff", "bytes of indefinite length");
    REFUSED("\x7f\x61x\xff", "text of indefinite length");
    REFUSED("\x9f\xff", "an array of indefinite length");
    REFUSED("\xbf\xff", "a map of indefinite length");
    REFUSED("\xf7", "undefined");
    REFUSED("\xe0", "a simple value");
    REFUSED("\xf8\x20", "a simple value in two bytes");
    REFUSED("\xff", "a break");
    REFUSED("\x1c", "a reserved head");
    REFUSED("\x61\xff", "text that is not UTF-8");
    REFUSED("\x62\xc0\x80", "text with an overlong form");
    REFUSED("\x63\xed\xa0\x80", "text with a surrogate");
    REFUSED("\x64\xf4\x90\x80\x80", "text above U+10FFFF");
}

static void test_reading(void)
{
    struct dj_cbor_reader reader = READER("\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x3b\x7f\xff\xff\xff"
                                          "\xff\xff\xff\xff\x42\x00\x01\x61z\x81\xa1\xc2\xf5\xf6"
                                          "\xf9\x3c\x00");
    struct dj_bytes bytes;
    uint64_t number;
    int64_t whole;
    double real;
    bool truth;

    is_int(dj_cbor_get_int(&reader, &whole), -EBADMSG, "2^64-1 is no int64");
    is_int(dj_cbor_get_bytes(&reader, &bytes), -EBADMSG, "nor bytes");
    ok(dj_cbor_get_uint(&reader, &number) == 0 && number == UINT64_MAX, "but an uint64");
    is_int(dj_cbor_get_uint(&reader, &number), -EBADMSG, "-2^63 is no uint64");
    ok(dj_cbor_get_int(&reader, &whole) == 0 && whole == INT64_MIN, "but an int64");
    is_int(dj_cbor_get_text(&reader, &bytes), -EBADMSG, "bytes are not text");
    ok(dj_cbor_get_bytes(&reader, &bytes) == 0 && bytes.len == 2, "but bytes");
    ok(dj_cbor_get_text(&reader, &bytes) == 0 && dj_bytes_is(bytes, "z"), "text");
    is_int(dj_cbor_get_map(&reader, &number), -EBADMSG, "an array is no map");
    ok(dj_cbor_get_array(&reader, &number) == 0 && number == 1, "an array");
    ok(dj_cbor_get_map(&reader, &number) == 0 && number == 1, "a map");
    ok(dj_cbor_get_tag(&reader, &number) == 0 && number == 2, "a tag");
    is_int(dj_cbor_get_null(&reader), -EBADMSG, "true is not null");
    ok(dj_cbor_get_bool(&reader, &truth) == 0 && truth, "but true");
    is_int(dj_cbor_get_bool(&reader, &truth), -EBADMSG, "null is neither true nor false");
    is_int(dj_cbor_get_null(&reader), 0, "but null");
    is_int(dj_cbor_get_uint(&reader, &number), -EBADMSG, "1.0 is not 1");
    ok(dj_cbor_get_double(&reader, &real) == 0 && real == 1.0, "but a double");
    is_int(dj_cbor_peek(&reader), DJ_CBOR_END, "the end");
    is_int(dj_cbor_skip(&reader), -EBADMSG, "nothing can be skipped there");
}

static void test_skip(void)
{
    struct dj_cbor_reader reader = READER("\x82\xa1\x61x\x81\xc2\x41y\xf6\x05");
    struct dj_buf deep dj_cleanup_buf = DJ_BUF_INIT;
    uint64_t number;

    is_int(dj_cbor_skip(&reader), 0, "an array is skipped with all that is in it");
    ok(dj_cbor_get_uint(&reader, &number) == 0 && number == 5, "what follows is next");
    for (int i = 0; i < 32; i++)
        dj_cbor_array(&deep, 1);
    dj_cbor_null(&deep);
    reader.rest = dj_buf_bytes(&deep);
    is_int(dj_cbor_skip(&reader), -EBADMSG, "33 levels are too many");
    reader.rest = dj_bytes_from(dj_buf_bytes(&deep), 1);
    is_int(dj_cbor_skip(&reader), 0, "32 levels are not");
}

int main(void)
{
    test_writing();
    test_writing_doubles();
    test_all_halves();
    test_refused();
    test_reading();
    test_skip();
    return tap_done();
}

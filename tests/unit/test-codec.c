#include "lib/model/codec.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/util/cbor.h"
#include "lib/util/mem.h"
#include "tests/unit/tap.h"

struct part {
    uint64_t number;
    char *text;
};

struct whole {
    uint64_t u;
    int64_t i;
    bool b;
    double d;
    struct dj_digest digest;
    struct dj_buf bytes;
    char *text;
    struct part part;
    struct dj_list parts;
    struct dj_list strings;
};

#define FIELD(owner, kind_, field, sub_) {#field, kind_, offsetof(struct owner, field), sub_}

static const struct dj_field part_fields[] = {
    FIELD(part, DJ_FIELD_UINT, number, NULL),
    FIELD(part, DJ_FIELD_TEXT, text, NULL),
};
static const struct dj_layout part_layout = {"part", sizeof(struct part), part_fields, 2};
static const struct dj_layout old_part_layout = {"part", sizeof(struct part), part_fields, 1};

static const struct dj_field whole_fields[] = {
    FIELD(whole, DJ_FIELD_UINT, u, NULL),
    FIELD(whole, DJ_FIELD_INT, i, NULL),
    FIELD(whole, DJ_FIELD_BOOL, b, NULL),
    FIELD(whole, DJ_FIELD_DOUBLE, d, NULL),
    FIELD(whole, DJ_FIELD_DIGEST, digest, NULL),
    FIELD(whole, DJ_FIELD_BYTES, bytes, NULL),
    FIELD(whole, DJ_FIELD_TEXT, text, NULL),
    FIELD(whole, DJ_FIELD_STRUCT, part, &part_layout),
    FIELD(whole, DJ_FIELD_LIST, parts, &part_layout),
    FIELD(whole, DJ_FIELD_BYTES_LIST, strings, NULL),
};
static const struct dj_layout whole_layout = {"whole", sizeof(struct whole), whole_fields, 10};
static const struct dj_layout old_layout = {"whole", sizeof(struct whole), whole_fields, 7};

static void fill(struct whole *whole)
{
    struct part *part;

    *whole = (struct whole){.u = UINT64_MAX, .i = INT64_MIN, .b = true, .d = -0.0};
    memset(&whole->digest, 7, sizeof(whole->digest));
    dj_buf_add_bytes(&whole->bytes, DJ_BYTES_LIT("a\0b"));
    whole->text = dj_xstrdup("caf\xe9");
    whole->part = (struct part){3, dj_xstrdup("inner")};
    for (uint64_t i = 0; i < 20; i++) {
        part = dj_list_add(&whole->parts, sizeof(*part));
        part->number = i;
        part->text = i % 2 == 0 ? NULL : dj_xstrdup("odd");
    }
    dj_list_add_bytes(&whole->strings, DJ_BYTES_LIT("one"));
    dj_list_add_bytes(&whole->strings, (struct dj_bytes){NULL, 0});
}

static bool is_zero(const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((const uint8_t *)data)[i] != 0)
            return false;
    return true;
}

static void test_round_trip(void)
{
    struct dj_buf bytes dj_cleanup_buf = DJ_BUF_INIT, again dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct whole whole, back;

    fill(&whole);
    dj_codec_encode(&bytes, &whole_layout, &whole);
    is_int(dj_codec_decode(&whole_layout, dj_buf_bytes(&bytes), &back, &err), 0, "decodes");
    is_str(err.text, NULL, "the error object is untouched");
    ok(back.u == UINT64_MAX && back.i == INT64_MIN && back.b && 1 / back.d < 0, "numbers");
    ok(dj_digest_equal(&back.digest, &whole.digest), "digest");
    is_bytes(back.bytes.data, back.bytes.len, "a\0b", 3, "bytes");
    is_str(back.text, "caf\xe9", "text that is not UTF-8");
    is_str(back.part.text, "inner", "the struct inside");
    is_int((intmax_t)back.parts.n, 20, "all elements of the list");
    is_str(DJ_LIST_AT(&back.parts, struct part, 19)->text, "odd", "the last one");
    is_str(DJ_LIST_AT(&back.parts, struct part, 18)->text, NULL, "the empty string is NULL");
    is_int((intmax_t)back.strings.n, 2, "byte strings");
    ok(dj_bytes_is(dj_list_bytes(&back.strings, 0), "one"), "with their content");
    dj_codec_encode(&again, &whole_layout, &back);
    is_bytes(again.data, again.len, bytes.data, bytes.len, "encodes to the same bytes");
    dj_codec_release(&whole_layout, &whole);
    dj_codec_release(&whole_layout, &back);
    ok(is_zero(&back, sizeof(back)), "a released struct is zero");
    dj_codec_release(&whole_layout, &back);
}

static void test_cut_off(void)
{
    struct dj_buf bytes dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct whole whole, back;
    size_t refused = 0;

    fill(&whole);
    dj_codec_encode(&bytes, &whole_layout, &whole);
    for (size_t len = 0; len < bytes.len; len++) {
        int r = dj_codec_decode(&whole_layout, dj_bytes(bytes.data, len), &back, NULL);

        refused += r == -EBADMSG && is_zero(&back, sizeof(back));
    }
    is_int((intmax_t)refused, (intmax_t)bytes.len, "every shorter input is refused, nothing kept");
    dj_buf_addc(&bytes, 0);
    is_int(dj_codec_decode(&whole_layout, dj_buf_bytes(&bytes), &back, &err), -EBADMSG,
           "one byte more is refused");
    is_str(err.text, "whole: 1 bytes follow it", "with a sentence");
    dj_codec_release(&whole_layout, &whole);
}

static void test_versions(void)
{
    struct dj_buf bytes dj_cleanup_buf = DJ_BUF_INIT;
    struct whole whole, back;

    fill(&whole);
    dj_codec_encode(&bytes, &old_layout, &whole);
    is_int(dj_codec_decode(&whole_layout, dj_buf_bytes(&bytes), &back, NULL), 0,
           "an old record is read by a new reader");
    ok(back.part.number == 0 && back.parts.n == 0 && back.strings.n == 0,
       "what it does not have is zero");
    is_str(back.text, "caf\xe9", "what it has is there");
    dj_codec_release(&whole_layout, &back);
    dj_buf_clear(&bytes);
    dj_codec_encode(&bytes, &whole_layout, &whole);
    is_int(dj_codec_decode(&old_layout, dj_buf_bytes(&bytes), &back, NULL), 0,
           "a new record is read by an old reader");
    is_int((intmax_t)back.parts.n, 0, "without what it does not know");
    dj_codec_release(&old_layout, &back);
    dj_buf_clear(&bytes);
    dj_codec_encode(&bytes, &part_layout, &whole.part);
    is_int(dj_codec_decode(&old_part_layout, dj_buf_bytes(&bytes), &back, NULL), 0,
           "also when there is one more");
    dj_codec_release(&whole_layout, &whole);
}

static void refused(const char *name, struct dj_bytes bytes, const char *sentence)
{
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct whole back;

    is_int(dj_codec_decode(&whole_layout, bytes, &back, &err), -EBADMSG, "%s is refused", name);
    is_str(err.text, sentence, "with a sentence");
}

static void test_bad(void)
{
    struct dj_buf many dj_cleanup_buf = DJ_BUF_INIT;

    refused("nothing", (struct dj_bytes){NULL, 0}, "whole is not a CBOR array");
    refused("a map", DJ_BYTES_LIT("\xa0"), "whole is not a CBOR array");
    refused("a wrong kind", DJ_BYTES_LIT("\x82\x01\x41x"), "whole: field i is malformed");
    refused("a short digest", DJ_BYTES_LIT("\x85\x01\x01\xf5\xf9\x3c\x00\x41x"),
            "whole: field digest is malformed");
    dj_buf_add_bytes(&many, DJ_BYTES_LIT("\x89\x01\x01\xf5\xf9\x3c\x00\x58\x20"));
    for (int i = 0; i < DJ_DIGEST_SIZE; i++)
        dj_buf_addc(&many, 0);
    dj_buf_add_bytes(&many, DJ_BYTES_LIT("\x40\x40\x80"));
    dj_cbor_array(&many, 50000);
    for (int i = 0; i < 50000; i++)
        dj_buf_add_bytes(&many, DJ_BYTES_LIT("\x82\x01\x01"));
    refused("a text that is a number", dj_buf_bytes(&many), "part: field text is malformed");
    refused("a NUL byte in a text",
            DJ_BYTES_LIT("\x87\x01\x01\xf5\xf9\x3c\x00\x58\x20"
                         "01234567890123456789012345678901\x40\x41\x00"),
            "whole: field text is malformed");
}

/* A list of empty structs must not turn a byte into the size of a struct without a bound. */
static void test_amplification(void)
{
    struct big {
        struct dj_list list;
    } big;
    struct element {
        uint64_t number;
        char room[1016];
    };
    static const struct dj_field element_fields[] = {
        FIELD(element, DJ_FIELD_UINT, number, NULL),
    };
    static const struct dj_layout element_layout = {"element", sizeof(struct element),
                                                    element_fields, 1};
    static const struct dj_field big_fields[] = {
        FIELD(big, DJ_FIELD_LIST, list, &element_layout),
    };
    static const struct dj_layout big_layout = {"big", sizeof(struct big), big_fields, 1};
    struct dj_buf bytes dj_cleanup_buf = DJ_BUF_INIT;

    dj_cbor_array(&bytes, 1);
    dj_cbor_array(&bytes, 1000);
    for (int i = 0; i < 1000; i++)
        dj_cbor_array(&bytes, 0);
    is_int(dj_codec_decode(&big_layout, dj_buf_bytes(&bytes), &big, NULL), -EBADMSG,
           "a kilobyte of input does not become a megabyte");
}

int main(void)
{
    test_round_trip();
    test_cut_off();
    test_versions();
    test_bad();
    test_amplification();
    return tap_done();
}

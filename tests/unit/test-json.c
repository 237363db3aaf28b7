#include "lib/model/json.h"

#include <errno.h>

#include "tests/unit/tap.h"

static void check(const char *text, const char *want)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT, again dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    int r = dj_json_canonical(dj_bytes_of(text), &buf, &err);

    if (!is_str(r == 0 ? dj_buf_str(&buf) : NULL, want, "%s", text))
        diag("%s", dj_err_text(&err, r));
    r = dj_json_canonical(dj_buf_bytes(&buf), &again, NULL);
    is_str(r == 0 ? dj_buf_str(&again) : NULL, want, "canonical text stays as it is");
}

static void refused(struct dj_bytes text, const char *part)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;

    is_int(dj_json_canonical(text, &buf, &err), -EINVAL, "refused: %.*s",
           (int)DJ_MIN(text.len, 40U), (const char *)text.data);
    if (!ok(err.text != NULL && strstr(err.text, part) != NULL, "the sentence says \"%s\"", part))
        diag("%s", err.text);
    is_int((intmax_t)buf.len, 0, "nothing is written");
}

static void test_canonical(void)
{
    check(" 1 ", "1");
    check("1.0", "1.0");
    check("1e3", "1000.0");
    check("-0", "0");
    check("-0.0", "-0.0");
    check("9223372036854775807", "9223372036854775807");
    check("-9223372036854775808", "-9223372036854775808");
    check("9223372036854775808.0", "9.223372036854776e+18");
    check("\"1\"", "\"1\"");
    check("true", "true");
    check("false", "false");
    check("null", "null");
    check("[ ]", "[]");
    check("{ }", "{}");
    check("[1, [2.50, []], {}]", "[1,[2.5,[]],{}]");
    check("{\"b\": 1, \"a\": 2}", "{\"a\":2,\"b\":1}");
    check("{\"aa\":1,\"b\":2,\"B\":3,\"\":4}", "{\"\":4,\"B\":3,\"aa\":1,\"b\":2}");
    check("{\"\xc3\xbc\":1,\"z\":2}", "{\"z\":2,\"\xc3\xbc\":1}");
    check("\"\\u00fc\\/\\u0041\"", "\"\xc3\xbc/A\"");
    check("\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"");
    check("\"\\u0000\\u001f\\u007f\\n\\t\\\"\\\\'\"", "\"\\u0000\\u001f\x7f\\n\\t\\\"\\\\'\"");
}

static void test_refused(void)
{
    refused(DJ_BYTES_LIT("9223372036854775808"), "write it as a string");
    refused(DJ_BYTES_LIT("[-9223372036854775809]"), "write it as a string");
    refused(DJ_BYTES_LIT("1e400"), "write it as a string");
    refused(DJ_BYTES_LIT("{\"a\":1,\"a\":1}"), "duplicate");
    refused(DJ_BYTES_LIT("{\"a\":1,\"\\u0061\":2}"), "duplicate");
    refused(DJ_BYTES_LIT(""), "JSON");
    refused(DJ_BYTES_LIT("1 2"), "end of file");
    refused(DJ_BYTES_LIT("[1,]"), "JSON");
    refused(DJ_BYTES_LIT("{a:1}"), "JSON");
    refused(DJ_BYTES_LIT("'a'"), "JSON");
    refused(DJ_BYTES_LIT("NaN"), "JSON");
    refused(DJ_BYTES_LIT("01"), "JSON");
    refused(DJ_BYTES_LIT("+1"), "JSON");
    refused(DJ_BYTES_LIT("\"\xff\""), "unable to decode byte 0xff");
    refused(DJ_BYTES_LIT("\"\\ud800\""), "JSON");
    refused(DJ_BYTES_LIT("1\0"), "NUL");
}

static void nested(struct dj_buf *buf, int levels)
{
    for (int i = 0; i < levels; i++)
        dj_buf_addc(buf, '[');
    for (int i = 0; i < levels; i++)
        dj_buf_addc(buf, ']');
}

static void test_depth(void)
{
    struct dj_buf text dj_cleanup_buf = DJ_BUF_INIT, buf dj_cleanup_buf = DJ_BUF_INIT;

    nested(&text, 512);
    is_int(dj_json_canonical(dj_buf_bytes(&text), &buf, NULL), 0, "512 levels are accepted");
    dj_json_cbor(&buf, dj_buf_bytes(&text));
    dj_buf_clear(&text);
    nested(&text, 513);
    refused(dj_buf_bytes(&text), "more than 512 levels");
    dj_buf_clear(&text);
    nested(&text, 100000);
    refused(dj_buf_bytes(&text), "more than 512 levels");
}

static void check_cbor(const char *canonical, const char *want_hex)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT, hex dj_cleanup_buf = DJ_BUF_INIT;

    dj_json_cbor(&buf, dj_bytes_of(canonical));
    for (size_t i = 0; i < buf.len; i++)
        dj_buf_addf(&hex, "%02x", buf.data[i]);
    is_str(dj_buf_str(&hex), want_hex, "CBOR of %s", canonical);
}

static void test_cbor(void)
{
    check_cbor("1", "01");
    check_cbor("1.0", "f93c00");
    check_cbor("\"1\"", "6131");
    check_cbor("true", "f5");
    check_cbor("null", "f6");
    check_cbor("[]", "80");
    check_cbor("{}", "a0");
    check_cbor("[-1,[\"\\u0000\"]]", "8220816100");
    check_cbor("{\"aa\":1,\"b\":2}", "a26162026261" "6101");
}

static void test_string(void)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;

    dj_json_string(&buf, DJ_BYTES_LIT("a\"\\\n\x01\xff\xc3\xbc\xe2\x82"));
    is_str(dj_buf_str(&buf),
           "\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xbc\xef\xbf\xbd\xef\xbf\xbd\"",
           "a string with quotes, controls and bytes that are not UTF-8");
}

int main(void)
{
    test_canonical();
    test_refused();
    test_depth();
    test_cbor();
    test_string();
    return tap_done();
}

#include "lib/model/number.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/tap.h"

/* ---- ints ------------------------------------------------------------------------------- */

static void check_int(const char *text, const char *want)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;
    int r = dj_int_canonical(dj_bytes_of(text), &buf);

    if (want == NULL)
        is_int(r, -EINVAL, "int \"%s\" is refused", text);
    else
        is_str(r == 0 ? dj_buf_str(&buf) : NULL, want, "int \"%s\"", text);
}

static void test_ints(void)
{
    check_int("0", "0");
    check_int("-0", "0");
    check_int("+0", "0");
    check_int("000", "0");
    check_int("+5", "5");
    check_int("-007", "-7");
    check_int("9223372036854775808", "9223372036854775808");
    check_int("-00018446744073709551617", "-18446744073709551617");
    check_int("", NULL);
    check_int("-", NULL);
    check_int("+-1", NULL);
    check_int("1.0", NULL);
    check_int("1e3", NULL);
    check_int(" 1", NULL);
    check_int("1 ", NULL);
    check_int("1\n", NULL);
    check_int("0x10", NULL);
    check_int("1_000", NULL);
    check_int("\xd9\xa1", NULL); /* ARABIC-INDIC DIGIT ONE */
    check_int("true", NULL);
}

static void check_int_cbor(const char *text, const char *want_hex)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT, hex dj_cleanup_buf = DJ_BUF_INIT;

    dj_int_cbor(&buf, dj_bytes_of(text));
    for (size_t i = 0; i < buf.len; i++)
        dj_buf_addf(&hex, "%02x", buf.data[i]);
    is_str(dj_buf_str(&hex), want_hex, "CBOR of %s", text);
}

static void test_int_cbor(void)
{
    char longest[DJ_NUMBER_MAX + 1];
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;

    check_int_cbor("0", "00");
    check_int_cbor("-1", "20");
    check_int_cbor("1000000", "1a000f4240");
    check_int_cbor("9223372036854775807", "1b7fffffffffffffff");
    check_int_cbor("9223372036854775808", "1b8000000000000000");
    check_int_cbor("18446744073709551615", "1bffffffffffffffff");
    check_int_cbor("18446744073709551616", "c249010000000000000000");
    check_int_cbor("-9223372036854775808", "3b7fffffffffffffff");
    check_int_cbor("-18446744073709551616", "3bffffffffffffffff");
    check_int_cbor("-18446744073709551617", "c349010000000000000000");
    memset(longest, '9', DJ_NUMBER_MAX);
    longest[DJ_NUMBER_MAX] = '\0';
    dj_int_cbor(&buf, dj_bytes_of(longest));
    is_int((intmax_t)buf.len, 1 + 3 + 416, "10^1000 - 1 takes 416 bytes"); /* 1000 log2(10) / 8 */
}

/* ---- floats ----------------------------------------------------------------------------- */

static void check_float(const char *text, const char *want)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;
    double value;
    int r = dj_float_parse(dj_bytes_of(text), &value);

    if (r == 0)
        dj_float_print(&buf, value);
    is_str(r == 0 ? dj_buf_str(&buf) : NULL, want, "float \"%s\"", text);
}

static void test_float_forms(void)
{
    check_float("1", "1.0");
    check_float("1.0", "1.0");
    check_float("+1.", "1.0");
    check_float(".5", "0.5");
    check_float("1e3", "1000.0");
    check_float("1E+3", "1000.0");
    check_float("0.001e6", "1000.0");
    check_float("0", "0.0");
    check_float("-0", "-0.0");
    check_float("-0.0e99", "-0.0");
    check_float("0e400", "0.0");
    check_float("9223372036854775808", "9.223372036854776e+18");
    check_float("1e15", "1000000000000000.0");
    check_float("1e16", "1e+16");
    check_float("123456789012345678", "1.2345678901234568e+17");
    check_float("0.0001", "0.0001");
    check_float("0.00001", "1e-05");
    check_float("0.1", "0.1");
    check_float("0.30000000000000004", "0.30000000000000004");
    check_float("5.684341886080802e-14", "5.684341886080802e-14"); /* 2^-44 */
    check_float("9007199254740993", "9007199254740992.0");
    check_float("1.7976931348623157e308", "1.7976931348623157e+308");
    check_float("2.2250738585072014e-308", "2.2250738585072014e-308");
    check_float("5e-324", "5e-324");
    check_float("1e-400", "0.0");
    check_float("nan", "nan");
    check_float("-NaN", "nan");
    check_float("INF", "inf");
    check_float("-Infinity", "-inf");
}

static void test_float_refused(void)
{
    double value;

    is_int(dj_float_parse(DJ_BYTES_LIT("1e400"), &value), -ERANGE, "1e400 is too large");
    is_int(dj_float_parse(DJ_BYTES_LIT("-1.8e308"), &value), -ERANGE, "so is -1.8e308");
    is_int(dj_float_parse(DJ_BYTES_LIT("1e99999999999999999999"), &value), -ERANGE,
           "so is an exponent beyond every integer");
    check_float("", NULL);
    check_float(".", NULL);
    check_float("-", NULL);
    check_float("e5", NULL);
    check_float("1e", NULL);
    check_float("1e+", NULL);
    check_float("1.0.0", NULL);
    check_float("1,5", NULL);
    check_float("0x1p3", NULL);
    check_float(" 1", NULL);
    check_float("1 ", NULL);
    check_float("1_0", NULL);
    check_float("nanx", NULL);
    check_float("nan(1)", NULL);
    check_float("1f", NULL);
}

static double from_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static bool survives(double value)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;
    double back;

    dj_float_print(&buf, value);
    return dj_float_parse(dj_buf_bytes(&buf), &back) == 0 &&
           memcmp(&back, &value, sizeof(value)) == 0 &&
           strpbrk(dj_buf_str(&buf), ".e") != NULL && strtod(dj_buf_str(&buf), NULL) == value;
}

/* A fixed sequence (splitmix64), so that a failure can be repeated. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void test_round_trip(void)
{
    uint64_t state = 1;
    unsigned wrong = 0;

    for (int i = 0; i < 20000; i++) {
        double value = from_bits(next_random(&state));

        if (isfinite(value))
            wrong += !survives(value);
    }
    is_int(wrong, 0, "20000 random doubles read back as themselves");
    wrong = 0;
    for (uint64_t exponent = 0; exponent < 2047; exponent++)
        for (uint64_t mantissa = 0; mantissa < 3; mantissa++)
            wrong += !survives(from_bits(exponent << 52 | mantissa)) +
                     !survives(-from_bits((exponent << 52) + mantissa - (exponent != 0)));
    is_int(wrong, 0, "every power of two does, and its neighbours");
}

/* A locale of our own: none with a decimal comma need be installed. Debian's locales are. */
static bool has_comma(void)
{
    static const char make[] =
        "cd \"$LOCPATH\" && printf 'LC_NUMERIC\\ndecimal_point \",\"\\nthousands_sep \".\"\\n"
        "grouping 3;3\\nEND LC_NUMERIC\\n' > source && "
        "localedef --no-archive -c -i ./source ./comma > log 2>&1 || test -d comma";
    char folder[] = "/tmp/dj-locale.XXXXXX";
    char remove[sizeof(folder) + 16];
    bool made;

    if (mkdtemp(folder) == NULL)
        bail_out("mkdtemp: %m");
    setenv("LOCPATH", folder, 1);
    made = system(make) == 0 && setlocale(LC_NUMERIC, "comma") != NULL;
    snprintf(remove, sizeof(remove), "rm -rf %s", folder);
    if (system(remove) != 0)
        bail_out("%s failed", remove);
    return made;
}

static void test_locale(void)
{
    char text[8];

    if (!has_comma() && getenv("DJ_STRICT") == NULL) {
        skip(3, "no locale with a decimal comma can be made");
        return;
    }
    snprintf(text, sizeof(text), "%.1f", 1.5);
    is_str(text, "1,5", "a locale with a decimal comma");
    check_float("1.5", "1.5");
    check_float("1,5", NULL);
    setlocale(LC_NUMERIC, "C");
}

int main(void)
{
    test_ints();
    test_int_cbor();
    test_float_forms();
    test_float_refused();
    test_round_trip();
    test_locale();
    return tap_done();
}

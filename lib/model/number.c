#include "lib/model/number.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/util/cbor.h"
#include "lib/util/mem.h"

enum { DOUBLE_DIGITS = 17, EXPONENT_CLAMP = 100000 };

static size_t count_digits(struct dj_bytes text)
{
    size_t n = 0;

    while (n < text.len && isdigit(text.data[n]))
        n++;
    return n;
}

/* take_sign(text): true for "-"; a sign is stepped over. */
static bool take_sign(struct dj_bytes *text)
{
    bool negative = text->len > 0 && text->data[0] == '-';

    if (negative || (text->len > 0 && text->data[0] == '+'))
        *text = dj_bytes_from(*text, 1);
    return negative;
}

/* ---- ints ------------------------------------------------------------------------------- */

int dj_int_canonical(struct dj_bytes text, struct dj_buf *ret)
{
    bool negative;

    if (text.len > DJ_NUMBER_MAX)
        return -EINVAL;
    negative = take_sign(&text);
    if (text.len == 0 || count_digits(text) != text.len)
        return -EINVAL;
    while (text.len > 1 && text.data[0] == '0')
        text = dj_bytes_from(text, 1);
    if (negative && text.data[0] != '0')
        dj_buf_addc(ret, '-');
    dj_buf_add_bytes(ret, text);
    return 0;
}

/* number = number * 10 + digit, big-endian in bytes[size]. */
static void multiply_add(uint8_t *bytes, size_t size, unsigned digit)
{
    unsigned carry = digit;

    for (size_t i = size; i-- > 0;) {
        carry += bytes[i] * 10U;
        bytes[i] = (uint8_t)(carry & 0xff);
        carry >>= 8;
    }
}

static void subtract_one(uint8_t *bytes, size_t size)
{
    for (size_t i = size; i-- > 0;)
        if (bytes[i]-- != 0)
            break;
}

void dj_int_cbor(struct dj_buf *buf, struct dj_bytes canonical)
{
    uint8_t bytes[DJ_NUMBER_MAX / 2 + 1] = {0};
    bool negative = take_sign(&canonical);
    size_t size = canonical.len / 2 + 1; /* a digit takes less than half a byte */
    size_t lead = 0;
    uint64_t small = 0;

    for (size_t i = 0; i < canonical.len; i++)
        multiply_add(bytes, size, canonical.data[i] - (unsigned)'0');
    if (negative)
        subtract_one(bytes, size);
    while (lead < size && bytes[lead] == 0)
        lead++;
    if (size - lead > sizeof(small)) {
        dj_cbor_tag(buf, negative ? 3 : 2);
        dj_cbor_bytes(buf, dj_bytes(bytes + lead, size - lead));
        return;
    }
    for (size_t i = lead; i < size; i++)
        small = small << 8 | bytes[i];
    if (negative)
        dj_cbor_negint(buf, small);
    else
        dj_cbor_uint(buf, small);
}

/* ---- floats ----------------------------------------------------------------------------- */

static bool is_word(struct dj_bytes text, const char *word)
{
    return text.len == strlen(word) && strncasecmp((const char *)text.data, word, text.len) == 0;
}

/* take_exponent(text): "e-5" to -5, clamped far beyond what a double holds; text is stepped on. */
static int take_exponent(struct dj_bytes *text, long *ret)
{
    bool negative;
    size_t n;

    *ret = 0;
    if (text->len == 0)
        return 0;
    if (text->data[0] != 'e' && text->data[0] != 'E')
        return -EINVAL;
    *text = dj_bytes_from(*text, 1);
    negative = take_sign(text);
    n = count_digits(*text);
    if (n == 0 || n != text->len)
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        *ret = DJ_MIN(*ret * 10 + (text->data[i] - '0'), (long)EXPONENT_CLAMP);
    if (negative)
        *ret = -*ret;
    return 0;
}

/* strtod() of "DIGITSeEXPONENT", which has no decimal point, so the locale has no say. */
static double from_digits(const char *digits, size_t n, long exponent)
{
    char text[DJ_NUMBER_MAX + 32];

    snprintf(text, sizeof(text), "%.*se%ld", (int)n, digits, exponent);
    return strtod(text, NULL);
}

static int parse_decimal(struct dj_bytes text, double *ret)
{
    char digits[DJ_NUMBER_MAX + 1];
    size_t whole = count_digits(text), fraction = 0;
    long exponent;

    memcpy(digits, text.data, whole);
    text = dj_bytes_from(text, whole);
    if (text.len > 0 && text.data[0] == '.') {
        text = dj_bytes_from(text, 1);
        fraction = count_digits(text);
        memcpy(digits + whole, text.data, fraction);
        text = dj_bytes_from(text, fraction);
    }
    if (whole + fraction == 0 || take_exponent(&text, &exponent) != 0)
        return -EINVAL;
    *ret = from_digits(digits, whole + fraction, exponent - (long)fraction);
    return isinf(*ret) ? -ERANGE : 0;
}

int dj_float_parse(struct dj_bytes text, double *ret)
{
    bool negative;
    int r = 0;

    if (text.len > DJ_NUMBER_MAX)
        return -EINVAL;
    negative = take_sign(&text);
    if (text.len == 0)
        return -EINVAL;
    if (is_word(text, "nan")) {
        *ret = (double)NAN;
        return 0;
    }
    if (is_word(text, "inf") || is_word(text, "infinity"))
        *ret = (double)INFINITY;
    else
        r = parse_decimal(text, ret);
    if (r == 0 && negative)
        *ret = -*ret;
    return r;
}

/* nearest_digits(value, n, digits, exponent): the decimal of n digits that is nearest to value. */
static void nearest_digits(double value, int n, char *digits, int *ret_exponent)
{
    char text[64], *at = text;
    size_t used = 0;

    snprintf(text, sizeof(text), "%.*e", n - 1, value);
    for (; *at != 'e'; at++)
        if (isdigit((unsigned char)*at))
            digits[used++] = *at;
    digits[used] = '\0';
    *ret_exponent = (int)strtol(at + 1, NULL, 10);
}

/* One more in the last place; false when every digit is a 9, where it would not be shortest. */
static bool next_digits(char *digits)
{
    size_t i = strlen(digits);

    while (i-- > 0) {
        if (digits[i] != '9') {
            digits[i]++;
            return true;
        }
        digits[i] = '0';
    }
    return false;
}

static bool reads_back(double value, const char *digits, int exponent)
{
    size_t n = strlen(digits);

    return from_digits(digits, n, exponent - (long)n + 1) == value;
}

/*
 * The fewest digits that read back as value, which is finite and above zero. At powers of two the
 * gap below is half the gap above, so the nearest decimal may fail where its upper neighbour does
 * not: 2^-44 is 5.684341886080802e-14. Below 15 digits every decimal survives, except for
 * subnormals.
 */
static void shortest_digits(double value, char *digits, int *ret_exponent)
{
    for (int n = value < DBL_MIN ? 1 : DBL_DIG; n <= DOUBLE_DIGITS; n++) {
        nearest_digits(value, n, digits, ret_exponent);
        if (reads_back(value, digits, *ret_exponent))
            break;
        if (next_digits(digits) && reads_back(value, digits, *ret_exponent))
            break;
    }
    for (size_t n = strlen(digits); n > 1 && digits[n - 1] == '0'; n--)
        digits[n - 1] = '\0';
}

static void print_positional(struct dj_buf *buf, const char *digits, int exponent)
{
    int n = (int)strlen(digits);

    if (exponent < 0) {
        dj_buf_adds(buf, "0.");
        for (int i = -1; i > exponent; i--)
            dj_buf_addc(buf, '0');
        dj_buf_adds(buf, digits);
        return;
    }
    for (int i = 0; i <= exponent; i++)
        dj_buf_addc(buf, i < n ? digits[i] : '0');
    dj_buf_addf(buf, ".%s", n > exponent + 1 ? digits + exponent + 1 : "0");
}

void dj_float_print(struct dj_buf *buf, double value)
{
    char digits[DOUBLE_DIGITS + 1] = "0";
    int exponent = 0;

    if (isnan(value)) {
        dj_buf_adds(buf, "nan");
        return;
    }
    if (signbit(value))
        dj_buf_addc(buf, '-');
    if (isinf(value)) {
        dj_buf_adds(buf, "inf");
        return;
    }
    if (value != 0)
        shortest_digits(fabs(value), digits, &exponent);
    if (exponent >= -4 && exponent < 16) {
        print_positional(buf, digits, exponent);
        return;
    }
    dj_buf_addc(buf, digits[0]);
    if (digits[1] != '\0')
        dj_buf_addf(buf, ".%s", digits + 1);
    dj_buf_addf(buf, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

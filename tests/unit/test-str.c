#include "lib/util/str.h"

#include <errno.h>
#include <time.h>

#include "tests/unit/tap.h"

static void durations(void)
{
    static const struct {
        const char *text;
        int64_t want; /* -1: refused */
    } cases[] = {
        {"250ms", 250},
        {"90s", 90000},
        {"5m", 300000},
        {"5min", 300000},
        {"2h", 7200000},
        {"1d", 86400000},
        {"90", 90000},
        {"0", 0},
        {"1.5h", 5400000},
        {"1.5", 1500},
        {"1h30m", 5400000},
        {"1d2h3m4s5ms", 93784005},
        {"36600d", INT64_C(36600) * 86400000},
        {"36601d", -1},
        {"36600d1ms", -1},
        {"1m1h", -1},
        {"1h1h", -1},
        {"1h30", -1},
        {"0.0001s", -1},
        {"1.0005s", -1},
        {"", -1},
        {"s", -1},
        {"-1s", -1},
        {"+1s", -1},
        {" 1s", -1},
        {"1 s", -1},
        {"1s ", -1},
        {"1x", -1},
        {"1.s", -1},
        {".5s", -1},
        {"99999999999999999999d", -1},
        {"18446744073709551615s", -1},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++) {
        uint64_t ms = 4711;
        dj_cleanup_buf struct dj_buf printed = DJ_BUF_INIT;
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
        int code = dj_parse_duration(dj_bytes_of(cases[i].text), &ms, &err);

        if (cases[i].want < 0) {
            ok(code == -EINVAL && ms == 4711 && err.text != NULL, "duration \"%s\" is refused: %s",
               cases[i].text, dj_err_text(&err, code));
            continue;
        }
        is_int(code == 0 ? (intmax_t)ms : code, cases[i].want, "duration %s", cases[i].text);
        dj_print_duration(&printed, ms);
        code = dj_parse_duration(dj_buf_bytes(&printed), &ms, NULL);
        is_int(code == 0 ? (intmax_t)ms : code, cases[i].want, "printed as %s and read back",
               dj_buf_str(&printed));
    }
}

static void sizes(void)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"0", 0},        {"512", 512},         {"512B", 512},     {"4KiB", 4096},
        {"4k", 4096},    {"4K", 4096},         {"10MB", 10000000}, {"1.5GiB", 1610612736},
        {"0.1KiB", 102}, {"2T", INT64_C(2) << 40}, {"", -1},      {"K", -1},
        {"1KiBs", -1},   {"1 K", -1},          {"-1", -1},        {"99999999T", -1},
        {"1e3", -1},     {"1kibibytes", -1},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++) {
        uint64_t size = 0;
        int code = dj_parse_size(dj_bytes_of(cases[i].text), &size, NULL);

        dj_cleanup_buf struct dj_buf printed = DJ_BUF_INIT;

        is_int(code == 0 ? (intmax_t)size : -1, cases[i].want, "size \"%s\"", cases[i].text);
        if (code < 0)
            continue;
        dj_print_size(&printed, size);
        is_int(dj_parse_size(dj_buf_bytes(&printed), &size, NULL), 0, "printed as %s",
               dj_buf_str(&printed));
        is_int((intmax_t)size, cases[i].want, "and read back");
    }
}

static void numbers(void)
{
    uint64_t value = 7;
    int64_t number = 7;

    ok(dj_parse_uint(DJ_BYTES_LIT("18446744073709551615"), &value, NULL) == 0 &&
           value == UINT64_MAX,
       "the largest uint");
    ok(dj_parse_uint(DJ_BYTES_LIT("18446744073709551616"), &value, NULL) == -EINVAL,
       "one more is refused");
    ok(dj_parse_uint(DJ_BYTES_LIT("007"), &value, NULL) == 0 && value == 7, "leading zeros");
    ok(dj_parse_uint(DJ_BYTES_LIT(""), &value, NULL) == -EINVAL, "nothing is no number");
    ok(dj_parse_uint(DJ_BYTES_LIT("1\0"), &value, NULL) == -EINVAL, "a NUL byte is no digit");
    ok(dj_parse_int(DJ_BYTES_LIT("-9223372036854775808"), &number, NULL) == 0 &&
           number == INT64_MIN,
       "the smallest int");
    ok(dj_parse_int(DJ_BYTES_LIT("9223372036854775807"), &number, NULL) == 0 &&
           number == INT64_MAX,
       "the largest int");
    ok(dj_parse_int(DJ_BYTES_LIT("9223372036854775808"), &number, NULL) == -EINVAL, "one more");
    ok(dj_parse_int(DJ_BYTES_LIT("-9223372036854775809"), &number, NULL) == -EINVAL, "one less");
    ok(dj_parse_int(DJ_BYTES_LIT("--1"), &number, NULL) == -EINVAL, "two signs");
    ok(dj_parse_int(DJ_BYTES_LIT("-"), &number, NULL) == -EINVAL, "a sign alone");
}

static void for_people(void)
{
    static const struct {
        uint64_t ns;
        const char *want;
    } cases[] = {
        {0, "0.00 us"},
        {850000, "850 us"},
        {12340000, "12.3 ms"},
        {999600000, "1.00 s"},
        {UINT64_C(4210000000), "4.21 s"},
        {UINT64_C(59600000000), "1 min"},
        {UINT64_C(185000000000), "3 min 5 s"},
        {UINT64_C(7440000000000), "2 h 4 min"},
        {UINT64_C(187200000000000), "2 d 4 h"},
    };
    static const struct {
        uint64_t bytes;
        const char *want;
    } bytes[] = {{0, "0 B"},
                 {1023, "1023 B"},
                 {4096, "4.0 KiB"},
                 {1048575, "1.0 MiB"},
                 {1610612736, "1.5 GiB"},
                 {UINT64_MAX, "16.0 EiB"}};
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++) {
        dj_buf_clear(&text);
        dj_people_duration(&text, cases[i].ns);
        is_str(dj_buf_str(&text), cases[i].want, "%s for people", cases[i].want);
    }
    for (size_t i = 0; i < DJ_ARRAY_SIZE(bytes); i++) {
        dj_buf_clear(&text);
        dj_people_size(&text, bytes[i].bytes);
        is_str(dj_buf_str(&text), bytes[i].want, "%s for people", bytes[i].want);
    }
    setenv("TZ", "UTC", 1);
    tzset();
    dj_buf_clear(&text);
    dj_people_time(&text, UINT64_C(1714570620999999999));
    is_str(dj_buf_str(&text), "2024-05-01 13:37:00", "a time");
    dj_buf_clear(&text);
    dj_people_time(&text, 0);
    is_str(dj_buf_str(&text), "-", "no time");
}

static void lines_and_items(void)
{
    struct dj_bytes rest = DJ_BYTES_LIT("a\n\nb"), part;
    dj_cleanup_buf struct dj_buf all = DJ_BUF_INIT;

    while (dj_next_line(&rest, &part))
        dj_buf_addf(&all, "<%.*s>", (int)part.len, (const char *)part.data);
    is_str(dj_buf_str(&all), "<a><><b>", "lines, the last without a newline");

    dj_buf_clear(&all);
    rest = DJ_BYTES_LIT(" a,, b\tc ,");
    while (dj_next_item(&rest, &part))
        dj_buf_addf(&all, "<%.*s>", (int)part.len, (const char *)part.data);
    is_str(dj_buf_str(&all), "<a><b><c>", "items between commas and blanks");

    part = dj_strip(DJ_BYTES_LIT(" \t x y \r\n"));
    is_bytes(part.data, part.len, "x y", 3, "strip");
    part = dj_strip(DJ_BYTES_LIT("  "));
    is_int((intmax_t)part.len, 0, "strip of blanks");

    dj_buf_clear(&all);
    dj_add_printable(&all, DJ_BYTES_LIT("a\n\x7f\xc3\xa4"));
    is_str(dj_buf_str(&all), "a\\x0a\\x7f\xc3\xa4", "control bytes are shown");
    dj_buf_clear(&all);
    dj_add_escaped(&all, DJ_BYTES_LIT("a\\ b\n\t\x01\xc3\xa4"));
    is_str(dj_buf_str(&all), "a\\\\ b\\n\\t\\x01\xc3\xa4", "escapes can be told apart");
}

static void slips(void)
{
    static const char *const names[] = {"command", "params", "timeout", "help", "env"};

    is_str(dj_nearest(DJ_BYTES_LIT("comand"), names, 5), "command", "a letter is missing");
    is_str(dj_nearest(DJ_BYTES_LIT("parasm"), names, 5), "params", "two letters are swapped");
    is_str(dj_nearest(DJ_BYTES_LIT("param"), names, 5), "params", "the plural");
    is_str(dj_nearest(DJ_BYTES_LIT("hlep"), names, 5), "help", "a short one");
    is_str(dj_nearest(DJ_BYTES_LIT("zebra"), names, 5), NULL, "nothing near");
    is_str(dj_nearest(DJ_BYTES_LIT(""), names, 5), NULL, "the empty word");
    is_str(dj_nearest(DJ_BYTES_LIT("cccccccccccccccccccccccccccccccccccccccccccccc"), names, 5),
           NULL, "a very long word");
}

int main(void)
{
    durations();
    sizes();
    numbers();
    for_people();
    lines_and_items();
    slips();
    return tap_done();
}

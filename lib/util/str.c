#include "lib/util/str.h"

#include <errno.h>
#include <time.h>

#include "lib/util/clock.h"
#include "lib/util/mem.h"

/* ---- reading ------------------------------------------------------------------------------ */

struct unit {
    const char *name;
    uint64_t value;
};

static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"min", 60000}, {"s", 1000}, {"ms", 1},
};

static const struct unit sizes[] = {
    {"", 1},
    {"b", 1},
    {"k", UINT64_C(1) << 10},
    {"kib", UINT64_C(1) << 10},
    {"kb", 1000},
    {"m", UINT64_C(1) << 20},
    {"mib", UINT64_C(1) << 20},
    {"mb", 1000000},
    {"g", UINT64_C(1) << 30},
    {"gib", UINT64_C(1) << 30},
    {"gb", 1000000000},
    {"t", UINT64_C(1) << 40},
    {"tib", UINT64_C(1) << 40},
    {"tb", UINT64_C(1000000000000)},
};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* take_digits(text, max, ret, ret_scale): what the digits at the start say; false on none, too many
 * or overflow. The scale is ten to the number of digits. */
static bool take_digits(struct dj_bytes *text, size_t max, uint64_t *ret, uint64_t *ret_scale)
{
    size_t used = 0;

    *ret = 0;
    *ret_scale = 1;
    while (used < text->len && is_digit(text->data[used])) {
        if (used == max || __builtin_mul_overflow(*ret, 10, ret) ||
            __builtin_add_overflow(*ret, text->data[used] - '0', ret))
            return false;
        if (used < 19)
            *ret_scale *= 10;
        used++;
    }
    if (used > 0)
        *text = dj_bytes_from(*text, used);
    return used > 0;
}

static const struct unit *take_unit(struct dj_bytes *text, const struct unit *units, size_t n)
{
    char name[8];
    size_t used = 0;

    while (used < text->len && is_letter(text->data[used])) {
        if (used + 1 == sizeof(name))
            return NULL;
        name[used] = (char)(text->data[used] | 0x20);
        used++;
    }
    for (size_t i = 0; i < n; i++) {
        if (strlen(units[i].name) == used && memcmp(units[i].name, name, used) == 0) {
            *text = dj_bytes_from(*text, used);
            return &units[i];
        }
    }
    return NULL;
}

/* take_quantity: NUMBER[.NUMBER]UNIT; exact asks that the fraction is a whole number of ones. */
static const struct unit *take_quantity(struct dj_bytes *text, const struct unit *units, size_t n,
                                        bool exact, uint64_t *ret)
{
    uint64_t whole, part = 0, scale = 1, unused;
    const struct unit *unit;

    if (!take_digits(text, 20, &whole, &unused))
        return NULL;
    if (text->len > 0 && text->data[0] == '.') {
        *text = dj_bytes_from(*text, 1);
        if (!take_digits(text, 6, &part, &scale))
            return NULL;
    }
    unit = take_unit(text, units, n);
    if (unit == NULL || (exact && part * unit->value % scale != 0) ||
        __builtin_mul_overflow(whole, unit->value, ret) ||
        __builtin_add_overflow(*ret, part * unit->value / scale, ret))
        return NULL;
    return unit;
}

static int refuse(struct dj_err *err, struct dj_bytes text, const char *what)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    dj_add_printable(&shown, text);
    return dj_err_set(err, EINVAL, "\"%s\" is not %s", dj_buf_str(&shown), what);
}

int dj_parse_uint(struct dj_bytes text, uint64_t *ret, struct dj_err *err)
{
    struct dj_bytes rest = text;
    uint64_t value, scale;

    if (!take_digits(&rest, 64, &value, &scale) || rest.len > 0)
        return refuse(err, text, "a whole number from 0 to 18446744073709551615");
    *ret = value;
    return 0;
}

int dj_parse_int(struct dj_bytes text, int64_t *ret, struct dj_err *err)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t value;

    if (dj_parse_uint(negative ? dj_bytes_from(text, 1) : text, &value, NULL) < 0 || value > limit)
        return refuse(err, text, "a whole number of 64 bits");
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return 0;
}

int dj_parse_duration(struct dj_bytes text, uint64_t *ret_ms, struct dj_err *err)
{
    static const char what[] = "a duration such as 250ms, 90s, 5m, 2h, 1h30m or 1d";
    const uint64_t limit = UINT64_C(100) * 366 * 86400000;
    static const struct unit seconds = {"", 1000};
    struct dj_bytes rest = text;
    uint64_t sum = 0, last = UINT64_MAX;

    /* A bare number is seconds, but only when it stands alone: 1h30 would be read in two ways. */
    if (take_quantity(&rest, &seconds, 1, true, &sum) != NULL && rest.len == 0) {
        if (sum > limit)
            return refuse(err, text, "a duration of at most 100 years");
        *ret_ms = sum;
        return 0;
    }
    rest = text;
    sum = 0;
    do {
        uint64_t value;
        const struct unit *unit = take_quantity(&rest, durations, DJ_ARRAY_SIZE(durations), true,
                                                &value);

        if (unit == NULL || unit->value >= last)
            return refuse(err, text, what);
        last = unit->value;
        if (__builtin_add_overflow(sum, value, &sum) || sum > limit)
            return refuse(err, text, "a duration of at most 100 years");
    } while (rest.len > 0);
    *ret_ms = sum;
    return 0;
}

int dj_parse_size(struct dj_bytes text, uint64_t *ret, struct dj_err *err)
{
    struct dj_bytes rest = text;
    uint64_t value;

    if (take_quantity(&rest, sizes, DJ_ARRAY_SIZE(sizes), false, &value) == NULL || rest.len > 0)
        return refuse(err, text, "a size such as 512, 4KiB, 10MB or 1.5GiB");
    *ret = value;
    return 0;
}

struct dj_bytes dj_strip(struct dj_bytes text)
{
    while (text.len > 0 && is_blank(text.data[0]))
        text = dj_bytes_from(text, 1);
    while (text.len > 0 && is_blank(text.data[text.len - 1]))
        text.len--;
    return text;
}

bool dj_next_line(struct dj_bytes *rest, struct dj_bytes *ret_line)
{
    const uint8_t *end;

    if (rest->len == 0)
        return false;
    end = memchr(rest->data, '\n', rest->len);
    if (end == NULL) {
        *ret_line = *rest;
        rest->len = 0;
        return true;
    }
    *ret_line = dj_bytes(rest->data, (size_t)(end - rest->data));
    *rest = dj_bytes_from(*rest, ret_line->len + 1);
    return true;
}

bool dj_next_component(struct dj_bytes *rest, struct dj_bytes *ret)
{
    while (rest->len > 0) {
        const uint8_t *slash = memchr(rest->data, '/', rest->len);
        size_t len = slash == NULL ? rest->len : (size_t)(slash - rest->data);

        *ret = dj_bytes(rest->data, len);
        *rest = dj_bytes_from(*rest, slash == NULL ? len : len + 1);
        if (len > 0 && !dj_bytes_is(*ret, "."))
            return true;
    }
    return false;
}

bool dj_next_item(struct dj_bytes *rest, struct dj_bytes *ret_item)
{
    size_t len = 0;

    while (rest->len > 0 && (is_blank(rest->data[0]) || rest->data[0] == ','))
        *rest = dj_bytes_from(*rest, 1);
    while (len < rest->len && !is_blank(rest->data[len]) && rest->data[len] != ',')
        len++;
    *ret_item = dj_bytes(rest->data, len);
    if (len > 0)
        *rest = dj_bytes_from(*rest, len);
    return len > 0;
}

/* ---- slips of typing ---------------------------------------------------------------------- */

#define WORD_MAX 40

/* edits(a, b): insertions, deletions, replacements and swaps of neighbours from a to b. */
static size_t edits(struct dj_bytes a, struct dj_bytes b)
{
    size_t cost[WORD_MAX + 1][WORD_MAX + 1];

    for (size_t i = 0; i <= a.len; i++) {
        for (size_t k = 0; k <= b.len; k++) {
            if (i == 0 || k == 0) {
                cost[i][k] = i + k;
                continue;
            }
            cost[i][k] = cost[i - 1][k - 1] + (a.data[i - 1] != b.data[k - 1]);
            cost[i][k] = DJ_MIN(cost[i][k], cost[i - 1][k] + 1);
            cost[i][k] = DJ_MIN(cost[i][k], cost[i][k - 1] + 1);
            if (i > 1 && k > 1 && a.data[i - 1] == b.data[k - 2] && a.data[i - 2] == b.data[k - 1])
                cost[i][k] = DJ_MIN(cost[i][k], cost[i - 2][k - 2] + 1);
        }
    }
    return cost[a.len][b.len];
}

const char *dj_nearest(struct dj_bytes word, const char *const *candidates, size_t n)
{
    size_t best = DJ_MAX(word.len / 3, 1) + 1;
    const char *nearest = NULL;

    if (word.len == 0 || word.len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct dj_bytes candidate = dj_bytes_of(candidates[i]);
        size_t distance;

        if (candidate.len > WORD_MAX)
            continue;
        distance = edits(word, candidate);
        if (distance < best && distance < candidate.len) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

/* ---- printing ----------------------------------------------------------------------------- */

void dj_add_escaped(struct dj_buf *buf, struct dj_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.data[i];

        if (byte == '\\' || byte == '\n' || byte == '\t')
            dj_buf_addf(buf, "\\%c", byte == '\n' ? 'n' : byte == '\t' ? 't' : '\\');
        else if (byte < 32 || byte == 127)
            dj_buf_addf(buf, "\\x%02x", byte);
        else
            dj_buf_addc(buf, byte);
    }
}

void dj_add_printable(struct dj_buf *buf, struct dj_bytes bytes)
{
    size_t n = DJ_MIN(bytes.len, 200);

    for (size_t i = 0; i < n; i++) {
        if (bytes.data[i] < 32 || bytes.data[i] == 127)
            dj_buf_addf(buf, "\\x%02x", bytes.data[i]);
        else
            dj_buf_addc(buf, bytes.data[i]);
    }
    if (n < bytes.len)
        dj_buf_adds(buf, "...");
}

void dj_print_duration(struct dj_buf *buf, uint64_t ms)
{
    static const struct unit parts[] = {
        {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

    if (ms == 0)
        dj_buf_adds(buf, "0s");
    for (size_t i = 0; i < DJ_ARRAY_SIZE(parts); i++) {
        if (ms >= parts[i].value)
            dj_buf_addf(buf, "%llu%s", (unsigned long long)(ms / parts[i].value), parts[i].name);
        ms %= parts[i].value;
    }
}

void dj_print_size(struct dj_buf *buf, uint64_t bytes)
{
    static const char letters[] = {'K', 'M', 'G', 'T'};
    size_t unit = 0;

    while (unit < DJ_ARRAY_SIZE(letters) && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    dj_buf_addf(buf, "%llu", (unsigned long long)bytes);
    if (unit > 0)
        dj_buf_addc(buf, letters[unit - 1]);
}

static void add_three_digits(struct dj_buf *buf, double value, const char *unit)
{
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

    dj_buf_addf(buf, "%.*f %s", decimals, value, unit);
}

static void add_two_units(struct dj_buf *buf, uint64_t whole, uint64_t ratio, const char *big,
                          const char *small)
{
    dj_buf_addf(buf, "%llu %s", (unsigned long long)(whole / ratio), big);
    if (whole % ratio != 0)
        dj_buf_addf(buf, " %llu %s", (unsigned long long)(whole % ratio), small);
}

void dj_people_duration(struct dj_buf *buf, uint64_t ns)
{
    uint64_t seconds = ns / DJ_NS_PER_S + (ns % DJ_NS_PER_S >= DJ_NS_PER_S / 2);

    if (ns < 999500)
        add_three_digits(buf, (double)ns / 1e3, "us");
    else if (ns < 999500000)
        add_three_digits(buf, (double)ns / 1e6, "ms");
    else if (seconds < 60)
        add_three_digits(buf, (double)ns / 1e9, "s");
    else if (seconds < 3600)
        add_two_units(buf, seconds, 60, "min", "s");
    else if (seconds < 86400)
        add_two_units(buf, seconds / 60, 60, "h", "min");
    else
        add_two_units(buf, seconds / 3600, 24, "d", "h");
}

void dj_people_size(struct dj_buf *buf, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        dj_buf_addf(buf, "%llu B", (unsigned long long)bytes);
        return;
    }
    while (value >= 1023.95 && unit + 1 < DJ_ARRAY_SIZE(units)) {
        value /= 1024;
        unit++;
    }
    dj_buf_addf(buf, "%.1f %s", value, units[unit]);
}

void dj_people_time(struct dj_buf *buf, uint64_t realtime_ns)
{
    time_t seconds = (time_t)(realtime_ns / DJ_NS_PER_S);
    struct tm parts;
    char text[32];

    if (realtime_ns == 0 || localtime_r(&seconds, &parts) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts) == 0) {
        dj_buf_addc(buf, '-');
        return;
    }
    dj_buf_adds(buf, text);
}

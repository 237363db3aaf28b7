#include "lib/model/series.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "lib/util/str.h"

struct part {
    uint64_t before; /* values of the parts before this one */
    uint64_t n;
    bool range;
    int64_t first, step;
    struct dj_buf value;
};

void dj_series_release(struct dj_series *series)
{
    for (size_t i = 0; i < series->parts.n; i++)
        dj_buf_release(&DJ_LIST_AT(&series->parts, struct part, i)->value);
    free(series->parts.items);
    *series = (struct dj_series)DJ_SERIES_INIT;
}

static struct part *add(struct dj_series *series, uint64_t n)
{
    struct part *part = dj_list_add(&series->parts, sizeof(*part));

    part->before = series->n;
    part->n = n;
    series->n += n;
    return part;
}

struct dj_buf *dj_series_value(struct dj_series *series)
{
    return &add(series, 1)->value;
}

void dj_series_at(const struct dj_series *series, uint64_t i, struct dj_buf *buf)
{
    size_t low = 0, high = series->parts.n;
    const struct part *part;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (DJ_LIST_AT(&series->parts, struct part, middle)->before <= i)
            low = middle;
        else
            high = middle;
    }
    part = DJ_LIST_AT(&series->parts, struct part, low);
    if (part->range)
        dj_buf_addf(buf, "%" PRId64,
                    (int64_t)((uint64_t)part->first + (i - part->before) * (uint64_t)part->step));
    else
        dj_buf_add_bytes(buf, dj_buf_bytes(&part->value));
}

bool dj_series_place(const struct dj_series *series, int64_t value, uint64_t *ret)
{
    for (size_t i = 0; i < series->parts.n; i++) {
        const struct part *part = DJ_LIST_AT(&series->parts, struct part, i);
        uint64_t distance, width;

        if (!part->range || (part->step > 0 ? value < part->first : value > part->first))
            continue;
        distance = part->step > 0 ? (uint64_t)value - (uint64_t)part->first
                                  : (uint64_t)part->first - (uint64_t)value;
        width = part->step > 0 ? (uint64_t)part->step : -(uint64_t)part->step;
        if (distance % width == 0 && distance / width < part->n) {
            *ret = part->before + distance / width;
            return true;
        }
    }
    return false;
}

bool dj_series_times(uint64_t product, uint64_t n, uint64_t *ret)
{
    if (__builtin_mul_overflow(product, n, ret) || *ret > DJ_SERIES_MAX)
        return false;
    return true;
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static bool like_number(struct dj_bytes text)
{
    bool digit = false;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] >= '0' && text.data[i] <= '9')
            digit = true;
        else if (strchr("+-.eE", text.data[i]) == NULL || text.data[i] == '\0')
            return false;
    }
    return digit;
}

static bool cut(struct dj_bytes *rest, struct dj_bytes *ret)
{
    for (size_t i = 0; i + 1 < rest->len; i++) {
        if (rest->data[i] != '.' || rest->data[i + 1] != '.')
            continue;
        *ret = dj_bytes(rest->data, i);
        *rest = dj_bytes_from(*rest, i + 2);
        return true;
    }
    return false;
}

/* With a sign, which dj_parse_uint() does not take. */
static int whole_number(struct dj_bytes text, int64_t *ret)
{
    if (text.len > 0 && text.data[0] == '+')
        return -EINVAL;
    return dj_parse_int(text, ret, NULL);
}

static bool is_whole(struct dj_bytes text)
{
    size_t sign = text.len > 0 && text.data[0] == '-';

    for (size_t i = sign; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.len > sign;
}

/* They are numbers of a range, and too large. */
static bool all_whole(struct dj_bytes low, struct dj_bytes high, struct dj_bytes by)
{
    return is_whole(low) && is_whole(high) && is_whole(by);
}

static int refuse(int code, struct dj_bytes text, const char *why, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    dj_add_printable(&shown, text);
    return dj_err_set(err, code, "%s: %s", dj_buf_str(&shown), why);
}

static int add_range(struct dj_series *series, struct dj_bytes text, int64_t first, int64_t last,
                     int64_t step, struct dj_err *err)
{
    uint64_t distance = step > 0 ? (uint64_t)last - (uint64_t)first
                                 : (uint64_t)first - (uint64_t)last;
    uint64_t width = step > 0 ? (uint64_t)step : -(uint64_t)step, n, total;
    struct part *part;

    if (step == 0)
        return refuse(EINVAL, text, "a step of 0 never gets there", err);
    if (step > 0 ? first > last : first < last)
        return refuse(EINVAL, text,
                      step > 0 ? "it begins above its end; a range that goes down has a step below"
                                 " 0, as in 9..0..-1"
                               : "it goes down from below its end", err);
    n = distance / width + 1;
    if (n == 0 || n > DJ_SERIES_MAX || __builtin_add_overflow(series->n, n, &total) ||
        total > DJ_SERIES_MAX)
        return refuse(E2BIG, text, "these are too many values", err);
    part = add(series, n);
    part->range = true;
    part->first = first;
    part->step = step;
    return 1;
}

int dj_series_range(struct dj_series *series, struct dj_bytes text, struct dj_err *err)
{
    struct dj_bytes rest = text, low, high, by = DJ_BYTES_LIT("1");
    int64_t first, last, step;

    if (!cut(&rest, &low))
        return 0;
    high = rest;
    if (cut(&rest, &high))
        by = rest;
    if (!like_number(low) || !like_number(high) || !like_number(by))
        return 0;
    if (whole_number(low, &first) < 0 || whole_number(high, &last) < 0 ||
        whole_number(by, &step) < 0)
        return refuse(EINVAL, text, all_whole(low, high, by)
                                        ? "the numbers of a range lie between -2^63 and 2^63-1"
                                        : "a range is LO..HI or LO..HI..STEP of whole numbers",
                      err);
    return add_range(series, text, first, last, step, err);
}

/* ---- sets ------------------------------------------------------------------------------------ */

bool dj_series_is_set(struct dj_bytes text)
{
    return text.len >= 2 && text.data[0] == '{' && text.data[text.len - 1] == '}';
}

struct dj_bytes dj_series_inside(struct dj_bytes set)
{
    return dj_bytes(set.data + 1, set.len - 2);
}

/* What is left after the last member is told from an empty one behind a `;` by its NULL. */
bool dj_series_next(struct dj_bytes *inside, struct dj_bytes *ret)
{
    const uint8_t *end;

    if (inside->data == NULL || (inside->len == 0 && ret->data == NULL))
        return false;
    end = inside->len == 0 ? NULL : memchr(inside->data, ';', inside->len);
    *ret = dj_bytes(inside->data, end == NULL ? inside->len : (size_t)(end - inside->data));
    *inside = end == NULL ? (struct dj_bytes){NULL, 0} : dj_bytes_from(*inside, ret->len + 1);
    return true;
}

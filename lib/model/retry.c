#include "lib/model/retry.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { DELAY_MS = 1000, FACTOR_MILLI = 2000, MILLI = 1000, CODE_MAX = 255, SIGNAL_MAX = 64 };

void dj_retry_init(struct dj_retry *retry)
{
    *retry = (struct dj_retry){.delay_ms = DELAY_MS, .factor_milli = FACTOR_MILLI};
}

void dj_retry_release(struct dj_retry *retry)
{
    free(retry->on.items);
    *retry = (struct dj_retry){0};
}

void dj_retry_copy(struct dj_retry *ret, const struct dj_retry *retry)
{
    *ret = *retry;
    ret->on = (struct dj_list){NULL, 0, 0};
    for (size_t i = 0; i < retry->on.n; i++)
        *(struct dj_retry_case *)dj_list_add(&ret->on, sizeof(struct dj_retry_case)) =
            *DJ_LIST_AT(&retry->on, struct dj_retry_case, i);
}

/* ---- reading ------------------------------------------------------------------------------ */

int dj_retry_parse_count(struct dj_bytes text, struct dj_retry *retry, struct dj_err *err)
{
    uint64_t count;
    int code = dj_parse_uint(text, &count, err);

    if (code < 0)
        return code;
    if (count > DJ_RETRIES_MAX)
        return dj_err_set(err, EINVAL, "a run can be tried again %d times at the most",
                          DJ_RETRIES_MAX);
    retry->retries = count;
    return 0;
}

static int bad_factor(struct dj_err *err)
{
    return dj_err_set(err, EINVAL,
                      "the factor of a delay is a number from 1 to %d with three decimals at the "
                      "most, as in 1s*1.5", DJ_RETRY_FACTOR_MAX);
}

/* NUMBER[.NUMBER] in thousandths. */
static int parse_factor(struct dj_bytes text, uint64_t *ret, struct dj_err *err)
{
    uint64_t whole = 0, part = 0, scale = MILLI;
    size_t at = 0, whole_end;

    for (; at < text.len && at < 5 && text.data[at] >= '0' && text.data[at] <= '9'; at++)
        whole = whole * 10 + (text.data[at] - '0');
    whole_end = at;
    if (at < text.len && at > 0 && text.data[at] == '.') {
        while (++at < text.len && scale > 1 && text.data[at] >= '0' && text.data[at] <= '9') {
            scale /= 10;
            part += (text.data[at] - '0') * scale;
        }
        if (at == whole_end + 1)
            return bad_factor(err);
    }
    *ret = whole * MILLI + part;
    if (at == 0 || at < text.len || *ret < MILLI ||
        *ret > (uint64_t)DJ_RETRY_FACTOR_MAX * MILLI)
        return bad_factor(err);
    return 0;
}

int dj_retry_parse_delay(struct dj_bytes text, struct dj_retry *retry, struct dj_err *err)
{
    const uint8_t *star = text.len == 0 ? NULL : memchr(text.data, '*', text.len);
    struct dj_bytes delay = text;
    uint64_t ms, factor = MILLI;
    int code;

    if (star != NULL) {
        delay.len = (size_t)(star - text.data);
        code = parse_factor(dj_bytes_from(text, delay.len + 1), &factor, err);
        if (code < 0)
            return code;
    }
    code = dj_parse_duration(delay, &ms, err);
    if (code < 0)
        return code;
    if (ms > DJ_RETRY_DELAY_MAX_MS)
        return dj_err_set(err, EINVAL, "the delay before another try is a day at the most");
    retry->delay_ms = ms;
    retry->factor_milli = factor;
    return 0;
}

static int bad_code(struct dj_bytes word, const char *what, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    dj_add_printable(&shown, word);
    return dj_err_set(err, EINVAL, "\"%s\" is not %s", dj_buf_str(&shown), what);
}

static bool signal_of(struct dj_bytes text, uint64_t *ret)
{
    if (dj_bytes_starts(text, DJ_BYTES_LIT("SIG")))
        text = dj_bytes_from(text, 3);
    for (uint64_t number = 1; number <= SIGNAL_MAX; number++) {
        const char *name = dj_signal_name(number);

        if (name != NULL && dj_bytes_is(text, name)) {
            *ret = number;
            return true;
        }
    }
    return dj_parse_uint(text, ret, NULL) == 0 && *ret >= 1 && *ret <= SIGNAL_MAX;
}

static int parse_code(struct dj_bytes text, struct dj_retry_case *ret, struct dj_err *err)
{
    ret->exact = true;
    if (ret->how == DJ_EXIT_CODE) {
        if (dj_parse_uint(text, &ret->code, NULL) < 0 || ret->code == 0 || ret->code > CODE_MAX)
            return bad_code(text, "the exit code of a failure: 1 to 255", err);
        return 0;
    }
    if (ret->how == DJ_EXIT_SIGNAL)
        return signal_of(text, &ret->code) ? 0 : bad_code(text, "a signal: SEGV or 11", err);
    return dj_err_set(err, EINVAL, "only exit and signal can have a number: exit:75, signal:SEGV");
}

static int parse_case(struct dj_bytes item, struct dj_retry_case *ret, struct dj_err *err)
{
    const uint8_t *colon = memchr(item.data, ':', item.len);
    struct dj_bytes word = item;
    enum dj_exit_how how;

    if (colon != NULL)
        word.len = (size_t)(colon - item.data);
    if (!dj_exit_of_word(word, &how))
        return bad_code(word, "a way to fail: exit, exit:CODE, signal, signal:NAME, timeout, "
                              "memory, out-of-memory, max_result, max_log, max_files, no-result, "
                              "input-changed, not-started, not-stored, lost or any", err);
    if (how == DJ_EXIT_KILLED)
        return dj_err_set(err, EINVAL, "what was cancelled is not tried again");
    *ret = (struct dj_retry_case){.how = how};
    return colon == NULL ? 0 : parse_code(dj_bytes_from(item, word.len + 1), ret, err);
}

int dj_retry_parse_on(struct dj_bytes text, struct dj_retry *retry, struct dj_err *err)
{
    struct dj_list on = {NULL, 0, 0};
    struct dj_bytes item;
    bool any = false;
    int code = 0;

    while (code == 0 && dj_next_item(&text, &item)) {
        struct dj_retry_case one;

        if (dj_bytes_is(item, "any")) {
            any = true;
            continue;
        }
        code = parse_case(item, &one, err);
        if (code == 0)
            *(struct dj_retry_case *)dj_list_add(&on, sizeof(one)) = one;
    }
    if (code == 0 && on.n == 0 && !any)
        code = dj_err_set(err, EINVAL, "retry_on names no way to fail");
    if (code < 0 || any) {
        free(on.items);
        on = (struct dj_list){NULL, 0, 0};
    }
    if (code == 0) {
        free(retry->on.items);
        retry->on = on;
    }
    return code;
}

/* ---- printing ----------------------------------------------------------------------------- */

static void print_factor(struct dj_buf *buf, uint64_t milli)
{
    uint64_t part = milli % MILLI;
    int digits = part % 10 != 0 ? 3 : part % 100 != 0 ? 2 : 1;

    dj_buf_addf(buf, "*%llu", (unsigned long long)(milli / MILLI));
    for (int i = digits; i < 3; i++)
        part /= 10;
    if (part != 0)
        dj_buf_addf(buf, ".%0*llu", digits, (unsigned long long)part);
}

static void print_case(struct dj_buf *buf, const struct dj_retry_case *one)
{
    const char *name = one->how == DJ_EXIT_SIGNAL ? dj_signal_name(one->code) : NULL;

    dj_buf_adds(buf, dj_exit_word(one->how));
    if (one->exact && name != NULL)
        dj_buf_addf(buf, ":%s", name);
    else if (one->exact)
        dj_buf_addf(buf, ":%llu", (unsigned long long)one->code);
}

void dj_retry_print(struct dj_buf *buf, const struct dj_retry *retry)
{
    if (retry->retries != 0)
        dj_buf_addf(buf, "retries = %llu\n", (unsigned long long)retry->retries);
    if (retry->delay_ms != DELAY_MS || retry->factor_milli != FACTOR_MILLI) {
        dj_buf_adds(buf, "retry_delay = ");
        dj_print_duration(buf, retry->delay_ms);
        if (retry->factor_milli != MILLI)
            print_factor(buf, retry->factor_milli);
        dj_buf_addc(buf, '\n');
    }
    for (size_t i = 0; i < retry->on.n; i++) {
        dj_buf_adds(buf, i == 0 ? "retry_on = " : ", ");
        print_case(buf, DJ_LIST_AT(&retry->on, struct dj_retry_case, i));
    }
    dj_buf_adds(buf, retry->on.n > 0 ? "\n" : "");
}

/* ---- deciding ----------------------------------------------------------------------------- */

bool dj_retry_again(const struct dj_retry *retry, uint64_t try, uint64_t how, uint64_t code)
{
    if (try > retry->retries || dj_exit_state(how, code) == DJ_DONE || how == DJ_EXIT_KILLED)
        return false;
    for (size_t i = 0; i < retry->on.n; i++) {
        const struct dj_retry_case *one = DJ_LIST_AT(&retry->on, struct dj_retry_case, i);

        /* To a program it is all the same who noticed that it needs more. */
        if (one->how == DJ_EXIT_MEMORY && how == DJ_EXIT_OUT_OF_MEMORY)
            return true;
        if (one->how == how && (!one->exact || one->code == code))
            return true;
    }
    return retry->on.n == 0;
}

uint64_t dj_retry_wait_ms(const struct dj_retry *retry, uint64_t try)
{
    uint64_t wait = DJ_MIN(retry->delay_ms, DJ_RETRY_DELAY_MAX_MS);

    for (uint64_t i = 1; i < try && wait < DJ_RETRY_DELAY_MAX_MS && retry->factor_milli > MILLI &&
                         wait > 0; i++)
        wait = DJ_MIN(wait * retry->factor_milli / MILLI, DJ_RETRY_DELAY_MAX_MS);
    return wait;
}

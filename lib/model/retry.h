/*
 * When a failed run is tried again by itself: the options retries, retry_delay and retry_on.
 *
 *   retries = N                 further tries behind the first, at most DJ_RETRIES_MAX
 *   retry_delay = 1s*2          how long to wait before the first of them, and what the wait is
 *                               multiplied by for each one after it (1 when it is left out)
 *   retry_on = WORD, …          which failures: the words of lib/model/exit.h, exit:CODE and
 *                               signal:NAME or signal:NUMBER among them; `any`: all (the default)
 *
 * A run that was cancelled is never tried again. Pure; owned by whoever initialised it.
 */
#ifndef DJ_MODEL_RETRY_H
#define DJ_MODEL_RETRY_H

#include "lib/model/codec.h"
#include "lib/model/exit.h"
#include "lib/util/buf.h"
#include "lib/util/err.h"

#define DJ_RETRIES_MAX 1000
#define DJ_RETRY_FACTOR_MAX 1000
#define DJ_RETRY_DELAY_MAX_MS (UINT64_C(24) * 3600 * 1000) /* however often it was multiplied */

struct dj_retry_case {
    uint64_t how;
    bool exact;     /* only with this code */
    uint64_t code;
};

struct dj_retry {
    uint64_t retries;
    uint64_t delay_ms;
    uint64_t factor_milli; /* thousandths */
    struct dj_list on;     /* struct dj_retry_case; empty: any failure */
};

/* dj_retry_init(retry): no retries; a delay of 1s*2 for when there will be some. */
void dj_retry_init(struct dj_retry *retry);
void dj_retry_release(struct dj_retry *retry);
void dj_retry_copy(struct dj_retry *ret, const struct dj_retry *retry);

int dj_retry_parse_count(struct dj_bytes text, struct dj_retry *retry,
                         struct dj_err *err) DJ_MUST_CHECK;
int dj_retry_parse_delay(struct dj_bytes text, struct dj_retry *retry,
                         struct dj_err *err) DJ_MUST_CHECK;
int dj_retry_parse_on(struct dj_bytes text, struct dj_retry *retry,
                      struct dj_err *err) DJ_MUST_CHECK;

/* dj_retry_print(buf, retry): the options that are not as dj_retry_init() leaves them, a line each;
 * they read back as the same. */
void dj_retry_print(struct dj_buf *buf, const struct dj_retry *retry);

/* dj_retry_again(retry, try, how, code): whether another try follows this one (the first is 1). */
bool dj_retry_again(const struct dj_retry *retry, uint64_t try, uint64_t how, uint64_t code);

/* dj_retry_wait_ms(retry, try): how long to wait behind that try. */
uint64_t dj_retry_wait_ms(const struct dj_retry *retry, uint64_t try);

#endif

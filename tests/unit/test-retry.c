/* How runs end and when they are tried again: words, options, decisions. */
#include "lib/model/retry.h"

#include <errno.h>
#include <signal.h>

#include "lib/util/mem.h"
#include "tests/unit/tap.h"

static void words(void)
{
    enum dj_exit_how how;

    for (unsigned i = 0; i < DJ_EXIT_HOW_COUNT; i++)
        ok(dj_exit_of_word(dj_bytes_of(dj_exit_word(i)), &how) && how == i, "%s", dj_exit_word(i));
    is_str(dj_exit_word(DJ_EXIT_HOW_COUNT), "unknown", "a number from the future");
    ok(!dj_exit_of_word(DJ_BYTES_LIT("Exit"), &how), "no such word");
    is_str(dj_memory_guard_word(DJ_MEMORY_CGROUP), "cgroup", "what watched the memory");
    is_str(dj_memory_guard_word(7), "unknown", "what nobody knows");
}

static void classes(void)
{
    static const struct {
        enum dj_exit_how how;
        uint64_t code;
        enum dj_status state;
        bool remembered;
    } cases[] = {
        {DJ_EXIT_CODE, 0, DJ_DONE, true},
        {DJ_EXIT_CODE, 3, DJ_FAILED, true},
        {DJ_EXIT_SIGNAL, SIGSEGV, DJ_FAILED, true},
        {DJ_EXIT_TIMEOUT, SIGTERM, DJ_FAILED, true},
        {DJ_EXIT_KILLED, SIGTERM, DJ_CANCELLED, false},
        {DJ_EXIT_NOT_STARTED, ENOENT, DJ_FAILED, false},
        {DJ_EXIT_LOST, 0, DJ_LOST, false},
        {DJ_EXIT_RESULT_LIMIT, SIGKILL, DJ_FAILED, true},
        {DJ_EXIT_LOG_LIMIT, SIGKILL, DJ_FAILED, true},
        {DJ_EXIT_MEMORY, SIGKILL, DJ_FAILED, true},
        {DJ_EXIT_FILES_LIMIT, SIGKILL, DJ_FAILED, true},
        {DJ_EXIT_OUT_OF_MEMORY, SIGKILL, DJ_FAILED, false},
        {DJ_EXIT_NOT_STORED, 0, DJ_FAILED, false},
        {DJ_EXIT_NO_RESULT, 0, DJ_FAILED, true},
        {DJ_EXIT_INPUT_CHANGED, 0, DJ_FAILED, false},
    };

    is_int(DJ_ARRAY_SIZE(cases), DJ_EXIT_HOW_COUNT + 1, "every way to end is here");
    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++) {
        is_int(dj_exit_state(cases[i].how, cases[i].code), cases[i].state, "the state of %s %d",
               dj_exit_word(cases[i].how), (int)cases[i].code);
        is_int(dj_exit_remembered(cases[i].how), cases[i].remembered, "whether it is remembered");
    }
}

typedef int parse_fn(struct dj_bytes text, struct dj_retry *retry, struct dj_err *err);

/* What the text prints as; NULL: it is refused, with the sentence. */
static void prints(parse_fn *parse, const char *text, const char *want, const char *sentence)
{
    struct dj_retry retry, again;
    dj_cleanup_buf struct dj_buf printed = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    const char *value;
    int code;

    dj_retry_init(&retry);
    code = parse(dj_bytes_of(text), &retry, &err);
    if (want == NULL) {
        is_int(code, -EINVAL, "\"%s\" is refused", text);
        is_str(dj_err_text(&err, code), sentence, "with a sentence");
        dj_retry_release(&retry);
        return;
    }
    is_int(code, 0, "\"%s\": %s", text, code < 0 ? dj_err_text(&err, code) : "taken");
    dj_retry_print(&printed, &retry);
    is_str(dj_buf_str(&printed), want, "and printed");
    value = strstr(want, " = ");
    if (value != NULL) {
        dj_retry_init(&again);
        is_int(parse(dj_bytes(value + 3, strlen(value + 3) - 1), &again, NULL), 0, "reads back");
        dj_buf_clear(&printed);
        dj_retry_print(&printed, &again);
        is_str(dj_buf_str(&printed), want, "as the same");
        dj_retry_release(&again);
    }
    dj_retry_release(&retry);
}

static const char factor[] = "the factor of a delay is a number from 1 to 1000 with three decimals "
                             "at the most, as in 1s*1.5";
static const char way[] = "\"%s\" is not a way to fail: exit, exit:CODE, signal, signal:NAME, "
                          "timeout, memory, out-of-memory, max_result, max_log, max_files, "
                          "no-result, input-changed, not-started, not-stored, lost or any";

static void counts(void)
{
    prints(dj_retry_parse_count, "3", "retries = 3\n", NULL);
    prints(dj_retry_parse_count, "0", "", NULL);
    prints(dj_retry_parse_count, "1001", NULL, "a run can be tried again 1000 times at the most");
}

static void delays(void)
{
    prints(dj_retry_parse_delay, "1s*2", "", NULL);
    prints(dj_retry_parse_delay, "1s", "retry_delay = 1s\n", NULL);
    prints(dj_retry_parse_delay, "0", "retry_delay = 0s\n", NULL);
    prints(dj_retry_parse_delay, "200ms*1.5", "retry_delay = 200ms*1.5\n", NULL);
    prints(dj_retry_parse_delay, "1m30s*1.005", "retry_delay = 1m30s*1.005\n", NULL);
    prints(dj_retry_parse_delay, "1s*1.25", "retry_delay = 1s*1.25\n", NULL);
    prints(dj_retry_parse_delay, "1s*1000", "retry_delay = 1s*1000\n", NULL);
    prints(dj_retry_parse_delay, "1s*1", "retry_delay = 1s\n", NULL);
    prints(dj_retry_parse_delay, "1s*1001", NULL, factor);
    prints(dj_retry_parse_delay, "1s*0.5", NULL, factor);
    prints(dj_retry_parse_delay, "1s*", NULL, factor);
    prints(dj_retry_parse_delay, "1s*2.", NULL, factor);
    prints(dj_retry_parse_delay, "1s*2x", NULL, factor);
    prints(dj_retry_parse_delay, "1s*.5", NULL, factor);
    prints(dj_retry_parse_delay, "1s*1.0001", NULL, factor);
    prints(dj_retry_parse_delay, "25h", NULL, "the delay before another try is a day at the most");
}

static void ways(void)
{
    dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;

    prints(dj_retry_parse_on, "any", "", NULL);
    prints(dj_retry_parse_on, "exit:75,signal,timeout", "retry_on = exit:75, signal, timeout\n",
           NULL);
    prints(dj_retry_parse_on, "memory  lost exit", "retry_on = memory, lost, exit\n", NULL);
    prints(dj_retry_parse_on, "signal:11 signal:SIGTERM signal:KILL",
           "retry_on = signal:SEGV, signal:TERM, signal:KILL\n", NULL);
    prints(dj_retry_parse_on, "signal:40", "retry_on = signal:40\n", NULL);
    prints(dj_retry_parse_on, "exit:75 any", "", NULL);
    prints(dj_retry_parse_on, "exit:0", NULL, "\"0\" is not the exit code of a failure: 1 to 255");
    prints(dj_retry_parse_on, "exit:256", NULL,
           "\"256\" is not the exit code of a failure: 1 to 255");
    prints(dj_retry_parse_on, "exit:", NULL, "\"\" is not the exit code of a failure: 1 to 255");
    prints(dj_retry_parse_on, "signal:65", NULL, "\"65\" is not a signal: SEGV or 11");
    prints(dj_retry_parse_on, "signal:segv", NULL, "\"segv\" is not a signal: SEGV or 11");
    prints(dj_retry_parse_on, "timeout:3", NULL,
           "only exit and signal can have a number: exit:75, signal:SEGV");
    prints(dj_retry_parse_on, "cancelled", NULL, "what was cancelled is not tried again");
    prints(dj_retry_parse_on, "", NULL, "retry_on names no way to fail");
    dj_buf_addf(&sentence, way, "crash");
    prints(dj_retry_parse_on, "exit crash", NULL, dj_buf_str(&sentence));
}

static void decisions(void)
{
    struct dj_retry retry, copy;

    dj_retry_init(&retry);
    ok(!dj_retry_again(&retry, 1, DJ_EXIT_CODE, 1), "no retries, no other try");
    retry.retries = 2;
    ok(dj_retry_again(&retry, 1, DJ_EXIT_CODE, 1), "any failure");
    ok(dj_retry_again(&retry, 2, DJ_EXIT_LOST, 0), "also one that was lost");
    ok(!dj_retry_again(&retry, 3, DJ_EXIT_CODE, 1), "not behind the last try");
    ok(!dj_retry_again(&retry, 1, DJ_EXIT_CODE, 0), "not what is done");
    ok(!dj_retry_again(&retry, 1, DJ_EXIT_KILLED, 15), "not what was cancelled");
    is_int(dj_retry_parse_on(DJ_BYTES_LIT("exit:75 signal:SEGV timeout memory"), &retry, NULL), 0,
           "only some");
    dj_retry_copy(&copy, &retry);
    dj_retry_release(&retry);
    ok(dj_retry_again(&copy, 1, DJ_EXIT_CODE, 75), "that code");
    ok(!dj_retry_again(&copy, 1, DJ_EXIT_CODE, 74), "and no other");
    ok(dj_retry_again(&copy, 1, DJ_EXIT_SIGNAL, SIGSEGV), "that signal");
    ok(!dj_retry_again(&copy, 1, DJ_EXIT_SIGNAL, SIGABRT), "and no other");
    ok(dj_retry_again(&copy, 1, DJ_EXIT_TIMEOUT, SIGKILL), "a timeout, whatever ended it");
    ok(dj_retry_again(&copy, 1, DJ_EXIT_OUT_OF_MEMORY, SIGKILL), "memory, whoever noticed");
    ok(!dj_retry_again(&copy, 1, DJ_EXIT_LOST, 0), "not what is not listed");
    dj_retry_release(&copy);
}

static void waits(void)
{
    struct dj_retry retry;

    dj_retry_init(&retry);
    is_int((int64_t)dj_retry_wait_ms(&retry, 1), 1000, "behind the first");
    is_int((int64_t)dj_retry_wait_ms(&retry, 2), 2000, "twice as long behind the second");
    is_int((int64_t)dj_retry_wait_ms(&retry, 5), 16000, "and so on");
    is_int((int64_t)dj_retry_wait_ms(&retry, 1000), DJ_RETRY_DELAY_MAX_MS, "a day at the most");
    is_int(dj_retry_parse_delay(DJ_BYTES_LIT("10ms*1.5"), &retry, NULL), 0, "another delay");
    is_int((int64_t)dj_retry_wait_ms(&retry, 3), 22, "10, 15, 22 ms");
    is_int(dj_retry_parse_delay(DJ_BYTES_LIT("0*1000"), &retry, NULL), 0, "none");
    is_int((int64_t)dj_retry_wait_ms(&retry, 1000), 0, "stays none");
    dj_retry_release(&retry);
}

int main(void)
{
    words();
    classes();
    counts();
    delays();
    ways();
    decisions();
    waits();
    return tap_done();
}

/*
 * Unit tests that speak TAP: each check prints "ok N - name" or "not ok N - name" with what was
 * expected, and the test goes on. A test is a main() that calls checks and ends with
 *
 *     return tap_done();
 *
 * tap_done() prints the plan and gives main's exit status: 0 only when every check was right and at
 * least one was made, so a test that ends early is a failure in the harness too. For one thread.
 */
#ifndef DJ_TESTS_UNIT_TAP_H
#define DJ_TESTS_UNIT_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_checks;
static int tap_failures;

__attribute__((format(printf, 2, 0), unused)) static bool tap_report(bool right, const char *format,
                                                                     va_list arguments)
{
    tap_checks++;
    if (!right)
        tap_failures++;
    printf("%s %d - ", right ? "ok" : "not ok", tap_checks);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
    return right;
}

/* ok(condition, name…): name is a printf format that says what is right, as in "an empty list". */
__attribute__((format(printf, 2, 3), unused)) static bool ok(bool condition, const char *format,
                                                             ...)
{
    va_list arguments;

    va_start(arguments, format);
    tap_report(condition, format, arguments);
    va_end(arguments);
    return condition;
}

/* diag(…): a line of explanation, shown in the test's log. */
__attribute__((format(printf, 1, 2), unused)) static void diag(const char *format, ...)
{
    va_list arguments;

    printf("# ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

__attribute__((format(printf, 3, 4), unused)) static bool is_int(intmax_t got, intmax_t want,
                                                                 const char *format, ...)
{
    va_list arguments;
    bool right;

    va_start(arguments, format);
    right = tap_report(got == want, format, arguments);
    va_end(arguments);
    if (!right)
        diag("got %" PRIdMAX ", want %" PRIdMAX, got, want);
    return right;
}

/* is_str(got, want, name…): NULL equals only NULL. */
__attribute__((format(printf, 3, 4), unused)) static bool is_str(const char *got, const char *want,
                                                                 const char *format, ...)
{
    va_list arguments;
    bool right = got == want || (got != NULL && want != NULL && strcmp(got, want) == 0);

    va_start(arguments, format);
    tap_report(right, format, arguments);
    va_end(arguments);
    if (!right)
        diag("got \"%s\", want \"%s\"", got == NULL ? "(NULL)" : got,
             want == NULL ? "(NULL)" : want);
    return right;
}

__attribute__((unused)) static void tap_hex(const char *label, const void *data, size_t len)
{
    const unsigned char *byte = data;

    printf("# %s %zu bytes:", label, len);
    for (size_t i = 0; i < len && i < 64; i++)
        printf(" %02x", byte[i]);
    printf("%s\n", len > 64 ? " ..." : "");
    fflush(stdout);
}

/* is_bytes(got, got_len, want, want_len, name…) */
__attribute__((format(printf, 5, 6), unused)) static bool
is_bytes(const void *got, size_t got_len, const void *want, size_t want_len, const char *format,
         ...)
{
    va_list arguments;
    bool right = got_len == want_len && (got_len == 0 || memcmp(got, want, got_len) == 0);

    va_start(arguments, format);
    tap_report(right, format, arguments);
    va_end(arguments);
    if (!right) {
        tap_hex("got", got, got_len);
        tap_hex("want", want, want_len);
    }
    return right;
}

/* skip(count, why…): count checks that this machine cannot make. */
__attribute__((format(printf, 2, 3), unused)) static void skip(int count, const char *format, ...)
{
    for (int i = 0; i < count; i++) {
        va_list arguments;

        printf("ok %d # SKIP ", ++tap_checks);
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        putchar('\n');
    }
    fflush(stdout);
}

/* bail_out(why…): nothing further makes sense; ends the process. */
__attribute__((format(printf, 1, 2), noreturn, unused)) static void bail_out(const char *format,
                                                                            ...)
{
    va_list arguments;

    printf("Bail out! ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
    exit(EXIT_FAILURE);
}

/* tap_done(): prints the plan 1..N; main's return value. */
__attribute__((unused)) static int tap_done(void)
{
    printf("1..%d\n", tap_checks);
    if (tap_failures != 0)
        diag("%d of %d checks failed", tap_failures, tap_checks);
    return tap_failures == 0 && tap_checks > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif

/* The harness itself: a failing check must be seen to fail. */
#include "tests/unit/tap.h"

#include <sys/wait.h>
#include <unistd.h>

/* Runs body in a child whose output is dropped; returns its exit status. */
static int status_of(int (*body)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(99);
        tap_checks = 0;
        tap_failures = 0;
        _exit(body());
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static int all_right(void)
{
    ok(true, "right");
    is_int(-1, -1, "right");
    is_str("a", "a", "right");
    is_str(NULL, NULL, "right");
    is_bytes("a\0b", 3, "a\0b", 3, "right");
    skip(1, "cannot be made");
    return tap_done();
}

static int wrong_condition(void)
{
    ok(false, "wrong");
    ok(true, "right");
    return tap_done();
}

static int wrong_string(void)
{
    is_str(NULL, "", "wrong");
    return tap_done();
}

static int wrong_bytes(void)
{
    is_bytes("a\0b", 3, "a\0c", 3, "wrong");
    return tap_done();
}

static int wrong_int(void)
{
    is_int(1, 2, "wrong");
    return tap_done();
}

static int no_check(void)
{
    return tap_done();
}

int main(void)
{
    is_int(status_of(all_right), 0, "right checks end with 0");
    is_int(status_of(wrong_condition), 1, "one false condition ends with 1");
    is_int(status_of(wrong_string), 1, "NULL is not the empty string");
    is_int(status_of(wrong_bytes), 1, "bytes after a NUL are compared");
    is_int(status_of(wrong_int), 1, "a wrong number ends with 1");
    is_int(status_of(no_check), 1, "a test without a check is a failure");
    return tap_done();
}

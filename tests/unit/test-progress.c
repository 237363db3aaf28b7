/* What a run may say of its progress, and the line that others read. */
#include "lib/model/progress.h"

#include <errno.h>

#include "lib/util/clock.h"
#include "tests/unit/tap.h"

static void takes(const char *text, uint64_t done, uint64_t total)
{
    struct dj_progress progress;

    ok(dj_progress_parse(dj_bytes_of(text), &progress, NULL) == 0 && progress.done == done &&
           progress.total == total,
       "%s", text);
}

static void refuses(const char *text, const char *sentence)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_progress progress;

    is_int(dj_progress_parse(dj_bytes_of(text), &progress, &err), -EINVAL, "not %s", text);
    is_str(err.text, sentence, "and why");
}

static void parsing(void)
{
    takes("3/10", 3, 10);
    takes(" 0/1\n", 0, 1);
    takes("1/10\n2/10\n\n", 2, 10);
    takes("9007199254740992/9007199254740992", DJ_PROGRESS_MAX, DJ_PROGRESS_MAX);
    refuses("", "\"\" is no progress; write N/M, as 3/10");
    refuses("30%", "\"30%\" is no progress; write N/M, as 3/10");
    refuses("a/b", "\"a/b\" is no progress; write N/M, as 3/10");
    refuses("-1/3", "\"-1/3\" is no progress; write N/M, as 3/10");
    refuses("1/", "\"1/\" is no progress; write N/M, as 3/10");
    refuses("1/2/3", "\"1/2/3\" is no progress; write N/M, as 3/10");
    refuses("0/0", "progress of 0/0: the whole is from 1 to 2^53");
    refuses("1/9007199254740993", "progress of 1/9007199254740993: the whole is from 1 to 2^53");
    refuses("11/10", "progress of 11/10 is more than the whole");
}

static void line(enum dj_status status, uint64_t done, uint64_t total, uint64_t took_ms,
                 uint64_t usual_ms, const char *want)
{
    struct dj_progress_facts facts = {status, {done, total}, took_ms * DJ_NS_PER_MS,
                                      usual_ms * DJ_NS_PER_MS};
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;

    dj_progress_print(&buf, &facts);
    is_str(dj_buf_str(&buf), want, "%s", want);
}

static void printing(void)
{
    line(DJ_ABSENT, 0, 0, 0, 0, "absent");
    line(DJ_QUEUED, 0, 0, 0, 5000, "queued");
    line(DJ_RUNNING, 3, 10, 17000, 0, "3/10 30% eta 40 s");
    line(DJ_RUNNING, 3, 10, 17000, 99000, "3/10 30% eta 40 s");
    line(DJ_WAITING, 999, 1000, 999000, 0, "999/1000 99% eta 1 s");
    line(DJ_RUNNING, 10, 10, 5000, 0, "10/10 100% eta 0 s");
    line(DJ_RUNNING, 1, 100, 5000, 0, "1/100 1% eta 8 min 15 s");
    line(DJ_RUNNING, 0, 10, 2000, 5000, "0/10 0% eta 3 s");
    line(DJ_RUNNING, 0, 10, 2000, 0, "0/10 0% after 2 s");
    line(DJ_RUNNING, 0, 0, 2000, 8000, "25% eta 6 s");
    line(DJ_RUNNING, 0, 0, 9999, 10000, "99% eta 1 s");
    line(DJ_RUNNING, 0, 0, 20000, 8000, "99% late 12 s");
    line(DJ_RUNNING, 0, 0, 12300, 0, "after 13 s");
    line(DJ_FAILED, 3, 10, 12300, 0, "3/10 30% failed after 12.3 s");
    line(DJ_CANCELLED, 0, 0, 12300, 0, "cancelled after 12.3 s");
    line(DJ_DONE, 3, 10, 12300, 0, "100% done in 12.3 s");
    line(DJ_RUNNING, DJ_PROGRESS_MAX / 2, DJ_PROGRESS_MAX, 86400000, 0,
         "4503599627370496/9007199254740992 50% eta 1 d");
}

int main(void)
{
    parsing();
    printing();
    return tap_done();
}

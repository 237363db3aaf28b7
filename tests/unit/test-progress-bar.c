/* The line of a progress bar: what it says, how long it is, and how long the rest will take. */
#include "cli/progress_bar.h"
#include "lib/util/buf.h"
#include "lib/util/clock.h"
#include "tests/unit/tap.h"

#define S DJ_NS_PER_S

static void line_is(const struct dj_bar_facts *facts, size_t width, const char *want)
{
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT;

    dj_bar_line(&line, facts, width);
    is_str(dj_buf_str(&line), want, "%s", want);
    ok(line.len <= width, "and no longer than %zu", width);
}

static void plain_is(const struct dj_bar_facts *facts, const char *want)
{
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT;

    dj_bar_plain(&line, facts);
    is_str(dj_buf_str(&line), want, "plain: %s", want);
}

static void eta_is(struct dj_bar_facts facts, uint64_t want)
{
    uint64_t eta = 0;

    ok(dj_bar_eta(&facts, &eta), "an eta");
    is_int((long long)eta, (long long)want, "of %llu s", (unsigned long long)want);
}

static void test_eta(void)
{
    struct dj_bar_facts none = {"x", 0, 100, 5 * S, 0, 0};
    uint64_t eta;

    eta_is((struct dj_bar_facts){"x", 25, 100, 10 * S, 25, 10 * S}, 30);
    /* A thousand hits at the start say nothing of the slow rest. */
    eta_is((struct dj_bar_facts){"x", 1010, 1100, 20 * S, 10, 10 * S}, 90);
    /* Nothing ended lately: the whole time is all that is known. */
    eta_is((struct dj_bar_facts){"x", 10, 20, 40 * S, 0, 16 * S}, 40);
    eta_is((struct dj_bar_facts){"x", 999, 1000, S, 999, S}, 1);
    ok(!dj_bar_eta(&none, &eta), "none before anything is done");
    none.total = 0;
    none.done = 7;
    ok(!dj_bar_eta(&none, &eta), "none without a total");
    none.total = 7;
    ok(!dj_bar_eta(&none, &eta), "none when all is done");
}

static void test_lines(void)
{
    struct dj_bar_facts half = {"results", 50, 100, 10 * S, 50, 10 * S};
    struct dj_bar_facts full = {"results", 100, 100, 61 * S, 0, 0};
    struct dj_bar_facts many = {"results", 45, 0, 12 * S, 45, 12 * S};
    struct dj_bar_facts alone = {"stopping the daemon", 0, 0, 3 * S, 0, 0};
    struct dj_bar_facts days = {"x", 1, 2001, 100 * S, 1, 100 * S};

    line_is(&half, 50, "dj: results [=======>       ] 50/100 50 % eta 10 s");
    line_is(&half, 200, "dj: results [====================>                   ] "
                        "50/100 50 % eta 10 s");
    line_is(&half, 38, "dj: results 50/100 50 % eta 10 s");
    line_is(&half, 15, "dj: results 50/");
    line_is(&full, 60, "dj: results [===============] 100/100 100 % 1 min 1 s so far");
    line_is(&many, 79, "dj: results 45 done, 12 s so far");
    line_is(&alone, 79, "dj: stopping the daemon 3 s so far");
    plain_is(&half, "dj: results: 50 of 100, 50 %, eta 10 s\n");
    plain_is(&many, "dj: results: 45 done, 12 s so far\n");
    plain_is(&alone, "dj: stopping the daemon: 3 s so far\n");
    plain_is(&days, "dj: x: 1 of 2001, 0 %, eta 2 d 7 h\n");
}

int main(void)
{
    test_eta();
    test_lines();
    return tap_done();
}

#include "cli/progress_bar.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/buf.h"
#include "lib/util/clock.h"
#include "lib/util/str.h"

enum { WIDTH = 30 };

#define FIRST_NS DJ_NS_PER_S
#define BAR_NS (100 * DJ_NS_PER_MS)
#define LINE_NS (10 * DJ_NS_PER_S)

void dj_progress_bar_init(struct dj_progress_bar *bar, bool quiet)
{
    *bar = (struct dj_progress_bar){.quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1};
    bar->start_ns = dj_clock_mono_ns();
    bar->next_ns = bar->start_ns + FIRST_NS;
}

/* As long again for what is left as it took so far. */
static void add_rest(struct dj_buf *text, double part, uint64_t spent_ns)
{
    double left_ns = part > 0.01 ? (double)spent_ns * (1 - part) / part : -1;

    if (left_ns < 0)
        return;
    dj_buf_adds(text, ", ");
    dj_people_duration(text, (uint64_t)(left_ns / DJ_NS_PER_S + 0.5) * DJ_NS_PER_S);
    dj_buf_adds(text, " left");
}

void dj_progress_bar_show(struct dj_progress_bar *bar, uint64_t done, uint64_t total,
                          const char *what)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    uint64_t now = dj_clock_mono_ns();
    double part = total == 0 ? 0 : (double)DJ_MIN(done, total) / (double)total;

    if (bar->quiet || now < bar->next_ns)
        return;
    bar->next_ns = now + (bar->terminal ? BAR_NS : LINE_NS);
    if (bar->terminal) {
        dj_buf_adds(&text, "\r\033[K[");
        for (int i = 0; i < WIDTH; i++)
            dj_buf_addc(&text, i < (int)(part * WIDTH) ? '#' : ' ');
        dj_buf_adds(&text, "] ");
    } else {
        dj_buf_adds(&text, "dj: ");
    }
    dj_buf_addf(&text, "%d %%", (int)(part * 100));
    if (what != NULL && *what != '\0')
        dj_buf_addf(&text, " (%s)", what);
    add_rest(&text, part, now - bar->start_ns);
    if (!bar->terminal)
        dj_buf_addc(&text, '\n');
    fputs(dj_buf_str(&text), stderr);
    bar->drawn = bar->terminal;
}

void dj_progress_bar_clear(struct dj_progress_bar *bar)
{
    if (bar->drawn)
        fputs("\r\033[K", stderr);
    bar->drawn = false;
}

#include "cli/progress_bar.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum {
    WIDTH_UNKNOWN = 80, /* of a terminal that does not say */
    BAR_MIN = 10,       /* columns; where there is no room for these there is none for a bar */
    BAR_MAX = 40,
    SAMPLES = 16,       /* one a second: the time that the rest is told from */
    COUNT_SIZE = 64 << 10,
};

/* ---- the line -------------------------------------------------------------------------------- */

bool dj_bar_eta(const struct dj_bar_facts *facts, uint64_t *ret)
{
    uint64_t done = facts->late_done != 0 ? facts->late_done : facts->done;
    uint64_t ns = facts->late_done != 0 ? facts->late_ns : facts->elapsed_ns;
    double seconds;

    if (facts->total <= facts->done || done == 0 || ns == 0)
        return false;
    seconds = (double)(facts->total - facts->done) / (double)done * (double)ns / 1e9;
    if (seconds > 1e9)
        return false;
    *ret = DJ_MAX((uint64_t)(seconds + 0.5), 1);
    return true;
}

static void add_seconds(struct dj_buf *buf, uint64_t seconds)
{
    if (seconds < 60)
        dj_buf_addf(buf, "%" PRIu64 " s", seconds);
    else if (seconds < 3600)
        dj_buf_addf(buf, "%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        dj_buf_addf(buf, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds / 60 % 60);
    else
        dj_buf_addf(buf, "%" PRIu64 " d %" PRIu64 " h", seconds / 86400, seconds / 3600 % 24);
}

static void add_left(struct dj_buf *buf, const struct dj_bar_facts *facts)
{
    uint64_t eta;

    if (dj_bar_eta(facts, &eta)) {
        dj_buf_adds(buf, "eta ");
        add_seconds(buf, eta);
    } else {
        add_seconds(buf, facts->elapsed_ns / DJ_NS_PER_S);
        dj_buf_adds(buf, " so far");
    }
}

/* Cut, never rounded up: 100 % is when all is done. */
static unsigned part_of(const struct dj_bar_facts *facts, unsigned whole)
{
    return (unsigned)((double)facts->done / (double)facts->total * whole);
}

static void add_bar(struct dj_buf *buf, const struct dj_bar_facts *facts, unsigned columns)
{
    unsigned full = part_of(facts, columns);

    dj_buf_addc(buf, '[');
    for (unsigned i = 0; i < columns; i++)
        dj_buf_addc(buf, i < full ? '=' : i == full ? '>' : ' ');
    dj_buf_adds(buf, "] ");
}

void dj_bar_line(struct dj_buf *buf, const struct dj_bar_facts *facts, size_t width)
{
    dj_cleanup_buf struct dj_buf rest = DJ_BUF_INIT;
    size_t start = buf->len, taken;

    dj_buf_addf(buf, "dj: %s ", facts->what);
    if (facts->total != 0)
        dj_buf_addf(&rest, "%" PRIu64 "/%" PRIu64 " %u %% ", facts->done, facts->total,
                    part_of(facts, 100));
    else if (facts->done != 0)
        dj_buf_addf(&rest, "%" PRIu64 " done, ", facts->done);
    add_left(&rest, facts);
    taken = buf->len - start + rest.len + strlen("[] ");
    if (facts->total != 0 && taken + BAR_MIN <= width)
        add_bar(buf, facts, (unsigned)DJ_MIN(width - taken, BAR_MAX));
    dj_buf_add_bytes(buf, dj_buf_bytes(&rest));
    if (buf->len - start > width)
        dj_buf_truncate(buf, start + width);
}

void dj_bar_plain(struct dj_buf *buf, const struct dj_bar_facts *facts)
{
    dj_buf_addf(buf, "dj: %s: ", facts->what);
    if (facts->total != 0)
        dj_buf_addf(buf, "%" PRIu64 " of %" PRIu64 ", %u %%, ", facts->done, facts->total,
                    part_of(facts, 100));
    else if (facts->done != 0)
        dj_buf_addf(buf, "%" PRIu64 " done, ", facts->done);
    add_left(buf, facts);
    dj_buf_addc(buf, '\n');
}

/* ---- the bar --------------------------------------------------------------------------------- */

static const uint64_t wait_ns = DJ_NS_PER_S, draw_ns = DJ_NS_PER_S / 10, line_ns = 10 * DJ_NS_PER_S;

struct dj_bar {
    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below, and what is on the terminal */
    pthread_cond_t ended;
    bool end;
    bool terminal;
    bool mid_line;
    bool drawn;
    struct dj_bar_facts facts;
    char *what;
    uint64_t begin_ns;
    uint64_t samples[SAMPLES]; /* what was done in each of the latest seconds, as a ring */
    uint64_t second;           /* the latest of them */
};

/* Of the seconds that were seen, the last SAMPLES at the most tell how fast it goes. */
static void sample(struct dj_bar *bar, uint64_t now)
{
    uint64_t second = (now - bar->begin_ns) / DJ_NS_PER_S, oldest;

    while (bar->second < second)
        bar->samples[++bar->second % SAMPLES] = bar->facts.done;
    oldest = second < SAMPLES ? 0 : second - SAMPLES + 1;
    bar->facts.elapsed_ns = now - bar->begin_ns;
    bar->facts.late_done = bar->facts.done - bar->samples[oldest % SAMPLES];
    bar->facts.late_ns = bar->facts.elapsed_ns - oldest * DJ_NS_PER_S;
}

static size_t terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return WIDTH_UNKNOWN - 1;
    return size.ws_col - 1U;
}

static void erase(struct dj_bar *bar)
{
    if (bar->drawn)
        (void)!dj_write_full(STDERR_FILENO, "\r\033[K", strlen("\r\033[K"));
    bar->drawn = false;
}

static void draw(struct dj_bar *bar, uint64_t now)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    sample(bar, now);
    if (bar->terminal && bar->mid_line)
        return;
    if (bar->terminal) {
        dj_buf_adds(&text, "\r");
        dj_bar_line(&text, &bar->facts, terminal_width());
        dj_buf_adds(&text, "\033[K");
    } else {
        dj_bar_plain(&text, &bar->facts);
    }
    (void)!dj_write_full(STDERR_FILENO, text.data, text.len);
    bar->drawn = bar->terminal;
}

/* A line that tells no end says no more than that somebody is alive: that can wait. */
static bool is_time(const struct dj_bar *bar, uint64_t now)
{
    return bar->terminal || bar->facts.total != 0 || now - bar->begin_ns >= line_ns;
}

static void *draw_on(void *cookie)
{
    struct dj_bar *bar = cookie;
    uint64_t next = bar->begin_ns + wait_ns;

    pthread_mutex_lock(&bar->mutex);
    while (!bar->end) {
        struct timespec until = {.tv_sec = (time_t)(next / DJ_NS_PER_S),
                                 .tv_nsec = (long)(next % DJ_NS_PER_S)};
        uint64_t now;

        (void)pthread_cond_timedwait(&bar->ended, &bar->mutex, &until);
        now = dj_clock_mono_ns();
        if (bar->end || now < next)
            continue;
        next = now + (bar->terminal ? draw_ns : wait_ns);
        if (is_time(bar, now)) {
            draw(bar, now);
            next = now + (bar->terminal ? draw_ns : line_ns);
        }
    }
    erase(bar);
    pthread_mutex_unlock(&bar->mutex);
    return NULL;
}

/* Signals are for the thread that works. */
static int start_thread(struct dj_bar *bar)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&bar->thread, NULL, draw_on, bar);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -rc;
}

static void bar_free(struct dj_bar *bar)
{
    pthread_cond_destroy(&bar->ended);
    pthread_mutex_destroy(&bar->mutex);
    free(bar->what);
    free(bar);
}

struct dj_bar *dj_bar_begin(const struct dj_cli *cli, const char *what, uint64_t total)
{
    const char *term = getenv("TERM");
    pthread_condattr_t attr;
    struct dj_bar *bar;

    if (cli->quiet)
        return NULL;
    bar = dj_xcalloc(1, sizeof(*bar));
    bar->what = dj_xstrdup(what);
    bar->facts = (struct dj_bar_facts){.what = bar->what, .total = total};
    bar->begin_ns = dj_clock_mono_ns();
    bar->terminal = isatty(STDERR_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
    pthread_mutex_init(&bar->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&bar->ended, &attr);
    pthread_condattr_destroy(&attr);
    if (start_thread(bar) < 0) {
        bar_free(bar);
        return NULL;
    }
    return bar;
}

void dj_bar_what(struct dj_bar *bar, const char *what)
{
    if (bar == NULL || what == NULL || what[0] == '\0')
        return;
    pthread_mutex_lock(&bar->mutex);
    free(bar->what);
    bar->facts.what = bar->what = dj_xstrdup(what);
    pthread_mutex_unlock(&bar->mutex);
}

void dj_bar_set(struct dj_bar *bar, uint64_t done, uint64_t total)
{
    if (bar == NULL)
        return;
    pthread_mutex_lock(&bar->mutex);
    sample(bar, dj_clock_mono_ns());
    bar->facts.done = done;
    bar->facts.total = total;
    pthread_mutex_unlock(&bar->mutex);
}

void dj_bar_hide(struct dj_bar *bar)
{
    if (bar == NULL)
        return;
    pthread_mutex_lock(&bar->mutex);
    erase(bar);
}

void dj_bar_show(struct dj_bar *bar, bool mid_line)
{
    if (bar == NULL)
        return;
    bar->mid_line = mid_line;
    pthread_mutex_unlock(&bar->mutex);
}

void dj_bar_end(struct dj_bar *bar)
{
    if (bar == NULL)
        return;
    pthread_mutex_lock(&bar->mutex);
    bar->end = true;
    pthread_cond_signal(&bar->ended);
    pthread_mutex_unlock(&bar->mutex);
    pthread_join(bar->thread, NULL);
    bar_free(bar);
}

void dj_bar_endp(struct dj_bar **bar)
{
    dj_bar_end(*bar);
    *bar = NULL;
}

size_t dj_count_lines(int fd)
{
    dj_cleanup_free uint8_t *chunk = dj_xmalloc(COUNT_SIZE);
    uint64_t offset = 0;
    size_t lines = 0;
    ssize_t n;

    while ((n = dj_pread_full(fd, chunk, COUNT_SIZE, offset)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            lines += chunk[i] == '\n';
        offset += (uint64_t)n;
    }
    return lines;
}

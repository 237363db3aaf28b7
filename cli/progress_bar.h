/*
 * How far something is that takes longer than a second: a bar on a terminal, now and then a line
 * elsewhere, nothing with -q. All of it on stderr.
 *
 *     struct dj_progress_bar bar;
 *     dj_progress_bar_init(&bar, cli->quiet);
 *     dj_progress_bar_show(&bar, done, total, "runs");   as often as one likes
 *     dj_progress_bar_clear(&bar);                       before other output, and at the end
 */
#ifndef DJ_CLI_PROGRESS_BAR_H
#define DJ_CLI_PROGRESS_BAR_H

#include <stdbool.h>
#include <stdint.h>

struct dj_progress_bar {
    bool quiet;
    bool terminal;
    bool drawn;       /* there is a bar in the last line */
    uint64_t start_ns;
    uint64_t next_ns; /* not before this moment again */
};

void dj_progress_bar_init(struct dj_progress_bar *bar, bool quiet);

/* dj_progress_bar_show(bar, done, total, what): what: a word or two on what is being done. */
void dj_progress_bar_show(struct dj_progress_bar *bar, uint64_t done, uint64_t total,
                          const char *what);
void dj_progress_bar_clear(struct dj_progress_bar *bar);

#endif

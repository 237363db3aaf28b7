/*
 * A progress bar on stderr for what takes longer than a second.
 *
 *     struct dj_bar *bar = dj_bar_begin(cli, "results", 100);
 *     for (…) dj_bar_set(bar, i, 100);
 *     dj_bar_end(bar);
 *
 * Nothing is shown within the first second, and with -q nothing at all (the bar is NULL, which all
 * functions take). On a terminal it is one line that a thread draws anew ten times a second and
 * that is gone at the end; anywhere else it is a plain line after the first second and every ten
 * seconds, for a log (where no total is known, after the first ten). The thread is what lets the
 * caller block wherever it likes.
 *
 * What else is printed meanwhile stands between dj_bar_hide() and dj_bar_show(). One thread owns a
 * bar; there is one at a time.
 */
#ifndef DJ_CLI_PROGRESS_BAR_H
#define DJ_CLI_PROGRESS_BAR_H

#include "cli/command.h"

struct dj_bar;

/* dj_bar_begin(cli, what, total): what: a word or two, such as "results"; total 0: not known. */
struct dj_bar *dj_bar_begin(const struct dj_cli *cli, const char *what, uint64_t total);
/* dj_bar_what(bar, what): from now on it is that; NULL or empty: as before. */
void dj_bar_what(struct dj_bar *bar, const char *what);
void dj_bar_set(struct dj_bar *bar, uint64_t done, uint64_t total);
void dj_bar_hide(struct dj_bar *bar);
/* dj_bar_show(bar, mid_line): mid_line: what was printed stands on the terminal without a newline
 * behind it, so the bar stays away until the next time. */
void dj_bar_show(struct dj_bar *bar, bool mid_line);
void dj_bar_end(struct dj_bar *bar);
void dj_bar_endp(struct dj_bar **bar);
#define dj_cleanup_bar DJ_CLEANUP(dj_bar_endp)

/* dj_count_lines(fd): a total for a bar; of a file; 0 for a pipe, which is still being written. */
size_t dj_count_lines(int fd);

/* ---- the line itself, pure ---- */

struct dj_bar_facts {
    const char *what;
    uint64_t done;
    uint64_t total;      /* 0: not known */
    uint64_t elapsed_ns;
    uint64_t late_done;  /* of these, how many in the latest late_ns, from which the rest is told */
    uint64_t late_ns;
};

/* dj_bar_eta(facts, ret): seconds that the rest will take; false when nothing can be said. */
bool dj_bar_eta(const struct dj_bar_facts *facts, uint64_t *ret);
/* dj_bar_line(buf, facts, width): of a terminal, at most width columns. */
void dj_bar_line(struct dj_buf *buf, const struct dj_bar_facts *facts, size_t width);
/* dj_bar_plain(buf, facts): of a log, with its newline. */
void dj_bar_plain(struct dj_buf *buf, const struct dj_bar_facts *facts);

#endif

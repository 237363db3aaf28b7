/*
 * The log: one line a message on stderr.
 *
 *     dj_log_setup("djd");
 *     dj_log_info("listening on %s", path);      ->  djd: listening on /run/dj/socket
 *
 * Levels: error, warning, info (the default), debug. DJ_LOG=debug|info|warning|error|quiet sets the
 * level, each -v raises it (dj_log_verbose()). Each message is one write(2), so lines of several
 * threads and processes never mix; newlines and control bytes in it are shown as \n, \xNN. When
 * stderr is systemd's journal (JOURNAL_STREAM names it) each line begins with <3>, <4>, <6> or <7>
 * in place of the program's name. Thread-safe after set-up; errno is kept.
 */
#ifndef DJ_UTIL_LOG_H
#define DJ_UTIL_LOG_H

#include <stdbool.h>

#include "lib/util/macros.h"

enum dj_log_level { DJ_LOG_QUIET, DJ_LOG_ERROR, DJ_LOG_WARNING, DJ_LOG_INFO, DJ_LOG_DEBUG };

/* dj_log_setup(program): reads DJ_LOG and JOURNAL_STREAM; program is kept. */
void dj_log_setup(const char *program);
void dj_log_verbose(void); /* one level more */
void dj_log_set_level(enum dj_log_level level);
bool dj_log_enabled(enum dj_log_level level);

void dj_log(enum dj_log_level level, const char *format, ...) DJ_PRINTF(2, 3);

#define dj_log_error(...) dj_log(DJ_LOG_ERROR, __VA_ARGS__)
#define dj_log_warning(...) dj_log(DJ_LOG_WARNING, __VA_ARGS__)
#define dj_log_info(...) dj_log(DJ_LOG_INFO, __VA_ARGS__)
/* The arguments are not evaluated when debug is off. */
#define dj_log_debug(...)                          \
    do {                                           \
        if (dj_log_enabled(DJ_LOG_DEBUG))          \
            dj_log(DJ_LOG_DEBUG, __VA_ARGS__);     \
    } while (0)

#endif

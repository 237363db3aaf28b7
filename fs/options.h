/*
 * The command line of djfs, in its two forms:
 *
 *     djfs [--connect SOCKET] MOUNT [-o OPTIONS] [--ready-fd N] [-f]
 *     djfs SOURCE MOUNT -o OPTIONS            as mount(8) and fstab call it
 *
 * Options that mount(8) passes for every file system (rw, auto, _netdev, x-…) are accepted and
 * ignored; any other word that djfs does not know is refused.
 */
#ifndef DJ_FS_OPTIONS_H
#define DJ_FS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/buf.h"
#include "lib/util/err.h"

#define DJ_WAIT_DEFAULT_MS 10000

struct dj_options {
    char *connect;      /* NULL: look in the usual places */
    char *mount;        /* as given */
    bool readonly;
    bool allow_other;
    bool foreground;
    bool epoch;         /* use it where the kernel has one */
    bool debug;         /* libfuse prints every request */
    int ready_fd;       /* -1: none */
    int64_t wait_ms;    /* how long requests wait for a daemon that is away */
    bool wait_given;    /* by an option; else dj.conf has it */
    struct dj_buf kernel; /* further -o words for the kernel, each behind a comma */
};

enum dj_options_verdict { DJ_OPTIONS_RUN, DJ_OPTIONS_HELP, DJ_OPTIONS_VERSION };

/* dj_options_parse(argc, argv, ret, ret_verdict, err): -EINVAL with a sentence. Release always. */
int dj_options_parse(int argc, char **argv, struct dj_options *ret,
                     enum dj_options_verdict *ret_verdict, struct dj_err *err) DJ_MUST_CHECK;
void dj_options_release(struct dj_options *options);

extern const char dj_options_usage[];

#endif

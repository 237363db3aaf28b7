/*
 * Programs of this installation, found and started: what a daemon, a mount and a check of a store
 * that has no daemon need. dj.h carries none of it but DJ_START_DAEMON: options of djd are dj's.
 */
#ifndef DJ_CLIENT_PROGRAMS_H
#define DJ_CLIENT_PROGRAMS_H

#include "lib/model/codec.h"
#include "lib/util/err.h"

/* dj_absolute(path): below the current folder; what we start runs in another. An address with
 * "://" stays as it is. malloc'd. */
char *dj_absolute(const char *path);

/* dj_program(name): where a program of ours is: in $DJ_BINDIR, beside this program, in PATH, or
 * where it is installed; malloc'd. */
char *dj_program(const char *name);

/* What djd is told when it is started; NULL, or none: as it finds it in dj.conf. */
struct dj_daemon_options {
    const char *store, *workers, *quota;
    struct dj_list resources; /* struct dj_buf, each NAME=N */
};

/*
 * dj_start_daemon(socket, options, err): starts djd and waits until it can be used.
 * Of two that start it at once, one does and the other finds it running: both get 0.
 */
int dj_start_daemon(const char *socket, const struct dj_daemon_options *options,
                    struct dj_err *err) DJ_MUST_CHECK;

/* dj_start_program(argv, log, err): detached, and no child of ours; returns when it has said that
 * it is ready. */
int dj_start_program(char **argv, const char *log, struct dj_err *err) DJ_MUST_CHECK;

#endif

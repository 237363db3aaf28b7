/*
 * The daemon and the mount, started.
 */
#ifndef DJ_CLIENT_PROGRAMS_H
#define DJ_CLIENT_PROGRAMS_H

#include "lib/model/codec.h"
#include "lib/util/err.h"

/* What djd is told when it is started; NULL, or none: as it finds it in dj.conf. */
struct dj_daemon_options {
    char *store, *workers, *quota;
    struct dj_list resources; /* struct dj_buf, each NAME=N */
};

void dj_daemon_options_release(struct dj_daemon_options *options);

/*
 * dj_start_daemon(socket, options, err): starts djd and waits until it can be used.
 * Of two that start it at once, one does and the other finds it running: both get 0.
 */
int dj_start_daemon(const char *socket, const struct dj_daemon_options *options,
                    struct dj_err *err) DJ_MUST_CHECK;

/* dj_start_program(argv, log, wake_fd, err): detached, and no child of ours; returns when it has
 * said that it is ready, or -EINTR without a sentence when wake_fd (-1: none) is readable before:
 * it goes on starting then. */
int dj_start_program(char **argv, const char *log, int wake_fd,
                     struct dj_err *err) DJ_MUST_CHECK;

#endif

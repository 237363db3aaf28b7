/*
 * The daemon's side of a worker's connection, for tests and benchmarks: a socket, the greeting,
 * messages in both directions, and no more sense than the caller has.
 *
 *     struct fake_djd djd;
 *     fake_init(&djd, "/tmp/somewhere");      socket and work folder are below it
 *     fake_spawn(&djd, NULL);                 djw of $DJ_LIBEXECDIR, --connect and --work set
 *     fake_accept(&djd, 5000);                greets it
 *     fake_send(&djd, DJ_MSG_RUN, &run);
 *     fake_next(&djd, 5000, &message);        1, 0 when nothing came in time, -1 when it is over
 */
#ifndef DJ_TESTS_FAKE_DJD_H
#define DJ_TESTS_FAKE_DJD_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/proto/messages.h"
#include "lib/wire/stream.h"

struct fake_djd {
    char dir[128];
    char socket[160];
    char work[160];
    int listener;
    struct dj_stream stream; /* fd -1: no worker */
    pid_t worker;
};

int fake_init(struct fake_djd *djd, const char *dir);
int fake_listen(struct fake_djd *djd); /* again, after a hang-up */

/* fake_hang_up(djd, deaf): ends the connection; deaf: nobody listens any more. */
void fake_hang_up(struct fake_djd *djd, bool deaf);

/* fake_spawn(djd, arguments): starts djw; arguments: further ones, NULL at the end, or NULL. */
void fake_spawn(struct fake_djd *djd, const char *const *arguments);

/* fake_accept_as(djd, timeout, refusal): greets the next worker, or refuses it with a sentence. */
int fake_accept_as(struct fake_djd *djd, int timeout_ms, const char *refusal);
int fake_accept(struct fake_djd *djd, int timeout_ms);

int fake_send_id(struct fake_djd *djd, enum dj_message number, uint64_t id, const void *fields);
int fake_send(struct fake_djd *djd, enum dj_message number, const void *fields);
int fake_next(struct fake_djd *djd, int timeout_ms, struct dj_message_in *ret);

/* fake_end_worker(djd, signal, timeout): the status of waitpid(2), -1 when it does not end. */
int fake_end_worker(struct fake_djd *djd, int signal, int timeout_ms);
void fake_release(struct fake_djd *djd); /* the worker is killed */

#endif

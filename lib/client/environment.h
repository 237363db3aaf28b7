/*
 * Answers to WANTS: values of environment variables that a key holds.
 *
 * Nothing but what was asked for leaves the process. A variable that is not set is said to be so;
 * it is another thing than an empty one.
 */
#ifndef DJ_CLIENT_ENVIRONMENT_H
#define DJ_CLIENT_ENVIRONMENT_H

#include "lib/proto/messages.h"
#include "lib/util/bytes.h"

/*
 * dj_environment_pick(wants, block, ret): block is an environment as /proc/PID/environ has it,
 * NAME=VALUE each with a NUL behind; ret, a list of struct dj_part_pair, is replaced.
 */
void dj_environment_pick(const struct dj_msg_wants *wants, struct dj_bytes block,
                         struct dj_list *ret);

/* dj_environment_own(wants, ret): the same from this process. */
void dj_environment_own(const struct dj_msg_wants *wants, struct dj_list *ret);

#endif

/*
 * What dj needs and dj.h does not carry, in one header:
 *
 *   - djd and djfs started, with their options: `dj up`, `dj mount`; a program has DJ_START_DAEMON
 *   - the greeting's fine points, such as a mount that is to come back: `dj up`, `dj doctor`
 *   - checks of a store, whose findings djd also writes to a pipe: `dj fsck`
 *   - runs on their way between stores, in messages that only archives are made of: `dj export`,
 *     `import`, `sync`, `gc`
 *   - groups of calls, whose answers come in parts: `dj map`, stored frames
 *   - a lock, which outlives its daemon by a second connection: `dj lock`
 *
 * tests/lint/layers.bats names the files of cli/ that use it.
 */
#ifndef DJ_CLIENT_INTERNAL_H
#define DJ_CLIENT_INTERNAL_H

#include "lib/client/connection.h"
#include "lib/client/dj.h"
#include "lib/client/programs.h"

/* dj_connection_of(dj): NULL while there is none; it belongs to dj. */
struct dj_connection *dj_connection_of(struct dj *dj);

#endif

/*
 * Where the daemon's socket is.
 */
#ifndef DJ_WIRE_SOCKET_PATH_H
#define DJ_WIRE_SOCKET_PATH_H

#include <stdbool.h>

#include "lib/util/err.h"

/*
 * dj_socket_named(connect, ret, err): the socket that somebody named: `connect` (--connect), else
 * $DJ_CONNECT, else dj.conf; *ret is NULL when nobody did. malloc'd.
 */
int dj_socket_named(const char *connect, char **ret, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_socket_path(connect, ret, err): the socket to talk to: the one that is named; else
 * $XDG_RUNTIME_DIR/dj/socket or /tmp/dj-UID/socket, whose folder must be ours and 0700 (-EPERM with
 * a sentence otherwise); else /run/dj/socket when only that exists. malloc'd.
 */
int dj_socket_path(const char *connect, char **ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_own_socket_path(make, ret, err): your own daemon's; make: its folder is made, 0700. */
int dj_own_socket_path(bool make, char **ret, struct dj_err *err) DJ_MUST_CHECK;

#endif

/*
 * Users by name, for sentences and records: root instead of 0.
 *
 * Names are remembered, since asking for one may mean asking a server. Not thread-safe.
 */
#ifndef DJ_UTIL_USER_H
#define DJ_UTIL_USER_H

#include <stdint.h>

/* dj_user_name(uid): the user's name, its number when it has none. Valid for ever. */
const char *dj_user_name(uint32_t uid);

#endif

/*
 * Where the store is when nobody names one.
 */
#ifndef DJ_UTIL_STORE_PATH_H
#define DJ_UTIL_STORE_PATH_H

#include "lib/util/err.h"

/*
 * dj_store_path(ret, err): $XDG_DATA_HOME/dj, else /var/lib/dj for root and ~/.local/share/dj for
 * everybody else; malloc'd. -EINVAL with a sentence when there is no HOME to take it from.
 */
int dj_store_path(char **ret, struct dj_err *err) DJ_MUST_CHECK;

#endif

#include "lib/model/lock.h"

#include <errno.h>
#include <string.h>

#include "lib/util/str.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

int dj_lock_check(const char *name, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    size_t len = name == NULL ? 0 : strlen(name);

    if (len == 0)
        return dj_err_set(err, EINVAL, "a lock needs a name");
    if (len > DJ_LOCK_NAME_MAX)
        return dj_err_set(err, EINVAL, "the name of a lock has at most %d bytes, and this one %zu",
                          DJ_LOCK_NAME_MAX, len);
    if (strspn(name, LETTERS "._-+:@/") == len && strspn(name, LETTERS) != 0)
        return 0;
    dj_add_printable(&shown, dj_bytes_of(name));
    return dj_err_set(err, EINVAL, "\"%s\" is no name of a lock: it begins with a letter or a"
                      " digit, and has only these and . _ - + : @ /", dj_buf_str(&shown));
}

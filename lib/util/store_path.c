#include "lib/util/store_path.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/util/buf.h"

int dj_store_path(char **ret, struct dj_err *err)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    struct dj_buf path = DJ_BUF_INIT;

    if (data != NULL && data[0] == '/')
        dj_buf_addf(&path, "%s/dj", data);
    else if (geteuid() == 0)
        dj_buf_adds(&path, "/var/lib/dj");
    else if (home != NULL && home[0] == '/')
        dj_buf_addf(&path, "%s/.local/share/dj", home);
    else
        return dj_err_set(err, EINVAL, "HOME is not set; name a store with --store");
    *ret = dj_buf_steal(&path);
    return 0;
}

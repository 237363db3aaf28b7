#include "lib/util/helper_program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/fdio.h"

/* An installation that was moved as a whole still finds its parts. */
static const char *const beside[] = {"", "../libexec/djfs/"};

static bool is_beside(const char *name, struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf self = DJ_BUF_INIT;
    const char *slash;

    if (dj_readlink(AT_FDCWD, "/proc/self/exe", &self) < 0)
        return false;
    slash = strrchr(dj_buf_str(&self), '/');
    for (size_t i = 0; slash != NULL && i < DJ_ARRAY_SIZE(beside); i++) {
        dj_buf_clear(ret);
        dj_buf_add(ret, self.data, (size_t)(slash + 1 - dj_buf_str(&self)));
        dj_buf_addf(ret, "%s%s", beside[i], name);
        if (access(dj_buf_str(ret), X_OK) == 0)
            return true;
    }
    return false;
}

char *dj_helper_program(const char *name)
{
    const char *folder = getenv("DJ_LIBEXECDIR");
    struct dj_buf path = DJ_BUF_INIT;

    if (folder == NULL && is_beside(name, &path))
        return dj_buf_steal(&path);
    dj_buf_clear(&path);
    dj_buf_addf(&path, "%s/%s", folder != NULL ? folder : DJ_LIBEXECDIR, name);
    return dj_buf_steal(&path);
}

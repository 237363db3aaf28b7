#include "lib/util/helper_program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/fdio.h"
#include "lib/util/mem.h"

/* An installation that was moved as a whole still finds its parts. */
#define HELPERS "libexec/djfs/"
static const char *const beside[] = {"", "../" HELPERS};

/* From the helpers' folder to that of dj, when they are installed like that. */
static void go_to_dj(struct dj_buf *folder)
{
    size_t len = strlen("/" HELPERS), at = folder->len;
    dj_cleanup_buf struct dj_buf dj = DJ_BUF_INIT;

    if (at < len || strcmp(dj_buf_str(folder) + at - len, "/" HELPERS) != 0)
        return;
    dj_buf_add(&dj, folder->data, at - len);
    dj_buf_adds(&dj, "/bin/");
    at = dj.len;
    dj_buf_adds(&dj, "dj");
    if (access(dj_buf_str(&dj), X_OK) == 0)
        dj_buf_set(folder, dj_bytes(dj.data, at));
}

/* The folder of this program, with a slash behind it; of one that dj has become, dj's. */
static bool own_folder(struct dj_buf *ret)
{
    const char *slash;

    if (dj_readlink(AT_FDCWD, "/proc/self/exe", ret) < 0)
        return false;
    slash = strrchr(dj_buf_str(ret), '/');
    if (slash == NULL)
        return false;
    dj_buf_truncate(ret, (size_t)(slash + 1 - dj_buf_str(ret)));
    go_to_dj(ret);
    return true;
}

static bool is_beside(const char *name, struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf self = DJ_BUF_INIT;

    for (size_t i = 0; own_folder(&self) && i < DJ_ARRAY_SIZE(beside); i++) {
        dj_buf_clear(ret);
        dj_buf_addf(ret, "%s%s%s", dj_buf_str(&self), beside[i], name);
        if (access(dj_buf_str(ret), X_OK) == 0)
            return true;
        dj_buf_clear(&self);
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

/* folder/name, when it can be run. */
static bool is_in(const char *folder, size_t len, const char *name, struct dj_buf *ret)
{
    dj_buf_clear(ret);
    dj_buf_add(ret, folder, len);
    dj_buf_addf(ret, "/%s", name);
    return len != 0 && access(dj_buf_str(ret), X_OK) == 0;
}

static bool is_beside_us(const char *name, struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf self = DJ_BUF_INIT;

    return own_folder(&self) && is_in(dj_buf_str(&self), self.len - 1, name, ret);
}

static bool is_in_path(const char *name, struct dj_buf *ret)
{
    const char *at = getenv("PATH"), *colon;

    for (; at != NULL; at = colon == NULL ? NULL : colon + 1) {
        colon = strchr(at, ':');
        if (is_in(at, colon == NULL ? strlen(at) : (size_t)(colon - at), name, ret))
            return true;
    }
    return false;
}

char *dj_program(const char *name)
{
    const char *dir = getenv("DJ_BINDIR");
    struct dj_buf path = DJ_BUF_INIT;

    if (dir != NULL) {
        dj_buf_addf(&path, "%s/%s", dir, name);
        return dj_buf_steal(&path);
    }
    if (is_beside_us(name, &path) || is_in_path(name, &path) ||
        is_in(DJ_BINDIR, strlen(DJ_BINDIR), name, &path))
        return dj_buf_steal(&path);
    dj_buf_release(&path);
    return dj_xstrdup(name);
}

/* ---- Python ---- */

static bool has_module(const struct dj_buf *folder)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    dj_buf_addf(&path, "%s/djfs.py", dj_buf_str(folder));
    return access(dj_buf_str(&path), R_OK) == 0;
}

/* DJ_PYTHONDIR as seen from DJ_BINDIR, below the prefix that this program is in. */
static bool is_moved(struct dj_buf *ret)
{
    const char *slash = strrchr(DJ_BINDIR, '/');
    size_t prefix = slash == NULL ? 0 : (size_t)(slash - DJ_BINDIR);

    dj_buf_clear(ret);
    if (strncmp(DJ_BINDIR, DJ_PYTHONDIR, prefix) != 0 || !own_folder(ret))
        return false;
    dj_buf_addf(ret, "..%s", DJ_PYTHONDIR + prefix);
    return has_module(ret);
}

char *dj_python_folder(void)
{
    const char *folder = getenv("DJ_LIBEXECDIR");
    struct dj_buf ret = DJ_BUF_INIT;

    if (folder != NULL)
        dj_buf_adds(&ret, folder);
    if (ret.len != 0 && has_module(&ret))
        return dj_buf_steal(&ret);
    dj_buf_clear(&ret);
    if ((own_folder(&ret) && has_module(&ret)) || is_moved(&ret))
        return dj_buf_steal(&ret);
    dj_buf_clear(&ret);
    dj_buf_adds(&ret, DJ_PYTHONDIR);
    return dj_buf_steal(&ret);
}

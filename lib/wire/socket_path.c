#include "lib/wire/socket_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/model/config.h"
#include "lib/util/buf.h"
#include "lib/util/mem.h"

static int check_folder(const char *folder, struct dj_err *err)
{
    struct stat st;

    if (lstat(folder, &st) < 0)
        return dj_err_sys(err, errno, "%s", folder);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return dj_err_set(err, EPERM,
                          "%s is not a folder that only you can enter, so it is not trusted with "
                          "the daemon's socket; remove it, or name a socket with --connect",
                          folder);
    return 0;
}

int dj_own_socket_path(bool make, char **ret, struct dj_err *err)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    struct dj_buf path = DJ_BUF_INIT;
    int rc = 0;

    if (runtime != NULL && runtime[0] == '/')
        dj_buf_addf(&path, "%s/dj", runtime);
    else
        dj_buf_addf(&path, "/tmp/dj-%u", (unsigned)geteuid());
    if (make && mkdir(dj_buf_str(&path), 0700) < 0 && errno != EEXIST)
        rc = dj_err_sys(err, errno, "%s", dj_buf_str(&path));
    if (rc == 0) {
        rc = check_folder(dj_buf_str(&path), err);
        if (rc == -ENOENT && !make)
            rc = 0;
    }
    dj_buf_adds(&path, "/socket");
    if (rc == 0)
        *ret = dj_buf_steal(&path);
    dj_buf_release(&path);
    return rc;
}

/* The file is read only when it counts: what is named elsewhere works beside a broken one. */
int dj_socket_named(const char *connect, char **ret, struct dj_err *err)
{
    dj_cleanup_config struct dj_config config = {0};
    const char *named;
    int rc;

    *ret = NULL;
    if (connect == NULL || connect[0] == '\0')
        connect = getenv("DJ_CONNECT");
    if (connect != NULL && connect[0] != '\0') {
        *ret = dj_xstrdup(connect);
        return 0;
    }
    rc = dj_config_load(&config, err);
    named = config.values[DJ_SET_CONNECT].text;
    if (rc == 0 && named != NULL)
        *ret = dj_xstrdup(named);
    return rc;
}

int dj_socket_path(const char *connect, char **ret, struct dj_err *err)
{
    static const char shared[] = "/run/dj/socket";
    int rc = dj_socket_named(connect, ret, err);

    if (rc < 0 || *ret != NULL)
        return rc;
    rc = dj_own_socket_path(false, ret, err);
    if (rc == 0 && access(*ret, F_OK) < 0 && access(shared, F_OK) == 0) {
        free(*ret);
        *ret = dj_xstrdup(shared);
    }
    return rc;
}

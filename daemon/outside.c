#include <errno.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/engine_impl.h"
#include "lib/util/fdio.h"
#include "lib/util/str.h"

/*
 * Files outside our own mounts. Every link and every ".." on the way may lead into one of them, and
 * a thread of ours that follows it waits for an answer of this very daemon: the loop for ever. So
 * the way is gone link by link as soon as there is one on it.
 */

enum { LINKS_MAX = 40 };

/* As the kernel does it: "d/link/../x" is beside what the link leads to. 0, 1: it is in a mount. */
int outside_resolve(struct dj_bytes path, struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf todo = DJ_BUF_INIT;
    struct dj_bytes rest, component;

    dj_buf_clear(ret);
    dj_buf_add_bytes(&todo, path);
    rest = dj_buf_bytes(&todo);
    for (int links = 0; dj_next_component(&rest, &component);) {
        dj_cleanup_buf struct dj_buf next = DJ_BUF_INIT;
        size_t len = ret->len;
        int rc;

        if (dj_bytes_is(component, "..")) {
            while (len > 0 && ret->data[--len] != '/')
                continue;
            dj_buf_truncate(ret, len);
            continue;
        }
        dj_buf_addc(ret, '/');
        dj_buf_add_bytes(ret, component);
        if (path_mount(dj_buf_bytes(ret)) != 0) {
            dj_buf_addc(ret, '/');
            dj_buf_add_bytes(ret, rest);
            return 1;
        }
        rc = dj_readlink(AT_FDCWD, dj_buf_str(ret), &next);
        if (rc == -EINVAL) /* no link */
            continue;
        if (rc < 0)
            return rc;
        if (++links > LINKS_MAX)
            return -ELOOP;
        dj_buf_truncate(ret, next.data[0] == '/' ? 0 : len);
        dj_buf_addc(&next, '/');
        dj_buf_add_bytes(&next, rest);
        dj_buf_release(&todo);
        todo = next;
        next = (struct dj_buf)DJ_BUF_INIT;
        rest = dj_buf_bytes(&todo);
    }
    return 0;
}

/* A way that says no more than it seems to, as long as no link is on it. */
static bool is_plain(struct dj_bytes path)
{
    struct dj_bytes component;
    size_t len = 0;

    while (dj_next_component(&path, &component)) {
        if (dj_bytes_is(component, ".."))
            return false;
        len += component.len;
    }
    return len != 0;
}

static int open_linkless(const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

    return fd < 0 ? -errno : fd;
}

int outside_open(const char *path, int flags)
{
    dj_cleanup_buf struct dj_buf real = DJ_BUF_INIT;
    int rc;

    if (is_plain(dj_bytes_of(path))) {
        if (path_mount(dj_bytes_of(path)) != 0)
            return -EXDEV;
        rc = open_linkless(path, flags);
        if (rc != -ELOOP && rc != -ENOSYS && rc != -EPERM)
            return rc;
    }
    rc = outside_resolve(dj_bytes_of(path), &real);
    if (rc != 0)
        return rc < 0 ? rc : -EXDEV;
    if (real.len == 0)
        dj_buf_addc(&real, '/');
    rc = open_linkless(dj_buf_str(&real), flags);
    /* Without openat2 in kernel or sandbox: a last link that came just now is not followed. */
    if (rc == -ENOSYS || rc == -EPERM)
        rc = dj_open(AT_FDCWD, dj_buf_str(&real), flags | O_NOFOLLOW, 0);
    return rc;
}

int outside_stat(const char *path, struct stat *ret)
{
    dj_cleanup_close int fd = outside_open(path, O_PATH);

    if (fd < 0)
        return fd;
    return fstat(fd, ret) < 0 ? -errno : 0;
}

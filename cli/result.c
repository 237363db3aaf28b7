/* Results and logs printed. (command.h) */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { CHUNK = 256 * 1024 };

int dj_write_out(struct dj_bytes bytes)
{
    return dj_write_full(STDOUT_FILENO, bytes.data, bytes.len);
}

int dj_cannot_write(int code, struct dj_err *err)
{
    return dj_err_set(err, EIO, "cannot write: %s", strerror(-code));
}

int dj_copy_out(const char *path, struct dj_err *err)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, path, O_RDONLY, 0);
    dj_cleanup_free uint8_t *chunk = dj_xmalloc(CHUNK);
    uint64_t offset = 0;
    ssize_t n;
    int rc;

    if (fd < 0)
        return dj_err_sys(err, -fd, "%s", path);
    while ((n = dj_pread_full(fd, chunk, CHUNK, offset)) > 0) {
        rc = dj_write_full(STDOUT_FILENO, chunk, (size_t)n);
        if (rc < 0)
            return dj_cannot_write(rc, err);
        offset += (uint64_t)n;
    }
    return n < 0 ? dj_err_sys(err, (int)-n, "%s", path) : 0;
}

/* ---- the log ----------------------------------------------------------------------------- */

bool dj_shows_log(const struct dj_cli *cli)
{
    return !cli->quiet && isatty(STDERR_FILENO);
}

/* A stderr that cannot be written to is no reason to lose the result. */
void dj_show_log(struct dj_shown *shown, struct dj_bytes bytes)
{
    if (bytes.len == 0)
        return;
    shown->bytes += bytes.len;
    shown->in_line = dj_write_full(STDERR_FILENO, bytes.data, bytes.len) == 0 &&
                     bytes.data[bytes.len - 1] != '\n';
}

int dj_show_rest(struct dj_request *request, struct dj_shown *shown, struct dj_err *err)
{
    const void *bytes;
    size_t len;
    int rc = dj_request_log(request, &bytes, &len);

    if (rc < 0)
        return dj_err_sys(err, -rc, "the log");
    dj_show_log(shown, dj_bytes(bytes, len));
    return 0;
}

int dj_print_result(struct dj_request *request, struct dj_err *err)
{
    const char *note = dj_request_note(request), *file = dj_request_file(request);
    const void *bytes;
    size_t len;
    int rc;

    if (note[0] != '\0')
        fprintf(stderr, "dj: %s\n", note);
    if (file != NULL)
        return dj_copy_out(file, err);
    rc = dj_request_bytes(request, &bytes, &len);
    if (rc < 0)
        return dj_err_sys(err, -rc, "the result");
    rc = dj_write_out(dj_bytes(bytes, len));
    return rc < 0 ? dj_cannot_write(rc, err) : 0;
}

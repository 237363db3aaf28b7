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

static int copy_from(const char *path, uint64_t offset, int to, struct dj_err *err)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, path, O_RDONLY, 0);
    dj_cleanup_free uint8_t *chunk = dj_xmalloc(CHUNK);
    ssize_t n;
    int rc;

    if (fd < 0)
        return dj_err_sys(err, -fd, "%s", path);
    while ((n = dj_pread_full(fd, chunk, CHUNK, offset)) > 0) {
        rc = dj_write_full(to, chunk, (size_t)n);
        if (rc < 0)
            return dj_cannot_write(rc, err);
        offset += (uint64_t)n;
    }
    return n < 0 ? dj_err_sys(err, (int)-n, "%s", path) : 0;
}

int dj_copy_out(const char *path, struct dj_err *err)
{
    return copy_from(path, 0, STDOUT_FILENO, err);
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

static int show_rest(const struct dj_msg_result *result, struct dj_shown *shown,
                     struct dj_err *err)
{
    if (result->log_path == NULL || result->log_path[0] == '\0') {
        dj_show_log(shown, dj_buf_bytes(&result->log));
        return 0;
    }
    return copy_from(result->log_path, result->log_offset, STDERR_FILENO, err);
}

/* ---- answers ----------------------------------------------------------------------------- */

int dj_open_answer(const struct dj_message_in *message, struct dj_shown *shown,
                   const struct dj_msg_result **ret, struct dj_err *err)
{
    const struct dj_msg_error *error = message->fields;
    int code;

    *ret = message->fields;
    if (message->number == DJ_MSG_RESULT)
        return show_rest(*ret, shown, err);
    if (message->number != DJ_MSG_ERROR)
        return dj_err_set(err, EPROTO, "the daemon answered with %s",
                          dj_message_name(message->number));
    code = error->code > 0 && error->code < 4096 ? (int)error->code : EPROTO;
    return dj_err_set(err, code, "%s",
                      error->text != NULL && error->text[0] != '\0' ? error->text
                                                                    : strerror(code));
}

int dj_print_result(const struct dj_msg_result *result, struct dj_err *err)
{
    int rc;

    if (result->note != NULL && result->note[0] != '\0')
        fprintf(stderr, "dj: %s\n", result->note);
    if (!result->has_content)
        return dj_copy_out(result->path, err);
    rc = dj_write_out(dj_buf_bytes(&result->content));
    return rc < 0 ? dj_cannot_write(rc, err) : 0;
}

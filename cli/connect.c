/* The connection of a command, and its exit codes. (command.h) */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/progress_bar.h"

static int exit_code(int code)
{
    switch (-code) {
    case EINVAL:
    case E2BIG:
    case ENAMETOOLONG:
        return DJ_EX_USAGE;
    case EAGAIN:
        return DJ_EX_NOT_CACHED;
    case EACCES:
    case EPERM:
        return DJ_EX_NOT_ALLOWED;
    case ENOENT:
        return DJ_EX_UNKNOWN;
    case ENOTCONN:
        return DJ_EX_NO_DAEMON;
    case ETIME:
    case ECANCELED:
    case ENOSPC:
    case EDQUOT:
    case EBUSY:
    case EOWNERDEAD: /* lost with its worker */
        return DJ_EX_AGAIN;
    case ETIMEDOUT:
        return DJ_EX_TIMEOUT;
    case EINTR:
        return DJ_EX_INTERRUPTED;
    default:
        return DJ_EX_FAILED;
    }
}

/* The daemon says what becomes of a run that nobody waits for any more. */
static const char *what_goes_on(int code, const struct dj_err *err)
{
    bool said = code == -EINTR && err != NULL && err->text != NULL &&
                strncmp(err->text, "interrupted", strlen("interrupted")) != 0;

    return said ? err->text : "what was started goes on";
}

int dj_fail(int code, const struct dj_err *err)
{
    int interrupted = dj_interrupt_code();
    const char *goes_on = what_goes_on(code, err);

    if (interrupted == DJ_EX_INTERRUPTED)
        fprintf(stderr, "dj: interrupted; %s\n", goes_on);
    else if (interrupted == DJ_EX_TIMEOUT)
        fprintf(stderr, "dj: the time is over; %s\n", goes_on);
    else
        fprintf(stderr, "dj: %s\n", dj_err_text(err, code));
    return interrupted != 0 ? interrupted : exit_code(code);
}

/* What the library said last. */
int dj_said_by(const struct dj *dj, int rc, struct dj_err *err)
{
    return rc < 0 ? dj_err_set(err, -rc, "%s", dj_error(dj)) : rc;
}

int dj_said(struct dj_cli *cli, int rc, struct dj_err *err)
{
    return dj_said_by(cli->dj, rc, err);
}

int dj_read_text(struct dj_cli *cli, const char *path, struct dj_buf *ret, struct dj_err *err)
{
    char *text;
    size_t len;
    int rc = dj_said(cli, dj_cat(cli->dj, path, &text, &len), err);

    if (rc < 0)
        return rc;
    dj_buf_add(ret, text, len);
    dj_mem_free(text);
    return 0;
}

int dj_write_line(struct dj_cli *cli, const char *path, const char *line, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_buf_addf(&text, "%s\n", line);
    return dj_said(cli, dj_write(cli->dj, path, text.data, text.len), err);
}

int dj_list_names(struct dj_cli *cli, const char *path, struct dj_list *ret, struct dj_err *err)
{
    struct dj_dir *dir = dj_dir_open(cli->dj, path);
    int rc;

    if (dir == NULL)
        return dj_said(cli, dj_refused(cli), err);
    while ((rc = dj_dir_next(dir, NULL)) == 1)
        dj_list_add_bytes(ret, dj_bytes_of(dj_dir_name(dir)));
    dj_dir_close(dir);
    return dj_said(cli, rc, err);
}

int dj_refused(struct dj_cli *cli)
{
    return -dj_error_code(cli->dj);
}

void dj_cli_disconnect(struct dj_cli *cli)
{
    dj_free(cli->dj);
    cli->dj = NULL;
}

int dj_connect(struct dj_cli *cli, bool start, struct dj_err *err)
{
    struct dj_bar *bar = NULL;
    int rc;

    if (dj_is_connected(cli->dj))
        return 0;
    dj_free(cli->dj);
    cli->dj = dj_new("dj " PACKAGE_VERSION);
    rc = dj_connect_to(cli->dj, cli->connect, 0);
    if (rc == -ENOTCONN && start) {
        bar = dj_bar_begin(cli, "starting the daemon", 0);
        rc = dj_connect_to(cli->dj, cli->connect, DJ_START_DAEMON);
        dj_bar_end(bar);
    }
    rc = dj_said(cli, rc, err);
    if (rc < 0)
        dj_cli_disconnect(cli);
    return rc;
}

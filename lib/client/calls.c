/* Calls, memos and runs, blocking. (dj.h) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/client/request.h"
#include "lib/util/mem.h"

static int add_words(struct dj_request *request, int n, const char *const *words)
{
    int rc = 0;

    if (n < 0 || (n > 0 && words == NULL))
        return dj_null(request->dj, "the list of words");
    for (int i = 0; rc == 0 && i < n; i++)
        rc = dj_request_add_word(request, words[i]);
    return rc;
}

/* A copy with a NUL behind it. */
static int copy_bytes(struct dj_request *request, char **ret, size_t *ret_len)
{
    const void *bytes;
    size_t len;
    int rc = dj_request_bytes(request, &bytes, &len);

    if (rc < 0)
        return rc;
    *ret = dj_xmemdup0(bytes, len);
    if (ret_len != NULL)
        *ret_len = len;
    return 0;
}

/* The request filled and performed. */
static int perform(struct dj_request *request, int n, const char *const *words, unsigned flags)
{
    int rc = add_words(request, n, words);

    if (rc == 0 && flags != 0)
        rc = dj_request_set_flags(request, flags);
    return rc < 0 ? rc : dj_perform(request);
}

/* What a constructor that gave NULL has said. */
static int refused(const struct dj *dj)
{
    return dj == NULL || dj->err.code == 0 ? -EINVAL : -dj->err.code;
}

int dj_get(struct dj *dj, const char *task, int n, const char *const *words, unsigned flags,
           char **ret, size_t *ret_len)
{
    struct dj_request *request;
    int rc;

    if (ret == NULL)
        return dj_null(dj, "the result's place");
    if ((flags & ~(unsigned)(DJ_FORCE | DJ_INCOGNITO | DJ_CACHED)) != 0)
        return dj_err_set(dj == NULL ? NULL : &dj->err, EINVAL, "dj_get: there are no such flags");
    request = dj_request_get(dj, task);
    if (request == NULL)
        return refused(dj);
    rc = perform(request, n, words, flags);
    if (rc == 0)
        rc = copy_bytes(request, ret, ret_len);
    dj_request_free(request);
    return rc;
}

int dj_run(struct dj *dj, const char *task, int n, const char *const *words, unsigned flags)
{
    struct dj_request *request = dj_request_get(dj, task);
    int rc;

    if (request == NULL)
        return refused(dj);
    rc = perform(request, n, words, flags | DJ_START);
    dj_request_free(request);
    return rc;
}

int dj_path(struct dj *dj, const char *task, int n, const char *const *words, char **ret)
{
    struct dj_request *request;
    int rc;

    if (ret == NULL)
        return dj_null(dj, "the path's place");
    request = dj_request_path(dj, task);
    if (request == NULL)
        return refused(dj);
    rc = perform(request, n, words, 0);
    if (rc == 0)
        rc = copy_bytes(request, ret, NULL);
    dj_request_free(request);
    return rc;
}

int dj_memo(struct dj *dj, int n, const char *const *argv, unsigned flags, char **ret,
            size_t *ret_len, int *ret_exit)
{
    struct dj_request *request;
    int rc;

    if (ret == NULL || ret_exit == NULL)
        return dj_null(dj, "the result's place");
    request = dj_request_memo(dj);
    if (request == NULL)
        return refused(dj);
    rc = perform(request, n, argv, flags);
    /* A command that failed has an exit code; what the daemon could not do has none. */
    if (rc < 0 && dj_request_exit(request) != 0)
        rc = 0;
    if (rc == 0)
        rc = copy_bytes(request, ret, ret_len);
    if (rc == 0)
        *ret_exit = dj_request_exit(request);
    dj_request_free(request);
    return rc;
}

/* ---- a run by its path ----------------------------------------------------------------------- */

/* RUN/FILE; 0 or -errno. */
static int file_of(struct dj *dj, const char *run, const char *file, struct dj_buf *ret)
{
    int rc = dj_begin(dj);

    if (rc == 0)
        rc = run == NULL || file == NULL ? dj_null(dj, "the run") : dj_run_path(dj, run, ret);
    if (rc == 0)
        dj_buf_addf(ret, "/%s", file);
    return rc;
}

int dj_run_text(struct dj *dj, const char *run, const char *file, char **ret)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    char *text = NULL;
    size_t len = 0;
    int rc = file_of(dj, run, file, &path);

    if (rc == 0)
        rc = ret == NULL ? dj_null(dj, "the text's place")
                         : dj_cat(dj, dj_buf_str(&path), &text, &len);
    if (rc < 0)
        return rc;
    if (len > 0 && text[len - 1] == '\n')
        text[len - 1] = '\0';
    *ret = text;
    return 0;
}

int dj_wait(struct dj *dj, const char *run, char **ret_status)
{
    char *status = NULL;
    int rc = dj_run_text(dj, run, "wait", &status);

    if (rc == 0 && ret_status != NULL)
        *ret_status = dj_steal(status);
    free(status);
    return rc;
}

static int write_line(struct dj *dj, const char *path, const char *text)
{
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT;

    if (text == NULL)
        return dj_null(dj, "the text");
    dj_buf_addf(&line, "%s\n", text);
    return dj_write(dj, path, line.data, line.len);
}

int dj_control(struct dj *dj, const char *run, const char *verb)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    int rc = file_of(dj, run, "ctl", &path);

    return rc < 0 ? rc : write_line(dj, dj_buf_str(&path), verb);
}

/* ---- inside a run, and sessions -------------------------------------------------------------- */

int dj_reserve(struct dj *dj, const char *resources)
{
    struct dj_request *request = dj_request_reserve(dj, resources);
    int rc = request == NULL ? refused(dj) : dj_perform(request);

    dj_request_free(request);
    return rc;
}

int dj_release(struct dj *dj, const char *resources)
{
    struct dj_msg_unreserve message = {.resources = dj_xstrdup(resources == NULL ? "" : resources)};
    int rc = dj_call_ok(dj, DJ_MSG_UNRESERVE, &message, NULL, NULL);

    dj_codec_release(dj_message_layout(DJ_MSG_UNRESERVE), &message);
    return rc;
}

int dj_progress(struct dj *dj, const char *text)
{
    return write_line(dj, "self/progress", text);
}

int dj_session_set(struct dj *dj, const char *session, const char *change)
{
    static const char workers[] = "workers=";
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, text = DJ_BUF_INIT;
    bool is_workers;
    const char *value;

    if (session == NULL || change == NULL)
        return dj_null(dj, "the session or its change");
    is_workers = strncmp(change, workers, strlen(workers)) == 0;
    dj_buf_addf(&path, "sessions/%s/%s", session, is_workers ? "max_workers" : "ctl");
    value = is_workers ? change + strlen(workers) : change;
    dj_buf_addf(&text, "%s%s", is_workers ? "" : "set ", value);
    return write_line(dj, dj_buf_str(&path), dj_buf_str(&text));
}

enum { STOP_MS = 20000 }; /* it is answered at once */

int dj_stop(struct dj *dj, int cancel)
{
    struct dj_msg_stop stop = {.cancel = cancel != 0};
    int rc;

    if (dj->connection != NULL)
        dj_connection_patience(dj->connection, STOP_MS);
    rc = dj_call_ok(dj, DJ_MSG_STOP, &stop, NULL, NULL);
    if (dj->connection != NULL)
        dj_connection_patience(dj->connection, -1);
    return rc;
}

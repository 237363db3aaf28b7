/* What came of a request. (request.h) */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/client/environment.h"
#include "lib/client/request.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { TRIES = 3 };

/* ---- taking it in ---------------------------------------------------------------------------- */

static char *copy_of(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : dj_xstrdup(text);
}

static int errno_of(uint64_t code)
{
    return code > 0 && code < 4096 ? -(int)code : -EPROTO;
}

static void take_result(struct dj_request *request, const struct dj_msg_result *result)
{
    request->instance = result->instance;
    request->note = copy_of(result->note);
    request->exit = (int)(result->exit & 0xff);
    request->computed = result->computed;
    request->log.path = copy_of(result->log_path);
    request->log.offset = result->log_offset;
    dj_buf_add_bytes(&request->log.bytes, dj_buf_bytes(&result->log));
    if (result->has_content)
        dj_buf_add_bytes(&request->content.bytes, dj_buf_bytes(&result->content));
    else
        request->content.path = copy_of(result->path);
    if (result->code == 0)
        return;
    request->code = errno_of(result->code);
    request->error = copy_of(result->error);
}

static void take_followed(struct dj_request *request, const struct dj_msg_followed *followed)
{
    request->instance = followed->instance;
    request->run = copy_of(followed->path);
    request->status = copy_of(followed->status);
    request->progress_done = followed->done;
    request->progress_total = followed->total;
    request->took_ns = followed->took_ns;
    request->usual_ns = followed->usual_ns;
    dj_buf_add_bytes(&request->content.bytes, dj_buf_bytes(&followed->log));
}

static void take_error(struct dj_request *request, const struct dj_msg_error *error)
{
    request->code = errno_of(error->code);
    request->error = copy_of(error->text);
}

static void take_ok(struct dj_request *request, const struct dj_msg_ok *done)
{
    dj_buf_adds(&request->content.bytes, done->text == NULL ? "" : done->text);
}

static void take(struct dj_request *request, const struct dj_message_in *message)
{
    switch (message->number) {
    case DJ_MSG_RESULT:
        take_result(request, message->fields);
        break;
    case DJ_MSG_OK:
        take_ok(request, message->fields);
        if (request->number == DJ_MSG_LOCK)
            dj_lock_taken(request->dj, request->fields);
        break;
    case DJ_MSG_FOLLOWED:
        take_followed(request, message->fields);
        break;
    case DJ_MSG_ERROR:
        take_error(request, message->fields);
        break;
    default:
        /* Asked for the environment it was given up, so nothing was begun for it. */
        request->code = request->cancelled || request->timed_out ? -EINTR : -EPROTO;
        request->error = dj_xstrdup(request->code == -EINTR ? "interrupted"
                                                            : "the daemon answered something else");
    }
}

static bool asks_again(struct dj_request *request, const struct dj_message_in *message)
{
    if (message->number != DJ_MSG_WANTS || request->env == NULL ||
        request->cancelled || request->timed_out || request->tries++ == TRIES)
        return false;
    dj_environment_own(message->fields, request->env);
    request->id = dj_connection_ask(request->dj->connection, request->number, request->fields,
                                    dj_request_answer, request);
    return true;
}

void dj_request_answer(void *cookie, const struct dj_message_in *message)
{
    struct dj_request *request = cookie;
    struct dj *dj = request->dj;

    if (request->state != DJ_REQUEST_WAITING || asks_again(request, message))
        return;
    take(request, message);
    if (request->timed_out && request->code == -EINTR) {
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

        request->code = dj_err_set(&err, ETIMEDOUT, "the time is over%s%s",
                                   request->error == NULL ? "" : "; ",
                                   request->error == NULL ? "" : request->error);
        free(request->error);
        request->error = dj_steal(err.text);
    }
    request->state = DJ_REQUEST_OVER;
    dj->timed -= request->deadline_ns != 0;
    request->deadline_ns = 0;
    dj_request_move(request, request->performed      ? &dj->idle
                             : request->done != NULL ? &dj->calling
                                                     : &dj->over);
}

/* ---- telling it ------------------------------------------------------------------------------ */

int dj_request_is_over(const struct dj_request *request)
{
    return request != NULL && request->state == DJ_REQUEST_OVER;
}

int dj_request_code(const struct dj_request *request)
{
    if (request == NULL)
        return -EINVAL;
    return request->state == DJ_REQUEST_OVER ? request->code : -EINPROGRESS;
}

const char *dj_request_error(const struct dj_request *request)
{
    int code = dj_request_code(request);

    if (code == 0 || code == -EINPROGRESS)
        return "";
    return request == NULL ? "the request is NULL"
                           : request->error != NULL ? request->error : strerror(-code);
}

const char *dj_request_note(const struct dj_request *request)
{
    return request == NULL || request->note == NULL ? "" : request->note;
}

uint64_t dj_request_instance(const struct dj_request *request)
{
    return request == NULL ? 0 : request->instance;
}

int dj_request_computed(const struct dj_request *request)
{
    return request != NULL && request->computed;
}

int dj_request_exit(const struct dj_request *request)
{
    return request == NULL ? 0 : request->exit;
}

const char *dj_request_file(const struct dj_request *request)
{
    return request == NULL ? NULL : request->content.path;
}

static int map(struct dj_content *content)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, content->path, O_RDONLY, 0);
    struct stat st;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size == 0)
        return 0;
    content->map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (content->map == MAP_FAILED) {
        content->map = NULL;
        return -errno;
    }
    content->map_len = (size_t)st.st_size;
    return 0;
}

int dj_content_tell(struct dj_content *content, const void **ret, size_t *ret_len)
{
    size_t skipped;
    int rc;

    if (content->path == NULL) {
        *ret = dj_buf_str(&content->bytes);
        *ret_len = content->bytes.len;
        return 0;
    }
    rc = content->map == NULL ? map(content) : 0;
    if (rc < 0)
        return rc;
    skipped = content->offset < content->map_len ? (size_t)content->offset : content->map_len;
    *ret = content->map_len == 0 ? "" : (const char *)content->map + skipped;
    *ret_len = content->map_len - skipped;
    return 0;
}

static int tell_of(struct dj_request *request, bool log, const void **ret, size_t *ret_len)
{
    int rc;

    if (request == NULL || ret == NULL || ret_len == NULL)
        return -EINVAL;
    if (request->state != DJ_REQUEST_OVER)
        return -EINPROGRESS;
    if (!log && request->code != 0 && request->number != DJ_MSG_MEMO)
        return request->code;
    rc = dj_content_tell(log ? &request->log : &request->content, ret, ret_len);
    if (rc < 0 && request->dj != NULL)
        (void)dj_err_sys(&request->dj->err, -rc, "%s",
                         log ? request->log.path : request->content.path);
    return rc;
}

int dj_request_bytes(struct dj_request *request, const void **ret, size_t *ret_len)
{
    return tell_of(request, false, ret, ret_len);
}

int dj_request_log(struct dj_request *request, const void **ret, size_t *ret_len)
{
    return tell_of(request, true, ret, ret_len);
}

static void give(uint64_t *ret, uint64_t value)
{
    if (ret != NULL)
        *ret = value;
}

int dj_request_progress(const struct dj_request *request, const char **ret_status,
                        uint64_t *ret_done, uint64_t *ret_total, uint64_t *ret_took_ns,
                        uint64_t *ret_usual_ns)
{
    if (request == NULL || request->number != DJ_MSG_FOLLOW)
        return -EINVAL;
    if (dj_request_code(request) != 0)
        return dj_request_code(request);
    if (ret_status != NULL)
        *ret_status = request->status == NULL ? "" : request->status;
    give(ret_done, request->progress_done);
    give(ret_total, request->progress_total);
    give(ret_took_ns, request->took_ns);
    give(ret_usual_ns, request->usual_ns);
    return 0;
}

const char *dj_request_run(const struct dj_request *request)
{
    return request == NULL || request->run == NULL ? "" : request->run;
}

/* ---- the end --------------------------------------------------------------------------------- */

void dj_content_release(struct dj_content *content)
{
    if (content->map != NULL)
        munmap(content->map, content->map_len);
    dj_buf_release(&content->bytes);
    free(content->path);
    *content = (struct dj_content){0};
}

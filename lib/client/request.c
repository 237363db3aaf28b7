/* Requests made and filled. (request.h) */
#include "lib/client/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/mem.h"

struct dj_request *dj_request_new(struct dj *dj, enum dj_message number, size_t size)
{
    struct dj_request *request = dj_xcalloc(1, sizeof(*request));

    request->dj = dj;
    request->number = number;
    request->fields = dj_xcalloc(1, size);
    request->list = &dj->idle;
    TAILQ_INSERT_TAIL(&dj->idle, request, link);
    return request;
}

void dj_request_move(struct dj_request *request, struct dj_requests *list)
{
    struct dj *dj = request->dj;

    dj->pending -= request->list != &dj->idle;
    TAILQ_REMOVE(request->list, request, link);
    request->list = list;
    TAILQ_INSERT_TAIL(list, request, link);
    dj->pending += list != &dj->idle;
}

static bool is_get(const struct dj_request *request)
{
    return request->number == DJ_MSG_GET;
}

int dj_request_name(struct dj_request *request, const char *task)
{
    struct dj_msg_get *get = request->fields;
    dj_cleanup_buf struct dj_buf run = DJ_BUF_INIT;
    const char *name, *slash;
    int rc;

    if (strchr(task, '/') == NULL) {
        get->task = dj_xstrdup(task);
        return 0;
    }
    rc = dj_run_path(request->dj, task, &run);
    if (rc < 0)
        return rc;
    name = dj_buf_str(&run) + strlen("tasks/");
    slash = strchr(name, '/');
    get->task = dj_xmemdup0(name, (size_t)(slash - name));
    dj_buf_adds(&get->name, slash + 1);
    return 0;
}

struct dj_request *dj_request_get(struct dj *dj, const char *task)
{
    struct dj_request *request = NULL;

    if (dj_fresh(dj) < 0)
        return NULL;
    if (task == NULL) {
        dj_null(dj, "the task");
        return NULL;
    }
    request = dj_request_new(dj, DJ_MSG_GET, sizeof(struct dj_msg_get));
    request->env = &((struct dj_msg_get *)request->fields)->env;
    if (dj_request_name(request, task) < 0) {
        dj_request_free(request);
        return NULL;
    }
    return request;
}

struct dj_request *dj_request_memo(struct dj *dj)
{
    struct dj_request *request;

    if (dj_fresh(dj) < 0)
        return NULL;
    request = dj_request_new(dj, DJ_MSG_MEMO, sizeof(struct dj_msg_memo));
    request->env = &((struct dj_msg_memo *)request->fields)->env;
    return request;
}

struct dj_request *dj_request_path(struct dj *dj, const char *task)
{
    struct dj_request *request;

    if (dj_fresh(dj) < 0)
        return NULL;
    if (task == NULL) {
        dj_null(dj, "the task");
        return NULL;
    }
    request = dj_request_new(dj, DJ_MSG_PATH, sizeof(struct dj_msg_path));
    request->env = &((struct dj_msg_path *)request->fields)->env;
    ((struct dj_msg_path *)request->fields)->task = dj_xstrdup(task);
    return request;
}

struct dj_request *dj_request_reserve(struct dj *dj, const char *resources)
{
    struct dj_request *request;

    if (dj_fresh(dj) < 0)
        return NULL;
    if (resources == NULL) {
        dj_null(dj, "the list of resources");
        return NULL;
    }
    request = dj_request_new(dj, DJ_MSG_RESERVE, sizeof(struct dj_msg_reserve));
    ((struct dj_msg_reserve *)request->fields)->resources = dj_xstrdup(resources);
    return request;
}

struct dj_request *dj_request_follow(struct dj_request *followed, uint64_t offset)
{
    struct dj_request *request;
    struct dj_msg_follow *follow;

    if (followed == NULL || dj_fresh(followed->dj) < 0)
        return NULL;
    if (followed->state != DJ_REQUEST_WAITING ||
        (followed->number != DJ_MSG_GET && followed->number != DJ_MSG_MEMO)) {
        (void)dj_err_set(&followed->dj->err, EINVAL,
                         "only a get or a memo that is under way can be followed");
        return NULL;
    }
    request = dj_request_new(followed->dj, DJ_MSG_FOLLOW, sizeof(*follow));
    follow = request->fields;
    follow->request = followed->id;
    follow->offset = offset;
    return request;
}

/* ---- its words and options ------------------------------------------------------------------- */

/* Where a refused change says so: the request's own connection. */
static int refuse(struct dj_request *request, int code, const char *sentence)
{
    return dj_err_set(request->dj == NULL ? NULL : &request->dj->err, code, "%s", sentence);
}

/* 0 when the request may be changed. */
static int changing(struct dj_request *request)
{
    if (request == NULL)
        return -EINVAL;
    if (request->dj == NULL)
        return -ENOTCONN;
    dj_err_release(&request->dj->err);
    if (request->state != DJ_REQUEST_NEW)
        return refuse(request, EBUSY, "a request that was submitted cannot be changed");
    return 0;
}

static struct dj_list *words_of(struct dj_request *request)
{
    switch (request->number) {
    case DJ_MSG_GET:
        return &((struct dj_msg_get *)request->fields)->words;
    case DJ_MSG_MEMO:
        return &((struct dj_msg_memo *)request->fields)->argv;
    case DJ_MSG_PATH:
        return &((struct dj_msg_path *)request->fields)->words;
    default:
        return NULL;
    }
}

static void add_to(struct dj_list *list, struct dj_bytes bytes)
{
    struct dj_part_word *word = dj_list_add(list, sizeof(*word));

    dj_buf_add_bytes(&word->bytes, bytes);
}

int dj_request_add_bytes(struct dj_request *request, const void *bytes, size_t len)
{
    int rc = changing(request);

    if (rc < 0)
        return rc;
    if (bytes == NULL && len != 0)
        return refuse(request, EINVAL, "the word is NULL");
    if (words_of(request) == NULL)
        return refuse(request, EINVAL, "this request takes no words");
    if (is_get(request) && ((struct dj_msg_get *)request->fields)->name.len != 0)
        return refuse(request, EINVAL, "the path of a run says its arguments already");
    add_to(words_of(request), dj_bytes(bytes, len));
    return 0;
}

int dj_request_add_word(struct dj_request *request, const char *word)
{
    int rc = changing(request);

    if (rc == 0 && word == NULL)
        rc = refuse(request, EINVAL, "the word is NULL");
    return rc < 0 ? rc : dj_request_add_bytes(request, word, strlen(word));
}

int dj_request_set_flags(struct dj_request *request, unsigned flags)
{
    unsigned known = DJ_FORCE | DJ_INCOGNITO | DJ_CACHED | DJ_START | DJ_FOLLOWED;
    int rc = changing(request);

    if (rc < 0)
        return rc;
    if ((flags & ~known) != 0)
        return refuse(request, EINVAL, "there are no such flags");
    if ((flags & DJ_FORCE) != 0 && (flags & DJ_CACHED) != 0)
        return refuse(request, EINVAL, "DJ_FORCE computes and DJ_CACHED never does");
    if (request->number == DJ_MSG_MEMO && (flags & DJ_START) != 0)
        return refuse(request, EINVAL, "a memo is waited for, so it takes no DJ_START");
    if (is_get(request))
        ((struct dj_msg_get *)request->fields)->flags = flags;
    else if (request->number == DJ_MSG_MEMO)
        ((struct dj_msg_memo *)request->fields)->flags = flags;
    else
        return refuse(request, EINVAL, "only a get and a memo have flags");
    return 0;
}

int dj_request_set_timeout(struct dj_request *request, uint64_t ms)
{
    int rc = changing(request);

    if (rc < 0)
        return rc;
    request->timeout_ms = ms;
    return 0;
}

/* Of a get and of a memo, which have it in structs of their own. */
static int set_text(struct dj_request *request, const char *what, char **of_get, char **of_memo,
                    const char *text)
{
    char **at = is_get(request) ? of_get : of_memo;
    int rc = changing(request);

    if (rc < 0)
        return rc;
    if (!is_get(request) && request->number != DJ_MSG_MEMO)
        return dj_err_set(&request->dj->err, EINVAL, "only a get and a memo have a %s", what);
    free(*at);
    *at = text == NULL || text[0] == '\0' ? NULL : dj_xstrdup(text);
    return 0;
}

int dj_request_set_session(struct dj_request *request, const char *session)
{
    if (request == NULL)
        return -EINVAL;
    return set_text(request, "session", &((struct dj_msg_get *)request->fields)->session,
                    &((struct dj_msg_memo *)request->fields)->session, session);
}

int dj_request_set_launch(struct dj_request *request, const char *launch)
{
    if (request == NULL)
        return -EINVAL;
    return set_text(request, "launch", &((struct dj_msg_get *)request->fields)->launch,
                    &((struct dj_msg_memo *)request->fields)->launch, launch);
}

static int leave_out(struct dj_request *request, const char *params, bool ignore)
{
    int rc = changing(request);

    if (rc < 0)
        return rc;
    if (params == NULL)
        return refuse(request, EINVAL, "the list of parameters is NULL");
    if (!is_get(request))
        return refuse(request, EINVAL, "only a get has parameters that can be left out");
    add_to(ignore ? &((struct dj_msg_get *)request->fields)->ignore
                  : &((struct dj_msg_get *)request->fields)->keep,
           dj_bytes_of(params));
    return 0;
}

int dj_request_ignore(struct dj_request *request, const char *params)
{
    return leave_out(request, params, true);
}

int dj_request_keep(struct dj_request *request, const char *params)
{
    return leave_out(request, params, false);
}

void dj_request_set_cookie(struct dj_request *request, void *cookie)
{
    if (request != NULL)
        request->cookie = cookie;
}

void *dj_request_cookie(const struct dj_request *request)
{
    return request == NULL ? NULL : request->cookie;
}

int dj_request_set_callback(struct dj_request *request, dj_done_fn *done, void *cookie)
{
    int rc = changing(request);

    if (rc < 0)
        return rc;
    request->done = done;
    request->done_cookie = cookie;
    return 0;
}

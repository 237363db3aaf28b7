/* Requests sent, waited for, given up and freed. (request.h) */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/client/request.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"

_Static_assert((int)DJ_FORCE == DJ_GET_FORCE && (int)DJ_INCOGNITO == DJ_GET_INCOGNITO &&
                   (int)DJ_CACHED == DJ_GET_CACHED && (int)DJ_START == DJ_GET_START &&
                   (int)DJ_FOLLOWED == DJ_GET_FOLLOW,
               "dj.h has the flags of the protocol");

/* ---- sending --------------------------------------------------------------------------------- */

static void fill_environment(struct dj_list *env)
{
    for (char **at = environ; *at != NULL; at++) {
        const char *equals = strchr(*at, '=');
        struct dj_part_pair *pair;

        if (equals == NULL || equals == *at)
            continue;
        pair = dj_list_add(env, sizeof(*pair));
        pair->name = dj_xmemdup0(*at, (size_t)(equals - *at));
        dj_buf_adds(&pair->value, equals + 1);
    }
}

static char **folder_of(struct dj_request *request)
{
    switch (request->number) {
    case DJ_MSG_GET:
        return &((struct dj_msg_get *)request->fields)->cwd;
    case DJ_MSG_MEMO:
        return &((struct dj_msg_memo *)request->fields)->cwd;
    case DJ_MSG_PATH:
        return &((struct dj_msg_path *)request->fields)->cwd;
    default:
        return NULL;
    }
}

/* Where relative words are taken from; a memo has to have one. */
static int fill_folder(struct dj_request *request)
{
    char **folder = folder_of(request);

    if (folder == NULL)
        return 0;
    *folder = getcwd(NULL, 0);
    if (*folder == NULL && request->number == DJ_MSG_MEMO)
        return dj_err_set(&request->dj->err, EIO,
                          "the folder that this was called in cannot be named: %s",
                          strerror(errno));
    return 0;
}

/* What it stands inside of is known now. */
static int fill_lock(struct dj_request *request)
{
    struct dj_msg_lock *lock = request->fields;
    int rc = dj_lock_check_free(request->dj, lock->name);

    if (rc == 0)
        dj_lock_fill_inside(request->dj, &lock->inside);
    return rc;
}

static int check(struct dj_request *request)
{
    const struct dj_msg_get *get = request->fields;

    if (request->state != DJ_REQUEST_NEW)
        return dj_err_set(&request->dj->err, EBUSY, "the request was submitted already");
    if (request->number == DJ_MSG_GET && get->ignore.n != 0 && get->keep.n != 0)
        return dj_err_set(&request->dj->err, EINVAL,
                          "parameters are ignored or kept, not both at once");
    if (request->number == DJ_MSG_MEMO && ((struct dj_msg_memo *)request->fields)->argv.n == 0)
        return dj_err_set(&request->dj->err, EINVAL, "a memo needs a command");
    return 0;
}

static int send_now(struct dj_request *request)
{
    struct dj *dj = request->dj;
    int rc = check(request);

    dj_notice_end(dj);
    if (rc == 0 && dj->connection == NULL)
        rc = dj_err_set(&dj->err, ENOTCONN, "not connected to a daemon");
    if (rc == 0)
        rc = fill_folder(request);
    if (rc == 0 && request->number == DJ_MSG_LOCK)
        rc = fill_lock(request);
    if (rc < 0)
        return rc;
    if (request->number == DJ_MSG_MEMO)
        fill_environment(request->env);
    if (request->timeout_ms != 0)
        request->deadline_ns = dj_clock_mono_ns() + request->timeout_ms * DJ_NS_PER_MS;
    dj->timed += request->deadline_ns != 0;
    request->state = DJ_REQUEST_WAITING;
    dj_request_move(request, &dj->waiting);
    dj_connection_hold(dj->connection, true);
    request->id = dj_connection_ask(dj->connection, request->number, request->fields,
                                    dj_request_answer, request);
    dj_connection_hold(dj->connection, false);
    return 0;
}

int dj_submit(struct dj_request *request)
{
    if (request == NULL)
        return -EINVAL;
    if (request->dj == NULL)
        return -ENOTCONN;
    dj_err_release(&request->dj->err);
    return send_now(request);
}

int dj_cancel(struct dj_request *request)
{
    if (request == NULL)
        return -EINVAL;
    if (request->dj != NULL)
        dj_notice_fork(request->dj);
    if (request->state == DJ_REQUEST_NEW)
        return -EINVAL;
    if (request->state == DJ_REQUEST_WAITING) {
        request->cancelled = true;
        dj_connection_cancel(request->dj->connection, request->id);
    }
    return 0;
}

/* ---- time ------------------------------------------------------------------------------------ */

static uint64_t next_deadline(const struct dj *dj)
{
    const struct dj_request *request;
    uint64_t first = 0;

    if (dj->timed == 0)
        return 0;
    TAILQ_FOREACH(request, &dj->waiting, link)
    {
        if (request->deadline_ns != 0 && (first == 0 || request->deadline_ns < first))
            first = request->deadline_ns;
    }
    return first;
}

int dj_time_left(const struct dj *dj)
{
    uint64_t deadline = next_deadline(dj), now, ms;

    if (deadline == 0)
        return -1;
    now = dj_clock_mono_ns();
    ms = deadline <= now ? 0 : (deadline - now) / DJ_NS_PER_MS + 1;
    return (int)DJ_MIN(ms, (uint64_t)INT_MAX);
}

int dj_poll_timeout(const struct dj *dj)
{
    if (dj == NULL)
        return -1;
    return !TAILQ_EMPTY(&dj->over) || !TAILQ_EMPTY(&dj->calling) || dj_batches_ready(dj)
               ? 0
               : dj_time_left(dj);
}

static void end_late_ones(struct dj *dj)
{
    struct dj_request *request;
    uint64_t now;

    if (dj->timed == 0)
        return;
    now = dj_clock_mono_ns();
    TAILQ_FOREACH(request, &dj->waiting, link)
    {
        if (request->deadline_ns == 0 || request->deadline_ns > now)
            continue;
        request->deadline_ns = 0;
        dj->timed--;
        request->timed_out = true;
        dj_connection_cancel(dj->connection, request->id);
    }
}

/* ---- waiting --------------------------------------------------------------------------------- */

int dj_fd(const struct dj *dj)
{
    return dj_is_connected(dj) ? dj_connection_fd(dj->connection) : -1;
}

short dj_events(const struct dj *dj)
{
    if (!dj_is_connected(dj))
        return 0;
    return (short)(dj_connection_events(dj->connection) | (dj_batches_want(dj) ? POLLOUT : 0));
}

size_t dj_pending(const struct dj *dj)
{
    return dj == NULL ? 0 : dj->pending;
}

/* Waits at most so long (-1: for ever), and reads and writes what is possible; 1 when the
 * descriptor that cancels was seen. */
static int step(struct dj *dj, int timeout_ms, int wake_fd)
{
    struct pollfd polled[2] = {{.fd = dj_fd(dj), .events = dj_events(dj)},
                               {.fd = wake_fd, .events = POLLIN}};
    int n, rc = 0;

    if (dj->connection == NULL)
        return -ENOTCONN;
    dj_batches_send(dj);
    polled[0].events = dj_events(dj);
    n = poll(polled, 2, timeout_ms);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    if (polled[0].revents != 0)
        rc = dj_connection_handle(dj->connection, polled[0].revents);
    if (dj->connection != NULL && rc == 0)
        end_late_ones(dj);
    dj_notice_end(dj);
    return rc < 0 ? -ENOTCONN : polled[1].revents != 0;
}

int dj_step(struct dj *dj, int timeout_ms)
{
    return step(dj, timeout_ms, -1);
}

static void call_back(struct dj *dj)
{
    struct dj_request *request;

    while ((request = TAILQ_FIRST(&dj->calling)) != NULL) {
        dj_request_move(request, &dj->idle);
        request->done(request, request->done_cookie);
    }
}

int dj_process(struct dj *dj)
{
    int rc;

    if (dj_fresh(dj) < 0)
        return -EINVAL;
    rc = step(dj, 0, -1);
    call_back(dj);
    if (rc == -ENOTCONN)
        (void)dj_err_set(&dj->err, ENOTCONN, "the connection to the daemon ended");
    return rc < 0 ? rc : 0;
}

static struct dj_request *take_first(struct dj *dj)
{
    struct dj_request *request;

    call_back(dj);
    request = TAILQ_FIRST(&dj->over);
    if (request != NULL)
        dj_request_move(request, &dj->idle);
    return request;
}

/* In ms from now; -1: never. */
static int left_until(uint64_t end_ns)
{
    uint64_t now = dj_clock_mono_ns();

    return end_ns <= now ? 0
                         : (int)DJ_MIN((end_ns - now) / DJ_NS_PER_MS + 1,
                                       (uint64_t)INT_MAX);
}

struct dj_request *dj_next(struct dj *dj, int timeout_ms)
{
    struct dj_request *request;
    uint64_t end_ns = 0;
    bool looked = false;

    if (dj_fresh(dj) < 0)
        return NULL;
    if (timeout_ms > 0)
        end_ns = dj_clock_mono_ns() + (uint64_t)timeout_ms * DJ_NS_PER_MS;
    while ((request = take_first(dj)) == NULL && !TAILQ_EMPTY(&dj->waiting)) {
        int left = timeout_ms <= 0 ? timeout_ms : left_until(end_ns), late = dj_time_left(dj);

        if (left == 0 && looked)
            break;
        looked = true;
        if (late >= 0 && (left < 0 || late < left))
            left = late;
        if (step(dj, left, -1) < 0)
            (void)dj_err_set(&dj->err, ENOTCONN, "the connection to the daemon ended");
    }
    return request;
}

int dj_perform(struct dj_request *request)
{
    struct dj *dj = request == NULL ? NULL : request->dj;
    int rc, wake_fd;

    if (request == NULL)
        return -EINVAL;
    if (dj == NULL)
        return -ENOTCONN;
    rc = dj_begin(dj);
    request->performed = rc == 0 && request->state == DJ_REQUEST_NEW;
    if (rc == 0)
        rc = send_now(request);
    if (rc < 0)
        return dj_end(dj, rc);
    wake_fd = dj->wake_fd;
    while (request->state == DJ_REQUEST_WAITING) {
        if (step(dj, dj_time_left(dj), wake_fd) <= 0)
            continue;
        (void)dj_cancel(request);
        wake_fd = -1;
    }
    dj_add_note(dj, request->note);
    if (request->code < 0)
        (void)dj_err_set(&dj->err, -request->code, "%s", dj_request_error(request));
    rc = dj_end(dj, request->code);
    if (rc != request->code) { /* its time was that of the connection */
        free(request->error);
        request->error = dj_xstrdup(dj_error(dj));
        request->code = rc;
    }
    return rc;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The answer of one that is given up comes to nobody. */
static void forget(void *cookie DJ_UNUSED, const struct dj_message_in *message DJ_UNUSED)
{
}

void dj_request_free(struct dj_request *request)
{
    if (request == NULL)
        return;
    if (request->dj != NULL)
        dj_notice_fork(request->dj);
    if (request->state == DJ_REQUEST_WAITING) {
        dj_connection_cancel(request->dj->connection, request->id);
        dj_connection_redirect(request->dj->connection, request->id, forget, NULL);
        if (request->number == DJ_MSG_LOCK)
            dj_lock_abandon(request->dj, request->fields);
    }
    if (request->dj != NULL) {
        request->dj->timed -= request->deadline_ns != 0;
        dj_request_move(request, &request->dj->idle);
        TAILQ_REMOVE(&request->dj->idle, request, link);
    }
    dj_codec_release(dj_message_layout(request->number), request->fields);
    free(request->fields);
    dj_content_release(&request->content);
    dj_content_release(&request->log);
    free(request->error);
    free(request->note);
    free(request->run);
    free(request->status);
    free(request);
}

static void lose(struct dj_requests *list)
{
    struct dj_request *request;

    while ((request = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, request, link);
        request->dj = NULL;
    }
}

void dj_requests_lose(struct dj *dj)
{
    lose(&dj->over);
    lose(&dj->calling);
    lose(&dj->idle);
}

/* The object of dj.h: its connection, its last error, its time. (client.h) */
#include "lib/client/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/client/programs.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

const char *dj_version(void)
{
    return PACKAGE_VERSION;
}

void dj_mem_free(void *memory)
{
    free(memory);
}

struct dj *dj_new(const char *program)
{
    struct dj *dj = dj_xcalloc(1, sizeof(*dj));

    dj->program = dj_xstrdup(program == NULL ? "libdj " PACKAGE_VERSION : program);
    dj->process = dj_process_mark();
    dj->cancel_fd = dj->timer_fd = dj->wake_fd = -1;
    TAILQ_INIT(&dj->waiting);
    TAILQ_INIT(&dj->over);
    TAILQ_INIT(&dj->calling);
    TAILQ_INIT(&dj->idle);
    TAILQ_INIT(&dj->children);
    TAILQ_INIT(&dj->batches);
    TAILQ_INIT(&dj->locks);
    return dj;
}

static void children_lose(struct dj *dj)
{
    struct dj_child *child;

    while ((child = TAILQ_FIRST(&dj->children)) != NULL) {
        TAILQ_REMOVE(&dj->children, child, link);
        child->dj = NULL;
    }
}

void dj_free(struct dj *dj)
{
    if (dj == NULL)
        return;
    dj_notice_fork(dj);
    dj_disconnect(dj);
    dj_requests_lose(dj);
    dj_batches_lose(dj);
    children_lose(dj);
    dj_files_lose(dj);
    dj_lists_lose(dj);
    dj_close(dj->timer_fd);
    dj_close(dj->wake_fd);
    dj_err_release(&dj->err);
    dj_bytes_list_release(&dj->notes);
    dj_daemon_options_release(&dj->options);
    free(dj->program);
    free(dj->address);
    free(dj);
}

/* ---- errors ---------------------------------------------------------------------------------- */

const char *dj_error(const struct dj *dj)
{
    if (dj == NULL)
        return "the connection is NULL";
    return dj->err.code == 0 ? "" : dj_err_text(&dj->err, -dj->err.code);
}

int dj_error_code(const struct dj *dj)
{
    return dj == NULL ? EINVAL : dj->err.code;
}

int dj_null(struct dj *dj, const char *what)
{
    return dj_err_set(dj == NULL ? NULL : &dj->err, EINVAL, "%s is NULL", what);
}

size_t dj_note_count(const struct dj *dj)
{
    return dj == NULL ? 0 : dj->notes.n;
}

const char *dj_note(const struct dj *dj, size_t i)
{
    return i >= dj_note_count(dj) ? NULL : dj_buf_str(DJ_LIST_AT(&dj->notes, struct dj_buf, i));
}

void dj_add_note(struct dj *dj, const char *note)
{
    if (note != NULL && note[0] != '\0')
        dj_list_add_bytes(&dj->notes, dj_bytes_of(note));
}

/* ---- the connection -------------------------------------------------------------------------- */

static int connect_as_said(struct dj *dj)
{
    const struct dj_greeting greeting = {.role = DJ_ROLE_CLIENT, .program = dj->program};
    dj_cleanup_free char *named = NULL, *socket = NULL;
    int rc = dj_socket_named(dj->address, &named, &dj->err);

    if (rc == 0 && named == NULL)
        rc = dj_socket_path(NULL, &socket, &dj->err);
    if (rc == 0)
        rc = dj_connection_open(named != NULL ? named : socket, &greeting, &dj->connection,
                                &dj->err);
    if (rc != -ENOTCONN || (dj->flags & DJ_START_DAEMON) == 0 ||
        (named != NULL && (dj->flags & DJ_START_NAMED) == 0))
        return rc;
    dj_err_release(&dj->err);
    free(dj_steal(socket));
    socket = dj_steal(named);
    rc = socket != NULL ? 0 : dj_own_socket_path(true, &socket, &dj->err);
    if (rc == 0)
        rc = dj_start_daemon(socket, &dj->options, &dj->err);
    if (rc == 0)
        rc = dj_connection_open(socket, &greeting, &dj->connection, &dj->err);
    return rc;
}

int dj_fresh(struct dj *dj)
{
    if (dj == NULL)
        return -EINVAL;
    dj_notice_fork(dj);
    dj_err_release(&dj->err);
    dj_bytes_list_release(&dj->notes);
    return 0;
}

int dj_connect_to(struct dj *dj, const char *address, unsigned flags)
{
    dj_cleanup_free char *copy = address == NULL || address[0] == '\0' ? NULL
                                                                       : dj_xstrdup(address);

    if (dj_fresh(dj) < 0)
        return -EINVAL;
    if ((flags & ~(unsigned)(DJ_START_DAEMON | DJ_START_NAMED)) != 0)
        return dj_err_set(&dj->err, EINVAL, "dj_connect_to: there are no flags %#x", flags);
    dj_disconnect(dj);
    free(dj->address);
    dj->address = dj_steal(copy);
    dj->flags = flags;
    return dj_reconnect(dj);
}

int dj_reconnect(struct dj *dj)
{
    int rc;

    if (dj_fresh(dj) < 0)
        return -EINVAL;
    dj_drop(dj);
    rc = connect_as_said(dj);
    if (rc < 0)
        return rc;
    dj_connection_cancel_fd(dj->connection, dj->wake_fd);
    dj_connection_hold_at(dj->connection, &dj->connection);
    dj->serial++;
    return dj_locks_claim(dj);
}

/* What is over by it does not find it any more. */
void dj_drop(struct dj *dj)
{
    dj_connection_free(dj->connection);
}

void dj_disconnect(struct dj *dj)
{
    if (dj == NULL)
        return;
    dj_notice_fork(dj);
    dj_locks_forget(dj);
    dj_drop(dj);
}

int dj_is_connected(const struct dj *dj)
{
    return dj != NULL && dj->connection != NULL && !dj_is_forked(dj);
}

/* All of it empty while there is no connection. */
static const struct dj_msg_welcome *welcome(const struct dj *dj)
{
    static const struct dj_msg_welcome none;

    return dj == NULL || dj->connection == NULL ? &none : dj_connection_welcome(dj->connection);
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

const char *dj_daemon_program(const struct dj *dj)
{
    return or_empty(welcome(dj)->program);
}

int dj_find_socket(struct dj *dj, const char *address, char **ret)
{
    if (dj_fresh(dj) < 0)
        return -EINVAL;
    if (ret == NULL)
        return dj_null(dj, "the socket's place");
    return dj_socket_path(address == NULL || address[0] == '\0' ? NULL : address, ret, &dj->err);
}

/* ---- a daemon that is started ---------------------------------------------------------------- */

static int add_resource(struct dj *dj, const char *value)
{
    if (value == NULL)
        dj_bytes_list_release(&dj->options.resources);
    else
        dj_list_add_bytes(&dj->options.resources, dj_bytes_of(value));
    return 0;
}

int dj_set_daemon_option(struct dj *dj, const char *name, const char *value)
{
    char **at;

    if (dj_fresh(dj) < 0)
        return -EINVAL;
    if (name == NULL)
        return dj_null(dj, "the option's name");
    if (strcmp(name, "resource") == 0)
        return add_resource(dj, value);
    at = strcmp(name, "store") == 0     ? &dj->options.store
         : strcmp(name, "workers") == 0 ? &dj->options.workers
         : strcmp(name, "quota") == 0   ? &dj->options.quota
                                        : NULL;
    if (at == NULL)
        return dj_err_set(&dj->err, EINVAL, "a daemon has no option %s", name);
    free(*at);
    if (value == NULL)
        *at = NULL;
    else
        *at = at == &dj->options.store ? dj_absolute(value) : dj_xstrdup(value);
    return 0;
}

int64_t dj_daemon_pid(const struct dj *dj)
{
    return (int64_t)welcome(dj)->pid;
}

const char *dj_daemon_store(const struct dj *dj)
{
    return or_empty(welcome(dj)->store);
}

const char *dj_daemon_mount(const struct dj *dj)
{
    return or_empty(welcome(dj)->mount);
}

/* ---- a call that ends by time or by a descriptor --------------------------------------------- */

static int watch(struct dj *dj, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    if (dj->wake_fd < 0)
        dj->wake_fd = epoll_create1(EPOLL_CLOEXEC);
    if (dj->wake_fd < 0 || epoll_ctl(dj->wake_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return dj_err_sys(&dj->err, errno, "the descriptor %d cannot be waited for", fd);
    if (dj->connection != NULL)
        dj_connection_cancel_fd(dj->connection, dj->wake_fd);
    return 0;
}

int dj_set_cancel_fd(struct dj *dj, int fd)
{
    int rc;

    if (dj_fresh(dj) < 0)
        return -EINVAL;
    if (dj->cancel_fd >= 0)
        epoll_ctl(dj->wake_fd, EPOLL_CTL_DEL, dj->cancel_fd, NULL);
    dj->cancel_fd = -1;
    if (fd < 0)
        return 0;
    rc = watch(dj, fd);
    if (rc == 0)
        dj->cancel_fd = fd;
    return rc;
}

static void set_timer(const struct dj *dj, uint64_t ms)
{
    const struct itimerspec when = {
        .it_value = {(time_t)(ms / 1000), (long)(ms % 1000 * 1000000)}};

    if (dj->timer_fd >= 0)
        timerfd_settime(dj->timer_fd, 0, &when, NULL);
}

static int set_timeout(struct dj *dj, uint64_t ms)
{
    int rc = 0;

    if (ms != 0 && dj->timer_fd < 0) {
        dj->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        rc = dj->timer_fd < 0 ? dj_err_sys(&dj->err, errno, "timerfd_create")
                              : watch(dj, dj->timer_fd);
    }
    if (rc == 0)
        dj->timeout_ms = ms;
    return rc;
}

int dj_set_timeout(struct dj *dj, uint64_t ms)
{
    return dj_fresh(dj) < 0 ? -EINVAL : set_timeout(dj, ms);
}

int dj_interrupted(struct dj *dj)
{
    struct pollfd polled = {.fd = dj->wake_fd, .events = POLLIN};

    return dj->wake_fd >= 0 && poll(&polled, 1, 0) == 1 ? -EINTR : 0;
}

bool dj_time_is_over(struct dj *dj)
{
    struct pollfd polled = {.fd = dj->timer_fd, .events = POLLIN};

    return dj->timer_fd >= 0 && poll(&polled, 1, 0) == 1;
}

int dj_begin_alone(struct dj *dj)
{
    if (dj_fresh(dj) < 0)
        return -EINVAL;
    if (dj->timeout_ms != 0)
        set_timer(dj, dj->timeout_ms);
    return 0;
}

int dj_begin(struct dj *dj)
{
    if (dj_fresh(dj) < 0)
        return -EINVAL;
    dj_notice_end(dj);
    if (dj->connection == NULL)
        return dj_err_set(&dj->err, ENOTCONN, "not connected to a daemon");
    return dj_begin_alone(dj);
}

int dj_end(struct dj *dj, int rc)
{
    if (rc == -EINTR && dj_time_is_over(dj))
        rc = dj_err_set(&dj->err, ETIMEDOUT, "the time is over%s%s",
                        dj->err.text == NULL ? "" : "; ",
                        dj->err.text == NULL ? "" : dj->err.text);
    set_timer(dj, 0);
    dj_notice_end(dj);
    if (rc >= 0)
        dj_err_release(&dj->err);
    else if (dj->err.code == 0)
        (void)dj_err_set(&dj->err, -rc, "%s", rc == -EINTR ? "interrupted" : strerror(-rc));
    return rc;
}

void dj_notice_end(struct dj *dj)
{
    dj_notice_fork(dj);
    if (dj->connection != NULL && dj_connection_has_ended(dj->connection))
        dj_drop(dj);
}

/* ---- a child of fork() ----------------------------------------------------------------------- */

bool dj_is_forked(const struct dj *dj)
{
    return dj->process != dj_process_mark();
}

/* Descriptors that the parent uses, too, are closed and not touched. */
void dj_notice_fork(struct dj *dj)
{
    uint64_t ms = dj->timeout_ms;

    if (!dj_is_forked(dj))
        return;
    dj->process = dj_process_mark();
    dj_drop(dj);
    dj_locks_forget(dj);
    dj_close(dj->timer_fd);
    dj_close(dj->wake_fd);
    dj->cancel_fd = dj->timer_fd = dj->wake_fd = -1;
    dj->timeout_ms = 0;
    if (ms != 0)
        (void)set_timeout(dj, ms);
}

/* ---- what was made with it ------------------------------------------------------------------- */

void dj_child_add(struct dj *dj, struct dj_child *child)
{
    child->dj = dj;
    TAILQ_INSERT_TAIL(&dj->children, child, link);
}

void dj_child_remove(struct dj_child *child)
{
    if (child->dj != NULL)
        TAILQ_REMOVE(&child->dj->children, child, link);
    child->dj = NULL;
}

int dj_child_begin(struct dj_child *child)
{
    if (child == NULL)
        return -EINVAL;
    return child->dj == NULL ? -ENOTCONN : dj_begin(child->dj);
}

int dj_call(struct dj *dj, enum dj_message number, const void *fields, struct dj_list *env,
            enum dj_message want, struct dj_message_in *ret)
{
    int rc = dj_begin(dj);

    if (rc < 0)
        return rc;
    rc = env == NULL ? dj_connection_call(dj->connection, number, fields, want, ret, &dj->err)
                     : dj_connection_call_env(dj->connection, number, fields, env, want, ret,
                                              &dj->err);
    return dj_end(dj, rc);
}

int dj_call_ok(struct dj *dj, enum dj_message number, const void *fields, char **ret_text,
               uint64_t *ret_number)
{
    struct dj_message_in answer;
    const struct dj_msg_ok *done;
    int rc = dj_call(dj, number, fields, NULL, DJ_MSG_OK, &answer);

    if (rc < 0)
        return rc;
    done = answer.fields;
    for (size_t i = 0; i < done->notes.n; i++)
        dj_add_note(dj, dj_buf_str(&DJ_LIST_AT(&done->notes, struct dj_part_word, i)->bytes));
    if (ret_text != NULL)
        *ret_text = dj_xstrdup(or_empty(done->text));
    if (ret_number != NULL)
        *ret_number = done->number;
    dj_message_release(&answer);
    return 0;
}

/* ---- paths ----------------------------------------------------------------------------------- */

const char *dj_below_mount(const struct dj *dj, const char *path)
{
    const char *mount = dj_daemon_mount(dj);
    size_t len = strlen(mount);

    if (len != 0 && strncmp(path, mount, len) == 0 && (path[len] == '/' || path[len] == '\0'))
        path += len;
    while (path[0] == '/')
        path++;
    return path;
}

int dj_run_split(struct dj *dj, const char *run, struct dj_bytes *ret_task,
                 struct dj_bytes *ret_name)
{
    const char *path = dj_below_mount(dj, run), *slash;
    size_t len;

    if (strncmp(path, "tasks/", strlen("tasks/")) == 0)
        path += strlen("tasks/");
    len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    slash = memchr(path, '/', len);
    if (slash == NULL || slash == path)
        return dj_err_set(&dj->err, EINVAL, "%s is not the path of a run, as TASK/NAME is", run);
    *ret_task = dj_bytes(path, (size_t)(slash - path));
    *ret_name = dj_bytes(slash + 1, len - ret_task->len - 1);
    return 0;
}

int dj_run_path(struct dj *dj, const char *run, struct dj_buf *ret)
{
    struct dj_bytes task, name;
    int rc = dj_run_split(dj, run, &task, &name);

    if (rc < 0)
        return rc;
    dj_buf_adds(ret, "tasks/");
    dj_buf_add_bytes(ret, task);
    dj_buf_addc(ret, '/');
    dj_buf_add_bytes(ret, name);
    return 0;
}

#include "fs/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/clock.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

#define PAUSE_FIRST_MS 20
#define PAUSE_MAX_MS 250
#define PAUSE_UNWATCHED_MS 5000
#define EAGER_MS 2000
#define CHANCE_MS 1000
#define BAD_PAUSE_FIRST_MS 250
#define BAD_PAUSE_MAX_MS 8000

/* One attempt to reach the daemon. The thread owns it until its address is in the pipe. */
struct attempt {
    char *socket;
    struct dj_greeting greeting;
    int pipe;
    struct dj_connection *connection;
    struct dj_err err;
};

/* The last one, which may outlive the backend: it ends with the process, and is no leak. */
static struct attempt *last_attempt;

static void attempt_free(struct attempt *attempt)
{
    if (last_attempt == attempt)
        last_attempt = NULL;
    free(attempt->socket);
    dj_err_release(&attempt->err);
    free(attempt);
}

static void *attempt_run(void *cookie)
{
    struct attempt *attempt = cookie;

    if (dj_connection_open(attempt->socket, &attempt->greeting, &attempt->connection,
                           &attempt->err) < 0)
        attempt->connection = NULL;
    while (write(attempt->pipe, &attempt, sizeof(attempt)) < 0 && errno == EINTR)
        ;
    return NULL;
}

static void attempt_start(struct dj_backend *backend)
{
    struct attempt *attempt = dj_xcalloc(1, sizeof(*attempt));
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;
    int code;

    last_attempt = attempt;
    attempt->socket = dj_xstrdup(backend->socket);
    attempt->greeting = backend->greeting;
    attempt->pipe = backend->tried[1];
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&thread, &attr, attempt_run, attempt);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    backend->trying = code == 0;
    backend->tried_ms = dj_now_ms();
    backend->again = false;
    if (code != 0)
        attempt_free(attempt);
}

/*
 * What a store is known by: its path, and for one that was removed and made anew at the same place,
 * the moment at which its folder was made.
 */
static void describe_store(const struct dj_msg_welcome *welcome, struct dj_buf *ret)
{
    const char *path = welcome->store == NULL ? "" : welcome->store;
    struct statx st;

    dj_buf_clear(ret);
    dj_buf_addf(ret, "%s", path);
    if (*path == '/' && statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &st) == 0)
        dj_buf_addf(ret, " %u:%u %llu %lld.%u", st.stx_dev_major, st.stx_dev_minor,
                    (unsigned long long)st.stx_ino, (long long)st.stx_btime.tv_sec,
                    st.stx_btime.tv_nsec);
}

static bool is_our_store(struct dj_backend *backend, const struct dj_connection *connection)
{
    dj_cleanup_buf struct dj_buf store = DJ_BUF_INIT;

    describe_store(dj_connection_welcome(connection), &store);
    return dj_bytes_equal(dj_buf_bytes(&store), dj_buf_bytes(&backend->store));
}

static void complain(struct dj_backend *backend, const char *sentence)
{
    if (!backend->complained)
        dj_log_error("%s", sentence);
    backend->complained = true;
}

/* It is tried now and for a while. */
static void be_eager(struct dj_backend *backend, int64_t now_ms)
{
    backend->next_try_ms = DJ_MAX(now_ms, backend->not_before_ms);
    backend->pause_ms = PAUSE_FIRST_MS;
    backend->eager_until_ms = now_ms + EAGER_MS;
}

static void forgive(struct dj_backend *backend)
{
    backend->bad_since_ms = backend->bad_pause_ms = backend->not_before_ms = 0;
    backend->complained = false;
}

/* What answers cannot be used, and asking again at once would not change that. */
static void be_patient(struct dj_backend *backend, int64_t now_ms)
{
    if (backend->bad_since_ms == 0)
        backend->bad_since_ms = now_ms;
    backend->bad_pause_ms = backend->bad_pause_ms == 0
                                ? BAD_PAUSE_FIRST_MS
                                : DJ_MIN(2 * backend->bad_pause_ms, BAD_PAUSE_MAX_MS);
    backend->not_before_ms = now_ms + backend->bad_pause_ms;
    if (backend->next_try_ms != INT64_MAX)
        backend->next_try_ms = DJ_MAX(backend->next_try_ms, backend->not_before_ms);
}

static void go_up(struct dj_backend *backend, struct dj_connection *connection)
{
    dj_watch_end(&backend->watch);
    backend->connection = connection;
    backend->up_since_ms = dj_now_ms();
    backend->chance_until_ms = 0;
    backend->epoch++;
    dj_connection_on_message(connection, backend->events->message, backend->cookie);
    backend->events->up(backend->cookie);
}

/* One that has served for long without a word that is not understood begins anew. */
static void go_down(struct dj_backend *backend, bool garbled)
{
    struct dj_connection *connection = dj_steal(backend->connection);
    int64_t now_ms = dj_now_ms();

    if (!garbled)
        forgive(backend);
    else if (now_ms - backend->up_since_ms > BAD_PAUSE_MAX_MS)
        backend->bad_since_ms = backend->bad_pause_ms = 0;
    if (garbled)
        be_patient(backend, now_ms);
    backend->away_since_ms = garbled ? backend->bad_since_ms : now_ms;
    dj_watch_begin(&backend->watch, backend->socket);
    be_eager(backend, now_ms);
    dj_connection_free(connection);
    backend->events->down(backend->cookie);
}

int dj_backend_start(struct dj_backend *backend, struct dj_err *err)
{
    struct dj_connection *connection;
    int code;

    backend->watch = DJ_WATCH_INIT;
    if (pipe2(backend->tried, O_CLOEXEC) < 0)
        return dj_err_sys(err, errno, "cannot make a pipe");
    code = dj_connection_open(backend->socket, &backend->greeting, &connection, err);
    if (code < 0)
        return code;
    code = backend->events->check(backend->cookie, dj_connection_welcome(connection), err);
    if (code < 0) {
        dj_connection_free(connection);
        return code;
    }
    describe_store(dj_connection_welcome(connection), &backend->store);
    go_up(backend, connection);
    return 0;
}

bool dj_backend_up(const struct dj_backend *backend)
{
    return backend->connection != NULL;
}

int64_t dj_backend_gives_up_ms(const struct dj_backend *backend)
{
    return DJ_MAX(backend->away_since_ms + backend->wait_ms, backend->chance_until_ms);
}

bool dj_backend_given_up(const struct dj_backend *backend, int64_t now_ms)
{
    return backend->connection == NULL && now_ms >= dj_backend_gives_up_ms(backend);
}

void dj_backend_want(struct dj_backend *backend, int64_t now_ms)
{
    bool given_up = dj_backend_given_up(backend, now_ms);

    if (backend->over || now_ms < backend->not_before_ms ||
        (backend->trying && now_ms - backend->tried_ms >= CHANCE_MS))
        return;
    if (given_up)
        backend->chance_until_ms = now_ms + CHANCE_MS;
    if (backend->trying)
        backend->again = true;
    else if (given_up || backend->next_try_ms == INT64_MAX)
        be_eager(backend, now_ms);
}

const struct dj_msg_welcome *dj_backend_welcome(const struct dj_backend *backend)
{
    return dj_connection_welcome(backend->connection);
}

uint64_t dj_backend_ask(struct dj_backend *backend, enum dj_message number, const void *fields,
                        dj_answer_fn *answer, void *cookie)
{
    return dj_connection_ask(backend->connection, number, fields, answer, cookie);
}

void dj_backend_cancel(struct dj_backend *backend, uint64_t id)
{
    if (backend->connection != NULL)
        dj_connection_cancel(backend->connection, id);
}

void dj_backend_redirect(struct dj_backend *backend, uint64_t id, dj_answer_fn *answer,
                         void *cookie)
{
    if (backend->connection != NULL)
        dj_connection_redirect(backend->connection, id, answer, cookie);
}

void dj_backend_tell(struct dj_backend *backend, enum dj_message number, const void *fields)
{
    if (backend->connection != NULL)
        (void)dj_connection_post(backend->connection, number, 0, fields);
}

void dj_backend_poll(const struct dj_backend *backend, struct pollfd *places)
{
    places[0] = (struct pollfd){.fd = -1};
    places[1] = (struct pollfd){.fd = backend->trying ? backend->tried[0] : -1, .events = POLLIN};
    places[2] = (struct pollfd){.fd = backend->watch.fd, .events = POLLIN};
    if (backend->connection != NULL)
        places[0] = (struct pollfd){.fd = dj_connection_fd(backend->connection),
                                    .events = dj_connection_events(backend->connection)};
}

static bool can_be_used(struct dj_backend *backend, const struct dj_connection *connection)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code;

    if (!is_our_store(backend, connection)) {
        complain(backend, "the daemon has another store now; unmount, and mount again");
        return false;
    }
    code = backend->events->check(backend->cookie, dj_connection_welcome(connection), &err);
    if (code < 0)
        complain(backend, dj_err_text(&err, code));
    return code == 0;
}

static bool attempt_use(struct dj_backend *backend, struct attempt *attempt)
{
    struct dj_connection *connection = dj_steal(attempt->connection);

    if (connection == NULL && attempt->err.code == ENOTCONN)
        return false;
    if (connection == NULL) {
        complain(backend, dj_err_text(&attempt->err, -ENOTCONN));
    } else if (can_be_used(backend, connection)) {
        dj_log_info("the daemon is back");
        go_up(backend, connection);
        return true;
    }
    dj_connection_free(connection);
    be_patient(backend, dj_now_ms());
    return false;
}

static void attempt_take(struct dj_backend *backend)
{
    struct attempt *attempt;

    if (read(backend->tried[0], &attempt, sizeof(attempt)) != sizeof(attempt))
        return;
    backend->trying = false;
    if (backend->over)
        dj_connection_free(attempt->connection);
    else if (attempt_use(backend, attempt))
        backend->again = false;
    else if (dj_now_ms() < backend->not_before_ms || !backend->again)
        backend->chance_until_ms = 0;
    else
        backend->next_try_ms = dj_now_ms();
    attempt_free(attempt);
}

void dj_backend_end(struct dj_backend *backend)
{
    struct dj_connection *connection = dj_steal(backend->connection);
    struct pollfd tried = {.fd = backend->tried[0], .events = POLLIN};

    backend->away_since_ms = INT64_MIN / 2;
    backend->chance_until_ms = INT64_MIN / 2;
    backend->next_try_ms = INT64_MAX;
    backend->over = true;
    dj_watch_end(&backend->watch);
    dj_connection_free(connection);
    /* One that is still under way ends with the process. */
    if (backend->trying && poll(&tried, 1, 0) == 1)
        attempt_take(backend);
    dj_buf_release(&backend->store);
}

static void handle_connection(struct dj_backend *backend, short revents)
{
    int code = dj_connection_handle(backend->connection, revents);

    if (code == -EPROTO)
        complain(backend, "what the daemon sends cannot be understood: it is of another build than "
                 "this mount; `dj down` and `dj up` start the installed one");
    else if (code < 0)
        dj_log_warning("the daemon went away; looking for it again");
    if (code < 0)
        go_down(backend, code == -EPROTO);
}

void dj_backend_handle(struct dj_backend *backend, const struct pollfd *places)
{
    if (places[2].revents != 0 && places[2].fd == backend->watch.fd &&
        dj_watch_take(&backend->watch)) {
        forgive(backend);
        backend->again = backend->trying;
        be_eager(backend, dj_now_ms());
    }
    if (places[1].revents != 0)
        attempt_take(backend);
    if (places[0].revents != 0 && backend->connection != NULL &&
        places[0].fd == dj_connection_fd(backend->connection))
        handle_connection(backend, places[0].revents);
}

int64_t dj_backend_due_ms(const struct dj_backend *backend)
{
    return backend->connection != NULL || backend->trying ? INT64_MAX : backend->next_try_ms;
}

void dj_backend_tick(struct dj_backend *backend, int64_t now_ms)
{
    bool eager = now_ms < backend->eager_until_ms, watched = backend->watch.fd >= 0;

    if (dj_backend_due_ms(backend) > now_ms)
        return;
    attempt_start(backend);
    backend->next_try_ms = eager || !watched ? now_ms + backend->pause_ms : INT64_MAX;
    backend->pause_ms = DJ_MIN(2 * backend->pause_ms, eager ? PAUSE_MAX_MS : PAUSE_UNWATCHED_MS);
}

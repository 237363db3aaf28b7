#include "lib/client/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uthash.h>

#include "lib/client/environment.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/wire/stream.h"

enum { GREETING_MS = 20000 };

struct pending {
    uint64_t id;
    dj_answer_fn *answer;
    void *cookie;
    UT_hash_handle hh;
};

struct dj_connection {
    struct dj_stream stream;
    struct dj_message_in welcome;
    struct pending *pending;
    uint64_t last_id;
    int cancel_fd;
    int patience_ms; /* how long nothing may come while a call waits; -1: for ever */
    bool gathering;
    bool ended;      /* beyond repair */
    bool garbled;    /* since something came that cannot be understood */
    dj_answer_fn *on_message;
    void *on_message_cookie;
    struct dj_connection **holder;
};

static int connect_socket(const char *socket_path, struct dj_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(socket_path);
    int fd;

    if (len >= sizeof(address.sun_path))
        return dj_err_set(err, ENAMETOOLONG,
                          "the socket's path %s is too long (%zu bytes, %zu fit)", socket_path,
                          len, sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, socket_path, len);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return dj_err_sys(err, errno, "socket");
    while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        int code = errno;

        if (code == EINTR)
            continue;
        close(fd);
        if (code == ENOENT || code == ECONNREFUSED)
            return dj_err_set(err, ENOTCONN,
                              "no daemon listens at %s; `dj up` starts one", socket_path);
        return dj_err_sys(err, code, "cannot connect to %s", socket_path);
    }
    return fd;
}

static int flush(struct dj_connection *connection)
{
    if (dj_stream_flush(&connection->stream) == 0)
        return 0;
    connection->ended = true;
    return -ENOTCONN;
}

bool dj_connection_has_ended(const struct dj_connection *connection)
{
    return connection->ended;
}

int dj_connection_post(struct dj_connection *connection, enum dj_message number, uint64_t id,
                       const void *fields)
{
    struct dj_buf *out = dj_stream_out(&connection->stream);
    size_t begin = dj_frame_begin(out);
    int rc;

    dj_message_encode(out, number, id, fields);
    rc = dj_frame_end(out, begin);
    if (rc < 0 || connection->gathering)
        return rc;
    return flush(connection);
}

void dj_connection_hold(struct dj_connection *connection, bool on)
{
    connection->gathering = on;
}

void dj_connection_gather(struct dj_connection *connection, bool on)
{
    connection->gathering = on;
    /* A broken connection is noticed by the next dj_connection_handle(). */
    if (!on)
        (void)!flush(connection);
}

/* Waits until the socket is readable, sending what is left meanwhile; 1 when fd became readable. */
static int wait_input(struct dj_connection *connection, int fd)
{
    for (;;) {
        struct pollfd polled[2] = {
            {.fd = connection->stream.fd, .events = dj_connection_events(connection)},
            {.fd = fd, .events = POLLIN},
        };

        int rc = poll(polled, 2, connection->patience_ms);

        if (rc == 0)
            return -ETIME;
        if (rc < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        if (polled[0].revents & POLLOUT && flush(connection) < 0)
            return -ENOTCONN;
        if (polled[0].revents & (POLLIN | POLLHUP | POLLERR)) {
            rc = dj_stream_read(&connection->stream);
            return rc == -EPIPE ? -ENOTCONN : rc == -EAGAIN ? 0 : rc;
        }
        if (polled[1].revents != 0)
            return 1;
    }
}

static int next_message(struct dj_connection *connection, struct dj_message_in *ret)
{
    struct dj_bytes body;
    int rc = dj_stream_next(&connection->stream, &body);

    if (rc > 0 && dj_message_decode(body, ret, NULL) < 0)
        rc = -EBADMSG;
    connection->garbled |= rc < 0;
    return rc;
}

static void unasked(struct dj_connection *connection, const struct dj_message_in *message)
{
    if (connection->on_message != NULL)
        connection->on_message(connection->on_message_cookie, message);
}

/* More of the same answer follows. */
static bool is_part(const struct dj_message_in *message)
{
    return message->number == DJ_MSG_RESULTS &&
           !((const struct dj_msg_results *)message->fields)->end;
}

static void deliver(struct dj_connection *connection, const struct dj_message_in *message)
{
    struct pending *pending = NULL;

    if (message->id != 0)
        HASH_FIND(hh, connection->pending, &message->id, sizeof(message->id), pending);
    if (pending == NULL) {
        unasked(connection, message);
        return;
    }
    if (is_part(message)) {
        pending->answer(pending->cookie, message);
        return;
    }
    HASH_DEL(connection->pending, pending);
    pending->answer(pending->cookie, message);
    free(pending);
}

/* What came together with an answer: nobody will find it in the socket any more. */
static void deliver_rest(struct dj_connection *connection)
{
    struct dj_message_in message;
    int rc;

    while ((rc = next_message(connection, &message)) == 1) {
        deliver(connection, &message);
        dj_message_release(&message);
    }
    connection->ended |= rc < 0;
}

/* A blocking wait for the answer to id; other messages go to their callbacks. */
static int wait_answer(struct dj_connection *connection, uint64_t id, struct dj_message_in *ret)
{
    int cancel_fd = connection->cancel_fd;

    for (;;) {
        int rc = next_message(connection, ret);

        if (rc < 0)
            return -EPROTO;
        if (rc == 1 && ret->id == id) {
            deliver_rest(connection);
            return 0;
        }
        if (rc == 1) {
            deliver(connection, ret);
            dj_message_release(ret);
            continue;
        }
        rc = wait_input(connection, cancel_fd);
        if (rc < 0)
            return rc;
        if (rc == 1) {
            struct dj_msg_cancel cancel = {.id = id};

            cancel_fd = -1;
            rc = dj_connection_post(connection, DJ_MSG_CANCEL, 0, &cancel);
            if (rc < 0)
                return rc;
        }
    }
}

static int error_answer(const struct dj_message_in *answer, struct dj_err *err)
{
    const struct dj_msg_error *error = answer->fields;
    int code = error->code > 0 && error->code < 4096 ? (int)error->code : EPROTO;

    return dj_err_set(err, code, "%s",
                      error->text != NULL && error->text[0] != '\0' ? error->text
                                                                    : strerror(code));
}

/* Why it does not answer, where that can be seen: who listens has been stopped by a signal. */
static void add_why(const struct dj_connection *connection, struct dj_buf *buf)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, stat = DJ_BUF_INIT;
    struct ucred who = {0};
    socklen_t len = sizeof(who);
    const char *state;

    if (getsockopt(connection->stream.fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || who.pid <= 0)
        return;
    dj_buf_addf(&path, "/proc/%d/stat", who.pid);
    if (dj_read_file(AT_FDCWD, dj_buf_str(&path), 4096, &stat) < 0)
        return;
    state = strrchr(dj_buf_str(&stat), ')');
    if (state != NULL && strncmp(state, ") T", 3) == 0)
        dj_buf_addf(buf, "; it has been stopped, and `kill -CONT %d` lets it go on", who.pid);
}

static int not_answered(const struct dj_connection *connection, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf why = DJ_BUF_INIT;

    add_why(connection, &why);
    return dj_err_set(err, ETIME, "the daemon does not answer%s", dj_buf_str(&why));
}

static int too_large(struct dj_err *err)
{
    return dj_err_set(err, EMSGSIZE, "the request is larger than %u MiB",
                      DJ_FRAME_MAX / (1024 * 1024));
}

/* Whatever comes as the answer. */
static int call(struct dj_connection *connection, enum dj_message number, const void *fields,
                struct dj_message_in *ret, struct dj_err *err)
{
    uint64_t id = ++connection->last_id;
    int rc = dj_connection_post(connection, number, id, fields);

    *ret = (struct dj_message_in){0};
    if (rc == -EMSGSIZE)
        return too_large(err);
    if (rc == 0)
        rc = wait_answer(connection, id, ret);
    if (rc == -ETIME)
        return not_answered(connection, err);
    connection->ended |= rc < 0;
    if (rc == -EPROTO)
        return dj_err_set(err, EPROTO, "what the daemon sends cannot be understood: it is of "
                          "another build; `dj down` and `dj up` start the installed one");
    return rc < 0 ? dj_err_set(err, -rc, "the daemon ended the connection") : 0;
}

static int expect(enum dj_message number, enum dj_message want, struct dj_message_in *ret,
                  struct dj_err *err)
{
    int rc;

    if (ret->number == want)
        return 0;
    rc = ret->number == DJ_MSG_ERROR
             ? error_answer(ret, err)
             : dj_err_set(err, EPROTO, "the daemon answered %s with %s", dj_message_name(number),
                          dj_message_name(ret->number));
    dj_message_release(ret);
    return rc;
}

int dj_connection_call(struct dj_connection *connection, enum dj_message number,
                       const void *fields, enum dj_message want, struct dj_message_in *ret,
                       struct dj_err *err)
{
    int rc = call(connection, number, fields, ret, err);

    return rc < 0 ? rc : expect(number, want, ret, err);
}

int dj_connection_call_env(struct dj_connection *connection, enum dj_message number,
                           const void *fields, struct dj_list *env, enum dj_message want,
                           struct dj_message_in *ret, struct dj_err *err)
{
    int rc = call(connection, number, fields, ret, err);

    /* Once more when the task was defined anew in between. */
    for (int tries = 0; rc == 0 && ret->number == DJ_MSG_WANTS && tries < 3; tries++) {
        dj_environment_own(ret->fields, env);
        dj_message_release(ret);
        rc = call(connection, number, fields, ret, err);
    }
    return rc < 0 ? rc : expect(number, want, ret, err);
}

static int greet(struct dj_connection *connection, const struct dj_greeting *greeting,
                 struct dj_err *err)
{
    struct dj_msg_hello hello = {.version = DJ_PROTOCOL_VERSION, .role = greeting->role,
                                 .flags = greeting->flags};
    const char *token = getenv("DJ_RUN");
    int rc;

    hello.program = dj_xstrdup(greeting->program == NULL ? "" : greeting->program);
    hello.place = dj_xstrdup(greeting->place == NULL ? "" : greeting->place);
    if (token != NULL && greeting->role == DJ_ROLE_CLIENT)
        dj_buf_adds(&hello.token, token);
    rc = dj_connection_call(connection, DJ_MSG_HELLO, &hello, DJ_MSG_WELCOME,
                            &connection->welcome, err);
    dj_codec_release(dj_message_layout(DJ_MSG_HELLO), &hello);
    return rc;
}

int dj_connection_open(const char *socket_path, const struct dj_greeting *greeting,
                       struct dj_connection **ret, struct dj_err *err)
{
    struct dj_connection *connection;
    int fd = connect_socket(socket_path, err);
    int rc;

    if (fd < 0)
        return fd;
    connection = dj_xcalloc(1, sizeof(*connection));
    connection->cancel_fd = -1;
    dj_stream_init(&connection->stream, fd);
    connection->patience_ms = GREETING_MS;
    rc = greet(connection, greeting, err);
    connection->patience_ms = -1;
    if (rc == -ETIME) {
        dj_cleanup_buf struct dj_buf why = DJ_BUF_INIT;

        add_why(connection, &why);
        dj_err_set(err, ETIME, "what listens at %s has not answered as a daemon within %d s%s",
                   socket_path, GREETING_MS / 1000, dj_buf_str(&why));
    }
    if (rc == 0 && dj_connection_welcome(connection)->version != DJ_PROTOCOL_VERSION)
        rc = dj_err_set(err, EPROTO,
                        "the daemon at %s speaks protocol %llu and this program %d; run "
                        "`dj down` and `dj up` to start the installed version",
                        socket_path,
                        (unsigned long long)dj_connection_welcome(connection)->version,
                        DJ_PROTOCOL_VERSION);
    if (rc < 0) {
        dj_connection_free(connection);
        return rc;
    }
    *ret = connection;
    return 0;
}

void dj_connection_free(struct dj_connection *connection)
{
    struct dj_msg_error error = {.code = ENOTCONN};
    struct dj_message_in over = {.number = DJ_MSG_ERROR, .fields = &error};
    struct pending *pending, *next;

    if (connection == NULL)
        return;
    if (connection->holder != NULL)
        *connection->holder = NULL;
    error.text = dj_xstrdup("the connection to the daemon ended");
    HASH_ITER(hh, connection->pending, pending, next)
    {
        HASH_DEL(connection->pending, pending);
        over.id = pending->id;
        pending->answer(pending->cookie, &over);
        free(pending);
    }
    free(error.text);
    dj_message_release(&connection->welcome);
    dj_stream_release(&connection->stream);
    free(connection);
}

const struct dj_msg_welcome *dj_connection_welcome(const struct dj_connection *connection)
{
    return connection->welcome.fields;
}

void dj_connection_hold_at(struct dj_connection *connection, struct dj_connection **holder)
{
    connection->holder = holder;
}

void dj_connection_patience(struct dj_connection *connection, int ms)
{
    connection->patience_ms = ms;
}

void dj_connection_cancel_fd(struct dj_connection *connection, int fd)
{
    connection->cancel_fd = fd;
}

static void refuse_large(struct dj_connection *connection, struct pending *pending)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_msg_error error = {.code = EMSGSIZE};
    struct dj_message_in refusal = {.number = DJ_MSG_ERROR, .id = pending->id, .fields = &error};

    (void)too_large(&err);
    error.text = err.text;
    HASH_DEL(connection->pending, pending);
    pending->answer(pending->cookie, &refusal);
    free(pending);
}

uint64_t dj_connection_ask(struct dj_connection *connection, enum dj_message number,
                           const void *fields, dj_answer_fn *answer, void *cookie)
{
    struct pending *pending = dj_xcalloc(1, sizeof(*pending));
    uint64_t id;

    pending->id = ++connection->last_id;
    pending->answer = answer;
    pending->cookie = cookie;
    HASH_ADD(hh, connection->pending, id, sizeof(pending->id), pending);
    id = pending->id;
    /* A broken connection is noticed by the next dj_connection_handle(), which ends them all. */
    if (dj_connection_post(connection, number, id, fields) == -EMSGSIZE)
        refuse_large(connection, pending);
    return id;
}

void dj_connection_cancel(struct dj_connection *connection, uint64_t id)
{
    struct dj_msg_cancel cancel = {.id = id};

    (void)dj_connection_post(connection, DJ_MSG_CANCEL, 0, &cancel);
}

void dj_connection_redirect(struct dj_connection *connection, uint64_t id, dj_answer_fn *answer,
                            void *cookie)
{
    struct pending *pending;

    HASH_FIND(hh, connection->pending, &id, sizeof(id), pending);
    if (pending == NULL)
        return;
    pending->answer = answer;
    pending->cookie = cookie;
}

void dj_connection_on_message(struct dj_connection *connection, dj_answer_fn *message, void *cookie)
{
    connection->on_message = message;
    connection->on_message_cookie = cookie;
}

int dj_connection_fd(const struct dj_connection *connection)
{
    return connection->stream.fd;
}

short dj_connection_events(const struct dj_connection *connection)
{
    return dj_stream_wants_write(&connection->stream) ? POLLIN | POLLOUT : POLLIN;
}

int dj_connection_handle(struct dj_connection *connection, short revents)
{
    struct dj_message_in message;
    int ended = 0, rc;

    if (revents & POLLOUT && flush(connection) < 0)
        return -ENOTCONN;
    if (revents & (POLLIN | POLLHUP | POLLERR))
        ended = dj_stream_read(&connection->stream) == -EPIPE;
    while ((rc = next_message(connection, &message)) == 1) {
        deliver(connection, &message);
        dj_message_release(&message);
    }
    connection->ended |= rc < 0 || ended != 0;
    return connection->garbled ? -EPROTO : connection->ended ? -ENOTCONN : 0;
}

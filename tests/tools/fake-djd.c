#include "tests/tools/fake-djd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/util/mem.h"

int fake_listen(struct fake_djd *djd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", djd->socket);
    unlink(djd->socket);
    djd->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (djd->listener < 0 ||
        bind(djd->listener, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    return listen(djd->listener, 4) < 0 ? -errno : 0;
}

int fake_init(struct fake_djd *djd, const char *dir)
{
    memset(djd, 0, sizeof(*djd));
    snprintf(djd->dir, sizeof(djd->dir), "%s", dir);
    snprintf(djd->socket, sizeof(djd->socket), "%s/socket", dir);
    snprintf(djd->work, sizeof(djd->work), "%s/work", dir);
    djd->stream.fd = -1;
    return fake_listen(djd);
}

void fake_hang_up(struct fake_djd *djd, bool deaf)
{
    dj_stream_release(&djd->stream);
    if (deaf && djd->listener >= 0) {
        close(djd->listener);
        unlink(djd->socket);
        djd->listener = -1;
    }
}

void fake_spawn(struct fake_djd *djd, const char *const *arguments)
{
    const char *folder = getenv("DJ_LIBEXECDIR");
    char path[512];
    char *argv[32] = {path, (char[]){"--connect"}, djd->socket, (char[]){"--work"}, djd->work};
    size_t n = 5;

    snprintf(path, sizeof(path), "%s/djw", folder == NULL ? "." : folder);
    while (arguments != NULL && *arguments != NULL && n < 31)
        argv[n++] = dj_xstrdup(*arguments++);
    djd->worker = fork();
    if (djd->worker == 0) {
        execv(path, argv);
        perror(path);
        _exit(127);
    }
    while (n > 5)
        free(argv[--n]);
}

int fake_send_id(struct fake_djd *djd, enum dj_message number, uint64_t id, const void *fields)
{
    struct dj_buf *out = dj_stream_out(&djd->stream);
    size_t begin = dj_frame_begin(out);
    int rc;

    dj_message_encode(out, number, id, fields);
    rc = dj_frame_end(out, begin);
    while (rc == 0 && dj_stream_wants_write(&djd->stream)) {
        struct pollfd polled = {.fd = djd->stream.fd, .events = POLLOUT};

        rc = dj_stream_flush(&djd->stream);
        if (rc == 0 && dj_stream_wants_write(&djd->stream))
            poll(&polled, 1, -1);
    }
    return rc;
}

int fake_send(struct fake_djd *djd, enum dj_message number, const void *fields)
{
    return fake_send_id(djd, number, 0, fields);
}

int fake_next(struct fake_djd *djd, int timeout_ms, struct dj_message_in *ret)
{
    uint64_t until = dj_clock_mono_ns() + (uint64_t)timeout_ms * DJ_NS_PER_MS;
    struct dj_bytes body;

    for (;;) {
        struct pollfd polled = {.fd = djd->stream.fd, .events = POLLIN};
        uint64_t now = dj_clock_mono_ns();
        int rc = dj_stream_next(&djd->stream, &body);

        if (rc < 0)
            return -1;
        if (rc == 1)
            return dj_message_decode(body, ret, NULL) < 0 ? -1 : 1;
        if (now >= until)
            return 0;
        if (poll(&polled, 1, (int)((until - now) / DJ_NS_PER_MS) + 1) > 0 &&
            dj_stream_read(&djd->stream) == -EPIPE)
            return -1;
    }
}

int fake_accept_as(struct fake_djd *djd, int timeout_ms, const char *refusal)
{
    struct pollfd polled = {.fd = djd->listener, .events = POLLIN};
    struct dj_msg_welcome welcome = {.version = DJ_PROTOCOL_VERSION};
    struct dj_msg_error error = {.code = EPERM};
    struct dj_message_in message;
    int rc;

    if (poll(&polled, 1, timeout_ms) <= 0)
        return -1;
    dj_stream_release(&djd->stream);
    dj_stream_init(&djd->stream, accept4(djd->listener, NULL, NULL, SOCK_CLOEXEC));
    if (fake_next(djd, timeout_ms, &message) != 1 || message.number != DJ_MSG_HELLO)
        return -1;
    if (refusal != NULL) {
        error.text = dj_xstrdup(refusal);
        rc = fake_send_id(djd, DJ_MSG_ERROR, message.id, &error);
        free(error.text);
    } else {
        rc = fake_send_id(djd, DJ_MSG_WELCOME, message.id, &welcome);
    }
    dj_message_release(&message);
    return rc;
}

int fake_accept(struct fake_djd *djd, int timeout_ms)
{
    return fake_accept_as(djd, timeout_ms, NULL);
}

int fake_end_worker(struct fake_djd *djd, int number, int timeout_ms)
{
    struct timespec pause = {.tv_nsec = 2000000};
    int status = -1;

    if (djd->worker <= 0)
        return -1;
    if (number != 0)
        kill(djd->worker, number);
    for (int waited = 0; waited < timeout_ms; waited += 2) {
        if (waitpid(djd->worker, &status, WNOHANG) == djd->worker) {
            djd->worker = 0;
            return status;
        }
        nanosleep(&pause, NULL);
    }
    return -1;
}

void fake_release(struct fake_djd *djd)
{
    if (djd->worker > 0)
        fake_end_worker(djd, SIGKILL, 5000);
    fake_hang_up(djd, true);
}

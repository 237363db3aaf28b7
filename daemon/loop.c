#include "daemon/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "lib/util/mem.h"
#include "lib/wire/frame.h"

enum { GATHER_MAX = 64 * 1024 };

struct later {
    dj_loop_fn *fn;
    void *cookie;
};

struct dj_loop {
    uv_loop_t uv;
    uv_pipe_t listener;
    bool listening;
    const struct dj_link_events *events;
    dj_accept_fn *accepted;
    void *accept_cookie;
    uv_signal_t signals[2];
    bool has_signals;
    dj_loop_fn *on_signal;
    void *signal_cookie;
    uv_check_t check;
    uv_idle_t idle;
    struct later *laters;
    size_t later_count, later_cap;
    struct dj_link **unsent; /* whose out may not be empty; in order, with gaps */
    size_t unsent_count, unsent_cap;
    uint64_t turn;
};

struct dj_timer {
    uv_timer_t uv;
    dj_loop_fn *fn;
    void *cookie;
};

struct job {
    uv_work_t uv;
    dj_loop_fn *work, *done;
    void *cookie;
};

struct process {
    uv_process_t uv;
    dj_loop_fn *ended;
    void *cookie;
};

struct dj_link {
    uv_pipe_t pipe;
    struct dj_loop *loop;
    struct dj_buf in;
    struct dj_buf out; /* to be sent at the end of this turn */
    void *cookie;
    bool closing;
};

struct sending {
    uv_write_t uv;
    uint8_t data[];
};

static void free_handle(uv_handle_t *handle)
{
    free(handle->data);
}

/* ---- later ---- */

static void run_laters(struct dj_loop *loop)
{
    for (size_t i = 0; i < loop->later_count; i++) {
        struct later later = loop->laters[i];

        later.fn(later.cookie);
    }
    loop->later_count = 0;
}

static void flush_links(struct dj_loop *loop)
{
    for (size_t i = 0; i < loop->unsent_count; i++) {
        if (loop->unsent[i] != NULL)
            dj_link_flush(loop->unsent[i]);
    }
    loop->unsent_count = 0;
}

static void on_check(uv_check_t *check)
{
    struct dj_loop *loop = check->data;

    if (loop->later_count != 0)
        run_laters(loop);
    flush_links(loop);
    uv_idle_stop(&loop->idle);
    loop->turn++;
}

uint64_t dj_loop_turn(const struct dj_loop *loop)
{
    return loop->turn;
}

/* While it is active the loop does not sleep, so that what was put off comes in this turn. */
static void on_idle(uv_idle_t *idle DJ_UNUSED)
{
}

void dj_loop_later(struct dj_loop *loop, dj_loop_fn *fn, void *cookie)
{
    size_t n = loop->later_count;

    loop->laters = dj_xgrow(loop->laters, &loop->later_cap, n + 1, sizeof(*loop->laters));
    loop->laters[n] = (struct later){fn, cookie};
    loop->later_count = n + 1;
    /* While the loop is freed, dj_loop_free() runs them. */
    if (!uv_is_closing((uv_handle_t *)&loop->idle))
        uv_idle_start(&loop->idle, on_idle);
}

struct dj_loop *dj_loop_new(void)
{
    struct dj_loop *loop = dj_xcalloc(1, sizeof(*loop));

    loop->turn = 1;
    if (uv_loop_init(&loop->uv) != 0)
        abort();
    uv_check_init(&loop->uv, &loop->check);
    loop->check.data = loop;
    uv_check_start(&loop->check, on_check);
    uv_unref((uv_handle_t *)&loop->check);
    uv_idle_init(&loop->uv, &loop->idle);
    return loop;
}

void dj_loop_run(struct dj_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void dj_loop_stop(struct dj_loop *loop)
{
    uv_stop(&loop->uv);
}

static void on_link_closed(uv_handle_t *handle);

static void close_any(uv_handle_t *handle, void *cookie)
{
    struct dj_loop *loop = cookie;

    if (uv_is_closing(handle))
        return;
    if (handle == (uv_handle_t *)&loop->listener || handle == (uv_handle_t *)&loop->signals[0] ||
        handle == (uv_handle_t *)&loop->signals[1] || handle == (uv_handle_t *)&loop->check ||
        handle == (uv_handle_t *)&loop->idle)
        uv_close(handle, NULL);
    else if (handle->type == UV_NAMED_PIPE)
        dj_link_close(handle->data);
    else
        uv_close(handle, free_handle);
}

void dj_loop_free(struct dj_loop *loop)
{
    if (loop == NULL)
        return;
    do {
        uv_walk(&loop->uv, close_any, loop);
        uv_run(&loop->uv, UV_RUN_DEFAULT);
        if (loop->later_count != 0)
            run_laters(loop);
    } while (uv_loop_close(&loop->uv) == UV_EBUSY);
    free(loop->laters);
    free(loop->unsent);
    free(loop);
}

/* ---- jobs, timers, signals, processes ---- */

static void on_work(uv_work_t *uv)
{
    struct job *job = uv->data;

    job->work(job->cookie);
}

static void on_done(uv_work_t *uv, int status DJ_UNUSED)
{
    struct job *job = uv->data;

    job->done(job->cookie);
    free(job);
}

void dj_loop_job(struct dj_loop *loop, dj_loop_fn *work, dj_loop_fn *done, void *cookie)
{
    struct job *job = dj_xcalloc(1, sizeof(*job));

    job->work = work;
    job->done = done;
    job->cookie = cookie;
    job->uv.data = job;
    uv_queue_work(&loop->uv, &job->uv, on_work, on_done);
}

static void on_timer(uv_timer_t *uv)
{
    struct dj_timer *timer = uv->data;
    dj_loop_fn *fn = timer->fn;
    void *cookie = timer->cookie;

    uv_close((uv_handle_t *)uv, free_handle);
    fn(cookie);
}

struct dj_timer *dj_loop_timer(struct dj_loop *loop, uint64_t ms, dj_loop_fn *fn, void *cookie)
{
    struct dj_timer *timer = dj_xcalloc(1, sizeof(*timer));

    timer->fn = fn;
    timer->cookie = cookie;
    timer->uv.data = timer;
    uv_timer_init(&loop->uv, &timer->uv);
    uv_update_time(&loop->uv);
    uv_timer_start(&timer->uv, on_timer, ms, 0);
    return timer;
}

void dj_timer_cancel(struct dj_timer *timer)
{
    if (timer != NULL && !uv_is_closing((uv_handle_t *)&timer->uv))
        uv_close((uv_handle_t *)&timer->uv, free_handle);
}

static void on_signal(uv_signal_t *uv, int number DJ_UNUSED)
{
    struct dj_loop *loop = uv->data;

    loop->on_signal(loop->signal_cookie);
}

int dj_loop_on_signals(struct dj_loop *loop, dj_loop_fn *fn, void *cookie)
{
    static const int numbers[] = {SIGTERM, SIGINT};

    loop->on_signal = fn;
    loop->signal_cookie = cookie;
    for (size_t i = 0; i < DJ_ARRAY_SIZE(numbers); i++) {
        uv_signal_init(&loop->uv, &loop->signals[i]);
        loop->signals[i].data = loop;
        if (uv_signal_start(&loop->signals[i], on_signal, numbers[i]) != 0)
            return -EIO;
    }
    return 0;
}

static void on_exit_of(uv_process_t *uv, int64_t status DJ_UNUSED, int signal DJ_UNUSED)
{
    struct process *process = uv->data;
    dj_loop_fn *ended = process->ended;
    void *cookie = process->cookie;

    uv_close((uv_handle_t *)uv, free_handle);
    ended(cookie);
}

int dj_loop_spawn(struct dj_loop *loop, char **argv, dj_loop_fn *ended, void *cookie)
{
    struct process *process = dj_xcalloc(1, sizeof(*process));
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    uv_process_options_t options = {
        .file = argv[0],
        .args = argv,
        .flags = UV_PROCESS_DETACHED,
        .stdio = stdio,
        .stdio_count = 3,
        .exit_cb = on_exit_of,
    };
    int rc;

    process->ended = ended;
    process->cookie = cookie;
    process->uv.data = process;
    rc = uv_spawn(&loop->uv, &process->uv, &options);
    if (rc != 0)
        uv_close((uv_handle_t *)&process->uv, free_handle);
    else
        uv_unref((uv_handle_t *)&process->uv);
    return rc;
}

/* ---- links ---- */

static void on_link_closed(uv_handle_t *handle)
{
    struct dj_link *link = handle->data;

    if (link->cookie != NULL)
        link->loop->events->gone(link->cookie);
    dj_buf_release(&link->in);
    dj_buf_release(&link->out);
    free(link);
}

void dj_link_close(struct dj_link *link)
{
    struct dj_loop *loop = link->loop;

    if (link->closing)
        return;
    dj_link_flush(link);
    if (link->closing) /* it could not be sent */
        return;
    for (size_t i = 0; i < loop->unsent_count; i++) {
        if (loop->unsent[i] == link)
            loop->unsent[i] = NULL;
    }
    link->closing = true;
    uv_close((uv_handle_t *)&link->pipe, on_link_closed);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
    struct dj_link *link = handle->data;

    ret->base = (char *)dj_buf_room(&link->in, size);
    ret->len = size;
}

static void take_frames(struct dj_link *link)
{
    size_t taken = 0;

    while (!link->closing) {
        struct dj_bytes body;
        size_t used;
        int rc = dj_frame_next(dj_bytes_from(dj_buf_bytes(&link->in), taken), &body, &used);

        if (rc < 0)
            dj_link_close(link);
        if (rc <= 0)
            break;
        link->loop->events->frame(link->cookie, body);
        taken += used;
    }
    dj_buf_consume(&link->in, taken);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf DJ_UNUSED)
{
    struct dj_link *link = stream->data;

    if (n < 0) {
        dj_link_close(link);
        return;
    }
    link->in.len += (size_t)n;
    link->in.data[link->in.len] = '\0';
    link->loop->turn++;
    take_frames(link);
}

static void on_written(uv_write_t *uv, int status)
{
    if (status != 0 && uv->handle != NULL && !uv_is_closing((uv_handle_t *)uv->handle))
        dj_link_close(uv->handle->data);
    free(uv->data);
}

static void send_now(struct dj_link *link, struct dj_bytes bytes)
{
    uv_buf_t whole = uv_buf_init((char *)(uintptr_t)bytes.data, (unsigned)bytes.len);
    size_t sent = 0;
    struct sending *sending;
    uv_buf_t rest;
    int rc;

    /* Most answers fit into the socket: no copy then. */
    rc = uv_try_write((uv_stream_t *)&link->pipe, &whole, 1);
    if (rc > 0)
        sent = (size_t)rc;
    if (sent == bytes.len)
        return;
    sending = dj_xmalloc(sizeof(*sending) + bytes.len - sent);
    memcpy(sending->data, bytes.data + sent, bytes.len - sent);
    sending->uv.data = sending;
    rest = uv_buf_init((char *)sending->data, (unsigned)(bytes.len - sent));
    if (uv_write(&sending->uv, (uv_stream_t *)&link->pipe, &rest, 1, on_written) != 0) {
        free(sending);
        dj_link_close(link);
    }
}

void dj_link_flush(struct dj_link *link)
{
    struct dj_buf out = link->out;

    if (link->closing || out.len == 0)
        return;
    link->out = (struct dj_buf)DJ_BUF_INIT;
    send_now(link, dj_buf_bytes(&out));
    dj_buf_clear(&out);
    dj_buf_release(&link->out);
    link->out = out;
}

void dj_link_send(struct dj_link *link, struct dj_bytes frame)
{
    struct dj_loop *loop = link->loop;

    if (link->closing)
        return;
    if (frame.len + link->out.len > GATHER_MAX) {
        dj_link_flush(link);
        if (!link->closing)
            send_now(link, frame);
        return;
    }
    if (link->out.len == 0) {
        loop->unsent = dj_xgrow(loop->unsent, &loop->unsent_cap, loop->unsent_count + 1,
                                sizeof(struct dj_link *));
        loop->unsent[loop->unsent_count++] = link;
        uv_idle_start(&loop->idle, on_idle);
    }
    dj_buf_add_bytes(&link->out, frame);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct dj_loop *loop = listener->data;
    struct dj_link *link;
    struct ucred ucred;
    socklen_t size = sizeof(ucred);
    struct dj_peer_credentials credentials;
    uv_os_fd_t fd;

    if (status != 0)
        return;
    link = dj_xcalloc(1, sizeof(*link));
    link->loop = loop;
    uv_pipe_init(&loop->uv, &link->pipe, 0);
    link->pipe.data = link;
    if (uv_accept(listener, (uv_stream_t *)&link->pipe) != 0 ||
        uv_fileno((uv_handle_t *)&link->pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &size) < 0) {
        dj_link_close(link);
        return;
    }
    credentials = (struct dj_peer_credentials){ucred.uid, ucred.gid, ucred.pid};
    link->cookie = loop->accepted(loop->accept_cookie, link, &credentials);
    if (link->cookie == NULL)
        dj_link_close(link);
    else
        uv_read_start((uv_stream_t *)&link->pipe, on_alloc, on_read);
}

/* Somebody may have died and left its socket behind: only one that answers is in use. */
static bool answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected;

    if (fd < 0)
        return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return connected;
}

int dj_loop_listen(struct dj_loop *loop, const char *path, const struct dj_link_events *events,
                   dj_accept_fn *accepted, void *cookie, struct dj_err *err)
{
    struct stat st;
    mode_t mask;
    int rc;

    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return dj_err_set(err, ENAMETOOLONG, "the socket's path %s is too long", path);
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return dj_err_set(err, EEXIST, "%s is there and is no socket, so it is left alone; name "
                          "another path for the socket", path);
    if (answers(path))
        return dj_err_set(err, EADDRINUSE, "another program listens at %s", path);
    unlink(path);
    loop->events = events;
    loop->accepted = accepted;
    loop->accept_cookie = cookie;
    uv_pipe_init(&loop->uv, &loop->listener, 0);
    loop->listener.data = loop;
    mask = umask(0177);
    rc = uv_pipe_bind(&loop->listener, path);
    umask(mask);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&loop->listener, 512, on_connection);
    if (rc != 0)
        return dj_err_sys(err, -rc, "cannot listen at %s", path);
    loop->listening = true;
    return 0;
}

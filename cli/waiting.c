/* A request waited for, with its log and a bar shown meanwhile, until a signal or the time.
 * (command.h) */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress_bar.h"
#include "lib/util/clock.h"

enum { FOLLOW_MS = 100 };

static int signal_fd = -1, timer_fd = -1, either_fd = -1, interrupted;
static sigset_t before;

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    epoll_ctl(either_fd, EPOLL_CTL_ADD, fd, &event);
}

/* Of a command that waits for many, one after the other, only the first time makes something. */
int dj_interruptible(struct dj_cli *cli, uint64_t timeout_ms)
{
    struct itimerspec when = {.it_value = {(time_t)(timeout_ms / 1000),
                                           (long)(timeout_ms % 1000 * 1000000)}};
    bool first = either_fd < 0;
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, first ? &before : NULL);
    if (first) {
        either_fd = epoll_create1(EPOLL_CLOEXEC);
        signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        watch(signal_fd);
    }
    if (timeout_ms != 0 && timer_fd < 0) {
        timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        watch(timer_fd);
    }
    if (timer_fd >= 0)
        timerfd_settime(timer_fd, 0, &when, NULL);
    (void)dj_set_cancel_fd(cli->dj, either_fd);
    return either_fd;
}

int dj_interrupt_code(void)
{
    struct signalfd_siginfo info;
    uint64_t expirations;

    if (interrupted != 0)
        return interrupted;
    if (signal_fd >= 0 && read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        interrupted = DJ_EX_INTERRUPTED;
    else if (timer_fd >= 0 && read(timer_fd, &expirations, sizeof(expirations)) > 0)
        interrupted = DJ_EX_TIMEOUT;
    return interrupted;
}

struct waiting {
    struct dj_cli *cli;
    struct dj_request *request;
    struct dj_request *log; /* asked for and not there yet, or NULL */
    struct dj_shown *shown; /* NULL: the log is not shown, */
    struct dj_bar *bar;     /* nor how far it is */
};

/* What is to come may be long, and is ended by a signal as any program's output is. */
static void signals_as_before(void)
{
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* What it says of itself; else the time that the last one took. */
static void show_progress(struct dj_bar *bar, const struct dj_request *log)
{
    uint64_t done, total, took_ns, usual_ns;
    const char *status;
    bool by_time;

    if (dj_request_progress(log, &status, &done, &total, &took_ns, &usual_ns) < 0)
        return;
    by_time = total == 0 && took_ns < usual_ns && usual_ns >= 2 * DJ_NS_PER_S;
    dj_bar_what(bar, by_time ? "running, usual seconds" : status);
    if (by_time)
        dj_bar_set(bar, took_ns / DJ_NS_PER_S, usual_ns / DJ_NS_PER_S);
    else
        dj_bar_set(bar, done, total);
}

static void show_log(struct waiting *waiting)
{
    const void *bytes;
    size_t len;

    if (dj_request_is_over(waiting->request) ||
        dj_request_bytes(waiting->log, &bytes, &len) < 0)
        return;
    show_progress(waiting->bar, waiting->log);
    if (len == 0)
        return;
    dj_bar_hide(waiting->bar);
    dj_show_log(waiting->shown, dj_bytes(bytes, len));
    dj_bar_show(waiting->bar, waiting->shown->in_line);
}

static void ask_log(struct waiting *waiting)
{
    waiting->log = dj_request_follow(waiting->request, waiting->shown->bytes);
    (void)dj_submit(waiting->log);
}

/* The answer says what becomes of the run; who does not want to hear it ends us at once. */
static void interrupt(struct waiting *waiting)
{
    (void)dj_interrupt_code();
    dj_bar_endp(&waiting->bar); /* the next signal ends us with what stands on the terminal */
    (void)dj_cancel(waiting->request);
    signals_as_before();
}

/* What is over comes out in the order in which it was answered: the log before its result. */
static void take(struct waiting *waiting)
{
    struct dj_request *over;

    while ((over = dj_next(waiting->cli->dj, 0)) != NULL) {
        if (over != waiting->log)
            continue;
        show_log(waiting);
        dj_request_free(waiting->log);
        waiting->log = NULL;
    }
}

static int step(struct waiting *waiting, int cancel_fd)
{
    struct dj *dj = waiting->cli->dj;
    struct pollfd polled[2] = {
        {.fd = dj_fd(dj), .events = dj_events(dj)},
        {.fd = interrupted != 0 ? -1 : cancel_fd, .events = POLLIN},
    };
    bool wants_log = waiting->shown != NULL && waiting->log == NULL && interrupted == 0;
    int n = poll(polled, DJ_ARRAY_SIZE(polled), wants_log ? FOLLOW_MS : -1);

    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    if (n == 0)
        ask_log(waiting);
    if (polled[1].revents != 0)
        interrupt(waiting);
    take(waiting);
    return 0;
}

int dj_wait_for(struct dj_cli *cli, struct dj_request *request, uint64_t timeout_ms,
                struct dj_shown *shown, struct dj_err *err)
{
    struct waiting waiting = {.cli = cli, .request = request, .shown = shown};
    int cancel_fd = dj_interruptible(cli, timeout_ms), rc;

    if (shown != NULL)
        waiting.bar = dj_bar_begin(cli, "waiting", 0);
    rc = dj_said(cli, dj_submit(request), err);
    while (rc == 0 && !dj_request_is_over(request))
        rc = step(&waiting, cancel_fd);
    dj_request_free(waiting.log);
    dj_bar_endp(&waiting.bar);
    (void)dj_interrupt_code();
    signals_as_before();
    (void)dj_set_cancel_fd(cli->dj, -1);
    if (rc == 0 && dj_request_code(request) < 0)
        rc = dj_err_set(err, -dj_request_code(request), "%s", dj_request_error(request));
    return rc;
}

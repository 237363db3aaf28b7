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
#include "lib/client/environment.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"

enum { FOLLOW_MS = 100, TRIES = 3 };

static int signal_fd = -1, timer_fd = -1, interrupted;
static sigset_t before;

int dj_interruptible(struct dj_cli *cli, uint64_t timeout_ms)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct itimerspec when = {.it_value = {(time_t)(timeout_ms / 1000),
                                           (long)(timeout_ms % 1000 * 1000000)}};
    sigset_t signals;
    int fd = epoll_create1(EPOLL_CLOEXEC);

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &before);
    signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    epoll_ctl(fd, EPOLL_CTL_ADD, signal_fd, &event);
    if (timeout_ms != 0) {
        timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        timerfd_settime(timer_fd, 0, &when, NULL);
        epoll_ctl(fd, EPOLL_CTL_ADD, timer_fd, &event);
    }
    dj_connection_cancel_fd(cli->connection, fd);
    return fd;
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
    struct dj_connection *connection;
    struct dj_shown *shown; /* NULL: the log is not shown, */
    struct dj_bar *bar;     /* nor how far it is */
    enum dj_message number;
    const void *fields;
    struct dj_list *env;
    int tries;              /* at giving what the daemon wants of the environment */
    uint64_t request;
    bool asked_log;         /* and not answered yet */
    bool answered;
    dj_answer_fn *answer;
    void *cookie;
};

/* What is to come may be long, and is ended by a signal as any program's output is. */
static void signals_as_before(void)
{
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void on_answer(void *cookie, const struct dj_message_in *message);

static void ask(struct waiting *waiting)
{
    waiting->request = dj_connection_ask(waiting->connection, waiting->number, waiting->fields,
                                         on_answer, waiting);
}

static void on_answer(void *cookie, const struct dj_message_in *message)
{
    struct waiting *waiting = cookie;

    if (message->number == DJ_MSG_WANTS && interrupted == 0 && waiting->tries++ < TRIES) {
        dj_environment_own(message->fields, waiting->env);
        ask(waiting);
        return;
    }
    waiting->answered = true;
    dj_bar_endp(&waiting->bar);
    (void)dj_interrupt_code();
    signals_as_before();
    waiting->answer(waiting->cookie, message);
}

/* What it says of itself; else the time that the last one took. */
static void show_progress(struct dj_bar *bar, const struct dj_msg_followed *followed)
{
    bool by_time = followed->total == 0 && followed->took_ns < followed->usual_ns &&
                   followed->usual_ns >= 2 * DJ_NS_PER_S;

    dj_bar_what(bar, by_time ? "running, usual seconds" : followed->status);
    if (by_time)
        dj_bar_set(bar, followed->took_ns / DJ_NS_PER_S, followed->usual_ns / DJ_NS_PER_S);
    else
        dj_bar_set(bar, followed->done, followed->total);
}

static void on_log(void *cookie, const struct dj_message_in *message)
{
    struct waiting *waiting = cookie;
    const struct dj_msg_followed *followed = message->fields;

    waiting->asked_log = false;
    if (message->number != DJ_MSG_FOLLOWED || waiting->answered)
        return;
    show_progress(waiting->bar, followed);
    if (followed->log.len == 0)
        return;
    dj_bar_hide(waiting->bar);
    dj_show_log(waiting->shown, dj_buf_bytes(&followed->log));
    dj_bar_show(waiting->bar, waiting->shown->in_line);
}

static void ask_log(struct waiting *waiting)
{
    struct dj_msg_follow follow = {waiting->request, waiting->shown->bytes};

    waiting->asked_log = true;
    dj_connection_ask(waiting->connection, DJ_MSG_FOLLOW, &follow, on_log, waiting);
}

/* The answer says what becomes of the run; who does not want to hear it ends us at once. */
static void interrupt(struct waiting *waiting)
{
    (void)dj_interrupt_code();
    dj_bar_endp(&waiting->bar); /* the next signal ends us with what stands on the terminal */
    dj_connection_cancel(waiting->connection, waiting->request);
    signals_as_before();
}

static int step(struct waiting *waiting, int cancel_fd)
{
    struct pollfd polled[2] = {
        {.fd = dj_connection_fd(waiting->connection),
         .events = dj_connection_events(waiting->connection)},
        {.fd = interrupted != 0 ? -1 : cancel_fd, .events = POLLIN},
    };
    bool wants_log = waiting->shown != NULL && !waiting->asked_log && interrupted == 0;
    int n = poll(polled, DJ_ARRAY_SIZE(polled), wants_log ? FOLLOW_MS : -1);

    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    if (n == 0)
        ask_log(waiting);
    if (polled[1].revents != 0)
        interrupt(waiting);
    return polled[0].revents == 0 ? 0
                                  : dj_connection_handle(waiting->connection, polled[0].revents);
}

int dj_wait_for(struct dj_cli *cli, enum dj_message number, const void *fields,
                struct dj_list *env, uint64_t timeout_ms, struct dj_shown *shown,
                dj_answer_fn *answer, void *cookie)
{
    struct waiting waiting = {.connection = cli->connection, .shown = shown, .number = number,
                              .fields = fields, .env = env, .answer = answer, .cookie = cookie};
    int cancel_fd = dj_interruptible(cli, timeout_ms), rc = 0;

    if (shown != NULL)
        waiting.bar = dj_bar_begin(cli, "waiting", 0);
    ask(&waiting);
    while (rc == 0 && !waiting.answered)
        rc = step(&waiting, cancel_fd);
    /* A connection that ended still has to answer: with ENOTCONN, and so it does when it goes. */
    dj_connection_free(cli->connection);
    cli->connection = NULL;
    dj_bar_end(waiting.bar);
    dj_close(cancel_fd);
    return waiting.answered ? 0 : rc;
}

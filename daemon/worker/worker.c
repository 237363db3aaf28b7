#include "daemon/worker/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/worker/cgroup.h"
#include "daemon/worker/reaper.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

#define PAUSE_MIN_NS (10 * DJ_NS_PER_MS)
#define PAUSE_MAX_NS (1 * DJ_NS_PER_S)
#define LOCK_ROUNDS 100

/* What epoll gives back for our own descriptors; anything else is a slot. */
static char of_signals, of_connection;

static size_t count_running(const struct dj_worker *worker)
{
    size_t n = 0;

    for (size_t i = 0; i < worker->slots_n; i++)
        n += worker->slots[i] != NULL && worker->slots[i]->state == DJ_SLOT_RUNNING;
    return n;
}

void dj_worker_end(struct dj_worker *worker, int status, const char *format, ...)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    va_list args;

    va_start(args, format);
    dj_buf_addv(&text, format, args);
    va_end(args);
    if (count_running(worker) > 0)
        dj_buf_addf(&text, "; runs that go on: %zu", count_running(worker));
    dj_log(status == DJ_WORKER_FAILED ? DJ_LOG_ERROR : DJ_LOG_INFO, "%s", dj_buf_str(&text));
    worker->over = true;
    worker->status = status;
}

struct dj_slot *dj_worker_slot(struct dj_worker *worker, uint32_t number)
{
    if (number >= worker->slots_n) {
        worker->slots = dj_xgrow(worker->slots, &worker->slots_cap, number + 1,
                                 sizeof(*worker->slots));
        while (worker->slots_n <= number)
            worker->slots[worker->slots_n++] = NULL;
    }
    if (worker->slots[number] == NULL)
        worker->slots[number] = dj_slot_new(number);
    return worker->slots[number];
}

/* ---- the connection ---------------------------------------------------------------------- */

static bool folder_is_gone(const struct dj_worker *worker)
{
    struct stat st;

    return fstat(worker->work.dir, &st) < 0 || st.st_nlink == 0;
}

static void daemon_is_away(struct dj_worker *worker)
{
    /* It may have told us to end before it did, and what we told it then broke the connection. */
    (void)!dj_connection_handle(worker->connection, POLLIN);
    /* Closing it is not enough: a reaper that has just been forked may still have a copy. */
    epoll_ctl(worker->epoll, EPOLL_CTL_DEL, dj_connection_fd(worker->connection), NULL);
    dj_connection_free(worker->connection);
    worker->connection = NULL;
    worker->broken = false;
    worker->away_since_ns = dj_clock_mono_ns();
    worker->pause_ns = PAUSE_MIN_NS;
    worker->retry_ns = worker->away_since_ns + worker->pause_ns;
    dj_runs_forget_hosts(worker);
    if (folder_is_gone(worker))
        dj_worker_end(worker, DJ_WORKER_DONE, "%s is gone", worker->place);
    else
        dj_log_info("the daemon is away");
}

/* A descriptor that cannot be had, a daemon that is just starting: later it may work. */
static bool may_pass(int rc)
{
    return rc == -ENOTCONN || rc == -ECONNRESET || rc == -EPIPE || rc == -EAGAIN ||
           rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM;
}

/* While we wait for WELCOME nobody reads the signalfd: these signals end us as they always do. */
static int open_connection(struct dj_worker *worker, struct dj_err *err)
{
    struct dj_greeting greeting = {.role = DJ_ROLE_WORKER, .program = "djw " PACKAGE_VERSION,
                                   .place = worker->place};
    sigset_t set, old;
    int rc;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_UNBLOCK, &set, &old);
    rc = dj_connection_open(worker->options.socket, &greeting, &worker->connection, err);
    sigprocmask(SIG_SETMASK, &old, NULL);
    worker->dismissed = worker->dismissed && rc < 0;
    return rc;
}

static void watch_connection(struct dj_worker *worker)
{
    struct epoll_event event = {.data.ptr = &of_connection};

    worker->polled = dj_connection_events(worker->connection);
    event.events = (uint32_t)worker->polled; /* poll's and epoll's bits are the same */
    if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, dj_connection_fd(worker->connection), &event) < 0)
        dj_worker_end(worker, DJ_WORKER_FAILED, "cannot watch the connection");
    dj_connection_on_message(worker->connection, dj_orders_message, worker);
    dj_tell_running(worker);
    /* Orders may have come with WELCOME and lie in the connection's buffer already. */
    if (dj_connection_handle(worker->connection, 0) < 0)
        worker->broken = true;
}

static void try_to_connect(struct dj_worker *worker)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    uint64_t now = dj_clock_mono_ns();
    int rc;

    if (now < worker->retry_ns)
        return;
    if (folder_is_gone(worker)) {
        dj_worker_end(worker, DJ_WORKER_DONE, "%s is gone", worker->place);
        return;
    }
    rc = open_connection(worker, &err);
    if (rc == 0) {
        watch_connection(worker);
    } else if (!may_pass(rc)) {
        dj_worker_end(worker, DJ_WORKER_FAILED, "%s", dj_err_text(&err, rc));
    } else if (worker->in_use == 0 && now - worker->away_since_ns >= worker->options.away_ns) {
        dj_worker_end(worker, DJ_WORKER_NO_DAEMON, "%s", dj_err_text(&err, rc));
    } else {
        worker->retry_ns = now + worker->pause_ns;
        worker->pause_ns = DJ_MIN(worker->pause_ns * 2, PAUSE_MAX_NS);
    }
}

static void poll_as_wanted(struct dj_worker *worker)
{
    struct epoll_event event = {.data.ptr = &of_connection};
    short wanted = dj_connection_events(worker->connection);

    if (wanted == worker->polled)
        return;
    worker->polled = wanted;
    event.events = (uint32_t)wanted;
    epoll_ctl(worker->epoll, EPOLL_CTL_MOD, dj_connection_fd(worker->connection), &event);
}

/* ---- the loop ---------------------------------------------------------------------------- */

static void on_signal(struct dj_worker *worker)
{
    struct signalfd_siginfo info[8];
    ssize_t n = read(worker->signals, info, sizeof(info));
    bool children = false;

    for (ssize_t i = 0; i < n / (ssize_t)sizeof(info[0]); i++) {
        if (info[i].ssi_signo == SIGCHLD)
            children = true;
        else
            dj_worker_end(worker, DJ_WORKER_DONE, "ended by signal %" PRIu32, info[i].ssi_signo);
    }
    if (children)
        dj_runs_reap(worker);
}

/* Milliseconds for epoll_wait: -1 unless the daemon is away or a task is about to begin. */
static int patience(const struct dj_worker *worker)
{
    uint64_t now, ms = UINT64_MAX;

    if (worker->connection != NULL && worker->fresh == NULL)
        return -1;
    now = dj_clock_mono_ns();
    if (worker->connection == NULL)
        ms = worker->retry_ns > now ? (worker->retry_ns - now) / DJ_NS_PER_MS + 1 : 0;
    else
        ms = DJ_MAX(2, DJ_MIN(100, (now - worker->fresh_ns) / DJ_NS_PER_MS / 4));
    return (int)ms;
}

static void handle_event(struct dj_worker *worker, const struct epoll_event *event)
{
    if (event->data.ptr == &of_signals) {
        on_signal(worker);
    } else if (event->data.ptr == &of_connection) {
        if (worker->connection != NULL &&
            dj_connection_handle(worker->connection, (short)event->events) < 0)
            worker->broken = true;
    } else {
        struct dj_slot *slot = event->data.ptr;

        if (slot->line >= 0)
            dj_run_reported(worker, slot);
        else if (slot->pidfd >= 0)
            dj_run_gone(worker, slot);
    }
}

static void loop(struct dj_worker *worker)
{
    struct epoll_event events[16];

    while (!worker->over) {
        int n;

        if (worker->broken)
            daemon_is_away(worker);
        if (!worker->over && worker->connection == NULL)
            try_to_connect(worker);
        if (worker->over)
            return;
        if (worker->connection != NULL)
            poll_as_wanted(worker);
        n = epoll_wait(worker->epoll, events, DJ_ARRAY_SIZE(events), patience(worker));
        for (int i = 0; i < n; i++)
            handle_event(worker, &events[i]);
        if (worker->connection != NULL)
            dj_tell_started(worker);
    }
}

/* ---- set-up ------------------------------------------------------------------------------ */

/* What our parent ignored or blocked is nothing for tasks, and SIGPIPE nothing for us. */
static int take_signals(struct dj_err *err)
{
    sigset_t set;
    int fd;

    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return dj_err_sys(err, errno, "signalfd");
    /* A reaper that has just been forked gets its first order while it still has our mask. */
    sigaddset(&set, DJ_REAPER_END);
    sigprocmask(SIG_SETMASK, &set, NULL);
    return fd;
}

/* A reaper that has just been forked still holds the lock of its worker; it lets go at once. */
static int take_lock(struct dj_worker *worker, struct dj_err *err)
{
    struct timespec pause = {.tv_nsec = 5 * (long)DJ_NS_PER_MS};

    worker->lock = dj_open(worker->work.dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (worker->lock < 0)
        return dj_err_sys(err, -worker->lock, "%s/lock", worker->place);
    for (int i = 0; i < LOCK_ROUNDS; i++) {
        if (flock(worker->lock, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK)
            return dj_err_sys(err, errno, "%s/lock", worker->place);
        nanosleep(&pause, NULL);
    }
    return dj_err_set(err, EWOULDBLOCK, "another worker uses %s", worker->place);
}

static int open_folder(struct dj_worker *worker, struct dj_err *err)
{
    struct stat st;
    int rc = dj_mkdir_p(worker->options.place, 0700);

    if (rc < 0)
        return dj_err_sys(err, -rc, "cannot make %s", worker->options.place);
    worker->work.dir = dj_open(AT_FDCWD, worker->options.place, O_RDONLY | O_DIRECTORY, 0);
    if (worker->work.dir < 0)
        return dj_err_sys(err, -worker->work.dir, "%s", worker->options.place);
    if (fstat(worker->work.dir, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return dj_err_set(err, EPERM, "%s must be yours and only you may enter it (chmod 700)",
                          worker->options.place);
    /* As it was named, so that the daemon sees its own name of it. */
    worker->place = worker->options.place[0] == '/' ? dj_xstrdup(worker->options.place)
                                                    : realpath(worker->options.place, NULL);
    if (worker->place == NULL)
        return dj_err_sys(err, errno, "%s", worker->options.place);
    return 0;
}

static int set_up(struct dj_worker *worker, struct dj_err *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &of_signals};
    int rc = open_folder(worker, err);

    rc = rc < 0 ? rc : take_lock(worker, err);
    rc = rc < 0 ? rc : dj_sessions_map(worker->work.dir, &worker->sessions, err);
    if (rc < 0)
        return rc;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return dj_err_sys(err, errno, "prctl");
    worker->signals = take_signals(err);
    if (worker->signals < 0)
        return worker->signals;
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (worker->epoll < 0 ||
        epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->signals, &event) < 0)
        return dj_err_sys(err, errno, "epoll");
    worker->away_since_ns = dj_clock_mono_ns();
    worker->pause_ns = PAUSE_MIN_NS;
    if (!dj_cgroup_find(worker->work.dir, &worker->cgroup))
        dj_buf_clear(&worker->cgroup);
    return dj_runs_adopt(worker, err);
}

static void release(struct dj_worker *worker)
{
    struct dj_slot *slot, *next;

    dj_connection_free(worker->connection);
    HASH_ITER(hh, worker->by_reaper, slot, next) {
        if (slot->state == DJ_SLOT_RUNNING)
            HASH_DEL(worker->by_reaper, slot);
        else
            dj_reaper_await(worker, slot);
    }
    for (size_t i = 0; i < worker->slots_n; i++)
        dj_slot_free(worker->slots[i]);
    free(worker->slots);
    free(worker->place);
    dj_buf_release(&worker->cgroup);
}

int dj_worker_main(const struct dj_worker_options *options)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_worker worker = {.options = *options};
    int rc;

    umask(022);
    rc = set_up(&worker, &err);
    if (rc == 0)
        loop(&worker);
    else
        dj_log_error("%s", dj_err_text(&err, rc));
    release(&worker);
    if (rc == 0)
        return worker.status;
    return rc == -EWOULDBLOCK ? DJ_WORKER_BUSY : DJ_WORKER_FAILED;
}

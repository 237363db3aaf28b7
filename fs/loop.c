#include "fs/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/clock.h"
#include "fs/mount.h"
#include "fs/slice.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

#define END_MAX_MS 2000

enum { SIGNALS, WOKEN, DAEMON, PLACES = DAEMON + DJ_BACKEND_PLACES };

enum leaving { STAYING, ASKED_PLAINLY, ASKED_LAZILY, LEFT };

struct loop {
    struct dj_fs *fs;
    pthread_mutex_t mutex; /* held by the thread that is inside of fs */
    pthread_t reader;
    atomic_bool stop;      /* the reader has to end */
    bool over;             /* it has nothing to read any more */
    int64_t due_ms;        /* the other thread waits no longer than that */
    int woken;             /* an eventfd: look again at what to wait for */
    struct pollfd places[PLACES];
    enum leaving leaving;
    pid_t child;
};

int dj_loop_signals(struct dj_err *err)
{
    sigset_t signals;
    int fd;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? dj_err_sys(err, errno, "cannot make a descriptor for signals") : fd;
}

/* ---- leaving ----------------------------------------------------------------------------- */

static void leave(struct loop *loop, enum leaving how)
{
    loop->leaving = how;
    if (how == LEFT)
        return;
    loop->child = dj_mount_detach(loop->fs->mount, how == ASKED_LAZILY);
    if (loop->child > 0)
        return;
    /* No fusermount3: root can do without, and lazily it needs no answers of ours. */
    if (umount2(loop->fs->mount, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
        dj_log_warning("cannot unmount %s", loop->fs->mount);
    loop->leaving = LEFT;
}

static void on_child(struct loop *loop)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != loop->child)
            continue;
        if (loop->leaving == ASKED_PLAINLY && status != 0)
            leave(loop, ASKED_LAZILY);
        else if (loop->leaving == ASKED_LAZILY)
            leave(loop, LEFT);
        /* else the kernel says that it is gone */
    }
}

static void on_signal(struct loop *loop)
{
    struct signalfd_siginfo info;

    while (read(loop->places[SIGNALS].fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            on_child(loop);
        else if (loop->leaving == STAYING)
            leave(loop, ASKED_PLAINLY);
    }
}

/* ---- requests of the kernel -------------------------------------------------------------- */

static void wake(struct loop *loop)
{
    (void)!write(loop->woken, &(uint64_t){1}, sizeof(uint64_t));
}

static int64_t due(const struct dj_fs *fs)
{
    int64_t when_ms = dj_backend_due_ms(&fs->backend);

    if (fs->pendings.interrupted != NULL)
        when_ms = DJ_MIN(when_ms, dj_now_ms() + DJ_PENDING_CHECK_MS);
    if (!dj_backend_up(&fs->backend) && fs->pendings.all != NULL)
        when_ms = DJ_MIN(when_ms, dj_backend_gives_up_ms(&fs->backend));
    return when_ms;
}

/* What the other thread waits for has changed by a request. */
static bool must_wake(const struct loop *loop)
{
    struct pollfd places[DJ_BACKEND_PLACES];

    dj_backend_poll(&loop->fs->backend, places);
    for (size_t i = 0; i < DJ_BACKEND_PLACES; i++) {
        const struct pollfd *now = &loop->places[DAEMON + i];

        if (places[i].fd >= 0 &&
            (places[i].fd != now->fd || (places[i].events & ~now->events) != 0))
            return true;
    }
    return due(loop->fs) < loop->due_ms;
}

static void handle_request(struct loop *loop, struct fuse_buf *buf)
{
    bool wakes;

    pthread_mutex_lock(&loop->mutex);
    fuse_session_process_buf(loop->fs->session, buf);
    dj_fs_flush_forgotten(loop->fs);
    wakes = must_wake(loop);
    pthread_mutex_unlock(&loop->mutex);
    if (wakes)
        wake(loop);
}

static void *read_requests(void *cookie)
{
    struct loop *loop = cookie;
    struct fuse_session *session = loop->fs->session;
    struct fuse_buf buf = {0};
    int n = -EINTR;

    while ((n > 0 || n == -EINTR) && !loop->stop && !fuse_session_exited(session)) {
        n = fuse_session_receive_buf(session, &buf);
        if (n > 0)
            handle_request(loop, &buf);
    }
    free(buf.mem);
    pthread_mutex_lock(&loop->mutex);
    if (n < 0 && !loop->stop) {
        dj_log_error("cannot read from /dev/fuse: %s", dj_err_text(NULL, n));
        loop->fs->broken = true;
    }
    loop->over = true;
    pthread_mutex_unlock(&loop->mutex);
    wake(loop);
    return NULL;
}

static void on_stop(int number)
{
    (void)number;
}

/* It takes no other signal than the one that ends its read. */
static int reader_start(struct loop *loop)
{
    sigset_t others, before;
    int code;

    sigfillset(&others);
    sigdelset(&others, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &others, &before);
    code = pthread_create(&loop->reader, NULL, read_requests, loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -code;
}

/* A read that waits is ended by the signal, and one that is about to begin does not wait. */
static void reader_stop(struct loop *loop)
{
    struct sigaction action = {.sa_handler = on_stop};
    int fd = fuse_session_fd(loop->fs->session);

    loop->stop = true;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    sigaction(SIGUSR1, &action, NULL);
    pthread_kill(loop->reader, SIGUSR1);
    pthread_join(loop->reader, NULL);
}

/* ---- one turn of the rest ---------------------------------------------------------------- */

static void give_up_when_due(struct dj_fs *fs, int64_t now_ms)
{
    if (fs->pendings.all != NULL && dj_backend_given_up(&fs->backend, now_ms))
        dj_pendings_give_up(&fs->pendings);
}

static void wait_for_any(struct loop *loop)
{
    struct dj_fs *fs = loop->fs;
    int ms = -1;

    loop->due_ms = due(fs);
    if (loop->due_ms != INT64_MAX)
        ms = (int)DJ_MIN(DJ_MAX(loop->due_ms - dj_now_ms(), 0), 60000);
    dj_backend_poll(&fs->backend, &loop->places[DAEMON]);
    pthread_mutex_unlock(&loop->mutex);
    if (poll(loop->places, PLACES, ms) < 0 && errno != EINTR)
        dj_log_error("poll failed: %s", dj_err_text(NULL, -errno));
    pthread_mutex_lock(&loop->mutex);
}

static void turn(struct loop *loop)
{
    struct dj_fs *fs = loop->fs;
    uint64_t times;

    wait_for_any(loop);
    if (loop->places[SIGNALS].revents != 0)
        on_signal(loop);
    if (loop->places[WOKEN].revents != 0)
        (void)!read(loop->woken, &times, sizeof(times));
    dj_backend_handle(&fs->backend, &loop->places[DAEMON]);
    if (fs->pendings.interrupted != NULL)
        dj_pendings_check(&fs->pendings, dj_now_ms());
    if (!dj_backend_up(&fs->backend)) {
        int64_t now_ms = dj_now_ms();

        dj_backend_tick(&fs->backend, now_ms);
        give_up_when_due(fs, now_ms);
    }
    dj_fs_flush_forgotten(fs);
}

/* The reader answers ENOTCONN meanwhile: the notifier may wait for a lock that needs an answer. */
static void end(struct loop *loop)
{
    struct dj_fs *fs = loop->fs;
    int64_t end_ms = dj_now_ms() + END_MAX_MS;

    dj_notifier_stop(&fs->notifier);
    dj_backend_end(&fs->backend);
    dj_pendings_abort(&fs->pendings);
    pthread_mutex_unlock(&loop->mutex);
    while (!dj_notifier_joined(&fs->notifier) && dj_now_ms() < end_ms)
        (void)poll(NULL, 0, 5);
    reader_stop(loop);
}

int dj_loop_run(struct dj_fs *fs, int signal_fd, struct dj_err *err)
{
    struct loop loop = {.fs = fs, .mutex = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP};
    int code;

    loop.woken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop.woken < 0)
        return dj_err_sys(err, errno, "cannot make a descriptor to be woken by");
    loop.places[SIGNALS] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
    loop.places[WOKEN] = (struct pollfd){.fd = loop.woken, .events = POLLIN};
    dj_slice_shorten();
    pthread_mutex_lock(&loop.mutex);
    code = reader_start(&loop);
    if (code == 0) {
        while (!loop.over && loop.leaving != LEFT)
            turn(&loop);
        end(&loop);
    }
    close(loop.woken);
    return code < 0 ? dj_err_sys(err, -code, "cannot start a thread") : 0;
}

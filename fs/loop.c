#include "fs/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/clock.h"
#include "fs/mount.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

#define REQUESTS_A_TURN 64
#define TURNS_ALONE 16
#define END_MAX_MS 2000

enum { FUSE, DAEMON, TRIED, SIGNALS, PLACES };

enum leaving { STAYING, ASKED_PLAINLY, ASKED_LAZILY, LEFT };

struct loop {
    struct dj_fs *fs;
    struct fuse_buf buf;
    struct pollfd places[PLACES];
    enum leaving leaving;
    pid_t child;
    int alone; /* turns to come that take one request */
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

/* ---- one turn ---------------------------------------------------------------------------- */

/*
 * All that are there; but after a turn that found a single one, the next turns do not look for a
 * second: who asks mostly waits for the answer, and a look in vain is one more system call.
 */
static void take_requests(struct loop *loop)
{
    struct fuse_session *session = loop->fs->session;
    int most = loop->alone > 0 ? 1 : REQUESTS_A_TURN;

    loop->alone -= loop->alone > 0;
    for (int i = 0; i < most && !fuse_session_exited(session); i++) {
        int n = fuse_session_receive_buf(session, &loop->buf);

        if (n == -EINTR)
            continue;
        if (n == -EAGAIN && i == 1)
            loop->alone = TURNS_ALONE;
        if (n <= 0) {
            if (n < 0 && n != -EAGAIN) {
                dj_log_error("cannot read from /dev/fuse: %s", dj_err_text(NULL, n));
                loop->fs->broken = true;
                fuse_session_exit(session);
            }
            return;
        }
        fuse_session_process_buf(session, &loop->buf);
    }
}

static void give_up_when_due(struct dj_fs *fs, int64_t now_ms)
{
    if (fs->gave_up || !dj_backend_given_up(&fs->backend, now_ms))
        return;
    fs->gave_up = true;
    dj_pendings_give_up(&fs->pendings);
}

static int timeout(const struct dj_fs *fs, int64_t now_ms)
{
    int64_t due = dj_backend_due_ms(&fs->backend);

    if (fs->pendings.interrupted != NULL)
        due = DJ_MIN(due, now_ms + DJ_PENDING_CHECK_MS);
    if (!dj_backend_up(&fs->backend) && !fs->gave_up)
        due = DJ_MIN(due, fs->backend.away_since_ms + fs->backend.wait_ms);
    if (due == INT64_MAX)
        return -1;
    return (int)DJ_MIN(DJ_MAX(due - now_ms, 0), 60000);
}

static void turn(struct loop *loop)
{
    struct dj_fs *fs = loop->fs;
    int64_t now_ms = dj_now_ms();

    dj_backend_poll(&fs->backend, &loop->places[DAEMON]);
    if (poll(loop->places, PLACES, timeout(fs, now_ms)) < 0 && errno != EINTR)
        dj_log_error("poll failed: %s", dj_err_text(NULL, -errno));
    if (loop->places[SIGNALS].revents != 0)
        on_signal(loop);
    dj_backend_handle(&fs->backend, &loop->places[DAEMON]);
    if (loop->places[FUSE].revents != 0)
        take_requests(loop);
    if (fs->pendings.interrupted != NULL)
        dj_pendings_check(&fs->pendings, dj_now_ms());
    if (!dj_backend_up(&fs->backend)) {
        now_ms = dj_now_ms();
        dj_backend_tick(&fs->backend, now_ms);
        give_up_when_due(fs, now_ms);
    }
    dj_fs_flush_forgotten(fs);
}

void dj_loop_run(struct dj_fs *fs, int signal_fd)
{
    struct loop loop = {.fs = fs};

    loop.places[FUSE] = (struct pollfd){.fd = fuse_session_fd(fs->session), .events = POLLIN};
    loop.places[SIGNALS] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
    while (!fuse_session_exited(fs->session) && loop.leaving != LEFT)
        turn(&loop);
    free(loop.buf.mem);
}

void dj_loop_end(struct dj_fs *fs)
{
    struct loop loop = {.fs = fs};
    int64_t end_ms = dj_now_ms() + END_MAX_MS;

    dj_notifier_stop(&fs->notifier);
    dj_backend_end(&fs->backend);
    dj_pendings_abort(&fs->pendings);
    loop.places[FUSE] = (struct pollfd){.fd = fuse_session_fd(fs->session), .events = POLLIN};
    while (!dj_notifier_joined(&fs->notifier) && dj_now_ms() < end_ms) {
        if (fuse_session_exited(fs->session))
            loop.places[FUSE].fd = -1;
        if (poll(loop.places, 1, 5) > 0)
            take_requests(&loop);
    }
    free(loop.buf.mem);
}

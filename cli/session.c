/* The connection of a command, its end by a signal, and what it prints. (command.h) */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/store_path.h"

enum { CHUNK = 256 * 1024 };

static int signal_fd = -1, timer_fd = -1;

static int exit_code(int code)
{
    switch (-code) {
    case EINVAL:
        return DJ_EX_USAGE;
    case EAGAIN:
        return DJ_EX_NOT_CACHED;
    case EACCES:
    case EPERM:
        return DJ_EX_NOT_ALLOWED;
    case ENOENT:
        return DJ_EX_UNKNOWN;
    case ENOTCONN:
        return DJ_EX_NO_DAEMON;
    case ETIME:
        return DJ_EX_AGAIN;
    case ETIMEDOUT:
        return DJ_EX_TIMEOUT;
    case EINTR:
        return DJ_EX_INTERRUPTED;
    default:
        return DJ_EX_FAILED;
    }
}

int dj_fail(int code, const struct dj_err *err)
{
    int interrupted = dj_interrupt_code();

    if (interrupted == DJ_EX_INTERRUPTED)
        fputs("dj: interrupted; what was started goes on\n", stderr);
    else if (interrupted == DJ_EX_TIMEOUT)
        fputs("dj: the time is over; what was started goes on\n", stderr);
    else
        fprintf(stderr, "dj: %s\n", dj_err_text(err, code));
    return interrupted != 0 ? interrupted : exit_code(code);
}

static const struct dj_greeting greeting = {.role = DJ_ROLE_CLIENT,
                                            .program = "dj " PACKAGE_VERSION};

/* The folder of the socket, made when it is not there, with a slash behind it. */
static int socket_folder(const char *socket, struct dj_buf *ret, struct dj_err *err)
{
    const char *slash = strrchr(socket, '/');
    int rc;

    if (slash == NULL)
        return dj_err_set(err, EINVAL, "%s is not the path of a socket", socket);
    dj_buf_add(ret, socket, (size_t)(slash - socket) + 1);
    rc = dj_mkdir_p(dj_buf_str(ret), 0700);
    return rc < 0 ? dj_err_sys(err, -rc, "%s", dj_buf_str(ret)) : 0;
}

/* The lock is the folder itself, and only one of our own: another's could be held for ever. */
static int lock_folder(const char *folder)
{
    int fd = dj_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid()) {
        while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
            continue;
    }
    return fd;
}

static bool answers(const char *socket)
{
    struct dj_connection *connection;

    if (dj_connection_open(socket, &greeting, &connection, NULL) < 0)
        return false;
    dj_connection_free(connection);
    return true;
}

int dj_start_daemon(const char *named_socket, const char *store, const char *workers,
                    struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf log = DJ_BUF_INIT;
    dj_cleanup_free char *program = dj_program("djd"), *socket = dj_absolute(named_socket);
    char option_store[] = "--store", option_socket[] = "--socket", option_workers[] = "--workers";
    dj_cleanup_free char *dir = store == NULL ? NULL : dj_xstrdup(store);
    dj_cleanup_free char *workers_copy = NULL;
    char *argv[8] = {program, option_store, NULL, option_socket, socket, NULL, NULL, NULL};
    dj_cleanup_close int lock = -1;
    int rc = 0;

    if (dir == NULL)
        rc = dj_store_path(&dir, err);
    if (rc == 0)
        rc = socket_folder(socket, &log, err);
    if (rc < 0)
        return rc;
    lock = lock_folder(dj_buf_str(&log));
    if (answers(socket))
        return 0;
    argv[2] = dir;
    if (workers != NULL) {
        workers_copy = dj_xstrdup(workers);
        argv[5] = option_workers;
        argv[6] = workers_copy;
    }
    dj_buf_adds(&log, "djd.log");
    return dj_start_program(argv, dj_buf_str(&log), err);
}

int dj_connect(struct dj_cli *cli, bool start, struct dj_err *err)
{
    const char *named = cli->connect != NULL ? cli->connect : getenv("DJ_CONNECT");
    dj_cleanup_free char *socket = NULL;
    int rc;

    if (cli->connection != NULL)
        return 0;
    rc = dj_socket_path(cli->connect, &socket, err);
    if (rc == 0)
        rc = dj_connection_open(socket, &greeting, &cli->connection, err);
    if (rc != -ENOTCONN || !start || (named != NULL && named[0] != '\0'))
        return rc;
    dj_err_release(err);
    free(dj_steal(socket));
    rc = dj_own_socket_path(true, &socket, err);
    if (rc == 0)
        rc = dj_start_daemon(socket, NULL, NULL, err);
    if (rc == 0)
        rc = dj_connection_open(socket, &greeting, &cli->connection, err);
    return rc;
}

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
    sigprocmask(SIG_BLOCK, &signals, NULL);
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

    if (signal_fd >= 0 && read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        return DJ_EX_INTERRUPTED;
    if (timer_fd >= 0 && read(timer_fd, &expirations, sizeof(expirations)) > 0)
        return DJ_EX_TIMEOUT;
    return 0;
}

int dj_write_out(struct dj_bytes bytes)
{
    return dj_write_full(STDOUT_FILENO, bytes.data, bytes.len);
}

int dj_copy_out(const char *path, struct dj_err *err)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, path, O_RDONLY, 0);
    dj_cleanup_free uint8_t *chunk = dj_xmalloc(CHUNK);
    ssize_t n;
    int rc;

    if (fd < 0)
        return dj_err_sys(err, -fd, "%s", path);
    while ((n = dj_read_full(fd, chunk, CHUNK)) > 0) {
        rc = dj_write_out(dj_bytes(chunk, (size_t)n));
        if (rc < 0)
            return dj_err_sys(err, -rc, "cannot write");
    }
    return n < 0 ? dj_err_sys(err, (int)-n, "%s", path) : 0;
}

#include "lib/client/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { START_MS = 30000, LOG_SHOWN = 4096 };

/* Options stand before what has none: behind the program's name is always right. */
static char **with_option(char **argv, char *option, char *value)
{
    size_t n = 0;
    char **args;

    while (argv[n] != NULL)
        n++;
    args = dj_xcalloc(n + 3, sizeof(*args));
    args[0] = argv[0];
    args[1] = option;
    args[2] = value;
    memcpy(args + 3, argv + 1, (n - 1) * sizeof(*args));
    return args;
}

/* In a child of a program that may have threads: nothing here takes memory. */
static DJ_NORETURN void become(char **args, int log, int ready)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);

    setsid();
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    fcntl(ready, F_SETFD, 0);
    if (chdir("/") < 0)
        _exit(127);
    execvp(args[0], args);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", args[0], strerror(errno));
    _exit(127);
}

static int why_not(const char *program, const char *log, off_t before, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT, name = DJ_BUF_INIT;
    dj_cleanup_close int fd = dj_open(AT_FDCWD, log, O_RDONLY, 0);
    const char *slash = strrchr(program, '/');
    struct dj_bytes said;

    if (fd >= 0 && lseek(fd, before, SEEK_SET) >= 0)
        (void)!dj_read_fd(fd, LOG_SHOWN, &text);
    while (text.len > 0 && text.data[text.len - 1] == '\n')
        dj_buf_truncate(&text, text.len - 1);
    dj_buf_addf(&name, "%s: ", slash == NULL ? program : slash + 1);
    said = dj_buf_bytes(&text);
    if (dj_bytes_starts(said, dj_buf_bytes(&name)))
        said = dj_bytes_from(said, name.len);
    if (said.len == 0)
        said = dj_bytes_of("it did not say why");
    return dj_err_set(err, EIO, "%.*s did not start: %.*s", (int)(name.len - 2),
                      dj_buf_str(&name), (int)said.len, (const char *)said.data);
}

/* 1: it is ready; 0: it has ended, or does not come; -EINTR: wake_fd was readable before. */
static int wait_ready(int fd, int wake_fd)
{
    struct pollfd polled[2] = {{.fd = fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
    uint64_t end_ns = dj_clock_mono_ns() + START_MS * DJ_NS_PER_MS, now = 0;
    char byte;
    int n;

    do {
        now = dj_clock_mono_ns();
        n = poll(polled, 2, now >= end_ns ? 0 : (int)((end_ns - now) / DJ_NS_PER_MS) + 1);
    } while (n < 0 && errno == EINTR);
    if (n > 0 && polled[0].revents != 0)
        return read(fd, &byte, 1) == 1;
    return n > 0 ? -EINTR : 0;
}

int dj_start_program(char **argv, const char *log, int wake_fd, struct dj_err *err)
{
    int pipe_fds[2];
    char option[] = "--ready-fd", number[16];
    dj_cleanup_free char **args = NULL;
    dj_cleanup_close int log_fd = dj_open(AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    off_t before;
    pid_t pid;
    int ready;

    if (log_fd < 0)
        return dj_err_sys(err, -log_fd, "%s", log);
    before = lseek(log_fd, 0, SEEK_END);
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return dj_err_sys(err, errno, "pipe");
    snprintf(number, sizeof(number), "%d", pipe_fds[1]);
    args = with_option(argv, option, number);
    pid = fork();
    if (pid == 0) {
        /* Whoever uses libdj waits for its own children, and this one is to be nobody's. */
        pid = fork();
        if (pid == 0)
            become(args, log_fd, pipe_fds[1]);
        _exit(pid < 0 ? 127 : 0);
    }
    close(pipe_fds[1]);
    if (pid < 0) {
        close(pipe_fds[0]);
        return dj_err_sys(err, errno, "fork");
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    ready = wait_ready(pipe_fds[0], wake_fd);
    close(pipe_fds[0]);
    return ready == 0 ? why_not(argv[0], log, before, err) : DJ_MIN(ready, 0);
}

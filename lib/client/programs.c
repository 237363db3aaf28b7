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

#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { START_MS = 30000, ARGS_MAX = 16, LOG_SHOWN = 4096 };

static DJ_NORETURN void become(char **argv, int log, int ready)
{
    char option[] = "--ready-fd", number[16];
    char *args[ARGS_MAX + 3];
    sigset_t none;
    size_t n = 0;
    int null = open("/dev/null", O_RDONLY);

    while (argv[n] != NULL && n < ARGS_MAX) {
        args[n] = argv[n];
        n++;
    }
    /* Options stand before what has none: behind the program's name is always right. */
    memmove(args + 3, args + 1, (n - 1) * sizeof(*args));
    args[1] = option;
    args[2] = number;
    args[n + 2] = NULL;
    setsid();
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    snprintf(number, sizeof(number), "%d", ready);
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

int dj_start_program(char **argv, const char *log, struct dj_err *err)
{
    int pipe_fds[2];
    dj_cleanup_close int log_fd = dj_open(AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    off_t before;
    struct pollfd polled;
    char byte;
    pid_t pid;
    bool ready;

    if (log_fd < 0)
        return dj_err_sys(err, -log_fd, "%s", log);
    before = lseek(log_fd, 0, SEEK_END);
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return dj_err_sys(err, errno, "pipe");
    pid = fork();
    if (pid == 0) {
        /* Whoever uses libdj waits for its own children, and this one is to be nobody's. */
        pid = fork();
        if (pid == 0)
            become(argv, log_fd, pipe_fds[1]);
        _exit(pid < 0 ? 127 : 0);
    }
    close(pipe_fds[1]);
    if (pid < 0) {
        close(pipe_fds[0]);
        return dj_err_sys(err, errno, "fork");
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    polled = (struct pollfd){.fd = pipe_fds[0], .events = POLLIN};
    ready = poll(&polled, 1, START_MS) == 1 && read(pipe_fds[0], &byte, 1) == 1;
    close(pipe_fds[0]);
    if (!ready)
        return why_not(argv[0], log, before, err);
    return 0;
}

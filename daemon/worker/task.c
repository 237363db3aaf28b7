#include "daemon/worker/task.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/util/clock.h"

void dj_exit_begin(const struct dj_order *order, struct dj_exit_record *ret)
{
    *ret = (struct dj_exit_record){
        .instance = order->instance,
        .attempt = order->attempt,
        .start_ns = order->start_ns,
        .end_ns = order->start_ns,
    };
}

static void DJ_NORETURN not_started(const struct dj_order *order, int state, int code,
                                    const char *what, const char *why)
{
    struct dj_exit_record ended;

    dj_exit_begin(order, &ended);
    ended.how = DJ_EXIT_NOT_STARTED;
    ended.code = (uint64_t)code;
    ended.end_ns = dj_clock_now_ns();
    /* A name may be longer than the text; the reason is worth more than its end. */
    snprintf(ended.text, sizeof(ended.text), "%.250s: %s", what, why);
    _exit(dj_exit_write(state, &ended) < 0 ? EXIT_FAILURE : DJ_TASK_NOT_STARTED);
}

/* What strerror() leaves open. */
static const char *exec_reason(const char *program, int code)
{
    struct stat st;
    bool named = strchr(program, '/') != NULL;
    bool there = named && stat(program, &st) == 0;

    if (code == ENOENT && there)
        return "the interpreter that it asks for was not found";
    if (code == ENOENT && !named)
        return "not found in PATH";
    if (code == EACCES && there && S_ISDIR(st.st_mode))
        return "is a folder";
    if (code == EACCES && there && (st.st_mode & 0111) == 0)
        return "Permission denied (it is not executable: chmod +x)";
    if (code == E2BIG)
        return "its arguments and environment are too long together";
    return strerror(code);
}

struct start {
    const struct dj_order *order;
    struct dj_sessions *sessions;
    int state;
    pid_t reaper;
};

/* Timers of this kind do not survive exec, which is just what is wanted. */
static void limit_time(uint64_t ms)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)(ms / 1000),
                                           .tv_nsec = (long)(ms % 1000) * 1000000}};
    timer_t timer;

    if (ms > 0 && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        timer_settime(timer, 0, &when, NULL);
}

/* In the child. Memory is the reaper's: nothing is allocated, no state but our own is changed. */
static int run_task(void *cookie)
{
    const struct start *start = cookie;
    const struct dj_order *order = start->order;
    const char *cwd = order->cwd != NULL ? order->cwd : "cwd";
    sigset_t none;

    setsid();
    dj_sessions_set(start->sessions, order->slot, order->instance, getpid(), start->reaper);
    signal(SIGPIPE, SIG_DFL); /* the only one that the worker ignores */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    limit_time(order->limits.timeout_ms);
    if (chdir(cwd) < 0)
        not_started(order, start->state, errno, cwd, strerror(errno));
    environ = order->envp; /* execvp looks for PATH there */
    execvp(order->argv[0], order->argv);
    not_started(order, start->state, errno, order->argv[0], exec_reason(order->argv[0], errno));
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

/* The sanitizers take a stack of our own for a mistake. */
static pid_t start_child(struct start *start)
{
    pid_t pid = fork();

    if (pid == 0)
        run_task(start);
    return pid;
}

#else

enum { STACK_SIZE = 256 * 1024 };

/* execvp copies the words to the stack when the program turns out to be a script without #!. */
static pid_t start_child(struct start *start)
{
    size_t size = STACK_SIZE, argc = 0;
    char *stack;

    while (start->order->argv[argc] != NULL)
        argc++;
    size = (size + argc * sizeof(char *) + 4095) & ~(size_t)4095;
    stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED)
        return -1;
    return clone(run_task, stack + size, CLONE_VM | CLONE_VFORK | SIGCHLD, start);
}

#endif

pid_t dj_task_start(const struct dj_order *order, int state, struct dj_sessions *sessions)
{
    struct start start = {order, sessions, state, getpid()};
    pid_t pid = start_child(&start);

    return pid < 0 ? -errno : pid;
}

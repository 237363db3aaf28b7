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
#include <unistd.h>

#include "daemon/worker/cgroup.h"
#include "lib/util/clock.h"
#include "lib/util/kill_point.h"

enum { STACK_SIZE = 256 * 1024, WORDS_MAX = 8192 };

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

static void DJ_NORETURN fail(struct dj_task_start *start, const char *what, const char *why)
{
    if (start->alone)
        not_started(start->order, start->state, errno, what, why);
    atomic_store(&start->failed, true);
    _exit(DJ_TASK_NOT_STARTED);
}

/* In the child. Nothing is allocated, and nothing of the reaper's is changed, unless alone. */
static int become_task(void *cookie)
{
    struct dj_task_start *start = cookie;
    const struct dj_order *order = start->order;
    const char *cwd = order->cwd != NULL ? order->cwd : "cwd";
    sigset_t none;
    int rc = start->leaf == NULL ? 0 : dj_cgroup_enter(start->leaf);

    if (rc < 0)
        not_started(order, start->state, -rc, "its cgroup cannot be entered", strerror(-rc));
    setsid();
    dj_sessions_set(start->sessions, order->slot, order->instance, getpid(), start->reaper);
    signal(SIGPIPE, SIG_DFL); /* the only one that the worker ignores */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* From here on signals end us. */
    dj_kill_point("task-begins");
    if (order->launched != NULL) { /* the result is the command's, wherever that runs */
        cwd = order->launched;
        dup2(STDERR_FILENO, STDOUT_FILENO);
    }
    if (chdir(cwd) < 0)
        fail(start, cwd, start->alone ? strerror(errno) : "");
    execvp(order->argv[0], order->argv);
    fail(start, order->argv[0], start->alone ? exec_reason(order->argv[0], errno) : "");
}

#ifndef __has_feature /* clang's way to tell */
#define __has_feature(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)

/* The sanitizers take a stack of our own for a mistake. */
static bool can_share(struct dj_task_start *start)
{
    (void)start;
    return false;
}

#else

/* execvp copies the words to the stack when the program is a script without an interpreter. */
static bool can_share(struct dj_task_start *start)
{
    size_t words = 0;

    while (words <= WORDS_MAX && start->order->argv[words] != NULL)
        words++;
    if (start->alone || start->leaf != NULL || words > WORDS_MAX)
        return false;
    if (start->stack == NULL)
        start->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (start->stack == MAP_FAILED)
        start->stack = NULL;
    return start->stack != NULL;
}

#endif

pid_t dj_task_start(struct dj_task_start *start)
{
    pid_t pid;

    atomic_store(&start->failed, false);
    start->alone = !can_share(start);
    environ = start->order->envp; /* execvp looks for PATH there */
    if (start->alone) {
        pid = fork();
        if (pid == 0)
            become_task(start);
    } else {
        pid = clone(become_task, start->stack + STACK_SIZE, CLONE_VM | SIGCHLD, start);
    }
    return pid < 0 ? -errno : pid;
}

#include "daemon/worker/task.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

void dj_task_exec(const struct dj_order *order, int state, struct dj_sessions *sessions,
                  pid_t reaper)
{
    const char *cwd = order->cwd != NULL ? order->cwd : "cwd";
    sigset_t none;

    setsid();
    dj_sessions_set(sessions, order->slot, order->instance, getpid(), reaper);
    signal(SIGPIPE, SIG_DFL); /* the only one that the worker ignores */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* From here on signals end us: chdir and exec may wait for a run, when they are on a mount. */
    if (chdir(cwd) < 0)
        not_started(order, state, errno, cwd, strerror(errno));
    environ = order->envp; /* execvp looks for PATH there */
    execvp(order->argv[0], order->argv);
    not_started(order, state, errno, order->argv[0], exec_reason(order->argv[0], errno));
}

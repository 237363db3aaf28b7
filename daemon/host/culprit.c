#include "daemon/host/culprit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { STACK_SIZE = 64 << 10 };

static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};

static int record = -1;
static _Thread_local struct dj_hosted *current;

/* Nothing but system calls: the heap may be what is broken. The log is the run's best witness. */
static void leave(struct dj_hosted *hosted, enum dj_exit_how how, uint64_t code)
{
    struct dj_culprit culprit = {.magic = DJ_CULPRIT_MAGIC, .how = how, .code = code};

    if (record < 0 || hosted == NULL || hosted->place == NULL)
        return;
    culprit.instance = hosted->instance;
    culprit.place = hosted->place->slot->number;
    (void)!dj_place_log(hosted->host, hosted->place, &hosted->log, hosted->log_written);
    (void)!pwrite(record, &culprit, sizeof(culprit), 0);
}

static void on_signal(int number)
{
    leave(current, DJ_EXIT_SIGNAL, (uint64_t)number);
    signal(number, SIG_DFL);
    raise(number);
}

/* A task that calls exit(0) has not returned, so it has not done what it was to do. */
static void on_leave(int status, void *cookie DJ_UNUSED)
{
    leave(current, DJ_EXIT_CODE, status == 0 ? 1 : (uint64_t)(status & 0xff));
}

int dj_culprit_watch(struct dj_host *host, struct dj_err *err)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER};

    record = dj_open(host->work.dir, DJ_CULPRIT_FILE, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW,
                     0600);
    if (record < 0)
        return dj_err_sys(err, -record, "cannot make the file %s", DJ_CULPRIT_FILE);
    for (size_t i = 0; i < DJ_ARRAY_SIZE(deadly); i++)
        sigaction(deadly[i], &action, NULL);
    on_exit(on_leave, NULL);
    return 0;
}

void dj_culprit_thread(void)
{
    stack_t stack = {0};

    stack.ss_sp = dj_xmalloc(STACK_SIZE);
    stack.ss_size = STACK_SIZE;
    sigaltstack(&stack, NULL);
}

void dj_culprit_thread_ends(void)
{
    stack_t none = {.ss_flags = SS_DISABLE}, stack = {0};

    if (sigaltstack(&none, &stack) == 0)
        free(stack.ss_sp);
}

void dj_culprit_enter(struct dj_hosted *hosted)
{
    current = hosted;
}

void dj_culprit_name(struct dj_hosted *hosted, enum dj_exit_how how)
{
    leave(hosted, how, how == DJ_EXIT_CODE ? 1 : SIGKILL);
    _exit(1);
}

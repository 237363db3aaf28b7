/* dj lock: a command with a named lock held. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/model/lock.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/str.h"

/* In the environment of the command: tokens of the locks that it stands inside of. */
#define INSIDE "DJ_LOCKS"

enum { AGAIN_MS = 100, GIVE_UP_MS = 20000, CANNOT_RUN = 126, NO_COMMAND = 127, BY_SIGNAL = 128 };

struct locking {
    const char *name;
    unsigned flags; /* DJ_SHARED, DJ_NOW */
    uint64_t timeout_ms;
};

/* ---- the lock ---- */

/* Of the daemon that comes next: it is looked for until it is there, or for too long. */
static int find_next(struct dj_cli *cli, int fd)
{
    uint64_t until = dj_clock_mono_ns() + GIVE_UP_MS * DJ_NS_PER_MS;
    int rc = -ENOTCONN;

    while (rc == -ENOTCONN && dj_interrupt_code() == 0 && dj_clock_mono_ns() < until) {
        rc = dj_reconnect(cli->dj);
        if (rc == -ENOTCONN)
            (void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, AGAIN_MS);
    }
    return rc;
}

/* A daemon that is started anew while we wait has never heard of us. */
static int wait_for(struct dj_cli *cli, const struct locking *locking, struct dj_err *err)
{
    int rc = dj_connect(cli, true, err), fd;

    if (rc < 0)
        return rc;
    fd = dj_interruptible(cli, locking->timeout_ms);
    do
        rc = dj_lock(cli->dj, locking->name, locking->flags);
    while (rc == -ENOTCONN && (rc = find_next(cli, fd)) == 0);
    rc = dj_said(cli, rc, err);
    (void)dj_set_cancel_fd(cli->dj, -1);
    return rc;
}

/* ---- the command ---- */

struct holding {
    struct dj_cli *cli;
    const char *name;
    char *tokens; /* what the command is to know of the locks around it */
    sigset_t before;
    pid_t child;
    int signals; /* a signalfd */
    int status;  /* of the child, when it has ended */
    bool ended, lost;
};

/* It does not outlive us: a lock that is free is free of its command, too. */
static void become(const struct holding *holding, pid_t parent, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(BY_SIGNAL + SIGKILL);
    setenv(INSIDE, holding->tokens, 1);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &holding->before, NULL);
    execvp(argv[0], argv);
    fprintf(stderr, "dj: lock: %s: %s\n", argv[0], strerror(errno));
    _exit(errno == ENOENT ? NO_COMMAND : CANNOT_RUN);
}

static int start(struct holding *holding, char **argv, struct dj_err *err)
{
    static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD};
    pid_t parent = getpid();
    sigset_t signals;

    sigemptyset(&signals);
    for (size_t i = 0; i < DJ_ARRAY_SIZE(taken); i++)
        sigaddset(&signals, taken[i]);
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    holding->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    fflush(stdout);
    holding->child = holding->signals < 0 ? -1 : fork();
    if (holding->child < 0)
        return dj_err_sys(err, errno, "%s cannot be started", argv[0]);
    if (holding->child == 0)
        become(holding, parent, argv);
    return 0;
}

/* What a terminal sends has gone to the command, too. */
static void on_signal(struct holding *holding)
{
    struct signalfd_siginfo info;

    while (read(holding->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGCHLD && info.ssi_code != SI_KERNEL)
            kill(holding->child, (int)info.ssi_signo);
    }
    holding->ended = waitpid(holding->child, &holding->status, WNOHANG) == holding->child;
}

static void lose(struct holding *holding, const char *sentence)
{
    fprintf(stderr, "dj: lock %s was lost: %s; its command is ended\n", holding->name,
            sentence);
    holding->lost = true;
    kill(holding->child, SIGTERM);
}

/* The next daemon has our lock on record; one that has not gives it to us, unless it is taken. */
static void come_back(struct holding *holding)
{
    struct dj *dj = holding->cli->dj;
    int rc = dj_reconnect(dj);

    if (rc == -ENOTCONN || rc == -ETIME)
        return;
    if (rc == 0)
        rc = dj_locked(dj, holding->name);
    if (rc != 1 && rc != -ENOTCONN)
        lose(holding, dj_error(dj));
}

static void step(struct holding *holding)
{
    struct dj *dj = holding->cli->dj;
    bool connected = dj_is_connected(dj) && !holding->lost;
    struct pollfd polled[2] = {
        {.fd = holding->signals, .events = POLLIN},
        {.fd = connected ? dj_fd(dj) : -1, .events = POLLIN},
    };
    int n = poll(polled, DJ_ARRAY_SIZE(polled), connected || holding->lost ? -1 : AGAIN_MS);

    if (n > 0 && polled[0].revents != 0)
        on_signal(holding);
    if (holding->ended || holding->lost)
        return;
    if (!connected)
        come_back(holding);
    else if (n > 0 && polled[1].revents != 0)
        (void)dj_process(dj); /* that it ended shows the next time */
}

static int hold(struct holding *holding, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = start(holding, argv, &err);

    if (rc < 0)
        return dj_fail(rc, &err);
    while (!holding->ended)
        step(holding);
    dj_close(holding->signals);
    if (dj_is_connected(holding->cli->dj) && !holding->lost)
        (void)dj_unlock(holding->cli->dj, holding->name);
    if (holding->lost)
        return DJ_EX_AGAIN;
    return WIFEXITED(holding->status) ? WEXITSTATUS(holding->status)
                                      : BY_SIGNAL + WTERMSIG(holding->status);
}

static int lock_and_run(struct dj_cli *cli, const struct locking *locking, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct holding holding = {.cli = cli, .name = locking->name};
    int rc;

    sigprocmask(SIG_SETMASK, NULL, &holding.before);
    rc = wait_for(cli, locking, &err);
    if (rc == 0)
        rc = dj_said(cli, dj_lock_tokens(cli->dj, &holding.tokens), &err);
    rc = rc == 0 ? hold(&holding, argv) : dj_fail(rc, &err);
    dj_mem_free(holding.tokens);
    return rc;
}

int dj_cmd_lock(struct dj_cli *cli, int argc, char **argv)
{
    enum { SHARED = 256, TIMEOUT, JSON };
    static const struct option longs[] = {
        {"shared", no_argument, NULL, SHARED},
        {"timeout", required_argument, NULL, TIMEOUT},
        {"json", no_argument, NULL, JSON},
        {NULL, 0, NULL, 0},
    };
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct locking locking = {0};
    bool json = false;
    int option, rc = 0;

    while (rc == 0 && (option = getopt_long(argc, argv, "+:n", longs, NULL)) != -1) {
        if (option == SHARED)
            locking.flags |= DJ_SHARED;
        else if (option == 'n')
            locking.flags |= DJ_NOW;
        else if (option == TIMEOUT)
            rc = dj_parse_duration(dj_bytes_of(optarg), &locking.timeout_ms, &err);
        else if (option == JSON)
            json = true;
        else
            return dj_bad_option(argv, option);
    }
    if (rc == 0 && optind == argc && locking.flags == 0 && locking.timeout_ms == 0)
        return dj_show_locks(cli, json);
    if (rc == 0 && (optind + 1 >= argc || json))
        return dj_usage("lock");
    if (rc == 0)
        rc = dj_lock_check(argv[optind], &err);
    if (rc < 0) {
        fprintf(stderr, "dj: lock: %s\n", dj_err_text(&err, rc));
        return DJ_EX_USAGE;
    }
    locking.name = argv[optind];
    return lock_and_run(cli, &locking, argv + optind + 1);
}

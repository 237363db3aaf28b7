/* Who the caller is, with real processes and a sessions file of our own. */
#include "fs/callers.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

static struct dj_sessions *sessions;
static char path[] = "/tmp/test-fs-callers-XXXXXX";

static void make_sessions(void)
{
    int fd = mkstemp(path);

    if (fd < 0 || ftruncate(fd, sizeof(*sessions)) < 0)
        exit(1);
    sessions = mmap(NULL, sizeof(*sessions), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
}

static void set(uint64_t index, uint64_t run, pid_t session, pid_t reaper)
{
    struct dj_session_entry *entry = &sessions->entry[index];

    atomic_store(&entry->run, 0);
    atomic_store(&entry->session, (uint32_t)session);
    atomic_store(&entry->reaper, (uint32_t)reaper);
    atomic_store(&entry->run, run);
    if (sessions->used <= index)
        atomic_store(&sessions->used, index + 1);
    atomic_fetch_add(&sessions->changes, 1);
}

/* A process that waits in a session of its own (or of its parent); its pid comes through a pipe. */
static pid_t start(bool own_session, bool twice, int *ret_pipe)
{
    int told[2], wait_here[2];
    pid_t pid;

    if (pipe(told) < 0 || pipe(wait_here) < 0)
        exit(1);
    if (fork() == 0) {
        char byte;

        if (twice && fork() != 0)
            _exit(0);
        if (own_session)
            setsid();
        pid = getpid();
        if (write(told[1], &pid, sizeof(pid)) != sizeof(pid))
            _exit(1);
        close(wait_here[1]);
        if (read(wait_here[0], &byte, 1) < 0)
            _exit(1);
        _exit(0);
    }
    close(wait_here[0]);
    close(told[1]);
    if (read(told[0], &pid, sizeof(pid)) != sizeof(pid))
        exit(1);
    close(told[0]);
    *ret_pipe = wait_here[1];
    return pid;
}

int main(void)
{
    struct dj_callers callers = {0};
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    int pipes[3];
    pid_t task, escaped, orphan;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    make_sessions();
    is_int((int)dj_callers_run(&callers, getpid()), 0, "without a file nobody is in a run");
    is_int(dj_callers_map(&callers, "/nonexistent", &err), -ENOENT, "a file that is not there");
    is_int(dj_callers_map(&callers, path, &err), 0, "mapped");

    task = start(true, false, &pipes[0]);
    escaped = start(true, false, &pipes[1]);
    orphan = start(true, true, &pipes[2]);
    is_int((int)dj_callers_run(&callers, task), 0, "no entry, no run");
    set(3, 41, task, 0);
    is_int((int)dj_callers_run(&callers, task), 41, "a new entry is seen at once");
    is_int((int)dj_callers_run(&callers, escaped), 0, "another session is not in it");
    set(3, 0, 0, 0);
    is_int((int)dj_callers_run(&callers, task), 0, "a run that ended is nobody's");
    set(2, 9 | DJ_HOST_BIT, task, 0);
    is_int((int)dj_callers_run(&callers, task), 0, "a host in which nothing runs is in no run");
    set(2, 0, 0, 0);
    set(3, 42, task, 0);
    is_int((int)dj_callers_run(&callers, task), 42, "the slot's next run");

    dj_callers_release(&callers);
    is_int(dj_callers_map(&callers, path, &err), 0, "mapped again");
    set(5, 43, 1 << 21, getpid());
    is_int((int)dj_callers_run(&callers, escaped), 43, "setsid leaves the session, not the reaper");
    is_int((int)dj_callers_run(&callers, orphan), 43, "nor does a double fork");
    is_int((int)dj_callers_run(&callers, task), 42, "its session's run goes before its reaper's");
    is_int((int)dj_callers_run(&callers, 0), 0, "a process of another namespace");
    is_int((int)dj_callers_run(&callers, 0x3fffffff), 0, "a process that is gone");
    for (int i = 0; i < 3; i++)
        close(pipes[i]);
    while (wait(NULL) > 0)
        ;
    dj_callers_release(&callers);
    munmap(sessions, sizeof(*sessions));
    unlink(path);
    return tap_done();
}

/*
 * as-run SESSIONS RUN CMD ARGS: runs a command as a worker would run a task: in a session of its
 * own that is entered in the sessions file (lib/proto/sessions.h) as the run of that number before
 * the command's first instruction, below a reaper. Ends as the command does.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/proto/sessions.h"

#define ENTRY 7

static void set(struct dj_sessions *sessions, uint64_t run, pid_t session, pid_t reaper)
{
    struct dj_session_entry *entry = &sessions->entry[ENTRY];

    atomic_store(&entry->run, 0);
    atomic_store(&entry->session, (uint32_t)session);
    atomic_store(&entry->reaper, (uint32_t)reaper);
    atomic_store(&entry->run, run);
    if (atomic_load(&sessions->used) <= ENTRY)
        atomic_store(&sessions->used, ENTRY + 1);
    atomic_fetch_add(&sessions->changes, 1);
}

int main(int argc, char **argv)
{
    struct dj_sessions *sessions;
    int fd = argc > 3 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
    int status = 0, how;
    pid_t child, ended;

    if (fd < 0) {
        fputs("usage: as-run SESSIONS RUN CMD [ARGUMENT]...\n", stderr);
        return 2;
    }
    sessions = mmap(NULL, sizeof(*sessions), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (sessions == MAP_FAILED)
        return 2;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    child = fork();
    if (child == 0) {
        setsid();
        set(sessions, strtoull(argv[2], NULL, 10), getpid(), getppid());
        execvp(argv[3], argv + 3);
        _exit(127);
    }
    while ((ended = wait(&how)) > 0) {
        if (ended == child)
            status = how;
    }
    set(sessions, 0, 0, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

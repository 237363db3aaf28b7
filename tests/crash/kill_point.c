/*
 * lib/util/kill_point.h for the crash tests. Whether a point ends its process is said by a file
 * that crash.py has mapped, too, so that it can be said at any time; DJ_KILL_FILE names it, and in
 * a host, which is not given that, it is `trap` in the folder $CRASH_WORK.
 */
#include "lib/util/kill_point.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* As crash.py has it in its class Trap. */
struct trap {
    _Atomic uint32_t countdown; /* 1: who comes by next; 0: nobody */
    _Atomic uint32_t pid;       /* who was ended */
    _Atomic uint64_t time_ns;   /* and when, by the steady clock */
    char name[112];
};

static struct trap *trap;

__attribute__((constructor)) static void set_up(void)
{
    const char *path = getenv("DJ_KILL_FILE"), *work = getenv("CRASH_WORK");
    char beside[4096];
    int fd;
    void *mapped;

    if (path == NULL && work == NULL)
        return;
    snprintf(beside, sizeof(beside), "%s/trap", work == NULL ? "" : work);
    fd = open(path == NULL ? beside : path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    mapped = mmap(NULL, sizeof(*trap), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        trap = mapped;
}

void dj_kill_point(const char *name)
{
    struct timespec now;
    uint32_t left;

    if (trap == NULL)
        return;
    left = atomic_load(&trap->countdown);
    if (left == 0 || strcmp(name, trap->name) != 0)
        return;
    while (left != 0 && !atomic_compare_exchange_weak(&trap->countdown, &left, left - 1))
        continue;
    if (left != 1)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    atomic_store(&trap->time_ns, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
    atomic_store(&trap->pid, (uint32_t)getpid());
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

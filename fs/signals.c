#include "fs/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BIT(signal) (UINT64_C(1) << ((signal) - 1))

static const uint64_t harmless = BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGPROF) |
                                 BIT(SIGVTALRM) | BIT(SIGIO) | BIT(SIGCONT);

static uint64_t mask_of(const char *status, const char *name)
{
    const char *line = strstr(status, name);

    return line == NULL ? 0 : strtoull(line + strlen(name), NULL, 16);
}

enum dj_signals dj_signals_judge(const char *status)
{
    uint64_t pending = mask_of(status, "\nSigPnd:") | mask_of(status, "\nShdPnd:");
    uint64_t seen = pending & ~mask_of(status, "\nSigBlk:");

    if (seen & BIT(SIGKILL))
        return DJ_SIGNALS_DEADLY;
    return (seen & ~harmless) != 0 ? DJ_SIGNALS_SERIOUS : DJ_SIGNALS_HARMLESS;
}

enum dj_signals dj_signals_pending(pid_t tid)
{
    char path[64];
    char text[4096];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/status", (long)tid);
    fd = tid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return DJ_SIGNALS_DEADLY;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return DJ_SIGNALS_DEADLY;
    text[n] = '\0';
    return dj_signals_judge(text);
}

/*
 * For failing-disk.bats and early.bats, as LD_PRELOAD of djd: a disk that fails below the log of
 * the store. While the file $FAILING/sync is there, no log can be made durable; while
 * $FAILING/write is there, none can be written. The first makes the second when $FAILING/both is
 * there. While $FAILING/slow is there, it takes a second to make one durable; while $FAILING/hold
 * is there, as long as it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *place(char path[4096], const char *name)
{
    snprintf(path, 4096, "%s/%s", getenv("FAILING"), name);
    return path;
}

static bool fails(const char *how, int fd)
{
    char path[4096], link[64];
    ssize_t n;

    if (getenv("FAILING") == NULL || access(place(path, how), F_OK) < 0)
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n < 0 ? 0 : n] = '\0';
    return strstr(path, "/wal/") != NULL;
}

int fdatasync(int fd)
{
    static int (*real)(int);
    char path[4096];

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    if (fails("slow", fd))
        usleep(1000000);
    while (fails("hold", fd))
        usleep(1000);
    if (!fails("sync", fd))
        return real(fd);
    if (access(place(path, "both"), F_OK) == 0) {
        usleep(5000); /* others end meanwhile */
        close(open(place(path, "write"), O_WRONLY | O_CREAT, 0600));
    }
    errno = EIO;
    return -1;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    static ssize_t (*real)(int, const void *, size_t);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "write");
    if (!fails("write", fd))
        return real(fd, bytes, n);
    errno = EIO;
    return -1;
}

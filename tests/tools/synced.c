/*
 * For crash.py, as LD_PRELOAD of djd: what of which file is durable. Each sync of a file appends
 * "INODE SIZE" to the file $SYNCED when it has ended: the size that the file had when it began.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int sync_fn(int fd);

static int noted(sync_fn *real, int fd)
{
    static int record = -1;
    char line[64];
    struct stat st;
    int rc;

    if (record < 0)
        record = open(getenv("SYNCED"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fstat(fd, &st) < 0)
        return real(fd);
    rc = real(fd);
    if (rc == 0 && S_ISREG(st.st_mode) &&
        write(record, line, (size_t)snprintf(line, sizeof(line), "%llu %lld\n",
                                             (unsigned long long)st.st_ino,
                                             (long long)st.st_size)) < 0)
        abort();
    return rc;
}

int fdatasync(int fd)
{
    static sync_fn *real;

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    return noted(real, fd);
}

int fsync(int fd)
{
    static sync_fn *real;

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    return noted(real, fd);
}

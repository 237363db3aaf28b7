#include "daemon/store_wal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/fdio.h"

int dj_wal_init(struct dj_wal *wal, int dir, const char *name)
{
    wal->fd = dj_open(dir, name, O_RDONLY | O_DIRECTORY, 0);
    atomic_init(&wal->newest, 0);
    return wal->fd < 0 ? wal->fd : 0;
}

void dj_wal_release(struct dj_wal *wal)
{
    wal->fd = dj_close(wal->fd);
}

/* The number of NUMBER.log; 0 for any other name. RocksDB counts from 1. */
static uint64_t log_number(const char *name)
{
    char *end;
    uint64_t number;

    if (name[0] < '0' || name[0] > '9')
        return 0;
    number = strtoull(name, &end, 10);
    return strcmp(end, ".log") == 0 ? number : 0;
}

/* A descriptor of its own, since two threads must not share one directory offset. */
static DIR *list(const struct dj_wal *wal)
{
    int fd = dj_open(wal->fd, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *dir;

    if (fd < 0) {
        errno = -fd;
        return NULL;
    }
    dir = fdopendir(fd);
    if (dir == NULL)
        dj_close(fd);
    return dir;
}

static int sync_one(int dir, const char *name)
{
    int fd = dj_open(dir, name, O_RDONLY, 0);
    int code;

    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    code = fdatasync(fd) < 0 ? -errno : 0;
    dj_close(fd);
    return code;
}

int dj_wal_sync(struct dj_wal *wal)
{
    DIR *dir = list(wal);
    const struct dirent *entry;
    uint64_t newest = atomic_load(&wal->newest);
    uint64_t highest = newest;
    int code = 0;

    if (dir == NULL)
        return -errno;
    while (code == 0 && (entry = readdir(dir)) != NULL) {
        uint64_t number = log_number(entry->d_name);

        if (number == 0)
            continue;
        code = sync_one(wal->fd, entry->d_name);
        highest = number > highest ? number : highest;
    }
    closedir(dir);
    if (code == 0 && highest > newest) {
        code = fsync(wal->fd) < 0 ? -errno : 0;
        while (code == 0 && newest < highest &&
               !atomic_compare_exchange_weak(&wal->newest, &newest, highest))
            continue;
    }
    return code;
}

uint64_t dj_wal_size(struct dj_wal *wal)
{
    DIR *dir = list(wal);
    const struct dirent *entry;
    struct stat st;
    uint64_t size = 0;

    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL) {
        if (log_number(entry->d_name) != 0 && fstatat(wal->fd, entry->d_name, &st, 0) == 0)
            size += (uint64_t)st.st_size;
    }
    closedir(dir);
    return size;
}

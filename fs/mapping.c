#include "fs/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map_fd(int fd, const char *path, size_t size, const void **ret, struct dj_err *err)
{
    struct stat st;
    void *map;

    if (fstat(fd, &st) < 0)
        return dj_err_sys(err, errno, "%s", path);
    if ((uint64_t)st.st_size < size)
        return dj_err_set(err, EPROTO, "%s is too short: djd and djfs are of different versions",
                          path);
    map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return dj_err_sys(err, errno, "cannot map %s", path);
    *ret = map;
    return 0;
}

int dj_mapping_open(const char *path, size_t size, const void **ret, struct dj_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int code;

    if (fd < 0)
        return dj_err_sys(err, errno, "cannot open %s", path);
    code = map_fd(fd, path, size, ret, err);
    close(fd);
    return code;
}

void dj_mapping_close(const void *map, size_t size)
{
    if (map != NULL)
        munmap((void *)(uintptr_t)map, size);
}

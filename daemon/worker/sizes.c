#include "daemon/worker/sizes.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/fdio.h"

enum { DEPTH_MAX = 200 };

uint64_t dj_size_of_fd(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

uint64_t dj_size_of_file(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

/* Takes the descriptor. */
static uint64_t size_below(int folder, uint64_t enough, unsigned depth)
{
    DIR *stream = folder < 0 || depth == 0 ? NULL : fdopendir(folder);
    uint64_t sum = 0;
    struct dirent *entry;

    if (stream == NULL) {
        dj_close(folder);
        return 0;
    }
    while (sum <= enough && (entry = readdir(stream)) != NULL) {
        struct stat st;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
        else if (S_ISDIR(st.st_mode))
            sum += size_below(dj_open(dirfd(stream), entry->d_name,
                                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0),
                              enough - sum, depth - 1);
    }
    closedir(stream);
    return sum;
}

uint64_t dj_size_of_tree(const char *path, uint64_t enough)
{
    return size_below(dj_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0), enough,
                      DEPTH_MAX);
}

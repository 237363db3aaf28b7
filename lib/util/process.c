#include "lib/util/process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/fdio.h"

enum { STAT_MAX = 4096 };

uint64_t dj_process_born(int64_t pid)
{
    dj_cleanup_buf struct dj_buf stat = DJ_BUF_INIT;
    char path[64];
    const char *behind;
    char state;
    uint64_t born;

    snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
    if (pid <= 0 || dj_read_file(AT_FDCWD, path, STAT_MAX, &stat) < 0)
        return 0;
    behind = strrchr(dj_buf_str(&stat), ')'); /* its name may have any byte in it */
    if (behind == NULL ||
        sscanf(behind, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
                       " %*s %" SCNu64, &state, &born) != 2)
        return 0;
    return state == 'Z' || state == 'X' ? 0 : born;
}

const char *dj_boot_id(void)
{
    static char id[64];
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (id[0] == '\0' && dj_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", sizeof(id) - 1,
                                      &text) == 0) {
        snprintf(id, sizeof(id), "%s", dj_buf_str(&text));
        id[strcspn(id, "\n")] = '\0';
    }
    return id;
}

#include "daemon/worker/memory.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/buf.h"
#include "lib/util/fdio.h"

enum { DEPTH_MAX = 1000, LIST_MAX = 1024 * 1024, TEXT_MAX = 64 * 1024 };

typedef uint64_t measure_fn(long pid);

static int read_text(const char *path, size_t max, struct dj_buf *ret)
{
    dj_buf_clear(ret);
    return dj_read_file(AT_FDCWD, path, max, ret);
}

/* ---- one process ------------------------------------------------------------------------- */

static uint64_t resident(long pid)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    unsigned long long pages;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%ld/statm", pid);
    if (read_text(path, TEXT_MAX, &text) < 0 ||
        sscanf(dj_buf_str(&text), "%*s %llu", &pages) != 1)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Its part of what it shares; hidden from us when it has other rights than we. */
static uint64_t proportional(long pid)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", pid);
    if (read_text(path, TEXT_MAX, &text) < 0)
        return resident(pid);
    return (dj_counter_in(dj_buf_str(&text), "Pss:") +
            dj_counter_in(dj_buf_str(&text), "SwapPss:")) * 1024;
}

/* ---- all below one ----------------------------------------------------------------------- */

static uint64_t measure_below(const char *task_folder, measure_fn *measure, unsigned depth);

static uint64_t measure_list(const char *path, measure_fn *measure, unsigned depth)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    uint64_t sum = 0;
    const char *at;
    char *end;

    if (read_text(path, LIST_MAX, &text) < 0)
        return 0;
    for (at = dj_buf_str(&text);; at = end) {
        long pid = strtol(at, &end, 10);
        char folder[64];

        if (end == at)
            return sum;
        snprintf(folder, sizeof(folder), "/proc/%ld/task", pid);
        sum += measure(pid) + measure_below(folder, measure, depth - 1);
    }
}

/* Children belong to the thread that has made them. */
static uint64_t measure_below(const char *task_folder, measure_fn *measure, unsigned depth)
{
    DIR *threads = depth == 0 ? NULL : opendir(task_folder);
    struct dirent *thread;
    uint64_t sum = 0;

    while (threads != NULL && (thread = readdir(threads)) != NULL) {
        char path[400];

        if (!isdigit((unsigned char)thread->d_name[0]))
            continue;
        snprintf(path, sizeof(path), "%s/%s/children", task_folder, thread->d_name);
        sum += measure_list(path, measure, depth);
    }
    if (threads != NULL)
        closedir(threads);
    return sum;
}

bool dj_memory_visible(void)
{
    return access("/proc/thread-self/children", R_OK) == 0;
}

uint64_t dj_memory_below(uint64_t enough)
{
    uint64_t sum = measure_list("/proc/thread-self/children", resident, DEPTH_MAX);

    return sum <= enough ? sum
                         : measure_list("/proc/thread-self/children", proportional, DEPTH_MAX);
}

/* ---- the kernel's killer ----------------------------------------------------------------- */

uint64_t dj_counter_in(const char *text, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, name, len) == 0 && (line[len] == ' ' || line[len] == '\t'))
            return strtoull(line + len, NULL, 10);
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return 0;
}

uint64_t dj_oom_kills(void)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (read_text("/proc/vmstat", TEXT_MAX, &text) < 0)
        return 0;
    return dj_counter_in(dj_buf_str(&text), "oom_kill");
}

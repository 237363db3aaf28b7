#include "daemon/worker/processes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "lib/util/buf.h"
#include "lib/util/fdio.h"

enum { PROC_FILE_MAX = 4 * 1024 * 1024 };

/* Of a process that is still to be ended: its parent; 0 for one that is gone or a zombie. */
static pid_t parent_of(pid_t pid)
{
    char path[64], text[512];
    const char *behind;
    ssize_t n = -1;
    long parent;
    char state;
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    fd = dj_open(AT_FDCWD, path, O_RDONLY, 0);
    if (fd >= 0)
        n = dj_read_full(fd, text, sizeof(text) - 1);
    dj_close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    behind = strrchr(text, ')'); /* the program's name may hold anything, brackets included */
    if (behind == NULL || sscanf(behind, ") %c %ld", &state, &parent) != 2)
        return 0;
    return state == 'Z' || state == 'X' ? 0 : (pid_t)parent;
}

static pid_t pid_of_name(const char *name)
{
    return isdigit((unsigned char)name[0]) ? (pid_t)strtol(name, NULL, 10) : 0;
}

/* For kernels without /proc/PID/task/TID/children. */
static void kill_children_by_scan(void)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;

    while (proc != NULL && (entry = readdir(proc)) != NULL) {
        pid_t pid = pid_of_name(entry->d_name);

        if (pid > 0 && parent_of(pid) == getpid())
            kill(pid, SIGKILL);
    }
    if (proc != NULL)
        closedir(proc);
}

void dj_kill_children(void)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    const char *at;
    char *end;

    if (dj_read_file(AT_FDCWD, "/proc/thread-self/children", PROC_FILE_MAX, &text) < 0) {
        kill_children_by_scan();
        return;
    }
    for (at = dj_buf_str(&text);; at = end) {
        long pid = strtol(at, &end, 10);

        if (end == at)
            return;
        if (pid > 0)
            kill((pid_t)pid, SIGKILL);
    }
}

static bool has_tmp(pid_t pid, const char *tmp)
{
    dj_cleanup_buf struct dj_buf environment = DJ_BUF_INIT;
    char path[64];
    size_t at = 0;

    snprintf(path, sizeof(path), "/proc/%ld/environ", (long)pid);
    if (dj_read_file(AT_FDCWD, path, PROC_FILE_MAX, &environment) < 0)
        return false;
    while (at < environment.len) {
        const char *pair = (const char *)environment.data + at;

        if (strncmp(pair, "TMPDIR=", 7) == 0 && strcmp(pair + 7, tmp) == 0)
            return true;
        at += strlen(pair) + 1;
    }
    return false;
}

/* The descriptor is taken before looking, so that what is killed is what was looked at. */
static bool kill_stray(pid_t pid, dj_spare_fn *spare, void *cookie, const char *tmp)
{
    dj_cleanup_close int fd = pidfd_open(pid, 0);
    pid_t parent = fd < 0 ? 0 : parent_of(pid);

    if (parent == 0)
        return false;
    if (!(parent == getpid() && !spare(cookie, pid)) && !has_tmp(pid, tmp))
        return false;
    return pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0;
}

size_t dj_kill_strays(dj_spare_fn *spare, void *cookie, const char *tmp)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    size_t n = 0;

    while (proc != NULL && (entry = readdir(proc)) != NULL) {
        pid_t pid = pid_of_name(entry->d_name);

        if (pid > 0 && pid != getpid() && kill_stray(pid, spare, cookie, tmp))
            n++;
    }
    if (proc != NULL)
        closedir(proc);
    return n;
}

#include "daemon/worker/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/worker/memory.h"
#include "lib/util/fdio.h"
#include "lib/util/log.h"
#include "lib/util/str.h"

enum { TEXT_MAX = 1024 * 1024 };

static const char leaf_name[] = "dj-daemon";
static const char systemd_name[] = "daemon"; /* DelegateSubgroup=daemon */

/* ---- files of a cgroup ------------------------------------------------------------------- */

static int read_of(const char *cgroup, const char *name, struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    dj_buf_addf(&path, "%s/%s", cgroup, name);
    dj_buf_clear(ret);
    return dj_read_file(AT_FDCWD, dj_buf_str(&path), TEXT_MAX, ret);
}

static int write_to(const char *cgroup, const char *name, const char *text)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    dj_cleanup_close int fd = -1;

    dj_buf_addf(&path, "%s/%s", cgroup, name);
    fd = dj_open(AT_FDCWD, dj_buf_str(&path), O_WRONLY, 0);
    if (fd < 0)
        return fd;
    return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static bool lists_memory(const char *cgroup, const char *name)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_bytes rest, item;

    if (read_of(cgroup, name, &text) < 0)
        return false;
    rest = dj_strip(dj_buf_bytes(&text));
    while (dj_next_item(&rest, &item)) {
        if (dj_bytes_is(item, "memory"))
            return true;
    }
    return false;
}

/* ---- where we are ------------------------------------------------------------------------ */

/* The line of version 2 begins with 0:: and ends with the path. */
static bool own_path(const char *self, struct dj_bytes *ret)
{
    struct dj_bytes rest = dj_bytes_of(self), line;

    while (dj_next_line(&rest, &line)) {
        if (dj_bytes_starts(line, DJ_BYTES_LIT("0::/"))) {
            *ret = dj_bytes_from(line, 3);
            return true;
        }
    }
    return false;
}

/* ID PARENT MAJOR:MINOR ROOT POINT OPTIONS... - TYPE SOURCE OPTIONS */
static bool own_mount(const char *mountinfo, char *root, char *point, size_t size)
{
    struct dj_bytes rest = dj_bytes_of(mountinfo), line;

    while (dj_next_line(&rest, &line)) {
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
        const char *type;

        dj_buf_add_bytes(&text, line);
        type = strstr(dj_buf_str(&text), " - ");
        if (type == NULL || strncmp(type, " - cgroup2 ", 11) != 0 || text.len >= size)
            continue;
        if (sscanf(dj_buf_str(&text), "%*s %*s %*s %s %s", root, point) == 2)
            return true;
    }
    return false;
}

bool dj_cgroup_path(const char *self, const char *mountinfo, struct dj_buf *ret)
{
    char root[4096], point[4096];
    struct dj_bytes path;
    size_t len;

    if (!own_path(self, &path) || !own_mount(mountinfo, root, point, sizeof(root)))
        return false;
    len = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (path.len < len || memcmp(path.data, root, len) != 0)
        return false;
    dj_buf_adds(ret, point);
    path = dj_bytes_from(path, len);
    if (!dj_bytes_is(path, "/"))
        dj_buf_add_bytes(ret, path);
    return true;
}

static bool own_cgroup(struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf self = DJ_BUF_INIT, mounts = DJ_BUF_INIT;

    return dj_read_file(AT_FDCWD, "/proc/self/cgroup", TEXT_MAX, &self) == 0 &&
           dj_read_file(AT_FDCWD, "/proc/self/mountinfo", TEXT_MAX, &mounts) == 0 &&
           dj_cgroup_path(dj_buf_str(&self), dj_buf_str(&mounts), ret);
}

/* ---- making it ours ---------------------------------------------------------------------- */

static bool is_program_of_ours(long pid)
{
    static const char *const names[] = {"djd\n", "djw\n", "djfs\n", "dj\n", "dj-reaper\n"};
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    if (dj_read_file(AT_FDCWD, path, TEXT_MAX, &name) < 0)
        return true; /* gone */
    for (size_t i = 0; i < DJ_ARRAY_SIZE(names); i++) {
        if (dj_bytes_is(dj_buf_bytes(&name), names[i]))
            return true;
    }
    return false;
}

typedef bool pid_fn(long pid, const char *leaf);

static bool each_process(const char *cgroup, pid_fn *each, const char *leaf)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    const char *at;
    char *end;

    if (read_of(cgroup, "cgroup.procs", &text) < 0)
        return false;
    for (at = dj_buf_str(&text);; at = end) {
        long pid = strtol(at, &end, 10);

        if (end == at)
            return true;
        if (!each(pid, leaf))
            return false;
    }
}

/* 0 stands for what another namespace hides from us: somebody else. */
static bool may_move(long pid, const char *leaf DJ_UNUSED)
{
    return pid > 0 && is_program_of_ours(pid);
}

static bool move(long pid, const char *leaf)
{
    char text[32];
    int rc;

    snprintf(text, sizeof(text), "%ld", pid);
    rc = write_to(leaf, "cgroup.procs", text);
    return rc == 0 || rc == -ESRCH;
}

static bool give_memory(const char *cgroup)
{
    return lists_memory(cgroup, "cgroup.subtree_control") ||
           write_to(cgroup, "cgroup.subtree_control", "+memory") == 0;
}

static bool move_down(const char *cgroup)
{
    dj_cleanup_buf struct dj_buf leaf = DJ_BUF_INIT;

    if (!each_process(cgroup, may_move, NULL))
        return false;
    dj_buf_addf(&leaf, "%s/%s", cgroup, leaf_name);
    if (mkdir(dj_buf_str(&leaf), 0755) < 0 && errno != EEXIST)
        return false;
    return each_process(cgroup, move, dj_buf_str(&leaf));
}

/* A leaf that somebody has made for us: runs have theirs beside it. */
static bool is_leaf_of_ours(struct dj_buf *cgroup)
{
    const char *path = dj_buf_str(cgroup), *slash = strrchr(path, '/');

    if (slash == NULL ||
        (strcmp(slash + 1, leaf_name) != 0 && strcmp(slash + 1, systemd_name) != 0))
        return false;
    dj_buf_truncate(cgroup, (size_t)(slash - path));
    return true;
}

/* systemd starts a service's next main process in the service's own cgroup, and could not any more:
 * its processes go on when djd is restarted, and so would their cgroups. */
static bool is_of_service(const char *cgroup)
{
    const char *dot = strrchr(cgroup, '.');

    return dot != NULL && strcmp(dot, ".service") == 0;
}

/* Another store's worker may have the same cgroup, and slots of the same numbers. */
static void add_name(int work, struct dj_buf *ret)
{
    struct stat st = {.st_ino = 0};

    (void)fstat(work, &st);
    dj_buf_addf(ret, "/dj-run-%jx-%jx", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
}

bool dj_cgroup_find(int work, struct dj_buf *ret)
{
    bool leaf;

    if (!own_cgroup(ret))
        return false;
    leaf = is_leaf_of_ours(ret);
    if (!lists_memory(dj_buf_str(ret), "cgroup.controllers") ||
        access(dj_buf_str(ret), W_OK) < 0)
        return false;
    if (!leaf && !lists_memory(dj_buf_str(ret), "cgroup.subtree_control") &&
        (is_of_service(dj_buf_str(ret)) || !move_down(dj_buf_str(ret))))
        return false;
    if (!give_memory(dj_buf_str(ret)))
        return false;
    dj_log_info("limits of memory are kept by the cgroup %s", dj_buf_str(ret));
    add_name(work, ret);
    return true;
}

/* ---- a run's ----------------------------------------------------------------------------- */

static void leaf_of(const char *base, uint32_t slot, struct dj_buf *ret)
{
    dj_buf_addf(ret, "%s-%" PRIu32, base, slot);
}

int dj_cgroup_make(const char *base, uint32_t slot, uint64_t limit, struct dj_buf *ret)
{
    char text[32];
    int rc;

    dj_cgroup_remove(base, slot); /* its counters would go on */
    leaf_of(base, slot, ret);
    if (mkdir(dj_buf_str(ret), 0755) < 0)
        return -errno;
    snprintf(text, sizeof(text), "%" PRIu64, limit);
    rc = write_to(dj_buf_str(ret), "memory.max", text);
    if (rc == 0) {
        rc = write_to(dj_buf_str(ret), "memory.swap.max", "0");
        rc = rc == -ENOENT ? 0 : rc; /* a kernel without swap */
    }
    if (rc == 0)
        rc = write_to(dj_buf_str(ret), "memory.oom.group", "1");
    if (rc < 0)
        dj_cgroup_remove(base, slot);
    return rc;
}

/* With nobody to end, the kernel lets a process that needs more try again and again, for good. */
static int become_endable(void)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (read_of("/proc/self", "oom_score_adj", &text) < 0 ||
        !dj_bytes_is(dj_buf_bytes(&text), "-1000\n"))
        return 0;
    return write_to("/proc/self", "oom_score_adj", "-999");
}

int dj_cgroup_enter(const char *leaf)
{
    int rc = become_endable();

    return rc < 0 ? rc : write_to(leaf, "cgroup.procs", "0");
}

static bool counted(const char *leaf, const char *name, const char *counter)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    return read_of(leaf, name, &text) == 0 && dj_counter_in(dj_buf_str(&text), counter) > 0;
}

/* What is ended is counted whoever's limit it was; a limit is counted where it was set. */
bool dj_cgroup_exceeded(const char *leaf)
{
    return counted(leaf, "memory.events.local", "oom") &&
           counted(leaf, "memory.events", "oom_kill");
}

uint64_t dj_cgroup_peak(const char *leaf)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    uint64_t peak;

    return read_of(leaf, "memory.peak", &text) == 0 &&
                   dj_parse_uint(dj_strip(dj_buf_bytes(&text)), &peak, NULL) == 0
               ? peak
               : 0;
}

static int remove_one(const char *path, const struct stat *st DJ_UNUSED, int type,
                      struct FTW *at DJ_UNUSED)
{
    return type == FTW_DP && rmdir(path) < 0 ? errno : 0;
}

/* A run may have made more below its own. */
static int remove_all(const char *leaf)
{
    return nftw(leaf, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void dj_cgroup_remove(const char *base, uint32_t slot)
{
    dj_cleanup_buf struct dj_buf leaf = DJ_BUF_INIT;

    leaf_of(base, slot, &leaf);
    if (rmdir(dj_buf_str(&leaf)) == 0 || errno != EBUSY)
        return;
    (void)write_to(dj_buf_str(&leaf), "cgroup.kill", "1");
    for (int i = 0; i < 200 && remove_all(dj_buf_str(&leaf)) == EBUSY; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
}

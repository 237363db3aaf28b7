#include "daemon/worker/launched.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/model/launch_script.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/str.h"

#define LOOK_NS DJ_NS_PER_S
#define LOST_MS 60000 /* sixty beats: a network file system may stand still for a while */

enum { MARK_MAX = 4096 };

/* ---- the worker ---- */

static bool is_token(const char *token)
{
    size_t len = token == NULL ? 0 : strlen(token);

    return len > 0 && len <= 64 && strspn(token, "0123456789abcdef") == len;
}

static int write_file(int folder, const struct dj_part_file *file)
{
    dj_cleanup_close int fd = -1;

    if (file->name == NULL || strchr(file->name, '/') != NULL)
        return -EINVAL;
    fd = dj_open(folder, file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0700);
    return fd < 0 ? fd : dj_pwrite_full(fd, file->content.data, file->content.len, 0);
}

int dj_launched_write(const struct dj_work *work, const struct dj_slot *slot,
                      const struct dj_msg_run *run, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    dj_cleanup_close int folder = -1;
    int rc;

    if (!is_token(run->launched))
        return dj_err_set(err, EINVAL, "the name of the folder to launch from is malformed");
    dj_buf_addf(&path, "%" PRIu32 "/arg/" DJ_LAUNCH_FOLDER "%s", slot->number, run->launched);
    rc = mkdirat(work->dir, dj_buf_str(&path), 0700) < 0 ? -errno : 0;
    if (rc == 0)
        folder = rc = dj_open(work->dir, dj_buf_str(&path), O_RDONLY | O_DIRECTORY, 0);
    for (size_t i = 0; rc >= 0 && i < run->launch_files.n; i++)
        rc = write_file(folder, DJ_LIST_AT(&run->launch_files, struct dj_part_file, i));
    return rc < 0 ? dj_err_sys(err, -rc, "cannot write the script to launch") : 0;
}

static bool has_ended(int arg, const char *name)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct stat st;

    dj_buf_addf(&path, "%s/ended", name);
    return fstatat(arg, dj_buf_str(&path), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool dj_launched_is_open(const struct dj_work *work, uint32_t slot)
{
    char path[32];
    struct dirent *entry;
    bool open = false;
    DIR *stream;
    int folder;

    snprintf(path, sizeof(path), "%" PRIu32 "/arg", slot);
    folder = dj_open(work->dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    stream = folder < 0 ? NULL : fdopendir(folder);
    if (stream == NULL) {
        dj_close(folder);
        return false;
    }
    while (!open && (entry = readdir(stream)) != NULL)
        open = strncmp(entry->d_name, DJ_LAUNCH_FOLDER, strlen(DJ_LAUNCH_FOLDER)) == 0 &&
               !has_ended(folder, entry->d_name);
    closedir(stream);
    return open;
}

/* ---- the reaper ---- */

static int read_mark(const struct dj_launched *launched, const char *name, struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    dj_buf_addf(&path, "%s/%s", launched->folder, name);
    return dj_read_file(AT_FDCWD, dj_buf_str(&path), MARK_MAX, ret);
}

static uint64_t first_number(const struct dj_buf *text)
{
    struct dj_bytes rest = dj_buf_bytes(text), line;
    uint64_t number = 0;

    if (dj_next_line(&rest, &line) && dj_parse_uint(dj_strip(line), &number, NULL) < 0)
        number = 0;
    return number;
}

/* "0m1.25s 0m0.50s": what times(1) says of the children stands in its second line. */
static void take_times(struct dj_launched *launched, const struct dj_buf *text)
{
    struct dj_bytes rest = dj_buf_bytes(text), line = {NULL, 0};
    char copy[128];
    unsigned long minutes[2];
    double seconds[2];

    for (int i = 0; i < 3; i++) {
        if (!dj_next_line(&rest, &line))
            return;
    }
    snprintf(copy, sizeof(copy), "%.*s", (int)DJ_MIN(line.len, sizeof(copy) - 1),
             (const char *)line.data);
    if (sscanf(copy, "%10lum%lfs %10lum%lfs", &minutes[0], &seconds[0], &minutes[1],
               &seconds[1]) != 4 ||
        !(seconds[0] >= 0 && seconds[0] < 100 && seconds[1] >= 0 && seconds[1] < 100))
        return;
    launched->user_us = (uint64_t)minutes[0] * 60000000 + (uint64_t)(seconds[0] * 1e6);
    launched->system_us = (uint64_t)minutes[1] * 60000000 + (uint64_t)(seconds[1] * 1e6);
}

/* Without inotify it is found out a little later. */
static int watch_folder(const char *folder)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    if (fd >= 0 && (inotify_add_watch(fd, folder, IN_MOVED_TO | IN_CREATE) < 0 ||
                    fcntl(fd, F_SETOWN, getpid()) < 0 ||
                    fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) < 0))
        fd = dj_close(fd);
    return fd;
}

/* "host NAME" */
static void take_host(struct dj_launched *launched)
{
    dj_cleanup_buf struct dj_buf began = DJ_BUF_INIT;
    struct dj_bytes rest, word;

    if (read_mark(launched, "began", &began) < 0)
        return;
    rest = dj_buf_bytes(&began);
    if (dj_next_item(&rest, &word) && dj_next_item(&rest, &word))
        snprintf(launched->host, sizeof(launched->host), "%.*s", (int)DJ_MIN(word.len, 63),
                 (const char *)word.data);
    for (char *at = launched->host; *at != '\0' && *at != '\n'; at++) {
        if (*at < ' ' || *at > '~')
            *at = '?';
    }
    launched->host[strcspn(launched->host, "\n")] = '\0';
}

void dj_launched_begin(struct dj_launched *launched, const struct dj_order *order, uint64_t now)
{
    *launched = (struct dj_launched){.folder = order->launched, .watch = -1, .next_ns = UINT64_MAX};
    if (order->launched == NULL)
        return;
    launched->next_ns = now + LOOK_NS;
    launched->lost_ns = (order->lost_ms == 0 ? LOST_MS : order->lost_ms) * DJ_NS_PER_MS;
    launched->watch = watch_folder(order->launched);
}

static void drain(int watch)
{
    char events[4096];

    while (watch >= 0 && read(watch, events, sizeof(events)) > 0)
        continue;
}

void dj_launched_look(struct dj_launched *launched, uint64_t now)
{
    dj_cleanup_buf struct dj_buf beat = DJ_BUF_INIT, ended = DJ_BUF_INIT, began = DJ_BUF_INIT;

    if (launched->folder == NULL || launched->ended)
        return;
    drain(launched->watch);
    launched->next_ns = now + LOOK_NS;
    if (read_mark(launched, "ended", &ended) >= 0) {
        launched->began = launched->ended = true;
        launched->status = first_number(&ended);
        launched->ended_ns = now;
        take_host(launched);
        take_times(launched, &ended);
        return;
    }
    if (!launched->began) {
        launched->began = read_mark(launched, "began", &began) >= 0;
        launched->beat_ns = now;
    }
    if (launched->began && read_mark(launched, "beat", &beat) >= 0 &&
        first_number(&beat) != launched->beat) {
        launched->beat = first_number(&beat);
        launched->beat_ns = now;
    }
}

bool dj_launched_is_lost(const struct dj_launched *launched, uint64_t now)
{
    return launched->folder != NULL && launched->began && !launched->ended &&
           now - launched->beat_ns > launched->lost_ns;
}

void dj_launched_revoke(const struct dj_launched *launched)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    if (launched->folder == NULL)
        return;
    dj_buf_addf(&path, "%s/run", launched->folder);
    (void)unlink(dj_buf_str(&path));
}

void dj_launched_end(struct dj_launched *launched)
{
    launched->watch = launched->folder == NULL ? -1 : dj_close(launched->watch);
}

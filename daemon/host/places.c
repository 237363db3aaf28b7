#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/host/host.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { PATH_SIZE = 64 };

int dj_places_open(struct dj_host *host, struct dj_err *err)
{
    dj_cleanup_close int worker = dj_open(AT_FDCWD, host->options.work, O_RDONLY | O_DIRECTORY, 0);
    char name[PATH_SIZE];
    int rc;

    if (worker < 0)
        return dj_err_sys(err, -worker, "%s", host->options.work);
    snprintf(name, sizeof(name), "host-%s", host->options.number);
    if (mkdirat(worker, name, 0700) < 0 && errno != EEXIST)
        return dj_err_sys(err, errno, "cannot make %s/%s", host->options.work, name);
    host->work.dir = dj_open(worker, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (host->work.dir < 0)
        return dj_err_sys(err, -host->work.dir, "%s/%s", host->options.work, name);
    rc = dj_sessions_map(worker, &host->sessions, err);
    return rc;
}

void dj_places_close(struct dj_host *host)
{
    while (host->places != NULL) {
        struct dj_place *next = host->places->next;

        dj_slot_free(host->places->slot);
        dj_close(host->places->cwd);
        free(host->places);
        host->places = next;
    }
    dj_close(host->work.dir);
}

static int open_cwd(struct dj_host *host, struct dj_place *place)
{
    char path[PATH_SIZE];

    if (place->cwd >= 0)
        return 0;
    place->empty_since_ns = 0;
    snprintf(path, sizeof(path), "%" PRIu32 "/cwd", place->slot->number);
    place->cwd = dj_open(host->work.dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    return place->cwd < 0 ? place->cwd : 0;
}

struct dj_place *dj_place_take(struct dj_host *host, struct dj_err *err)
{
    struct dj_place *place = host->places;
    uint32_t n = 0;
    int rc;

    for (; place != NULL && place->busy; place = place->next)
        n++;
    if (place == NULL) {
        place = dj_xcalloc(1, sizeof(*place));
        place->slot = dj_slot_new(n);
        place->cwd = -1;
        place->next = host->places;
        host->places = place;
    }
    if (!place->slot->made)
        place->cwd = dj_close(place->cwd);
    rc = dj_slot_make(&host->work, place->slot, err);
    if (rc == 0 && (rc = open_cwd(host, place)) < 0)
        rc = dj_err_sys(err, -rc, "cannot enter the folder of a run");
    if (rc < 0)
        return NULL;
    place->busy = true;
    return place;
}

/* ---- what runs left ---------------------------------------------------------------------- */

static void *empty_trash(void *cookie)
{
    struct dj_host *host = cookie;

    (void)!dj_trash_empty(&host->work);
    host->emptying = false;
    return NULL;
}

/* A large tree takes its time, and what is in the folder is nobody's any more. */
static void plan_empty_trash(struct dj_host *host)
{
    pthread_attr_t attr;
    pthread_t thread;

    if (host->emptying)
        return;
    host->emptying = true;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, empty_trash, host) != 0)
        host->emptying = false;
    pthread_attr_destroy(&attr);
}

static int throw_away(struct dj_host *host, int folder, const char *name)
{
    static unsigned counter;
    char target[PATH_SIZE];

    snprintf(target, sizeof(target), "trash/%u", counter++);
    return renameat(folder, name, host->work.dir, target) == 0 ? 0 : dj_remove_tree(folder, name);
}

/* Who has it as its working directory keeps it, so it is emptied and not replaced. */
static int empty_folder(struct dj_host *host, int folder)
{
    int copy = dup(folder), rc = 0;
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;

    if (stream == NULL) {
        dj_close(copy);
        return -EIO;
    }
    rewinddir(stream);
    if (mkdirat(host->work.dir, "trash", 0700) < 0 && errno != EEXIST)
        rc = -errno;
    while (rc == 0 && (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = throw_away(host, folder, entry->d_name);
    }
    closedir(stream);
    plan_empty_trash(host);
    return rc;
}

bool dj_place_empty(struct dj_host *host, struct dj_place *place)
{
    int rc = empty_folder(host, place->cwd);

    place->slot->ended = (struct dj_exit_record){.how = DJ_EXIT_CODE,
                                                 .clean = DJ_CLEAN_CWD | DJ_CLEAN_TMP};
    dj_slot_clean(&host->work, place->slot);
    return rc == 0 && place->slot->made && dj_slot_folder_is_plain(place->cwd) &&
           dj_place_is_there(host, place);
}

void dj_place_renew(struct dj_host *host, struct dj_place *place)
{
    (void)empty_folder(host, place->cwd);
    place->busy = false;
    place->slot->made = false;
}

void dj_place_free(struct dj_host *host, struct dj_place *place, bool clean)
{
    if (!clean && !dj_place_empty(host, place))
        place->slot->made = false;
    place->busy = false;
}

/* ret: what the folder is like. */
static bool is_there(const struct dj_host *host, const struct dj_place *place, struct stat *ret)
{
    char path[PATH_SIZE];
    struct stat there;

    snprintf(path, sizeof(path), "%" PRIu32 "/cwd", place->slot->number);
    return fstat(place->cwd, ret) == 0 &&
           fstatat(host->work.dir, path, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           ret->st_ino == there.st_ino && ret->st_dev == there.st_dev;
}

bool dj_place_is_there(const struct dj_host *host, const struct dj_place *place)
{
    struct stat unused;

    return is_there(host, place, &unused);
}

static bool has_entries(const struct dj_place *place)
{
    _Alignas(struct dirent64) char entries[4096];
    long n;

    if (lseek(place->cwd, 0, SEEK_SET) < 0)
        return true;
    n = syscall(SYS_getdents64, place->cwd, entries, sizeof(entries));
    for (long at = 0; at < n;) {
        const struct dirent64 *entry = (const struct dirent64 *)(const void *)(entries + at);

        if (entry->d_name[0] != '.' ||
            (entry->d_name[1] != '\0' && (entry->d_name[1] != '.' || entry->d_name[2] != '\0')))
            return true;
        at += entry->d_reclen;
    }
    return n < 0;
}

/*
 * A folder that was closed to us, or is another one now, is for the daemon to look at. Reading it
 * costs as much as all else of a short run, so it is read only when its times have changed since it
 * was found empty; that they were not of the tick in which it was read, since within one they do
 * not tell of a change.
 */
bool dj_place_is_empty(const struct dj_host *host, struct dj_place *place)
{
    struct stat st;
    bool settled;

    if (!is_there(host, place, &st) || (st.st_mode & 07777) != DJ_SLOT_FOLDER_MODE)
        return false;
    if (place->empty_since_ns != 0 && place->empty_since_ns == dj_ns_of(st.st_ctim))
        return true;
    settled = dj_stat_is_settled(&st);
    place->empty_since_ns = 0;
    if (has_entries(place))
        return false;
    place->empty_since_ns = settled ? dj_ns_of(st.st_ctim) : 0;
    return true;
}

void dj_place_path(const struct dj_host *host, const struct dj_place *place, const char *name,
                   struct dj_buf *ret)
{
    dj_buf_addf(ret, "%s/host-%s/%" PRIu32 "/%s", host->options.work, host->options.number,
                place->slot->number, name);
}

int dj_place_log(const struct dj_host *host, const struct dj_place *place,
                 const struct dj_buf *log, size_t written)
{
    struct dj_bytes rest = dj_bytes_from(dj_buf_bytes(log), written);
    char path[PATH_SIZE];
    int fd, rc;

    snprintf(path, sizeof(path), "%" PRIu32 "/err", place->slot->number);
    fd = dj_open(host->work.dir, path, O_WRONLY | O_CREAT | O_NOFOLLOW, DJ_SLOT_FILE_MODE);
    rc = fd < 0 ? fd : dj_pwrite_full(fd, rest.data, rest.len, written);
    dj_close(fd);
    return rc;
}

int dj_place_write(const struct dj_host *host, const struct dj_place *place, const char *name,
                   struct dj_bytes bytes)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%" PRIu32 "/%s", place->slot->number, name);
    return dj_write_file(host->work.dir, path, bytes, DJ_SLOT_FILE_MODE);
}

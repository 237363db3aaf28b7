#include "daemon/store_format.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/random.h"
#include "lib/util/str.h"

#define FIRST_LINE "djfs store"

static int open_folder(struct dj_store_folder *folder, const char *dir, struct dj_err *err)
{
    struct stat st;
    int code = dj_mkdir_p(dir, 0700);

    if (code < 0)
        return dj_err_sys(err, -code, "the store %s cannot be made", dir);
    folder->fd = dj_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    if (folder->fd < 0)
        return dj_err_sys(err, -folder->fd, "the store %s cannot be opened", dir);
    folder->dir = realpath(dir, NULL);
    if (folder->dir == NULL || fstat(folder->fd, &st) < 0)
        return dj_err_sys(err, errno, "the store %s cannot be opened", dir);
    if (st.st_uid != geteuid())
        return dj_err_set(err, EPERM,
                          "the store %s belongs to user %u and you are user %u; name a folder of "
                          "your own with --store",
                          folder->dir, (unsigned)st.st_uid, (unsigned)geteuid());
    if ((st.st_mode & 022) != 0)
        return dj_err_set(err, EPERM,
                          "other users can write to the store %s (its mode is %03o); run: chmod "
                          "go-w %s",
                          folder->dir, (unsigned)st.st_mode & 07777, folder->dir);
    return 0;
}

/* The rest of the line behind `word`, or false when the line begins otherwise. */
static bool line_after(struct dj_bytes *rest, const char *word, struct dj_bytes *ret)
{
    struct dj_bytes line;

    if (!dj_next_line(rest, &line) || !dj_bytes_starts(line, dj_bytes_of(word)))
        return false;
    *ret = dj_bytes_from(line, strlen(word));
    return true;
}

static int not_a_store(const struct dj_store_folder *folder, struct dj_err *err)
{
    return dj_err_set(err, EUCLEAN,
                      "the file FORMAT of the store %s is damaged; move the folder away, or bring "
                      "that file back from a backup",
                      folder->dir);
}

/* Reads FORMAT; -ENOENT, without a sentence, when there is none. */
static int read_format(struct dj_store_folder *folder, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_bytes rest;
    struct dj_bytes value;
    uint64_t version;
    int code = dj_read_file(folder->fd, "FORMAT", 4096, &text);

    if (code == -ENOENT)
        return code;
    if (code < 0)
        return dj_err_sys(err, -code, "the file FORMAT of the store %s cannot be read",
                          folder->dir);
    rest = dj_buf_bytes(&text);
    if (!line_after(&rest, FIRST_LINE, &value) || !line_after(&rest, "format ", &value) ||
        dj_parse_uint(value, &version, NULL) < 0)
        return not_a_store(folder, err);
    if (version > DJ_STORE_FORMAT)
        return dj_err_set(err, EPROTONOSUPPORT,
                          "the store %s has format %" PRIu64 " and this djd reads formats up to "
                          "%d; use the newer djd that wrote it",
                          folder->dir, version, DJ_STORE_FORMAT);
    if (!line_after(&rest, "kind ", &value))
        return not_a_store(folder, err);
    if (!dj_bytes_is(value, folder->kind))
        return dj_err_set(err, ENOTEMPTY,
                          "the store %s is of kind %.*s and was opened as kind %s; name another "
                          "folder with --store",
                          folder->dir, (int)DJ_MIN(value.len, 40), (const char *)value.data,
                          folder->kind);
    if (!line_after(&rest, "id ", &value) || value.len != sizeof(folder->id) - 1)
        return not_a_store(folder, err);
    memcpy(folder->id, value.data, value.len);
    return 0;
}

/* What a killed creation may have left, and what a fresh file system brings. */
static bool is_ours(const char *name, bool has_lock)
{
    static const char *const ours[] = {"LOCK", "db", "wal", "content"};

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0)
        return true;
    for (size_t i = 0; has_lock && i < DJ_ARRAY_SIZE(ours); i++) {
        if (strcmp(name, ours[i]) == 0)
            return true;
    }
    return has_lock && strstr(name, "FORMAT") != NULL; /* its temporary name */
}

static int check_empty(const struct dj_store_folder *folder, struct dj_err *err)
{
    bool has_lock = faccessat(folder->fd, "LOCK", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    int fd = dj_open(folder->fd, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int code = 0;

    if (dir == NULL) {
        code = fd < 0 ? -fd : errno;
        dj_close(fd);
        return dj_err_sys(err, code, "the store %s cannot be listed", folder->dir);
    }
    while (code == 0 && (entry = readdir(dir)) != NULL) {
        if (!is_ours(entry->d_name, has_lock))
            code = dj_err_set(err, ENOTEMPTY,
                              "%s is not a store and not empty (it has %s); name an empty or a "
                              "new folder with --store",
                              folder->dir, entry->d_name);
    }
    closedir(dir);
    return code;
}

static int held_by_other(const struct dj_store_folder *folder, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_bytes holder;

    if (dj_read_file(folder->fd, "LOCK", 4096, &text) < 0 || text.len == 0)
        return dj_err_set(err, EBUSY, "the store %s is in use by another daemon", folder->dir);
    holder = dj_strip(dj_buf_bytes(&text));
    return dj_err_set(err, EBUSY,
                      "the store %s is in use by another daemon, %.*s; stop that one first, or "
                      "name another folder with --store",
                      folder->dir, (int)holder.len, (const char *)holder.data);
}

/* The text is for the sentence above only; what counts is the lock. */
static int write_holder(int fd)
{
    char host[256] = "";
    char text[320];
    int len;

    gethostname(host, sizeof(host) - 1);
    len = snprintf(text, sizeof(text), "process %ld on %s\n", (long)getpid(), host);
    if (ftruncate(fd, 0) < 0)
        return -errno;
    return dj_pwrite_full(fd, text, (size_t)len, 0);
}

static int take_lock(struct dj_store_folder *folder, struct dj_err *err)
{
    int code;

    folder->lock = dj_open(folder->fd, "LOCK", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (folder->lock < 0)
        return dj_err_sys(err, -folder->lock, "%s/LOCK cannot be opened", folder->dir);
    if (flock(folder->lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            return held_by_other(folder, err);
        return dj_err_sys(err, errno, "%s/LOCK cannot be locked", folder->dir);
    }
    code = write_holder(folder->lock);
    if (code < 0)
        return dj_err_sys(err, -code, "%s/LOCK cannot be written", folder->dir);
    return 0;
}

static void make_id(struct dj_store_folder *folder)
{
    uint8_t random[(sizeof(folder->id) - 1) / 2];

    dj_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(folder->id + 2 * i, 3, "%02x", random[i]);
}

static int open_checked(struct dj_store_folder *folder, const char *dir, struct dj_err *err)
{
    int code = open_folder(folder, dir, err);

    if (code < 0)
        return code;
    code = read_format(folder, err);
    if (code == -ENOENT)
        code = check_empty(folder, err);
    if (code == 0)
        code = take_lock(folder, err);
    if (code < 0)
        return code;
    /* Again under the lock: another daemon may have made the store meanwhile. */
    code = read_format(folder, err);
    folder->created = code == -ENOENT;
    if (folder->created) {
        make_id(folder);
        folder->was_clean = true;
        return 0;
    }
    folder->was_clean = faccessat(folder->fd, "CLEAN", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    return code;
}

int dj_store_folder_open(struct dj_store_folder *folder, const char *dir, const char *kind,
                         struct dj_err *err)
{
    int code;

    *folder = (struct dj_store_folder){.fd = -1, .lock = -1, .kind = kind};
    code = open_checked(folder, dir, err);
    if (code < 0)
        dj_store_folder_release(folder);
    return code;
}

int dj_store_folder_ready(struct dj_store_folder *folder, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    int code = 0;

    if (folder->created) {
        dj_buf_addf(&text, FIRST_LINE "\nformat %d\nkind %s\nid %s\n", DJ_STORE_FORMAT,
                    folder->kind, folder->id);
        code = dj_replace_file(folder->fd, "FORMAT", dj_buf_bytes(&text), 0600);
        if (code < 0)
            return dj_err_sys(err, -code, "%s/FORMAT cannot be written", folder->dir);
    }
    if (unlinkat(folder->fd, "CLEAN", 0) < 0 && errno != ENOENT)
        return dj_err_sys(err, errno, "%s/CLEAN cannot be removed", folder->dir);
    code = dj_sync_dir(folder->fd, ".");
    if (code < 0)
        return dj_err_sys(err, -code, "the store %s cannot be made durable", folder->dir);
    return 0;
}

void dj_store_folder_mark_clean(struct dj_store_folder *folder)
{
    /* Without the mark the next start looks for leftovers, which is right if slower. */
    if (dj_replace_file(folder->fd, "CLEAN", DJ_BYTES_LIT("closed in order\n"), 0600) < 0)
        unlinkat(folder->fd, "CLEAN", 0);
}

void dj_store_folder_release(struct dj_store_folder *folder)
{
    folder->lock = dj_close(folder->lock);
    folder->fd = dj_close(folder->fd);
    free(folder->dir);
    folder->dir = NULL;
}

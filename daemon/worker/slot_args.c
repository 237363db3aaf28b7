#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/worker/slot.h"
#include "lib/proto/messages.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

static bool is_name(const char *name)
{
    return name != NULL && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0 && strlen(name) <= NAME_MAX;
}

/* What is there may have been made into anything by the task before. */
static int open_arg(int dir, const char *path, mode_t mode, struct stat *ret)
{
    for (int attempt = 0;; attempt++) {
        int fd = dj_open(dir, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode);
        int rc;

        if (fd >= 0 && fstat(fd, ret) == 0 && S_ISREG(ret->st_mode) && ret->st_nlink == 1)
            return fd;
        dj_close(fd);
        rc = attempt > 0 ? fd < 0 ? fd : -EBUSY : dj_remove_tree(dir, path);
        if (rc < 0)
            return rc;
    }
}

/* Not cut first but afterwards, see cut_output() of slot.c. */
static int write_arg(int dir, const char *path, const struct dj_part_file *file)
{
    mode_t mode = file->executable ? 0755 : 0644;
    struct stat st = {0};
    dj_cleanup_close int fd = open_arg(dir, path, mode, &st);
    int rc = fd < 0 ? fd : dj_pwrite_full(fd, file->content.data, file->content.len, 0);

    if (rc == 0 && st.st_size > (off_t)file->content.len &&
        ftruncate(fd, (off_t)file->content.len) < 0)
        rc = -errno;
    if (rc == 0 && (st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
        rc = -errno;
    return rc;
}

static bool is_wanted(const struct dj_list *files, const char *name)
{
    for (size_t i = 0; i < files->n; i++)
        if (strcmp(DJ_LIST_AT(files, struct dj_part_file, i)->name, name) == 0)
            return true;
    return false;
}

static void arg_path(struct dj_buf *buf, const struct dj_slot *slot, const char *name)
{
    dj_buf_clear(buf);
    dj_buf_addf(buf, "%u/arg/%s", slot->number, name);
}

void dj_slot_forget_args(struct dj_slot *slot)
{
    for (size_t i = 0; i < slot->args_n; i++)
        free(slot->args[i]);
    slot->args_n = 0;
}

static bool is_known(const struct dj_slot *slot, const char *name)
{
    for (size_t i = 0; i < slot->args_n; i++)
        if (strcmp(slot->args[i], name) == 0)
            return true;
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

bool dj_slot_args_are_ours(const struct dj_work *work, const struct dj_slot *slot)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct dirent *entry;
    DIR *stream = NULL;
    bool ours;
    int folder;

    arg_path(&path, slot, "");
    folder = dj_open(work->dir, dj_buf_str(&path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    ours = folder >= 0 && dj_slot_folder_is_plain(folder);
    if (ours)
        stream = fdopendir(folder);
    if (stream == NULL) {
        dj_close(folder);
        return false;
    }
    while (ours && (entry = readdir(stream)) != NULL)
        ours = is_known(slot, entry->d_name);
    closedir(stream);
    return ours;
}

static int remove_unwanted(int dir, struct dj_slot *slot, const struct dj_list *files)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    for (size_t i = 0; i < slot->args_n;) {
        int rc;

        if (is_wanted(files, slot->args[i])) {
            i++;
            continue;
        }
        arg_path(&path, slot, slot->args[i]);
        rc = dj_remove_tree(dir, dj_buf_str(&path));
        if (rc < 0)
            return rc;
        free(slot->args[i]);
        slot->args[i] = slot->args[--slot->args_n];
    }
    return 0;
}

static void remember(struct dj_slot *slot, const char *name)
{
    for (size_t i = 0; i < slot->args_n; i++)
        if (strcmp(slot->args[i], name) == 0)
            return;
    slot->args = dj_xgrow(slot->args, &slot->args_cap, slot->args_n + 1, sizeof(*slot->args));
    slot->args[slot->args_n++] = dj_xstrdup(name);
}

int dj_slot_write_args(const struct dj_work *work, struct dj_slot *slot,
                       const struct dj_list *files,
                       struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    int rc;

    for (size_t i = 0; i < files->n; i++)
        if (!is_name(DJ_LIST_AT(files, struct dj_part_file, i)->name))
            return dj_err_set(err, EINVAL, "a file of the arguments has no proper name");
    rc = remove_unwanted(work->dir, slot, files);
    for (size_t i = 0; rc == 0 && i < files->n; i++) {
        const struct dj_part_file *file = DJ_LIST_AT(files, struct dj_part_file, i);

        remember(slot, file->name);
        arg_path(&path, slot, file->name);
        rc = write_arg(work->dir, dj_buf_str(&path), file);
    }
    if (rc < 0) {
        slot->made = false;
        return dj_err_sys(err, -rc, "cannot write the files of the arguments");
    }
    return 0;
}

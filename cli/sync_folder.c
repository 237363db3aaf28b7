#include "cli/sync_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/archive/archive.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { TIME_HEX = 16, ID_HEX = 2 * DJ_DIGEST_SIZE };
#define SUFFIX ".tar"

void dj_folder_name(struct dj_buf *buf, uint64_t end_ns, const struct dj_digest *id)
{
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(id, hex);
    dj_buf_addf(buf, "%016" PRIx64 "-%s" SUFFIX, end_ns, hex);
}

int dj_folder_parse(const char *name, struct dj_digest *ret_id)
{
    size_t len = strlen(name);

    if (len != TIME_HEX + 1 + ID_HEX + strlen(SUFFIX) ||
        strspn(name, "0123456789abcdef") != TIME_HEX || name[TIME_HEX] != '-' ||
        strcmp(name + TIME_HEX + 1 + ID_HEX, SUFFIX) != 0)
        return -EINVAL;
    return dj_digest_parse(dj_bytes(name + TIME_HEX + 1, ID_HEX), ret_id);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct dj_folder_run *)a)->name, ((const struct dj_folder_run *)b)->name);
}

int dj_folder_list(const char *folder, struct dj_list *ret, struct dj_err *err)
{
    DIR *stream = opendir(folder);
    struct dirent *dirent;

    *ret = (struct dj_list){0};
    if (stream == NULL)
        return dj_err_sys(err, errno, "%s", folder);
    while ((dirent = readdir(stream)) != NULL) {
        struct dj_digest id;
        struct dj_folder_run *run;

        if (dj_folder_parse(dirent->d_name, &id) < 0)
            continue;
        run = dj_list_add(ret, sizeof(*run));
        run->id = id;
        run->name = dj_xstrdup(dirent->d_name);
    }
    closedir(stream);
    if (ret->n != 0)
        qsort(ret->items, ret->n, sizeof(struct dj_folder_run), by_name);
    return 0;
}

void dj_folder_release(struct dj_list *runs)
{
    for (size_t i = 0; i < runs->n; i++)
        free(DJ_LIST_AT(runs, struct dj_folder_run, i)->name);
    free(runs->items);
    *runs = (struct dj_list){0};
}

static int write_archive(int fd, const char *store, struct dj_outgoing *run, struct dj_err *err)
{
    struct dj_archive_writer *writer;
    int rc = dj_archive_create(NULL, fd, &writer, err);

    if (rc < 0)
        return rc;
    rc = dj_archive_put_head(writer, store, err);
    if (rc == 0)
        rc = dj_archive_put_run(writer, run, err);
    if (rc == 0)
        rc = dj_archive_put_end(writer, 1, err);
    rc = dj_archive_close(writer, rc, err);
    if (rc == 0 && fsync(fd) < 0)
        rc = dj_err_sys(err, errno, "fsync");
    return rc;
}

int dj_folder_put(const char *folder, const char *store, struct dj_outgoing *run,
                  struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT, part = DJ_BUF_INIT;
    dj_cleanup_close int fd = -1;
    char host[64] = "";
    int rc;

    gethostname(host, sizeof(host) - 1);
    dj_buf_addf(&name, "%s/", folder);
    dj_folder_name(&name, run->carried.instance.end_ns, &run->carried.id);
    /* Two hosts may write the same run at once. */
    dj_buf_addf(&part, "%s/.%s.%ld.part", folder, host, (long)getpid());
    fd = dj_open(AT_FDCWD, dj_buf_str(&part), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return dj_err_sys(err, -fd, "%s", dj_buf_str(&part));
    rc = write_archive(fd, store, run, err);
    if (rc == 0 && rename(dj_buf_str(&part), dj_buf_str(&name)) < 0)
        rc = dj_err_sys(err, errno, "%s", dj_buf_str(&name));
    if (rc < 0)
        unlink(dj_buf_str(&part));
    return rc;
}

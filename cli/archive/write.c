#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/archive/archive.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

struct dj_archive_writer {
    struct archive *archive;
    struct archive_entry *entry;
    int fd;
    int code; /* of the first write that failed */
};

/* libarchive leaks its buffer when a write fails, so it hears of none: what follows is dropped. */
static la_ssize_t write_block(struct archive *archive, void *cookie, const void *data, size_t len)
{
    struct dj_archive_writer *writer = cookie;

    (void)archive;
    if (writer->code == 0)
        writer->code = dj_write_full(writer->fd, data, len);
    return (la_ssize_t)len;
}

static int failed(struct dj_archive_writer *writer, struct dj_err *err)
{
    const char *text = archive_error_string(writer->archive);

    /* A disk that is full here is not the store's. */
    if (writer->code < 0)
        return dj_err_set(err, EIO, "the archive cannot be written: %s", strerror(-writer->code));
    return dj_err_set(err, EIO, "the archive cannot be written: %s",
                      text == NULL ? "no reason given" : text);
}

static const struct {
    const char *end;
    int (*add)(struct archive *);
} filters[] = {
    {".gz", archive_write_add_filter_gzip},   {".tgz", archive_write_add_filter_gzip},
    {".xz", archive_write_add_filter_xz},     {".txz", archive_write_add_filter_xz},
    {".bz2", archive_write_add_filter_bzip2}, {".zst", archive_write_add_filter_zstd},
};

static int add_filter(struct archive *archive, const char *path)
{
    size_t len = path == NULL ? 0 : strlen(path);

    for (size_t i = 0; i < DJ_ARRAY_SIZE(filters); i++) {
        size_t end = strlen(filters[i].end);

        if (len > end && strcmp(path + len - end, filters[i].end) == 0)
            return filters[i].add(archive);
    }
    return ARCHIVE_OK;
}

int dj_archive_create(const char *path, int fd, struct dj_archive_writer **ret,
                      struct dj_err *err)
{
    struct dj_archive_writer *writer = dj_xcalloc(1, sizeof(*writer));
    int rc;

    writer->archive = archive_write_new();
    writer->entry = archive_entry_new();
    writer->fd = fd;
    if (writer->archive == NULL || writer->entry == NULL)
        abort();
    /* Not pax: there a name that is no text takes a header that tar(1) complains about. */
    rc = archive_write_set_format_gnutar(writer->archive);
    if (rc == ARCHIVE_OK)
        rc = add_filter(writer->archive, path);
    if (rc == ARCHIVE_OK)
        rc = archive_write_set_bytes_in_last_block(writer->archive, 1);
    if (rc == ARCHIVE_OK)
        rc = archive_write_open(writer->archive, writer, NULL, write_block, NULL);
    if (rc != ARCHIVE_OK)
        return dj_archive_close(writer, failed(writer, err), err);
    *ret = writer;
    return 0;
}

static int header(struct dj_archive_writer *writer, const char *name, mode_t mode,
                  uint64_t mtime_ns, uint64_t size, const char *target, struct dj_err *err)
{
    struct archive_entry *entry = archive_entry_clear(writer->entry);

    archive_entry_copy_pathname(entry, name);
    archive_entry_set_mode(entry, mode);
    archive_entry_set_mtime(entry, (time_t)(mtime_ns / DJ_NS_PER_S),
                            (long)(mtime_ns % DJ_NS_PER_S));
    archive_entry_set_size(entry, (int64_t)size);
    if (target != NULL)
        archive_entry_copy_symlink(entry, target);
    return archive_write_header(writer->archive, entry) < ARCHIVE_WARN || writer->code < 0
               ? failed(writer, err)
               : 0;
}

int dj_archive_begin(struct dj_archive_writer *writer, const char *name, mode_t mode,
                     uint64_t mtime_ns, uint64_t size, struct dj_err *err)
{
    return header(writer, name, mode, mtime_ns, size, NULL, err);
}

int dj_archive_link(struct dj_archive_writer *writer, const char *name, const char *target,
                    uint64_t mtime_ns, struct dj_err *err)
{
    return header(writer, name, S_IFLNK | 0777, mtime_ns, 0, target, err);
}

int dj_archive_piece(struct dj_archive_writer *writer, struct dj_bytes piece, struct dj_err *err)
{
    struct dj_bytes rest = piece;

    while (rest.len != 0) {
        la_ssize_t n = archive_write_data(writer->archive, rest.data, rest.len);

        if (n <= 0 || writer->code < 0)
            return failed(writer, err);
        rest = dj_bytes_from(rest, (size_t)n);
    }
    return 0;
}

int dj_archive_close(struct dj_archive_writer *writer, int code, struct dj_err *err)
{
    int closed;

    if (code < 0 && writer->code == 0)
        writer->code = code; /* nothing more is written */
    closed = archive_write_close(writer->archive);
    if (code == 0 && (closed != ARCHIVE_OK || writer->code < 0))
        code = failed(writer, err);
    archive_write_free(writer->archive);
    archive_entry_free(writer->entry);
    free(writer);
    return code;
}

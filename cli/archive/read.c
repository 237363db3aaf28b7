#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/archive/archive.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { BLOCK = 256 * 1024 };

struct dj_archive_reader {
    struct archive *archive;
    int fd;
};

static int failed(struct dj_archive_reader *reader, struct dj_err *err)
{
    const char *text = archive_error_string(reader->archive);
    int code = archive_errno(reader->archive);

    if (text != NULL && strstr(text, "runcated") != NULL)
        return dj_err_set(err, EBADMSG, "it is cut: it ends in the middle");
    if (code == EIO || code == EISDIR)
        return dj_err_sys(err, code, "it cannot be read");
    return dj_err_set(err, EBADMSG, "it is damaged, or no tar file: %s",
                      text == NULL ? "no reason given" : text);
}

int dj_archive_open(const char *path, struct dj_archive_reader **ret, struct dj_err *err)
{
    struct dj_archive_reader *reader;
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : dj_open(AT_FDCWD, path, O_RDONLY, 0);
    struct stat st;

    if (fd < 0)
        return dj_err_sys(err, fd == -1 ? errno : -fd, "%s", path);
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        dj_close(fd);
        return dj_err_set(err, EISDIR, "it is a folder; `dj sync` takes a folder of archives");
    }
    reader = dj_xcalloc(1, sizeof(*reader));
    reader->fd = fd;
    reader->archive = archive_read_new();
    if (reader->archive == NULL)
        abort();
    /* Nothing that would start a program, and no format but tar. */
    archive_read_support_filter_gzip(reader->archive);
    archive_read_support_filter_bzip2(reader->archive);
    archive_read_support_filter_xz(reader->archive);
    archive_read_support_filter_zstd(reader->archive);
    archive_read_support_format_tar(reader->archive);
    if (archive_read_open_fd(reader->archive, fd, BLOCK) != ARCHIVE_OK) {
        int rc = failed(reader, err);

        dj_archive_free(reader);
        return rc;
    }
    *ret = reader;
    return 0;
}

void dj_archive_free(struct dj_archive_reader *reader)
{
    if (reader == NULL)
        return;
    archive_read_free(reader->archive);
    dj_close(reader->fd);
    free(reader);
}

static mode_t type_of(struct archive_entry *entry)
{
    mode_t type = archive_entry_filetype(entry);

    if (archive_entry_hardlink(entry) != NULL || archive_entry_sparse_count(entry) != 0)
        return 0;
    return type == S_IFREG || type == S_IFDIR || type == S_IFLNK ? type : 0;
}

int dj_archive_next(struct dj_archive_reader *reader, struct dj_member *ret, struct dj_err *err)
{
    struct archive_entry *entry;
    int rc = archive_read_next_header(reader->archive, &entry);

    if (rc == ARCHIVE_EOF)
        return 0;
    if (rc < ARCHIVE_WARN)
        return failed(reader, err);
    *ret = (struct dj_member){
        .name = archive_entry_pathname(entry),
        .type = type_of(entry),
        .target = archive_entry_symlink(entry),
    };
    if (ret->name == NULL)
        return dj_err_set(err, EBADMSG, "it has a member whose name cannot be read");
    if (archive_entry_size(entry) < 0)
        return dj_err_set(err, EBADMSG, "it has a member whose size cannot be");
    ret->size = (uint64_t)archive_entry_size(entry);
    return 1;
}

ssize_t dj_archive_read(struct dj_archive_reader *reader, void *piece, size_t size,
                        struct dj_err *err)
{
    la_ssize_t n = archive_read_data(reader->archive, piece, size);

    return n < 0 ? failed(reader, err) : n;
}

uint64_t dj_archive_bytes(const struct dj_archive_reader *reader)
{
    int64_t bytes = archive_filter_bytes(reader->archive, -1);

    return bytes < 0 ? 0 : (uint64_t)bytes;
}

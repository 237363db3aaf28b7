/*
 * nullfs: the least a FUSE file system can do, to compare djfs with. One file, /file, of a given
 * size; every attribute and name may be kept for an hour, opens keep the page cache, closing sends
 * no FLUSH. So each open+read+close of a warm file costs one OPEN round trip through this process
 * and one RELEASE that nobody waits for, which is what a mount that sees every open must pay.
 *
 *     nullfs SIZE FOLDER        mounts and serves in the foreground until unmounted or SIGTERM;
 *                               prints "ready" when the mount can be used
 *
 * One thread, libfuse's own loop, low-level interface: bench/openread measures it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/fuse.h"

#define KEEP_SECONDS 3600.0
#define FILE_INO 2

static char *content;
static size_t content_size;

static int stat_of(fuse_ino_t ino, struct stat *st)
{
    memset(st, 0, sizeof(*st));
    st->st_ino = ino;
    st->st_nlink = 1;
    if (ino == FUSE_ROOT_ID) {
        st->st_mode = S_IFDIR | 0755;
        return 0;
    }
    st->st_mode = S_IFREG | 0444;
    st->st_size = (off_t)content_size;
    return ino == FILE_INO ? 0 : ENOENT;
}

static void null_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param entry = {
        .ino = FILE_INO,
        .generation = 1,
        .attr_timeout = KEEP_SECONDS,
        .entry_timeout = KEEP_SECONDS,
    };

    if (parent != FUSE_ROOT_ID || strcmp(name, "file") != 0) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    stat_of(FILE_INO, &entry.attr);
    fuse_reply_entry(req, &entry);
}

static void null_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
    struct stat st;
    int error = stat_of(ino, &st);

    (void)file;
    if (error != 0)
        fuse_reply_err(req, error);
    else
        fuse_reply_attr(req, &st, KEEP_SECONDS);
}

static void null_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
    if (ino != FILE_INO) {
        fuse_reply_err(req, EISDIR);
        return;
    }
    file->keep_cache = 1;
    file->noflush = 1;
    fuse_reply_open(req, file);
}

static void null_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                      struct fuse_file_info *file)
{
    size_t at = (size_t)offset;

    (void)ino;
    (void)file;
    if (at >= content_size)
        fuse_reply_buf(req, NULL, 0);
    else
        fuse_reply_buf(req, content + at, size < content_size - at ? size : content_size - at);
}

static const struct fuse_lowlevel_ops ops = {
    .lookup = null_lookup,
    .getattr = null_getattr,
    .open = null_open,
    .read = null_read,
};

static int serve(char *program, const char *folder)
{
    char *argv[] = {program, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    struct fuse_session *session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
    int status = 1;

    if (session == NULL)
        return 1;
    if (fuse_set_signal_handlers(session) == 0) {
        if (fuse_session_mount(session, folder) == 0) {
            puts("ready");
            fflush(stdout);
            status = fuse_session_loop(session) < 0 ? 1 : 0;
            fuse_session_unmount(session);
        }
        fuse_remove_signal_handlers(session);
    }
    fuse_session_destroy(session);
    fuse_opt_free_args(&args);
    return status;
}

int main(int argc, char **argv)
{
    char *end;
    int status;

    if (argc != 3) {
        fprintf(stderr, "usage: nullfs SIZE FOLDER\n");
        return 2;
    }
    errno = 0;
    content_size = (size_t)strtoul(argv[1], &end, 10);
    if (errno != 0 || *end != '\0' || content_size > (size_t)1 << 30) {
        fprintf(stderr, "nullfs: %s is not a size up to 1 GiB\n", argv[1]);
        return 2;
    }
    content = malloc(content_size + 1);
    if (content == NULL) {
        fprintf(stderr, "nullfs: no memory for %zu bytes\n", content_size);
        return 1;
    }
    memset(content, 'x', content_size);
    status = serve(argv[0], argv[2]);
    free(content);
    return status;
}

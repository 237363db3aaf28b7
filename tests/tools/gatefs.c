/*
 * gatefs FILE GATE FOLDER: a file that cannot be read yet. Mounts a folder with one file, /file,
 * that is FILE but for one thing: reading it blocks while GATE exists. Looking at it does not.
 *
 * Prints "ready" when the mount can be used; serves until unmounted or SIGTERM.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/fuse.h"

enum { FILE_INO = 2, LOOK_AGAIN_MS = 20 };

static const char *backing, *gate;

static int stat_of(fuse_ino_t ino, struct stat *st)
{
    if (ino == FILE_INO && stat(backing, st) < 0)
        return errno;
    if (ino != FILE_INO)
        *st = (struct stat){.st_mode = S_IFDIR | 0755, .st_nlink = 2};
    st->st_ino = ino;
    return 0;
}

static void gate_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param entry = {.ino = FILE_INO, .generation = 1};
    int error = parent == FUSE_ROOT_ID && strcmp(name, "file") == 0 ? stat_of(FILE_INO, &entry.attr)
                                                                    : ENOENT;

    if (error != 0)
        fuse_reply_err(req, error);
    else
        fuse_reply_entry(req, &entry);
}

static void gate_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
    struct stat st;
    int error = stat_of(ino, &st);

    (void)file;
    if (error != 0)
        fuse_reply_err(req, error);
    else
        fuse_reply_attr(req, &st, 0);
}

static void gate_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
    int fd = ino == FILE_INO ? open(backing, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0) {
        fuse_reply_err(req, ino == FILE_INO ? errno : EISDIR);
        return;
    }
    file->fh = (uint64_t)fd;
    file->direct_io = 1;
    fuse_reply_open(req, file);
}

static void gate_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                      struct fuse_file_info *file)
{
    char *bytes = malloc(size + 1);
    ssize_t n;

    (void)ino;
    while (access(gate, F_OK) == 0 && !fuse_req_interrupted(req))
        poll(NULL, 0, LOOK_AGAIN_MS);
    n = bytes == NULL ? -1 : pread((int)file->fh, bytes, size, offset);
    if (n < 0)
        fuse_reply_err(req, EIO);
    else
        fuse_reply_buf(req, bytes, (size_t)n);
    free(bytes);
}

static void gate_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
    (void)ino;
    close((int)file->fh);
    fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops ops = {
    .lookup = gate_lookup,
    .getattr = gate_getattr,
    .open = gate_open,
    .read = gate_read,
    .release = gate_release,
};

int main(int argc, char **argv)
{
    char *words[] = {argv[0], NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, words);
    struct fuse_session *session;
    int status = 1;

    if (argc != 4) {
        fprintf(stderr, "usage: gatefs FILE GATE FOLDER\n");
        return 2;
    }
    backing = argv[1];
    gate = argv[2];
    session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
    if (session != NULL && fuse_set_signal_handlers(session) == 0) {
        if (fuse_session_mount(session, argv[3]) == 0) {
            puts("ready");
            fflush(stdout);
            status = fuse_session_loop_mt(session, NULL) < 0 ? 1 : 0;
            fuse_session_unmount(session);
        }
        fuse_remove_signal_handlers(session);
    }
    if (session != NULL)
        fuse_session_destroy(session);
    fuse_opt_free_args(&args);
    return status;
}

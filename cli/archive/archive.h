/*
 * Archives of runs: tar files that anybody can read with tar and a text editor (dj-archive(5)).
 *
 * The only user of libarchive. Writing and reading are streams: no member is ever whole in memory
 * but for the small ones that describe a run.
 *
 * Reading believes nothing. A name, a size, a type of the archive is only ever compared with the
 * one that has to come next, never used: dj_archive_runs() knows from a run's record which members
 * follow, in which order, of which size and digest, and refuses whatever else comes.
 */
#ifndef DJ_CLI_ARCHIVE_ARCHIVE_H
#define DJ_CLI_ARCHIVE_ARCHIVE_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/outgoing.h"
#include "cli/progress_bar.h"

/* ---- write.c ---- */

struct dj_archive_writer;

/*
 * dj_archive_create(path, fd, ret, err): a tar that goes to the descriptor; path decides by its end
 * whether it is compressed (.gz .xz .bz2 .zst), and may be NULL.
 */
int dj_archive_create(const char *path, int fd, struct dj_archive_writer **ret,
                      struct dj_err *err) DJ_MUST_CHECK;
/* A file: begin, then its bytes in any number of pieces. mode: type and permission bits. */
int dj_archive_begin(struct dj_archive_writer *writer, const char *name, mode_t mode,
                     uint64_t mtime_ns, uint64_t size, struct dj_err *err) DJ_MUST_CHECK;
int dj_archive_piece(struct dj_archive_writer *writer, struct dj_bytes piece,
                     struct dj_err *err) DJ_MUST_CHECK;
int dj_archive_link(struct dj_archive_writer *writer, const char *name, const char *target,
                    uint64_t mtime_ns, struct dj_err *err) DJ_MUST_CHECK;
/* dj_archive_close(): all is written, unless code is negative already; frees. */
int dj_archive_close(struct dj_archive_writer *writer, int code, struct dj_err *err) DJ_MUST_CHECK;

/* ---- put.c: head, runs, end ---- */

int dj_archive_put_head(struct dj_archive_writer *writer, const char *store,
                        struct dj_err *err) DJ_MUST_CHECK;
int dj_archive_put_run(struct dj_archive_writer *writer, struct dj_outgoing *run,
                       struct dj_err *err) DJ_MUST_CHECK;
int dj_archive_put_end(struct dj_archive_writer *writer, uint64_t runs,
                       struct dj_err *err) DJ_MUST_CHECK;

/* ---- read.c ---- */

struct dj_archive_reader;

struct dj_member {
    const char *name; /* valid until the next member */
    mode_t type;      /* S_IFREG, S_IFDIR, S_IFLNK; 0: anything else, hard links included */
    uint64_t size;
    const char *target;
};

/* dj_archive_open(path, ret, err): "-": standard input. */
int dj_archive_open(const char *path, struct dj_archive_reader **ret,
                    struct dj_err *err) DJ_MUST_CHECK;
void dj_archive_free(struct dj_archive_reader *reader);
/* dj_archive_next(): 1; 0: the end. */
int dj_archive_next(struct dj_archive_reader *reader, struct dj_member *ret,
                    struct dj_err *err) DJ_MUST_CHECK;
/* dj_archive_read(): bytes of the member, 0 at its end. */
ssize_t dj_archive_read(struct dj_archive_reader *reader, void *piece, size_t size,
                        struct dj_err *err) DJ_MUST_CHECK;
/* dj_archive_bytes(reader): read so far, of the file. */
uint64_t dj_archive_bytes(const struct dj_archive_reader *reader);

/* ---- runs.c ---- */

/* A definition that came with the runs of a task, to be defined on request. */
struct dj_brought {
    char *task;
    struct dj_buf definition;
};

struct dj_archive_input {
    const char *path;         /* "-": standard input */
    struct dj *dj;
    struct dj_import *import; /* by dj; NULL: the archive is only checked */
    struct dj_bar *bar;
    const char *only;         /* the hex id of the one run that it has to hold, or NULL */
    struct dj_list brought;   /* struct dj_brought */
    uint64_t runs;            /* read so far */
};

/* dj_archive_runs(input, err): every run of the archive, in its order. What was read before
 * something is refused stays. */
int dj_archive_runs(struct dj_archive_input *input, struct dj_err *err) DJ_MUST_CHECK;
void dj_brought_release(struct dj_list *brought);

/* ---- manifest.c, pure: the digests of a run's members, as b2sum(1) writes them ---- */

struct dj_listed {
    struct dj_digest digest;
    char *name;
};

void dj_manifest_add(struct dj_buf *buf, const struct dj_digest *digest, struct dj_bytes name);
/* dj_manifest_parse(text, ret, err): struct dj_listed, without those of files/. */
int dj_manifest_parse(struct dj_bytes text, struct dj_list *ret, struct dj_err *err) DJ_MUST_CHECK;
void dj_manifest_release(struct dj_list *listed);

/* dj_head_parse(text, err): the first member: whose archive it is, and of which format. */
#define DJ_ARCHIVE_FORMAT 1
int dj_head_parse(struct dj_bytes text, struct dj_err *err) DJ_MUST_CHECK;
/* dj_end_parse(text, ret_runs, err): the last one. */
int dj_end_parse(struct dj_bytes text, uint64_t *ret_runs, struct dj_err *err) DJ_MUST_CHECK;
/* dj_run_folder_parse(name, ret_folder, err): runs/TASK/ID/ of runs/TASK/ID/manifest. */
int dj_run_folder_parse(const char *name, struct dj_buf *ret_folder,
                        struct dj_err *err) DJ_MUST_CHECK;

#endif

#include "lib/client/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/digest.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

/* A run taken out of a store. (dj.h) */

struct dj_export {
    struct dj_child child;
    uint64_t turn;                     /* of dj->exports: another one ends this one */
    uint64_t serial;                   /* of the connection */
    struct dj_message_in answer;
    const struct dj_msg_exported *run; /* in it */
    struct dj_contents contents;
    struct dj_buf files;               /* its list of files */
    struct dj_buf path;
    char hex[DJ_DIGEST_HEX_SIZE];
    /* the present content */
    struct dj_message_in opened;
    bool is_open;
    int fd;
    uint64_t offset;
};

static void close_content(struct dj_export *run)
{
    if (run->opened.fields != NULL)
        dj_message_release(&run->opened);
    run->opened = (struct dj_message_in){0};
    dj_close(run->fd);
    run->fd = -1;
    run->offset = 0;
    run->is_open = false;
}

static int fetch(struct dj_export *run, const struct dj_rec_content *content)
{
    struct dj *dj = run->child.dj;
    struct dj_msg_fetch ask = {.size = content->size};
    const struct dj_msg_opened *opened;
    int rc;

    dj_buf_add(&ask.digest, content->digest.b, sizeof(content->digest.b));
    rc = dj_connection_call(dj->connection, DJ_MSG_FETCH, &ask, DJ_MSG_OPENED, &run->opened,
                            &dj->err);
    dj_buf_release(&ask.digest);
    if (rc < 0) {
        run->opened = (struct dj_message_in){0};
        return rc;
    }
    opened = run->opened.fields;
    run->is_open = true;
    if (opened->has_content)
        return opened->content.len == content->size
                   ? 0
                   : dj_err_set(&dj->err, EIO, "the daemon gave less than there is");
    run->fd = dj_open(AT_FDCWD, opened->path == NULL ? "" : opened->path, O_RDONLY, 0);
    return run->fd < 0 ? dj_err_sys(&dj->err, -run->fd, "%s",
                                    opened->path == NULL ? "" : opened->path)
                       : 0;
}

static int64_t read_content(struct dj_export *run, const struct dj_rec_content *content,
                            void *bytes, size_t size)
{
    struct dj *dj = run->child.dj;
    size_t n = (size_t)DJ_MIN(content->size - run->offset, size);
    const struct dj_msg_opened *opened;
    ssize_t got;
    int rc = 0;

    if (n == 0)
        return 0;
    rc = run->is_open ? dj_interrupted(dj) : fetch(run, content);
    if (rc < 0)
        return rc;
    opened = run->opened.fields;
    if (opened->has_content) {
        memcpy(bytes, opened->content.data + run->offset, n);
        return (int64_t)n;
    }
    got = dj_pread_full(run->fd, bytes, n, run->offset);
    if (got < 0)
        return dj_err_sys(&dj->err, (int)-got, "%s", opened->path);
    return (size_t)got == n ? got
                            : dj_err_set(&dj->err, EIO, "%s is shorter than it has to be",
                                         opened->path);
}

/* What files there are has to be known. */
static int read_files(struct dj_export *run)
{
    const struct dj_rec_content *content = &run->contents.carried.instance.manifest;
    int64_t n = 1;

    while (n > 0) {
        n = read_content(run, content, dj_buf_room(&run->files, DJ_PIECE_MAX), DJ_PIECE_MAX);
        if (n > 0)
            run->files.len += (size_t)n;
        run->offset = run->files.len;
    }
    close_content(run);
    if (n < 0 || content->size == 0)
        return (int)n;
    return dj_contents_files(&run->contents, dj_buf_bytes(&run->files), &run->child.dj->err);
}

static int open_run(struct dj_export *run, uint64_t instance, unsigned flags)
{
    struct dj *dj = run->child.dj;
    struct dj_msg_export ask = {.instance = instance, .texts = (flags & DJ_TEXTS) != 0};
    int rc;

    if ((flags & ~(unsigned)DJ_TEXTS) != 0)
        return dj_err_set(&dj->err, EINVAL, "dj_export_open: there are no flags %#x", flags);
    run->turn = ++dj->exports;
    run->serial = dj->serial;
    rc = dj_connection_call(dj->connection, DJ_MSG_EXPORT, &ask, DJ_MSG_EXPORTED, &run->answer,
                            &dj->err);
    if (rc < 0) {
        run->answer = (struct dj_message_in){0};
        return rc;
    }
    run->run = run->answer.fields;
    dj_buf_addf(&run->path, "tasks/%s/", run->run->task);
    dj_buf_add_bytes(&run->path, dj_buf_bytes(&run->run->name));
    rc = dj_contents_open(&run->contents, dj_buf_bytes(&run->run->record), &dj->err);
    if (rc == 0)
        rc = read_files(run);
    if (rc < 0)
        return dj_err_prefix(&dj->err, rc, "%s", dj_buf_str(&run->path));
    dj_digest_hex(&run->contents.carried.id, run->hex);
    return 0;
}

struct dj_export *dj_export_open(struct dj *dj, uint64_t instance, unsigned flags)
{
    struct dj_export *run;
    int rc = dj_begin(dj);

    if (rc < 0)
        return NULL;
    run = dj_xcalloc(1, sizeof(*run));
    run->fd = -1;
    dj_child_add(dj, &run->child);
    rc = dj_end(dj, open_run(run, instance, flags));
    if (rc == 0)
        return run;
    dj_export_close(run);
    return NULL;
}

struct dj *dj_export_dj(const struct dj_export *run)
{
    return run->child.dj;
}

const char *dj_export_task(const struct dj_export *run)
{
    return run == NULL ? "" : run->contents.carried.task;
}

const char *dj_export_path(const struct dj_export *run)
{
    return run == NULL ? "" : dj_buf_str(&run->path);
}

const char *dj_export_id(const struct dj_export *run)
{
    return run == NULL ? "" : run->hex;
}

static const struct dj_buf *text_of(const struct dj_msg_exported *run, const char *name)
{
    return strcmp(name, "record") == 0       ? &run->record
           : strcmp(name, "key") == 0        ? &run->key
           : strcmp(name, "args") == 0       ? &run->args
           : strcmp(name, "meta") == 0       ? &run->meta
           : strcmp(name, "deps") == 0       ? &run->deps
           : strcmp(name, "definition") == 0 ? &run->definition
                                             : NULL;
}

int dj_export_text(const struct dj_export *run, const char *name, const void **ret,
                   size_t *ret_len)
{
    const struct dj_buf *text;

    if (run == NULL || name == NULL || ret == NULL || ret_len == NULL)
        return -EINVAL;
    text = text_of(run->run, name);
    if (text == NULL)
        return -ENOENT;
    *ret = dj_buf_str(text);
    *ret_len = text->len;
    return 0;
}

int dj_export_next(struct dj_export *run)
{
    if (run == NULL)
        return -EINVAL;
    close_content(run);
    return dj_contents_next(&run->contents);
}

const char *dj_export_name(const struct dj_export *run)
{
    return run == NULL || run->contents.content == NULL ? "" : dj_buf_str(&run->contents.name);
}

uint64_t dj_export_size(const struct dj_export *run)
{
    return run == NULL || run->contents.content == NULL ? 0 : run->contents.content->size;
}

static int still_readable(struct dj_export *run)
{
    struct dj *dj = run->child.dj;

    if (run->serial != dj->serial)
        return dj_err_set(&dj->err, ENOTCONN,
                          "the run was exported by a connection that has ended");
    if (run->turn != dj->exports)
        return dj_err_set(&dj->err, ESTALE, "another run is exported by this connection");
    return 0;
}

int64_t dj_export_read(struct dj_export *run, void *bytes, size_t size)
{
    struct dj_bytes rest;
    int64_t n;
    int rc = dj_child_begin(run == NULL ? NULL : &run->child);

    if (rc < 0)
        return rc;
    if (bytes == NULL && size != 0)
        rc = dj_null(run->child.dj, "the place of the bytes");
    if (rc == 0 && run->contents.content == NULL)
        rc = dj_err_set(&run->child.dj->err, EINVAL, "dj_export_next() comes before");
    if (rc == 0)
        rc = still_readable(run);
    if (rc == 0 && dj_contents_is_files(&run->contents)) {
        rest = dj_bytes_from(dj_buf_bytes(&run->files), (size_t)run->offset);
        n = (int64_t)DJ_MIN(rest.len, size);
        if (n > 0)
            memcpy(bytes, rest.data, (size_t)n);
    } else {
        n = rc < 0 ? rc : read_content(run, run->contents.content, bytes, size);
    }
    if (n > 0)
        run->offset += (uint64_t)n;
    rc = dj_end(run->child.dj, n < 0 ? (int)n : 0);
    return rc < 0 ? rc : n;
}

void dj_export_close(struct dj_export *run)
{
    if (run == NULL)
        return;
    dj_child_remove(&run->child);
    close_content(run);
    if (run->answer.fields != NULL)
        dj_message_release(&run->answer);
    dj_contents_release(&run->contents);
    dj_buf_release(&run->files);
    dj_buf_release(&run->path);
    free(run);
}

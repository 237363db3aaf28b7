/* The tree by paths: files, folders, links. (dj.h) */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/client/client.h"
#include "lib/client/tree.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { READ_MAX = 128 * 1024, PAGE = 256 };

/* 0 with the path below the mount. */
static int begin_at(struct dj *dj, const char *path, const char **ret)
{
    int rc = dj_begin(dj);

    if (rc == 0 && path == NULL)
        rc = dj_end(dj, dj_null(dj, "the path"));
    if (rc == 0)
        *ret = dj_below_mount(dj, path);
    return rc;
}

static void fill_stat(const struct dj_part_attr *attr, struct dj_stat *ret)
{
    *ret = (struct dj_stat){
        .ino = attr->ino,
        .size = attr->size,
        .mtime_ns = (int64_t)attr->mtime_ns,
        .mode = (uint32_t)attr->mode,
        .nlink = (uint32_t)attr->nlink,
        .uid = (uint32_t)attr->uid,
        .gid = (uint32_t)attr->gid,
    };
}

int dj_stat(struct dj *dj, const char *path, int follow, struct dj_stat *ret)
{
    struct dj_part_attr attr;
    int rc = begin_at(dj, path, &path);

    if (rc < 0)
        return rc;
    rc = ret == NULL ? dj_null(dj, "the place of what is there")
                     : dj_tree_find(dj->connection, path, follow != 0, &attr, &dj->err);
    if (rc == 0)
        fill_stat(&attr, ret);
    return dj_end(dj, rc);
}

static int gather(void *cookie, struct dj_bytes bytes)
{
    dj_buf_add_bytes(cookie, bytes);
    return 0;
}

int dj_cat(struct dj *dj, const char *path, char **ret, size_t *ret_len)
{
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;
    int rc = begin_at(dj, path, &path);

    if (rc < 0)
        return rc;
    rc = ret == NULL ? dj_null(dj, "the place of the bytes")
                     : dj_tree_read(dj->connection, path, gather, &bytes, &dj->err);
    rc = dj_end(dj, rc);
    if (rc < 0)
        return rc;
    if (ret_len != NULL)
        *ret_len = bytes.len;
    *ret = bytes.data == NULL ? dj_xstrdup("") : dj_buf_steal(&bytes);
    return 0;
}

int dj_write(struct dj *dj, const char *path, const void *bytes, size_t len)
{
    int rc = begin_at(dj, path, &path);

    if (rc < 0)
        return rc;
    rc = bytes == NULL && len != 0
             ? dj_null(dj, "the place of the bytes")
             : dj_tree_write(dj->connection, path, dj_bytes(bytes, len), &dj->err);
    return dj_end(dj, rc);
}

int dj_link(struct dj *dj, const char *path, char **ret)
{
    struct dj_part_attr attr;
    struct dj_msg_readlink readlink = {0};
    struct dj_message_in answer;
    int rc = begin_at(dj, path, &path);

    if (rc < 0)
        return rc;
    rc = ret == NULL ? dj_null(dj, "the place of the path")
                     : dj_tree_find(dj->connection, path, false, &attr, &dj->err);
    if (rc == 0 && !S_ISLNK(attr.mode))
        rc = dj_err_set(&dj->err, EINVAL, "%s is no link", path);
    if (rc == 0) {
        readlink.node = attr.node;
        rc = dj_connection_call_env(dj->connection, DJ_MSG_READLINK, &readlink, &readlink.env,
                                    DJ_MSG_LINK, &answer, &dj->err);
        dj_codec_release(dj_message_layout(DJ_MSG_READLINK), &readlink);
    }
    if (rc == 0) {
        *ret = dj_xstrdup(dj_buf_str(&((struct dj_msg_link *)answer.fields)->target));
        dj_message_release(&answer);
    }
    return dj_end(dj, rc);
}

/* The folder and the last name of a path without slashes at its end. */
static int unlink_path(struct dj *dj, char *path)
{
    struct dj_part_attr folder, attr;
    struct dj_msg_unlink message = {0};
    struct dj_message_in answer;
    char *slash;
    int rc;

    for (size_t len = strlen(path); len > 0 && path[len - 1] == '/'; len--)
        path[len - 1] = '\0';
    rc = dj_tree_find(dj->connection, path, false, &attr, &dj->err);
    if (rc < 0)
        return rc;
    slash = strrchr(path, '/');
    dj_buf_adds(&message.name, slash == NULL ? path : slash + 1);
    if (slash != NULL)
        *slash = '\0';
    rc = dj_tree_find(dj->connection, slash == NULL ? "" : path, true, &folder, &dj->err);
    message.node = folder.node;
    message.folder = S_ISDIR(attr.mode);
    if (rc == 0)
        rc = dj_connection_call(dj->connection, DJ_MSG_UNLINK, &message, DJ_MSG_OK, &answer,
                                &dj->err);
    if (rc == 0)
        dj_message_release(&answer);
    dj_buf_release(&message.name);
    return rc;
}

int dj_remove(struct dj *dj, const char *path)
{
    dj_cleanup_free char *copy = NULL;
    int rc = begin_at(dj, path, &path);

    if (rc < 0)
        return rc;
    copy = dj_xstrdup(path);
    return dj_end(dj, unlink_path(dj, copy));
}

/* ---- a file read piece by piece -------------------------------------------------------------- */

/* What comes whole with the opening is kept; large content is read from its file. */
struct dj_file {
    struct dj *dj;   /* NULL: it went */
    uint64_t serial; /* of the connection that opened it */
    struct dj_file *next;
    uint64_t node, handle, offset;
    struct dj_buf content;
    bool has_content;
    int fd;
};

static void take_opened(struct dj_file *file, const struct dj_msg_opened *opened,
                        struct dj_err *err)
{
    bool grows = (opened->flags & DJ_OPENED_DIRECT) != 0;

    file->handle = opened->handle;
    if (opened->has_content && !grows) {
        file->has_content = true;
        dj_buf_add_bytes(&file->content, dj_buf_bytes(&opened->content));
    } else if (opened->path != NULL && !grows) {
        file->fd = dj_open(AT_FDCWD, opened->path, O_RDONLY, 0);
        if (file->fd < 0)
            (void)dj_err_sys(err, -file->fd, "%s", opened->path);
    }
}

struct dj_file *dj_file_open(struct dj *dj, const char *path, unsigned flags)
{
    struct dj_part_attr attr;
    struct dj_message_in answer;
    struct dj_file *file;
    int rc = begin_at(dj, path, &path);

    if (rc < 0)
        return NULL;
    if ((flags & ~(unsigned)DJ_CACHED) != 0)
        rc = dj_err_set(&dj->err, EINVAL, "dj_file_open: there are no such flags");
    if (rc == 0)
        rc = dj_tree_open_path(dj->connection, path,
                               DJ_OPEN_READ | (flags != 0 ? DJ_OPEN_NONBLOCK : 0U), &attr, &answer,
                               &dj->err);
    if (dj_end(dj, rc) < 0)
        return NULL;
    file = dj_xcalloc(1, sizeof(*file));
    file->fd = -1;
    file->dj = dj;
    file->serial = dj->serial;
    file->node = attr.node;
    file->next = dj->files;
    dj->files = file;
    take_opened(file, answer.fields, &dj->err);
    dj_message_release(&answer);
    if (file->fd < -1) {
        dj_file_close(file);
        return NULL;
    }
    return file;
}

static int64_t ask_for(struct dj_file *file, void *bytes, size_t size)
{
    struct dj_msg_read read = {.node = file->node, .handle = file->handle,
                               .offset = file->offset, .size = DJ_MIN(size, (size_t)READ_MAX)};
    struct dj_message_in answer;
    struct dj_bytes data;
    int rc = dj_call(file->dj, DJ_MSG_READ, &read, NULL, DJ_MSG_DATA, &answer);

    if (rc < 0)
        return rc;
    data = dj_buf_bytes(&((struct dj_msg_data *)answer.fields)->bytes);
    data.len = DJ_MIN(data.len, size);
    if (data.len != 0)
        memcpy(bytes, data.data, data.len);
    dj_message_release(&answer);
    return (int64_t)data.len;
}

static int64_t read_piece(struct dj_file *file, void *bytes, size_t size)
{
    struct dj_bytes rest;
    ssize_t n;

    if (file->has_content) {
        rest = dj_bytes_from(dj_buf_bytes(&file->content), (size_t)file->offset);
        rest.len = DJ_MIN(rest.len, size);
        if (rest.len != 0)
            memcpy(bytes, rest.data, rest.len);
        return (int64_t)rest.len;
    }
    if (file->fd >= 0) {
        n = dj_pread_full(file->fd, bytes, size, file->offset);
        return n < 0 && file->dj != NULL ? dj_err_sys(&file->dj->err, (int)-n, "read") : n;
    }
    if (file->dj == NULL)
        return -ENOTCONN;
    if (file->dj->serial != file->serial)
        return dj_err_set(&file->dj->err, ENOTCONN,
                          "the file was opened by a connection that has ended");
    return ask_for(file, bytes, size);
}

int64_t dj_file_read(struct dj_file *file, void *bytes, size_t size)
{
    int64_t n;

    if (file == NULL || (bytes == NULL && size != 0))
        return -EINVAL;
    if (size == 0)
        return 0;
    n = read_piece(file, bytes, size);
    if (n > 0)
        file->offset += (uint64_t)n;
    return n;
}

void dj_file_close(struct dj_file *file)
{
    struct dj_file **at;

    if (file == NULL)
        return;
    if (file->dj != NULL) {
        struct dj_msg_release message = {file->node, file->handle};

        dj_notice_fork(file->dj);
        if (file->dj->serial == file->serial && file->dj->connection != NULL)
            (void)dj_connection_post(file->dj->connection, DJ_MSG_RELEASE, 0, &message);
        for (at = &file->dj->files; *at != file; at = &(*at)->next)
            continue;
        *at = file->next;
    }
    dj_close(file->fd);
    dj_buf_release(&file->content);
    free(file);
}

void dj_files_lose(struct dj *dj)
{
    for (struct dj_file *file = dj->files; file != NULL; file = file->next)
        file->dj = NULL;
}

#include "lib/client/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { LINKS_MAX = 40, DEPTH_MAX = 256, READ_SIZE = 128 * 1024, PAGE = 256 };

/* The nodes from the top to where the walk stands; ".." goes back along it. */
struct walk {
    struct dj_connection *connection;
    struct dj_part_attr at[DEPTH_MAX];
    size_t depth;
    unsigned links;
};

static int lookup(struct walk *walk, struct dj_bytes name, struct dj_part_attr *ret,
                  struct dj_err *err)
{
    struct dj_msg_lookup lookup = {.node = walk->at[walk->depth].node};
    struct dj_message_in answer;
    int rc;

    dj_buf_add_bytes(&lookup.name, name);
    rc = dj_connection_call(walk->connection, DJ_MSG_LOOKUP, &lookup, DJ_MSG_ENTRY, &answer, err);
    dj_buf_release(&lookup.name);
    if (rc < 0)
        return rc;
    *ret = ((struct dj_msg_entry *)answer.fields)->attr;
    dj_message_release(&answer);
    return 0;
}

static int readlink_of(struct walk *walk, uint64_t node, struct dj_buf *ret, struct dj_err *err)
{
    struct dj_msg_readlink readlink = {.node = node};
    struct dj_message_in answer;
    int rc = dj_connection_call_env(walk->connection, DJ_MSG_READLINK, &readlink, &readlink.env,
                                    DJ_MSG_LINK, &answer, err);

    dj_codec_release(dj_message_layout(DJ_MSG_READLINK), &readlink);
    if (rc < 0)
        return rc;
    dj_buf_add_bytes(ret, dj_buf_bytes(&((struct dj_msg_link *)answer.fields)->target));
    dj_message_release(&answer);
    return 0;
}

static int walk_path(struct walk *walk, struct dj_bytes path, bool follow, struct dj_err *err);

static int step(struct walk *walk, struct dj_bytes name, bool follow, struct dj_err *err)
{
    struct dj_part_attr attr;
    int rc;

    if (name.len == 0 || dj_bytes_is(name, "."))
        return 0;
    if (dj_bytes_is(name, "..")) {
        walk->depth -= walk->depth > 0;
        return 0;
    }
    rc = lookup(walk, name, &attr, err);
    if (rc == 0 && S_ISLNK(attr.mode) && follow) {
        dj_cleanup_buf struct dj_buf target = DJ_BUF_INIT;

        if (++walk->links > LINKS_MAX)
            return dj_err_set(err, ELOOP, "too many links");
        rc = readlink_of(walk, attr.node, &target, err);
        if (rc == 0 && target.len > 0 && target.data[0] == '/')
            return dj_err_set(err, EXDEV, "a link that leads out of the tree, to %s",
                              dj_buf_str(&target));
        return rc < 0 ? rc : walk_path(walk, dj_buf_bytes(&target), true, err);
    }
    if (rc == 0 && walk->depth + 1 == DEPTH_MAX)
        return dj_err_set(err, ENAMETOOLONG, "the path is too deep");
    if (rc == 0)
        walk->at[++walk->depth] = attr;
    return rc;
}

static int walk_path(struct walk *walk, struct dj_bytes path, bool follow, struct dj_err *err)
{
    while (path.len > 0) {
        const uint8_t *slash = memchr(path.data, '/', path.len);
        size_t len = slash == NULL ? path.len : (size_t)(slash - path.data);
        struct dj_bytes name = dj_bytes(path.data, len);
        int rc;

        path = dj_bytes_from(path, slash == NULL ? len : len + 1);
        rc = step(walk, name, follow || path.len > 0, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int dj_tree_find(struct dj_connection *connection, const char *path, bool follow,
                 struct dj_part_attr *ret, struct dj_err *err)
{
    struct walk *walk = dj_xcalloc(1, sizeof(*walk));
    int rc;

    walk->connection = connection;
    walk->at[0] = (struct dj_part_attr){.node = DJ_NODE_ROOT, .mode = S_IFDIR | 0555};
    rc = walk_path(walk, dj_bytes_of(path), follow, err);
    if (rc < 0)
        dj_err_prefix(err, rc, "%s", path);
    *ret = walk->at[walk->depth];
    free(walk);
    return rc;
}

/* An answer of ESTALE means: look again, there is a newer node now. */
int dj_tree_open_path(struct dj_connection *connection, const char *path, uint64_t flags,
                      struct dj_part_attr *ret, struct dj_message_in *answer, struct dj_err *err)
{
    int rc = 0;

    for (int tries = 0; tries < 3; tries++) {
        struct dj_msg_open open = {.flags = flags};

        dj_err_release(err);
        rc = dj_tree_find(connection, path, true, ret, err);
        if (rc < 0)
            return rc;
        if (S_ISDIR(ret->mode))
            return dj_err_set(err, EISDIR, "%s is a folder", path);
        open.node = ret->node;
        if (tries == 2)
            open.flags |= DJ_OPEN_CURRENT;
        rc = dj_connection_call_env(connection, DJ_MSG_OPEN, &open, &open.env, DJ_MSG_OPENED,
                                    answer, err);
        dj_codec_release(dj_message_layout(DJ_MSG_OPEN), &open);
        if (rc != -ESTALE)
            break;
    }
    return rc;
}

static void release(struct dj_connection *connection, uint64_t node, uint64_t handle)
{
    struct dj_msg_release message = {node, handle};

    (void)dj_connection_post(connection, DJ_MSG_RELEASE, 0, &message);
}

static int read_file(const char *path, dj_tree_bytes_fn *each, void *cookie, struct dj_err *err)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, path, O_RDONLY, 0);
    dj_cleanup_free uint8_t *chunk = dj_xmalloc(READ_SIZE);
    ssize_t n = 0;
    int rc = 0;

    if (fd < 0)
        return dj_err_sys(err, -fd, "%s", path);
    while (rc == 0 && (n = dj_read_full(fd, chunk, READ_SIZE)) > 0)
        rc = each(cookie, dj_bytes(chunk, (size_t)n));
    return rc < 0 ? rc : n < 0 ? dj_err_sys(err, (int)-n, "%s", path) : 0;
}

int dj_tree_read_on(struct dj_connection *connection, struct dj_tree_file *file,
                    dj_tree_bytes_fn *each, void *cookie, struct dj_err *err)
{
    for (;;) {
        struct dj_msg_read read = {.node = file->node, .handle = file->handle,
                                   .offset = file->offset, .size = READ_SIZE};
        struct dj_message_in answer;
        struct dj_bytes bytes;
        int rc = dj_connection_call(connection, DJ_MSG_READ, &read, DJ_MSG_DATA, &answer, err);

        if (rc < 0)
            return rc;
        bytes = dj_buf_bytes(&((struct dj_msg_data *)answer.fields)->bytes);
        file->offset += bytes.len;
        if (bytes.len != 0)
            rc = each(cookie, bytes);
        dj_message_release(&answer);
        if (rc < 0 || bytes.len == 0)
            return rc;
    }
}

int dj_tree_read(struct dj_connection *connection, const char *path, dj_tree_bytes_fn *each,
                 void *cookie, struct dj_err *err)
{
    struct dj_part_attr attr;
    struct dj_message_in answer;
    const struct dj_msg_opened *opened;
    struct dj_tree_file file;
    int rc = dj_tree_open_path(connection, path, DJ_OPEN_READ, &attr, &answer, err);

    if (rc < 0)
        return rc;
    opened = answer.fields;
    file = (struct dj_tree_file){attr.node, opened->handle, 0};
    if (opened->has_content)
        rc = each(cookie, dj_buf_bytes(&opened->content));
    else if (opened->path != NULL)
        rc = read_file(opened->path, each, cookie, err);
    else
        rc = dj_tree_read_on(connection, &file, each, cookie, err);
    release(connection, attr.node, opened->handle);
    dj_message_release(&answer);
    return rc;
}

int dj_tree_open(struct dj_connection *connection, const char *path, struct dj_tree_file *ret,
                 struct dj_err *err)
{
    struct dj_part_attr attr;
    struct dj_message_in answer;
    int rc = dj_tree_open_path(connection, path, DJ_OPEN_READ, &attr, &answer, err);

    if (rc < 0)
        return rc;
    *ret = (struct dj_tree_file){attr.node, ((struct dj_msg_opened *)answer.fields)->handle, 0};
    dj_message_release(&answer);
    return 0;
}

void dj_tree_close(struct dj_connection *connection, const struct dj_tree_file *file)
{
    release(connection, file->node, file->handle);
}

int dj_tree_write(struct dj_connection *connection, const char *path, struct dj_bytes bytes,
                  struct dj_err *err)
{
    struct dj_part_attr attr;
    struct dj_message_in answer, written;
    struct dj_msg_write write = {0};
    int rc = dj_tree_open_path(connection, path, DJ_OPEN_WRITE, &attr, &answer, err);

    if (rc < 0)
        return rc;
    write.node = attr.node;
    write.handle = ((struct dj_msg_opened *)answer.fields)->handle;
    dj_buf_add_bytes(&write.bytes, bytes);
    rc = dj_connection_call_env(connection, DJ_MSG_WRITE, &write, &write.env, DJ_MSG_OK, &written,
                                err);
    if (rc == 0)
        dj_message_release(&written);
    dj_codec_release(dj_message_layout(DJ_MSG_WRITE), &write);
    release(connection, attr.node, ((struct dj_msg_opened *)answer.fields)->handle);
    dj_message_release(&answer);
    return rc;
}

static int list_page(struct dj_message_in *answer, struct dj_msg_readdir *readdir,
                     dj_tree_entry_fn *each, void *cookie)
{
    const struct dj_msg_dirents *dirents = answer->fields;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < dirents->entries.n; i++) {
        const struct dj_part_dirent *entry =
            DJ_LIST_AT(&dirents->entries, struct dj_part_dirent, i);

        readdir->cookie = entry->cookie;
        dj_buf_set(&readdir->after, dj_buf_bytes(&entry->name));
        if (!dj_bytes_is(dj_buf_bytes(&entry->name), ".") &&
            !dj_bytes_is(dj_buf_bytes(&entry->name), ".."))
            rc = each(cookie, entry);
    }
    return rc < 0 ? rc : dirents->end || dirents->entries.n == 0;
}

int dj_tree_list(struct dj_connection *connection, const char *path, dj_tree_entry_fn *each,
                 void *cookie, struct dj_err *err)
{
    struct dj_part_attr attr;
    struct dj_msg_readdir readdir = {.max = PAGE};
    int rc = dj_tree_find(connection, path, true, &attr, err);

    if (rc == 0 && !S_ISDIR(attr.mode))
        rc = dj_err_set(err, ENOTDIR, "%s is not a folder", path);
    readdir.node = attr.node;
    while (rc == 0) {
        struct dj_message_in answer;

        rc = dj_connection_call(connection, DJ_MSG_READDIR, &readdir, DJ_MSG_DIRENTS, &answer,
                                err);
        if (rc == 0) {
            rc = list_page(&answer, &readdir, each, cookie);
            dj_message_release(&answer);
        }
    }
    dj_buf_release(&readdir.after);
    return rc < 0 ? rc : 0;
}

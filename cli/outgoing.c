#include "cli/outgoing.h"

#include <errno.h>
#include <fcntl.h>

#include "cli/command.h"
#include "lib/model/carried.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

static int add_piece(void *cookie, struct dj_bytes piece, struct dj_err *err)
{
    (void)err;
    dj_buf_add_bytes(cookie, piece);
    return 0;
}

static int read_files(struct dj_outgoing *outgoing, struct dj_err *err)
{
    const struct dj_rec_instance *rec = &outgoing->carried.instance;
    int rc = 0;

    if (rec->manifest.size == 0)
        return 0;
    rc = dj_outgoing_content(outgoing, &rec->manifest, add_piece, &outgoing->files, err);
    if (rc == 0)
        rc = dj_codec_decode(&dj_layout_manifest, dj_buf_bytes(&outgoing->files),
                             &outgoing->manifest, err);
    return rc == 0 ? dj_carried_files_check(&outgoing->manifest, rec, err) : rc;
}

int dj_outgoing_open(struct dj_connection *connection, uint64_t instance, bool texts,
                     struct dj_outgoing *ret, struct dj_err *err)
{
    struct dj_msg_export ask = {.instance = instance, .texts = texts};
    int rc;

    *ret = (struct dj_outgoing){.connection = connection};
    rc = dj_connection_call(connection, DJ_MSG_EXPORT, &ask, DJ_MSG_EXPORTED, &ret->answer, err);
    if (rc < 0)
        return rc;
    ret->run = ret->answer.fields;
    rc = dj_codec_decode(&dj_layout_carried, dj_buf_bytes(&ret->run->record), &ret->carried, err);
    if (rc == 0)
        rc = dj_carried_check(&ret->carried, err);
    if (rc == 0)
        rc = read_files(ret, err);
    if (rc < 0) {
        rc = dj_err_prefix(err, rc, "tasks/%s/%s", ret->run->task, dj_buf_str(&ret->run->name));
        dj_outgoing_release(ret);
    }
    return rc;
}

void dj_outgoing_release(struct dj_outgoing *outgoing)
{
    dj_message_release(&outgoing->answer);
    dj_codec_release(&dj_layout_carried, &outgoing->carried);
    dj_codec_release(&dj_layout_manifest, &outgoing->manifest);
    dj_buf_release(&outgoing->files);
    *outgoing = (struct dj_outgoing){0};
}

static int read_path(const char *path, uint64_t size, dj_piece_fn *each, void *cookie,
                     struct dj_err *err)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, path, O_RDONLY, 0);
    dj_cleanup_free uint8_t *piece = dj_xmalloc(DJ_PIECE_MAX);
    uint64_t offset = 0;
    int rc = 0;

    if (fd < 0)
        return dj_err_sys(err, -fd, "%s", path);
    while (rc == 0 && offset < size) {
        ssize_t n = dj_pread_full(fd, piece, (size_t)DJ_MIN(size - offset, DJ_PIECE_MAX), offset);

        if (n <= 0)
            return n < 0 ? dj_err_sys(err, (int)-n, "%s", path)
                         : dj_err_set(err, EIO, "%s is shorter than it has to be", path);
        offset += (uint64_t)n;
        rc = dj_interrupt_code() != 0 ? -EINTR : each(cookie, dj_bytes(piece, (size_t)n), err);
    }
    return rc;
}

int dj_outgoing_content(struct dj_outgoing *outgoing, const struct dj_rec_content *content,
                        dj_piece_fn *each, void *cookie, struct dj_err *err)
{
    struct dj_msg_fetch ask = {.size = content->size};
    const struct dj_msg_opened *opened;
    struct dj_message_in answer;
    int rc;

    if (content->size == 0)
        return 0;
    dj_buf_add(&ask.digest, content->digest.b, sizeof(content->digest.b));
    rc = dj_connection_call(outgoing->connection, DJ_MSG_FETCH, &ask, DJ_MSG_OPENED, &answer, err);
    dj_buf_release(&ask.digest);
    if (rc < 0)
        return rc;
    opened = answer.fields;
    if (!opened->has_content)
        rc = read_path(opened->path == NULL ? "" : opened->path, content->size, each, cookie, err);
    else if (opened->content.len != content->size)
        rc = dj_err_set(err, EIO, "the daemon gave less than there is");
    else
        rc = each(cookie, dj_buf_bytes(&opened->content), err);
    dj_message_release(&answer);
    return rc;
}

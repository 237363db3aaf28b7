/* Frames handed over to the daemon, in groups of rows. (dj.h) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/client/request.h"
#include "lib/util/mem.h"

enum { GROUP_ROWS = 1000, GROUP_BYTES = 1 << 20, ROW_MAX = 4 << 20 };

struct dj_frame {
    struct dj_child child;
    struct dj_msg_frame head;
    struct dj_msg_rows group;
    size_t bytes;       /* of the group */
    uint64_t serial;    /* of the connection that it was begun on; 0: it is not begun */
    bool stored;
};

struct dj_frame *dj_frame_new(struct dj *dj, const char *name, const char *task, const char *as,
                              unsigned flags)
{
    struct dj_frame *frame;
    int rc = dj_fresh(dj);

    if (rc < 0)
        return NULL;
    if (name == NULL || task == NULL)
        rc = dj_null(dj, "the frame's name or task");
    else if ((flags & ~(unsigned)DJ_FORCE) != 0)
        rc = dj_err_set(&dj->err, EINVAL, "a frame has no flags %#x", flags);
    if (rc < 0)
        return NULL;
    frame = dj_xcalloc(1, sizeof(*frame));
    frame->head = (struct dj_msg_frame){.name = dj_xstrdup(name), .task = dj_xstrdup(task),
                                        .as = dj_xstrdup(as == NULL ? "result" : as),
                                        .flags = flags};
    dj_child_add(dj, &frame->child);
    return frame;
}

static int set(struct dj_frame *frame, char **at, const char *text)
{
    if (frame->child.dj == NULL)
        return -ENOTCONN;
    if (dj_fresh(frame->child.dj) < 0)
        return -EINVAL;
    if (frame->serial != 0)
        return dj_err_set(&frame->child.dj->err, EBUSY, "the frame has rows already");
    free(*at);
    *at = text == NULL || text[0] == '\0' ? NULL : dj_xstrdup(text);
    return 0;
}

int dj_frame_set_session(struct dj_frame *frame, const char *session)
{
    return frame == NULL ? -EINVAL : set(frame, &frame->head.session, session);
}

int dj_frame_set_launch(struct dj_frame *frame, const char *launch)
{
    return frame == NULL ? -EINVAL : set(frame, &frame->head.launch, launch);
}

/* Once, before its first rows go. */
static int begin(struct dj_frame *frame)
{
    struct dj *dj = frame->child.dj;
    struct dj_message_in answer;
    int rc = 0;

    if (frame->stored)
        return dj_err_set(&dj->err, EBUSY, "the frame %s is stored", frame->head.name);
    if (frame->serial == dj->serial)
        return 0;
    if (frame->serial != 0)
        return dj_err_set(&dj->err, ENOTCONN, "the rows before went to a daemon that went away");
    free(frame->head.cwd);
    frame->head.cwd = getcwd(NULL, 0);
    rc = dj_connection_call_env(dj->connection, DJ_MSG_FRAME, &frame->head, &frame->head.env,
                                DJ_MSG_OK, &answer, &dj->err);
    if (rc < 0)
        return rc;
    dj_message_release(&answer);
    frame->serial = dj->serial;
    return 0;
}

int dj_frame_start(struct dj_frame *frame)
{
    int rc = dj_child_begin(frame == NULL ? NULL : &frame->child);

    return rc < 0 ? rc : dj_end(frame->child.dj, begin(frame));
}

static int send(struct dj_frame *frame, bool end, uint64_t *ret_rows)
{
    struct dj *dj = frame->child.dj;
    struct dj_message_in answer;
    int rc = begin(frame);

    if (rc < 0)
        return rc;
    frame->group.end = end;
    rc = dj_connection_call(dj->connection, DJ_MSG_ROWS, &frame->group, DJ_MSG_OK, &answer,
                            &dj->err);
    dj_codec_release(dj_message_layout(DJ_MSG_ROWS), &frame->group);
    frame->bytes = 0;
    if (rc < 0)
        return rc;
    if (ret_rows != NULL)
        *ret_rows = ((const struct dj_msg_ok *)answer.fields)->number;
    dj_message_release(&answer);
    return 0;
}

static int check_row(struct dj_frame *frame, const char *row, size_t len, int n,
                     const char *const *words, const size_t *lens, size_t *ret_bytes)
{
    struct dj *dj = frame->child.dj;
    int rc = row == NULL ? dj_null(dj, "the row")
                         : dj_check_words(dj, n, words, lens, ret_bytes);

    if (rc < 0)
        return rc;
    *ret_bytes += len;
    if (*ret_bytes > ROW_MAX)
        return dj_err_set(&dj->err, E2BIG,
                          "a row of a stored frame has at most %d MiB with its arguments",
                          ROW_MAX >> 20);
    return 0;
}

int dj_frame_add(struct dj_frame *frame, const char *row, size_t len, int n,
                 const char *const *words, const size_t *lens)
{
    struct dj_part_frame_row *part;
    size_t bytes = 0;
    int rc = dj_child_begin(frame == NULL ? NULL : &frame->child);

    if (rc < 0)
        return rc;
    rc = begin(frame);
    if (rc == 0)
        rc = check_row(frame, row, len, n, words, lens, &bytes);
    if (rc == 0) {
        part = dj_list_add(&frame->group.rows, sizeof(*part));
        dj_buf_add(&part->row, row, len);
        dj_add_words(&part->words, n, words, lens);
        frame->bytes += bytes;
        if (frame->group.rows.n == GROUP_ROWS || frame->bytes >= GROUP_BYTES)
            rc = send(frame, false, NULL);
    }
    return dj_end(frame->child.dj, rc);
}

int dj_frame_store(struct dj_frame *frame, uint64_t *ret_rows)
{
    int rc = dj_child_begin(frame == NULL ? NULL : &frame->child);

    if (rc < 0)
        return rc;
    rc = send(frame, true, ret_rows);
    frame->stored = rc == 0;
    return dj_end(frame->child.dj, rc);
}

void dj_frame_free(struct dj_frame *frame)
{
    if (frame == NULL)
        return;
    dj_child_remove(&frame->child);
    dj_codec_release(dj_message_layout(DJ_MSG_FRAME), &frame->head);
    dj_codec_release(dj_message_layout(DJ_MSG_ROWS), &frame->group);
    free(frame);
}

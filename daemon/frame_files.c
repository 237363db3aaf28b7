/* The files of a stored frame: opened, counted, replaced. (frames_impl.h) */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/frames_impl.h"
#include "lib/model/row_call.h"
#include "lib/util/fdio.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"
#include "lib/wire/frame.h"

enum { READ_SIZE = 256 << 10, STATE_MAX = 1 << 20 };

static const char *const states[] = {"filling", "running", "ended", "cancelled", "stopped"};

void frame_path(const struct dj_frame *frame, const char *file, struct dj_buf *ret)
{
    dj_buf_clear(ret);
    dj_buf_addf(ret, "%s/%s", frame->dir, file);
}

void dj_frame_file_unref(struct dj_frame_file *file)
{
    if (file == NULL || --file->refs != 0)
        return;
    dj_close(file->fd);
    free(file);
}

static struct dj_frame_file *file_open(const struct dj_frame *frame, const char *name, bool next,
                                       struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct dj_frame_file *file;
    int fd;

    frame_path(frame, name, &path);
    if (next)
        dj_buf_adds(&path, ".next");
    fd = dj_open(AT_FDCWD, dj_buf_str(&path), O_RDWR | O_CREAT | O_APPEND, 0600);
    if (fd < 0) {
        (void)dj_err_sys(err, -fd, "%s", dj_buf_str(&path));
        return NULL;
    }
    file = dj_xcalloc(1, sizeof(*file));
    file->fd = fd;
    file->refs = 1;
    return file;
}

void frame_output_release(struct frame_output *output)
{
    dj_frame_file_unref(output->results);
    dj_frame_file_unref(output->table);
    dj_row_writer_release(&output->writer);
    *output = (struct frame_output){0};
}

/* ---- counting ---- */

static int append(struct dj_frame_file *file, struct dj_buf *text, struct dj_err *err)
{
    int rc = text->len == 0 ? 0 : dj_write_full(file->fd, text->data, text->len);

    file->size += rc == 0 ? text->len : 0;
    dj_buf_clear(text);
    return rc < 0 ? dj_err_sys(err, -rc, "a frame could not be written") : 0;
}

/* The header of the table is there from the start. */
static void add_header(const struct dj_frame *frame, struct frame_output *output,
                       struct dj_buf *ret)
{
    dj_cleanup_row struct dj_row columns = DJ_ROW_INIT;

    dj_row_answer(&frame->columns, NULL, NULL, frame->ask->as, DJ_BYTES_LIT(""), NULL, true,
                  &columns);
    output->writer.format = DJ_ROWS_CSV;
    dj_row_write_header(&output->writer, &columns, ret);
}

static void count_row(struct frame_output *output, const struct dj_row *row, struct dj_buf *table)
{
    output->ended++;
    if (!dj_bytes_is(dj_row_get(row, DJ_BYTES_LIT("status")), "\"done\""))
        output->failed++;
    (void)!dj_row_write(&output->writer, row, table, NULL);
}

/* The rows of results.jsonl once more, and into the table. */
static int count_rows(struct frame_output *output, struct dj_err *err)
{
    struct dj_row_reader reader = {.format = DJ_ROWS_JSON, .file = "results.jsonl"};
    dj_cleanup_buf struct dj_buf in = DJ_BUF_INIT, table = DJ_BUF_INIT;
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    uint64_t offset = 0;
    ssize_t n = 1;
    int rc = 0;

    while (rc == 0 && n > 0) {
        size_t used = 0;

        n = dj_pread_full(output->results->fd, dj_buf_room(&in, READ_SIZE), READ_SIZE, offset);
        if (n < 0)
            return dj_err_sys(err, (int)-n, "a frame could not be read");
        in.len += (size_t)n;
        offset += (uint64_t)n;
        while ((rc = dj_row_read(&reader, dj_buf_bytes(&in), false, &row, &used, err)) == 1) {
            count_row(output, &row, &table);
            output->results->size += used;
            dj_buf_consume(&in, used);
        }
        if (rc == 0)
            rc = append(output->table, &table, err);
    }
    return rc;
}

int frame_open_output(struct dj_frame *frame, bool next, struct frame_output *ret,
                      struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf header = DJ_BUF_INIT;
    int rc = 0;

    *ret = (struct frame_output){0};
    ret->results = file_open(frame, "results.jsonl", next, err);
    ret->table = ret->results == NULL ? NULL : file_open(frame, "table.csv", next, err);
    if (ret->table == NULL || ftruncate(ret->table->fd, 0) < 0)
        rc = -EIO;
    if (rc == 0) {
        add_header(frame, ret, &header);
        rc = append(ret->table, &header, err);
    }
    if (rc == 0)
        rc = count_rows(ret, err);
    if (rc == 0 && ftruncate(ret->results->fd, (off_t)ret->results->size) < 0)
        rc = dj_err_sys(err, errno, "a frame could not be cut");
    if (rc < 0)
        frame_output_release(ret);
    return rc;
}

static int rename_next(struct dj_frame *frame, const char *name, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf from = DJ_BUF_INIT, to = DJ_BUF_INIT;

    frame_path(frame, name, &to);
    dj_buf_addf(&from, "%s.next", dj_buf_str(&to));
    return rename(dj_buf_str(&from), dj_buf_str(&to)) < 0
               ? dj_err_sys(err, errno, "%s", dj_buf_str(&to))
               : 0;
}

/* The table is made anew from the results by a daemon that comes between the two. */
int frame_replace_output(struct dj_frame *frame, struct dj_err *err)
{
    int rc = rename_next(frame, "results.jsonl", err);

    if (rc == 0)
        rc = rename_next(frame, "table.csv", err);
    return rc;
}

int frame_remove_output(struct dj_frame *frame)
{
    static const char *const names[] = {"results.jsonl.next", "table.csv.next"};
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    int rc = 0;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(names); i++) {
        frame_path(frame, names[i], &path);
        if (unlink(dj_buf_str(&path)) < 0 && errno != ENOENT)
            rc = -errno;
    }
    return rc;
}

int frame_keep_output(struct dj_frame *frame, struct dj_err *err)
{
    struct dj_frame_file **files[] = {&frame->out.results, &frame->out.table};
    static const char *const names[] = {"results.jsonl", "table.csv"};
    struct stat st;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(files); i++) {
        *files[i] = file_open(frame, names[i], false, err);
        if (*files[i] == NULL)
            return -EIO;
        if (fstat((*files[i])->fd, &st) < 0)
            return dj_err_sys(err, errno, "%s", names[i]);
        (*files[i])->size = (uint64_t)st.st_size;
    }
    return 0;
}

/* ---- state ---- */


/* Two lines: what it does, and its columns as a row. */
int frame_save_state(struct dj_frame *frame, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT, path = DJ_BUF_INIT;
    dj_cleanup_row struct dj_row columns = DJ_ROW_INIT;
    int rc;

    dj_row_copy(&columns, &frame->columns);
    for (size_t i = 0; i < columns.n; i++)
        dj_buf_set(&columns.cells[i].value, DJ_BYTES_LIT("null"));
    dj_buf_addf(&text, "%s %d %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", states[frame->state],
                frame->retrying, frame->rows, frame->out.ended, frame->out.failed);
    dj_row_print(&text, &columns);
    if (frame->why != NULL)
        dj_buf_addf(&text, "%s\n", frame->why);
    frame_path(frame, "state", &path);
    rc = dj_replace_file(AT_FDCWD, dj_buf_str(&path), dj_buf_bytes(&text), 0600);
    return rc < 0 ? dj_err_sys(err, -rc, "%s", dj_buf_str(&path)) : 0;
}

static int parse_state(struct dj_frame *frame, struct dj_bytes text)
{
    uint64_t *const counts[] = {&frame->rows, &frame->out.ended, &frame->out.failed};
    struct dj_bytes line, word, columns;

    if (!dj_next_line(&text, &line) || !dj_next_line(&text, &columns) ||
        !dj_next_item(&line, &word))
        return -EINVAL;
    for (size_t i = 0; i < DJ_ARRAY_SIZE(states); i++) {
        if (dj_bytes_is(word, states[i]))
            frame->state = (enum frame_state)i;
    }
    if (!dj_next_item(&line, &word))
        return -EINVAL;
    frame->retrying = dj_bytes_is(word, "1");
    for (size_t i = 0; i < DJ_ARRAY_SIZE(counts); i++) {
        if (!dj_next_item(&line, &word) || dj_parse_uint(word, counts[i], NULL) < 0)
            return -EINVAL;
    }
    if (dj_next_line(&text, &line))
        frame->why = dj_xmemdup0(line.data, line.len);
    return dj_row_parse(&frame->columns, columns, NULL);
}

/* The first message of the file of rows. */
static int load_head(struct dj_frame *frame)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, text = DJ_BUF_INIT;
    struct dj_bytes body;
    size_t used;
    ssize_t n;
    int rc;

    frame_path(frame, "rows", &path);
    frame->rows_fd = dj_open(AT_FDCWD, dj_buf_str(&path), O_RDONLY, 0);
    if (frame->rows_fd < 0)
        return frame->rows_fd;
    n = dj_pread_full(frame->rows_fd, dj_buf_room(&text, STATE_MAX), STATE_MAX, 0);
    if (n < 0)
        return (int)n;
    text.len = (size_t)n;
    rc = dj_frame_next(dj_buf_bytes(&text), &body, &used);
    if (rc != 1 || dj_message_decode(body, &frame->head, NULL) < 0 ||
        frame->head.number != DJ_MSG_FRAME)
        return -EINVAL;
    frame->ask = frame->head.fields;
    frame->read_at = used;
    return 0;
}

static int load(struct dj_frame *frame)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, text = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    frame_path(frame, "state", &path);
    rc = dj_read_file(AT_FDCWD, dj_buf_str(&path), STATE_MAX, &text);
    if (rc == 0)
        rc = parse_state(frame, dj_buf_bytes(&text));
    if (rc == 0)
        rc = load_head(frame);
    /* What was being written when the daemon ended is counted: the state says how far it was. */
    if (rc == 0 && (frame->state != FRAME_RUNNING || frame->retrying))
        rc = frame_keep_output(frame, &err);
    else if (rc == 0)
        rc = frame_open_output(frame, false, &frame->out, &err);
    if (rc == 0 && frame->retrying)
        rc = frame_open_output(frame, true, &frame->again, &err);
    return rc;
}

struct dj_frame *frame_load(struct dj_frames *frames, const char *name)
{
    struct dj_frame *frame = frame_new(frames, name);
    int rc = load(frame);

    if (rc == 0 && frame->state != FRAME_FILLING)
        return frame;
    if (rc == -ENOENT || rc == 0)
        (void)!dj_remove_tree(AT_FDCWD, frame->dir); /* it was never handed over to its end */
    else
        dj_log_warning("the frame %s cannot be read: %s", name, strerror(-rc));
    frame_free(frame);
    return NULL;
}

/*
 * The calls of a stored frame, made and written down. (frames_impl.h)
 *
 * Rows are read from their file as they are needed, and at most ROWS_MAX of them are in memory. A
 * turn of the loop takes a few hundred; so a frame of hits does not keep others waiting.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/frames_impl.h"
#include "daemon/outcome.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/wire/frame.h"

enum {
    ROWS_MAX = 1000,
    TURN_MAX = 250,
    READ_SIZE = 1 << 20,
    HELD_MAX = 64 << 20, /* bytes of results */
};

struct frame_row {
    struct frame_row *next;
    struct dj_frame *frame;
    struct dj_calling *calling;
    struct dj_part_frame_row ask;
    bool ended;
    bool copied;          /* of a retry: row is a line of results.jsonl */
    struct dj_buf line;
    struct dj_part_outcome outcome;
};

static struct frame_output *output_of(struct dj_frame *frame)
{
    return frame->retrying ? &frame->again : &frame->out;
}

/* A row by the message that has it as a part. */
static void row_free(struct frame_row *row)
{
    struct dj_msg_rows rows = {0};

    dj_outcome_release(&row->outcome);
    *(struct dj_part_frame_row *)dj_list_add(&rows.rows, sizeof(row->ask)) = row->ask;
    dj_codec_release(dj_message_layout(DJ_MSG_ROWS), &rows);
    dj_buf_release(&row->line);
    free(row);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int open_rows(struct dj_frame *frame)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    if (frame->rows_fd < 0) {
        frame_path(frame, "rows", &path);
        frame->rows_fd = dj_open(AT_FDCWD, dj_buf_str(&path), O_RDONLY, 0);
    }
    if (frame->rows_fd >= 0 && frame->retrying && frame->old_fd < 0) {
        frame_path(frame, "results.jsonl", &path);
        frame->old_fd = dj_open(AT_FDCWD, dj_buf_str(&path), O_RDONLY, 0);
        frame->old_reader = (struct dj_row_reader){.format = DJ_ROWS_JSON,
                                                   .file = "results.jsonl"};
        if (frame->old_fd < 0)
            return frame->old_fd;
    }
    return frame->rows_fd < 0 ? frame->rows_fd : 0;
}

/* The next message of the file of rows. */
static int read_message(struct dj_frame *frame, struct dj_message_in *ret)
{
    struct dj_bytes body;
    size_t used;
    ssize_t n;
    int rc;

    while ((rc = dj_frame_next(dj_buf_bytes(&frame->in), &body, &used)) == 0) {
        n = dj_pread_full(frame->rows_fd, dj_buf_room(&frame->in, READ_SIZE), READ_SIZE,
                          frame->read_at + frame->in.len);
        if (n <= 0)
            return n < 0 ? (int)n : -EUCLEAN;
        frame->in.len += (size_t)n;
    }
    if (rc < 0 || dj_message_decode(body, ret, NULL) < 0)
        return -EUCLEAN;
    dj_buf_consume(&frame->in, used);
    frame->read_at += used;
    return 0;
}

static int read_group(struct dj_frame *frame)
{
    int rc;

    dj_message_release(&frame->group);
    frame->group = (struct dj_message_in){0};
    frame->taken = 0;
    rc = read_message(frame, &frame->group);
    return rc == 0 && frame->group.number != DJ_MSG_ROWS ? -EUCLEAN : rc;
}

/* It is in memory already. */
static int skip_head(struct dj_frame *frame)
{
    struct dj_message_in head = {0};
    int rc;

    frame->read_at = 0;
    dj_buf_clear(&frame->in);
    rc = read_message(frame, &head);
    dj_message_release(&head);
    return rc;
}

/* The line that an earlier try has for the row, and whether it is done. */
static int read_old(struct dj_frame *frame, struct dj_buf *ret, bool *ret_done)
{
    struct dj_bytes rest;
    size_t used = 0;
    ssize_t n;
    int rc;

    *ret_done = false;
    for (;;) {
        rest = dj_bytes_from(dj_buf_bytes(&frame->old_in), frame->old_used);
        rc = dj_row_read(&frame->old_reader, rest, frame->old_end, &frame->row, &used, NULL);
        if (rc != 0 || frame->old_end)
            break;
        dj_buf_consume(&frame->old_in, frame->old_used);
        frame->old_used = 0;
        n = dj_read_full(frame->old_fd, dj_buf_room(&frame->old_in, READ_SIZE), READ_SIZE);
        if (n < 0)
            return (int)n;
        frame->old_in.len += (size_t)n;
        frame->old_end = n == 0;
    }
    if (rc <= 0)
        return rc;
    *ret_done = dj_bytes_is(dj_row_get(&frame->row, DJ_BYTES_LIT("status")), "\"done\"");
    if (*ret_done)
        dj_buf_set(ret, dj_bytes(rest.data, used));
    frame->old_used += used;
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_row(struct dj_frame *frame, struct frame_row *row)
{
    struct frame_output *out = output_of(frame);

    if (row->copied) {
        (void)!dj_row_parse(&frame->answer, dj_buf_bytes(&row->line), NULL);
        dj_buf_add_bytes(&frame->results_text, dj_buf_bytes(&row->line));
    } else {
        (void)!dj_row_parse(&frame->row, dj_buf_bytes(&row->ask.row), NULL);
        dj_outcome_row(&row->outcome, &frame->row, frame->ask->as, false, &frame->answer);
        dj_row_print(&frame->results_text, &frame->answer);
        out->failed += row->outcome.code != 0;
    }
    (void)!dj_row_write(&out->writer, &frame->answer, &frame->table_text, NULL);
    out->ended++;
}

static int append(struct dj_frame_file *file, struct dj_buf *text)
{
    int rc = text->len == 0 ? 0 : dj_write_full(file->fd, text->data, text->len);

    if (rc == 0)
        file->size += text->len;
    dj_buf_clear(text);
    return rc;
}

static int flush(struct dj_frame *frame)
{
    struct frame_output *out = output_of(frame);
    int rc;

    if (frame->results_text.len != 0)
        frame->changed_ns = dj_clock_now_ns();
    rc = append(out->results, &frame->results_text);
    return rc == 0 ? append(out->table, &frame->table_text) : rc;
}

static int write_ended(struct dj_frame *frame)
{
    while (frame->first != NULL && frame->first->ended) {
        struct frame_row *row = frame->first;

        frame->first = row->next;
        if (frame->first == NULL)
            frame->end = &frame->first;
        write_row(frame, row);
        frame->held -= row->outcome.content.len;
        frame->in_memory--;
        row_free(row);
    }
    return flush(frame);
}

/* ---- the end --------------------------------------------------------------------------------- */

void frame_leave(struct dj_frame *frame)
{
    struct frame_row *row = frame->first, *next;

    frame->first = NULL;
    frame->end = &frame->first;
    for (; row != NULL; row = next) {
        dj_cleanup_buf struct dj_buf unused = DJ_BUF_INIT;

        next = row->next;
        if (row->calling != NULL)
            dj_calling_leave(row->calling, &unused);
        row_free(row);
    }
    frame->in_memory = 0;
    frame->held = 0;
}

void frame_stopped(struct dj_frame *frame, const char *why)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    char *text = dj_xstrdup(why);

    frame_leave(frame);
    free(frame->why);
    frame->why = text;
    frame->state = FRAME_STOPPED;
    if (frame->retrying) {
        frame_output_release(&frame->again);
        (void)!frame_remove_output(frame);
        frame->retrying = false;
    }
    (void)!frame_save_state(frame, &err);
    frame->changed_ns = dj_clock_now_ns();
    frame_answer_waiters(frame);
}

static void finished(struct dj_frame *frame, int code)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    if (code < 0)
        dj_err_sys(&err, -code, "the frame could not be synced");
    if (code == 0 && frame->retrying) {
        code = frame_replace_output(frame, &err);
        if (code == 0) {
            frame_output_release(&frame->out);
            frame->out = frame->again;
            frame->again = (struct frame_output){0};
            frame->retrying = false;
        }
    }
    frame->state = FRAME_ENDED;
    frame->rows_fd = dj_close(frame->rows_fd);
    frame->old_fd = dj_close(frame->old_fd);
    if (code == 0)
        code = frame_save_state(frame, &err);
    frame->changed_ns = dj_clock_now_ns();
    if (code < 0)
        frame_stopped(frame, dj_err_text(&err, code));
    else
        frame_answer_waiters(frame);
}

/* ---- calling --------------------------------------------------------------------------------- */

static void called(void *cookie, int code, struct dj_call *call, uint64_t instance,
                   const char *sentence)
{
    struct frame_row *row = cookie;
    struct dj_frame *frame = row->frame;

    row->calling = NULL;
    row->ended = true;
    if (code == -DJ_CODE_WANTS) {
        code = -EINVAL;
        sentence = "the task was defined anew, and wants variables of the environment";
    }
    dj_outcome(frame->frames->engine, NULL, code, call, instance, sentence, false, &row->outcome);
    frame->held += row->outcome.content.len;
    frame->largest = DJ_MAX(frame->largest, row->outcome.content.len);
    frame_go_on(frame);
}

static void set_plan(struct dj_frame *frame)
{
    const struct dj_msg_frame *ask = frame->ask;

    frame->plan = (struct dj_calling_plan){
        .engine = frame->frames->engine, .task = ask->task, .flags = (unsigned)ask->flags,
        .done = called,
        .asker = {.uid = (uint32_t)ask->uid, .gid = (uint32_t)ask->gid, .cwd = ask->cwd,
                  .env = ask->env.n == 0 ? NULL : &ask->env,
                  .session = dj_given(ask->session), .launch = dj_given(ask->launch),
                  .patient = true}};
    if (frame->retrying)
        frame->plan.flags &= ~(unsigned)DJ_GET_FORCE;
}

static void start(struct dj_frame *frame, struct dj_part_frame_row *ask, struct dj_buf *old)
{
    struct frame_row *row = dj_xcalloc(1, sizeof(*row));

    row->frame = frame;
    row->ask = *ask;
    *ask = (struct dj_part_frame_row){0};
    *frame->end = row;
    frame->end = &row->next;
    frame->in_memory++;
    if (old != NULL) {
        row->copied = row->ended = true;
        row->line = *old;
        *old = (struct dj_buf)DJ_BUF_INIT;
        return;
    }
    row->calling = dj_calling_start(&frame->plan, &row->ask.words, row);
}

/* The next row of the file. What was written by an earlier daemon is passed by. */
static int take_one(struct dj_frame *frame)
{
    struct dj_msg_rows *rows = frame->group.fields;
    dj_cleanup_buf struct dj_buf old = DJ_BUF_INIT;
    bool done = false;
    int rc = 0;

    if (rows == NULL || frame->taken == rows->rows.n) {
        rc = read_group(frame);
        rows = frame->group.fields;
    }
    if (rc == 0 && frame->retrying)
        rc = read_old(frame, &old, &done);
    if (rc < 0 || rows == NULL || rows->rows.n == 0)
        return rc < 0 ? rc : -EUCLEAN;
    frame->asked++;
    if (frame->asked <= frame->passed)
        frame->taken++;
    else
        start(frame, DJ_LIST_AT(&rows->rows, struct dj_part_frame_row, frame->taken++),
              done ? &old : NULL);
    return 0;
}

static bool has_room(const struct dj_frame *frame)
{
    size_t max = frame->largest == 0 ? ROWS_MAX
                                     : DJ_MIN((size_t)ROWS_MAX, HELD_MAX / frame->largest + 1);

    return frame->in_memory < max && frame->held < HELD_MAX;
}

static int take(struct dj_frame *frame)
{
    int rc = 0;

    if (frame->asked == 0) {
        rc = open_rows(frame);
        set_plan(frame);
        frame->passed = output_of(frame)->ended;
        if (rc == 0)
            rc = skip_head(frame);
    }
    for (size_t n = 0; rc == 0 && n < TURN_MAX && frame->asked < frame->rows && has_room(frame);
         n++)
        rc = take_one(frame);
    return rc;
}

static void go_on(void *cookie)
{
    struct dj_frame *frame = cookie;
    int rc;

    frame->planned = false;
    if (frame->doomed) {
        if (!frame->syncing)
            frame_free(frame);
        return;
    }
    if (frame->state != FRAME_RUNNING || !frame->frames->running ||
        frame->syncing)
        return;
    frame->planned = true; /* what ends within take() is seen to here */
    rc = take(frame);
    if (rc == 0)
        rc = write_ended(frame);
    frame->planned = false;
    if (rc < 0)
        frame_stopped(frame, strerror(-rc));
    else if (frame->asked == frame->rows && frame->first == NULL)
        frame_sync(frame, finished);
    else if (frame->asked < frame->rows && has_room(frame))
        frame_go_on(frame);
}

void frame_go_on(struct dj_frame *frame)
{
    if (frame->planned || !frame->frames->running)
        return;
    frame->planned = true;
    dj_loop_later(dj_engine_loop(frame->frames->engine), go_on, frame);
}

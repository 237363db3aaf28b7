#include "daemon/frames.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/frames_impl.h"
#include "daemon/tree.h"
#include "lib/model/json_text.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"
#include "lib/wire/frame.h"

enum { NAME_MAX_BYTES = 100 };

/* ---- frames ---------------------------------------------------------------------------------- */

struct dj_frame *frame_new(struct dj_frames *frames, const char *name)
{
    struct dj_frame *frame = dj_xcalloc(1, sizeof(*frame));
    struct dj_buf dir = DJ_BUF_INIT;

    frame->frames = frames;
    frame->name = dj_xstrdup(name);
    dj_buf_addf(&dir, "%s/%s", frames->dir, name);
    frame->dir = dj_buf_steal(&dir);
    frame->rows_fd = frame->old_fd = -1;
    frame->end = &frame->first;
    frame->changed_ns = dj_clock_now_ns();
    return frame;
}

void frame_free(struct dj_frame *frame)
{
    dj_close(frame->rows_fd);
    dj_close(frame->old_fd);
    frame_output_release(&frame->out);
    frame_output_release(&frame->again);
    dj_message_release(&frame->head);
    dj_message_release(&frame->group);
    dj_row_release(&frame->columns);
    dj_row_release(&frame->row);
    dj_row_release(&frame->answer);
    dj_row_reader_release(&frame->old_reader);
    dj_buf_release(&frame->in);
    dj_buf_release(&frame->old_in);
    dj_buf_release(&frame->results_text);
    dj_buf_release(&frame->table_text);
    free(frame->waiters.items);
    free(frame->why);
    free(frame->name);
    free(frame->dir);
    free(frame);
}

static void insert(struct dj_frames *frames, struct dj_frame *frame)
{
    struct dj_frame **at = &frames->first;

    while (*at != NULL && strcmp((*at)->name, frame->name) < 0)
        at = &(*at)->next;
    frame->next = *at;
    *at = frame;
}

/* What is planned, or on the pool, still needs it: it goes behind that. */
static void drop(struct dj_frame *frame)
{
    struct dj_frame **at = &frame->frames->first;

    while (*at != frame)
        at = &(*at)->next;
    *at = frame->next;
    frame->doomed = true;
    frame_leave(frame);
    frame_answer_waiters(frame);
    if (!frame->planned && !frame->syncing)
        frame_free(frame);
}

static void load_all(struct dj_frames *frames)
{
    DIR *dir = opendir(frames->dir);
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct dj_frame *frame;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (entry->d_name[0] == '.') { /* one that was deleted */
            dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

            dj_buf_addf(&path, "%s/%s", frames->dir, entry->d_name);
            (void)!dj_remove_tree(AT_FDCWD, dj_buf_str(&path));
            continue;
        }
        frame = frame_load(frames, entry->d_name);
        if (frame != NULL)
            insert(frames, frame);
    }
    if (dir != NULL)
        closedir(dir);
}

struct dj_frames *dj_frames_new(struct dj_engine *engine, const char *store)
{
    struct dj_frames *frames = dj_xcalloc(1, sizeof(*frames));
    struct dj_buf dir = DJ_BUF_INIT;

    frames->engine = engine;
    dj_buf_addf(&dir, "%s/frames", store);
    frames->dir = dj_buf_steal(&dir);
    load_all(frames);
    return frames;
}

void dj_frames_start(struct dj_frames *frames)
{
    frames->running = true;
    for (struct dj_frame *frame = frames->first; frame != NULL; frame = frame->next) {
        if (frame->state == FRAME_RUNNING)
            frame_go_on(frame);
    }
}

void dj_frames_stop(struct dj_frames *frames)
{
    frames->running = false;
    for (struct dj_frame *frame = frames->first; frame != NULL; frame = frame->next)
        frame_leave(frame);
}

void dj_frames_free(struct dj_frames *frames)
{
    if (frames == NULL)
        return;
    dj_frames_stop(frames);
    while (frames->first != NULL)
        drop(frames->first);
    free(frames->dir);
    free(frames);
}

/* ---- looking --------------------------------------------------------------------------------- */

struct dj_frame *dj_frame_after(struct dj_frames *frames, const char *name)
{
    struct dj_frame *frame = frames == NULL ? NULL : frames->first;

    while (frame != NULL && (frame->state == FRAME_FILLING || strcmp(frame->name, name) <= 0))
        frame = frame->next;
    return frame;
}

struct dj_frame *dj_frame_find(struct dj_frames *frames, struct dj_bytes name)
{
    struct dj_frame *frame = dj_frame_after(frames, "");

    while (frame != NULL && !dj_bytes_is(name, frame->name))
        frame = dj_frame_after(frames, frame->name);
    return frame;
}

const char *dj_frame_name(const struct dj_frame *frame)
{
    return frame->name;
}

uint64_t dj_frame_rows(const struct dj_frame *frame)
{
    return frame->rows;
}

void dj_frame_look(const struct dj_frame *frame, struct dj_frame_facts *ret)
{
    const struct frame_output *out = frame->retrying ? &frame->again : &frame->out;

    *ret = (struct dj_frame_facts){.task = frame->ask->task, .why = frame->why,
                                   .rows = frame->rows, .ended = out->ended,
                                   .failed = out->failed, .changed_ns = frame->changed_ns};
    ret->status = frame->state == FRAME_RUNNING     ? "running"
                  : frame->state == FRAME_CANCELLED ? "cancelled"
                  : frame->state == FRAME_STOPPED   ? "stopped"
                  : out->failed != 0                ? "failed"
                                                    : "done";
}

struct dj_frame_file *dj_frame_results(struct dj_frame *frame)
{
    return frame->out.results;
}

struct dj_frame_file *dj_frame_table(struct dj_frame *frame)
{
    return frame->out.table;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void answer_waiter(struct dj_frame *frame, struct dj_request *request)
{
    struct dj_frame_facts facts;
    struct dj_msg_data data = {0};

    request->on_cancel = NULL;
    if (frame->doomed) {
        dj_reply_error(request, ESTALE, "the frame is not there any more");
        return;
    }
    dj_frame_look(frame, &facts);
    dj_buf_addf(&data.bytes, "%s\n", facts.status);
    dj_reply(request, DJ_MSG_DATA, &data);
    dj_buf_release(&data.bytes);
}

void frame_answer_waiters(struct dj_frame *frame)
{
    while (frame->waiters.n > 0) {
        frame->waiters.n--;
        answer_waiter(frame, *DJ_LIST_AT(&frame->waiters, struct dj_request *, frame->waiters.n));
    }
}

static void cancel_waiter(struct dj_request *request)
{
    struct dj_frame *frame = request->cookie;

    for (size_t i = 0; i < frame->waiters.n; i++) {
        struct dj_request **at = DJ_LIST_AT(&frame->waiters, struct dj_request *, i);

        if (*at != request)
            continue;
        *at = *DJ_LIST_AT(&frame->waiters, struct dj_request *, frame->waiters.n - 1);
        frame->waiters.n--;
        break;
    }
    dj_reply_error(request, EINTR, "interrupted");
}

void dj_frame_wait(struct dj_frame *frame, struct dj_request *request)
{
    if (frame->state != FRAME_RUNNING) {
        answer_waiter(frame, request);
        return;
    }
    *(struct dj_request **)dj_list_add(&frame->waiters, sizeof(request)) = request;
    request->cookie = frame;
    request->on_cancel = cancel_waiter;
}

/* ---- changing -------------------------------------------------------------------------------- */

static int busy(const struct dj_frame *frame, struct dj_err *err)
{
    return dj_err_set(err, EBUSY, "the frame %s is being computed; `cancel` ends that",
                      frame->name);
}

static void forget_reading(struct dj_frame *frame)
{
    dj_message_release(&frame->group);
    frame->group = (struct dj_message_in){0};
    frame->taken = 0;
    frame->asked = 0;
    frame->rows_fd = dj_close(frame->rows_fd);
    frame->old_fd = dj_close(frame->old_fd);
    dj_buf_clear(&frame->in);
    dj_buf_clear(&frame->old_in);
    frame->old_used = 0;
    frame->old_end = false;
    dj_row_reader_release(&frame->old_reader);
    frame->old_reader = (struct dj_row_reader){.format = DJ_ROWS_JSON, .file = "results.jsonl"};
}

int dj_frame_retry(struct dj_frame *frame, struct dj_err *err)
{
    int rc;

    if (frame->state == FRAME_RUNNING || frame->syncing)
        return busy(frame, err);
    if (frame->out.failed == 0 && frame->out.ended == frame->rows)
        return dj_err_set(err, ENOENT, "no row of %s has failed", frame->name);
    forget_reading(frame);
    (void)!frame_remove_output(frame);
    frame_output_release(&frame->again);
    rc = frame_open_output(frame, true, &frame->again, err);
    if (rc < 0)
        return rc;
    free(dj_steal(frame->why));
    frame->state = FRAME_RUNNING;
    frame->retrying = true;
    rc = frame_save_state(frame, err);
    if (rc == 0)
        frame_go_on(frame);
    else
        frame_stopped(frame, dj_err_text(err, rc));
    return rc;
}

int dj_frame_cancel(struct dj_frame *frame, struct dj_err *err)
{
    if (frame->state != FRAME_RUNNING)
        return dj_err_set(err, ENOENT, "nothing of %s is under way", frame->name);
    if (frame->syncing)
        return busy(frame, err);
    frame_leave(frame);
    forget_reading(frame);
    frame->state = FRAME_CANCELLED;
    if (frame->retrying) {
        frame_output_release(&frame->again);
        (void)!frame_remove_output(frame);
        frame->retrying = false;
    }
    frame->changed_ns = dj_clock_now_ns();
    frame_answer_waiters(frame);
    return frame_save_state(frame, err);
}

struct removal {
    char *path;
};

static void remove_it(void *cookie)
{
    (void)!dj_remove_tree(AT_FDCWD, ((struct removal *)cookie)->path);
}

static void removed(void *cookie)
{
    struct removal *removal = cookie;

    free(removal->path);
    free(removal);
}

/* It is gone with the rename; what is below it goes on the pool. */
int dj_frame_delete(struct dj_frame *frame, struct dj_err *err)
{
    struct removal *removal;
    struct dj_buf path = DJ_BUF_INIT;

    dj_buf_addf(&path, "%s/.%s.%" PRIu64, frame->frames->dir, frame->name, dj_clock_now_ns());
    if (rename(frame->dir, dj_buf_str(&path)) < 0) {
        dj_buf_release(&path);
        return dj_err_sys(err, errno, "%s", frame->dir);
    }
    removal = dj_xcalloc(1, sizeof(*removal));
    removal->path = dj_buf_steal(&path);
    dj_loop_job(dj_engine_loop(frame->frames->engine), remove_it, removed, removal);
    drop(frame);
    return 0;
}

/* ---- syncing --------------------------------------------------------------------------------- */

struct syncing {
    struct dj_frame *frame;
    int fds[3];
    char *dir;
    int code;
    void (*then)(struct dj_frame *frame, int code);
};

static void sync_files(void *cookie)
{
    struct syncing *syncing = cookie;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(syncing->fds); i++) {
        if (syncing->fds[i] >= 0 && fdatasync(syncing->fds[i]) < 0)
            syncing->code = -errno;
    }
    if (syncing->code == 0)
        syncing->code = dj_sync_dir(AT_FDCWD, syncing->dir);
}

static void synced(void *cookie)
{
    struct syncing *syncing = cookie;
    struct dj_frame *frame = syncing->frame;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(syncing->fds); i++)
        dj_close(syncing->fds[i]);
    frame->syncing = false;
    if (frame->doomed && !frame->planned)
        frame_free(frame);
    else if (!frame->doomed)
        syncing->then(frame, syncing->code);
    free(syncing->dir);
    free(syncing);
}

static int duplicate(const struct dj_frame_file *file)
{
    return file == NULL ? -1 : dup(file->fd);
}

void frame_sync(struct dj_frame *frame, void (*then)(struct dj_frame *frame, int code))
{
    struct syncing *syncing = dj_xcalloc(1, sizeof(*syncing));
    const struct frame_output *out = frame->retrying ? &frame->again : &frame->out;

    syncing->frame = frame;
    syncing->fds[0] = frame->rows_fd < 0 ? -1 : dup(frame->rows_fd);
    syncing->fds[1] = duplicate(out->results);
    syncing->fds[2] = duplicate(out->table);
    syncing->dir = dj_xstrdup(frame->dir);
    syncing->then = then;
    frame->syncing = true;
    dj_loop_job(dj_engine_loop(frame->frames->engine), sync_files, synced, syncing);
}

/* ---- handing over ---------------------------------------------------------------------------- */

static int check_name(struct dj_bytes name, struct dj_err *err)
{
    bool good = name.len > 0 && name.len <= NAME_MAX_BYTES && name.data[0] != '.';
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    for (size_t i = 0; good && i < name.len; i++)
        good = isalnum(name.data[i]) || strchr("._-", name.data[i]) != NULL;
    if (good)
        return 0;
    dj_add_printable(&shown, name);
    return dj_err_set(err, EINVAL, "%s is no name of a frame: letters, digits, dots, _ and -, no"
                      " dot first, %d at the most", dj_buf_str(&shown), NAME_MAX_BYTES);
}

static int append_message(struct dj_frame *frame, enum dj_message number, const void *fields,
                          struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    size_t begin = dj_frame_begin(&text);
    int rc;

    dj_message_encode(&text, number, 0, fields);
    rc = dj_frame_end(&text, begin);
    if (rc == 0)
        rc = dj_write_full(frame->rows_fd, text.data, text.len);
    return rc < 0 ? dj_err_sys(err, -rc, "the frame %s could not be stored", frame->name) : 0;
}

/* A copy of what the peer sent, as it would be loaded. */
static int keep_head(struct dj_frame *frame, const struct dj_msg_frame *ask)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_message_encode(&text, DJ_MSG_FRAME, 0, ask);
    frame->read_at = text.len + DJ_FRAME_HEAD;
    if (dj_message_decode(dj_buf_bytes(&text), &frame->head, NULL) < 0)
        return -EINVAL;
    frame->ask = frame->head.fields;
    return 0;
}

static int make_files(struct dj_frame *frame, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    int rc = dj_mkdir_p(frame->dir, 0700);

    if (rc < 0)
        return dj_err_sys(err, -rc, "%s", frame->dir);
    frame_path(frame, "rows", &path);
    frame->rows_fd = dj_open(AT_FDCWD, dj_buf_str(&path), O_RDWR | O_CREAT | O_TRUNC | O_APPEND,
                             0600);
    if (frame->rows_fd < 0)
        return dj_err_sys(err, -frame->rows_fd, "%s", dj_buf_str(&path));
    return append_message(frame, DJ_MSG_FRAME, frame->ask, err);
}

int dj_frame_hand_over(struct dj_frames *frames, const struct dj_msg_frame *ask,
                       struct dj_frame **ret, struct dj_err *err)
{
    struct dj_frame *frame;
    int rc = check_name(dj_bytes_of(ask->name), err);

    if (rc < 0)
        return rc;
    for (frame = frames->first; frame != NULL; frame = frame->next) {
        if (strcmp(frame->name, ask->name) == 0)
            return dj_err_set(err, EEXIST, "there is a frame %s already; `dj write"
                              " frames/%s/ctl delete` takes it away", ask->name, ask->name);
    }
    frame = frame_new(frames, ask->name);
    rc = keep_head(frame, ask);
    if (rc == 0)
        rc = make_files(frame, err);
    if (rc < 0) {
        (void)!dj_remove_tree(AT_FDCWD, frame->dir);
        frame_free(frame);
        return rc;
    }
    insert(frames, frame);
    *ret = frame;
    return 0;
}

static int check_row(struct dj_frame *frame, struct dj_bytes text, struct dj_err *err)
{
    int rc = dj_row_parse(&frame->row, text, err);

    for (size_t i = 0; rc == 0 && i < frame->row.n; i++) {
        struct dj_bytes name = dj_buf_bytes(&frame->row.cells[i].name);

        if (dj_row_find(&frame->columns, name) < 0)
            dj_row_set(&frame->columns, name);
    }
    if (rc == 0 && frame->columns.n > DJ_ROW_COLUMNS_MAX)
        rc = dj_err_set(err, EINVAL, "a frame has at most %d columns", DJ_ROW_COLUMNS_MAX);
    return rc;
}

int dj_frame_add(struct dj_frame *frame, const struct dj_msg_rows *rows, struct dj_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < rows->rows.n; i++)
        rc = check_row(frame, dj_buf_bytes(&DJ_LIST_AT(&rows->rows, struct dj_part_frame_row,
                                                       i)->row), err);
    if (rc == 0 && rows->rows.n != 0)
        rc = append_message(frame, DJ_MSG_ROWS, rows, err);
    frame->rows += rc == 0 ? rows->rows.n : 0;
    return rc;
}

static void completed(struct dj_frame *frame, int code)
{
    struct dj_request *request = dj_steal(frame->ending);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    if (code == 0)
        code = frame_open_output(frame, false, &frame->out, &err);
    frame->state = FRAME_RUNNING;
    if (code == 0)
        code = frame_save_state(frame, &err);
    if (code < 0) {
        dj_reply_err(request, code, &err);
        frame->state = FRAME_FILLING;
        dj_frame_abandon(frame);
        return;
    }
    forget_reading(frame);
    dj_reply_ok(request, frame->rows, "");
    frame_go_on(frame);
}

void dj_frame_complete(struct dj_frame *frame, struct dj_request *request)
{
    frame->ending = request;
    frame_sync(frame, completed);
}

void dj_frame_abandon(struct dj_frame *frame)
{
    if (frame->ending != NULL) { /* it is there, although its peer is gone */
        return;
    }
    (void)!dj_remove_tree(AT_FDCWD, frame->dir);
    drop(frame);
}

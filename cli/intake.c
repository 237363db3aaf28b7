#include "cli/intake.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { UNDER_WAY_MAX = 64 };

struct dj_intake {
    struct dj_connection *connection;
    char *from;
    struct dj_intake_counts counts;
    size_t under_way;
    int code;          /* of the first that was refused */
    struct dj_err err;
};

struct sent {
    struct dj_intake *intake;
    uint64_t bytes;
    char *task; /* to name it, should it be refused */
    struct dj_digest id;
};

struct dj_intake *dj_intake_new(struct dj_connection *connection, const char *from)
{
    struct dj_intake *intake = dj_xcalloc(1, sizeof(*intake));

    intake->connection = connection;
    intake->from = dj_xstrdup(from);
    return intake;
}

void dj_intake_from(struct dj_intake *intake, const char *from)
{
    free(intake->from);
    intake->from = dj_xstrdup(from);
}

static int wait_one(struct dj_intake *intake, struct dj_err *err)
{
    struct pollfd polled = {dj_connection_fd(intake->connection),
                            dj_connection_events(intake->connection), 0};

    if (poll(&polled, 1, -1) < 0 && errno != EINTR)
        return dj_err_sys(err, errno, "poll");
    if (dj_connection_handle(intake->connection, polled.revents) < 0)
        return dj_err_set(err, ENOTCONN, "the daemon ended the connection");
    return 0;
}

/* Answers that are still to come have their counts here. */
void dj_intake_free(struct dj_intake *intake)
{
    if (intake == NULL)
        return;
    while (intake->under_way != 0 && wait_one(intake, NULL) == 0)
        continue;
    dj_bytes_list_release(&intake->counts.conflicts);
    dj_bytes_list_release(&intake->counts.tasks);
    dj_err_release(&intake->err);
    free(intake->from);
    free(intake);
}

const struct dj_intake_counts *dj_intake_counts(const struct dj_intake *intake)
{
    return &intake->counts;
}

uint64_t dj_carried_bytes(const struct dj_rec_instance *instance)
{
    return instance->result.size + instance->log.size + instance->file_bytes +
           instance->manifest.size;
}

/* ---- what is answered ---- */

static void add_task(struct dj_list *tasks, const char *task)
{
    for (size_t i = 0; i < tasks->n; i++) {
        if (dj_bytes_is(dj_list_bytes(tasks, i), task))
            return;
    }
    dj_list_add_bytes(tasks, dj_bytes_of(task));
}

static void add_conflict(struct dj_intake *intake, const struct dj_msg_imported *imported)
{
    struct dj_buf *line = dj_list_add(&intake->counts.conflicts, sizeof(*line));

    dj_buf_addf(line, "tasks/%s/", imported->task);
    dj_add_printable(line, dj_buf_bytes(&imported->name));
    dj_buf_addf(line, ": %s", imported->conflict);
}

static void count(struct dj_intake *intake, const struct dj_msg_imported *imported, uint64_t bytes)
{
    if (imported->verdict == DJ_VERDICT_THERE) {
        intake->counts.there++;
    } else if (imported->verdict == DJ_VERDICT_SAME) {
        intake->counts.same++;
    } else {
        intake->counts.taken++;
        intake->counts.bytes += bytes;
        intake->counts.valid += imported->valid;
        if (!imported->valid && imported->task != NULL)
            add_task(&intake->counts.tasks, imported->task);
        if (imported->conflict != NULL)
            add_conflict(intake, imported);
    }
}

static void refused(struct sent *sent, int code, const char *text)
{
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(&sent->id, hex);
    sent->intake->code = dj_err_set(&sent->intake->err, code, "runs/%s/%s: %s", sent->task, hex,
                                    text == NULL ? strerror(code) : text);
}

static void on_answer(void *cookie, const struct dj_message_in *message)
{
    struct sent *sent = cookie;
    struct dj_intake *intake = sent->intake;
    const struct dj_msg_error *error = message->fields;

    intake->under_way--;
    if (message->number == DJ_MSG_IMPORTED)
        count(intake, message->fields, sent->bytes);
    else if (intake->code == 0 && message->number == DJ_MSG_ERROR)
        refused(sent, (int)error->code, error->text);
    else if (intake->code == 0)
        refused(sent, EPROTO, "the daemon answered something else");
    free(sent->task);
    free(sent);
}

static int wait_until(struct dj_intake *intake, size_t left, struct dj_err *err)
{
    int rc = 0;

    while (rc == 0 && intake->under_way > left)
        rc = wait_one(intake, err);
    if (rc == 0 && intake->code < 0)
        rc = dj_err_set(err, -intake->code, "%s", dj_err_text(&intake->err, intake->code));
    return rc;
}

int dj_intake_drain(struct dj_intake *intake, struct dj_err *err)
{
    return wait_until(intake, 0, err);
}

/* ---- what is sent ---- */

static void fill(struct dj_intake *intake, struct dj_bytes record, struct dj_msg_import *ret)
{
    *ret = (struct dj_msg_import){.from = dj_xstrdup(intake->from)};
    dj_buf_set(&ret->record, record);
}

int dj_intake_probe(struct dj_intake *intake, struct dj_bytes record, struct dj_err *err)
{
    struct dj_msg_import ask;
    struct dj_message_in answer;
    int rc = dj_intake_drain(intake, err);

    if (rc < 0)
        return rc;
    fill(intake, record, &ask);
    ask.flags = DJ_IMPORT_PROBE;
    rc = dj_connection_call(intake->connection, DJ_MSG_IMPORT, &ask, DJ_MSG_IMPORTED, &answer,
                            err);
    dj_codec_release(dj_message_layout(DJ_MSG_IMPORT), &ask);
    if (rc < 0)
        return rc;
    rc = ((struct dj_msg_imported *)answer.fields)->verdict == DJ_VERDICT_NEW;
    if (rc == 0)
        count(intake, answer.fields, 0);
    dj_message_release(&answer);
    return rc;
}

int dj_intake_piece(struct dj_intake *intake, const struct dj_rec_content *content,
                    uint64_t offset, struct dj_bytes piece, struct dj_err *err)
{
    struct dj_msg_upload upload = {.size = content->size, .offset = offset};
    struct dj_message_in answer;
    int rc;

    dj_buf_add(&upload.digest, content->digest.b, sizeof(content->digest.b));
    dj_buf_add_bytes(&upload.bytes, piece);
    rc = dj_connection_call(intake->connection, DJ_MSG_UPLOAD, &upload, DJ_MSG_OK, &answer, err);
    dj_codec_release(dj_message_layout(DJ_MSG_UPLOAD), &upload);
    if (rc == 0)
        dj_message_release(&answer);
    return rc;
}

int dj_intake_take(struct dj_intake *intake, const struct dj_rec_carried *run,
                   struct dj_bytes record, struct dj_list *contents, struct dj_err *err)
{
    struct dj_msg_import ask;
    struct sent *sent;
    int rc = wait_until(intake, UNDER_WAY_MAX - 1, err);

    if (rc < 0)
        return rc;
    fill(intake, record, &ask);
    ask.contents = *contents; /* struct dj_part_word is a struct dj_buf and nothing else */
    *contents = (struct dj_list){0};
    sent = dj_xcalloc(1, sizeof(*sent));
    *sent = (struct sent){intake, dj_carried_bytes(&run->instance), dj_xstrdup(run->task),
                          run->id};
    intake->under_way++;
    (void)dj_connection_ask(intake->connection, DJ_MSG_IMPORT, &ask, on_answer, sent);
    dj_codec_release(dj_message_layout(DJ_MSG_IMPORT), &ask);
    return dj_connection_handle(intake->connection, POLLOUT) < 0
               ? dj_err_set(err, ENOTCONN, "the daemon ended the connection")
               : 0;
}

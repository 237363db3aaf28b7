/* Runs taken into a store. (dj.h) */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/client/export.h"
#include "lib/util/digest.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum {
    UNDER_WAY_MAX = 64,
    SMALL = 256 * 1024, /* bytes of content of a small run, which goes in one message, */
    SMALL_FILES = 100,  /* and its files and folders */
    WAIT_MS = 100,
};
#define LIST_MAX (UINT64_C(256) << 20) /* of a list of files */

struct dj_import {
    struct dj_child child;
    char *from;
    struct dj_import_counts counts;
    struct dj_list conflicts; /* struct dj_buf: a line each */
    struct dj_list waiting;   /* struct dj_buf: tasks, each once */
    size_t under_way;
    struct dj_err refused;    /* the first, not told yet */
    /* the run that is being given */
    bool begun, small;
    struct dj_buf record;
    struct dj_contents contents;
    struct dj_list small_contents; /* struct dj_buf */
    struct dj_buf piece;           /* of the present content: not sent yet */
    struct dj_buf files;           /* the list of files, so far */
    uint64_t given;                /* bytes of the present content */
};

struct sent {
    struct dj_import *import;
    uint64_t bytes;
    char *task; /* to name it, should it be refused */
    struct dj_digest id;
};

struct dj_import *dj_import_new(struct dj *dj, const char *from)
{
    struct dj_import *import;

    if (dj_fresh(dj) < 0)
        return NULL;
    import = dj_xcalloc(1, sizeof(*import));
    import->from = dj_xstrdup(from == NULL ? "" : from);
    dj_child_add(dj, &import->child);
    return import;
}

int dj_import_origin(struct dj_import *import, const char *from)
{
    if (import == NULL)
        return -EINVAL;
    free(import->from);
    import->from = dj_xstrdup(from == NULL ? "" : from);
    return 0;
}

static void forget_run(struct dj_import *import)
{
    import->begun = false;
    import->given = 0;
    dj_contents_release(&import->contents);
    dj_bytes_list_release(&import->small_contents);
    dj_buf_release(&import->record);
    dj_buf_release(&import->files);
    dj_buf_clear(&import->piece);
}

/* ---- what is answered ------------------------------------------------------------------------ */

static void add_waiting(struct dj_list *tasks, const char *task)
{
    for (size_t i = 0; i < tasks->n; i++) {
        if (dj_bytes_is(dj_list_bytes(tasks, i), task))
            return;
    }
    dj_list_add_bytes(tasks, dj_bytes_of(task));
}

static void add_conflict(struct dj_import *import, const struct dj_msg_imported *imported)
{
    struct dj_buf *line = dj_list_add(&import->conflicts, sizeof(*line));

    dj_buf_addf(line, "tasks/%s/", imported->task);
    dj_add_printable(line, dj_buf_bytes(&imported->name));
    dj_buf_addf(line, ": %s", imported->conflict);
}

static void count(struct dj_import *import, const struct dj_msg_imported *imported, uint64_t bytes)
{
    if (imported->verdict == DJ_VERDICT_THERE) {
        import->counts.there++;
    } else if (imported->verdict == DJ_VERDICT_SAME) {
        import->counts.same++;
    } else {
        import->counts.taken++;
        import->counts.bytes += bytes;
        import->counts.valid += imported->valid;
        if (!imported->valid && imported->task != NULL)
            add_waiting(&import->waiting, imported->task);
        if (imported->conflict != NULL)
            add_conflict(import, imported);
    }
}

static void refuse(struct sent *sent, int code, const char *text)
{
    char hex[DJ_DIGEST_HEX_SIZE];

    if (sent->import->refused.code != 0)
        return;
    dj_digest_hex(&sent->id, hex);
    (void)dj_err_set(&sent->import->refused, code, "runs/%s/%s: %s", sent->task, hex,
                     text == NULL ? strerror(code) : text);
}

static void on_answer(void *cookie, const struct dj_message_in *message)
{
    struct sent *sent = cookie;
    const struct dj_msg_error *error = message->fields;

    sent->import->under_way--;
    if (message->number == DJ_MSG_IMPORTED)
        count(sent->import, message->fields, sent->bytes);
    else if (message->number == DJ_MSG_ERROR && error->code > 0 && error->code < 4096)
        refuse(sent, (int)error->code, error->text);
    else
        refuse(sent, EPROTO, "the daemon answered something else");
    free(sent->task);
    free(sent);
}

/* No more than so many under way. */
static int wait_until(struct dj_import *import, size_t left)
{
    int rc = 0;

    while (rc == 0 && import->under_way > left) {
        rc = dj_step(import->child.dj, WAIT_MS);
        if (rc == 0)
            rc = dj_interrupted(import->child.dj);
    }
    return rc;
}

/* What was refused of the runs before is told once. */
static int tell_refused(struct dj_import *import)
{
    int rc;

    if (import->refused.code == 0)
        return 0;
    rc = dj_err_set(&import->child.dj->err, import->refused.code, "%s",
                    dj_err_text(&import->refused, 0));
    dj_err_release(&import->refused);
    return rc;
}

int dj_import_drain(struct dj_import *import)
{
    int rc = dj_child_begin(import == NULL ? NULL : &import->child);

    if (rc < 0)
        return rc;
    rc = wait_until(import, 0);
    if (rc == 0 || import->refused.code != 0)
        rc = tell_refused(import);
    return dj_end(import->child.dj, rc);
}

/* ---- what is given --------------------------------------------------------------------------- */

static void fill(const struct dj_import *import, struct dj_msg_import *ret)
{
    *ret = (struct dj_msg_import){.from = dj_xstrdup(import->from)};
    dj_buf_set(&ret->record, dj_buf_bytes(&import->record));
}

/* A large run is asked about first: 1: it is wanted; 0: it is there, and counted. */
static int probe(struct dj_import *import)
{
    struct dj *dj = import->child.dj;
    struct dj_msg_import ask;
    struct dj_message_in answer;
    int rc = wait_until(import, 0);

    if (rc < 0)
        return rc;
    fill(import, &ask);
    ask.flags = DJ_IMPORT_PROBE;
    rc = dj_connection_call(dj->connection, DJ_MSG_IMPORT, &ask, DJ_MSG_IMPORTED, &answer,
                            &dj->err);
    dj_codec_release(dj_message_layout(DJ_MSG_IMPORT), &ask);
    if (rc < 0)
        return rc;
    rc = ((struct dj_msg_imported *)answer.fields)->verdict == DJ_VERDICT_NEW;
    if (rc == 0)
        count(import, answer.fields, 0);
    dj_message_release(&answer);
    return rc;
}

static int begin_run(struct dj_import *import, struct dj_bytes record)
{
    struct dj *dj = import->child.dj;
    const struct dj_rec_instance *rec = &import->contents.carried.instance;
    int rc;

    dj_buf_set(&import->record, record);
    rc = dj_contents_open(&import->contents, record, &dj->err);
    if (rc == 0 && rec->manifest.size > LIST_MAX)
        rc = dj_err_set(&dj->err, EBADMSG, "its list of files is larger than it can be");
    if (rc < 0)
        return rc;
    import->begun = true;
    import->small = dj_carried_bytes(rec) <= SMALL && rec->file_count <= SMALL_FILES;
    return import->small ? 1 : probe(import);
}

int dj_import_begin(struct dj_import *import, const void *record, size_t len)
{
    int rc = dj_child_begin(import == NULL ? NULL : &import->child);

    if (rc < 0)
        return rc;
    forget_run(import);
    rc = record == NULL ? dj_null(import->child.dj, "the record")
                        : begin_run(import, dj_bytes(record, len));
    if (rc != 1)
        forget_run(import);
    return dj_end(import->child.dj, rc);
}

/* The run itself, when all its content is there. */
static int hand_over(struct dj_import *import)
{
    struct dj *dj = import->child.dj;
    const struct dj_rec_carried *run = &import->contents.carried;
    struct dj_msg_import ask;
    struct sent *sent;
    int rc = wait_until(import, UNDER_WAY_MAX - 1);

    if (rc < 0)
        return rc;
    fill(import, &ask);
    ask.contents = import->small_contents; /* struct dj_part_word is a struct dj_buf alone */
    import->small_contents = (struct dj_list){0};
    sent = dj_xcalloc(1, sizeof(*sent));
    *sent = (struct sent){import, dj_carried_bytes(&run->instance), dj_xstrdup(run->task), run->id};
    import->under_way++;
    (void)dj_connection_ask(dj->connection, DJ_MSG_IMPORT, &ask, on_answer, sent);
    dj_codec_release(dj_message_layout(DJ_MSG_IMPORT), &ask);
    forget_run(import);
    return tell_refused(import);
}

static int next_content(struct dj_import *import)
{
    struct dj *dj = import->child.dj;
    const struct dj_rec_content *content = import->contents.content;

    if (!import->begun)
        return dj_err_set(&dj->err, EINVAL, "dj_import_begin() comes before");
    if (content != NULL && import->given != content->size)
        return dj_err_set(&dj->err, EINVAL, "the content %s was not given whole",
                          dj_buf_str(&import->contents.name));
    do {
        if (!dj_contents_next(&import->contents))
            return hand_over(import);
    } while (import->contents.content->size == 0);
    import->given = 0;
    if (import->small)
        (void)dj_list_add(&import->small_contents, sizeof(struct dj_buf));
    return 1;
}

int dj_import_next(struct dj_import *import)
{
    int rc = dj_child_begin(import == NULL ? NULL : &import->child);

    return rc < 0 ? rc : dj_end(import->child.dj, next_content(import));
}

const char *dj_import_name(const struct dj_import *import)
{
    return import == NULL || import->contents.content == NULL ? ""
                                                              : dj_buf_str(&import->contents.name);
}

uint64_t dj_import_size(const struct dj_import *import)
{
    return import == NULL || import->contents.content == NULL ? 0
                                                              : import->contents.content->size;
}

/* In pieces as large as the daemon takes them, and what is left at the end. */
static int upload(struct dj_import *import, const struct dj_rec_content *content)
{
    struct dj *dj = import->child.dj;
    struct dj_msg_upload message = {.size = content->size,
                                    .offset = import->given - import->piece.len,
                                    .bytes = import->piece};
    struct dj_message_in answer;
    int rc;

    dj_buf_add(&message.digest, content->digest.b, sizeof(content->digest.b));
    rc = dj_connection_call(dj->connection, DJ_MSG_UPLOAD, &message, DJ_MSG_OK, &answer, &dj->err);
    dj_buf_release(&message.digest);
    dj_buf_clear(&import->piece);
    if (rc == 0)
        dj_message_release(&answer);
    return rc;
}

static int give_large(struct dj_import *import, const struct dj_rec_content *content,
                      struct dj_bytes bytes)
{
    int rc = 0;

    while (rc == 0 && bytes.len != 0) {
        size_t n = DJ_MIN(bytes.len, DJ_PIECE_MAX - import->piece.len);

        dj_buf_add(&import->piece, bytes.data, n);
        import->given += n;
        bytes = dj_bytes_from(bytes, n);
        if (import->piece.len == DJ_PIECE_MAX || import->given == content->size)
            rc = upload(import, content);
    }
    return rc;
}

/* Its digest is compared here, where its giver hears of it. */
static int give_small(struct dj_import *import, const struct dj_rec_content *content,
                      struct dj_bytes bytes)
{
    struct dj_buf *all = DJ_LIST_AT(&import->small_contents, struct dj_buf,
                                    import->small_contents.n - 1);
    struct dj_digest is;

    dj_buf_add_bytes(all, bytes);
    import->given += bytes.len;
    if (import->given != content->size)
        return 0;
    dj_digest_bytes(dj_buf_bytes(all), &is);
    return dj_digest_equal(&is, &content->digest)
               ? 0
               : dj_err_set(&import->child.dj->err, EBADMSG,
                            "%s does not have the digest that it has to have",
                            dj_buf_str(&import->contents.name));
}

static int give(struct dj_import *import, struct dj_bytes bytes)
{
    struct dj *dj = import->child.dj;
    const struct dj_rec_content *content = import->contents.content;
    int rc = dj_interrupted(dj);

    if (rc < 0)
        return rc;
    if (content == NULL)
        return dj_err_set(&dj->err, EINVAL, "dj_import_next() comes before");
    if (bytes.len > content->size - import->given)
        return dj_err_set(&dj->err, EINVAL, "that is more than the %llu bytes of %s",
                          (unsigned long long)content->size, dj_buf_str(&import->contents.name));
    if (dj_contents_is_files(&import->contents))
        dj_buf_add_bytes(&import->files, bytes);
    rc = import->small ? give_small(import, content, bytes) : give_large(import, content, bytes);
    if (rc == 0 && dj_contents_is_files(&import->contents) && import->given == content->size)
        rc = dj_contents_files(&import->contents, dj_buf_bytes(&import->files), &dj->err);
    return rc;
}

int dj_import_write(struct dj_import *import, const void *bytes, size_t len)
{
    int rc = dj_child_begin(import == NULL ? NULL : &import->child);

    if (rc < 0)
        return rc;
    rc = bytes == NULL && len != 0 ? dj_null(import->child.dj, "the place of the bytes")
                                   : give(import, dj_bytes(bytes, len));
    if (rc < 0)
        forget_run(import);
    return dj_end(import->child.dj, rc);
}

/* ---- from one store to the other ------------------------------------------------------------- */

/* What the other side said is said here. */
static int blame(struct dj_import *import, const struct dj_export *run, int64_t rc)
{
    struct dj *dj = import->child.dj, *from = dj_export_dj(run);

    if (dj == NULL)
        return (int)rc;
    return dj_err_set(&dj->err, (int)-rc, "%s",
                      from == NULL ? strerror((int)-rc) : dj_err_text(&from->err, (int)rc));
}

static int pour(struct dj_import *import, struct dj_export *run, void *piece)
{
    int64_t n;
    int rc = 0;

    do
        rc = dj_export_next(run);
    while (rc == 1 && dj_export_size(run) == 0);
    if (rc < 1)
        return rc == 0 ? dj_err_set(&import->child.dj->err, EINVAL,
                                    "the run's contents were read already")
                       : blame(import, run, rc);
    while ((n = dj_export_read(run, piece, DJ_PIECE_MAX)) > 0) {
        rc = dj_import_write(import, piece, (size_t)n);
        if (rc < 0)
            return rc;
    }
    return n < 0 ? blame(import, run, n) : 0;
}

int dj_import_from(struct dj_import *import, struct dj_export *run)
{
    dj_cleanup_free void *piece = NULL;
    const void *record;
    size_t len;
    int rc = dj_export_text(run, "record", &record, &len);

    if (rc == 0)
        rc = dj_import_begin(import, record, len);
    if (rc != 1)
        return rc;
    piece = dj_xmalloc(DJ_PIECE_MAX);
    while (rc == 1 && (rc = dj_import_next(import)) == 1) {
        rc = pour(import, run, piece);
        if (rc < 0)
            forget_run(import);
        rc = rc < 0 ? rc : 1;
    }
    return rc < 0 ? rc : 1;
}

/* ---- told ------------------------------------------------------------------------------------ */

int dj_import_counts(const struct dj_import *import, struct dj_import_counts *ret)
{
    if (import == NULL || ret == NULL)
        return -EINVAL;
    *ret = import->counts;
    return 0;
}

static const char *line(const struct dj_list *list, size_t i)
{
    return i < list->n ? dj_buf_str(DJ_LIST_AT(list, struct dj_buf, i)) : NULL;
}

const char *dj_import_conflict(const struct dj_import *import, size_t i)
{
    return import == NULL ? NULL : line(&import->conflicts, i);
}

const char *dj_import_waiting(const struct dj_import *import, size_t i)
{
    return import == NULL ? NULL : line(&import->waiting, i);
}

/* Answers that are still to come have their counts here. */
void dj_import_free(struct dj_import *import)
{
    if (import == NULL)
        return;
    if (import->child.dj != NULL)
        dj_notice_fork(import->child.dj);
    while (import->under_way != 0 && import->child.dj != NULL)
        if (dj_step(import->child.dj, -1) < 0 && import->child.dj->connection == NULL)
            break;
    dj_child_remove(&import->child);
    forget_run(import);
    dj_buf_release(&import->piece);
    dj_bytes_list_release(&import->conflicts);
    dj_bytes_list_release(&import->waiting);
    dj_err_release(&import->refused);
    free(import->from);
    free(import);
}

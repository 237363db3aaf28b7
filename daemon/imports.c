#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/engine_impl.h"
#include "daemon/exchange.h"
#include "daemon/ingest.h"
#include "daemon/store_batch.h"
#include "lib/model/carried.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * A run of another store taken in: its record is checked, its content is put where a run's own
 * content goes, and all of it is written in one batch. Small runs are taken in on the loop, as the
 * outputs of small runs are; others by a job.
 */

/* Looking at a file that a run rests on means reading it once; larger ones are left to their next
 * run. */
#define LOOK_MAX (INT64_C(64) << 30)

struct import {
    struct dj_engine *engine;
    struct dj_exchange *exchange;
    struct dj_rec_carried carried;
    struct dj_digest key;
    char *from, *user;
    struct dj_list sent;           /* struct dj_upload: what came with the request itself */
    bool used_uploads;
    struct dj_rec_manifest manifest;
    struct dj_store_batch *batch;  /* the run's content */
    struct dj_store_batch *inputs; /* what is remembered of input files */
    struct dj_list claims, fresh;  /* struct dj_digest, as in ingest.h */
    uint64_t number;
    int code;
    struct dj_err err;
    struct dj_msg_imported answer;
    dj_imported_fn *done;
    void *cookie;
};

static void import_free(struct import *import)
{
    for (size_t i = 0; i < import->sent.n; i++)
        dj_buf_release(&DJ_LIST_AT(&import->sent, struct dj_upload, i)->bytes);
    free(import->sent.items);
    dj_codec_release(&dj_layout_carried, &import->carried);
    dj_codec_release(&dj_layout_manifest, &import->manifest);
    dj_codec_release(dj_message_layout(DJ_MSG_IMPORTED), &import->answer);
    dj_store_batch_free(import->batch);
    dj_store_batch_free(import->inputs);
    free(import->claims.items);
    free(import->fresh.items);
    free(import->from);
    free(import->user);
    dj_err_release(&import->err);
    free(import);
}

/* The last word; the import is gone. */
static void finish(struct import *import)
{
    struct dj_exchange *exchange = import->used_uploads ? import->exchange : NULL;

    import->done(import->cookie, import->code, &import->answer,
                 import->code < 0 ? dj_err_text(&import->err, import->code) : NULL);
    import_free(import);
    if (exchange != NULL)
        dj_exchange_end(exchange);
}

static void refuse(struct import *import, int code)
{
    import->code = code;
    finish(import);
}

/* ---- what is there already ---- */

/* Whether a stored run left what the carried one left; when does not count. */
static bool same_content(const struct import *import, const struct dj_rec_instance *rec)
{
    const struct dj_rec_instance *own = &import->carried.instance;
    struct dj_digest files;

    if (rec->result.size != own->result.size || rec->file_count != own->file_count ||
        rec->file_bytes != own->file_bytes ||
        !dj_digest_equal(&rec->result.digest, &own->result.digest))
        return false;
    dj_carried_files_digest(dj_manifest(import->engine, rec->number), &files);
    return dj_digest_equal(&files, &import->carried.files);
}

static uint64_t instance_of_id(struct dj_engine *engine, const struct dj_call *call,
                               const struct dj_digest *id)
{
    for (size_t i = 0; i < call->rec.instances.n; i++) {
        uint64_t instance = DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i)->instance;
        const struct dj_rec_instance *rec = dj_instance(engine, instance);
        struct dj_digest is;

        if (rec == NULL)
            continue;
        dj_carried_id(&call->key, rec, &is);
        if (dj_digest_equal(&is, id))
            return instance;
    }
    return 0;
}

static void say_call(struct import *import, const struct dj_call *call)
{
    dj_freep(&import->answer.task);
    import->answer.task = dj_xstrdup(call->task->public.name);
    dj_buf_set(&import->answer.name, dj_buf_bytes(&call->name));
}

/* True: nothing is to be taken in. */
static bool is_there(struct import *import)
{
    struct dj_call *call = call_of_key(import->engine, &import->key);
    uint64_t there, current;
    const struct dj_rec_instance *rec;

    if (call == NULL)
        return false;
    say_call(import, call);
    there = call->rec.deleted_ns != 0
                ? 0
                : instance_of_id(import->engine, call, &import->carried.id);
    current = dj_call_current(import->engine, call);
    rec = current == 0 ? NULL : dj_instance(import->engine, current);
    if (there != 0) {
        const struct dj_rec_summary *summary = call_summary(call, there);

        import->answer.verdict = DJ_VERDICT_THERE;
        import->answer.valid = summary != NULL && summary_valid(import->engine, summary);
    } else if (rec != NULL && same_content(import, rec)) {
        import->answer.verdict = DJ_VERDICT_SAME;
        import->answer.valid = true;
    }
    dj_call_unref(call);
    return import->answer.verdict != DJ_VERDICT_NEW;
}

/* ---- content, on any thread ---- */

static const struct dj_upload *find_sent(const struct import *import,
                                         const struct dj_digest *digest)
{
    for (size_t i = 0; i < import->sent.n; i++) {
        const struct dj_upload *sent = DJ_LIST_AT(&import->sent, struct dj_upload, i);

        if (dj_digest_equal(&sent->digest, digest))
            return sent;
    }
    return import->used_uploads ? dj_exchange_upload(import->exchange, digest) : NULL;
}

/* checksum: of content that is a file, else empty. */
static void refer(struct import *import, const struct dj_digest *digest, struct dj_bytes checksum)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    dj_key_reference(&key, digest, import->number);
    dj_store_batch_put(import->batch, dj_buf_bytes(&key), checksum);
}

static void add_digest(struct dj_list *list, const struct dj_digest *digest)
{
    *(struct dj_digest *)dj_list_add(list, sizeof(*digest)) = *digest;
}

static int take_large(struct import *import, const struct dj_upload *sent)
{
    int rc = dj_content_adopt(import->engine->store, sent->path, &sent->digest, &import->err);

    if (rc < 0)
        return rc;
    add_digest(&import->claims, &sent->digest);
    refer(import, &sent->digest, dj_bytes(sent->checksum.b, sizeof(sent->checksum.b)));
    return 0;
}

/* here: bytes of up to that size stay in the record that the content stands in. */
static int take_content(struct import *import, const char *what, size_t here,
                        struct dj_rec_content *content)
{
    const struct dj_upload *sent;
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    if (content->size == 0) {
        content->here = true;
        return 0;
    }
    sent = find_sent(import, &content->digest);
    if (sent == NULL || sent->size != content->size)
        return dj_err_set(&import->err, EBADMSG, "its %s did not come with it", what);
    if (sent->path != NULL)
        return take_large(import, sent);
    if (sent->size <= here) {
        content->here = true;
        dj_buf_set(&content->bytes, dj_buf_bytes(&sent->bytes));
        return 0;
    }
    dj_key_content(&key, &content->digest);
    dj_store_batch_put(import->batch, dj_buf_bytes(&key), dj_buf_bytes(&sent->bytes));
    add_digest(&import->fresh, &content->digest);
    refer(import, &content->digest, DJ_BYTES_LIT(""));
    return 0;
}

static int read_manifest(struct import *import)
{
    const struct dj_rec_content *content = &import->carried.instance.manifest;
    const struct dj_upload *sent = content->size == 0 ? NULL
                                                      : find_sent(import, &content->digest);
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT, again = DJ_BUF_INIT;
    int rc = 0;

    if (content->size == 0)
        return 0;
    if (sent == NULL || sent->size != content->size)
        return dj_err_set(&import->err, EBADMSG, "its list of files did not come with it");
    if (sent->path != NULL) {
        dj_cleanup_close int fd = dj_open(AT_FDCWD, sent->path, O_RDONLY | O_NOFOLLOW, 0);

        rc = fd < 0 ? fd : dj_read_fd(fd, DJ_STORE_ITEM_MAX, &bytes);
        if (rc < 0)
            return dj_err_sys(&import->err, -rc, "%s", sent->path);
    } else {
        dj_buf_set(&bytes, dj_buf_bytes(&sent->bytes));
    }
    rc = dj_codec_decode(&dj_layout_manifest, dj_buf_bytes(&bytes), &import->manifest,
                         &import->err);
    if (rc < 0)
        return dj_err_prefix(&import->err, rc, "its list of files");
    dj_codec_encode(&again, &dj_layout_manifest, &import->manifest);
    if (!dj_bytes_equal(dj_buf_bytes(&again), dj_buf_bytes(&bytes)))
        return dj_err_set(&import->err, EBADMSG, "its list of files is not written as it has to "
                          "be");
    return dj_carried_files_check(&import->manifest, &import->carried.instance, &import->err);
}

static int check_files(struct import *import)
{
    struct dj_digest files;

    dj_carried_files_digest(&import->manifest, &files);
    if (dj_digest_equal(&files, &import->carried.files))
        return 0;
    return dj_err_set(&import->err, EBADMSG, "its files are not those that its record says");
}

/* A file of the same path and content counts as known from now on, so that the run can be a hit.
 * Whatever else is there stays as it is, and is no fault of the run. */
static void look_at_inputs(struct import *import, const struct dj_list *premises)
{
    for (size_t i = 0; i < premises->n; i++) {
        const struct dj_rec_carried_premise *premise =
            DJ_LIST_AT(premises, struct dj_rec_carried_premise, i);
        dj_cleanup_free char *path = NULL;
        struct dj_digest digest;
        struct stat st;

        if (premise->task != NULL || dj_digest_is_zero(&premise->digest))
            continue;
        path = dj_xmemdup0(premise->path.data, premise->path.len);
        if (outside_stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > LOOK_MAX ||
            input_look(import->engine->store, import->inputs, path, &digest, NULL) < 0)
            continue;
    }
}

static void work(void *cookie)
{
    struct import *import = cookie;
    struct dj_rec_instance *rec = &import->carried.instance;
    int rc = read_manifest(import);

    if (rc == 0)
        rc = check_files(import);
    if (rc == 0)
        rc = take_content(import, "result", DJ_INGEST_HERE, &rec->result);
    if (rc == 0)
        rc = take_content(import, "log", DJ_INGEST_HERE, &rec->log);
    if (rc == 0 && rec->manifest.size != 0)
        rc = take_content(import, "list of files", DJ_INGEST_HERE, &rec->manifest);
    for (size_t i = 0; rc == 0 && i < import->manifest.entries.n; i++) {
        struct dj_rec_entry *entry = DJ_LIST_AT(&import->manifest.entries, struct dj_rec_entry, i);

        if (S_ISREG(entry->mode) && entry->content.size != 0)
            rc = take_content(import, dj_buf_str(&entry->path), 0, &entry->content);
    }
    if (rc == 0) {
        look_at_inputs(import, &import->carried.premises);
        for (size_t i = 0; i < import->carried.accepted.n; i++)
            look_at_inputs(import, &DJ_LIST_AT(&import->carried.accepted,
                                               struct dj_rec_carried_acceptance, i)
                                        ->premises);
    }
    import->code = rc;
}

/* ---- the record, on the loop ---- */

static void keep_version(struct import *import, struct dj_store_batch *batch, uint32_t task,
                         const struct dj_rec_carried_premise *premise)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    struct dj_rec_version version;

    if (premise->version.len == 0)
        return;
    if (version_load(import->engine, task, &premise->digest, &version) == 0) {
        dj_codec_release(&dj_layout_version, &version);
        return;
    }
    if (dj_codec_decode(&dj_layout_version, dj_buf_bytes(&premise->version), &version, NULL) < 0)
        return;
    dj_codec_release(&dj_layout_version, &version);
    dj_key_version(&key, task, &premise->digest);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&premise->version));
}

static void intern(struct import *import, struct dj_store_batch *batch,
                   const struct dj_list *premises, uint64_t *ret_tasks, uint64_t *ret_files)
{
    struct dj_premises *all = import->engine->premises;
    struct dj_list tasks = {0}, files = {0};

    for (size_t i = 0; i < premises->n; i++) {
        const struct dj_rec_carried_premise *premise =
            DJ_LIST_AT(premises, struct dj_rec_carried_premise, i);
        struct task *task;

        if (premise->task == NULL) {
            *(uint64_t *)dj_list_add(&files, sizeof(uint64_t)) =
                dj_premises_file(all, dj_buf_bytes(&premise->path), &premise->digest);
            continue;
        }
        task = task_known(import->engine, import->engine->batch, premise->task, dj_bytes(NULL, 0));
        keep_version(import, batch, task->public.number, premise);
        *(uint64_t *)dj_list_add(&tasks, sizeof(uint64_t)) =
            dj_premises_task(all, task->public.number, &premise->digest);
    }
    *ret_tasks = dj_premises_union_all(all, 0, tasks.items, tasks.n);
    *ret_files = dj_premises_union_all(all, 0, files.items, files.n);
    free(tasks.items);
    free(files.items);
}

/* The calls that it made are known from here on, also those of which no run is there (yet). */
static void take_edges(struct import *import, struct dj_store_batch *batch,
                       struct dj_rec_instance *rec)
{
    for (size_t i = 0; i < import->carried.edges.n; i++) {
        const struct dj_rec_carried_edge *from =
            DJ_LIST_AT(&import->carried.edges, struct dj_rec_carried_edge, i);
        struct task *task = task_known(import->engine, import->engine->batch, from->task,
                                       dj_bytes(NULL, 0));
        struct dj_call *call = call_of_stored(import->engine, task, dj_buf_bytes(&from->key),
                                              dj_buf_bytes(&from->args));
        struct dj_rec_edge *to = dj_list_add(&rec->edges, sizeof(*to));

        call_record(import->engine, batch, call);
        to->call = call->rec.number;
        to->failed = from->failed;
        to->instance = instance_of_id(import->engine, call, &from->id);
        dj_call_unref(call);
    }
}

static void take_accepted(struct import *import, struct dj_store_batch *batch,
                          struct dj_rec_summary *summary)
{
    for (size_t i = 0; i < import->carried.accepted.n; i++) {
        const struct dj_rec_carried_acceptance *from =
            DJ_LIST_AT(&import->carried.accepted, struct dj_rec_carried_acceptance, i);
        struct dj_rec_acceptance *to = dj_list_add(&summary->accepted, sizeof(*to));

        intern(import, batch, &from->premises, &to->tasks, &to->files);
        to->user = dj_xstrdup(from->user == NULL ? "" : from->user);
        to->though = dj_xstrdup(from->though == NULL ? "" : from->though);
        to->time_ns = from->time_ns;
    }
}

/* Those of an earlier djfs do not say when they were asked for. */
static void date_summaries(struct dj_engine *engine, struct dj_call *call)
{
    for (size_t i = 0; i < call->rec.instances.n; i++) {
        struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);
        const struct dj_rec_instance *rec =
            summary->asked_ns != 0 ? NULL : dj_instance(engine, summary->instance);

        if (rec != NULL)
            summary->asked_ns = rec->queued_ns;
    }
}

static void summarise(struct import *import, struct dj_store_batch *batch, struct dj_call *call,
                      const struct dj_rec_instance *rec)
{
    struct dj_rec_summary *summary;

    date_summaries(import->engine, call);
    summary = call_add_summary(call);
    summary->instance = rec->number;
    summary->state = rec->state;
    summary->tasks = rec->tasks;
    summary->files = rec->files;
    summary->forced = rec->forced;
    if (rec->expires_ns != 0) {
        summary->ended_ns = rec->end_ns;
        summary->expires_ns = summary->own_ns = rec->expires_ns;
    }
    summary->asked_ns = rec->queued_ns;
    summary->imported = true;
    summary->stale = import->carried.stale;
    if (import->carried.mark != NULL)
        summary->mark = dj_xstrdup(import->carried.mark);
    take_accepted(import, batch, summary);
}

/* The record is the import's own from here on: its numbers are of this store. */
static void complete(struct import *import, struct dj_store_batch *batch, struct dj_call *call)
{
    struct dj_rec_instance *rec = &import->carried.instance;

    rec->call = call->rec.number;
    rec->number = import->number;
    rec->imported_ns = dj_clock_now_ns();
    free(rec->imported_from);
    free(rec->imported_by);
    rec->imported_from = dj_xstrdup(import->from);
    rec->imported_by = dj_xstrdup(import->user);
    dj_buf_set(&rec->args, dj_buf_bytes(&import->carried.args));
    intern(import, batch, &import->carried.premises, &rec->tasks, &rec->files);
    take_edges(import, batch, rec);
}

/* ---- one key, two results ---- */

static void say_instance(struct dj_buf *buf, const struct dj_rec_instance *rec)
{
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(&rec->result.digest, hex);
    dj_buf_addf(buf, "%.10s (%llu bytes) of %s on %s", hex, (unsigned long long)rec->result.size,
                rec->user == NULL ? "?" : rec->user, rec->host == NULL ? "?" : rec->host);
}

/* Only what could answer is in conflict. */
static void say_conflict(struct import *import, struct dj_call *call)
{
    struct dj_engine *engine = import->engine;
    const struct dj_rec_instance *own = &import->carried.instance;
    uint64_t current = dj_call_current(engine, call);
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    for (size_t i = 0; i < call->rec.instances.n; i++) {
        const struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);
        const struct dj_rec_instance *rec = dj_instance(engine, summary->instance);

        if (rec == NULL || summary->instance == import->number || same_content(import, rec) ||
            !summary_valid(engine, summary))
            continue;
        say_instance(&text, rec);
        dj_buf_adds(&text, " and ");
        say_instance(&text, own);
        dj_buf_addf(&text, ": %s answers, since it was asked for last",
                    current == import->number ? "the latter" : "the former");
        dj_freep(&import->answer.conflict);
        import->answer.conflict = dj_buf_steal(&text);
        return;
    }
}

static void durable(void *cookie, int code, const char *sentence)
{
    struct import *import = cookie;

    if (code != 0)
        code = dj_err_set(&import->err, code < 0 ? -code : code, "%s", sentence);
    import->code = code;
    finish(import);
}

static int commit(struct import *import)
{
    struct dj_engine *engine = import->engine;
    struct dj_store_batch *batch = dj_store_batch_new();
    struct task *task = task_known(engine, engine->batch, import->carried.task,
                                   dj_buf_bytes(&import->carried.definition));
    struct dj_call *call = call_of_stored(engine, task, dj_buf_bytes(&import->carried.key),
                                          dj_buf_bytes(&import->carried.args));
    int rc;

    call_drop_deleted(engine, batch, call);
    dj_store_batch_add_all(batch, import->batch);
    dj_store_batch_add_all(batch, import->inputs);
    call_record(engine, batch, call);
    complete(import, batch, call);
    summarise(import, batch, call, &import->carried.instance);
    instance_put(batch, &import->carried.instance);
    count_run(engine, batch, &import->carried.instance, 1);
    call_save(engine, batch, call);
    rc = engine_write(engine, batch, &import->err);
    dj_store_batch_free(batch);
    if (rc < 0) {
        engine_reload(engine);
    } else {
        const struct dj_rec_summary *summary = call_summary(call, import->number);

        for (size_t i = 0; i < import->claims.n; i++)
            (void)dj_content_seal(engine->store, DJ_LIST_AT(&import->claims, struct dj_digest, i));
        for (size_t i = 0; i < import->fresh.n; i++)
            verified_add(engine, DJ_LIST_AT(&import->fresh, struct dj_digest, i));
        contents_leave(engine);
        alikes_drop(engine, task, 0);
        call_choose_run(engine, call);
        call_changed(engine, call, true);
        event(engine, "imported", call, import->number, NULL);
        say_call(import, call);
        import->answer.valid = summary != NULL && summary_valid(engine, summary);
        if (import->answer.valid)
            say_conflict(import, call);
    }
    dj_call_unref(call);
    return rc;
}

static void worked(void *cookie)
{
    struct import *import = cookie;
    struct dj_engine *engine = import->engine;
    int rc = import->code;

    /* Another peer may have brought it meanwhile. */
    if (rc == 0 && is_there(import)) {
        contents_settle(engine, &import->claims);
        finish(import);
        return;
    }
    if (rc == 0)
        rc = quota_check(engine, &import->carried.instance, &import->err);
    if (rc == 0)
        rc = commit(import);
    contents_settle(engine, &import->claims);
    if (rc < 0)
        refuse(import, rc);
    else
        sync_then(engine, durable, import);
}

/* ---- asked for ---- */

static void take_sent(struct import *import, const struct dj_list *contents)
{
    for (size_t i = 0; i < contents->n; i++) {
        struct dj_upload *sent = dj_list_add(&import->sent, sizeof(*sent));

        dj_buf_set(&sent->bytes,
                   dj_buf_bytes(&DJ_LIST_AT(contents, struct dj_part_word, i)->bytes));
        sent->size = sent->bytes.len;
        dj_digest_bytes(dj_buf_bytes(&sent->bytes), &sent->digest);
    }
}

static bool rests_on_files(const struct dj_rec_carried *carried)
{
    for (size_t i = 0; i < carried->premises.n; i++) {
        if (DJ_LIST_AT(&carried->premises, struct dj_rec_carried_premise, i)->task == NULL)
            return true;
    }
    return carried->accepted.n != 0;
}

/* What has to be read or synced is a job's. */
static bool is_small(const struct import *import)
{
    const struct dj_rec_instance *rec = &import->carried.instance;

    return rec->result.size + rec->log.size + rec->file_bytes + rec->manifest.size <=
               DJ_CONTENT_INLINE_MAX &&
           rec->file_count <= 100 && !rests_on_files(&import->carried);
}

static int check(struct import *import, const struct dj_msg_import *ask)
{
    int rc = dj_codec_decode(&dj_layout_carried, dj_buf_bytes(&ask->record), &import->carried,
                             &import->err);

    if (rc < 0)
        return dj_err_prefix(&import->err, rc, "its record");
    rc = dj_carried_check(&import->carried, &import->err);
    if (rc == 0)
        dj_digest_bytes(dj_buf_bytes(&import->carried.key), &import->key);
    return rc;
}

void dj_import(struct dj_engine *engine, struct dj_exchange *exchange,
               const struct dj_msg_import *ask, const char *user, dj_imported_fn *done,
               void *cookie)
{
    struct import *import = dj_xcalloc(1, sizeof(*import));
    int rc;

    *import = (struct import){.engine = engine, .exchange = exchange, .done = done,
                              .cookie = cookie, .batch = dj_store_batch_new(),
                              .inputs = dj_store_batch_new(),
                              .from = dj_xstrdup(ask->from == NULL ? "" : ask->from),
                              .user = dj_xstrdup(user)};
    rc = check(import, ask);
    if (rc == 0 && !is_there(import))
        rc = quota_check(engine, &import->carried.instance, &import->err);
    if (rc < 0 || import->answer.verdict != DJ_VERDICT_NEW || (ask->flags & DJ_IMPORT_PROBE)) {
        refuse(import, rc);
        return;
    }
    import->number = engine_number(engine);
    take_sent(import, &ask->contents);
    import->used_uploads = dj_exchange_begin(exchange);
    if (!import->used_uploads && is_small(import)) {
        work(import);
        worked(import);
    } else {
        dj_loop_job(engine->loop, work, worked, import);
    }
}

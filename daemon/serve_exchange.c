#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/dispatch.h"
#include "daemon/exchange.h"
#include "daemon/render.h"
#include "lib/util/mem.h"
#include "lib/util/user.h"

/* RUNS, EXPORT, FETCH, IMPORT, GC. (dispatch.h) */

static void answer(struct dj_request *request, int rc, enum dj_message number, void *fields,
                   const struct dj_err *err)
{
    if (rc < 0)
        dj_reply_err(request, rc, err);
    else
        dj_reply(request, number, fields);
    dj_codec_release(dj_message_layout(number), fields);
}

void dj_serve_runs(struct dj_request *request)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_msg_stored_runs page;
    int rc = dj_runs_page(request->engine, request->fields, &page, &err);

    answer(request, rc, DJ_MSG_STORED_RUNS, &page, &err);
}

/* ---- EXPORT ---- */

static void add_dep(struct dj_buf *buf, const struct dj_rec_carried_edge *edge)
{
    char hex[DJ_DIGEST_HEX_SIZE];
    struct dj_digest key;

    dj_digest_bytes(dj_buf_bytes(&edge->key), &key);
    dj_digest_hex(&key, hex);
    dj_buf_addf(buf, "%s key %s", edge->task, hex);
    dj_digest_hex(&edge->id, hex);
    if (!dj_digest_is_zero(&edge->id))
        dj_buf_addf(buf, " run %s", hex);
    dj_buf_adds(buf, edge->failed ? " failed\n" : "\n");
}

/* What the tree shows of the run, and what it rests on. */
static void add_texts(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                      const struct dj_rec_carried *carried, struct dj_msg_exported *ret)
{
    const struct dj_rec_instance *rec = dj_instance(engine, instance);

    dj_call_key_text(engine, call, instance, &ret->key);
    dj_call_show_args(engine, call, NULL, &ret->args);
    dj_render_ended(&ret->meta, call, rec);
    for (size_t i = 0; i < carried->edges.n; i++)
        add_dep(&ret->deps, DJ_LIST_AT(&carried->edges, struct dj_rec_carried_edge, i));
    dj_render_definition(&ret->definition, dj_call_task(call));
}

void dj_serve_export(struct dj_request *request)
{
    const struct dj_msg_export *ask = request->fields;
    struct dj_engine *engine = request->engine;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_msg_exported exported = {0};
    struct dj_rec_carried carried;
    struct dj_call *call;
    int rc = dj_carried_make(engine, ask->instance, &carried, &err);

    if (rc == 0) {
        call = dj_instance_call(engine, ask->instance);
        exported.task = dj_xstrdup(dj_call_task(call)->name);
        dj_buf_set(&exported.name, dj_call_name(call));
        dj_codec_encode(&exported.record, &dj_layout_carried, &carried);
        if (ask->texts)
            add_texts(engine, call, ask->instance, &carried, &exported);
        dj_call_unref(call);
        dj_exchange_hold(dj_exchange_of(request->peer, engine), ask->instance);
    }
    dj_codec_release(&dj_layout_carried, &carried);
    answer(request, rc, DJ_MSG_EXPORTED, &exported, &err);
}

/* ---- FETCH ---- */

static bool is_it(const struct dj_rec_content *content, const struct dj_digest *digest)
{
    return content->size != 0 && dj_digest_equal(&content->digest, digest);
}

static const struct dj_rec_content *find_content(struct dj_engine *engine, uint64_t instance,
                                                 const struct dj_digest *digest)
{
    const struct dj_rec_instance *rec = dj_instance(engine, instance);
    const struct dj_rec_manifest *manifest;

    if (rec == NULL)
        return NULL;
    if (is_it(&rec->result, digest))
        return &rec->result;
    if (is_it(&rec->log, digest))
        return &rec->log;
    if (is_it(&rec->manifest, digest))
        return &rec->manifest;
    manifest = dj_manifest(engine, instance);
    for (size_t i = 0; i < manifest->entries.n; i++) {
        const struct dj_rec_entry *entry = DJ_LIST_AT(&manifest->entries, struct dj_rec_entry, i);

        if (is_it(&entry->content, digest))
            return &entry->content;
    }
    return NULL;
}

static void give(struct dj_request *request, const struct dj_rec_content *content)
{
    struct dj_msg_opened opened = {.size = content->size};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = 0;

    opened.path = dj_content_file(request->engine, content);
    opened.has_content = opened.path == NULL;
    if (opened.has_content)
        rc = dj_read_content(request->engine, content, 0, (size_t)content->size, &opened.content,
                             &err);
    answer(request, rc, DJ_MSG_OPENED, &opened, &err);
}

struct fetching {
    struct dj_request *request;
    struct dj_digest digest;
    uint64_t instance;
};

static void verified(void *cookie, int code, const char *sentence)
{
    struct fetching *fetching = cookie;
    const struct dj_rec_content *content =
        find_content(fetching->request->engine, fetching->instance, &fetching->digest);

    if (code == 0 && content == NULL)
        dj_reply_error(fetching->request, EIO, "the content went away");
    else if (code != 0)
        dj_reply_error(fetching->request, code, "%s", sentence);
    else
        give(fetching->request, content);
    free(fetching);
}

void dj_serve_fetch(struct dj_request *request)
{
    const struct dj_msg_fetch *ask = request->fields;
    uint64_t instance = dj_exchange_held(dj_exchange_of(request->peer, request->engine));
    const struct dj_rec_content *content = NULL;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct fetching *fetching;
    struct dj_digest digest;
    int rc;

    if (ask->digest.len == sizeof(digest.b)) {
        memcpy(digest.b, ask->digest.data, sizeof(digest.b));
        content = find_content(request->engine, instance, &digest);
    }
    if (content == NULL || content->size != ask->size) {
        dj_reply_error(request, ENOENT, "the run that is exported has no such content");
        return;
    }
    fetching = dj_xcalloc(1, sizeof(*fetching));
    *fetching = (struct fetching){request, digest, instance};
    rc = dj_verify(request->engine, instance, &content, 1, verified, fetching, &err);
    if (rc == 1)
        return;
    if (rc == 0)
        give(request, content);
    else
        dj_reply_err(request, rc, &err);
    free(fetching);
}

/* ---- IMPORT, GC ---- */

static void imported(void *cookie, int code, const struct dj_msg_imported *fields,
                     const char *sentence)
{
    if (code < 0)
        dj_reply_error(cookie, code, "%s", sentence);
    else
        dj_reply(cookie, DJ_MSG_IMPORTED, fields);
}

/* What a run brings in nobody asked for: it would be a way around the calls that are recorded. */
void dj_serve_import(struct dj_request *request)
{
    const struct dj_peer_facts *facts = dj_peer_facts(request->peer);

    if (facts->run != 0)
        dj_reply_error(request, EACCES, "a run cannot import runs");
    else
        dj_import(request->engine, dj_exchange_of(request->peer, request->engine),
                  request->fields, dj_user_name(facts->uid), imported, request);
}

struct collecting {
    struct dj_request *request;
    struct dj_msg_garbage page;
};

static void collected(void *cookie, int code, const char *sentence)
{
    struct collecting *collecting = cookie;

    if (code != 0)
        dj_reply_error(collecting->request, code, "%s", sentence);
    else
        dj_reply(collecting->request, DJ_MSG_GARBAGE, &collecting->page);
    dj_codec_release(dj_message_layout(DJ_MSG_GARBAGE), &collecting->page);
    free(collecting);
}

void dj_serve_gc(struct dj_request *request)
{
    const struct dj_msg_gc *ask = request->fields;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct collecting *collecting = dj_xcalloc(1, sizeof(*collecting));
    int rc;

    collecting->request = request;
    rc = dj_garbage_page(request->engine, ask, &collecting->page, &err);
    if (rc < 0)
        collected(collecting, rc, dj_err_text(&err, rc));
    else if (ask->drop)
        dj_engine_sync(request->engine, collected, collecting);
    else
        collected(collecting, 0, NULL);
}

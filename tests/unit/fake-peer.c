/* What the canned engine tells of itself, its peers, and requests whose answers are caught
 * (fake-engine.h). */
#include "tests/unit/fake-engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/util/mem.h"

/* ---- the whole ---- */

void dj_totals(struct dj_engine *engine, struct dj_totals *ret)
{
    *ret = (struct dj_totals){.workers = 4, .busy = 1, .runs = engine->last_instance,
                              .bytes = 1000, .bytes_total = 1 << 30, .bytes_free = 1 << 29,
                              .start_ns = FAKE_TIME_NS, .paused = engine->paused};
}

void dj_pause(struct dj_engine *engine, bool paused)
{
    engine->paused = paused;
}

int dj_reload(struct dj_engine *engine, struct dj_err *err)
{
    (void)engine;
    (void)err;
    return 0;
}

int dj_gc(struct dj_engine *engine, struct dj_err *err)
{
    (void)err;
    engine->gcs++;
    return 0;
}

const char *dj_engine_mount(struct dj_engine *engine)
{
    (void)engine;
    return "/mnt/dj";
}

const char *dj_engine_store_dir(struct dj_engine *engine)
{
    (void)engine;
    return "/store";
}

uint64_t dj_events_begin(struct dj_engine *engine)
{
    return engine->events_begin;
}

uint64_t dj_events_end(struct dj_engine *engine)
{
    return engine->events.len;
}

void dj_events_read(struct dj_engine *engine, uint64_t offset, size_t size, struct dj_buf *ret)
{
    offset = DJ_MAX(offset, engine->events_begin);
    dj_buf_add(ret, engine->events.data + offset, DJ_MIN(size, engine->events.len - offset));
}

/* ---- peers and requests ---- */

const struct dj_peer_facts *dj_peer_facts(const struct dj_peer *peer)
{
    return &peer->facts;
}

void **dj_peer_slot(struct dj_peer *peer)
{
    return &peer->slot;
}

static void copy(uint64_t number, const void *fields, struct dj_message_in *ret)
{
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    dj_message_encode(&buf, (enum dj_message)number, 1, fields);
    if (dj_message_decode(dj_buf_bytes(&buf), ret, &err) < 0) {
        fprintf(stderr, "message %d: %s\n", (int)number, err.text);
        abort();
    }
}

void dj_peer_send(struct dj_peer *peer, enum dj_message number, const void *fields)
{
    if (peer->last.fields != NULL)
        dj_message_release(&peer->last);
    copy(number, fields, &peer->last);
    peer->changed += number == DJ_MSG_CHANGED;
    peer->anew += number == DJ_MSG_ANEW;
}

struct fake_asked *fake_ask(struct dj_engine *engine, struct dj_peer *peer, uint64_t number,
                            const void *fields)
{
    struct fake_asked *asked = dj_xcalloc(1, sizeof(*asked));

    asked->request.engine = engine;
    asked->request.peer = peer;
    asked->request.number = number;
    copy(number, fields, &asked->request.message);
    asked->request.fields = asked->request.message.fields;
    return asked;
}

static struct fake_asked *answered(struct dj_request *request)
{
    struct fake_asked *asked = (struct fake_asked *)request;

    if (asked->answered)
        abort();
    asked->answered = true;
    return asked;
}

/* As in the daemon, the request's fields are gone once it is answered. */
static void end_request(struct dj_request *request)
{
    dj_message_release(&request->message);
    request->fields = NULL;
}

void dj_reply(struct dj_request *request, enum dj_message number, const void *fields)
{
    copy(number, fields, &answered(request)->reply);
    end_request(request);
}

void dj_reply_err(struct dj_request *request, int code, const struct dj_err *err)
{
    struct fake_asked *asked = answered(request);

    if (code >= 0)
        abort();
    asked->code = code;
    asked->sentence = dj_xstrdup(dj_err_text(err, code));
    end_request(request);
}

void dj_reply_error(struct dj_request *request, int code, const char *format, ...)
{
    struct fake_asked *asked = answered(request);
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    va_list args;

    va_start(args, format);
    dj_buf_addv(&text, format, args);
    va_end(args);
    asked->code = -abs(code);
    asked->sentence = dj_buf_steal(&text);
    end_request(request);
}

void dj_reply_wants(struct dj_request *request, const struct dj_definition *definition)
{
    struct dj_msg_wants wants = {0};

    for (size_t i = 0; definition != NULL && i < definition->env_keyed.n; i++) {
        struct dj_part_word *word = dj_list_add(&wants.names, sizeof(*word));

        dj_buf_add_bytes(&word->bytes, dj_list_bytes(&definition->env_keyed, i));
    }
    dj_reply(request, DJ_MSG_WANTS, &wants);
    dj_codec_release(dj_message_layout(DJ_MSG_WANTS), &wants);
}

void dj_reply_ok(struct dj_request *request, uint64_t number, const char *text)
{
    struct dj_msg_ok ok = {.number = number, .text = dj_xstrdup(text)};

    copy(DJ_MSG_OK, &ok, &answered(request)->reply);
    free(ok.text);
    end_request(request);
}

void fake_cancel(struct fake_asked *asked)
{
    if (asked->request.on_cancel == NULL)
        abort();
    asked->request.on_cancel(&asked->request);
}

void fake_done(struct fake_asked *asked)
{
    if (!asked->answered)
        abort();
    if (asked->reply.fields != NULL)
        dj_message_release(&asked->reply);
    free(asked->sentence);
    free(asked);
}

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/dispatch.h"
#include "daemon/exchange.h"
#include "daemon/loop.h"
#include "daemon/engine_impl.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

/* What a peer has sent for an import, and UPLOAD. (exchange.h) */

enum {
    CHUNK_MAX = 1 << 20,
    SMALL_MAX = 256 << 20, /* small content of one run, in memory */
    UPLOADS_MAX = 1 << 20,
};

struct upload {
    struct dj_upload public;
    int fd;                  /* large, and not whole yet; else -1 */
    uint64_t written;
    struct dj_hasher hasher;
    struct dj_summing *summing;
    UT_hash_handle hh;       /* by digest */
};

struct dj_exchange {
    struct dj_engine *engine;
    uint64_t held;
    struct upload *uploads;
    size_t small;            /* bytes of those in memory */
    struct upload *writing;  /* the large one that comes */
    bool in_use;             /* by an import's job, or a chunk's */
    bool gone;
};

/* ---- made and freed ---- */

struct dj_exchange *dj_exchange_of(struct dj_peer *peer, struct dj_engine *engine)
{
    struct dj_exchange **place = dj_peer_exchange(peer);

    if (*place == NULL) {
        *place = dj_xcalloc(1, sizeof(**place));
        (*place)->engine = engine;
    }
    return *place;
}

static void free_upload(struct upload *upload)
{
    dj_close(upload->fd);
    dj_summing_free(upload->summing);
    if (upload->public.path != NULL)
        unlink(upload->public.path);
    free(upload->public.path);
    dj_buf_release(&upload->public.bytes);
    free(upload);
}

static void forget_uploads(struct dj_exchange *exchange)
{
    struct upload *upload, *next;

    HASH_ITER(hh, exchange->uploads, upload, next)
    {
        HASH_DEL(exchange->uploads, upload);
        free_upload(upload);
    }
    if (exchange->writing != NULL)
        free_upload(dj_steal(exchange->writing));
    exchange->small = 0;
}

void dj_exchange_hold(struct dj_exchange *exchange, uint64_t instance)
{
    uint64_t before = exchange->held;

    if (instance != 0)
        dj_instance_hold(exchange->engine, instance);
    exchange->held = instance;
    if (before != 0)
        dj_instance_release(exchange->engine, before);
}

uint64_t dj_exchange_held(const struct dj_exchange *exchange)
{
    return exchange->held;
}

static void bury(struct dj_exchange *exchange)
{
    forget_uploads(exchange);
    free(exchange);
}

void dj_exchange_gone(struct dj_peer *peer)
{
    struct dj_exchange *exchange = dj_steal(*dj_peer_exchange(peer));

    if (exchange == NULL)
        return;
    dj_exchange_hold(exchange, 0);
    exchange->gone = true;
    if (!exchange->in_use)
        bury(exchange);
}

const struct dj_upload *dj_exchange_upload(const struct dj_exchange *exchange,
                                           const struct dj_digest *digest)
{
    struct upload *upload;

    HASH_FIND(hh, exchange->uploads, digest->b, sizeof(digest->b), upload);
    return upload == NULL ? NULL : &upload->public;
}

bool dj_exchange_begin(struct dj_exchange *exchange)
{
    if (exchange->in_use || exchange->uploads == NULL)
        return false;
    exchange->in_use = true;
    return true;
}

void dj_exchange_end(struct dj_exchange *exchange)
{
    exchange->in_use = false;
    if (exchange->gone)
        bury(exchange);
    else
        forget_uploads(exchange);
}

void dj_exchange_sweep(struct dj_store *store)
{
    dj_cleanup_buf struct dj_buf dir = DJ_BUF_INIT;

    dj_buf_addf(&dir, "%s/import", dj_store_dir(store));
    if (dj_remove_tree(AT_FDCWD, dj_buf_str(&dir)) < 0)
        return; /* nobody reads it */
}

/* ---- UPLOAD ---- */

static void keep(struct dj_exchange *exchange, struct upload *upload)
{
    HASH_ADD(hh, exchange->uploads, public.digest, sizeof(upload->public.digest), upload);
}

static int check_chunk(const struct dj_exchange *exchange, const struct dj_msg_upload *ask,
                       struct dj_err *err)
{
    const struct upload *writing = exchange->writing;

    if (exchange->in_use)
        return dj_err_set(err, EBUSY, "what was sent before is not stored yet");
    if (ask->digest.len != DJ_DIGEST_SIZE)
        return dj_err_set(err, EINVAL, "a digest has %d bytes", DJ_DIGEST_SIZE);
    if (ask->bytes.len > CHUNK_MAX || ask->bytes.len == 0)
        return dj_err_set(err, EINVAL, "a piece of content has 1 to %d bytes", CHUNK_MAX);
    if (ask->offset > ask->size || ask->bytes.len > ask->size - ask->offset)
        return dj_err_set(err, EINVAL, "the piece lies outside of the content");
    if (ask->offset != 0 &&
        (writing == NULL || ask->offset != writing->written ||
         ask->size != writing->public.size ||
         memcmp(ask->digest.data, writing->public.digest.b, DJ_DIGEST_SIZE) != 0))
        return dj_err_set(err, EINVAL, "the pieces of content come one after the other");
    if (ask->offset == 0 && ask->size <= DJ_CONTENT_INLINE_MAX && ask->bytes.len != ask->size)
        return dj_err_set(err, EINVAL, "content up to 1 MiB comes in one piece");
    if (HASH_COUNT(exchange->uploads) >= UPLOADS_MAX)
        return dj_err_set(err, EFBIG, "a run has at most %d different contents", UPLOADS_MAX);
    if (ask->size <= DJ_CONTENT_INLINE_MAX && exchange->small + ask->bytes.len > SMALL_MAX)
        return dj_err_set(err, EFBIG,
                          "the files of up to 1 MiB of one run are more than %d MiB together",
                          SMALL_MAX >> 20);
    return 0;
}

static int wrong_digest(struct dj_err *err)
{
    return dj_err_set(err, EBADMSG, "its content does not have the digest that it is said to have");
}

static int take_small(struct dj_exchange *exchange, const struct dj_msg_upload *ask,
                      struct dj_err *err)
{
    struct upload *upload;
    struct dj_digest is;

    dj_digest_bytes(dj_buf_bytes(&ask->bytes), &is);
    if (memcmp(is.b, ask->digest.data, sizeof(is.b)) != 0)
        return wrong_digest(err);
    if (dj_exchange_upload(exchange, &is) != NULL)
        return 0;
    upload = dj_xcalloc(1, sizeof(*upload));
    upload->fd = -1;
    upload->public.digest = is;
    upload->public.size = ask->size;
    dj_buf_set(&upload->public.bytes, dj_buf_bytes(&ask->bytes));
    exchange->small += ask->bytes.len;
    keep(exchange, upload);
    return 0;
}

static int begin_large(struct dj_exchange *exchange, const struct dj_msg_upload *ask,
                       struct dj_err *err)
{
    static uint64_t number;
    struct upload *upload = dj_xcalloc(1, sizeof(*upload));
    struct dj_buf path = DJ_BUF_INIT;
    int rc;

    /* One that was given up is not finished any more. */
    if (exchange->writing != NULL)
        free_upload(dj_steal(exchange->writing));
    dj_buf_addf(&path, "%s/import", dj_store_dir(exchange->engine->store));
    rc = dj_mkdir_p(dj_buf_str(&path), 0700);
    dj_buf_addf(&path, "/%llu", (unsigned long long)++number);
    upload->public.path = dj_buf_steal(&path);
    upload->public.size = ask->size;
    memcpy(upload->public.digest.b, ask->digest.data, DJ_DIGEST_SIZE);
    dj_hasher_init(&upload->hasher);
    upload->summing = dj_summing_new();
    upload->fd = rc < 0 ? rc : dj_open(AT_FDCWD, upload->public.path,
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (upload->fd < 0) {
        rc = dj_err_sys(err, -upload->fd, "%s", upload->public.path);
        dj_freep(&upload->public.path);
        upload->fd = -1;
        free_upload(upload);
        return rc;
    }
    exchange->writing = upload;
    return 0;
}

struct chunk {
    struct dj_request *request;
    struct dj_exchange *exchange;
    const struct dj_msg_upload *ask;
    struct dj_digest is; /* of the last piece: of the whole */
    int code;
};

static void write_chunk(void *cookie)
{
    struct chunk *chunk = cookie;
    struct upload *upload = chunk->exchange->writing;

    dj_hasher_update(&upload->hasher, chunk->ask->bytes.data, chunk->ask->bytes.len);
    dj_summing_add(upload->summing, chunk->ask->bytes.data, chunk->ask->bytes.len);
    chunk->code = dj_write_full(upload->fd, chunk->ask->bytes.data, chunk->ask->bytes.len);
    upload->written += chunk->ask->bytes.len;
    if (upload->written != upload->public.size)
        return;
    dj_hasher_final(&upload->hasher, &chunk->is);
    dj_summing_final(dj_steal(upload->summing), &upload->public.checksum);
}

static int whole(struct dj_exchange *exchange, const struct dj_digest *is, struct dj_err *err)
{
    struct upload *upload = dj_steal(exchange->writing);

    upload->fd = dj_close(upload->fd);
    if (!dj_digest_equal(is, &upload->public.digest)) {
        free_upload(upload);
        return wrong_digest(err);
    }
    if (dj_exchange_upload(exchange, is) != NULL)
        free_upload(upload);
    else
        keep(exchange, upload);
    return 0;
}

static void wrote_chunk(void *cookie)
{
    struct chunk *chunk = cookie;
    struct dj_exchange *exchange = chunk->exchange;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = chunk->code;

    if (code < 0) {
        (void)dj_err_sys(&err, -code, "%s", exchange->writing->public.path);
        free_upload(dj_steal(exchange->writing));
    } else if (exchange->writing->written == exchange->writing->public.size) {
        code = whole(exchange, &chunk->is, &err);
    }
    if (code < 0)
        dj_reply_err(chunk->request, code, &err);
    else
        dj_reply_ok(chunk->request, 0, "");
    exchange->in_use = false;
    if (exchange->gone)
        bury(exchange);
    free(chunk);
}

void dj_serve_upload(struct dj_request *request)
{
    const struct dj_msg_upload *ask = request->fields;
    struct dj_exchange *exchange = dj_exchange_of(request->peer, request->engine);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct chunk *chunk;
    int rc = check_chunk(exchange, ask, &err);

    if (rc == 0 && ask->size <= DJ_CONTENT_INLINE_MAX) {
        rc = take_small(exchange, ask, &err);
        if (rc == 0) {
            dj_reply_ok(request, 0, "");
            return;
        }
    }
    if (rc == 0 && ask->offset == 0)
        rc = begin_large(exchange, ask, &err);
    if (rc < 0) {
        dj_reply_err(request, rc, &err);
        return;
    }
    chunk = dj_xcalloc(1, sizeof(*chunk));
    *chunk = (struct chunk){.request = request, .exchange = exchange, .ask = ask};
    exchange->in_use = true;
    dj_loop_job(request->engine->loop, write_chunk, wrote_chunk, chunk);
}

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/engine_impl.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

/* What dj_instance() and dj_manifest() lent out, freed when the loop turns. */
struct borrowed {
    const struct dj_layout *layout;
    void *object;
};

static void give_back(void *cookie)
{
    struct dj_engine *engine = cookie;

    for (size_t i = 0; i < engine->borrowed.n; i++) {
        struct borrowed *borrowed = DJ_LIST_AT(&engine->borrowed, struct borrowed, i);

        dj_codec_release(borrowed->layout, borrowed->object);
        free(borrowed->object);
    }
    engine->borrowed.n = engine->borrowed_old = 0;
}

static void lend(struct dj_engine *engine, const struct dj_layout *layout, void *object)
{
    struct borrowed *borrowed;

    if (engine->borrowed.n == 0)
        dj_loop_later(engine->loop, give_back, engine);
    borrowed = dj_list_add(&engine->borrowed, sizeof(*borrowed));
    *borrowed = (struct borrowed){layout, object};
}

/* As one that was read from the store: a text that is empty is none. */
void instance_lend(struct dj_engine *engine, struct dj_rec_instance *rec)
{
    struct dj_rec_instance *own = dj_xmalloc(sizeof(*own));

    *own = *rec;
    *rec = (struct dj_rec_instance){0};
    for (size_t i = 0; i < dj_layout_instance.n; i++) {
        const struct dj_field *field = &dj_layout_instance.fields[i];
        char **text = (char **)((char *)own + field->offset);

        if (field->kind == DJ_FIELD_TEXT && *text != NULL && **text == '\0')
            dj_freep(text);
    }
    lend(engine, &dj_layout_instance, own);
}

/* A hit is looked at three times in a row. It may be another one after the store was written. */
static struct dj_rec_instance *lent_last(struct dj_engine *engine, uint64_t number)
{
    const struct borrowed *last;
    struct dj_rec_instance *rec;

    if (engine->borrowed.n <= engine->borrowed_old)
        return NULL;
    last = DJ_LIST_AT(&engine->borrowed, struct borrowed, engine->borrowed.n - 1);
    rec = last->object;
    return last->layout == &dj_layout_instance && rec->number == number ? rec : NULL;
}

/* Whoever has borrowed it in this turn keeps it. */
static void let_go(struct dj_engine *engine, struct wide *wide)
{
    if (wide->instance == 0)
        return;
    lend(engine, &dj_layout_instance, wide->rec);
    *wide = (struct wide){0};
}

static struct wide *find_wide(struct dj_engine *engine, uint64_t number)
{
    for (size_t i = 0; number != 0 && i < WIDE_KEPT; i++) {
        if (engine->wide[i].instance == number)
            return &engine->wide[i];
    }
    return NULL;
}

void instance_forget(struct dj_engine *engine, uint64_t number)
{
    struct wide *wide = find_wide(engine, number);

    if (wide != NULL)
        let_go(engine, wide);
    engine->borrowed_old = engine->borrowed.n;
}

static void keep(struct dj_engine *engine, uint64_t number, struct dj_rec_instance *rec)
{
    struct wide *wide = &engine->wide[engine->wide_next];

    let_go(engine, wide);
    *wide = (struct wide){number, rec};
    engine->wide_next = (engine->wide_next + 1) % WIDE_KEPT;
}

void instances_free(struct dj_engine *engine)
{
    struct held *held, *next;

    for (size_t i = 0; i < WIDE_KEPT; i++) {
        if (engine->wide[i].instance != 0)
            dj_codec_release(&dj_layout_instance, engine->wide[i].rec);
        free(engine->wide[i].rec);
    }
    give_back(engine);
    free(engine->borrowed.items);
    HASH_ITER(hh, engine->helds, held, next)
    {
        HASH_DEL(engine->helds, held);
        contents_settle(engine, &held->claims);
        dj_codec_release(&dj_layout_instance, &held->rec);
        dj_call_unref(held->call);
        free(held);
    }
}

int instance_load(struct dj_engine *engine, uint64_t number, struct dj_rec_instance *ret)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    int rc;

    dj_key_number(&key, 'I', number);
    rc = dj_store_get(engine->store, dj_buf_bytes(&key), &value);
    if (rc < 0)
        return rc;
    return dj_codec_decode(&dj_layout_instance, dj_buf_bytes(&value), ret, NULL);
}

struct held *held_find(struct dj_engine *engine, uint64_t number)
{
    struct held *held;

    HASH_FIND(hh, engine->helds, &number, sizeof(number), held);
    return held;
}

const struct dj_rec_instance *dj_instance(struct dj_engine *engine, uint64_t number)
{
    struct held *held = held_find(engine, number);
    const struct wide *wide = find_wide(engine, number);
    struct dj_rec_instance *rec;

    if (held != NULL && held->ephemeral)
        return &held->rec;
    if (wide != NULL)
        return wide->rec;
    if (number != 0 && (rec = lent_last(engine, number)) != NULL)
        return rec;
    rec = dj_xcalloc(1, sizeof(*rec));
    if (number == 0 || instance_load(engine, number, rec) < 0) {
        free(rec);
        return NULL;
    }
    if (rec->edges.n < WIDE_EDGES)
        lend(engine, &dj_layout_instance, rec);
    else
        keep(engine, number, rec);
    return rec;
}

const struct dj_rec_manifest *dj_manifest(struct dj_engine *engine, uint64_t number)
{
    const struct dj_rec_instance *rec = dj_instance(engine, number);
    struct dj_rec_manifest *manifest = dj_xcalloc(1, sizeof(*manifest));
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;

    lend(engine, &dj_layout_manifest, manifest);
    if (rec == NULL || rec->manifest.size == 0 ||
        dj_read_content(engine, &rec->manifest, 0, rec->manifest.size, &bytes, NULL) < 0 ||
        dj_codec_decode(&dj_layout_manifest, dj_buf_bytes(&bytes), manifest, NULL) < 0)
        memset(manifest, 0, sizeof(*manifest));
    return manifest;
}

struct dj_call *dj_instance_call(struct dj_engine *engine, uint64_t number)
{
    struct run *run = run_find(engine, number);
    struct held *held = held_find(engine, number);
    const struct dj_rec_instance *rec;

    if (run != NULL) {
        run->call->refs++;
        return run->call;
    }
    if (held != NULL && held->ephemeral) {
        held->call->refs++;
        return held->call;
    }
    rec = dj_instance(engine, number);
    return rec == NULL ? NULL : dj_call_by_number(engine, rec->call);
}

void dj_instance_hold(struct dj_engine *engine, uint64_t number)
{
    struct held *held = held_find(engine, number);

    if (held == NULL) {
        held = dj_xcalloc(1, sizeof(*held));
        held->instance = number;
        HASH_ADD(hh, engine->helds, instance, sizeof(held->instance), held);
    }
    held->count++;
}

void dj_instance_release(struct dj_engine *engine, uint64_t number)
{
    struct held *held = held_find(engine, number);

    if (held == NULL || --held->count != 0)
        return;
    HASH_DEL(engine->helds, held);
    if (held->dropped)
        instance_dropped(engine, number);
    contents_settle(engine, &held->claims);
    dj_codec_release(&dj_layout_instance, &held->rec);
    dj_call_unref(held->call);
    free(held);
}

/* ---- content ---- */

char *dj_content_file(struct dj_engine *engine, const struct dj_rec_content *content)
{
    if (content->here || content->size <= DJ_CONTENT_INLINE_MAX)
        return NULL;
    return dj_content_path(engine->store, &content->digest);
}

static void add_part(struct dj_buf *ret, struct dj_bytes whole, uint64_t offset, size_t size)
{
    if (offset >= whole.len)
        return;
    dj_buf_add(ret, whole.data + offset, DJ_MIN(size, whole.len - (size_t)offset));
}

static int read_file(struct dj_engine *engine, const struct dj_rec_content *content,
                     uint64_t offset, size_t size, struct dj_buf *ret)
{
    dj_cleanup_close int fd = dj_content_open(engine->store, &content->digest);
    ssize_t n;

    n = fd < 0 ? fd : dj_pread_full(fd, dj_buf_room(ret, size), size, offset);
    if (n < 0 || (size_t)n < size)
        return content_unread(engine, content, n < 0 ? (int)n : 0);
    /* A list of files is read as a whole; others were verified when they were opened. */
    if (offset == 0 && (size_t)n == content->size &&
        !content_good(engine, content, dj_bytes(ret->data + ret->len, (size_t)n)))
        return -EUCLEAN;
    dj_buf_truncate(ret, ret->len + (size_t)n);
    return 0;
}

int dj_read_content(struct dj_engine *engine, const struct dj_rec_content *content,
                    uint64_t offset, size_t size, struct dj_buf *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    int rc = 0;

    if (offset >= content->size || size == 0)
        return 0;
    if (content->here) {
        add_part(ret, dj_buf_bytes(&content->bytes), offset, size);
        return 0;
    }
    if (content->size > DJ_CONTENT_INLINE_MAX) {
        rc = read_file(engine, content, offset,
                       (size_t)DJ_MIN((uint64_t)size, content->size - offset), ret);
    } else {
        dj_key_content(&key, &content->digest);
        rc = dj_store_get(engine->store, dj_buf_bytes(&key), &value);
        if (rc < 0)
            rc = content_unread(engine, content, rc);
        else if (!content_good(engine, content, dj_buf_bytes(&value)))
            rc = -EUCLEAN;
        if (rc == 0)
            add_part(ret, dj_buf_bytes(&value), offset, size);
    }
    if (rc < 0)
        return dj_err_set(err, EIO,
                          "stored content is missing or damaged; `dj get --force` makes it anew");
    return 0;
}

void dj_dependents(struct dj_engine *engine, uint64_t call_number, uint64_t after_instance,
                   dj_dependent_fn *each, void *cookie)
{
    dj_cleanup_buf struct dj_buf from = DJ_BUF_INIT, to = DJ_BUF_INIT;
    struct dj_store_iter *iter;

    if (call_number == 0)
        return;
    dj_key_numbers(&from, 'D', call_number, after_instance == 0 ? 0 : after_instance + 1);
    dj_key_number(&to, 'D', call_number + 1);
    iter = dj_store_iter_new(engine->store, dj_buf_bytes(&from), dj_buf_bytes(&to));
    while (dj_store_iter_next(iter)) {
        if (each(cookie, dj_get64(dj_store_iter_value(iter), 0),
                 dj_get64(dj_store_iter_key(iter), 9)) != 0)
            break;
    }
    dj_store_iter_free(iter);
}

bool dj_instance_unstored(struct dj_engine *engine, const struct dj_call *call,
                          uint64_t instance)
{
    const struct held *held = call == NULL ? NULL : held_find(engine, instance);

    return held != NULL && held->ephemeral;
}

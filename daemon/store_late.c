#include "daemon/store_late.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store_batch.h"
#include "lib/util/mem.h"

enum { BYTES_MAX = 1 << 20, SLOTS_FIRST = 1024 };

/* The hashes of keys, by open addressing; 0 is a free place. */
struct keys {
    uint64_t *slots;
    size_t size; /* a power of two */
    size_t n;
};

struct group {
    struct dj_store_batch *batch;
    struct dj_store_batch *tail;
    struct keys keys;
};

struct dj_late {
    struct dj_store *store;
    dj_late_write_fn *write;
    pthread_mutex_t lock;
    pthread_cond_t written;
    atomic_bool any;       /* something waits, is being written, or has failed */
    struct group waiting;
    struct group writing;  /* by one thread, without the lock, while busy */
    bool busy;
    uint64_t begun, ended; /* how many groups */
    int code;
    struct dj_err err;
};

/* ---- keys -------------------------------------------------------------------------------- */

static uint64_t hash_of(struct dj_bytes key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ key.len, word;

    for (size_t at = 0; at < key.len; at += sizeof(word)) {
        word = 0;
        memcpy(&word, key.data + at, DJ_MIN(sizeof(word), key.len - at));
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash == 0 ? 1 : hash;
}

/* Where it is, or would be. */
static uint64_t *slot_of(const struct keys *keys, uint64_t hash)
{
    size_t at = hash & (keys->size - 1);

    while (keys->slots[at] != 0 && keys->slots[at] != hash)
        at = (at + 1) & (keys->size - 1);
    return &keys->slots[at];
}

static void grow(struct keys *keys)
{
    struct keys larger = {.size = keys->size == 0 ? SLOTS_FIRST : 2 * keys->size, .n = keys->n};

    larger.slots = dj_xcalloc(larger.size, sizeof(*larger.slots));
    for (size_t i = 0; i < keys->size; i++) {
        if (keys->slots[i] != 0)
            *slot_of(&larger, keys->slots[i]) = keys->slots[i];
    }
    free(keys->slots);
    *keys = larger;
}

static void note_keys(struct keys *keys, const struct dj_store_batch *batch)
{
    struct dj_bytes rest = dj_store_batch_steps(batch);
    struct dj_store_step step;

    while (dj_store_batch_next(&rest, &step)) {
        uint64_t hash = hash_of(step.key), *slot;

        if (2 * keys->n >= keys->size)
            grow(keys);
        slot = slot_of(keys, hash);
        keys->n += *slot == 0;
        *slot = hash;
    }
}

static bool has(const struct keys *keys, uint64_t hash)
{
    return keys->n != 0 && *slot_of(keys, hash) != 0;
}

/* ---- groups ------------------------------------------------------------------------------ */

static void group_clear(struct group *group)
{
    dj_store_batch_clear(group->batch);
    dj_store_batch_clear(group->tail);
    if (group->keys.n != 0)
        memset(group->keys.slots, 0, group->keys.size * sizeof(*group->keys.slots));
    group->keys.n = 0;
}

static void group_init(struct group *group)
{
    group->batch = dj_store_batch_new();
    group->tail = dj_store_batch_new();
}

static void group_release(struct group *group)
{
    dj_store_batch_free(group->batch);
    dj_store_batch_free(group->tail);
    free(group->keys.slots);
}

struct dj_late *dj_late_new(struct dj_store *store, dj_late_write_fn *write)
{
    struct dj_late *late = dj_xcalloc(1, sizeof(*late));

    late->store = store;
    late->write = write;
    pthread_mutex_init(&late->lock, NULL);
    pthread_cond_init(&late->written, NULL);
    group_init(&late->waiting);
    group_init(&late->writing);
    return late;
}

void dj_late_free(struct dj_late *late)
{
    if (late == NULL)
        return;
    group_release(&late->waiting);
    group_release(&late->writing);
    dj_err_release(&late->err);
    pthread_cond_destroy(&late->written);
    pthread_mutex_destroy(&late->lock);
    free(late);
}

/* The writer lets go of the lock meanwhile, so that more can come to wait. */
static void write_group(struct dj_late *late)
{
    struct group group = late->waiting;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code;

    late->waiting = late->writing;
    late->writing = group;
    late->busy = true;
    late->begun++;
    pthread_mutex_unlock(&late->lock);
    dj_store_batch_add_all(group.batch, group.tail);
    dj_store_batch_sort(group.batch); /* what is in order goes into a sorted list in fewer steps */
    code = late->write(late->store, group.batch, &err);
    pthread_mutex_lock(&late->lock);
    group_clear(&late->writing);
    late->busy = false;
    late->ended++;
    if (code < 0 && late->code == 0) {
        late->code = code;
        late->err = err;
        err = (struct dj_err)DJ_ERR_INIT;
    }
    if (late->code != 0) /* what came meanwhile rests on what failed */
        group_clear(&late->waiting);
    atomic_store(&late->any, late->code != 0 || !dj_store_batch_empty(late->waiting.batch));
    pthread_cond_broadcast(&late->written);
}

static int failed(const struct dj_late *late, struct dj_err *err)
{
    return late->code == 0 ? 0 : dj_err_set(err, -late->code, "%s",
                                            dj_err_text(&late->err, late->code));
}

/* What comes meanwhile is not waited for: as long as runs end there would be something. */
int dj_late_settle(struct dj_late *late, struct dj_err *err)
{
    uint64_t last;
    int code;

    if (!atomic_load(&late->any))
        return 0;
    pthread_mutex_lock(&late->lock);
    last = late->begun + !dj_store_batch_empty(late->waiting.batch);
    while (late->ended < last &&
           (late->busy || !dj_store_batch_empty(late->waiting.batch))) {
        if (late->busy)
            pthread_cond_wait(&late->written, &late->lock);
        else
            write_group(late);
    }
    code = failed(late, err);
    pthread_mutex_unlock(&late->lock);
    return code;
}

int dj_late_add(struct dj_late *late, const struct dj_store_batch *batch,
                const struct dj_store_batch *tail, struct dj_err *err)
{
    bool much;
    int code;

    pthread_mutex_lock(&late->lock);
    code = failed(late, err);
    if (code == 0) {
        dj_store_batch_add_all(late->waiting.batch, batch);
        note_keys(&late->waiting.keys, batch);
        if (tail != NULL) {
            dj_store_batch_clear(late->waiting.tail);
            dj_store_batch_add_all(late->waiting.tail, tail);
            note_keys(&late->waiting.keys, tail);
        }
        atomic_store(&late->any, true);
    }
    much = dj_store_batch_size(late->waiting.batch) > BYTES_MAX;
    pthread_mutex_unlock(&late->lock);
    if (code == 0 && much)
        (void)dj_late_settle(late, NULL); /* whoever waits for it hears of it with the others */
    return code;
}

bool dj_late_has(struct dj_late *late, struct dj_bytes key)
{
    uint64_t hash;
    bool found;

    if (!atomic_load(&late->any))
        return false;
    hash = hash_of(key);
    pthread_mutex_lock(&late->lock);
    found = has(&late->waiting.keys, hash) || has(&late->writing.keys, hash);
    pthread_mutex_unlock(&late->lock);
    return found;
}

/* What waits is of those who have been told, too: should its write fail, nobody would be left whose
 * sync ends that. */
void dj_late_over(struct dj_late *late)
{
    (void)dj_late_settle(late, NULL);
    pthread_mutex_lock(&late->lock);
    late->code = 0;
    dj_err_release(&late->err);
    late->err = (struct dj_err)DJ_ERR_INIT;
    atomic_store(&late->any, late->busy || !dj_store_batch_empty(late->waiting.batch));
    pthread_mutex_unlock(&late->lock);
}

#include "daemon/named.h"

#include <stdlib.h>

#include "lib/util/digest.h"
#include "lib/util/mem.h"
#include "lib/util/random.h"

#define SEQUENCE_BITS 28
#define EPOCH_BITS 24
#define SERIAL_BITS 28

void dj_nameds_init(struct dj_nameds *nameds)
{
    *nameds = (struct dj_nameds){0};
    dj_random(&nameds->epoch, sizeof(nameds->epoch));
    nameds->epoch &= (UINT64_C(1) << EPOCH_BITS) - 1;
    dj_random(&nameds->serial, sizeof(nameds->serial));
}

static void key_of(struct dj_buf *buf, struct dj_task *task, struct dj_bytes name)
{
    dj_buf_add(buf, &task->number, sizeof(task->number));
    dj_buf_add_bytes(buf, name);
}

static void unlist(struct dj_nameds *nameds, struct dj_named *named)
{
    if (named->listed)
        HASH_DELETE(by_key, nameds->keys, named);
    named->listed = false;
}

static void named_free(struct dj_nameds *nameds, struct dj_named *named)
{
    unlist(nameds, named);
    HASH_DELETE(by_number, nameds->numbers, named);
    if (named->sweep != NULL)
        HASH_DELETE(by_serial, nameds->serials, named);
    dj_sweep_unref(named->sweep);
    if (named->call != NULL)
        dj_call_unref(named->call);
    dj_buf_release(&named->name);
    dj_buf_release(&named->key);
    free(named);
}

void dj_nameds_release(struct dj_nameds *nameds)
{
    while (nameds->numbers != NULL)
        named_free(nameds, nameds->numbers);
}

struct dj_named *dj_named_by_number(struct dj_nameds *nameds, uint64_t number)
{
    struct dj_named *named;

    HASH_FIND(by_number, nameds->numbers, &number, sizeof(number), named);
    return named;
}

struct dj_named *dj_named_find(struct dj_nameds *nameds, struct dj_task *task, struct dj_bytes name)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    struct dj_named *named;

    key_of(&key, task, name);
    HASH_FIND(by_key, nameds->keys, key.data, key.len, named);
    return named;
}

struct dj_named *dj_named_by_serial(struct dj_nameds *nameds, uint64_t serial)
{
    struct dj_named *named;

    HASH_FIND(by_serial, nameds->serials, &serial, sizeof(serial), named);
    return named;
}

/* Another one than an earlier daemon made up, most probably: the nodes of its rows are then found
 * anew. */
static void set_sweep(struct dj_nameds *nameds, struct dj_named *named, struct dj_sweep *sweep)
{
    dj_sweep_ref(sweep);
    named->sweep = sweep;
    do {
        nameds->serial = (nameds->serial + 1) & ((UINT64_C(1) << SERIAL_BITS) - 1);
    } while (nameds->serial == 0 || dj_named_by_serial(nameds, nameds->serial) != NULL);
    named->serial = nameds->serial;
    HASH_ADD(by_serial, nameds->serials, serial, sizeof(named->serial), named);
}

static struct dj_named *named_new(struct dj_nameds *nameds, struct dj_task *task,
                                  struct dj_bytes name, struct dj_call *call, uint64_t number)
{
    struct dj_named *old = dj_named_find(nameds, task, name);
    struct dj_named *named = dj_xcalloc(1, sizeof(*named));

    if (old != NULL)
        unlist(nameds, old);
    named->number = number;
    named->task = task;
    dj_buf_set(&named->name, name);
    named->call = call;
    if (call != NULL)
        dj_call_ref(call);
    key_of(&named->key, task, name);
    named->listed = true;
    HASH_ADD(by_number, nameds->numbers, number, sizeof(named->number), named);
    HASH_ADD_KEYPTR(by_key, nameds->keys, named->key.data, named->key.len, named);
    return named;
}

/* Nobody outlives 2^28 names of one daemon, but an old mount may have declared any number. */
static uint64_t next_number(struct dj_nameds *nameds)
{
    uint64_t number;

    do {
        nameds->sequence = (nameds->sequence + 1) & ((UINT64_C(1) << SEQUENCE_BITS) - 1);
        number = nameds->epoch << SEQUENCE_BITS | nameds->sequence;
    } while (number == 0 || dj_named_by_number(nameds, number) != NULL);
    return number;
}

static bool same_call(const struct dj_call *a, const struct dj_call *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a == b || dj_digest_equal(dj_call_key(a), dj_call_key(b));
}

struct dj_named *dj_named_get(struct dj_nameds *nameds, struct dj_task *task, struct dj_bytes name,
                              struct dj_call *call)
{
    struct dj_named *named = dj_named_find(nameds, task, name);

    if (named != NULL && named->sweep == NULL && same_call(named->call, call))
        return named;
    return named_new(nameds, task, name, call, next_number(nameds));
}

struct dj_named *dj_named_sweep(struct dj_nameds *nameds, struct dj_task *task,
                                struct dj_bytes name, struct dj_sweep *sweep)
{
    struct dj_named *named = dj_named_find(nameds, task, name);

    if (named != NULL && named->sweep != NULL && task->definition != NULL &&
        dj_sweep_fits(named->sweep, &task->definition->params))
        return named;
    named = named_new(nameds, task, name, NULL, next_number(nameds));
    set_sweep(nameds, named, sweep);
    return named;
}

struct dj_named *dj_named_restore(struct dj_nameds *nameds, struct dj_task *task,
                                  struct dj_bytes name, struct dj_call *call,
                                  struct dj_sweep *sweep, uint64_t number)
{
    struct dj_named *named = dj_named_by_number(nameds, number);

    if (named == NULL) {
        named = named_new(nameds, task, name, call, number);
        if (sweep != NULL)
            set_sweep(nameds, named, sweep);
        return named;
    }
    if (named->task != task || !dj_bytes_equal(dj_buf_bytes(&named->name), name))
        return NULL;
    return named;
}

void dj_named_add(struct dj_named *named, struct dj_named_count **counts, uint64_t n)
{
    struct dj_named_count *count;

    HASH_FIND(hh, *counts, &named->number, sizeof(named->number), count);
    if (count == NULL) {
        count = dj_xcalloc(1, sizeof(*count));
        count->number = named->number;
        HASH_ADD(hh, *counts, number, sizeof(count->number), count);
    }
    count->count += n;
    named->count += n;
}

static void take(struct dj_nameds *nameds, struct dj_named_count **counts,
                 struct dj_named_count *count, uint64_t n)
{
    struct dj_named *named = dj_named_by_number(nameds, count->number);

    n = DJ_MIN(n, count->count);
    count->count -= n;
    if (named != NULL) {
        named->count -= n;
        if (named->count == 0)
            named_free(nameds, named);
    }
    if (count->count == 0) {
        HASH_DEL(*counts, count);
        free(count);
    }
}

void dj_named_forget(struct dj_nameds *nameds, struct dj_named_count **counts, uint64_t number,
                     uint64_t n)
{
    struct dj_named_count *count;

    HASH_FIND(hh, *counts, &number, sizeof(number), count);
    if (count != NULL)
        take(nameds, counts, count, n);
}

void dj_named_forget_all(struct dj_nameds *nameds, struct dj_named_count **counts)
{
    while (*counts != NULL)
        take(nameds, counts, *counts, UINT64_MAX);
}

bool dj_named_known(const struct dj_named *named, struct dj_named_count *counts)
{
    struct dj_named_count *count;

    HASH_FIND(hh, counts, &named->number, sizeof(named->number), count);
    return count != NULL;
}

/*
 * The memory store: a red-black tree under a read-write lock. A walk copies its range when it
 * begins, so it sees nothing of later writes and holds nothing up.
 */
#include <bsd/sys/tree.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store_batch.h"
#include "daemon/store_impl.h"
#include "lib/util/digest.h"
#include "lib/util/mem.h"
#include "lib/util/random.h"

struct node {
    RB_ENTRY(node) entry;
    struct dj_bytes key; /* behind the struct */
    struct dj_bytes value;
    uint8_t data[];
};

RB_HEAD(tree, node);

struct memory {
    struct dj_store base;
    pthread_rwlock_t lock;
    struct tree tree; /* protected by lock, as is bytes */
    uint64_t bytes;
};

struct memory_iter {
    struct dj_store_iter base;
    struct node **nodes; /* copies, in the order of the walk */
    size_t count;
    size_t cap;
    size_t next;
};

static int compare(const struct node *a, const struct node *b)
{
    return dj_bytes_cmp(a->key, b->key);
}

RB_GENERATE_INTERNAL(tree, node, entry, compare, DJ_UNUSED static)

static struct memory *memory_of(struct dj_store *store)
{
    return dj_container_of(store, struct memory, base);
}

static struct node *node_new(struct dj_bytes key, struct dj_bytes value)
{
    struct node *node = dj_xmalloc(sizeof(*node) + key.len + value.len);

    if (key.len > 0)
        memcpy(node->data, key.data, key.len);
    if (value.len > 0)
        memcpy(node->data + key.len, value.data, value.len);
    node->key = dj_bytes(node->data, key.len);
    node->value = dj_bytes(node->data + key.len, value.len);
    return node;
}

static struct node *find(struct memory *memory, struct dj_bytes key)
{
    struct node wanted = {.key = key};

    return RB_FIND(tree, &memory->tree, &wanted);
}

static void drop(struct memory *memory, struct node *node)
{
    memory->bytes -= node->key.len + node->value.len;
    RB_REMOVE(tree, &memory->tree, node);
    free(node);
}

static int memory_get(struct dj_store *store, struct dj_bytes key, struct dj_buf *ret)
{
    struct memory *memory = memory_of(store);
    const struct node *node;

    pthread_rwlock_rdlock(&memory->lock);
    node = find(memory, key);
    if (node != NULL)
        dj_buf_set(ret, node->value);
    pthread_rwlock_unlock(&memory->lock);
    return node == NULL ? -ENOENT : 0;
}

static int memory_write(struct dj_store *store, const struct dj_store_batch *batch,
                        DJ_UNUSED struct dj_err *err)
{
    struct memory *memory = memory_of(store);
    struct dj_bytes rest = dj_store_batch_steps(batch);
    struct dj_store_step step;

    pthread_rwlock_wrlock(&memory->lock);
    while (dj_store_batch_next(&rest, &step)) {
        struct node *node = find(memory, step.key);

        if (node != NULL)
            drop(memory, node);
        if (!step.put)
            continue;
        node = node_new(step.key, step.value);
        RB_INSERT(tree, &memory->tree, node);
        memory->bytes += step.key.len + step.value.len;
    }
    pthread_rwlock_unlock(&memory->lock);
    return 0;
}

static int memory_sync(DJ_UNUSED struct dj_store *store, DJ_UNUSED struct dj_err *err)
{
    return 0;
}

static int memory_usage(struct dj_store *store, uint64_t *ret_bytes)
{
    struct memory *memory = memory_of(store);

    pthread_rwlock_rdlock(&memory->lock);
    *ret_bytes = memory->bytes;
    pthread_rwlock_unlock(&memory->lock);
    return 0;
}

static bool memory_close(struct dj_store *store)
{
    struct memory *memory = memory_of(store);
    struct node *node;

    while ((node = RB_MIN(tree, &memory->tree)) != NULL)
        drop(memory, node);
    pthread_rwlock_destroy(&memory->lock);
    return true;
}

/* ---- walks ------------------------------------------------------------------------------------
 */

static struct memory_iter *iter_of(const struct dj_store_iter *iter)
{
    return dj_container_of(iter, struct memory_iter, base);
}

static bool memory_iter_next(struct dj_store_iter *base)
{
    struct memory_iter *iter = iter_of(base);

    if (iter->next == iter->count)
        return false;
    iter->next++;
    return true;
}

static struct dj_bytes memory_iter_key(const struct dj_store_iter *base)
{
    const struct memory_iter *iter = iter_of(base);

    return iter->nodes[iter->next - 1]->key;
}

static struct dj_bytes memory_iter_value(const struct dj_store_iter *base)
{
    const struct memory_iter *iter = iter_of(base);

    return iter->nodes[iter->next - 1]->value;
}

static int memory_iter_error(DJ_UNUSED const struct dj_store_iter *base)
{
    return 0;
}

static void memory_iter_free(struct dj_store_iter *base)
{
    struct memory_iter *iter = iter_of(base);

    for (size_t i = 0; i < iter->count; i++)
        free(iter->nodes[i]);
    free(iter->nodes);
    free(iter);
}

static const struct dj_store_iter_ops memory_iter_ops = {
    .next = memory_iter_next,
    .key = memory_iter_key,
    .value = memory_iter_value,
    .error = memory_iter_error,
    .free = memory_iter_free,
};

static void reverse(struct memory_iter *iter)
{
    for (size_t i = 0; i < iter->count / 2; i++) {
        struct node *node = iter->nodes[i];

        iter->nodes[i] = iter->nodes[iter->count - 1 - i];
        iter->nodes[iter->count - 1 - i] = node;
    }
}

static struct dj_store_iter *memory_iterate(struct dj_store *store, struct dj_bytes from,
                                            struct dj_bytes to, bool back)
{
    struct memory *memory = memory_of(store);
    struct memory_iter *iter = dj_xcalloc(1, sizeof(*iter));
    struct node first = {.key = from};
    struct node *node;

    iter->base.ops = &memory_iter_ops;
    pthread_rwlock_rdlock(&memory->lock);
    for (node = RB_NFIND(tree, &memory->tree, &first);
         node != NULL && (to.len == 0 || dj_bytes_cmp(node->key, to) < 0);
         node = RB_NEXT(tree, &memory->tree, node)) {
        iter->nodes = dj_xgrow(iter->nodes, &iter->cap, iter->count + 1, sizeof(*iter->nodes));
        iter->nodes[iter->count++] = node_new(node->key, node->value);
    }
    pthread_rwlock_unlock(&memory->lock);
    if (back)
        reverse(iter);
    return &iter->base;
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static const struct dj_store_ops memory_ops = {
    .kind = "memory",
    .get = memory_get,
    .write = memory_write,
    .sync = memory_sync,
    .iterate = memory_iterate,
    .usage = memory_usage,
    .close = memory_close,
};

/* What the last one knew is gone, so content that it left has no owner, and numbers start anew. */
static void forget_last(struct dj_store_folder *folder)
{
    struct dj_digest random;
    char hex[DJ_DIGEST_HEX_SIZE];

    if (folder->created)
        return;
    folder->was_clean = false;
    dj_random(&random, sizeof(random));
    dj_digest_hex(&random, hex);
    memcpy(folder->id, hex, sizeof(folder->id) - 1);
}

int dj_store_open_memory(const char *dir, struct dj_store **ret, struct dj_err *err)
{
    struct memory *memory = dj_xcalloc(1, sizeof(*memory));
    int code = dj_store_begin(&memory->base, &memory_ops, dir, err);

    if (code < 0) {
        free(memory);
        return code;
    }
    code = dj_store_ready(&memory->base, err);
    if (code < 0) {
        dj_store_abandon(&memory->base);
        return code;
    }
    forget_last(&memory->base.folder);
    pthread_rwlock_init(&memory->lock, NULL);
    RB_INIT(&memory->tree);
    *ret = &memory->base;
    return 0;
}

#include "daemon/node.h"

#include <string.h>

#define KIND_SHIFT 60

struct shape {
    unsigned leaf_bits;
    uint32_t leaves; /* leaves at and above this do not exist */
};

static const struct shape shapes[] = {
    [DJ_NODE_FIXED] = {0, 1},
    [DJ_NODE_TASK] = {8, DJ_TASK_LEAVES},
    [DJ_NODE_CALL] = {8, DJ_RUN_LEAVES},
    [DJ_NODE_NAMED] = {8, DJ_RUN_LEAVES},
    [DJ_NODE_INSTANCE] = {20, UINT32_C(1) << 20},
    [DJ_NODE_HISTORY] = {20, UINT32_C(1) << 20},
    [DJ_NODE_SESSION] = {8, DJ_SESSION_LEAVES},
    [DJ_NODE_FRAME] = {8, DJ_FRAME_LEAVES},
    [DJ_NODE_ROW] = {32, UINT32_MAX},
};

static bool exists(const struct dj_node *node)
{
    if (node->number == 0 || node->leaf >= shapes[node->kind].leaves)
        return false;
    if (node->kind == DJ_NODE_FIXED)
        return node->number < DJ_FIXED_COUNT;
    if (node->kind == DJ_NODE_INSTANCE)
        return node->leaf <= DJ_INSTANCE_LOG || node->leaf >= DJ_INSTANCE_ENTRY;
    if (node->kind == DJ_NODE_HISTORY)
        return node->leaf <= DJ_INSTANCE_FOLDER || node->leaf >= DJ_INSTANCE_ENTRY;
    return true;
}

bool dj_node_is_ended(const struct dj_node *node)
{
    return node->kind == DJ_NODE_INSTANCE || node->kind == DJ_NODE_HISTORY;
}

uint64_t dj_node_pack(struct dj_node node)
{
    const struct shape *shape = &shapes[node.kind];

    if (!exists(&node) || node.number >> (KIND_SHIFT - shape->leaf_bits) != 0)
        return 0;
    return (uint64_t)node.kind << KIND_SHIFT | node.number << shape->leaf_bits | node.leaf;
}

bool dj_node_unpack(uint64_t id, struct dj_node *ret)
{
    const struct shape *shape;
    uint64_t kind = id >> KIND_SHIFT;
    uint64_t rest = id & ((UINT64_C(1) << KIND_SHIFT) - 1);

    if (kind > DJ_NODE_ROW)
        return false;
    shape = &shapes[kind];
    *ret = (struct dj_node){(enum dj_node_kind)kind, rest >> shape->leaf_bits,
                            (uint32_t)(rest & ((UINT64_C(1) << shape->leaf_bits) - 1))};
    return exists(ret);
}

/* FNV-1a; mix() spreads what it leaves in the low bits. */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *byte = data;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t dj_node_session(const char *session, const char *resource)
{
    uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), session, strlen(session) + 1);

    if (resource != NULL)
        hash = hash_bytes(hash, resource, strlen(resource));
    hash = mix(hash) >> (64 - KIND_SHIFT + 8);
    return hash == 0 ? 1 : hash;
}

uint64_t dj_node_ino(uint32_t task, struct dj_bytes name, enum dj_run_leaf leaf,
                     struct dj_bytes path)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    uint8_t head[5] = {(uint8_t)task, (uint8_t)(task >> 8), (uint8_t)(task >> 16),
                       (uint8_t)(task >> 24), (uint8_t)leaf};

    hash = hash_bytes(hash, head, sizeof(head));
    hash = hash_bytes(hash, name.data, name.len);
    hash = hash_bytes(hash, "", 1); /* no name holds a NUL */
    hash = mix(hash_bytes(hash, path.data, path.len));
    return hash < 1024 ? hash + 1024 : hash;
}

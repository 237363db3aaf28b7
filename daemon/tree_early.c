/*
 * A run is told of what it called before that is durable, and nobody else is (daemon/early.h). To
 * its own requests, too, the tree would show that as still under way. So they wait for the sync,
 * but for those of which calls consist: on the way to a result, its open, its bytes. What such a
 * look-up answers has no time for which the kernel may believe it: others would be shown it, too.
 */
#include "daemon/tree_impl.h"

static const struct dj_part_caller *caller_of(const struct dj_request *request)
{
    switch (request->number) {
    case DJ_MSG_LOOKUP:
        return &((const struct dj_msg_lookup *)request->fields)->caller;
    case DJ_MSG_GETATTR:
        return &((const struct dj_msg_getattr *)request->fields)->caller;
    case DJ_MSG_READDIR:
        return &((const struct dj_msg_readdir *)request->fields)->caller;
    case DJ_MSG_READLINK:
        return &((const struct dj_msg_readlink *)request->fields)->caller;
    case DJ_MSG_OPEN:
        return &((const struct dj_msg_open *)request->fields)->caller;
    case DJ_MSG_READ:
        return &((const struct dj_msg_read *)request->fields)->caller;
    case DJ_MSG_WRITE:
        return &((const struct dj_msg_write *)request->fields)->caller;
    case DJ_MSG_UNLINK:
        return &((const struct dj_msg_unlink *)request->fields)->caller;
    default:
        return NULL;
    }
}

static bool is_of_instance(const struct dj_node *node)
{
    return node->kind == DJ_NODE_INSTANCE || node->kind == DJ_NODE_HISTORY;
}

static bool is_of_run(const struct dj_node *node)
{
    return node->kind == DJ_NODE_CALL || node->kind == DJ_NODE_NAMED;
}

static bool is_of_call(const struct dj_request *request, const struct dj_node *node)
{
    const struct dj_msg_lookup *lookup = request->fields;
    const struct dj_msg_read *read = request->fields;

    switch (request->number) {
    case DJ_MSG_LOOKUP:
        return node->kind == DJ_NODE_FIXED || node->kind == DJ_NODE_TASK ||
               (is_of_run(node) && node->leaf == DJ_RUN_FOLDER &&
                dj_bytes_is(dj_buf_bytes(&lookup->name), "result"));
    case DJ_MSG_GETATTR:
        return node->kind == DJ_NODE_FIXED || node->kind == DJ_NODE_TASK || is_of_instance(node) ||
               (is_of_run(node) && node->leaf == DJ_RUN_FOLDER);
    case DJ_MSG_OPEN:
        return (is_of_run(node) && node->leaf == DJ_RUN_RESULT) ||
               (is_of_instance(node) && node->leaf == DJ_INSTANCE_RESULT);
    case DJ_MSG_READ:
        return read->handle != 0 || is_of_instance(node);
    default:
        return false;
    }
}

bool dj_tree_waits(const struct dj_request *request)
{
    const struct dj_part_caller *caller = caller_of(request);
    struct dj_asker asker = {0};
    struct dj_node node;

    if (caller != NULL)
        asker = dj_tree_asker(request, caller, NULL);
    /* The node is the first field of each of them. No call is made through a read-only mount. */
    return dj_run_is_early(request->engine, asker.run) &&
           dj_node_unpack(*(const uint64_t *)request->fields, &node) &&
           (asker.readonly || !is_of_call(request, &node));
}

/*
 * The text of a `ctl` that is read: its words, and why the last write to it was refused.
 *
 * A table of last sentences, by task and call; bounded, the oldest are forgotten.
 */
#include <stdlib.h>

#include "daemon/tree_impl.h"
#include "lib/util/mem.h"

#define REFUSALS_MAX 1024

struct dj_refusal {
    uint8_t key[sizeof(uint32_t) + DJ_DIGEST_SIZE];
    char *sentence;
    UT_hash_handle hh;
};

/* Of whom it is: a task's, a call's, or a session's; nothing of these: the root's. */
static void refusal_key(struct dj_task *task, struct dj_call *call, const char *session,
                        uint8_t *key)
{
    uint64_t number = session == NULL ? 0 : dj_node_session(session, NULL);

    memset(key, 0, sizeof(((struct dj_refusal *)NULL)->key));
    if (call != NULL)
        task = dj_call_task(call);
    if (task != NULL)
        memcpy(key, &task->number, sizeof(task->number));
    if (call != NULL)
        memcpy(key + sizeof(uint32_t), dj_call_key(call)->b, DJ_DIGEST_SIZE);
    else
        memcpy(key + sizeof(uint32_t), &number, sizeof(number));
}

static struct dj_refusal *find(struct dj_tree *tree, const uint8_t *key)
{
    struct dj_refusal *refusal;

    HASH_FIND(hh, tree->refusals, key, sizeof(refusal->key), refusal);
    return refusal;
}

static void refusal_free(struct dj_tree *tree, struct dj_refusal *refusal)
{
    HASH_DEL(tree->refusals, refusal);
    free(refusal->sentence);
    free(refusal);
}

/* The table is in the order of its additions, so the oldest is at its head. */
static void note(struct dj_tree *tree, const uint8_t *key, const char *sentence)
{
    struct dj_refusal *refusal = find(tree, key);

    if (refusal != NULL)
        refusal_free(tree, refusal);
    else if (HASH_COUNT(tree->refusals) >= REFUSALS_MAX)
        refusal_free(tree, tree->refusals);
    refusal = dj_xcalloc(1, sizeof(*refusal));
    memcpy(refusal->key, key, sizeof(refusal->key));
    refusal->sentence = dj_xstrdup(sentence);
    HASH_ADD(hh, tree->refusals, key, sizeof(refusal->key), refusal);
}

void dj_refusal_note(struct dj_tree *tree, struct dj_task *task, struct dj_call *call,
                     const char *sentence)
{
    uint8_t key[sizeof(tree->refusals->key)];

    refusal_key(task, call, NULL, key);
    note(tree, key, sentence);
}

void dj_refusal_note_session(struct dj_tree *tree, const char *session, const char *sentence)
{
    uint8_t key[sizeof(tree->refusals->key)];

    refusal_key(NULL, NULL, session, key);
    note(tree, key, sentence);
}

void dj_refusals_release(struct dj_tree *tree)
{
    while (tree->refusals != NULL)
        refusal_free(tree, tree->refusals);
}

static void add_text(struct dj_tree *tree, enum dj_ctl_scope scope, const uint8_t *key,
                     struct dj_buf *buf)
{
    const struct dj_refusal *refusal = find(tree, key);

    dj_ctl_words(buf, scope);
    if (refusal != NULL)
        dj_buf_addf(buf, "refused: %s\n", refusal->sentence);
}

void dj_refusal_text(struct dj_tree *tree, enum dj_ctl_scope scope, struct dj_task *task,
                     struct dj_call *call, struct dj_buf *buf)
{
    uint8_t key[sizeof(tree->refusals->key)];

    refusal_key(task, call, NULL, key);
    add_text(tree, scope, key, buf);
}

void dj_ctl_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    enum dj_ctl_scope scope = spot->node.kind == DJ_NODE_FIXED     ? DJ_CTL_ROOT
                              : spot->node.kind == DJ_NODE_TASK    ? DJ_CTL_TASK
                              : spot->node.kind == DJ_NODE_SESSION ? DJ_CTL_SESSION
                              : spot->node.kind == DJ_NODE_FRAME   ? DJ_CTL_FRAME
                                                                   : DJ_CTL_RUN;
    uint8_t key[sizeof(spot->tree->refusals->key)];
    dj_cleanup_buf struct dj_buf frame = DJ_BUF_INIT;

    if (spot->frame != NULL)
        dj_buf_addf(&frame, "frames/%s", dj_frame_name(spot->frame));
    refusal_key(spot->task, spot->call, spot->frame == NULL ? spot->session : dj_buf_str(&frame),
                key);
    add_text(spot->tree, scope, key, buf);
}

/*
 * Telling mounts that what their kernel remembers has become wrong.
 *
 * To a mount that sees every open it only saves time: an open of an old node is answered ESTALE,
 * and names and sizes are believed for a second. It lets `stat` see the new size at once. So it may
 * be dropped at will, and is: a mount hears of a call only when it has learnt something of it since
 * it was last told, which a bit per hash of calls remembers, and at most so many times a second.
 *
 * A read-only mount believes what it was told (tree_lasting.c), so to it nothing is dropped: when a
 * version changed, or too many calls to name them, it is told once that any name may be wrong
 * (ANEW), and not again before it has learnt something.
 */
#include <utlist.h>

#include "daemon/tree_impl.h"
#include "lib/util/clock.h"

#define BURST 1000
#define A_SECOND 1000

static unsigned bit_of(const struct dj_call *call)
{
    const struct dj_digest *key = dj_call_key(call);

    return ((unsigned)key->b[0] | (unsigned)key->b[1] << 8) % DJ_LOOKED_BITS;
}

void dj_change_looked(struct dj_tree_peer *peer, struct dj_call *call)
{
    unsigned bit;

    peer->learnt = true;
    if (call == NULL)
        return;
    bit = bit_of(call);
    peer->looked[bit / 8] |= (uint8_t)(1U << bit % 8);
}

static bool may_send(struct dj_tree_peer *peer)
{
    uint64_t now = dj_clock_mono_ns();
    uint64_t earned;

    if (peer->change_ns == 0) {
        peer->change_ns = now;
        peer->change_budget = BURST;
    }
    earned = (now - peer->change_ns) / (DJ_NS_PER_S / A_SECOND);
    if (earned > 0) {
        peer->change_budget = DJ_MIN(peer->change_budget + earned, BURST);
        peer->change_ns = now;
    }
    if (peer->change_budget == 0)
        return false;
    peer->change_budget--;
    return true;
}

static void add_name(struct dj_msg_changed *changed, struct dj_node folder, struct dj_bytes name)
{
    struct dj_part_changed_name *part = dj_list_add(&changed->names, sizeof(*part));

    part->node = dj_node_pack(folder);
    dj_buf_set(&part->name, name);
}

static void add(struct dj_msg_changed *changed, enum dj_node_kind kind, uint64_t number)
{
    static const char *const names[] = {"result", "files", "log"};
    struct dj_node folder = {kind, number, DJ_RUN_FOLDER};

    for (size_t i = 0; dj_node_pack(folder) != 0 && i < DJ_ARRAY_SIZE(names); i++)
        add_name(changed, folder, dj_bytes_of(names[i]));
}

static void send_to(struct dj_tree_peer *peer, struct dj_call *call)
{
    struct dj_task *task = dj_call_task(call);
    struct dj_named *named = dj_named_find(&peer->tree->nameds, task, dj_call_name(call));
    struct dj_msg_changed changed = {0};

    if (dj_peer_facts(peer->peer)->readonly) /* where it may not be there at all */
        add_name(&changed, (struct dj_node){DJ_NODE_TASK, task->number, DJ_TASK_FOLDER},
                 dj_call_name(call));
    add(&changed, DJ_NODE_CALL, dj_call_number(call));
    if (named != NULL && dj_named_known(named, peer->counts))
        add(&changed, DJ_NODE_NAMED, named->number);
    dj_peer_send(peer->peer, DJ_MSG_CHANGED, &changed);
    dj_codec_release(dj_message_layout(DJ_MSG_CHANGED), &changed);
}

/* What it learnt before it is told of this is all that it could still believe. */
static void send_anew(struct dj_tree_peer *peer)
{
    const struct dj_msg_anew anew = {};

    if (!peer->learnt)
        return;
    peer->learnt = false;
    memset(peer->looked, 0, sizeof(peer->looked));
    dj_peer_send(peer->peer, DJ_MSG_ANEW, &anew);
}

static void tell(struct dj_tree_peer *peer, struct dj_call *call)
{
    const unsigned bit = bit_of(call);
    uint8_t mask = (uint8_t)(1U << bit % 8);
    bool readonly = dj_peer_facts(peer->peer)->readonly;

    if (!(peer->looked[bit / 8] & mask))
        return;
    if (may_send(peer)) {
        if (!readonly) /* other calls of this bit may be dropped */
            peer->looked[bit / 8] &= (uint8_t)~mask;
        send_to(peer, call);
    } else if (readonly) {
        send_anew(peer);
    }
}

void dj_change_send(struct dj_tree *tree, struct dj_call *call)
{
    struct dj_tree_peer *peer;

    DL_FOREACH(tree->peers, peer) {
        if (dj_peer_facts(peer->peer)->role != DJ_ROLE_MOUNT)
            continue;
        if (call != NULL)
            tell(peer, call);
        else if (dj_peer_facts(peer->peer)->readonly)
            send_anew(peer);
    }
}

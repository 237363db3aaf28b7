/*
 * Telling mounts that what their kernel remembers has become wrong.
 *
 * Nothing depends on it: an open of an old node is answered ESTALE, and names and sizes are
 * believed for a second. It lets `stat` see the new size at once. So it may be dropped at will, and
 * is: a mount hears of a call only when it has learnt something of it since it was last told,
 * which a bit per hash of calls remembers, and at most so many times a second.
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
    unsigned bit = bit_of(call);

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

static void add(struct dj_msg_changed *changed, enum dj_node_kind kind, uint64_t number)
{
    static const char *const names[] = {"result", "files", "log"};
    uint64_t folder = dj_node_pack((struct dj_node){kind, number, DJ_RUN_FOLDER});

    for (size_t i = 0; folder != 0 && i < DJ_ARRAY_SIZE(names); i++) {
        struct dj_part_changed_name *name = dj_list_add(&changed->names, sizeof(*name));

        name->node = folder;
        dj_buf_adds(&name->name, names[i]);
    }
}

static void send_to(struct dj_tree_peer *peer, struct dj_call *call)
{
    struct dj_named *named = dj_named_find(&peer->tree->nameds, dj_call_task(call),
                                           dj_call_name(call));
    struct dj_msg_changed changed = {0};

    add(&changed, DJ_NODE_CALL, dj_call_number(call));
    if (named != NULL && dj_named_known(named, peer->counts))
        add(&changed, DJ_NODE_NAMED, named->number);
    dj_peer_send(peer->peer, DJ_MSG_CHANGED, &changed);
    dj_codec_release(dj_message_layout(DJ_MSG_CHANGED), &changed);
}

void dj_change_send(struct dj_tree *tree, struct dj_call *call)
{
    const unsigned bit = bit_of(call);
    struct dj_tree_peer *peer;

    DL_FOREACH(tree->peers, peer) {
        uint8_t mask = (uint8_t)(1U << bit % 8);

        if (!(peer->looked[bit / 8] & mask) ||
            dj_peer_facts(peer->peer)->role != DJ_ROLE_MOUNT || !may_send(peer))
            continue;
        peer->looked[bit / 8] &= (uint8_t)~mask;
        send_to(peer, call);
    }
}

/*
 * Small texts of read-only mounts: what is read fits the size that was told.
 *
 * The kernel of such a mount asks for attributes and then for bytes, with no open between, and
 * keeps the bytes until size or time are others. So the text of which a mount was told the size is
 * kept for the read that follows, and a time is told that changes with the text: its nanoseconds
 * are a hash. What falls out of the table is made anew when it is read.
 *
 * A reader asks several times within a moment: for the size, for the bytes, for the size again at
 * the end. A change must not come between these. So as long as questions follow each other closely
 * the text stays what it is, but not for ever, since somebody may ask all the time.
 */
#include <stdlib.h>

#include "daemon/tree_impl.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"

#define SHOWN_MAX 256
#define SHOWN_BYTES_MAX (4U << 20)
#define A_MOMENT_NS (4 * DJ_NS_PER_MS)
#define STAYS_MAX_NS (100 * DJ_NS_PER_MS)

struct dj_shown {
    uint64_t node;
    struct dj_buf text;
    uint64_t taken_ns, asked_ns;
    UT_hash_handle hh; /* oldest first */
};

static void drop(struct dj_tree_peer *peer, struct dj_shown *shown)
{
    HASH_DEL(peer->shown, shown);
    peer->shown_bytes -= shown->text.len;
    dj_buf_release(&shown->text);
    free(shown);
}

void dj_texts_release(struct dj_tree_peer *peer)
{
    while (peer->shown != NULL)
        drop(peer, peer->shown);
}

static struct dj_shown *find(const struct dj_tree_peer *peer, uint64_t node)
{
    struct dj_shown *shown;

    HASH_FIND(hh, peer->shown, &node, sizeof(node), shown);
    return shown;
}

static uint64_t hash(struct dj_bytes text)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < text.len; i++)
        sum = (sum ^ text.data[i]) * UINT64_C(0x100000001b3);
    return sum;
}

static bool stays(const struct dj_shown *shown, uint64_t now_ns)
{
    return now_ns - shown->asked_ns < A_MOMENT_NS && now_ns - shown->taken_ns < STAYS_MAX_NS;
}

static struct dj_shown *take(struct dj_tree_peer *peer, uint64_t node, struct dj_bytes text)
{
    struct dj_shown *shown = dj_xcalloc(1, sizeof(*shown));

    shown->node = node;
    shown->taken_ns = dj_clock_mono_ns();
    dj_buf_set(&shown->text, text);
    HASH_ADD(hh, peer->shown, node, sizeof(shown->node), shown);
    peer->shown_bytes += text.len;
    while (peer->shown_bytes > SHOWN_BYTES_MAX || HASH_COUNT(peer->shown) > SHOWN_MAX)
        drop(peer, peer->shown);
    return shown;
}

void dj_text_show(const struct dj_spot *spot, const struct dj_buf *text, struct dj_part_attr *attr)
{
    const uint64_t second = UINT64_C(1000000000), now_ns = dj_clock_mono_ns();
    struct dj_bytes told = dj_buf_bytes(text);
    struct dj_tree_peer *peer = spot->peer;
    struct dj_shown *shown = find(peer, spot->id);

    if (shown != NULL && !stays(shown, now_ns)) {
        drop(peer, shown);
        shown = NULL;
    }
    if (shown == NULL && text->len <= SHOWN_BYTES_MAX / 4)
        shown = take(peer, spot->id, told);
    if (shown != NULL) {
        shown->asked_ns = now_ns;
        told = dj_buf_bytes(&shown->text);
    }
    attr->size = told.len;
    /* Never in the future: the second before. */
    attr->mtime_ns = (attr->mtime_ns / second - 1) * second + hash(told) % second;
}

bool dj_text_shown(const struct dj_spot *spot, struct dj_bytes *ret)
{
    struct dj_shown *shown = find(spot->peer, spot->id);

    if (shown == NULL)
        return false;
    shown->asked_ns = dj_clock_mono_ns();
    *ret = dj_buf_bytes(&shown->text);
    return true;
}

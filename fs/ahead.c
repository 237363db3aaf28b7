#include "fs/ahead.h"

static size_t place_of(uint64_t folder)
{
    return folder * UINT64_C(0x9e3779b97f4a7c15) >> 56;
}

_Static_assert(DJ_AHEAD_KEPT == 1 << (64 - 56), "place_of() gives eight bits");

static void clear(struct dj_aheads *aheads, size_t place)
{
    dj_answer_unref(aheads->kept[place].answer);
    aheads->kept[place].answer = NULL;
    aheads->kept[place].folder = 0;
}

static struct dj_answer *answer_of(struct dj_part_ahead *ahead)
{
    struct dj_msg_opened opened = {.flags = DJ_OPENED_IMMUTABLE | DJ_OPENED_CACHED,
                                   .size = ahead->attr.size,
                                   .generation = ahead->generation,
                                   .bucket = ahead->bucket,
                                   .has_content = true,
                                   .content = ahead->content};

    dj_buf_init(&ahead->content);
    return dj_answer_new(ahead->attr.node, &opened);
}

void dj_aheads_take(struct dj_aheads *aheads, struct dj_answers *answers,
                    struct dj_msg_entry *entry, int64_t now_ms)
{
    size_t place = place_of(entry->attr.node);
    struct dj_part_ahead *ahead;

    if (entry->ahead.n == 0)
        return;
    ahead = DJ_LIST_AT(&entry->ahead, struct dj_part_ahead, 0);
    if (!DJ_NODE_IS_INSTANCE(ahead->attr.node) || ahead->content.len != ahead->attr.size)
        return;
    if (ahead->attr.node == entry->attr.node) {
        struct dj_answer *answer = answer_of(ahead);

        dj_answers_add(answers, answer);
        dj_answer_unref(answer);
        return;
    }
    clear(aheads, place);
    aheads->kept[place].folder = entry->attr.node;
    aheads->kept[place].until_ms = now_ms + (int64_t)DJ_MIN(ahead->attr.ttl_ms, 3600000U);
    aheads->kept[place].attr = ahead->attr;
    aheads->kept[place].answer = answer_of(ahead);
}

bool dj_aheads_find(struct dj_aheads *aheads, struct dj_answers *answers, uint64_t folder,
                    int64_t now_ms, struct dj_part_attr *ret)
{
    size_t place = place_of(folder);

    if (aheads->kept[place].folder != folder)
        return false;
    if (aheads->kept[place].until_ms <= now_ms ||
        !dj_answers_hold(answers, aheads->kept[place].answer)) {
        clear(aheads, place);
        return false;
    }
    dj_answers_add(answers, aheads->kept[place].answer);
    *ret = aheads->kept[place].attr;
    ret->ttl_ms = (uint64_t)(aheads->kept[place].until_ms - now_ms);
    return true;
}

void dj_aheads_forget(struct dj_aheads *aheads, uint64_t folder)
{
    size_t place = place_of(folder);

    if (aheads->kept[place].folder == folder)
        clear(aheads, place);
}

void dj_aheads_release(struct dj_aheads *aheads)
{
    for (size_t i = 0; i < DJ_AHEAD_KEPT; i++)
        clear(aheads, i);
}

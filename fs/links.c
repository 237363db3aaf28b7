#include "fs/links.h"

/* Nodes that are listed one after the other have places one after the other. */
static size_t place_of(uint64_t node)
{
    return (size_t)(node % DJ_LINKS_KEPT);
}

void dj_links_keep(struct dj_links *links, const struct dj_part_dirent *entry, int64_t now_ms)
{
    size_t place = place_of(entry->attr.node);

    if (entry->target.len == 0)
        return;
    links->kept[place].node = entry->attr.node;
    links->kept[place].until_ms = now_ms + (int64_t)DJ_MIN(entry->attr.ttl_ms, 3600000U);
    dj_buf_set(&links->kept[place].target, dj_buf_bytes(&entry->target));
}

const char *dj_links_find(struct dj_links *links, uint64_t node, int64_t now_ms)
{
    size_t place = place_of(node);

    if (links->kept[place].node != node || links->kept[place].until_ms <= now_ms)
        return NULL;
    return dj_buf_str(&links->kept[place].target);
}

void dj_links_release(struct dj_links *links)
{
    for (size_t i = 0; i < DJ_LINKS_KEPT; i++) {
        links->kept[i].node = 0;
        dj_buf_release(&links->kept[i].target);
    }
}

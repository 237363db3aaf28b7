/*
 * Where links lead to, as a listing said.
 *
 * Who lists a folder of links in detail follows the listing with a READLINK for each, so what came
 * with the entries is kept until then, for as long as the daemon said that an entry may be
 * believed. A table of fixed size: what is listed later takes the places of what was before.
 */
#ifndef DJ_FS_LINKS_H
#define DJ_FS_LINKS_H

#include <stdint.h>

#include "lib/proto/messages.h"
#include "lib/util/bytes.h"

#define DJ_LINKS_KEPT 4096

struct dj_links {
    struct {
        uint64_t node; /* 0: free */
        int64_t until_ms;
        struct dj_buf target;
    } kept[DJ_LINKS_KEPT];
};

/* dj_links_keep(links, entry, now_ms): nothing happens when it came without a target. */
void dj_links_keep(struct dj_links *links, const struct dj_part_dirent *entry, int64_t now_ms);
/* dj_links_find(links, node, now_ms): borrowed until the next keep; NULL: must be asked for. */
const char *dj_links_find(struct dj_links *links, uint64_t node, int64_t now_ms);
void dj_links_release(struct dj_links *links);

#endif

/*
 * Results that came ahead of being asked for.
 *
 * Whoever looks up the folder of a run mostly goes on to its `result`, so djd sends that along: its
 * attributes, its content, and until when both hold, as with an answer that may be repeated
 * (answers.h). They are kept here until the name is looked up, for as long as the attributes may be
 * believed. A table of fixed size: what comes later takes the places of what came before.
 */
#ifndef DJ_FS_AHEAD_H
#define DJ_FS_AHEAD_H

#include <stdint.h>

#include "fs/answers.h"

#define DJ_AHEAD_KEPT 256
#define DJ_AHEAD_BYTES (16U * 1024) /* larger results are asked for when they are opened */

struct dj_aheads {
    struct {
        uint64_t folder; /* 0: free */
        int64_t until_ms;
        struct dj_part_attr attr;
        struct dj_answer *answer;
    } kept[DJ_AHEAD_KEPT];
};

/*
 * dj_aheads_take(aheads, answers, entry, now_ms): takes what came with an entry out of it. What is
 * the entry's own goes to the answers at once.
 */
void dj_aheads_take(struct dj_aheads *aheads, struct dj_answers *answers,
                    struct dj_msg_entry *entry, int64_t now_ms);

/*
 * dj_aheads_find(aheads, answers, folder, now_ms, ret): the attributes of `result` in that folder,
 * with the time that is left for them; its content is among the answers then. False: ask.
 */
bool dj_aheads_find(struct dj_aheads *aheads, struct dj_answers *answers, uint64_t folder,
                    int64_t now_ms, struct dj_part_attr *ret);

void dj_aheads_forget(struct dj_aheads *aheads, uint64_t folder);
void dj_aheads_release(struct dj_aheads *aheads);

#endif

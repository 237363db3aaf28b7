/*
 * Results, and runs, that came ahead of being asked for.
 *
 * Whoever looks up the folder of a run mostly goes on to its `result`, so djd sends that along: its
 * attributes, its content, and until when both hold, as with an answer that may be repeated
 * (answers.h). They are kept here until the name is looked up, for as long as the attributes may be
 * believed. Tables of fixed size: what comes later takes the places of what came before.
 *
 * Where one run after the other is read, the runs behind the one that was looked up are asked for
 * while the program reads that one: those that go on counting where names are numbers that count
 * (1 2 3, 10 8 6), and else those that a listing has there. Several questions' worth of runs are
 * kept in store, so that a djd that has to wait for a processor is not waited for. Who reads here
 * and there is found out by a few runs that came for nothing; then nothing is asked for, each time
 * for longer.
 *
 * Whatever came answers one look-up. The kernel repeats it within the same second only when a node
 * is stale, and then the daemon has to say what is there now.
 */
#ifndef DJ_FS_AHEAD_H
#define DJ_FS_AHEAD_H

#include <stdint.h>

#include "fs/answers.h"

#define DJ_AHEAD_KEPT 256
#define DJ_AHEAD_RUNS 2048
#define DJ_AHEAD_BYTES (16U * 1024) /* larger results are asked for when they are opened */
#define DJ_AHEAD_RUN_BYTES 2048U    /* and runs with larger ones when they are looked up */

/* A run in the folder of a task. */
struct dj_ahead_run {
    uint64_t task; /* its node; 0: free */
    struct dj_buf name;
    int64_t until_ms;
    struct dj_part_attr attr, result;
    struct dj_answer *answer;
    uint64_t serial; /* of all that came */
};

struct dj_aheads {
    struct dj_ahead_run *runs; /* DJ_AHEAD_RUNS, or NULL */
    uint64_t task;             /* in which runs were looked up last */
    int in_turn;               /* how many, one after the other, whose results were wanted */
    uint64_t max;              /* to be asked for the next time */
    uint64_t came, wanted;     /* of the last ones */
    uint64_t missed;           /* look-ups in turn of what had not come */
    int pause;                 /* the last one: look-ups without asking */
    uint64_t serial;           /* of the one that came last */
    bool asking;
    struct dj_buf last;        /* of the runs that came last */
    int64_t number, step;      /* of the last name, and from the one before to it */
    int counted;               /* how often the step was the same; < 0: it was no number */
    struct {
        uint64_t folder; /* 0: free */
        int64_t until_ms;
        struct dj_part_attr attr;
        struct dj_answer *answer;
    } kept[DJ_AHEAD_KEPT];
    struct dj_ahead_run *found_run; /* that dj_aheads_told() is for, else */
    size_t found_place;             /* this one of `kept` */
};

/*
 * dj_aheads_take(aheads, answers, entry, now_ms): takes what came with an entry out of it. What is
 * the entry's own goes to the answers at once. True: it was the result of a folder.
 */
bool dj_aheads_take(struct dj_aheads *aheads, struct dj_answers *answers,
                    struct dj_msg_entry *entry, int64_t now_ms);

/*
 * dj_aheads_find(aheads, answers, folder, now_ms, ret): the attributes of `result` in that folder,
 * with the time that is left for them. False: ask. True: dj_aheads_told() has to follow.
 */
bool dj_aheads_find(struct dj_aheads *aheads, const struct dj_answers *answers, uint64_t folder,
                    int64_t now_ms, struct dj_part_attr *ret);

/* dj_aheads_named(aheads, name): a name was looked up in the folder of a task. */
void dj_aheads_named(struct dj_aheads *aheads, struct dj_bytes name);

/*
 * dj_aheads_looked(aheads, task, name, ret): a run was looked up in that folder, and djd answered.
 * True: those behind it are to be asked for; the question is complete but for who asks.
 */
bool dj_aheads_looked(struct dj_aheads *aheads, uint64_t task, struct dj_bytes name,
                      struct dj_msg_next *ret);
/* dj_aheads_came(aheads, task, runs, now_ms): the answer; NULL: there is none. */
void dj_aheads_came(struct dj_aheads *aheads, uint64_t task, struct dj_msg_next_runs *runs,
                    int64_t now_ms);
/*
 * dj_aheads_run(aheads, answers, task, name, now_ms, ret): the attributes of a run, with the time
 * that is left for them. True: dj_aheads_told() has to follow.
 */
bool dj_aheads_run(struct dj_aheads *aheads, const struct dj_answers *answers, uint64_t task,
                   struct dj_bytes name, int64_t now_ms, struct dj_part_attr *ret);

/*
 * dj_aheads_told(aheads, answers, ret_ask): what was found last has been told, and who asked goes
 * on. The content of a result is among the answers now, and the result of a run is found by
 * dj_aheads_find(). ret_ask: more are to be asked for when its node is not 0.
 */
void dj_aheads_told(struct dj_aheads *aheads, struct dj_answers *answers,
                    struct dj_msg_next *ret_ask);

void dj_aheads_forget(struct dj_aheads *aheads, uint64_t folder);
void dj_aheads_release(struct dj_aheads *aheads);

#endif

#include "fs/ahead.h"

#include <stdlib.h>

#include "lib/util/mem.h"

#define IN_TURN 3          /* so many runs, and it looks as if it went on */
#define COUNTED 2          /* the same step so often, and names count */
#define FIRST_RUNS 4
#define MOST_RUNS 16
#define QUESTIONS 3        /* so many times what is asked for at once are to be there */
#define JUDGED 256         /* runs, of which a quarter must be wanted */
#define MISSED 4           /* look-ups in turn of what had not come */
#define PAUSE 32           /* look-ups without asking then, and twice as many the next time */
#define PAUSE_MOST 4096

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

static int64_t until_of(const struct dj_part_attr *attr, int64_t now_ms)
{
    return now_ms + (int64_t)DJ_MIN(attr->ttl_ms, 3600000U);
}

static void keep(struct dj_aheads *aheads, uint64_t folder, const struct dj_part_attr *attr,
                 int64_t until_ms, struct dj_answer *answer)
{
    size_t place = place_of(folder);

    clear(aheads, place);
    aheads->kept[place].folder = folder;
    aheads->kept[place].until_ms = until_ms;
    aheads->kept[place].attr = *attr;
    aheads->kept[place].answer = answer;
}

bool dj_aheads_take(struct dj_aheads *aheads, struct dj_answers *answers,
                    struct dj_msg_entry *entry, int64_t now_ms)
{
    struct dj_part_ahead *ahead;

    if (entry->ahead.n == 0)
        return false;
    ahead = DJ_LIST_AT(&entry->ahead, struct dj_part_ahead, 0);
    if (!DJ_NODE_IS_INSTANCE(ahead->attr.node) || ahead->content.len != ahead->attr.size)
        return false;
    if (ahead->attr.node == entry->attr.node) {
        struct dj_answer *answer = answer_of(ahead);

        dj_answers_add(answers, answer);
        dj_answer_unref(answer);
        return false;
    }
    keep(aheads, entry->attr.node, &ahead->attr, until_of(&ahead->attr, now_ms),
         answer_of(ahead));
    return true;
}

bool dj_aheads_find(struct dj_aheads *aheads, const struct dj_answers *answers, uint64_t folder,
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
    *ret = aheads->kept[place].attr;
    ret->ttl_ms = (uint64_t)(aheads->kept[place].until_ms - now_ms);
    aheads->found_run = NULL;
    aheads->found_place = place;
    return true;
}

/* ---- runs -------------------------------------------------------------------------------- */

static uint64_t hash_of(uint64_t task, struct dj_bytes name)
{
    uint64_t hash = task * UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ name.data[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

/* Its place; when it has none and is to have one, a free one of two, else the first. */
static struct dj_ahead_run *run_at(struct dj_aheads *aheads, uint64_t task, struct dj_bytes name,
                                   bool take)
{
    uint64_t hash = hash_of(task, name);
    struct dj_ahead_run *free_one = NULL;

    for (uint64_t i = 0; i < 2; i++) {
        struct dj_ahead_run *run = &aheads->runs[(hash + i) % DJ_AHEAD_RUNS];

        if (run->task == task && dj_bytes_equal(dj_buf_bytes(&run->name), name))
            return run;
        if (run->task == 0 || free_one == NULL)
            free_one = run;
    }
    return take ? free_one : NULL;
}

static void run_clear(struct dj_ahead_run *run)
{
    dj_answer_unref(run->answer);
    run->answer = NULL;
    run->task = 0;
}

static void runs_release(struct dj_aheads *aheads)
{
    for (size_t i = 0; aheads->runs != NULL && i < DJ_AHEAD_RUNS; i++) {
        run_clear(&aheads->runs[i]);
        dj_buf_release(&aheads->runs[i].name);
    }
    free(dj_steal(aheads->runs));
    dj_buf_release(&aheads->last);
    aheads->asking = false;
    aheads->task = 0;
}

/* A number as it is written in a name; false: it is none, or one that has more digits. */
static bool number_of(struct dj_bytes name, int64_t *ret)
{
    bool minus = name.len > 0 && name.data[0] == '-';
    size_t i = minus, digits = name.len - minus;
    int64_t number = 0;

    if (digits == 0 || digits > 15 || (name.data[i] == '0' && (digits > 1 || minus)))
        return false;
    for (; i < name.len; i++) {
        if (name.data[i] < '0' || name.data[i] > '9')
            return false;
        number = 10 * number + (name.data[i] - '0');
    }
    *ret = minus ? -number : number;
    return true;
}

void dj_aheads_named(struct dj_aheads *aheads, struct dj_bytes name)
{
    int64_t number, step;

    if (!number_of(name, &number)) {
        aheads->counted = -1;
        return;
    }
    step = aheads->counted < 0 ? 0 : number - aheads->number;
    aheads->counted = step != 0 && step == aheads->step ? DJ_MIN(aheads->counted + 1, COUNTED) : 0;
    aheads->step = step;
    aheads->number = number;
}

/* The numbers behind that one, where names count. */
static void go_on_counting(const struct dj_aheads *aheads, struct dj_bytes after,
                           struct dj_msg_next *ret)
{
    int64_t number;

    if (aheads->counted < COUNTED || !number_of(after, &number))
        return;
    for (uint64_t i = 0; i < ret->max; i++) {
        struct dj_part_word *word = dj_list_add(&ret->names, sizeof(*word));

        number += aheads->step;
        dj_buf_addf(&word->bytes, "%lld", (long long)number);
    }
}

static void set_question(struct dj_aheads *aheads, uint64_t task, struct dj_bytes after,
                         struct dj_msg_next *ret)
{
    aheads->max =
        aheads->missed > 0 ? FIRST_RUNS : DJ_MIN(DJ_MAX(2 * aheads->max, FIRST_RUNS), MOST_RUNS);
    aheads->asking = true;
    *ret = (struct dj_msg_next){.node = task, .max = aheads->max, .ahead = DJ_AHEAD_RUN_BYTES};
    dj_buf_add_bytes(&ret->after, after);
    go_on_counting(aheads, after, ret);
}

/* Whoever reads here and there is not asked for until he has read for a while. */
static void rest(struct dj_aheads *aheads)
{
    aheads->pause = DJ_MIN(DJ_MAX(2 * aheads->pause, PAUSE), PAUSE_MOST);
    aheads->in_turn = -aheads->pause;
    aheads->max = aheads->missed = 0;
}

bool dj_aheads_looked(struct dj_aheads *aheads, uint64_t task, struct dj_bytes name,
                      struct dj_msg_next *ret)
{
    if (task != aheads->task) {
        aheads->task = task;
        aheads->in_turn = 0;
        aheads->pause = 0;
        aheads->max = aheads->came = aheads->wanted = aheads->missed = 0;
    }
    if (aheads->in_turn < 0 && aheads->counted >= COUNTED) /* now it looks as if it went on */
        aheads->in_turn = IN_TURN;
    if (aheads->in_turn < IN_TURN || aheads->asking)
        return false;
    if (aheads->max != 0 && ++aheads->missed > MISSED) {
        rest(aheads);
        return false;
    }
    set_question(aheads, task, name, ret);
    return true;
}

/* Whether it was worth it. */
static void judge(struct dj_aheads *aheads)
{
    if (aheads->came < JUDGED)
        return;
    if (aheads->wanted < aheads->came / 4)
        rest(aheads);
    aheads->came = aheads->wanted = 0;
}

void dj_aheads_came(struct dj_aheads *aheads, uint64_t task, struct dj_msg_next_runs *runs,
                    int64_t now_ms)
{
    size_t n = runs == NULL ? 0 : runs->runs.n;

    aheads->asking = false;
    if (aheads->runs == NULL && n != 0)
        aheads->runs = dj_xcalloc(DJ_AHEAD_RUNS, sizeof(*aheads->runs));
    for (size_t i = 0; i < n; i++) {
        struct dj_part_next_run *came = DJ_LIST_AT(&runs->runs, struct dj_part_next_run, i);
        struct dj_ahead_run *run = run_at(aheads, task, dj_buf_bytes(&came->name), true);

        if (!DJ_NODE_IS_INSTANCE(came->ahead.attr.node) ||
            came->ahead.content.len != came->ahead.attr.size)
            continue;
        run_clear(run);
        run->task = task;
        dj_buf_set(&run->name, dj_buf_bytes(&came->name));
        run->until_ms = DJ_MIN(until_of(&came->attr, now_ms),
                               until_of(&came->ahead.attr, now_ms));
        run->attr = came->attr;
        run->result = came->ahead.attr;
        run->answer = answer_of(&came->ahead);
        run->serial = ++aheads->serial;
        if (i == n - 1)
            dj_buf_set(&aheads->last, dj_buf_bytes(&came->name));
    }
    aheads->came += n;
    judge(aheads);
}

bool dj_aheads_run(struct dj_aheads *aheads, const struct dj_answers *answers, uint64_t task,
                   struct dj_bytes name, int64_t now_ms, struct dj_part_attr *ret)
{
    struct dj_ahead_run *run;

    if (aheads->runs == NULL || task != aheads->task)
        return false;
    run = run_at(aheads, task, name, false);
    if (run == NULL)
        return false;
    if (run->until_ms <= now_ms) /* who is that slow needs few */
        aheads->max = 0;
    if (run->until_ms <= now_ms || !dj_answers_hold(answers, run->answer)) {
        run_clear(run);
        return false;
    }
    *ret = run->attr;
    ret->ttl_ms = (uint64_t)(run->until_ms - now_ms);
    aheads->found_run = run;
    return true;
}

static void told_run(struct dj_aheads *aheads, struct dj_ahead_run *run,
                     struct dj_msg_next *ret_ask)
{
    aheads->wanted++;
    aheads->missed = 0;
    aheads->pause = 0;
    keep(aheads, run->attr.node, &run->result, run->until_ms, dj_steal(run->answer));
    if (aheads->serial - run->serial < QUESTIONS * aheads->max && aheads->in_turn >= IN_TURN &&
        !aheads->asking)
        set_question(aheads, run->task, dj_buf_bytes(&aheads->last), ret_ask);
    run_clear(run);
}

void dj_aheads_told(struct dj_aheads *aheads, struct dj_answers *answers,
                    struct dj_msg_next *ret_ask)
{
    *ret_ask = (struct dj_msg_next){0};
    if (aheads->found_run != NULL) {
        told_run(aheads, dj_steal(aheads->found_run), ret_ask);
        return;
    }
    dj_answers_add(answers, aheads->kept[aheads->found_place].answer);
    aheads->in_turn++;
    clear(aheads, aheads->found_place);
}

/* ---- all --------------------------------------------------------------------------------- */

void dj_aheads_forget(struct dj_aheads *aheads, uint64_t folder)
{
    size_t place = place_of(folder);

    if (aheads->kept[place].folder == folder)
        clear(aheads, place);
    for (size_t i = 0; aheads->runs != NULL && i < DJ_AHEAD_RUNS; i++) {
        if (aheads->runs[i].task != 0 && aheads->runs[i].attr.node == folder)
            run_clear(&aheads->runs[i]);
    }
}

void dj_aheads_release(struct dj_aheads *aheads)
{
    for (size_t i = 0; i < DJ_AHEAD_KEPT; i++)
        clear(aheads, i);
    runs_release(aheads);
}

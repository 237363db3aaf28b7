#include <errno.h>
#include <stdlib.h>

#include "daemon/fsck_impl.h"
#include "lib/util/mem.h"

/* What results rest on, the files that were looked at, and counters. */

void fsck_note(struct fsck_numbers *numbers, uint64_t number)
{
    size_t old = numbers->cap, need = (size_t)(number / 8) + 1;

    if (need > old) {
        numbers->bits = dj_xgrow(numbers->bits, &numbers->cap, need, 1);
        memset(numbers->bits + old, 0, numbers->cap - old);
    }
    numbers->bits[number / 8] |= (uint8_t)(1u << number % 8);
    numbers->max = DJ_MAX(numbers->max, number);
}

/* Numbers are given in a row, so what is far beyond the last is damage and not worth its memory. */
static bool plausible(const struct fsck_numbers *numbers, uint64_t number)
{
    return number != 0 && number < numbers->max + (UINT64_C(1) << 24);
}

bool fsck_known(struct dj_fsck *fsck, char kind, const struct fsck_numbers *numbers,
                uint64_t number)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    if (number / 8 < numbers->cap && (numbers->bits[number / 8] & 1u << number % 8))
        return true;
    dj_key_number(&key, kind, number);
    return fsck_has(fsck, &key);
}

int fsck_premise(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    dj_cleanup_buf struct dj_buf other = DJ_BUF_INIT;
    struct dj_rec_premise premise;

    if (!fsck_shape(fsck, key, 9))
        return FSCK_DONE;
    if (!fsck_decode(fsck, &dj_layout_premise, key, value, &premise)) {
        fsck_never_premise(fsck, dj_get64(key, 1));
        return FSCK_DONE;
    }
    if (plausible(&fsck->premises, dj_get64(key, 1)))
        fsck_note(&fsck->premises, dj_get64(key, 1));
    if (premise.task != 0) {
        dj_key_task(&other, (uint32_t)premise.task);
        if (!fsck_has(fsck, &other)) {
            fsck_found(fsck, "task-missing", fsck_at_key(fsck, key),
                       "a premise on task %llu, which is not there",
                       (unsigned long long)premise.task);
            fsck_remake_task(fsck, (uint32_t)premise.task);
            if (fsck_repairs(fsck) && !fsck_has(fsck, &other))
                fsck_never_premise(fsck, dj_get64(key, 1));
        }
    }
    dj_codec_release(&dj_layout_premise, &premise);
    return FSCK_DONE;
}

int fsck_set(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    uint64_t before = 0;
    struct dj_rec_set set;

    if (!fsck_shape(fsck, key, 9))
        return FSCK_DONE;
    if (!fsck_decode(fsck, &dj_layout_set, key, value, &set)) {
        fsck_never_set(fsck, dj_get64(key, 1));
        return FSCK_DONE;
    }
    if (plausible(&fsck->sets, dj_get64(key, 1)))
        fsck_note(&fsck->sets, dj_get64(key, 1));
    for (size_t i = 0; i < set.members.n; i++) {
        uint64_t premise = DJ_LIST_AT(&set.members, struct dj_rec_member, i)->premise;

        if (premise <= before)
            fsck_found(fsck, "bad-closure", fsck_at_key(fsck, key),
                       "its premises are not in order");
        if (!fsck_known(fsck, 'P', &fsck->premises, premise)) {
            fsck_found(fsck, "premise-missing", fsck_at_key(fsck, key),
                       "premise %llu of it is not there", (unsigned long long)premise);
            fsck_never_premise(fsck, premise);
        }
        before = premise;
    }
    if (set.members.n == 0)
        fsck_found(fsck, "bad-closure", fsck_at_key(fsck, key), "it is empty");
    dj_codec_release(&dj_layout_set, &set);
    return FSCK_DONE;
}

int fsck_version(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    dj_cleanup_buf struct dj_buf other = DJ_BUF_INIT;
    struct dj_rec_version version;

    if (!fsck_shape(fsck, key, 5 + DJ_DIGEST_SIZE))
        return FSCK_DONE;
    if (!fsck_decode(fsck, &dj_layout_version, key, value, &version)) {
        fsck_delete(fsck, key); /* only why results are stale is told by it */
        return FSCK_DONE;
    }
    dj_codec_release(&dj_layout_version, &version);
    dj_buf_addc(&other, 'T');
    dj_buf_add(&other, key.data + 1, 4);
    if (!fsck_has(fsck, &other)) {
        fsck_found(fsck, "version-orphan", fsck_at_key(fsck, key),
                   "a version of a task that is not there");
        fsck_delete(fsck, key);
    }
    return FSCK_DONE;
}

/* ---- files that were looked at: nothing is lost with such a record ---- */

int fsck_input(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    dj_cleanup_buf struct dj_buf own = DJ_BUF_INIT;
    struct dj_rec_input input;

    if (!fsck_decode(fsck, &dj_layout_input, key, value, &input)) {
        fsck_delete(fsck, key);
        return FSCK_DONE;
    }
    dj_key_input(&own, (unsigned)input.type, dj_buf_bytes(&input.path));
    if (!dj_bytes_equal(dj_buf_bytes(&own), key)) {
        fsck_found(fsck, "bad-input", fsck_at_key(fsck, key), "it is about another file");
        fsck_delete(fsck, key);
    }
    dj_codec_release(&dj_layout_input, &input);
    return FSCK_DONE;
}

int fsck_seen(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    if (fsck_shape(fsck, key, 2 + DJ_DIGEST_SIZE) && value.len == 0) {
        fsck_found(fsck, "bad-input", fsck_at_key(fsck, key), "a digest was seen without a file");
        fsck_delete(fsck, key);
    }
    return FSCK_DONE;
}

/* ---- counters ---- */

/* The highest number that is in use under the kind. */
static uint64_t highest(struct dj_fsck *fsck, char kind)
{
    char to = (char)(kind + 1);
    struct dj_store_iter *iter =
        dj_store_iter_new_back(fsck->store, dj_bytes(&kind, 1), dj_bytes(&to, 1));
    uint64_t number = dj_store_iter_next(iter) ? dj_get64(dj_store_iter_key(iter), 1) : 0;

    dj_store_iter_free(iter);
    return number;
}

/* A number must not be given a second time: also when the counter is not there at all. */
void fsck_check_above(struct dj_fsck *fsck, const char *name)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT, number = DJ_BUF_INIT;
    uint64_t used = strcmp(name, "calls") == 0 ? highest(fsck, 'N')
                                               : DJ_MAX(highest(fsck, 'I'), highest(fsck, 'A'));

    dj_key_counter(&key, name);
    if (fsck_get(fsck, &key, &value) == -EUCLEAN || dj_get64(dj_buf_bytes(&value), 0) >= used)
        return;
    fsck_found(fsck, "counter", fsck_where(fsck, "counter of %s", name),
               "it stands at %llu, and %llu is in use",
               (unsigned long long)dj_get64(dj_buf_bytes(&value), 0), (unsigned long long)used);
    dj_put64(&number, used);
    fsck_put_alone(fsck, &key, dj_buf_bytes(&number));
}

int fsck_counter(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    static const char *const names[] = {"instances", "calls", "runs", "bytes"};
    bool known = false;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(names); i++)
        known |= dj_bytes_is(dj_bytes_from(key, 1), names[i]);
    if (!known)
        fsck_found(fsck, "unknown-record", fsck_at_key(fsck, key), "no counter has that name");
    else if (value.len != 8)
        fsck_found(fsck, "undecodable", fsck_at_key(fsck, key), "it is no counter");
    return FSCK_DONE;
}

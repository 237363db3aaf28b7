#include "daemon/fsck_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/util/clock.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/* The walk through the store, and what its checks share. */

enum { STEP_NS = 3000000, FINDINGS_AT_ONCE = 500 };

/* A range of keys with one check, or a step of its own. */
static const struct phase {
    char kind;
    const char *name;
    unsigned weight; /* of its part of the time */
    fsck_check_fn *check;
    enum dj_fsck_next (*step)(struct dj_fsck *fsck);
    void (*work)(struct dj_fsck *fsck);
} phases[] = {
    {'T', "tasks", 1, fsck_task, NULL, NULL},
    {'P', "premises", 2, fsck_premise, NULL, NULL},
    {'S', "closures", 2, fsck_set, NULL, NULL},
    {'V', "versions", 1, fsck_version, NULL, NULL},
    {'C', "calls", 20, fsck_call, NULL, NULL},
    {'N', "call numbers", 10, fsck_number, NULL, NULL},
    {'L', "names", 10, fsck_listed, NULL, NULL},
    {'X', "deleted runs", 1, fsck_deleted, NULL, NULL},
    {'I', "runs", 40, fsck_instance, NULL, NULL},
    {'D', "calls of runs", 15, fsck_dependent, NULL, NULL},
    {'A', "runs under way", 1, fsck_live, NULL, NULL},
    {'E', "their calls", 1, fsck_live_edge, NULL, NULL},
    {'W', "their waits", 1, fsck_live_wait, NULL, NULL},
    {'H', "their files", 1, fsck_live_files, NULL, NULL},
    {'R', "references", 15, fsck_reference, NULL, NULL},
    {'B', "content", 20, fsck_content, NULL, NULL},
    {'F', "input files", 2, fsck_input, NULL, NULL},
    {'G', "digests seen", 2, fsck_seen, NULL, NULL},
    {'K', "locks", 1, fsck_lock, NULL, NULL},
    {'M', "counters", 1, fsck_counter, NULL, NULL},
    {0, "sums", 15, NULL, fsck_count, fsck_count_work},
    {0, "files", 20, NULL, fsck_files, fsck_files_work},
    {0, "events", 1, NULL, fsck_events, NULL},
    {1, "unknown records", 1, NULL, NULL, NULL},
};

/* ---- findings ---- */

void fsck_found(struct dj_fsck *fsck, const char *kind, const char *where, const char *format, ...)
{
    struct dj_part_finding *finding = dj_list_add(&fsck->findings, sizeof(*finding));
    struct dj_buf text = DJ_BUF_INIT;
    va_list args;

    va_start(args, format);
    dj_buf_addv(&text, format, args);
    va_end(args);
    finding->kind = dj_xstrdup(kind);
    finding->where = dj_xstrdup(where);
    finding->text = dj_buf_steal(&text);
    fsck->found++;
}

const char *fsck_where(struct dj_fsck *fsck, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(fsck->where, sizeof(fsck->where), format, args);
    va_end(args);
    return fsck->where;
}

static void add_path(struct dj_fsck *fsck, const struct dj_rec_call *call, struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_rec_task task;

    dj_key_task(&key, (uint32_t)call->task);
    dj_buf_adds(ret, "tasks/");
    if (dj_store_get(fsck->store, dj_buf_bytes(&key), &value) == 0 &&
        dj_codec_decode(&dj_layout_task, dj_buf_bytes(&value), &task, NULL) == 0) {
        dj_add_printable(ret, dj_bytes_of(task.name));
        dj_codec_release(&dj_layout_task, &task);
    } else {
        dj_buf_addf(ret, "(task %llu)", (unsigned long long)call->task);
    }
    dj_buf_addc(ret, '/');
    dj_add_printable(ret, dj_buf_bytes(&call->name));
}

const char *fsck_at_call(struct dj_fsck *fsck, const struct dj_rec_call *call)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    add_path(fsck, call, &path);
    return fsck_where(fsck, "call %llu, %s", (unsigned long long)call->number, dj_buf_str(&path));
}

const char *fsck_at_run(struct dj_fsck *fsck, uint64_t instance, uint64_t number)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct dj_rec_call call;

    if (fsck_load_call(fsck, number, &call) < 0)
        return fsck_where(fsck, "instance %llu of call %llu", (unsigned long long)instance,
                          (unsigned long long)number);
    add_path(fsck, &call, &path);
    dj_codec_release(&dj_layout_call, &call);
    return fsck_where(fsck, "instance %llu of %s", (unsigned long long)instance,
                      dj_buf_str(&path));
}

const char *fsck_at_key(struct dj_fsck *fsck, struct dj_bytes key)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (key.len == 9)
        return fsck_where(fsck, "record %c %llu", key.data[0],
                          (unsigned long long)dj_get64(key, 1));
    for (size_t i = 1; i < key.len && i < 64; i++)
        dj_buf_addf(&text, "%02x", key.data[i]);
    return fsck_where(fsck, "record %c %s", key.len > 0 && key.data[0] > ' ' && key.data[0] < 127
                                                ? key.data[0] : '?', dj_buf_str(&text));
}

/* ---- mending ---- */

bool fsck_repairs(const struct dj_fsck *fsck)
{
    return (fsck->flags & DJ_FSCK_REPAIR) != 0;
}

void fsck_repaired(struct dj_fsck *fsck, const char *how)
{
    struct dj_part_finding *last =
        DJ_LIST_AT(&fsck->findings, struct dj_part_finding, fsck->findings.n - 1);

    free(last->repaired);
    last->repaired = dj_xstrdup(how);
}

void fsck_put(struct dj_fsck *fsck, const struct dj_buf *key, struct dj_bytes value)
{
    if (!fsck_repairs(fsck))
        return;
    dj_store_batch_put(fsck->fixes, dj_buf_bytes(key), value);
    fsck_repaired(fsck, "added");
}

void fsck_delete(struct dj_fsck *fsck, struct dj_bytes key)
{
    if (!fsck_repairs(fsck))
        return;
    dj_store_batch_delete(fsck->fixes, key);
    fsck_repaired(fsck, "removed");
}

void fsck_delete_alone(struct dj_fsck *fsck, struct dj_bytes key)
{
    if (!fsck->live)
        fsck_delete(fsck, key);
}

void fsck_put_alone(struct dj_fsck *fsck, const struct dj_buf *key, struct dj_bytes value)
{
    if (!fsck->live)
        fsck_put(fsck, key, value);
}

void fsck_write_fixes(struct dj_fsck *fsck)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    if (dj_store_batch_empty(fsck->fixes))
        return;
    rc = fsck->hooks.write != NULL ? fsck->hooks.write(fsck->hooks.cookie, fsck->fixes, &err)
                                   : dj_store_write(fsck->store, fsck->fixes, &err);
    if (rc < 0)
        fsck_found(fsck, "not-repaired", "the store", "what was found could not be mended: %s",
                   dj_err_text(&err, rc));
    dj_store_batch_clear(fsck->fixes);
}

/* ---- records ---- */

static void unreadable(struct dj_fsck *fsck, struct dj_bytes key)
{
    fsck_found(fsck, "unreadable", fsck_at_key(fsck, key),
               "the store's own checksum of it does not hold, or the disk does not give it");
}

int fsck_get(struct dj_fsck *fsck, const struct dj_buf *key, struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf own = DJ_BUF_INIT;
    int rc = dj_store_get(fsck->store, dj_buf_bytes(key), ret == NULL ? &own : ret);

    if (rc == 0 || rc == -ENOENT)
        return rc;
    unreadable(fsck, dj_buf_bytes(key));
    return -EUCLEAN;
}

bool fsck_has(struct dj_fsck *fsck, const struct dj_buf *key)
{
    return fsck_get(fsck, key, NULL) != -ENOENT;
}

bool fsck_any(struct dj_fsck *fsck, struct dj_bytes prefix)
{
    dj_cleanup_buf struct dj_buf to = DJ_BUF_INIT;
    struct dj_store_iter *iter;
    bool found;

    dj_key_after(&to, prefix);
    iter = dj_store_iter_new(fsck->store, prefix, dj_buf_bytes(&to));
    found = dj_store_iter_next(iter);
    dj_store_iter_free(iter);
    return found;
}

bool fsck_decode(struct dj_fsck *fsck, const struct dj_layout *layout, struct dj_bytes key,
                 struct dj_bytes value, void *ret)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    if (dj_codec_decode(layout, value, ret, &err) == 0)
        return true;
    fsck_found(fsck, "undecodable", fsck_at_key(fsck, key), "it is no %s: %s", layout->name,
               dj_err_text(&err, -EBADMSG));
    return false;
}

bool fsck_shape(struct dj_fsck *fsck, struct dj_bytes key, size_t len)
{
    if (key.len == len)
        return true;
    fsck_found(fsck, "unknown-record", fsck_at_key(fsck, key),
               "its key has %zu bytes instead of %zu", key.len, len);
    fsck_delete(fsck, key);
    return false;
}

int fsck_load_call(struct dj_fsck *fsck, uint64_t number, struct dj_rec_call *ret)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_digest digest;
    int rc;

    dj_key_number(&key, 'N', number);
    rc = dj_store_get(fsck->store, dj_buf_bytes(&key), &value);
    if (rc < 0)
        return rc;
    if (value.len != sizeof(digest.b))
        return -EBADMSG;
    memcpy(digest.b, value.data, sizeof(digest.b));
    dj_key_call(&key, &digest);
    rc = dj_store_get(fsck->store, dj_buf_bytes(&key), &value);
    return rc < 0 ? rc : dj_codec_decode(&dj_layout_call, dj_buf_bytes(&value), ret, NULL);
}

int fsck_load_instance(struct dj_fsck *fsck, uint64_t number, struct dj_rec_instance *ret)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    int rc;

    dj_key_number(&key, 'I', number);
    rc = dj_store_get(fsck->store, dj_buf_bytes(&key), &value);
    return rc < 0 ? rc : dj_codec_decode(&dj_layout_instance, dj_buf_bytes(&value), ret, NULL);
}

/* ---- the walk ---- */

static bool time_is_over(const struct dj_fsck *fsck, uint64_t end)
{
    return fsck->findings.n >= FINDINGS_AT_ONCE || dj_clock_mono_ns() >= end;
}

/* Goes on behind the key. */
static void pass(struct dj_fsck *fsck, struct dj_bytes key)
{
    dj_buf_set(&fsck->at, key);
    dj_buf_addc(&fsck->at, 0);
    fsck->entry = 0;
}

/* One range; true: it is done. */
static bool walk(struct dj_fsck *fsck, const struct phase *phase, uint64_t end)
{
    dj_cleanup_buf struct dj_buf from = DJ_BUF_INIT, key = DJ_BUF_INIT;
    char to = (char)(phase->kind + 1);
    struct dj_store_iter *iter;
    bool over = false;
    int rc;

    if (fsck->at.len == 0)
        dj_buf_addc(&fsck->at, phase->kind);
    dj_buf_set(&from, dj_buf_bytes(&fsck->at));
    iter = dj_store_iter_new(fsck->store, dj_buf_bytes(&from), dj_bytes(&to, 1));
    while (!over && dj_store_iter_next(iter)) {
        dj_buf_set(&key, dj_store_iter_key(iter));
        if (phase->check(fsck, dj_buf_bytes(&key), dj_store_iter_value(iter)) == FSCK_AGAIN) {
            dj_buf_set(&fsck->at, dj_buf_bytes(&key));
            over = true;
        } else {
            fsck->records++;
            pass(fsck, dj_buf_bytes(&key));
            over = time_is_over(fsck, end);
        }
    }
    rc = over ? 0 : dj_store_iter_error(iter);
    dj_store_iter_free(iter);
    if (rc < 0)
        fsck_found(fsck, "unreadable", fsck_at_key(fsck, dj_buf_bytes(&fsck->at)),
                   "a block of the store behind it is damaged: the rest of the %s was not looked "
                   "at", phase->name);
    return !over;
}

static bool is_kind(uint8_t byte)
{
    for (size_t i = 0; i < DJ_ARRAY_SIZE(phases); i++) {
        if (phases[i].check != NULL && (uint8_t)phases[i].kind == byte)
            return true;
    }
    return false;
}

/* Whatever lies between the ranges that are known. */
static bool walk_unknown(struct dj_fsck *fsck, uint64_t end)
{
    unsigned byte = fsck->at.len == 0 ? 0 : fsck->at.data[0];
    bool over = false;

    while (byte < 256 && !over) {
        uint8_t first = (uint8_t)byte, next = (uint8_t)(byte + 1);
        struct dj_store_iter *iter;

        if (is_kind(first)) {
            byte++;
            dj_buf_clear(&fsck->at);
            continue;
        }
        if (fsck->at.len == 0)
            dj_buf_addc(&fsck->at, first);
        iter = dj_store_iter_new(fsck->store, dj_buf_bytes(&fsck->at),
                                 dj_bytes(&next, byte == 255 ? 0 : 1));
        while (!over && dj_store_iter_next(iter)) {
            fsck_found(fsck, "unknown-record", fsck_at_key(fsck, dj_store_iter_key(iter)),
                       "this version of djd keeps nothing of that kind");
            pass(fsck, dj_store_iter_key(iter));
            over = time_is_over(fsck, end);
        }
        dj_store_iter_free(iter);
        if (!over) {
            byte++;
            dj_buf_clear(&fsck->at);
        }
    }
    return !over;
}

struct dj_fsck *dj_fsck_new(struct dj_store *store, uint64_t flags,
                            const struct dj_fsck_hooks *hooks)
{
    struct dj_fsck *fsck = dj_xcalloc(1, sizeof(*fsck));

    fsck->store = store;
    fsck->flags = flags;
    if (hooks != NULL)
        fsck->hooks = *hooks;
    fsck->live = hooks != NULL;
    fsck->unclean = hooks == NULL && !dj_store_was_clean(store);
    fsck->fixes = dj_store_batch_new();
    return fsck;
}

static void free_findings(struct dj_list *findings)
{
    struct dj_msg_fscked all = {.findings = *findings};

    dj_codec_release(dj_message_layout(DJ_MSG_FSCKED), &all);
}

void dj_fsck_free(struct dj_fsck *fsck)
{
    if (fsck == NULL)
        return;
    free_findings(&fsck->findings);
    dj_store_iter_free(fsck->iter);
    dj_store_batch_free(fsck->fixes);
    fsck_manifests_free(fsck);
    dj_buf_release(&fsck->at);
    dj_buf_release(&fsck->strange);
    free(fsck->names.items);
    free(fsck->premises.bits);
    free(fsck->sets.bits);
    free(fsck);
}

enum dj_fsck_next dj_fsck_step(struct dj_fsck *fsck)
{
    const struct phase *phase = &phases[fsck->phase];
    uint64_t end = dj_clock_mono_ns() + STEP_NS;
    enum dj_fsck_next next;

    if (fsck->phase == DJ_ARRAY_SIZE(phases))
        return DJ_FSCK_END;
    if (phase->check != NULL)
        next = walk(fsck, phase, end) ? DJ_FSCK_END : DJ_FSCK_MORE;
    else if (phase->step != NULL)
        next = phase->step(fsck);
    else
        next = walk_unknown(fsck, end) ? DJ_FSCK_END : DJ_FSCK_MORE;
    fsck_write_fixes(fsck);
    if (next != DJ_FSCK_END)
        return next;
    dj_buf_clear(&fsck->at);
    fsck->entry = 0;
    return ++fsck->phase == DJ_ARRAY_SIZE(phases) ? DJ_FSCK_END : DJ_FSCK_MORE;
}

void dj_fsck_work(struct dj_fsck *fsck)
{
    phases[fsck->phase].work(fsck);
    fsck->job_done = true;
}

void dj_fsck_stop(struct dj_fsck *fsck)
{
    atomic_store(&fsck->stopped, true);
}

/* ---- how far ---- */

static uint64_t counter(const struct dj_fsck *fsck, const char *name)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    dj_key_counter(&key, name);
    if (dj_store_get(fsck->store, dj_buf_bytes(&key), &value) < 0)
        return 0;
    return dj_get64(dj_buf_bytes(&value), 0);
}

/* Of the present range, from 0 to 1: digests are spread evenly, and numbers nearly so. */
static double part_done(const struct dj_fsck *fsck)
{
    struct dj_bytes at = dj_buf_bytes(&fsck->at);
    uint64_t last;

    switch (phases[fsck->phase].kind) {
    case 0:
        return phases[fsck->phase].step == fsck_files
                   ? (fsck->folder +
                      (fsck->names.n == 0 ? 0 : (double)fsck->name / (double)fsck->names.n)) / 256
                   : 0;
    case 'C':
    case 'B':
    case 'R':
        return at.len < 3 ? 0 : (at.data[1] * 256.0 + at.data[2]) / 65536;
    case 'I':
    case 'E':
    case 'W':
    case 'H':
        last = counter(fsck, "instances");
        break;
    case 'N':
    case 'D':
        last = counter(fsck, "calls");
        break;
    default:
        return 0;
    }
    return last == 0 || at.len < 9 ? 0 : DJ_MIN((double)dj_get64(at, 1) / (double)last, 1.0);
}

static double weight_of(const struct dj_fsck *fsck, const struct phase *phase)
{
    /* Hashing takes the longest by far. */
    if ((fsck->flags & DJ_FSCK_READ_DATA) && (phase->kind == 'B' || phase->step == fsck_files))
        return phase->weight * 20.0;
    return phase->weight;
}

void dj_fsck_take(struct dj_fsck *fsck, struct dj_msg_fscked *ret)
{
    double all = 0, done = 0;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(phases); i++) {
        all += weight_of(fsck, &phases[i]);
        if (i < fsck->phase)
            done += weight_of(fsck, &phases[i]);
    }
    *ret = (struct dj_msg_fscked){.total = 1000000, .records = fsck->records,
                                  .files = fsck->files, .bytes = fsck->bytes,
                                  .findings = fsck->findings};
    fsck->findings = (struct dj_list){0};
    ret->end = fsck->phase == DJ_ARRAY_SIZE(phases);
    if (!ret->end) {
        ret->phase = dj_xstrdup(phases[fsck->phase].name);
        done += part_done(fsck) * weight_of(fsck, &phases[fsck->phase]);
    }
    ret->done = (uint64_t)(1000000 * done / all);
}

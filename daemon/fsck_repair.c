#include <errno.h>
#include <stdlib.h>

#include "daemon/fsck_impl.h"
#include "lib/util/cbor.h"
#include "lib/util/mem.h"

/*
 * Mending what is damaged, not only missing. A run whose content or record is bad is marked, so
 * that it is computed anew; what a result rests on and cannot be read becomes a premise that never
 * holds, and keeps its number, which must not be given to another.
 */

static void mark_summary(struct dj_rec_call *call, uint64_t instance, const char *sentence)
{
    for (size_t i = 0; i < call->instances.n; i++) {
        struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->instances, struct dj_rec_summary, i);

        if (summary->instance != instance)
            continue;
        summary->stale = summary->corrupt = true;
        free(summary->mark);
        summary->mark = dj_xstrdup(sentence);
    }
}

/* Written at once: another mark of the same call may follow. */
static void mark_alone(struct dj_fsck *fsck, uint64_t number, uint64_t instance,
                       const char *sentence)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_rec_call call;
    struct dj_digest digest;

    if (fsck_load_call(fsck, number, &call) < 0)
        return;
    mark_summary(&call, instance, sentence);
    dj_digest_bytes(dj_buf_bytes(&call.key), &digest);
    dj_key_call(&key, &digest);
    dj_codec_encode(&value, &dj_layout_call, &call);
    dj_store_batch_put(fsck->fixes, dj_buf_bytes(&key), dj_buf_bytes(&value));
    dj_codec_release(&dj_layout_call, &call);
    fsck_write_fixes(fsck);
}

void fsck_corrupt_run(struct dj_fsck *fsck, uint64_t call, uint64_t instance,
                      const char *sentence)
{
    if (!fsck_repairs(fsck))
        return;
    if (fsck->hooks.corrupt_run != NULL)
        fsck->hooks.corrupt_run(fsck->hooks.cookie, call, instance, sentence);
    else
        mark_alone(fsck, call, instance, sentence);
    fsck_repaired(fsck, "to be computed anew");
}

/* ---- content ---- */

static void mark_owner(struct dj_fsck *fsck, uint64_t instance, const char *sentence)
{
    struct dj_rec_instance rec;

    if (fsck_load_instance(fsck, instance, &rec) < 0)
        return;
    mark_alone(fsck, rec.call, instance, sentence);
    dj_codec_release(&dj_layout_instance, &rec);
}

static void set_aside(struct dj_fsck *fsck, const struct dj_digest *digest)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    dj_key_content(&key, digest);
    if (dj_store_get(fsck->store, dj_buf_bytes(&key), &value) == 0) {
        (void)dj_content_keep_bad(fsck->store, digest, dj_buf_bytes(&value));
        dj_store_batch_delete(fsck->fixes, dj_buf_bytes(&key));
    } else {
        (void)dj_content_set_aside(fsck->store, digest);
    }
}

static void corrupt_alone(struct dj_fsck *fsck, const struct dj_digest *digest)
{
    dj_cleanup_buf struct dj_buf from = DJ_BUF_INIT, to = DJ_BUF_INIT;
    struct dj_list owners = {0}; /* uint64_t */
    struct dj_store_iter *iter;

    dj_key_reference(&from, digest, 0);
    dj_buf_truncate(&from, from.len - 8);
    dj_key_after(&to, dj_buf_bytes(&from));
    iter = dj_store_iter_new(fsck->store, dj_buf_bytes(&from), dj_buf_bytes(&to));
    while (dj_store_iter_next(iter)) {
        *(uint64_t *)dj_list_add(&owners, sizeof(uint64_t)) =
            dj_get64(dj_store_iter_key(iter), 1 + DJ_DIGEST_SIZE);
        dj_store_batch_delete(fsck->fixes, dj_store_iter_key(iter));
    }
    dj_store_iter_free(iter);
    set_aside(fsck, digest);
    for (size_t i = 0; i < owners.n; i++)
        mark_owner(fsck, *DJ_LIST_AT(&owners, uint64_t, i),
                   "its content was damaged; dj fsck has set it aside");
    free(owners.items);
}

void fsck_corrupt_content(struct dj_fsck *fsck, const struct dj_digest *digest, bool file,
                          int code)
{
    if (!fsck_repairs(fsck))
        return;
    if (fsck->hooks.corrupt_content != NULL)
        fsck->hooks.corrupt_content(fsck->hooks.cookie, digest, file, code);
    else
        corrupt_alone(fsck, digest);
    fsck_repaired(fsck, code == -ENOENT ? "to be computed anew"
                                        : "set aside, to be computed anew");
}

/* ---- what results rest on ---- */

/* A daemon has them all in memory, as they should be. */
static bool may_replace(const struct dj_fsck *fsck)
{
    return fsck_repairs(fsck) && !fsck->live;
}

void fsck_never_premise(struct dj_fsck *fsck, uint64_t number)
{
    static const char sentence[] = "\0what it rests on was damaged in the store";
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_rec_premise premise = {.task = 0};

    if (!may_replace(fsck) || number == 0)
        return;
    dj_buf_add(&premise.path, sentence, sizeof(sentence) - 1);
    dj_key_number(&key, 'P', number);
    dj_codec_encode(&value, &dj_layout_premise, &premise);
    dj_codec_release(&dj_layout_premise, &premise);
    dj_store_batch_put(fsck->fixes, dj_buf_bytes(&key), dj_buf_bytes(&value));
    fsck_note(&fsck->premises, number);
    fsck_repaired(fsck, "what rests on it is stale");
}

void fsck_never_set(struct dj_fsck *fsck, uint64_t number)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_rec_set set = {{0}};

    if (!may_replace(fsck) || number == 0)
        return;
    if (fsck->never == 0) {
        fsck->never = fsck->premises.max + 1;
        fsck_never_premise(fsck, fsck->never);
    }
    ((struct dj_rec_member *)dj_list_add(&set.members, sizeof(struct dj_rec_member)))->premise =
        fsck->never;
    dj_key_number(&key, 'S', number);
    dj_codec_encode(&value, &dj_layout_set, &set);
    dj_codec_release(&dj_layout_set, &set);
    dj_store_batch_put(fsck->fixes, dj_buf_bytes(&key), dj_buf_bytes(&value));
    fsck_note(&fsck->sets, number);
    fsck_repaired(fsck, "what rests on it is stale");
}

/* ---- tasks ---- */

/* A key is [task, arguments]. */
static bool name_in_key(const struct dj_rec_call *call, struct dj_buf *ret)
{
    struct dj_cbor_reader reader = {dj_buf_bytes(&call->key)};
    struct dj_bytes name;
    uint64_t items;

    if (dj_cbor_get_array(&reader, &items) < 0 || dj_cbor_get_text(&reader, &name) < 0 ||
        name.len == 0)
        return false;
    dj_buf_set(ret, name);
    return true;
}

static bool find_name(struct dj_fsck *fsck, uint32_t task, struct dj_buf *ret)
{
    struct dj_store_iter *iter =
        dj_store_iter_new(fsck->store, DJ_BYTES_LIT("C"), DJ_BYTES_LIT("D"));
    struct dj_rec_call call;
    bool found = false;

    while (!found && dj_store_iter_next(iter)) {
        if (dj_codec_decode(&dj_layout_call, dj_store_iter_value(iter), &call, NULL) < 0)
            continue;
        found = call.task == task && name_in_key(&call, ret);
        dj_codec_release(&dj_layout_call, &call);
    }
    dj_store_iter_free(iter);
    return found;
}

void fsck_remake_task(struct dj_fsck *fsck, uint32_t number)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT, name = DJ_BUF_INIT;
    struct dj_rec_task task = {.number = number};

    if (!may_replace(fsck))
        return;
    dj_key_task(&key, number);
    if (!find_name(fsck, number, &name)) {
        fsck_delete(fsck, dj_buf_bytes(&key));
        return;
    }
    task.name = dj_xmemdup0(name.data, name.len);
    dj_codec_encode(&value, &dj_layout_task, &task);
    dj_codec_release(&dj_layout_task, &task);
    dj_store_batch_put(fsck->fixes, dj_buf_bytes(&key), dj_buf_bytes(&value));
    fsck_write_fixes(fsck);
    fsck_repaired(fsck, "its runs are kept; define it again");
}

#include <errno.h>
#include <stdlib.h>

#include "daemon/fsck_impl.h"
#include "lib/model/definition.h"
#include "lib/model/param.h"

/* Tasks, calls, and the three ways to a call: by its key, by its number, by its name. */

static uint32_t number_of(struct dj_bytes key)
{
    return (uint32_t)key.data[1] << 24 | (uint32_t)key.data[2] << 16 |
           (uint32_t)key.data[3] << 8 | key.data[4];
}

int fsck_task(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_definition definition;
    struct dj_rec_task task;
    dj_cleanup_buf struct dj_buf own = DJ_BUF_INIT;

    if (!fsck_shape(fsck, key, 5))
        return FSCK_DONE;
    if (!fsck_decode(fsck, &dj_layout_task, key, value, &task)) {
        fsck_remake_task(fsck, number_of(key));
        return FSCK_DONE;
    }
    dj_key_task(&own, (uint32_t)task.number);
    if (task.name == NULL || !dj_bytes_equal(dj_buf_bytes(&own), key))
        fsck_found(fsck, "bad-task", fsck_at_key(fsck, key), "it says that it is task %llu, %s",
                   (unsigned long long)task.number,
                   task.name == NULL ? "without a name" : task.name);
    if (task.definition.len == 0) {
        if (task.defined)
            fsck_found(fsck, "bad-task", fsck_where(fsck, "task %s", task.name),
                       "it is defined, and has no definition");
    } else if (dj_definition_load(dj_buf_bytes(&task.definition), &definition, &err) < 0) {
        fsck_found(fsck, "undecodable", fsck_where(fsck, "task %s", task.name),
                   "its definition cannot be read: %s", dj_err_text(&err, -EBADMSG));
        fsck_remake_task(fsck, number_of(key));
    } else {
        dj_definition_release(&definition);
    }
    dj_codec_release(&dj_layout_task, &task);
    return FSCK_DONE;
}

/* ---- calls ---- */

static void check_key(struct dj_fsck *fsck, const struct dj_rec_call *call, struct dj_bytes key)
{
    struct dj_digest digest;
    struct dj_params params;
    struct dj_args args;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    dj_digest_bytes(dj_buf_bytes(&call->key), &digest);
    if (memcmp(digest.b, key.data + 1, sizeof(digest.b)) != 0)
        fsck_found(fsck, "bad-key", fsck_at_call(fsck, call),
                   "what its key is made of does not give the key under which it is kept");
    if (call->args.len == 0)
        return;
    if (dj_args_load_own(dj_buf_bytes(&call->args), &params, &args, &err) < 0) {
        fsck_found(fsck, "undecodable", fsck_at_call(fsck, call),
                   "its arguments cannot be read: %s", dj_err_text(&err, -EBADMSG));
        return;
    }
    dj_args_release(&args);
    dj_params_release(&params);
}

static void check_number(struct dj_fsck *fsck, const struct dj_rec_call *call, struct dj_bytes key)
{
    dj_cleanup_buf struct dj_buf own = DJ_BUF_INIT, value = DJ_BUF_INIT;
    int rc;

    dj_key_number(&own, 'N', call->number);
    rc = fsck_get(fsck, &own, &value);
    if (rc == -ENOENT) {
        fsck_found(fsck, "number-missing", fsck_at_call(fsck, call),
                   "nothing leads from its number to it");
        fsck_put(fsck, &own, dj_bytes_from(key, 1));
    } else if (rc == 0 && !dj_bytes_equal(dj_buf_bytes(&value), dj_bytes_from(key, 1))) {
        fsck_found(fsck, "number-mismatch", fsck_at_call(fsck, call),
                   "its number leads to another call");
    }
}

static void check_name(struct dj_fsck *fsck, const struct dj_rec_call *call)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT, number = DJ_BUF_INIT;
    int rc;

    if (call->instances.n == 0 || call->deleted_ns != 0)
        return; /* an entry that is there nevertheless is found by itself */
    dj_key_name(&key, (uint32_t)call->task, dj_buf_bytes(&call->name));
    dj_put64(&number, call->number);
    rc = fsck_get(fsck, &key, &value);
    if (rc == -ENOENT) {
        fsck_found(fsck, "name-missing", fsck_at_call(fsck, call), "its task does not list it");
        fsck_put(fsck, &key, dj_buf_bytes(&number));
    } else if (rc == 0 && !dj_bytes_equal(dj_buf_bytes(&value), dj_buf_bytes(&number))) {
        fsck_found(fsck, "name-mismatch", fsck_at_call(fsck, call),
                   "its name leads to call %llu",
                   (unsigned long long)dj_get64(dj_buf_bytes(&value), 0));
    }
}

static void check_summary(struct dj_fsck *fsck, const struct dj_rec_call *call,
                          const struct dj_rec_summary *summary)
{
    struct dj_rec_instance rec;
    int rc = fsck_load_instance(fsck, summary->instance, &rec);

    if (rc < 0 && !summary->corrupt) {
        fsck_found(fsck, rc == -ENOENT ? "instance-missing" : "undecodable",
                   fsck_at_call(fsck, call), "it lists instance %llu, %s",
                   (unsigned long long)summary->instance,
                   rc == -ENOENT ? "which has no record" : "whose record cannot be read");
        fsck_corrupt_run(fsck, call->number, summary->instance,
                         "its record was damaged; dj fsck has seen it");
    }
    if (rc < 0)
        return;
    if (rec.state != summary->state || rec.tasks != summary->tasks || rec.files != summary->files)
        fsck_found(fsck, "summary-mismatch", fsck_at_run(fsck, summary->instance, call->number),
                   "its call and its record do not say the same of it");
    if (rec.call != call->number)
        fsck_found(fsck, "summary-mismatch", fsck_at_run(fsck, summary->instance, call->number),
                   "its record says that it is one of call %llu", (unsigned long long)rec.call);
    for (size_t i = 0; i < summary->accepted.n; i++) {
        const struct dj_rec_acceptance *accepted =
            DJ_LIST_AT(&summary->accepted, struct dj_rec_acceptance, i);

        fsck_closures(fsck, summary->instance, call->number,
                      (uint64_t[]){accepted->tasks, accepted->files}, 2);
    }
    dj_codec_release(&dj_layout_instance, &rec);
}

int fsck_call(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    dj_cleanup_buf struct dj_buf own = DJ_BUF_INIT;
    struct dj_rec_call call;

    if (!fsck_shape(fsck, key, 1 + DJ_DIGEST_SIZE))
        return FSCK_DONE;
    if (!fsck_decode(fsck, &dj_layout_call, key, value, &call)) {
        fsck_delete_alone(fsck, key);
        return FSCK_DONE;
    }
    check_key(fsck, &call, key);
    check_number(fsck, &call, key);
    check_name(fsck, &call);
    dj_key_task(&own, (uint32_t)call.task);
    if (!fsck_has(fsck, &own)) {
        fsck_found(fsck, "task-missing", fsck_at_call(fsck, &call), "there is no task %llu",
                   (unsigned long long)call.task);
        fsck_remake_task(fsck, (uint32_t)call.task);
    }
    for (size_t i = 0; i < call.instances.n; i++)
        check_summary(fsck, &call, DJ_LIST_AT(&call.instances, struct dj_rec_summary, i));
    if (call.deleted_ns != 0) {
        dj_key_numbers(&own, 'X', call.deleted_ns, call.number);
        if (!fsck_has(fsck, &own)) {
            fsck_found(fsck, "deletion-missing", fsck_at_call(fsck, &call),
                       "it is deleted, and nothing will purge it");
            fsck_put(fsck, &own, dj_bytes(NULL, 0));
        }
    }
    dj_codec_release(&dj_layout_call, &call);
    return FSCK_DONE;
}

/* ---- the ways to them ---- */

int fsck_number(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    dj_cleanup_buf struct dj_buf of_call = DJ_BUF_INIT, text = DJ_BUF_INIT;
    struct dj_rec_call call;
    struct dj_digest digest;
    bool there = false;
    int rc = -ENOENT;

    if (!fsck_shape(fsck, key, 9))
        return FSCK_DONE;
    if (value.len == sizeof(digest.b)) {
        memcpy(digest.b, value.data, sizeof(digest.b));
        dj_key_call(&of_call, &digest);
        rc = fsck_get(fsck, &of_call, &text);
    }
    if (rc == 0) {
        if (dj_codec_decode(&dj_layout_call, dj_buf_bytes(&text), &call, NULL) < 0)
            return FSCK_DONE; /* a finding of its own */
        there = call.number == dj_get64(key, 1);
        dj_codec_release(&dj_layout_call, &call);
    }
    if (rc == -EUCLEAN || there)
        return FSCK_DONE;
    fsck_found(fsck, "number-orphan",
               fsck_where(fsck, "call %llu", (unsigned long long)dj_get64(key, 1)),
               "its number leads to a call that is not there");
    fsck_delete(fsck, key);
    return FSCK_DONE;
}

int fsck_listed(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    dj_cleanup_buf struct dj_buf own = DJ_BUF_INIT;
    struct dj_rec_call call;
    bool right;
    int rc = value.len == 8 ? fsck_load_call(fsck, dj_get64(value, 0), &call) : -ENOENT;

    if (rc < 0 && rc != -ENOENT)
        return FSCK_DONE;
    if (rc == 0) {
        dj_key_name(&own, (uint32_t)call.task, dj_buf_bytes(&call.name));
        right = dj_bytes_equal(dj_buf_bytes(&own), key) && call.instances.n != 0 &&
                call.deleted_ns == 0;
        dj_codec_release(&dj_layout_call, &call);
        if (right)
            return FSCK_DONE;
    }
    fsck_found(fsck, "name-orphan", fsck_at_key(fsck, key),
               "a task lists a name that is none of a run (call %llu)",
               (unsigned long long)dj_get64(value, 0));
    fsck_delete(fsck, key);
    return FSCK_DONE;
}

int fsck_deleted(struct dj_fsck *fsck, struct dj_bytes key,
                            struct dj_bytes value DJ_UNUSED)
{
    struct dj_rec_call call;
    uint64_t deleted_ns = 0;
    int rc;

    if (!fsck_shape(fsck, key, 17))
        return FSCK_DONE;
    rc = fsck_load_call(fsck, dj_get64(key, 9), &call);
    if (rc < 0 && rc != -ENOENT)
        return FSCK_DONE;
    if (rc == 0) {
        deleted_ns = call.deleted_ns;
        dj_codec_release(&dj_layout_call, &call);
    }
    if (deleted_ns != 0 && deleted_ns == dj_get64(key, 1))
        return FSCK_DONE;
    fsck_found(fsck, "deletion-orphan",
               fsck_where(fsck, "call %llu", (unsigned long long)dj_get64(key, 9)),
               "it is to be purged, and was not deleted then");
    fsck_delete(fsck, key);
    return FSCK_DONE;
}

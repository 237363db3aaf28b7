#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/fsck_impl.h"
#include "lib/model/lock.h"
#include "lib/model/param.h"

/* Instances with their calls and content, and runs that are under way. */

enum { ENTRIES_AT_ONCE = 1000 };

/* ---- content that an instance has ---- */

/* False: it has been set aside, and is missed by nobody. */
static bool check_reference(struct dj_fsck *fsck, const struct dj_rec_instance *rec,
                            const struct dj_rec_content *content, const char *what)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_key_reference(&key, &content->digest, rec->number);
    if (fsck_has(fsck, &key))
        return true;
    if (fsck->corrupt)
        return false;
    dj_digest_hex(&content->digest, hex);
    fsck_found(fsck, "reference-missing", fsck_at_run(fsck, rec->number, rec->call),
               "nothing says that its %s needs the content %s", what, hex);
    fsck_put(fsck, &key, dj_bytes(NULL, 0));
    return true;
}

static void check_here(struct dj_fsck *fsck, const struct dj_rec_instance *rec,
                       const struct dj_rec_content *content, const char *what)
{
    struct dj_digest digest;

    if (content->size != content->bytes.len) {
        fsck_found(fsck, "content-size", fsck_at_run(fsck, rec->number, rec->call),
                   "its %s has %zu bytes instead of %llu", what, content->bytes.len,
                   (unsigned long long)content->size);
        fsck_corrupt_run(fsck, rec->call, rec->number, "a part of its record was damaged");
        return;
    }
    dj_digest_bytes(dj_buf_bytes(&content->bytes), &digest);
    if (content->size == 0 || dj_digest_equal(&digest, &content->digest))
        return;
    fsck_found(fsck, "content-digest", fsck_at_run(fsck, rec->number, rec->call),
               "its %s is not what it was", what);
    fsck_corrupt_run(fsck, rec->call, rec->number, "a part of its record was damaged");
}

/* Whether content in the store's tables is there is seen when the references are gone through. */
static void check_content(struct dj_fsck *fsck, const struct dj_rec_instance *rec,
                          const struct dj_rec_content *content, const char *what)
{
    uint64_t size = 0;
    int rc;

    if (content->here) {
        if (!fsck->corrupt)
            check_here(fsck, rec, content, what);
        return;
    }
    if (content->size == 0 || !check_reference(fsck, rec, content, what) ||
        content->size <= DJ_CONTENT_INLINE_MAX)
        return;
    rc = fsck_file_size(fsck, &content->digest, &size);
    if (rc == 0 && size == content->size)
        return;
    if (rc < 0)
        fsck_found(fsck, rc == -ENOENT ? "content-missing" : "unreadable",
                   fsck_at_run(fsck, rec->number, rec->call), "the content of its %s %s", what,
                   rc == -ENOENT ? "is gone" : "cannot be looked at");
    else
        fsck_found(fsck, "content-size", fsck_at_run(fsck, rec->number, rec->call),
                   "the content of its %s has %llu bytes instead of %llu", what,
                   (unsigned long long)size, (unsigned long long)content->size);
    if (rc == 0 || rc == -ENOENT)
        fsck_corrupt_content(fsck, &content->digest, true, rc);
}

/* ---- files ---- */

static void check_sums(struct dj_fsck *fsck, const struct dj_rec_instance *rec,
                       const struct dj_rec_manifest *manifest)
{
    uint64_t count = 0, bytes = 0;

    for (size_t i = 0; i < manifest->entries.n; i++) {
        const struct dj_rec_entry *entry = DJ_LIST_AT(&manifest->entries, struct dj_rec_entry, i);

        count += S_ISREG((mode_t)entry->mode);
        bytes += entry->content.size;
    }
    if (count == rec->file_count && bytes == rec->file_bytes)
        return;
    fsck_found(fsck, "files-mismatch", fsck_at_run(fsck, rec->number, rec->call),
               "its list has %llu files of %llu bytes, and its record says %llu of %llu",
               (unsigned long long)count, (unsigned long long)bytes,
               (unsigned long long)rec->file_count, (unsigned long long)rec->file_bytes);
}

static enum fsck_done check_entries(struct dj_fsck *fsck, const struct dj_rec_instance *rec,
                                    const struct dj_rec_manifest *manifest)
{
    size_t end = DJ_MIN(fsck->entry + ENTRIES_AT_ONCE, manifest->entries.n);
    dj_cleanup_buf struct dj_buf what = DJ_BUF_INIT;

    if (fsck->entry == 0)
        check_sums(fsck, rec, manifest);
    for (; fsck->entry < end; fsck->entry++) {
        const struct dj_rec_entry *entry =
            DJ_LIST_AT(&manifest->entries, struct dj_rec_entry, fsck->entry);

        dj_buf_clear(&what);
        dj_buf_addf(&what, "file %s", dj_buf_str(&entry->path));
        check_content(fsck, rec, &entry->content, dj_buf_str(&what));
    }
    return fsck->entry < manifest->entries.n ? FSCK_AGAIN : FSCK_DONE;
}

static enum fsck_done check_files(struct dj_fsck *fsck, const struct dj_rec_instance *rec)
{
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;
    struct dj_rec_manifest manifest = {{0}};
    enum fsck_done done;
    int rc = 0;

    if (rec->manifest.size != 0) {
        rc = fsck_read_content(fsck, &rec->manifest, &bytes);
        if (rc == 0)
            rc = dj_codec_decode(&dj_layout_manifest, dj_buf_bytes(&bytes), &manifest, NULL);
    }
    if (rc < 0 && fsck->corrupt)
        return FSCK_DONE;
    if (rc < 0) {
        fsck_found(fsck, rc == -ENOENT ? "content-missing" : "undecodable",
                   fsck_at_run(fsck, rec->number, rec->call), "the list of its files %s",
                   rc == -ENOENT ? "is gone" : "cannot be read");
        fsck_corrupt_run(fsck, rec->call, rec->number, "the list of its files was damaged");
        return FSCK_DONE;
    }
    done = check_entries(fsck, rec, &manifest);
    dj_codec_release(&dj_layout_manifest, &manifest);
    return done;
}

/* ---- the rest of an instance ---- */

static void check_edges(struct dj_fsck *fsck, const struct dj_rec_instance *rec)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, parent = DJ_BUF_INIT;

    dj_put64(&parent, rec->call);
    for (size_t i = 0; i < rec->edges.n; i++) {
        const struct dj_rec_edge *edge = DJ_LIST_AT(&rec->edges, struct dj_rec_edge, i);

        dj_key_numbers(&key, 'D', edge->call, rec->number);
        if (!fsck_has(fsck, &key)) {
            fsck_found(fsck, "edge-missing", fsck_at_run(fsck, rec->number, rec->call),
                       "call %llu, which it called, does not know it",
                       (unsigned long long)edge->call);
            fsck_put(fsck, &key, dj_buf_bytes(&parent));
        }
        dj_key_number(&key, 'N', edge->call);
        if (fsck->corrupt || fsck_has(fsck, &key))
            continue;
        fsck_found(fsck, "edge-unknown", fsck_at_run(fsck, rec->number, rec->call),
                   "it called call %llu, which is not there", (unsigned long long)edge->call);
        fsck_corrupt_run(fsck, rec->call, rec->number, "a run that it called was damaged");
        fsck->corrupt = fsck_repairs(fsck);
    }
}

void fsck_closures(struct dj_fsck *fsck, uint64_t instance, uint64_t call, const uint64_t *sets,
                   size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (sets[i] == 0 || fsck_known(fsck, 'S', &fsck->sets, sets[i]))
            continue;
        fsck_found(fsck, "closure-missing", fsck_at_run(fsck, instance, call),
                   "it rests on closure %llu, which is not there", (unsigned long long)sets[i]);
        fsck_never_set(fsck, sets[i]);
    }
}

static bool lists(struct dj_fsck *fsck, const struct dj_rec_call *call, uint64_t instance)
{
    for (size_t i = 0; i < call->instances.n; i++) {
        const struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->instances, struct dj_rec_summary, i);

        if (summary->instance != instance)
            continue;
        fsck->corrupt = summary->corrupt;
        return true;
    }
    return false;
}

static void check_listed(struct dj_fsck *fsck, const struct dj_rec_instance *rec)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    struct dj_rec_call call;
    bool listed;
    int rc = fsck_load_call(fsck, rec->call, &call);

    fsck->corrupt = false;
    if (rc < 0 && rc != -ENOENT)
        return;
    listed = rc == 0 && lists(fsck, &call, rec->number);
    if (rc == 0)
        dj_codec_release(&dj_layout_call, &call);
    if (listed || (fsck->hooks.held != NULL && fsck->hooks.held(fsck->hooks.cookie, rec->number)))
        return;
    fsck_found(fsck, "instance-orphan", fsck_at_run(fsck, rec->number, rec->call),
               rc == 0 ? "its call does not list it" : "its call is not there");
    dj_key_number(&key, 'I', rec->number);
    fsck_delete_alone(fsck, dj_buf_bytes(&key));
}

static void check_args(struct dj_fsck *fsck, const struct dj_rec_instance *rec)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_params params;
    struct dj_args args;

    if (rec->args.len == 0)
        return;
    if (dj_args_load_own(dj_buf_bytes(&rec->args), &params, &args, &err) < 0) {
        fsck_found(fsck, "undecodable", fsck_at_run(fsck, rec->number, rec->call),
                   "its arguments cannot be read: %s", dj_err_text(&err, -EBADMSG));
        return;
    }
    dj_args_release(&args);
    dj_params_release(&params);
}

int fsck_instance(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    struct dj_rec_instance rec;
    enum fsck_done done = FSCK_DONE;

    if (!fsck_shape(fsck, key, 9))
        return FSCK_DONE;
    if (!fsck_decode(fsck, &dj_layout_instance, key, value, &rec)) {
        fsck_delete_alone(fsck, key);
        return FSCK_DONE;
    }
    if (rec.number != dj_get64(key, 1)) {
        fsck_found(fsck, "bad-instance", fsck_at_key(fsck, key),
                   "it says that it is instance %llu", (unsigned long long)rec.number);
        fsck_delete_alone(fsck, key);
    } else {
        if (fsck->entry == 0) {
            check_listed(fsck, &rec);
            check_args(fsck, &rec);
            check_edges(fsck, &rec);
            fsck_closures(fsck, rec.number, rec.call,
                          (uint64_t[]){rec.tasks, rec.files, rec.program}, 3);
            check_content(fsck, &rec, &rec.result, "result");
            check_content(fsck, &rec, &rec.log, "log");
            check_content(fsck, &rec, &rec.manifest, "list of files");
        }
        done = check_files(fsck, &rec);
    }
    dj_codec_release(&dj_layout_instance, &rec);
    return done;
}

/* ---- who called whom, from the other side ---- */

/* A purged instance whose call somebody has read keeps its way down, for marks. */
static bool is_read(struct dj_fsck *fsck, uint64_t call)
{
    dj_cleanup_buf struct dj_buf from = DJ_BUF_INIT, to = DJ_BUF_INIT;
    struct dj_store_iter *iter;
    bool found;

    dj_key_number(&from, 'D', call);
    dj_key_number(&to, 'D', call + 1);
    iter = dj_store_iter_new(fsck->store, dj_buf_bytes(&from), dj_buf_bytes(&to));
    found = dj_store_iter_next(iter);
    dj_store_iter_free(iter);
    return found;
}

int fsck_dependent(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    uint64_t call = dj_get64(key, 1), instance = dj_get64(key, 9);
    struct dj_rec_instance rec;
    bool found = false, parent = false;
    int rc;

    if (!fsck_shape(fsck, key, 17))
        return FSCK_DONE;
    rc = fsck_load_instance(fsck, instance, &rec);
    if (rc == -ENOENT) {
        /* When its readers went after it, or with it, nobody took the way along. */
        if (fsck_repairs(fsck) && !is_read(fsck, dj_get64(value, 0)))
            dj_store_batch_delete(fsck->fixes, key);
        return FSCK_DONE;
    }
    if (rc < 0)
        return FSCK_DONE;
    for (size_t i = 0; i < rec.edges.n; i++)
        found |= DJ_LIST_AT(&rec.edges, struct dj_rec_edge, i)->call == call;
    parent = dj_get64(value, 0) == rec.call;
    dj_codec_release(&dj_layout_instance, &rec);
    if (found && parent)
        return FSCK_DONE;
    fsck_found(fsck, "edge-orphan", fsck_where(fsck, "call %llu", (unsigned long long)call),
               "instance %llu is known to have called it, and %s", (unsigned long long)instance,
               found ? "as one of another call than it is" : "did not");
    if (!found)
        fsck_delete(fsck, key);
    return FSCK_DONE;
}

/* ---- under way ---- */

int fsck_live(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    dj_cleanup_buf struct dj_buf other = DJ_BUF_INIT;
    struct dj_rec_live live;

    if (!fsck_shape(fsck, key, 9))
        return FSCK_DONE;
    if (!fsck_decode(fsck, &dj_layout_live, key, value, &live)) {
        fsck_delete_alone(fsck, key);
        return FSCK_DONE;
    }
    if (live.instance != dj_get64(key, 1))
        fsck_found(fsck, "bad-live", fsck_at_key(fsck, key), "it says that it is instance %llu",
                   (unsigned long long)live.instance);
    dj_key_number(&other, 'N', live.call);
    if (!fsck_has(fsck, &other))
        fsck_found(fsck, "live-unknown", fsck_at_key(fsck, key),
                   "a run is under way of call %llu, which is not there",
                   (unsigned long long)live.call);
    dj_key_number(&other, 'I', live.instance);
    if (fsck_has(fsck, &other)) {
        fsck_found(fsck, "live-ended", fsck_at_run(fsck, live.instance, live.call),
                   "it has ended, and is said to be under way");
        fsck_delete_alone(fsck, key);
    }
    fsck_closures(fsck, live.instance, live.call,
                  (uint64_t[]){live.own_files, live.tasks, live.never, live.program}, 4);
    dj_codec_release(&dj_layout_live, &live);
    return FSCK_DONE;
}

/* What belongs to a run under way goes with it. */
static bool is_under_way(struct dj_fsck *fsck, struct dj_bytes key, const char *what)
{
    dj_cleanup_buf struct dj_buf other = DJ_BUF_INIT;

    dj_key_number(&other, 'A', dj_get64(key, 1));
    if (fsck_has(fsck, &other))
        return true;
    fsck_found(fsck, "live-orphan", fsck_at_key(fsck, key),
               "%s of instance %llu, which is not under way", what,
               (unsigned long long)dj_get64(key, 1));
    fsck_delete_alone(fsck, key);
    return false;
}

int fsck_live_edge(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    struct dj_rec_edge edge;

    if (fsck_shape(fsck, key, 17) && fsck_decode(fsck, &dj_layout_edge, key, value, &edge))
        (void)is_under_way(fsck, key, "a call");
    return FSCK_DONE;
}

int fsck_live_wait(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    if (fsck_shape(fsck, key, 17) && value.len == 8)
        (void)is_under_way(fsck, key, "a wait");
    return FSCK_DONE;
}

int fsck_live_files(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    uint64_t instance = dj_get64(key, 1), set = dj_get64(value, 0);

    if (fsck_shape(fsck, key, 17) && is_under_way(fsck, key, "the files"))
        fsck_closures(fsck, instance, 0, &set, 1);
    return FSCK_DONE;
}

/* ---- locks ---- */

int fsck_lock(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value)
{
    struct dj_rec_lock lock;

    if (!fsck_decode(fsck, &dj_layout_lock, key, value, &lock)) {
        fsck_delete_alone(fsck, key);
        return FSCK_DONE;
    }
    if (dj_lock_check(lock.name, NULL) < 0 || lock.token == NULL ||
        !dj_bytes_is(dj_bytes_from(key, 1), lock.token)) {
        fsck_found(fsck, "bad-lock", fsck_at_key(fsck, key), "it is no claim on a lock");
        fsck_delete_alone(fsck, key);
    }
    dj_codec_release(&dj_layout_lock, &lock);
    return FSCK_DONE;
}

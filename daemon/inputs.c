#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/engine_impl.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"

/*
 * The files that a run's own arguments name. When it starts they have to be what its key says, and
 * when it ends they have to be as they were at its start, else the result is not of its key.
 */

void inputs_free(struct dj_list *inputs)
{
    for (size_t i = 0; i < inputs->n; i++)
        dj_codec_release(&dj_layout_input, DJ_LIST_AT(inputs, struct dj_rec_input, i));
    free(inputs->items);
    *inputs = (struct dj_list){0};
}

static int is_gone(struct dj_err *err, const char *path)
{
    return dj_err_set(err, ESTALE, "%s does not hold any more what the name of the run says", path);
}

/*
 * One in our own mount. Without a current instance the run's own open will compute it, and what
 * that gave is seen at the run's end; `inode` is the newest instance of now, `device` says so.
 */
#define IN_MOUNT UINT64_MAX

static int look_in_mount(struct run *run, enum dj_type type, const struct dj_scalar *scalar,
                         const char *path, struct dj_err *err)
{
    struct dj_engine *engine = run->engine;
    struct dj_digest now = scalar->digest;
    struct dj_rec_input *input;
    struct place place;
    uint64_t instance;

    if (place_find(engine, dj_bytes_of(path), &place, NULL) < 0)
        return is_gone(err, path);
    instance = place.instance != 0 ? place.instance : dj_call_current(engine, place.call);
    if (instance != 0 &&
        (place_digest(engine, &place, instance, type, dj_bytes_of(path), &now, NULL) < 0 ||
         !dj_digest_equal(&now, &scalar->digest))) {
        place_release(&place);
        return is_gone(err, path);
    }
    if (instance == 0 && call_newest(place.call) != NULL)
        instance = call_newest(place.call)->instance;
    input = dj_list_add(&run->inputs, sizeof(*input));
    *input = (struct dj_rec_input){.digest = now, .inode = instance, .device = IN_MOUNT,
                                   .type = type};
    if (type == DJ_FILE) /* found again whatever is mounted where then */
        dj_buf_add_bytes(&input->path, dj_buf_bytes(&place.path));
    else
        dj_buf_adds(&input->path, path);
    place_release(&place);
    return 0;
}

/* What came behind the instance of its start may be what the run has read. */
static bool same_in_mount(struct dj_engine *engine, const struct dj_rec_input *input)
{
    struct dj_bytes path = dj_buf_bytes(&input->path);
    bool same = true;
    struct place place;

    if (place_find(engine, path, &place, NULL) < 0)
        return false;
    for (size_t i = 0; same && place.instance == 0 && i < place.call->rec.instances.n; i++) {
        const struct dj_rec_summary *summary =
            DJ_LIST_AT(&place.call->rec.instances, struct dj_rec_summary, i);
        struct dj_digest digest;

        if (summary->instance > input->inode && summary->state == DJ_DONE)
            same = place_digest(engine, &place, summary->instance, (enum dj_type)input->type, path,
                                &digest, NULL) == 0 &&
                   dj_digest_equal(&digest, &input->digest);
    }
    place_release(&place);
    return same;
}

/* One file as it is now: 0 it is what the key says, 1 its content is not known, -ESTALE. */
static int look_at_own(struct run *run, enum dj_type type, const struct dj_scalar *scalar,
                       struct dj_err *err)
{
    dj_cleanup_free char *path = dj_xmemdup0(scalar->source.data, scalar->source.len);
    struct dj_rec_input *input;
    struct dj_digest now;
    struct stat st;

    if (path_in_mount(dj_bytes_of(path)))
        return look_in_mount(run, type, scalar, path, err);
    if (outside_stat(path, &st) < 0)
        return is_gone(err, path);
    if (type == DJ_PATH)
        dj_path_digest(dj_bytes_of(path), (uint64_t)st.st_size, (int64_t)dj_ns_of(st.st_mtim),
                       &now);
    else if (!input_known(run->engine->store, path, &st, &now))
        return 1;
    if (!dj_digest_equal(&now, &scalar->digest))
        return is_gone(err, path);
    input = dj_list_add(&run->inputs, sizeof(*input));
    *input = (struct dj_rec_input){.digest = now,
                                   .size = (uint64_t)st.st_size,
                                   .mtime_ns = dj_ns_of(st.st_mtim),
                                   .ctime_ns = dj_ns_of(st.st_ctim),
                                   .inode = st.st_ino,
                                   .device = st.st_dev,
                                   .type = type};
    dj_buf_adds(&input->path, path);
    return 0;
}

/* each() for every file that counts for the key, until it does not return 0. */
typedef int own_fn(void *cookie, enum dj_type type, const struct dj_scalar *scalar,
                   struct dj_err *err);

static int each_own(const struct run *run, own_fn *each, void *cookie, struct dj_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < run->params.n; i++) {
        const struct dj_value *value = &run->args.values[i];

        if (run->params.items[i].ignored || (value->type != DJ_FILE && value->type != DJ_PATH))
            continue;
        for (size_t j = 0; rc == 0 && j < value->n; j++)
            rc = each(cookie, value->type, &value->scalars[j], err);
    }
    return rc;
}

static int look_at_each(void *cookie, enum dj_type type, const struct dj_scalar *scalar,
                        struct dj_err *err)
{
    return look_at_own(cookie, type, scalar, err);
}

static int look_at_all(struct run *run, struct dj_err *err)
{
    inputs_free(&run->inputs);
    return each_own(run, look_at_each, run, err);
}

struct checking {
    struct dj_engine *engine;
    struct dj_store_batch *batch;
    uint64_t instance;
    struct dj_list paths; /* struct dj_buf */
    inputs_then_fn *then;
};

static int collect_path(void *cookie, enum dj_type type, const struct dj_scalar *scalar,
                        struct dj_err *err)
{
    (void)err;
    if (type == DJ_FILE && !path_in_mount(dj_buf_bytes(&scalar->source)))
        dj_list_add_bytes(cookie, dj_buf_bytes(&scalar->source));
    return 0;
}

/* On a pool thread. What cannot be read will not be known behind it, either. */
static void hash_own(void *cookie)
{
    struct checking *checking = cookie;

    for (size_t i = 0; i < checking->paths.n; i++) {
        const char *path = dj_buf_str(DJ_LIST_AT(&checking->paths, struct dj_buf, i));
        struct dj_digest digest;

        (void)!input_look(checking->engine->store, checking->batch, path, &digest, NULL);
    }
}

static void hashed_own(void *cookie)
{
    struct checking *checking = cookie;
    struct run *run = run_find(checking->engine, checking->instance);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_store_batch_empty(checking->batch)
                 ? 0
                 : engine_write(checking->engine, checking->batch, &err);

    if (run != NULL && rc == 0)
        rc = look_at_all(run, &err);
    if (run != NULL && rc == 1)
        rc = dj_err_set(&err, ESTALE, "a file that the run is to read cannot be read, or changes");
    if (run != NULL)
        checking->then(run, rc, rc == 0 ? NULL : dj_err_text(&err, rc));
    dj_bytes_list_release(&checking->paths);
    dj_store_batch_free(checking->batch);
    free(checking);
}

void inputs_take(struct run *run, inputs_then_fn *then)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct checking *checking;
    int rc = look_at_all(run, &err);

    if (rc != 1) {
        then(run, rc, rc == 0 ? NULL : dj_err_text(&err, rc));
        return;
    }
    checking = dj_xcalloc(1, sizeof(*checking));
    checking->instance = run->instance;
    checking->then = then;
    checking->engine = run->engine;
    checking->batch = dj_store_batch_new();
    (void)each_own(run, collect_path, &checking->paths, NULL);
    dj_loop_job(run->engine->loop, hash_own, hashed_own, checking);
}

bool inputs_same(const struct run *run, struct dj_buf *ret)
{
    for (size_t i = 0; i < run->inputs.n; i++) {
        const struct dj_rec_input *input = DJ_LIST_AT(&run->inputs, struct dj_rec_input, i);
        dj_cleanup_free char *path = dj_xmemdup0(input->path.data, input->path.len);
        struct stat st;

        if (input->device == IN_MOUNT
                ? same_in_mount(run->engine, input)
                : outside_stat(path, &st) == 0 && input_same_stat(input, &st))
            continue;
        dj_buf_adds(ret, path);
        return false;
    }
    return true;
}

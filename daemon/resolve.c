#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <utlist.h>

#include "daemon/engine_impl.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * The arguments of calls that stand for something else: files by their content, which is hashed on
 * a pool thread when it is not known; results in our own mount, which are computed first; runs; and
 * the caller's environment. What a file was is remembered by its digest, so that NAME@DIGEST is
 * found again.
 */

/* An argument outside the daemon's tables: on the pool thread's side. */
struct outside {
    struct dj_scalar *scalar;
    enum dj_type type;
    char *real; /* it leads into one of our mounts after all, by a link: as what */
};

/* One in our own mount. */
struct inside {
    struct looking *looking;
    struct dj_scalar *scalar;
    enum dj_type type;
    size_t mount; /* how much of the path is the mount point */
    struct place place;
    struct dj_want *want;
};

struct looking {
    struct dj_engine *engine;
    struct task *task;
    struct dj_args args;
    struct dj_params params;
    struct dj_asker asker;   /* without what it borrows */
    dj_resolved_fn *done;    /* NULL: cancelled while a pool thread looks */
    void *cookie;
    struct dj_store_batch *batch;
    struct dj_list outsides; /* struct outside */
    struct dj_list insides;  /* struct inside * */
    size_t waiting;          /* how many of these have no answer yet */
    bool on_pool;            /* or giving_up: it is freed when that is over */
    bool giving_up;
    struct dj_list premises; /* struct dj_rec_premise */
    int code;
    struct dj_err err;
    struct looking *prev, *next;
};

static void forget_insides(struct looking *looking)
{
    for (size_t i = 0; i < looking->insides.n; i++) {
        struct inside *inside = *DJ_LIST_AT(&looking->insides, struct inside *, i);

        if (inside->want != NULL)
            dj_want_cancel(dj_steal(inside->want));
        place_release(&inside->place);
        free(inside);
    }
    free(looking->insides.items);
    looking->insides = (struct dj_list){0};
}

static void free_looking(struct looking *looking)
{
    if (looking->prev != NULL)
        DL_DELETE(looking->engine->lookings, looking);
    forget_insides(looking);
    for (size_t i = 0; i < looking->outsides.n; i++)
        free(DJ_LIST_AT(&looking->outsides, struct outside, i)->real);
    free(looking->outsides.items);
    dj_args_release(&looking->args);
    dj_params_release(&looking->params);
    dj_store_batch_free(looking->batch);
    for (size_t i = 0; i < looking->premises.n; i++)
        dj_codec_release(&dj_layout_premise,
                         DJ_LIST_AT(&looking->premises, struct dj_rec_premise, i));
    free(looking->premises.items);
    dj_err_release(&looking->err);
    free(looking);
}

/* Whether it lies in a mount of ours after all, by a link; `real` is the path there then. */
static bool leads_inside(struct outside *outside, const char *path)
{
    dj_cleanup_buf struct dj_buf real = DJ_BUF_INIT;

    if (outside_resolve(dj_bytes_of(path), &real) != 1)
        return false;
    free(outside->real);
    outside->real = dj_buf_steal(&real);
    return true;
}

static void settle(struct dj_scalar *scalar, const char *path, const struct dj_digest *digest)
{
    const char *slash = strrchr(path, '/');

    dj_scalar_resolve(scalar, dj_bytes_of(slash + 1), digest, dj_bytes_of(path));
}

static int look_at_outside(struct looking *looking, struct outside *outside)
{
    struct dj_scalar *scalar = outside->scalar;
    dj_cleanup_free char *path = dj_xmemdup0(scalar->source.data, scalar->source.len);
    struct dj_digest digest;
    struct dj_rec_premise *premise;
    struct stat st;
    int rc;

    if (path[0] != '/')
        return dj_err_set(&looking->err, EINVAL, "%s is not an absolute path", path);
    if (leads_inside(outside, path))
        return 0;
    if (outside->type == DJ_PATH) {
        rc = outside_stat(path, &st);
        if (rc < 0)
            return dj_err_sys(&looking->err, -rc, "%s", path);
        dj_path_digest(dj_bytes_of(path), (uint64_t)st.st_size, (int64_t)dj_ns_of(st.st_mtim),
                       &digest);
        input_remember(looking->batch, DJ_PATH, path, &digest, &st);
    } else {
        rc = input_look(looking->engine->store, looking->batch, path, &digest, &looking->err);
        if (rc < 0)
            return rc;
        premise = dj_list_add(&looking->premises, sizeof(*premise));
        premise->digest = digest;
        dj_buf_adds(&premise->path, path);
    }
    settle(scalar, path, &digest);
    return 0;
}

/* On a pool thread. */
static void look(void *cookie)
{
    struct looking *looking = cookie;

    for (size_t i = 0; i < looking->outsides.n && looking->code == 0; i++)
        looking->code = look_at_outside(looking,
                                        DJ_LIST_AT(&looking->outsides, struct outside, i));
}

static void add_premises(struct looking *looking)
{
    struct run *run = looking->asker.run == 0 ? NULL
                                              : run_find(looking->engine, looking->asker.run);
    size_t n = looking->premises.n;
    uint64_t *sets dj_cleanup_free = NULL;
    uint64_t *named, set;

    if (run == NULL || n == 0)
        return;
    sets = dj_xmalloc(n * sizeof(*sets));
    for (size_t i = 0; i < n; i++) {
        struct dj_rec_premise *premise =
            DJ_LIST_AT(&looking->premises, struct dj_rec_premise, i);

        sets[i] = dj_premises_file(looking->engine->premises, dj_buf_bytes(&premise->path),
                                   &premise->digest);
    }
    named = looking->asker.named;
    set = dj_premises_union_all(looking->engine->premises, named == NULL ? 0 : *named, sets, n);
    if (named != NULL) {
        *named = set;
        return;
    }
    run_add_premises(run, 0, set);
    live_save_premises(run);
}

/* All is known, or something was refused. */
static void finish(struct looking *looking)
{
    struct dj_call *call;

    if (looking->code == 0 && !dj_store_batch_empty(looking->batch))
        looking->code = engine_write(looking->engine, looking->batch, &looking->err);
    /* Of somebody's dead mount. To a mount of ours it would mean that we are gone. */
    if (looking->code == -ENOTCONN)
        looking->code = -EIO;
    if (looking->code < 0) {
        forget_insides(looking);
        looking->done(looking->cookie, looking->code, NULL, NULL,
                      dj_err_text(&looking->err, looking->code));
    } else {
        add_premises(looking);
        call = call_of_args(looking->engine, looking->task, &looking->args);
        looking->done(looking->cookie, 0, call, &looking->args, NULL);
        dj_call_unref(call);
    }
    free_looking(looking);
}

/* ---- arguments in our own mount ---- */

/* The digest and the path, with the run's canonical name, as far as the mount point was given. */
static int take_place(struct inside *inside, uint64_t instance)
{
    struct looking *looking = inside->looking;
    struct dj_scalar *scalar = inside->scalar;
    struct dj_bytes below = dj_buf_bytes(&inside->place.path);
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, key = DJ_BUF_INIT;
    struct dj_digest digest;
    int rc;

    dj_buf_add(&path, scalar->source.data, inside->mount);
    dj_buf_addc(&path, '/');
    dj_buf_add_bytes(&path, below);
    rc = place_digest(looking->engine, &inside->place, instance, inside->type,
                      dj_buf_bytes(&path), &digest, &looking->err);
    if (rc < 0)
        return rc;
    dj_key_seen(&key, inside->type, dj_bytes(digest.b, sizeof(digest.b)));
    dj_store_batch_put(looking->batch, dj_buf_bytes(&key), dj_buf_bytes(&path));
    settle(scalar, dj_buf_str(&path), &digest);
    return 0;
}

static void give_up(void *cookie)
{
    struct looking *looking = cookie;

    if (looking->done == NULL)
        free_looking(looking);
    else
        finish(looking);
}

/* Of the others nobody is waited for any more, but not in the midst of an answer to one of them. */
static void answered(struct looking *looking)
{
    looking->waiting--;
    if (looking->giving_up)
        return;
    if (looking->waiting == 0) {
        finish(looking);
    } else if (looking->code < 0) {
        looking->giving_up = true;
        dj_loop_later(looking->engine->loop, give_up, looking);
    }
}

/* Its instance is there now; by the time that others are, it may be another one. */
static void came(void *cookie, int code, uint64_t instance, const char *sentence)
{
    struct inside *inside = cookie;
    struct looking *looking = inside->looking;
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    inside->want = NULL;
    if (looking->code == 0 && code == 0) {
        looking->code = take_place(inside, instance);
    } else if (looking->code == 0) {
        dj_add_printable(&path, dj_buf_bytes(&inside->place.path));
        looking->code = dj_err_set(&looking->err, code == -ESTALE ? EIO : -code, "%s: %s",
                                   dj_buf_str(&path),
                                   sentence == NULL ? "it has no result" : sentence);
    }
    answered(looking);
}

static void want_inside(struct inside *inside)
{
    struct looking *looking = inside->looking;
    bool cached = looking->asker.cached || looking->asker.readonly;
    struct dj_want *want;

    looking->waiting++;
    if (looking->code == 0)
        looking->code = place_find(looking->engine, dj_buf_bytes(&inside->scalar->source),
                                   &inside->place, &looking->err);
    if (looking->code == 0 && inside->place.instance != 0)
        looking->code = take_place(inside, inside->place.instance);
    if (looking->code < 0 || inside->place.instance != 0) {
        answered(looking);
        return;
    }
    want = dj_want(looking->engine, inside->place.call, &looking->asker,
                   cached ? DJ_GET_CACHED : 0, came, inside);
    if (want != NULL)
        inside->want = want;
}

static void add_inside(struct looking *looking, struct dj_scalar *scalar, enum dj_type type)
{
    struct inside *inside = dj_xcalloc(1, sizeof(*inside));

    inside->looking = looking;
    inside->scalar = scalar;
    inside->type = type;
    inside->mount = path_mount(dj_buf_bytes(&scalar->source));
    *(struct inside **)dj_list_add(&looking->insides, sizeof(inside)) = inside;
}

static void looked(void *cookie)
{
    struct looking *looking = cookie;

    looking->on_pool = false;
    if (looking->done == NULL) {
        free_looking(looking);
        return;
    }
    for (size_t i = 0; i < looking->outsides.n; i++) {
        struct outside *outside = DJ_LIST_AT(&looking->outsides, struct outside, i);

        if (outside->real == NULL)
            continue;
        dj_buf_clear(&outside->scalar->source);
        dj_buf_adds(&outside->scalar->source, outside->real);
        add_inside(looking, outside->scalar, outside->type);
    }
    looking->waiting = 1;
    for (size_t i = 0; i < looking->insides.n; i++)
        want_inside(*DJ_LIST_AT(&looking->insides, struct inside *, i));
    answered(looking);
}

bool dj_resolve_cancel(struct dj_engine *engine, const void *cookie)
{
    struct looking *looking;

    DL_FOREACH(engine->lookings, looking) {
        if (looking->cookie != cookie || looking->done == NULL)
            continue;
        looking->done = NULL;
        if (!looking->on_pool && !looking->giving_up)
            free_looking(looking);
        return true;
    }
    return false;
}

/* A run argument is known by the daemon's own tables. */
int resolve_run(struct dj_engine *engine, struct dj_scalar *scalar, struct dj_err *err)
{
    struct dj_bytes text = dj_buf_bytes(&scalar->text);
    const uint8_t *slash = memchr(text.data, '/', text.len);
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT, source = DJ_BUF_INIT;
    struct dj_task *task;
    struct dj_call *call = NULL;
    int rc;

    if (slash == NULL)
        return dj_err_set(err, EINVAL, "a run is written TASK/NAME");
    task = dj_task_by_name(engine, dj_bytes(text.data, (size_t)(slash - text.data)));
    if (task == NULL)
        return dj_err_set(err, ENOENT, "%.*s names a run of an unknown task", (int)text.len,
                          (const char *)text.data);
    rc = dj_call_by_name(engine, task, dj_bytes_from(text, (size_t)(slash - text.data) + 1), &call,
                         &canonical, err);
    if (rc == 1)
        rc = dj_call_by_name(engine, task, dj_buf_bytes(&canonical), &call, &source, err);
    if (rc != 0)
        return rc < 0 ? rc : dj_err_set(err, EINVAL, "name the run by its canonical name");
    dj_buf_clear(&source);
    dj_buf_addf(&source, "%s/", task->name);
    dj_buf_add_bytes(&source, dj_call_name(call));
    dj_scalar_resolve(scalar, dj_buf_bytes(&source), dj_call_key(call), dj_buf_bytes(&source));
    dj_call_unref(call);
    return 0;
}

/* What the key holds of the caller's environment. */
static int resolve_variable(const struct dj_param *param, struct dj_value *value,
                            const struct dj_list *env, struct dj_err *err)
{
    const char *name = dj_param_variable(param);

    for (size_t i = 0; env != NULL && i < env->n; i++) {
        const struct dj_part_pair *pair = DJ_LIST_AT(env, struct dj_part_pair, i);

        if (pair->name == NULL || strcmp(pair->name, name) != 0)
            continue;
        if (pair->value.len > 0 && memchr(pair->value.data, '\0', pair->value.len) != NULL)
            return dj_err_set(err, EINVAL, "%s holds a NUL byte, which no variable can", name);
        dj_value_release(value);
        dj_value_init(value, DJ_STR, false, pair->unset ? 0 : 1);
        if (!pair->unset)
            dj_buf_add_bytes(&value->scalars[0].text, dj_buf_bytes(&pair->value));
        return 0;
    }
    return -DJ_CODE_WANTS;
}

static bool is_open(const struct dj_value *value)
{
    return value->n > 0 && value->scalars[0].resolution == DJ_SPELLED;
}

static int resolve_variables(struct dj_args *args, const struct dj_list *env, struct dj_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < args->params->n; i++) {
        if (args->params->items[i].environment && is_open(&args->values[i]))
            rc = resolve_variable(&args->params->items[i], &args->values[i], env, err);
    }
    return rc;
}

static void make_absolute(struct dj_scalar *scalar, const char *cwd)
{
    struct dj_bytes text = dj_buf_bytes(&scalar->text);

    dj_buf_clear(&scalar->source);
    if ((text.len == 0 || text.data[0] != '/') && cwd != NULL)
        dj_buf_addf(&scalar->source, "%s/", cwd);
    dj_buf_add_bytes(&scalar->source, text);
}

static void add_file(struct looking *looking, struct dj_scalar *scalar, enum dj_type type)
{
    struct outside *outside;

    if (path_in_mount(dj_buf_bytes(&scalar->source))) {
        add_inside(looking, scalar, type);
        return;
    }
    outside = dj_list_add(&looking->outsides, sizeof(*outside));
    *outside = (struct outside){.scalar = scalar, .type = type};
}

void resolve_args(struct dj_engine *engine, struct task *task, struct dj_args *args,
                  const struct dj_asker *asker, dj_resolved_fn *done, void *cookie)
{
    struct looking *looking = dj_xcalloc(1, sizeof(*looking));

    DL_APPEND(engine->lookings, looking);
    looking->engine = engine;
    looking->task = task;
    dj_params_copy(&looking->params, args->params);
    looking->args = *args;
    looking->args.params = &looking->params;
    *args = (struct dj_args)DJ_ARGS_INIT;
    looking->asker = *asker;
    looking->asker.env = NULL;
    looking->asker.cwd = NULL;
    looking->asker.args = NULL;
    looking->done = done;
    looking->cookie = cookie;
    looking->batch = dj_store_batch_new();
    looking->code = resolve_variables(&looking->args, asker->env, &looking->err);
    for (size_t i = 0; looking->code == 0 && i < looking->params.n; i++) {
        struct dj_value *value = &looking->args.values[i];

        for (size_t j = 0; looking->code == 0 && j < value->n; j++) {
            if (value->scalars[j].resolution != DJ_SPELLED)
                continue;
            if (value->type == DJ_RUN) {
                looking->code = resolve_run(engine, &value->scalars[j], &looking->err);
                if (looking->code < 0)
                    dj_err_prefix(&looking->err, looking->code, "%s: %s", task->public.name,
                                  looking->params.items[i].name);
            } else {
                make_absolute(&value->scalars[j], asker->cwd);
                add_file(looking, &value->scalars[j], value->type);
            }
        }
    }
    looking->on_pool = looking->code == 0 && looking->outsides.n != 0;
    if (looking->on_pool)
        dj_loop_job(engine->loop, look, looked, looking);
    else
        looked(looking);
}

void dj_call_resolve(struct dj_engine *engine, struct dj_task *public, struct dj_bytes name,
                     const struct dj_asker *asker, dj_resolved_fn *done, void *cookie)
{
    struct task *task = dj_container_of(public, struct task, public);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_args args;
    int rc;

    if (public->definition == NULL) {
        done(cookie, -ENOENT, NULL, NULL, "its task is not defined");
        return;
    }
    rc = dj_name_parse(public->name, &task->definition.params, name, &args, &err);
    if (rc < 0)
        done(cookie, rc, NULL, NULL, dj_err_text(&err, rc));
    else
        resolve_args(engine, task, &args, asker, done, cookie);
}

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/engine_impl.h"
#include "daemon/memo.h"
#include "lib/model/taskfile.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/kill_point.h"
#include "lib/util/mem.h"
#include "lib/util/user.h"

static struct task *task_of(struct dj_task *public)
{
    return dj_container_of(public, struct task, public);
}

struct dj_task *dj_task_by_name(struct dj_engine *engine, struct dj_bytes name)
{
    struct task *task;

    HASH_FIND(hh, engine->tasks, name.data, name.len, task);
    return task == NULL ? NULL : &task->public;
}

struct dj_task *dj_task_by_number(struct dj_engine *engine, uint32_t number)
{
    if (number == 0 || number > engine->task_count || engine->task_by_number[number - 1] == NULL)
        return NULL;
    return &engine->task_by_number[number - 1]->public;
}

struct dj_task *dj_task_after(struct dj_engine *engine, struct dj_bytes name)
{
    struct task *best = NULL;

    for (struct task *task = engine->tasks; task != NULL; task = task->hh.next) {
        struct dj_bytes own = dj_bytes_of(task->public.name);

        if (task->public.definition == NULL || dj_bytes_cmp(own, name) <= 0)
            continue;
        if (best == NULL || dj_bytes_cmp(own, dj_bytes_of(best->public.name)) < 0)
            best = task;
    }
    return best == NULL ? NULL : &best->public;
}

struct task *task_after(struct dj_engine *engine, struct dj_bytes name)
{
    struct task *best = NULL;

    for (struct task *task = engine->tasks; task != NULL; task = task->hh.next) {
        struct dj_bytes own = dj_bytes_of(task->public.name);

        if (dj_bytes_cmp(own, name) > 0 &&
            (best == NULL || dj_bytes_cmp(own, dj_bytes_of(best->public.name)) < 0))
            best = task;
    }
    return best;
}

/* ---- effective versions ---- */

uint64_t task_epoch(const struct task *task)
{
    const char *version = task->definition.version;

    for (size_t i = 0; i < task->rec.epochs.n; i++) {
        const struct dj_rec_epoch *epoch = DJ_LIST_AT(&task->rec.epochs, struct dj_rec_epoch, i);

        if (dj_bytes_equal(dj_bytes_of(epoch->version), dj_bytes_of(version)))
            return epoch->count;
    }
    return 0;
}

static void set_unsettled(struct dj_engine *engine, struct task *task, bool unsettled)
{
    engine->unsettled += (size_t)unsettled - (size_t)task->unsettled;
    task->unsettled = unsettled;
}

/* Without one the task is unsettled: a large tracked file is being read. */
static void make_effective(struct dj_engine *engine, struct task *task)
{
    struct dj_hasher hasher;
    struct dj_digest definition;
    const char *version = task->definition.version;
    bool known = true;
    uint64_t epoch;

    if (task->public.definition == NULL) {
        set_unsettled(engine, task, false);
        task->effective = (struct dj_digest){{0}};
        program_forget(task);
        return;
    }
    dj_definition_digest(&task->definition, &definition);
    epoch = task_epoch(task);
    dj_hasher_init(&hasher);
    dj_hasher_update(&hasher, version == NULL ? "" : version,
                     (version == NULL ? 0 : strlen(version)) + 1);
    dj_hasher_update(&hasher, definition.b, sizeof(definition.b));
    dj_hasher_update(&hasher, &epoch, sizeof(epoch));
    known = tracked_hash(engine, task, &hasher);
    dj_hasher_final(&hasher, &task->effective);
    if (!known)
        task->effective = (struct dj_digest){{0}};
    set_unsettled(engine, task, !known);
    program_reset(task);
}

void tasks_raise_generation(struct dj_engine *engine)
{
    engine->generation++;
    atomic_fetch_add(&engine->generations->all, 1);
    if (engine->change != NULL)
        engine->change(engine->change_cookie, NULL);
}

void task_settle(struct dj_engine *engine, struct task *task)
{
    make_effective(engine, task);
    tasks_raise_generation(engine);
}

void tasks_look_at_tracked(struct dj_engine *engine)
{
    uint64_t turn = dj_loop_turn(engine->loop);

    if (engine->tracked_turn == turn)
        return;
    engine->tracked_turn = turn;
    for (struct task *task = engine->tasks; task != NULL; task = task->hh.next) {
        if (tracked_changed(task))
            task_settle(engine, task);
    }
}

/* ---- the table ---- */

static struct task *add(struct dj_engine *engine, uint32_t number, const char *name)
{
    struct task *task = dj_xcalloc(1, sizeof(*task));

    task->rec.number = number;
    task->rec.name = dj_xstrdup(name);
    task->public.number = number;
    task->public.name = task->rec.name;
    dj_definition_init(&task->definition);
    engine->task_by_number = dj_xgrow(engine->task_by_number, &engine->task_cap, number,
                                      sizeof(struct task *));
    while (engine->task_count < number)
        engine->task_by_number[engine->task_count++] = NULL;
    engine->task_by_number[number - 1] = task;
    HASH_ADD_KEYPTR(hh, engine->tasks, task->public.name, strlen(task->public.name), task);
    return task;
}

static void free_task(struct task *task)
{
    tracked_free(task);
    program_forget(task);
    dj_definition_release(&task->definition);
    dj_codec_release(&dj_layout_task, &task->rec);
    free(task);
}

void tasks_free(struct dj_engine *engine)
{
    struct task *task, *next;

    HASH_ITER(hh, engine->tasks, task, next)
    {
        HASH_DEL(engine->tasks, task);
        free_task(task);
    }
    free(engine->task_by_number);
}

/* The record becomes the task's; its name stays where it is. */
static int take_record(struct dj_engine *engine, struct task *task,
                       struct dj_rec_task *rec, struct dj_err *err)
{
    int rc = 0;

    task->public.changed_ns = rec->changed_ns;
    task->public.definition = NULL;
    dj_definition_release(&task->definition);
    /* The last definition says how the names of the runs are read, also while there is none. */
    if (rec->definition.len == 0) {
        dj_definition_init(&task->definition);
    } else {
        rc = dj_definition_load(dj_buf_bytes(&rec->definition), &task->definition, err);
        if (rc == 0 && rec->defined)
            task->public.definition = &task->definition;
    }
    free(rec->name);
    rec->name = dj_steal(task->rec.name);
    dj_codec_release(&dj_layout_task, &task->rec);
    task->rec = *rec;
    make_effective(engine, task);
    return rc;
}

static int load_one(struct dj_engine *engine, struct dj_bytes value, struct dj_err *err)
{
    struct dj_rec_task rec;
    int rc = dj_codec_decode(&dj_layout_task, value, &rec, err);

    if (rc == 0)
        rc = take_record(engine, add(engine, (uint32_t)rec.number, rec.name), &rec, err);
    return rc;
}

/* One that was never written is not defined; its number is its own all the same. What cannot be
 * read stays as it is in memory. */
void tasks_reload(struct dj_engine *engine)
{
    for (struct task *task = engine->tasks; task != NULL; task = task->hh.next) {
        dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
        struct dj_rec_task rec = {.number = task->public.number};
        int rc;

        dj_key_task(&key, task->public.number);
        rc = dj_store_get(engine->store, dj_buf_bytes(&key), &value);
        if (rc == 0)
            rc = dj_codec_decode(&dj_layout_task, dj_buf_bytes(&value), &rec, NULL);
        if (rc == 0 || rc == -ENOENT)
            (void)take_record(engine, task, &rec, NULL);
    }
    tasks_raise_generation(engine);
}

int tasks_load(struct dj_engine *engine, struct dj_err *err)
{
    struct dj_store_iter *iter =
        dj_store_iter_new(engine->store, DJ_BYTES_LIT("T"), DJ_BYTES_LIT("U"));
    int rc = 0;

    while (rc == 0 && dj_store_iter_next(iter))
        rc = load_one(engine, dj_store_iter_value(iter), err);
    rc = store_walked(engine, iter, rc, err);
    if (rc == 0)
        versions_keep_present(engine);
    return rc;
}

static void save(struct dj_store_batch *batch, struct task *task)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    task->rec.defined = task->public.definition != NULL;
    task->rec.changed_ns = task->public.changed_ns = dj_clock_now_ns();
    if (task->rec.defined) {
        dj_buf_clear(&task->rec.definition);
        dj_definition_store(&task->rec.definition, &task->definition);
    }
    dj_key_task(&key, task->public.number);
    dj_codec_encode(&value, &dj_layout_task, &task->rec);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
}

/* Writes the changed task; its runs are judged anew from here on. */
static int settle(struct dj_engine *engine, struct task *task, dj_done_fn *done, void *cookie,
                  struct dj_err *err)
{
    struct dj_store_batch *batch = dj_store_batch_new();
    int rc;

    make_effective(engine, task);
    save(batch, task);
    tasks_raise_generation(engine);
    rc = engine_write(engine, batch, err);
    dj_store_batch_free(batch);
    dj_kill_point("djd-version-written");
    if (rc == 0)
        sync_then(engine, done, cookie);
    else
        engine_reload(engine);
    return rc;
}

static struct dj_rec_retired *retired(const struct task *task, const char *name)
{
    for (size_t i = 0; i < task->rec.retired.n; i++) {
        struct dj_rec_retired *rec = DJ_LIST_AT(&task->rec.retired, struct dj_rec_retired, i);

        if (rec->name != NULL && strcmp(rec->name, name) == 0)
            return rec;
    }
    return NULL;
}

/* The type is another one: what was absent is no value of it. It is remembered for its return. */
static bool fits(const struct dj_param *param, const struct dj_value *value)
{
    return value->type == param->type && value->list == param->list;
}

static void set_absent(struct dj_param *param, const struct dj_value *value)
{
    if (!fits(param, value))
        return;
    dj_value_copy(&param->absent, value);
    param->has_absent = true;
}

/*
 * It was ignored, at least in parts, and now more of it counts, or less, or it goes: a run whose
 * key does not hold it may have had any value. So its absence means none from now on.
 */
static bool is_loose(const struct dj_param *old, const struct dj_param *param)
{
    return (old->ignored || dj_param_has_parts(old)) &&
           (param == NULL || !dj_param_same_rules(old, param));
}

static void loosen(struct task *task, const char *name, struct dj_param *param)
{
    struct dj_rec_retired *rec = retired(task, name);

    if (rec == NULL) {
        rec = dj_list_add(&task->rec.retired, sizeof(*rec));
        rec->name = dj_xstrdup(name);
    }
    dj_buf_clear(&rec->absent);
    if (param == NULL || !param->has_absent)
        return;
    dj_value_release(&param->absent);
    param->has_absent = false;
}

static void retire(struct task *task, const struct dj_definition *next)
{
    for (size_t i = 0; i < task->definition.params.n; i++) {
        const struct dj_param *old = &task->definition.params.items[i];
        struct dj_param *param = dj_params_find(&next->params, dj_bytes_of(old->name));
        struct dj_rec_retired *rec;

        if (is_loose(old, param))
            loosen(task, old->name, param);
        if (!old->has_absent || (param != NULL && fits(param, &old->absent)) ||
            retired(task, old->name) != NULL)
            continue;
        rec = dj_list_add(&task->rec.retired, sizeof(*rec));
        rec->name = dj_xstrdup(old->name);
        dj_value_store(&rec->absent, &old->absent);
    }
}

/*
 * What was added to a task that has runs: their arguments had no such parameter, so its default
 * is what they had. Remembered for good, since the default may change later, and the parameter may
 * go and come back.
 */
static void keep_absent(struct task *task, struct dj_definition *next)
{
    retire(task, next);
    for (size_t i = 0; i < next->params.n; i++) {
        struct dj_param *param = &next->params.items[i];
        struct dj_param *old = dj_params_find(&task->definition.params, dj_bytes_of(param->name));
        const struct dj_rec_retired *before = retired(task, param->name);
        dj_cleanup_value struct dj_value value = DJ_VALUE_INIT;

        if (param->has_absent || param->environment || (before != NULL && before->absent.len == 0))
            continue;
        if (before != NULL && dj_value_load(dj_buf_bytes(&before->absent), &value, NULL) == 0)
            set_absent(param, &value);
        else if (old != NULL && old->has_absent)
            set_absent(param, &old->absent);
        else if (old == NULL && param->has_default)
            set_absent(param, &param->default_value);
    }
}

static int found_one(void *cookie, struct dj_bytes name, uint64_t number)
{
    (void)name;
    (void)number;
    *(bool *)cookie = true;
    return 1;
}

/* Listed, under way, or deleted and still to be brought back. */
static bool has_runs(struct dj_engine *engine, struct task *task)
{
    struct dj_store_iter *iter;
    bool found = false;

    dj_task_runs(engine, &task->public, dj_bytes(NULL, 0), found_one, &found);
    for (struct run *run = engine->runs; !found && run != NULL; run = run->hh.next)
        found = run->call->task == task;
    iter = dj_store_iter_new(engine->store, DJ_BYTES_LIT("X"), DJ_BYTES_LIT("Y"));
    while (!found && dj_store_iter_next(iter)) {
        struct dj_call *call = dj_call_by_number(engine, dj_get64(dj_store_iter_key(iter), 9));

        found = call != NULL && call->task == task;
        dj_call_unref(call);
    }
    dj_store_iter_free(iter);
    return found;
}

/* Names and keys are made in the same way. */
static bool same_params(const struct dj_params *a, const struct dj_params *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (!dj_param_same_key(&a->items[i], &b->items[i]))
            return false;
    }
    return true;
}

void task_replace(struct dj_engine *engine, struct dj_store_batch *batch, struct task *task,
                  struct dj_definition *definition, bool is_new)
{
    bool same;

    if (!is_new && has_runs(engine, task))
        keep_absent(task, definition);
    same = same_params(&task->definition.params, &definition->params);
    dj_definition_release(&task->definition);
    dj_definition_copy(&task->definition, definition);
    task->public.definition = &task->definition;
    make_effective(engine, task);
    save(batch, task);
    if (!is_new && !same) {
        alikes_drop(engine, task, 0);
        calls_rename(engine, batch, task);
    }
}

/* A task is made or gets another definition; env: what is captured of the environment. */
void task_put(struct dj_engine *engine, struct dj_store_batch *batch,
              struct dj_definition *definition, const struct dj_list *env)
{
    struct dj_task *public = dj_task_by_name(engine, dj_bytes_of(definition->name));
    struct task *task = public == NULL
                            ? add(engine, (uint32_t)engine->task_count + 1, definition->name)
                            : task_of(public);

    for (size_t i = 0; env != NULL && i < env->n; i++) {
        const struct dj_part_pair *pair = DJ_LIST_AT(env, struct dj_part_pair, i);
        struct dj_env *captured = dj_list_add(&definition->base_env, sizeof(*captured));

        captured->name = dj_xstrdup(pair->name == NULL ? "" : pair->name);
        captured->value = dj_xmemdup0(pair->value.data, pair->value.len);
    }
    task_replace(engine, batch, task, definition, public == NULL);
}

struct task *task_known(struct dj_engine *engine, struct dj_store_batch *batch, const char *name,
                        struct dj_bytes definition)
{
    struct dj_task *public = dj_task_by_name(engine, dj_bytes_of(name));
    struct task *task = public == NULL ? add(engine, (uint32_t)engine->task_count + 1, name)
                                       : task_of(public);
    bool spelled = task->rec.definition.len != 0;

    if (public != NULL && (spelled || definition.len == 0))
        return task;
    if (definition.len != 0) {
        dj_definition_release(&task->definition);
        if (dj_definition_load(definition, &task->definition, NULL) < 0)
            dj_definition_init(&task->definition);
        else
            dj_buf_set(&task->rec.definition, definition);
    }
    save(batch, task);
    if (public != NULL)
        calls_rename(engine, batch, task);
    return task;
}

static bool file_exists(const char *path, void *cookie DJ_UNUSED)
{
    struct stat st;

    return outside_stat(path, &st) == 0;
}

static void note_bare_words(const struct dj_definition *definition, struct dj_list *notes)
{
    struct dj_list words = {0};

    dj_definition_bare_words(definition, file_exists, NULL, &words);
    for (size_t i = 0; i < words.n; i++) {
        struct dj_part_word *note = dj_list_add(notes, sizeof(*note));

        dj_buf_addf(&note->bytes,
                    "%s: the word %s names a file beside the definition, but runs start in a "
                    "folder of their own; write {here}/%s if that file is meant",
                    definition->name, dj_buf_str(DJ_LIST_AT(&words, struct dj_buf, i)),
                    dj_buf_str(DJ_LIST_AT(&words, struct dj_buf, i)));
    }
    dj_bytes_list_release(&words);
}

/* A tracked file is looked at by the loop, which must not look there. */
static int check_tracked(const struct dj_definition *definition, struct dj_err *err)
{
    for (size_t i = 0; i < definition->track.n; i++) {
        struct dj_bytes word = dj_list_bytes(&definition->track, i);
        dj_cleanup_free char *path = tracked_path(definition, word);
        struct stat st;

        if (path != NULL && outside_stat(path, &st) == -EXDEV)
            return dj_err_set(err, EINVAL,
                              "%s: track: %s lies in the mount, where nothing needs to be tracked: "
                              "name it as an argument of type file, or read it in the run",
                              definition->name, path);
    }
    return 0;
}

static int check(const struct dj_definition *definition, struct dj_err *err)
{
    int rc = check_tracked(definition, err);

    if (rc < 0)
        return rc;
    if (dj_memo_is_name(dj_bytes_of(definition->name)))
        return dj_err_set(err, EINVAL, "%s is the task that `dj memo` keeps its runs under; give "
                          "yours another name", definition->name);
    return dj_definition_check(definition, err);
}

int dj_task_define(struct dj_engine *engine, struct dj_bytes text, const char *file,
                   const char *here, const struct dj_list *env, struct dj_list *ret_notes,
                   dj_done_fn *done, void *cookie, struct dj_err *err)
{
    struct dj_list definitions = {0};
    struct dj_store_batch *batch;
    int rc = dj_taskfile_parse(file, here, text, &definitions, err);

    for (size_t i = 0; rc == 0 && i < definitions.n; i++)
        rc = check(DJ_LIST_AT(&definitions, struct dj_definition, i), err);
    if (rc == 0)
        rc = likes_take(engine, &definitions, err);
    if (rc < 0) {
        dj_definitions_release(&definitions);
        return rc;
    }
    batch = dj_store_batch_new();
    for (size_t i = 0; i < definitions.n; i++) {
        struct dj_definition *definition = DJ_LIST_AT(&definitions, struct dj_definition, i);

        note_bare_words(definition, ret_notes);
        launch_note(engine, definition, ret_notes);
        task_put(engine, batch, definition, env);
    }
    likes_follow(engine, batch);
    tasks_raise_generation(engine);
    rc = engine_write(engine, batch, err);
    dj_store_batch_free(batch);
    dj_kill_point("djd-definition-written");
    dj_definitions_release(&definitions);
    if (rc == 0)
        sync_then(engine, done, cookie);
    else
        engine_reload(engine);
    return rc;
}

int dj_task_undefine(struct dj_engine *engine, struct dj_task *public, dj_done_fn *done,
                     void *cookie, struct dj_err *err)
{
    struct task *task = task_of(public);

    if (public->definition == NULL)
        return dj_err_set(err, ENOENT, "there is no task %s", public->name);
    task->public.definition = NULL;
    return settle(engine, task, done, cookie, err);
}

/* The next version when none is named: 3 becomes 4, all else gets a number behind it. */
static void bump(struct dj_buf *ret, const char *old)
{
    char *end;
    unsigned long long number = strtoull(old, &end, 10);

    if (old[0] >= '0' && old[0] <= '9' && *end == '\0')
        dj_buf_addf(ret, "%llu", number + 1);
    else
        dj_buf_addf(ret, "%s.1", old);
}

int dj_task_set_version(struct dj_engine *engine, struct dj_task *public, struct dj_bytes version,
                        dj_done_fn *done, void *cookie, struct dj_err *err)
{
    struct task *task = task_of(public);
    struct dj_buf next = DJ_BUF_INIT;

    if (public->definition == NULL)
        return dj_err_set(err, ENOENT, "there is no task %s", public->name);
    if (version.len == 0)
        bump(&next, task->definition.version == NULL ? "1" : task->definition.version);
    else
        dj_buf_add_bytes(&next, version);
    if (memchr(next.data, '\n', next.len) != NULL || memchr(next.data, '\0', next.len) != NULL) {
        dj_buf_release(&next);
        return dj_err_set(err, EINVAL, "a version is one line");
    }
    free(task->definition.version);
    task->definition.version = dj_buf_steal(&next);
    return settle(engine, task, done, cookie, err);
}

int dj_task_invalidate(struct dj_engine *engine, struct dj_task *public,
                       const struct dj_asker *asker, dj_done_fn *done, void *cookie,
                       struct dj_err *err)
{
    struct task *task = task_of(public);
    const char *version = task->definition.version;
    struct dj_rec_epoch *epoch = NULL;

    if (public->definition == NULL)
        return dj_err_set(err, ENOENT, "there is no task %s", public->name);
    for (size_t i = 0; i < task->rec.epochs.n; i++) {
        struct dj_rec_epoch *at = DJ_LIST_AT(&task->rec.epochs, struct dj_rec_epoch, i);

        if (dj_bytes_equal(dj_bytes_of(at->version), dj_bytes_of(version)))
            epoch = at;
    }
    if (epoch == NULL) {
        epoch = dj_list_add(&task->rec.epochs, sizeof(*epoch));
        epoch->version = dj_xstrdup(version == NULL ? "" : version);
    }
    epoch->count++;
    free(epoch->user);
    epoch->user = dj_xstrdup(dj_user_name(asker->uid));
    return settle(engine, task, done, cookie, err);
}

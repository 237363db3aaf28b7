#include "tests/unit/fake-engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "lib/model/key.h"
#include "lib/model/name.h"
#include "lib/model/taskfile.h"
#include "lib/util/mem.h"

struct dj_engine *fake_engine(void)
{
    return dj_xcalloc(1, sizeof(struct dj_engine));
}

void fake_free(struct dj_engine *engine)
{
    struct fake_instance *instance, *next_instance;
    struct dj_call *call, *next_call;
    struct fake_task *task, *next_task;

    LL_FOREACH_SAFE(engine->instances, instance, next_instance) {
        dj_codec_release(&dj_layout_instance, &instance->rec);
        dj_codec_release(&dj_layout_manifest, &instance->manifest);
        free(instance->file);
        free(instance);
    }
    LL_FOREACH_SAFE(engine->calls, call, next_call) {
        dj_buf_release(&call->name);
        dj_args_release(&call->args);
        free(call);
    }
    LL_FOREACH_SAFE(engine->tasks, task, next_task) {
        dj_definition_release(&task->definition);
        free(task);
    }
    dj_buf_release(&engine->events);
    free(engine);
}

/* ---- tasks ---- */

static struct fake_task *task_of(struct dj_engine *engine, struct dj_bytes name)
{
    struct fake_task *task;

    LL_FOREACH(engine->tasks, task) {
        if (dj_bytes_is(name, task->definition.name))
            return task;
    }
    return NULL;
}

static void set_definition(struct dj_engine *engine, const struct dj_definition *definition)
{
    struct fake_task *task = task_of(engine, dj_bytes_of(definition->name));

    if (task == NULL) {
        task = dj_xcalloc(1, sizeof(*task));
        task->task.number = ++engine->last_task;
        LL_APPEND(engine->tasks, task);
    } else {
        dj_definition_release(&task->definition);
    }
    dj_definition_copy(&task->definition, definition);
    task->task.name = task->definition.name;
    task->task.definition = &task->definition;
    task->task.changed_ns = FAKE_TIME_NS;
}

void fake_define(struct dj_engine *engine, const char *text)
{
    struct dj_list list = {0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    if (dj_taskfile_parse("test", "/here", dj_bytes_of(text), &list, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    for (size_t i = 0; i < list.n; i++)
        set_definition(engine, DJ_LIST_AT(&list, struct dj_definition, i));
    dj_definitions_release(&list);
}

struct dj_task *dj_task_by_name(struct dj_engine *engine, struct dj_bytes name)
{
    struct fake_task *task = task_of(engine, name);

    return task == NULL ? NULL : &task->task;
}

struct dj_task *dj_task_by_number(struct dj_engine *engine, uint32_t number)
{
    struct fake_task *task;

    LL_FOREACH(engine->tasks, task) {
        if (task->task.number == number)
            return &task->task;
    }
    return NULL;
}

struct dj_task *dj_task_after(struct dj_engine *engine, struct dj_bytes name)
{
    struct fake_task *task;
    struct dj_task *best = NULL;

    LL_FOREACH(engine->tasks, task) {
        if (dj_bytes_cmp(dj_bytes_of(task->task.name), name) > 0 &&
            (best == NULL || strcmp(task->task.name, best->name) < 0))
            best = &task->task;
    }
    return best;
}

void dj_task_counts(struct dj_engine *engine, struct dj_task *task, uint64_t *ret)
{
    struct dj_call *call;

    LL_FOREACH(engine->calls, call) {
        if (call->task == task && call->number != 0)
            ret[dj_call_status(engine, call)]++;
    }
}

void dj_task_runs(struct dj_engine *engine, struct dj_task *task, struct dj_bytes after,
                  dj_run_each_fn *each, void *cookie)
{
    dj_cleanup_buf struct dj_buf last = DJ_BUF_INIT;

    dj_buf_add_bytes(&last, after);
    for (;;) {
        struct dj_call *best = NULL;
        struct dj_call *call;

        LL_FOREACH(engine->calls, call) {
            if (call->task == task && call->number != 0 &&
                dj_bytes_cmp(dj_buf_bytes(&call->name), dj_buf_bytes(&last)) > 0 &&
                (best == NULL ||
                 dj_bytes_cmp(dj_buf_bytes(&call->name), dj_buf_bytes(&best->name)) < 0))
                best = call;
        }
        if (best == NULL || each(cookie, dj_buf_bytes(&best->name), best->number) != 0)
            return;
        dj_buf_set(&last, dj_buf_bytes(&best->name));
    }
}

void dj_task_listed(struct dj_engine *engine, struct dj_task *task, struct dj_bytes after,
                    dj_run_each_fn *each, void *cookie)
{
    dj_task_runs(engine, task, after, each, cookie);
}

int dj_task_define(struct dj_engine *engine, struct dj_bytes text, const char *file,
                   const char *here, const struct dj_list *env, struct dj_list *ret_notes,
                   dj_done_fn *done, void *cookie, struct dj_err *err)
{
    struct dj_list list = {0};
    int code = dj_taskfile_parse(file, here, text, &list, err);

    (void)env;
    (void)ret_notes;
    if (code < 0)
        return code;
    for (size_t i = 0; i < list.n; i++)
        set_definition(engine, DJ_LIST_AT(&list, struct dj_definition, i));
    dj_definitions_release(&list);
    done(cookie, 0, NULL);
    return 0;
}

int dj_task_set_version(struct dj_engine *engine, struct dj_task *task, struct dj_bytes version,
                        dj_done_fn *done, void *cookie, struct dj_err *err)
{
    struct fake_task *fake = task_of(engine, dj_bytes_of(task->name));

    (void)err;
    free(fake->definition.version);
    fake->definition.version = dj_xmemdup0(version.data, version.len);
    done(cookie, 0, NULL);
    return 0;
}

static void drop(struct dj_engine *engine, struct dj_call *call)
{
    call->current = call->latest = call->number = 0;
    engine->deletes++;
}

int dj_task_invalidate(struct dj_engine *engine, struct dj_task *task,
                       const struct dj_asker *asker, dj_done_fn *done, void *cookie,
                       struct dj_err *err)
{
    struct dj_call *call;

    (void)asker;
    (void)err;
    LL_FOREACH(engine->calls, call) {
        if (call->task == task)
            call->current = 0;
    }
    done(cookie, 0, NULL);
    return 0;
}

int dj_task_delete_all(struct dj_engine *engine, struct dj_task *task,
                       const struct dj_asker *asker, dj_done_fn *done, void *cookie,
                       struct dj_err *err)
{
    struct dj_call *call;

    (void)asker;
    (void)err;
    LL_FOREACH(engine->calls, call) {
        if (call->task == task)
            drop(engine, call);
    }
    done(cookie, 0, NULL);
    return 0;
}

/* ---- calls ---- */

void dj_call_ref(struct dj_call *call)
{
    call->refs++;
}

void dj_call_unref(struct dj_call *call)
{
    if (call != NULL && call->refs-- == 0)
        abort();
}

struct dj_task *dj_call_task(const struct dj_call *call)
{
    return call->task;
}

struct dj_bytes dj_call_name(const struct dj_call *call)
{
    return dj_buf_bytes(&call->name);
}

const struct dj_args *dj_call_args(const struct dj_call *call)
{
    return &call->args;
}

const struct dj_digest *dj_call_key(const struct dj_call *call)
{
    return &call->key;
}

uint64_t dj_call_number(const struct dj_call *call)
{
    return call->number;
}

uint64_t dj_call_bucket(const struct dj_call *call)
{
    return call->key.b[0];
}

uint64_t dj_call_generation(struct dj_engine *engine, const struct dj_call *call)
{
    (void)call;
    return engine->generation;
}

static struct dj_call *call_of_args(struct dj_engine *engine, struct dj_task *task,
                                    const struct dj_args *args)
{
    struct dj_digest key;
    struct dj_call *call;

    dj_key_digest(task->name, args, &key);
    LL_FOREACH(engine->calls, call) {
        if (dj_digest_equal(&call->key, &key))
            break;
    }
    if (call == NULL) {
        call = dj_xcalloc(1, sizeof(*call));
        call->task = task;
        call->key = key;
        dj_args_copy(&call->args, args);
        dj_name_canonical(&call->name, args);
        LL_APPEND(engine->calls, call);
    }
    call->refs++;
    return call;
}

int dj_call_by_name(struct dj_engine *engine, struct dj_task *task, struct dj_bytes name,
                    struct dj_call **ret, struct dj_buf *ret_canonical, struct dj_err *err)
{
    struct dj_args args = DJ_ARGS_INIT;
    struct dj_call *call;
    int code = dj_name_parse(task->name, &task->definition->params, name, &args, err);

    if (code < 0)
        return code == -ENOKEY ? -ENOENT : code;
    if (!dj_args_resolved(&args)) {
        dj_args_release(&args);
        return 2;
    }
    call = call_of_args(engine, task, &args);
    dj_args_release(&args);
    if (dj_bytes_equal(dj_buf_bytes(&call->name), name)) {
        *ret = call;
        return 0;
    }
    dj_buf_set(ret_canonical, dj_buf_bytes(&call->name));
    dj_call_unref(call);
    return 1;
}

struct dj_call *fake_call(struct dj_engine *engine, const char *task, const char *name)
{
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;
    struct dj_call *call;

    if (dj_call_by_name(engine, dj_task_by_name(engine, dj_bytes_of(task)), dj_bytes_of(name),
                        &call, &canonical, NULL) != 0)
        abort();
    call->refs--;
    return call;
}

struct dj_call *dj_call_by_number(struct dj_engine *engine, uint64_t number)
{
    struct dj_call *call;

    LL_FOREACH(engine->calls, call) {
        if (call->number == number && number != 0) {
            call->refs++;
            return call;
        }
    }
    return NULL;
}

bool dj_call_given(struct dj_engine *engine, struct dj_task *task, struct dj_bytes name,
                   struct dj_args *ret)
{
    (void)engine;
    (void)task;
    (void)name;
    *ret = (struct dj_args)DJ_ARGS_INIT;
    return false;
}

void dj_call_show_args(struct dj_engine *engine, struct dj_call *call, const struct dj_args *given,
                       struct dj_buf *buf)
{
    (void)engine;
    (void)given;
    dj_args_json(buf, &call->args);
}

void dj_call_resolve(struct dj_engine *engine, struct dj_task *task, struct dj_bytes name,
                     const struct dj_asker *asker, dj_resolved_fn *done, void *cookie)
{
    (void)task;
    (void)name;
    (void)asker;
    engine->resolved = done;
    engine->resolved_cookie = cookie;
}

bool dj_resolve_cancel(struct dj_engine *engine, const void *cookie)
{
    (void)engine;
    (void)cookie;
    return false;
}

void fake_resolve(struct dj_engine *engine, struct dj_call *call)
{
    dj_resolved_fn *done = engine->resolved;

    engine->resolved = NULL;
    done(engine->resolved_cookie, call == NULL ? -ENOENT : 0, call,
         call == NULL ? NULL : &call->args, call == NULL ? "no such file" : NULL);
}

enum dj_status dj_call_status(struct dj_engine *engine, struct dj_call *call)
{
    const struct fake_instance *instance;

    if (call->live != 0)
        return DJ_RUNNING;
    if (dj_call_current(engine, call) != 0)
        return DJ_DONE;
    if (call->latest == 0)
        return DJ_ABSENT;
    instance = fake_find(engine, call->latest);
    return instance != NULL && instance->rec.state == DJ_DONE ? DJ_STALE : DJ_FAILED;
}

uint64_t dj_call_current(struct dj_engine *engine, struct dj_call *call)
{
    (void)engine;
    return call->forced ? 0 : call->current;
}

uint64_t dj_call_latest(struct dj_engine *engine, struct dj_call *call)
{
    (void)engine;
    return call->live != 0 ? call->live : call->latest;
}

void dj_call_command(struct dj_engine *engine, struct dj_call *call, const struct dj_args *given,
                     struct dj_buf *buf)
{
    (void)engine;
    (void)call;
    (void)given;
    dj_buf_adds(buf, "#!/bin/sh\n");
}

size_t dj_call_count(const struct dj_call *call)
{
    return (size_t)call->ended;
}

uint64_t dj_call_ended(struct dj_engine *engine, const struct dj_call *call, uint64_t n)
{
    struct fake_instance *instance;

    LL_FOREACH(engine->instances, instance) {
        if (instance->call == call && !instance->live && !instance->gone && n-- == 1)
            return instance->number;
    }
    return 0;
}

bool dj_call_has_ended(struct dj_engine *engine, const struct dj_call *call, uint64_t number)
{
    struct fake_instance *instance = fake_find(engine, number);

    return instance != NULL && instance->call == call && !instance->live && !instance->gone;
}

/* ---- runs ---- */

struct fake_instance *fake_find(struct dj_engine *engine, uint64_t number)
{
    struct fake_instance *instance;

    LL_FOREACH(engine->instances, instance) {
        if (instance->number == number)
            return instance;
    }
    return NULL;
}

struct fake_instance *fake_run(struct dj_engine *engine, struct dj_call *call)
{
    struct fake_instance *instance = fake_find(engine, call->live);

    if (instance != NULL)
        return instance;
    instance = dj_xcalloc(1, sizeof(*instance));
    instance->number = ++engine->last_instance;
    instance->call = call;
    instance->live = true;
    instance->state = (struct dj_live){
        .status = DJ_RUNNING, .queued_ns = FAKE_TIME_NS, .start_ns = FAKE_TIME_NS};
    LL_APPEND(engine->instances, instance);
    call->live = instance->number;
    if (call->number == 0)
        call->number = ++engine->last_call;
    engine->started++;
    return instance;
}

static void answer(struct dj_engine *engine, struct dj_call *call, int code, uint64_t instance,
                   const char *sentence)
{
    struct dj_want *want, *next;

    DL_FOREACH_SAFE(engine->wants, want, next) {
        if (want->call != call)
            continue;
        DL_DELETE(engine->wants, want);
        want->done(want->cookie, want->end ? 0 : code, instance, sentence);
        free(want);
    }
}

static struct fake_instance *end(struct dj_engine *engine, struct dj_call *call)
{
    struct fake_instance *instance = fake_run(engine, call);

    instance->live = false;
    call->ended++;
    instance->rec.number = instance->number;
    instance->rec.call = call->number;
    instance->rec.queued_ns = instance->rec.start_ns = FAKE_TIME_NS;
    instance->rec.end_ns = FAKE_TIME_NS + instance->number * 1000000;
    instance->rec.log.size = 4;
    instance->rec.log.here = true;
    dj_buf_adds(&instance->rec.log.bytes, "log\n");
    if (instance->state.edges != NULL) {
        const struct dj_list *edges = instance->state.edges;

        for (size_t i = 0; i < edges->n; i++)
            fake_edge(&instance->rec.edges, DJ_LIST_AT(edges, struct dj_rec_edge, i)->call,
                      DJ_LIST_AT(edges, struct dj_rec_edge, i)->instance);
    }
    call->latest = instance->number;
    call->live = 0;
    call->forced = false;
    return instance;
}

struct fake_instance *fake_end(struct dj_engine *engine, struct dj_call *call, const void *result,
                               size_t len)
{
    struct fake_instance *instance = end(engine, call);

    instance->rec.state = DJ_DONE;
    instance->rec.result.size = len;
    instance->rec.result.here = true;
    dj_buf_add(&instance->rec.result.bytes, result, len);
    call->current = instance->number;
    answer(engine, call, 0, instance->number, NULL);
    return instance;
}

void fake_fail(struct dj_engine *engine, struct dj_call *call, const char *sentence)
{
    struct fake_instance *instance = end(engine, call);

    instance->rec.state = DJ_FAILED;
    instance->rec.code = 1;
    instance->rec.error = dj_xstrdup(sentence);
    answer(engine, call, -EIO, instance->number, sentence);
}

void fake_entry(struct fake_instance *instance, const char *path, unsigned mode,
                const char *content)
{
    struct dj_rec_entry *entry = dj_list_add(&instance->manifest.entries, sizeof(*entry));

    dj_buf_adds(&entry->path, path);
    entry->mode = mode;
    entry->mtime_ns = FAKE_TIME_NS;
    if ((mode & 0170000) == 0120000) {
        dj_buf_adds(&entry->target, content);
    } else {
        entry->content.size = strlen(content);
        entry->content.here = true;
        dj_buf_adds(&entry->content.bytes, content);
    }
    dj_buf_clear(&instance->rec.manifest.bytes);
    dj_codec_encode(&instance->rec.manifest.bytes, &dj_layout_manifest, &instance->manifest);
    instance->rec.manifest.size = instance->rec.manifest.bytes.len;
    instance->rec.manifest.here = true;
}

void fake_edge(struct dj_list *edges, uint64_t call, uint64_t instance)
{
    struct dj_rec_edge *edge = dj_list_add(edges, sizeof(*edge));

    edge->call = call;
    edge->instance = instance;
}

static struct dj_want *want_new(struct dj_engine *engine, struct dj_call *call, bool is_end,
                                dj_wanted_fn *done, void *cookie)
{
    struct dj_want *want = dj_xcalloc(1, sizeof(*want));

    want->engine = engine;
    want->call = call;
    want->done = done;
    want->cookie = cookie;
    want->end = is_end;
    DL_APPEND(engine->wants, want);
    return want;
}

struct dj_want *dj_want(struct dj_engine *engine, struct dj_call *call,
                        const struct dj_asker *asker, unsigned flags, dj_wanted_fn *done,
                        void *cookie)
{
    uint64_t current = dj_call_current(engine, call);

    engine->last_flags = flags;
    engine->last_run = asker->run;
    if (current != 0) {
        done(cookie, 0, current, NULL);
        return NULL;
    }
    if (flags & DJ_GET_CACHED) {
        done(cookie, -EAGAIN, 0, "not cached");
        return NULL;
    }
    fake_run(engine, call);
    return want_new(engine, call, false, done, cookie);
}

void dj_want_leave(struct dj_want *want, struct dj_buf *ret DJ_UNUSED) { dj_want_cancel(want); }
void dj_want_cancel(struct dj_want *want)
{
    want->engine->cancelled++;
    DL_DELETE(want->engine->wants, want);
    free(want);
}

int dj_note_call(struct dj_engine *engine, uint64_t instance, const struct dj_asker *asker)
{
    (void)instance;
    engine->notes++;
    engine->last_run = asker->run;
    return 0;
}

uint64_t dj_early_instance(struct dj_engine *engine, const struct dj_call *call,
                           const struct dj_asker *asker)
{
    (void)engine;
    (void)call;
    (void)asker;
    return 0;
}

bool dj_run_is_early(struct dj_engine *engine, uint64_t run)
{
    (void)engine;
    (void)run;
    return false;
}

void dj_note_refusal(struct dj_engine *engine, const struct dj_asker *asker, const char *sentence)
{
    (void)engine;
    (void)asker;
    (void)sentence;
}

int dj_start(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
             unsigned flags, struct dj_err *err)
{
    (void)asker;
    (void)err;
    engine->last_flags = flags;
    if (!(flags & DJ_GET_FORCE) && dj_call_current(engine, call) != 0)
        return 0;
    fake_run(engine, call);
    call->forced = (flags & DJ_GET_FORCE) != 0;
    return 0;
}

struct dj_want *dj_wait_end(struct dj_engine *engine, struct dj_call *call,
                            const struct dj_asker *asker, dj_wanted_fn *done, void *cookie)
{
    (void)asker;
    if (call->live == 0) {
        done(cookie, 0, call->latest, NULL);
        return NULL;
    }
    return want_new(engine, call, true, done, cookie);
}

int dj_call_delete(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
                   dj_done_fn *done, void *cookie, struct dj_err *err)
{
    (void)asker;
    if (call->latest == 0)
        return dj_err_set(err, ENOENT, "nothing to delete");
    drop(engine, call);
    done(cookie, 0, NULL);
    return 0;
}

int dj_call_cancel(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
                   dj_done_fn *done, void *cookie, struct dj_err *err)
{
    (void)asker;
    (void)err;
    call->live = 0;
    answer(engine, call, -ECANCELED, 0, "cancelled");
    done(cookie, 0, NULL);
    return 0;
}

unsigned dj_call_cancel_forget(struct dj_engine *engine, const void *cookie)
{
    (void)engine;
    (void)cookie;
    return 0;
}

int dj_call_invalidate(struct dj_engine *engine, struct dj_call *call,
                       const struct dj_asker *asker, dj_done_fn *done, void *cookie,
                       struct dj_err *err)
{
    (void)engine;
    (void)asker;
    (void)err;
    call->current = 0;
    done(cookie, 0, NULL);
    return 0;
}

int dj_call_accept(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
                   dj_done_fn *done, void *cookie, struct dj_err *err)
{
    (void)engine;
    (void)call;
    (void)asker;
    (void)err;
    done(cookie, 0, NULL);
    return 0;
}

bool dj_call_has_stale(struct dj_engine *engine, struct dj_call *call)
{
    (void)engine;
    (void)call;
    return false;
}

const struct dj_list *dj_call_accepted(const struct dj_call *call, uint64_t instance)
{
    (void)call;
    (void)instance;
    return NULL;
}

int dj_run_progress(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
                    const struct dj_progress *progress, struct dj_err *err)
{
    (void)engine;
    (void)call;
    (void)asker;
    (void)progress;
    (void)err;
    return 0;
}

void dj_call_progress(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                      struct dj_progress_facts *ret)
{
    (void)engine;
    (void)call;
    (void)instance;
    *ret = (struct dj_progress_facts){.status = DJ_ABSENT};
}

void dj_call_why(struct dj_engine *engine, struct dj_call *call, struct dj_reason *ret)
{
    ret->now = dj_call_current(engine, call) != 0 ? DJ_NOW_HIT : DJ_NOW_NOTHING;
    ret->cause = ret->now == DJ_NOW_HIT ? DJ_CAUSE_NONE : DJ_CAUSE_NEVER_RUN;
}

void dj_call_key_text(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                      struct dj_buf *buf)
{
    (void)engine;
    (void)call;
    dj_buf_addf(buf, "instance %llu\n", (unsigned long long)instance);
}

/* ---- instances ---- */

const struct dj_rec_instance *dj_instance(struct dj_engine *engine, uint64_t number)
{
    struct fake_instance *instance = fake_find(engine, number);

    return instance == NULL || instance->live || instance->gone ? NULL : &instance->rec;
}

const struct dj_rec_manifest *dj_manifest(struct dj_engine *engine, uint64_t number)
{
    static const struct dj_rec_manifest none;
    struct fake_instance *instance = fake_find(engine, number);

    return instance == NULL ? &none : &instance->manifest;
}

struct dj_call *dj_instance_call(struct dj_engine *engine, uint64_t number)
{
    struct fake_instance *instance = fake_find(engine, number);

    if (instance == NULL)
        return NULL;
    instance->call->refs++;
    return instance->call;
}

void dj_instance_hold(struct dj_engine *engine, uint64_t number)
{
    struct fake_instance *instance = fake_find(engine, number);

    if (instance != NULL)
        instance->holds++;
}

void dj_instance_release(struct dj_engine *engine, uint64_t number)
{
    struct fake_instance *instance = fake_find(engine, number);

    if (instance != NULL && instance->holds-- == 0)
        abort();
}

bool dj_live(struct dj_engine *engine, uint64_t number, struct dj_live *ret)
{
    struct fake_instance *instance = fake_find(engine, number);

    if (instance == NULL || !instance->live)
        return false;
    *ret = instance->state;
    return true;
}

int dj_verify(struct dj_engine *engine, uint64_t instance,
              const struct dj_rec_content *const *contents, size_t n, dj_verified_fn *done,
              void *cookie, struct dj_err *err)
{
    (void)engine;
    (void)instance;
    (void)contents;
    (void)n;
    (void)done;
    (void)cookie;
    (void)err;
    return 0;
}

bool dj_content_at_hand(struct dj_engine *engine, const struct dj_rec_content *content, size_t max,
                        struct dj_buf *ret)
{
    return content->size <= max && dj_read_content(engine, content, 0, max, ret, NULL) == 0;
}

bool dj_instance_lost(struct dj_engine *engine, struct dj_call *call, uint64_t instance)
{
    (void)engine;
    (void)call;
    (void)instance;
    return false;
}

int dj_read_content(struct dj_engine *engine, const struct dj_rec_content *content,
                    uint64_t offset, size_t size, struct dj_buf *ret, struct dj_err *err)
{
    (void)engine;
    (void)err;
    if (offset < content->bytes.len)
        dj_buf_add(ret, content->bytes.data + offset, DJ_MIN(size, content->bytes.len - offset));
    return 0;
}

char *dj_content_file(struct dj_engine *engine, const struct dj_rec_content *content)
{
    struct fake_instance *instance;

    LL_FOREACH(engine->instances, instance) {
        if (&instance->rec.result == content && instance->file != NULL)
            return dj_xstrdup(instance->file);
    }
    return NULL;
}

void dj_dependents(struct dj_engine *engine, uint64_t call_number, uint64_t after_instance,
                   dj_dependent_fn *each, void *cookie)
{
    struct fake_instance *instance;

    LL_FOREACH(engine->instances, instance) {
        const struct dj_list *edges =
            instance->live ? instance->state.edges : &instance->rec.edges;

        if (instance->number <= after_instance)
            continue;
        for (size_t i = 0; edges != NULL && i < edges->n; i++) {
            if (DJ_LIST_AT(edges, struct dj_rec_edge, i)->call == call_number &&
                each(cookie, instance->call->number, instance->number) != 0)
                return;
        }
    }
}

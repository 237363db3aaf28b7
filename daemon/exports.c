#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "daemon/exchange.h"
#include "lib/model/carried.h"
#include "lib/util/mem.h"

/* Stored runs as other stores understand them: nothing is named by a number of this one. */

enum { CALLS_AT_ONCE = 500, RUNS_AT_ONCE = 2000 }; /* between two other requests */

/* ---- one run ---- */

bool dj_instance_id(struct dj_engine *engine, uint64_t instance, struct dj_digest *ret)
{
    const struct dj_rec_instance *rec = dj_instance(engine, instance);
    struct dj_call *call = rec == NULL ? NULL : dj_call_by_number(engine, rec->call);

    if (call != NULL)
        dj_carried_id(&call->key, rec, ret);
    dj_call_unref(call);
    return call != NULL;
}

struct copying {
    struct dj_engine *engine;
    struct dj_list *premises;
    struct dj_bytes never; /* the sentence of a premise that never holds */
};

static bool copy_premise(void *cookie, uint64_t number DJ_UNUSED,
                         const struct dj_rec_premise *premise)
{
    struct copying *copying = cookie;
    struct dj_task *task = dj_task_by_number(copying->engine, (uint32_t)premise->task);
    struct dj_rec_carried_premise *to;
    struct dj_rec_version version;

    if (dj_premise_never(premise).data != NULL) {
        copying->never = dj_premise_never(premise);
        return true;
    }
    to = dj_list_add(copying->premises, sizeof(*to));
    to->digest = premise->digest;
    dj_buf_set(&to->path, dj_buf_bytes(&premise->path));
    if (task == NULL)
        return true;
    to->task = dj_xstrdup(task->name);
    if (version_load(copying->engine, task->number, &premise->digest, &version) == 0) {
        dj_codec_encode(&to->version, &dj_layout_version, &version);
        dj_codec_release(&dj_layout_version, &version);
    }
    return true;
}

/* What never holds is no premise that can be checked there: its sentence, or nothing. */
static struct dj_bytes copy_closure(struct dj_engine *engine, uint64_t tasks, uint64_t files,
                                    struct dj_list *ret)
{
    struct copying copying = {.engine = engine, .premises = ret};

    dj_premises_each(engine->premises, tasks, copy_premise, &copying);
    dj_premises_each(engine->premises, files, copy_premise, &copying);
    return copying.never;
}

static void copy_stale(struct dj_engine *engine, const struct dj_rec_instance *rec,
                       const struct dj_rec_summary *summary, struct dj_rec_carried *ret)
{
    struct dj_bytes never = copy_closure(engine, rec->tasks, rec->files, &ret->premises);

    ret->stale = summary->stale || never.data != NULL;
    if (summary->mark != NULL)
        ret->mark = dj_xstrdup(summary->mark);
    else if (never.data != NULL)
        ret->mark = dj_xmemdup0(never.data, never.len);
}

static void copy_edge(struct dj_engine *engine, const struct dj_rec_edge *edge,
                      struct dj_list *ret)
{
    struct dj_call *call = dj_call_by_number(engine, edge->call);
    struct dj_rec_carried_edge *to;

    if (call == NULL)
        return;
    to = dj_list_add(ret, sizeof(*to));
    to->task = dj_xstrdup(call->task->public.name);
    dj_buf_set(&to->key, dj_buf_bytes(&call->rec.key));
    dj_buf_set(&to->args, dj_buf_bytes(&call->rec.args));
    to->failed = edge->failed;
    if (edge->instance != 0)
        (void)dj_instance_id(engine, edge->instance, &to->id);
    dj_call_unref(call);
}

static void copy_accepted(struct dj_engine *engine, const struct dj_rec_summary *summary,
                          struct dj_list *ret)
{
    for (size_t i = 0; i < summary->accepted.n; i++) {
        const struct dj_rec_acceptance *from =
            DJ_LIST_AT(&summary->accepted, struct dj_rec_acceptance, i);
        struct dj_rec_carried_acceptance *to = dj_list_add(ret, sizeof(*to));

        (void)copy_closure(engine, from->tasks, from->files, &to->premises);
        to->user = dj_xstrdup(from->user == NULL ? "" : from->user);
        to->time_ns = from->time_ns;
        to->though = dj_xstrdup(from->though == NULL ? "" : from->though);
    }
}

/* The folder of the definition, and what was captured of its user's environment, stay here. */
static void copy_definition(const struct task *task, struct dj_buf *ret)
{
    struct dj_definition definition = task->definition;
    dj_cleanup_free char *here = dj_xstrdup("/"), *name = dj_xstrdup(task->public.name);

    definition.here = here;
    definition.name = name;
    definition.base_env = (struct dj_list){0};
    dj_definition_store(ret, &definition);
}

static void copy_content(struct dj_rec_content *content)
{
    dj_buf_release(&content->bytes);
    content->here = false;
}

/* By its own bytes: the record is decoded once more. */
static int copy_instance(struct dj_engine *engine, uint64_t number, struct dj_rec_instance *ret)
{
    int rc = instance_load(engine, number, ret);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < ret->edges.n; i++)
        dj_codec_release(&dj_layout_edge, DJ_LIST_AT(&ret->edges, struct dj_rec_edge, i));
    free(ret->edges.items);
    ret->edges = (struct dj_list){0};
    dj_buf_release(&ret->args);
    ret->call = ret->number = ret->tasks = ret->files = ret->program = 0;
    ret->imported_ns = 0;
    dj_freep(&ret->imported_from);
    dj_freep(&ret->imported_by);
    copy_content(&ret->result);
    copy_content(&ret->log);
    copy_content(&ret->manifest);
    return 0;
}

int dj_carried_make(struct dj_engine *engine, uint64_t instance, struct dj_rec_carried *ret,
                    struct dj_err *err)
{
    const struct dj_rec_instance *rec = dj_instance(engine, instance);
    struct dj_call *call = rec == NULL ? NULL : dj_call_by_number(engine, rec->call);
    const struct dj_rec_summary *summary = call == NULL ? NULL : call_summary(call, instance);

    *ret = (struct dj_rec_carried){.format = DJ_CARRIED_FORMAT};
    if (summary == NULL || rec->state != DJ_DONE || summary->corrupt || call->rec.deleted_ns != 0 ||
        copy_instance(engine, instance, &ret->instance) < 0) {
        dj_call_unref(call);
        return dj_err_set(err, ENOENT, "there is no result of that number any more");
    }
    dj_carried_id(&call->key, rec, &ret->id);
    ret->task = dj_xstrdup(call->task->public.name);
    copy_definition(call->task, &ret->definition);
    dj_buf_set(&ret->key, dj_buf_bytes(&call->rec.key));
    dj_buf_set(&ret->args, rec->args.len != 0 ? dj_buf_bytes(&rec->args)
                                              : dj_buf_bytes(&call->rec.args));
    copy_stale(engine, rec, summary, ret);
    for (size_t i = 0; i < rec->edges.n; i++)
        copy_edge(engine, DJ_LIST_AT(&rec->edges, struct dj_rec_edge, i), &ret->edges);
    copy_accepted(engine, summary, &ret->accepted);
    dj_carried_files_digest(dj_manifest(engine, instance), &ret->files);
    dj_call_unref(call);
    return 0;
}

/* ---- which there are ---- */

struct listing_runs {
    struct dj_engine *engine;
    const struct dj_msg_runs *ask;
    struct dj_msg_stored_runs *ret;
    size_t left;
};

static void add_run(struct listing_runs *listing, uint64_t instance, bool current)
{
    const struct dj_rec_instance *rec = dj_instance(listing->engine, instance);
    struct dj_part_stored_run *run;
    struct dj_digest id;

    if (rec == NULL || rec->state != DJ_DONE || !dj_instance_id(listing->engine, instance, &id))
        return;
    run = dj_list_add(&listing->ret->runs, sizeof(*run));
    run->instance = instance;
    dj_buf_add(&run->id, id.b, sizeof(id.b));
    run->end_ns = rec->end_ns;
    run->bytes = rec->result.size + rec->log.size + rec->file_bytes + rec->manifest.size;
    run->current = current;
    for (size_t i = 0; (listing->ask->flags & DJ_RUNS_CALLS) && i < rec->edges.n; i++) {
        uint64_t called = DJ_LIST_AT(&rec->edges, struct dj_rec_edge, i)->instance;

        if (called != 0)
            ((struct dj_part_count *)dj_list_add(&run->calls, sizeof(struct dj_part_count)))->n =
                called;
    }
}

static void add_call(struct listing_runs *listing, struct dj_call *call)
{
    uint64_t current = dj_call_current(listing->engine, call);

    if (current != 0)
        add_run(listing, current, true);
    for (size_t i = 0; (listing->ask->flags & DJ_RUNS_ALL) && call->rec.deleted_ns == 0 &&
                       i < call->rec.instances.n;
         i++) {
        const struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);

        if (summary->instance != current && !summary->corrupt &&
            summary_durable(listing->engine, summary))
            add_run(listing, summary->instance, false);
    }
}

static int list_one(void *cookie, struct dj_bytes name, uint64_t number)
{
    struct listing_runs *listing = cookie;
    struct dj_call *call;

    if (listing->left == 0)
        return 1;
    listing->left--;
    dj_buf_set(&listing->ret->at_name, name);
    call = dj_call_by_number(listing->engine, number);
    if (call != NULL)
        add_call(listing, call);
    dj_call_unref(call);
    return 0;
}

/* The page ends behind the call that the last answer named. */
static void list_tasks(struct listing_runs *listing, struct dj_buf *at, bool one)
{
    struct dj_task *public = dj_task_by_name(listing->engine, dj_buf_bytes(at));
    struct task *task = public == NULL ? task_after(listing->engine, dj_buf_bytes(at))
                                       : dj_container_of(public, struct task, public);
    dj_cleanup_buf struct dj_buf after = DJ_BUF_INIT;

    for (; task != NULL; task = one ? NULL : task_after(listing->engine, dj_buf_bytes(at))) {
        if (!dj_bytes_is(dj_buf_bytes(at), task->public.name))
            dj_buf_clear(&listing->ret->at_name);
        dj_buf_set(at, dj_bytes_of(task->public.name));
        dj_buf_set(&after, dj_buf_bytes(&listing->ret->at_name));
        dj_task_runs(listing->engine, &task->public, dj_buf_bytes(&after), list_one, listing);
        if (listing->left == 0)
            return;
    }
    listing->ret->end = true;
}

static int list_name(struct listing_runs *listing, struct dj_task *task, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT, shown = DJ_BUF_INIT;
    struct dj_call *call = NULL;
    int rc = dj_call_by_name(listing->engine, task, dj_buf_bytes(&listing->ask->name), &call,
                             &canonical, err);

    if (rc == 1)
        rc = dj_call_by_name(listing->engine, task, dj_buf_bytes(&canonical), &call, &shown, err);
    if (rc == 0 && call != NULL) {
        size_t before = listing->ret->runs.n;

        add_call(listing, call);
        if (listing->ret->runs.n == before) {
            add_run_name(&shown, call);
            rc = dj_err_set(err, ENOENT, "%s has no %s here", dj_buf_str(&shown),
                            listing->ask->flags & DJ_RUNS_ALL ? "result" : "valid result");
        }
    } else if (rc >= 0) {
        rc = dj_err_set(err, ENOENT, "it has no stored run");
    }
    dj_call_unref(call);
    listing->ret->end = true;
    return rc;
}

static void list_instances(struct listing_runs *listing)
{
    const struct dj_list *instances = &listing->ask->instances;

    for (size_t i = 0; i < instances->n && i < RUNS_AT_ONCE; i++) {
        uint64_t instance = DJ_LIST_AT(instances, struct dj_part_count, i)->n;
        struct dj_call *call = dj_instance_call(listing->engine, instance);

        if (call != NULL && call->rec.deleted_ns == 0 && call_summary(call, instance) != NULL)
            add_run(listing, instance, dj_call_current(listing->engine, call) == instance);
        dj_call_unref(call);
    }
    listing->ret->end = true;
}

int dj_runs_page(struct dj_engine *engine, const struct dj_msg_runs *ask,
                 struct dj_msg_stored_runs *ret, struct dj_err *err)
{
    struct listing_runs listing = {.engine = engine, .ask = ask, .ret = ret};
    bool one = ask->task != NULL;
    struct dj_buf at = DJ_BUF_INIT;
    struct dj_task *task = one ? dj_task_by_name(engine, dj_bytes_of(ask->task)) : NULL;

    *ret = (struct dj_msg_stored_runs){.end = false};
    if (one && task == NULL)
        return dj_err_set(err, ENOENT, "there is no task %s", ask->task);
    if (ask->instances.n > RUNS_AT_ONCE)
        return dj_err_set(err, EINVAL, "at most %d runs are looked at in one request",
                          RUNS_AT_ONCE);
    if (ask->instances.n != 0) {
        list_instances(&listing);
        return 0;
    }
    if (one && ask->name.len != 0)
        return list_name(&listing, task, err);
    listing.left = ask->max == 0 ? CALLS_AT_ONCE : (size_t)DJ_MIN(ask->max, CALLS_AT_ONCE);
    dj_buf_adds(&at, one ? ask->task : ask->at_task == NULL ? "" : ask->at_task);
    dj_buf_set(&ret->at_name, dj_buf_bytes(&ask->at_name));
    list_tasks(&listing, &at, one);
    ret->at_task = dj_buf_steal(&at);
    return 0;
}

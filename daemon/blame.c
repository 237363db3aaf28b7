#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/engine_impl.h"
#include "lib/model/reason.h"
#include "lib/util/mem.h"

/*
 * What makes a stale run stale: the premise of its closure that does not hold, what of it changed,
 * and the path of calls that leads there. The closure tells which premises fail; the edges of the
 * stored instances lead down to the run that has such a premise of its own.
 */

enum { RECORDS_MAX = 20000 }; /* that one look reads; a path that takes more is not told */

struct failing {
    uint64_t number;
    const struct dj_rec_premise *premise; /* of the engine's premises: stays */
};

struct blame {
    struct dj_engine *engine;
    struct dj_reason *ret;
    struct dj_list failing; /* struct failing */
    size_t records;
};

static bool collect_task(void *cookie, uint64_t number, const struct dj_rec_premise *premise)
{
    struct blame *blame = cookie;

    if (!task_premise_holds(blame->engine, premise))
        *(struct failing *)dj_list_add(&blame->failing, sizeof(struct failing)) =
            (struct failing){number, premise};
    return true;
}

static bool collect_file(void *cookie, uint64_t number, const struct dj_rec_premise *premise)
{
    struct blame *blame = cookie;

    if (file_premise_holds(blame->engine, premise))
        return true;
    *(struct failing *)dj_list_add(&blame->failing, sizeof(struct failing)) =
        (struct failing){number, premise};
    return false;
}

static const struct dj_rec_premise *failing_task(const struct blame *blame, uint32_t task,
                                                 const struct dj_digest *effective)
{
    for (size_t i = 0; i < blame->failing.n; i++) {
        const struct dj_rec_premise *premise =
            DJ_LIST_AT(&blame->failing, struct failing, i)->premise;

        if (premise->task == task &&
            (effective == NULL || dj_digest_equal(&premise->digest, effective)))
            return premise;
    }
    return NULL;
}

static bool rests_on_failing(const struct blame *blame, uint64_t set)
{
    for (size_t i = 0; i < blame->failing.n; i++) {
        if (dj_premises_has(blame->engine->premises, set,
                            DJ_LIST_AT(&blame->failing, struct failing, i)->number))
            return true;
    }
    return false;
}

static const struct dj_list *acceptances(const struct dj_call *call, uint64_t instance)
{
    const struct dj_rec_summary *summary = call == NULL ? NULL : call_summary(call, instance);
    static const struct dj_list none;

    return summary == NULL ? &none : &summary->accepted;
}

/* The failing premise on its own task that an accepted run brought to those who read it then. */
static const struct dj_rec_premise *failing_accepted(const struct blame *blame,
                                                     const struct dj_call *call,
                                                     uint64_t instance)
{
    const struct dj_list *all = acceptances(call, instance);

    for (size_t i = 0; i < all->n; i++) {
        uint64_t set = DJ_LIST_AT(all, struct dj_rec_acceptance, i)->tasks;

        for (size_t j = 0; j < blame->failing.n; j++) {
            const struct failing *failing = DJ_LIST_AT(&blame->failing, struct failing, j);

            if (failing->premise->task == call->task->public.number &&
                dj_premises_has(blame->engine->premises, set, failing->number))
                return failing->premise;
        }
    }
    return NULL;
}

/* Whether it rests on what fails, by the closure that it was computed with or an accepted one. */
static bool call_rests_on_failing(const struct blame *blame, const struct dj_call *call,
                                  const struct dj_rec_instance *rec)
{
    const struct dj_list *all = acceptances(call, rec->number);
    bool rests = rests_on_failing(blame, rec->tasks);

    for (size_t i = 0; !rests && i < all->n; i++)
        rests = rests_on_failing(blame, DJ_LIST_AT(all, struct dj_rec_acceptance, i)->tasks);
    return rests;
}

/* The same of one file. */
static bool call_rests_on_file(const struct blame *blame, const struct dj_call *call,
                               const struct dj_rec_instance *rec, uint64_t premise)
{
    const struct dj_list *all = acceptances(call, rec->number);
    bool rests = dj_premises_has(blame->engine->premises, rec->files, premise);

    for (size_t i = 0; !rests && i < all->n; i++)
        rests = dj_premises_has(blame->engine->premises,
                                DJ_LIST_AT(all, struct dj_rec_acceptance, i)->files, premise);
    return rests;
}

static void push(struct blame *blame, const struct dj_call *call)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

    add_run_name(&name, call);
    dj_list_add_bytes(&blame->ret->path, dj_buf_bytes(&name));
}

/* ---- what of a task changed ---- */

static const char *shown_version(const char *version)
{
    return version == NULL ? "" : version;
}

/* The first tracked file that is another one. */
static bool find_tracked(const struct dj_rec_version *before, const struct dj_rec_version *now,
                         struct dj_reason *ret)
{
    for (size_t i = 0; i < DJ_MIN(before->tracked.n, now->tracked.n); i++) {
        const struct dj_rec_hashed *was = DJ_LIST_AT(&before->tracked, struct dj_rec_hashed, i);
        const struct dj_rec_hashed *is = DJ_LIST_AT(&now->tracked, struct dj_rec_hashed, i);
        static const struct dj_digest none;

        if (dj_digest_equal(&was->digest, &is->digest))
            continue;
        dj_buf_set(&ret->text, dj_buf_bytes(&is->path));
        ret->gone = dj_digest_equal(&is->digest, &none);
        return true;
    }
    return false;
}

static const char *invalidated_by(const struct task *task, const char *version)
{
    for (size_t i = 0; i < task->rec.epochs.n; i++) {
        const struct dj_rec_epoch *epoch = DJ_LIST_AT(&task->rec.epochs, struct dj_rec_epoch, i);

        if (dj_bytes_equal(dj_bytes_of(epoch->version), dj_bytes_of(version)))
            return epoch->user;
    }
    return NULL;
}

static void compare(const struct task *task, const struct dj_rec_version *before,
                    const struct dj_rec_version *now, struct dj_reason *ret)
{
    const char *user;

    if (strcmp(shown_version(before->version), shown_version(now->version)) != 0) {
        ret->cause = DJ_CAUSE_VERSION;
        dj_buf_adds(&ret->from, shown_version(before->version));
        dj_buf_adds(&ret->to, shown_version(now->version));
    } else if (!dj_bytes_equal(dj_buf_bytes(&before->definition), dj_buf_bytes(&now->definition))) {
        ret->cause = DJ_CAUSE_DEFINITION;
        dj_reason_part(dj_buf_bytes(&before->definition), dj_buf_bytes(&now->definition),
                       &ret->text);
    } else if (find_tracked(before, now, ret)) {
        ret->cause = DJ_CAUSE_TRACKED;
    } else if (before->epoch != now->epoch) {
        ret->cause = DJ_CAUSE_EPOCH;
        user = invalidated_by(task, now->version);
        dj_buf_adds(&ret->user, user == NULL ? "" : user);
    } else {
        /* The same files under other paths: the definition's folder is another one. */
        ret->cause = DJ_CAUSE_DEFINITION;
        dj_buf_adds(&ret->text, "track");
    }
}

/* version: what the instance at hand says, for versions of which nothing was kept; or NULL. */
static void tell_task(struct blame *blame, const struct dj_rec_premise *premise,
                      const char *version)
{
    struct dj_task *public = dj_task_by_number(blame->engine, (uint32_t)premise->task);
    const struct task *task = public == NULL ? NULL : dj_container_of(public, struct task, public);
    struct dj_rec_version before, now;

    if (task == NULL || public->definition == NULL) {
        blame->ret->cause = DJ_CAUSE_UNDEFINED;
        return;
    }
    version_of(task, &now);
    if (version_load(blame->engine, public->number, &premise->digest, &before) == 0) {
        compare(task, &before, &now, blame->ret);
        dj_codec_release(&dj_layout_version, &before);
    } else if (version != NULL && strcmp(version, shown_version(now.version)) != 0) {
        blame->ret->cause = DJ_CAUSE_VERSION;
        dj_buf_adds(&blame->ret->from, version);
        dj_buf_adds(&blame->ret->to, shown_version(now.version));
    } else {
        blame->ret->cause = DJ_CAUSE_DEFINITION;
    }
    dj_codec_release(&dj_layout_version, &now);
}

/* ---- the way down ---- */

/*
 * A look at one called run: true when it brings the failing premise itself, and then it is told.
 * ret_down is set to true when it does not but rests on it.
 */
static bool look_at_called(struct blame *blame, const struct dj_rec_edge *edge,
                           struct dj_rec_instance *rec, bool *ret_down)
{
    bool stored = edge->instance != 0 && instance_load(blame->engine, edge->instance, rec) == 0;
    struct dj_call *call = dj_call_by_number(blame->engine, edge->call);
    const struct dj_rec_premise *premise = NULL;

    blame->records++;
    *ret_down = false;
    if (call != NULL)
        premise = failing_task(blame, call->task->public.number, stored ? &rec->effective : NULL);
    if (premise == NULL && call != NULL && stored)
        premise = failing_accepted(blame, call, edge->instance);
    if (premise != NULL) {
        push(blame, call);
        tell_task(blame, premise, stored ? shown_version(rec->version) : NULL);
    }
    *ret_down = premise == NULL && call != NULL && stored &&
                call_rests_on_failing(blame, call, rec);
    dj_call_unref(call);
    return premise != NULL;
}

/* One step: those that bring it themselves go first. 1: told; 0: *edges are those of the run that
 * was stepped to; -1: there is no way on. */
static int step_down(struct blame *blame, struct dj_list *edges)
{
    struct dj_list next = {0};
    uint64_t down = 0;
    struct dj_call *call;

    for (size_t i = 0; i < edges->n && blame->records < RECORDS_MAX; i++) {
        struct dj_rec_instance rec = {0};
        const struct dj_rec_edge *edge = DJ_LIST_AT(edges, struct dj_rec_edge, i);
        bool rests, told = look_at_called(blame, edge, &rec, &rests);

        if (rests && down == 0) {
            down = edge->call;
            next = rec.edges;
            rec.edges = (struct dj_list){0};
        }
        dj_codec_release(&dj_layout_instance, &rec);
        if (told) {
            free(next.items);
            return 1;
        }
    }
    free(edges->items);
    *edges = next;
    call = dj_call_by_number(blame->engine, down);
    if (call != NULL)
        push(blame, call);
    dj_call_unref(call);
    return down == 0 ? -1 : 0;
}

static void copy_edges(const struct dj_rec_instance *rec, struct dj_list *ret)
{
    for (size_t i = 0; rec != NULL && i < rec->edges.n; i++)
        *(struct dj_rec_edge *)dj_list_add(ret, sizeof(struct dj_rec_edge)) =
            *DJ_LIST_AT(&rec->edges, struct dj_rec_edge, i);
}

static void blame_task(struct blame *blame, const struct dj_call *call,
                       const struct dj_rec_instance *rec)
{
    const struct dj_rec_premise *premise =
        failing_task(blame, call->task->public.number, rec == NULL ? NULL : &rec->effective);
    struct dj_list edges = {0};
    struct dj_task *task;
    int rc;

    if (premise != NULL) {
        tell_task(blame, premise, rec == NULL ? NULL : shown_version(rec->version));
        return;
    }
    copy_edges(rec, &edges);
    do
        rc = step_down(blame, &edges);
    while (rc == 0);
    free(edges.items);
    if (rc == 1)
        return;
    /* It was called without a trace (incognito), or is too far down: the task at least is known. */
    dj_bytes_list_release(&blame->ret->path);
    premise = DJ_LIST_AT(&blame->failing, struct failing, 0)->premise;
    task = dj_task_by_number(blame->engine, (uint32_t)premise->task);
    dj_buf_adds(&blame->ret->task, task == NULL ? "" : task->name);
    tell_task(blame, premise, NULL);
}

/* ---- files ---- */

/* The called run that rests on the file, too, and its edges; false: this one named it. */
static bool step_to_file(struct blame *blame, uint64_t premise, struct dj_list *edges)
{
    for (size_t i = 0; i < edges->n && blame->records++ < RECORDS_MAX; i++) {
        const struct dj_rec_edge *edge = DJ_LIST_AT(edges, struct dj_rec_edge, i);
        struct dj_rec_instance rec = {0};
        struct dj_call *call = NULL;

        if (edge->instance != 0 && instance_load(blame->engine, edge->instance, &rec) == 0)
            call = dj_call_by_number(blame->engine, edge->call);
        if (call != NULL && !call_rests_on_file(blame, call, &rec, premise)) {
            dj_call_unref(call);
            call = NULL;
        }
        if (call != NULL) {
            push(blame, call);
            dj_call_unref(call);
            free(edges->items);
            *edges = rec.edges;
            rec.edges = (struct dj_list){0};
            dj_codec_release(&dj_layout_instance, &rec);
            return true;
        }
        dj_codec_release(&dj_layout_instance, &rec);
    }
    return false;
}

static void blame_file(struct blame *blame, const struct dj_rec_instance *rec)
{
    const struct failing *failing = DJ_LIST_AT(&blame->failing, struct failing, 0);
    const struct dj_rec_premise *premise = failing->premise;
    struct dj_bytes sentence = dj_premise_never(premise);
    struct dj_list edges = {0};
    struct stat st;

    copy_edges(rec, &edges);
    while (step_to_file(blame, failing->number, &edges))
        ;
    free(edges.items);
    if (sentence.data != NULL) {
        blame->ret->cause = DJ_CAUSE_MARK;
        dj_buf_add_bytes(&blame->ret->text, sentence);
        return;
    }
    blame->ret->cause = DJ_CAUSE_INPUT;
    dj_buf_add_bytes(&blame->ret->text, dj_buf_bytes(&premise->path));
    blame->ret->gone = outside_stat(dj_buf_str(&premise->path), &st) == -ENOENT;
}

void blame_premise(struct dj_engine *engine, const struct dj_call *call,
                   const struct dj_rec_summary *summary, struct dj_reason *ret)
{
    struct blame blame = {.engine = engine, .ret = ret};
    const struct dj_rec_instance *rec = dj_instance(engine, summary->instance);

    ret->cause = DJ_CAUSE_UNKNOWN;
    dj_premises_each(engine->premises, summary->tasks, collect_task, &blame);
    if (blame.failing.n != 0) {
        blame_task(&blame, call, rec);
    } else {
        dj_premises_each(engine->premises, summary->files, collect_file, &blame);
        if (blame.failing.n != 0)
            blame_file(&blame, rec);
    }
    free(blame.failing.items);
}

/* ---- a ttl ---- */

/* The called run that brought that moment; false: none that is on record. */
static bool step_to_expiry(struct blame *blame, uint64_t *instance, uint64_t expires_ns,
                           bool *ret_own)
{
    struct dj_rec_instance rec = {0};
    bool found = false;

    if (instance_load(blame->engine, *instance, &rec) < 0)
        return false;
    for (size_t i = 0; !found && i < rec.edges.n && blame->records++ < RECORDS_MAX; i++) {
        const struct dj_rec_edge *edge = DJ_LIST_AT(&rec.edges, struct dj_rec_edge, i);
        struct dj_call *call = dj_call_by_number(blame->engine, edge->call);
        const struct dj_rec_summary *summary =
            call == NULL ? NULL : call_summary(call, edge->instance);

        found = summary != NULL && summary->expires_ns == expires_ns;
        if (found) {
            push(blame, call);
            *instance = edge->instance;
            *ret_own = summary->own_ns == expires_ns;
        }
        dj_call_unref(call);
    }
    dj_codec_release(&dj_layout_instance, &rec);
    return found;
}

void blame_expiry(struct dj_engine *engine, const struct dj_call *call DJ_UNUSED,
                  const struct dj_rec_summary *summary, struct dj_reason *ret)
{
    struct blame blame = {.engine = engine, .ret = ret};
    uint64_t instance = summary->instance;
    bool own = summary->own_ns == summary->expires_ns;

    ret->cause = DJ_CAUSE_EXPIRED;
    ret->expires_ns = summary->expires_ns;
    while (!own && step_to_expiry(&blame, &instance, summary->expires_ns, &own))
        continue;
}

/* ---- a file argument that was another file ---- */

enum { NAMES_MAX = 256 };

struct earlier {
    struct dj_engine *engine;
    const struct dj_call *call;
    struct dj_bytes prefix;
    struct dj_reason *ret;
    uint64_t newest;
    size_t looked;
};

static bool is_file(const struct dj_value *value)
{
    return value->type == DJ_FILE || value->type == DJ_PATH;
}

static bool same_sources(const struct dj_value *a, const struct dj_value *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (!dj_bytes_equal(dj_buf_bytes(&a->scalars[i].source),
                            dj_buf_bytes(&b->scalars[i].source)))
            return false;
    }
    return true;
}

/* The file argument in which alone the calls differ; NULL: they differ in something else. */
static const char *differing_file(const struct dj_args *a, const struct dj_args *b)
{
    const char *found = NULL;

    if (a->params->n != b->params->n)
        return NULL;
    for (size_t i = 0; i < a->params->n; i++) {
        if (dj_param_equal(&a->params->items[i], &a->values[i], &b->values[i]))
            continue;
        if (!is_file(&a->values[i]) || !is_file(&b->values[i]) ||
            !same_sources(&a->values[i], &b->values[i]))
            return NULL;
        found = dj_buf_str(&a->values[i].scalars[0].text);
    }
    return found;
}

static int look_at_earlier(void *cookie, struct dj_bytes name, uint64_t number)
{
    struct earlier *earlier = cookie;
    struct dj_call *call;
    const char *file;

    if (!dj_bytes_starts(name, earlier->prefix) || ++earlier->looked > NAMES_MAX)
        return 1;
    call = dj_call_by_number(earlier->engine, number);
    if (call == NULL)
        return 0;
    file = differing_file(&earlier->call->args, &call->args);
    if (file != NULL && dj_call_latest(earlier->engine, call) > earlier->newest) {
        earlier->newest = dj_call_latest(earlier->engine, call);
        dj_buf_clear(&earlier->ret->argument);
        dj_buf_adds(&earlier->ret->argument, file);
        dj_buf_clear(&earlier->ret->before);
        add_run_name(&earlier->ret->before, call);
    }
    dj_call_unref(call);
    return 0;
}

void blame_argument(struct dj_engine *engine, const struct dj_call *call, struct dj_reason *ret)
{
    struct dj_bytes name = dj_buf_bytes(&call->name);
    const uint8_t *at = name.len == 0 ? NULL : memchr(name.data, '@', name.len);
    dj_cleanup_buf struct dj_buf before = DJ_BUF_INIT;
    struct earlier earlier = {.engine = engine, .call = call, .ret = ret};

    /* Only the name of a call with such an argument has a raw @ in it. */
    if (at == NULL || call->args.params == NULL)
        return;
    earlier.prefix = dj_bytes(name.data, (size_t)(at - name.data) + 1);
    dj_buf_set(&before, dj_bytes(name.data, (size_t)(at - name.data)));
    dj_task_runs(engine, &call->task->public, dj_buf_bytes(&before), look_at_earlier, &earlier);
}

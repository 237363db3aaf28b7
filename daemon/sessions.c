#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/model/resource.h"
#include "lib/model/session.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * Sessions: the pools of workers and named resources that runs share. A run belongs to that of its
 * caller, unless the call or its task names another. A new one has a scheduler of its own, so what
 * runs in it does not count against the caller's.
 */

/* ---- the sessions that there are ---- */

struct session *session_find(struct dj_engine *engine, const char *name)
{
    struct session *session;

    HASH_FIND_STR(engine->sessions, name, session);
    return session;
}

static struct session *session_new(struct dj_engine *engine, const char *name)
{
    struct session *session = dj_xcalloc(1, sizeof(*session));

    session->name = dj_xstrdup(name);
    dj_sched_init(&session->sched, 1);
    session->sched.paused = engine->paused;
    HASH_ADD_KEYPTR(hh, engine->sessions, session->name, strlen(session->name), session);
    return session;
}

static void session_free(struct dj_engine *engine, struct session *session)
{
    HASH_DEL(engine->sessions, session);
    dj_sched_release(&session->sched);
    free(session->name);
    free(session);
}

static struct dj_sched_kind *kind_at(const struct session *session, size_t kind)
{
    return DJ_LIST_AT(&session->sched.kinds, struct dj_sched_kind, kind);
}

/* Of one that is not declared any more there is nothing: deadlock.c ends who waits for it. */
static size_t kind_for(struct session *session, const char *name)
{
    size_t index = 0;

    if (dj_sched_kind(&session->sched, name, &index) == NULL) {
        dj_sched_set(&session->sched, name, 0);
        (void)dj_sched_kind(&session->sched, name, &index);
    }
    return index;
}

static void set_totals(struct session *session, uint64_t workers, const struct dj_list *resources)
{
    session->sched.slots = workers;
    for (size_t i = 0; i < session->sched.kinds.n; i++)
        kind_at(session, i)->total = 0;
    for (size_t i = 0; resources != NULL && i < resources->n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(resources, struct dj_resource, i);

        dj_sched_set(&session->sched, resource->name, resource->amount);
    }
}

void sessions_take_limits(struct dj_engine *engine, const struct dj_engine_limits *limits)
{
    for (struct session *session = engine->sessions; session != NULL; session = session->hh.next)
        session->stays = false;
    engine->session = session_find(engine, DJ_SESSION_DEFAULT);
    if (engine->session == NULL)
        engine->session = session_new(engine, DJ_SESSION_DEFAULT);
    engine->session->stays = true;
    set_totals(engine->session, limits->workers, limits->resources);
    for (size_t i = 0; limits->sessions != NULL && i < limits->sessions->n; i++) {
        const struct dj_session_spec *spec =
            DJ_LIST_AT(limits->sessions, struct dj_session_spec, i);
        struct session *session = session_find(engine, spec->name);

        if (session == NULL)
            session = session_new(engine, spec->name);
        session->stays = true;
        set_totals(session, spec->workers == 0 ? limits->workers : spec->workers,
                   &spec->resources);
    }
    sessions_forget_empty(engine);
    deadlock_plan_look(engine);
}

void sessions_forget_empty(struct dj_engine *engine)
{
    struct session *session, *next;

    HASH_ITER(hh, engine->sessions, session, next)
    {
        if (!session->stays && session->runs == 0)
            session_free(engine, session);
    }
}

void sessions_free(struct dj_engine *engine)
{
    struct session *session, *next;

    HASH_ITER(hh, engine->sessions, session, next)
        session_free(engine, session);
}

/* ---- what can be had ---- */

static void add_totals(struct dj_buf *buf, const struct session *session)
{
    const char *between = "";

    for (size_t i = 0; i < session->sched.kinds.n; i++) {
        const struct dj_sched_kind *kind = kind_at(session, i);

        if (kind->total == 0)
            continue;
        dj_buf_addf(buf, "%s%s=", between, kind->name);
        dj_amount_print(buf, kind->total);
        between = ", ";
    }
    if (*between == '\0')
        dj_buf_adds(buf, "none");
}

static int refuse_unknown(const struct session *session, const char *name, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf totals = DJ_BUF_INIT;

    add_totals(&totals, session);
    return dj_err_set(err, EINVAL, "session %s has no resource %s; it has %s", session->name, name,
                      dj_buf_str(&totals));
}

static int refuse_much(const struct session *session, const struct dj_resource *resource,
                       uint64_t total, uint64_t held, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf asked = DJ_BUF_INIT, all = DJ_BUF_INIT, own = DJ_BUF_INIT;

    dj_amount_print(&asked, resource->amount);
    dj_amount_print(&all, total);
    dj_amount_print(&own, held);
    if (held == 0)
        return dj_err_set(err, EINVAL, "%s=%s can never be had: session %s has %s", resource->name,
                          dj_buf_str(&asked), session->name, dj_buf_str(&all));
    return dj_err_set(err, EINVAL, "%s=%s can never be had beside the %s that the run has: session"
                      " %s has %s", resource->name, dj_buf_str(&asked), dj_buf_str(&own),
                      session->name, dj_buf_str(&all));
}

static int check_resources(const struct session *session, const struct dj_list *resources,
                           const struct dj_sched_item *item, struct dj_err *err)
{
    for (size_t i = 0; i < resources->n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(resources, struct dj_resource, i);
        size_t index;
        const struct dj_sched_kind *kind =
            dj_sched_kind(&session->sched, resource->name, &index);
        uint64_t held;

        if (kind == NULL || kind->total == 0)
            return refuse_unknown(session, resource->name, err);
        held = item == NULL ? 0 : dj_sched_held(item, index);
        if (resource->amount > kind->total || held > kind->total - resource->amount)
            return refuse_much(session, resource, kind->total, held, err);
    }
    return 0;
}

int session_reservable(const struct run *run, const struct dj_list *resources,
                       struct dj_sched_item *ret, struct dj_err *err)
{
    int rc;

    if (run->state == ENDING || run->state == COMMITTED)
        return dj_err_set(err, EINVAL, "the run has ended");
    rc = check_resources(run->session, resources, &run->line, err);
    for (size_t i = 0; rc == 0 && i < resources->n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(resources, struct dj_resource, i);

        dj_sched_need(ret, kind_for(run->session, resource->name), resource->amount);
    }
    return rc;
}

/* ---- which one a call runs in ---- */

/* The session that there is, or NULL and what a new one is like. */
static int choose(struct dj_engine *engine, const struct dj_call *call,
                  const struct dj_asker *asker, struct session **ret,
                  struct dj_session_spec *ret_spec, struct dj_err *err)
{
    const struct dj_definition *definition = call->task->public.definition;
    const struct run *parent = asker->run == 0 ? NULL : run_find(engine, asker->run);
    const char *words = asker->session;
    int rc;

    *ret = parent == NULL ? engine->session : parent->session;
    *ret_spec = (struct dj_session_spec){0};
    if (words == NULL && definition != NULL)
        words = definition->session;
    if (words == NULL)
        return 0;
    rc = dj_session_parse(dj_bytes_of(words), ret_spec, err);
    if (rc < 0)
        return rc;
    *ret = ret_spec->name == NULL ? NULL : session_find(engine, ret_spec->name);
    if (*ret == NULL && ret_spec->name != NULL)
        rc = dj_err_set(err, ENOENT, "there is no session %s; `dj session` lists them",
                        ret_spec->name);
    return rc;
}

int session_check(struct dj_engine *engine, const struct dj_call *call,
                  const struct dj_asker *asker, bool joins, struct dj_err *err)
{
    const struct dj_definition *definition = call->task->public.definition;
    dj_cleanup_session_spec struct dj_session_spec spec = {0};
    struct session *session, fresh = {.name = (char[]){"new"}};
    int rc = choose(engine, call, asker, &session, &spec, err);

    if (rc == 0 && session == NULL) {
        session = &fresh;
        set_totals(session, 1, &spec.resources);
    }
    if (rc == 0 && definition != NULL && !joins)
        rc = check_resources(session, &definition->resources, NULL, err);
    dj_sched_release(&fresh.sched);
    return rc < 0 ? dj_err_prefix(err, rc, "%s", call->task->public.name) : rc;
}

static struct session *make(struct dj_engine *engine, uint64_t instance,
                            const struct dj_session_spec *spec)
{
    struct session *session;
    char name[32];

    snprintf(name, sizeof(name), "new-%" PRIu64, instance);
    session = session_find(engine, name);
    if (session == NULL)
        session = session_new(engine, name);
    set_totals(session, spec->workers == 0 ? engine->session->sched.slots : spec->workers,
               &spec->resources);
    return session;
}

void session_enter(struct run *run, const struct dj_asker *asker)
{
    dj_cleanup_session_spec struct dj_session_spec spec = {0};
    struct session *session;

    if (choose(run->engine, run->call, asker, &session, &spec, NULL) < 0)
        return; /* session_check() has refused that before */
    run_join_session(run, session != NULL ? session : make(run->engine, run->instance, &spec));
}

void run_join_session(struct run *run, struct session *session)
{
    if (run->session != NULL) {
        dj_sched_remove(&run->session->sched, &run->line);
        run_free_resources(run);
        dj_sched_need_nothing(&run->line);
        run->session->runs--;
    }
    run->session = session;
    if (session != NULL)
        session->runs++;
}

/* ---- what a run has ---- */

void run_need(struct run *run)
{
    const struct dj_definition *definition = run->call->task->public.definition;
    struct session *session = run->session;

    run_free_resources(run);
    dj_sched_need_nothing(&run->line);
    for (size_t i = 0; definition != NULL && i < definition->resources.n; i++) {
        const struct dj_resource *resource =
            DJ_LIST_AT(&definition->resources, struct dj_resource, i);

        dj_sched_need(&run->line, kind_for(session, resource->name), resource->amount);
    }
    if (run->line.needs.n != 0)
        deadlock_plan_look(run->engine);
}

void run_free_resources(struct run *run)
{
    if (run->line.holds.n == 0)
        return;
    dj_sched_free_all(&run->session->sched, &run->line);
    run_plan_start(run->engine);
    deadlock_plan_look(run->engine);
}

void run_resources(const struct run *run, struct dj_list *ret)
{
    for (size_t i = 0; i < run->line.holds.n; i++) {
        const struct dj_sched_part *part = DJ_LIST_AT(&run->line.holds, struct dj_sched_part, i);

        if (part->amount != 0)
            dj_resources_add(ret, kind_at(run->session, part->kind)->name, part->amount);
    }
}

void run_note_used(struct run *run)
{
    struct dj_list has = {0};

    run_resources(run, &has);
    for (size_t i = 0; i < has.n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(&has, struct dj_resource, i);
        uint64_t before = dj_resources_amount(&run->used, resource->name);

        if (resource->amount > before)
            dj_resources_add(&run->used, resource->name, resource->amount - before);
    }
    dj_resources_release(&has);
}

static char *print_list(struct dj_list *list)
{
    struct dj_buf buf = DJ_BUF_INIT;

    dj_resources_print(&buf, list);
    dj_resources_release(list);
    return buf.len == 0 ? NULL : dj_buf_steal(&buf);
}

void run_store_session(const struct run *run, struct dj_rec_live *live)
{
    const struct session *session = run->session;
    struct dj_list has = {0}, totals = {0};

    run_resources(run, &has);
    live->resources = print_list(&has);
    for (const struct dj_want *want = run->asks; want != NULL; want = want->ask_next)
        live->reserving |= dj_sched_waits(&want->part);
    if (session == run->engine->session)
        return;
    live->session = dj_xstrdup(session->name);
    live->workers = session->sched.slots;
    for (size_t i = 0; i < session->sched.kinds.n; i++) {
        if (kind_at(session, i)->total != 0)
            dj_resources_add(&totals, kind_at(session, i)->name, kind_at(session, i)->total);
    }
    live->totals = print_list(&totals);
}

void run_record_session(const struct run *run, struct dj_rec_instance *rec)
{
    struct dj_list used;

    dj_resources_copy(&used, &run->used);
    rec->resources = print_list(&used);
    if (run->session != run->engine->session)
        rec->session = dj_xstrdup(run->session->name);
}

/* One that is not there, as a call's own, is made again by the first of its runs that is met. */
static struct session *session_of(struct dj_engine *engine, const struct dj_rec_live *live)
{
    struct session *session;
    struct dj_list totals = {0};

    if (live->session == NULL || *live->session == '\0')
        return engine->session;
    session = session_find(engine, live->session);
    if (session != NULL || live->workers == 0)
        return session != NULL ? session : engine->session;
    if (live->totals != NULL && *live->totals != '\0')
        (void)!dj_resources_parse(dj_bytes_of(live->totals), &totals, NULL);
    session = session_new(engine, live->session);
    set_totals(session, live->workers, &totals);
    dj_resources_release(&totals);
    return session;
}

void run_load_session(struct run *run, const struct dj_rec_live *live)
{
    struct dj_list has = {0};

    run_join_session(run, session_of(run->engine, live));
    run->lost_asks = live->reserving;
    if (live->resources == NULL || *live->resources == '\0' ||
        dj_resources_parse(dj_bytes_of(live->resources), &has, NULL) < 0)
        return;
    for (size_t i = 0; i < has.n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(&has, struct dj_resource, i);

        dj_sched_hold(&run->session->sched, &run->line, kind_for(run->session, resource->name),
                      resource->amount);
    }
    run_note_used(run);
    dj_resources_release(&has);
}

/* ---- giving back ---- */

static int check_has(const struct run *run, const struct dj_list *resources, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf has = DJ_BUF_INIT;
    struct dj_list list = {0};
    int rc = 0;

    run_resources(run, &list);
    dj_resources_print(&has, &list);
    for (size_t i = 0; rc == 0 && i < resources->n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(resources, struct dj_resource, i);

        if (dj_resources_amount(&list, resource->name) < resource->amount)
            rc = dj_err_set(err, EINVAL, "the run does not have that much %s; it has %s",
                            resource->name, has.len == 0 ? "nothing" : dj_buf_str(&has));
    }
    dj_resources_release(&list);
    return rc;
}

int dj_unreserve(struct dj_engine *engine, const struct dj_asker *asker,
                 const struct dj_list *resources, struct dj_err *err)
{
    struct run *run = asker->run == 0 ? NULL : run_find(engine, asker->run);
    int rc;

    if (run == NULL)
        return dj_err_set(err, EINVAL, "resources are released by the run that has them, and this"
                          " is none");
    rc = check_has(run, resources, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < resources->n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(resources, struct dj_resource, i);

        dj_sched_free(&run->session->sched, &run->line, kind_for(run->session, resource->name),
                      resource->amount);
    }
    if (resources->n == 0)
        run_free_resources(run);
    if (run->stored)
        rc = live_save(run, err);
    run_plan_start(engine);
    deadlock_plan_look(engine);
    return rc;
}

/* ---- for people ---- */

bool dj_session_look(struct dj_engine *engine, const char *name, struct dj_session_facts *ret)
{
    const struct session *session = session_find(engine, name);

    if (session == NULL)
        return false;
    *ret = (struct dj_session_facts){
        .name = session->name,
        .workers = session->sched.slots,
        .busy = session->sched.busy,
        .kinds = &session->sched.kinds,
    };
    for (const struct run *run = engine->runs; run != NULL; run = run->hh.next) {
        if (run->session != session)
            continue;
        ret->queued += run->state == QUEUED || run->state == DELAYED;
        ret->waiting += run->state == BLOCKED || run->state == RESUMING || run->state == CHECKING;
    }
    return true;
}

const char *dj_session_after(struct dj_engine *engine, const char *name)
{
    const char *next = NULL;

    for (const struct session *session = engine->sessions; session != NULL;
         session = session->hh.next) {
        if (strcmp(session->name, name) > 0 && (next == NULL || strcmp(session->name, next) < 0))
            next = session->name;
    }
    return next;
}

const char *dj_session_of_run(struct dj_engine *engine, uint64_t instance)
{
    const struct run *run = instance == 0 ? NULL : run_find(engine, instance);

    return run == NULL ? NULL : run->session->name;
}

bool dj_run_lost_asks(struct dj_engine *engine, uint64_t instance)
{
    struct run *run = instance == 0 ? NULL : run_find(engine, instance);
    bool lost = run != NULL && run->lost_asks;

    if (lost)
        run->lost_asks = false;
    return lost;
}

void dj_run_holds(struct dj_engine *engine, uint64_t instance, struct dj_list *ret)
{
    const struct run *run = instance == 0 ? NULL : run_find(engine, instance);

    if (run != NULL)
        run_resources(run, ret);
}

int dj_session_set(struct dj_engine *engine, const char *name, const char *resource,
                   uint64_t amount, struct dj_err *err)
{
    struct session *session = session_find(engine, name);

    if (session == NULL)
        return dj_err_set(err, ENOENT, "there is no session %s any more", name);
    if (resource == NULL && (amount == 0 || amount > DJ_SESSION_WORKERS_MAX))
        return dj_err_set(err, EINVAL, "the number of workers is one from 1 to %d",
                          DJ_SESSION_WORKERS_MAX);
    if (resource == NULL)
        session->sched.slots = amount;
    else
        dj_sched_set(&session->sched, resource, amount);
    run_plan_start(engine);
    deadlock_plan_look(engine);
    return 0;
}

static void add_holder(struct dj_reason *ret, const struct run *run, uint64_t amount)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

    ret->part_holder_count++;
    if (ret->part_holders.n == DJ_HOLDERS_SHOWN)
        return;
    add_run_name(&name, run->call);
    dj_buf_adds(&name, " (");
    dj_amount_print(&name, amount);
    dj_buf_adds(&name, ")");
    dj_list_add_bytes(&ret->part_holders, dj_buf_bytes(&name));
}

void session_say_part(const struct dj_engine *engine, const struct session *session,
                      const struct dj_sched_item *item, struct dj_reason *ret)
{
    const struct dj_sched_part *part = NULL;
    const struct dj_sched_kind *kind;

    for (size_t i = 0; i < item->needs.n; i++) {
        part = DJ_LIST_AT(&item->needs, struct dj_sched_part, i);
        kind = kind_at(session, part->kind);
        if (part->amount > kind->total - DJ_MIN(kind->held, kind->total))
            break;
    }
    if (part == NULL)
        return;
    kind = kind_at(session, part->kind);
    dj_buf_adds(&ret->part, kind->name);
    dj_buf_addc(&ret->part, '=');
    dj_amount_print(&ret->part, part->amount);
    dj_buf_adds(&ret->session, session->name);
    dj_amount_print(&ret->part_held, kind->held);
    dj_buf_adds(&ret->part_held, " of ");
    dj_amount_print(&ret->part_held, kind->total);
    for (const struct run *run = engine->runs; run != NULL; run = run->hh.next) {
        uint64_t held = run->session == session ? dj_sched_held(&run->line, part->kind) : 0;

        if (held != 0)
            add_holder(ret, run, held);
    }
}

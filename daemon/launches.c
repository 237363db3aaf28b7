#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/model/launch_template.h"
#include "daemon/memo.h"
#include "lib/util/mem.h"

/*
 * How runs are launched: as their call says, else their task, else as processes. A name of dj.conf
 * is looked up when a run starts, so that what is queued follows a `reload`.
 */

void launches_free(struct dj_engine *engine)
{
    for (size_t i = 0; i < engine->launches.n; i++)
        dj_launch_spec_release(DJ_LIST_AT(&engine->launches, struct dj_launch_spec, i));
    free(engine->launches.items);
    engine->launches = (struct dj_list){0};
}

void launches_take_limits(struct dj_engine *engine, const struct dj_engine_limits *limits)
{
    launches_free(engine);
    for (size_t i = 0; limits->launches != NULL && i < limits->launches->n; i++) {
        const struct dj_launch_spec *from =
            DJ_LIST_AT(limits->launches, struct dj_launch_spec, i);
        struct dj_launch_spec *to = dj_list_add(&engine->launches, sizeof(*to));

        *to = (struct dj_launch_spec){.name = dj_xstrdup(from->name),
                                      .origin = dj_xstrdup(from->origin)};
        dj_launch_copy(&to->launch, &from->launch);
    }
}

/* What a launch stands for, which may be one of dj.conf. */
static int resolve(const struct dj_engine *engine, const struct dj_launch *launch,
                   const struct dj_launch **ret, struct dj_err *err)
{
    const struct dj_launch *named;

    *ret = launch;
    if (launch->mode != DJ_LAUNCH_NAMED)
        return 0;
    named = dj_launch_named(&engine->launches, launch->name);
    if (named == NULL)
        return dj_err_set(err, ENOENT, "there is no launch %s: dj.conf has no section [launch %s]",
                          launch->name, launch->name);
    *ret = named;
    return 0;
}

static int check(const struct dj_launch *launch, const struct dj_definition *definition,
                 struct dj_err *err)
{
    int rc = dj_definition_launchable(definition, launch, err);

    if (rc < 0)
        return rc;
    if (launch->mode == DJ_LAUNCH_COMMAND) {
        rc = dj_launch_check(&launch->words, definition, err);
        return rc < 0 ? dj_err_prefix(err, rc, "launch") : 0;
    }
    return 0;
}

/* Of a call: a memo has no definition of its own. */
static int check_call(const struct dj_call *call, const struct dj_launch *launch,
                      struct dj_err *err)
{
    const struct dj_definition *definition = call->task->public.definition;

    if (dj_memo_is(call))
        return !dj_launch_stays(launch)
                   ? 0
                   : dj_err_set(err, EINVAL, "a memo is a command, and always a process");
    return definition == NULL ? 0 : check(launch, definition, err);
}

int launch_check(struct dj_engine *engine, const struct dj_call *call,
                 const struct dj_asker *asker, struct dj_err *err)
{
    const struct dj_definition *definition = call->task->public.definition;
    dj_cleanup_launch struct dj_launch own = {0};
    const struct dj_launch *launch = definition == NULL ? &own : &definition->launch;
    int rc = 0;

    if (asker->launch != NULL) {
        rc = dj_launch_parse(dj_bytes_of(asker->launch), &own, err);
        launch = &own;
    }
    if (rc == 0)
        rc = resolve(engine, launch, &launch, err);
    if (rc == 0)
        rc = check_call(call, launch, err);
    return rc < 0 ? dj_err_prefix(err, rc, "%s", call->task->public.name) : 0;
}

void launch_note(const struct dj_engine *engine, const struct dj_definition *definition,
                 struct dj_list *notes)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    const struct dj_launch *launch;
    struct dj_part_word *note;
    int rc = resolve(engine, &definition->launch, &launch, &err);

    if (rc == 0)
        rc = check(launch, definition, &err);
    if (rc == 0)
        return;
    note = dj_list_add(notes, sizeof(*note));
    dj_buf_addf(&note->bytes, "%s: its runs cannot be launched yet: %s", definition->name,
                dj_err_text(&err, rc));
}

bool launch_is_direct(const struct dj_engine *engine, const struct run *run,
                      const struct dj_asker *asker)
{
    const struct dj_definition *definition = run->call->task->public.definition;
    dj_cleanup_launch struct dj_launch own = {0};
    const struct dj_launch *launch = definition == NULL ? &own : &definition->launch;

    if (asker->launch != NULL && dj_launch_parse(dj_bytes_of(asker->launch), &own, NULL) == 0)
        launch = &own;
    return resolve(engine, launch, &launch, NULL) == 0 && launch->mode == DJ_LAUNCH_DIRECT;
}

void run_take_launch(struct run *run, const struct dj_asker *asker)
{
    run->own_launch = asker->launch != NULL &&
                      dj_launch_parse(dj_bytes_of(asker->launch), &run->launch, NULL) == 0;
}

int run_settle_launch(struct run *run, const struct dj_launch **ret, struct dj_err *err)
{
    const struct dj_definition *definition = run->call->task->public.definition;
    int rc;

    if (!run->own_launch) {
        dj_launch_release(&run->launch);
        if (definition != NULL)
            dj_launch_copy(&run->launch, &definition->launch);
    }
    rc = resolve(run->engine, &run->launch, ret, err);
    return rc == 0 ? check_call(run->call, *ret, err) : rc;
}

void run_load_launch(struct run *run, const struct dj_rec_live *live)
{
    run->own_launch = live->own_launch;
    if (live->launch_token != NULL)
        snprintf(run->launch_token, sizeof(run->launch_token), "%s", live->launch_token);
    if (live->launch != NULL)
        (void)!dj_launch_parse(dj_bytes_of(live->launch), &run->launch, NULL);
}

#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"
#include "lib/util/user.h"

/*
 * A stale result that a user calls valid. What it rests on is put down once more as it is now: a
 * second closure beside the one that it was computed with. The result is valid while either of them
 * holds, so it is stale again with the next change, a version that is set back to the accepted one
 * revives it, and what is computed from it rests on the closure that held. A mark takes its
 * acceptances away.
 *
 * Inputs whose stat is not known are hashed on a pool thread first. A file that is gone by now is a
 * premise, too: that it is not there.
 */

struct accepting {
    struct dj_engine *engine;
    struct dj_call *call;
    uint64_t instance;
    char *user, *though;
    struct dj_list files; /* struct dj_rec_premise, in the order of the set */
    size_t next;          /* of them, while the new set is made */
    struct dj_store_batch *batch;
    int code;
    struct dj_err err;
    dj_done_fn *done;
    void *cookie;
};

static void free_accepting(struct accepting *accepting)
{
    for (size_t i = 0; i < accepting->files.n; i++)
        dj_codec_release(&dj_layout_premise,
                         DJ_LIST_AT(&accepting->files, struct dj_rec_premise, i));
    free(accepting->files.items);
    free(accepting->user);
    free(accepting->though);
    dj_err_release(&accepting->err);
    dj_store_batch_free(accepting->batch);
    dj_call_unref(accepting->call);
    free(accepting);
}

/* ---- which one --------------------------------------------------------------------------- */

static bool can_be_accepted(struct dj_engine *engine DJ_UNUSED,
                            const struct dj_rec_summary *summary)
{
    return summary->state == DJ_DONE && !summary->corrupt;
}

/* The newest that is done; NULL when there is none, or one is valid. */
static struct dj_rec_summary *stale_one(struct dj_engine *engine, struct dj_call *call)
{
    const struct dj_rec_summary *newest = call_newest_that(engine, call, can_be_accepted);

    if (newest == NULL || call_newest_that(engine, call, summary_valid) != NULL)
        return NULL;
    return call_summary(call, newest->instance);
}

bool dj_call_has_stale(struct dj_engine *engine, struct dj_call *call)
{
    tasks_look_at_tracked(engine);
    return stale_one(engine, call) != NULL;
}

/* ---- what it rests on, now --------------------------------------------------------------- */

struct undefined {
    struct dj_engine *engine;
    struct dj_task *task;
    bool found, unsettled;
};

static bool look_for_undefined(void *cookie, uint64_t number DJ_UNUSED,
                               const struct dj_rec_premise *premise)
{
    struct undefined *undefined = cookie;

    undefined->task = dj_task_by_number(undefined->engine, (uint32_t)premise->task);
    undefined->found = undefined->task == NULL || undefined->task->definition == NULL;
    undefined->unsettled = !undefined->found &&
                           dj_container_of(undefined->task, struct task, public)->unsettled;
    return !undefined->found && !undefined->unsettled;
}

static int check_tasks(struct dj_engine *engine, const struct dj_rec_summary *summary,
                       struct dj_err *err)
{
    struct undefined undefined = {.engine = engine};

    dj_premises_each(engine->premises, summary->tasks, look_for_undefined, &undefined);
    if (undefined.unsettled)
        return dj_err_set(err, EBUSY, "a file that %s tracks is being read; ask again in a moment",
                          undefined.task->name);
    if (!undefined.found)
        return 0;
    return dj_err_set(err, ENOENT,
                      "it rests on the task %s, which is not defined any more; define that first",
                      undefined.task == NULL ? "of a run" : undefined.task->name);
}

static bool copy_file(void *cookie, uint64_t number DJ_UNUSED,
                      const struct dj_rec_premise *premise)
{
    struct accepting *accepting = cookie;
    struct dj_rec_premise *copy;

    if (dj_premise_never(premise).data != NULL)
        return true;
    copy = dj_list_add(&accepting->files, sizeof(*copy));
    dj_buf_set(&copy->path, dj_buf_bytes(&premise->path));
    return true;
}

/* On a pool thread. */
static void look(void *cookie)
{
    struct accepting *accepting = cookie;

    for (size_t i = 0; accepting->code == 0 && i < accepting->files.n; i++) {
        struct dj_rec_premise *file = DJ_LIST_AT(&accepting->files, struct dj_rec_premise, i);
        struct dj_err err = DJ_ERR_INIT;
        int rc = input_look(accepting->engine->store, accepting->batch, dj_buf_str(&file->path),
                            &file->digest, &err);

        if (rc == -ENOENT || rc == -ENOTDIR) {
            file->digest = (struct dj_digest){{0}};
        } else if (rc < 0) {
            accepting->code = rc;
            accepting->err = err;
            continue;
        }
        dj_err_release(&err);
    }
}

static bool task_now(void *cookie, const struct dj_rec_premise *premise, struct dj_digest *ret)
{
    struct accepting *accepting = cookie;
    struct dj_task *public = dj_task_by_number(accepting->engine, (uint32_t)premise->task);

    if (public == NULL)
        return false;
    *ret = dj_container_of(public, struct task, public)->effective;
    return true;
}

/* What cannot be seen again is what the user vouches for. */
static bool file_now(void *cookie, const struct dj_rec_premise *premise, struct dj_digest *ret)
{
    struct accepting *accepting = cookie;

    if (dj_premise_never(premise).data != NULL)
        return false;
    *ret = DJ_LIST_AT(&accepting->files, struct dj_rec_premise, accepting->next++)->digest;
    return true;
}

static void add_acceptance(struct accepting *accepting, struct dj_rec_summary *summary)
{
    struct dj_premises *premises = accepting->engine->premises;
    struct dj_rec_acceptance *added = dj_list_add(&summary->accepted, sizeof(*added));

    added->tasks = dj_premises_map(premises, summary->tasks, task_now, accepting);
    added->files = dj_premises_map(premises, summary->files, file_now, accepting);
    added->time_ns = dj_clock_now_ns();
    added->user = dj_steal(accepting->user);
    added->though = dj_steal(accepting->though);
}

/* Things may have changed while files were read. */
static int put(struct accepting *accepting)
{
    struct dj_engine *engine = accepting->engine;
    struct dj_call *call = accepting->call;
    struct dj_rec_summary *summary = stale_one(engine, call);
    int rc;

    if (summary == NULL || summary->instance != accepting->instance)
        return dj_err_set(&accepting->err, ENOENT,
                          "it was deleted, or computed anew, while its inputs were looked at");
    rc = check_tasks(engine, summary, &accepting->err);
    if (rc < 0)
        return rc;
    add_acceptance(accepting, summary);
    call_save(engine, accepting->batch, call);
    rc = engine_write(engine, accepting->batch, &accepting->err);
    if (rc < 0) {
        call_reload(engine, call);
        return rc;
    }
    event(engine, "accepted", call, accepting->instance, NULL);
    call_changed(engine, call, false);
    return 0;
}

static void looked(void *cookie)
{
    struct accepting *accepting = cookie;
    int code = accepting->code;

    if (code == 0)
        code = put(accepting);
    if (code == 0)
        sync_then(accepting->engine, accepting->done, accepting->cookie);
    else
        accepting->done(accepting->cookie, code, dj_err_text(&accepting->err, code));
    free_accepting(accepting);
}

/* ---- asked for --------------------------------------------------------------------------- */

int dj_call_accept(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
                   dj_done_fn *done, void *cookie, struct dj_err *err)
{
    struct accepting *accepting;
    struct dj_rec_summary *summary;
    int rc;

    tasks_look_at_tracked(engine);
    summary = stale_one(engine, call);
    if (summary == NULL)
        return dj_err_set(err, ENOENT, "it has no stale result");
    rc = check_tasks(engine, summary, err);
    if (rc < 0)
        return rc;
    accepting = dj_xcalloc(1, sizeof(*accepting));
    accepting->engine = engine;
    accepting->call = call;
    dj_call_ref(call);
    accepting->instance = summary->instance;
    accepting->user = dj_xstrdup(dj_user_name(asker->uid));
    accepting->though = why_stale(engine, call, summary);
    accepting->batch = dj_store_batch_new();
    accepting->done = done;
    accepting->cookie = cookie;
    dj_premises_each(engine->premises, summary->files, copy_file, accepting);
    if (accepting->files.n == 0)
        looked(accepting);
    else
        dj_loop_job(engine->loop, look, looked, accepting);
    return 0;
}

const struct dj_list *dj_call_accepted(const struct dj_call *call, uint64_t instance)
{
    const struct dj_rec_summary *summary = call_summary(call, instance);

    return summary == NULL ? NULL : &summary->accepted;
}

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/claims.h"
#include "daemon/engine_impl.h"
#include "lib/model/reason.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * The facts behind `why`: what is under way, else why there is no valid result. What of the runs
 * below a stale one brings that is found in blame.c.
 */

void add_run_name(struct dj_buf *buf, const struct dj_call *call)
{
    dj_buf_addf(buf, "%s/", call->task->public.name);
    dj_buf_add_bytes(buf, dj_buf_bytes(&call->name));
}

static void set_text(struct dj_buf *buf, const char *text)
{
    dj_buf_clear(buf);
    dj_buf_adds(buf, text == NULL ? "" : text);
}

/* ---- what is under way ---- */

static void find_holders(const struct run *queued, struct dj_reason *ret)
{
    struct dj_engine *engine = queued->engine;

    ret->workers = queued->session->sched.slots;
    ret->paused = engine->paused;
    ret->no_worker = engine->worker == NULL;
    for (struct run *run = engine->runs; run != NULL; run = run->hh.next) {
        dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

        if (!run->holds_slot || run->session != queued->session)
            continue;
        ret->holder_count++;
        if (ret->holders.n == DJ_HOLDERS_SHOWN)
            continue;
        add_run_name(&name, run->call);
        dj_list_add_bytes(&ret->holders, dj_buf_bytes(&name));
    }
}

static const char *status_word(const struct run *run)
{
    return run->state == QUEUED || run->state == DELAYED     ? "queued"
           : run->state == BLOCKED || run->state == RESUMING || run->state == CHECKING
               ? "waiting"
                                                             : "running";
}

static bool find_called(const struct run *run, struct dj_reason *ret)
{
    for (const struct dj_want *want = run->asks; want != NULL; want = want->ask_next) {
        const struct run *called = want->target;

        if (want->answered || called == NULL)
            continue;
        dj_buf_clear(&ret->called);
        add_run_name(&ret->called, called->call);
        ret->called_status = status_word(called);
        if (called->first_asker != run->instance)
            set_text(&ret->called_by, called->asked_by);
        return true;
    }
    ret->called_status = "running";
    return false;
}

static void find_reserved(const struct run *run, struct dj_reason *ret)
{
    for (const struct dj_want *want = run->asks; want != NULL; want = want->ask_next) {
        if (!dj_sched_waits(&want->part))
            continue;
        ret->now = DJ_NOW_RESERVING;
        session_say_part(run->engine, run->session, &want->part, ret);
        return;
    }
}

static void find_live(struct run *run, struct dj_reason *ret)
{
    ret->begun_again = run->lost;
    switch (run->state) {
    case CHECKING:
        ret->now = DJ_NOW_CHECKING;
        (void)find_called(run, ret);
        break;
    case DELAYED:
        ret->now = DJ_NOW_QUEUED;
        ret->try = run->try;
        ret->tries = run->tries;
        ret->retry_ns = run->retry_ns;
        break;
    case QUEUED:
        ret->now = DJ_NOW_QUEUED;
        ret->ahead = dj_sched_position(&run->session->sched, &run->line);
        ret->ahead -= ret->ahead != 0;
        if (run->line.in_parts && !dj_sched_is_first(&run->session->sched, &run->line))
            session_say_part(run->engine, run->session, &run->line, ret);
        find_holders(run, ret);
        break;
    case BLOCKED:
        ret->now = DJ_NOW_WAITING;
        if (!find_called(run, ret) && !lock_say(run, ret))
            find_reserved(run, ret);
        break;
    case RESUMING:
        ret->now = DJ_NOW_RESUMING;
        find_holders(run, ret);
        break;
    default:
        ret->now = DJ_NOW_RUNNING;
        if (!run_has_begun(run))
            dj_launch_print(&ret->launcher, &run->launch);
        set_text(&ret->asked_by, run->asked_by);
        break;
    }
}

/* ---- why there is no valid result ---- */

static void over_limit(struct dj_buf *buf, const struct dj_rec_instance *rec, const char *what,
                       const char *option)
{
    dj_buf_addf(buf, "%s above its %s", what, option);
    if (rec->limit != 0) {
        dj_buf_adds(buf, " of ");
        dj_print_size(buf, rec->limit);
    }
}

static void how_it_ended(struct dj_buf *buf, const struct dj_rec_instance *rec)
{
    switch (rec->how) {
    case DJ_EXIT_CODE:
        dj_buf_addf(buf, "exit code %llu", (unsigned long long)rec->code);
        break;
    case DJ_EXIT_SIGNAL:
        dj_buf_addf(buf, "signal %llu (%s)", (unsigned long long)rec->code,
                    strsignal((int)rec->code));
        break;
    case DJ_EXIT_TIMEOUT:
        dj_buf_adds(buf, "timed out");
        break;
    case DJ_EXIT_MEMORY:
        over_limit(buf, rec, "out of memory,", "limit");
        break;
    case DJ_EXIT_OUT_OF_MEMORY:
        dj_buf_adds(buf, "signal 9 (Killed), probably out of memory");
        break;
    case DJ_EXIT_RESULT_LIMIT:
        over_limit(buf, rec, "its result grew", "max_result");
        break;
    case DJ_EXIT_LOG_LIMIT:
        over_limit(buf, rec, "its log grew", "max_log");
        break;
    case DJ_EXIT_FILES_LIMIT:
        over_limit(buf, rec, "its files grew", "max_files");
        break;
    case DJ_EXIT_LOST:
        dj_buf_adds(buf, "its processes ended without a trace");
        break;
    default:
        dj_buf_adds(buf, rec->error == NULL ? "it could not be stored" : rec->error);
        break;
    }
}

static void find_failure(struct dj_engine *engine, const struct dj_call *call,
                         const struct dj_rec_summary *summary, struct dj_reason *ret)
{
    const struct dj_rec_instance *rec = dj_instance(engine, summary->instance);

    ret->cause = summary->state == DJ_CANCELLED ? DJ_CAUSE_CANCELLED
                 : summary->state == DJ_LOST    ? DJ_CAUSE_LOST
                                                : DJ_CAUSE_FAILED;
    if (rec == NULL)
        return;
    how_it_ended(&ret->text, rec);
    set_text(&ret->user, rec->by);
    /* Records of an earlier djfs do not have them: then it was the only try. */
    ret->attempt = DJ_MAX(rec->try, 1U);
    ret->attempts = DJ_MAX(rec->tries, 1U);
    if (ret->cause == DJ_CAUSE_LOST)
        ret->lost = rec->lost + 1;
    ret->remembered = failure_remembered(engine, call) != NULL;
}

static void find_stale(struct dj_engine *engine, const struct dj_call *call,
                       const struct dj_rec_summary *summary, struct dj_reason *ret)
{
    if (!summary->stale) {
        if (summary_expired(summary))
            blame_expiry(engine, call, summary, ret);
        else
            blame_premise(engine, call, summary, ret);
        return;
    }
    ret->cause = DJ_CAUSE_MARK;
    set_text(&ret->text, summary->mark == NULL ? "it was invalidated" : summary->mark);
}

char *why_stale(struct dj_engine *engine, const struct dj_call *call,
                const struct dj_rec_summary *summary)
{
    dj_cleanup_reason struct dj_reason reason;
    struct dj_buf text = DJ_BUF_INIT;

    dj_reason_init(&reason);
    find_stale(engine, call, summary, &reason);
    dj_reason_cause(&text, &reason);
    return dj_buf_steal(&text);
}

static void find_cause(struct dj_engine *engine, struct dj_call *call, struct dj_reason *ret)
{
    const struct dj_rec_summary *newest = call_newest_that(engine, call, summary_durable);

    if (call->run != NULL && call->run->forced) {
        ret->cause = DJ_CAUSE_FORCED;
        set_text(&ret->user, call->run->user);
    } else if (newest == NULL && call->rec.deleted_by != NULL) {
        ret->cause = DJ_CAUSE_DELETED;
        set_text(&ret->user, call->rec.deleted_by);
    } else if (newest == NULL && call->task->public.definition != NULL &&
               call->task->definition.unstored) {
        ret->cause = DJ_CAUSE_UNSTORED;
    } else if (newest == NULL) {
        ret->cause = DJ_CAUSE_NEVER_RUN;
        blame_argument(engine, call, ret);
    } else if (newest->state != DJ_DONE) {
        find_failure(engine, call, newest, ret);
    } else if (newest->corrupt) {
        ret->cause = DJ_CAUSE_CORRUPT;
        set_text(&ret->text, newest->mark);
    } else {
        find_stale(engine, call, newest, ret);
    }
}

/* ---- notes on a hit ---- */

static void note_newer(struct dj_engine *engine, const struct dj_call *call, uint64_t current,
                       struct dj_reason *ret)
{
    const struct dj_rec_summary *newest = call_newest_that(engine, call, summary_durable);
    dj_cleanup_reason struct dj_reason failed;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_reason_init(&failed);
    if (newest == NULL || newest->instance == current || newest->state == DJ_DONE)
        return;
    find_failure(engine, call, newest, &failed);
    failed.remembered = false;
    dj_buf_adds(&text, "a newer try: ");
    dj_reason_print(&text, &failed);
    dj_list_add_bytes(&ret->notes, dj_buf_bytes(&text));
}

static void find_acceptance(struct dj_engine *engine, const struct dj_call *call,
                            uint64_t current, struct dj_reason *ret)
{
    const struct dj_rec_summary *summary = call_summary(call, current);
    struct closure closure;

    if (summary == NULL || !summary_holds(engine, summary, &closure))
        return;
    ret->expires_ns = closure.expires_ns;
    if (closure.served)
        ret->served_ns = closure.expires_ns + summary->serve_ms * DJ_NS_PER_MS;
    if (closure.accepted == NULL)
        return;
    if (closure.accepted->equal != NULL && *closure.accepted->equal != '\0') {
        set_text(&ret->equal, closure.accepted->equal);
        return;
    }
    ret->accepted_ns = closure.accepted->time_ns;
    set_text(&ret->user, closure.accepted->user);
    set_text(&ret->text, closure.accepted->though);
}

static void find_notes(struct dj_engine *engine, struct dj_call *call, uint64_t current,
                       struct dj_reason *ret)
{
    const struct dj_rec_instance *rec = dj_instance(engine, current);

    if (rec != NULL)
        program_notes(engine, call->task, rec->program, &ret->notes);
    note_newer(engine, call, current, ret);
}

struct left_out {
    const char *param;
    struct dj_list *parts; /* struct dj_buf */
};

static void add_left_out(void *cookie, struct dj_bytes path, struct dj_bytes value)
{
    const struct left_out *left_out = cookie;
    dj_cleanup_buf struct dj_buf part = DJ_BUF_INIT;

    (void)value;
    dj_buf_adds(&part, left_out->param);
    dj_buf_add_bytes(&part, path);
    dj_list_add_bytes(left_out->parts, dj_buf_bytes(&part));
}

/* It answers for calls that differ in these parts. */
static void find_left_out(struct dj_engine *engine, const struct dj_call *call, uint64_t instance,
                          struct dj_reason *ret)
{
    const struct dj_rec_instance *rec = dj_instance(engine, instance);
    dj_cleanup_args struct dj_args args = DJ_ARGS_INIT;

    if (rec == NULL || call->foreign ||
        dj_args_load(dj_buf_bytes(&rec->args), &call->params, &args, NULL) < 0)
        return;
    for (size_t i = 0; i < args.params->n; i++) {
        const struct dj_param *param = &args.params->items[i];
        struct left_out left_out = {param->name, &ret->left_out};

        if (dj_param_has_parts(param))
            dj_parts_left_out(param->parts, &args.values[i], add_left_out, &left_out);
    }
}

void dj_call_why(struct dj_engine *engine, struct dj_call *call, struct dj_reason *ret)
{
    uint64_t current = dj_call_current(engine, call);

    if (current != 0) {
        ret->now = DJ_NOW_HIT;
        find_acceptance(engine, call, current, ret);
        find_notes(engine, call, current, ret);
        find_left_out(engine, call, current, ret);
        return;
    }
    if (call->run != NULL)
        find_live(call->run, ret);
    find_cause(engine, call, ret);
}

void dj_call_hit_note(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                      struct dj_buf *ret)
{
    dj_cleanup_reason struct dj_reason reason;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_reason_init(&reason);
    find_notes(engine, call, instance, &reason);
    dj_reason_notes(&text, &reason);
    if (text.len != 0) {
        add_run_name(ret, call);
        dj_buf_addf(ret, ": %s", dj_buf_str(&text));
    }
}

void dj_hit_note(struct dj_engine *engine, uint64_t instance, struct dj_buf *ret)
{
    struct dj_call *call = dj_instance_call(engine, instance);

    if (call != NULL)
        dj_call_hit_note(engine, call, instance, ret);
    dj_call_unref(call);
}

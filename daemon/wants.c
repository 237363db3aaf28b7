#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/early.h"
#include "daemon/engine_impl.h"
#include "daemon/memo.h"
#include "lib/model/expiry.h"
#include "lib/model/words.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"
#include "lib/util/user.h"

/* Who asked for resources asks no more: what had come is given back, and what is on record of him
 * counts no open reservation. */
static void give_back_reserved(struct dj_want *want)
{
    for (size_t i = 0; i < want->got.n; i++) {
        const struct dj_sched_part *part = DJ_LIST_AT(&want->got, struct dj_sched_part, i);

        dj_sched_free(&want->session->sched, &want->asker->line, part->kind, part->amount);
    }
    dj_sched_remove(&want->session->sched, &want->part);
    if (want->asker->stored && !want->engine->stopping)
        (void)live_save(want->asker, NULL);
}

static void leave_target(struct dj_want *want)
{
    if (want->target == NULL)
        return;
    if (want->prev != NULL)
        want->prev->next = want->next;
    else
        want->target->wants = want->next;
    if (want->next != NULL)
        want->next->prev = want->prev;
    want->target = NULL;
}

static void unlink_want(struct dj_want *want)
{
    leave_target(want);
    if (want->asker != NULL) {
        if (want->ask_prev != NULL)
            want->ask_prev->ask_next = want->ask_next;
        else
            want->asker->asks = want->ask_next;
        if (want->ask_next != NULL)
            want->ask_next->ask_prev = want->ask_prev;
    }
}

/* What was asked for, kept while a stored result is verified. */
struct asked {
    struct dj_call *call;
    struct dj_asker asker;
    unsigned flags;
    struct dj_params params; /* behind args */
    struct dj_args args;
    struct dj_list env;      /* struct dj_part_pair */
    char *cwd;
    char *session;
    char *launch;
};

static void asked_free(struct asked *asked)
{
    if (asked == NULL)
        return;
    for (size_t i = 0; i < asked->env.n; i++) {
        struct dj_part_pair *pair = DJ_LIST_AT(&asked->env, struct dj_part_pair, i);

        free(pair->name);
        dj_buf_release(&pair->value);
    }
    free(asked->env.items);
    dj_args_release(&asked->args);
    dj_params_release(&asked->params);
    dj_call_unref(asked->call);
    free(asked->cwd);
    free(asked->session);
    free(asked->launch);
    free(asked);
}

static struct asked *asked_new(struct dj_call *call, const struct dj_asker *asker, unsigned flags)
{
    struct asked *asked = dj_xcalloc(1, sizeof(*asked));

    dj_call_ref(call);
    *asked = (struct asked){.call = call, .asker = *asker, .flags = flags};
    if (asker->args != NULL) {
        dj_params_copy(&asked->params, asker->args->params);
        dj_args_copy(&asked->args, asker->args);
        asked->args.params = &asked->params;
        asked->asker.args = &asked->args;
    }
    for (size_t i = 0; asker->env != NULL && i < asker->env->n; i++) {
        const struct dj_part_pair *from = DJ_LIST_AT(asker->env, struct dj_part_pair, i);
        struct dj_part_pair *pair = dj_list_add(&asked->env, sizeof(*pair));

        pair->name = from->name == NULL ? NULL : dj_xstrdup(from->name);
        dj_buf_set(&pair->value, dj_buf_bytes(&from->value));
        pair->unset = from->unset;
    }
    if (asker->env != NULL)
        asked->asker.env = &asked->env;
    if (asker->cwd != NULL)
        asked->asker.cwd = asked->cwd = dj_xstrdup(asker->cwd);
    if (asker->session != NULL)
        asked->asker.session = asked->session = dj_xstrdup(asker->session);
    if (asker->launch != NULL)
        asked->asker.launch = asked->launch = dj_xstrdup(asker->launch);
    return asked;
}

static void free_want(struct dj_want *want)
{
    if (want->holds)
        dj_instance_release(want->engine, want->instance);
    asked_free(want->asked);
    if (want->reserves) {
        dj_sched_remove(&want->session->sched, &want->part);
        dj_sched_need_nothing(&want->part);
    }
    free(want->got.items);
    free(want->sentence);
    free(want);
}

static struct dj_want *new_want(struct dj_engine *engine, dj_wanted_fn *done, void *cookie)
{
    struct dj_want *want = dj_xcalloc(1, sizeof(*want));

    want->engine = engine;
    want->done = done;
    want->cookie = cookie;
    return want;
}

static void attach_to_asker(struct dj_want *want, struct run *asker)
{
    want->asker = asker;
    want->ask_next = asker->asks;
    if (want->ask_next != NULL)
        want->ask_next->ask_prev = want;
    asker->asks = want;
}

/* It waits for the target from here on. */
static void attach(struct dj_want *want, struct run *target, struct run *asker)
{
    want->target = target;
    want->next = target->wants;
    if (want->next != NULL)
        want->next->prev = want;
    target->wants = want;
    if (asker != NULL)
        attach_to_asker(want, asker);
}

/* ---- blocking and going on ---- */

static bool has_open_asks(const struct run *run)
{
    for (const struct dj_want *want = run->asks; want != NULL; want = want->ask_next) {
        if (!want->answered)
            return true;
    }
    return false;
}

static void block(struct run *asker)
{
    if (asker->state != RUNNING && asker->state != STARTING)
        return;
    asker->state = BLOCKED;
    run_give_back(asker);
    run_plan_start(asker->engine);
    deadlock_plan_look(asker->engine);
}

/* The run has its slot again: it may hear the answers. */
void wants_deliver(struct run *asker)
{
    struct dj_want *want = asker->asks;

    asker->state = RUNNING;
    while (want != NULL) {
        struct dj_want *next = want->ask_next;

        if (want->answered) {
            unlink_want(want);
            want->done(want->cookie, want->code, want->instance, want->sentence);
            free_want(want);
        }
        want = next;
    }
    /* What it asked for while it stood in line is still open: that may need the very slot. */
    if (has_open_asks(asker))
        block(asker);
}

static bool goes_when_left(const struct run *run)
{
    return !run->engine->stopping &&
           (((run->state == QUEUED || run->state == CHECKING) && !run->forced && !run->started) ||
            (run->call->task->public.definition != NULL &&
             run->call->task->definition.abandon == DJ_ABANDON_CANCEL));
}

/* One who waited for it does so no more: what was queued only for them is withdrawn. */
static void left(struct run *target)
{
    if (target != NULL && target->wants == NULL && goes_when_left(target))
        run_cancel(target, NULL, false);
}

/* The run ended, or is being ended: nobody listens to its answers any more. */
void want_forget_asker(struct run *asker)
{
    while (asker->asks != NULL) {
        struct dj_want *want = asker->asks;
        struct run *target = want->target;

        if (target != NULL && !want->only_end)
            run_give_up(asker, target->call);
        unlink_want(want);
        want->asker = NULL;
        want->done(want->cookie, -EINTR, 0, "the run that asked has ended");
        free_want(want);
        left(target);
    }
}

/* True: it is kept until its asker has a worker again; else it is gone. */
static bool answer(struct dj_want *want, int code, uint64_t instance, const char *sentence)
{
    struct run *asker = want->asker;
    struct dj_engine *engine = want->engine;

    if (asker == NULL || (asker->state != BLOCKED && asker->state != RESUMING)) {
        unlink_want(want);
        want->done(want->cookie, code, instance, sentence);
        free_want(want);
        return false;
    }
    leave_target(want); /* which is about to go; it stays in the asker's */
    want->answered = true;
    want->code = code;
    want->instance = instance;
    want->sentence = sentence == NULL ? NULL : dj_xstrdup(sentence);
    if (has_open_asks(asker)) {
        unlink_want(want);
        want->done(want->cookie, code, instance, sentence);
        free_want(want);
        /* What is still open may be stuck without it, and who stood behind it may go. */
        run_plan_start(engine);
        deadlock_plan_look(engine);
        return false;
    }
    /* One that leaves no trace is there as long as somebody holds it. */
    want->holds = code == 0 && instance != 0;
    if (want->holds)
        dj_instance_hold(want->engine, instance);
    asker->state = RESUMING;
    dj_sched_add(&asker->session->sched, &asker->line, DJ_SCHED_RESUME, 0);
    run_plan_start(engine);
    return true;
}

/* A later run of the call has begun, or ended well, already: nothing that comes will mark who read
 * this failure. */
static bool is_overtaken(const struct run *run)
{
    const struct dj_rec_summary *newest = call_newest(run->call);

    for (const struct run *other = run->call->runs; other != NULL; other = other->beside) {
        if (!other->incognito && other->asked > run->asked && other->state > QUEUED)
            return true;
    }
    return newest != NULL && newest->state == DJ_DONE;
}

/* What an incognito run has read was read for its asker: it has no record by which a mark could
 * reach him. */
static void inherit_edges(struct run *asker, const struct run *run)
{
    for (size_t i = 0; i < run->edges.list.n; i++) {
        const struct dj_rec_edge edge = *DJ_LIST_AT(&run->edges.list, struct dj_rec_edge, i);
        struct dj_call *call = dj_call_by_number(run->engine, edge.call);

        if (call != NULL)
            (void)run_add_edge(asker, call, edge.instance, edge.failed);
        dj_call_unref(call);
    }
}

/* What there was no room for is there as soon as somebody makes some. */
static bool is_want_of_room(int code)
{
    return code == -ENOSPC || code == -EDQUOT;
}

/* What the asker rests on from here on. A failure without a record is as good as a refusal: no
 * later try of the call would find who had read it. */
int want_record(struct run *asker, struct run *run, int code, uint64_t instance,
                const char *sentence)
{
    const struct dj_rec_summary *summary = call_summary(run->call, instance);
    bool recorded = !run->incognito && run->call->rec.deleted_ns == 0 &&
                    summary != NULL;

    run_add_premises(asker, run->tasks, run_files(run));
    asker->expires_ns = dj_expiry_least(asker->expires_ns, run->expires_ns);
    run_add_never(asker, run->never);
    if (code != 0 && (!recorded || is_overtaken(run) || is_want_of_room(code)))
        run_refused(asker, sentence == NULL ? "a call was refused" : sentence);
    /* Marked since its record was written: who spread the mark did not find the asker yet. */
    if (code == 0 && recorded && summary->stale && summary->accepted.n == 0)
        run_refused(asker, summary->mark == NULL ? "its answer was marked" : summary->mark);
    if (run->incognito) {
        inherit_edges(asker, run);
        live_save_premises(asker);
        return 0;
    }
    return code == 0 || recorded ? run_add_edge(asker, run->call, instance, code != 0) : 0;
}

void want_tell(struct dj_want *want, uint64_t instance)
{
    (void)answer(want, 0, instance, NULL);
}

void wants_answer(struct run *run, int code, uint64_t instance, const char *sentence)
{
    while (run->wants != NULL) {
        struct dj_want *want = run->wants;

        if (want->asker != NULL && !want->only_end && !(want->again && code == -ESTALE))
            (void)want_record(want->asker, run, code, instance, sentence);
        /* To those who wait for an end, a failure is one like any other. */
        (void)answer(want, want->only_end ? 0 : code, instance, sentence);
    }
}

/* ---- asking ---- */

int dj_note_call(struct dj_engine *engine, uint64_t instance, const struct dj_asker *asker)
{
    struct run *run = asker->run == 0 ? NULL : run_find(engine, asker->run);
    const struct dj_rec_instance *rec;
    struct dj_call *call;
    struct closure closure;
    int rc;

    if (run == NULL)
        return 0;
    rec = dj_instance(engine, instance);
    if (rec == NULL)
        return -ENOENT;
    call = dj_instance_call(engine, instance);
    if (call == NULL)
        return -ENOENT;
    closure = instance_closure(engine, call, rec);
    run_add_closure(run, &closure);
    rc = run_add_edge(run, call, instance, false);
    dj_call_unref(call);
    return rc;
}

void dj_note_named(struct dj_engine *engine, const struct dj_asker *asker)
{
    struct run *run = asker->run == 0 ? NULL : run_find(engine, asker->run);

    if (run == NULL || *asker->named == 0)
        return;
    run_add_premises(run, 0, *asker->named);
    live_save_premises(run);
}

void dj_note_refusal(struct dj_engine *engine, const struct dj_asker *asker, const char *sentence)
{
    struct run *run = asker->run == 0 ? NULL : run_find(engine, asker->run);

    if (run != NULL)
        run_refused(run, sentence);
}

static void user_of(struct run *run, const struct dj_asker *asker)
{
    struct run *parent = asker->run == 0 ? NULL : run_find(run->engine, asker->run);
    struct dj_buf name = DJ_BUF_INIT;

    free(run->user);
    run->user = dj_xstrdup(dj_user_name(asker->uid));
    free(run->asked_by);
    run->first_asker = parent == NULL ? 0 : parent->instance;
    if (parent != NULL)
        add_run_name(&name, parent->call);
    else
        dj_buf_adds(&name, run->user);
    run->asked_by = dj_buf_steal(&name);
}

/* A run that began, or has read something, before that changed is not what is asked for now. */
static bool joinable(const struct run *run, unsigned flags)
{
    if (run == NULL || !run_is_joined(run) || run->cancelled)
        return false;
    if (flags & DJ_GET_FORCE)
        return run->forced && run->state == QUEUED;
    return run->state <= QUEUED ||
           (!run->outdated && run->never == 0 && !early_expired(run) && run_holds(run));
}

/* The caller's slot is one of its session, and is given up once. */
static enum dj_sched_class class_for(const struct run *run, const struct dj_asker *asker,
                                     enum dj_sched_class class)
{
    const struct run *parent = asker->run == 0 ? NULL : run_find(run->engine, asker->run);

    return class == DJ_SCHED_CHILD && parent != NULL && parent->holds_slot &&
                   parent->session == run->session && launch_is_direct(run->engine, run, asker)
               ? DJ_SCHED_DIRECT
               : class;
}

static struct run *run_for(struct dj_engine *engine, struct dj_call *call,
                           const struct dj_asker *asker, unsigned flags,
                           enum dj_sched_class class)
{
    struct run *run = call->run;

    if (joinable(run, flags) && (flags & DJ_GET_INCOGNITO) == 0) {
        if (run->state == QUEUED)
            dj_sched_add(&run->session->sched, &run->line, class_for(run, asker, class), 0);
        if (run->held) /* what it was held for may be another one by now */
            run_plan_start(engine);
        return run;
    }
    run = run_new(engine, call, 0);
    run_bind(run, asker->args);
    run->forced = (flags & DJ_GET_FORCE) != 0;
    run->unstored = (flags & DJ_GET_INCOGNITO) == 0 && call->task->definition.unstored;
    run->incognito = (flags & DJ_GET_INCOGNITO) != 0 || run->unstored;
    user_of(run, asker);
    session_enter(run, asker);
    run_take_launch(run, asker);
    memo_take_env(run, asker->env);
    if (run_is_joined(run)) {
        call->run = run;
        if (run->forced)
            call_changed(engine, call, true);
    }
    if (!check_begin(run))
        run_queue(run, class_for(run, asker, class));
    return run;
}

/* A failure that is remembered is an answer like any other, until it is tried again. */
static int note_failure(struct dj_engine *engine, const struct dj_rec_summary *failed,
                        struct dj_call *call, const struct dj_asker *asker, uint64_t *ret_instance)
{
    struct run *run = asker->run == 0 ? NULL : run_find(engine, asker->run);

    *ret_instance = failed->instance;
    if (run == NULL)
        return 0;
    run_add_premises(run, failed->tasks, failed->files);
    return run_add_edge(run, call, failed->instance, true);
}

/* Who joins a run that goes on needs nothing of a session: the run has it. */
static int check_startable(struct dj_engine *engine, struct dj_call *call,
                           const struct dj_asker *asker, unsigned flags, struct dj_err *err)
{
    struct run would = {.call = call};
    bool joins = joinable(call->run, flags) && call->run->state > QUEUED &&
                 (flags & DJ_GET_INCOGNITO) == 0;
    int rc = session_check(engine, call, asker, joins, err);

    if (rc == 0)
        rc = launch_check(engine, call, asker, err);
    if (rc < 0)
        return rc;
    run_bind(&would, asker->args);
    rc = dj_args_complete(call->task->public.name, &would.args, err);
    dj_args_release(&would.args);
    dj_params_release(&would.params);
    return rc < 0 ? rc : 1;
}

struct run *run_for_check(struct run *asker, struct dj_call *call)
{
    struct run *before = call->run, *run;
    struct dj_asker own = {0};

    if (check_startable(asker->engine, call, &own, 0, NULL) < 0)
        return NULL;
    own.uid = geteuid();
    run = run_for(asker->engine, call, &own, 0, DJ_SCHED_CHILD);
    if (run != before) { /* it is new: computed for those that the asker is computed for */
        dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

        add_run_name(&name, asker->call);
        free(run->asked_by);
        run->asked_by = dj_buf_steal(&name);
        free(run->user);
        run->user = dj_xstrdup(asker->user);
        run->first_asker = asker->instance;
    }
    return run;
}

struct dj_want *want_end(struct run *asker, struct run *target, dj_wanted_fn *done, void *cookie)
{
    struct dj_want *want = new_want(asker->engine, done, cookie);

    attach(want, target, asker);
    want->only_end = true;
    return want;
}

/* What is served although its ttl is over is computed anew beside that, once. */
static void refresh(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
                    uint64_t instance)
{
    const struct dj_rec_summary *summary = call_summary(call, instance);
    struct dj_asker own = {.uid = asker->uid, .gid = asker->gid, .args = asker->args};
    struct closure closure;

    if (summary == NULL || call->run != NULL || asker->readonly ||
        !summary_holds(engine, summary, &closure) || !closure.served || call->foreign ||
        call->task->public.definition == NULL || failure_remembered(engine, call) != NULL ||
        check_startable(engine, call, &own, 0, NULL) < 0)
        return;
    run_for(engine, call, &own, 0, DJ_SCHED_WAITING)->started = true;
}

/* The answer that needs no computing; 1: there is none. ret_instance: a failure that was noted. */
static int answer_now(struct dj_engine *engine, struct dj_call *call,
                      const struct dj_asker *asker, unsigned flags, uint64_t *ret_instance,
                      struct dj_err *err)
{
    const struct dj_rec_instance *failed;

    if ((flags & DJ_GET_FORCE) == 0) {
        *ret_instance = dj_call_current(engine, call);
        if (*ret_instance == 0 && cutoff_settle(engine, call))
            *ret_instance = dj_call_current(engine, call);
        if ((flags & DJ_GET_CACHED) == 0)
            refresh(engine, call, asker, *ret_instance);
        if (*ret_instance != 0)
            return dj_note_call(engine, *ret_instance, asker) < 0
                       ? dj_err_set(err, ENOSPC, "the call could not be recorded")
                       : 0;
        *ret_instance = early_read(engine, call, asker);
        if (*ret_instance != 0)
            return 0;
    }
    if ((flags & DJ_GET_CACHED) != 0 || asker->readonly)
        return dj_err_set(err, EAGAIN, "not computed yet");
    if (call->task->public.definition == NULL)
        return dj_err_set(err, ENOENT, "there is no task %s any more", call->task->public.name);
    failed = (flags & DJ_GET_FORCE) == 0 && call->run == NULL ? failure_remembered(engine, call)
                                                              : NULL;
    if (failed != NULL)
        return note_failure(engine, call_newest(call), call, asker, ret_instance) < 0
                   ? dj_err_set(err, ENOSPC, "the call could not be recorded")
                   : dj_err_set(err, EIO, "%s (remembered; force tries again)", failed->error);
    if (call->foreign)
        return dj_err_set(err, EINVAL, "its arguments do not fit the parameters that %s has now",
                          call->task->public.name);
    return check_startable(engine, call, asker, flags, err);
}

/* The answer, and the end of the want. */
static void settle(struct dj_want *want, int code, uint64_t instance, const char *sentence)
{
    if (want->done != NULL)
        want->done(want->cookie, code, instance, sentence);
    free_want(want);
}

static void refuse_cycle(struct dj_want *want, struct run *parent, const char *sentence)
{
    run_refused(parent, sentence);
    settle(want, -EDEADLK, 0, sentence);
}

/* It has to be computed; false: it is answered, and gone. */
static bool compute(struct dj_want *want, struct dj_call *call, const struct dj_asker *asker,
                    unsigned flags)
{
    struct dj_engine *engine = want->engine;
    struct run *parent = asker->run == 0 ? NULL : run_find(engine, asker->run);
    dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;
    struct run *run;

    /* A run of its own beside others can close a circle that no wait shows. */
    if (parent != NULL && call->runs != NULL &&
        ((flags & (DJ_GET_FORCE | DJ_GET_INCOGNITO)) || !joinable(call->run, flags)) &&
        cycle_above(parent, call, &sentence)) {
        refuse_cycle(want, parent, dj_buf_str(&sentence));
        return false;
    }
    run = run_for(engine, call, asker, flags,
                  parent != NULL    ? DJ_SCHED_CHILD
                  : asker->patient ? DJ_SCHED_WAITING
                                   : DJ_SCHED_WANTED);
    if (parent != NULL && cycle_closes(parent, run, &sentence)) {
        refuse_cycle(want, parent, dj_buf_str(&sentence));
        return false;
    }
    attach(want, run, parent);
    want->again = asker->again;
    if (parent != NULL) {
        run_note_wait(parent, call);
        block(parent);
    }
    return true;
}

static void hit_verified(void *cookie, int code, const char *sentence);

/* A stored result, before it is given: 0 it is good, 1 it is being looked at, -EUCLEAN not so. */
static int verify_hit(struct dj_want *want, struct dj_call *call, const struct dj_asker *asker,
                      unsigned flags, struct dj_err *err)
{
    const struct dj_rec_instance *rec = dj_instance(want->engine, want->instance);
    const struct dj_rec_content *contents[2];
    int rc;

    if (rec == NULL)
        return dj_instance_lost(want->engine, call, want->instance) ? -EUCLEAN : 0;
    contents[0] = &rec->result;
    contents[1] = &rec->log; /* of a memo it is a part of the answer */
    rc = dj_verify(want->engine, want->instance, contents, dj_memo_is(call) ? 2 : 1, hit_verified,
                   want, err);
    if (rc == 1) {
        want->hit = want->verifying = true;
        if (want->asked == NULL)
            want->asked = asked_new(call, asker, flags);
    }
    return rc;
}

/* False: it is answered, and gone. What is corrupt by now is no hit the next time. */
static bool pursue(struct dj_want *want, struct dj_call *call, const struct dj_asker *asker,
                   unsigned flags)
{
    int rc = 1;
    bool again = true;

    while (again) {
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
        uint64_t instance = 0;

        rc = answer_now(want->engine, call, asker, flags, &instance, &err);
        again = false;
        if (rc == 0) {
            want->instance = instance;
            rc = verify_hit(want, call, asker, flags, &err);
            if (rc == 1)
                return true;
            again = rc == -EUCLEAN;
        } else if (rc < 0 && rc != -EAGAIN && instance == 0) {
            /* What is not there yet is no refusal: asking whether it is there is looking. */
            dj_note_refusal(want->engine, asker, dj_err_text(&err, rc));
        }
        if (rc <= 0 && !again) {
            settle(want, rc, instance, rc == 0 ? NULL : dj_err_text(&err, rc));
            return false;
        }
    }
    return compute(want, call, asker, flags);
}

static void hit_verified(void *cookie, int code, const char *sentence)
{
    struct dj_want *want = cookie;

    want->verifying = false;
    if (code != -EUCLEAN || want->done == NULL)
        settle(want, code == 0 ? 0 : -EIO, want->instance, sentence);
    else
        pursue(want, want->asked->call, &want->asked->asker, want->asked->flags);
}

struct dj_want *dj_want(struct dj_engine *engine, struct dj_call *call,
                        const struct dj_asker *asker, unsigned flags, dj_wanted_fn *done,
                        void *cookie)
{
    struct dj_want *want = new_want(engine, done, cookie);

    return pursue(want, call, asker, flags) ? want : NULL;
}

struct dj_want *dj_wait_end(struct dj_engine *engine, struct dj_call *call,
                            const struct dj_asker *asker, dj_wanted_fn *done, void *cookie)
{
    struct run *parent = asker->run == 0 ? NULL : run_find(engine, asker->run);
    dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;
    struct dj_want *want;

    if (call->run == NULL) {
        done(cookie, 0, dj_call_latest(engine, call), NULL);
        return NULL;
    }
    if (parent != NULL && cycle_closes(parent, call->run, &sentence)) {
        done(cookie, -EDEADLK, 0, dj_buf_str(&sentence));
        return NULL;
    }
    want = new_want(engine, done, cookie);
    attach(want, call->run, parent);
    want->only_end = true;
    if (parent != NULL)
        block(parent);
    return want;
}

int dj_start(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
             unsigned flags, struct dj_err *err)
{
    uint64_t instance;
    int rc = answer_now(engine, call, asker, flags, &instance, err);

    if (rc == 1)
        run_for(engine, call, asker, flags, DJ_SCHED_WAITING)->started = true;
    return rc < 0 ? rc : 0;
}

/* ---- resources ---- */

/* Of the run that asked from here on; what was in line for them is in the run now. */
static void take_reserved(struct dj_want *want)
{
    struct run *run = want->asker;
    struct dj_list parts = want->part.holds;

    for (size_t i = 0; i < parts.n; i++) {
        const struct dj_sched_part part = *DJ_LIST_AT(&parts, struct dj_sched_part, i);

        dj_sched_free(&want->session->sched, &want->part, part.kind, part.amount);
        dj_sched_hold(&want->session->sched, &run->line, part.kind, part.amount);
        *(struct dj_sched_part *)dj_list_add(&want->got, sizeof(part)) = part;
    }
    dj_sched_free_all(&want->session->sched, &want->part);
    run_note_used(run);
    (void)live_save(run, NULL); /* the next daemon counts them, too */
}

struct dj_want *want_new(struct dj_engine *engine, struct run *asker, dj_wanted_fn *done,
                         void *cookie)
{
    struct dj_want *want = new_want(engine, done, cookie);

    if (asker != NULL) {
        attach_to_asker(want, asker);
        block(asker);
    }
    return want;
}

bool want_answer(struct dj_want *want, int code, const char *sentence)
{
    if (code < 0 && want->asker != NULL)
        run_refused(want->asker, sentence);
    return answer(want, code, 0, sentence);
}

bool want_reserved(struct dj_want *want, int code, const char *sentence)
{
    if (code == 0) {
        take_reserved(want);
    } else {
        run_refused(want->asker, sentence);
        give_back_reserved(want);
    }
    return answer(want, code, 0, sentence);
}

struct dj_want *dj_reserve(struct dj_engine *engine, const struct dj_asker *asker,
                           const struct dj_list *resources, dj_wanted_fn *done, void *cookie)
{
    struct run *run = asker->run == 0 ? NULL : run_find(engine, asker->run);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_want *want = new_want(engine, done, cookie);
    int rc;

    if (run == NULL) {
        settle(want, -EINVAL, 0, "resources are reserved by a run, and this is none");
        return NULL;
    }
    rc = session_reservable(run, resources, &want->part, &err);
    if (rc < 0) {
        run_refused(run, dj_err_text(&err, rc));
        settle(want, rc, 0, dj_err_text(&err, rc));
        return NULL;
    }
    want->reserves = want->part.slotless = true;
    want->session = run->session;
    attach_to_asker(want, run);
    dj_sched_add(&run->session->sched, &want->part, DJ_SCHED_RESUME, 0);
    if (dj_sched_go(&run->session->sched, &want->part))
        return want_reserved(want, 0, NULL) ? want : NULL;
    (void)live_save(run, NULL); /* the next daemon knows that it has asked */
    block(run);
    return want;
}

bool dj_want_is_hit(const struct dj_want *want)
{
    return want->hit;
}

uint64_t dj_want_instance(const struct dj_want *want)
{
    return want->target == NULL ? 0 : want->target->instance;
}

static void say_how_to_cancel(struct dj_buf *ret, const struct run *run)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    if (!run_is_joined(run))
        return;
    dj_buf_addf(&path, "tasks/%s/", run->call->task->public.name);
    dj_buf_add_bytes(&path, dj_buf_bytes(&run->call->name));
    dj_buf_adds(ret, "; `dj cancel ");
    dj_word_print(ret, dj_buf_bytes(&path));
    dj_buf_adds(ret, "` ends it");
}

void dj_want_leave(struct dj_want *want, struct dj_buf *ret)
{
    const struct run *run = want->target;

    if (run != NULL) {
        bool last = run->wants == want && want->next == NULL;
        bool queued = run->state == QUEUED;

        dj_buf_addf(ret, "%s/", run->call->task->public.name);
        dj_add_printable(ret, dj_buf_bytes(&run->call->name));
        if (!last)
            dj_buf_adds(ret, queued ? " stays queued, since others wait for it"
                                    : " goes on computing, and others wait for it");
        else if (goes_when_left(run))
            dj_buf_adds(ret, queued ? " was still queued and is withdrawn"
                                    : " is ended, as its task has abandon = cancel");
        else
            dj_buf_adds(ret, queued ? " stays queued" : " goes on computing");
        if (!last || !goes_when_left(run))
            say_how_to_cancel(ret, run);
    }
    dj_want_cancel(want);
}

void dj_want_cancel(struct dj_want *want)
{
    struct run *target = want->target, *asker = want->asker;
    struct dj_engine *engine = want->engine;

    if (want->verifying) { /* it goes with the job */
        want->done = NULL;
        return;
    }
    if (asker != NULL && target != NULL && !want->only_end)
        run_give_up(asker, target->call);
    if (asker != NULL && want->reserves)
        give_back_reserved(want);
    unlink_want(want);
    free_want(want);
    run_plan_start(engine); /* who stood behind it in line */
    deadlock_plan_look(engine);
    /* A caller that gave up one of its calls goes on when no other is open. */
    if (asker != NULL && asker->state == BLOCKED && !has_open_asks(asker)) {
        asker->state = RESUMING;
        dj_sched_add(&asker->session->sched, &asker->line, DJ_SCHED_RESUME, 0);
        run_plan_start(asker->engine);
    }
    left(target);
}

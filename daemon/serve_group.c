/*
 * CALLS: a group of calls, answered as they end. (dispatch.h)
 *
 * What is stored is answered in the turn in which it is asked for; what ends later goes out at the
 * end of its turn, together with all of the group that ended in it.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/answers.h"
#include "daemon/calling.h"
#include "daemon/dispatch.h"
#include "daemon/failure.h"
#include "daemon/memo.h"
#include "daemon/outcome.h"
#include "lib/model/status.h"
#include "lib/util/mem.h"

enum { PART_BYTES = 1 << 20 }; /* of contents, in one message */

struct group_call {
    struct group *group;
    struct dj_calling *calling;
};

struct group {
    struct dj_request *request;
    struct dj_calling_plan plan;
    struct group_call *calls;
    size_t n, ended;
    size_t bytes;
    bool notes;     /* of what a run reads nobody sees a note */
    bool starting;
    bool planned;   /* flush() will be called */
    bool wants;     /* variables of the caller's, before anything else is done */
    struct dj_task *known; /* while it starts; NULL: no answers from memory, and none are kept */
    struct dj_msg_results out;
};

static void group_free(struct group *group)
{
    free(group->calls);
    free(group);
}

static void send(struct group *group)
{
    struct dj_request *request = group->request;
    bool end = group->ended == group->n && !group->starting;

    group->out.end = end;
    if (end)
        request->on_cancel = NULL;
    if (end)
        dj_reply(request, DJ_MSG_RESULTS, &group->out);
    else if (group->out.outcomes.n != 0)
        dj_reply_part(request, DJ_MSG_RESULTS, &group->out);
    dj_codec_release(dj_message_layout(DJ_MSG_RESULTS), &group->out);
    group->bytes = 0;
    if (end && !group->planned)
        group_free(group);
    else if (end)
        group->request = NULL;
}

static void flush(void *cookie)
{
    struct group *group = cookie;

    group->planned = false;
    if (group->request == NULL)
        group_free(group);
    else
        send(group);
}

static void plan_flush(struct group *group)
{
    if (group->bytes >= PART_BYTES && group->ended < group->n)
        send(group);
    if (group->planned || group->starting)
        return;
    group->planned = true;
    dj_loop_later(dj_engine_loop(group->plan.engine), flush, group);
}

static const struct dj_list *words_of(const struct group *group, size_t call)
{
    const struct dj_msg_calls *ask = group->request->fields;

    return &DJ_LIST_AT(&ask->calls, struct dj_part_words, call)->words;
}

/* An answer that nothing but what is told of can change. One that came later may be to another
 * definition than the task has by now. */
static void keep(struct group *group, struct dj_call *call, uint64_t instance,
                 const struct dj_part_outcome *outcome)
{
    struct dj_engine *engine = group->plan.engine;
    struct dj_answer answer;

    if (group->known == NULL || outcome->code != 0 || !outcome->has_content ||
        outcome->note != NULL || !dj_basis_of(engine, call, instance, &answer.basis))
        return;
    answer.run = dj_bytes_of(outcome->run);
    answer.content = dj_buf_bytes(&outcome->content);
    dj_answers_keep(dj_engine_answers(engine), group->known->number, group->plan.named,
                    words_of(group, outcome->call), &answer);
}

/* False: it has to be looked for. */
static bool answer_known(struct group *group, size_t call)
{
    struct dj_engine *engine = group->plan.engine;
    struct dj_part_outcome *outcome;
    struct dj_answer answer;

    if (group->known == NULL ||
        !dj_answers_find(dj_engine_answers(engine), group->known->number, group->plan.named,
                         words_of(group, call), &answer) ||
        !dj_basis_holds(engine, group->known, &answer.basis))
        return false;
    outcome = dj_list_add(&group->out.outcomes, sizeof(*outcome));
    outcome->call = call;
    outcome->run = dj_xmemdup0(answer.run.data, answer.run.len);
    outcome->status = dj_xstrdup(dj_status_name(DJ_DONE));
    outcome->has_content = true;
    dj_buf_add_bytes(&outcome->content, answer.content);
    group->bytes += outcome->content.len;
    group->ended++;
    plan_flush(group);
    return true;
}

static void called(void *cookie, int code, struct dj_call *call, uint64_t instance,
                   const char *sentence)
{
    struct group_call *one = cookie;
    struct group *group = one->group;
    struct dj_part_outcome *outcome;

    one->calling = NULL;
    group->ended++;
    if (code == -DJ_CODE_WANTS) {
        group->wants = true;
        code = -EINVAL;
        sentence = "the task was defined anew, and wants variables of the environment";
    }
    outcome = dj_list_add(&group->out.outcomes, sizeof(*outcome));
    outcome->call = (uint64_t)(one - group->calls);
    dj_outcome(group->plan.engine, group->request->peer, code, call, instance, sentence,
               group->notes, outcome);
    keep(group, call, instance, outcome);
    group->bytes += outcome->content.len;
    plan_flush(group);
}

/* What has not ended is answered at once, and so is the group. */
static void on_cancel(struct dj_request *request)
{
    struct group *group = request->cookie;

    for (size_t i = 0; i < group->n; i++) {
        dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;
        struct dj_calling *calling = group->calls[i].calling;

        if (calling == NULL)
            continue;
        dj_calling_leave(calling, &sentence);
        called(&group->calls[i], -EINTR, NULL, 0,
               sentence.len == 0 ? "interrupted" : dj_buf_str(&sentence));
    }
    send(group);
}

static void start_all(struct group *group, const struct dj_msg_calls *ask)
{
    group->starting = true;
    for (size_t i = 0; i < group->n; i++) {
        group->calls[i].group = group;
        if (answer_known(group, i))
            continue;
        group->calls[i].calling =
            dj_calling_start(&group->plan,
                             &DJ_LIST_AT(&ask->calls, struct dj_part_words, i)->words,
                             &group->calls[i]);
    }
    group->starting = false;
    group->known = NULL;
    send(group);
}

static bool are_names(const struct dj_list *calls)
{
    for (size_t i = 0; i < calls->n; i++) {
        if (DJ_LIST_AT(calls, struct dj_part_words, i)->words.n != 1)
            return false;
    }
    return true;
}

/* What is wrong with all of it, or has to be known first. A stored run has its name whatever has
 * become of its task. True: it is answered. */
static bool refuse(struct dj_request *request, const struct dj_task *task)
{
    const struct dj_msg_calls *ask = request->fields;

    if (task == NULL || (task->definition == NULL && !ask->named)) {
        dj_reply_error(request, ENOENT, "there is no task %s",
                       ask->task == NULL ? "" : ask->task);
        return true;
    }
    if (ask->named && !are_names(&ask->calls)) {
        dj_reply_error(request, EINVAL, "a call that is named is one word");
        return true;
    }
    if (ask->env.n == 0 && task->definition != NULL && task->definition->env_keyed.n != 0) {
        dj_reply_wants(request, task->definition);
        return true;
    }
    return false;
}

void dj_serve_group(struct dj_request *request)
{
    const struct dj_peer_facts *facts = dj_peer_facts(request->peer);
    const struct dj_msg_calls *ask = request->fields;
    struct dj_task *task = dj_task_by_name(request->engine, dj_bytes_of(ask->task));
    struct group *group;

    if (refuse(request, task))
        return;
    group = dj_xcalloc(1, sizeof(*group));
    group->request = request;
    group->n = ask->calls.n;
    group->calls = dj_xcalloc(group->n == 0 ? 1 : group->n, sizeof(*group->calls));
    group->notes = facts->run == 0;
    group->plan = (struct dj_calling_plan){
        .engine = request->engine, .task = ask->task, .flags = (unsigned)ask->flags,
        .lazy = ask->lazy, .named = ask->named, .done = called,
        .asker = {.run = facts->run, .uid = facts->uid, .gid = facts->gid, .cwd = ask->cwd,
                  .env = ask->env.n == 0 ? NULL : &ask->env,
                  .session = dj_given(ask->session), .launch = dj_given(ask->launch)}};
    /* A run's calls are put on record, and other users' are refused where they may not look. What a
     * name of a memo says is not looked into. */
    if (task->definition != NULL && !dj_memo_is_task(task) && facts->run == 0 &&
        facts->uid == geteuid() && !ask->lazy && ask->env.n == 0 &&
        (ask->flags & ~(uint64_t)DJ_GET_CACHED) == 0 && dj_given(ask->session) == NULL &&
        dj_given(ask->launch) == NULL)
        group->known = task;
    request->cookie = group;
    request->on_cancel = on_cancel;
    start_all(group, ask);
}

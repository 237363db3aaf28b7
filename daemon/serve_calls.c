#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "daemon/dispatch.h"
#include "daemon/memo.h"
#include "daemon/serve_result.h"
#include "lib/model/name.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

/*
 * GET, MEMO, FOLLOW and PATH: a task and words, to a result or a name.
 */

enum { FOLLOWED_MAX = 256 * 1024 };

struct getting {
    struct dj_request *request;
    struct dj_want *want;
    struct dj_answer_form form;
    unsigned flags;
    const char *task;       /* the request's */
    struct dj_asker asker;
    unsigned tries;         /* its files changed while it was computed */
    uint64_t named;         /* the files of this try, for asker.named */
    bool ended; /* cancelled while its files were being looked at */
};

enum { TRIES_MAX = 3 };

static void begin(struct getting *getting);

static struct dj_asker asker_of(const struct dj_request *request, const char *cwd,
                                const struct dj_list *env)
{
    const struct dj_peer_facts *facts = dj_peer_facts(request->peer);

    return (struct dj_asker){.run = facts->run, .uid = facts->uid, .gid = facts->gid,
                             .env = env->n == 0 ? NULL : env, .cwd = cwd};
}

static void end(struct getting *getting)
{
    getting->request->on_cancel = NULL;
    free(getting);
}

static void got(void *cookie, int code, uint64_t instance, const char *sentence)
{
    struct getting *getting = cookie;
    struct dj_request *request = getting->request;
    struct dj_answer_form form = getting->form;

    /* Its files changed while it ran: what is asked for now is the run of what they hold now. */
    if (code == -ESTALE && ++getting->tries < TRIES_MAX) {
        getting->want = NULL;
        getting->named = 0;
        getting->form.told = 0;
        begin(getting);
        return;
    }
    dj_note_named(request->engine, &getting->asker);
    /* Answered by what is stored: there was nothing to follow. */
    if (getting->want == NULL || dj_want_is_hit(getting->want))
        form.follow = false;
    end(getting);
    dj_answer(request, &form, code == -ESTALE ? -EIO : code, instance, sentence);
}

static void on_cancel(struct dj_request *request)
{
    struct getting *getting = request->cookie;
    dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;

    if (getting->want == NULL && dj_resolve_cancel(request->engine, getting)) {
        end(getting);
        dj_reply_error(request, EINTR, "interrupted before it was started");
        return;
    }
    if (getting->want == NULL) {
        getting->ended = true;
        return;
    }
    dj_want_leave(getting->want, &sentence);
    end(getting);
    dj_reply_error(request, EINTR, "%s", sentence.len == 0 ? "interrupted" : dj_buf_str(&sentence));
}

static void start(struct getting *getting, struct dj_call *call, const struct dj_asker *asker)
{
    struct dj_request *request = getting->request;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code;

    dj_note_named(request->engine, asker);
    code = dj_start(request->engine, call, asker, getting->flags, &err);
    end(getting);
    if (code < 0)
        dj_reply_err(request, code, &err);
    else
        dj_reply_ok(request, 0, "");
}

/* A call that could not be found out. */
static void refuse(struct dj_request *request, const char *name, int code, const char *sentence)
{
    struct dj_task *task = dj_task_by_name(request->engine, dj_bytes_of(name));

    if (code == -DJ_CODE_WANTS && task != NULL)
        dj_reply_wants(request, task->definition);
    else
        dj_reply_error(request, code, "%s", sentence);
}

static void ready_alike(void *cookie, int code)
{
    struct getting *getting = cookie;
    struct dj_request *request = getting->request;
    bool ended = getting->ended;

    if (code == 0 && !ended) {
        begin(getting);
        return;
    }
    end(getting);
    if (ended)
        dj_reply_error(request, EINTR, "interrupted before anything was started");
    else
        dj_reply_error(request, code, "the daemon is stopping");
}

/* What the request leaves out of account; true: it is answered, or will be asked again. */
static bool answer_alike(struct getting *getting, struct dj_call *call,
                         const struct dj_asker *asker)
{
    struct dj_request *request = getting->request;
    const struct dj_msg_get *get = request->fields;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_params params;
    uint64_t instance = 0;
    int rc;

    if (getting->form.memo || (get->ignore.n == 0 && get->keep.n == 0))
        return false;
    rc = dj_alike_params(dj_call_task(call), &get->ignore, &get->keep, &params, &err);
    if (rc < 0) {
        dj_note_refusal(request->engine, asker, dj_err_text(&err, rc));
        end(getting);
        dj_reply_err(request, rc, &err);
        return true;
    }
    if ((getting->flags & DJ_GET_FORCE) == 0)
        rc = dj_alike(request->engine, call, &params, &instance, ready_alike, getting);
    dj_params_release(&params);
    if (instance == 0)
        return rc != 0;
    rc = dj_note_call(request->engine, instance, asker);
    got(getting, rc < 0 ? -ENOSPC : 0, instance, rc < 0 ? "the call could not be recorded" : NULL);
    return true;
}

static void resolved_get(void *cookie, int code, struct dj_call *call, const struct dj_args *args,
                         const char *sentence)
{
    struct getting *getting = cookie;
    struct dj_request *request = getting->request;
    struct dj_asker asker = getting->asker;
    struct dj_want *want;

    asker.args = args;
    asker.again = getting->tries + 1 < TRIES_MAX;
    if (getting->ended || code != 0) {
        const char *task = getting->task;
        bool ended = getting->ended;

        /* What is not there yet is no refusal. */
        if (!ended && code != -DJ_CODE_WANTS && code != -EAGAIN)
            dj_note_refusal(request->engine, &asker, sentence);
        end(getting);
        if (ended)
            dj_reply_error(request, EINTR, "interrupted before anything was started");
        else
            refuse(request, task, code, sentence);
        return;
    }
    if (getting->flags & DJ_GET_START) {
        start(getting, call, &asker);
        return;
    }
    if (answer_alike(getting, call, &asker))
        return;
    request->on_cancel = on_cancel;
    request->cookie = getting;
    want = dj_want(request->engine, call, &asker, getting->flags, got, getting);
    if (want != NULL)
        getting->want = want;
}

/* Behind the name of the task of memos every word is the command's, as behind `dj memo`. */
static struct dj_task *bind(struct dj_request *request, const char *name,
                            const struct dj_list *words, const struct dj_asker *asker,
                            struct dj_args *ret)
{
    struct dj_engine *engine = request->engine;
    struct dj_task *task = dj_task_by_name(engine, dj_bytes_of(name));
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = 0;

    if (task != NULL && dj_memo_is_task(task))
        rc = dj_memo_bind(engine, task, words, asker, ret, &err);
    else
        task = dj_engine_bind(engine, name, words, ret, &err, &rc);
    if (rc == 0)
        return task;
    dj_note_refusal(engine, asker, dj_err_text(&err, rc));
    dj_reply_err(request, rc, &err);
    return NULL;
}

/* A name as the tree has it; that of a stored run is found whatever its task has become. */
static void resolve_name(struct getting *getting, const struct dj_msg_get *get,
                         const struct dj_asker *asker)
{
    struct dj_request *request = getting->request;
    struct dj_bytes name = dj_buf_bytes(&get->name);
    struct dj_task *task = dj_task_by_name(request->engine, dj_bytes_of(get->task));
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_args given = DJ_ARGS_INIT;
    const struct dj_args *args = NULL;
    struct dj_call *call = NULL;
    int rc = task == NULL ? dj_err_set(&err, ENOENT, "there is no task %s", get->task)
                          : dj_call_by_name(request->engine, task, name, &call, &canonical, &err);

    if (rc > 0) {
        dj_call_resolve(request->engine, task, name, asker, resolved_get, getting);
        return;
    }
    if (rc == 0 && dj_call_given(request->engine, task, name, &given))
        args = &given;
    resolved_get(getting, rc, call, args, rc == 0 ? NULL : dj_err_text(&err, rc));
    dj_args_release(&given);
    dj_call_unref(call);
}

static struct getting *new_getting(struct dj_request *request, const char *task, uint64_t flags,
                                   const char *launch, const char *session,
                                   const struct dj_asker *asker)
{
    struct getting *getting = dj_xcalloc(1, sizeof(*getting));

    getting->request = request;
    getting->flags = (unsigned)flags;
    getting->form.memo = request->number == DJ_MSG_MEMO;
    getting->form.follow = (flags & DJ_GET_FOLLOW) != 0;
    getting->task = task;
    getting->asker = *asker;
    getting->asker.named = &getting->named;
    getting->asker.cached = (flags & DJ_GET_CACHED) != 0;
    getting->asker.launch = dj_given(launch);
    getting->asker.session = dj_given(session);
    request->cookie = getting;
    request->on_cancel = on_cancel;
    return getting;
}

/* From what was asked for to the call: once more when a file changed meanwhile. */
static void begin(struct getting *getting)
{
    struct dj_request *request = getting->request;
    const struct dj_msg_get *get = request->fields;
    const struct dj_msg_memo *memo = request->fields;
    struct dj_asker asker = getting->asker;
    struct dj_task *task;
    struct dj_args args;

    if (!getting->form.memo && get->name.len != 0) {
        resolve_name(getting, get, &asker);
        return;
    }
    task = bind(request, getting->task, getting->form.memo ? &memo->argv : &get->words, &asker,
                &args);
    if (task == NULL)
        free(getting);
    else
        dj_engine_resolve(request->engine, task, &args, &asker, resolved_get, getting);
}

void dj_serve_get(struct dj_request *request)
{
    const struct dj_msg_get *get = request->fields;
    struct dj_asker asker = asker_of(request, get->cwd, &get->env);

    begin(new_getting(request, get->task, get->flags, get->launch, get->session, &asker));
}

void dj_serve_memo(struct dj_request *request)
{
    const struct dj_msg_memo *memo = request->fields;
    struct dj_asker asker = asker_of(request, memo->cwd, &memo->env);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_task *task;
    int rc = dj_memo_task(request->engine, &memo->env, &task, &err);

    if (rc < 0)
        dj_reply_err(request, rc, &err);
    else
        begin(new_getting(request, task->name, memo->flags, memo->launch, memo->session, &asker));
}

/* ---- what is waited for ---- */

static void read_log(const char *path, uint64_t offset, struct dj_buf *ret)
{
    dj_cleanup_close int fd = path == NULL ? -1 : dj_open(AT_FDCWD, path, O_RDONLY, 0);
    ssize_t n = 0;

    if (fd >= 0)
        n = dj_pread_full(fd, dj_buf_room(ret, FOLLOWED_MAX), FOLLOWED_MAX, offset);
    if (n > 0)
        ret->len += (size_t)n;
}

static void reply_followed(struct dj_request *request, uint64_t instance, uint64_t offset,
                           struct dj_answer_form *form)
{
    struct dj_msg_followed followed = {.instance = instance};
    struct dj_call *call = dj_instance_call(request->engine, instance);
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct dj_progress_facts facts;
    struct dj_live live;

    if (call != NULL && dj_live(request->engine, instance, &live)) {
        dj_buf_addf(&path, "tasks/%s/", dj_call_task(call)->name);
        dj_buf_add_bytes(&path, dj_call_name(call));
        followed.path = dj_buf_steal(&path);
        followed.status = dj_xstrdup(dj_status_name(live.status));
        read_log(live.log_path, offset, &followed.log);
        form->told = offset + followed.log.len;
        dj_call_progress(request->engine, call, instance, &facts);
        followed.done = facts.said.done;
        followed.total = facts.said.total;
        followed.took_ns = facts.took_ns;
        followed.usual_ns = facts.usual_ns;
    }
    dj_call_unref(call);
    dj_reply(request, DJ_MSG_FOLLOWED, &followed);
    dj_codec_release(dj_message_layout(DJ_MSG_FOLLOWED), &followed);
}

void dj_serve_follow(struct dj_request *request)
{
    const struct dj_msg_follow *follow = request->fields;
    struct dj_request *other = dj_peer_request(request->peer, follow->request);
    struct getting *getting = other == NULL ? NULL : other->cookie;
    uint64_t instance = 0;

    if (other == NULL || other->on_cancel != on_cancel || !getting->form.follow) {
        dj_reply_error(request, ENOENT, "nothing that can be followed has that number");
        return;
    }
    if (getting->want != NULL)
        instance = dj_want_instance(getting->want);
    reply_followed(request, instance, follow->offset, &getting->form);
}

/* ---- PATH ---- */

static void resolved_path(void *cookie, int code, struct dj_call *call, const struct dj_args *args,
                          const char *sentence)
{
    struct dj_request *request = cookie;
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    if (code != 0) {
        refuse(request, ((const struct dj_msg_path *)request->fields)->task, code, sentence);
        return;
    }
    dj_buf_addf(&path, "tasks/%s/", dj_call_task(call)->name);
    dj_name_spelled(&path, args);
    dj_reply_ok(request, dj_call_number(call), dj_buf_str(&path));
}

void dj_serve_path(struct dj_request *request)
{
    const struct dj_msg_path *path = request->fields;
    struct dj_asker asker = asker_of(request, path->cwd, &path->env);
    struct dj_args args;
    struct dj_task *task;

    asker.cached = true;
    task = bind(request, path->task, &path->words, &asker, &args);
    if (task != NULL)
        dj_engine_resolve(request->engine, task, &args, &asker, resolved_path, request);
}

#include <errno.h>
#include <stdlib.h>

#include "daemon/dispatch.h"
#include "daemon/tree.h"
#include "lib/util/mem.h"

/*
 * GET and PATH: a task and words, to a result or a name.
 */

struct getting {
    struct dj_request *request;
    struct dj_want *want;
    struct dj_timer *timer;
    bool ended; /* cancelled while its files were being looked at */
};

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

static void reply_result(struct dj_request *request, uint64_t instance)
{
    const struct dj_rec_instance *rec = dj_instance(request->engine, instance);
    struct dj_msg_result result = {.instance = instance};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = 0;

    if (rec == NULL) {
        dj_reply_error(request, EIO, "the result went away");
        return;
    }
    result.size = rec->result.size;
    result.exit = rec->code;
    result.path = dj_content_file(request->engine, &rec->result);
    if (result.path != NULL) {
        dj_tree_hold(request->engine, request->peer, instance);
    } else {
        result.has_content = true;
        rc = dj_read_content(request->engine, &rec->result, 0, (size_t)rec->result.size,
                             &result.content, &err);
    }
    if (rc < 0)
        dj_reply_err(request, rc, &err);
    else
        dj_reply(request, DJ_MSG_RESULT, &result);
    dj_codec_release(dj_message_layout(DJ_MSG_RESULT), &result);
}

static void got(void *cookie, int code, uint64_t instance, const char *sentence)
{
    struct getting *getting = cookie;
    struct dj_request *request = getting->request;

    end(getting);
    if (code != 0)
        dj_reply_error(request, code, "%s", sentence == NULL ? strerror(-code) : sentence);
    else
        reply_result(request, instance);
}

static void on_cancel(struct dj_request *request)
{
    struct getting *getting = request->cookie;

    if (getting->want == NULL) {
        getting->ended = true;
        return;
    }
    dj_want_cancel(getting->want);
    end(getting);
    dj_reply_error(request, EINTR, "interrupted");
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

static void resolved_get(void *cookie, int code, struct dj_call *call, const char *sentence)
{
    struct getting *getting = cookie;
    struct dj_request *request = getting->request;
    const struct dj_msg_get *get = request->fields;
    struct dj_asker asker = asker_of(request, get->cwd, &get->env);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_want *want;

    if (getting->ended || code != 0) {
        bool ended = getting->ended;

        end(getting);
        if (ended) {
            dj_reply_error(request, EINTR, "interrupted");
            return;
        }
        if (code != -DJ_CODE_WANTS)
            dj_note_refusal(request->engine, &asker, sentence);
        refuse(request, get->task, code, sentence);
        return;
    }
    if (get->flags & DJ_GET_START) {
        end(getting);
        code = dj_start(request->engine, call, &asker, (unsigned)get->flags, &err);
        if (code < 0)
            dj_reply_err(request, code, &err);
        else
            dj_reply_ok(request, 0, "");
        return;
    }
    request->on_cancel = on_cancel;
    request->cookie = getting;
    want = dj_want(request->engine, call, &asker, (unsigned)get->flags, got, getting);
    if (want != NULL)
        getting->want = want;
}

static struct dj_task *bind(struct dj_request *request, const char *task,
                            const struct dj_list *words, const struct dj_asker *asker,
                            struct dj_args *ret)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = 0;
    struct dj_task *found = dj_engine_bind(request->engine, task, words, ret, &err, &rc);

    if (found == NULL) {
        dj_note_refusal(request->engine, asker, dj_err_text(&err, rc));
        dj_reply_err(request, rc, &err);
    }
    return found;
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
    struct dj_call *call = NULL;
    int rc = task == NULL ? dj_err_set(&err, ENOENT, "there is no task %s", get->task)
                          : dj_call_by_name(request->engine, task, name, &call, &canonical, &err);

    if (rc > 0) {
        dj_call_resolve(request->engine, task, name, asker, resolved_get, getting);
        return;
    }
    resolved_get(getting, rc, call, rc == 0 ? NULL : dj_err_text(&err, rc));
    dj_call_unref(call);
}

void dj_serve_get(struct dj_request *request)
{
    const struct dj_msg_get *get = request->fields;
    struct dj_asker asker = asker_of(request, get->cwd, &get->env);
    struct dj_task *task = NULL;
    struct getting *getting;
    struct dj_args args;

    if (get->ignore.n != 0 || get->keep.n != 0) {
        dj_reply_error(request, EOPNOTSUPP,
                       "this version takes ignore and keep from the definition only");
        return;
    }
    if (get->name.len == 0) {
        task = bind(request, get->task, &get->words, &asker, &args);
        if (task == NULL)
            return;
    }
    getting = dj_xcalloc(1, sizeof(*getting));
    getting->request = request;
    request->cookie = getting;
    request->on_cancel = on_cancel;
    if (task == NULL)
        resolve_name(getting, get, &asker);
    else
        dj_engine_resolve(request->engine, task, &args, &asker, resolved_get, getting);
}

static void resolved_path(void *cookie, int code, struct dj_call *call, const char *sentence)
{
    struct dj_request *request = cookie;
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    if (code != 0) {
        refuse(request, ((const struct dj_msg_path *)request->fields)->task, code, sentence);
        return;
    }
    dj_buf_addf(&path, "tasks/%s/", dj_call_task(call)->name);
    dj_buf_add_bytes(&path, dj_call_name(call));
    dj_reply_ok(request, dj_call_number(call), dj_buf_str(&path));
}

void dj_serve_path(struct dj_request *request)
{
    const struct dj_msg_path *path = request->fields;
    struct dj_asker asker = asker_of(request, path->cwd, &path->env);
    struct dj_args args;
    struct dj_task *task = bind(request, path->task, &path->words, &asker, &args);

    if (task != NULL)
        dj_engine_resolve(request->engine, task, &args, &asker, resolved_path, request);
}

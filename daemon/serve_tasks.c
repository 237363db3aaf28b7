#include <errno.h>
#include <stdlib.h>

#include "daemon/dispatch.h"
#include "lib/util/mem.h"

/*
 * DEFINE, UNDEFINE, BUMP, UNDELETE: answered when what they changed is durable. IMPACT: what a bump
 * would change, at once. TASKS: what is defined, with its runs by state.
 */

struct changing {
    struct dj_request *request;
    struct dj_msg_ok ok;
};

static void changed(void *cookie, int code, const char *sentence)
{
    struct changing *changing = cookie;

    if (code != 0)
        dj_reply_error(changing->request, code, "%s", sentence);
    else
        dj_reply(changing->request, DJ_MSG_OK, &changing->ok);
    dj_codec_release(dj_message_layout(DJ_MSG_OK), &changing->ok);
    free(changing);
}

static struct changing *begin(struct dj_request *request)
{
    struct changing *changing = dj_xcalloc(1, sizeof(*changing));

    changing->request = request;
    return changing;
}

static void refuse(struct changing *changing, int code, const struct dj_err *err)
{
    dj_reply_err(changing->request, code, err);
    dj_codec_release(dj_message_layout(DJ_MSG_OK), &changing->ok);
    free(changing);
}

static struct dj_task *find(struct dj_request *request, const char *name)
{
    struct dj_task *task = dj_task_by_name(request->engine, dj_bytes_of(name));

    if (task == NULL)
        dj_reply_error(request, ENOENT, "there is no task %s", name == NULL ? "" : name);
    return task;
}

void dj_serve_define(struct dj_request *request)
{
    const struct dj_msg_define *define = request->fields;
    struct changing *changing = begin(request);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_task_define(request->engine, dj_buf_bytes(&define->text),
                            define->file == NULL ? "" : define->file,
                            define->here == NULL ? "/" : define->here, &define->env,
                            &changing->ok.notes, changed, changing, &err);

    if (rc < 0)
        refuse(changing, rc, &err);
}

void dj_serve_undefine(struct dj_request *request)
{
    const struct dj_msg_undefine *undefine = request->fields;
    struct dj_task *task = find(request, undefine->task);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct changing *changing;
    int rc;

    if (task == NULL)
        return;
    changing = begin(request);
    rc = dj_task_undefine(request->engine, task, changed, changing, &err);
    if (rc < 0)
        refuse(changing, rc, &err);
}

void dj_serve_bump(struct dj_request *request)
{
    const struct dj_msg_bump *bump = request->fields;
    struct dj_task *task = find(request, bump->task);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct changing *changing;
    int rc;

    if (task == NULL)
        return;
    changing = begin(request);
    rc = dj_task_set_version(request->engine, task, dj_bytes(NULL, 0), changed, changing, &err);
    if (rc < 0)
        refuse(changing, rc, &err);
    else
        changing->ok.text = dj_xstrdup(task->definition->version);
}

void dj_serve_undelete(struct dj_request *request)
{
    const struct dj_msg_undelete *undelete = request->fields;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_task *task = NULL;
    struct changing *changing;
    int rc;

    if (undelete->task != NULL && undelete->task[0] != '\0') {
        task = find(request, undelete->task);
        if (task == NULL)
            return;
    }
    changing = begin(request);
    rc = dj_undelete(request->engine, task, dj_buf_bytes(&undelete->name), &changing->ok.number,
                     changed, changing, &err);
    if (rc < 0)
        refuse(changing, rc, &err);
}

/* ---- impact ---- */

enum { IMPACT_AT_ONCE = 1000 }; /* runs that are looked at between two other requests */

static void add_impacted(void *cookie, const struct dj_task *task, struct dj_bytes name)
{
    struct dj_msg_impacted_runs *answer = cookie;
    struct dj_part_impacted *run = dj_list_add(&answer->runs, sizeof(*run));

    run->task = dj_xstrdup(task->name);
    dj_buf_add_bytes(&run->name, name);
}

void dj_serve_impact(struct dj_request *request)
{
    const struct dj_msg_impact *impact = request->fields;
    struct dj_task *task = find(request, impact->task);
    struct dj_msg_impacted_runs answer = {.end = false};
    struct dj_buf at_task = DJ_BUF_INIT;
    uint64_t max;

    if (task == NULL)
        return;
    max = impact->max == 0 ? IMPACT_AT_ONCE : DJ_MIN(impact->max, IMPACT_AT_ONCE);
    dj_buf_adds(&at_task, impact->at_task == NULL ? "" : impact->at_task);
    dj_buf_set(&answer.at_name, dj_buf_bytes(&impact->at_name));
    answer.end = dj_impact(request->engine, task, &at_task, &answer.at_name, (size_t)max,
                           add_impacted, &answer);
    answer.at_task = dj_buf_steal(&at_task);
    dj_reply(request, DJ_MSG_IMPACTED, &answer);
    dj_codec_release(dj_message_layout(DJ_MSG_IMPACTED), &answer);
}

/* ---- what tasks there are ---- */

enum { TASKS_AT_ONCE = 50 }; /* tasks whose runs are counted between two other requests */

static char *text_or_none(const char *text)
{
    return text == NULL ? NULL : dj_xstrdup(text);
}

static void add_info(struct dj_engine *engine, struct dj_task *task,
                     struct dj_msg_task_list *answer)
{
    struct dj_part_task_info *info = dj_list_add(&answer->tasks, sizeof(*info));
    const struct dj_definition *definition = task->definition;
    uint64_t counts[DJ_STATUS_COUNT] = {0};
    struct dj_buf params = DJ_BUF_INIT;

    dj_params_print(&params, &definition->params);
    info->name = dj_xstrdup(task->name);
    info->params = dj_buf_steal(&params);
    info->version = text_or_none(definition->version);
    info->help = text_or_none(definition->help);
    info->here = text_or_none(definition->here);
    info->changed_ns = task->changed_ns;
    dj_task_counts(engine, task, counts);
    for (size_t i = 0; i < DJ_STATUS_COUNT; i++)
        ((struct dj_part_count *)dj_list_add(&info->counts, sizeof(struct dj_part_count)))->n =
            counts[i];
}

void dj_serve_task_list(struct dj_request *request)
{
    const struct dj_msg_tasks *ask = request->fields;
    struct dj_msg_task_list answer = {.end = false};
    uint64_t max = ask->max == 0 ? TASKS_AT_ONCE : DJ_MIN(ask->max, TASKS_AT_ONCE);
    bool one = ask->task != NULL && ask->task[0] != '\0';
    struct dj_task *task = one ? find(request, ask->task)
                               : dj_task_after(request->engine, dj_bytes_of(ask->after));

    if (one && task == NULL)
        return;
    if (one && task->definition == NULL) {
        dj_reply_error(request, ENOENT, "the task %s is not defined any more", ask->task);
        return;
    }
    while (task != NULL && answer.tasks.n < max) {
        add_info(request->engine, task, &answer);
        task = one ? NULL : dj_task_after(request->engine, dj_bytes_of(task->name));
    }
    answer.end = task == NULL;
    dj_reply(request, DJ_MSG_TASK_LIST, &answer);
    dj_codec_release(dj_message_layout(DJ_MSG_TASK_LIST), &answer);
}

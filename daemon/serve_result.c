#include "daemon/serve_result.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/engine.h"
#include "daemon/failure.h"
#include "daemon/memo.h"
#include "daemon/tree.h"
#include "lib/util/mem.h"

static int fill_result(struct dj_engine *engine, const struct dj_rec_instance *rec,
                       struct dj_msg_result *result, struct dj_err *err)
{
    result->size = rec->result.size;
    result->path = dj_content_file(engine, &rec->result);
    result->has_content = result->path == NULL;
    return result->path != NULL ? 0
                                : dj_read_content(engine, &rec->result, 0,
                                                  (size_t)rec->result.size, &result->content, err);
}

static int fill_log(struct dj_engine *engine, const struct dj_rec_instance *rec, uint64_t told,
                    struct dj_msg_result *result, struct dj_err *err)
{
    if (told >= rec->log.size)
        return 0;
    result->log_offset = told;
    result->log_path = dj_content_file(engine, &rec->log);
    return result->log_path != NULL ? 0
                                    : dj_read_content(engine, &rec->log, told,
                                                      (size_t)rec->log.size, &result->log, err);
}

/* A command that was ended or not found is told as a shell tells it. */
static bool is_told_by_exit(const struct dj_answer_form *form, const struct dj_rec_instance *rec,
                            int code)
{
    return form->memo && code == -EIO &&
           (rec->how == DJ_EXIT_SIGNAL || rec->how == DJ_EXIT_NOT_STARTED);
}

/* Of what a run reads nobody sees a note; in its log it would only be a difference. */
static char *note_on(struct dj_request *request, const struct dj_answer_form *form,
                     uint64_t instance)
{
    struct dj_buf note = DJ_BUF_INIT;

    if (!form->memo && dj_peer_facts(request->peer)->run == 0)
        dj_hit_note(request->engine, instance, &note);
    return note.len == 0 ? NULL : dj_buf_steal(&note);
}

void dj_answer(struct dj_request *request, const struct dj_answer_form *form, int code,
               uint64_t instance, const char *sentence)
{
    const struct dj_rec_instance *rec = dj_instance(request->engine, instance);
    struct dj_msg_result result = {.instance = instance, .computed = form->follow};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = 0;

    /* A command has an exit code for each kind of failure; an open has EIO for all of them. */
    if (code == -EIO && rec != NULL && rec->state != DJ_DONE)
        code = -dj_failure_errno(rec);
    result.code = (uint64_t)-code;
    if (code == 0 && rec == NULL) {
        dj_reply_error(request, EIO, "the result went away");
        return;
    }
    if (code != 0 && (rec == NULL || !(form->follow || is_told_by_exit(form, rec, code)))) {
        dj_reply_error(request, code, "%s", sentence == NULL ? strerror(-code) : sentence);
        return;
    }
    if (code == 0 || is_told_by_exit(form, rec, code)) {
        rc = fill_result(request->engine, rec, &result, &err);
        result.exit = form->memo ? dj_memo_exit(rec) : rec->code;
        result.note = code == 0 ? note_on(request, form, instance) : NULL;
    }
    if (code != 0)
        result.error = dj_xstrdup(sentence == NULL ? strerror(-code) : sentence);
    if (rc == 0 && (form->memo || form->follow))
        rc = fill_log(request->engine, rec, form->told, &result, &err);
    /* What the peer will read by its path stays there. */
    if (result.path != NULL || result.log_path != NULL)
        dj_tree_hold(request->engine, request->peer, instance);
    if (rc < 0)
        dj_reply_err(request, rc, &err);
    else
        dj_reply(request, DJ_MSG_RESULT, &result);
    dj_codec_release(dj_message_layout(DJ_MSG_RESULT), &result);
}

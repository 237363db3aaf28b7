#include "daemon/outcome.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/failure.h"
#include "daemon/tree.h"
#include "lib/model/name.h"
#include "lib/model/row_call.h"
#include "lib/model/status.h"
#include "lib/util/mem.h"

static char *run_path(struct dj_call *call)
{
    struct dj_buf path = DJ_BUF_INIT;

    dj_buf_adds(&path, "tasks/");
    dj_buf_adds(&path, dj_call_task(call)->name);
    dj_buf_addc(&path, '/');
    dj_buf_add_bytes(&path, dj_call_name(call));
    return dj_buf_steal(&path);
}

static int fill_content(struct dj_engine *engine, struct dj_peer *peer,
                        const struct dj_rec_instance *rec, struct dj_part_outcome *ret,
                        struct dj_err *err)
{
    ret->path = dj_content_file(engine, &rec->result);
    ret->has_content = ret->path == NULL;
    if (ret->path != NULL && peer != NULL)
        dj_tree_hold(engine, peer, rec->number);
    if (ret->path != NULL)
        return 0;
    return dj_read_content(engine, &rec->result, 0, (size_t)rec->result.size,
                           &ret->content, err);
}

void dj_outcome(struct dj_engine *engine, struct dj_peer *peer, int code, struct dj_call *call,
                uint64_t instance, const char *sentence, bool notes, struct dj_part_outcome *ret)
{
    const struct dj_rec_instance *rec = instance == 0 ? NULL : dj_instance(engine, instance);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_buf note = DJ_BUF_INIT;

    if (code == -EIO && rec != NULL && rec->state != DJ_DONE)
        code = -dj_failure_errno(rec);
    if (call != NULL)
        ret->run = run_path(call);
    if (rec != NULL)
        ret->status = dj_xstrdup(dj_status_name((enum dj_status)rec->state));
    if (code == 0 && rec != NULL) {
        code = fill_content(engine, peer, rec, ret, &err);
        sentence = dj_err_text(&err, code);
        if (notes)
            dj_call_hit_note(engine, call, instance, &note);
        ret->note = note.len == 0 ? NULL : dj_buf_steal(&note);
    } else if (code == 0 && instance != 0) {
        code = -EIO;
        sentence = "the result went away";
    }
    ret->code = (uint64_t)-code;
    if (code != 0)
        ret->error = dj_xstrdup(sentence == NULL ? strerror(-code) : sentence);
}

void dj_outcome_row(const struct dj_part_outcome *outcome, const struct dj_row *row,
                    const char *as, bool errors, struct dj_row *ret)
{
    const struct dj_row_outcome facts = {
        .code = (int)outcome->code, .run = outcome->run, .status = outcome->status,
        .error = outcome->error, .has_content = outcome->has_content,
        .content = dj_buf_bytes(&outcome->content)};
    dj_cleanup_buf struct dj_buf cell = DJ_BUF_INIT;

    dj_outcome_cell(&cell, &facts);
    dj_row_answer(row, outcome->run, dj_outcome_status(&facts), as, dj_buf_bytes(&cell),
                  outcome->error, errors, ret);
}

/* By the message that has it as a part. */
void dj_outcome_release(struct dj_part_outcome *outcome)
{
    struct dj_msg_results results = {0};

    *(struct dj_part_outcome *)dj_list_add(&results.outcomes, sizeof(*outcome)) = *outcome;
    dj_codec_release(dj_message_layout(DJ_MSG_RESULTS), &results);
    *outcome = (struct dj_part_outcome){0};
}

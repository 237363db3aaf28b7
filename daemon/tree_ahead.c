/* What a mount will ask for next, told before it does: results of runs, and the runs behind one. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/tree_impl.h"
#include "lib/util/mem.h"

#define NEXT_MAX 64 /* runs in one answer */

static bool has_ahead(const struct dj_spot *spot)
{
    return (spot->node.kind == DJ_NODE_CALL && spot->node.leaf == DJ_RUN_FOLDER) ||
           (spot->node.kind == DJ_NODE_INSTANCE && spot->node.leaf == DJ_INSTANCE_RESULT);
}

/* A run that opens has made a call, so to runs nothing is told ahead. */
void dj_ahead_entry(struct dj_request *request, const struct dj_spot *spot,
                    struct dj_msg_entry *entry)
{
    const struct dj_msg_lookup *ask = request->fields;
    struct dj_part_ahead ahead = {0};

    if (request->number == DJ_MSG_LOOKUP && ask->ahead != 0 && has_ahead(spot) &&
        dj_tree_asker(request, &ask->caller, NULL).run == 0 &&
        dj_content_ahead(spot, (size_t)DJ_MIN(ask->ahead, DJ_TREE_INLINE_MAX), &ahead))
        *(struct dj_part_ahead *)dj_list_add(&entry->ahead, sizeof(ahead)) = ahead;
}

/* ---- the runs behind one --------------------------------------------------------------------- */

struct behind {
    const struct dj_spot *folder;
    const struct dj_msg_next *ask;
    struct dj_msg_next_runs answer;
    size_t bytes; /* of results, in the answer */
    size_t max;
};

/* What a look-up of it would be answered; not those that the mount knows by made-up nodes. */
static bool complete(const struct behind *behind, struct dj_call *call, struct dj_bytes name,
                     struct dj_part_next_run *run)
{
    const struct dj_spot *folder = behind->folder;
    size_t most = (size_t)DJ_MIN(behind->ask->ahead, DJ_TREE_INLINE_MAX);
    struct dj_named *named = dj_named_find(&folder->tree->nameds, folder->task, name);
    dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

    if ((named != NULL && dj_named_known(named, folder->peer->counts)) ||
        !dj_bytes_equal(dj_call_name(call), name))
        return false;
    dj_spot_call(folder, call, DJ_RUN_FOLDER, &spot);
    if (dj_spot_attr(&spot, &run->attr, NULL) < 0 || !dj_content_ahead(&spot, most, &run->ahead))
        return false;
    dj_change_looked(folder->peer, call);
    return true;
}

/* Takes the reference. */
static void add_run(struct behind *behind, struct dj_call *call, struct dj_bytes name)
{
    struct dj_list *runs = &behind->answer.runs;
    struct dj_part_next_run run = {0};

    if (call == NULL || dj_call_number(call) == 0 || behind->bytes >= DJ_TREE_READ_MAX / 2 ||
        !complete(behind, call, name, &run)) {
        dj_buf_release(&run.ahead.content);
    } else {
        dj_buf_add_bytes(&run.name, name);
        behind->bytes += run.ahead.content.len;
        *(struct dj_part_next_run *)dj_list_add(runs, sizeof(run)) = run;
    }
    dj_call_unref(call);
}

static void add_named(struct behind *behind)
{
    const struct dj_spot *folder = behind->folder;
    const struct dj_list *names = &behind->ask->names;

    for (size_t i = 0; i < names->n && i < behind->max; i++) {
        dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
        struct dj_bytes name = dj_buf_bytes(&DJ_LIST_AT(names, struct dj_part_word, i)->bytes);
        struct dj_call *call = NULL;

        if (dj_call_by_name(folder->engine, folder->task, name, &call, &canonical, &err) == 0)
            add_run(behind, call, name);
    }
}

static void add_listed(struct behind *behind)
{
    const struct dj_spot *folder = behind->folder;
    struct dj_page page = {.max = behind->max};

    dj_task_runs(folder->engine, folder->task, dj_buf_bytes(&behind->ask->after), dj_page_add,
                 &page);
    for (size_t i = 0; i < page.runs.n; i++) {
        const struct dj_page_run *run = DJ_LIST_AT(&page.runs, struct dj_page_run, i);

        add_run(behind, dj_call_by_number(folder->engine, run->number), dj_buf_bytes(&run->name));
    }
    dj_page_release(&page);
}

void dj_ahead_next(const struct dj_spot *folder, struct dj_request *request)
{
    const struct dj_msg_next *ask = request->fields;
    struct behind behind = {
        .folder = folder, .ask = ask, .max = (size_t)DJ_MIN(ask->max, NEXT_MAX)};
    struct dj_list *runs = &behind.answer.runs;

    if (folder->node.kind != DJ_NODE_TASK || folder->node.leaf != DJ_TASK_FOLDER) {
        dj_tree_refuse(request, -EINVAL, "this is not the folder of a task");
        return;
    }
    if (behind.max != 0 && !folder->readonly &&
        dj_tree_asker(request, &ask->caller, NULL).run == 0) {
        /* All at once: they are large enough for a growing list to be copied again and again. */
        runs->items = dj_xcalloc(behind.max, sizeof(struct dj_part_next_run));
        runs->cap = behind.max;
        if (ask->names.n != 0)
            add_named(&behind);
        else
            add_listed(&behind);
    }
    dj_reply(request, DJ_MSG_NEXT_RUNS, &behind.answer);
    dj_codec_release(dj_message_layout(DJ_MSG_NEXT_RUNS), &behind.answer);
}

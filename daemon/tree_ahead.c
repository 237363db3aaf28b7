/* What a mount will ask for next, told before it does: results of runs, and the runs behind one. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/tree_impl.h"

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
    struct dj_list runs; /* struct dj_part_next_run: its name, and in attr.node its call's number */
    size_t max;
};

static int collect(void *cookie, struct dj_bytes name, uint64_t number)
{
    struct behind *behind = cookie;
    struct dj_part_next_run *run = dj_list_add(&behind->runs, sizeof(*run));

    dj_buf_add_bytes(&run->name, name);
    run->attr.node = number;
    return behind->runs.n >= behind->max;
}

static void collect_named(const struct dj_spot *folder, const struct dj_list *names,
                          struct behind *behind)
{
    for (size_t i = 0; i < names->n && behind->runs.n < behind->max; i++) {
        dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
        struct dj_bytes name = dj_buf_bytes(&DJ_LIST_AT(names, struct dj_part_word, i)->bytes);
        struct dj_call *call = NULL;

        if (dj_call_by_name(folder->engine, folder->task, name, &call, &canonical, &err) != 0)
            continue;
        if (dj_call_number(call) != 0)
            collect(behind, name, dj_call_number(call));
        dj_call_unref(call);
    }
}

/* What a look-up of it would be answered; not those that the mount knows by made-up nodes. */
static bool complete(const struct dj_spot *folder, const struct dj_msg_next *ask,
                     struct dj_part_next_run *run)
{
    struct dj_named *named = dj_named_find(&folder->tree->nameds, folder->task,
                                           dj_buf_bytes(&run->name));
    struct dj_call *call = dj_call_by_number(folder->engine, run->attr.node);
    dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;
    bool good;

    if (call == NULL)
        return false;
    good = (named == NULL || !dj_named_known(named, folder->peer->counts)) &&
           dj_bytes_equal(dj_call_name(call), dj_buf_bytes(&run->name));
    dj_spot_call(folder, call, DJ_RUN_FOLDER, &spot);
    dj_call_unref(call);
    if (!good || dj_spot_attr(&spot, &run->attr, NULL) < 0 ||
        !dj_content_ahead(&spot, (size_t)DJ_MIN(ask->ahead, DJ_TREE_INLINE_MAX), &run->ahead))
        return false;
    dj_change_looked(folder->peer, spot.call);
    return true;
}

void dj_ahead_next(const struct dj_spot *folder, struct dj_request *request)
{
    const struct dj_msg_next *ask = request->fields;
    struct behind behind = {.max = (size_t)DJ_MIN(ask->max, NEXT_MAX)};
    struct dj_msg_next_runs answer = {0};
    size_t bytes = 0;

    if (folder->node.kind != DJ_NODE_TASK || folder->node.leaf != DJ_TASK_FOLDER) {
        dj_tree_refuse(request, -EINVAL, "this is not the folder of a task");
        return;
    }
    if (behind.max == 0 || folder->readonly ||
        dj_tree_asker(request, &ask->caller, NULL).run != 0)
        ;
    else if (ask->names.n != 0)
        collect_named(folder, &ask->names, &behind);
    else
        dj_task_runs(folder->engine, folder->task, dj_buf_bytes(&ask->after), collect, &behind);
    for (size_t i = 0; i < behind.runs.n; i++) {
        struct dj_part_next_run *run = DJ_LIST_AT(&behind.runs, struct dj_part_next_run, i);

        if (bytes < DJ_TREE_READ_MAX / 2 && complete(folder, ask, run)) {
            bytes += run->ahead.content.len;
            *(struct dj_part_next_run *)dj_list_add(&answer.runs, sizeof(*run)) = *run;
        } else {
            dj_buf_release(&run->name);
            dj_buf_release(&run->ahead.content);
        }
    }
    free(behind.runs.items);
    dj_reply(request, DJ_MSG_NEXT_RUNS, &answer);
    dj_codec_release(dj_message_layout(DJ_MSG_NEXT_RUNS), &answer);
}

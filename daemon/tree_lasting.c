/*
 * What a read-only mount may believe until it is told otherwise.
 *
 * Such a mount sends no OPEN, so a name that its kernel remembers is a result that is served. It is
 * told of every change that somebody makes (tree_change.c), and those names are good for long. What
 * rests on files, on the time or on tracked files changes without anybody telling; it has to be
 * judged at each look, and looks are a second apart at the most.
 */
#include "daemon/tree_impl.h"

static bool is_under_way(const struct dj_spot *spot)
{
    uint64_t latest = dj_call_latest(spot->engine, spot->call);
    struct dj_live live;

    return latest != 0 && dj_live(spot->engine, latest, &live);
}

/* A name in the folder of a run. Another spelling of a run is not among those that are told. */
static bool result_lasts(const struct dj_spot *folder, const struct dj_spot *found)
{
    return folder->node.kind == DJ_NODE_CALL && folder->named == NULL &&
           (found->node.leaf == DJ_INSTANCE_RESULT || found->node.leaf == DJ_INSTANCE_FILES) &&
           dj_changes_told(found->engine) &&
           dj_instance_constant(found->engine, found->call, found->record);
}

uint64_t dj_lasting_name(const struct dj_spot *folder, const struct dj_spot *found)
{
    bool lasts = false;

    if (!found->readonly)
        return 0;
    switch (found->node.kind) {
    case DJ_NODE_FIXED:
        lasts = found->node.number == DJ_FIXED_TASKS;
        break;
    case DJ_NODE_TASK:
        lasts = found->node.leaf == DJ_TASK_FOLDER;
        break;
    case DJ_NODE_CALL:
        lasts = found->node.leaf == DJ_RUN_FOLDER && !is_under_way(found);
        break;
    case DJ_NODE_INSTANCE:
        lasts = found->node.leaf >= DJ_INSTANCE_ENTRY || result_lasts(folder, found);
        break;
    default:
        break;
    }
    return lasts ? DJ_TTL_LASTING_MS : 0;
}

uint64_t dj_lasting_attr(const struct dj_spot *spot)
{
    return spot->readonly && dj_node_is_ended(&spot->node) ? DJ_TTL_LASTING_MS : 0;
}

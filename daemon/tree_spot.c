/* From node ids to the engine's objects, and to what stat(2) shows of them. */
#include <errno.h>
#include <inttypes.h>

#include "daemon/sched.h"
#include "daemon/engine_open.h"
#include "daemon/tree_impl.h"

static const struct dj_sort *sort_of_entry(enum dj_node_kind kind, const struct dj_rec_entry *entry)
{
    const struct dj_sort *sorts = kind == DJ_NODE_HISTORY ? dj_history_entry_sorts : dj_entry_sorts;

    if (S_ISDIR((mode_t)entry->mode))
        return &sorts[1];
    return &sorts[S_ISLNK((mode_t)entry->mode) ? 2 : 0];
}

static int gone(struct dj_err *err)
{
    return dj_err_set(err, ESTALE, "this file is not there any more; look again");
}

/* spot->node and the objects are set: the sort and the id follow from them. */
static void finish(struct dj_spot *spot)
{
    switch (spot->node.kind) {
    case DJ_NODE_FIXED:
        spot->sort = &dj_root_sorts[spot->node.number];
        break;
    case DJ_NODE_TASK:
        spot->sort = &dj_task_sorts[spot->node.leaf];
        break;
    case DJ_NODE_CALL:
    case DJ_NODE_NAMED:
        spot->sort = &dj_run_sorts[spot->node.leaf];
        break;
    case DJ_NODE_INSTANCE:
        if (spot->node.leaf < DJ_INSTANCE_ENTRY)
            spot->sort = &dj_instance_sorts[spot->node.leaf];
        break;
    case DJ_NODE_HISTORY:
        if (spot->node.leaf < DJ_INSTANCE_ENTRY)
            spot->sort = &dj_history_sorts[spot->node.leaf];
        break;
    case DJ_NODE_SESSION:
        spot->sort = &dj_session_sorts[spot->node.leaf];
        break;
    case DJ_NODE_FRAME:
        spot->sort = &dj_frame_sorts[spot->node.leaf];
        break;
    case DJ_NODE_ROW:
        spot->sort = &dj_row_sort;
        break;
    }
    spot->id = dj_node_pack(spot->node);
}

static void begin(const struct dj_spot *from, struct dj_spot *ret)
{
    *ret = (struct dj_spot){.tree = from->tree, .engine = from->engine, .peer = from->peer,
                            .readonly = from->readonly};
}

static void set_call(struct dj_spot *spot, struct dj_call *call)
{
    dj_call_ref(call);
    spot->call = call;
    spot->task = dj_call_task(call);
}

void dj_spot_release(struct dj_spot *spot)
{
    if (spot->call != NULL)
        dj_call_unref(spot->call);
    *spot = (struct dj_spot){0};
}

void dj_spot_fixed(const struct dj_spot *from, enum dj_fixed number, struct dj_spot *ret)
{
    begin(from, ret);
    ret->node = (struct dj_node){DJ_NODE_FIXED, number, 0};
    finish(ret);
}

void dj_spot_task(const struct dj_spot *from, struct dj_task *task, enum dj_task_leaf leaf,
                  struct dj_spot *ret)
{
    begin(from, ret);
    ret->node = (struct dj_node){DJ_NODE_TASK, task->number, leaf};
    ret->task = task;
    finish(ret);
}

void dj_spot_frame(const struct dj_spot *from, struct dj_frame *frame, enum dj_frame_leaf leaf,
                   struct dj_spot *ret)
{
    begin(from, ret);
    ret->node = (struct dj_node){DJ_NODE_FRAME, dj_node_session(dj_frame_name(frame), NULL), leaf};
    ret->frame = frame;
    finish(ret);
}

void dj_spot_session(const struct dj_spot *from, const char *session, const char *resource,
                     enum dj_session_leaf leaf, struct dj_spot *ret)
{
    begin(from, ret);
    ret->node = (struct dj_node){DJ_NODE_SESSION, dj_node_session(session, resource), leaf};
    ret->session = session;
    ret->resource = resource;
    finish(ret);
}

void dj_spot_call(const struct dj_spot *from, struct dj_call *call, enum dj_run_leaf leaf,
                  struct dj_spot *ret)
{
    begin(from, ret);
    ret->node = (struct dj_node){DJ_NODE_CALL, dj_call_number(call), leaf};
    set_call(ret, call);
    finish(ret);
}

void dj_spot_listed(const struct dj_spot *from, uint64_t number, struct dj_bytes name,
                    struct dj_spot *ret)
{
    begin(from, ret);
    ret->node = (struct dj_node){DJ_NODE_CALL, number, DJ_RUN_FOLDER};
    ret->task = from->task;
    ret->name = name;
    finish(ret);
}

void dj_spot_named(const struct dj_spot *from, struct dj_named *named, enum dj_run_leaf leaf,
                   struct dj_spot *ret)
{
    begin(from, ret);
    ret->node = (struct dj_node){DJ_NODE_NAMED, named->number, leaf};
    ret->named = named;
    ret->task = named->task;
    if (named->call != NULL)
        set_call(ret, named->call);
    finish(ret);
}

void dj_spot_row(const struct dj_spot *from, struct dj_named *sweep, uint64_t row,
                 struct dj_spot *ret)
{
    begin(from, ret);
    ret->node = (struct dj_node){DJ_NODE_ROW, sweep->serial, (uint32_t)row};
    ret->sweep = sweep;
    ret->task = sweep->task;
    finish(ret);
}

void dj_spot_run(const struct dj_spot *from, enum dj_run_leaf leaf, struct dj_spot *ret)
{
    if (from->named != NULL)
        dj_spot_named(from, from->named, leaf, ret);
    else
        dj_spot_call(from, from->call, leaf, ret);
}

/* Records and manifests are not cheap, so one that is at hand is kept. */
static int set_instance(struct dj_spot *spot, struct dj_node node, struct dj_err *err)
{
    uint32_t leaf = node.leaf;

    if (spot->record == NULL)
        spot->record = dj_instance(spot->engine, node.number);
    if (spot->record == NULL && spot->call != NULL)
        (void)dj_instance_lost(spot->engine, spot->call, node.number);
    if (spot->record == NULL)
        return gone(err);
    spot->node = node;
    if (spot->manifest == NULL && (leaf == DJ_INSTANCE_FILES || leaf >= DJ_INSTANCE_ENTRY))
        spot->manifest = dj_manifest_of(spot->tree, spot->record, node.number);
    if (spot->manifest != NULL && spot->manifest->entries.n == 0 &&
        spot->record->manifest.size != 0) /* it is damaged, and the run corrupt by now */
        return gone(err);
    if (leaf >= DJ_INSTANCE_ENTRY) {
        size_t index = leaf - DJ_INSTANCE_ENTRY;

        if (index >= spot->manifest->entries.n)
            return gone(err);
        spot->sort = sort_of_entry(node.kind, DJ_LIST_AT(&spot->manifest->entries,
                                                         struct dj_rec_entry, index));
    }
    finish(spot);
    return 0;
}

static int spot_ended(const struct dj_spot *from, struct dj_node node, struct dj_spot *ret,
                      struct dj_err *err)
{
    int code;

    begin(from, ret);
    set_call(ret, from->call);
    if (dj_node_is_ended(&from->node) && from->node.number == node.number) {
        ret->record = from->record;
        ret->manifest = from->manifest;
    }
    code = set_instance(ret, node, err);
    if (code < 0)
        dj_spot_release(ret);
    return code;
}

int dj_spot_instance(const struct dj_spot *from, uint64_t instance, uint32_t leaf,
                     struct dj_spot *ret, struct dj_err *err)
{
    return spot_ended(from, (struct dj_node){DJ_NODE_INSTANCE, instance, leaf}, ret, err);
}

int dj_spot_history(const struct dj_spot *from, uint64_t instance, uint32_t leaf,
                    struct dj_spot *ret, struct dj_err *err)
{
    return spot_ended(from, (struct dj_node){DJ_NODE_HISTORY, instance, leaf}, ret, err);
}

int dj_spot_beside(const struct dj_spot *from, uint32_t leaf, struct dj_spot *ret,
                   struct dj_err *err)
{
    return spot_ended(from, (struct dj_node){from->node.kind, from->node.number, leaf}, ret, err);
}

void dj_spot_given(const struct dj_spot *spot, struct dj_asker *asker, struct dj_args *ret)
{
    *ret = (struct dj_args)DJ_ARGS_INIT;
    if (spot->named != NULL && spot->call != NULL &&
        dj_call_given(spot->engine, spot->task, dj_buf_bytes(&spot->named->name), ret))
        asker->args = ret;
}

static int find_task(struct dj_spot *spot, struct dj_err *err)
{
    struct dj_task *task = dj_task_by_number(spot->engine, (uint32_t)spot->node.number);

    if (task == NULL || task->definition == NULL || task->number != spot->node.number)
        return gone(err);
    spot->task = task;
    return 0;
}

/* A session that is gone, or comes anew under its name, is no other one's. */
static int find_session(struct dj_spot *spot, struct dj_err *err)
{
    struct dj_session_facts facts;

    for (const char *name = dj_session_after(spot->engine, ""); name != NULL;
         name = dj_session_after(spot->engine, name)) {
        spot->session = name;
        if (spot->node.leaf != DJ_SESSION_RESOURCE) {
            if (dj_node_session(name, NULL) == spot->node.number)
                return 0;
            continue;
        }
        (void)dj_session_look(spot->engine, name, &facts);
        for (size_t i = 0; i < facts.kinds->n; i++) {
            spot->resource = DJ_LIST_AT(facts.kinds, struct dj_sched_kind, i)->name;
            if (dj_node_session(name, spot->resource) == spot->node.number)
                return 0;
        }
    }
    return gone(err);
}

static int find_frame(struct dj_spot *spot, struct dj_err *err)
{
    struct dj_frames *frames = dj_engine_frames(spot->engine);
    struct dj_frame *frame = dj_frame_after(frames, "");

    while (frame != NULL && dj_node_session(dj_frame_name(frame), NULL) != spot->node.number)
        frame = dj_frame_after(frames, dj_frame_name(frame));
    spot->frame = frame;
    return frame == NULL ? gone(err) : 0;
}

static int find_call(struct dj_spot *spot, struct dj_call *call, struct dj_err *err)
{
    if (call == NULL)
        return gone(err);
    spot->call = call;
    spot->task = dj_call_task(call);
    return 0;
}

static int find_instance(struct dj_spot *spot, struct dj_err *err)
{
    struct dj_call *call = NULL;
    int code;

    spot->record = dj_instance(spot->engine, spot->node.number);
    if (spot->record != NULL && spot->record->call != 0)
        call = dj_call_by_number(spot->engine, spot->record->call);
    if (call == NULL) /* one that leaves no trace */
        call = dj_instance_call(spot->engine, spot->node.number);
    code = find_call(spot, call, err);
    return code < 0 ? code : set_instance(spot, spot->node, err);
}

/* A task that has other parameters by now, or others that count, has other rows. */
static bool sweep_holds(const struct dj_named *named)
{
    return named->task->definition != NULL &&
           dj_sweep_fits(named->sweep, &named->task->definition->params);
}

static int find_row(struct dj_spot *spot, struct dj_err *err)
{
    struct dj_named *named = dj_named_by_serial(&spot->tree->nameds, spot->node.number);

    if (named == NULL || !sweep_holds(named) || spot->node.leaf >= dj_sweep_rows(named->sweep))
        return gone(err);
    spot->sweep = named;
    spot->task = named->task;
    return 0;
}

static int find_named(struct dj_spot *spot, struct dj_err *err)
{
    struct dj_named *named = dj_named_by_number(&spot->tree->nameds, spot->node.number);

    if (named == NULL || (named->sweep != NULL) != (spot->node.leaf >= DJ_RUN_SWEEP) ||
        (named->sweep != NULL && !sweep_holds(named)))
        return gone(err);
    if (named->sweep == NULL && (named->call == NULL) != (spot->node.leaf == DJ_RUN_ALIAS))
        return gone(err);
    spot->named = named;
    spot->task = named->task;
    if (named->call != NULL)
        set_call(spot, named->call);
    return 0;
}

static int find(struct dj_spot *spot, struct dj_err *err)
{
    int code = 0;

    switch (spot->node.kind) {
    case DJ_NODE_FIXED:
        break;
    case DJ_NODE_TASK:
        code = find_task(spot, err);
        break;
    case DJ_NODE_CALL:
        code = find_call(spot, dj_call_by_number(spot->engine, spot->node.number), err);
        break;
    case DJ_NODE_NAMED:
        code = find_named(spot, err);
        break;
    case DJ_NODE_INSTANCE:
    case DJ_NODE_HISTORY:
        code = find_instance(spot, err);
        break;
    case DJ_NODE_SESSION:
        code = find_session(spot, err);
        break;
    case DJ_NODE_FRAME:
        code = find_frame(spot, err);
        break;
    case DJ_NODE_ROW:
        code = find_row(spot, err);
        break;
    }
    if (code == 0)
        finish(spot);
    return code;
}

int dj_spot_of(struct dj_tree_peer *peer, uint64_t id, struct dj_spot *ret, struct dj_err *err)
{
    int code;

    *ret = (struct dj_spot){.tree = peer->tree, .engine = peer->tree->engine, .peer = peer,
                            .readonly = dj_peer_facts(peer->peer)->readonly};
    if (!dj_node_unpack(id, &ret->node))
        return gone(err);
    code = find(ret, err);
    if (code < 0)
        dj_spot_release(ret);
    return code;
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* Which file of its run a node is, for its inode number. */
static enum dj_run_leaf leaf_of(const struct dj_spot *spot, struct dj_bytes *ret_path)
{
    *ret_path = DJ_BYTES_LIT("");
    if (spot->node.kind != DJ_NODE_INSTANCE)
        return (enum dj_run_leaf)spot->node.leaf;
    if (spot->node.leaf == DJ_INSTANCE_RESULT)
        return DJ_RUN_RESULT;
    if (spot->node.leaf == DJ_INSTANCE_LOG)
        return DJ_RUN_LOG;
    if (spot->node.leaf >= DJ_INSTANCE_ENTRY)
        *ret_path = dj_buf_bytes(&DJ_LIST_AT(&spot->manifest->entries, struct dj_rec_entry,
                                             spot->node.leaf - DJ_INSTANCE_ENTRY)->path);
    return DJ_RUN_FILES;
}

/* Each instance of history/ has files of its own. */
static uint64_t ino_in_history(const struct dj_spot *spot)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    dj_buf_addf(&path, "%" PRIu64 "/%" PRIu32, spot->node.number, spot->node.leaf);
    return dj_node_ino(spot->task->number, dj_call_name(spot->call), DJ_RUN_HISTORY,
                       dj_buf_bytes(&path));
}

static uint64_t ino_of_row(const struct dj_spot *spot)
{
    dj_cleanup_buf struct dj_buf row = DJ_BUF_INIT;

    dj_buf_addf(&row, "%" PRIu32, spot->node.leaf);
    return dj_node_ino(spot->task->number, dj_buf_bytes(&spot->sweep->name), DJ_RUN_SWEEP,
                       dj_buf_bytes(&row));
}

static uint64_t ino_of(const struct dj_spot *spot)
{
    struct dj_bytes path;
    enum dj_run_leaf leaf;

    if (spot->node.kind == DJ_NODE_HISTORY)
        return ino_in_history(spot);
    if (spot->task == NULL || spot->node.kind == DJ_NODE_TASK)
        return spot->id;
    if (spot->node.kind == DJ_NODE_ROW)
        return ino_of_row(spot);
    leaf = leaf_of(spot, &path);
    /* Another spelling, one that sets ignored parameters, and a sweep are folders of their own. */
    if (spot->named != NULL &&
        (leaf == DJ_RUN_FOLDER || leaf == DJ_RUN_ALIAS || leaf >= DJ_RUN_SWEEP))
        return dj_node_ino(spot->task->number, dj_buf_bytes(&spot->named->name), leaf, path);
    return dj_node_ino(spot->task->number,
                       spot->call == NULL ? spot->name : dj_call_name(spot->call), leaf, path);
}

int dj_spot_attr(const struct dj_spot *spot, struct dj_part_attr *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_totals totals;
    int code;

    *ret = (struct dj_part_attr){
        .node = spot->id,
        .ino = ino_of(spot),
        .mode = spot->sort->mode,
        .nlink = S_ISDIR(spot->sort->mode) ? 2 : 1,
        .uid = spot->tree->uid,
        .gid = spot->tree->gid,
        .ttl_ms = DJ_TTL_NONE,
    };
    if (spot->task != NULL) {
        ret->mtime_ns = spot->task->changed_ns;
    } else {
        dj_totals(spot->engine, &totals);
        ret->mtime_ns = totals.start_ns;
    }
    if (spot->sort->text != NULL && (spot->readonly || !spot->sort->costly)) {
        spot->sort->text(spot, &text);
        ret->size = text.len;
    }
    code = spot->sort->attr == NULL ? 0 : spot->sort->attr(spot, ret, err);
    if (code == 0 && spot->readonly && spot->sort->text != NULL)
        dj_text_show(spot, &text, ret);
    return code;
}

bool dj_listing_add(struct dj_listing *listing, const struct dj_spot *spot, struct dj_bytes name,
                    uint64_t cookie)
{
    struct dj_part_attr attr;
    struct dj_part_dirent *entry;

    if (listing->out.entries.n >= listing->max || listing->bytes > DJ_TREE_READ_MAX / 2)
        return false;
    if (dj_spot_attr(spot, &attr, NULL) < 0)
        return true;
    spot->peer->learnt = true;
    entry = dj_list_add(&listing->out.entries, sizeof(*entry));
    dj_buf_set(&entry->name, name);
    entry->cookie = cookie;
    entry->attr = attr;
    listing->bytes += name.len + sizeof(*entry);
    return true;
}

void dj_listing_link(struct dj_listing *listing, struct dj_bytes target)
{
    struct dj_list *entries = &listing->out.entries;

    dj_buf_set(&DJ_LIST_AT(entries, struct dj_part_dirent, entries->n - 1)->target, target);
    listing->bytes += target.len;
}

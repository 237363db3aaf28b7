/*
 * tasks/TASK/SWEEP: a name with values that vary, as a folder.
 *
 *     results     a JSON line a row, in order; reading computes what is missing
 *     table.csv   the same rows
 *     NAME        a link to a run, for each that the rows make
 *
 * The folder and its links follow from the name and the task's parameters alone: whoever looks at
 * them starts nothing, and nothing of them is stored. So links are there whether their runs are or
 * not, through a read-only mount, too. The two files are not there: their rows are made for whoever
 * opens them, and that mount does not say who does, nor could it tell their sizes before.
 */
#include <errno.h>

#include "daemon/sweep_run.h"
#include "daemon/tree_impl.h"
#include "lib/model/name.h"

static const struct {
    const char *name;
    enum dj_run_leaf leaf;
} files[] = {
    {"results", DJ_RUN_SWEEP_RESULTS},
    {"table.csv", DJ_RUN_SWEEP_TABLE},
};

/* ---- the folder ------------------------------------------------------------------------------ */

int dj_sweeps_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                     struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    uint64_t row;

    (void)asker;
    for (size_t i = 0; !folder->readonly && i < DJ_ARRAY_SIZE(files); i++) {
        if (dj_bytes_is(name, files[i].name)) {
            dj_spot_named(folder, folder->named, files[i].leaf, ret);
            return 0;
        }
    }
    if (!dj_sweep_find(folder->named->sweep, name, &row))
        return dj_err_set(err, ENOENT, "this is a sweep: it has results, table.csv and links to its"
                          " runs");
    dj_spot_row(folder, folder->named, row, ret);
    return 0;
}

static bool list_files(const struct dj_spot *folder, struct dj_listing *listing)
{
    for (size_t i = (size_t)DJ_MIN(listing->cookie, DJ_ARRAY_SIZE(files));
         !folder->readonly && i < DJ_ARRAY_SIZE(files); i++) {
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

        dj_spot_named(folder, folder->named, files[i].leaf, &spot);
        if (!dj_listing_add(listing, &spot, dj_bytes_of(files[i].name), i + 1))
            return false;
    }
    return true;
}

/* A link has the name of what it leads to, unless there is a file of that name, or it is too long:
 * then it is asked for. */
static void list_target(struct dj_listing *listing, struct dj_bytes name)
{
    dj_cleanup_buf struct dj_buf target = DJ_BUF_INIT;

    if (dj_sweep_is_numbered(name))
        return;
    dj_buf_adds(&target, "../");
    dj_buf_add_bytes(&target, name);
    dj_listing_link(listing, dj_buf_bytes(&target));
}

/* The cookie of a row is its number behind those of the files, from 1 on. */
int dj_sweeps_list(const struct dj_spot *folder, const struct dj_asker *asker,
                   struct dj_listing *listing, struct dj_err *err)
{
    const struct dj_sweep *sweep = folder->named->sweep;
    const uint64_t before = DJ_ARRAY_SIZE(files);
    uint64_t row = listing->cookie < before ? 0 : listing->cookie - before;

    (void)asker;
    (void)err;
    if (!list_files(folder, listing))
        return 0;
    for (row = dj_sweep_first_from(sweep, row); row < dj_sweep_rows(sweep);
         row = dj_sweep_first_from(sweep, row + 1)) {
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;
        dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

        dj_sweep_link(sweep, row, &name);
        dj_spot_row(folder, folder->named, row, &spot);
        if (!dj_listing_add(listing, &spot, dj_buf_bytes(&name), before + row + 1))
            return 0;
        list_target(listing, dj_buf_bytes(&name));
    }
    listing->out.end = true;
    return 0;
}

void dj_sweeps_unlink(const struct dj_spot *folder, struct dj_request *request,
                      const struct dj_asker *asker, const struct dj_msg_unlink *ask)
{
    (void)folder;
    (void)asker;
    (void)ask;
    dj_tree_refuse(request, -EPERM, "what is in the folder of a sweep follows from its name; runs"
                   " are taken away in the folder of their task");
}

int dj_sweeps_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
{
    (void)spot;
    (void)err;
    attr->ttl_ms = DJ_TTL_SHORT_MS;
    return 0;
}

/* ---- results, table.csv ---------------------------------------------------------------------- */

static void handle_read(struct dj_handle *handle, struct dj_request *request,
                        const struct dj_msg_read *ask)
{
    dj_sweep_run_read(handle, request, ask);
}

/* A read-only mount has a row for what is not there; who does not wait is told to come again. */
void dj_sweeps_open(const struct dj_spot *spot, struct dj_request *request,
                    const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    static const struct dj_handle_ops ops = {.read = handle_read};
    const struct dj_definition *definition = spot->task->definition;
    bool hasty = (ask->flags & DJ_OPEN_NONBLOCK) != 0;
    unsigned flags = asker->readonly || hasty ? DJ_GET_CACHED : 0;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_sweep_run *run;
    struct dj_handle *handle;

    if (ask->env.n == 0 && definition->env_keyed.n != 0) {
        dj_reply_wants(request, definition);
        return;
    }
    run = dj_sweep_run_new(spot->engine, spot->task, spot->named->sweep,
                           spot->node.leaf == DJ_RUN_SWEEP_TABLE, flags,
                           hasty && !asker->readonly, asker, &err);
    if (run == NULL) {
        dj_reply_err(request, -err.code, &err);
        return;
    }
    handle = dj_handle_new(&spot->peer->handles, spot->tree, spot->id, &ops);
    handle->sweep = run;
    dj_tree_opened_handle(request, handle, 0);
}

void dj_sweeps_read(const struct dj_spot *spot, struct dj_request *request,
                    const struct dj_msg_read *ask)
{
    (void)spot;
    (void)ask;
    dj_tree_refuse(request, -ESTALE, "the rows of a sweep are read from an open file");
}

/* ---- links ----------------------------------------------------------------------------------- */

/* A name that is hashed has to be known when it is looked up next. */
static void hashed_name(const struct dj_spot *spot, struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT, canonical = DJ_BUF_INIT;
    struct dj_call *call = NULL;

    dj_sweep_spelling(spot->sweep->sweep, spot->node.leaf, &name);
    if (dj_call_by_name(spot->engine, spot->task, dj_buf_bytes(&name), &call, &canonical, NULL) < 0)
        return;
    dj_call_unref(call);
    dj_buf_set(ret, canonical.len == 0 ? dj_buf_bytes(&name) : dj_buf_bytes(&canonical));
}

/* What is not resolved yet, the link that it leads to resolves. */
static void row_target(const struct dj_spot *spot, struct dj_buf *ret)
{
    dj_cleanup_args struct dj_args args = DJ_ARGS_INIT;
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

    dj_sweep_args(spot->sweep->sweep, spot->node.leaf, &args);
    if (dj_args_resolved(&args))
        dj_name_spelled(&name, &args);
    else
        dj_sweep_spelling(spot->sweep->sweep, spot->node.leaf, &name);
    dj_buf_adds(ret, "../");
    dj_buf_add_bytes(ret, dj_buf_bytes(&name));
}

static void row_readlink(const struct dj_spot *spot, struct dj_request *request,
                         const struct dj_asker *asker, const struct dj_msg_readlink *ask)
{
    dj_cleanup_buf struct dj_buf target = DJ_BUF_INIT, name = DJ_BUF_INIT;

    (void)asker;
    (void)ask;
    row_target(spot, &target);
    if (dj_name_is_hashed(dj_bytes_from(dj_buf_bytes(&target), strlen("../")))) {
        hashed_name(spot, &name);
        dj_buf_truncate(&target, strlen("../"));
        dj_buf_add_bytes(&target, dj_buf_bytes(&name));
    }
    dj_tree_link(request, &target);
}

static int row_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf target = DJ_BUF_INIT;

    (void)err;
    row_target(spot, &target);
    attr->size = target.len;
    attr->ttl_ms = DJ_TTL_SHORT_MS;
    return 0;
}

const struct dj_sort dj_row_sort = {.mode = S_IFLNK | 0777, .attr = row_attr,
                                    .readlink = row_readlink};

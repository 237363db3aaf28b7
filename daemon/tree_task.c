/* tasks/TASK: the files of a task, and the names of its runs. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "daemon/render.h"
#include "daemon/tree_impl.h"
#include "lib/proto/dirnames.h"
#include "lib/model/taskfile.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

#define DEFINITION_MAX (128U * 1024) /* what the kernel hands over in one piece at the least */

struct task_name {
    const char *name;
    enum dj_task_leaf leaf;
};

static const struct task_name names[] = {
    {".definition", DJ_TASK_DEFINITION},
    {".version", DJ_TASK_VERSION},
    {".status", DJ_TASK_STATUS},
    {".ctl", DJ_TASK_CTL},
};

/* ---- names of runs --------------------------------------------------------------------------- */

/*
 * A run that has a number is its own node, unless the asker still knows it under a made-up one, or
 * the spelling sets ignored parameters, which a number would lose.
 */
static void run_spot(const struct dj_spot *folder, struct dj_bytes name, struct dj_call *call,
                     struct dj_spot *ret)
{
    struct dj_named *named = dj_named_find(&folder->tree->nameds, folder->task, name);

    if (named != NULL && (named->call == NULL || !dj_named_known(named, folder->peer->counts)))
        named = NULL;
    if (named == NULL && dj_call_number(call) != 0 && dj_bytes_equal(dj_call_name(call), name)) {
        dj_spot_call(folder, call, DJ_RUN_FOLDER, ret);
        return;
    }
    named = dj_named_get(&folder->tree->nameds, folder->task, name, call);
    dj_spot_named(folder, named, DJ_RUN_FOLDER, ret);
}

/* 1: it is one, else as dj_sweep_of_name(). A name that is stored has nothing that varies. */
static int sweep_of(const struct dj_spot *folder, struct dj_bytes name, struct dj_sweep **ret,
                    struct dj_err *err)
{
    *ret = NULL;
    if (!dj_sweep_may_be(name) || folder->task->definition == NULL)
        return 0;
    return dj_sweep_of_name(folder->task->name, &folder->task->definition->params, name, ret, err);
}

static int lookup_run(const struct dj_spot *folder, struct dj_bytes name, struct dj_spot *ret,
                      struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;
    struct dj_call *call = NULL;
    struct dj_sweep *sweep;
    int code = sweep_of(folder, name, &sweep, err);

    if (code == 1) {
        dj_spot_named(folder, dj_named_sweep(&folder->tree->nameds, folder->task, name, sweep),
                      DJ_RUN_SWEEP, ret);
        dj_sweep_unref(sweep);
        return 0;
    }
    if (code == 0)
        code = dj_call_by_name(folder->engine, folder->task, name, &call, &canonical, err);
    if ((code == -EINVAL || code == -E2BIG || code == -ENAMETOOLONG) && err->text != NULL)
        dj_refusal_note(folder->tree, folder->task, NULL, err->text);
    if (code < 0)
        return code;
    if (code > 0) {
        struct dj_named *named =
            dj_named_get(&folder->tree->nameds, folder->task, name, NULL);

        dj_spot_named(folder, named, DJ_RUN_ALIAS, ret);
        return 0;
    }
    if (folder->readonly && !dj_run_visible(folder->engine, call))
        code = dj_err_set(err, ENOENT, "this run has not ended; a read-only mount shows those only"
                          " that have");
    else
        run_spot(folder, name, call, ret);
    dj_call_unref(call);
    return code;
}

static int task_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                       struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    dj_cleanup_err struct dj_err why = DJ_ERR_INIT;
    int code;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(names); i++) {
        if (!dj_bytes_is(name, names[i].name) ||
            (folder->readonly && names[i].leaf == DJ_TASK_CTL))
            continue;
        dj_spot_task(folder, folder->task, names[i].leaf, ret);
        return 0;
    }
    if (name.len > 0 && name.data[0] == '.') /* git, editors and shells look for these everywhere */
        return dj_err_set(err, ENOENT, "no run has a name that begins with a dot");
    code = lookup_run(folder, name, ret, &why);
    if (code < 0)
        dj_note_refusal(folder->engine, asker, dj_err_text(&why, code));
    if (code < 0)
        return dj_err_set(err, -code, "%s", dj_err_text(&why, code));
    return 0;
}

/* ---- listing --------------------------------------------------------------------------------- */

struct naming {
    struct dj_listing *listing;
    uint32_t task;
};

int dj_page_add(void *cookie, struct dj_bytes name, uint64_t number)
{
    struct dj_page *page = cookie;
    struct dj_page_run *run = dj_list_add(&page->runs, sizeof(*run));

    dj_buf_set(&run->name, name);
    run->number = number;
    return page->runs.n >= page->max;
}

void dj_page_release(struct dj_page *page)
{
    for (size_t i = 0; i < page->runs.n; i++)
        dj_buf_release(&DJ_LIST_AT(&page->runs, struct dj_page_run, i)->name);
    free(page->runs.items);
    page->runs = (struct dj_list){0};
}

/* A listed folder needs nothing but number and name, so the store is asked for no more. */
static bool add_run(const struct dj_spot *folder, struct dj_listing *listing,
                    const struct dj_page_run *run)
{
    struct dj_bytes name = dj_buf_bytes(&run->name);
    struct dj_named *named = dj_named_find(&folder->tree->nameds, folder->task, name);
    dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

    if (folder->readonly) {
        struct dj_call *call = dj_call_by_number(folder->engine, run->number);
        bool visible = call != NULL && dj_run_visible(folder->engine, call);

        if (call != NULL)
            dj_call_unref(call);
        if (!visible)
            return true;
    }
    if (named != NULL && named->call != NULL && dj_named_known(named, folder->peer->counts))
        dj_spot_named(folder, named, DJ_RUN_FOLDER, &spot);
    else
        dj_spot_listed(folder, run->number, name, &spot);
    return dj_listing_add(listing, &spot, name, run->number);
}

/* Of a run in a task's folder, all but its name is the same or follows from it. */
static int add_name(void *cookie, struct dj_bytes name, uint64_t number)
{
    struct naming *naming = cookie;
    struct dj_listing *listing = naming->listing;
    const struct dj_dirname one = {
        .name = name,
        .cookie = number,
        .ino = dj_node_ino(naming->task, name, DJ_RUN_FOLDER, DJ_BYTES_LIT("")),
        .mode = dj_run_sorts[DJ_RUN_FOLDER].mode};

    dj_dirnames_add(&listing->out.names, &one);
    listing->n_names++;
    listing->out.end = listing->n_names < listing->max_names &&
                       listing->out.names.len < DJ_TREE_READ_MAX / 2;
    return !listing->out.end;
}

static int task_list(const struct dj_spot *folder, const struct dj_asker *asker,
                     struct dj_listing *listing, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf after = DJ_BUF_INIT;
    struct dj_page page = {.max = listing->max};
    bool full = false;

    (void)asker;
    (void)err;
    dj_buf_add_bytes(&after, listing->after);
    if (after.len == 0 && listing->cookie != 0) { /* seekdir: the number is all that is known */
        struct dj_call *call = dj_call_by_number(folder->engine, listing->cookie);

        if (call != NULL) {
            dj_buf_set(&after, dj_call_name(call));
            dj_call_unref(call);
        }
    }
    if (listing->max_names != 0 && !folder->readonly) {
        struct naming naming = {listing, folder->task->number};

        listing->out.end = true;
        dj_task_listed(folder->engine, folder->task, dj_buf_bytes(&after), add_name, &naming);
        return 0;
    }
    do {
        dj_task_listed(folder->engine, folder->task, dj_buf_bytes(&after), dj_page_add, &page);
        listing->out.end = page.runs.n < page.max;
        for (size_t i = 0; i < page.runs.n && !full; i++) {
            const struct dj_page_run *run = DJ_LIST_AT(&page.runs, struct dj_page_run, i);

            full = !add_run(folder, listing, run);
            if (!full)
                dj_buf_set(&after, dj_buf_bytes(&run->name));
        }
        dj_page_release(&page);
        /* A page of which everything was left out must not look like the end. */
    } while (!full && !listing->out.end && listing->out.entries.n == 0);
    if (full)
        listing->out.end = false;
    return 0;
}

static int task_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err)
{
    (void)spot;
    (void)err;
    attr->ttl_ms = DJ_TTL_SHORT_MS;
    return 0;
}

/* ---- taking runs away ------------------------------------------------------------------------ */

static void task_unlink(const struct dj_spot *folder, struct dj_request *request,
                        const struct dj_asker *asker, const struct dj_msg_unlink *ask)
{
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_bytes name = dj_buf_bytes(&ask->name);
    struct dj_sweep *sweep = NULL;
    struct dj_call *call = NULL;
    int code;

    if (sweep_of(folder, name, &sweep, NULL) == 1) {
        dj_sweep_unref(sweep);
        dj_tree_refuse(request, -EPERM, "a sweep is not stored, its runs are; `dj rm` takes those"
                       " away");
        return;
    }
    if (name.len > 0 && name.data[0] == '.') {
        dj_tree_refuse(request, -EPERM, "the task's own files stay; `dj undefine %s` takes the task"
                       " away", folder->task->name);
        return;
    }
    code = dj_call_by_name(folder->engine, folder->task, name, &call, &canonical, &err);
    if (code < 0) {
        dj_reply_err(request, code, &err);
    } else if (code > 0) {
        dj_tree_refuse(request, -EPERM, "this is another spelling of a run; take away the run that"
                       " it leads to");
    } else {
        if (ask->folder)
            dj_run_delete(request, asker, call);
        else
            dj_tree_refuse(request, -EISDIR, "a run is a folder; rmdir takes it away");
        dj_call_unref(call);
    }
}

/* ---- .definition, .version ------------------------------------------------------------------- */

struct change {
    struct dj_request *request;
    struct dj_list notes; /* struct dj_part_word */
    uint64_t size;
};

static void notes_release(struct dj_list *notes)
{
    struct dj_msg_ok ok = {.notes = *notes};

    dj_codec_release(dj_message_layout(DJ_MSG_OK), &ok);
}

static void change_end(void *cookie, int code, const char *sentence)
{
    struct change *change = cookie;
    struct dj_request *request = change->request;
    struct dj_msg_ok ok = {.number = change->size, .notes = change->notes};

    if (code < 0)
        dj_tree_refuse(request, code, "%s", sentence == NULL ? "it could not be stored" : sentence);
    else
        dj_reply(request, DJ_MSG_OK, &ok);
    notes_release(&change->notes);
    free(change);
}

static void change_refuse(struct change *change, struct dj_task *task, int code,
                          struct dj_err *err)
{
    struct dj_request *request = change->request;

    dj_refusal_note(dj_tree_of(request->engine), task, NULL, dj_err_text(err, code));
    dj_reply_err(request, code, err);
    notes_release(&change->notes);
    free(change);
}

static int check_version(struct dj_bytes version, struct dj_err *err)
{
    if (version.len == 0)
        return dj_err_set(err, EINVAL, "a version is a word, such as 2; `dj bump TASK` raises it");
    if (version.len > 200)
        return dj_err_set(err, EINVAL, "a version has at most 200 bytes");
    for (size_t i = 0; i < version.len; i++) {
        if (iscntrl(version.data[i]))
            return dj_err_set(err, EINVAL, "a version is one line without control bytes");
    }
    return 0;
}

/* Each write is a whole value, wherever it goes to: `>>` is no different from `>`. */
static void version_write(struct dj_handle *handle, struct dj_request *request,
                          const struct dj_msg_write *ask)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_bytes version = dj_strip(dj_buf_bytes(&ask->bytes));
    struct change *change = dj_xcalloc(1, sizeof(*change));
    int code = check_version(version, &err);

    change->request = request;
    change->size = ask->bytes.len;
    if (code == 0)
        code = dj_task_set_version(request->engine, handle->task, version, change_end, change,
                                   &err);
    if (code < 0)
        change_refuse(change, handle->task, code, &err);
}

static void version_read(struct dj_handle *handle, struct dj_request *request,
                         const struct dj_msg_read *ask)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_render_version(&text, handle->task);
    dj_tree_slice(request, dj_buf_bytes(&text), ask);
}

/* One section, of this task: a definition of another task does not belong into this file. */
static int check_definition(const struct dj_task *task, const char *here, struct dj_bytes text,
                            struct dj_err *err)
{
    struct dj_list sections = {0};
    int code = dj_taskfile_parse(".definition", here, text, &sections, err);

    if (code < 0)
        return code;
    if (sections.n != 1 ||
        strcmp(DJ_LIST_AT(&sections, struct dj_definition, 0)->name, task->name) != 0)
        code = dj_err_set(err, EINVAL, "this file takes the section [%s] and no other; `dj define`"
                          " takes whole task files", task->name);
    dj_definitions_release(&sections);
    return code;
}

static void base_env(const struct dj_definition *definition, struct dj_list *ret)
{
    for (size_t i = 0; i < definition->base_env.n; i++) {
        const struct dj_env *env = DJ_LIST_AT(&definition->base_env, struct dj_env, i);
        struct dj_part_pair *pair = dj_list_add(ret, sizeof(*pair));

        pair->name = dj_xstrdup(env->name);
        dj_buf_adds(&pair->value, env->value);
    }
}

static void pairs_release(struct dj_list *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        struct dj_part_pair *pair = DJ_LIST_AT(pairs, struct dj_part_pair, i);

        free(pair->name);
        dj_buf_release(&pair->value);
    }
    free(pairs->items);
}

/* The folder and the environment that the task was defined in stay as they were. */
static int define(struct dj_engine *engine, struct dj_task *task, struct dj_bytes text,
                  struct change *change, struct dj_err *err)
{
    dj_cleanup_free char *here = NULL;
    struct dj_list env = {0};
    int code;

    if (task->definition == NULL)
        return dj_err_set(err, ESTALE, "task %s is not defined any more; `dj define` defines it",
                          task->name);
    here = dj_xstrdup(task->definition->here == NULL ? "/" : task->definition->here);
    code = check_definition(task, here, text, err);
    if (code < 0)
        return code;
    base_env(task->definition, &env);
    code = dj_task_define(engine, text, ".definition", here, &env, &change->notes, change_end,
                          change, err);
    pairs_release(&env);
    return code;
}

/* What programs write when their buffer is full; half a definition must not become the task. */
static bool is_cut(struct dj_bytes text)
{
    return text.len != 0 && (text.len % 4096 == 0 || text.data[text.len - 1] != '\n');
}

static void definition_write(struct dj_handle *handle, struct dj_request *request,
                             const struct dj_msg_write *ask)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct change *change = dj_xcalloc(1, sizeof(*change));
    int code;

    change->request = request;
    change->size = ask->bytes.len;
    if (ask->offset != 0 || ask->bytes.len >= DEFINITION_MAX)
        code = dj_err_set(&err, EFBIG, "a definition is written whole, in one write of less than"
                          " %u KiB; `dj define` takes larger ones", DEFINITION_MAX / 1024);
    else if (is_cut(dj_buf_bytes(&ask->bytes)))
        code = dj_err_set(&err, EFBIG, "this looks like the first part of a definition: it is"
                          " written whole, in one write, with a newline at its end; `cat` and `dd`"
                          " do so, and so does `dj define`");
    else
        code = define(request->engine, handle->task, dj_buf_bytes(&ask->bytes), change, &err);
    if (code < 0)
        change_refuse(change, handle->task, code, &err);
}

static void definition_read(struct dj_handle *handle, struct dj_request *request,
                            const struct dj_msg_read *ask)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_render_definition(&text, handle->task);
    dj_tree_slice(request, dj_buf_bytes(&text), ask);
}

static void definition_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_render_definition(buf, spot->task);
}

static void version_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_render_version(buf, spot->task);
}

static void status_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    dj_render_task_status(buf, spot->engine, spot->task);
}

static const struct dj_handle_ops version_ops = {.read = version_read, .write = version_write};
static const struct dj_handle_ops definition_ops = {.read = definition_read,
                                                    .write = definition_write};

const struct dj_sort dj_task_sorts[DJ_TASK_LEAVES] = {
    [DJ_TASK_FOLDER] = {.mode = S_IFDIR | 0755, .attr = task_attr, .lookup = task_lookup,
                        .list = task_list, .unlink = task_unlink},
    [DJ_TASK_DEFINITION] = {.mode = S_IFREG | 0644, .text = definition_text,
                            .writable = &definition_ops},
    [DJ_TASK_VERSION] = {.mode = S_IFREG | 0644, .text = version_text, .writable = &version_ops},
    [DJ_TASK_STATUS] = {.mode = S_IFREG | 0444, .text = status_text, .costly = true},
    [DJ_TASK_CTL] = {.mode = S_IFREG | 0666, .text = dj_ctl_text, .writable = &dj_ctl_task_ops},
};

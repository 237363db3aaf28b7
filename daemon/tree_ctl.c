/*
 * Carrying out control words, and the replies that are read back through the same handle.
 *
 * A write is one *dialogue*: all its commands are read, their runs found and their chances judged
 * before the first is carried out. The write is answered when everything it did is durable, which
 * is soon, and what it cancelled has its record; a run that it started goes on behind it. What the
 * handle then reads is the reply: for each command in turn a line of text, or for run, force and
 * incognito the bytes of the result, which the read waits for. The reply begins at the offset of
 * the first read after the write, wherever that is (behind `echo incognito >&3` it is 10). The next
 * write begins a new dialogue.
 */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "daemon/tree_impl.h"
#include "lib/util/mem.h"

/* ---- a dialogue and its parts ---------------------------------------------------------------- */

/* What one command adds to the reply. */
struct part {
    struct dj_dialogue *dialogue;
    const struct dj_ctl_command *command;
    struct dj_call *call;       /* a reference; NULL: not one run, or not resolved yet */
    const char *text;           /* the reply, unless it is a result */
    bool resolving;             /* its name is being looked into */
    struct dj_want *want;       /* its result is being waited for */
    uint64_t instance;          /* which has come, and is held */
    int code;                   /* or has failed */
    char *sentence;
};

struct reader {
    struct dj_dialogue *dialogue;
    struct dj_request *request;
    struct reader *prev, *next;
};

struct dj_dialogue {
    unsigned refs;               /* the handle, the write, each name that is being looked into */
    struct dj_tree *tree;
    struct dj_task *task;
    struct dj_call *call;        /* a reference, or NULL */
    struct dj_asker asker;       /* who wrote */
    struct dj_buf name;          /* of the call, where it may set ignored parameters */
    struct dj_buf written;
    struct dj_list commands;     /* struct dj_ctl_command into `written` */
    struct part *parts;          /* one a command */
    bool reading;                /* base is known */
    uint64_t base;               /* the offset at which the reply begins */
    struct reader *readers;      /* requests that wait for a part */

    struct dj_request *request;  /* the write, until it is answered */
    unsigned pending;            /* what it still waits for */
    int code;
    char *sentence;
};

static bool wants_result(const struct part *part)
{
    enum dj_ctl_verb verb = part->command->verb;

    return verb == DJ_CTL_START || verb == DJ_CTL_FORCE || verb == DJ_CTL_INCOGNITO;
}

static void part_release(struct part *part)
{
    struct dj_engine *engine = part->dialogue->tree->engine;

    if (part->want != NULL)
        dj_want_cancel(part->want);
    if (part->instance != 0)
        dj_instance_release(engine, part->instance);
    if (part->call != NULL)
        dj_call_unref(part->call);
    free(part->sentence);
}

static void dialogue_unref(struct dj_dialogue *dialogue)
{
    if (--dialogue->refs > 0)
        return;
    for (size_t i = 0; dialogue->parts != NULL && i < dialogue->commands.n; i++)
        part_release(&dialogue->parts[i]);
    free(dialogue->parts);
    free(dialogue->commands.items);
    dj_buf_release(&dialogue->name);
    dj_buf_release(&dialogue->written);
    if (dialogue->call != NULL)
        dj_call_unref(dialogue->call);
    free(dialogue->sentence);
    free(dialogue);
}

/* The handle is closed, or the next write begins; names being looked into keep it for a while. */
void dj_dialogue_free(struct dj_dialogue *dialogue)
{
    struct reader *reader, *next;

    for (size_t i = 0; i < dialogue->commands.n; i++) {
        struct part *part = &dialogue->parts[i];

        if (part->want != NULL)
            dj_want_cancel(dj_steal(part->want));
    }
    DL_FOREACH_SAFE(dialogue->readers, reader, next) {
        struct dj_request *request = reader->request;

        DL_DELETE(dialogue->readers, reader);
        free(reader);
        dj_tree_refuse(request, -EINTR, "the reply was given up for another command");
    }
    dialogue_unref(dialogue);
}

static struct dj_dialogue *dialogue_new(struct dj_handle *handle, struct dj_request *request,
                                        const struct dj_msg_write *ask)
{
    struct dj_dialogue *dialogue = dj_xcalloc(1, sizeof(*dialogue));

    dialogue->refs = 1;
    dialogue->tree = handle->tree;
    dialogue->task = handle->task;
    dialogue->call = handle->call;
    if (dialogue->call != NULL)
        dj_call_ref(dialogue->call);
    dialogue->asker = dj_tree_asker(request, &ask->caller, &ask->env);
    dj_buf_add_bytes(&dialogue->name, dj_buf_bytes(&handle->name));
    dj_buf_add_bytes(&dialogue->written, dj_buf_bytes(&ask->bytes));
    dialogue->request = request;
    return dialogue;
}

static void part_fail(struct part *part, int code, const char *sentence)
{
    part->code = code;
    free(part->sentence);
    part->sentence = dj_xstrdup(sentence == NULL ? "the run gave no result" : sentence);
    dj_refusal_note(part->dialogue->tree, part->dialogue->task, part->dialogue->call,
                    part->sentence);
}

/* ---- reading the reply ----------------------------------------------------------------------- */

static void serve(struct dj_dialogue *dialogue, struct dj_request *request);

/* Serving may add readers again, so the list is taken away first. */
static void wake(struct dj_dialogue *dialogue)
{
    struct reader *readers = dj_steal(dialogue->readers);
    struct reader *reader, *next;

    dialogue->refs++;
    DL_FOREACH_SAFE(readers, reader, next) {
        struct dj_request *request = reader->request;

        DL_DELETE(readers, reader);
        free(reader);
        request->on_cancel = NULL;
        serve(dialogue, request);
    }
    dialogue_unref(dialogue);
}

static void on_result(void *cookie, int code, uint64_t instance, const char *sentence)
{
    struct part *part = cookie;

    part->want = NULL;
    if (code < 0) {
        part_fail(part, code, sentence);
    } else {
        dj_instance_hold(part->dialogue->tree->engine, instance);
        part->instance = instance;
    }
    wake(part->dialogue);
}

/* The asker, who asks with the ignored parameters that the part's name sets. */
static struct dj_asker with_given(const struct part *part, const struct dj_asker *asker,
                                  struct dj_args *ret)
{
    const struct dj_dialogue *dialogue = part->dialogue;
    struct dj_bytes name = dialogue->call == NULL ? part->command->args
                                                  : dj_buf_bytes(&dialogue->name);
    struct dj_asker mine = *asker;

    *ret = (struct dj_args)DJ_ARGS_INIT;
    if (mine.args == NULL && name.len != 0 &&
        dj_call_given(dialogue->tree->engine, dialogue->task, name, ret))
        mine.args = ret;
    return mine;
}

static void want_result(struct part *part, const struct dj_asker *asker)
{
    unsigned flags = part->command->verb == DJ_CTL_INCOGNITO ? DJ_GET_INCOGNITO : 0;
    dj_cleanup_args struct dj_args given = DJ_ARGS_INIT;
    struct dj_asker mine = with_given(part, asker, &given);
    struct dj_want *want = dj_want(part->dialogue->tree->engine, part->call, &mine, flags,
                                   on_result, part);

    if (want != NULL)
        part->want = want;
}

/*
 * Nobody waits any more for a result that only readers wanted: as when a reader of `result` leaves,
 * what is queued is withdrawn. An incognito run was asked for by the write and goes on.
 */
static void reader_cancel(struct dj_request *request)
{
    struct reader *reader = request->cookie;
    struct dj_dialogue *dialogue = reader->dialogue;

    DL_DELETE(dialogue->readers, reader);
    free(reader);
    for (size_t i = 0; dialogue->readers == NULL && i < dialogue->commands.n; i++) {
        struct part *part = &dialogue->parts[i];

        if (part->want != NULL && part->command->verb != DJ_CTL_INCOGNITO)
            dj_want_cancel(dj_steal(part->want));
    }
    dj_tree_refuse(request, -EINTR, "interrupted while waiting for the reply");
}

static void wait_for(struct part *part, struct dj_request *request)
{
    const struct dj_msg_read *ask = request->fields;
    struct reader *reader;

    if (ask->flags & DJ_OPEN_NONBLOCK) {
        dj_tree_refuse(request, -EAGAIN, "the reply is not there yet");
        return;
    }
    reader = dj_xcalloc(1, sizeof(*reader));
    reader->dialogue = part->dialogue;
    reader->request = request;
    DL_APPEND(part->dialogue->readers, reader);
    request->cookie = reader;
    request->on_cancel = reader_cancel;
    if (!part->resolving && part->want == NULL) {
        struct dj_asker asker = dj_tree_asker(request, &ask->caller, NULL);

        want_result(part, &asker);
    }
}

static void serve_result(struct part *part, struct dj_request *request, uint64_t offset)
{
    const struct dj_msg_read *ask = request->fields;
    struct dj_engine *engine = part->dialogue->tree->engine;
    const struct dj_rec_content *content = dj_content_of(engine, part->instance,
                                                         DJ_INSTANCE_RESULT);
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = dj_content_read(engine, content, offset, ask->size, &bytes, &err);

    if (code < 0)
        dj_reply_err(request, code, &err);
    else
        dj_tree_data(request, dj_buf_bytes(&bytes));
}

/* The size of a part whose result is there; a result that is gone by now has none. */
static uint64_t part_size(const struct part *part)
{
    const struct dj_rec_content *content;

    if (!wants_result(part))
        return part->text == NULL ? 0 : strlen(part->text);
    content = dj_content_of(part->dialogue->tree->engine, part->instance, DJ_INSTANCE_RESULT);
    return content == NULL ? 0 : content->size;
}

/* One READ gets bytes of one part; the reader asks for the next by itself. */
static void serve(struct dj_dialogue *dialogue, struct dj_request *request)
{
    const struct dj_msg_read *ask = request->fields;
    uint64_t offset = ask->offset >= dialogue->base ? ask->offset - dialogue->base : 0;

    for (size_t i = 0; i < dialogue->commands.n; i++) {
        struct part *part = &dialogue->parts[i];
        uint64_t size;

        if (part->code < 0) {
            dj_tree_refuse(request, part->code, "%s", part->sentence);
            return;
        }
        if (wants_result(part) && part->instance == 0) {
            wait_for(part, request);
            return;
        }
        size = part_size(part);
        if (offset >= size) {
            offset -= size;
            continue;
        }
        if (wants_result(part))
            serve_result(part, request, offset);
        else
            dj_tree_data(request, dj_bytes(part->text + offset,
                                           (size_t)DJ_MIN(ask->size, size - offset)));
        return;
    }
    dj_tree_data(request, DJ_BYTES_LIT(""));
}

static void ctl_read(struct dj_handle *handle, struct dj_request *request,
                     const struct dj_msg_read *ask, enum dj_ctl_scope scope)
{
    struct dj_dialogue *dialogue = handle->dialogue;

    if (dialogue == NULL) {
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

        dj_refusal_text(handle->tree, scope, handle->task, handle->call, &text);
        dj_tree_slice(request, dj_buf_bytes(&text), ask);
        return;
    }
    if (!dialogue->reading) {
        dialogue->reading = true;
        dialogue->base = ask->offset;
    }
    serve(dialogue, request);
}

/* ---- the write's answer ---------------------------------------------------------------------- */

static void write_end(struct dj_dialogue *dialogue)
{
    struct dj_request *request;

    if (--dialogue->pending > 0)
        return;
    request = dj_steal(dialogue->request);
    request->on_cancel = NULL;
    if (dialogue->code < 0) {
        dj_refusal_note(dialogue->tree, dialogue->task, dialogue->call, dialogue->sentence);
        dj_tree_refuse(request, dialogue->code, "%s", dialogue->sentence);
    } else {
        dj_reply_ok(request, dialogue->written.len, "");
    }
    dialogue_unref(dialogue);
}

static void write_fail(struct dj_dialogue *dialogue, int code, const char *sentence)
{
    if (dialogue->code < 0)
        return;
    dialogue->code = code;
    dialogue->sentence = dj_xstrdup(sentence == NULL ? "it could not be done" : sentence);
}

static void on_durable(void *cookie, int code, const char *sentence)
{
    struct dj_dialogue *dialogue = cookie;

    if (code < 0)
        write_fail(dialogue, code, sentence);
    write_end(dialogue);
}

/* Who wrote does not wait for the ends of runs that it cancelled; all else is durable soon. */
static void write_left(struct dj_request *request)
{
    struct dj_dialogue *dialogue = request->cookie;
    unsigned n = dj_call_cancel_forget(dialogue->tree->engine, dialogue);

    if (n == 0)
        return;
    dialogue->pending -= n - 1;
    write_end(dialogue);
}

/* ---- one command ----------------------------------------------------------------------------- */

/* Those that say later when they are durable: the write waits for them, unless they are refused. */
static int later(struct part *part, struct dj_err *err)
{
    struct dj_dialogue *dialogue = part->dialogue;
    struct dj_engine *engine = dialogue->tree->engine;
    int code;

    dialogue->pending++;
    switch (part->command->verb) {
    case DJ_CTL_CANCEL:
        part->text = "cancelled\n";
        dialogue->request->cookie = dialogue;
        dialogue->request->on_cancel = write_left;
        code = dj_call_cancel(engine, part->call, &dialogue->asker, on_durable, dialogue, err);
        break;
    case DJ_CTL_DELETE:
        part->text = "deleted\n";
        code = dj_call_delete(engine, part->call, &dialogue->asker, on_durable, dialogue, err);
        break;
    case DJ_CTL_DELETE_ALL:
        part->text = "deleted\n";
        code = dj_task_delete_all(engine, dialogue->task, &dialogue->asker, on_durable, dialogue,
                                  err);
        break;
    case DJ_CTL_ACCEPT:
        part->text = "accepted\n";
        code = dj_call_accept(engine, part->call, &dialogue->asker, on_durable, dialogue, err);
        break;
    default:
        part->text = "invalidated\n";
        if (part->call != NULL)
            code = dj_call_invalidate(engine, part->call, &dialogue->asker, on_durable, dialogue,
                                      err);
        else
            code = dj_task_invalidate(engine, dialogue->task, &dialogue->asker, on_durable,
                                      dialogue, err);
        break;
    }
    if (code < 0)
        dialogue->pending--;
    return code;
}

static int start(struct part *part, unsigned flags, const struct dj_args *args, struct dj_err *err)
{
    dj_cleanup_args struct dj_args given = DJ_ARGS_INIT;
    struct dj_asker asker = part->dialogue->asker;

    asker.args = args;
    asker = with_given(part, &asker, &given);
    return dj_start(part->dialogue->tree->engine, part->call, &asker, flags, err);
}

/* args: of a name that was resolved, as it was spelled. */
static int carry_out(struct part *part, const struct dj_args *args, struct dj_err *err)
{
    struct dj_engine *engine = part->dialogue->tree->engine;
    const struct dj_asker *asker = &part->dialogue->asker;

    switch (part->command->verb) {
    case DJ_CTL_GC:
        part->text = "purged\n";
        return dj_gc(engine, err);
    case DJ_CTL_PAUSE:
    case DJ_CTL_RESUME:
        part->text = part->command->verb == DJ_CTL_PAUSE ? "paused\n" : "resumed\n";
        dj_pause(engine, part->command->verb == DJ_CTL_PAUSE);
        return 0;
    case DJ_CTL_RELOAD:
        part->text = "reloaded\n";
        return dj_reload(engine, err);
    case DJ_CTL_START:
        return start(part, 0, args, err);
    case DJ_CTL_FORCE:
        return start(part, DJ_GET_FORCE, args, err);
    case DJ_CTL_INCOGNITO:
        want_result(part, asker);
        return 0;
    case DJ_CTL_CANCEL:
    case DJ_CTL_DELETE:
    case DJ_CTL_DELETE_ALL:
    case DJ_CTL_INVALIDATE:
    case DJ_CTL_ACCEPT:
        return later(part, err);
    case DJ_CTL_RETRY: /* of frames: tree_frames.c */
    case DJ_CTL_RESERVE: /* a session's ctl takes these: tree_sessions.c */
    case DJ_CTL_RELEASE:
    case DJ_CTL_SET:
        break;
    }
    return 0;
}

static void on_late(void *cookie, int code, const char *sentence)
{
    struct part *part = cookie;

    if (code < 0)
        part_fail(part, code, sentence);
    dialogue_unref(part->dialogue);
}

/* The write has its answer already, so nobody waits for this to be durable. */
static int delete_late(struct part *part, struct dj_err *err)
{
    struct dj_dialogue *dialogue = part->dialogue;
    int code;

    part->text = "deleted\n";
    dialogue->refs++;
    code = dj_call_delete(dialogue->tree->engine, part->call, &dialogue->asker, on_late, part,
                          err);
    if (code < 0)
        dialogue->refs--;
    return code;
}

/*
 * A name that only the outside can resolve takes as long as reading the file does. The write does
 * not wait for that; what then goes wrong is told by the read, and by `ctl` to the next one.
 */
static void on_name(void *cookie, int code, struct dj_call *call, const struct dj_args *args,
                    const char *sentence)
{
    struct part *part = cookie;
    struct dj_dialogue *dialogue = part->dialogue;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    part->resolving = false;
    if (code == 0) {
        dj_call_ref(call);
        part->call = call;
        code = part->command->verb == DJ_CTL_DELETE ? delete_late(part, &err)
                                                    : carry_out(part, args, &err);
        sentence = dj_err_text(&err, code);
    }
    if (code < 0)
        part_fail(part, code, sentence);
    wake(dialogue);
    dialogue_unref(dialogue);
}

static int find_run(struct part *part, struct dj_err *err)
{
    struct dj_dialogue *dialogue = part->dialogue;
    struct dj_engine *engine = dialogue->tree->engine;
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;
    struct dj_bytes name = part->command->args;
    int code;

    if (dialogue->call != NULL) {
        dj_call_ref(dialogue->call);
        part->call = dialogue->call;
        return 0;
    }
    if (name.len == 0)
        return 0;
    code = dj_call_by_name(engine, dialogue->task, name, &part->call, &canonical, err);
    if (code == 1) {
        dj_cleanup_buf struct dj_buf unused = DJ_BUF_INIT;

        code = dj_call_by_name(engine, dialogue->task, dj_buf_bytes(&canonical), &part->call,
                               &unused, err);
    }
    part->resolving = code > 0;
    return DJ_MIN(code, 0);
}

static void look_at(struct dj_engine *engine, struct dj_call *call, struct dj_ctl_state *state)
{
    uint64_t latest = dj_call_latest(engine, call);
    struct dj_live live;

    state->current = dj_call_current(engine, call) != 0;
    state->stale = dj_call_has_stale(engine, call);
    state->live = latest != 0 && dj_live(engine, latest, &live);
    state->stored = state->current || (latest != 0 && !state->live) ||
                    (dj_call_number(call) != 0 && dj_call_status(engine, call) != DJ_ABSENT);
}

/* A run that a write names, and what the commands so far will have left of it. */
struct judged {
    struct dj_digest key;
    struct dj_ctl_state state;
    UT_hash_handle hh;
};

static int judge(struct part *part, struct judged **all, struct dj_err *err)
{
    const struct dj_digest *key = dj_call_key(part->call);
    struct judged *judged;

    HASH_FIND(hh, *all, key, sizeof(*key), judged);
    if (judged == NULL) {
        judged = dj_xcalloc(1, sizeof(*judged));
        judged->key = *key;
        look_at(part->dialogue->tree->engine, part->call, &judged->state);
        HASH_ADD(hh, *all, key, sizeof(judged->key), judged);
    }
    return dj_ctl_check(part->command->verb, &judged->state, err);
}

static int check_parts(struct dj_dialogue *dialogue, struct dj_err *err)
{
    struct judged *all = NULL;
    struct judged *judged, *next;
    int code = 0;

    for (size_t i = 0; i < dialogue->commands.n && code == 0; i++) {
        if (dialogue->parts[i].call != NULL)
            code = judge(&dialogue->parts[i], &all, err);
    }
    HASH_ITER(hh, all, judged, next) {
        HASH_DEL(all, judged);
        free(judged);
    }
    return code;
}

static int prepare(struct dj_dialogue *dialogue, enum dj_ctl_scope scope, struct dj_err *err)
{
    int code = dj_tree_may_change(dialogue->tree, &dialogue->asker, err);

    if (code == 0)
        code = dj_ctl_parse(scope, dj_buf_bytes(&dialogue->written), &dialogue->commands, err);
    if (code < 0)
        return code;
    dialogue->parts = dj_xcalloc(dialogue->commands.n, sizeof(*dialogue->parts));
    for (size_t i = 0; i < dialogue->commands.n; i++) {
        dialogue->parts[i].dialogue = dialogue;
        dialogue->parts[i].command = DJ_LIST_AT(&dialogue->commands, struct dj_ctl_command, i);
    }
    for (size_t i = 0; i < dialogue->commands.n; i++) {
        code = find_run(&dialogue->parts[i], err);
        if (code < 0)
            return code;
    }
    return check_parts(dialogue, err);
}

static void begin_resolving(struct part *part)
{
    struct dj_dialogue *dialogue = part->dialogue;

    dialogue->refs++;
    dj_call_resolve(dialogue->tree->engine, dialogue->task, part->command->args, &dialogue->asker,
                    on_name, part);
}

static void carry_out_all(struct dj_dialogue *dialogue)
{
    for (size_t i = 0; i < dialogue->commands.n && dialogue->code == 0; i++) {
        struct part *part = &dialogue->parts[i];
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
        int code = 0;

        if (part->resolving)
            begin_resolving(part);
        else
            code = carry_out(part, NULL, &err);
        if (code < 0)
            write_fail(dialogue, code, dj_err_text(&err, code));
    }
}

/* A name leaves something to the environment of who writes, which was not asked for yet. */
static bool wants_environment(const struct dj_dialogue *dialogue)
{
    const struct dj_task *task = dialogue->task;
    bool resolving = false;

    for (size_t i = 0; i < dialogue->commands.n; i++)
        resolving = resolving || dialogue->parts[i].resolving;
    return resolving && dialogue->asker.env == NULL && task->definition != NULL &&
           task->definition->env_keyed.n != 0;
}

static void ctl_write(struct dj_handle *handle, struct dj_request *request,
                      const struct dj_msg_write *ask, enum dj_ctl_scope scope)
{
    struct dj_dialogue *dialogue = dialogue_new(handle, request, ask);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = prepare(dialogue, scope, &err);

    if (code < 0) {
        dj_refusal_note(handle->tree, handle->task, handle->call, dj_err_text(&err, code));
        dialogue_unref(dialogue);
        dj_reply_err(request, code, &err);
        return;
    }
    if (wants_environment(dialogue)) {
        dialogue_unref(dialogue);
        dj_reply_wants(request, handle->task->definition);
        return;
    }
    if (handle->dialogue != NULL)
        dj_dialogue_free(handle->dialogue);
    handle->dialogue = dialogue;
    dialogue->refs++; /* for the write, whose answer may outlast the handle */
    dialogue->pending = 1;
    carry_out_all(dialogue);
    dialogue->asker.env = NULL; /* it belongs to the write, which is about to be answered */
    write_end(dialogue);
}

/* ---- the three files ------------------------------------------------------------------------- */

static void root_read(struct dj_handle *handle, struct dj_request *request,
                      const struct dj_msg_read *ask)
{
    ctl_read(handle, request, ask, DJ_CTL_ROOT);
}

static void root_write(struct dj_handle *handle, struct dj_request *request,
                       const struct dj_msg_write *ask)
{
    ctl_write(handle, request, ask, DJ_CTL_ROOT);
}

static void task_read(struct dj_handle *handle, struct dj_request *request,
                      const struct dj_msg_read *ask)
{
    ctl_read(handle, request, ask, DJ_CTL_TASK);
}

static void task_write(struct dj_handle *handle, struct dj_request *request,
                       const struct dj_msg_write *ask)
{
    ctl_write(handle, request, ask, DJ_CTL_TASK);
}

static void run_read(struct dj_handle *handle, struct dj_request *request,
                     const struct dj_msg_read *ask)
{
    ctl_read(handle, request, ask, DJ_CTL_RUN);
}

static void run_write(struct dj_handle *handle, struct dj_request *request,
                      const struct dj_msg_write *ask)
{
    ctl_write(handle, request, ask, DJ_CTL_RUN);
}

const struct dj_handle_ops dj_ctl_root_ops = {.read = root_read, .write = root_write};
const struct dj_handle_ops dj_ctl_task_ops = {.read = task_read, .write = task_write};
const struct dj_handle_ops dj_ctl_run_ops = {.read = run_read, .write = run_write};

#include "fs/fs.h"

#include "lib/util/log.h"
#include "lib/util/mem.h"

/* A FORGET message is sent early when it has this many nodes. */
#define FORGET_BATCH 1000

void dj_fs_caller_of(struct dj_fs *fs, const struct fuse_ctx *asker, struct dj_part_caller *ret)
{
    ret->pid = (uint64_t)asker->pid;
    ret->uid = asker->uid;
    ret->gid = asker->gid;
    ret->run = dj_callers_run(&fs->callers, asker->pid);
}

void dj_fs_caller(struct dj_fs *fs, fuse_req_t req, struct dj_part_caller *ret)
{
    dj_fs_caller_of(fs, fuse_req_ctx(req), ret);
}

void dj_fs_tell_release(struct dj_fs *fs, uint64_t node, uint64_t handle, uint64_t times)
{
    struct dj_msg_release release = {.node = node, .handle = handle};

    for (; times > 0; times--)
        dj_backend_tell(&fs->backend, DJ_MSG_RELEASE, &release);
}

void dj_fs_tell_forget(struct dj_fs *fs, uint64_t node, uint64_t count)
{
    struct dj_part_forgotten *part = dj_list_add(&fs->forgotten.nodes, sizeof(*part));

    part->node = node;
    part->count = count;
    if (fs->forgotten.nodes.n >= FORGET_BATCH)
        dj_fs_flush_forgotten(fs);
}

void dj_fs_flush_forgotten(struct dj_fs *fs)
{
    if (fs->forgotten.nodes.n == 0)
        return;
    dj_backend_tell(&fs->backend, DJ_MSG_FORGET, &fs->forgotten);
    dj_codec_release(dj_message_layout(DJ_MSG_FORGET), &fs->forgotten);
}

static void on_restored(void *cookie, const struct dj_message_in *message)
{
    (void)cookie;
    if (message->number == DJ_MSG_ERROR) {
        const struct dj_msg_error *error = message->fields;

        dj_log_warning("the daemon could not take up what was open: %s",
                       error->text == NULL ? "" : error->text);
    }
}

/* In several messages, since each has a largest size. Entries are lent to the one that is sent. */
#define RESTORE_BATCH 8000

static void restore_part(struct dj_fs *fs, const struct dj_list *from, size_t size, bool held)
{
    for (size_t i = 0; i < from->n; i += RESTORE_BATCH) {
        struct dj_list lent = {.items = (uint8_t *)from->items + i * size,
                               .n = DJ_MIN(from->n - i, RESTORE_BATCH)};
        struct dj_msg_restore message = {0};

        if (held)
            message.held = lent;
        else
            message.names = lent;
        (void)dj_backend_ask(&fs->backend, DJ_MSG_RESTORE, &message, on_restored, fs);
    }
}

/* Tells a daemon what the kernel still knows, before anything else is asked. */
static void restore(struct dj_fs *fs)
{
    struct dj_msg_restore all = {0};

    dj_names_list(&fs->names, &all.names);
    dj_holds_list(&fs->holds, &all.held);
    restore_part(fs, &all.names, sizeof(struct dj_part_named), false);
    restore_part(fs, &all.held, sizeof(struct dj_part_forgotten), true);
    dj_codec_release(dj_message_layout(DJ_MSG_RESTORE), &all);
}

/* Without the table of sessions the calls of runs would go unseen, and their results outlive what
 * they rest on. Runs never get a read-only mount. */
static int on_check(void *cookie, const struct dj_msg_welcome *welcome, struct dj_err *err)
{
    struct dj_fs *fs = cookie;
    dj_cleanup_err struct dj_err why = DJ_ERR_INIT;
    int code = dj_callers_map(&fs->callers, welcome->sessions, &why);

    if (code == 0 || fs->options.readonly)
        return 0;
    return dj_err_set(err, -code, "the calls of runs would not be seen: %s",
                      dj_err_text(&why, code));
}

static void on_up(void *cookie)
{
    struct dj_fs *fs = cookie;
    const struct dj_msg_welcome *welcome = dj_backend_welcome(&fs->backend);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    dj_links_release(&fs->links);
    dj_aheads_release(&fs->aheads);
    if (dj_answers_map(&fs->answers, welcome->generations, &err) < 0)
        dj_log_warning("every open asks the daemon: %s", dj_err_text(&err, 0));
    dj_codec_release(dj_message_layout(DJ_MSG_FORGET), &fs->forgotten);
    restore(fs);
    if (fs->options.readonly && fs->notifier.started) /* who knows what happened meanwhile */
        dj_notifier_anew(&fs->notifier);
    dj_pendings_resume(&fs->pendings);
}

static void on_down(void *cookie)
{
    (void)cookie; /* requests are parked by their own callbacks */
}

static void on_message(void *cookie, const struct dj_message_in *message)
{
    struct dj_fs *fs = cookie;

    if (message->number == DJ_MSG_ANEW)
        dj_notifier_anew(&fs->notifier);
    if (message->number != DJ_MSG_CHANGED)
        return;
    const struct dj_msg_changed *changed = message->fields;

    for (size_t i = 0; i < changed->names.n; i++) {
        const struct dj_part_changed_name *name =
            DJ_LIST_AT(&changed->names, struct dj_part_changed_name, i);

        dj_aheads_forget(&fs->aheads, name->node);
        dj_notifier_push(&fs->notifier, name->node, dj_buf_bytes(&name->name));
    }
}

const struct dj_backend_events dj_fs_backend_events = {
    .check = on_check, .up = on_up, .down = on_down, .message = on_message};

/*
 * sessions/: who shares workers and resources.
 *
 *     NAME/max_workers        a number; writable
 *     NAME/resources/RAM      an amount; writable
 *     NAME/status             what is busy and taken, one fact a line
 *     NAME/ctl                set RAM=N for a new resource; of a run: reserve RAM=N, release RAM=N
 *     NAME/wait               never listed: a read waits for what the run has asked for
 *     self                    of a run: a link to its session
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "daemon/sched.h"
#include "daemon/tree_impl.h"
#include "lib/model/resource.h"
#include "lib/model/session.h"
#include "lib/util/str.h"

/* ---- sessions/ ------------------------------------------------------------------------------- */

static bool has_session(struct dj_engine *engine, struct dj_bytes name, const char **ret)
{
    for (*ret = dj_session_after(engine, ""); *ret != NULL; *ret = dj_session_after(engine, *ret)) {
        if (dj_bytes_is(name, *ret))
            return true;
    }
    return false;
}

int dj_sessions_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                       struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    const char *session;

    if (dj_bytes_is(name, "self")) {
        if (asker->run == 0)
            return dj_err_set(err, ENOENT, "you are not in a run; self is there for runs only");
        dj_spot_fixed(folder, DJ_FIXED_SESSION_SELF, ret);
        return 0;
    }
    if (has_session(folder->engine, name, &session)) {
        dj_spot_session(folder, session, NULL, DJ_SESSION_FOLDER, ret);
        return 0;
    }
    dj_add_printable(&shown, name);
    return dj_err_set(err, ENOENT, "there is no session %s; `dj session` lists them",
                      dj_buf_str(&shown));
}

/* By name, self first. */
int dj_sessions_list(const struct dj_spot *folder, const struct dj_asker *asker,
                     struct dj_listing *listing, struct dj_err *err)
{
    uint64_t cookie = 1;
    const char *name;

    (void)err;
    if (asker->run != 0 && listing->cookie < 1) {
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

        dj_spot_fixed(folder, DJ_FIXED_SESSION_SELF, &spot);
        if (!dj_listing_add(listing, &spot, DJ_BYTES_LIT("self"), 1))
            return 0;
    }
    for (name = dj_session_after(folder->engine, ""); name != NULL;
         name = dj_session_after(folder->engine, name)) {
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

        if (++cookie <= listing->cookie)
            continue;
        dj_spot_session(folder, name, NULL, DJ_SESSION_FOLDER, &spot);
        if (!dj_listing_add(listing, &spot, dj_bytes_of(name), cookie))
            return 0;
    }
    listing->out.end = true;
    return 0;
}

void dj_session_self(const struct dj_spot *spot, struct dj_request *request,
                     const struct dj_asker *asker, const struct dj_msg_readlink *ask)
{
    const char *name = dj_session_of_run(spot->engine, asker->run);
    dj_cleanup_buf struct dj_buf target = DJ_BUF_INIT;

    (void)ask;
    if (name == NULL) {
        dj_tree_refuse(request, -ENOENT, "you are not in a run; self is there for runs only");
        return;
    }
    dj_buf_adds(&target, name);
    dj_tree_link(request, &target);
}

/* ---- NAME/ ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum dj_session_leaf leaf;
} leaves[] = {
    {"max_workers", DJ_SESSION_MAX_WORKERS}, {"resources", DJ_SESSION_RESOURCES},
    {"status", DJ_SESSION_STATUS},           {"ctl", DJ_SESSION_CTL},
    {"wait", DJ_SESSION_WAIT}, /* the last one: never listed */
};

static bool is_there(const struct dj_spot *folder, enum dj_session_leaf leaf)
{
    return !folder->readonly || (leaf != DJ_SESSION_CTL && leaf != DJ_SESSION_WAIT);
}

static int session_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                          struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    (void)asker;
    for (size_t i = 0; i < DJ_ARRAY_SIZE(leaves); i++) {
        if (dj_bytes_is(name, leaves[i].name) && is_there(folder, leaves[i].leaf)) {
            dj_spot_session(folder, folder->session, NULL, leaves[i].leaf, ret);
            return 0;
        }
    }
    return dj_err_set(err, ENOENT, "a session has max_workers, resources, status and ctl");
}

static int session_list(const struct dj_spot *folder, const struct dj_asker *asker,
                        struct dj_listing *listing, struct dj_err *err)
{
    (void)asker;
    (void)err;
    for (size_t i = (size_t)DJ_MIN(listing->cookie, DJ_ARRAY_SIZE(leaves));
         i + 1 < DJ_ARRAY_SIZE(leaves); i++) {
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

        if (!is_there(folder, leaves[i].leaf))
            continue;
        dj_spot_session(folder, folder->session, NULL, leaves[i].leaf, &spot);
        if (!dj_listing_add(listing, &spot, dj_bytes_of(leaves[i].name), i + 1))
            return 0;
    }
    listing->out.end = true;
    return 0;
}

static const struct dj_sched_kind *kind_of(const struct dj_spot *spot, size_t index)
{
    struct dj_session_facts facts;

    if (!dj_session_look(spot->engine, spot->session, &facts) || index >= facts.kinds->n)
        return NULL;
    return DJ_LIST_AT(facts.kinds, struct dj_sched_kind, index);
}

static int resources_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                            struct dj_bytes name, struct dj_spot *ret, struct dj_err *err)
{
    const struct dj_sched_kind *kind;

    (void)asker;
    for (size_t i = 0; (kind = kind_of(folder, i)) != NULL; i++) {
        if (kind->total != 0 && dj_bytes_is(name, kind->name)) {
            dj_spot_session(folder, folder->session, kind->name, DJ_SESSION_RESOURCE, ret);
            return 0;
        }
    }
    return dj_err_set(err, ENOENT, "session %s has no such resource", folder->session);
}

static int resources_list(const struct dj_spot *folder, const struct dj_asker *asker,
                          struct dj_listing *listing, struct dj_err *err)
{
    const struct dj_sched_kind *kind;

    (void)asker;
    (void)err;
    for (size_t i = (size_t)listing->cookie; (kind = kind_of(folder, i)) != NULL; i++) {
        dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

        if (kind->total == 0)
            continue;
        dj_spot_session(folder, folder->session, kind->name, DJ_SESSION_RESOURCE, &spot);
        if (!dj_listing_add(listing, &spot, dj_bytes_of(kind->name), i + 1))
            return 0;
    }
    listing->out.end = true;
    return 0;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void workers_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    struct dj_session_facts facts;

    if (dj_session_look(spot->engine, spot->session, &facts))
        dj_buf_addf(buf, "%" PRIu64 "\n", facts.workers);
}

static void resource_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    const struct dj_sched_kind *kind;

    for (size_t i = 0; (kind = kind_of(spot, i)) != NULL; i++) {
        if (strcmp(kind->name, spot->resource) == 0)
            dj_amount_print(buf, kind->total);
    }
    dj_buf_addc(buf, '\n');
}

static void status_text(const struct dj_spot *spot, struct dj_buf *buf)
{
    const struct dj_sched_kind *kind;
    struct dj_session_facts facts;

    if (!dj_session_look(spot->engine, spot->session, &facts))
        return;
    dj_buf_addf(buf, "workers %" PRIu64 "\nbusy %" PRIu64 "\nqueued %" PRIu64 "\nwaiting %" PRIu64
                "\n", facts.workers, facts.busy, facts.queued, facts.waiting);
    for (size_t i = 0; (kind = kind_of(spot, i)) != NULL; i++) {
        if (kind->total == 0 && kind->held == 0)
            continue;
        dj_buf_addf(buf, "resource %s ", kind->name);
        dj_amount_print(buf, kind->held);
        dj_buf_adds(buf, " of ");
        dj_amount_print(buf, kind->total);
        dj_buf_addc(buf, '\n');
    }
}

/* ---- changing -------------------------------------------------------------------------------- */

void dj_session_keep(const struct dj_spot *spot, struct dj_buf *ret)
{
    dj_buf_adds(ret, spot->session);
    if (spot->resource == NULL)
        return;
    dj_buf_addc(ret, '\0');
    dj_buf_adds(ret, spot->resource);
}

static const char *resource_of(const struct dj_handle *handle)
{
    size_t len = strlen(dj_buf_str(&handle->name));

    return len == handle->name.len ? NULL : dj_buf_str(&handle->name) + len + 1;
}

static int change_value(struct dj_handle *handle, const struct dj_msg_write *ask,
                        struct dj_err *err)
{
    struct dj_bytes text = dj_strip(dj_buf_bytes(&ask->bytes));
    const char *session = dj_buf_str(&handle->name), *resource = resource_of(handle);
    uint64_t value;
    int code = resource == NULL ? dj_session_workers(text, &value, err)
                                : dj_amount_parse(text, &value, err);

    return code < 0 ? code
                    : dj_session_set(handle->tree->engine, session, resource, value, err);
}

static void refuse(struct dj_handle *handle, struct dj_request *request, int code,
                   struct dj_err *err)
{
    dj_refusal_note_session(handle->tree, dj_buf_str(&handle->name), dj_err_text(err, code));
    dj_reply_err(request, code, err);
}

static void value_write(struct dj_handle *handle, struct dj_request *request,
                        const struct dj_msg_write *ask)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = change_value(handle, ask, &err);

    if (code < 0)
        refuse(handle, request, code, &err);
    else
        dj_reply_ok(request, ask->bytes.len, "");
}

static void read_again(struct dj_handle *handle, struct dj_request *request,
                       const struct dj_msg_read *ask)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;
    int code = dj_spot_of(dj_tree_peer_of(request->engine, request->peer), handle->node, &spot,
                          &err);

    if (code < 0) {
        dj_reply_err(request, code, &err);
        return;
    }
    spot.sort->text(&spot, &text);
    dj_tree_slice(request, dj_buf_bytes(&text), ask);
}

static const struct dj_handle_ops value_ops = {.read = read_again, .write = value_write};

/* ---- ctl ------------------------------------------------------------------------------------- */

/* Only its own session's: another one has nothing for it. */
static int check_own(struct dj_handle *handle, const struct dj_asker *asker, struct dj_err *err)
{
    const char *own = dj_session_of_run(handle->tree->engine, asker->run);

    if (own == NULL)
        return dj_err_set(err, EINVAL, "resources are reserved and released by a run, and this is"
                          " none");
    if (strcmp(own, dj_buf_str(&handle->name)) != 0)
        return dj_err_set(err, EINVAL, "this run belongs to session %s; sessions/self leads there",
                          own);
    return 0;
}

static int set_resources(struct dj_handle *handle, const struct dj_list *list, struct dj_err *err)
{
    int code = 0;

    for (size_t i = 0; code == 0 && i < list->n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(list, struct dj_resource, i);

        code = dj_session_set(handle->tree->engine, dj_buf_str(&handle->name), resource->name,
                              resource->amount, err);
    }
    return code;
}

/* 1: it is done, and the write is still to be answered. */
static int carry_out(struct dj_handle *handle, struct dj_request *request,
                     const struct dj_asker *asker, const struct dj_ctl_command *command,
                     struct dj_err *err)
{
    struct dj_list list = {0};
    int code = command->verb == DJ_CTL_SET ? 0 : check_own(handle, asker, err);

    if (code == 0 && command->args.len != 0)
        code = dj_resources_parse(command->args, &list, err);
    if (code == 0 && command->verb == DJ_CTL_RESERVE) {
        code = dj_reserve_write(handle->tree, request, asker, &list, err);
    } else if (code == 0) {
        code = command->verb == DJ_CTL_SET ? set_resources(handle, &list, err)
                                           : dj_unreserve(request->engine, asker, &list, err);
        code = code < 0 ? code : 1;
    }
    dj_resources_release(&list);
    return code;
}

static int command_of(struct dj_bytes text, struct dj_ctl_command *ret, struct dj_err *err)
{
    struct dj_list commands = {0};
    int code = dj_ctl_parse(DJ_CTL_SESSION, text, &commands, err);

    if (code == 0 && commands.n > 1)
        code = dj_err_set(err, EINVAL, "a write to this ctl is one command");
    if (code == 0)
        *ret = *DJ_LIST_AT(&commands, struct dj_ctl_command, 0);
    free(commands.items);
    return code;
}

static void ctl_write(struct dj_handle *handle, struct dj_request *request,
                      const struct dj_msg_write *ask)
{
    struct dj_asker asker = dj_tree_asker(request, &ask->caller, NULL);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_ctl_command command;
    int code = command_of(dj_buf_bytes(&ask->bytes), &command, &err);

    if (code == 0)
        code = carry_out(handle, request, &asker, &command, &err);
    if (code < 0)
        refuse(handle, request, code, &err);
    else if (code > 0)
        dj_reply_ok(request, ask->bytes.len, "");
}

static void wait_read(struct dj_handle *handle, struct dj_request *request,
                      const struct dj_msg_read *ask)
{
    struct dj_asker asker = dj_tree_asker(request, &ask->caller, NULL);

    if (handle->base == 0)
        handle->base = ask->offset + 1;
    if (ask->offset + 1 != handle->base) /* it was told already */
        dj_tree_data(request, DJ_BYTES_LIT(""));
    else
        dj_reserve_read(handle->tree, request, &asker);
}

static const struct dj_handle_ops ctl_ops = {.read = wait_read, .write = ctl_write};
static const struct dj_handle_ops wait_ops = {.read = wait_read};

static void wait_open(const struct dj_spot *spot, struct dj_request *request,
                      const struct dj_asker *asker, const struct dj_msg_open *ask)
{
    (void)ask;
    if (asker->run == 0) {
        dj_tree_refuse(request, -EINVAL, "it is for runs: what this one has asked for");
        return;
    }
    dj_tree_opened_handle(request, dj_handle_new(&spot->peer->handles, spot->tree, spot->id,
                                                 &wait_ops), 0);
}

const struct dj_sort dj_session_sorts[DJ_SESSION_LEAVES] = {
    [DJ_SESSION_FOLDER] = {.mode = S_IFDIR | 0555, .lookup = session_lookup,
                           .list = session_list},
    [DJ_SESSION_MAX_WORKERS] = {.mode = S_IFREG | 0644,
                                .text = workers_text, .writable = &value_ops},
    [DJ_SESSION_RESOURCES] = {.mode = S_IFDIR | 0555,
                              .lookup = resources_lookup, .list = resources_list},
    [DJ_SESSION_RESOURCE] = {.mode = S_IFREG | 0644,
                             .text = resource_text, .writable = &value_ops},
    [DJ_SESSION_STATUS] = {.mode = S_IFREG | 0444, .text = status_text},
    [DJ_SESSION_CTL] = {.mode = S_IFREG | 0666, .text = dj_ctl_text, .writable = &ctl_ops},
    [DJ_SESSION_WAIT] = {.mode = S_IFREG | 0444, .open = wait_open},
};

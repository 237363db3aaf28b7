/*
 * Resources that runs reserve by a write.
 *
 * A write must not wait, so it only asks; what has come, or been refused meanwhile, is told by the
 * next read of the same ctl or of the session's wait, which stands until nothing is open.
 */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "daemon/tree_impl.h"
#include "lib/model/resource.h"
#include "lib/util/mem.h"

/* One that is asked for, one that was refused (code), or a read that waits (request). */
struct dj_reserving {
    struct dj_tree *tree;
    uint64_t run;
    bool asked;
    int code;
    char *sentence;
    struct dj_request *request;
    struct dj_reserving *prev, *next;
};

static void drop(struct dj_reserving *reserving)
{
    DL_DELETE(reserving->tree->reservings, reserving);
    free(reserving->sentence);
    free(reserving);
}

static struct dj_reserving *add(struct dj_tree *tree, uint64_t run)
{
    struct dj_reserving *reserving = dj_xcalloc(1, sizeof(*reserving));

    reserving->tree = tree;
    reserving->run = run;
    DL_APPEND(tree->reservings, reserving);
    return reserving;
}

static bool is_open(const struct dj_reserving *reserving)
{
    return reserving->asked && reserving->code == 0;
}

static bool any_open(const struct dj_tree *tree, uint64_t run)
{
    const struct dj_reserving *reserving;

    DL_FOREACH(tree->reservings, reserving) {
        if (reserving->run == run && is_open(reserving))
            return true;
    }
    return false;
}

/* The first refusal is told once. */
static struct dj_reserving *find_refused(const struct dj_tree *tree, uint64_t run)
{
    struct dj_reserving *reserving;

    DL_FOREACH(tree->reservings, reserving) {
        if (reserving->run == run && reserving->code < 0)
            return reserving;
    }
    return NULL;
}

static struct dj_reserving *find_reader(const struct dj_tree *tree, uint64_t run)
{
    struct dj_reserving *reserving;

    DL_FOREACH(tree->reservings, reserving) {
        if (reserving->run == run && reserving->request != NULL)
            return reserving;
    }
    return NULL;
}

static void tell(struct dj_tree *tree, struct dj_request *request, uint64_t run)
{
    struct dj_reserving *refused = find_refused(tree, run);
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_list list = {0};

    if (refused != NULL) {
        dj_tree_refuse(request, refused->code, "%s", refused->sentence);
        drop(refused);
        return;
    }
    dj_run_holds(tree->engine, run, &list);
    dj_resources_print(&text, &list);
    dj_resources_release(&list);
    dj_buf_adds(&text, text.len == 0 ? "none\n" : "\n");
    dj_tree_data(request, dj_buf_bytes(&text));
}

static void wake(struct dj_tree *tree, uint64_t run)
{
    struct dj_reserving *reserving;
    struct dj_request *request;

    if (any_open(tree, run))
        return;
    while ((reserving = find_reader(tree, run)) != NULL) { /* telling one may drop others */
        request = reserving->request;
        request->on_cancel = NULL;
        drop(reserving);
        tell(tree, request, run);
    }
}

static void reserved(void *cookie, int code, uint64_t instance DJ_UNUSED, const char *sentence)
{
    struct dj_reserving *reserving = cookie;
    struct dj_tree *tree = reserving->tree;
    uint64_t run = reserving->run;

    reserving->code = code;
    if (code < 0)
        reserving->sentence = dj_xstrdup(sentence == NULL ? "it was refused" : sentence);
    else
        drop(reserving);
    wake(tree, run);
}

/* Runs that have ended need to be told nothing any more. */
static void forget_ended(struct dj_tree *tree)
{
    struct dj_reserving *reserving, *next;
    struct dj_live live;

    DL_FOREACH_SAFE(tree->reservings, reserving, next) {
        if (reserving->code < 0 && !dj_live(tree->engine, reserving->run, &live))
            drop(reserving);
    }
}

int dj_reserve_write(struct dj_tree *tree, struct dj_request *request,
                     const struct dj_asker *asker, const struct dj_list *list,
                     struct dj_err *err)
{
    const struct dj_msg_write *ask = request->fields;
    struct dj_reserving *reserving;
    int code;

    forget_ended(tree);
    reserving = add(tree, asker->run);
    reserving->asked = true;
    if (dj_reserve(tree->engine, asker, list, reserved, reserving) == NULL) {
        /* Told at once: granted, and forgotten; or refused, by this very write. */
        reserving = find_refused(tree, asker->run);
        if (reserving != NULL) {
            code = dj_err_set(err, -reserving->code, "%s", reserving->sentence);
            drop(reserving);
            return code;
        }
    }
    dj_reply_ok(request, ask->bytes.len, "");
    return 0;
}

static void read_cancel(struct dj_request *request)
{
    drop(request->cookie);
    dj_tree_refuse(request, -EINTR, "interrupted while waiting for resources");
}

void dj_reserve_read(struct dj_tree *tree, struct dj_request *request,
                     const struct dj_asker *asker)
{
    const struct dj_msg_read *ask = request->fields;
    struct dj_reserving *reserving;

    if (dj_run_lost_asks(tree->engine, asker->run)) {
        dj_tree_refuse(request, -EIO, "the daemon that was asked has ended; ask again");
        return;
    }
    if (!any_open(tree, asker->run)) {
        tell(tree, request, asker->run);
        return;
    }
    if (ask->flags & DJ_OPEN_NONBLOCK) {
        dj_tree_refuse(request, -EAGAIN, "what the run has asked for is not there yet");
        return;
    }
    reserving = add(tree, asker->run);
    reserving->request = request;
    request->cookie = reserving;
    request->on_cancel = read_cancel;
}

void dj_reservings_release(struct dj_tree *tree)
{
    struct dj_reserving *reserving, *next;

    DL_FOREACH_SAFE(tree->reservings, reserving, next)
        drop(reserving);
}

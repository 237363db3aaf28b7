/*
 * deps/ and dependents/: links named TASK,NAME to other runs.
 *
 * Task names hold no comma, so the first one ends the task. A name that would be longer than a file
 * system allows becomes %h and the digest of the long one, as names of runs do.
 */
#include <errno.h>
#include <stdlib.h>

#include "daemon/tree_impl.h"
#include "lib/model/name.h"
#include "lib/util/digest.h"

static void edge_name(struct dj_buf *buf, struct dj_call *call)
{
    dj_buf_addf(buf, "%s,", dj_call_task(call)->name);
    dj_buf_add_bytes(buf, dj_call_name(call));
    if (buf->len > DJ_NAME_MAX) {
        struct dj_digest digest;
        char hex[DJ_DIGEST_HEX_SIZE];

        dj_digest_bytes(dj_buf_bytes(buf), &digest);
        dj_digest_hex(&digest, hex);
        dj_buf_clear(buf);
        dj_buf_addf(buf, "%%h%s", hex);
    }
}

/* The instance whose calls are shown: the run under way, else the one that meta tells of. */
static uint64_t subject(struct dj_engine *engine, struct dj_call *call, bool readonly)
{
    uint64_t latest = dj_call_latest(engine, call);
    struct dj_live live;

    if (latest != 0 && !readonly && dj_live(engine, latest, &live))
        return latest;
    return dj_run_shown(engine, call, readonly);
}

static const struct dj_list *edges_of(struct dj_engine *engine, uint64_t instance)
{
    static const struct dj_list none = {0};
    const struct dj_rec_instance *record;
    struct dj_live live;

    if (instance == 0)
        return &none;
    if (dj_live(engine, instance, &live))
        return live.edges == NULL ? &none : live.edges;
    record = dj_instance(engine, instance);
    return record == NULL ? &none : &record->edges;
}

static bool has_edge(struct dj_engine *engine, uint64_t instance, uint64_t call)
{
    const struct dj_list *edges = edges_of(engine, instance);

    for (size_t i = 0; call != 0 && i < edges->n; i++) {
        if (DJ_LIST_AT(edges, struct dj_rec_edge, i)->call == call)
            return true;
    }
    return false;
}

/* ---- going through them, page by page -------------------------------------------------------- */

/* each() for every call behind the cookie; it returns false to stop. */
typedef bool edge_fn(void *context, struct dj_call *call, uint64_t cookie);

static bool each_dep(const struct dj_spot *folder, uint64_t cookie, edge_fn *each, void *context)
{
    uint64_t instance = subject(folder->engine, folder->call, folder->readonly);
    const struct dj_list *edges = edges_of(folder->engine, instance);

    for (size_t i = (size_t)DJ_MIN(cookie, edges->n); i < edges->n; i++) {
        struct dj_call *call;
        bool more;

        call = dj_call_by_number(folder->engine, DJ_LIST_AT(edges, struct dj_rec_edge, i)->call);
        if (call == NULL)
            continue;
        more = each(context, call, i + 1);
        dj_call_unref(call);
        if (!more)
            return false;
    }
    return true;
}

#define PARENTS_MAX 256

struct parents {
    struct {
        uint64_t call;
        uint64_t instance;
    } items[PARENTS_MAX];
    size_t n;
};

static int collect_parent(void *cookie, uint64_t call, uint64_t instance)
{
    struct parents *parents = cookie;

    parents->items[parents->n].call = call;
    parents->items[parents->n].instance = instance;
    return ++parents->n == PARENTS_MAX;
}

/* Of the parents' instances only those count that the parents show in their own deps/. */
static bool each_dependent(const struct dj_spot *folder, uint64_t cookie, edge_fn *each,
                           void *context)
{
    uint64_t number = dj_call_number(folder->call);
    struct parents parents;

    if (number == 0)
        return true;
    do {
        parents.n = 0;
        dj_dependents(folder->engine, number, cookie, collect_parent, &parents);
        for (size_t i = 0; i < parents.n; i++) {
            struct dj_call *call = dj_call_by_number(folder->engine, parents.items[i].call);
            bool more = true;

            cookie = parents.items[i].instance;
            if (call == NULL)
                continue;
            if (subject(folder->engine, call, folder->readonly) == cookie)
                more = each(context, call, cookie);
            dj_call_unref(call);
            if (!more)
                return false;
        }
    } while (parents.n == PARENTS_MAX);
    return true;
}

static bool each_edge(const struct dj_spot *folder, uint64_t cookie, edge_fn *each, void *context)
{
    if (folder->node.leaf == DJ_RUN_DEPS)
        return each_dep(folder, cookie, each, context);
    return each_dependent(folder, cookie, each, context);
}

struct adding {
    const struct dj_spot *folder;
    struct dj_listing *listing;
};

static bool add(void *context, struct dj_call *call, uint64_t cookie)
{
    struct adding *adding = context;
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;
    dj_cleanup_spot struct dj_spot spot = DJ_SPOT_INIT;

    edge_name(&name, call);
    dj_spot_call(adding->folder, call, DJ_RUN_LINK, &spot);
    return dj_listing_add(adding->listing, &spot, dj_buf_bytes(&name), cookie);
}

int dj_edges_list(const struct dj_spot *spot, const struct dj_asker *asker,
                  struct dj_listing *listing, struct dj_err *err)
{
    struct adding adding = {spot, listing};

    (void)asker;
    (void)err;
    listing->out.end = each_edge(spot, listing->cookie, add, &adding);
    return 0;
}

/* ---- one name -------------------------------------------------------------------------------- */

struct search {
    struct dj_bytes name;
    struct dj_call *found;
};

static bool match(void *context, struct dj_call *call, uint64_t cookie)
{
    struct search *search = context;
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

    (void)cookie;
    edge_name(&name, call);
    if (!dj_bytes_equal(dj_buf_bytes(&name), search->name))
        return true;
    dj_call_ref(call);
    search->found = call;
    return false;
}

/* TASK,NAME as a call, without going through all the edges; NULL when it is none. */
static struct dj_call *call_of(struct dj_engine *engine, struct dj_bytes name)
{
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;
    const uint8_t *comma = name.len == 0 ? NULL : memchr(name.data, ',', name.len);
    struct dj_call *call = NULL;
    struct dj_task *task;

    if (comma == NULL)
        return NULL;
    task = dj_task_by_name(engine, dj_bytes(name.data, (size_t)(comma - name.data)));
    if (task == NULL ||
        dj_call_by_name(engine, task, dj_bytes_from(name, (size_t)(comma - name.data) + 1), &call,
                        &canonical, NULL) != 0)
        return NULL;
    return call;
}

static bool is_edge(const struct dj_spot *folder, struct dj_call *call)
{
    struct dj_engine *engine = folder->engine;
    uint64_t mine = dj_call_number(folder->call);

    if (dj_call_number(call) == 0)
        return false;
    if (folder->node.leaf == DJ_RUN_DEPS)
        return has_edge(engine, subject(engine, folder->call, folder->readonly),
                        dj_call_number(call));
    return has_edge(engine, subject(engine, call, folder->readonly), mine);
}

/* Names of tasks that are not defined any more, and hashed ones, are found by looking at all. */
static struct dj_call *find(const struct dj_spot *folder, struct dj_bytes name)
{
    struct search search = {name, NULL};
    struct dj_call *call = call_of(folder->engine, name);

    if (call != NULL && is_edge(folder, call))
        return call;
    if (call != NULL) {
        dj_call_unref(call);
        return NULL;
    }
    each_edge(folder, 0, match, &search);
    return search.found;
}

int dj_edges_lookup(const struct dj_spot *spot, const struct dj_asker *asker, struct dj_bytes name,
                    struct dj_spot *ret, struct dj_err *err)
{
    struct dj_call *call = find(spot, name);

    (void)asker;
    if (call == NULL)
        return dj_err_set(err, ENOENT, spot->node.leaf == DJ_RUN_DEPS
                                           ? "this run did not call such a run"
                                           : "no such run called this one");
    dj_spot_call(spot, call, DJ_RUN_LINK, ret);
    dj_call_unref(call);
    return 0;
}

/* Links go with the run; taking one away does nothing, so that rm -r goes on. */
void dj_edges_unlink(const struct dj_spot *spot, struct dj_request *request,
                     const struct dj_asker *asker, const struct dj_msg_unlink *ask)
{
    (void)spot;
    (void)asker;
    (void)ask;
    dj_reply_ok(request, 0, "");
}

/* Which stored runs are meant. (dj.h) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/client/client.h"
#include "lib/util/digest.h"
#include "lib/util/mem.h"

_Static_assert((int)DJ_HISTORY == DJ_RUNS_ALL && (int)DJ_WITH_CALLED == DJ_RUNS_CALLS,
               "dj.h has the flags of the protocol");

enum { PAGE = 1000 };

struct chosen {
    uint64_t instance, end_ns, bytes;
    struct dj_digest id;
    bool current;
};

struct known {
    uint64_t instance;
    UT_hash_handle hh;
};

struct dj_runs {
    struct dj_child child;
    unsigned flags;
    struct dj_list chosen; /* struct chosen */
    struct dj_list called; /* uint64_t: instances that may have to be looked at */
    struct known *known;
    uint64_t bytes;
    bool ready;            /* complete and sorted */
    size_t at;             /* the one that is told of, from 1 */
    char hex[DJ_DIGEST_HEX_SIZE];
    dj_progress_fn *progress;
    void *cookie;
};

struct dj_runs *dj_runs_new(struct dj *dj, unsigned flags)
{
    struct dj_runs *runs;

    if (dj_fresh(dj) < 0)
        return NULL;
    if ((flags & ~(unsigned)(DJ_HISTORY | DJ_WITH_CALLED)) != 0) {
        (void)dj_err_set(&dj->err, EINVAL, "dj_runs_new: there are no flags %#x", flags);
        return NULL;
    }
    runs = dj_xcalloc(1, sizeof(*runs));
    runs->flags = flags;
    dj_child_add(dj, &runs->child);
    return runs;
}

int dj_runs_on_progress(struct dj_runs *runs, dj_progress_fn *progress, void *cookie)
{
    if (runs == NULL)
        return -EINVAL;
    runs->progress = progress;
    runs->cookie = cookie;
    return 0;
}

/* ---- what the daemon tells ------------------------------------------------------------------- */

static bool is_known(const struct dj_runs *runs, uint64_t instance)
{
    struct known *known;

    HASH_FIND(hh, runs->known, &instance, sizeof(instance), known);
    return known != NULL;
}

static int take(struct dj_runs *runs, const struct dj_part_stored_run *run)
{
    struct known *known;
    struct chosen *chosen;

    if (run->id.len != sizeof(chosen->id.b))
        return dj_err_set(&runs->child.dj->err, EPROTO, "the daemon told of a run without its id");
    if (is_known(runs, run->instance))
        return 0;
    known = dj_xcalloc(1, sizeof(*known));
    known->instance = run->instance;
    HASH_ADD(hh, runs->known, instance, sizeof(known->instance), known);
    chosen = dj_list_add(&runs->chosen, sizeof(*chosen));
    *chosen = (struct chosen){.instance = run->instance, .end_ns = run->end_ns,
                              .bytes = run->bytes, .current = run->current};
    memcpy(chosen->id.b, run->id.data, sizeof(chosen->id.b));
    runs->bytes += run->bytes;
    for (size_t i = 0; i < run->calls.n; i++)
        *(uint64_t *)dj_list_add(&runs->called, sizeof(uint64_t)) =
            DJ_LIST_AT(&run->calls, struct dj_part_count, i)->n;
    return 0;
}

static int take_page(struct dj_runs *runs, struct dj_msg_runs *ask, bool *ret_end)
{
    struct dj *dj = runs->child.dj;
    struct dj_message_in answer;
    struct dj_msg_stored_runs *page;
    int rc = dj_interrupted(dj);

    if (rc == 0)
        rc = dj_connection_call(dj->connection, DJ_MSG_RUNS, ask, DJ_MSG_STORED_RUNS, &answer,
                                &dj->err);
    if (rc < 0)
        return rc;
    page = answer.fields;
    for (size_t i = 0; rc == 0 && i < page->runs.n; i++)
        rc = take(runs, DJ_LIST_AT(&page->runs, struct dj_part_stored_run, i));
    *ret_end = page->end;
    free(ask->at_task);
    ask->at_task = dj_steal(page->at_task);
    dj_buf_set(&ask->at_name, dj_buf_bytes(&page->at_name));
    dj_message_release(&answer);
    if (rc == 0 && runs->progress != NULL)
        rc = DJ_MIN(runs->progress(runs->cookie, runs->chosen.n), 0);
    return rc;
}

/* ---- what is meant --------------------------------------------------------------------------- */

/* The task and the name of a RUN, or a task alone. */
static int parse(struct dj *dj, const char *what, struct dj_msg_runs *ret)
{
    dj_cleanup_buf struct dj_buf run = DJ_BUF_INIT;
    const char *path = what, *slash;
    int rc;

    if (strchr(what, '/') != NULL)
        path = dj_below_mount(dj, what);
    if (strncmp(path, "tasks/", strlen("tasks/")) == 0)
        path += strlen("tasks/");
    slash = strchr(path, '/');
    if (slash == NULL || slash[1] == '\0') {
        ret->task = dj_xmemdup0(path, slash == NULL ? strlen(path) : (size_t)(slash - path));
        return 0;
    }
    rc = dj_run_path(dj, path, &run);
    if (rc < 0)
        return rc;
    path = dj_buf_str(&run) + strlen("tasks/");
    slash = strchr(path, '/');
    if (strchr(slash + 1, '/') != NULL)
        return dj_err_set(&dj->err, EINVAL, "%s is not the path of a run", what);
    ret->task = dj_xmemdup0(path, (size_t)(slash - path));
    dj_buf_adds(&ret->name, slash + 1);
    return 0;
}

int dj_runs_add(struct dj_runs *runs, const char *what)
{
    struct dj_msg_runs ask = {0};
    bool end = false;
    int rc = dj_child_begin(runs == NULL ? NULL : &runs->child);

    if (rc < 0)
        return rc;
    ask.flags = runs->flags;
    runs->ready = false;
    runs->at = 0;
    if (what != NULL)
        rc = parse(runs->child.dj, what, &ask);
    while (rc == 0 && !end)
        rc = take_page(runs, &ask, &end);
    dj_codec_release(dj_message_layout(DJ_MSG_RUNS), &ask);
    return dj_end(runs->child.dj, rc);
}

static int add_called(struct dj_runs *runs)
{
    int rc = 0;

    while (rc == 0 && runs->called.n != 0) {
        struct dj_msg_runs ask = {.flags = runs->flags};
        bool end;

        while (runs->called.n != 0 && ask.instances.n < PAGE) {
            uint64_t instance = *DJ_LIST_AT(&runs->called, uint64_t, --runs->called.n);

            if (!is_known(runs, instance))
                ((struct dj_part_count *)dj_list_add(&ask.instances,
                                                     sizeof(struct dj_part_count)))
                    ->n = instance;
        }
        if (ask.instances.n != 0)
            rc = take_page(runs, &ask, &end);
        dj_codec_release(dj_message_layout(DJ_MSG_RUNS), &ask);
    }
    return rc;
}

static int by_end(const void *a, const void *b)
{
    const struct chosen *left = a, *right = b;

    if (left->end_ns != right->end_ns)
        return left->end_ns < right->end_ns ? -1 : 1;
    return memcmp(left->id.b, right->id.b, sizeof(left->id.b));
}

static int make_ready(struct dj_runs *runs)
{
    int rc = dj_child_begin(&runs->child);

    if (rc < 0)
        return rc;
    rc = add_called(runs);
    if (rc == 0 && runs->chosen.n != 0)
        qsort(runs->chosen.items, runs->chosen.n, sizeof(struct chosen), by_end);
    runs->ready = rc == 0;
    return dj_end(runs->child.dj, rc);
}

/* ---- told ------------------------------------------------------------------------------------ */

uint64_t dj_runs_count(const struct dj_runs *runs, uint64_t *ret_bytes)
{
    if (runs == NULL)
        return 0;
    if (ret_bytes != NULL)
        *ret_bytes = runs->bytes;
    return runs->chosen.n;
}

int dj_runs_next(struct dj_runs *runs)
{
    int rc;

    if (runs == NULL)
        return -EINVAL;
    rc = runs->ready ? 0 : make_ready(runs);
    if (rc < 0)
        return rc;
    runs->at += runs->at <= runs->chosen.n;
    if (runs->at > runs->chosen.n)
        return 0;
    dj_digest_hex(&DJ_LIST_AT(&runs->chosen, struct chosen, runs->at - 1)->id, runs->hex);
    return 1;
}

void dj_runs_rewind(struct dj_runs *runs)
{
    if (runs != NULL)
        runs->at = 0;
}

static const struct chosen *now(const struct dj_runs *runs)
{
    static const struct chosen none;

    return runs == NULL || runs->at == 0 || runs->at > runs->chosen.n
               ? &none
               : DJ_LIST_AT(&runs->chosen, struct chosen, runs->at - 1);
}

const char *dj_runs_id(const struct dj_runs *runs)
{
    return now(runs)->instance == 0 ? "" : runs->hex;
}

uint64_t dj_runs_instance(const struct dj_runs *runs)
{
    return now(runs)->instance;
}

uint64_t dj_runs_end_ns(const struct dj_runs *runs)
{
    return now(runs)->end_ns;
}

uint64_t dj_runs_bytes(const struct dj_runs *runs)
{
    return now(runs)->bytes;
}

int dj_runs_is_current(const struct dj_runs *runs)
{
    return now(runs)->current;
}

void dj_runs_free(struct dj_runs *runs)
{
    struct known *known, *next;

    if (runs == NULL)
        return;
    HASH_ITER(hh, runs->known, known, next)
    {
        HASH_DEL(runs->known, known);
        free(known);
    }
    dj_child_remove(&runs->child);
    free(runs->chosen.items);
    free(runs->called.items);
    free(runs);
}

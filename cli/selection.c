#include "cli/selection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/util/mem.h"

enum { PAGE = 1000 };

struct dj_known {
    uint64_t instance;
    UT_hash_handle hh;
};

struct dj_ids {
    struct dj_digest id;
    UT_hash_handle hh;
};

/* ---- ids ---- */

void dj_ids_add(struct dj_ids **ids, const struct dj_digest *id)
{
    struct dj_ids *one;

    if (dj_ids_has(*ids, id))
        return;
    one = dj_xcalloc(1, sizeof(*one));
    one->id = *id;
    HASH_ADD(hh, *ids, id, sizeof(one->id), one);
}

bool dj_ids_has(const struct dj_ids *ids, const struct dj_digest *id)
{
    const struct dj_ids *one;

    HASH_FIND(hh, ids, id, sizeof(*id), one);
    return one != NULL;
}

size_t dj_ids_count(const struct dj_ids *ids)
{
    return HASH_COUNT(ids);
}

void dj_ids_free(struct dj_ids **ids)
{
    struct dj_ids *one, *next;

    HASH_ITER(hh, *ids, one, next)
    {
        HASH_DEL(*ids, one);
        free(one);
    }
}

/* ---- what the daemon tells ---- */

static bool is_known(struct dj_selection *selection, uint64_t instance)
{
    struct dj_known *known;

    HASH_FIND(hh, selection->known, &instance, sizeof(instance), known);
    return known != NULL;
}

static int take(struct dj_selection *selection, const struct dj_part_stored_run *run,
                struct dj_err *err)
{
    struct dj_known *known;
    struct dj_chosen *chosen;

    if (run->id.len != sizeof(chosen->id.b))
        return dj_err_set(err, EPROTO, "the daemon told of a run without its id");
    if (is_known(selection, run->instance))
        return 0;
    known = dj_xcalloc(1, sizeof(*known));
    known->instance = run->instance;
    HASH_ADD(hh, selection->known, instance, sizeof(known->instance), known);
    chosen = dj_list_add(&selection->chosen, sizeof(*chosen));
    *chosen = (struct dj_chosen){.instance = run->instance, .end_ns = run->end_ns,
                                 .bytes = run->bytes, .current = run->current};
    memcpy(chosen->id.b, run->id.data, sizeof(chosen->id.b));
    selection->bytes += run->bytes;
    for (size_t i = 0; i < run->calls.n; i++)
        *(uint64_t *)dj_list_add(&selection->called, sizeof(uint64_t)) =
            DJ_LIST_AT(&run->calls, struct dj_part_count, i)->n;
    dj_bar_set(selection->bar, selection->chosen.n, 0);
    return 0;
}

static int take_page(struct dj_selection *selection, struct dj_msg_runs *ask, bool *ret_end,
                     struct dj_err *err)
{
    struct dj_message_in answer;
    struct dj_msg_stored_runs *page;
    int rc = dj_interrupt_code() != 0
                 ? -EINTR
                 : dj_connection_call(selection->connection, DJ_MSG_RUNS, ask, DJ_MSG_STORED_RUNS,
                                      &answer, err);

    if (rc < 0)
        return rc;
    page = answer.fields;
    for (size_t i = 0; rc == 0 && i < page->runs.n; i++)
        rc = take(selection, DJ_LIST_AT(&page->runs, struct dj_part_stored_run, i), err);
    *ret_end = page->end;
    free(ask->at_task);
    ask->at_task = dj_steal(page->at_task);
    dj_buf_set(&ask->at_name, dj_buf_bytes(&page->at_name));
    dj_message_release(&answer);
    return rc;
}

int dj_select(struct dj_selection *selection, const char *task, const char *name,
              struct dj_err *err)
{
    struct dj_msg_runs ask = {.flags = selection->flags};
    bool end = false;
    int rc = 0;

    ask.task = task == NULL ? NULL : dj_xstrdup(task);
    if (name != NULL)
        dj_buf_adds(&ask.name, name);
    while (rc == 0 && !end)
        rc = take_page(selection, &ask, &end, err);
    dj_codec_release(dj_message_layout(DJ_MSG_RUNS), &ask);
    return rc;
}

int dj_select_called(struct dj_selection *selection, struct dj_err *err)
{
    int rc = 0;

    while (rc == 0 && selection->called.n != 0) {
        struct dj_msg_runs ask = {.flags = selection->flags};
        bool end;

        while (selection->called.n != 0 && ask.instances.n < PAGE) {
            uint64_t instance =
                *DJ_LIST_AT(&selection->called, uint64_t, --selection->called.n);

            if (!is_known(selection, instance))
                ((struct dj_part_count *)dj_list_add(&ask.instances,
                                                     sizeof(struct dj_part_count)))
                    ->n = instance;
        }
        if (ask.instances.n != 0)
            rc = take_page(selection, &ask, &end, err);
        dj_codec_release(dj_message_layout(DJ_MSG_RUNS), &ask);
    }
    return rc;
}

static int by_end(const void *a, const void *b)
{
    const struct dj_chosen *left = a, *right = b;

    if (left->end_ns != right->end_ns)
        return left->end_ns < right->end_ns ? -1 : 1;
    return memcmp(left->id.b, right->id.b, sizeof(left->id.b));
}

void dj_select_sort(struct dj_selection *selection)
{
    if (selection->chosen.n != 0)
        qsort(selection->chosen.items, selection->chosen.n, sizeof(struct dj_chosen), by_end);
}

void dj_selection_release(struct dj_selection *selection)
{
    struct dj_known *known, *next;

    HASH_ITER(hh, selection->known, known, next)
    {
        HASH_DEL(selection->known, known);
        free(known);
    }
    free(selection->chosen.items);
    free(selection->called.items);
    *selection = (struct dj_selection){0};
}

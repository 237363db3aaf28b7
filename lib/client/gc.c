/* What no current task can reach, counted or dropped. (dj.h) */
#include <errno.h>
#include <stdlib.h>

#include "lib/client/client.h"
#include "lib/util/mem.h"

struct dj_gc {
    struct dj_child child;
    struct dj_msg_gc ask;
    struct dj_message_in answer;
    size_t at; /* of the page, from 1 */
    bool end;
    uint64_t kept;
};

struct dj_gc *dj_gc_open(struct dj *dj, unsigned flags)
{
    struct dj_gc *gc;

    if (dj_fresh(dj) < 0)
        return NULL;
    if ((flags & ~(unsigned)DJ_DROP) != 0) {
        (void)dj_err_set(&dj->err, EINVAL, "dj_gc_open: there are no flags %#x", flags);
        return NULL;
    }
    gc = dj_xcalloc(1, sizeof(*gc));
    gc->ask.drop = (flags & DJ_DROP) != 0;
    dj_child_add(dj, &gc->child);
    return gc;
}

static void forget_page(struct dj_gc *gc)
{
    if (gc->answer.fields != NULL)
        dj_message_release(&gc->answer);
    gc->answer = (struct dj_message_in){0};
    gc->at = 0;
}

static const struct dj_part_waste *now(const struct dj_gc *gc)
{
    static const struct dj_part_waste none;
    const struct dj_msg_garbage *page = gc == NULL ? NULL : gc->answer.fields;

    return page == NULL || gc->at == 0 || gc->at > page->wastes.n
               ? &none
               : DJ_LIST_AT(&page->wastes, struct dj_part_waste, gc->at - 1);
}

static int next_page(struct dj_gc *gc)
{
    struct dj *dj = gc->child.dj;
    struct dj_msg_garbage *page;
    int rc = dj_interrupted(dj);

    forget_page(gc);
    if (rc == 0)
        rc = dj_connection_call(dj->connection, DJ_MSG_GC, &gc->ask, DJ_MSG_GARBAGE, &gc->answer,
                                &dj->err);
    if (rc < 0) {
        gc->answer = (struct dj_message_in){0};
        return rc;
    }
    page = gc->answer.fields;
    gc->kept += page->kept;
    gc->end = page->end;
    free(gc->ask.at_task);
    gc->ask.at_task = dj_steal(page->at_task);
    dj_buf_set(&gc->ask.at_name, dj_buf_bytes(&page->at_name));
    return 0;
}

int dj_gc_next(struct dj_gc *gc)
{
    const struct dj_msg_garbage *page = gc == NULL ? NULL : gc->answer.fields;
    int rc;

    if (page != NULL && gc->at < page->wastes.n) {
        gc->at++;
        return 1;
    }
    if (gc != NULL && gc->end) {
        forget_page(gc);
        return 0;
    }
    rc = dj_child_begin(gc == NULL ? NULL : &gc->child);
    if (rc < 0)
        return rc;
    do {
        rc = next_page(gc);
        page = gc->answer.fields;
    } while (rc == 0 && page->wastes.n == 0 && !gc->end);
    gc->at = rc == 0 && page->wastes.n != 0;
    return dj_end(gc->child.dj, rc < 0 ? rc : (int)gc->at);
}

const char *dj_gc_why(const struct dj_gc *gc)
{
    return now(gc)->why == NULL ? "" : now(gc)->why;
}

uint64_t dj_gc_runs(const struct dj_gc *gc)
{
    return now(gc)->runs;
}

uint64_t dj_gc_bytes(const struct dj_gc *gc)
{
    return now(gc)->bytes;
}

uint64_t dj_gc_kept(const struct dj_gc *gc)
{
    return gc == NULL ? 0 : gc->kept;
}

void dj_gc_close(struct dj_gc *gc)
{
    if (gc == NULL)
        return;
    dj_child_remove(&gc->child);
    forget_page(gc);
    dj_codec_release(dj_message_layout(DJ_MSG_GC), &gc->ask);
    free(gc);
}

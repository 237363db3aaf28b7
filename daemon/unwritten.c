#include <stdlib.h>

#include "daemon/engine_impl.h"

/*
 * What is in a batch that is not written yet, and therefore not in the store for who looks there.
 * A batch is made and written without a turn of the loop between.
 *
 * A call whose record is in it stays in memory: loaded once more for a second change, as it is in
 * the store, it would lose the first one.
 */

void unwritten_call(struct dj_engine *engine, struct dj_call *call)
{
    if (call->unwritten)
        return;
    call->unwritten = true;
    dj_call_ref(call);
    *(struct dj_call **)dj_list_add(&engine->unwritten_calls, sizeof(call)) = call;
}

void unwritten_purge(struct dj_engine *engine, uint64_t instance)
{
    (void)dj_number_set_add(&engine->unwritten_purges, instance);
}

bool unwritten_is_purged(const struct dj_engine *engine, uint64_t instance)
{
    return dj_number_set_has(&engine->unwritten_purges, instance);
}

void unwritten_drop(struct dj_engine *engine, uint64_t instance)
{
    *(uint64_t *)dj_list_add(&engine->unwritten_drops, sizeof(instance)) = instance;
}

void unwritten_forget(struct dj_engine *engine, bool written)
{
    struct dj_list calls = engine->unwritten_calls, drops = engine->unwritten_drops;

    engine->unwritten_calls = engine->unwritten_drops = (struct dj_list){0};
    for (size_t i = 0; i < drops.n; i++) {
        struct held *held = held_find(engine, *DJ_LIST_AT(&drops, uint64_t, i));

        if (held != NULL)
            held->dropped |= written;
    }
    free(drops.items);
    for (size_t i = 0; i < calls.n; i++) {
        struct dj_call *call = *DJ_LIST_AT(&calls, struct dj_call *, i);

        call->unwritten = false;
        dj_call_unref(call);
    }
    free(calls.items);
    dj_number_set_clear(&engine->unwritten_purges);
}

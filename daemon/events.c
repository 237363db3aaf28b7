#include "daemon/engine_impl.h"
#include "lib/model/json.h"
#include "lib/util/clock.h"

/* A bounded log in memory: positions only grow, and whole lines are dropped from its start. */

enum { EVENTS_MAX = 256 * 1024, EVENTS_KEEP = 128 * 1024 };

static void drop_old(struct dj_engine *engine)
{
    size_t drop = engine->events.len - EVENTS_KEEP;

    while (drop < engine->events.len && engine->events.data[drop - 1] != '\n')
        drop++;
    dj_buf_consume(&engine->events, drop);
    engine->events_begin += drop;
}

void event(struct dj_engine *engine, const char *what, struct dj_call *call, uint64_t instance,
           const char *text)
{
    struct dj_buf *events = &engine->events;
    uint64_t now = dj_clock_now_ns();

    dj_buf_addf(events, "{\"time\":%llu.%09llu,\"event\":\"%s\",\"task\":",
                (unsigned long long)(now / DJ_NS_PER_S), (unsigned long long)(now % DJ_NS_PER_S),
                what);
    dj_json_string(events, dj_bytes_of(call->task->public.name));
    dj_buf_adds(events, ",\"run\":");
    dj_json_string(events, dj_buf_bytes(&call->name));
    if (instance != 0)
        dj_buf_addf(events, ",\"instance\":%llu", (unsigned long long)instance);
    if (text != NULL) {
        dj_buf_adds(events, ",\"text\":");
        dj_json_string(events, dj_bytes_of(text));
    }
    dj_buf_adds(events, "}\n");
    if (events->len > EVENTS_MAX)
        drop_old(engine);
}

uint64_t dj_events_begin(struct dj_engine *engine)
{
    return engine->events_begin;
}

uint64_t dj_events_end(struct dj_engine *engine)
{
    return engine->events_begin + engine->events.len;
}

void dj_events_read(struct dj_engine *engine, uint64_t offset, size_t size, struct dj_buf *ret)
{
    size_t skip;

    if (offset < engine->events_begin)
        offset = engine->events_begin;
    skip = (size_t)(offset - engine->events_begin);
    if (skip >= engine->events.len)
        return;
    dj_buf_add(ret, engine->events.data + skip, DJ_MIN(size, engine->events.len - skip));
}

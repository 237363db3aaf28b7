#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/engine_impl.h"
#include "lib/model/json.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/str.h"

/*
 * A bounded log in memory: positions only grow, and whole lines are dropped from its start.
 *
 * The file `events` of the store is its copy, a turn of the loop behind at most and never synced:
 * it is for people who look after a restart, and nothing rests on it. It begins with a line that
 * names the store, since the instances of another one mean nothing here, and the position of the
 * first event. It is written anew when lines were dropped, and when a write failed (a full disk).
 */

enum { FILE_MAX_SIZE = 8 * 1024 * 1024 };

static void head(struct dj_engine *engine, struct dj_buf *ret)
{
    dj_buf_addf(ret, "djfs events 1 %s %020" PRIu64 "\n", dj_store_id(engine->store),
                engine->events_begin);
}

static int write_anew(struct dj_engine *engine)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT, next = DJ_BUF_INIT, text = DJ_BUF_INIT;
    int rc;

    dj_buf_addf(&name, "%s/events", dj_store_dir(engine->store));
    dj_buf_addf(&next, "%s.next", dj_buf_str(&name));
    head(engine, &text);
    dj_buf_add_bytes(&text, dj_buf_bytes(&engine->events));
    rc = dj_write_file(AT_FDCWD, dj_buf_str(&next), dj_buf_bytes(&text), 0600);
    if (rc == 0 && rename(dj_buf_str(&next), dj_buf_str(&name)) < 0)
        rc = -errno;
    if (rc < 0) {
        unlink(dj_buf_str(&next));
        return rc;
    }
    dj_close(engine->events_fd);
    engine->events_fd = dj_open(AT_FDCWD, dj_buf_str(&name), O_WRONLY | O_APPEND, 0);
    return engine->events_fd < 0 ? engine->events_fd : 0;
}

static void flush(void *cookie)
{
    struct dj_engine *engine = cookie;
    uint64_t end = dj_events_end(engine);
    size_t fresh = (size_t)(end - engine->events_written);
    int rc;

    engine->events_planned = false;
    if (engine->events_fd < 0 || fresh > engine->events.len)
        rc = write_anew(engine);
    else
        rc = dj_write_full(engine->events_fd,
                           engine->events.data + (engine->events.len - fresh), fresh);
    engine->events_written = end;
    if (rc < 0)
        engine->events_fd = dj_close(engine->events_fd); /* half a line may be there */
}

/* The position in the first line, or false when it is none of ours. */
static bool read_head(struct dj_engine *engine, struct dj_bytes *rest, uint64_t *ret)
{
    dj_cleanup_buf struct dj_buf start = DJ_BUF_INIT;
    struct dj_bytes line;

    dj_buf_addf(&start, "djfs events 1 %s ", dj_store_id(engine->store));
    if (!dj_next_line(rest, &line) || !dj_bytes_starts(line, dj_buf_bytes(&start)))
        return false;
    line = dj_bytes_from(line, start.len);
    while (line.len > 1 && line.data[0] == '0')
        line = dj_bytes_from(line, 1);
    return dj_parse_uint(line, ret, NULL) == 0;
}

void events_load(struct dj_engine *engine)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT, text = DJ_BUF_INIT;
    struct dj_bytes rest;
    int rc;

    engine->events_fd = -1;
    dj_buf_addf(&name, "%s/events", dj_store_dir(engine->store));
    rc = dj_read_file(AT_FDCWD, dj_buf_str(&name), FILE_MAX_SIZE, &text);
    rest = dj_buf_bytes(&text);
    if (rc < 0 || !read_head(engine, &rest, &engine->events_begin))
        return;
    /* A kill may have left half a line. */
    while (rest.len > 0 && rest.data[rest.len - 1] != '\n')
        rest.len--;
    dj_buf_add_bytes(&engine->events, rest);
    engine->events_written = dj_events_end(engine);
}

void events_free(struct dj_engine *engine)
{
    if (engine->events_planned)
        flush(engine);
    engine->events_fd = dj_close(engine->events_fd);
    dj_buf_release(&engine->events);
}

static void drop_old(struct dj_engine *engine)
{
    size_t drop = engine->events.len - engine->events_max / 2;

    while (drop < engine->events.len && engine->events.data[drop - 1] != '\n')
        drop++;
    dj_buf_consume(&engine->events, drop);
    engine->events_begin += drop;
    engine->events_fd = dj_close(engine->events_fd);
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
    if (events->len > engine->events_max)
        drop_old(engine);
    if (!engine->events_planned)
        dj_loop_later(engine->loop, flush, engine);
    engine->events_planned = true;
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

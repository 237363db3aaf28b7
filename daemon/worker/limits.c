#include "daemon/worker/limits.h"

#include <stdio.h>
#include <unistd.h>

#include "daemon/worker/memory.h"
#include "daemon/worker/sizes.h"
#include "lib/util/buf.h"
#include "lib/util/clock.h"

#define NEVER UINT64_MAX
#define MIB (UINT64_C(1) << 20)

enum { LOOK_MIN_MS = 10, LOOK_MAX_MS = 1000, COST_FACTOR = 20 };

static uint64_t result_size(const struct dj_order *order)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    if (order->result == NULL || *order->result == '\0')
        return dj_size_of_fd(STDOUT_FILENO);
    dj_buf_addf(&path, "%s/%s", order->cwd == NULL ? "cwd" : order->cwd, order->result);
    return dj_size_of_file(dj_buf_str(&path));
}

static uint64_t files_size(const struct dj_order *order)
{
    uint64_t enough = order->limits.files_bytes, cwd = dj_size_of_tree("cwd", enough);

    return cwd > enough ? cwd : cwd + dj_size_of_tree("tmp", enough - cwd);
}

static uint64_t measure(const struct dj_order *order, unsigned which)
{
    switch (which) {
    case DJ_LIMIT_RESULT:
        return result_size(order);
    case DJ_LIMIT_LOG:
        return dj_size_of_fd(STDERR_FILENO);
    case DJ_LIMIT_FILES:
        return files_size(order);
    default:
        return dj_memory_below(order->limits.memory_bytes);
    }
}

static uint64_t limit_of(const struct dj_order *order, unsigned which)
{
    const struct dj_part_limits *limits = &order->limits;
    const uint64_t bytes[DJ_LIMIT_COUNT] = {
        [DJ_LIMIT_RESULT] = limits->result_bytes,
        [DJ_LIMIT_LOG] = limits->log_bytes,
        [DJ_LIMIT_FILES] = limits->files_bytes,
        [DJ_LIMIT_MEMORY] = limits->memory_bytes,
    };

    return bytes[which];
}

uint64_t dj_limit_wait_ms(uint64_t size, uint64_t limit, uint64_t fastest, uint64_t cost_ms)
{
    uint64_t ms = (limit - DJ_MIN(size, limit)) / fastest;

    ms = DJ_MAX(LOOK_MIN_MS, DJ_MIN(ms, LOOK_MAX_MS));
    return DJ_MAX(ms, cost_ms * COST_FACTOR);
}

void dj_limits_begin(struct dj_limits *limits, const struct dj_order *order, uint64_t now,
                     bool memory)
{
    *limits = (struct dj_limits){.order = order};
    for (unsigned which = 0; which < DJ_LIMIT_COUNT; which++)
        limits->look_ns[which] = limit_of(order, which) == 0 ? NEVER
                                                             : now + LOOK_MIN_MS * DJ_NS_PER_MS;
    if (!memory)
        limits->look_ns[DJ_LIMIT_MEMORY] = NEVER;
}

uint64_t dj_limits_next(const struct dj_limits *limits)
{
    uint64_t next = NEVER;

    for (unsigned which = 0; which < DJ_LIMIT_COUNT; which++)
        next = DJ_MIN(next, limits->look_ns[which]);
    return next;
}

static bool look(struct dj_limits *limits, unsigned which, struct dj_exit_record *ended)
{
    static const enum dj_exit_how hows[DJ_LIMIT_COUNT] = {
        [DJ_LIMIT_RESULT] = DJ_EXIT_RESULT_LIMIT, [DJ_LIMIT_LOG] = DJ_EXIT_LOG_LIMIT,
        [DJ_LIMIT_FILES] = DJ_EXIT_FILES_LIMIT, [DJ_LIMIT_MEMORY] = DJ_EXIT_MEMORY,
    };
    /* No file grows faster in a ms, and no memory by faults. */
    uint64_t fastest = which == DJ_LIMIT_MEMORY ? 4 * MIB : 2 * MIB;
    uint64_t limit = limit_of(limits->order, which), begin = dj_clock_mono_ns(), now;
    uint64_t size = measure(limits->order, which);

    now = dj_clock_mono_ns();
    limits->look_ns[which] = now + DJ_NS_PER_MS * dj_limit_wait_ms(size, limit, fastest,
                                                                   (now - begin) / DJ_NS_PER_MS);
    if (which == DJ_LIMIT_MEMORY)
        limits->memory_peak = DJ_MAX(limits->memory_peak, size);
    if (size <= limit)
        return false;
    ended->how = hows[which];
    ended->limit = limit;
    ended->reached = size;
    return true;
}

bool dj_limits_look(struct dj_limits *limits, uint64_t now, struct dj_exit_record *ended)
{
    for (unsigned which = 0; which < DJ_LIMIT_COUNT; which++) {
        if (limits->look_ns[which] <= now && look(limits, which, ended))
            return true;
    }
    return false;
}

bool dj_limits_final(struct dj_limits *limits, struct dj_exit_record *ended)
{
    for (unsigned which = 0; which < DJ_LIMIT_MEMORY; which++) {
        if (limit_of(limits->order, which) != 0 && look(limits, which, ended))
            return true;
    }
    return false;
}

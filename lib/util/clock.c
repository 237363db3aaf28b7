#include "lib/util/clock.h"

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now); /* cannot fail for these clocks */
    return dj_ns_of(now);
}

uint64_t dj_clock_now_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t dj_clock_mono_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t dj_clock_tick_ns(void)
{
    return read_clock(CLOCK_REALTIME_COARSE);
}

void dj_pause_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&pause, NULL);
}

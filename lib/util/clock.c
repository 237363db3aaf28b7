#include "lib/util/clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now); /* cannot fail for these clocks */
    return (uint64_t)now.tv_sec * DJ_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t dj_clock_now_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t dj_clock_mono_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void dj_pause_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&pause, NULL);
}

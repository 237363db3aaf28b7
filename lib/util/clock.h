/*
 * The clocks in nanoseconds: the date for records, the steady one for intervals; a pause.
 */
#ifndef DJ_UTIL_CLOCK_H
#define DJ_UTIL_CLOCK_H

#include <stdint.h>
#include <time.h>

#define DJ_NS_PER_MS UINT64_C(1000000)
#define DJ_NS_PER_S UINT64_C(1000000000)

uint64_t dj_clock_now_ns(void);  /* since 1970; may jump */
uint64_t dj_clock_mono_ns(void); /* since some moment; never goes back */
uint64_t dj_clock_tick_ns(void); /* the date of the kernel's last tick, as it stamps files */

/* dj_ns_of(time): in nanoseconds, such as a file's times, which are not before 1970. */
static inline uint64_t dj_ns_of(struct timespec time)
{
    return (uint64_t)time.tv_sec * DJ_NS_PER_S + (uint64_t)time.tv_nsec;
}

void dj_pause_ms(unsigned ms); /* a signal may end it earlier */

#endif

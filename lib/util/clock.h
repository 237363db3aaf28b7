/*
 * The two clocks in nanoseconds: the date for records, the steady one for intervals; a pause.
 */
#ifndef DJ_UTIL_CLOCK_H
#define DJ_UTIL_CLOCK_H

#include <stdint.h>

#define DJ_NS_PER_MS UINT64_C(1000000)
#define DJ_NS_PER_S UINT64_C(1000000000)

uint64_t dj_clock_now_ns(void);  /* since 1970; may jump */
uint64_t dj_clock_mono_ns(void); /* since some moment; never goes back */

void dj_pause_ms(unsigned ms); /* a signal may end it earlier */

#endif

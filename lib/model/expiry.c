#include "lib/model/expiry.h"

#include "lib/util/clock.h"
#include "lib/util/macros.h"

#define SLACK_NS (60 * DJ_NS_PER_S) /* clocks are set a little all the time */

enum dj_freshness dj_expiry_at(const struct dj_expiry *expiry, uint64_t now_ns)
{
    if (expiry->expires_ns == 0)
        return DJ_FRESH;
    if (now_ns + SLACK_NS < expiry->ended_ns)
        return DJ_EXPIRED;
    if (now_ns < expiry->expires_ns)
        return DJ_FRESH;
    return (now_ns - expiry->expires_ns) / DJ_NS_PER_MS < expiry->serve_ms ? DJ_SERVED
                                                                            : DJ_EXPIRED;
}

uint64_t dj_expiry_least(uint64_t a, uint64_t b)
{
    return a == 0 ? b : b == 0 ? a : DJ_MIN(a, b);
}

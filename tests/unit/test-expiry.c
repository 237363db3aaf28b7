/* How long results are good: fresh, served, over; the clock set back; the least of several. */
#include "lib/model/expiry.h"
#include "lib/util/clock.h"
#include "tests/unit/tap.h"

#define S DJ_NS_PER_S

int main(void)
{
    struct dj_expiry never = {1000 * S, 0, 0}, plain = {1000 * S, 1010 * S, 0},
                     served = {1000 * S, 1010 * S, 5000}, over = {1000 * S, 900 * S, 0};

    is_int(dj_expiry_at(&never, 5000 * S), DJ_FRESH, "without a ttl for ever");
    is_int(dj_expiry_at(&never, 0), DJ_FRESH, "whatever the clock says");
    is_int(dj_expiry_at(&plain, 1000 * S), DJ_FRESH, "at its end");
    is_int(dj_expiry_at(&plain, 1010 * S - 1), DJ_FRESH, "till the last moment");
    is_int(dj_expiry_at(&plain, 1010 * S), DJ_EXPIRED, "and not at it");
    is_int(dj_expiry_at(&served, 1010 * S), DJ_SERVED, "then it is served");
    is_int(dj_expiry_at(&served, 1015 * S - 1), DJ_SERVED, "for a while");
    is_int(dj_expiry_at(&served, 1015 * S), DJ_EXPIRED, "and then no more");
    is_int(dj_expiry_at(&plain, 999 * S), DJ_FRESH, "a clock that was set a little back");
    is_int(dj_expiry_at(&plain, 940 * S), DJ_FRESH, "by a minute");
    is_int(dj_expiry_at(&plain, 940 * S - 1), DJ_EXPIRED, "by more than that");
    is_int(dj_expiry_at(&over, 1000 * S), DJ_EXPIRED, "over at its end by what it had read");
    is_int((long)dj_expiry_least(0, 0), 0, "never and never");
    is_int((long)dj_expiry_least(0, 7), 7, "never and a moment");
    is_int((long)dj_expiry_least(7, 0), 7, "a moment and never");
    is_int((long)dj_expiry_least(9, 7), 7, "the earlier one");
    return tap_done();
}

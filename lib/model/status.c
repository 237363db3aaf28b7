#include "lib/model/status.h"

const char *dj_status_name(enum dj_status status)
{
    static const char *const names[DJ_STATUS_COUNT] = {
        "absent", "queued", "waiting", "running", "done",
        "failed", "cancelled", "lost", "stale", "evicted",
    };

    return (unsigned)status < DJ_STATUS_COUNT ? names[status] : "unknown";
}

/*
 * How long a result is good: `ttl` and `serve_stale` of its task. Pure: the time is an argument.
 *
 * A result with a ttl is fresh until the moment `expires_ns`; then, for serve_ms, it is served all
 * the same, while it is computed anew. The wall clock may be set back: a result that has ended
 * more than a minute from now has a ttl of which nobody knows what is left, and is over.
 */
#ifndef DJ_MODEL_EXPIRY_H
#define DJ_MODEL_EXPIRY_H

#include <stdint.h>

enum dj_freshness { DJ_FRESH, DJ_SERVED, DJ_EXPIRED };

struct dj_expiry {
    uint64_t ended_ns;
    uint64_t expires_ns; /* 0: never */
    uint64_t serve_ms;
};

enum dj_freshness dj_expiry_at(const struct dj_expiry *expiry, uint64_t now_ns);

/* dj_expiry_least(a, b): the earlier of two moments; 0 is never. */
uint64_t dj_expiry_least(uint64_t a, uint64_t b);

#endif

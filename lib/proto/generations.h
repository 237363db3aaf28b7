/*
 * The generations file: how a mount learns without asking that its answers still hold.
 *
 * djd writes, mounts map it read-only. Every call belongs to a bucket (its number modulo
 * DJ_GENERATION_BUCKETS). Before djd acknowledges anything that makes an instance invalid it raises
 * the bucket's counter, or `all` when it cannot know which (a version changed). A mount may repeat
 * an answer that it got with DJ_OPENED_CACHED while `all` plus the bucket's counter are the sum
 * that came with the answer. The file is made anew, with `all` higher than before, at each start;
 * `all` of the one before is raised, too, by a daemon's end or by the next one's start, for mounts
 * that have not connected again.
 */
#ifndef DJ_PROTO_GENERATIONS_H
#define DJ_PROTO_GENERATIONS_H

#include <stdatomic.h>
#include <stdint.h>

#define DJ_GENERATION_BUCKETS 4096

struct dj_generations {
    _Atomic uint64_t all;
    _Atomic uint64_t bucket[DJ_GENERATION_BUCKETS];
};

static inline uint64_t dj_generation(const struct dj_generations *generations, uint64_t bucket)
{
    return atomic_load(&generations->all) +
           atomic_load(&generations->bucket[bucket % DJ_GENERATION_BUCKETS]);
}

#endif

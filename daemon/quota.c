#include <errno.h>

#include "daemon/engine_impl.h"
#include "lib/util/str.h"

/*
 * What runs may take. What counts is what they left, the same for every run that left it, so that
 * the figure is exact, the same on every store, and falls when a run is purged; what the store's
 * files take on the disk is another number.
 */

enum { BYTES_OF_A_RECORD = 512 };

uint64_t dj_quota_bytes(const struct dj_rec_instance *rec)
{
    return BYTES_OF_A_RECORD + rec->result.size + rec->log.size + rec->file_bytes +
           rec->manifest.size;
}

void quota_count(struct dj_engine *engine)
{
    struct dj_store_iter *iter =
        dj_store_iter_new(engine->store, DJ_BYTES_LIT("I"), DJ_BYTES_LIT("J"));
    struct dj_rec_instance rec;

    engine->stored_bytes = 0;
    while (dj_store_iter_next(iter)) {
        if (dj_codec_decode(&dj_layout_instance, dj_store_iter_value(iter), &rec, NULL) < 0)
            continue;
        engine->stored_bytes += dj_quota_bytes(&rec);
        dj_codec_release(&dj_layout_instance, &rec);
    }
    dj_store_iter_free(iter);
}

static bool fits(const struct dj_engine *engine, uint64_t bytes)
{
    return engine->quota == 0 ||
           (bytes <= engine->quota && engine->stored_bytes <= engine->quota - bytes);
}

int quota_check(struct dj_engine *engine, const struct dj_rec_instance *rec, struct dj_err *err)
{
    uint64_t bytes = dj_quota_bytes(rec);

    /* What was deleted gives way before its day is over; a run that never fits moves nothing. */
    if (!fits(engine, bytes) && bytes <= engine->quota)
        purge_deleted(engine, engine->quota - bytes);
    if (fits(engine, bytes))
        return 0;
    return dj_err_set(err, EDQUOT,
                      "the quota of the store is used up: %llu of %llu bytes are taken and the run "
                      "left %llu; delete runs (dj rm), or start the daemon with a larger --quota",
                      (unsigned long long)engine->stored_bytes, (unsigned long long)engine->quota,
                      (unsigned long long)bytes);
}

#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"

/*
 * What effective versions were made of. A premise holds only the digest of one, which can tell that
 * something changed but not what: so the parts are kept beside the first premise on it, as long as
 * that.
 */

void version_of(const struct task *task, struct dj_rec_version *ret)
{
    struct dj_buf text = DJ_BUF_INIT;
    const char *version = task->definition.version;

    *ret = (struct dj_rec_version){.epoch = task_epoch(task)};
    ret->version = version == NULL || *version == '\0' ? NULL : dj_xstrdup(version);
    dj_definition_hashed(&text, &task->definition);
    dj_buf_set(&ret->definition, dj_buf_bytes(&text));
    dj_buf_release(&text);
    for (size_t i = 0; i < task->tracked.n; i++) {
        const struct tracked *tracked = DJ_LIST_AT(&task->tracked, struct tracked, i);
        struct dj_rec_hashed *file = dj_list_add(&ret->tracked, sizeof(*file));

        dj_buf_adds(&file->path, tracked->path);
        file->digest = tracked->digest;
    }
}

int version_load(struct dj_engine *engine, uint32_t task, const struct dj_digest *effective,
                 struct dj_rec_version *ret)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    int rc;

    dj_key_version(&key, task, effective);
    rc = dj_store_get(engine->store, dj_buf_bytes(&key), &value);
    if (rc < 0)
        return rc;
    return dj_codec_decode(&dj_layout_version, dj_buf_bytes(&value), ret, NULL);
}

void version_keep(struct dj_engine *engine, const struct task *task)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_rec_version version;

    version_of(task, &version);
    version.kept_ns = dj_clock_now_ns();
    dj_key_version(&key, task->public.number, &task->effective);
    dj_codec_encode(&value, &dj_layout_version, &version);
    dj_store_batch_put(engine->batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
    dj_codec_release(&dj_layout_version, &version);
}

/* Runs of an earlier djfs rest on versions of which nothing was kept; of those that are still the
 * present ones it can be kept now. */
void versions_keep_present(struct dj_engine *engine)
{
    for (struct task *task = engine->tasks; task != NULL; task = task->hh.next) {
        struct dj_rec_version version;

        if (task->public.definition == NULL ||
            !dj_premises_knows(engine->premises, task->public.number, &task->effective))
            continue;
        if (version_load(engine, task->public.number, &task->effective, &version) == 0)
            dj_codec_release(&dj_layout_version, &version);
        else
            version_keep(engine, task);
    }
}

#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "daemon/engine_open.h"
#include "lib/util/clock.h"

/*
 * How far runs are: what they say themselves, and what earlier runs took. A run of the same call is
 * the best guess; else the middle one of some runs of its task.
 */

enum { SAMPLE_MAX = 64, LOOKS_MAX = 512 };

#define SAMPLE_GOOD_NS (10 * DJ_NS_PER_S)

int dj_run_progress(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
                    const struct dj_progress *progress, struct dj_err *err)
{
    struct run *run = asker->run == 0 ? NULL : run_find(engine, asker->run);

    if (run == NULL || run->call != call)
        return dj_err_set(err, EACCES, "only the run itself says how far it is");
    run->progress = *progress;
    return 0;
}

int dj_engine_progress(struct dj_engine *engine, uint64_t instance,
                       const struct dj_progress *progress, struct dj_err *err)
{
    struct run *run = instance == 0 ? NULL : run_find(engine, instance);

    if (run == NULL)
        return dj_err_set(err, EACCES, "only a run can say how far it is");
    if (progress->total == 0 || progress->done > progress->total)
        return dj_err_set(err, EINVAL, "done is at most total, which is not 0");
    run->progress = *progress;
    return 0;
}

/* ---- what earlier ones took -------------------------------------------------------------- */

struct sample {
    struct dj_engine *engine;
    uint64_t ns[SAMPLE_MAX];
    size_t n;
    size_t looks;
};

/* The newest that is done. */
static void look_at(struct sample *sample, const struct dj_call *call)
{
    for (size_t i = call->rec.instances.n; i-- > 0 && sample->n < SAMPLE_MAX;) {
        const struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);
        const struct dj_rec_instance *rec;

        if (summary->state != DJ_DONE)
            continue;
        rec = dj_instance(sample->engine, summary->instance);
        if (rec != NULL && rec->start_ns != 0 && rec->end_ns > rec->start_ns)
            sample->ns[sample->n++] = rec->end_ns - rec->start_ns;
        return;
    }
}

static int look_at_run(void *cookie, struct dj_bytes name DJ_UNUSED, uint64_t number)
{
    struct sample *sample = cookie;
    struct dj_call *call = dj_call_by_number(sample->engine, number);

    if (call != NULL)
        look_at(sample, call);
    dj_call_unref(call);
    return sample->n == SAMPLE_MAX || ++sample->looks == LOOKS_MAX;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return *left < *right ? -1 : *left > *right;
}

static uint64_t middle(struct sample *sample)
{
    if (sample->n == 0)
        return 0;
    qsort(sample->ns, sample->n, sizeof(sample->ns[0]), by_size);
    return sample->ns[sample->n / 2];
}

static uint64_t usual(struct dj_engine *engine, const struct dj_call *call)
{
    struct task *task = call->task;
    struct sample sample = {.engine = engine};
    uint64_t now = dj_clock_mono_ns();

    look_at(&sample, call);
    if (sample.n != 0)
        return sample.ns[0];
    if (task->usual_until_ns < now) {
        dj_task_runs(engine, &task->public, dj_bytes(NULL, 0), look_at_run, &sample);
        task->usual_ns = middle(&sample);
        task->usual_until_ns = now + SAMPLE_GOOD_NS;
    }
    return task->usual_ns;
}

/* ---- all of it --------------------------------------------------------------------------- */

static uint64_t since(uint64_t start_ns, uint64_t end_ns)
{
    return start_ns != 0 && end_ns > start_ns ? end_ns - start_ns : 0;
}

void dj_call_progress(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                      struct dj_progress_facts *ret)
{
    const struct dj_rec_instance *rec = instance == 0 ? NULL : dj_instance(engine, instance);
    uint64_t latest = dj_call_latest(engine, call);
    struct dj_live live;

    *ret = (struct dj_progress_facts){.status = DJ_ABSENT};
    if (rec != NULL) {
        ret->status = (enum dj_status)rec->state;
        ret->said = (struct dj_progress){rec->progress_done, rec->progress_total};
        ret->took_ns = since(rec->start_ns, rec->end_ns);
    } else if (latest != 0 && dj_live(engine, latest, &live)) {
        ret->status = live.status;
        ret->said = live.progress;
        ret->took_ns = since(live.start_ns, dj_clock_now_ns());
        ret->usual_ns = usual(engine, call);
    }
}

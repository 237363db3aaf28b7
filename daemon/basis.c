/* What an answer depends on. (engine.h) */
#include "daemon/engine_impl.h"

/* Both only grow, so the sum is the same only while both are. */
static uint64_t generation_of(const struct dj_engine *engine, uint64_t bucket)
{
    return dj_generation(engine->generations, bucket) + engine->changes[bucket];
}

static bool are_values(const struct dj_params *params)
{
    for (size_t i = 0; i < params->n; i++) {
        const struct dj_param *param = &params->items[i];

        if (param->environment || param->type == DJ_FILE || param->type == DJ_PATH ||
            param->type == DJ_RUN)
            return false;
    }
    return true;
}

bool dj_basis_of(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                 struct dj_basis *ret)
{
    const struct dj_rec_summary *summary = call_summary(call, instance);
    const struct dj_rec_instance *rec = dj_instance(engine, instance);
    uint64_t bucket = dj_call_bucket(call);

    /* A call that is under way may end, and be told of as newer. */
    if (summary == NULL || rec == NULL || call->runs != NULL || summary->state != DJ_DONE ||
        summary->stale || summary->corrupt || summary->expires_ns != 0 || summary->files != 0 ||
        summary->accepted.n != 0 || !are_values(&call->params))
        return false;
    /* While a task tracks files nobody tells of their changes. */
    if (dj_call_generation(engine, call) != dj_generation(engine->generations, bucket))
        return false;
    *ret = (struct dj_basis){bucket, generation_of(engine, bucket), rec->program};
    return true;
}

bool dj_basis_holds(struct dj_engine *engine, struct dj_task *task, const struct dj_basis *basis)
{
    struct dj_list notes = {0};
    bool same;

    if (basis->generation != generation_of(engine, basis->bucket))
        return false;
    if (basis->program == 0)
        return true;
    program_notes(engine, dj_container_of(task, struct task, public), basis->program, &notes);
    same = notes.n == 0;
    dj_bytes_list_release(&notes);
    return same;
}

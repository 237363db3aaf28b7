#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * The text of `key`: all that was hashed into the key of a call and into the effective version that
 * its instance had, and what else the instance rests on; a fact a line, always in the same order.
 */

static void add_digest(struct dj_buf *buf, const struct dj_digest *digest)
{
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(digest, hex);
    dj_buf_adds(buf, hex);
}

static void add_fact(struct dj_buf *buf, const char *fact, struct dj_bytes value)
{
    dj_buf_adds(buf, fact);
    dj_buf_addc(buf, ' ');
    dj_add_escaped(buf, value);
    dj_buf_addc(buf, '\n');
}

static void add_digest_fact(struct dj_buf *buf, const char *fact, const struct dj_digest *digest,
                            struct dj_bytes path)
{
    dj_buf_adds(buf, fact);
    dj_buf_addc(buf, ' ');
    add_digest(buf, digest);
    if (path.len != 0) {
        dj_buf_addc(buf, ' ');
        dj_add_escaped(buf, path);
    }
    dj_buf_addc(buf, '\n');
}

/* ---- the key ---- */

static void add_scalar(struct dj_buf *buf, enum dj_type type, const struct dj_scalar *scalar)
{
    dj_buf_addc(buf, ' ');
    if (type != DJ_FILE && type != DJ_PATH && type != DJ_RUN) {
        dj_add_escaped(buf, dj_buf_bytes(&scalar->text));
        return;
    }
    add_digest(buf, &scalar->digest);
    dj_buf_addc(buf, ' ');
    dj_add_escaped(buf, dj_buf_bytes(scalar->source.len != 0 ? &scalar->source : &scalar->text));
}

struct left_out {
    struct dj_buf *buf;
    const struct dj_param *param;
};

static void add_left_out(void *cookie, struct dj_bytes path, struct dj_bytes value)
{
    const struct left_out *left_out = cookie;

    dj_buf_addf(left_out->buf, "ignored %s", left_out->param->name);
    dj_add_escaped(left_out->buf, path);
    dj_buf_adds(left_out->buf, " json ");
    dj_add_escaped(left_out->buf, value);
    dj_buf_addc(left_out->buf, '\n');
}

/* What is left of it has its lines; here is by what rules, and what they left out. */
static void add_parts(struct dj_buf *buf, const struct dj_param *param,
                      const struct dj_value *value)
{
    dj_cleanup_buf struct dj_buf rules = DJ_BUF_INIT;
    struct left_out left_out = {buf, param};

    dj_parts_key(&rules, param->parts);
    dj_buf_addf(buf, "parts %s ", param->name);
    dj_add_escaped(buf, dj_buf_bytes(&rules));
    dj_buf_addc(buf, '\n');
    dj_parts_left_out(param->parts, value, add_left_out, &left_out);
}

/* A list is a line for each element, so that one more is one more line. */
static void add_argument(struct dj_buf *buf, const struct dj_param *param,
                         const struct dj_value *given)
{
    dj_cleanup_value struct dj_value room = DJ_VALUE_INIT;
    const struct dj_value *value = dj_param_counted(param, given, &room);
    const char *how = param->ignored                       ? "ignored"
                      : dj_key_counts(param, given)        ? "arg"
                      : param->environment && value->n == 0 ? "unset"
                                                           : "absent";

    for (size_t i = 0; i < value->n; i++) {
        dj_buf_addf(buf, "%s %s %s%s", how, param->name, dj_type_name(value->type),
                    value->list ? "*" : "");
        add_scalar(buf, value->type, &value->scalars[i]);
        dj_buf_addc(buf, '\n');
    }
    if (value->n == 0)
        dj_buf_addf(buf, "%s %s %s%s\n", how, param->name, dj_type_name(value->type),
                    value->list ? "*" : "");
    if (value != given)
        add_parts(buf, param, given);
}

static void add_key(struct dj_buf *buf, const struct dj_call *call,
                    const struct dj_rec_instance *rec)
{
    struct dj_args args = DJ_ARGS_INIT;
    const struct dj_args *shown = &call->args;

    if (rec != NULL && dj_args_load(dj_buf_bytes(&rec->args), &call->params, &args, NULL) == 0)
        shown = &args;
    add_fact(buf, "task", dj_bytes_of(call->task->public.name));
    for (size_t i = 0; shown->params != NULL && i < shown->params->n; i++)
        add_argument(buf, &shown->params->items[i], &shown->values[i]);
    add_digest_fact(buf, "key", &call->key, dj_bytes(NULL, 0));
    dj_args_release(&args);
}

/* ---- the effective version ---- */

static void add_version(struct dj_buf *buf, const struct dj_rec_version *version)
{
    add_fact(buf, "version", dj_bytes_of(version->version));
    dj_buf_add_bytes(buf, dj_buf_bytes(&version->definition));
    for (size_t i = 0; i < version->tracked.n; i++) {
        const struct dj_rec_hashed *file = DJ_LIST_AT(&version->tracked, struct dj_rec_hashed, i);

        add_digest_fact(buf, "tracked", &file->digest, dj_buf_bytes(&file->path));
    }
    dj_buf_addf(buf, "epoch %llu\n", (unsigned long long)version->epoch);
}

static void add_effective(struct dj_buf *buf, struct dj_engine *engine, const struct dj_call *call,
                          const struct dj_rec_instance *rec)
{
    const struct task *task = call->task;
    const struct dj_digest *effective = rec == NULL ? &task->effective : &rec->effective;
    struct dj_rec_version version;

    if (task->public.definition != NULL && dj_digest_equal(effective, &task->effective))
        version_of(task, &version);
    else if (version_load(engine, task->public.number, effective, &version) < 0)
        version = (struct dj_rec_version){.version = NULL};
    if (version.version == NULL && version.definition.len == 0)
        add_fact(buf, "version", dj_bytes_of(rec == NULL ? "" : rec->version));
    else
        add_version(buf, &version);
    dj_codec_release(&dj_layout_version, &version);
    add_digest_fact(buf, "effective", effective, dj_bytes(NULL, 0));
}

/* ---- what it rests on ---- */

struct resting {
    struct dj_engine *engine;
    const struct task *own;
    struct dj_list lines; /* struct dj_buf */
};

static bool add_premise(void *cookie, uint64_t number, const struct dj_rec_premise *premise)
{
    struct resting *resting = cookie;
    struct dj_task *task = dj_task_by_number(resting->engine, (uint32_t)premise->task);
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT;
    struct dj_rec_version version;

    (void)number;
    if (dj_premise_never(premise).data != NULL) {
        add_fact(&line, "rests on", dj_premise_never(premise));
    } else if (premise->task == 0) {
        add_digest_fact(&line, "rests on file", &premise->digest, dj_buf_bytes(&premise->path));
    } else if (task != NULL && task != &resting->own->public) {
        dj_buf_addf(&line, "rests on task %s", task->name);
        if (version_load(resting->engine, task->number, &premise->digest, &version) == 0) {
            dj_buf_adds(&line, " version ");
            dj_add_escaped(&line, dj_bytes_of(version.version));
            dj_codec_release(&dj_layout_version, &version);
        }
        dj_buf_addc(&line, ' ');
        add_digest(&line, &premise->digest);
        dj_buf_addc(&line, '\n');
    }
    if (line.len != 0)
        dj_list_add_bytes(&resting->lines, dj_buf_bytes(&line));
    return true;
}

static int by_text(const void *a, const void *b)
{
    return dj_bytes_cmp(dj_buf_bytes(a), dj_buf_bytes(b));
}

static void add_premises(struct dj_buf *buf, struct dj_engine *engine, const struct dj_call *call,
                         const struct dj_rec_instance *rec)
{
    struct resting resting = {.engine = engine, .own = call->task};

    dj_premises_each(engine->premises, rec->files, add_premise, &resting);
    dj_premises_each(engine->premises, rec->tasks, add_premise, &resting);
    if (resting.lines.n != 0)
        qsort(resting.lines.items, resting.lines.n, sizeof(struct dj_buf), by_text);
    for (size_t i = 0; i < resting.lines.n; i++)
        dj_buf_add_bytes(buf, dj_list_bytes(&resting.lines, i));
    dj_bytes_list_release(&resting.lines);
}

void dj_call_key_text(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                      struct dj_buf *buf)
{
    const struct dj_rec_instance *rec = instance == 0 ? NULL : dj_instance(engine, instance);

    tasks_look_at_tracked(engine);
    add_key(buf, call, rec);
    if (rec == NULL && call->task->public.definition == NULL)
        return;
    add_effective(buf, engine, call, rec);
    if (rec != NULL)
        add_premises(buf, engine, call, rec);
}

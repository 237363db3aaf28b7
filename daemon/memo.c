#include "daemon/memo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/engine_impl.h"
#include "daemon/failure.h"
#include "lib/model/taskfile.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

#define NAME "memo"

enum { ARGV, CWD, PARAMS };

/* Part of the effective version: results of earlier versions are valid as long as it stays. */
static const char section[] = "[" NAME "]\n"
                              "command = {argv}\n"
                              "params = argv:str* cwd:str\n"
                              "help = what dj memo ran: argv in the folder cwd\n";

static const char *const kept_names[] = {"HOME", "USER", "LANG", "TZ", "PATH"};

/* ---- the task ---- */

bool dj_memo_is_name(struct dj_bytes name)
{
    return dj_bytes_is(name, NAME);
}

static bool are_ours(const struct dj_params *params)
{
    const struct dj_param *argv = &params->items[ARGV], *cwd = &params->items[CWD];

    return params->n == PARAMS && strcmp(argv->name, "argv") == 0 && argv->type == DJ_STR &&
           argv->list && strcmp(cwd->name, "cwd") == 0 && cwd->type == DJ_STR && !cwd->list;
}

bool dj_memo_is(const struct dj_call *call)
{
    return strcmp(call->task->public.name, NAME) == 0 && are_ours(&call->params);
}

bool dj_memo_is_task(const struct dj_task *task)
{
    return strcmp(task->name, NAME) == 0 && task->definition != NULL &&
           are_ours(&task->definition->params);
}

static const struct dj_part_pair *find(const struct dj_list *env, const char *name)
{
    for (size_t i = 0; env != NULL && i < env->n; i++) {
        const struct dj_part_pair *pair = DJ_LIST_AT(env, struct dj_part_pair, i);

        if (pair->name != NULL && strcmp(pair->name, name) == 0)
            return pair;
    }
    return NULL;
}

/* Borrowed parts of env; the list is freed by who asked. */
static struct dj_list to_keep(const struct dj_list *env)
{
    struct dj_list kept = {0};

    for (size_t i = 0; i < DJ_ARRAY_SIZE(kept_names); i++) {
        const struct dj_part_pair *pair = find(env, kept_names[i]);

        if (pair != NULL)
            *(struct dj_part_pair *)dj_list_add(&kept, sizeof(*pair)) = *pair;
    }
    return kept;
}

static bool keeps_the_same(const struct dj_definition *definition, const struct dj_list *kept)
{
    if (definition->base_env.n != kept->n)
        return false;
    for (size_t i = 0; i < kept->n; i++) {
        const struct dj_env *old = DJ_LIST_AT(&definition->base_env, struct dj_env, i);
        const struct dj_part_pair *pair = DJ_LIST_AT(kept, struct dj_part_pair, i);

        if (strcmp(old->name, pair->name) != 0 ||
            !dj_bytes_equal(dj_bytes_of(old->value), dj_buf_bytes(&pair->value)))
            return false;
    }
    return true;
}

static void env_release(struct dj_list *env)
{
    for (size_t i = 0; i < env->n; i++) {
        free(DJ_LIST_AT(env, struct dj_env, i)->name);
        free(DJ_LIST_AT(env, struct dj_env, i)->value);
    }
    free(env->items);
    *env = (struct dj_list){0};
}

static int put(struct dj_engine *engine, struct dj_definition *definition,
               const struct dj_list *kept, struct dj_err *err)
{
    struct dj_store_batch *batch = dj_store_batch_new();
    int rc;

    task_put(engine, batch, definition, kept);
    rc = engine_write(engine, batch, err);
    dj_store_batch_free(batch);
    if (rc < 0)
        engine_reload(engine);
    return rc;
}

static int define(struct dj_engine *engine, const struct dj_list *kept, struct dj_err *err)
{
    struct dj_list definitions = {0};
    int rc = dj_taskfile_parse(NAME, "/", DJ_BYTES_LIT(section), &definitions, err);

    if (rc == 0) {
        rc = put(engine, DJ_LIST_AT(&definitions, struct dj_definition, 0), kept, err);
        tasks_raise_generation(engine);
    }
    dj_definitions_release(&definitions);
    return rc;
}

static int keep_other(struct dj_engine *engine, const struct dj_definition *old,
                      const struct dj_list *kept, struct dj_err *err)
{
    struct dj_definition next;
    int rc;

    dj_definition_copy(&next, old);
    env_release(&next.base_env);
    rc = put(engine, &next, kept, err);
    dj_definition_release(&next);
    return rc;
}

int dj_memo_task(struct dj_engine *engine, const struct dj_list *env, struct dj_task **ret,
                 struct dj_err *err)
{
    struct dj_task *task = dj_task_by_name(engine, DJ_BYTES_LIT(NAME));
    struct dj_list kept = to_keep(env);
    int rc = 0;

    if (task == NULL || task->definition == NULL)
        rc = define(engine, &kept, err);
    else if (!dj_memo_is_task(task))
        rc = dj_err_set(err, EEXIST,
                        "a task of your own has the name " NAME "; define it by another name, and "
                        "`dj undefine " NAME "`: its runs stay");
    else if (!keeps_the_same(task->definition, &kept))
        rc = keep_other(engine, task->definition, &kept, err);
    free(kept.items);
    *ret = dj_task_by_name(engine, DJ_BYTES_LIT(NAME));
    return rc;
}

/* ---- the arguments ---- */

static bool is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool is_private(struct dj_engine *engine, const struct dj_asker *asker)
{
    dj_cleanup_free char *work = asker->run == 0 ? NULL : realpath(engine->work_dir, NULL);

    return work != NULL && is_below(asker->cwd, work);
}

int dj_memo_bind(struct dj_engine *engine, const struct dj_task *task, const struct dj_list *words,
                 const struct dj_asker *asker, struct dj_args *ret, struct dj_err *err)
{
    struct dj_bytes *argv, cwd = dj_bytes_of(asker->cwd);
    int rc;

    if (words->n == 0)
        return dj_err_set(err, EINVAL, "a memo wants a command");
    if (cwd.len == 0 || cwd.data[0] != '/')
        return dj_err_set(err, EINVAL, "a memo wants to know the folder that it is asked for in");
    if (is_private(engine, asker))
        cwd = DJ_BYTES_LIT("");
    argv = dj_xcalloc(words->n, sizeof(*argv));
    for (size_t i = 0; i < words->n; i++)
        argv[i] = dj_buf_bytes(&DJ_LIST_AT(words, struct dj_part_word, i)->bytes);
    *ret = (struct dj_args){&task->definition->params, dj_xcalloc(PARAMS, sizeof(struct dj_value))};
    rc = dj_value_parse(DJ_STR, true, argv, words->n, &ret->values[ARGV], err);
    if (rc == 0)
        rc = dj_value_parse(DJ_STR, false, &cwd, 1, &ret->values[CWD], err);
    if (rc < 0)
        dj_args_release(ret);
    free(argv);
    return rc;
}

/* ---- the run ---- */

/* What the caller's own run was told is not for this one. */
static bool is_passed(const char *name)
{
    static const char *const own[] = {"DJ", "DJ_RUN", "DJ_CONNECT", "DJ_ARGS", "TMPDIR"};

    if (name == NULL || name[0] == '\0' || strncmp(name, "DJ_ARG_", 7) == 0)
        return false;
    for (size_t i = 0; i < DJ_ARRAY_SIZE(own); i++) {
        if (strcmp(name, own[i]) == 0)
            return false;
    }
    return true;
}

static void add_env(struct dj_list *env, const char *name, struct dj_bytes value)
{
    struct dj_env *added = dj_list_add(env, sizeof(*added));

    added->name = dj_xstrdup(name);
    added->value = dj_xmemdup0(value.data, value.len);
}

void memo_take_env(struct run *run, const struct dj_list *env)
{
    if (env == NULL || !dj_memo_is(run->call))
        return;
    for (size_t i = 0; i < env->n; i++) {
        const struct dj_part_pair *pair = DJ_LIST_AT(env, struct dj_part_pair, i);

        if (is_passed(pair->name))
            add_env(&run->env, pair->name, dj_buf_bytes(&pair->value));
    }
}

void memo_forget_env(struct run *run)
{
    env_release(&run->env);
}

void memo_expand(const struct run *run, struct dj_expansion *ret, char **ret_cwd)
{
    const struct dj_value *argv = &run->call->args.values[ARGV];
    struct dj_bytes cwd = dj_buf_bytes(&run->call->args.values[CWD].scalars[0].text);
    const struct dj_list *env =
        run->env.n != 0 ? &run->env : &run->call->task->definition.base_env;

    for (size_t i = 0; i < argv->n; i++)
        dj_list_add_bytes(&ret->argv, dj_buf_bytes(&argv->scalars[i].text));
    for (size_t i = 0; i < env->n; i++) {
        const struct dj_env *one = DJ_LIST_AT(env, struct dj_env, i);

        add_env(&ret->env, one->name, dj_bytes_of(one->value));
    }
    if (cwd.len != 0)
        *ret_cwd = dj_xmemdup0(cwd.data, cwd.len);
}

void memo_explain(struct dj_buf *sentence, const struct run *run)
{
    const struct dj_msg_exited *exited = &run->exited;
    struct dj_failure failure = {
        .name = dj_buf_bytes(&run->call->args.values[ARGV].scalars[0].text),
        .rec = &run->result,
        .text = exited->text,
    };

    if (exited->how != DJ_EXIT_NOT_STARTED && exited->how != DJ_EXIT_SIGNAL &&
        exited->how != DJ_EXIT_LOST && exited->how != DJ_EXIT_KILLED) {
        dj_failure_explain(sentence, &failure);
        return;
    }
    if (exited->how == DJ_EXIT_NOT_STARTED && exited->text != NULL) {
        dj_buf_adds(sentence, exited->text);
        return;
    }
    dj_add_printable(sentence, dj_buf_bytes(&run->call->args.values[ARGV].scalars[0].text));
    if (exited->how == DJ_EXIT_SIGNAL)
        dj_buf_addf(sentence, " was ended by signal %llu (%s)", (unsigned long long)exited->code,
                    strsignal((int)exited->code));
    else if (exited->how == DJ_EXIT_LOST)
        dj_buf_adds(sentence, " was lost: its processes ended without a trace");
    else if (exited->how == DJ_EXIT_NOT_STARTED)
        dj_buf_addf(sentence, " could not be started: %s", strerror((int)exited->code));
    else
        dj_buf_adds(sentence, " was cancelled");
}

unsigned dj_memo_exit(const struct dj_rec_instance *rec)
{
    switch (rec->how) {
    case DJ_EXIT_SIGNAL:
        return 128 + (unsigned)rec->code;
    case DJ_EXIT_NOT_STARTED:
        return rec->code == ENOENT ? 127 : 126;
    default:
        return (unsigned)rec->code;
    }
}

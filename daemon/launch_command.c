#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/engine_impl.h"
#include "lib/model/launch_script.h"
#include "lib/model/launch_template.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * launch = command: what the worker runs is the launching program, with a script of the run's that
 * it is to start. The program is given what the daemon was given and, above that, what the run is;
 * but not who the run is, so that only the run itself can call in its name.
 */

static void slot_path(const struct run *run, struct dj_buf *ret)
{
    dj_buf_addf(ret, "%s/%llu", run->engine->work_dir, (unsigned long long)run->slot);
}

static void add_env(struct dj_list *env, const char *name, const char *value)
{
    struct dj_env *one = dj_list_add(env, sizeof(*one));

    *one = (struct dj_env){dj_xstrdup(name), dj_xstrdup(value)};
}

static void release_env(struct dj_list *env)
{
    for (size_t i = 0; i < env->n; i++) {
        free(DJ_LIST_AT(env, struct dj_env, i)->name);
        free(DJ_LIST_AT(env, struct dj_env, i)->value);
    }
    free(env->items);
}

/* What the run is to have in its environment, with what the worker would add. */
static void run_env(const struct dj_msg_run *message, const char *slot, struct dj_list *ret)
{
    dj_cleanup_buf struct dj_buf tmp = DJ_BUF_INIT;

    for (size_t i = 0; i < message->env.n; i++) {
        const struct dj_part_pair *pair = DJ_LIST_AT(&message->env, struct dj_part_pair, i);

        if (strcmp(pair->name, "TMPDIR") != 0)
            add_env(ret, pair->name, dj_buf_str(&pair->value));
    }
    dj_buf_addf(&tmp, "%s/tmp", slot);
    add_env(ret, "TMPDIR", dj_buf_str(&tmp));
}

static bool has_pair(const struct dj_list *pairs, struct dj_bytes name)
{
    for (size_t i = 0; i < pairs->n; i++) {
        if (dj_bytes_is(name, DJ_LIST_AT(pairs, struct dj_part_pair, i)->name))
            return true;
    }
    return false;
}

static void forget_pair(struct dj_list *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->n; i++) {
        struct dj_part_pair *pair = DJ_LIST_AT(pairs, struct dj_part_pair, i);

        if (strcmp(pair->name, name) != 0)
            continue;
        free(pair->name);
        dj_buf_release(&pair->value);
        *pair = *DJ_LIST_AT(pairs, struct dj_part_pair, --pairs->n);
        return;
    }
}

/* The daemon's own variables below those of the run; their names, for the script. */
static void launcher_env(struct dj_msg_run *message, struct dj_list *ret_names)
{
    forget_pair(&message->env, "DJ_RUN");
    for (char **entry = environ; *entry != NULL; entry++) {
        const char *equals = strchr(*entry, '=');
        struct dj_bytes name = dj_bytes(*entry, equals == NULL ? 0 : (size_t)(equals - *entry));
        struct dj_part_pair *pair;

        if (name.len == 0 || dj_bytes_is(name, "DJ_RUN"))
            continue;
        dj_list_add_bytes(ret_names, name);
        if (has_pair(&message->env, name))
            continue;
        pair = dj_list_add(&message->env, sizeof(*pair));
        pair->name = dj_xmemdup0(name.data, name.len);
        dj_buf_adds(&pair->value, equals + 1);
    }
}

static void add_file(struct dj_msg_run *message, const char *name,
                     void (*write)(struct dj_buf *buf, const struct dj_launch_script *script),
                     const struct dj_launch_script *script)
{
    struct dj_part_file *file = dj_list_add(&message->launch_files, sizeof(*file));

    file->name = dj_xstrdup(name);
    file->executable = true;
    write(&file->content, script);
}

static void take_argv(struct dj_list *words, struct dj_list *ret)
{
    for (size_t i = 0; i < ret->n; i++)
        dj_buf_release(&DJ_LIST_AT(ret, struct dj_part_word, i)->bytes);
    ret->n = 0;
    for (size_t i = 0; i < words->n; i++)
        dj_buf_add_bytes(&((struct dj_part_word *)dj_list_add(ret, sizeof(struct dj_part_word)))
                              ->bytes,
                         dj_list_bytes(words, i));
}

static int check_nul(const struct dj_list *argv, struct dj_err *err)
{
    for (size_t i = 0; i < argv->n; i++) {
        struct dj_bytes word = dj_list_bytes(argv, i);

        if (word.len != 0 && memchr(word.data, '\0', word.len) != NULL)
            return dj_err_set(err, EINVAL, "a word of the command holds a NUL byte");
    }
    return argv->n == 0 ? dj_err_set(err, EINVAL, "the command has no words") : 0;
}

int launch_by_command(struct run *run, const struct dj_launch *launch,
                      const struct dj_expansion *expansion, struct dj_msg_run *message,
                      struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf slot = DJ_BUF_INIT, dir = DJ_BUF_INIT, path = DJ_BUF_INIT,
                                 job = DJ_BUF_INIT, cwd = DJ_BUF_INIT;
    struct dj_launch_script script = {.token = run->launch_token, .argv = &expansion->argv};
    struct dj_launch_place place;
    struct dj_list words = {0}, env = {0}, had = {0};
    const char *lost = getenv("DJ_LAUNCH_LOST_MS");
    int rc = check_nul(&expansion->argv, err);

    run_new_launch_token(run);
    slot_path(run, &slot);
    dj_launch_folder(&dir, dj_buf_str(&slot), run->launch_token);
    dj_buf_addf(&path, "%s/run", dj_buf_str(&dir));
    dj_buf_addf(&job, "%s/job", dj_buf_str(&dir));
    dj_buf_addf(&cwd, "%s/cwd", dj_buf_str(&slot));
    place = (struct dj_launch_place){dj_buf_str(&path), dj_buf_str(&job)};
    if (rc == 0)
        rc = dj_launch_expand(&launch->words, &run->call->task->definition, &run->args, &place,
                              &words, err);
    if (rc == 0) {
        run_env(message, dj_buf_str(&slot), &env);
        launcher_env(message, &had);
        script.slot = dj_buf_str(&slot);
        script.cwd = message->cwd == NULL ? dj_buf_str(&cwd) : message->cwd;
        script.env = &env;
        script.had = &had;
        add_file(message, "run", dj_launch_script_run, &script);
        add_file(message, "job", dj_launch_script_job, &script);
        take_argv(&words, &message->argv);
        message->launched = dj_xstrdup(run->launch_token);
        if (lost != NULL && dj_parse_uint(dj_bytes_of(lost), &message->lost_ms, NULL) < 0)
            message->lost_ms = 0;
    }
    release_env(&env);
    dj_bytes_list_release(&had);
    dj_bytes_list_release(&words);
    return rc < 0 ? dj_err_prefix(err, rc, "%s: launch", run->call->task->public.name) : 0;
}

bool run_has_begun(const struct run *run)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, slot = DJ_BUF_INIT;
    struct stat st;

    if (run->launch_token[0] == '\0' || !run->has_slot)
        return true;
    slot_path(run, &slot);
    dj_launch_folder(&path, dj_buf_str(&slot), run->launch_token);
    dj_buf_adds(&path, "/began");
    return stat(dj_buf_str(&path), &st) == 0;
}

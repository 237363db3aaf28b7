/*
 * `command`: a script that repeats a run by hand, with what the worker would be given for it.
 *
 * It makes a folder of its own for the argument files, TMPDIR and the working directory, and takes
 * it away unless the command left something there. Nothing of it is stored: it is no run.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/engine_impl.h"
#include "daemon/memo.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/* Stands for the argument folder until the script knows it; a digest of the key makes it unlikely
 * that an argument says the same. */
static void add_mark(struct dj_buf *mark, const struct dj_call *call)
{
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(&call->key, hex);
    dj_buf_addf(mark, "/dj-arguments-%s", hex);
}

/* One word of the shell: everything in '…', but for the mark, which becomes "$dir"/arg. */
static void add_word(struct dj_buf *buf, struct dj_bytes word, struct dj_bytes mark)
{
    dj_buf_addc(buf, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (dj_bytes_starts(dj_bytes_from(word, i), mark)) {
            dj_buf_adds(buf, "'\"$dir\"'/arg");
            i += mark.len - 1;
        } else if (word.data[i] == '\'') {
            dj_buf_adds(buf, "'\\''");
        } else {
            dj_buf_addc(buf, (char)word.data[i]);
        }
    }
    dj_buf_addc(buf, '\'');
}

static void add_text(struct dj_buf *buf, const char *text)
{
    add_word(buf, dj_bytes_of(text), DJ_BYTES_LIT("\n"));
}

/* The format of printf(1) that gives these bytes, whatever they are. */
static void add_format(struct dj_buf *buf, struct dj_bytes bytes)
{
    dj_buf_addc(buf, '\'');
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = bytes.data[i];

        if ((c < ' ' && c != '\n' && c != '\t') || c == '\'' || c == '\\' || c == 0x7f)
            dj_buf_addf(buf, "\\%03o", c);
        else if (c == '%')
            dj_buf_adds(buf, "%%");
        else
            dj_buf_addc(buf, (char)c);
    }
    dj_buf_addc(buf, '\'');
}

static void add_files(struct dj_buf *buf, const struct dj_list *files)
{
    for (size_t i = 0; i < files->n; i++) {
        struct dj_arg_file *file = DJ_LIST_AT(files, struct dj_arg_file, i);
        dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

        dj_buf_adds(&path, "\"$dir\"/arg/");
        add_text(&path, file->name);
        dj_buf_adds(buf, "printf ");
        add_format(buf, dj_buf_bytes(&file->content));
        dj_buf_addf(buf, " > %s\n", dj_buf_str(&path));
        if (file->executable)
            dj_buf_addf(buf, "chmod 755 %s\n", dj_buf_str(&path));
    }
}

static void add_variable(struct dj_buf *buf, const char *name, const char *value,
                         struct dj_bytes mark)
{
    dj_cleanup_buf struct dj_buf word = DJ_BUF_INIT;

    dj_buf_addf(&word, "%s=%s", name, value == NULL ? "" : value);
    dj_buf_adds(buf, "    ");
    add_word(buf, dj_buf_bytes(&word), mark);
    dj_buf_adds(buf, " \\\n");
}

/* What the worker adds, too; no DJ_RUN, since this is nobody's run. */
static void add_environment(struct dj_buf *buf, const struct dj_engine *engine,
                            const struct dj_list *env, struct dj_bytes mark)
{
    dj_buf_adds(buf, "env -i \\\n");
    for (size_t i = 0; i < env->n; i++) {
        const struct dj_env *one = DJ_LIST_AT(env, struct dj_env, i);

        if (strcmp(one->name, "TMPDIR") != 0)
            add_variable(buf, one->name, one->value, mark);
    }
    add_variable(buf, "DJ_CONNECT", engine->socket, mark);
    if (engine->mount != NULL)
        add_variable(buf, "DJ", engine->mount, mark);
    dj_buf_adds(buf, "    TMPDIR=\"$dir\"/tmp \\\n");
}

static bool has_equals(struct dj_bytes word)
{
    return word.len > 0 && memchr(word.data, '=', word.len) != NULL;
}

/* env(1) would take a first word with = for a variable. */
static void add_words(struct dj_buf *buf, const struct dj_list *argv, struct dj_bytes mark)
{
    dj_buf_adds(buf, "   ");
    if (argv->n > 0 && has_equals(dj_list_bytes(argv, 0)))
        dj_buf_adds(buf, " sh -c 'exec \"$@\"' sh");
    for (size_t i = 0; i < argv->n; i++) {
        dj_buf_addc(buf, ' ');
        add_word(buf, dj_list_bytes(argv, i), mark);
    }
}

static void add_head(struct dj_buf *buf, const struct dj_call *call)
{
    dj_buf_addf(buf, "#!/bin/sh\n# Repeats %s/", call->task->public.name);
    dj_add_printable(buf, dj_buf_bytes(&call->name));
    dj_buf_adds(buf, " by hand, as its task is defined now. Nothing is stored.\n");
    if (dj_memo_is(call))
        dj_buf_adds(buf, "# The caller's other variables were handed to it and not kept.\n");
}

static void add_script(struct dj_buf *buf, const struct dj_engine *engine,
                       const struct dj_call *call, const struct dj_expansion *expansion,
                       const char *cwd, struct dj_bytes mark)
{
    const char *file = call->task->definition.result_file;

    dj_buf_adds(buf, "set -eu\n"
                     "dir=$(mktemp -d \"${TMPDIR:-/tmp}\"/dj-command.XXXXXX)\n"
                     "mkdir \"$dir\"/arg \"$dir\"/cwd \"$dir\"/tmp\n");
    add_files(buf, &expansion->files);
    dj_buf_adds(buf, "cd ");
    if (cwd == NULL)
        dj_buf_adds(buf, "\"$dir\"/cwd");
    else
        add_text(buf, cwd);
    dj_buf_adds(buf, "\ncode=0\n");
    add_environment(buf, engine, &expansion->env, mark);
    add_words(buf, &expansion->argv, mark);
    dj_buf_addf(buf, " < /dev/null%s || code=$?\n", file == NULL ? "" : " >&2");
    if (file != NULL) {
        dj_buf_adds(buf, "cat -- ");
        add_text(buf, file);
        dj_buf_adds(buf, " || code=1\n");
    }
    dj_buf_adds(buf, "cd /\nrm -rf \"$dir\"/arg \"$dir\"/tmp\n"
                     "rmdir \"$dir\"/cwd \"$dir\" 2> /dev/null ||\n"
                     "    echo \"what it left is in $dir/cwd\" >&2\n"
                     "exit \"$code\"\n");
}

/* The arguments of a run of now: ignored ones as the instance that is shown got them. */
static void bind_args(struct dj_engine *engine, struct run *would, const struct dj_args *given)
{
    struct dj_call *call = would->call;
    uint64_t shown = dj_call_current(engine, call);
    const struct dj_rec_instance *rec =
        dj_instance(engine, shown != 0 ? shown : dj_call_latest(engine, call));

    if (given == NULL && rec != NULL &&
        dj_args_load(dj_buf_bytes(&rec->args), &call->task->definition.params, &would->args,
                     NULL) == 0)
        return;
    run_bind(would, given);
}

static int expand(struct dj_engine *engine, const struct run *would, const char *mark,
                  struct dj_expansion *ret, char **ret_cwd, struct dj_err *err)
{
    const struct dj_template_place place = {.arg_dir = mark, .mount = engine->mount};
    const struct task *task = would->call->task;

    if (task->public.definition == NULL)
        return dj_err_set(err, ENOENT, "the task is not defined any more");
    if (would->call->foreign)
        return dj_err_set(err, EINVAL, "the task has other parameters by now");
    if (dj_memo_is(would->call)) {
        memo_expand(would, ret, ret_cwd);
        return 0;
    }
    return dj_template_expand(&task->definition, &would->args, &place, ret, err);
}

void dj_call_command(struct dj_engine *engine, struct dj_call *call, const struct dj_args *given,
                     struct dj_buf *buf)
{
    dj_cleanup_buf struct dj_buf mark = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_free char *cwd = NULL;
    struct dj_expansion expansion = {0};
    struct run would = {.call = call};
    int rc;

    add_mark(&mark, call);
    if (call->task->public.definition != NULL && !call->foreign)
        bind_args(engine, &would, given);
    rc = expand(engine, &would, dj_buf_str(&mark), &expansion, &cwd, &err);
    add_head(buf, call);
    if (rc == 0) {
        add_script(buf, engine, call, &expansion, cwd, dj_buf_bytes(&mark));
    } else {
        dj_buf_adds(buf, "echo ");
        add_text(buf, dj_err_text(&err, rc));
        dj_buf_adds(buf, " >&2\nexit 1\n");
    }
    dj_expansion_release(&expansion);
    dj_args_release(&would.args);
    dj_params_release(&would.params);
}

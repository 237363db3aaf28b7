#include "lib/model/launch_script.h"

#include <string.h>

#include "lib/model/definition.h"
#include "lib/util/macros.h"

void dj_launch_folder(struct dj_buf *buf, const char *slot, const char *token)
{
    dj_buf_addf(buf, "%s/arg/" DJ_LAUNCH_FOLDER "%s", slot, token);
}

static void add_word(struct dj_buf *buf, struct dj_bytes word)
{
    dj_buf_addc(buf, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] == '\'')
            dj_buf_adds(buf, "'\\''");
        else
            dj_buf_addc(buf, word.data[i]);
    }
    dj_buf_addc(buf, '\'');
}

/* ---- the environment ---- */

/* What a shell can set; its own it keeps. */
static bool can_set(const char *name)
{
    static const char *const own[] = {"UID",       "EUID",     "PPID",         "GROUPS",
                                      "BASHOPTS",  "SHELLOPTS", "BASH_VERSINFO", "FUNCNAME",
                                      "DIRSTACK",  "LINENO",   "OPTIND",       "_"};

    for (size_t i = 0; i < DJ_ARRAY_SIZE(own); i++) {
        if (strcmp(name, own[i]) == 0)
            return false;
    }
    for (size_t i = 0; name[i] != '\0'; i++) {
        bool letter = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
                      name[i] == '_';

        if (!letter && (i == 0 || name[i] < '0' || name[i] > '9'))
            return false;
    }
    return name[0] != '\0';
}

/* What batch systems say of the place where a job runs. */
static bool is_of_place(const char *name)
{
    static const char *const begin[] = {"SLURM", "SBATCH", "SRUN", "LSB_", "LSF_", "PBS_", "SGE_",
                                        "PMI",   "OMPI_",  "CUDA_VISIBLE", "ROCR_", "GPU_"};

    for (size_t i = 0; i < DJ_ARRAY_SIZE(begin); i++) {
        if (strncmp(name, begin[i], strlen(begin[i])) == 0)
            return true;
    }
    return false;
}

static bool has(const struct dj_list *env, struct dj_bytes name)
{
    for (size_t i = 0; i < env->n; i++) {
        if (dj_bytes_is(name, DJ_LIST_AT(env, struct dj_env, i)->name))
            return true;
    }
    return false;
}

static void add_environment(struct dj_buf *buf, const struct dj_launch_script *script)
{
    dj_buf_adds(buf, "    unset LC_ALL\n");
    for (size_t i = 0; i < script->had->n; i++) {
        const struct dj_buf *name = DJ_LIST_AT(script->had, struct dj_buf, i);
        const char *text = dj_buf_str(name);

        if (can_set(text) && !is_of_place(text) && !has(script->env, dj_buf_bytes(name)))
            dj_buf_addf(buf, "    unset %s\n", text);
    }
    for (size_t i = 0; i < script->env->n; i++) {
        const struct dj_env *env = DJ_LIST_AT(script->env, struct dj_env, i);

        if (!can_set(env->name))
            continue;
        dj_buf_addf(buf, "    export %s=", env->name);
        add_word(buf, dj_bytes_of(env->value == NULL ? "" : env->value));
        dj_buf_addc(buf, '\n');
    }
}

/* ---- the script ---- */

static const char begin_text[] =
    "LC_ALL=C\n"
    "export LC_ALL\n"
    "if [ ! -e \"$dir\"/run ]; then\n"
    "    echo \"djfs: this run was given up before it began\" >&2\n"
    "    exit 75\n"
    "fi\n"
    "if ! (set -C && echo \"host $(uname -n)\" > \"$dir\"/began) 2> /dev/null; then\n"
    "    echo \"djfs: $dir on $(uname -n) cannot be written to, or has begun before\" >&2\n"
    "    exit 75\n"
    "fi\n"
    "end()\n"
    "{\n"
    "    { echo \"$1\" && times; } > \"$dir\"/ended.new && mv \"$dir\"/ended.new \"$dir\"/ended\n"
    "    exit \"$1\"\n"
    "} 2> /dev/null\n"
    "send() { kill -s \"$1\" -- \"-$pid\" || kill -s \"$1\" \"$pid\"; } 2> /dev/null\n"
    "[ -e \"$dir\"/run ] || end 75\n"
    "alone=$(command -v setsid)\n"
    "(\n";

static const char end_text[] =
    ") < /dev/null > \"$slot\"/out 2>> \"$slot\"/err &\n"
    "pid=$!\n"
    "(\n"
    "    trap 'kill \"$nap\" 2> /dev/null; exit 0' TERM\n"
    "    n=0\n"
    "    while [ -e \"$dir\"/run ]; do\n"
    "        n=$((n + 1))\n"
    "        echo \"$n\" > \"$dir\"/beat\n"
    "        sleep 1 &\n"
    "        nap=$!\n"
    "        wait \"$nap\"\n"
    "    done\n"
    "    send TERM\n"
    "    sleep 2\n"
    "    send KILL\n"
    ") < /dev/null > /dev/null 2>&1 &\n"
    "watcher=$!\n"
    "trap 'send TERM' TERM INT HUP\n"
    "while :; do\n"
    "    { wait \"$pid\"; } 2> /dev/null\n"
    "    code=$?\n"
    "    kill -0 \"$pid\" 2> /dev/null || break\n"
    "done\n"
    "send KILL\n"
    "kill \"$watcher\" 2> /dev/null\n"
    "end \"$code\"\n";

void dj_launch_script_run(struct dj_buf *buf, const struct dj_launch_script *script)
{
    dj_cleanup_buf struct dj_buf dir = DJ_BUF_INIT;

    dj_launch_folder(&dir, script->slot, script->token);
    dj_buf_adds(buf, "#!/bin/sh\n# One attempt of a run of djfs. It ends when this file is gone.\n"
                     "slot=");
    add_word(buf, dj_bytes_of(script->slot));
    dj_buf_adds(buf, "\ndir=");
    add_word(buf, dj_buf_bytes(&dir));
    dj_buf_addc(buf, '\n');
    dj_buf_adds(buf, begin_text);
    dj_buf_adds(buf, "    cd ");
    add_word(buf, dj_bytes_of(script->cwd));
    dj_buf_adds(buf, " || exit 126\n    set --");
    for (size_t i = 0; i < script->argv->n; i++) {
        dj_buf_addc(buf, ' ');
        add_word(buf, dj_list_bytes(script->argv, i));
    }
    dj_buf_addc(buf, '\n');
    add_environment(buf, script);
    dj_buf_adds(buf, "    [ -z \"$alone\" ] || exec \"$alone\" \"$@\"\n    exec \"$@\"\n");
    dj_buf_adds(buf, end_text);
}

void dj_launch_script_job(struct dj_buf *buf, const struct dj_launch_script *script)
{
    dj_cleanup_buf struct dj_buf run = DJ_BUF_INIT;

    dj_launch_folder(&run, script->slot, script->token);
    dj_buf_adds(&run, "/run");
    dj_buf_adds(buf, "#!/bin/sh\nrun=");
    add_word(buf, dj_buf_bytes(&run));
    dj_buf_adds(buf, "\n[ ! -r \"$run\" ] || exec /bin/sh \"$run\"\n"
                     "echo \"djfs: $run is not on $(uname -n): the run was given up, or its"
                     " folder is not shared with this host\" >&2\nexit 75\n");
}

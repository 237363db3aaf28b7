#include "daemon/worker/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/launch_script.h"
#include "lib/util/mem.h"

/* Vectors are filled with offsets first: the buffer moves while it grows. */
static void add_offset(struct dj_order_build *build, size_t offset)
{
    build->offsets = dj_xgrow(build->offsets, &build->cap, build->n + 1, sizeof(size_t));
    build->offsets[build->n++] = offset;
}

static int add_text(struct dj_buf *text, struct dj_bytes bytes)
{
    if (bytes.len > 0 && memchr(bytes.data, '\0', bytes.len) != NULL)
        return -EINVAL;
    dj_buf_add_bytes(text, bytes);
    return 0;
}

static int add_words(struct dj_order_build *build, const struct dj_list *argv)
{
    for (size_t i = 0; i < argv->n; i++) {
        add_offset(build, build->text.len);
        if (add_text(&build->text, dj_buf_bytes(&DJ_LIST_AT(argv, struct dj_part_word, i)->bytes)))
            return -EINVAL;
        dj_buf_addc(&build->text, '\0');
    }
    return 0;
}

static int add_env(struct dj_order_build *build, const struct dj_list *env, const char *tmp)
{
    for (size_t i = 0; i < env->n; i++) {
        const struct dj_part_pair *pair = DJ_LIST_AT(env, struct dj_part_pair, i);

        if (pair->name == NULL || pair->name[0] == '\0' || strchr(pair->name, '=') != NULL)
            return -EINVAL;
        if (strcmp(pair->name, "TMPDIR") == 0)
            continue;
        add_offset(build, build->text.len);
        dj_buf_addf(&build->text, "%s=", pair->name);
        if (add_text(&build->text, dj_buf_bytes(&pair->value)) < 0)
            return -EINVAL;
        dj_buf_addc(&build->text, '\0');
    }
    add_offset(build, build->text.len);
    dj_buf_addf(&build->text, "TMPDIR=%s", tmp);
    dj_buf_addc(&build->text, '\0');
    return 0;
}

static char **vector(struct dj_order_build *build, size_t from, size_t to)
{
    char **ret = dj_xcalloc(to - from + 1, sizeof(char *));

    for (size_t i = from; i < to; i++)
        ret[i - from] = (char *)build->text.data + build->offsets[i];
    return ret;
}

int dj_order_init(struct dj_order_build *build, const struct dj_msg_run *run, const char *tmp,
                  uint64_t start_ns, struct dj_err *err)
{
    size_t words;

    *build = (struct dj_order_build){0};
    if (run->argv.n == 0)
        return dj_err_set(err, EINVAL, "the command has no words");
    if (add_words(build, &run->argv) < 0)
        return dj_err_set(err, EINVAL, "a word of the command holds a NUL byte");
    words = build->n;
    if (add_env(build, &run->env, tmp) < 0)
        return dj_err_set(err, EINVAL,
                          "the environment has a name or a value that is not possible");
    build->order = (struct dj_order){
        .instance = run->instance,
        .attempt = run->attempt,
        .slot = (uint32_t)run->slot,
        .argv = vector(build, 0, words),
        .envp = vector(build, words, build->n),
        .cwd = run->cwd,
        .result = run->result,
        .limits = run->limits,
        .start_ns = start_ns,
        .lost_ms = run->lost_ms,
    };
    if (run->launched != NULL) {
        dj_buf_addf(&build->launched, "arg/" DJ_LAUNCH_FOLDER "%s", run->launched);
        build->order.launched = dj_buf_str(&build->launched);
    }
    return 0;
}

void dj_order_release(struct dj_order_build *build)
{
    free(build->order.argv);
    free(build->order.envp);
    free(build->offsets);
    dj_buf_release(&build->text);
    dj_buf_release(&build->launched);
    *build = (struct dj_order_build){0};
}

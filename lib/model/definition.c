#include "lib/model/definition.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/model/launch.h"
#include "lib/model/launch_template.h"
#include "lib/model/resource.h"
#include "lib/model/section.h"
#include "lib/model/template.h"
#include "lib/model/words.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

#define TASK_NAME_MAX 200

/* ---- life --------------------------------------------------------------------------------- */

static void release_env(struct dj_list *env)
{
    for (size_t i = 0; i < env->n; i++) {
        free(DJ_LIST_AT(env, struct dj_env, i)->name);
        free(DJ_LIST_AT(env, struct dj_env, i)->value);
    }
    free(env->items);
}

void dj_definition_init(struct dj_definition *definition)
{
    *definition = (struct dj_definition){.version = dj_xstrdup("1"), .max_log = DJ_MAX_LOG};
    dj_retry_init(&definition->retry);
}

void dj_definition_release(struct dj_definition *definition)
{
    free(definition->name);
    free(definition->here);
    dj_bytes_list_release(&definition->command);
    free(definition->script);
    dj_params_release(&definition->params);
    free(definition->version);
    free(definition->setup);
    release_env(&definition->env);
    dj_bytes_list_release(&definition->env_keyed);
    dj_bytes_list_release(&definition->track);
    free(definition->result_file);
    free(definition->help);
    dj_retry_release(&definition->retry);
    dj_resources_release(&definition->resources);
    free(definition->session);
    dj_launch_release(&definition->launch);
    release_env(&definition->base_env);
    *definition = (struct dj_definition){0};
}

static char *copy_text(const char *text)
{
    return text == NULL ? NULL : dj_xstrdup(text);
}

static struct dj_list copy_env(const struct dj_list *env)
{
    struct dj_list copy = {NULL, 0, 0};

    for (size_t i = 0; i < env->n; i++) {
        const struct dj_env *from = DJ_LIST_AT(env, struct dj_env, i);
        struct dj_env *to = dj_list_add(&copy, sizeof(*to));

        to->name = dj_xstrdup(from->name);
        to->value = dj_xstrdup(from->value);
    }
    return copy;
}

static struct dj_list copy_bytes(const struct dj_list *list)
{
    struct dj_list copy = {NULL, 0, 0};

    for (size_t i = 0; i < list->n; i++)
        dj_list_add_bytes(&copy, dj_list_bytes(list, i));
    return copy;
}

void dj_definition_copy(struct dj_definition *ret, const struct dj_definition *definition)
{
    *ret = *definition; /* the plain numbers; every owned member follows */
    ret->name = copy_text(definition->name);
    ret->here = copy_text(definition->here);
    ret->command = copy_bytes(&definition->command);
    ret->script = copy_text(definition->script);
    dj_params_copy(&ret->params, &definition->params);
    ret->version = copy_text(definition->version);
    ret->setup = copy_text(definition->setup);
    ret->env = copy_env(&definition->env);
    ret->env_keyed = copy_bytes(&definition->env_keyed);
    ret->track = copy_bytes(&definition->track);
    ret->result_file = copy_text(definition->result_file);
    ret->help = copy_text(definition->help);
    dj_retry_copy(&ret->retry, &definition->retry);
    dj_resources_copy(&ret->resources, &definition->resources);
    ret->session = copy_text(definition->session);
    dj_launch_copy(&ret->launch, &definition->launch);
    ret->base_env = copy_env(&definition->base_env);
}

/* ---- checks ------------------------------------------------------------------------------- */

bool dj_task_name_ok(struct dj_bytes name)
{
    if (name.len == 0 || name.len > TASK_NAME_MAX || dj_bytes_is(name, "defaults"))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.data[i];
        bool inner = byte == '.' || byte == '-';

        if (!(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z') &&
            !(byte >= '0' && byte <= '9') && byte != '_' && !(inner && i > 0))
            return false;
    }
    return true;
}

static bool is_inner_path(const char *path)
{
    struct dj_bytes rest = dj_bytes_of(path);

    if (rest.len == 0 || path[0] == '/')
        return false;
    for (;;) {
        const char *slash = strchr(path, '/');
        size_t len = slash == NULL ? strlen(path) : (size_t)(slash - path);
        struct dj_bytes part = dj_bytes(path, len);

        if (len == 0 || dj_bytes_is(part, ".") || dj_bytes_is(part, ".."))
            return false;
        if (slash == NULL)
            return true;
        path = slash + 1;
    }
}

int dj_result_path_check(const char *path, struct dj_err *err)
{
    if (is_inner_path(path))
        return 0;
    return dj_err_set(err, EINVAL,
                      "\"%s\" cannot be the result: a path inside of the working directory is "
                      "needed",
                      path);
}

static int check_env(const struct dj_definition *definition, struct dj_err *err)
{
    for (size_t i = 0; i < definition->env_keyed.n; i++) {
        struct dj_bytes name = dj_list_bytes(&definition->env_keyed, i);

        if (i > 0 && dj_bytes_equal(name, dj_list_bytes(&definition->env_keyed, i - 1)))
            return dj_err_set(err, EINVAL, "%s: env names %.*s twice", definition->name,
                              (int)name.len, (const char *)name.data);
        for (size_t k = 0; k < definition->env.n; k++) {
            if (dj_bytes_is(name, DJ_LIST_AT(&definition->env, struct dj_env, k)->name))
                return dj_err_set(err, EINVAL,
                                  "%s: %.*s has a value in env.%.*s and comes from the caller in "
                                  "env; only one can be",
                                  definition->name, (int)name.len, (const char *)name.data,
                                  (int)name.len, (const char *)name.data);
        }
    }
    return 0;
}

static int check_command(const struct dj_definition *definition, struct dj_err *err)
{
    for (size_t i = 0; i < definition->command.n; i++) {
        int code = dj_template_check(dj_list_bytes(&definition->command, i), &definition->params,
                                     err);

        if (code < 0)
            return dj_err_prefix(err, code, "%s: command", definition->name);
    }
    if (definition->command.n > 0 && definition->script != NULL)
        return dj_err_set(err, EINVAL, "%s has a command and a script; only one can be",
                          definition->name);
    if (definition->command.n == 0 && definition->script == NULL)
        return dj_err_set(err, EINVAL, "%s has neither a command nor a script", definition->name);
    return 0;
}

int dj_definition_check(const struct dj_definition *definition, struct dj_err *err)
{
    int code;

    if (definition->name == NULL || !dj_task_name_ok(dj_bytes_of(definition->name)))
        return dj_err_set(err, EINVAL,
                          "\"%s\" is not a task name: letters, digits and _, behind the first also "
                          ". and -, %d at most, and not \"defaults\"",
                          definition->name == NULL ? "" : definition->name, TASK_NAME_MAX);
    if (definition->here == NULL || definition->here[0] != '/')
        return dj_err_set(err, EINVAL, "%s: the folder of the definition is not absolute",
                          definition->name);
    for (size_t i = 0; i < definition->params.n; i++) {
        const struct dj_param *param = &definition->params.items[i];

        if (param->has_default && (param->default_value.type != param->type ||
                                   param->default_value.list != param->list))
            return dj_err_set(err, EINVAL, "%s: the default of %s is not a %s%s", definition->name,
                              param->name, dj_type_name(param->type), param->list ? "*" : "");
    }
    if (definition->result_file != NULL) {
        code = dj_result_path_check(definition->result_file, err);
        if (code < 0)
            return dj_err_prefix(err, code, "%s", definition->name);
    }
    if (definition->serve_stale_ms != 0 && definition->ttl_ms == 0)
        return dj_err_set(err, EINVAL, "%s: serve_stale needs a ttl", definition->name);
    if (definition->unstored && (definition->cutoff || definition->serve_stale_ms != 0))
        return dj_err_set(err, EINVAL, "%s: with store = no there is nothing for %s",
                          definition->name, definition->cutoff ? "cutoff" : "serve_stale");
    code = check_command(definition, err);
    if (code == 0)
        code = check_env(definition, err);
    if (code == 0 && definition->launch.mode == DJ_LAUNCH_COMMAND) {
        code = dj_launch_check(&definition->launch.words, definition, err);
        if (code < 0)
            code = dj_err_prefix(err, code, "%s: launch", definition->name);
    }
    if (code < 0)
        return code;
    code = dj_definition_launchable(definition, &definition->launch, err);
    return code < 0 ? dj_err_prefix(err, code, "%s", definition->name) : 0;
}

/* ---- words that name files ---------------------------------------------------------------- */

/* The part of a literal word that may be a path, or nothing. */
static struct dj_bytes path_in(struct dj_bytes word)
{
    const uint8_t *equals;

    if (word.len == 0 || memchr(word.data, '{', word.len) != NULL)
        return dj_bytes(NULL, 0);
    if (word.data[0] == '-') {
        equals = memchr(word.data, '=', word.len);
        if (equals == NULL)
            return dj_bytes(NULL, 0);
        word = dj_bytes_from(word, (size_t)(equals - word.data) + 1);
    }
    if (word.len == 0 || word.data[0] == '/' || dj_bytes_is(word, ".") || dj_bytes_is(word, ".."))
        return dj_bytes(NULL, 0);
    return word;
}

void dj_definition_bare_words(const struct dj_definition *definition, dj_exists_fn *exists,
                              void *cookie, struct dj_list *ret)
{
    for (size_t i = 0; i < definition->command.n; i++) {
        struct dj_bytes path = path_in(dj_list_bytes(&definition->command, i));
        dj_cleanup_buf struct dj_buf full = DJ_BUF_INIT;

        /* The first word with a slash is taken from the folder of the definition anyway. */
        if (path.len == 0 || (i == 0 && memchr(path.data, '/', path.len) != NULL))
            continue;
        dj_buf_addf(&full, "%s/", definition->here);
        dj_buf_add_bytes(&full, path);
        if (exists(dj_buf_str(&full), cookie))
            dj_list_add_bytes(ret, path);
    }
}

/* ---- printing ----------------------------------------------------------------------------- */

static void print_text(struct dj_buf *buf, const char *name, const char *text)
{
    if (text != NULL)
        dj_section_print_option(buf, name, dj_bytes_of(text));
}

static void scalar_text(struct dj_buf *buf, const struct dj_scalar *scalar)
{
    if (scalar->resolution == DJ_RESOLVED && scalar->source.len > 0) {
        dj_buf_add_bytes(buf, dj_buf_bytes(&scalar->source));
        return;
    }
    dj_buf_add_bytes(buf, dj_buf_bytes(&scalar->text));
    if (scalar->resolution == DJ_REFERENCED) {
        dj_buf_addc(buf, '@');
        dj_buf_add_bytes(buf, dj_buf_bytes(&scalar->prefix));
    }
}

static void print_default(struct dj_buf *buf, const struct dj_param *param)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT, text = DJ_BUF_INIT;

    for (size_t i = 0; i < param->default_value.n; i++) {
        dj_cleanup_buf struct dj_buf one = DJ_BUF_INIT;

        scalar_text(&one, &param->default_value.scalars[i]);
        if (!param->list) {
            dj_buf_add_bytes(&text, dj_buf_bytes(&one));
            continue;
        }
        dj_buf_adds(&text, i > 0 ? " " : "");
        dj_word_print(&text, dj_buf_bytes(&one));
    }
    dj_buf_addf(&name, "default.%s", param->name);
    dj_section_print_option(buf, dj_buf_str(&name), dj_buf_bytes(&text));
}

static void print_params(struct dj_buf *buf, const struct dj_params *params)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_params_print(&text, params);
    if (text.len > 0)
        dj_section_print_option(buf, "params", dj_buf_bytes(&text));
    for (size_t i = 0; i < params->n; i++) {
        if (params->items[i].has_default)
            print_default(buf, &params->items[i]);
    }
    dj_params_rules(buf, params);
}

static void print_items(struct dj_buf *buf, const char *name, const struct dj_list *items)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (items->n == 0)
        return;
    dj_items_print(&text, items);
    dj_section_print_option(buf, name, dj_buf_bytes(&text));
}

static void print_limit(struct dj_buf *buf, const char *name, uint64_t limit, uint64_t usual)
{
    if (limit == usual)
        return;
    dj_buf_addf(buf, "%s = ", name);
    if (limit == 0)
        dj_buf_adds(buf, "none");
    else
        dj_print_size(buf, limit);
    dj_buf_addc(buf, '\n');
}

static void print_limits(struct dj_buf *buf, const struct dj_definition *definition)
{
    if (definition->timeout_ms > 0) {
        dj_buf_adds(buf, "timeout = ");
        dj_print_duration(buf, definition->timeout_ms);
        dj_buf_addc(buf, '\n');
    }
    print_limit(buf, "memory", definition->memory, 0);
    print_limit(buf, "max_result", definition->max_result, 0);
    print_limit(buf, "max_log", definition->max_log, DJ_MAX_LOG);
    print_limit(buf, "max_files", definition->max_files, 0);
}

static void print_program(struct dj_buf *buf, const struct dj_definition *definition)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (definition->command.n > 0) {
        dj_words_print(&text, &definition->command);
        dj_section_print_option(buf, "command", dj_buf_bytes(&text));
    }
    if (definition->script != NULL) {
        struct dj_bytes script = dj_bytes_of(definition->script);

        if (script.len > 0 && script.data[script.len - 1] == '\n')
            script.len--; /* the reader puts it there */
        dj_section_print_option(buf, "script", script);
    }
}

static void print_span(struct dj_buf *buf, const char *name, uint64_t ms)
{
    if (ms == 0)
        return;
    dj_buf_addf(buf, "%s = ", name);
    dj_print_duration(buf, ms);
    dj_buf_addc(buf, '\n');
}

void dj_definition_print(struct dj_buf *buf, const struct dj_definition *definition)
{
    dj_cleanup_free char *launch = dj_launch_text(&definition->launch);

    dj_buf_addf(buf, "[%s]\n", definition->name);
    print_program(buf, definition);
    print_params(buf, &definition->params);
    print_text(buf, "version", definition->version);
    print_text(buf, "setup", definition->setup);
    for (size_t i = 0; i < definition->env.n; i++) {
        const struct dj_env *env = DJ_LIST_AT(&definition->env, struct dj_env, i);
        dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

        dj_buf_addf(&name, "env.%s", env->name);
        print_text(buf, dj_buf_str(&name), env->value);
    }
    print_items(buf, "env", &definition->env_keyed);
    print_limits(buf, definition);
    if (definition->priority != 0)
        dj_buf_addf(buf, "priority = %lld\n", (long long)definition->priority);
    if (definition->resources.n != 0) {
        dj_buf_adds(buf, "resources = ");
        dj_resources_print(buf, &definition->resources);
        dj_buf_addc(buf, '\n');
    }
    print_text(buf, "session", definition->session);
    print_text(buf, "launch", launch);
    print_items(buf, "track", &definition->track);
    if (definition->result_file != NULL) {
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

        dj_buf_addf(&text, "file:%s", definition->result_file);
        dj_section_print_option(buf, "result", dj_buf_bytes(&text));
    }
    dj_retry_print(buf, &definition->retry);
    if (definition->on_failure == DJ_FAILURE_REMEMBER)
        dj_buf_adds(buf, "on_failure = remember\n");
    if (definition->abandon == DJ_ABANDON_CANCEL)
        dj_buf_adds(buf, "abandon = cancel\n");
    if (definition->cutoff)
        dj_buf_adds(buf, "cutoff = yes\n");
    if (definition->unstored)
        dj_buf_adds(buf, "store = no\n");
    print_span(buf, "ttl", definition->ttl_ms);
    print_span(buf, "serve_stale", definition->serve_stale_ms);
    print_text(buf, "help", definition->help);
}

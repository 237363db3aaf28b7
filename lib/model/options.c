/*
 * What the options of a section mean: one table, one small function each. They are applied in the
 * order of the table, whatever their order in the file.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/model/launch.h"
#include "lib/model/resource.h"
#include "lib/model/section.h"
#include "lib/model/session.h"
#include "lib/model/template.h"
#include "lib/model/words.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

#define TEXT_MAX 200
#define SIZE_LIMIT_MAX (UINT64_C(1) << 50)

/* rest: what stands behind the dot of env.X and default.X. */
typedef int set_fn(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                   struct dj_err *err);

static char *text_of(struct dj_bytes bytes)
{
    return dj_xmemdup0(bytes.data, bytes.len);
}

static int set_params(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                      struct dj_err *err)
{
    (void)rest;
    return dj_params_parse(value, &definition->params, err);
}

/* NULL with a sentence: there is none of that name. */
static struct dj_param *find_param(const struct dj_definition *definition, struct dj_bytes name,
                                   struct dj_err *err)
{
    struct dj_param *param = dj_params_find(&definition->params, name);
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    if (param != NULL)
        return param;
    dj_add_printable(&shown, name);
    (void)dj_err_set(err, EINVAL, "%s has no parameter \"%s\"", definition->name,
                     dj_buf_str(&shown));
    return NULL;
}

/* A file that stands in a task file lies beside it, wherever the caller is. */
static bool is_beside(const struct dj_scalar *scalar, enum dj_type type)
{
    return (type == DJ_FILE || type == DJ_PATH) && scalar->resolution == DJ_SPELLED &&
           scalar->text.len > 0 && scalar->text.data[0] != '/';
}

static int parse_default(const struct dj_definition *definition, const struct dj_param *param,
                         struct dj_list *texts, struct dj_value *ret, struct dj_err *err)
{
    dj_cleanup_free struct dj_bytes *words = dj_xcalloc(texts->n, sizeof(*words));

    for (size_t i = 0; i < texts->n; i++) {
        struct dj_buf *text = DJ_LIST_AT(texts, struct dj_buf, i);
        struct dj_scalar scalar;
        int code = dj_scalar_parse(param->type, dj_buf_bytes(text), &scalar, err);

        if (code == 0 && is_beside(&scalar, param->type)) {
            dj_buf_clear(text);
            dj_buf_addf(text, "%s/", definition->here);
            dj_buf_add_bytes(text, dj_buf_bytes(&scalar.text));
        }
        dj_scalar_release(&scalar);
        if (code < 0)
            return code;
        words[i] = dj_buf_bytes(text);
    }
    return dj_value_parse(param->type, param->list, words, texts->n, ret, err);
}

static int set_default(struct dj_definition *definition, struct dj_bytes rest,
                       struct dj_bytes value, struct dj_err *err)
{
    struct dj_list texts = {NULL, 0, 0};
    struct dj_param *param = find_param(definition, rest, err);
    int code = 0;

    if (param == NULL)
        return -EINVAL;
    if (param->list)
        code = dj_words_split(value, &texts, err);
    else
        dj_list_add_bytes(&texts, value);
    if (code == 0)
        code = parse_default(definition, param, &texts, &param->default_value, err);
    if (code == 0)
        param->has_default = true;
    else
        code = dj_err_prefix(err, code, "the default of %s", param->name);
    dj_bytes_list_release(&texts);
    return code;
}

static int set_ignore(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                      struct dj_err *err)
{
    (void)rest;
    return dj_params_ignore(definition->name, &definition->params, value, err);
}

static int set_keep(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                    struct dj_err *err)
{
    (void)rest;
    if (dj_strip(value).len == 0)
        return dj_err_set(err, EINVAL, "keep names no parameter");
    return dj_params_keep(definition->name, &definition->params, value, err);
}

static int set_depend(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                      struct dj_err *err)
{
    (void)rest;
    return dj_params_depend(definition->name, &definition->params, value, err);
}

static int set_command(struct dj_definition *definition, struct dj_bytes rest,
                       struct dj_bytes value, struct dj_err *err)
{
    int code = dj_words_split(value, &definition->command, err);

    (void)rest;
    if (code == 0 && definition->command.n == 0)
        code = dj_err_set(err, EINVAL, "the command is empty");
    for (size_t i = 0; code == 0 && i < definition->command.n; i++)
        code = dj_template_check(dj_list_bytes(&definition->command, i), &definition->params, err);
    return code;
}

static int set_script(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                      struct dj_err *err)
{
    struct dj_buf text = DJ_BUF_INIT;

    (void)rest;
    if (value.len == 0)
        return dj_err_set(err, EINVAL, "the script is empty");
    dj_buf_add_bytes(&text, value);
    dj_buf_addc(&text, '\n');
    definition->script = dj_buf_steal(&text);
    return 0;
}

static int set_version(struct dj_definition *definition, struct dj_bytes rest,
                       struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    if (value.len == 0 || value.len > TEXT_MAX || memchr(value.data, '\n', value.len) != NULL)
        return dj_err_set(err, EINVAL, "a version is one line of at most %d bytes", TEXT_MAX);
    free(definition->version);
    definition->version = text_of(value);
    return 0;
}

static int set_setup(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                     struct dj_err *err)
{
    (void)rest;
    (void)err;
    if (value.len > 0)
        definition->setup = text_of(value);
    return 0;
}

static int check_env_name(struct dj_bytes name, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    bool right = name.len > 0 && name.len <= TEXT_MAX &&
                 !(name.data[0] >= '0' && name.data[0] <= '9');

    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.data[i];

        right = right && ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                          (byte >= '0' && byte <= '9') || byte == '_');
    }
    dj_add_printable(&shown, name);
    if (!right)
        return dj_err_set(err, EINVAL, "\"%s\" is not the name of an environment variable",
                          dj_buf_str(&shown));
    if (dj_bytes_is(name, "DJ") || dj_bytes_starts(name, DJ_BYTES_LIT("DJ_")))
        return dj_err_set(err, EINVAL, "%s cannot be set: DJ and DJ_… are given by djfs",
                          dj_buf_str(&shown));
    return 0;
}

static int set_env(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                   struct dj_err *err)
{
    int code = check_env_name(rest, err);
    struct dj_env *env;

    if (code < 0)
        return code;
    env = dj_list_add(&definition->env, sizeof(*env));
    env->name = text_of(rest);
    env->value = text_of(value);
    return 0;
}

static int set_env_keyed(struct dj_definition *definition, struct dj_bytes rest,
                         struct dj_bytes value, struct dj_err *err)
{
    struct dj_bytes name;

    (void)rest;
    while (dj_next_item(&value, &name)) {
        int code = check_env_name(name, err);

        if (code < 0)
            return code;
        dj_list_add_bytes(&definition->env_keyed, name);
    }
    return 0;
}

static int set_timeout(struct dj_definition *definition, struct dj_bytes rest,
                       struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    if (dj_bytes_is(value, "none")) {
        definition->timeout_ms = 0;
        return 0;
    }
    return dj_parse_duration(value, &definition->timeout_ms, err);
}

static int set_size(uint64_t *ret, struct dj_bytes value, struct dj_err *err)
{
    uint64_t size;
    int code;

    if (dj_bytes_is(value, "none")) {
        *ret = 0;
        return 0;
    }
    code = dj_parse_size(value, &size, err);
    if (code < 0)
        return code;
    if (size == 0 || size > SIZE_LIMIT_MAX)
        return dj_err_set(err, EINVAL, "a limit is none or a size from 1 byte to 1024T");
    *ret = size;
    return 0;
}

static int set_memory(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                      struct dj_err *err)
{
    (void)rest;
    return set_size(&definition->memory, value, err);
}

static int set_max_result(struct dj_definition *definition, struct dj_bytes rest,
                          struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    return set_size(&definition->max_result, value, err);
}

static int set_max_log(struct dj_definition *definition, struct dj_bytes rest,
                       struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    return set_size(&definition->max_log, value, err);
}

static int set_max_files(struct dj_definition *definition, struct dj_bytes rest,
                         struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    return set_size(&definition->max_files, value, err);
}

static int set_retries(struct dj_definition *definition, struct dj_bytes rest,
                       struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    return dj_retry_parse_count(value, &definition->retry, err);
}

static int set_retry_delay(struct dj_definition *definition, struct dj_bytes rest,
                           struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    return dj_retry_parse_delay(value, &definition->retry, err);
}

static int set_retry_on(struct dj_definition *definition, struct dj_bytes rest,
                        struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    return dj_retry_parse_on(value, &definition->retry, err);
}

static int set_resources(struct dj_definition *definition, struct dj_bytes rest,
                         struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    return dj_resources_parse(value, &definition->resources, err);
}

static int set_session(struct dj_definition *definition, struct dj_bytes rest,
                       struct dj_bytes value, struct dj_err *err)
{
    dj_cleanup_session_spec struct dj_session_spec spec = {0};
    struct dj_buf text = DJ_BUF_INIT;
    int code = dj_session_parse(value, &spec, err);

    (void)rest;
    if (code < 0)
        return code;
    dj_session_print(&text, &spec);
    definition->session = dj_buf_steal(&text);
    return 0;
}

static int set_launch(struct dj_definition *definition, struct dj_bytes rest,
                      struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    return dj_launch_parse(value, &definition->launch, err);
}

static int set_priority(struct dj_definition *definition, struct dj_bytes rest,
                        struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    return dj_parse_int(value, &definition->priority, err);
}

static int set_track(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                     struct dj_err *err)
{
    int code = dj_items_split(value, &definition->track, err);

    (void)rest;
    for (size_t i = 0; code == 0 && i < definition->track.n; i++) {
        if (dj_list_bytes(&definition->track, i).len == 0)
            code = dj_err_set(err, EINVAL, "an empty path cannot be tracked");
    }
    return code;
}

static int set_result(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                      struct dj_err *err)
{
    (void)rest;
    free(dj_steal(definition->result_file));
    if (dj_bytes_is(value, "stdout"))
        return 0;
    if (!dj_bytes_starts(value, DJ_BYTES_LIT("file:")))
        return dj_err_set(err, EINVAL, "a result is stdout or file:NAME");
    definition->result_file = text_of(dj_bytes_from(value, 5));
    return dj_result_path_check(definition->result_file, err);
}

static int set_on_failure(struct dj_definition *definition, struct dj_bytes rest,
                          struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    if (!dj_bytes_is(value, "retry") && !dj_bytes_is(value, "remember"))
        return dj_err_set(err, EINVAL, "on_failure is retry or remember");
    definition->on_failure = dj_bytes_is(value, "retry") ? DJ_FAILURE_RETRY : DJ_FAILURE_REMEMBER;
    return 0;
}

static int set_yes(bool *ret, const char *option, struct dj_bytes value, struct dj_err *err)
{
    if (!dj_bytes_is(value, "yes") && !dj_bytes_is(value, "no"))
        return dj_err_set(err, EINVAL, "%s is yes or no", option);
    *ret = dj_bytes_is(value, "yes");
    return 0;
}

static int set_cutoff(struct dj_definition *definition, struct dj_bytes rest,
                      struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    return set_yes(&definition->cutoff, "cutoff", value, err);
}

static int set_store(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                     struct dj_err *err)
{
    bool stored = true;
    int code = set_yes(&stored, "store", value, err);

    (void)rest;
    definition->unstored = !stored;
    return code;
}

static int set_span(uint64_t *ret, const char *option, struct dj_bytes value, struct dj_err *err)
{
    int code;

    *ret = 0;
    if (dj_bytes_is(value, "none"))
        return 0;
    code = dj_parse_duration(value, ret, err);
    if (code == 0 && *ret == 0)
        code = dj_err_set(err, EINVAL, "%s is none or a duration of at least 1ms", option);
    return code;
}

static int set_ttl(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                   struct dj_err *err)
{
    (void)rest;
    return set_span(&definition->ttl_ms, "ttl", value, err);
}

static int set_serve_stale(struct dj_definition *definition, struct dj_bytes rest,
                           struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    return set_span(&definition->serve_stale_ms, "serve_stale", value, err);
}

static int set_abandon(struct dj_definition *definition, struct dj_bytes rest,
                       struct dj_bytes value, struct dj_err *err)
{
    (void)rest;
    if (!dj_bytes_is(value, "keep") && !dj_bytes_is(value, "cancel"))
        return dj_err_set(err, EINVAL, "abandon is keep or cancel");
    definition->abandon = dj_bytes_is(value, "keep") ? DJ_ABANDON_KEEP : DJ_ABANDON_CANCEL;
    return 0;
}

static int set_help(struct dj_definition *definition, struct dj_bytes rest, struct dj_bytes value,
                    struct dj_err *err)
{
    (void)rest;
    (void)err;
    if (value.len > 0)
        definition->help = text_of(value);
    return 0;
}

/* ---- the table ---------------------------------------------------------------------------- */

static const struct {
    const char *name; /* one that ends in a dot is a family: env.X */
    set_fn *set;
    const char *rival; /* an own one keeps this one from being inherited */
} table[] = {
    {"params", set_params, NULL},
    {"default.", set_default, NULL},
    {"ignore", set_ignore, "keep"},
    {"keep", set_keep, "ignore"},
    {"depend", set_depend, NULL},
    {"command", set_command, "script"},
    {"script", set_script, "command"},
    {"version", set_version, NULL},
    {"setup", set_setup, NULL},
    {"env.", set_env, NULL},
    {"env", set_env_keyed, NULL},
    {"timeout", set_timeout, NULL},
    {"memory", set_memory, NULL},
    {"max_result", set_max_result, NULL},
    {"max_log", set_max_log, NULL},
    {"max_files", set_max_files, NULL},
    {"retries", set_retries, NULL},
    {"retry_delay", set_retry_delay, NULL},
    {"retry_on", set_retry_on, NULL},
    {"priority", set_priority, NULL},
    {"resources", set_resources, NULL},
    {"session", set_session, NULL},
    {"launch", set_launch, NULL},
    {"track", set_track, NULL},
    {"result", set_result, NULL},
    {"on_failure", set_on_failure, NULL},
    {"abandon", set_abandon, NULL},
    {"cutoff", set_cutoff, NULL},
    {"ttl", set_ttl, NULL},
    {"serve_stale", set_serve_stale, NULL},
    {"store", set_store, NULL},
    {"help", set_help, NULL},
};

/* row_matches(row, name): the name belongs to the row; a family needs something behind its dot. */
static bool row_matches(size_t row, struct dj_bytes name)
{
    size_t len = strlen(table[row].name);

    if (table[row].name[len - 1] != '.')
        return dj_bytes_is(name, table[row].name);
    return name.len > len && dj_bytes_starts(name, dj_bytes_of(table[row].name));
}

static int unknown_option(struct dj_bytes name, bool head, struct dj_err *err)
{
    const char *names[DJ_ARRAY_SIZE(table) + 1];
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    const uint8_t *dot = name.len == 0 ? NULL : memchr(name.data, '.', name.len);
    struct dj_bytes rest = {NULL, 0};
    const char *nearest;
    size_t n = 0;

    dj_add_printable(&shown, name);
    if (dot != NULL) {
        rest = dj_bytes_from(name, (size_t)(dot - name.data) + 1);
        name.len -= rest.len;
    }
    for (size_t row = 0; row < DJ_ARRAY_SIZE(table); row++) {
        bool family = table[row].name[strlen(table[row].name) - 1] == '.';

        if (family == (dot != NULL))
            names[n++] = table[row].name;
    }
    if (head && dot == NULL)
        names[n++] = "name";
    nearest = dj_nearest(name, names, n);
    if (dot != NULL && rest.len == 0)
        return dj_err_set(err, EINVAL, "\"%s\" needs a name behind the dot", dj_buf_str(&shown));
    if (nearest == NULL)
        return dj_err_set(err, EINVAL, "there is no option \"%s\"", dj_buf_str(&shown));
    return dj_err_set(err, EINVAL, "there is no option \"%s\"; did you mean \"%s%.*s\"?",
                      dj_buf_str(&shown), nearest, (int)DJ_MIN(rest.len, TEXT_MAX),
                      rest.len == 0 ? "" : (const char *)rest.data);
}

int dj_option_known(struct dj_bytes name, bool head, struct dj_err *err)
{
    if (head && dj_bytes_is(name, "name"))
        return 0;
    if (head && dj_bytes_is(name, "script"))
        return dj_err_set(err, EINVAL,
                          "the file itself is the script; \"script\" has no place here");
    for (size_t row = 0; row < DJ_ARRAY_SIZE(table); row++) {
        if (row_matches(row, name))
            return 0;
    }
    return unknown_option(name, head, err);
}

static size_t row_of(const char *name)
{
    size_t row = 0;

    while (row < DJ_ARRAY_SIZE(table) - 1 && !row_matches(row, dj_bytes_of(name)))
        row++;
    return row;
}

/* ---- sections ----------------------------------------------------------------------------- */

void dj_section_inherit(struct dj_section *section, const struct dj_section *defaults)
{
    for (size_t i = 0; i < defaults->options.n; i++) {
        const struct dj_option *from = DJ_LIST_AT(&defaults->options, struct dj_option, i);
        const char *rival = table[row_of(from->name)].rival;
        const struct dj_option *other = rival == NULL ? NULL : dj_section_find(section, rival);
        struct dj_option *to;

        if (dj_section_find(section, from->name) != NULL || (other != NULL && !other->inherited))
            continue;
        to = dj_list_add(&section->options, sizeof(*to));
        to->name = dj_xstrdup(from->name);
        dj_buf_add_bytes(&to->value, dj_buf_bytes(&from->value));
        to->line = from->line;
        to->inherited = true;
    }
}

static int apply_row(const struct dj_section *section, size_t row, struct dj_definition *definition,
                     struct dj_err *err)
{
    size_t skip = strlen(table[row].name);

    for (size_t i = 0; i < section->options.n; i++) {
        const struct dj_option *option = DJ_LIST_AT(&section->options, struct dj_option, i);
        struct dj_bytes name = dj_bytes_of(option->name);
        struct dj_bytes value = dj_bytes_of(dj_buf_str(&option->value));
        int code;

        if (!row_matches(row, name))
            continue;
        code = table[row].set(definition, dj_bytes_from(name, skip), value, err);
        if (code < 0)
            return dj_at(section->file, option->line, code, err);
    }
    return 0;
}

static int compare_env(const void *a, const void *b)
{
    return strcmp(((const struct dj_env *)a)->name, ((const struct dj_env *)b)->name);
}

static int compare_bufs(const void *a, const void *b)
{
    return dj_bytes_cmp(dj_buf_bytes(a), dj_buf_bytes(b));
}

static void sort(struct dj_list *list, size_t size, int (*compare)(const void *, const void *))
{
    if (list->n > 1)
        qsort(list->items, list->n, size, compare);
}

int dj_section_define(const struct dj_section *section, const char *here,
                      struct dj_definition *ret, struct dj_err *err)
{
    int code = 0;

    dj_definition_init(ret);
    ret->name = dj_xstrdup(section->name);
    ret->here = dj_xstrdup(here);
    if (dj_section_find(section, "ignore") != NULL && dj_section_find(section, "keep") != NULL)
        code = dj_err_set(err, EINVAL, "%s: ignore and keep exclude each other", section->name);
    for (size_t row = 0; code == 0 && row < DJ_ARRAY_SIZE(table); row++) {
        code = apply_row(section, row, ret, err);
        if (code < 0)
            goto fail;
    }
    sort(&ret->env, sizeof(struct dj_env), compare_env);
    sort(&ret->env_keyed, sizeof(struct dj_buf), compare_bufs);
    dj_params_add_environment(&ret->params, &ret->env_keyed);
    if (code == 0)
        code = dj_definition_check(ret, err);
    if (code == 0)
        return 0;
    code = dj_at(section->file, section->line, code, err);
fail:
    dj_definition_release(ret);
    return code;
}

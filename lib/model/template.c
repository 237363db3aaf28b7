#include "lib/model/template.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/util/mem.h"
#include "lib/util/str.h"

#define WORD_MAX 131071          /* exec(2) takes no longer ones */
#define ARG_VARIABLE_MAX 100000  /* DJ_ARG_<name> */
#define ARG_VARIABLES_MAX 512000 /* all of them together */

/* ---- the parts of a word ------------------------------------------------------------------ */

enum part_kind { PART_LITERAL, PART_VALUE, PART_FILE, PART_FLAG, PART_HERE };

struct part {
    enum part_kind kind;
    struct dj_bytes text; /* a literal, or the flag */
    struct dj_bytes name;
};

static bool is_name_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_';
}

static int refuse(struct dj_err *err, struct dj_bytes text, const char *what)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    dj_add_printable(&shown, text);
    return dj_err_set(err, EINVAL, "\"%s\" %s", dj_buf_str(&shown), what);
}

/* inner is what stands between the braces. */
static int read_placeholder(struct dj_bytes inner, struct part *ret, struct dj_err *err)
{
    size_t len = 0;

    while (len < inner.len && is_name_byte(inner.data[len]))
        len++;
    ret->name = dj_bytes(inner.data, len);
    ret->text = dj_bytes_from(inner, len);
    if (len > 0 && ret->text.len == 0)
        ret->kind = dj_bytes_is(ret->name, "here") ? PART_HERE : PART_VALUE;
    else if (len > 0 && dj_bytes_is(ret->text, "@"))
        ret->kind = PART_FILE;
    else if (len > 0 && ret->text.len > 1 && ret->text.data[0] == '?')
        ret->kind = PART_FLAG;
    else
        return refuse(err, inner, "in braces is no placeholder ({x}, {x@}, {x?--flag} or {here}); "
                                  "write {{ and }} for braces");
    if (ret->kind == PART_FLAG)
        ret->text = dj_bytes_from(ret->text, 1);
    return 1;
}

/* next_part(rest, ret, err): 1, 0 at the end, -EINVAL. */
static int next_part(struct dj_bytes *rest, struct part *ret, struct dj_err *err)
{
    struct dj_bytes word = *rest;
    const uint8_t *end;
    size_t len = 0;

    if (word.len == 0)
        return 0;
    while (len < word.len && word.data[len] != '{' && word.data[len] != '}')
        len++;
    *ret = (struct part){.kind = PART_LITERAL, .text = dj_bytes(word.data, len)};
    if (len > 0) {
        *rest = dj_bytes_from(word, len);
        return 1;
    }
    if (word.len > 1 && word.data[1] == word.data[0]) {
        ret->text.len = 1;
        *rest = dj_bytes_from(word, 2);
        return 1;
    }
    end = memchr(word.data, '}', word.len);
    if (word.data[0] == '}' || end == NULL)
        return refuse(err, word, "has a single brace; write {{ and }} for braces");
    len = (size_t)(end - word.data);
    *rest = dj_bytes_from(word, len + 1);
    return read_placeholder(dj_bytes(word.data + 1, len - 1), ret, err);
}

void dj_template_escape(struct dj_buf *buf, struct dj_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '{' || text.data[i] == '}')
            dj_buf_addc(buf, text.data[i]);
        dj_buf_addc(buf, text.data[i]);
    }
}

static int check_part(const struct part *part, const struct dj_params *params, struct dj_err *err)
{
    const struct dj_param *param;

    if (part->kind == PART_LITERAL || part->kind == PART_HERE)
        return 0;
    if (dj_bytes_is(part->name, "here"))
        return dj_err_set(err, EINVAL, "{here} is a folder; it takes neither @ nor ?");
    param = dj_params_find(params, part->name);
    if (param == NULL)
        return dj_err_set(err, EINVAL, "{%.*s}: there is no parameter of this name",
                          (int)DJ_MIN(part->name.len, 100), (const char *)part->name.data);
    if (part->kind == PART_FLAG && (param->type != DJ_BOOL || param->list))
        return dj_err_set(err, EINVAL, "{%s?…}: %s is not a bool", param->name, param->name);
    return 0;
}

int dj_template_check(struct dj_bytes word, const struct dj_params *params, struct dj_err *err)
{
    struct dj_bytes rest = word;
    struct part part;
    int code;

    if (word.len > 0 && memchr(word.data, '\0', word.len) != NULL)
        return dj_err_set(err, EINVAL, "a word of the command holds a NUL byte");
    while ((code = next_part(&rest, &part, err)) > 0) {
        code = check_part(&part, params, err);
        if (code < 0)
            return code;
    }
    return code;
}

/* ---- values as text ----------------------------------------------------------------------- */

struct expander {
    const struct dj_definition *definition;
    const struct dj_args *args;
    const struct dj_template_place *place;
    struct dj_expansion *ret;
    struct dj_err *err;
    bool placed; /* a parameter stands in the command */
};

static int missing_mount(const struct expander *expander, const char *name)
{
    return dj_err_set(expander->err, ENXIO,
                      "%s: %s is another run, whose result can only be given as a path, and there "
                      "is no mount",
                      expander->definition->name, name);
}

void dj_template_value(struct dj_buf *buf, const struct dj_value *value, size_t i,
                       const char *mount)
{
    const struct dj_scalar *scalar = &value->scalars[i];
    bool named = value->type == DJ_FILE || value->type == DJ_PATH || value->type == DJ_RUN;
    struct dj_bytes text =
        dj_buf_bytes(named && scalar->source.len > 0 ? &scalar->source : &scalar->text);

    if (value->type == DJ_RUN && mount != NULL) {
        dj_buf_addf(buf, "%s/tasks/", mount);
        dj_buf_add_bytes(buf, text);
        dj_buf_adds(buf, "/result");
    } else {
        dj_buf_add_bytes(buf, text);
    }
}

static void add_value(struct dj_buf *buf, const struct dj_value *value, const char *between,
                      const char *mount)
{
    for (size_t i = 0; i < value->n; i++) {
        if (i > 0)
            dj_buf_adds(buf, between);
        dj_template_value(buf, value, i, mount);
    }
}

static bool has_file(const struct dj_list *files, const char *name)
{
    for (size_t i = 0; i < files->n; i++) {
        if (strcmp(DJ_LIST_AT(files, struct dj_arg_file, i)->name, name) == 0)
            return true;
    }
    return false;
}

static struct dj_arg_file *add_file(struct expander *expander, const char *name)
{
    struct dj_arg_file *file = dj_list_add(&expander->ret->files, sizeof(*file));

    file->name = dj_xstrdup(name);
    return file;
}

static void add_value_file(struct expander *expander, const char *name,
                           const struct dj_value *value)
{
    struct dj_arg_file *file;

    if (has_file(&expander->ret->files, name))
        return;
    file = add_file(expander, name);
    add_value(&file->content, value, "\n", expander->place->mount);
    if (value->list && value->n > 0)
        dj_buf_addc(&file->content, '\n');
}

/* ---- the command -------------------------------------------------------------------------- */

static int add_part(struct expander *expander, const struct part *part, struct dj_buf *buf)
{
    dj_cleanup_free char *name = dj_xmemdup0(part->name.data, part->name.len);
    const struct dj_value *value;

    if (part->kind == PART_LITERAL) {
        dj_buf_add_bytes(buf, part->text);
        return 0;
    }
    if (part->kind == PART_HERE) {
        dj_buf_adds(buf, expander->definition->here);
        return 0;
    }
    expander->placed = true;
    value = dj_args_get(expander->args, name);
    if (value->type == DJ_RUN && expander->place->mount == NULL)
        return missing_mount(expander, name);
    if (part->kind == PART_FILE) {
        add_value_file(expander, name, value);
        dj_buf_addf(buf, "%s/%s", expander->place->arg_dir, name);
    } else if (part->kind == PART_FLAG) {
        if (dj_bytes_is(dj_buf_bytes(&value->scalars[0].text), "true"))
            dj_buf_add_bytes(buf, part->text);
    } else {
        add_value(buf, value, " ", expander->place->mount);
    }
    return 0;
}

/* add_each(): the elements of a list, or the one value, as words of their own. */
static int add_each(struct expander *expander, const char *name)
{
    const struct dj_value *value = dj_args_get(expander->args, name);

    if (value->type == DJ_RUN && expander->place->mount == NULL)
        return missing_mount(expander, name);
    for (size_t i = 0; i < value->n; i++)
        dj_template_value(dj_list_add(&expander->ret->argv, sizeof(struct dj_buf)), value, i,
                   expander->place->mount);
    return 0;
}

/* The name of the list when the word is exactly {x}. */
static const char *whole_list(const struct expander *expander, struct dj_bytes word)
{
    const struct dj_param *param;
    struct part part;

    if (next_part(&word, &part, NULL) != 1 || part.kind != PART_VALUE || word.len > 0)
        return NULL;
    param = dj_params_find(expander->args->params, part.name);
    return param->list ? param->name : NULL;
}

static int add_word(struct expander *expander, struct dj_bytes word)
{
    const char *list = whole_list(expander, word);
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_bytes rest = word;
    bool flag = false;
    struct part part;
    int code;

    if (list != NULL) {
        expander->placed = true;
        return add_each(expander, list);
    }
    while ((code = next_part(&rest, &part, expander->err)) > 0) {
        flag = flag || part.kind == PART_FLAG;
        code = add_part(expander, &part, &text);
        if (code < 0)
            return code;
    }
    if (code == 0 && (text.len > 0 || !flag))
        dj_list_add_bytes(&expander->ret->argv, dj_buf_bytes(&text));
    return code;
}

static void take_from_here(struct expander *expander)
{
    struct dj_buf *first = DJ_LIST_AT(&expander->ret->argv, struct dj_buf, 0);
    struct dj_bytes word = dj_buf_bytes(first);
    struct dj_buf full = DJ_BUF_INIT;

    if (word.len == 0 || word.data[0] == '/' || memchr(word.data, '/', word.len) == NULL)
        return;
    if (dj_bytes_starts(word, DJ_BYTES_LIT("./")))
        word = dj_bytes_from(word, 2);
    dj_buf_addf(&full, "%s/", expander->definition->here);
    dj_buf_add_bytes(&full, word);
    dj_buf_release(first);
    *first = full;
}

static int add_command(struct expander *expander)
{
    const struct dj_list *command = &expander->definition->command;

    for (size_t i = 0; i < command->n; i++) {
        struct dj_bytes word = dj_list_bytes(command, i);
        int code = dj_template_check(word, expander->args->params, expander->err);

        if (code == 0)
            code = add_word(expander, word);
        if (code < 0)
            return code;
    }
    if (expander->ret->argv.n == 0)
        return dj_err_set(expander->err, EINVAL, "%s: nothing is left of the command",
                          expander->definition->name);
    take_from_here(expander);
    return 0;
}

static void add_script(struct expander *expander)
{
    const struct dj_definition *definition = expander->definition;
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT, path = DJ_BUF_INIT;
    struct dj_arg_file *file;

    /* A parameter's name has no dot, so it cannot be the name of the file of one. */
    dj_buf_addf(&name, "%s.script", definition->name);
    file = add_file(expander, dj_buf_str(&name));
    file->executable = true;
    dj_buf_adds(&file->content, definition->script);
    if (!dj_bytes_starts(dj_buf_bytes(&file->content), DJ_BYTES_LIT("#!")))
        dj_list_add_bytes(&expander->ret->argv, DJ_BYTES_LIT("/bin/sh"));
    dj_buf_addf(&path, "%s/%s", expander->place->arg_dir, dj_buf_str(&name));
    dj_list_add_bytes(&expander->ret->argv, dj_buf_bytes(&path));
}

static int add_all_args(struct expander *expander)
{
    for (size_t i = 0; i < expander->args->params->n; i++) {
        const struct dj_param *param = &expander->args->params->items[i];
        int code = param->environment ? 0 : add_each(expander, param->name);

        if (code < 0)
            return code;
    }
    return 0;
}

/* exec "$@" behind the setup: the words stay words, and the shell does not stay. */
static void wrap_in_setup(struct expander *expander)
{
    struct dj_list inner = expander->ret->argv;
    struct dj_list *argv = &expander->ret->argv;
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT;

    if (expander->definition->setup == NULL)
        return;
    *argv = (struct dj_list){NULL, 0, 0};
    dj_buf_addf(&line, "%s\nexec \"$@\"", expander->definition->setup);
    dj_list_add_bytes(argv, DJ_BYTES_LIT("/bin/sh"));
    dj_list_add_bytes(argv, DJ_BYTES_LIT("-c"));
    dj_list_add_bytes(argv, dj_buf_bytes(&line));
    dj_list_add_bytes(argv, DJ_BYTES_LIT("sh"));
    for (size_t i = 0; i < inner.n; i++)
        dj_list_add_bytes(argv, dj_list_bytes(&inner, i));
    dj_bytes_list_release(&inner);
}

static int check_words(const struct expander *expander)
{
    for (size_t i = 0; i < expander->ret->argv.n; i++) {
        if (dj_list_bytes(&expander->ret->argv, i).len > WORD_MAX)
            return dj_err_set(expander->err, E2BIG,
                              "%s: word %zu of the command comes out with %zu bytes, and the "
                              "system takes %d; give the argument in a file with {x@}",
                              expander->definition->name, i + 1,
                              dj_list_bytes(&expander->ret->argv, i).len, WORD_MAX);
    }
    return 0;
}

/* ---- the environment ---------------------------------------------------------------------- */

static void set_variable(struct dj_list *env, const char *name, const char *value)
{
    struct dj_env *variable;

    for (size_t i = 0; i < env->n; i++) {
        variable = DJ_LIST_AT(env, struct dj_env, i);
        if (strcmp(variable->name, name) == 0) {
            free(variable->value);
            variable->value = dj_xstrdup(value);
            return;
        }
    }
    variable = dj_list_add(env, sizeof(*variable));
    variable->name = dj_xstrdup(name);
    variable->value = dj_xstrdup(value);
}

static void set_variables(struct dj_list *env, const struct dj_list *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct dj_env *variable = DJ_LIST_AT(from, struct dj_env, i);

        set_variable(env, variable->name, variable->value);
    }
}

static void drop_variable(struct dj_list *env, const char *name)
{
    for (size_t i = 0; i < env->n; i++) {
        struct dj_env *variable = DJ_LIST_AT(env, struct dj_env, i);

        if (strcmp(variable->name, name) != 0)
            continue;
        free(variable->name);
        free(variable->value);
        *variable = *DJ_LIST_AT(env, struct dj_env, env->n - 1);
        env->n--;
        return;
    }
}

/* The caller's values; one that he does not have is not set, whatever the definition captured. */
static void add_caller_env(struct expander *expander)
{
    const struct dj_args *args = expander->args;
    struct dj_list *env = &expander->ret->env;

    for (size_t i = 0; i < args->params->n; i++) {
        const struct dj_param *param = &args->params->items[i];

        if (!param->environment)
            continue;
        if (args->values[i].n == 0)
            drop_variable(env, dj_param_variable(param));
        else
            set_variable(env, dj_param_variable(param),
                         dj_buf_str(&args->values[i].scalars[0].text));
    }
}

static void add_env(struct expander *expander)
{
    struct dj_list *env = &expander->ret->env;
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    size_t sum = 0;

    set_variables(env, &expander->definition->base_env);
    set_variables(env, &expander->definition->env);
    add_caller_env(expander);
    dj_buf_addf(&path, "%s/args.json", expander->place->arg_dir);
    set_variable(env, "DJ_ARGS", dj_buf_str(&path));
    for (size_t i = 0; i < expander->args->params->n; i++) {
        dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT, text = DJ_BUF_INIT;

        if (expander->args->params->items[i].environment)
            continue;
        add_value(&text, &expander->args->values[i], "\n", expander->place->mount);
        if (text.len >= ARG_VARIABLE_MAX || sum + text.len > ARG_VARIABLES_MAX ||
            (text.len > 0 && memchr(text.data, '\0', text.len) != NULL))
            continue;
        sum += text.len;
        dj_buf_addf(&name, "DJ_ARG_%s", expander->args->params->items[i].name);
        set_variable(env, dj_buf_str(&name), dj_buf_str(&text));
    }
}

/* ---- all of it ---------------------------------------------------------------------------- */

static int expand(struct expander *expander)
{
    int code = dj_args_complete(expander->definition->name, expander->args, expander->err);

    if (code < 0)
        return code;
    dj_args_json(&add_file(expander, "args.json")->content, expander->args);
    if (expander->definition->script != NULL)
        add_script(expander);
    else
        code = add_command(expander);
    if (code == 0 && !expander->placed)
        code = add_all_args(expander);
    if (code < 0)
        return code;
    wrap_in_setup(expander);
    add_env(expander);
    return check_words(expander);
}

int dj_template_expand(const struct dj_definition *definition, const struct dj_args *args,
                       const struct dj_template_place *place, struct dj_expansion *ret,
                       struct dj_err *err)
{
    struct expander expander = {
        .definition = definition, .args = args, .place = place, .ret = ret, .err = err};
    int code;

    *ret = (struct dj_expansion){0};
    code = expand(&expander);
    if (code < 0)
        dj_expansion_release(ret);
    return code;
}

static bool is_bare(struct dj_bytes word)
{
    struct dj_bytes rest = word;
    struct part part;

    while (next_part(&rest, &part, NULL) > 0) {
        if (part.kind != PART_LITERAL && part.kind != PART_HERE)
            return false;
    }
    return true;
}

bool dj_template_bare(const struct dj_definition *definition)
{
    for (size_t i = 0; i < definition->command.n; i++) {
        if (!is_bare(dj_list_bytes(&definition->command, i)))
            return false;
    }
    return true;
}

int dj_template_resident(const struct dj_definition *definition, struct dj_expansion *ret,
                         struct dj_err *err)
{
    struct dj_args none = {.params = &definition->params};
    struct dj_template_place nowhere = {.arg_dir = ""};
    struct expander expander = {
        .definition = definition, .args = &none, .place = &nowhere, .ret = ret, .err = err};
    int code;

    *ret = (struct dj_expansion){0};
    code = add_command(&expander);
    if (code < 0)
        return code;
    wrap_in_setup(&expander);
    set_variables(&ret->env, &definition->base_env);
    set_variables(&ret->env, &definition->env);
    for (size_t i = 0; i < definition->env_keyed.n; i++)
        drop_variable(&ret->env, dj_buf_str(DJ_LIST_AT(&definition->env_keyed, struct dj_buf, i)));
    return check_words(&expander);
}

void dj_expansion_release(struct dj_expansion *expansion)
{
    dj_bytes_list_release(&expansion->argv);
    for (size_t i = 0; i < expansion->env.n; i++) {
        free(DJ_LIST_AT(&expansion->env, struct dj_env, i)->name);
        free(DJ_LIST_AT(&expansion->env, struct dj_env, i)->value);
    }
    free(expansion->env.items);
    for (size_t i = 0; i < expansion->files.n; i++) {
        free(DJ_LIST_AT(&expansion->files, struct dj_arg_file, i)->name);
        dj_buf_release(&DJ_LIST_AT(&expansion->files, struct dj_arg_file, i)->content);
    }
    free(expansion->files.items);
    *expansion = (struct dj_expansion){0};
}

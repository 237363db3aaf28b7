/*
 * A line of parameters, a line that is a command, and arguments, one a line. What is expanded has a
 * command, no word with a NUL byte and each file once; escaped text expands to itself.
 */
#include "lib/model/template.h"

#include "lib/model/words.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"
#include "tests/fuzz/fuzz.h"

static const struct dj_template_place place = {"/args", "/dj"};

static void check_files(const struct dj_expansion *expansion)
{
    for (size_t i = 0; i < expansion->files.n; i++) {
        const char *name = DJ_LIST_AT(&expansion->files, struct dj_arg_file, i)->name;

        must(strchr(name, '/') == NULL && strlen(name) > 0);
        for (size_t k = 0; k < i; k++)
            must(strcmp(name, DJ_LIST_AT(&expansion->files, struct dj_arg_file, k)->name) != 0);
    }
}

static void check_expansion(const struct dj_expansion *expansion)
{
    must(expansion->argv.n > 0);
    for (size_t i = 0; i < expansion->argv.n; i++) {
        struct dj_bytes word = dj_list_bytes(&expansion->argv, i);

        must(word.len == 0 || memchr(word.data, '\0', word.len) == NULL);
    }
    check_files(expansion);
}

static void expand(const struct dj_definition *definition, struct dj_bytes rest)
{
    struct dj_err err = DJ_ERR_INIT;
    struct dj_expansion expansion;
    struct dj_bytes words[32];
    struct dj_args args;
    size_t n = 0;
    int code;

    while (n < DJ_ARRAY_SIZE(words) && dj_next_line(&rest, &words[n]))
        n++;
    if (dj_args_bind("t", &definition->params, words, n, &args, NULL) < 0)
        return;
    code = dj_template_expand(definition, &args, &place, &expansion, &err);
    must((code == 0) == (err.text == NULL));
    if (code == 0)
        check_expansion(&expansion);
    dj_expansion_release(&expansion);
    dj_args_release(&args);
    dj_err_release(&err);
}

static void escape(struct dj_bytes text)
{
    struct dj_definition definition;
    struct dj_expansion expansion;
    struct dj_buf *word;

    if (text.len == 0 || text.len > 1000 || memchr(text.data, '\0', text.len) != NULL ||
        memchr(text.data, '/', text.len) != NULL)
        return;
    dj_definition_init(&definition);
    definition.name = dj_xstrdup("t");
    definition.here = dj_xstrdup("/here");
    word = dj_list_add(&definition.command, sizeof(*word));
    dj_template_escape(word, text);
    must(dj_definition_check(&definition, NULL) == 0);
    {
        struct dj_args args;

        must(dj_args_bind("t", &definition.params, NULL, 0, &args, NULL) == 0);
        must(dj_template_expand(&definition, &args, &place, &expansion, NULL) == 0);
        must(expansion.argv.n == 1);
        must(dj_bytes_equal(dj_list_bytes(&expansion.argv, 0), text));
        dj_expansion_release(&expansion);
        dj_args_release(&args);
    }
    dj_definition_release(&definition);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dj_bytes rest = dj_bytes(data, size), params, command;
    struct dj_definition definition;

    escape(rest);
    if (!dj_next_line(&rest, &params) || !dj_next_line(&rest, &command))
        return 0;
    dj_definition_init(&definition);
    definition.name = dj_xstrdup("t");
    definition.here = dj_xstrdup("/here");
    if (dj_params_parse(params, &definition.params, NULL) == 0 &&
        dj_words_split(command, &definition.command, NULL) == 0 &&
        dj_definition_check(&definition, NULL) == 0)
        expand(&definition, rest);
    dj_definition_release(&definition);
    return 0;
}

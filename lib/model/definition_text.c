/*
 * What a definition says it runs, as lines for diff(1); and the files beside it that it runs.
 */
#include <string.h>

#include "lib/model/definition.h"
#include "lib/util/str.h"

/* ---- the hashed parts ---- */

static void add_line(struct dj_buf *buf, const char *part, struct dj_bytes text)
{
    dj_buf_adds(buf, part);
    dj_buf_addc(buf, ' ');
    dj_add_escaped(buf, text);
    dj_buf_addc(buf, '\n');
}

static void add_block(struct dj_buf *buf, const char *part, const char *text)
{
    struct dj_bytes rest = dj_bytes_of(text), line;

    if (text == NULL)
        return;
    if (rest.len == 0)
        add_line(buf, part, rest);
    while (dj_next_line(&rest, &line))
        add_line(buf, part, line);
}

void dj_definition_hashed(struct dj_buf *buf, const struct dj_definition *definition)
{
    for (size_t i = 0; i < definition->command.n; i++)
        add_line(buf, "command", dj_list_bytes(&definition->command, i));
    add_block(buf, "script", definition->script);
    add_block(buf, "setup", definition->setup);
    for (size_t i = 0; i < definition->env.n; i++) {
        const struct dj_env *env = DJ_LIST_AT(&definition->env, struct dj_env, i);
        dj_cleanup_buf struct dj_buf pair = DJ_BUF_INIT;

        dj_buf_addf(&pair, "%s=%s", env->name, env->value == NULL ? "" : env->value);
        add_line(buf, "env", dj_buf_bytes(&pair));
    }
    for (size_t i = 0; i < definition->env_keyed.n; i++)
        add_line(buf, "env-of-caller", dj_list_bytes(&definition->env_keyed, i));
    if (definition->result_file != NULL)
        add_line(buf, "result", dj_bytes_of(definition->result_file));
}

/* ---- the program ---- */

static bool ends_path(uint8_t byte)
{
    return byte <= ' ' || strchr("'\"`;&|()<>$\\", byte) != NULL;
}

static void add_path(const struct dj_definition *definition, struct dj_bytes path,
                     struct dj_list *ret)
{
    struct dj_buf full = DJ_BUF_INIT;

    while (dj_bytes_starts(path, DJ_BYTES_LIT("./")))
        path = dj_bytes_from(path, 2);
    if (path.len > 0 && path.data[0] != '/')
        dj_buf_addf(&full, "%s/", definition->here);
    dj_buf_add_bytes(&full, path);
    for (size_t i = 0; i < ret->n; i++) {
        if (dj_bytes_equal(dj_list_bytes(ret, i), dj_buf_bytes(&full))) {
            dj_buf_release(&full);
            return;
        }
    }
    dj_list_add_bytes(ret, dj_buf_bytes(&full));
    dj_buf_release(&full);
}

/* A word without a placeholder is what its doubled braces stand for; false: it has one. */
static bool literal(struct dj_bytes word, struct dj_buf *ret)
{
    for (size_t i = 0; i < word.len; i++) {
        uint8_t byte = word.data[i];

        if (byte == '{' || byte == '}') {
            if (i + 1 == word.len || word.data[i + 1] != byte)
                return false;
            i++;
        }
        dj_buf_addc(ret, byte);
    }
    return true;
}

/*
 * {here}/PATH: as a whole word, which may have blanks in it, or as part of one, as in sh -c. What
 * is found both ways is there once; of what is no file the reader of the list finds none.
 */
static void add_here(const struct dj_definition *definition, struct dj_bytes word,
                     struct dj_list *ret)
{
    static const char mark[] = "{here}/";
    const uint8_t *at;

    if (dj_bytes_starts(word, dj_bytes_of(mark))) {
        dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

        if (literal(dj_bytes_from(word, sizeof(mark) - 1), &path) && path.len != 0)
            add_path(definition, dj_buf_bytes(&path), ret);
    }
    while (word.len != 0 && (at = memmem(word.data, word.len, mark, sizeof(mark) - 1)) != NULL) {
        size_t len = 0;

        word = dj_bytes_from(word, (size_t)(at - word.data) + sizeof(mark) - 1);
        while (len < word.len && !ends_path(word.data[len]) && word.data[len] != '{')
            len++;
        if (len != 0 && (len == word.len || word.data[len] != '{'))
            add_path(definition, dj_bytes(word.data, len), ret);
        word = dj_bytes_from(word, len);
    }
}

static bool beside(const struct dj_definition *definition, struct dj_bytes word)
{
    size_t len = strlen(definition->here);

    return word.data[0] != '/' || (dj_bytes_starts(word, dj_bytes_of(definition->here)) &&
                                   word.len > len && word.data[len] == '/');
}

void dj_definition_program(const struct dj_definition *definition, struct dj_list *ret)
{
    for (size_t i = 0; i < definition->command.n; i++) {
        struct dj_bytes word = dj_list_bytes(&definition->command, i);
        dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

        if (i == 0 && word.len != 0 && memchr(word.data, '/', word.len) != NULL &&
            beside(definition, word) && literal(word, &path))
            add_path(definition, dj_buf_bytes(&path), ret);
        add_here(definition, word, ret);
    }
}

#include <errno.h>
#include <stdlib.h>

#include "lib/model/section.h"
#include "lib/model/taskfile.h"
#include "lib/model/words.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct line {
    struct dj_section section;
    struct dj_buf params;
    bool in_params; /* a parameter was met: no options behind it */
};

/* x, x:int, x:int=5 */
static int add_param(struct line *line, struct dj_bytes word, struct dj_err *err)
{
    const uint8_t *equals = memchr(word.data, '=', word.len);
    struct dj_bytes declared = word, name;
    const uint8_t *colon;
    dj_cleanup_buf struct dj_buf option = DJ_BUF_INIT;

    if (equals != NULL)
        declared.len = (size_t)(equals - word.data);
    line->in_params = true;
    dj_buf_adds(&line->params, line->params.len > 0 ? ", " : "");
    dj_buf_add_bytes(&line->params, declared);
    if (equals == NULL)
        return 0;
    name = declared;
    colon = name.len == 0 ? NULL : memchr(name.data, ':', name.len);
    if (colon != NULL)
        name.len = (size_t)(colon - name.data);
    dj_buf_adds(&option, "default.");
    dj_buf_add_bytes(&option, name);
    return dj_section_set(&line->section, dj_buf_bytes(&option),
                          dj_bytes_from(word, declared.len + 1), 0, err);
}

static bool is_option(const struct line *line, struct dj_bytes word, struct dj_bytes *ret_name)
{
    const uint8_t *equals = memchr(word.data, '=', word.len);

    if (equals == NULL || line->in_params)
        return false;
    *ret_name = dj_bytes(word.data, (size_t)(equals - word.data));
    return dj_option_known(*ret_name, false, NULL) == 0;
}

static int add_word(struct line *line, struct dj_bytes word, struct dj_err *err)
{
    struct dj_bytes name;

    if (word.len == 0)
        return dj_err_set(err, EINVAL, "an empty word is neither an option nor a parameter");
    if (is_option(line, word, &name))
        return dj_section_set(&line->section, name, dj_bytes_from(word, name.len + 1), 0, err);
    return add_param(line, word, err);
}

static int add_command(struct line *line, const struct dj_bytes *words, size_t n,
                       struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf command = DJ_BUF_INIT;
    struct dj_list list = {NULL, 0, 0};

    if (n == 0)
        return dj_err_set(err, EINVAL, "%s: no command follows the --", line->section.name);
    for (size_t i = 0; i < n; i++)
        dj_list_add_bytes(&list, words[i]);
    dj_words_print(&command, &list);
    dj_bytes_list_release(&list);
    return dj_section_set(&line->section, DJ_BYTES_LIT("command"), dj_buf_bytes(&command), 0, err);
}

static int read_words(struct line *line, const struct dj_bytes *words, size_t n,
                      struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    size_t i = 1;
    int code = 0;

    dj_add_printable(&shown, words[0]);
    if (!dj_task_name_ok(words[0]))
        return dj_err_set(err, EINVAL,
                          "\"%s\" is not a task name: letters, digits and _, behind the first also "
                          ". and -",
                          dj_buf_str(&shown));
    line->section.name = dj_xmemdup0(words[0].data, words[0].len);
    while (code == 0 && i < n && !dj_bytes_is(words[i], "--"))
        code = add_word(line, words[i++], err);
    if (code < 0)
        return code;
    if (i == n)
        return dj_err_set(err, EINVAL, "%s: write -- before the command", line->section.name);
    code = add_command(line, words + i + 1, n - i - 1, err);
    if (code == 0 && line->params.len > 0)
        code = dj_section_set(&line->section, DJ_BYTES_LIT("params"), dj_buf_bytes(&line->params),
                              0, err);
    return code;
}

int dj_define_words(const struct dj_bytes *words, size_t n, const char *here,
                    struct dj_definition *ret, struct dj_err *err)
{
    struct line line = {.section.known = dj_option_known, .params = DJ_BUF_INIT};
    int code = 0;

    *ret = (struct dj_definition){0};
    for (size_t i = 0; i < n && code == 0; i++) {
        if (words[i].len > 0 && memchr(words[i].data, '\0', words[i].len) != NULL)
            code = dj_err_set(err, EINVAL, "a word holds a NUL byte");
    }
    if (code == 0 && n == 0)
        code = dj_err_set(err, EINVAL, "a definition is NAME PARAMETER… -- COMMAND…");
    if (code == 0)
        code = read_words(&line, words, n, err);
    if (code == 0)
        code = dj_section_define(&line.section, here, ret, err);
    dj_section_release(&line.section);
    dj_buf_release(&line.params);
    return code;
}

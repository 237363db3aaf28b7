#include <errno.h>
#include <stdlib.h>

#include "lib/model/section.h"
#include "lib/model/taskfile.h"
#include "lib/model/template.h"
#include "lib/model/words.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct finder {
    const char *file;
    const char *here;
    const char *shell;
    const struct dj_bytes *names;
    size_t n;
    bool *found; /* one for each name */
    struct dj_section head; /* the #DJ lines above the line that is read; line 0: there are none */
    unsigned line;
    struct dj_list *ret;
};

static bool is_name_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '.' || byte == '-';
}

static struct dj_bytes skip_blanks(struct dj_bytes text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = dj_bytes_from(text, 1);
    return text;
}

static bool skip_byte(struct dj_bytes *text, uint8_t byte)
{
    *text = skip_blanks(*text);
    if (text->len == 0 || text->data[0] != byte)
        return false;
    *text = dj_bytes_from(*text, 1);
    return true;
}

/* function_in(line): the name in `name()` or `function name` at the start of a line, or nothing. */
static struct dj_bytes function_in(struct dj_bytes line)
{
    const struct dj_bytes word = DJ_BYTES_LIT("function");
    bool marked = dj_bytes_starts(line, word) && line.len > word.len &&
                  (line.data[word.len] == ' ' || line.data[word.len] == '\t');
    struct dj_bytes rest = marked ? skip_blanks(dj_bytes_from(line, word.len)) : line;
    size_t len = 0;
    struct dj_bytes name;

    while (len < rest.len && is_name_byte(rest.data[len]))
        len++;
    name = dj_bytes(rest.data, len);
    rest = dj_bytes_from(rest, len);
    if (len == 0 || name.data[0] == '-' || name.data[0] == '.')
        return dj_bytes(NULL, 0);
    if (marked || (skip_byte(&rest, '(') && skip_byte(&rest, ')')))
        return name;
    return dj_bytes(NULL, 0);
}

static bool is_wanted(struct finder *finder, struct dj_bytes name)
{
    bool wanted = finder->n == 0 && finder->head.line > 0;

    for (size_t i = 0; i < finder->n; i++) {
        if (dj_bytes_equal(finder->names[i], name)) {
            finder->found[i] = true;
            wanted = true;
        }
    }
    return wanted;
}

/* The file is $0, so that no name of a folder can break the shell's line. */
static int set_command(struct finder *finder, struct dj_bytes name, struct dj_err *err)
{
    const char *slash = strrchr(finder->file, '/');
    dj_cleanup_buf struct dj_buf command = DJ_BUF_INIT, line = DJ_BUF_INIT, file = DJ_BUF_INIT;
    const struct dj_option *own = dj_section_find(&finder->head, "command");

    if (own != NULL)
        return dj_at(finder->file, own->line,
                     dj_err_set(err, EINVAL, "the function is the command; \"command\" has no "
                                             "place here"),
                     err);
    dj_buf_adds(&line, ". \"$0\"; ");
    dj_buf_add_bytes(&line, name);
    dj_buf_adds(&line, " \"$@\"");
    dj_buf_adds(&file, "{here}/");
    dj_template_escape(&file, dj_bytes_of(slash == NULL ? finder->file : slash + 1));
    dj_buf_addf(&command, "%s -c ", finder->shell);
    dj_word_print(&command, dj_buf_bytes(&line));
    dj_buf_addc(&command, ' ');
    dj_word_print(&command, dj_buf_bytes(&file));
    return dj_section_set(&finder->head, DJ_BYTES_LIT("command"), dj_buf_bytes(&command), 0, err);
}

static int add_function(struct finder *finder, struct dj_bytes name, struct dj_err *err)
{
    struct dj_definition definition;
    int code;

    dj_section_end(&finder->head);
    finder->head.file = finder->file;
    finder->head.line = finder->line;
    finder->head.known = dj_option_known;
    code = set_command(finder, name, err);
    if (code == 0)
        code = dj_head_name(&finder->head, name, err);
    if (code < 0)
        return code;
    for (size_t i = 0; i < finder->ret->n; i++) {
        const char *other = DJ_LIST_AT(finder->ret, struct dj_definition, i)->name;

        if (strcmp(other, finder->head.name) == 0)
            return dj_at(finder->file, finder->line,
                         dj_err_set(err, EINVAL, "the task %s is there already", other), err);
    }
    code = dj_section_define(&finder->head, finder->here, &definition, err);
    if (code == 0)
        *(struct dj_definition *)dj_list_add(finder->ret, sizeof(definition)) = definition;
    return code;
}

static int head_without_function(const struct finder *finder, struct dj_err *err)
{
    return dj_at(finder->file, finder->head.line,
                 dj_err_set(err, EINVAL, "the #DJ lines stand directly above no function"), err);
}

static int read_line(struct finder *finder, struct dj_bytes line, struct dj_err *err)
{
    struct dj_bytes rest = {NULL, 0}, name;
    int code = 0;

    switch (dj_head_line(line, &rest)) {
    case DJ_HEAD_OPTION:
        if (finder->head.line == 0)
            finder->head = (struct dj_section){
                .file = finder->file, .line = finder->line, .head = true,
                .known = dj_option_known};
        return dj_section_line(&finder->head, rest, finder->line, err);
    case DJ_HEAD_COMMENT:
        return 0;
    case DJ_HEAD_EMPTY:
    case DJ_HEAD_CODE:
        break;
    }
    name = function_in(line);
    if (name.len > 0 && is_wanted(finder, name))
        code = add_function(finder, name, err);
    else if (name.len == 0 && finder->head.line > 0)
        code = head_without_function(finder, err);
    dj_section_release(&finder->head);
    return code;
}

/* The shell of the #! line where it is one that knows more than sh. */
static const char *shell_of(const char *file, struct dj_bytes text)
{
    static const char *const shells[] = {"bash", "ksh", "zsh", "dash"};
    struct dj_list words = {NULL, 0, 0};
    const char *shell = "sh";

    if (dj_bytes_starts(text, DJ_BYTES_LIT("#!")))
        dj_script_interpreter(file, text, &words);
    for (size_t i = 0; i < words.n; i++) {
        const char *word = dj_buf_str(DJ_LIST_AT(&words, struct dj_buf, i));
        const char *slash = strrchr(word, '/');

        for (size_t k = 0; k < DJ_ARRAY_SIZE(shells); k++) {
            if (strcmp(slash == NULL ? word : slash + 1, shells[k]) == 0)
                shell = shells[k];
        }
    }
    dj_bytes_list_release(&words);
    return shell;
}

static int read_lines(struct finder *finder, struct dj_bytes text, struct dj_err *err)
{
    struct dj_bytes line;
    int code = 0;

    while (code == 0 && dj_next_line(&text, &line)) {
        finder->line++;
        code = read_line(finder, line, err);
    }
    if (code == 0 && finder->head.line > 0)
        code = head_without_function(finder, err);
    for (size_t i = 0; code == 0 && i < finder->n; i++) {
        if (!finder->found[i])
            code = dj_err_set(err, ENOENT, "%s has no function %.*s", finder->file,
                              (int)DJ_MIN(finder->names[i].len, 200),
                              (const char *)finder->names[i].data);
    }
    return code;
}

int dj_shell_functions(const char *file, const char *here, struct dj_bytes text,
                       const struct dj_bytes *names, size_t n, struct dj_list *ret,
                       struct dj_err *err)
{
    dj_cleanup_free bool *found = dj_xcalloc(n, sizeof(*found));
    struct finder finder = {.file = file,
                            .here = here,
                            .shell = shell_of(file, text),
                            .names = names,
                            .n = n,
                            .found = found,
                            .ret = ret};
    int code;

    *ret = (struct dj_list){NULL, 0, 0};
    code = read_lines(&finder, text, err);
    if (code < 0)
        dj_definitions_release(ret);
    dj_section_release(&finder.head);
    return code;
}

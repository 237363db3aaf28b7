#include <errno.h>
#include <stdlib.h>

#include "lib/model/section.h"
#include "lib/model/taskfile.h"
#include "lib/model/template.h"
#include "lib/model/words.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum dj_head_kind dj_head_line(struct dj_bytes line, struct dj_bytes *ret_rest)
{
    static const char *const marks[] = {"#", "//", "--"};
    struct dj_bytes text = dj_strip(line);

    if (text.len == 0)
        return DJ_HEAD_EMPTY;
    for (size_t i = 0; i < DJ_ARRAY_SIZE(marks); i++) {
        struct dj_bytes rest;

        if (!dj_bytes_starts(text, dj_bytes_of(marks[i])))
            continue;
        if (!dj_bytes_starts(line, dj_bytes_of(marks[i])))
            return DJ_HEAD_COMMENT;
        rest = dj_bytes_from(line, strlen(marks[i]));
        if (!dj_bytes_starts(rest, DJ_BYTES_LIT("DJ")))
            return DJ_HEAD_COMMENT;
        rest = dj_bytes_from(rest, 2);
        if (rest.len > 0 && memchr(" \t\r", rest.data[0], 3) == NULL)
            return DJ_HEAD_COMMENT; /* #DJANGO */
        *ret_rest = rest;
        return DJ_HEAD_OPTION;
    }
    return DJ_HEAD_CODE;
}

int dj_head_name(struct dj_section *section, struct dj_bytes name, struct dj_err *err)
{
    struct dj_option *option = dj_section_find(section, "name");
    unsigned line = option == NULL ? section->line : option->line;
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    size_t index;

    if (option != NULL)
        name = dj_buf_bytes(&option->value);
    if (!dj_task_name_ok(name)) {
        dj_add_printable(&shown, name);
        return dj_at(section->file, line,
                     dj_err_set(err, EINVAL,
                                "\"%s\" is not a task name (letters, digits and _, behind the "
                                "first also . and -); give one with #DJ name = …",
                                dj_buf_str(&shown)),
                     err);
    }
    section->name = dj_xmemdup0(name.data, name.len);
    if (option == NULL)
        return 0;
    /* It is no option of a definition: take it out. */
    index = (size_t)(option - (struct dj_option *)section->options.items);
    free(option->name);
    dj_buf_release(&option->value);
    section->options.n--;
    memmove(option, option + 1, (section->options.n - index) * sizeof(*option));
    return 0;
}

static struct dj_bytes base_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    return dj_bytes_of(slash == NULL ? file : slash + 1);
}

/* Without the extension; a leading dot does not begin one. */
static struct dj_bytes stem_of(struct dj_bytes base)
{
    for (size_t i = base.len; i-- > 1;) {
        if (base.data[i] == '.')
            return dj_bytes(base.data, i);
    }
    return base;
}

static int set_command(struct dj_section *section, struct dj_bytes base, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf word = DJ_BUF_INIT, command = DJ_BUF_INIT;

    if (dj_section_find(section, "command") != NULL)
        return 0;
    dj_buf_adds(&word, "{here}/");
    dj_template_escape(&word, base);
    dj_word_print(&command, dj_buf_bytes(&word));
    return dj_section_set(section, DJ_BYTES_LIT("command"), dj_buf_bytes(&command), 0, err);
}

static int read_head(struct dj_section *section, struct dj_bytes text, struct dj_err *err)
{
    struct dj_bytes line, rest = {NULL, 0};
    unsigned number = 0;
    bool found = false;

    while (dj_next_line(&text, &line)) {
        enum dj_head_kind kind = dj_head_line(line, &rest);
        int code;

        number++;
        if (kind == DJ_HEAD_CODE)
            break;
        if (kind != DJ_HEAD_OPTION)
            continue;
        if (!found)
            section->line = number;
        found = true;
        code = dj_section_line(section, rest, number, err);
        if (code < 0)
            return code;
    }
    dj_section_end(section);
    if (!found)
        return dj_err_set(err, ENOENT, "%s has no lines \"#DJ option = value\" at its head",
                          section->file);
    return 0;
}

int dj_script_head(const char *file, const char *here, struct dj_bytes text,
                   struct dj_list *ret, struct dj_err *err)
{
    struct dj_section section = {.file = file, .head = true, .known = dj_option_known};
    struct dj_bytes base = base_of(file);
    struct dj_definition definition;
    int code = read_head(&section, text, err);

    *ret = (struct dj_list){NULL, 0, 0};
    if (code == 0)
        code = dj_head_name(&section, stem_of(base), err);
    if (code == 0)
        code = set_command(&section, base, err);
    if (code == 0)
        code = dj_section_define(&section, here, &definition, err);
    if (code == 0)
        *(struct dj_definition *)dj_list_add(ret, sizeof(definition)) = definition;
    dj_section_release(&section);
    return code;
}

/* ---- interpreters ------------------------------------------------------------------------- */

static void add_word(struct dj_list *list, struct dj_bytes text)
{
    dj_template_escape(dj_list_add(list, sizeof(struct dj_buf)), text);
}

/* As the kernel does it: the program, and all that is left of the line as one word. */
static bool add_hash_bang(struct dj_bytes text, struct dj_list *ret)
{
    struct dj_bytes line, program;
    size_t len = 0;

    if (!dj_bytes_starts(text, DJ_BYTES_LIT("#!")) || !dj_next_line(&text, &line))
        return false;
    line = dj_strip(dj_bytes_from(line, 2));
    while (len < line.len && line.data[len] != ' ' && line.data[len] != '\t')
        len++;
    program = dj_bytes(line.data, len);
    if (len == 0)
        return false;
    add_word(ret, program);
    line = dj_strip(dj_bytes_from(line, len));
    if (line.len > 0)
        add_word(ret, line);
    return true;
}

void dj_script_interpreter(const char *file, struct dj_bytes text, struct dj_list *ret)
{
    static const char *const known[][2] = {
        {".py", "python3"}, {".pl", "perl"},  {".rb", "ruby"}, {".R", "Rscript"},
        {".r", "Rscript"},  {".jl", "julia"}, {".js", "node"}, {".lua", "lua"},
        {".bash", "bash"},  {".tcl", "tclsh"}};
    struct dj_bytes base = base_of(file), stem = stem_of(base);

    if (add_hash_bang(text, ret))
        return;
    for (size_t i = 0; i < DJ_ARRAY_SIZE(known); i++) {
        if (dj_bytes_is(dj_bytes_from(base, stem.len), known[i][0])) {
            add_word(ret, dj_bytes_of(known[i][1]));
            return;
        }
    }
    add_word(ret, DJ_BYTES_LIT("/bin/sh"));
}

#include "lib/model/taskfile.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/model/section.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/* Every section takes over what [defaults] says, so both are bounded. */
#define SECTIONS_MAX 4096
#define DEFAULTS_MAX 65536

struct reader {
    const char *file;
    struct dj_list sections; /* struct dj_section; [defaults] is one of them */
    unsigned line;
};

static struct dj_section *section_at(const struct reader *reader, size_t i)
{
    return DJ_LIST_AT(&reader->sections, struct dj_section, i);
}

static struct dj_section *last_section(const struct reader *reader)
{
    return reader->sections.n == 0 ? NULL : section_at(reader, reader->sections.n - 1);
}

static void release_reader(struct reader *reader)
{
    for (size_t i = 0; i < reader->sections.n; i++)
        dj_section_release(section_at(reader, i));
    free(reader->sections.items);
}

static int head_line(struct reader *reader, struct dj_bytes text, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    struct dj_section *section;
    struct dj_bytes name;

    dj_add_printable(&shown, text);
    if (text.len < 2 || text.data[text.len - 1] != ']')
        return dj_err_set(err, EINVAL, "\"%s\" is not of the form [name]", dj_buf_str(&shown));
    name = dj_strip(dj_bytes(text.data + 1, text.len - 2));
    if (!dj_bytes_is(name, "defaults") && !dj_task_name_ok(name))
        return dj_err_set(err, EINVAL,
                          "%s: a task name has letters, digits and _, behind the first also . and "
                          "-, and at most 200 of them",
                          dj_buf_str(&shown));
    for (size_t i = 0; i < reader->sections.n; i++) {
        if (dj_bytes_is(name, section_at(reader, i)->name))
            return dj_err_set(err, EINVAL, "%s is there already, in line %u", dj_buf_str(&shown),
                              section_at(reader, i)->line);
    }
    if (reader->sections.n >= SECTIONS_MAX)
        return dj_err_set(err, EINVAL, "a task file holds at most %d sections", SECTIONS_MAX);
    section = dj_list_add(&reader->sections, sizeof(*section));
    section->file = reader->file;
    section->known = dj_option_known;
    section->name = dj_xmemdup0(name.data, name.len);
    section->line = reader->line;
    return 0;
}

/* A line that the open block does not take: does it start a section? */
static bool is_head(const struct reader *reader, struct dj_bytes line)
{
    const struct dj_section *section = last_section(reader);
    struct dj_bytes text = dj_strip(line);

    if (text.len == 0 || text.data[0] != '[')
        return false;
    return section == NULL || !dj_section_takes(section, line);
}

static int read_line(struct reader *reader, struct dj_bytes line, struct dj_err *err)
{
    struct dj_section *section = last_section(reader);
    struct dj_bytes text = dj_strip(line);

    if (is_head(reader, line)) {
        if (section != NULL)
            dj_section_end(section);
        return dj_at(reader->file, reader->line, head_line(reader, text, err), err);
    }
    if (section != NULL)
        return dj_section_line(section, line, reader->line, err);
    if (text.len == 0 || text.data[0] == '#' || text.data[0] == ';')
        return 0;
    return dj_at(reader->file, reader->line,
                 dj_err_set(err, EINVAL, "a section [name] has to come first"), err);
}

static int read_lines(struct reader *reader, struct dj_bytes text, struct dj_err *err)
{
    struct dj_bytes line;

    if (text.len > DJ_TASKFILE_MAX)
        return dj_at(reader->file, 0,
                     dj_err_set(err, EINVAL, "a task file has at most %zu bytes", DJ_TASKFILE_MAX),
                     err);
    while (dj_next_line(&text, &line)) {
        int code;

        reader->line++;
        code = read_line(reader, line, err);
        if (code < 0)
            return code;
    }
    if (last_section(reader) != NULL)
        dj_section_end(last_section(reader));
    return 0;
}

static int check_defaults(const struct dj_section *defaults, struct dj_err *err)
{
    size_t sum = 0;

    for (size_t i = 0; i < defaults->options.n; i++)
        sum += DJ_LIST_AT(&defaults->options, struct dj_option, i)->value.len;
    if (sum <= DEFAULTS_MAX)
        return 0;
    return dj_at(defaults->file, defaults->line,
                 dj_err_set(err, EINVAL, "[defaults] holds %zu bytes, which is more than %d", sum,
                            DEFAULTS_MAX),
                 err);
}

static int define_sections(const struct reader *reader, const char *here, struct dj_list *ret,
                           struct dj_err *err)
{
    const struct dj_section *defaults = NULL;

    for (size_t i = 0; i < reader->sections.n; i++) {
        struct dj_section *section = section_at(reader, i);
        struct dj_definition definition;
        int code;

        if (strcmp(section->name, "defaults") == 0) {
            code = check_defaults(section, err);
            if (code < 0)
                return code;
            defaults = section;
            continue;
        }
        if (defaults != NULL)
            dj_section_inherit(section, defaults);
        code = dj_section_define(section, here, &definition, err);
        if (code < 0)
            return code;
        *(struct dj_definition *)dj_list_add(ret, sizeof(definition)) = definition;
    }
    if (ret->n == 0)
        return dj_at(reader->file, 0, dj_err_set(err, EINVAL, "there is no section [name] in it"),
                     err);
    return 0;
}

int dj_taskfile_parse(const char *file, const char *here, struct dj_bytes text,
                      struct dj_list *ret, struct dj_err *err)
{
    struct reader reader = {.file = file};
    int code = read_lines(&reader, text, err);

    *ret = (struct dj_list){NULL, 0, 0};
    if (code == 0)
        code = define_sections(&reader, here, ret, err);
    if (code < 0)
        dj_definitions_release(ret);
    release_reader(&reader);
    return code;
}

void dj_definitions_release(struct dj_list *definitions)
{
    for (size_t i = 0; i < definitions->n; i++)
        dj_definition_release(DJ_LIST_AT(definitions, struct dj_definition, i));
    free(definitions->items);
    *definitions = (struct dj_list){NULL, 0, 0};
}

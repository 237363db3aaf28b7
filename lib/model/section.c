#include "lib/model/section.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/util/mem.h"
#include "lib/util/str.h"

int dj_at(const char *file, unsigned line, int code, struct dj_err *err)
{
    if (code == 0 || file == NULL)
        return code;
    if (line == 0)
        return dj_err_prefix(err, code, "%s", file);
    return dj_err_prefix(err, code, "%s:%u", file, line);
}

void dj_section_release(struct dj_section *section)
{
    for (size_t i = 0; i < section->options.n; i++) {
        struct dj_option *option = DJ_LIST_AT(&section->options, struct dj_option, i);

        free(option->name);
        dj_buf_release(&option->value);
    }
    free(section->options.items);
    free(section->block.items);
    free(section->name);
    *section = (struct dj_section){0};
}

struct dj_option *dj_section_find(const struct dj_section *section, const char *name)
{
    for (size_t i = 0; i < section->options.n; i++) {
        struct dj_option *option = DJ_LIST_AT(&section->options, struct dj_option, i);

        if (strcmp(option->name, name) == 0)
            return option;
    }
    return NULL;
}

int dj_section_set(struct dj_section *section, struct dj_bytes name, struct dj_bytes value,
                   unsigned line, struct dj_err *err)
{
    int code = section->known(name, section->head, err);
    struct dj_option *option;
    const struct dj_option *first;

    if (code < 0)
        return dj_at(section->file, line, code, err);
    if (section->options.n >= DJ_SECTION_OPTIONS_MAX)
        return dj_at(section->file, line,
                     dj_err_set(err, EINVAL, "a section holds at most %d options",
                                DJ_SECTION_OPTIONS_MAX),
                     err);
    option = dj_list_add(&section->options, sizeof(*option));
    option->name = dj_xmemdup0(name.data, name.len);
    option->line = line;
    dj_buf_add_bytes(&option->value, value);
    /* The search ends at the first of that name: it is the one before, if there is one. */
    first = dj_section_find(section, option->name);
    if (first != NULL && first != option) {
        if (first->line == 0)
            return dj_err_set(err, EINVAL, "%s is given twice", option->name);
        return dj_at(section->file, line,
                     dj_err_set(err, EINVAL, "%s is given twice, first in line %u", option->name,
                                first->line),
                     err);
    }
    return 0;
}

/* ---- lines -------------------------------------------------------------------------------- */

static size_t blanks_at(struct dj_bytes line)
{
    size_t n = 0;

    while (n < line.len && (line.data[n] == ' ' || line.data[n] == '\t'))
        n++;
    return n;
}

/* Columns of indentation; a tab goes to the next multiple of eight. */
static unsigned depth_of(struct dj_bytes line)
{
    unsigned depth = 0;

    for (size_t i = 0; i < blanks_at(line); i++)
        depth = line.data[i] == '\t' ? (depth / 8 + 1) * 8 : depth + 1;
    return depth;
}

static bool is_empty(struct dj_bytes line)
{
    return dj_strip(line).len == 0;
}

static struct dj_option *last_option(const struct dj_section *section)
{
    if (section->options.n == 0)
        return NULL;
    return DJ_LIST_AT(&section->options, struct dj_option, section->options.n - 1);
}

static int option_line(struct dj_section *section, struct dj_bytes line, unsigned number,
                       struct dj_err *err)
{
    struct dj_bytes text = dj_strip(line), name, value;
    const uint8_t *equals = memchr(text.data, '=', text.len);
    const struct dj_option *last = last_option(section);
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    int code;

    if (last != NULL && depth_of(line) > last->depth)
        return dj_at(section->file, number,
                     dj_err_set(err, EINVAL,
                                "the line is indented deeper than %s in line %u, which has no open "
                                "block; write the block below \"%s =\" with nothing behind the =",
                                last->name, last->line, last->name),
                     err);
    if (equals == NULL) {
        dj_add_printable(&shown, text);
        return dj_at(section->file, number,
                     dj_err_set(err, EINVAL, "\"%s\" is not of the form option = value",
                                dj_buf_str(&shown)),
                     err);
    }
    name = dj_strip(dj_bytes(text.data, (size_t)(equals - text.data)));
    value = dj_strip(dj_bytes_from(text, (size_t)(equals - text.data) + 1));
    code = dj_section_set(section, name, value, number, err);
    if (code < 0)
        return code;
    DJ_LIST_AT(&section->options, struct dj_option, section->options.n - 1)->depth = depth_of(line);
    section->open = value.len == 0;
    return 0;
}

bool dj_section_takes(const struct dj_section *section, struct dj_bytes line)
{
    const struct dj_option *last = last_option(section);

    return section->open && (is_empty(line) || (last != NULL && depth_of(line) > last->depth));
}

int dj_section_line(struct dj_section *section, struct dj_bytes line, unsigned number,
                    struct dj_err *err)
{
    struct dj_bytes text = dj_strip(line);

    if (memchr(line.data, '\0', line.len) != NULL)
        return dj_at(section->file, number, dj_err_set(err, EINVAL, "the line holds a NUL byte"),
                     err);
    if (dj_section_takes(section, line)) {
        struct dj_bytes *kept = dj_list_add(&section->block, sizeof(*kept));

        *kept = line;
        return 0;
    }
    dj_section_end(section);
    if (text.len == 0 || text.data[0] == '#' || text.data[0] == ';')
        return 0;
    return option_line(section, line, number, err);
}

/* ---- blocks ------------------------------------------------------------------------------- */

static struct dj_bytes block_line(const struct dj_list *block, size_t i)
{
    return *DJ_LIST_AT(block, struct dj_bytes, i);
}

/* Length of the indentation that all lines but the empty ones share byte for byte. */
static size_t common_indent(const struct dj_list *block, size_t begin, size_t end)
{
    struct dj_bytes first = block_line(block, begin);
    size_t common = blanks_at(first);

    for (size_t i = begin + 1; i < end; i++) {
        struct dj_bytes line = block_line(block, i);
        size_t same = 0;

        if (is_empty(line))
            continue;
        while (same < common && same < line.len && line.data[same] == first.data[same])
            same++;
        common = same;
    }
    return common;
}

static bool has_margin(const struct dj_list *block, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        struct dj_bytes line = block_line(block, i);
        size_t blanks = blanks_at(line);

        if (blanks == line.len || line.data[blanks] != '|')
            return false;
    }
    return true;
}

static void add_block(struct dj_buf *buf, const struct dj_list *block, size_t begin, size_t end)
{
    size_t indent = common_indent(block, begin, end);
    bool margin = has_margin(block, begin, end);

    for (size_t i = begin; i < end; i++) {
        struct dj_bytes line = block_line(block, i);

        if (i > begin)
            dj_buf_addc(buf, '\n');
        if (margin) {
            dj_buf_add_bytes(buf, dj_bytes_from(line, blanks_at(line) + 1));
            continue;
        }
        if (line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--; /* written on another system */
        if (line.len > indent)
            dj_buf_add_bytes(buf, dj_bytes_from(line, indent));
    }
}

void dj_section_end(struct dj_section *section)
{
    size_t begin = 0, end = section->block.n;

    if (!section->open)
        return;
    while (begin < end && is_empty(block_line(&section->block, begin)))
        begin++;
    while (end > begin && is_empty(block_line(&section->block, end - 1)))
        end--;
    if (begin < end)
        add_block(&last_option(section)->value, &section->block, begin, end);
    section->block.n = 0;
    section->open = false;
}

/* ---- printing ----------------------------------------------------------------------------- */

/* As a plain block the text would read back the same. */
static bool is_plain_block(struct dj_bytes text)
{
    struct dj_bytes rest = text, line = {NULL, 0};
    bool shallow = false, margin = true, first = true;

    while (dj_next_line(&rest, &line)) {
        if (line.len > 0 && line.data[line.len - 1] == '\r')
            return false;
        if (first && is_empty(line))
            return false;
        first = false;
        shallow = shallow || (!is_empty(line) && blanks_at(line) == 0);
        margin = margin && blanks_at(line) < line.len && line.data[blanks_at(line)] == '|';
    }
    return shallow && !margin && !is_empty(line) && text.data[text.len - 1] != '\n';
}

void dj_section_print_option(struct dj_buf *buf, const char *name, struct dj_bytes text)
{
    bool plain;

    dj_buf_addf(buf, "%s =", name);
    if (text.len == 0 ||
        (dj_strip(text).len == text.len && memchr(text.data, '\n', text.len) == NULL)) {
        dj_buf_adds(buf, text.len > 0 ? " " : "");
        dj_buf_add_bytes(buf, text);
        dj_buf_addc(buf, '\n');
        return;
    }
    plain = is_plain_block(text);
    for (;;) {
        const uint8_t *newline = memchr(text.data, '\n', text.len);
        size_t len = newline == NULL ? text.len : (size_t)(newline - text.data);

        dj_buf_adds(buf, "\n");
        if (!plain)
            dj_buf_adds(buf, "    |");
        else if (len > 0)
            dj_buf_adds(buf, "    ");
        dj_buf_add(buf, text.data, len);
        if (newline == NULL)
            break;
        text = dj_bytes_from(text, len + 1);
    }
    dj_buf_addc(buf, '\n');
}

/*
 * A section of a task file as written: its name and its options, before they mean anything. What
 * the four readers (task file, script head, shell functions, the one-line form) and dj.conf have in
 * common; nobody else includes it.
 *
 * Lines are pushed in with dj_section_line(); dj_section_end() closes an open block. A block's text
 * is its lines without their common indentation, empty lines at both ends left out, joined by
 * newlines; when every line begins with | it is what stands behind the |, so that text of any shape
 * can be written.
 */
#ifndef DJ_MODEL_SECTION_H
#define DJ_MODEL_SECTION_H

#include "lib/model/definition.h"

#define DJ_SECTION_OPTIONS_MAX 512

struct dj_option {
    char *name; /* "command", "env.X" */
    struct dj_buf value;
    unsigned line;  /* 0: not from a file */
    unsigned depth; /* columns of indentation */
    bool inherited; /* from [defaults] */
};

struct dj_section {
    const char *file; /* for sentences; NULL when there is none */
    char *name;       /* NULL: not known yet */
    unsigned line;
    bool head; /* of a script: `name` is an option, too, and script is none */
    bool open; /* the last option is a block that may go on */
    /* Whether there is such an option: dj_option_known() for definitions. Whoever reads dj.conf is
     * not linked with what these need. */
    int (*known)(struct dj_bytes name, bool head, struct dj_err *err);
    struct dj_list options; /* struct dj_option */
    struct dj_list block;   /* struct dj_bytes of the text: lines of the open block */
};

void dj_section_release(struct dj_section *section);

/* dj_section_line(section, line, number, err): one line that is no section's head. */
int dj_section_line(struct dj_section *section, struct dj_bytes line, unsigned number,
                    struct dj_err *err) DJ_MUST_CHECK;
void dj_section_end(struct dj_section *section);

/* dj_section_takes(section, line): the line belongs to the open block. */
bool dj_section_takes(const struct dj_section *section, struct dj_bytes line);

/* dj_section_set(section, name, value, line, err): adds an option; -EINVAL when it is unknown or a
 * duplicate. */
int dj_section_set(struct dj_section *section, struct dj_bytes name, struct dj_bytes value,
                   unsigned line, struct dj_err *err) DJ_MUST_CHECK;
struct dj_option *dj_section_find(const struct dj_section *section, const char *name);

/* dj_section_inherit(section, defaults): options that the section does not have itself. */
void dj_section_inherit(struct dj_section *section, const struct dj_section *defaults);

/* dj_section_define(section, here, ret, err): what it means. ret is set up by the call. */
int dj_section_define(const struct dj_section *section, const char *here,
                      struct dj_definition *ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_section_print_option(buf, name, text): a line or a block that reads back as the text. */
void dj_section_print_option(struct dj_buf *buf, const char *name, struct dj_bytes text);

/* dj_option_known(name, head, err): 0, or -EINVAL with the nearest known one. */
int dj_option_known(struct dj_bytes name, bool head, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_head_line(line, ret_rest): what a line at the head of a program is. `#DJ`, `//DJ` and `--DJ`
 * at its very beginning make it an option; ret_rest is what follows.
 */
enum dj_head_kind { DJ_HEAD_EMPTY, DJ_HEAD_COMMENT, DJ_HEAD_OPTION, DJ_HEAD_CODE };
enum dj_head_kind dj_head_line(struct dj_bytes line, struct dj_bytes *ret_rest);

/* dj_head_name(section, name, err): the section's name: its option `name`, else this one. */
int dj_head_name(struct dj_section *section, struct dj_bytes name,
                 struct dj_err *err) DJ_MUST_CHECK;

/* dj_result_path_check(path, err): it stays inside of the folder that it starts from. */
int dj_result_path_check(const char *path, struct dj_err *err) DJ_MUST_CHECK;

/* dj_at(file, line, code, err): puts "FILE:LINE: " before the sentence of a failure; code. */
int dj_at(const char *file, unsigned line, int code, struct dj_err *err);

#endif

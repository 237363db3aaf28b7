/*
 * The reader of task files: text to definitions.
 *
 *     # a comment; also ; at the start of a line
 *     [name]
 *     option = value taken verbatim to the end of its line, outer blanks stripped
 *     option =
 *         an indented block: every line deeper than the option, with the block's
 *           inner indentation kept and empty lines inside it
 *
 * Errors name file and line ("tasks.ini:7: …"); an unknown option, a duplicate section or option, a
 * section without command or script, a NUL byte, are errors, and nothing of a file with an error is
 * taken. Pure: the caller brings the text and the folder that it stands in.
 */
#ifndef DJ_MODEL_TASKFILE_H
#define DJ_MODEL_TASKFILE_H

#include "lib/model/definition.h"

#define DJ_TASKFILE_MAX ((size_t)1024 * 1024) /* bytes of a file; longer ones are refused */

/*
 * dj_taskfile_parse(file, here, text, ret, err): ret becomes a list of struct dj_definition, to be
 * released with dj_definitions_release(). file is only for sentences. -EINVAL.
 */
int dj_taskfile_parse(const char *file, const char *here, struct dj_bytes text,
                      struct dj_list *ret, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_script_head(file, here, text, ret, err): one definition from a script with lines
 * `#DJ option = value` at its head (before the first line that is neither empty nor a comment; //
 * and -- comments count, too). The task is named after the file without its extension unless
 * `#DJ name = …`; its command is the file itself ({here}/FILE) unless it says otherwise; when the
 * file is not executable, the caller adds the interpreter. -ENOENT when there is no #DJ line.
 */
int dj_script_head(const char *file, const char *here, struct dj_bytes text,
                   struct dj_list *ret, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_script_interpreter(file, text, ret): words to put before the command of a file that is not
 * executable: its #! line, else what its extension says, else /bin/sh.
 */
void dj_script_interpreter(const char *file, struct dj_bytes text, struct dj_list *ret);

/*
 * dj_shell_functions(file, here, text, names, n, ret, err): tasks from functions of a shell file:
 * `sh -c '. "$0"; f "$@"' {here}/FILE ARGS…` (bash when its #! line says so). `#DJ` lines directly
 * above a function belong to it; between them and it other comments may stand, but no empty line.
 * With n == 0 every function that has such lines is taken; a named function that is not there is
 * -ENOENT.
 */
int dj_shell_functions(const char *file, const char *here, struct dj_bytes text,
                       const struct dj_bytes *names, size_t n, struct dj_list *ret,
                       struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_define_words(words, n, here, ret, err): `factorial n:int -- ./factorial.sh {n}`, the one-line
 * form; `x:int=5` gives a default, words `version=2` before the first parameter are options.
 */
int dj_define_words(const struct dj_bytes *words, size_t n, const char *here,
                    struct dj_definition *ret, struct dj_err *err) DJ_MUST_CHECK;

void dj_definitions_release(struct dj_list *definitions);

#endif

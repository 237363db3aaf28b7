/*
 * From the template of `launch = command` to the words that start a run.
 *
 * COMMAND stands for the words `/bin/sh SCRIPT`. Where it is a word of its own that a program is
 * handed, it becomes these two. Where a shell reads it, it becomes one line, quoted for each shell
 * that reads it in turn: in a larger word, behind -c and --wrap, and behind ssh, rsh and bsub,
 * which join their words to a line of a shell. For that the words are scanned as a shell would.
 * sbatch and qsub, which take the file of a script, are given one.
 *
 * {NAME} in a word is
 *
 *     {task}       the task's name
 *     {time}       its timeout in whole minutes, rounded up
 *     {cores}      the resource of that name, else 1
 *     {RESOURCE}   how much of it the run has
 *     {PARAMETER}  the text of one that is no list
 *
 * and {{ and }} are braces. Where a shell reads it a value may have letters, digits and _./:=@%+,-
 * only, whatever the quotes around it; any other word takes what there is. Pure.
 */
#ifndef DJ_MODEL_LAUNCH_TEMPLATE_H
#define DJ_MODEL_LAUNCH_TEMPLATE_H

#include "lib/model/definition.h"

struct dj_launch_place {
    const char *script; /* what COMMAND runs */
    const char *job;    /* a script that only runs that one */
};

#define DJ_LAUNCH_MARK "COMMAND"

/* dj_launch_command_at(word, ret): where COMMAND stands in a word for the first time. */
bool dj_launch_command_at(struct dj_bytes word, size_t *ret);

/* dj_launch_check(words, definition, err): that the task's runs can be launched by the template
 * (struct dj_buf); -EINVAL. */
int dj_launch_check(const struct dj_list *words, const struct dj_definition *definition,
                    struct dj_err *err) DJ_MUST_CHECK;

/* dj_launch_expand(words, definition, args, place, ret, err): struct dj_buf are appended to ret;
 * -EINVAL for a value that cannot stand where it would. */
int dj_launch_expand(const struct dj_list *words, const struct dj_definition *definition,
                     const struct dj_args *args, const struct dj_launch_place *place,
                     struct dj_list *ret, struct dj_err *err) DJ_MUST_CHECK;

#endif

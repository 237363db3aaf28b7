/*
 * From a definition and arguments to what is executed.
 *
 * In a word of a command: {x} is the value's text (a list's elements joined by blanks; a word that
 * is exactly {x} of a list becomes one word each), {x@} the path of a file that holds it (a list's
 * elements one per line, each ended by a newline; else the bytes as they are), {x?--flag} becomes
 * --flag when a bool is true and nothing else (a word that comes out empty from it is dropped),
 * {here} the definition's folder, {{ and }} braces. A file or path value is its source path; a run
 * value is the path of its result below `mount`. Without a placeholder of a parameter the arguments
 * are appended. A first word that comes out relative with a slash in it is taken from `here`.
 *
 * A script block is written to arg_dir and run by its #! line, else by /bin/sh. `setup` wraps all:
 * /bin/sh -c 'SETUP<newline>exec "$@"' sh ARGV…
 *
 * The result of expansion is everything that a worker needs and nothing more; files to be written
 * into the run's argument folder come with it. Pure: paths are given, nothing is looked up.
 */
#ifndef DJ_MODEL_TEMPLATE_H
#define DJ_MODEL_TEMPLATE_H

#include "lib/model/definition.h"

struct dj_template_place {
    const char *arg_dir; /* folder where argument files will be written */
    const char *mount;   /* the mount, or NULL when there is none */
};

struct dj_arg_file {
    char *name; /* inside arg_dir */
    struct dj_buf content;
    bool executable; /* the script block */
};

struct dj_expansion {
    struct dj_list argv;  /* struct dj_buf */
    struct dj_list env;   /* struct dj_env: base_env, env.X, DJ_ARGS, DJ_ARG_<name> */
    struct dj_list files; /* struct dj_arg_file: args.json, script, one per {x@} */
};

/* dj_template_check(word, params, err): every placeholder is known and fits its parameter. */
int dj_template_check(struct dj_bytes word, const struct dj_params *params,
                      struct dj_err *err) DJ_MUST_CHECK;

/* dj_template_escape(buf, text): a template that expands to just this text. */
void dj_template_escape(struct dj_buf *buf, struct dj_bytes text);

/*
 * dj_template_expand(definition, args, place, ret, err): -ENXIO for a run value in the command
 * without a mount, -E2BIG for a word that exec(2) would refuse, -EINVAL when an argument is
 * missing. DJ_ARG_<name> holds a list's elements one per line, and a run as TASK/NAME when there is
 * no mount; it is left out from 100 kB on, and when all of them would take more than 512 kB. The
 * caller adds DJ, DJ_RUN and TMPDIR. Keyed variables of the environment come from args.
 */
int dj_template_expand(const struct dj_definition *definition, const struct dj_args *args,
                       const struct dj_template_place *place, struct dj_expansion *ret,
                       struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_template_resident(definition, ret, err): the program that stays for many calls: the command
 * without arguments, with its setup, and the environment that all calls share.
 */
int dj_template_resident(const struct dj_definition *definition, struct dj_expansion *ret,
                         struct dj_err *err) DJ_MUST_CHECK;

/* dj_template_bare(definition): no word of the command depends on an argument. */
bool dj_template_bare(const struct dj_definition *definition);

/* dj_template_value(buf, value, i, mount): the text of an element as {x} has it. */
void dj_template_value(struct dj_buf *buf, const struct dj_value *value, size_t i,
                       const char *mount);

void dj_expansion_release(struct dj_expansion *expansion);

#endif

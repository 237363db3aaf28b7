/*
 * Parameters of a task, and the arguments of one call bound to them.
 *
 * A parameter list is written as "n:int, texts:file*, mode" (commas or blanks between). A call's
 * words are bound by dj_args_bind(): `x=y` binds by name only when x is a parameter, every other
 * word is the next unbound parameter's; when the last parameter is a list it takes all words that
 * are left, and `x=a x=b` appends. What is not given takes its default. Too many, too few, twice,
 * ill-typed: -EINVAL with a sentence that names the task and the parameter.
 *
 * `ignored` marks parameters that do not count for the key; `parts` says which parts of a json one
 * do. `absent` is the value that a parameter had when it was added to a task that already had runs:
 * an argument equal to it is left out of the key, so the runs from before the parameter existed go
 * on being runs with that value. Where parts are left out, what is left is compared.
 *
 * What comes from the caller's environment (`env = NAME`) stands behind the parameters as one of
 * its own, env.NAME, a name that no declared one can have. It is bound by name only. A value that
 * is not given is unresolved (DJ_SPELLED) until somebody looks into the caller's environment; a
 * variable that the caller does not have is a value with n 0, which the key leaves out.
 *
 * Pure. A struct dj_args borrows its parameter list, which must outlive it.
 */
#ifndef DJ_MODEL_PARAM_H
#define DJ_MODEL_PARAM_H

#include "lib/model/codec.h"
#include "lib/model/parts.h"
#include "lib/model/value.h"

struct dj_param {
    char *name; /* [A-Za-z_][A-Za-z0-9_]* */
    enum dj_type type;
    bool list;
    bool has_default;
    bool ignored;
    bool environment; /* a variable of the caller's, `env = NAME`: named env.NAME, always a str */
    bool has_absent;
    struct dj_value default_value;
    struct dj_value absent;
    struct dj_parts *parts; /* NULL: all of it */
};

struct dj_params {
    struct dj_param *items;
    size_t n;
};

struct dj_args {
    const struct dj_params *params;
    struct dj_value *values; /* params->n of them, in declared order */
};

#define DJ_PARAMS_INIT {NULL, 0}
#define DJ_ARGS_INIT {NULL, NULL}
#define dj_cleanup_params DJ_CLEANUP(dj_params_release)
#define dj_cleanup_args DJ_CLEANUP(dj_args_release)

/* Refused: a parameter named twice, one named `here` ({here} means the definition's folder). */
int dj_params_parse(struct dj_bytes text, struct dj_params *ret, struct dj_err *err) DJ_MUST_CHECK;
void dj_params_print(struct dj_buf *buf, const struct dj_params *params); /* reads back the same */
/* dj_params_add_environment(params, names): one for each name (struct dj_buf) behind the others. */
void dj_params_add_environment(struct dj_params *params, const struct dj_list *names);
/* dj_param_variable(param): the name of the variable of an `environment` one. */
const char *dj_param_variable(const struct dj_param *param);
struct dj_param *dj_params_find(const struct dj_params *params, struct dj_bytes name);
void dj_params_copy(struct dj_params *ret, const struct dj_params *params);
void dj_params_release(struct dj_params *params);

/* dj_args_bind(task, params, words, n, ret, err): see above; task is only for the sentence. */
int dj_args_bind(const char *task, const struct dj_params *params, const struct dj_bytes *words,
                 size_t n, struct dj_args *ret, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_args_complete(task, args, err): an ignored parameter without a default may be missing from
 * arguments that a name spelled, since names leave ignored ones out. Such a call finds its run but
 * cannot be computed: -EINVAL with a sentence. To be asked before a run starts.
 */
int dj_args_complete(const char *task, const struct dj_args *args,
                     struct dj_err *err) DJ_MUST_CHECK;

bool dj_args_resolved(const struct dj_args *args);
struct dj_value *dj_args_get(const struct dj_args *args, const char *name); /* NULL: no such */
void dj_args_copy(struct dj_args *ret, const struct dj_args *args);
void dj_args_release(struct dj_args *args);

/* dj_args_json(buf, args): the object that `args` and DJ_ARGS show, ignored ones included, one
 * line with a newline. int, float, bool and json are JSON values, all else strings (a file is its
 * source path); bytes that are not UTF-8 become U+FFFD there, and only there. JSON has no nan, inf
 * and -inf, so these are strings. */
void dj_args_json(struct dj_buf *buf, const struct dj_args *args);
/* dj_value_json(buf, value): one of them. */
void dj_value_json(struct dj_buf *buf, const struct dj_value *value);

void dj_args_store(struct dj_buf *buf, const struct dj_args *args);
/* Arguments of parameters that the list no longer has, or has with another type, are dropped; new
 * ones take their absent value, else their default. */
int dj_args_load(struct dj_bytes bytes, const struct dj_params *params, struct dj_args *ret,
                 struct dj_err *err) DJ_MUST_CHECK;
/* dj_args_load_own(): with the parameters that they were stored with, as far as they say. */
int dj_args_load_own(struct dj_bytes bytes, struct dj_params *ret_params, struct dj_args *ret,
                     struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_args_ignored(args): an ignored parameter has another value than its default, or a value has
 * parts that do not count: the call is spelled as one that remembers them (dj_name_spelled).
 */
bool dj_args_ignored(const struct dj_args *args);
/* dj_args_ignored_at(args, i): the same of one parameter; _partly(): of parts of it. */
bool dj_args_ignored_at(const struct dj_args *args, size_t i);
bool dj_args_ignored_partly(const struct dj_args *args, size_t i);

/* dj_param_has_parts(param): it counts, and not all of it. */
bool dj_param_has_parts(const struct dj_param *param);

/*
 * dj_param_counted(param, value, room): what counts of the value, which is the value itself or what
 * is made in room, for the caller to release in any case.
 */
const struct dj_value *dj_param_counted(const struct dj_param *param, const struct dj_value *value,
                                        struct dj_value *room);

/* dj_param_equal(param, a, b): they make the same key: it is ignored, or what counts is equal. */
bool dj_param_equal(const struct dj_param *param, const struct dj_value *a,
                    const struct dj_value *b);
/* dj_param_same_rules(a, b): of two, the same counts. */
bool dj_param_same_rules(const struct dj_param *a, const struct dj_param *b);
/* dj_param_same_key(a, b): a value makes the same name and key with one as with the other. */
bool dj_param_same_key(const struct dj_param *a, const struct dj_param *b);

/*
 * What counts, by lists of parameters and paths (lib/model/parts.h), with commas or blanks between
 * them; task is only for sentences. -EINVAL.
 *
 *   dj_params_ignore()  "n, config.verbose"       these do not
 *   dj_params_keep()    "n, config.model.lr"      only these do
 *   dj_params_depend()  "config.model, other like TASK"
 *                       of each parameter that is named, only these parts do, whether it was
 *                       ignored or not; `like`: what counts of it for that task
 *
 * To be called in this order. dj_params_rules(buf, params): as the options ignore and depend, which
 * say the same.
 */
int dj_params_ignore(const char *task, struct dj_params *params, struct dj_bytes list,
                     struct dj_err *err) DJ_MUST_CHECK;
int dj_params_keep(const char *task, struct dj_params *params, struct dj_bytes list,
                   struct dj_err *err) DJ_MUST_CHECK;
int dj_params_depend(const char *task, struct dj_params *params, struct dj_bytes list,
                     struct dj_err *err) DJ_MUST_CHECK;
void dj_params_rules(struct dj_buf *buf, const struct dj_params *params);

#endif

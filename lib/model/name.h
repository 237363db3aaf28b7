/*
 * Names of runs: arguments as one path component, and back.
 *
 * The canonical name is the encoded value itself for one counted parameter (`5`), else
 * `a=3,b=4` in declared order with defaults filled in; ignored parameters are left out; a task
 * with no counted parameters has the name `_`. Of a value of which only parts count, these are
 * written. A list is each element followed by `;`, an empty one is a lone `;`. The empty string is
 * `%e`. Encoded as %XX (upper-case hex) are
 * `/ , = % @ { } ; *` and control bytes (0-31, 127), a dot that leads or is behind a dot, and a
 * value `_` of a single parameter. file, path and run values are NAME@DIGITS with the encoded NAME.
 * A name longer than 255 bytes becomes `%h` and the 64 hex digits of the digest of the long name.
 *
 * A task whose key holds variables of the caller's environment writes all with names, the variables
 * as `env.NAME=VALUE` behind the parameters; `%u` is the value of one that is not set.
 *
 * Reading accepts more than it writes: any order, positional values separated by `,`, needless
 * %XX, a list without its last `;`, file values spelled as encoded paths, defaults left out,
 * ignored parameters set by name. A component with a raw leading dot is never a run, nor is one
 * with a raw star (a pattern that matched nothing): -ENOENT. Raw braces are sweep.h's. Pure.
 * The grammar with test vectors is in PROTOCOL.md.
 */
#ifndef DJ_MODEL_NAME_H
#define DJ_MODEL_NAME_H

#include "lib/model/param.h"

#define DJ_NAME_MAX 255

/* dj_name_encode(buf, bytes): one value's bytes, percent-encoded as above. */
void dj_name_encode(struct dj_buf *buf, struct dj_bytes bytes);

/* dj_name_decode(buf, text, err): -EINVAL for a broken %XX; NUL cannot be encoded. */
int dj_name_decode(struct dj_buf *buf, struct dj_bytes text, struct dj_err *err) DJ_MUST_CHECK;

/* dj_name_scalar(type, text, ret, err): one value as a name has it; released by the caller. */
int dj_name_scalar(enum dj_type type, struct dj_bytes text, struct dj_scalar *ret,
                   struct dj_err *err) DJ_MUST_CHECK;

/* dj_name_canonical(buf, args): appends the name, %h form when too long. args must be resolved. */
void dj_name_canonical(struct dj_buf *buf, const struct dj_args *args);

/*
 * dj_name_spelled(buf, args): the canonical name and behind it `,NAME=VALUE` for each ignored
 * parameter that has another value than its default: a second name, which remembers these. In it
 * values have the parts that do not count, too. Where there is no room for them, the canonical
 * name.
 */
void dj_name_spelled(struct dj_buf *buf, const struct dj_args *args);

/*
 * dj_name_long(buf, args): the same without the %h rule: what a %h name is the digest of. Where
 * args are not resolved yet, it is a spelling that reads back to them: files by their paths, and
 * without the variables of the environment.
 */
void dj_name_long(struct dj_buf *buf, const struct dj_args *args);

/* dj_name_is_hashed(name): it has the %h form. */
bool dj_name_is_hashed(struct dj_bytes name);

/*
 * dj_name_parse(task, params, name, ret, err): the arguments that a component spells. -ENOENT for a
 * raw leading dot, -EINVAL with a sentence for what does not fit the parameters. A %h name is
 * -ENOKEY: only a table can know it. Whether the spelling was the canonical one is seen by making
 * the canonical name of the result (once resolved) and comparing.
 */
int dj_name_parse(const char *task, const struct dj_params *params, struct dj_bytes name,
                  struct dj_args *ret, struct dj_err *err) DJ_MUST_CHECK;

#endif

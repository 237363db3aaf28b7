/*
 * Which parts of a json value count for the key.
 *
 * A part is named by the path that leads to it from its parameter:
 *
 *   config.model.lr        a member of an object
 *   config."a.b c"         one whose name is not made of letters, digits, _ and - (a JSON string)
 *   config.layers[0]       an element of a list, from 0
 *   config.layers[].name   of each element of a list, or of each member of an object
 *
 * A rule says of a path that what lies there counts, that it is ignored, or that it counts as far
 * as it counts for other tasks (DJ_PART_LIKE). What no rule names is as that in which it lies; the
 * longest path that fits decides, an index or a name before [] where two are as long. Where no path
 * fits, a part counts.
 *
 * What is left of a value (dj_parts_filter) is the value without the parts that do not count. An
 * object or list that counts stays, if empty; one that does not stays only around what counts in
 * it. An element that is left out of a list leaves null, so that the others keep their places; in a
 * list that does not count itself, nulls at its end are left out. Where nothing is left, {} is.
 * What is left of that is the same again.
 *
 * Pure. Values are canonical JSON (lib/model/json.h).
 */
#ifndef DJ_MODEL_PARTS_H
#define DJ_MODEL_PARTS_H

#include "lib/model/codec.h"
#include "lib/model/value.h"

#define DJ_PART_STEPS_MAX 32     /* of a path */
#define DJ_PART_RULES_MAX 200    /* of a parameter */
#define DJ_PARTS_TEXT_MAX 16384  /* bytes of a parameter's rules, those of other tasks included */

enum dj_step_kind { DJ_STEP_EACH, DJ_STEP_INDEX, DJ_STEP_NAME };

struct dj_step {
    enum dj_step_kind kind;
    uint64_t index;
    struct dj_buf name; /* without quotes and escapes */
};

enum dj_part_verdict { DJ_PART_IGNORED, DJ_PART_COUNTS, DJ_PART_LIKE };

struct dj_parts;

struct dj_part_like {
    char *task;             /* NULL: nobody's, as read from a key */
    struct dj_parts *parts; /* its rules for this parameter; NULL: all of it counts, or not known */
};

struct dj_part_rule {
    struct dj_list steps; /* struct dj_step; empty: the whole value */
    enum dj_part_verdict verdict;
    struct dj_list like;  /* struct dj_part_like of DJ_PART_LIKE */
};

struct dj_parts {
    struct dj_list rules;  /* struct dj_part_rule, sorted */
    struct dj_parts *then; /* NULL, or rules for what is left */
};

#define dj_cleanup_parts DJ_CLEANUP(dj_parts_freep)

void dj_parts_free(struct dj_parts *parts);
void dj_parts_freep(struct dj_parts **parts);
struct dj_parts *dj_parts_copy(const struct dj_parts *parts); /* NULL of NULL */

/* dj_parts_all(parts): every part counts; so it is of NULL. */
bool dj_parts_all(const struct dj_parts *parts);
bool dj_parts_equal(const struct dj_parts *a, const struct dj_parts *b); /* they make equal keys */

/* dj_parts_uses(parts): some rule is DJ_PART_LIKE. */
bool dj_parts_uses(const struct dj_parts *parts);

/*
 * dj_parts_path(text, ret, err): the path that begins at the start of the text, behind the name of
 * its parameter; *text becomes what follows it. ret: struct dj_step. -EINVAL.
 */
int dj_parts_path(struct dj_bytes *text, struct dj_list *ret, struct dj_err *err) DJ_MUST_CHECK;
void dj_steps_release(struct dj_list *steps);
void dj_steps_print(struct dj_buf *buf, const struct dj_list *steps);

/*
 * dj_parts_add(parts, steps, verdict, task, err): takes the steps, also when it fails. -EINVAL: a
 * path cannot count and be ignored, or there are too many. Two tasks of one path are both taken.
 */
int dj_parts_add(struct dj_parts *parts, struct dj_list *steps, enum dj_part_verdict verdict,
                 const char *task, struct dj_err *err) DJ_MUST_CHECK;

/* dj_parts_begin(parts): what a rule lets count lies in nothing that has a rule: all else of the
 * value is ignored. */
void dj_parts_begin(struct dj_parts *parts);

/*
 * dj_parts_key(buf, parts): the rules as the key holds them (PROTOCOL.md): sorted, and without the
 * names of other tasks. dj_parts_print(): with these. dj_parts_parse() reads both. -EINVAL.
 */
void dj_parts_key(struct dj_buf *buf, const struct dj_parts *parts);
void dj_parts_print(struct dj_buf *buf, const struct dj_parts *parts);
int dj_parts_parse(struct dj_bytes text, struct dj_parts **ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_parts_value(parts, value, ret): what is left of a json value, or of a list of them. */
void dj_parts_value(const struct dj_parts *parts, const struct dj_value *value,
                    struct dj_value *ret);

/* dj_parts_left_out(parts, value, each, cookie): the outermost parts that do not count. */
typedef void dj_left_out_fn(void *cookie, struct dj_bytes path, struct dj_bytes value);
void dj_parts_left_out(const struct dj_parts *parts, const struct dj_value *value,
                       dj_left_out_fn *each, void *cookie);

#endif

/* Sweeps read: from the name of a folder, and from words. (sweep.h) */
#include <errno.h>
#include <stdlib.h>

#include "lib/model/bind.h"
#include "lib/model/json_text.h"
#include "lib/model/name.h"
#include "lib/model/sweep_impl.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/* ---- values ---------------------------------------------------------------------------------- */

struct parsing {
    struct dj_sweep *sweep;
    struct dj_binder binder; /* only knows what is given */
};

static const struct dj_param *param_of(const struct parsing *parsing, const struct sweep_axis *axis)
{
    return &parsing->sweep->params.items[axis->param];
}

/* As in a name, or verbatim. */
static int add_member(const struct parsing *parsing, struct sweep_axis *axis, struct dj_bytes text,
                      bool verbatim, struct dj_err *err)
{
    enum dj_type type = param_of(parsing, axis)->type;
    struct sweep_member *member = dj_list_add(&axis->members, sizeof(*member));

    axis->n++;
    return verbatim ? dj_scalar_parse(type, text, &member->scalar, err)
                    : dj_name_scalar(type, text, &member->scalar, err);
}

/* What looks like a range of something that has none. */
static int refuse_range(enum dj_type type, struct dj_bytes text, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    dj_add_printable(&shown, text);
    return dj_err_set(err, EINVAL, "%s: only an int has ranges; values of a %s are written {A;B;C}",
                      dj_buf_str(&shown), dj_type_name(type));
}

/* 1: it was one. For a text, and what is named by one, it is the text that it is. */
static int take_range(const struct parsing *parsing, struct sweep_axis *axis, struct dj_bytes text,
                      struct dj_err *err)
{
    enum dj_type type = param_of(parsing, axis)->type;
    int rc;

    if (type == DJ_STR || type >= DJ_FILE)
        return 0;
    rc = dj_series_range(&axis->range, text, type == DJ_INT ? err : NULL);
    if (rc != 0 && type != DJ_INT)
        return refuse_range(type, text, err);
    axis->n = axis->range.n;
    return rc;
}

/* ---- {a;b} ----------------------------------------------------------------------------------- */

static bool at_end_of_member(struct dj_bytes rest)
{
    return rest.len > 0 && (rest.data[0] == ';' || rest.data[0] == '}');
}

/* JSON in braces ends where it ends. */
static bool json_member(struct dj_bytes rest, struct dj_bytes *ret)
{
    struct dj_bytes value;

    if (rest.len == 0 || strchr("{[\"", rest.data[0]) == NULL ||
        dj_json_span(rest, &value, NULL) < 0)
        return false;
    *ret = dj_bytes(rest.data, (size_t)(value.data + value.len - rest.data));
    return at_end_of_member(dj_bytes_from(rest, ret->len));
}

/* The bytes of a set at the start of text, with its braces, and its members (struct dj_bytes); 0:
 * it is not closed, or has others inside. */
static size_t scan_set(enum dj_type type, struct dj_bytes text, struct dj_list *ret)
{
    struct dj_bytes rest = dj_bytes_from(text, 1), member;

    if (rest.len > 0 && rest.data[0] == '}')
        return 2;
    for (;;) {
        if (type != DJ_JSON || !json_member(rest, &member)) {
            size_t len = 0;

            while (len < rest.len && strchr(";{}", rest.data[len] == '\0' ? ' ' : rest.data[len]) ==
                                         NULL)
                len++;
            member = dj_bytes(rest.data, len);
        }
        rest = dj_bytes_from(rest, member.len);
        if (!at_end_of_member(rest))
            return 0;
        *(struct dj_bytes *)dj_list_add(ret, sizeof(member)) = member;
        if (rest.data[0] == '}')
            return (size_t)(rest.data - text.data) + 1;
        rest = dj_bytes_from(rest, 1);
    }
}

static int take_members(const struct parsing *parsing, struct sweep_axis *axis,
                        const struct dj_list *members, struct dj_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < members->n; i++)
        rc = add_member(parsing, axis, *DJ_LIST_AT(members, struct dj_bytes, i), false, err);
    return rc;
}

/* ---- parts of names -------------------------------------------------------------------------- */

static int refuse_braces(struct dj_err *err)
{
    return dj_err_set(err, EINVAL, "{ and } stand around all values of a parameter, as in {a;b}; "
                                   "as part of a value write %%7B and %%7D");
}

static int take_set_part(struct parsing *parsing, struct sweep_axis *axis, struct dj_bytes *rest,
                         struct dj_err *err)
{
    struct dj_list members = {0};
    size_t len = scan_set(param_of(parsing, axis)->type, *rest, &members);
    int rc = len == 0 ? refuse_braces(err) : take_members(parsing, axis, &members, err);

    free(members.items);
    if (rc < 0)
        return rc;
    axis->varies = true;
    *rest = dj_bytes_from(*rest, len);
    return rest->len == 0 || rest->data[0] == ',' ? 0 : refuse_braces(err);
}

/* The elements of a list are axes of their own, which vary when they are ranges. */
static int take_list_part(struct parsing *parsing, size_t param, struct dj_bytes text,
                          struct dj_err *err)
{
    int rc = 0;

    if (dj_bytes_is(text, ";")) {
        struct sweep_axis *axis = dj_list_add(&parsing->sweep->axes, sizeof(*axis));

        *axis = (struct sweep_axis){.param = param, .none = true, .n = 1};
        return 0;
    }
    if (text.len == 0)
        return dj_err_set(err, EINVAL, "an empty list is written ; and an empty string %%e");
    while (rc == 0 && text.len > 0) {
        const uint8_t *end = memchr(text.data, ';', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.data);
        struct sweep_axis *axis = dj_list_add(&parsing->sweep->axes, sizeof(*axis));

        *axis = (struct sweep_axis){.param = param};
        rc = take_range(parsing, axis, dj_bytes(text.data, len), err);
        axis->varies = rc == 1;
        if (rc == 0)
            rc = add_member(parsing, axis, dj_bytes(text.data, len), false, err);
        text = dj_bytes_from(text, end == NULL ? len : len + 1);
        rc = rc < 0 ? rc : 0;
    }
    return rc;
}

static int take_plain_part(struct parsing *parsing, size_t param, struct dj_bytes text,
                           struct dj_err *err)
{
    const struct dj_param *decl = &parsing->sweep->params.items[param];
    struct sweep_axis *axis;
    int rc;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '{' || text.data[i] == '}')
            return refuse_braces(err);
    }
    if (decl->list)
        return take_list_part(parsing, param, text, err);
    axis = dj_list_add(&parsing->sweep->axes, sizeof(*axis));
    *axis = (struct sweep_axis){.param = param};
    axis->none = decl->environment && dj_bytes_is(text, "%u");
    axis->n = axis->none;
    if (axis->none)
        return 0;
    rc = take_range(parsing, axis, text, err);
    axis->varies = rc == 1;
    return rc == 0 ? add_member(parsing, axis, text, false, err) : rc < 0 ? rc : 0;
}

static int take_value_part(struct parsing *parsing, size_t param, struct dj_bytes *rest,
                           struct dj_err *err)
{
    const uint8_t *comma;
    struct dj_bytes text;

    if (rest->len > 0 && rest->data[0] == '{') {
        struct sweep_axis *axis = dj_list_add(&parsing->sweep->axes, sizeof(*axis));

        *axis = (struct sweep_axis){.param = param};
        return take_set_part(parsing, axis, rest, err);
    }
    comma = rest->len == 0 ? NULL : memchr(rest->data, ',', rest->len);
    text = dj_bytes(rest->data, comma == NULL ? rest->len : (size_t)(comma - rest->data));
    *rest = dj_bytes_from(*rest, text.len);
    return take_plain_part(parsing, param, text, err);
}

/* NAME=VALUE, or a value alone. */
static int take_part(struct parsing *parsing, struct dj_bytes *rest, struct dj_err *err)
{
    struct dj_binder *binder = &parsing->binder;
    struct dj_bytes value;
    size_t index, head = 0;
    int rc = 0;

    while (head < rest->len && rest->data[head] != ',' && rest->data[head] != '{')
        head++;
    if (dj_binder_named(binder, dj_bytes(rest->data, head), &index, &value))
        *rest = dj_bytes_from(*rest, head - value.len);
    else
        rc = dj_binder_next(binder, &index, err);
    if (rc == 0)
        rc = dj_binder_begin(binder, index, err);
    if (rc < 0)
        return rc;
    rc = take_value_part(parsing, index, rest, err);
    return rc < 0 ? dj_binder_blame(binder, index, rc, err) : 0;
}

static int take_name(struct parsing *parsing, struct dj_bytes name, struct dj_err *err)
{
    size_t places = 0;
    int rc;

    for (size_t i = 0; i < parsing->sweep->params.n; i++) {
        const struct dj_param *param = &parsing->sweep->params.items[i];

        places += !param->ignored && !param->environment;
    }
    if (places == 0 && dj_bytes_starts(name, DJ_BYTES_LIT("_,")))
        name = dj_bytes_from(name, 2);
    rc = take_part(parsing, &name, err);
    while (rc == 0 && name.len > 0) { /* it begins with a comma */
        name = dj_bytes_from(name, 1);
        rc = take_part(parsing, &name, err);
    }
    return rc;
}

/* ---- words ----------------------------------------------------------------------------------- */

/* Whether a word with braces around it has the values of a sweep in them. */
static bool is_set_word(enum dj_type type, struct dj_bytes word, struct dj_list *ret)
{
    struct dj_bytes value;

    if (!dj_series_is_set(word))
        return false;
    if (type != DJ_INT && type != DJ_FLOAT && type != DJ_BOOL &&
        !dj_bytes_starts(word, DJ_BYTES_LIT("{%7B")) &&
        (memchr(word.data, ';', word.len) == NULL || dj_json_is_whole(word, &value)))
        return false;
    return scan_set(type, word, ret) == word.len;
}

static int take_word(struct parsing *parsing, struct dj_bytes word, struct dj_err *err)
{
    struct dj_binder *binder = &parsing->binder;
    struct dj_list members = {0};
    struct sweep_axis *axis;
    size_t index;
    int rc = 0;

    if (!dj_binder_named(binder, word, &index, &word))
        rc = dj_binder_next(binder, &index, err);
    if (rc == 0)
        rc = dj_binder_begin(binder, index, err);
    if (rc < 0)
        return rc;
    axis = dj_list_add(&parsing->sweep->axes, sizeof(*axis));
    *axis = (struct sweep_axis){.param = index};
    if (is_set_word(param_of(parsing, axis)->type, word, &members)) {
        axis->varies = true;
        rc = take_members(parsing, axis, &members, err);
    } else {
        rc = take_range(parsing, axis, word, err);
        axis->varies = rc == 1;
        rc = rc == 0 ? add_member(parsing, axis, word, true, err) : rc < 0 ? rc : 0;
    }
    free(members.items);
    return rc < 0 ? dj_binder_blame(binder, index, rc, err) : 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void begin(struct parsing *parsing, const char *task, const struct dj_params *params,
                  bool counted_only)
{
    struct dj_sweep *sweep = dj_xcalloc(1, sizeof(*sweep));

    sweep->refs = 1;
    sweep->task = dj_xstrdup(task);
    sweep->counted_only = counted_only;
    dj_params_copy(&sweep->params, params);
    *parsing = (struct parsing){.sweep = sweep};
    dj_binder_init(&parsing->binder, sweep->task, &sweep->params, counted_only);
}

static bool has_varied(const struct dj_sweep *sweep)
{
    for (size_t i = 0; i < sweep->axes.n; i++) {
        if (sweep_axis(sweep, i)->varies)
            return true;
    }
    return false;
}

/* sure: that it is a sweep is known whatever its values are. */
static int end(struct parsing *parsing, int rc, bool sure, struct dj_sweep **ret,
               struct dj_err *err)
{
    struct dj_sweep *sweep = parsing->sweep;
    bool varies = sure || has_varied(sweep);

    dj_binder_release(&parsing->binder);
    if (rc == 0 && varies)
        rc = sweep_finish(sweep, err);
    if (rc == 0 && varies) {
        *ret = sweep;
        return 1;
    }
    dj_sweep_unref(sweep);
    return rc;
}

bool dj_sweep_may_be(struct dj_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '{' || text.data[i] == '}' ||
            (text.data[i] == '.' && i + 1 < text.len && text.data[i + 1] == '.'))
            return true;
    }
    return false;
}

static bool has_braces(struct dj_bytes text)
{
    return text.len > 0 && (memchr(text.data, '{', text.len) != NULL ||
                            memchr(text.data, '}', text.len) != NULL);
}

int dj_sweep_of_name(const char *task, const struct dj_params *params, struct dj_bytes name,
                     struct dj_sweep **ret, struct dj_err *err)
{
    struct parsing parsing;
    bool sure = has_braces(name);

    *ret = NULL;
    if (!dj_sweep_may_be(name) || name.data[0] == '.')
        return 0;
    if (name.len > DJ_SWEEP_NAME_MAX && sure)
        return dj_err_set(err, ENAMETOOLONG, "%s: the name of a sweep has at most %d bytes; `dj"
                          " get` and `dj frame` take more", task, DJ_SWEEP_NAME_MAX);
    if (memchr(name.data, '\0', name.len) != NULL || memchr(name.data, '/', name.len) != NULL)
        return 0;
    if (memchr(name.data, '*', name.len) != NULL) /* a pattern of a shell that matched nothing */
        return !sure ? 0
                     : dj_err_set(err, ENOENT, "%s: no run matches; as part of a value write * as"
                                  " %%2A", task);
    begin(&parsing, task, params, true);
    return end(&parsing, take_name(&parsing, name, err), sure, ret, err);
}

int dj_sweep_of_words(const char *task, const struct dj_params *params,
                      const struct dj_bytes *words, size_t n, struct dj_sweep **ret,
                      struct dj_err *err)
{
    struct parsing parsing;
    int rc = 0;

    *ret = NULL;
    begin(&parsing, task, params, false);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = take_word(&parsing, words[i], err);
    return end(&parsing, rc, false, ret, err);
}


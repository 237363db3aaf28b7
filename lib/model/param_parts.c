/* Which parameters, and which parts of them, count for the key: lists of them, read and written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/definition.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/* ---- what counts of a value -------------------------------------------------------------- */

bool dj_param_has_parts(const struct dj_param *param)
{
    return param->parts != NULL && !param->ignored && !dj_parts_all(param->parts);
}

const struct dj_value *dj_param_counted(const struct dj_param *param, const struct dj_value *value,
                                        struct dj_value *room)
{
    *room = (struct dj_value)DJ_VALUE_INIT;
    if (!dj_param_has_parts(param) || value->type != DJ_JSON)
        return value;
    dj_parts_value(param->parts, value, room);
    return room;
}

bool dj_param_equal(const struct dj_param *param, const struct dj_value *a,
                    const struct dj_value *b)
{
    struct dj_value left dj_cleanup_value = DJ_VALUE_INIT, right dj_cleanup_value = DJ_VALUE_INIT;

    return param->ignored || dj_value_equal(dj_param_counted(param, a, &left),
                                            dj_param_counted(param, b, &right));
}

bool dj_param_same_rules(const struct dj_param *a, const struct dj_param *b)
{
    if (a->ignored || b->ignored || (a->parts == NULL && b->parts == NULL))
        return a->ignored == b->ignored;
    return dj_parts_equal(a->parts, b->parts);
}

bool dj_param_same_key(const struct dj_param *a, const struct dj_param *b)
{
    return strcmp(a->name, b->name) == 0 && a->type == b->type && a->list == b->list &&
           dj_param_same_rules(a, b) && a->environment == b->environment &&
           a->has_absent == b->has_absent &&
           (!a->has_absent || dj_value_equal(&a->absent, &b->absent));
}

/* ---- lists ------------------------------------------------------------------------------- */

struct item {
    struct dj_param *param;
    struct dj_list steps;
    struct dj_bytes task; /* of `like TASK`; data is NULL: there is none */
};

struct lister {
    const char *task, *what; /* for sentences */
    struct dj_params *params;
    struct dj_bytes rest;
    bool likes; /* an item may have `like TASK` behind it */
};

static bool is_separator(uint8_t byte)
{
    return byte == ',' || byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Something else than a path stands behind an item. */
static int refuse_end(const struct lister *lister, struct dj_bytes item, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    dj_add_printable(&shown, dj_bytes(item.data, item.len - lister->rest.len + 1));
    return dj_err_set(err, EINVAL,
                      "%s: \"%s\": a path is written .NAME, .\"ANY NAME\", [NUMBER] or [] for each",
                      lister->task, dj_buf_str(&shown));
}

/* A variable of the environment has a dot in its name, env.X; in all others a path begins there. */
static int read_param(struct lister *lister, struct dj_param **ret, struct dj_err *err)
{
    struct dj_bytes word = lister->rest;
    size_t len = 0, name;

    while (len < word.len && !is_separator(word.data[len]))
        len++;
    word.len = name = len;
    *ret = dj_params_find(lister->params, word);
    if (*ret == NULL) {
        for (name = 0; name < len && word.data[name] != '.' && word.data[name] != '['; name++)
            ;
        *ret = dj_params_find(lister->params, dj_bytes(word.data, name));
    }
    if (*ret == NULL) {
        dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

        dj_add_printable(&shown, word);
        return dj_err_set(err, EINVAL, "%s has no parameter %s to %s", lister->task,
                          dj_buf_str(&shown), lister->what);
    }
    lister->rest = dj_bytes_from(lister->rest, name);
    return 0;
}

static int check_inside(const struct lister *lister, const struct item *item, struct dj_err *err)
{
    const struct dj_param *param = item->param;
    const struct dj_step *first = DJ_LIST_AT(&item->steps, struct dj_step, 0);

    if (item->steps.n == 0 && item->task.data == NULL)
        return 0;
    if (param->type != DJ_JSON)
        return dj_err_set(err, EINVAL,
                          "%s: %s is of type %s, of which there are no parts to %s; only json has "
                          "some", lister->task, param->name, dj_type_name(param->type),
                          lister->what);
    if (param->list && item->steps.n != 0 && first->kind == DJ_STEP_NAME)
        return dj_err_set(err, EINVAL, "%s: %s is a list: write %s[] for each of its values",
                          lister->task, param->name, param->name);
    return 0;
}

/* `like` and the word behind it. */
static int read_like(struct lister *lister, struct item *item, struct dj_err *err)
{
    struct dj_bytes rest = lister->rest, word;

    while (rest.len > 0 && is_separator(rest.data[0]) && rest.data[0] != ',')
        rest = dj_bytes_from(rest, 1);
    if (rest.len == 0 || rest.data[0] == ',' || !dj_next_item(&rest, &word) ||
        !dj_bytes_is(word, "like"))
        return 0;
    while (rest.len > 0 && is_separator(rest.data[0]) && rest.data[0] != ',')
        rest = dj_bytes_from(rest, 1);
    if (rest.len == 0 || rest.data[0] == ',' || !dj_next_item(&rest, &word) ||
        !dj_task_name_ok(word))
        return dj_err_set(err, EINVAL, "%s: `%s like` needs the name of a task behind it",
                          lister->task, item->param->name);
    item->task = word;
    lister->rest = rest;
    return 0;
}

/* 1: an item, whose steps are the caller's; 0: there are no more. */
static int next_item(struct lister *lister, struct item *ret, struct dj_err *err)
{
    struct dj_bytes *rest = &lister->rest, item;
    int rc;

    *ret = (struct item){0};
    while (rest->len > 0 && is_separator(rest->data[0]))
        *rest = dj_bytes_from(*rest, 1);
    if (rest->len == 0)
        return 0;
    item = *rest;
    rc = read_param(lister, &ret->param, err);
    if (rc < 0)
        return rc;
    rc = dj_parts_path(rest, &ret->steps, err);
    if (rc < 0)
        return dj_err_prefix(err, rc, "%s: %s", lister->task, ret->param->name);
    if (rest->len > 0 && !is_separator(rest->data[0]))
        rc = refuse_end(lister, item, err);
    if (rc == 0 && lister->likes)
        rc = read_like(lister, ret, err);
    if (rc == 0)
        rc = check_inside(lister, ret, err);
    if (rc < 0)
        dj_steps_release(&ret->steps);
    return rc < 0 ? rc : 1;
}

static struct dj_parts *parts_of(struct dj_param *param)
{
    if (param->parts == NULL)
        param->parts = dj_xcalloc(1, sizeof(*param->parts));
    return param->parts;
}

static int add_rule(const struct lister *lister, struct item *item, enum dj_part_verdict verdict,
                    struct dj_err *err)
{
    dj_cleanup_free char *like =
        item->task.data == NULL ? NULL : dj_xmemdup0(item->task.data, item->task.len);
    int rc = dj_parts_add(parts_of(item->param), &item->steps, verdict, like, err);

    return rc == 0 ? 0 : dj_err_prefix(err, rc, "%s: %s", lister->task, item->param->name);
}

static int ignore_whole(struct dj_param *param)
{
    param->ignored = true;
    dj_parts_freep(&param->parts);
    return 0;
}

int dj_params_ignore(const char *task, struct dj_params *params, struct dj_bytes list,
                     struct dj_err *err)
{
    struct lister lister = {.task = task, .what = "ignore", .params = params, .rest = list};
    struct item item;
    int rc;

    while ((rc = next_item(&lister, &item, err)) > 0) {
        rc = item.steps.n != 0 ? add_rule(&lister, &item, DJ_PART_IGNORED, err)
                               : ignore_whole(item.param);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; rc == 0 && i < params->n; i++)
        if (params->items[i].ignored)
            (void)ignore_whole(&params->items[i]);
    return rc;
}

static void begin_all(struct dj_params *params)
{
    for (size_t i = 0; i < params->n; i++)
        if (params->items[i].parts != NULL)
            dj_parts_begin(params->items[i].parts);
}

/* What is kept whole is kept whole, whatever stands before it or behind it. */
static int keep_items(struct lister lister, bool whole, struct dj_err *err)
{
    struct item item;
    int rc;

    while ((rc = next_item(&lister, &item, err)) > 0) {
        rc = 0;
        if ((item.steps.n == 0) == whole)
            item.param->ignored = false;
        if (item.steps.n == 0 && whole)
            dj_parts_freep(&item.param->parts);
        else if (item.steps.n != 0 && !whole)
            rc = add_rule(&lister, &item, DJ_PART_COUNTS, err);
        dj_steps_release(&item.steps);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int dj_params_keep(const char *task, struct dj_params *params, struct dj_bytes list,
                   struct dj_err *err)
{
    const struct lister lister = {.task = task, .what = "keep", .params = params, .rest = list};
    int rc;

    for (size_t i = 0; i < params->n; i++)
        params->items[i].ignored |= !params->items[i].environment;
    rc = keep_items(lister, false, err);
    if (rc == 0)
        rc = keep_items(lister, true, err);
    begin_all(params);
    return rc;
}

static int depend_item(const struct lister *lister, struct item *item, struct dj_err *err)
{
    struct dj_param *param = item->param;
    struct dj_list whole = {NULL, 0, 0};
    int rc = 0;

    if (item->steps.n == 0 && item->task.data == NULL)
        return dj_err_set(err, EINVAL,
                          "%s: name a part of %s to depend on, as %s.KEY, or `%s like TASK`",
                          lister->task, param->name, param->name, param->name);
    if (param->ignored && item->steps.n != 0)
        rc = dj_parts_add(parts_of(param), &whole, DJ_PART_IGNORED, NULL, err);
    param->ignored = false;
    if (rc == 0)
        rc = add_rule(lister, item, item->task.data == NULL ? DJ_PART_COUNTS : DJ_PART_LIKE, err);
    dj_steps_release(&item->steps);
    return rc;
}

int dj_params_depend(const char *task, struct dj_params *params, struct dj_bytes list,
                     struct dj_err *err)
{
    struct lister lister = {
        .task = task, .what = "depend on", .params = params, .rest = list, .likes = true};
    struct item item;
    int rc;

    while ((rc = next_item(&lister, &item, err)) > 0) {
        rc = depend_item(&lister, &item, err);
        if (rc < 0)
            return rc;
    }
    if (rc == 0)
        begin_all(params);
    return rc;
}

/* ---- written ----------------------------------------------------------------------------- */

static void add_item(struct dj_buf *buf, const char *option, const char *name,
                     const struct dj_list *steps)
{
    if (buf->len == 0)
        dj_buf_addf(buf, "%s = ", option);
    else
        dj_buf_adds(buf, ", ");
    dj_buf_adds(buf, name);
    if (steps != NULL)
        dj_steps_print(buf, steps);
}

/* The whole is ignored, and nothing that counts in it says so. */
static bool must_say(const struct dj_parts *parts)
{
    struct dj_parts *rest = dj_parts_copy(parts);
    size_t n;

    rest->rules.n--; /* the whole comes first: what would be added without it? */
    dj_steps_release(&DJ_LIST_AT(&rest->rules, struct dj_part_rule, 0)->steps);
    memmove(rest->rules.items, DJ_LIST_AT(&rest->rules, struct dj_part_rule, 1),
            rest->rules.n * sizeof(struct dj_part_rule));
    n = rest->rules.n;
    dj_parts_begin(rest);
    n = rest->rules.n - n;
    dj_parts_free(rest);
    return n == 0;
}

static void add_rules(struct dj_buf *ignore, struct dj_buf *depend, const struct dj_param *param)
{
    for (size_t i = 0; i < param->parts->rules.n; i++) {
        const struct dj_part_rule *rule = DJ_LIST_AT(&param->parts->rules, struct dj_part_rule, i);

        if (rule->verdict == DJ_PART_COUNTS)
            add_item(depend, "depend", param->name, &rule->steps);
        else if (rule->verdict == DJ_PART_IGNORED &&
                 (rule->steps.n != 0 || must_say(param->parts)))
            add_item(ignore, "ignore", param->name, &rule->steps);
        for (size_t j = 0; j < rule->like.n; j++) {
            add_item(depend, "depend", param->name, &rule->steps);
            dj_buf_addf(depend, " like %s",
                        DJ_LIST_AT(&rule->like, struct dj_part_like, j)->task);
        }
    }
}

void dj_params_rules(struct dj_buf *buf, const struct dj_params *params)
{
    dj_cleanup_buf struct dj_buf ignore = DJ_BUF_INIT, depend = DJ_BUF_INIT;

    for (size_t i = 0; i < params->n; i++) {
        const struct dj_param *param = &params->items[i];

        if (param->ignored)
            add_item(&ignore, "ignore", param->name, NULL);
        else if (param->parts != NULL)
            add_rules(&ignore, &depend, param);
    }
    if (ignore.len != 0)
        dj_buf_addf(buf, "%s\n", dj_buf_str(&ignore));
    if (depend.len != 0)
        dj_buf_addf(buf, "%s\n", dj_buf_str(&depend));
}

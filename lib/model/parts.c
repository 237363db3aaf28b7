/* Rules about the parts of json values: kept sorted, written and read. */
#include "lib/model/parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/json.h"
#include "lib/model/json_text.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"
#include "lib/util/utf8.h"

enum { NESTED_MAX = 32, INDEX_DIGITS = 9 };

/* ---- life -------------------------------------------------------------------------------- */

void dj_steps_release(struct dj_list *steps)
{
    for (size_t i = 0; i < steps->n; i++)
        dj_buf_release(&DJ_LIST_AT(steps, struct dj_step, i)->name);
    free(steps->items);
    *steps = (struct dj_list){NULL, 0, 0};
}

static void release_rule(struct dj_part_rule *rule)
{
    dj_steps_release(&rule->steps);
    for (size_t i = 0; i < rule->like.n; i++) {
        struct dj_part_like *like = DJ_LIST_AT(&rule->like, struct dj_part_like, i);

        free(like->task);
        dj_parts_free(like->parts);
    }
    free(rule->like.items);
}

void dj_parts_free(struct dj_parts *parts)
{
    if (parts == NULL)
        return;
    for (size_t i = 0; i < parts->rules.n; i++)
        release_rule(DJ_LIST_AT(&parts->rules, struct dj_part_rule, i));
    free(parts->rules.items);
    dj_parts_free(parts->then);
    free(parts);
}

void dj_parts_freep(struct dj_parts **parts)
{
    dj_parts_free(*parts);
    *parts = NULL;
}

static void copy_steps(struct dj_list *ret, const struct dj_list *steps)
{
    for (size_t i = 0; i < steps->n; i++) {
        const struct dj_step *from = DJ_LIST_AT(steps, struct dj_step, i);
        struct dj_step *to = dj_list_add(ret, sizeof(*to));

        to->kind = from->kind;
        to->index = from->index;
        dj_buf_set(&to->name, dj_buf_bytes(&from->name));
    }
}

struct dj_parts *dj_parts_copy(const struct dj_parts *parts)
{
    struct dj_parts *copy;

    if (parts == NULL)
        return NULL;
    copy = dj_xcalloc(1, sizeof(*copy));
    for (size_t i = 0; i < parts->rules.n; i++) {
        const struct dj_part_rule *from = DJ_LIST_AT(&parts->rules, struct dj_part_rule, i);
        struct dj_part_rule *to = dj_list_add(&copy->rules, sizeof(*to));

        copy_steps(&to->steps, &from->steps);
        to->verdict = from->verdict;
        for (size_t j = 0; j < from->like.n; j++) {
            const struct dj_part_like *like = DJ_LIST_AT(&from->like, struct dj_part_like, j);

            *(struct dj_part_like *)dj_list_add(&to->like, sizeof(*like)) = (struct dj_part_like){
                like->task == NULL ? NULL : dj_xstrdup(like->task), dj_parts_copy(like->parts)};
        }
    }
    copy->then = dj_parts_copy(parts->then);
    return copy;
}

/* ---- what they say of all ---------------------------------------------------------------- */

static bool has_whole(const struct dj_part_rule *rule)
{
    for (size_t i = 0; i < rule->like.n; i++)
        if (dj_parts_all(DJ_LIST_AT(&rule->like, struct dj_part_like, i)->parts))
            return true;
    return false;
}

bool dj_parts_all(const struct dj_parts *parts)
{
    if (parts == NULL)
        return true;
    for (size_t i = 0; i < parts->rules.n; i++) {
        const struct dj_part_rule *rule = DJ_LIST_AT(&parts->rules, struct dj_part_rule, i);

        if (rule->verdict == DJ_PART_IGNORED ||
            (rule->verdict == DJ_PART_LIKE && !has_whole(rule)))
            return false;
    }
    return dj_parts_all(parts->then);
}

bool dj_parts_equal(const struct dj_parts *a, const struct dj_parts *b)
{
    dj_cleanup_buf struct dj_buf left = DJ_BUF_INIT, right = DJ_BUF_INIT;

    dj_parts_key(&left, a);
    dj_parts_key(&right, b);
    return dj_bytes_equal(dj_buf_bytes(&left), dj_buf_bytes(&right));
}

bool dj_parts_uses(const struct dj_parts *parts)
{
    for (size_t i = 0; parts != NULL && i < parts->rules.n; i++)
        if (DJ_LIST_AT(&parts->rules, struct dj_part_rule, i)->verdict == DJ_PART_LIKE)
            return true;
    return false;
}

/* ---- paths ------------------------------------------------------------------------------- */

/* Bytes that are not ASCII are letters, too. */
static bool is_plain(uint8_t byte)
{
    return isalnum(byte) || byte == '_' || byte == '-' || byte >= 0x80;
}

static int wrong_path(struct dj_bytes text, const char *what, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    dj_add_printable(&shown, text);
    return dj_err_set(err, EINVAL,
                      "%s at \"%s\": a path is written .NAME, .\"ANY NAME\", [NUMBER] or [] for "
                      "each", what, dj_buf_str(&shown));
}

static int read_index(struct dj_bytes *text, struct dj_step *step, struct dj_err *err)
{
    const struct dj_bytes begin = *text;
    size_t digits = 0;

    *text = dj_bytes_from(*text, 1);
    while (digits < text->len && isdigit(text->data[digits])) {
        step->index = step->index * 10 + (uint64_t)(text->data[digits] - '0');
        if (++digits > INDEX_DIGITS)
            return wrong_path(begin, "the index is too large", err);
    }
    if (digits == text->len || text->data[digits] != ']')
        return wrong_path(begin, "no index", err);
    if (digits > 1 && text->data[0] == '0')
        return wrong_path(begin, "an index with a leading zero", err);
    step->kind = digits == 0 ? DJ_STEP_EACH : DJ_STEP_INDEX;
    *text = dj_bytes_from(*text, digits + 1);
    return 0;
}

/* The end of a string that begins at the start; 0: it has none. */
static size_t string_end(struct dj_bytes text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            return i + 1;
    }
    return 0;
}

static int read_name(struct dj_bytes *text, struct dj_step *step, struct dj_err *err)
{
    const struct dj_bytes begin = *text;
    struct dj_bytes quoted;
    size_t len = 0;

    step->kind = DJ_STEP_NAME;
    *text = dj_bytes_from(*text, 1);
    if (text->len > 0 && text->data[0] == '"') {
        len = string_end(*text);
        quoted = dj_bytes(text->data, len);
        if (len == 0 || dj_json_span(quoted, &quoted, NULL) != 0 || quoted.len != len)
            return wrong_path(begin, "no string", err);
        dj_json_unquote(&step->name, quoted);
    } else {
        while (len < text->len && is_plain(text->data[len]))
            len++;
        if (len == 0)
            return wrong_path(begin, "no name", err);
        if (!dj_utf8_ok(dj_bytes(text->data, len)))
            return wrong_path(begin, "no UTF-8, which all of JSON is,", err);
        dj_buf_set(&step->name, dj_bytes(text->data, len));
    }
    *text = dj_bytes_from(*text, len);
    return 0;
}

int dj_parts_path(struct dj_bytes *text, struct dj_list *ret, struct dj_err *err)
{
    int rc = 0;

    *ret = (struct dj_list){NULL, 0, 0};
    while (rc == 0 && text->len > 0 && (text->data[0] == '.' || text->data[0] == '[')) {
        struct dj_step *step = dj_list_add(ret, sizeof(*step));

        if (ret->n > DJ_PART_STEPS_MAX)
            rc = dj_err_set(err, EINVAL, "a path has at most %d steps", DJ_PART_STEPS_MAX);
        else
            rc = text->data[0] == '.' ? read_name(text, step, err) : read_index(text, step, err);
    }
    if (rc < 0)
        dj_steps_release(ret);
    return rc;
}

static bool all_plain(struct dj_bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_plain(name.data[i]))
            return false;
    return name.len != 0;
}

void dj_steps_print(struct dj_buf *buf, const struct dj_list *steps)
{
    for (size_t i = 0; i < steps->n; i++) {
        const struct dj_step *step = DJ_LIST_AT(steps, struct dj_step, i);
        struct dj_bytes name = dj_buf_bytes(&step->name);

        if (step->kind == DJ_STEP_EACH) {
            dj_buf_adds(buf, "[]");
        } else if (step->kind == DJ_STEP_INDEX) {
            dj_buf_addf(buf, "[%llu]", (unsigned long long)step->index);
        } else if (all_plain(name)) {
            dj_buf_addc(buf, '.');
            dj_buf_add_bytes(buf, name);
        } else {
            dj_buf_addc(buf, '.');
            dj_json_string(buf, name);
        }
    }
}

/* ---- the rules --------------------------------------------------------------------------- */

static int compare_step(const struct dj_step *a, const struct dj_step *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->kind == DJ_STEP_NAME)
        return dj_bytes_cmp(dj_buf_bytes(&a->name), dj_buf_bytes(&b->name));
    return a->index < b->index ? -1 : a->index > b->index;
}

/* A path comes before those that go on from it. */
static int compare_rules(const void *left, const void *right)
{
    const struct dj_list *a = &((const struct dj_part_rule *)left)->steps;
    const struct dj_list *b = &((const struct dj_part_rule *)right)->steps;

    for (size_t i = 0; i < a->n && i < b->n; i++) {
        int order =
            compare_step(DJ_LIST_AT(a, struct dj_step, i), DJ_LIST_AT(b, struct dj_step, i));

        if (order != 0)
            return order;
    }
    return a->n < b->n ? -1 : a->n > b->n;
}

static struct dj_part_rule *find(const struct dj_parts *parts, const struct dj_list *steps)
{
    const struct dj_part_rule wanted = {.steps = *steps};

    for (size_t i = 0; i < parts->rules.n; i++) {
        struct dj_part_rule *rule = DJ_LIST_AT(&parts->rules, struct dj_part_rule, i);

        if (compare_rules(rule, &wanted) == 0)
            return rule;
    }
    return NULL;
}

static void add_like(struct dj_part_rule *rule, const char *task)
{
    for (size_t i = 0; i < rule->like.n; i++)
        if (strcmp(DJ_LIST_AT(&rule->like, struct dj_part_like, i)->task, task) == 0)
            return;
    *(struct dj_part_like *)dj_list_add(&rule->like, sizeof(struct dj_part_like)) =
        (struct dj_part_like){dj_xstrdup(task), NULL};
}

static int refuse_both(const struct dj_list *steps, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, shown = DJ_BUF_INIT;

    dj_steps_print(&path, steps);
    dj_add_printable(&shown, dj_buf_bytes(&path));
    return dj_err_set(err, EINVAL, "two rules for %s contradict each other",
                      shown.len == 0 ? "the whole" : dj_buf_str(&shown));
}

int dj_parts_add(struct dj_parts *parts, struct dj_list *steps, enum dj_part_verdict verdict,
                 const char *task, struct dj_err *err)
{
    struct dj_part_rule *rule = find(parts, steps);
    int rc = 0;

    if (rule != NULL) {
        if (rule->verdict != verdict)
            rc = refuse_both(steps, err);
        dj_steps_release(steps);
    } else if (parts->rules.n == DJ_PART_RULES_MAX) {
        rc = dj_err_set(err, EINVAL, "there are more than %d rules", DJ_PART_RULES_MAX);
        dj_steps_release(steps);
    } else {
        rule = dj_list_add(&parts->rules, sizeof(*rule));
        rule->steps = *steps;
        rule->verdict = verdict;
        *steps = (struct dj_list){NULL, 0, 0};
    }
    if (rc < 0)
        return rc;
    if (task != NULL)
        add_like(rule, task);
    qsort(parts->rules.items, parts->rules.n, sizeof(struct dj_part_rule), compare_rules);
    return 0;
}

/* The path leads through what the other one names, or to one of several that it names. */
static bool leads_through(const struct dj_list *path, const struct dj_list *other)
{
    if (other->n > path->n)
        return false;
    for (size_t i = 0; i < other->n; i++) {
        const struct dj_step *step = DJ_LIST_AT(other, struct dj_step, i);

        if (step->kind != DJ_STEP_EACH &&
            compare_step(step, DJ_LIST_AT(path, struct dj_step, i)) != 0)
            return false;
    }
    return true;
}

static bool is_free(const struct dj_parts *parts, const struct dj_part_rule *rule)
{
    for (size_t i = 0; i < parts->rules.n; i++) {
        const struct dj_part_rule *other = DJ_LIST_AT(&parts->rules, struct dj_part_rule, i);

        if (other != rule && leads_through(&rule->steps, &other->steps))
            return false;
    }
    return rule->steps.n != 0;
}

void dj_parts_begin(struct dj_parts *parts)
{
    struct dj_list whole = {NULL, 0, 0};

    for (size_t i = 0; i < parts->rules.n; i++) {
        const struct dj_part_rule *rule = DJ_LIST_AT(&parts->rules, struct dj_part_rule, i);

        if (rule->verdict != DJ_PART_COUNTS || !is_free(parts, rule))
            continue;
        if (dj_parts_add(parts, &whole, DJ_PART_IGNORED, NULL, NULL) < 0)
            abort(); /* a free one means that the whole has no rule; there is room for one more */
        return;
    }
}

/* ---- as text ----------------------------------------------------------------------------- */

static int compare_bufs(const void *a, const void *b)
{
    return dj_bytes_cmp(dj_buf_bytes(a), dj_buf_bytes(b));
}

/* What the tasks of a rule say, each once, in order. */
static void like_texts(const struct dj_part_rule *rule, struct dj_list *ret)
{
    for (size_t i = 0; i < rule->like.n; i++) {
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
        bool known = false;

        dj_parts_key(&text, DJ_LIST_AT(&rule->like, struct dj_part_like, i)->parts);
        for (size_t j = 0; !known && j < ret->n; j++)
            known = dj_bytes_equal(dj_list_bytes(ret, j), dj_buf_bytes(&text));
        if (!known)
            dj_list_add_bytes(ret, dj_buf_bytes(&text));
    }
    if (ret->n > 1)
        qsort(ret->items, ret->n, sizeof(struct dj_buf), compare_bufs);
}

static void key_rule(struct dj_buf *buf, const struct dj_parts *parts,
                     const struct dj_part_rule *rule)
{
    struct dj_list texts = {NULL, 0, 0};

    if (rule->verdict != DJ_PART_LIKE || has_whole(rule)) {
        dj_buf_addc(buf, rule->verdict == DJ_PART_IGNORED ? '-' : '+');
        dj_steps_print(buf, &rule->steps);
        return;
    }
    like_texts(rule, &texts);
    if (texts.n == 1 && parts->rules.n == 1 && rule->steps.n == 0) {
        dj_buf_add_bytes(buf, dj_list_bytes(&texts, 0)); /* the same as the task */
    } else {
        dj_buf_addc(buf, '=');
        dj_steps_print(buf, &rule->steps);
        for (size_t i = 0; i < texts.n; i++) {
            dj_buf_addc(buf, '(');
            dj_buf_add_bytes(buf, dj_list_bytes(&texts, i));
            dj_buf_addc(buf, ')');
        }
    }
    dj_bytes_list_release(&texts);
}

void dj_parts_key(struct dj_buf *buf, const struct dj_parts *parts)
{
    if (parts != NULL && parts->then != NULL) {
        const struct dj_parts first = {.rules = parts->rules};

        dj_parts_key(buf, &first);
        dj_buf_addc(buf, ';');
        dj_parts_key(buf, parts->then);
        return;
    }
    if (dj_parts_all(parts)) {
        dj_buf_addc(buf, '+');
        return;
    }
    for (size_t i = 0; i < parts->rules.n; i++) {
        if (i > 0)
            dj_buf_addc(buf, ',');
        key_rule(buf, parts, DJ_LIST_AT(&parts->rules, struct dj_part_rule, i));
    }
}

static void print_like(struct dj_buf *buf, const struct dj_part_like *like)
{
    dj_buf_addf(buf, "(%s:", like->task == NULL ? "" : like->task);
    if (like->parts == NULL)
        dj_buf_addc(buf, '+');
    else
        dj_parts_print(buf, like->parts);
    dj_buf_addc(buf, ')');
}

void dj_parts_print(struct dj_buf *buf, const struct dj_parts *parts)
{
    static const char signs[] = {[DJ_PART_IGNORED] = '-', [DJ_PART_COUNTS] = '+',
                                 [DJ_PART_LIKE] = '='};

    for (size_t i = 0; i < parts->rules.n; i++) {
        const struct dj_part_rule *rule = DJ_LIST_AT(&parts->rules, struct dj_part_rule, i);

        if (i > 0)
            dj_buf_addc(buf, ',');
        dj_buf_addc(buf, signs[rule->verdict]);
        dj_steps_print(buf, &rule->steps);
        for (size_t j = 0; j < rule->like.n; j++)
            print_like(buf, DJ_LIST_AT(&rule->like, struct dj_part_like, j));
    }
}

static int read_rules(struct dj_bytes *text, unsigned depth, struct dj_parts **ret);

static bool next_is(struct dj_bytes *text, char byte)
{
    if (text->len == 0 || text->data[0] != (uint8_t)byte)
        return false;
    *text = dj_bytes_from(*text, 1);
    return true;
}

/* TASK: of "(TASK:RULES)", which a key does not have. */
static char *read_task(struct dj_bytes *text)
{
    size_t len = 0;
    char *task;

    while (len < text->len && text->data[len] != '\0' &&
           (isalnum(text->data[len]) || strchr("_.-", text->data[len]) != NULL))
        len++;
    if (len == text->len || text->data[len] != ':' || len == 0)
        return NULL;
    task = dj_xmemdup0(text->data, len);
    *text = dj_bytes_from(*text, len + 1);
    return task;
}

static int read_likes(struct dj_bytes *text, unsigned depth, struct dj_part_rule *rule)
{
    while (next_is(text, '(')) {
        struct dj_part_like *like = dj_list_add(&rule->like, sizeof(*like));

        like->task = read_task(text);
        if (read_rules(text, depth + 1, &like->parts) != 0 || !next_is(text, ')'))
            return -EINVAL;
    }
    return rule->like.n == 0 ? -EINVAL : 0;
}

static int read_rule(struct dj_bytes *text, unsigned depth, struct dj_parts *parts)
{
    const char sign = (char)(text->len == 0 ? 0 : text->data[0]);
    struct dj_part_rule *rule;
    struct dj_list steps;
    int rc;

    if ((sign != '-' && sign != '+' && sign != '=') || parts->rules.n == DJ_PART_RULES_MAX)
        return -EINVAL;
    *text = dj_bytes_from(*text, 1);
    rc = dj_parts_path(text, &steps, NULL);
    if (rc < 0)
        return rc;
    rule = dj_list_add(&parts->rules, sizeof(*rule));
    rule->steps = steps;
    rule->verdict = sign == '-' ? DJ_PART_IGNORED : sign == '+' ? DJ_PART_COUNTS : DJ_PART_LIKE;
    if (parts->rules.n > 1 && compare_rules(rule - 1, rule) >= 0)
        return -EINVAL;
    return sign == '=' ? read_likes(text, depth, rule) : 0;
}

static int read_rules(struct dj_bytes *text, unsigned depth, struct dj_parts **ret)
{
    struct dj_parts *parts = dj_xcalloc(1, sizeof(*parts));
    int rc = depth > NESTED_MAX ? -EINVAL : 0;

    if (rc == 0)
        rc = read_rule(text, depth, parts);
    while (rc == 0 && next_is(text, ','))
        rc = read_rule(text, depth, parts);
    if (rc < 0)
        dj_parts_freep(&parts);
    *ret = parts;
    return rc;
}

int dj_parts_parse(struct dj_bytes text, struct dj_parts **ret, struct dj_err *err)
{
    *ret = NULL;
    if (text.len > DJ_PARTS_TEXT_MAX || read_rules(&text, 0, ret) != 0 || text.len != 0) {
        dj_parts_freep(ret);
        return dj_err_set(err, EINVAL, "the rules for the parts of a value are malformed");
    }
    return 0;
}

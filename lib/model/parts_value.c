/* Rules applied to values: what is left of one, and what is left out. */
#include <stdlib.h>
#include <string.h>

#include "lib/model/json_text.h"
#include "lib/model/parts.h"
#include "lib/util/mem.h"

/* Where we are in a value. Deeper than any rule goes we need not go. */
struct place {
    bool element; /* of a list */
    uint64_t index;
    struct dj_bytes name; /* with its quotes */
};

struct left_out {
    struct dj_buf path, value;
};

struct filter {
    const struct dj_parts *parts;
    struct dj_buf *buf;
    struct place places[DJ_PART_STEPS_MAX];
    size_t depth;
    struct dj_list *left_out; /* NULL, or struct left_out */
};

/* ---- which rule decides -------------------------------------------------------------------- */

static bool fits(const struct dj_step *step, const struct place *place)
{
    switch (step->kind) {
    case DJ_STEP_EACH:
        return true;
    case DJ_STEP_INDEX:
        return place->element && place->index == step->index;
    case DJ_STEP_NAME:
        return !place->element && dj_json_name_is(place->name, dj_buf_bytes(&step->name));
    }
    return false;
}

/* As far as both go. */
static bool meets(const struct filter *filter, const struct dj_list *steps)
{
    for (size_t i = 0; i < steps->n && i < filter->depth; i++)
        if (!fits(DJ_LIST_AT(steps, struct dj_step, i), &filter->places[i]))
            return false;
    return true;
}

/* Of two that are as long, the one behind is the more exact. */
static const struct dj_part_rule *deciding(const struct filter *filter,
                                           const struct dj_parts *parts)
{
    const struct dj_part_rule *found = NULL;

    for (size_t i = 0; i < parts->rules.n; i++) {
        const struct dj_part_rule *rule = DJ_LIST_AT(&parts->rules, struct dj_part_rule, i);

        if (rule->steps.n <= filter->depth && meets(filter, &rule->steps) &&
            (found == NULL || rule->steps.n >= found->steps.n))
            found = rule;
    }
    return found;
}

static bool counts(const struct filter *filter, const struct dj_parts *parts)
{
    const struct dj_part_rule *rule = parts == NULL ? NULL : deciding(filter, parts);

    if (rule == NULL || rule->verdict == DJ_PART_COUNTS)
        return true;
    for (size_t i = 0; i < rule->like.n; i++)
        if (counts(filter, DJ_LIST_AT(&rule->like, struct dj_part_like, i)->parts))
            return true;
    return false;
}

/* Something in this value may have another answer than the value. */
static bool has_below(const struct filter *filter, const struct dj_parts *parts)
{
    for (size_t i = 0; parts != NULL && i < parts->rules.n; i++) {
        const struct dj_part_rule *rule = DJ_LIST_AT(&parts->rules, struct dj_part_rule, i);

        if (!meets(filter, &rule->steps))
            continue;
        if (rule->steps.n > filter->depth)
            return true;
        for (size_t j = 0; j < rule->like.n; j++)
            if (has_below(filter, DJ_LIST_AT(&rule->like, struct dj_part_like, j)->parts))
                return true;
    }
    return false;
}

/* ---- what is left ------------------------------------------------------------------------ */

static void add_place(struct dj_buf *buf, const struct place *place)
{
    if (place->element) {
        dj_buf_addf(buf, "[%llu]", (unsigned long long)place->index);
    } else {
        struct dj_list steps = {NULL, 0, 0};
        struct dj_step *step = dj_list_add(&steps, sizeof(*step));

        step->kind = DJ_STEP_NAME;
        dj_json_unquote(&step->name, place->name);
        dj_steps_print(buf, &steps);
        dj_steps_release(&steps);
    }
}

static void forget(struct filter *filter, size_t n)
{
    while (filter->left_out->n > n) {
        struct left_out *last =
            DJ_LIST_AT(filter->left_out, struct left_out, --filter->left_out->n);

        dj_buf_release(&last->path);
        dj_buf_release(&last->value);
    }
}

/* In place of what was noted inside of it since there were `before`. */
static void note(struct filter *filter, struct dj_bytes value, size_t before)
{
    struct left_out *left_out;

    if (filter->left_out == NULL)
        return;
    forget(filter, before);
    left_out = dj_list_add(filter->left_out, sizeof(*left_out));
    for (size_t i = 0; i < filter->depth; i++)
        add_place(&left_out->path, &filter->places[i]);
    dj_buf_set(&left_out->value, value);
}

static bool add(struct filter *filter, struct dj_bytes value);

/* One member or element; whether anything of it is left. */
static bool add_inner(struct filter *filter, const struct place *place, struct dj_bytes value)
{
    const size_t begin = filter->buf->len;
    bool left;

    if (!place->element) {
        dj_buf_add_bytes(filter->buf, place->name);
        dj_buf_addc(filter->buf, ':');
    }
    filter->places[filter->depth++] = *place;
    left = add(filter, value);
    filter->depth--;
    if (!left)
        dj_buf_truncate(filter->buf, begin);
    return left;
}

static bool add_object(struct filter *filter, struct dj_bytes value, bool itself)
{
    struct dj_json_walk walk = dj_json_walk(value);
    const size_t begin = filter->buf->len;
    bool any = false;

    dj_buf_addc(filter->buf, '{');
    while (dj_json_next(&walk)) {
        const struct place place = {.name = walk.name};
        const size_t before = filter->buf->len;

        if (any)
            dj_buf_addc(filter->buf, ',');
        if (add_inner(filter, &place, walk.value))
            any = true;
        else
            dj_buf_truncate(filter->buf, before);
    }
    dj_buf_addc(filter->buf, '}');
    if (!any && !itself)
        dj_buf_truncate(filter->buf, begin);
    return any || itself;
}

static bool add_list(struct filter *filter, struct dj_bytes value, bool itself)
{
    struct dj_json_walk walk = dj_json_walk(value);
    const size_t begin = filter->buf->len;
    struct place place = {.element = true};
    size_t end = begin + 1;

    dj_buf_addc(filter->buf, '[');
    for (; dj_json_next(&walk); place.index++) {
        if (place.index > 0)
            dj_buf_addc(filter->buf, ',');
        if (add_inner(filter, &place, walk.value))
            end = filter->buf->len;
        else
            dj_buf_adds(filter->buf, "null");
    }
    if (!itself)
        dj_buf_truncate(filter->buf, end);
    dj_buf_addc(filter->buf, ']');
    if (itself || end > begin + 1)
        return true;
    dj_buf_truncate(filter->buf, begin);
    return false;
}

/* What is left of the value, if anything is. */
static bool add(struct filter *filter, struct dj_bytes value)
{
    const size_t before = filter->left_out == NULL ? 0 : filter->left_out->n;
    bool itself = counts(filter, filter->parts), left = itself;

    if (filter->depth < DJ_PART_STEPS_MAX && (value.data[0] == '{' || value.data[0] == '[') &&
        has_below(filter, filter->parts))
        left = value.data[0] == '{' ? add_object(filter, value, itself)
                                    : add_list(filter, value, itself);
    else if (itself)
        dj_buf_add_bytes(filter->buf, value);
    if (!left)
        note(filter, value, before);
    return left;
}

/* ---- whole values ------------------------------------------------------------------------ */

static void filter_one(struct filter *filter, const struct dj_value *value, struct dj_value *ret)
{
    dj_value_init(ret, DJ_JSON, false, 1);
    filter->buf = &ret->scalars[0].text;
    if (!add(filter, dj_buf_bytes(&value->scalars[0].text)))
        dj_buf_adds(filter->buf, "{}");
}

/* A list of values is like one list. */
static void filter_list(struct filter *filter, const struct dj_value *value, struct dj_value *ret)
{
    const bool itself = counts(filter, filter->parts);
    size_t left = 0;

    dj_value_init(ret, DJ_JSON, true, value->n);
    for (size_t i = 0; i < value->n; i++) {
        const struct place place = {.element = true, .index = i};

        filter->buf = &ret->scalars[i].text;
        if (add_inner(filter, &place, dj_buf_bytes(&value->scalars[i].text)))
            left = i + 1;
        else
            dj_buf_adds(filter->buf, "null");
    }
    for (size_t i = left; !itself && i < value->n; i++)
        dj_scalar_release(&ret->scalars[i]);
    if (!itself)
        ret->n = left;
}

static void filter_value(struct filter *filter, const struct dj_value *value, struct dj_value *ret)
{
    if (value->list)
        filter_list(filter, value, ret);
    else if (value->n == 0)
        dj_value_copy(ret, value); /* it is not given */
    else
        filter_one(filter, value, ret);
}

void dj_parts_value(const struct dj_parts *parts, const struct dj_value *value,
                    struct dj_value *ret)
{
    struct filter filter = {.parts = parts};
    struct dj_value first = DJ_VALUE_INIT;

    filter_value(&filter, value, ret);
    if (parts->then == NULL)
        return;
    first = *ret;
    dj_parts_value(parts->then, &first, ret);
    dj_value_release(&first);
}

void dj_parts_left_out(const struct dj_parts *parts, const struct dj_value *value,
                       dj_left_out_fn *each, void *cookie)
{
    struct dj_list left_out = {NULL, 0, 0};
    struct filter filter = {.parts = parts, .left_out = &left_out};
    struct dj_value left = DJ_VALUE_INIT;

    filter_value(&filter, value, &left);
    for (size_t i = 0; i < left_out.n; i++) {
        const struct left_out *at = DJ_LIST_AT(&left_out, struct left_out, i);

        each(cookie, dj_buf_bytes(&at->path), dj_buf_bytes(&at->value));
    }
    forget(&filter, 0);
    free(left_out.items);
    dj_value_release(&left);
}

#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/mem.h"

/*
 * What tasks take from others about which parts of a parameter count: `depend = config like TASK`.
 *
 * A definition holds what it took when the other task was defined last, so that names and keys need
 * nobody else. When a task is defined, all that take from it, be it through others, take anew. What
 * cannot be taken any more (the other task has no such parameter now, or of another type) counts:
 * then a run is computed once too often, and never answers for another one.
 */

enum { STEPS_MAX = 10000 }; /* who takes from two that take from two each … */

struct taking {
    struct dj_engine *engine;
    const struct dj_list *batch; /* struct dj_definition, not yet the tasks' */
    bool follow; /* of a task that is not defined any more its last definition stands */
    unsigned steps;
};

/* Those on the way that led here; the outermost has no other. */
struct way {
    const struct dj_definition *definition;
    const struct dj_param *param;
    const struct way *before;
};

static const struct dj_definition *definition_of(const struct taking *taking, const char *name)
{
    struct dj_task *public;

    for (size_t i = 0; i < taking->batch->n; i++) {
        const struct dj_definition *definition =
            DJ_LIST_AT(taking->batch, struct dj_definition, i);

        if (strcmp(definition->name, name) == 0)
            return definition;
    }
    public = dj_task_by_name(taking->engine, dj_bytes_of(name));
    if (public != NULL && public->definition == NULL && taking->follow) {
        const struct task *task = dj_container_of(public, struct task, public);

        return task->rec.definition.len == 0 ? NULL : &task->definition;
    }
    return public == NULL ? NULL : public->definition;
}

static bool comes_back(const struct way *way, const struct dj_definition *definition)
{
    for (; way != NULL; way = way->before)
        if (strcmp(way->definition->name, definition->name) == 0)
            return true;
    return false;
}

static struct dj_parts *nothing(void)
{
    struct dj_parts *parts = dj_xcalloc(1, sizeof(*parts));
    struct dj_list whole = {NULL, 0, 0};

    if (dj_parts_add(parts, &whole, DJ_PART_IGNORED, NULL, NULL) < 0)
        abort(); /* there is no other rule */
    return parts;
}

static int take(struct taking *taking, const struct way *way, struct dj_err *err);

/* One `like`; what it took before is forgotten. The sentence of a failure is for who defines. */
static int take_one(struct taking *taking, const struct way *way, struct dj_part_like *like,
                    struct dj_err *err)
{
    const struct dj_definition *other = definition_of(taking, like->task);
    const struct dj_param *param;
    struct dj_param taken = {0};
    struct way next;
    int rc;

    dj_parts_freep(&like->parts);
    if (++taking->steps > STEPS_MAX)
        return dj_err_set(err, EINVAL,
                          "%s: depend: too many tasks take what counts of %s from each other",
                          way->definition->name, way->param->name);
    if (other == NULL)
        return dj_err_set(err, EINVAL, "%s: depend: there is no task %s that %s could be like",
                          way->definition->name, like->task, way->param->name);
    if (comes_back(way, other))
        return dj_err_set(err, EINVAL, "%s: depend: what counts of %s goes round in a circle",
                          way->definition->name, way->param->name);
    param = dj_params_find(&other->params, dj_bytes_of(way->param->name));
    if (param == NULL)
        return dj_err_set(err, EINVAL, "%s: depend: %s has no parameter %s",
                          way->definition->name, other->name, way->param->name);
    if (param->ignored)
        like->parts = nothing();
    if (param->ignored || param->parts == NULL || param->type != way->param->type ||
        param->list != way->param->list)
        return 0;
    taken = (struct dj_param){.name = param->name, .type = param->type, .list = param->list,
                              .parts = dj_parts_copy(param->parts)};
    next = (struct way){other, &taken, way};
    rc = take(taking, &next, err);
    like->parts = taken.parts;
    return rc;
}

/* All that the parameter at the end of the way takes; the first failure is told. */
static int take(struct taking *taking, const struct way *way, struct dj_err *err)
{
    struct dj_parts *parts = way->param->parts;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    int rc = 0;

    for (size_t i = 0; parts != NULL && i < parts->rules.n; i++) {
        const struct dj_part_rule *rule = DJ_LIST_AT(&parts->rules, struct dj_part_rule, i);

        for (size_t j = 0; j < rule->like.n; j++) {
            struct dj_part_like *like = DJ_LIST_AT(&rule->like, struct dj_part_like, j);
            int one = take_one(taking, way, like, rc == 0 ? err : NULL);

            if (rc == 0)
                rc = one;
            dj_buf_clear(&text);
            dj_parts_print(&text, parts);
            if (text.len <= DJ_PARTS_TEXT_MAX)
                continue;
            dj_parts_freep(&like->parts);
            if (rc == 0)
                rc = dj_err_set(err, EINVAL,
                                "%s: depend: the rules for %s are more than %d bytes with those "
                                "that it takes from other tasks", way->definition->name,
                                way->param->name, DJ_PARTS_TEXT_MAX);
        }
    }
    return rc;
}

static int take_all(struct taking *taking, struct dj_definition *definition, struct dj_err *err)
{
    int rc = 0;

    taking->steps = 0;
    for (size_t i = 0; i < definition->params.n; i++) {
        const struct way way = {definition, &definition->params.items[i], NULL};
        int one = 0;

        if (dj_parts_uses(way.param->parts))
            one = take(taking, &way, rc == 0 ? err : NULL);
        if (rc == 0)
            rc = one;
    }
    return rc;
}

int likes_take(struct dj_engine *engine, struct dj_list *definitions, struct dj_err *err)
{
    struct taking taking = {.engine = engine, .batch = definitions};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < definitions->n; i++)
        rc = take_all(&taking, DJ_LIST_AT(definitions, struct dj_definition, i), err);
    return rc;
}

static bool takes(const struct task *task)
{
    bool found = false;

    if (task->public.definition == NULL)
        return false;
    for (size_t i = 0; !found && i < task->definition.params.n; i++)
        found = dj_parts_uses(task->definition.params.items[i].parts);
    return found;
}

void likes_follow(struct dj_engine *engine, struct dj_store_batch *batch)
{
    const struct dj_list none = {0};
    struct taking taking = {.engine = engine, .batch = &none, .follow = true};

    for (struct task *task = engine->tasks; task != NULL; task = task->hh.next) {
        struct dj_definition next;

        if (!takes(task))
            continue;
        dj_definition_copy(&next, &task->definition);
        (void)take_all(&taking, &next, NULL);
        for (size_t i = 0; i < next.params.n; i++) {
            if (dj_param_same_rules(&next.params.items[i], &task->definition.params.items[i]))
                continue;
            task_replace(engine, batch, task, &next, false);
            break;
        }
        dj_definition_release(&next);
    }
}

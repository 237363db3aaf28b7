/* The words behind the task of dj map, and the columns that it adds. (map.h) */
#include <errno.h>
#include <stdlib.h>

#include "cli/map.h"
#include "lib/model/axes.h"
#include "lib/model/expression.h"
#include "lib/model/taskfile.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/* From its definition: what TASKS tells has the counts of its runs, which take their time. */
int dj_task_params(struct dj_cli *cli, const char *task, struct dj_params *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, text = DJ_BUF_INIT;
    struct dj_list definitions = {0};
    int rc;

    if (*task == '\0' || *task == '.' || strchr(task, '/') != NULL)
        return dj_err_set(err, ENOENT, "there is no task %s", task);
    dj_buf_addf(&path, "tasks/%s/.definition", task);
    rc = dj_read_text(cli, dj_buf_str(&path), &text, err);
    if (rc == -ENOENT)
        return dj_err_set(err, ENOENT, "there is no task %s; `dj tasks` lists those that are"
                          " defined", task);
    if (rc == 0)
        rc = dj_taskfile_parse(".definition", "/", dj_buf_bytes(&text), &definitions, err);
    if (rc == 0 && definitions.n == 1)
        dj_params_copy(ret, &DJ_LIST_AT(&definitions, struct dj_definition, 0)->params);
    else if (rc == 0)
        rc = dj_err_set(err, ENOENT, "there is no task %s", task);
    dj_definitions_release(&definitions);
    return rc;
}

/* ---- assignments ----------------------------------------------------------------------------- */

struct assignment {
    char *param;
    struct dj_expression *expression; /* or NULL, and then */
    struct dj_buf value;
};

static int refuse_unknown(const struct dj_params *params, struct dj_bytes name, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT, known = DJ_BUF_INIT;

    dj_add_printable(&shown, name);
    for (size_t i = 0; i < params->n; i++)
        dj_buf_addf(&known, "%s%s", i == 0 ? "" : ", ", params->items[i].name);
    return dj_err_set(err, EINVAL, "there is no parameter %s%s%s", dj_buf_str(&shown),
                      params->n == 0 ? "" : "; the task has ", dj_buf_str(&known));
}

static int parse_one(struct dj_bytes word, const struct dj_params *params, struct dj_list *ret,
                     struct dj_err *err)
{
    struct assignment *assignment;
    struct dj_bytes name, value;
    bool expression;
    int rc = dj_assignment_split(word, &name, &value, &expression, err);

    if (rc < 0)
        return rc;
    if (dj_params_find(params, name) == NULL)
        return refuse_unknown(params, name, err);
    for (size_t i = 0; i < ret->n; i++) {
        if (dj_bytes_is(name, DJ_LIST_AT(ret, struct assignment, i)->param))
            return dj_err_set(err, EINVAL, "%s is given twice; `dj set` makes rows of several"
                              " values", DJ_LIST_AT(ret, struct assignment, i)->param);
    }
    assignment = dj_list_add(ret, sizeof(*assignment));
    assignment->param = dj_xmemdup0(name.data, name.len);
    if (!expression) {
        rc = dj_value_word(&assignment->value, value, err);
    } else {
        dj_cleanup_free char *text = dj_xmemdup0(value.data, value.len);

        assignment->expression = dj_expression_new(text, err);
        rc = assignment->expression == NULL ? -EINVAL : 0;
    }
    return rc < 0 ? dj_err_prefix(err, rc, "%s", assignment->param) : 0;
}

int dj_map_assignments(int argc, char **argv, const struct dj_params *params, struct dj_list *ret,
                       struct dj_err *err)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < argc; i++)
        rc = parse_one(dj_bytes_of(argv[i]), params, ret, err);
    return rc;
}

void dj_map_assignments_release(struct dj_list *assignments)
{
    for (size_t i = 0; i < assignments->n; i++) {
        struct assignment *assignment = DJ_LIST_AT(assignments, struct assignment, i);

        free(assignment->param);
        dj_expression_free(assignment->expression);
        dj_buf_release(&assignment->value);
    }
    free(assignments->items);
    *assignments = (struct dj_list){0};
}

int dj_map_assign(const struct dj_list *assignments, const struct dj_row *row, struct dj_row *call,
                  struct dj_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < assignments->n; i++) {
        const struct assignment *assignment = DJ_LIST_AT(assignments, struct assignment, i);
        struct dj_buf *value = dj_row_set(call, dj_bytes_of(assignment->param));

        if (assignment->expression == NULL)
            dj_buf_add_bytes(value, dj_buf_bytes(&assignment->value));
        else
            rc = dj_expression_one(assignment->expression, row, value, err);
        if (rc < 0)
            return dj_err_prefix(err, rc, "%s", assignment->param);
    }
    return rc;
}

int dj_map_lines_column(const struct dj_params *params, const char *task, struct dj_rows *rows,
                        struct dj_err *err)
{
    if (params->n == 0)
        return dj_err_set(err, EINVAL, "-R: %s has no parameter that a line could be", task);
    rows->reader.column = params->items[0].name;
    return 0;
}

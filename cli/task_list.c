#include "cli/task_list.h"

#include <stdlib.h>

#include "cli/progress_bar.h"
#include "lib/util/mem.h"

static void add(struct dj_task_list *list, const struct dj_tasks *tasks)
{
    struct dj_task_row *row = dj_list_add(&list->tasks, sizeof(*row));

    row->name = dj_xstrdup(dj_tasks_name(tasks));
    row->params = dj_xstrdup(dj_tasks_params(tasks));
    row->version = dj_xstrdup(dj_tasks_version(tasks));
    row->help = dj_xstrdup(dj_tasks_help(tasks));
    row->here = dj_xstrdup(dj_tasks_folder(tasks));
    row->changed_ns = dj_tasks_changed_ns(tasks);
    for (int status = DJ_ABSENT + 1; status < DJ_STATUS_COUNT; status++)
        row->counts[status] = dj_tasks_runs(tasks, dj_status_name((enum dj_status)status));
}

/* One task, or all: name is NULL. */
static int get(struct dj_cli *cli, const char *name, struct dj_task_list *list,
               struct dj_bar *bar, struct dj_err *err)
{
    struct dj_tasks *tasks = dj_tasks_open(cli->dj, name);
    int rc;

    if (tasks == NULL)
        return dj_said(cli, dj_refused(cli), err);
    while ((rc = dj_tasks_next(tasks)) == 1) {
        add(list, tasks);
        dj_bar_set(bar, list->tasks.n, 0);
    }
    dj_tasks_close(tasks);
    return dj_said(cli, rc, err);
}

int dj_task_list_get(struct dj_cli *cli, int n, char **names, struct dj_task_list *ret,
                     struct dj_err *err)
{
    dj_cleanup_bar struct dj_bar *bar = NULL;
    int rc = dj_connect(cli, false, err);

    *ret = (struct dj_task_list){0};
    if (rc < 0)
        return rc;
    if (n == 0) {
        bar = dj_bar_begin(cli, "tasks", 0);
        return get(cli, NULL, ret, bar, err);
    }
    for (int i = 0; rc == 0 && i < n; i++)
        rc = get(cli, names[i], ret, NULL, err);
    return rc;
}

void dj_task_list_release(struct dj_task_list *list)
{
    for (size_t i = 0; i < list->tasks.n; i++) {
        struct dj_task_row *row = DJ_LIST_AT(&list->tasks, struct dj_task_row, i);

        free(row->name);
        free(row->params);
        free(row->version);
        free(row->help);
        free(row->here);
    }
    free(list->tasks.items);
    *list = (struct dj_task_list){0};
}

const struct dj_task_row *dj_task_list_at(const struct dj_task_list *list, size_t i)
{
    return DJ_LIST_AT(&list->tasks, struct dj_task_row, i);
}

uint64_t dj_task_count(const struct dj_task_row *task, enum dj_status status)
{
    return task->counts[status];
}

uint64_t dj_task_count_all(const struct dj_task_row *task)
{
    uint64_t sum = 0;

    for (int status = DJ_ABSENT + 1; status < DJ_STATUS_COUNT; status++)
        sum += task->counts[status];
    return sum;
}

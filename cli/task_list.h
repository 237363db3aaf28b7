/*
 * What the daemon tells of its tasks, asked for page by page.
 */
#ifndef DJ_CLI_TASK_LIST_H
#define DJ_CLI_TASK_LIST_H

#include "cli/command.h"
#include "lib/model/status.h"

struct dj_task_row {
    char *name, *params, *version, *help, *here;
    uint64_t changed_ns;
    uint64_t counts[DJ_STATUS_COUNT]; /* runs by their state */
};

struct dj_task_list {
    struct dj_list tasks; /* struct dj_task_row */
};

/* dj_task_list_get(cli, n, names, ret, err): all tasks by name, or (n > 0) these in their order;
 * -ENOENT for one that is not defined. Connects. Release always. */
int dj_task_list_get(struct dj_cli *cli, int n, char **names, struct dj_task_list *ret,
                     struct dj_err *err) DJ_MUST_CHECK;
void dj_task_list_release(struct dj_task_list *list);
#define dj_cleanup_tasks DJ_CLEANUP(dj_task_list_release)

const struct dj_task_row *dj_task_list_at(const struct dj_task_list *list, size_t i);
/* How many runs of the task are in that state, and in any. */
uint64_t dj_task_count(const struct dj_task_row *task, enum dj_status status);
uint64_t dj_task_count_all(const struct dj_task_row *task);

#endif

#include "cli/task_list.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/progress_bar.h"
#include "lib/util/mem.h"

/* Takes the tasks of a page. */
static void take_page(struct dj_task_list *list, struct dj_msg_task_list *page)
{
    for (size_t i = 0; i < page->tasks.n; i++) {
        struct dj_part_task_info *from = DJ_LIST_AT(&page->tasks, struct dj_part_task_info, i);

        *(struct dj_part_task_info *)dj_list_add(&list->tasks, sizeof(*from)) = *from;
    }
    page->tasks.n = 0;
}

static int get_page(struct dj_cli *cli, const struct dj_msg_tasks *ask, struct dj_task_list *list,
                    bool *ret_end, struct dj_err *err)
{
    struct dj_message_in answer;
    int rc = dj_connection_call(cli->connection, DJ_MSG_TASKS, ask, DJ_MSG_TASK_LIST, &answer,
                                err);

    if (rc < 0)
        return rc;
    *ret_end = ((struct dj_msg_task_list *)answer.fields)->end;
    take_page(list, answer.fields);
    dj_message_release(&answer);
    return 0;
}

static int get_all(struct dj_cli *cli, struct dj_task_list *list, struct dj_err *err)
{
    dj_cleanup_bar struct dj_bar *bar = dj_bar_begin(cli, "tasks", 0);
    bool end = false;
    int rc = 0;

    while (rc == 0 && !end) {
        struct dj_msg_tasks ask = {0};

        if (list->tasks.n != 0)
            ask.after = dj_task_list_at(list, list->tasks.n - 1)->name;
        rc = get_page(cli, &ask, list, &end, err);
        dj_bar_set(bar, list->tasks.n, 0);
    }
    return rc;
}

int dj_task_list_get(struct dj_cli *cli, int n, char **names, struct dj_task_list *ret,
                     struct dj_err *err)
{
    int rc = dj_connect(cli, false, err);
    bool end;

    *ret = (struct dj_task_list){0};
    if (rc < 0)
        return rc;
    if (n == 0)
        return get_all(cli, ret, err);
    for (int i = 0; rc == 0 && i < n; i++) {
        struct dj_msg_tasks ask = {.task = names[i]};

        rc = get_page(cli, &ask, ret, &end, err);
    }
    return rc;
}

void dj_task_list_release(struct dj_task_list *list)
{
    struct dj_msg_task_list all = {.tasks = list->tasks};

    dj_codec_release(dj_message_layout(DJ_MSG_TASK_LIST), &all);
    *list = (struct dj_task_list){0};
}

const struct dj_part_task_info *dj_task_list_at(const struct dj_task_list *list, size_t i)
{
    return DJ_LIST_AT(&list->tasks, struct dj_part_task_info, i);
}

uint64_t dj_task_count(const struct dj_part_task_info *task, enum dj_status status)
{
    if ((size_t)status >= task->counts.n)
        return 0;
    return DJ_LIST_AT(&task->counts, struct dj_part_count, (size_t)status)->n;
}

uint64_t dj_task_count_all(const struct dj_part_task_info *task)
{
    uint64_t sum = 0;

    for (int status = DJ_ABSENT + 1; status < DJ_STATUS_COUNT; status++)
        sum += dj_task_count(task, (enum dj_status)status);
    return sum;
}

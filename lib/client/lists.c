/* Folders, tasks and impacts, page by page. (dj.h) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/client/client.h"
#include "lib/client/tree.h"
#include "lib/model/status.h"
#include "lib/util/mem.h"

enum { PAGE = 256 };

/* A page that came, and where in it we are. */
struct page {
    struct dj_message_in answer;
    size_t at; /* the element that is told, from 1; 0: before the first */
    bool last;
};

static void page_release(struct page *page)
{
    if (page->answer.fields != NULL)
        dj_message_release(&page->answer);
    *page = (struct page){0};
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/* ---- folders --------------------------------------------------------------------------------- */

struct dj_dir {
    struct dj *dj;
    struct dj_dir *next;
    struct dj_msg_readdir ask;
    struct page page;
};

struct dj_dir *dj_dir_open(struct dj *dj, const char *path)
{
    struct dj_part_attr attr;
    struct dj_dir *dir;
    int rc = dj_begin(dj);

    if (rc < 0)
        return NULL;
    rc = path == NULL ? dj_null(dj, "the path")
                      : dj_tree_find(dj->connection, dj_below_mount(dj, path), true, &attr,
                                     &dj->err);
    if (rc == 0 && !S_ISDIR(attr.mode))
        rc = dj_err_set(&dj->err, ENOTDIR, "%s is not a folder", path);
    if (dj_end(dj, rc) < 0)
        return NULL;
    dir = dj_xcalloc(1, sizeof(*dir));
    dir->dj = dj;
    dir->ask = (struct dj_msg_readdir){.node = attr.node, .max = PAGE};
    dir->next = dj->dirs;
    dj->dirs = dir;
    return dir;
}

static const struct dj_part_dirent *entry_of(const struct dj_dir *dir)
{
    const struct dj_msg_dirents *dirents = dir->page.answer.fields;

    return dirents == NULL || dir->page.at == 0 || dir->page.at > dirents->entries.n
               ? NULL
               : DJ_LIST_AT(&dirents->entries, struct dj_part_dirent, dir->page.at - 1);
}

static int next_page(struct dj_dir *dir)
{
    int rc;

    page_release(&dir->page);
    rc = dj_call(dir->dj, DJ_MSG_READDIR, &dir->ask, NULL, DJ_MSG_DIRENTS, &dir->page.answer);
    if (rc < 0) {
        dir->page.answer.fields = NULL;
        return rc;
    }
    dir->page.last = ((struct dj_msg_dirents *)dir->page.answer.fields)->end ||
                     ((struct dj_msg_dirents *)dir->page.answer.fields)->entries.n == 0;
    return 0;
}

static bool is_dots(const struct dj_part_dirent *entry)
{
    return dj_bytes_is(dj_buf_bytes(&entry->name), ".") ||
           dj_bytes_is(dj_buf_bytes(&entry->name), "..");
}

/* To the next entry of the page; NULL at its end. */
static const struct dj_part_dirent *go_on(struct dj_dir *dir)
{
    const struct dj_part_dirent *entry;

    if (dir->page.answer.fields == NULL)
        return NULL;
    do {
        dir->page.at++;
        entry = entry_of(dir);
        if (entry != NULL) {
            dir->ask.cookie = entry->cookie;
            dj_buf_set(&dir->ask.after, dj_buf_bytes(&entry->name));
        }
    } while (entry != NULL && is_dots(entry));
    return entry;
}

int dj_dir_next(struct dj_dir *dir, struct dj_stat *ret)
{
    const struct dj_part_dirent *entry;

    if (dir == NULL)
        return -EINVAL;
    if (dir->dj == NULL)
        return -ENOTCONN;
    while ((entry = go_on(dir)) == NULL) {
        int rc = dir->page.last ? 0 : next_page(dir);

        if (rc < 0 || dir->page.at != 0)
            return rc;
    }
    if (ret != NULL)
        *ret = (struct dj_stat){.ino = entry->attr.ino,
                                .size = entry->attr.size,
                                .mtime_ns = (int64_t)entry->attr.mtime_ns,
                                .mode = (uint32_t)entry->attr.mode,
                                .nlink = (uint32_t)entry->attr.nlink,
                                .uid = (uint32_t)entry->attr.uid,
                                .gid = (uint32_t)entry->attr.gid};
    return 1;
}

const char *dj_dir_name(const struct dj_dir *dir)
{
    const struct dj_part_dirent *entry = dir == NULL ? NULL : entry_of(dir);

    return entry == NULL ? "" : dj_buf_str(&entry->name);
}

void dj_dir_close(struct dj_dir *dir)
{
    struct dj_dir **at;

    if (dir == NULL)
        return;
    for (at = dir->dj == NULL ? NULL : &dir->dj->dirs; at != NULL; at = &(*at)->next) {
        if (*at == dir) {
            *at = dir->next;
            break;
        }
    }
    page_release(&dir->page);
    dj_buf_release(&dir->ask.after);
    free(dir);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

struct dj_tasks {
    struct dj *dj;
    struct dj_tasks *next;
    char *one;   /* that alone, or NULL */
    char *after; /* the last of the page before */
    struct page page;
};

static const struct dj_part_task_info *task_of(const struct dj_tasks *tasks)
{
    const struct dj_msg_task_list *list = tasks == NULL ? NULL : tasks->page.answer.fields;

    return list == NULL || tasks->page.at == 0 || tasks->page.at > list->tasks.n
               ? NULL
               : DJ_LIST_AT(&list->tasks, struct dj_part_task_info, tasks->page.at - 1);
}

static int next_tasks(struct dj_tasks *tasks)
{
    struct dj_msg_tasks ask = {.task = tasks->one, .after = tasks->after};
    const struct dj_msg_task_list *list;
    int rc;

    page_release(&tasks->page);
    rc = dj_call(tasks->dj, DJ_MSG_TASKS, &ask, NULL, DJ_MSG_TASK_LIST, &tasks->page.answer);
    if (rc < 0) {
        tasks->page.answer.fields = NULL;
        return rc;
    }
    list = tasks->page.answer.fields;
    tasks->page.last = list->end || list->tasks.n == 0 || tasks->one != NULL;
    if (list->tasks.n != 0) {
        free(tasks->after);
        tasks->after = dj_xstrdup(
            DJ_LIST_AT(&list->tasks, struct dj_part_task_info, list->tasks.n - 1)->name);
    }
    return 0;
}

struct dj_tasks *dj_tasks_open(struct dj *dj, const char *task)
{
    struct dj_tasks *tasks;

    if (dj_begin(dj) < 0)
        return NULL;
    tasks = dj_xcalloc(1, sizeof(*tasks));
    tasks->dj = dj;
    tasks->one = task == NULL || task[0] == '\0' ? NULL : dj_xstrdup(task);
    tasks->next = dj->tasks;
    dj->tasks = tasks;
    if (next_tasks(tasks) < 0) {
        dj_tasks_close(tasks);
        return NULL;
    }
    return tasks;
}

int dj_tasks_next(struct dj_tasks *tasks)
{
    if (tasks == NULL)
        return -EINVAL;
    if (tasks->dj == NULL)
        return -ENOTCONN;
    for (;;) {
        int rc;

        tasks->page.at++;
        if (task_of(tasks) != NULL)
            return 1;
        rc = tasks->page.last ? 0 : next_tasks(tasks);
        if (rc < 0 || tasks->page.at != 0)
            return rc;
    }
}

const char *dj_tasks_name(const struct dj_tasks *tasks)
{
    return task_of(tasks) == NULL ? "" : or_empty(task_of(tasks)->name);
}

const char *dj_tasks_params(const struct dj_tasks *tasks)
{
    return task_of(tasks) == NULL ? "" : or_empty(task_of(tasks)->params);
}

const char *dj_tasks_version(const struct dj_tasks *tasks)
{
    return task_of(tasks) == NULL ? "" : or_empty(task_of(tasks)->version);
}

const char *dj_tasks_help(const struct dj_tasks *tasks)
{
    return task_of(tasks) == NULL ? "" : or_empty(task_of(tasks)->help);
}

const char *dj_tasks_folder(const struct dj_tasks *tasks)
{
    return task_of(tasks) == NULL ? "" : or_empty(task_of(tasks)->here);
}

uint64_t dj_tasks_changed_ns(const struct dj_tasks *tasks)
{
    return task_of(tasks) == NULL ? 0 : task_of(tasks)->changed_ns;
}

uint64_t dj_tasks_runs(const struct dj_tasks *tasks, const char *status)
{
    const struct dj_part_task_info *task = task_of(tasks);
    uint64_t sum = 0;

    for (size_t i = DJ_ABSENT + 1; task != NULL && i < task->counts.n && i < DJ_STATUS_COUNT; i++) {
        if (status == NULL || strcmp(dj_status_name((enum dj_status)i), status) == 0)
            sum += DJ_LIST_AT(&task->counts, struct dj_part_count, i)->n;
    }
    return sum;
}

void dj_tasks_close(struct dj_tasks *tasks)
{
    struct dj_tasks **at;

    if (tasks == NULL)
        return;
    for (at = tasks->dj == NULL ? NULL : &tasks->dj->tasks; at != NULL; at = &(*at)->next) {
        if (*at == tasks) {
            *at = tasks->next;
            break;
        }
    }
    page_release(&tasks->page);
    free(tasks->one);
    free(tasks->after);
    free(tasks);
}

/* ---- impacts --------------------------------------------------------------------------------- */

struct dj_impact {
    struct dj *dj;
    struct dj_impact *next;
    struct dj_msg_impact ask;
    struct page page;
};

static const struct dj_part_impacted *run_of(const struct dj_impact *impact)
{
    const struct dj_msg_impacted_runs *runs = impact == NULL ? NULL : impact->page.answer.fields;

    return runs == NULL || impact->page.at == 0 || impact->page.at > runs->runs.n
               ? NULL
               : DJ_LIST_AT(&runs->runs, struct dj_part_impacted, impact->page.at - 1);
}

static int next_runs(struct dj_impact *impact)
{
    const struct dj_msg_impacted_runs *runs;
    int rc;

    page_release(&impact->page);
    rc = dj_call(impact->dj, DJ_MSG_IMPACT, &impact->ask, NULL, DJ_MSG_IMPACTED,
                 &impact->page.answer);
    if (rc < 0) {
        impact->page.answer.fields = NULL;
        return rc;
    }
    runs = impact->page.answer.fields;
    impact->page.last = runs->end;
    free(impact->ask.at_task);
    impact->ask.at_task = runs->at_task == NULL ? NULL : dj_xstrdup(runs->at_task);
    dj_buf_set(&impact->ask.at_name, dj_buf_bytes(&runs->at_name));
    return 0;
}

struct dj_impact *dj_impact_open(struct dj *dj, const char *task)
{
    struct dj_impact *impact;

    if (dj_begin(dj) < 0)
        return NULL;
    if (task == NULL) {
        (void)dj_end(dj, dj_null(dj, "the task"));
        return NULL;
    }
    impact = dj_xcalloc(1, sizeof(*impact));
    impact->dj = dj;
    impact->ask.task = dj_xstrdup(task);
    impact->next = dj->impacts;
    dj->impacts = impact;
    if (next_runs(impact) < 0) {
        dj_impact_close(impact);
        return NULL;
    }
    return impact;
}

int dj_impact_next(struct dj_impact *impact)
{
    if (impact == NULL)
        return -EINVAL;
    if (impact->dj == NULL)
        return -ENOTCONN;
    for (;;) {
        int rc;

        impact->page.at++;
        if (run_of(impact) != NULL)
            return 1;
        rc = impact->page.last ? 0 : next_runs(impact);
        if (rc < 0 || impact->page.at != 0)
            return rc;
    }
}

const char *dj_impact_task(const struct dj_impact *impact)
{
    return run_of(impact) == NULL ? "" : or_empty(run_of(impact)->task);
}

const char *dj_impact_name(const struct dj_impact *impact)
{
    return run_of(impact) == NULL ? "" : dj_buf_str(&run_of(impact)->name);
}

void dj_impact_close(struct dj_impact *impact)
{
    struct dj_impact **at;

    if (impact == NULL)
        return;
    for (at = impact->dj == NULL ? NULL : &impact->dj->impacts; at != NULL; at = &(*at)->next) {
        if (*at == impact) {
            *at = impact->next;
            break;
        }
    }
    page_release(&impact->page);
    dj_codec_release(dj_message_layout(DJ_MSG_IMPACT), &impact->ask);
    free(impact);
}

/* ---- their connection goes ------------------------------------------------------------------- */

void dj_lists_lose(struct dj *dj)
{
    for (struct dj_dir *dir = dj->dirs; dir != NULL; dir = dir->next)
        dir->dj = NULL;
    for (struct dj_tasks *tasks = dj->tasks; tasks != NULL; tasks = tasks->next)
        tasks->dj = NULL;
    for (struct dj_impact *impact = dj->impacts; impact != NULL; impact = impact->next)
        impact->dj = NULL;
}

#include "fs/names.h"

#include <stdlib.h>
#include <uthash.h>

#include "lib/util/mem.h"

struct dj_name {
    uint64_t node;
    uint64_t count;
    char *task;
    struct dj_buf name;
    UT_hash_handle hh;
};

struct dj_task_name {
    uint64_t node;
    char *name;
    UT_hash_handle hh;
};

static void name_free(struct dj_names *names, struct dj_name *name)
{
    HASH_DEL(names->names, name);
    free(name->task);
    dj_buf_release(&name->name);
    free(name);
}

void dj_names_release(struct dj_names *names)
{
    struct dj_name *name, *next_name;
    struct dj_task_name *task, *next_task;

    HASH_ITER(hh, names->names, name, next_name) {
        name_free(names, name);
    }
    HASH_ITER(hh, names->tasks, task, next_task) {
        HASH_DEL(names->tasks, task);
        free(task->name);
        free(task);
    }
    names->tasks_folder = 0;
}

static void task_seen(struct dj_names *names, struct dj_bytes name, uint64_t node)
{
    struct dj_task_name *task;

    HASH_FIND(hh, names->tasks, &node, sizeof(node), task);
    if (task != NULL)
        return;
    task = dj_xcalloc(1, sizeof(*task));
    task->node = node;
    task->name = dj_xmemdup0(name.data, name.len);
    HASH_ADD(hh, names->tasks, node, sizeof(task->node), task);
}

static struct dj_name *name_new(struct dj_names *names, uint64_t parent, struct dj_bytes name,
                                uint64_t node)
{
    struct dj_name *made = dj_xcalloc(1, sizeof(*made));
    const struct dj_name *folder;
    const struct dj_task_name *task;

    HASH_FIND(hh, names->names, &parent, sizeof(parent), folder);
    HASH_FIND(hh, names->tasks, &parent, sizeof(parent), task);
    made->node = node;
    if (folder != NULL) {
        made->task = dj_xstrdup(folder->task);
        dj_buf_set(&made->name, dj_buf_bytes(&folder->name));
    } else {
        made->task = dj_xstrdup(task != NULL ? task->name : "");
        dj_buf_set(&made->name, name);
    }
    HASH_ADD(hh, names->names, node, sizeof(made->node), made);
    return made;
}

void dj_names_seen(struct dj_names *names, uint64_t parent, struct dj_bytes name, uint64_t node)
{
    struct dj_name *found;

    if (parent == DJ_NODE_ROOT && dj_bytes_is(name, "tasks"))
        names->tasks_folder = node;
    else if (parent == names->tasks_folder && parent != 0)
        task_seen(names, name, node);
    if (!DJ_NODE_IS_NAMED(node))
        return;
    HASH_FIND(hh, names->names, &node, sizeof(node), found);
    if (found == NULL)
        found = name_new(names, parent, name, node);
    found->count++;
}

bool dj_names_forget(struct dj_names *names, uint64_t node, uint64_t count)
{
    struct dj_name *found;

    if (!DJ_NODE_IS_NAMED(node))
        return false;
    HASH_FIND(hh, names->names, &node, sizeof(node), found);
    if (found == NULL)
        return true;
    if (found->count > count)
        found->count -= count;
    else
        name_free(names, found);
    return true;
}

void dj_names_list(const struct dj_names *names, struct dj_list *list)
{
    for (const struct dj_name *name = names->names; name != NULL; name = name->hh.next) {
        struct dj_part_named *part = dj_list_add(list, sizeof(*part));

        part->node = name->node;
        part->task = dj_xstrdup(name->task);
        dj_buf_set(&part->name, dj_buf_bytes(&name->name));
        part->count = name->count;
    }
}

size_t dj_names_count(const struct dj_names *names)
{
    return HASH_COUNT(names->names);
}

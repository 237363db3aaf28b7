/*
 * The names whose nodes the daemon had to make up, and how often the kernel looked each up.
 *
 * Almost every node id is a pure function of stored numbers, so djfs keeps nothing about it. Only a
 * run that was never computed has no number yet: its folder and the files in it are "named" nodes
 * (DJ_NODE_IS_NAMED). They are counted here until the kernel forgets them, and a daemon that was
 * started anew is told which task and name stand behind each number that the kernel still uses.
 *
 * A file in a run's folder has the folder's task and name; the low bits of its node say which file
 * it is. The names of tasks are learnt from the look-ups in `tasks`.
 */
#ifndef DJ_FS_NAMES_H
#define DJ_FS_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/proto/messages.h"
#include "lib/util/bytes.h"

struct dj_name;
struct dj_task_name;

struct dj_names {
    struct dj_name *names;
    struct dj_task_name *tasks;
    uint64_t tasks_folder; /* its node, 0 until it was looked up */
};

void dj_names_release(struct dj_names *names);

/* dj_names_seen(names, parent, name, node): the kernel learnt `name` in `parent` as `node`. */
void dj_names_seen(struct dj_names *names, uint64_t parent, struct dj_bytes name, uint64_t node);

/* dj_names_forget(names, node, count): false when the node is not of a kind that is counted. */
bool dj_names_forget(struct dj_names *names, uint64_t node, uint64_t count);

/* dj_names_list(names, list): appends a struct dj_part_named for each. */
void dj_names_list(const struct dj_names *names, struct dj_list *list);
size_t dj_names_count(const struct dj_names *names);

#endif

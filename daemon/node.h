/*
 * Node ids: how 64 bits name any file of the tree.
 *
 *     kind 0  fixed      a number of enum dj_fixed
 *     kind 1  task       task number << 8 | enum dj_task_leaf
 *     kind 2  call       call number << 8 | enum dj_run_leaf
 *     kind 3  named      made-up number << 8 | enum dj_run_leaf (see named.h)
 *     kind 4  instance   instance number << 20 | enum dj_instance_leaf, or 16 + place in manifest
 *     kind 5  history    likewise, seen in history/: it need not be the current one
 *     kind 6  session    hash of its name, or of it and a resource's, << 8 | enum dj_session_leaf
 *     kind 7  frame      hash of its name << 8 | enum dj_frame_leaf
 *     kind 8  row        made-up number of a sweep << 32 | row: a link in its folder
 *
 * The kind is in the top four bits. All but kinds 3 and 8 are pure functions of stored numbers, so
 * a node means the same to every mount and to the daemon's next life, and nobody keeps a table of
 * them. What a node of kind 4 shows never changes; that is why a call's `result` has another node
 * in each instance, and a placeholder of kind 2 or 3 while there is none.
 *
 * The inode number that stat(2) shows is another matter: it stays the same for one file of a call
 * whatever its node is, else cp and install refuse ("replaced while being copied"). It is a hash of
 * task, canonical name and file; see dj_node_ino(). Pure.
 */
#ifndef DJ_DAEMON_NODE_H
#define DJ_DAEMON_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/bytes.h"

enum dj_node_kind {
    DJ_NODE_FIXED,
    DJ_NODE_TASK,
    DJ_NODE_CALL,
    DJ_NODE_NAMED,
    DJ_NODE_INSTANCE,
    DJ_NODE_HISTORY,
    DJ_NODE_SESSION,
    DJ_NODE_FRAME,
    DJ_NODE_ROW,
};

enum dj_fixed {
    DJ_FIXED_ROOT = 1, /* DJ_NODE_ROOT */
    DJ_FIXED_README,
    DJ_FIXED_STATUS,
    DJ_FIXED_EVENTS,
    DJ_FIXED_CTL,
    DJ_FIXED_SELF,
    DJ_FIXED_TASKS,
    DJ_FIXED_SESSIONS,
    DJ_FIXED_SESSION_SELF,
    DJ_FIXED_FRAMES,
    DJ_FIXED_COUNT
};

enum dj_task_leaf {
    DJ_TASK_FOLDER,
    DJ_TASK_DEFINITION,
    DJ_TASK_VERSION,
    DJ_TASK_STATUS,
    DJ_TASK_CTL,
    DJ_TASK_LEAVES
};

enum dj_session_leaf {
    DJ_SESSION_FOLDER,
    DJ_SESSION_MAX_WORKERS,
    DJ_SESSION_RESOURCES,
    DJ_SESSION_RESOURCE, /* of the two names */
    DJ_SESSION_STATUS,
    DJ_SESSION_CTL,
    DJ_SESSION_WAIT,
    DJ_SESSION_LEAVES
};

enum dj_frame_leaf {
    DJ_FRAME_FOLDER,
    DJ_FRAME_RESULTS,
    DJ_FRAME_TABLE,
    DJ_FRAME_STATUS,
    DJ_FRAME_CTL,
    DJ_FRAME_WAIT,
    DJ_FRAME_LEAVES
};

enum dj_run_leaf {
    DJ_RUN_FOLDER,
    DJ_RUN_RESULT, /* placeholder: there is no current instance */
    DJ_RUN_FILES,  /* placeholder: a link that waits */
    DJ_RUN_LOG,    /* of a run under way; an ended one's log belongs to its instance */
    DJ_RUN_STATUS,
    DJ_RUN_ARGS,
    DJ_RUN_META,
    DJ_RUN_WAIT,
    DJ_RUN_CTL,
    DJ_RUN_DEPS,
    DJ_RUN_DEPENDENTS,
    DJ_RUN_LINK,   /* in some other run's deps or dependents: a link to this run */
    DJ_RUN_ALIAS,  /* another spelling: a link to the canonical name */
    DJ_RUN_ERROR,
    DJ_RUN_WHY,
    DJ_RUN_KEY,
    DJ_RUN_HISTORY,
    DJ_RUN_COMMAND,
    DJ_RUN_PROGRESS,
    DJ_RUN_SWEEP,  /* no run at all: a name with values that vary, and the files in its folder */
    DJ_RUN_SWEEP_RESULTS,
    DJ_RUN_SWEEP_TABLE,
    DJ_RUN_LEAVES
};

enum dj_instance_leaf {
    DJ_INSTANCE_RESULT,
    DJ_INSTANCE_FILES,
    DJ_INSTANCE_LOG,
    DJ_INSTANCE_META,   /* in history/ only, as is the next */
    DJ_INSTANCE_FOLDER,
    DJ_INSTANCE_ENTRY = 16, /* and above: entries of the manifest */
};

#define DJ_NODE_ENTRIES_MAX ((1U << 20) - DJ_INSTANCE_ENTRY) /* what a run's files/ can show */

struct dj_node {
    enum dj_node_kind kind;
    uint64_t number; /* fixed: enum dj_fixed */
    uint32_t leaf;
};

/* dj_node_pack(node): 0, which is no node, when the number or the leaf does not fit. */
uint64_t dj_node_pack(struct dj_node node);

/* dj_node_is_ended(node): of an ended instance, which is held while it is open. */
bool dj_node_is_ended(const struct dj_node *node);

/* dj_node_session(session, resource): the number of a node of kind 6; resource NULL: its others. */
uint64_t dj_node_session(const char *session, const char *resource);

/* dj_node_unpack(id, ret): false for what dj_node_pack() never makes. */
bool dj_node_unpack(uint64_t id, struct dj_node *ret);

/*
 * dj_node_ino(task, name, leaf, path): an inode number for a file of a call: enum dj_run_leaf, or
 * DJ_RUN_FILES with the path of an entry below files/. Never below 1024: those are fixed nodes'.
 */
uint64_t dj_node_ino(uint32_t task, struct dj_bytes name, enum dj_run_leaf leaf,
                     struct dj_bytes path);

#endif

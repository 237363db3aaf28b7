/*
 * What a peer has open: files whose bytes depend on when they are asked for, and dialogues.
 *
 * Most opens need no handle: folders, immutable content (read by its node) and small texts (which
 * come with the answer to OPEN). A handle is made for the rest. It belongs to the peer that opened
 * it and ends with RELEASE or with the peer; a request that waits for something of it holds a
 * reference of its own, so it may end later.
 */
#ifndef DJ_DAEMON_HANDLE_H
#define DJ_DAEMON_HANDLE_H

#include <stdint.h>
#include <uthash.h>

#include "daemon/engine.h"
#include "daemon/request.h"
#include "lib/util/buf.h"

struct dj_handle;
struct dj_dialogue;
struct dj_sweep_run;
struct dj_tree;

/* What can be done with it. Each of read and write answers the request, now or later. */
struct dj_handle_ops {
    void (*read)(struct dj_handle *handle, struct dj_request *request,
                 const struct dj_msg_read *ask);
    void (*write)(struct dj_handle *handle, struct dj_request *request,
                  const struct dj_msg_write *ask); /* NULL: EACCES */
};

struct dj_handle {
    uint64_t number;
    uint64_t node;
    unsigned refs;
    const struct dj_handle_ops *ops;
    struct dj_tree *tree;
    struct dj_task *task;          /* .ctl, .version, .definition */
    struct dj_call *call;          /* a reference, or NULL */
    uint64_t instance;             /* what it shows */
    bool holds;                    /* the instance is held until the end */
    uint64_t entry;                /* enum dj_instance_leaf, or an entry's place */
    uint64_t base;                 /* events: the position of the file's first byte */
    struct dj_buf name;            /* ctl of a run whose name may set ignored parameters */
    struct dj_buf text;            /* wait: what it answered */
    struct dj_dialogue *dialogue;  /* ctl */
    struct dj_sweep_run *sweep;    /* results or table.csv of a sweep */
    struct dj_frame_file *file;    /* of a stored frame: the one that it was when it was opened */
    UT_hash_handle hh;
};

struct dj_handles {
    struct dj_handle *table;
    uint64_t last;
};

/* dj_handle_new(handles, tree, node, ops): of a new number; the table has the first reference. */
struct dj_handle *dj_handle_new(struct dj_handles *handles, struct dj_tree *tree, uint64_t node,
                                const struct dj_handle_ops *ops);
struct dj_handle *dj_handle_get(struct dj_handles *handles, uint64_t number); /* or NULL */
void dj_handle_ref(struct dj_handle *handle);
void dj_handle_unref(struct dj_handle *handle);
void dj_handle_close(struct dj_handles *handles, uint64_t number); /* RELEASE */
void dj_handle_close_all(struct dj_handles *handles);

/* dj_handle_hold(handle, instance): what it shows stays readable until the handle's end. */
void dj_handle_hold(struct dj_handle *handle, uint64_t instance);

#endif

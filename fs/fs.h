/*
 * The mount: everything that djfs knows, and what its parts share.
 *
 * Threads: two run the loop and own all of this by turns (loop.h); they wait for the kernel, the
 * daemon and signals, and never for anything else. The notifier's thread only sends notifications.
 * A request is answered by the function that handles it or, when the daemon must be asked, by the
 * `answer` of its pending.h entry; 10 000 blocked opens are 10 000 such entries and no thread.
 *
 * djfs knows nothing of the tree's shape: node ids, names, attributes and content come from the
 * daemon, and there is no table of inodes (names.h says which few nodes are counted).
 */
#ifndef DJ_FS_FS_H
#define DJ_FS_FS_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/ahead.h"
#include "fs/answers.h"
#include "fs/attr.h"
#include "fs/backend.h"
#include "fs/callers.h"
#include "fs/fuse.h"
#include "fs/holds.h"
#include "fs/links.h"
#include "fs/names.h"
#include "fs/notifier.h"
#include "fs/options.h"
#include "fs/pending.h"
#include "fs/removed.h"
#include "fs/stale.h"

struct dj_fs {
    struct dj_options options;
    char *mount; /* absolute */
    struct fuse_session *session;
    struct dj_backend backend;
    struct dj_pendings pendings;
    struct dj_answers answers;
    struct dj_aheads aheads;
    struct dj_attrs attrs;
    struct dj_callers callers;
    struct dj_names names;
    struct dj_holds holds;
    struct dj_links links;
    struct dj_removed removed;
    struct dj_stale stale;
    struct dj_notifier notifier;
    struct dj_handle *handles; /* all that are open */
    uint64_t unheld;           /* those of instances' nodes that holds does not count */
    struct dj_part_attr root;  /* of the root folder, as the daemon said last */
    struct dj_msg_forget forgotten; /* collected during one turn of the loop */
    void (*on_init)(struct dj_fs *fs);
    bool bare;     /* it answers no OPEN: see bare.h */
    bool broken;   /* /dev/fuse cannot be read any more */
};

static inline struct dj_fs *dj_fs_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

/* dj_fs_caller(fs, req, ret): who asks, with the run that it belongs to. */
void dj_fs_caller(struct dj_fs *fs, fuse_req_t req, struct dj_part_caller *ret);
void dj_fs_caller_of(struct dj_fs *fs, const struct fuse_ctx *asker, struct dj_part_caller *ret);

/* dj_fs_tell_release(fs, node, handle, times): RELEASE, `times` times. */
void dj_fs_tell_release(struct dj_fs *fs, uint64_t node, uint64_t handle, uint64_t times);
/* dj_fs_tell_forget(fs, node, count): FORGET, with others at the end of the loop's turn. */
void dj_fs_tell_forget(struct dj_fs *fs, uint64_t node, uint64_t count);
void dj_fs_flush_forgotten(struct dj_fs *fs);

extern const struct dj_backend_events dj_fs_backend_events;
extern const struct fuse_lowlevel_ops dj_fs_ops;

#endif

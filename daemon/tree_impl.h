/*
 * The inside of the tree: what tree_*.c share.
 *
 * A node id is turned into a *spot*: the engine's objects behind it and its *sort*, which is a
 * table of what can be done with it. Each tree_*.c brings the sorts of one part of the tree.
 */
#ifndef DJ_DAEMON_TREE_IMPL_H
#define DJ_DAEMON_TREE_IMPL_H

#include <sys/stat.h>

#include "daemon/ctl.h"
#include "daemon/frames.h"
#include "daemon/handle.h"
#include "daemon/named.h"
#include "daemon/node.h"
#include "daemon/tree.h"

/* How long a mount may believe a name and its attributes without asking again. */
enum {
    DJ_TTL_NONE = 0,
    DJ_TTL_SHORT_MS = 1000,           /* what the next run or definition can make wrong */
    DJ_TTL_LONG_MS = 60 * 1000,       /* what never changes */
    DJ_TTL_LASTING_MS = 3600 * 1000   /* of a read-only mount, which is told (tree_lasting.c) */
};

#define DJ_TREE_INLINE_MAX (256U * 1024) /* content that comes with the answer to OPEN */
#define DJ_TREE_READ_MAX (1024U * 1024)  /* bytes of one READ */
#define DJ_TREE_PAGE_MAX 512             /* entries of one READDIR */
#define DJ_TREE_NAMES_MAX 2048           /* and when only their names are wanted */
#define DJ_LOOKED_BITS 65536

struct dj_tree_peer {
    struct dj_tree *tree;
    struct dj_peer *peer;
    struct dj_handles handles;
    struct dj_named_count *counts;
    struct dj_held *held;               /* instances it has open by their nodes */
    uint8_t looked[DJ_LOOKED_BITS / 8]; /* calls whose files it may remember, by hash */
    uint64_t change_budget;             /* messages it may still be sent, see tree_change.c */
    uint64_t change_ns;
    bool learnt;              /* something since it was last told to look at everything anew */
    struct dj_shown *shown;   /* texts as it was told their sizes, see tree_texts.c */
    size_t shown_bytes;
    uint64_t events_base;     /* of a mount that reads without a handle */
    struct dj_tree_peer *prev, *next;
};

struct dj_tree {
    struct dj_engine *engine;
    struct dj_nameds nameds;
    struct dj_tree_peer *peers;
    struct dj_refusal *refusals;
    struct dj_reserving *reservings; /* tree_reserve.c */
    struct dj_kept *manifests;
    size_t manifest_entries; /* of all that are kept */
    uint64_t events_end;   /* where the log ended when it was last looked at, and when that was */
    uint64_t events_ns;
    uint32_t uid, gid;     /* of everything that is shown */
};

struct dj_sort;

struct dj_spot {
    struct dj_tree *tree;
    struct dj_engine *engine;
    struct dj_tree_peer *peer;
    bool readonly;           /* seen through a read-only mount */
    uint64_t id;
    struct dj_node node;
    const struct dj_sort *sort;
    struct dj_task *task;    /* NULL: fixed */
    struct dj_call *call;    /* a reference, or NULL */
    struct dj_bytes name;    /* of a run that was only listed: then call is NULL */
    struct dj_named *named;  /* kind 3 */
    /* Kind 4, borrowed: gone when the loop turns. The manifest is there for files/ only. */
    const struct dj_rec_instance *record;
    const struct dj_rec_manifest *manifest;
    /* Kind 6, borrowed likewise. */
    const char *session;
    const char *resource;    /* or NULL */
    struct dj_frame *frame;  /* kind 7, borrowed likewise */
    struct dj_named *sweep;  /* kind 8: its folder, borrowed likewise */
};

#define DJ_SPOT_INIT {0}

/*
 * dj_spot_given(spot, asker, ret): *asker asks with the ignored parameters that the spot's name
 * sets; ret is released by the caller, before the loop turns.
 */
void dj_spot_given(const struct dj_spot *spot, struct dj_asker *asker, struct dj_args *ret);
#define dj_cleanup_spot DJ_CLEANUP(dj_spot_release)

/* A page of a listing under way. */
struct dj_listing {
    struct dj_msg_dirents out;
    size_t max;
    size_t max_names;      /* not 0: names are enough, so many at the most */
    size_t n_names;        /* packed in out.names */
    size_t bytes;
    uint64_t cookie;       /* go on behind this; 0: from the start */
    struct dj_bytes after; /* and behind this name */
};

/*
 * What can be done with a spot; NULL is refused in the usual way for its type. Functions that take
 * a request answer it. text and writable make a small file complete: its size, open and read.
 */
struct dj_sort {
    mode_t mode; /* type and permissions; attr may change it */
    void (*text)(const struct dj_spot *spot, struct dj_buf *buf);
    bool costly; /* its text is made for stat(2) in read-only mounts only, else it shows no size */
    int (*attr)(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err);
    int (*lookup)(const struct dj_spot *spot, const struct dj_asker *asker, struct dj_bytes name,
                  struct dj_spot *ret, struct dj_err *err);
    int (*list)(const struct dj_spot *spot, const struct dj_asker *asker,
                struct dj_listing *listing, struct dj_err *err);
    void (*readlink)(const struct dj_spot *spot, struct dj_request *request,
                     const struct dj_asker *asker, const struct dj_msg_readlink *ask);
    void (*open)(const struct dj_spot *spot, struct dj_request *request,
                 const struct dj_asker *asker, const struct dj_msg_open *ask);
    const struct dj_handle_ops *writable; /* opened to write: a handle with these */
    void (*read)(const struct dj_spot *spot, struct dj_request *request,
                 const struct dj_msg_read *ask);
    void (*unlink)(const struct dj_spot *spot, struct dj_request *request,
                   const struct dj_asker *asker, const struct dj_msg_unlink *ask);
};

extern const struct dj_sort dj_root_sorts[DJ_FIXED_COUNT];
extern const struct dj_sort dj_frame_sorts[DJ_FRAME_LEAVES];
extern const struct dj_sort dj_session_sorts[DJ_SESSION_LEAVES];
extern const struct dj_sort dj_task_sorts[DJ_TASK_LEAVES];
extern const struct dj_sort dj_run_sorts[DJ_RUN_LEAVES];
extern const struct dj_sort dj_row_sort;
extern const struct dj_sort dj_instance_sorts[]; /* by enum dj_instance_leaf */
extern const struct dj_sort dj_entry_sorts[3];   /* a file, a folder and a link in files/ */
extern const struct dj_sort dj_history_sorts[];  /* by enum dj_instance_leaf */
extern const struct dj_sort dj_history_entry_sorts[3];

/* ---- tree.c ---------------------------------------------------------------------------------- */

struct dj_tree *dj_tree_of(struct dj_engine *engine);
struct dj_tree_peer *dj_tree_peer_of(struct dj_engine *engine, struct dj_peer *peer);

struct dj_asker dj_tree_asker(const struct dj_request *request,
                              const struct dj_part_caller *caller, const struct dj_list *env);
/* dj_tree_may_change(tree, asker, err): -EROFS, -EACCES. */
int dj_tree_may_change(const struct dj_tree *tree, const struct dj_asker *asker,
                       struct dj_err *err) DJ_MUST_CHECK;

/* dj_tree_refuse(request, code, format): answers with the negative errno and a sentence. */
void dj_tree_refuse(struct dj_request *request, int code, const char *format, ...) DJ_PRINTF(3, 4);
void dj_tree_data(struct dj_request *request, struct dj_bytes bytes);
/* dj_tree_slice(request, text, ask): what READ asks for of a text. */
void dj_tree_slice(struct dj_request *request, struct dj_bytes text, const struct dj_msg_read *ask);
void dj_tree_link(struct dj_request *request, const struct dj_buf *target);
/* dj_tree_opened_text(request, text): a small file that is complete in its answer. */
void dj_tree_opened_text(struct dj_request *request, struct dj_buf *text);
void dj_tree_opened_handle(struct dj_request *request, const struct dj_handle *handle,
                           uint64_t size);

/* ---- tree_spot.c ----------------------------------------------------------------------------- */

/* dj_spot_of(peer, node, ret, err): -ESTALE for a node that is not there any more. */
int dj_spot_of(struct dj_tree_peer *peer, uint64_t node, struct dj_spot *ret,
               struct dj_err *err) DJ_MUST_CHECK;
void dj_spot_release(struct dj_spot *spot);

/* New spots beside an old one. */
void dj_spot_fixed(const struct dj_spot *from, enum dj_fixed number, struct dj_spot *ret);
/* dj_spot_session(): resource NULL but for DJ_SESSION_RESOURCE. */
void dj_spot_session(const struct dj_spot *from, const char *session, const char *resource,
                     enum dj_session_leaf leaf, struct dj_spot *ret);
void dj_spot_frame(const struct dj_spot *from, struct dj_frame *frame, enum dj_frame_leaf leaf,
                   struct dj_spot *ret);
void dj_spot_task(const struct dj_spot *from, struct dj_task *task, enum dj_task_leaf leaf,
                  struct dj_spot *ret);
/* dj_spot_run(): another file of the same run folder. */
void dj_spot_run(const struct dj_spot *from, enum dj_run_leaf leaf, struct dj_spot *ret);
/* dj_spot_call(): a file of a call that has a number. */
void dj_spot_call(const struct dj_spot *from, struct dj_call *call, enum dj_run_leaf leaf,
                  struct dj_spot *ret);
/* dj_spot_listed(): the folder of a run of which only number and canonical name are known. */
void dj_spot_listed(const struct dj_spot *from, uint64_t number, struct dj_bytes name,
                    struct dj_spot *ret);
void dj_spot_named(const struct dj_spot *from, struct dj_named *named, enum dj_run_leaf leaf,
                   struct dj_spot *ret);
/* dj_spot_row(): a link in the folder of a sweep. */
void dj_spot_row(const struct dj_spot *from, struct dj_named *sweep, uint64_t row,
                 struct dj_spot *ret);
/* dj_spot_instance(): a file of an ended instance of from's call; -ESTALE when it is not there. */
int dj_spot_instance(const struct dj_spot *from, uint64_t instance, uint32_t leaf,
                     struct dj_spot *ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_spot_history(): the same in history/. */
int dj_spot_history(const struct dj_spot *from, uint64_t instance, uint32_t leaf,
                    struct dj_spot *ret, struct dj_err *err) DJ_MUST_CHECK;
/* dj_spot_beside(): another file of the instance that `from` is of, in the same place. */
int dj_spot_beside(const struct dj_spot *from, uint32_t leaf, struct dj_spot *ret,
                   struct dj_err *err) DJ_MUST_CHECK;

/* dj_spot_attr(spot, ret, err): what stat(2) shows. */
int dj_spot_attr(const struct dj_spot *spot, struct dj_part_attr *ret,
                 struct dj_err *err) DJ_MUST_CHECK;

/* dj_listing_link(listing, target): of the entry that was added last, a link. */
void dj_listing_link(struct dj_listing *listing, struct dj_bytes target);

/* dj_listing_add(listing, spot, name, cookie): false when the page is full. A spot that has gone
 * meanwhile is left out. */
bool dj_listing_add(struct dj_listing *listing, const struct dj_spot *spot, struct dj_bytes name,
                    uint64_t cookie);

/* ---- tree_run.c ------------------------------------------------------------------------------ */

/* dj_run_visible(): through a read-only mount only ended runs are there. */
bool dj_run_visible(struct dj_engine *engine, struct dj_call *call);
/*
 * dj_run_shown(engine, call, readonly): the ended instance that meta, log and deps tell of; 0 when
 * there is none, or one is under way (which a read-only mount does not see). It is the current one
 * if there is one, so that all files of a folder tell of the same instance; else the newest.
 */
uint64_t dj_run_shown(struct dj_engine *engine, struct dj_call *call, bool readonly);
/* dj_run_delete(engine, request, asker, call): answers; a run without a record is fine. */
void dj_run_delete(struct dj_request *request, const struct dj_asker *asker, struct dj_call *call);

/* ---- tree_manifest.c ------------------------------------------------------------------------ */

/* dj_manifest_of(tree, record, instance): good until the request is handled; never NULL. */
const struct dj_rec_manifest *dj_manifest_of(struct dj_tree *tree,
                                             const struct dj_rec_instance *record,
                                             uint64_t instance);
void dj_manifests_trim(struct dj_tree *tree); /* between requests */
void dj_manifests_release(struct dj_tree *tree);

/* dj_manifest_find(manifest, folder, name): the place of an entry, -1. folder: -1 is the top. */
int64_t dj_manifest_find(const struct dj_rec_manifest *manifest, int64_t folder,
                         struct dj_bytes name);
int64_t dj_manifest_at(const struct dj_rec_manifest *manifest, struct dj_bytes path);
/* dj_manifest_next(manifest, folder, after): the next entry right in the folder, -1. */
int64_t dj_manifest_next(const struct dj_rec_manifest *manifest, int64_t folder, int64_t after);

/* ---- tree_edges.c --------------------------------------------------------------------------- */

int dj_edges_lookup(const struct dj_spot *spot, const struct dj_asker *asker, struct dj_bytes name,
                    struct dj_spot *ret, struct dj_err *err);
int dj_edges_list(const struct dj_spot *spot, const struct dj_asker *asker,
                  struct dj_listing *listing, struct dj_err *err);
void dj_edges_unlink(const struct dj_spot *spot, struct dj_request *request,
                     const struct dj_asker *asker, const struct dj_msg_unlink *ask);

/* ---- tree_files.c ---------------------------------------------------------------------------- */

int dj_files_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                    struct dj_bytes name, struct dj_spot *ret, struct dj_err *err);
int dj_files_list(const struct dj_spot *folder, const struct dj_asker *asker,
                  struct dj_listing *listing, struct dj_err *err);
void dj_files_unlink(const struct dj_spot *folder, struct dj_request *request,
                     const struct dj_asker *asker, const struct dj_msg_unlink *ask);
/* dj_instance_attr(), dj_entry_attr(): of what never changes. */
int dj_instance_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err);
int dj_entry_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err);
void dj_entry_readlink(const struct dj_spot *spot, struct dj_request *request,
                       const struct dj_asker *asker, const struct dj_msg_readlink *ask);

/* ---- tree_history.c -------------------------------------------------------------------------- */

int dj_history_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                      struct dj_bytes name, struct dj_spot *ret, struct dj_err *err);
int dj_history_list(const struct dj_spot *folder, const struct dj_asker *asker,
                    struct dj_listing *listing, struct dj_err *err);
void dj_history_unlink(const struct dj_spot *folder, struct dj_request *request,
                       const struct dj_asker *asker, const struct dj_msg_unlink *ask);

/* ---- tree_content.c: immutable bytes --------------------------------------------------------- */

/* dj_content_of(engine, instance, entry): result, log or file of an ended instance, or NULL. */
const struct dj_rec_content *dj_content_of(struct dj_engine *engine, uint64_t instance,
                                           uint64_t entry);
/* dj_content_read(engine, content, offset, size, ret, err): appends; -errno. */
int dj_content_read(struct dj_engine *engine, const struct dj_rec_content *content,
                    uint64_t offset, uint64_t size, struct dj_buf *ret,
                    struct dj_err *err) DJ_MUST_CHECK;

/* dj_open_node(spot, request): the node is right: immutable, and held until RELEASE. */
void dj_open_node(const struct dj_spot *spot, struct dj_request *request);
/* dj_open_other(spot, request, instance, entry): other bytes than the node's, through a handle. */
void dj_open_other(const struct dj_spot *spot, struct dj_request *request, uint64_t instance,
                   uint64_t entry);
/* dj_open_result(spot, …): the open of `result`, whatever its node: waits, computes, ESTALE. */
void dj_open_result(const struct dj_spot *spot, struct dj_request *request,
                    const struct dj_asker *asker, const struct dj_msg_open *ask);
/* dj_open_entry(): of a file in files/; dj_open_files(): of a folder there. Never wait, but with
 * DJ_OPEN_CURRENT. */
void dj_open_entry(const struct dj_spot *spot, struct dj_request *request,
                   const struct dj_asker *asker, const struct dj_msg_open *ask);
void dj_open_files(const struct dj_spot *spot, struct dj_request *request,
                   const struct dj_asker *asker, const struct dj_msg_open *ask);
/* dj_open_text(spot, request, text): of an instance: as immutable as its content. */
void dj_open_text(const struct dj_spot *spot, struct dj_request *request, struct dj_buf *text);
/*
 * dj_content_ahead(spot, max, ret): what LOOKUP and OPEN of the run's result would be answered,
 * when a mount may repeat it and it has `max` bytes at the most. spot: the run's folder, or the
 * result.
 */
bool dj_content_ahead(const struct dj_spot *spot, size_t max, struct dj_part_ahead *ret);
/* dj_read_node(): immutable content by its node, without a handle. */
void dj_read_node(const struct dj_spot *spot, struct dj_request *request,
                  const struct dj_msg_read *ask);

/* dj_held_add(), dj_held_drop(): OPENED without a handle, and its RELEASE. */
void dj_held_add(struct dj_tree_peer *peer, uint64_t instance, uint64_t n);
void dj_held_drop(struct dj_tree_peer *peer, uint64_t instance);
void dj_held_drop_all(struct dj_tree_peer *peer);

/* ---- tree_ctl.c: carrying out control words, and their replies ------------------------------- */

extern const struct dj_handle_ops dj_ctl_root_ops;
extern const struct dj_handle_ops dj_ctl_task_ops;
extern const struct dj_handle_ops dj_ctl_run_ops;
void dj_dialogue_free(struct dj_dialogue *dialogue);

/* ---- tree_sessions.c ------------------------------------------------------------------------- */

int dj_sessions_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                       struct dj_bytes name, struct dj_spot *ret, struct dj_err *err);
int dj_sessions_list(const struct dj_spot *folder, const struct dj_asker *asker,
                     struct dj_listing *listing, struct dj_err *err);
/* dj_session_keep(spot, ret): its names, for a handle that outlives them. */
void dj_session_keep(const struct dj_spot *spot, struct dj_buf *ret);
void dj_session_self(const struct dj_spot *spot, struct dj_request *request,
                     const struct dj_asker *asker, const struct dj_msg_readlink *ask);

/* ---- tree_frames.c --------------------------------------------------------------------------- */

int dj_frames_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                     struct dj_bytes name, struct dj_spot *ret, struct dj_err *err);
int dj_frames_list(const struct dj_spot *folder, const struct dj_asker *asker,
                   struct dj_listing *listing, struct dj_err *err);
void dj_frames_unlink(const struct dj_spot *folder, struct dj_request *request,
                      const struct dj_asker *asker, const struct dj_msg_unlink *ask);

/* ---- tree_sweep.c ---------------------------------------------------------------------------- */

int dj_sweeps_lookup(const struct dj_spot *folder, const struct dj_asker *asker,
                     struct dj_bytes name, struct dj_spot *ret, struct dj_err *err);
int dj_sweeps_list(const struct dj_spot *folder, const struct dj_asker *asker,
                   struct dj_listing *listing, struct dj_err *err);
int dj_sweeps_attr(const struct dj_spot *spot, struct dj_part_attr *attr, struct dj_err *err);
void dj_sweeps_open(const struct dj_spot *spot, struct dj_request *request,
                    const struct dj_asker *asker, const struct dj_msg_open *ask);
void dj_sweeps_read(const struct dj_spot *spot, struct dj_request *request,
                    const struct dj_msg_read *ask);
void dj_sweeps_unlink(const struct dj_spot *folder, struct dj_request *request,
                      const struct dj_asker *asker, const struct dj_msg_unlink *ask);

/* ---- tree_reserve.c: what runs reserve by writing to a session's ctl ------------------------- */

/* dj_reserve_write(request, asker, list, err): answers the write when it returns 0: what is wanted
 * is asked for, and may come later. */
int dj_reserve_write(struct dj_tree *tree, struct dj_request *request,
                     const struct dj_asker *asker, const struct dj_list *list,
                     struct dj_err *err) DJ_MUST_CHECK;
/* dj_reserve_read(): answers with what the asker's run has, when all that it asked for is there. */
void dj_reserve_read(struct dj_tree *tree, struct dj_request *request,
                     const struct dj_asker *asker);
void dj_reservings_release(struct dj_tree *tree);

/* ---- tree_refusal.c ------------------------------------------------------------------------- */

/* dj_refusal_note(): why the last write to a ctl was refused. No task: the root's. */
void dj_refusal_note(struct dj_tree *tree, struct dj_task *task, struct dj_call *call,
                     const char *sentence);
void dj_refusal_note_session(struct dj_tree *tree, const char *session, const char *sentence);
/* dj_refusal_text(): the words of a ctl, and its last refusal. */
void dj_refusal_text(struct dj_tree *tree, enum dj_ctl_scope scope, struct dj_task *task,
                     struct dj_call *call, struct dj_buf *buf);
void dj_ctl_text(const struct dj_spot *spot, struct dj_buf *buf);
void dj_refusals_release(struct dj_tree *tree);

/* ---- tree_task.c: runs of a task, as the store lists them ------------------------------------ */

struct dj_page_run {
    struct dj_buf name;
    uint64_t number; /* of its call */
};

struct dj_page {
    struct dj_list runs; /* struct dj_page_run */
    size_t max;
};

/* dj_page_add(page, name, number): a dj_run_each_fn that fills a page. */
int dj_page_add(void *page, struct dj_bytes name, uint64_t number);
/* dj_page_release(page): it is empty then, and can be filled again. */
void dj_page_release(struct dj_page *page);

/* ---- tree_ahead.c ---------------------------------------------------------------------------- */

/* dj_ahead_entry(): adds to the answer of LOOKUP the result that comes along. */
void dj_ahead_entry(struct dj_request *request, const struct dj_spot *spot,
                    struct dj_msg_entry *entry);
/* dj_ahead_next(): answers NEXT. */
void dj_ahead_next(const struct dj_spot *folder, struct dj_request *request);

/* ---- tree_change.c --------------------------------------------------------------------------- */

/* dj_change_looked(peer, call): the peer is about to learn something that a run, or with call NULL
 * a definition can make wrong. */
void dj_change_looked(struct dj_tree_peer *peer, struct dj_call *call);
/* dj_change_send(tree, call): of a call; NULL: of any. */
void dj_change_send(struct dj_tree *tree, struct dj_call *call);

/* ---- tree_lasting.c: what read-only mounts believe until they are told ----------------------- */

/* dj_lasting_name(folder, found): how long the name under which it was found, 0: nothing said. */
uint64_t dj_lasting_name(const struct dj_spot *folder, const struct dj_spot *found);
/* dj_lasting_attr(spot): how long its attributes alone. */
uint64_t dj_lasting_attr(const struct dj_spot *spot);

/* ---- tree_texts.c: small texts of read-only mounts ------------------------------------------- */

/* dj_text_show(spot, text, attr): the peer is about to be told of this text's size. */
void dj_text_show(const struct dj_spot *spot, const struct dj_buf *text,
                  struct dj_part_attr *attr);
/* dj_text_shown(spot, ret): what it was told of last; borrowed. */
bool dj_text_shown(const struct dj_spot *spot, struct dj_bytes *ret);
void dj_texts_release(struct dj_tree_peer *peer);

#endif

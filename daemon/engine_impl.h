/*
 * The engine's inside: the structs that its files share. Nobody else includes it.
 *
 * Life of a run (struct run):
 *
 *   QUEUED -> STARTING -> RUNNING <-> BLOCKED -> ENDING -> COMMITTED -> gone
 *                                        |
 *                                     RESUMING (waits for a slot to go on)
 *
 *   CHECKING   looks whether an earlier result stands: cutoff.c
 *   DELAYED    waits for the moment of another try; then QUEUED
 *   QUEUED     in the scheduler's line
 *   STARTING   has a slot; sent to the worker
 *   RUNNING    the worker said STARTED
 *   BLOCKED    waits for a call of its own; its slot is given back
 *   RESUMING   its calls are answered, it stands in line for a slot to be told so
 *   ENDING     its outputs are being taken in on a pool thread; its slot is given back
 *   COMMITTED  its record is written and waits for the group's sync
 *
 * Invariants: a run is in engine->runs from its making to its end. call->run is the run that later
 * askers join, if any; it is in engine->runs. A want is in exactly one run's `wants`, and when its
 * asker is a run, in that run's `asks`, too. holds_slot is true in STARTING and RUNNING only.
 */
#ifndef DJ_DAEMON_ENGINE_IMPL_H
#define DJ_DAEMON_ENGINE_IMPL_H

#include <sys/stat.h>
#include <uthash.h>
#include <utlist.h>

#include "daemon/edges.h"
#include "daemon/engine.h"
#include "daemon/gather.h"
#include "daemon/keys.h"
#include "daemon/locks.h"
#include "daemon/loop.h"
#include "daemon/number_set.h"
#include "daemon/premises.h"
#include "daemon/quota.h"
#include "daemon/request.h"
#include "daemon/sched.h"
#include "daemon/store.h"
#include "lib/model/key.h"
#include "lib/model/launch.h"
#include "lib/model/name.h"
#include "lib/model/template.h"
#include "lib/proto/generations.h"

struct task {
    struct dj_task public;
    struct dj_definition definition;
    struct dj_digest effective; /* zero while undefined or unsettled */
    bool unsettled;             /* a large tracked file is being read */
    struct dj_rec_task rec;
    struct dj_list tracked;     /* struct tracked */
    uint64_t stamp, stamp_turn; /* tracked_now(), in that turn of the loop */
    struct dj_list program;     /* struct tracked: what its command runs, see program.c */
    uint64_t hosted_ns;         /* hosted.c: what its runs in hosts take, about; 0: not known */
    uint64_t usual_ns, usual_until_ns; /* progress.c: what its runs take, by the steady clock */
    UT_hash_handle hh;          /* by name */
};

/* A file that a definition tracks, as it was when the effective version was made. */
struct tracked {
    char *path;
    uint64_t size, mtime_ns, ctime_ns, inode; /* 0: it is not there */
    struct dj_digest digest;
    bool looked;
    bool hashing, unreadable; /* tracked.c */
    uint64_t turn;            /* program.c: dj_loop_turn(), when it was looked at last */
    bool fresh;               /* it may have changed again with the same stat (dj_fstat_settled) */
};

struct run;

struct dj_call {
    struct dj_digest key;
    struct task *task;
    struct dj_args args;
    struct dj_params params; /* what args were bound to: outlives a redefinition */
    struct dj_buf key_cbor;
    struct dj_buf name;
    bool foreign;            /* its arguments do not fit its task's parameters any more */
    struct dj_rec_call rec;  /* rec.number 0: no record yet */
    struct run *run;         /* that later askers join */
    struct run *runs;        /* all of it that are under way */
    unsigned refs;
    bool unwritten;          /* its record is in a batch that is not written yet */
    UT_hash_handle hh;
};

/*
 * A pool of workers and named resources that runs share. One of the calls' own ends with its last
 * run; the others stay.
 */
struct session {
    char *name;
    struct dj_sched sched;
    bool stays;  /* the default one, or one of dj.conf */
    size_t runs; /* that belong to it */
    UT_hash_handle hh;
};

enum run_state {
    CHECKING, DELAYED, QUEUED, STARTING, RUNNING, BLOCKED, RESUMING, ENDING, COMMITTED
};

struct run {
    uint64_t instance;
    struct dj_call *call;
    struct dj_engine *engine;
    enum run_state state;
    struct session *session;
    struct dj_sched_item line; /* and the resources that it has */
    struct dj_list used;       /* struct dj_resource: the most of each that it had */
    bool holds_slot;
    bool forced, incognito, cancelled, adopted;
    bool unstored;           /* incognito, as its task says: others may join it */
    uint64_t ttl_ms, serve_ms;
    uint64_t expires_ns;     /* of what it has read, and at its end its own; 0: never */
    uint64_t own_expires_ns; /* at its end, by its own ttl */
    uint64_t expires_stored; /* what its live record has of it */
    struct check *check;     /* CHECKING */
    bool dropped;            /* its call was deleted: no record of its end */
    bool abandoned;          /* cancelled since nobody waited for it any more */
    bool stored;             /* it has a live record */
    bool started; /* by a word of its own: it goes on when nobody waits */
    uint64_t slot;           /* of the worker; valid when has_slot */
    bool has_slot;
    uint64_t attempt;
    struct dj_digest effective;
    char *version;
    char token[33];
    char *user;
    char *asked_by;          /* who asked first: a run or a user */
    uint64_t first_asker;    /* that run's instance, 0 */
    uint64_t program;        /* premises on the files that it runs, which do not count */
    char *by;                /* who cancelled it; NULL: nobody did */
    uint64_t queued_ns, start_ns;
    struct dj_list env;      /* struct dj_env: of who asked for a memo */
    struct dj_params params;
    struct dj_args args;     /* what it computes with, ignored ones as they were asked for */
    struct dj_list inputs;   /* struct dj_rec_input: its own file arguments when it started */
    uint64_t try, tries;     /* tries by the definition, 1 without retries */
    uint64_t lost;           /* attempts that were lost before this one */
    uint64_t before;         /* the instance of the try before, 0 */
    uint64_t asked;          /* of the first try: its place among the runs of its call */
    uint64_t retry_ns;       /* DELAYED: until then */
    struct dj_timer *timer;  /* DELAYED */
    struct run *next;        /* COMMITTED: the try that follows; it has no timer yet */
    struct dj_rec_bounds bounds; /* from its start on */
    struct dj_launch launch; /* its call's own, else its task's at its start */
    bool own_launch;         /* its call named it */
    char launch_token[33];   /* of this attempt, when another program starts it; else empty */
    struct host *host;       /* the process that it happens in, with others; NULL: its own */
    bool in_host;            /* and has not ended there */
    bool unsaved;            /* so short, most likely, that it has no live record */
    bool late;               /* COMMITTED: its record is written by its sync at the latest */
    struct dj_list told;     /* uint64_t: runs that were told of it before its sync: early.c */
    size_t ahead;            /* what it was told so, and is not durable yet */
    struct chain *chain;     /* whose slot it uses, with others before and behind it; NULL */
    bool given;              /* to its host */
    bool suspect;            /* it was in a host that ended, nobody knows by whom: runs alone */
    struct dj_edges edges;
    struct dj_edges awaited; /* calls that it has waited for, of whatever instance */
    uint64_t tracked;        /* what the files that its task tracks looked like at its start */
    uint64_t tasks;          /* closures so far: */
    struct dj_gathered files; /* the joined one is that of an ended run */
    size_t files_stored;     /* how many of the gathered sets the store has */
    uint64_t tasks_stored, never_stored; /* what its live record has of them */
    uint64_t never;          /* premises that never hold: refusals it saw, itself or by its calls */
    bool held;               /* QUEUED, and not in line: see tracked.c */
    bool over;               /* what is stored of it is durable */
    bool outdated;           /* it is corrupt, or what it has read was marked: no more join it */
    struct dj_list given_up; /* struct dj_call *: asked for, and not waited for till the end */
    struct dj_want *wants;   /* who waits for it */
    struct dj_want *asks;    /* what it waits for */
    struct dj_progress progress; /* of this attempt, as it says itself */
    struct dj_msg_exited exited;
    struct dj_rec_instance result; /* while ENDING and COMMITTED */
    char *log_path;
    int failure;             /* COMMITTED: 0 or what the askers get */
    bool lost_asks;          /* an earlier daemon ended while it waited for resources */
    bool ends;               /* deadlock.c: it can come to its end */
    uint64_t search;         /* cycles.c: the last search that met it, */
    struct run *via;         /* and from where */
    struct run *beside;      /* call->runs */
    UT_hash_handle hh;       /* by instance */
};

struct dj_want {
    struct dj_engine *engine;
    struct run *target;      /* NULL: answered, or a hit that is being verified, or: */
    bool reserves;           /* it is resources that are wanted, */
    struct dj_sched_item part; /* these, while it stands in line, */
    struct session *session; /* of this one */
    struct dj_list got;      /* struct dj_sched_part: what came, until it is told */
    bool hit;                /* a stored result, or it was one before that turned out bad */
    bool verifying;
    struct asked *asked;     /* hit: who asks for what, should it have to be computed */
    struct run *asker;       /* NULL: not a run */
    bool only_end;           /* dj_wait_end: any end will do */
    bool again;              /* as struct dj_asker has it */
    bool answered;           /* waits only for the asker's slot */
    bool holds;              /* the instance that answered */
    int code;
    uint64_t instance;
    char *sentence;
    dj_wanted_fn *done;
    void *cookie;
    struct dj_want *prev, *next;         /* target->wants */
    struct dj_want *ask_prev, *ask_next; /* asker->asks */
};

/* A content that outlives its record: deleted while open, or never stored (incognito). */
struct held {
    uint64_t instance;
    unsigned count;
    bool dropped;               /* its call has forgotten it */
    bool ephemeral;
    struct dj_rec_instance rec; /* ephemeral only, as is the next */
    struct dj_list claims;      /* struct dj_digest: its large content */
    struct dj_call *call;
    UT_hash_handle hh;
};

/* The record of a run that called many: decoding it takes longer than all else of a look at it. */
struct wide {
    uint64_t instance; /* 0: empty */
    struct dj_rec_instance *rec;
};

enum { WIDE_KEPT = 8, WIDE_EDGES = 64, SPELLED_KEPT = 256 };

struct waiting_sync {
    dj_done_fn *done;
    void *cookie;
};

/* Short runs in one host that use one slot, one after the other. */
struct chain {
    size_t n; /* of them that have not ended, and are not blocked */
    struct host *host;      /* of its first, */
    uint64_t program, turn; /* for that program, in the turn in which it was made */
};

/* A process in which runs of thread and resident tasks happen: hosts.c. */
struct host {
    uint64_t number;
    struct dj_engine *engine;
    struct dj_buf key;       /* what it is host to; empty: it gets no more calls */
    struct dj_peer *peer;    /* NULL: it has not come yet, or went */
    const struct chain *last; /* of the call that it was given last */
    bool heard;              /* it has told what it has: it can be given calls */
    bool came;
    uint64_t slot;
    bool has_slot;           /* the worker has it */
    bool gone;               /* its process has ended */
    bool alone;              /* for one call */
    bool thread;             /* of a library; else of a program */
    size_t refs;             /* runs that name it */
    size_t runs;             /* of these, not ended */
    struct dj_timer *idle;
    UT_hash_handle hh;       /* by number */
};

struct dj_engine {
    struct dj_loop *loop;
    struct dj_store *store;
    char *socket;
    char *worker_program;
    struct task *tasks;
    struct task **task_by_number; /* index = number - 1 */
    size_t task_count, task_cap;
    struct dj_call *calls;
    struct dj_call *spelled[SPELLED_KEPT]; /* long names that were spelled out last */
    size_t spelled_next;         /* that gives way */
    struct run *runs;
    struct cancelling *cancellings; /* cancel.c */
    struct held *helds;
    struct alike *alikes;
    uint64_t alikes_used;        /* counts the look-ups */
    struct verified *verified;   /* content that was read since the start */
    struct dj_premises *premises;
    struct looking *lookings;    /* arguments that are being looked at */
    struct session *sessions;    /* by name */
    struct session *session;     /* the default one */
    struct dj_list launches;     /* struct dj_launch_spec: of dj.conf */
    bool paused;
    struct dj_timer *deadlock_look; /* planned */
    struct dj_locks locks;
    struct claim *claims;        /* on them: claims.h */
    struct dj_timer *claims_look; /* planned */
    uint64_t generation;         /* of effective versions */
    uint64_t tracked_turn;       /* dj_loop_turn(), when tracked files were looked at last */
    size_t unsettled;            /* tasks */
    struct dj_answers *answers;
    struct dj_generations *generations;
    uint64_t changes[DJ_GENERATION_BUCKETS]; /* of calls, all that call_changed() is told */
    char *generations_path;
    uint64_t next_instance, reserved_instance, next_call;
    uint64_t search;             /* for cycles.c */
    uint64_t stored_runs;
    uint64_t stored_bytes;       /* as quota.c counts them */
    uint64_t quota;              /* 0: none */
    uint64_t keep_deleted_ns;
    size_t events_max;           /* bytes, in memory and in the store's folder */
    dj_reload_fn *reload;
    void *reload_cookie;
    /* the worker */
    struct dj_peer *worker;
    struct dj_peer *greeting_worker; /* has not told yet what it runs */
    char *work_dir;
    uint8_t *slots;              /* 1: in use */
    size_t slot_cap;
    struct host *hosts;
    bool spawning;
    bool stopping;
    bool start_planned;
    /* group sync */
    struct dj_list syncs;        /* struct waiting_sync, for the next sync */
    struct dj_list syncing;      /* for the one under way */
    bool sync_running;
    int sync_code;
    struct dj_err sync_err;
    struct dj_list telling;      /* uint64_t: runs whose askers are told at the end of this turn */
    struct dj_store_batch *edges; /* run_add_edge() writes into that; NULL: into the store */
    struct dj_store_batch *batch; /* premises that were made and are not written yet */
    struct dj_list leaving;      /* struct dj_digest: purged, their batch is not written yet */
    struct dj_list unwritten_calls; /* struct dj_call *, referenced */
    struct dj_list unwritten_drops; /* uint64_t */
    struct dj_number_set unwritten_purges; /* instances */
    /* Instances whose record may be in the store, and gone after a power loss, as its sync failed.
     * They answer nobody until a sync succeeds. */
    struct dj_number_set unsynced;
    struct dj_frames *frames;
    /* borrowed records: valid until the loop turns */
    struct dj_list borrowed;
    size_t borrowed_old; /* of these, how many are not to be lent again */
    struct wide wide[WIDE_KEPT]; /* kept longer */
    size_t wide_next;            /* that gives way */
    dj_change_fn *change;
    void *change_cookie;
    char *mount;
    struct dj_timer *mount_due;  /* not NULL: mount is the last daemon's and has not come yet */
    uint64_t start_ns;
    struct dj_buf events;
    uint64_t events_begin;
    uint64_t events_written;     /* position up to which the file has them */
    int events_fd;               /* -1: the file is to be written anew */
    bool events_planned;
};

/* engine.c */
/* store_walked(): frees the iterator; -EUCLEAN when code, or the walk, says that not all was
 * read. */
int store_walked(struct dj_engine *engine, struct dj_store_iter *iter, int code,
                 struct dj_err *err);
/* engine_load_sums(): of the runs that are stored, as the store has them. */
void engine_load_sums(struct dj_engine *engine);
/* engine_reload(): after a change that could not be written: what the store has, again. */
void engine_reload(struct dj_engine *engine);

/* tasks.c */
int tasks_load(struct dj_engine *engine, struct dj_err *err);
void tasks_free(struct dj_engine *engine);
void tasks_reload(struct dj_engine *engine);
void tasks_look_at_tracked(struct dj_engine *engine);
void tasks_raise_generation(struct dj_engine *engine);
/* task_settle(): its effective version anew. */
void task_settle(struct dj_engine *engine, struct task *task);
void task_put(struct dj_engine *engine, struct dj_store_batch *batch,
              struct dj_definition *definition, const struct dj_list *env);
/* task_replace(): another definition, by which its runs are spelled; is_new: it has none. */
void task_replace(struct dj_engine *engine, struct dj_store_batch *batch, struct task *task,
                  struct dj_definition *definition, bool is_new);
uint64_t task_epoch(const struct task *task);
/* task_after(engine, name): the next one by name, defined or not; NULL. */
struct task *task_after(struct dj_engine *engine, struct dj_bytes name);
/*
 * task_known(engine, batch, name, definition): the task of that name; one that is not there is made
 * in the batch, undefined. definition: dj_definition_store(), may be empty: how its runs are
 * spelled while nobody has defined it here.
 */
struct task *task_known(struct dj_engine *engine, struct dj_store_batch *batch, const char *name,
                        struct dj_bytes definition);

/* likes.c */
/* likes_take(): the definitions take from other tasks, each other included, what counts of their
 * parameters. -EINVAL: it is not there to be taken. likes_follow(): those that take from others do
 * so anew. */
int likes_take(struct dj_engine *engine, struct dj_list *definitions, struct dj_err *err);
void likes_follow(struct dj_engine *engine, struct dj_store_batch *batch);

/* tracked.c */
/* tracked_path(): the file behind a tracked word: `command` is the first word of the command when
 * it names a file. NULL: none. */
char *tracked_path(const struct dj_definition *definition, struct dj_bytes word);
/* tracked_hash(): false: a digest is not known yet; task_settle() is called when it is. */
bool tracked_hash(struct dj_engine *engine, struct task *task, struct dj_hasher *hasher);
bool tracked_changed(const struct task *task);
/* A stamp of what they look like: as they were when they were looked at last, and now; 0: none. */
uint64_t tracked_known(const struct task *task);
uint64_t tracked_now(const struct dj_engine *engine, struct task *task);
void tracked_free(struct task *task);
/* run_is_held(run): it must not start before some large file was read; then run_hold(). */
bool run_is_held(struct run *run);
void run_hold(struct run *run);
void runs_release(struct dj_engine *engine);

/* naming.c */
void call_bind(struct dj_call *call);
void calls_rename(struct dj_engine *engine, struct dj_store_batch *batch, struct task *task);
void run_bind(struct run *run, const struct dj_args *given);
bool args_rebind(struct dj_params *params, struct dj_args *args, const struct dj_params *now);

/* calls.c */
struct dj_call *call_of_args(struct dj_engine *engine, struct task *task,
                             const struct dj_args *args);
void call_unlist(struct dj_engine *engine, struct dj_store_batch *batch,
                 const struct dj_call *call);
struct dj_call *call_of_key(struct dj_engine *engine, const struct dj_digest *key);
/* call_of_stored(): by its key, with arguments as they are stored, should it be new. */
struct dj_call *call_of_stored(struct dj_engine *engine, struct task *task, struct dj_bytes key,
                               struct dj_bytes args);
void call_save(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_call *call);
void call_record(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_call *call);
/* call_number(): its number alone, without its record and the counter; true: it had none. */
bool call_number(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_call *call);
/* call_reload(): after a write that failed: what the store has, again. */
void call_reload(struct dj_engine *engine, struct dj_call *call);
void calls_reload(struct dj_engine *engine);
void call_changed(struct dj_engine *engine, struct dj_call *call, bool invalid);
bool premises_hold(struct dj_engine *engine, uint64_t tasks, uint64_t files);
/* call_newest(): of those that have ended, the one that was asked for last: a run that was forced
 * earlier and ends later is none. */
const struct dj_rec_summary *call_newest(const struct dj_call *call);
/* call_newest_that(engine, call, fits): of those that fit; fits NULL: of all, and engine may be. */
typedef bool summary_fits_fn(struct dj_engine *engine, const struct dj_rec_summary *summary);
const struct dj_rec_summary *call_newest_that(struct dj_engine *engine,
                                              const struct dj_call *call, summary_fits_fn *fits);
/* failure_remembered(): the newest try's record, when it answers until somebody forces another. */
const struct dj_rec_instance *failure_remembered(struct dj_engine *engine,
                                                 const struct dj_call *call);
bool task_premise_holds(void *cookie, const struct dj_rec_premise *premise);
bool file_premise_holds(void *cookie, const struct dj_rec_premise *premise);
/* The closure by which an instance is valid: its own, or one of an acceptance. */
struct closure {
    uint64_t tasks, files;
    const struct dj_rec_acceptance *accepted; /* NULL: its own */
    uint64_t expires_ns; /* 0: never */
    bool served;         /* it has expired, and is served while it is computed anew */
};
/* summary_expired(): whatever else holds of it, by its own closure. */
bool summary_expired(const struct dj_rec_summary *summary);
bool summary_holds(struct dj_engine *engine, const struct dj_rec_summary *summary,
                   struct closure *ret);
bool summary_valid(struct dj_engine *engine, const struct dj_rec_summary *summary);
/* summary_durable(): what is being stored is nobody's answer yet. */
bool summary_durable(struct dj_engine *engine, const struct dj_rec_summary *summary);
/* call_choose_run(): later askers join the run that was asked for last, unless a newer result
 * answers them. */
void call_choose_run(struct dj_engine *engine, struct dj_call *call);
/* call_add_summary(call): of one more instance, the number in history/ is set;
 * call_number_summaries(call): before some are taken out: those that stay keep theirs. */
struct dj_rec_summary *call_add_summary(struct dj_call *call);
void call_number_summaries(struct dj_call *call);
/* call_summary(call, instance): or NULL. */
struct dj_rec_summary *call_summary(const struct dj_call *call, uint64_t instance);
/* instance_closure(): what who reads this instance now rests on. */
struct closure instance_closure(struct dj_engine *engine, const struct dj_call *call,
                                const struct dj_rec_instance *rec);

/* alike.c: a run that ended well; runs of the task (NULL: of all) may be listed differently. */
void alike_add(struct run *run);
void alikes_drop(struct dj_engine *engine, const struct task *task, int code);

/* instances.c */
int instance_load(struct dj_engine *engine, uint64_t number, struct dj_rec_instance *ret);
/* instance_lend(engine, rec): what dj_instance() gives in this turn for one that was just stored;
 * rec is emptied. */
void instance_lend(struct dj_engine *engine, struct dj_rec_instance *rec);
void instances_free(struct dj_engine *engine);
/* instance_forget(): its record changes or goes. */
void instance_forget(struct dj_engine *engine, uint64_t number);
struct held *held_find(struct dj_engine *engine, uint64_t number);

/* verify.c */
void verified_add(struct dj_engine *engine, const struct dj_digest *digest);
void verified_forget(struct dj_engine *engine, const struct dj_digest *digest);
void verified_forget_all(struct dj_engine *engine);
bool verified_has(struct dj_engine *engine, const struct dj_digest *digest);
/* content_good(engine, content, bytes): these are all of its bytes; what is bad is set aside. */
bool content_good(struct dj_engine *engine, const struct dj_rec_content *content,
                  struct dj_bytes bytes);

/* corrupt.c */
void call_corrupt(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                  const char *sentence);
void instance_corrupt(struct dj_engine *engine, uint64_t instance, const char *sentence);
/* content_unread(engine, content, code): code: -errno, 0: fewer bytes than it has. Its error. */
int content_unread(struct dj_engine *engine, const struct dj_rec_content *content, int code);

/* content_corrupt(): with all runs that have it; code: -errno of the read, 0: its digest. */
void content_corrupt(struct dj_engine *engine, const struct dj_digest *digest, uint64_t size,
                     int code);

/* purge.c */
/* instance_drop(): at once, or when nobody has it open any more: then instance_dropped(). */
void instance_drop(struct dj_engine *engine, struct dj_store_batch *batch, uint64_t number);
void instance_dropped(struct dj_engine *engine, uint64_t number);
void count_run(struct dj_engine *engine, struct dj_store_batch *batch,
               const struct dj_rec_instance *rec, int change);
/* counters_put(): those that a stored run changes, as they are now. */
void counters_put(const struct dj_engine *engine, struct dj_store_batch *batch);
/* contents_leave(): after a batch with purges was written: its files go when it is durable. */
void contents_leave(struct dj_engine *engine);
/* contents_settle(engine, claims): struct dj_digest that were adopted; the list is emptied. */
void contents_settle(struct dj_engine *engine, struct dj_list *claims);
size_t contents_sweep(struct dj_engine *engine);

/* unwritten.c: calls whose records, and instances whose purge, are in the batch that is being made;
 * unwritten_forget(): it was written, or could not be. */
void unwritten_call(struct dj_engine *engine, struct dj_call *call);
void unwritten_purge(struct dj_engine *engine, uint64_t instance);
bool unwritten_is_purged(const struct dj_engine *engine, uint64_t instance);
/* unwritten_drop(): an instance that somebody has open: once the batch is written it is purged when
 * he closes it. */
void unwritten_drop(struct dj_engine *engine, uint64_t instance);
void unwritten_forget(struct dj_engine *engine, bool written);

/* last_mount.c: the mount that the daemon before had; _end(): while there is a loop. */
void last_mount_load(struct dj_engine *engine);
void last_mount_end(struct dj_engine *engine);

/*
 * mount_points.c: mounts_add(), _remove(): a mount point of ours, when its djfs comes and goes.
 * path_mount(path): the length of the one that the path is or lies below, 0: none; path_in_mount():
 * it lies below one. Of the path as it is written. On any thread.
 */
void mounts_add(struct dj_bytes place);
void mounts_remove(struct dj_bytes place);
size_t path_mount(struct dj_bytes path);
bool path_in_mount(struct dj_bytes path);

/*
 * outside.c: files that may lie in a mount of ours by a link; they are absolute paths, on any
 * thread. outside_open(): the descriptor; outside_stat(): 0; both -EXDEV when it does, else -errno.
 * outside_resolve(path, ret): 1 when it does, and ret is the path in the mount; 0: ret is where it
 * is; -errno.
 */
int outside_open(const char *path, int flags) DJ_MUST_CHECK;
int outside_stat(const char *path, struct stat *ret) DJ_MUST_CHECK;
int outside_resolve(struct dj_bytes path, struct dj_buf *ret) DJ_MUST_CHECK;

/* mounted.c: paths below our own mounts. */
/* What such a path names, and where: the result of a run, or one of its files. */
struct place {
    struct dj_call *call;  /* a reference */
    uint64_t instance;     /* an earlier one by its number; 0: the current one */
    struct dj_buf path;    /* below the mount, with the run's canonical name */
    struct dj_buf file;    /* in files/; empty: result */
};
void place_release(struct place *place);
/* place_find(engine, path, ret, err): path may lack the mount point before it. */
int place_find(struct dj_engine *engine, struct dj_bytes path, struct place *ret,
               struct dj_err *err);
/* place_digest(): what a parameter of the type is keyed by when it names this place. */
int place_digest(struct dj_engine *engine, const struct place *place, uint64_t instance,
                 enum dj_type type, struct dj_bytes path, struct dj_digest *ret,
                 struct dj_err *err);

/* stat_cache.c */
bool input_same_stat(const struct dj_rec_input *input, const struct stat *st);
/* input_known(store, path, st, ret): whether the digest of the file with this stat is known. */
bool input_known(struct dj_store *store, const char *path, const struct stat *st,
                 struct dj_digest *ret);
/* input_look(store, batch, path, ret, err): the digest of a file, if need be by reading it: then
 * what is to be remembered is put into the batch. On any thread but the loop's: it may wait. */
int input_look(struct dj_store *store, struct dj_store_batch *batch, const char *path,
               struct dj_digest *ret, struct dj_err *err) DJ_MUST_CHECK;
/* input_hash_later(): the same on a pool thread; then(0 or -EBUSY when the file changes meanwhile,
 * other -errno). */
typedef void input_hashed_fn(void *cookie, int code);
void input_hash_later(struct dj_engine *engine, const char *path, input_hashed_fn *then,
                      void *cookie);
/* input_remember(): the digest by the path, for DJ_FILE, and the path by the digest. */
void input_remember(struct dj_store_batch *batch, enum dj_type type, const char *path,
                    const struct dj_digest *digest, const struct stat *st);
/* input_holds(): as a premise; the digest is zero for a file that was not there. */
bool input_holds(struct dj_engine *engine, struct dj_bytes path, const struct dj_digest *digest);

/* resolve.c */
/* resolve_run(): a run argument, TASK/NAME in any spelling, by the daemon's own tables. */
int resolve_run(struct dj_engine *engine, struct dj_scalar *scalar, struct dj_err *err);
void resolve_args(struct dj_engine *engine, struct task *task, struct dj_args *args,
                  const struct dj_asker *asker, dj_resolved_fn *done, void *cookie);

/* inputs.c */
/* inputs_take(run, then): looks at the run's own file arguments; then(run, 0 or -ESTALE …). */
typedef void inputs_then_fn(struct run *run, int code, const char *sentence);
void inputs_take(struct run *run, inputs_then_fn *then);
/* inputs_same(run, ret): they are as they were at its start; else ret is the path of one. */
bool inputs_same(const struct run *run, struct dj_buf *ret);
void inputs_free(struct dj_list *inputs);

/* runs.c */
struct run *run_find(struct dj_engine *engine, uint64_t instance);
struct run *run_of_token(struct dj_engine *engine, struct dj_bytes token);
struct run *run_new(struct dj_engine *engine, struct dj_call *call, uint64_t instance);
void run_queue(struct run *run, enum dj_sched_class class);
/* run_cancel(run, by, drop): by: a user, NULL: nobody waits for it; drop: its call is deleted. */
void run_cancel(struct run *run, const char *by, bool drop);
/* runs_cancel(engine, task, call or NULL, by, drop): all of the call, or of the task, that are
 * under way, also those that a forced or an incognito one stands beside; returns their number. */
size_t runs_cancel(struct dj_engine *engine, const struct task *task, const struct dj_call *call,
                   const char *by, bool drop);
void run_finish(struct run *run, int code, const char *sentence);
void cancel_ended(struct dj_engine *engine, uint64_t instance, uint64_t next); /* 0: none follows */
void run_new_token(struct run *run);
void run_new_launch_token(struct run *run);
/* engine_number(): one that no instance has, and no other host. */
uint64_t engine_number(struct dj_engine *engine);
void run_forget_live(struct run *run, struct dj_store_batch *batch);
void run_plan_start(struct dj_engine *engine);
void run_give_back(struct run *run);
void run_free(struct run *run);
int run_add_edge(struct run *run, struct dj_call *child, uint64_t instance, bool failed);
void run_add_premises(struct run *run, uint64_t tasks, uint64_t files);
void run_add_closure(struct run *run, const struct closure *closure);
/* run_is_joined(run): later askers may have its result. */
bool run_is_joined(const struct run *run);
/* run_kept(run, instance): it is not needed: an earlier instance answers. */
void run_kept(struct run *run, uint64_t instance);
/* run_files(run): the closure of its files so far, as one set. */
uint64_t run_files(struct run *run);
/* run_holds(run): what it has read so far is as it was. */
bool run_holds(const struct run *run);
void run_add_never(struct run *run, uint64_t never);
void run_refused(struct run *run, const char *sentence);
void run_give_up(struct run *run, struct dj_call *child);
/* run_note_wait(): it is about to wait for the child; run_waits_for(): as an earlier daemon has
 * noted, false: that is known already. */
void run_note_wait(struct run *run, struct dj_call *child);
bool run_waits_for(struct run *run, uint64_t call);
void run_settle_premises(struct run *run);

/*
 * cutoff.c: cutoff_settle(): an earlier result that stands by what is there already is valid from
 * then on. check_begin(): false: the run has to be computed; else it is CHECKING, and queued later
 * if need be. check_end(): it is looked at no more.
 */
bool cutoff_settle(struct dj_engine *engine, struct dj_call *call);
bool check_begin(struct run *run);
void check_end(struct run *run);
void check_forget(struct run *run); /* there is no loop any more */

/* tries.c */
/* run_class(run): by who waits for it. */
enum dj_sched_class run_class(const struct run *run);
void run_delay(struct run *run);
/* run_prepare_retry(run, batch): its next try, if any, into run->next and the batch. */
void run_prepare_retry(struct run *run, struct dj_store_batch *batch);
/* run_hand_over(run, sentence): who waits for it waits for run->next; the run is gone then. */
void run_hand_over(struct run *run, const char *sentence);
/* run_start_again(run, by_itself): one that was lost; false: not any more. by_itself: it may have
 * been its own doing, so it is counted. */
bool run_start_again(struct run *run, bool by_itself);
bool run_may_start_again(const struct run *run);

/* wants.c */
void wants_answer(struct run *run, int code, uint64_t instance, const char *sentence);
/* want_record(asker, run, …): the answer is what the asker rests on from here on; -errno: that is
 * not on record. want_tell(want, …): one alone is answered. */
int want_record(struct run *asker, struct run *run, int code, uint64_t instance,
                const char *sentence);
void want_tell(struct dj_want *want, uint64_t instance);
void wants_deliver(struct run *asker);
void want_forget_asker(struct run *asker);
/* run_for_check(asker, call): a run of a call that one that is CHECKING had called; NULL: it cannot
 * be. want_end(): it waits for its end, whatever that is. */
struct run *run_for_check(struct run *asker, struct dj_call *call);
struct dj_want *want_end(struct run *asker, struct run *target, dj_wanted_fn *done,
                         void *cookie);

/*
 * sessions.c
 *
 * session_check(engine, call, asker, joins, err): that the session is there in which the call would
 * run, and has what its task needs, unless it joins a run that goes on.
 * session_enter(run, asker): it belongs to that one from here on.
 */
void sessions_take_limits(struct dj_engine *engine, const struct dj_engine_limits *limits);
void sessions_free(struct dj_engine *engine);
/* sessions_forget_empty(): those of calls whose runs have ended: they go here only, so that one can
 * be relied on while something is done with it. */
void sessions_forget_empty(struct dj_engine *engine);
struct session *session_find(struct dj_engine *engine, const char *name);
int session_check(struct dj_engine *engine, const struct dj_call *call,
                  const struct dj_asker *asker, bool joins, struct dj_err *err) DJ_MUST_CHECK;
void session_enter(struct run *run, const struct dj_asker *asker);
/* run_join_session(run, session): leaves the one before; NULL: leaves. */
void run_join_session(struct run *run, struct session *session);
/* run_store_session(), run_load_session(): in the run's live record. */
void run_store_session(const struct run *run, struct dj_rec_live *live);
void run_load_session(struct run *run, const struct dj_rec_live *live);
void run_record_session(const struct run *run, struct dj_rec_instance *rec);
/* run_need(run): what its task declares, before it stands in line; what it had is free. */
void run_need(struct run *run);
/* run_resources(run, ret): struct dj_resource: what it has. */
void run_resources(const struct run *run, struct dj_list *ret);
/* run_note_used(run): what it has now is used. */
void run_note_used(struct run *run);
void run_free_resources(struct run *run);
/* session_reservable(run, resources, ret, err): what the run may wait for, as ret's needs. */
int session_reservable(const struct run *run, const struct dj_list *resources,
                       struct dj_sched_item *ret, struct dj_err *err) DJ_MUST_CHECK;
/* A resource of a session that does not fit at the moment, or that others wait for, too. */
void session_say_part(const struct dj_engine *engine, const struct session *session,
                      const struct dj_sched_item *item, struct dj_reason *ret);

/*
 * launches.c
 *
 * launch_check(engine, call, asker, err): that the call can be launched as it would be.
 * run_take_launch(run, asker): what its call says, from its making on.
 * run_settle_launch(run, ret, err): at its start, when run->launch is its call's or its task's; ret
 * is what that stands for: valid until dj.conf is read anew.
 */
void launches_take_limits(struct dj_engine *engine, const struct dj_engine_limits *limits);
void launches_free(struct dj_engine *engine);
int launch_check(struct dj_engine *engine, const struct dj_call *call,
                 const struct dj_asker *asker, struct dj_err *err) DJ_MUST_CHECK;
/* launch_note(engine, definition, notes): what may be amiss, for who defines it. */
void launch_note(const struct dj_engine *engine, const struct dj_definition *definition,
                 struct dj_list *notes);
/* launch_is_direct(): it takes the slot that the caller gives up for it, when he is a run. */
bool launch_is_direct(const struct dj_engine *engine, const struct run *run,
                      const struct dj_asker *asker);
void run_take_launch(struct run *run, const struct dj_asker *asker);
int run_settle_launch(struct run *run, const struct dj_launch **ret,
                      struct dj_err *err) DJ_MUST_CHECK;
/* launch_by_command(run, launch, expansion, message, err): the message for the worker, which is
 * filled for a process, becomes that for a launching program. run_has_begun(run): its command has;
 * false: it waits in a queue, as far as can be told. */
int launch_by_command(struct run *run, const struct dj_launch *launch,
                      const struct dj_expansion *expansion, struct dj_msg_run *message,
                      struct dj_err *err) DJ_MUST_CHECK;
bool run_has_begun(const struct run *run);
/* run_load_launch(run, live): of its live record. */
void run_load_launch(struct run *run, const struct dj_rec_live *live);

/* wants.c: what is not a call is wanted, by a run that is blocked then, or by nobody (NULL); and
 * what it is told in the end: false: at once, and it is gone. */
struct dj_want *want_new(struct dj_engine *engine, struct run *asker, dj_wanted_fn *done,
                         void *cookie);
bool want_answer(struct dj_want *want, int code, const char *sentence);

/* wants.c: a reservation has what it waited for, or is refused; false: it is told, and gone. */
bool want_reserved(struct dj_want *want, int code, const char *sentence);

/* deadlock.c: looks soon for runs that wait for each other's resources for ever. */
void deadlock_plan_look(struct dj_engine *engine);

/*
 * cycles.c: whether asker, waiting for target, would wait for itself; and whether asker is, or is
 * waited for by, a run of the call, which a run of its own (forced, incognito) would then be, too.
 */
bool cycle_closes(struct run *asker, struct run *target, struct dj_buf *ret_sentence);
bool cycle_above(struct run *asker, const struct dj_call *call, struct dj_buf *ret_sentence);

/* quota.c: all counted (a store of an earlier djd); -EDQUOT: there is no room. */
void quota_count(struct dj_engine *engine);
int quota_check(struct dj_engine *engine, const struct dj_rec_instance *rec, struct dj_err *err);

/* ending.c */
void run_end(struct run *run);
/* instance_put(): the record, and the ways to it from what it called. */
void instance_put(struct dj_store_batch *batch, const struct dj_rec_instance *rec);
/* call_drop_deleted(): what was deleted gives way to what the call has from now on. */
void call_drop_deleted(struct dj_engine *engine, struct dj_store_batch *batch,
                       struct dj_call *call);

/* sync.c */
void sync_then(struct dj_engine *engine, dj_done_fn *done, void *cookie);
int engine_write(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_err *err);
/* engine_write_later(): as dj_store_write_later(). */
int engine_write_later(struct dj_engine *engine, struct dj_store_batch *batch,
                       const struct dj_store_batch *tail, struct dj_err *err);

/* workers.c */
void run_put_live(struct run *run, struct dj_store_batch *batch);
void worker_spawn(struct dj_engine *engine);
void workers_adopt(struct dj_engine *engine);
int worker_start(struct run *run, struct dj_err *err);
void worker_kill(struct run *run);
void worker_taken(struct run *run);
int live_save(struct run *run, struct dj_err *err);
/* live_need(run): what is recorded of it needs one: it is saved now if it was not. */
void live_need(struct run *run);
/* live_save_premises(run): what it has met since. */
void live_save_premises(struct run *run);
/* live_forget_read(): what is kept beside the live record of what it has read. */
void live_forget_read(struct run *run, struct dj_store_batch *batch);
void worker_attach(struct dj_engine *engine, struct dj_peer *peer, const char *place);
void worker_gone(struct dj_engine *engine, struct dj_peer *peer);
void worker_message(struct dj_engine *engine, struct dj_peer *peer,
                    const struct dj_message_in *message);
void slot_free(struct dj_engine *engine, uint64_t slot);

uint64_t slot_take(struct dj_engine *engine);
/* worker_free(): a slot that the worker told of, and that is over. */
void worker_free(struct dj_engine *engine, uint64_t instance, uint64_t attempt, uint64_t slot);
/* worker_lost(run): nobody has it: it is begun again, or ends as lost. */
void worker_lost(struct run *run);
bool worker_has(const struct run *run);
void worker_exited(struct run *run, struct dj_msg_exited *exited);
void worker_started(struct run *run, const struct dj_msg_started *started);

/*
 * hosts.c: processes that are host to many runs. host_for(): one for a run of this launch, which is
 * started when there is none, or when it shall be alone; NULL with a sentence.
 */
struct host *host_for(struct run *run, const struct dj_launch *launch, bool alone,
                      struct dj_err *err);
struct host *host_adopt(struct dj_engine *engine, uint64_t number);
struct host *host_find(struct dj_engine *engine, uint64_t number);
void host_ref(struct host *host, struct run *run);
/* host_leave(run): it has ended; host_unref(run): it is forgotten. */
void host_leave(struct run *run);
void host_unref(struct run *run);
/* hosts_told(): of the worker's RUNNING; host_exited(): of its EXITED. */
bool host_told(struct dj_engine *engine, const struct dj_part_slot_state *slot);
void hosts_lost(struct dj_engine *engine, const struct dj_msg_running *running);
void host_exited(struct dj_engine *engine, const struct dj_msg_exited *exited);
void hosts_stop(struct dj_engine *engine);
void hosts_free(struct dj_engine *engine);
/* host_of_peer(): NULL: it is none. host_attach(), host_detach(): it came, it went. */
struct host *host_of_peer(const struct dj_engine *engine, const struct dj_peer *peer);
void host_attach(struct dj_engine *engine, struct dj_peer *peer, const char *number);
void host_detach(struct dj_engine *engine, const struct dj_peer *peer);
void host_path(const struct dj_engine *engine, const struct host *host, struct dj_buf *ret);

/* versions.c */
void version_of(const struct task *task, struct dj_rec_version *ret);
int version_load(struct dj_engine *engine, uint32_t task, const struct dj_digest *effective,
                 struct dj_rec_version *ret);
void version_keep(struct dj_engine *engine, const struct task *task);
void versions_keep_present(struct dj_engine *engine);

/* program.c */
void program_reset(struct task *task);
void program_forget(struct task *task);
uint64_t program_now(struct dj_engine *engine, struct task *task);
void program_notes(struct dj_engine *engine, struct task *task, uint64_t program,
                   struct dj_list *ret);

/* why.c */
void add_run_name(struct dj_buf *buf, const struct dj_call *call);
/* why_stale(engine, call, summary): the cause in a line, malloc'd. */
char *why_stale(struct dj_engine *engine, const struct dj_call *call,
                const struct dj_rec_summary *summary);

/* blame.c */
void blame_premise(struct dj_engine *engine, const struct dj_call *call,
                   const struct dj_rec_summary *summary, struct dj_reason *ret);
void blame_expiry(struct dj_engine *engine, const struct dj_call *call,
                  const struct dj_rec_summary *summary, struct dj_reason *ret);
void blame_argument(struct dj_engine *engine, const struct dj_call *call, struct dj_reason *ret);

/* marks.c */
/* purge_deleted(engine, bytes): deleted runs, the oldest first, until no more than that are left */
void purge_deleted(struct dj_engine *engine, uint64_t bytes);
void mark_stale(struct dj_engine *engine, struct dj_store_batch *batch, struct dj_call *call,
                const char *reason);
void mark_built_on_failure(struct dj_engine *engine, struct dj_call *call);

/* events.c */
void events_load(struct dj_engine *engine);
void events_free(struct dj_engine *engine);
void event(struct dj_engine *engine, const char *what, struct dj_call *call, uint64_t instance,
           const char *text);

#endif

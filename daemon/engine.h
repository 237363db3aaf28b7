/*
 * The engine: tasks, calls, instances and what may be asked of them.
 *
 * This is what the tree (tree_*.c) and the handlers of messages (handle_*.c) see of the daemon. The
 * engine owns all state; everything here runs on the loop's thread and nothing blocks. What takes
 * time is told by callback; a callback may come before the function that asked has returned.
 *
 * Words: a *task* is a name with a definition; a *call* is a task with arguments (one key); an
 * *instance* is one computation of a call, stored or under way, named by a number that is never
 * used twice. A call has at most one *current* instance: the newest that is done and valid.
 */
#ifndef DJ_DAEMON_ENGINE_H
#define DJ_DAEMON_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/definition.h"
#include "lib/model/param.h"
#include "lib/model/launch.h"
#include "lib/model/progress.h"
#include "lib/model/reason.h"
#include "lib/model/records.h"
#include "lib/model/status.h"
#include "lib/proto/messages.h"
#include "lib/util/err.h"

struct dj_engine;

/* Who asks. run: the instance that the caller is part of, 0 when it is nobody's. */
struct dj_asker {
    uint64_t run;
    uint32_t uid;
    uint32_t gid;
    bool readonly;              /* through a read-only mount: nothing computes, nothing changes */
    const struct dj_list *env;  /* struct dj_part_pair: his answer to WANTS, or NULL */
    bool cached;                /* nothing is computed to find out which call is meant */
    const char *cwd;            /* relative file arguments are taken from here, or NULL */
    const struct dj_args *args; /* as the call was spelled: its ignored ones count when it computes;
                                 * NULL: defaults */
    uint64_t *named;            /* NULL: a file that he names is a premise of his run at once; else
                                 * it is added to this set, for dj_note_named() before he is told */
    const char *session;        /* lib/model/session.h; NULL: his run's, or the default one */
    const char *launch;         /* lib/model/launch.h; NULL: as the task says */
    bool patient;               /* nobody waits for the answer: others go before */
    bool again;                 /* he asks anew when a file changed while it was computed (-ESTALE):
                                 * that answer is none of his run's */
};

/* ---- tasks ------------------------------------------------------------------------------- */

struct dj_task {
    uint32_t number;                        /* never used twice, from 1 */
    const char *name;
    const struct dj_definition *definition; /* NULL: not defined (any more) but has runs */
    uint64_t changed_ns;
};

/* Found, or NULL. Undefined tasks that have runs are found, too. Valid as long as the engine. */
struct dj_task *dj_task_by_name(struct dj_engine *engine, struct dj_bytes name);
struct dj_task *dj_task_by_number(struct dj_engine *engine, uint32_t number);
/* dj_task_after(engine, name): the next defined task by name; an empty name gives the first. */
struct dj_task *dj_task_after(struct dj_engine *engine, struct dj_bytes name);

/* dj_task_counts(engine, task, ret): runs by state; ret has DJ_STATUS_COUNT places. */
void dj_task_counts(struct dj_engine *engine, struct dj_task *task, uint64_t *ret);

/* dj_task_runs(): the runs that have ended once, by name, behind `after`; each(): 0 goes on. */
typedef int dj_run_each_fn(void *cookie, struct dj_bytes name, uint64_t call_number);
/* dj_task_listed(): the same with those that have begun for the first time. */
void dj_task_listed(struct dj_engine *engine, struct dj_task *task, struct dj_bytes after,
                    dj_run_each_fn *each, void *cookie);
void dj_task_runs(struct dj_engine *engine, struct dj_task *task, struct dj_bytes after,
                  dj_run_each_fn *each, void *cookie);

/* dj_task_define(engine, text, file, here, env, ret_notes, err): all sections or none. ret_notes:
 * struct dj_part_word lines for people. Durable when done() is called. */
typedef void dj_done_fn(void *cookie, int code, const char *sentence);
int dj_task_define(struct dj_engine *engine, struct dj_bytes text, const char *file,
                   const char *here, const struct dj_list *env, struct dj_list *ret_notes,
                   dj_done_fn *done, void *cookie, struct dj_err *err) DJ_MUST_CHECK;
int dj_task_undefine(struct dj_engine *engine, struct dj_task *task, dj_done_fn *done,
                     void *cookie, struct dj_err *err) DJ_MUST_CHECK;
/* dj_task_set_version(engine, task, version, …): "" raises a number, or adds .1 to other text. */
int dj_task_set_version(struct dj_engine *engine, struct dj_task *task, struct dj_bytes version,
                        dj_done_fn *done, void *cookie, struct dj_err *err) DJ_MUST_CHECK;
/* dj_task_invalidate(): raises the epoch of its present version: no run of it is valid any more. */
int dj_task_invalidate(struct dj_engine *engine, struct dj_task *task,
                       const struct dj_asker *asker, dj_done_fn *done, void *cookie,
                       struct dj_err *err) DJ_MUST_CHECK;
/* dj_task_delete_all(): deletes every run of the task (dj undelete brings them back for a day). */
int dj_task_delete_all(struct dj_engine *engine, struct dj_task *task,
                       const struct dj_asker *asker, dj_done_fn *done, void *cookie,
                       struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_impact(engine, task, task_name, name, max, each, cookie): the runs that a version of the task
 * that never was would invalidate, by task and name. At most max runs are looked at behind the one
 * that task_name and name say (both empty: from the start), and these are moved on; true: that was
 * the end.
 */
typedef void dj_impact_fn(void *cookie, const struct dj_task *task, struct dj_bytes name);
bool dj_impact(struct dj_engine *engine, const struct dj_task *task, struct dj_buf *task_name,
               struct dj_buf *name, size_t max, dj_impact_fn *each, void *cookie);

/* ---- calls ------------------------------------------------------------------------------- */

struct dj_call; /* reference counted */

void dj_call_ref(struct dj_call *call);
void dj_call_unref(struct dj_call *call);
struct dj_task *dj_call_task(const struct dj_call *call);
struct dj_bytes dj_call_name(const struct dj_call *call); /* canonical */
const struct dj_args *dj_call_args(const struct dj_call *call);
const struct dj_digest *dj_call_key(const struct dj_call *call);
uint64_t dj_call_number(const struct dj_call *call);      /* 0: has no record yet */

/*
 * dj_call_by_name(engine, task, name, ret, ret_canonical, err): what a path component below
 * tasks/TASK means, without looking outside the daemon:
 *   0             the canonical name of a call, or that name with values of ignored parameters
 *                 behind it (dj_name_spelled); *ret is referenced
 *   1             another spelling of the call named in ret_canonical
 *   2             a spelling that only the outside can resolve (a file's content, the caller's
 *                 environment): show a link, and call dj_call_resolve() when it is read
 *   -ENOENT       not a name of a run (a leading dot, an unknown %h or @digest, undefined task)
 *   -EINVAL       does not fit the parameters; err says why
 */
int dj_call_by_name(struct dj_engine *engine, struct dj_task *task, struct dj_bytes name,
                    struct dj_call **ret, struct dj_buf *ret_canonical,
                    struct dj_err *err) DJ_MUST_CHECK;

/* dj_call_given(engine, task, name, ret): the name sets ignored parameters: ret is for asker.args,
 * released by the caller. */
bool dj_call_given(struct dj_engine *engine, struct dj_task *task, struct dj_bytes name,
                   struct dj_args *ret);

/* dj_args_refer(engine, args, err): completes the references (NAME@DIGITS) among them. -ENOENT:
 * nothing of that digest was seen; -EINVAL: the digits are too few. */
int dj_args_refer(struct dj_engine *engine, struct dj_args *args, struct dj_err *err) DJ_MUST_CHECK;

/* dj_call_show_args(engine, call, given, buf): JSON of the arguments of the run under way, else of
 * the instance that is current or newest, else of what would be computed. given may be NULL. */
void dj_call_show_args(struct dj_engine *engine, struct dj_call *call, const struct dj_args *given,
                       struct dj_buf *buf);

/* The referenced call of a number, or NULL. */
struct dj_call *dj_call_by_number(struct dj_engine *engine, uint64_t number);

/*
 * dj_call_resolve(): the canonical name of any spelling; files are looked at on a pool thread. The
 * asker's run gets the premise that the file it named has this content. A file below our own mount
 * is the result of a run or a file of it: that is computed when need be (asker->cached: -EAGAIN),
 * and the asker's run has called it. code 0: the call, and the
 * arguments as they were spelled (for asker.args; valid during the callback);
 * -DJ_CODE_WANTS: the caller's environment is needed and asker->env does not have it.
 */
#define DJ_CODE_WANTS 2000 /* no errno */
typedef void dj_resolved_fn(void *cookie, int code, struct dj_call *call,
                            const struct dj_args *args, const char *sentence);
void dj_call_resolve(struct dj_engine *engine, struct dj_task *task, struct dj_bytes name,
                     const struct dj_asker *asker, dj_resolved_fn *done, void *cookie);
/* dj_resolve_cancel(engine, cookie): done() with this cookie will not be called; a run that was
 * queued only to resolve an argument is withdrawn. False: nothing of the kind is under way. */
bool dj_resolve_cancel(struct dj_engine *engine, const void *cookie);

enum dj_status dj_call_status(struct dj_engine *engine, struct dj_call *call);

/* dj_call_current(): the current instance's number, 0 when there is none. Starts nothing. */
uint64_t dj_call_current(struct dj_engine *engine, struct dj_call *call);
/* dj_call_latest(): the newest instance whatever its state, live ones included; 0: none. */
uint64_t dj_call_latest(struct dj_engine *engine, struct dj_call *call);

/* dj_call_why(engine, call, ret): the facts of this moment; ret is initialised by the caller. */
void dj_call_why(struct dj_engine *engine, struct dj_call *call, struct dj_reason *ret);
/* dj_hit_note(engine, instance, ret): what who gets this instance should know; may be nothing. */
void dj_hit_note(struct dj_engine *engine, uint64_t instance, struct dj_buf *ret);
void dj_call_hit_note(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                      struct dj_buf *ret); /* the same, when the call is at hand */
/* dj_call_key_text(engine, call, instance, buf): the text of `key`, of that instance; 0: of a call
 * that is computed now. */
void dj_call_key_text(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                      struct dj_buf *buf);

/* dj_call_command(engine, call, given, buf): a shell script that repeats the run by hand; given as
 * above. What cannot be repeated gives a script that says why. */
void dj_call_command(struct dj_engine *engine, struct dj_call *call, const struct dj_args *given,
                     struct dj_buf *buf);
/* dj_call_count(call): how many instances have ended, those that are gone by now included;
 * dj_call_ended(engine, call, n): the number of the n-th of them, from 1 in the order of their
 * ends; 0 when there is none (any more), or it is not durable yet; dj_call_has_ended(engine, call,
 * instance): it is one of those. */
size_t dj_call_count(const struct dj_call *call);
uint64_t dj_call_ended(struct dj_engine *engine, const struct dj_call *call, uint64_t n);
bool dj_call_has_ended(struct dj_engine *engine, const struct dj_call *call, uint64_t instance);

/* dj_instance_constant(): while no version changes and nothing marks it, it stays valid. */
bool dj_instance_constant(struct dj_engine *engine, const struct dj_call *call,
                          const struct dj_rec_instance *rec);
/* dj_instance_unstored(): it answers who waits now, and nobody later. */
bool dj_instance_unstored(struct dj_engine *engine, const struct dj_call *call,
                          uint64_t instance);

/* dj_call_bucket(call): for generations.h. */
uint64_t dj_call_bucket(const struct dj_call *call);
/* dj_call_generation(): of that bucket, now. */
uint64_t dj_call_generation(struct dj_engine *engine, const struct dj_call *call);
/* dj_changes_told(): no task tracks files, whose changes nobody tells of. */
bool dj_changes_told(struct dj_engine *engine);

/*
 * What it depends on that an instance goes on answering a call of the same words.
 *
 * dj_basis_of(engine, call, instance, ret): of one that answers now; false: it depends on what
 * nobody tells of, too (a file, a variable, the time), or is not stored.
 * dj_basis_holds(engine, task, basis): nothing of it has changed since.
 */
struct dj_basis {
    uint64_t bucket;     /* of the call */
    uint64_t generation; /* of that bucket, with changes that no mount has to know */
    uint64_t program;    /* premises: the files of the run's program, 0: none */
};

struct dj_answers *dj_engine_answers(struct dj_engine *engine); /* answers.h */
bool dj_basis_of(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                 struct dj_basis *ret);
bool dj_basis_holds(struct dj_engine *engine, struct dj_task *task, const struct dj_basis *basis);

/*
 * dj_want(engine, call, asker, flags, done, cookie): the call's result, computed when need be.
 * flags: DJ_GET_*. done(code, instance): 0 and the instance that answers; -EIO failed, -EDEADLK a
 * cycle, -ECANCELED, -EAGAIN with DJ_GET_CACHED when it is not there, -ENOSPC …, with a sentence.
 * The edge of the asker's run is safe before done() is called. An incognito instance exists until
 * the hold on it is released (dj_instance_hold).
 * Returns a handle for dj_want_cancel(), or NULL when done() has been called already.
 */
struct dj_want;
typedef void dj_wanted_fn(void *cookie, int code, uint64_t instance, const char *sentence);
struct dj_want *dj_want(struct dj_engine *engine, struct dj_call *call,
                        const struct dj_asker *asker, unsigned flags, dj_wanted_fn *done,
                        void *cookie);
/* dj_want_cancel(want): done() will not be called. What is queued only for it is withdrawn. */
void dj_want_cancel(struct dj_want *want);
/* dj_want_leave(want, ret): the same, and a sentence on what becomes of the run. */
void dj_want_leave(struct dj_want *want, struct dj_buf *ret);
/* dj_want_is_hit(want): nothing is computed for it: a stored result is being looked at. */
bool dj_want_is_hit(const struct dj_want *want);
/* dj_want_instance(want): the instance that it waits for, 0 when its answer is on its way. */
uint64_t dj_want_instance(const struct dj_want *want);

/*
 * A call with some of its arguments left out of account, for one request.
 *
 * dj_alike_params(task, ignore, keep, ret, err): the task's parameters with those marked as ignored
 * that the request says, struct dj_part_word; -EINVAL: there is no such parameter, or both are
 * given.
 * dj_alike(engine, call, params, ret, ready, cookie): when the call itself has no current instance,
 * *ret is the newest one that is valid and of a call that agrees with it in all that counts; 0 when
 * there is none. 1: that is not known yet; ready(code) is called when it can be asked again, with
 * -ENOTCONN when the daemon ends.
 */
typedef void dj_ready_fn(void *cookie, int code);
int dj_alike_params(struct dj_task *task, const struct dj_list *ignore, const struct dj_list *keep,
                    struct dj_params *ret, struct dj_err *err) DJ_MUST_CHECK;
int dj_alike(struct dj_engine *engine, struct dj_call *call, const struct dj_params *params,
             uint64_t *ret, dj_ready_fn *ready, void *cookie) DJ_MUST_CHECK;

/*
 * What a run has read may be written and not yet durable: nobody else is told of it.
 * dj_early_instance(engine, call, asker): that of the call which his run has read so; 0: none.
 * dj_run_is_early(engine, run): it has read such, and what it looks at need not show that before
 * dj_after_sync(engine, done, cookie): done(0 or -errno) when all that is written now is durable.
 */
uint64_t dj_early_instance(struct dj_engine *engine, const struct dj_call *call,
                           const struct dj_asker *asker);
bool dj_run_is_early(struct dj_engine *engine, uint64_t run);
void dj_after_sync(struct dj_engine *engine, dj_done_fn *done, void *cookie);

/*
 * dj_note_call(engine, call, instance, asker): the asker's run was answered from this instance
 * without dj_want() (a listing of files/, an open of a file in it): records the edge.
 */
int dj_note_call(struct dj_engine *engine, uint64_t instance, const struct dj_asker *asker);

/* dj_note_named(engine, asker): what *asker->named has is a premise of his run. */
void dj_note_named(struct dj_engine *engine, const struct dj_asker *asker);

/*
 * dj_note_refusal(engine, asker, sentence): the asker's run was refused something that may be
 * granted another time (an unknown task, a bad argument, a cycle). What it makes of that is given
 * to those who wait for it, and is no result for those who ask later. No run: nothing.
 */
void dj_note_refusal(struct dj_engine *engine, const struct dj_asker *asker, const char *sentence);

/* dj_start(): queues the call as dj_want would, without anybody waiting. -EIO … with err. */
int dj_start(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
             unsigned flags, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_reserve(engine, asker, resources, done, cookie): struct dj_resource, for the asker's run, all
 * at once and in turn; the run gives its worker back while it waits. done(0) when it has them;
 * -EINVAL: no run, or what can never be had; -EDEADLK. The rest is as with dj_want().
 * dj_unreserve(): some of what the run has, of its task's declared resources, too; an empty list:
 * all of it. -EINVAL: it has less.
 */
struct dj_want *dj_reserve(struct dj_engine *engine, const struct dj_asker *asker,
                           const struct dj_list *resources, dj_wanted_fn *done, void *cookie);
int dj_unreserve(struct dj_engine *engine, const struct dj_asker *asker,
                 const struct dj_list *resources, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_lock(engine, asker, ask, done, cookie): a named lock for ask->owner, in turn; a run gives its
 * worker back while it waits. done(0) when it has it, maybe at once; -EINVAL, -EBUSY with `now`,
 * -EDEADLK. A token that has the lock already is its owner come back.
 * dj_lock_give_up(): one that waits; done() is not called. dj_lock_owner_gone(): all that it has.
 */
enum { DJ_LOCK_TOKEN_LEN = 32 };
struct dj_lock_ask {
    const char *name, *token;
    bool shared, now;
    struct dj_list inside; /* struct dj_buf: tokens of locks around it */
    const void *owner;
    int64_t pid;           /* of the process, 0: not known */
};
void dj_lock(struct dj_engine *engine, const struct dj_asker *asker,
             const struct dj_lock_ask *ask, dj_wanted_fn *done, void *cookie);
void dj_lock_give_up(struct dj_engine *engine, const char *token);
int dj_unlock(struct dj_engine *engine, const void *owner, const char *token,
              struct dj_err *err) DJ_MUST_CHECK;
void dj_lock_owner_gone(struct dj_engine *engine, const void *owner);

/* dj_lock_look(engine, after, ret): the lock that comes behind that name; false: none. */
struct dj_lock_facts {
    const char *name;
    bool shared;
    uint64_t since_ns;
    size_t waiting;
    struct dj_buf holders; /* as a sentence has them; the caller's */
};
bool dj_lock_look(struct dj_engine *engine, const char *after, struct dj_lock_facts *ret);

/* dj_wait_end(): done when nothing of the call is under way (at once when nothing is). */
struct dj_want *dj_wait_end(struct dj_engine *engine, struct dj_call *call,
                            const struct dj_asker *asker, dj_wanted_fn *done, void *cookie);

/* Verbs on one call. done() when durable. Refusals: -EINVAL, -ENOENT (nothing to do it to), … */
int dj_call_delete(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
                   dj_done_fn *done, void *cookie, struct dj_err *err) DJ_MUST_CHECK;
/* dj_call_cancel(): done() when the records of all that was ended are durable, or after 10 s. */
int dj_call_cancel(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
                   dj_done_fn *done, void *cookie, struct dj_err *err) DJ_MUST_CHECK;
/* dj_call_cancel_forget(engine, cookie): done() is not called; for how many it would have been. */
unsigned dj_call_cancel_forget(struct dj_engine *engine, const void *cookie);
int dj_call_invalidate(struct dj_engine *engine, struct dj_call *call,
                       const struct dj_asker *asker, dj_done_fn *done, void *cookie,
                       struct dj_err *err) DJ_MUST_CHECK;
/*
 * dj_call_accept(): the newest result that is done, and stale, is valid as long as all that it
 * rests on stays as it is now. -ENOENT: there is none, or one is valid; a task that it rests on is
 * not defined.
 */
int dj_call_accept(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
                   dj_done_fn *done, void *cookie, struct dj_err *err) DJ_MUST_CHECK;
/* dj_call_has_stale(): there is such a one. */
bool dj_call_has_stale(struct dj_engine *engine, struct dj_call *call);
/* dj_call_accepted(call, instance): its struct dj_rec_acceptance, oldest first, or NULL. */
const struct dj_list *dj_call_accepted(const struct dj_call *call, uint64_t instance);
/* dj_undelete(engine, task or NULL, name or empty, ret_count, …) */
int dj_undelete(struct dj_engine *engine, struct dj_task *task, struct dj_bytes name,
                uint64_t *ret_count, dj_done_fn *done, void *cookie,
                struct dj_err *err) DJ_MUST_CHECK;

/* ---- instances --------------------------------------------------------------------------- */

/* dj_instance(engine, number): the record of an ended one, NULL when there is none (or it is under
 * way). Borrowed: valid until the loop turns. */
const struct dj_rec_instance *dj_instance(struct dj_engine *engine, uint64_t number);

/* dj_manifest(engine, number): its files, sorted by path so that a folder's content follows it
 * directly (a folder's path sorts as if it ended in '/'). Borrowed likewise; never NULL. */
const struct dj_rec_manifest *dj_manifest(struct dj_engine *engine, uint64_t number);

/* dj_instance_call(engine, number): referenced, or NULL; works for live ones, too. */
struct dj_call *dj_instance_call(struct dj_engine *engine, uint64_t number);

/* dj_instance_hold(), _release(): its content stays readable, although deleted or incognito. */
void dj_instance_hold(struct dj_engine *engine, uint64_t number);
void dj_instance_release(struct dj_engine *engine, uint64_t number);

/* What is known of one that is under way. */
struct dj_live {
    enum dj_status status;   /* queued, waiting, running */
    uint64_t queued_ns;
    uint64_t start_ns;
    uint64_t position;       /* in the queue, from 1 */
    const char *log_path;    /* its log so far, NULL before it started */
    const struct dj_list *edges; /* struct dj_rec_edge: calls so far */
    uint64_t blocked_on;     /* call number it waits for, 0 */
    uint64_t try, tries;     /* of how many by its definition; tries 1: a failure is the end */
    uint64_t before;         /* the instance of the try before, failed; 0: this is the first */
    uint64_t retry_ns;       /* queued: not before this moment; 0: it stands in line */
    uint64_t lost;           /* attempts that were lost before this one */
    struct dj_progress progress;
    const struct dj_launch *launch; /* NULL: not known yet */
};
bool dj_live(struct dj_engine *engine, uint64_t number, struct dj_live *ret);

/* dj_run_progress(): the asker, which is the call's run under way, says how far it is; -EACCES. */
int dj_run_progress(struct dj_engine *engine, struct dj_call *call, const struct dj_asker *asker,
                    const struct dj_progress *progress, struct dj_err *err) DJ_MUST_CHECK;
/* dj_call_progress(engine, call, instance, ret): of that ended one; 0: of the run under way. */
void dj_call_progress(struct dj_engine *engine, struct dj_call *call, uint64_t instance,
                      struct dj_progress_facts *ret);

/*
 * dj_read_content(engine, content, offset, size, ret): appends what is there. For content above
 * DJ_CONTENT_INLINE_MAX use dj_content_file(), the path of its file (malloc'd; NULL: not a file).
 */
int dj_read_content(struct dj_engine *engine, const struct dj_rec_content *content,
                    uint64_t offset, size_t size, struct dj_buf *ret, struct dj_err *err);
char *dj_content_file(struct dj_engine *engine, const struct dj_rec_content *content);

/*
 * dj_verify(engine, instance, contents, n, done, cookie, err): to be called before the first bytes
 * of the instance's contents are given: what was not read since this daemon started is read and
 * compared with its digest. 0: all is good, and done() is not called; 1: done() will be called,
 * with 0 or -errno and a sentence. -EUCLEAN: it is damaged; it has been set aside, and the runs
 * that have it are corrupt, so that asking for them again computes. The instance is held meanwhile.
 */
typedef void dj_verified_fn(void *cookie, int code, const char *sentence);
int dj_verify(struct dj_engine *engine, uint64_t instance,
              const struct dj_rec_content *const *contents, size_t n, dj_verified_fn *done,
              void *cookie, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_content_at_hand(engine, content, max, ret): appends content of `max` bytes at the most, when
 * it can be had without waiting and is good. False, and nothing comes of it, when it is not so.
 */
bool dj_content_at_hand(struct dj_engine *engine, const struct dj_rec_content *content, size_t max,
                        struct dj_buf *ret);

/* dj_instance_lost(engine, call, instance): the call has that instance, and dj_instance() has not:
 * true when its record is damaged, and it is corrupt from now on. */
bool dj_instance_lost(struct dj_engine *engine, struct dj_call *call, uint64_t instance);

/* dj_dependents(): instances that called the call; each() gets the parent's call number. */
typedef int dj_dependent_fn(void *cookie, uint64_t parent_call, uint64_t parent_instance);
void dj_dependents(struct dj_engine *engine, uint64_t call_number, uint64_t after_instance,
                   dj_dependent_fn *each, void *cookie);

/* ---- the whole --------------------------------------------------------------------------- */

/*
 * Sessions by name, for the tree and for people. dj_session_after(): the next behind a name; an
 * empty one gives the first.
 */
struct dj_session_facts {
    const char *name;
    uint64_t workers, busy, queued, waiting;
    const struct dj_list *kinds; /* struct dj_sched_kind; one with total 0 is not declared */
};
bool dj_session_look(struct dj_engine *engine, const char *name, struct dj_session_facts *ret);
const char *dj_session_after(struct dj_engine *engine, const char *name);
/* dj_session_of_run(engine, instance): of one under way, or NULL. */
const char *dj_session_of_run(struct dj_engine *engine, uint64_t instance);
/* dj_session_set(engine, name, resource, amount, err): until the daemon ends. resource NULL: the
 * number of workers. */
int dj_session_set(struct dj_engine *engine, const char *name, const char *resource,
                   uint64_t amount, struct dj_err *err) DJ_MUST_CHECK;
/* dj_run_holds(engine, instance, ret): struct dj_resource that a run under way has. */
/* dj_run_lost_asks(): what it had asked an earlier daemon for will not come; told once. */
bool dj_run_lost_asks(struct dj_engine *engine, uint64_t instance);
void dj_run_holds(struct dj_engine *engine, uint64_t instance, struct dj_list *ret);

/* What may change while the engine runs. */
struct dj_engine_limits {
    uint64_t workers;
    const struct dj_list *resources; /* struct dj_resource: of the default session; may be NULL */
    const struct dj_list *sessions;  /* struct dj_session_spec: the others; may be NULL */
    const struct dj_list *launches;  /* struct dj_launch_spec: of dj.conf; may be NULL */
    uint64_t quota;           /* bytes, 0: none */
    uint64_t keep_deleted_ms; /* how long deleted runs can be brought back at the least */
    uint64_t events_size;     /* bytes of the log of events at the most */
};

/* Reads the limits anew, for `reload`. */
typedef int dj_reload_fn(void *cookie, struct dj_engine_limits *ret, struct dj_err *err);

struct dj_totals {
    uint64_t workers;      /* slots */
    uint64_t busy;
    uint64_t queued;
    uint64_t waiting;
    uint64_t runs;         /* stored instances */
    uint64_t bytes;        /* of the store */
    uint64_t bytes_total;  /* its file system, or the quota */
    uint64_t bytes_free;   /* on it, or what is left of the quota when that is less */
    uint64_t stored;       /* what runs left, as the quota counts it */
    uint64_t quota;        /* 0: none */
    uint64_t start_ns;     /* of this daemon */
    bool paused;
};
void dj_totals(struct dj_engine *engine, struct dj_totals *ret);
void dj_pause(struct dj_engine *engine, bool paused); /* nothing new starts while paused */
/* dj_reload(engine, err): the limits of dj.conf from now on; on -EINVAL all stays as it was. */
int dj_reload(struct dj_engine *engine, struct dj_err *err) DJ_MUST_CHECK;
/* dj_gc(engine): purges what has been deleted for over a day, or as long as dj.conf says. */
int dj_gc(struct dj_engine *engine, struct dj_err *err);
const char *dj_engine_mount(struct dj_engine *engine); /* where the tree is mounted, or NULL */
bool dj_engine_mount_due(struct dj_engine *engine);    /* and whether it has yet to come back */
const char *dj_engine_store_dir(struct dj_engine *engine);

/*
 * Events: a bounded log, one JSON object a line, oldest lines dropped in whole blocks. A position
 * is a byte offset that only grows; dj_events_read() starts at `offset` or at the oldest line.
 */
uint64_t dj_events_begin(struct dj_engine *engine);
uint64_t dj_events_end(struct dj_engine *engine);
void dj_events_read(struct dj_engine *engine, uint64_t offset, size_t size, struct dj_buf *ret);

/* dj_engine_on_change(): the tree learns that names under a call's folder mean something new; call
 * NULL: under any, as a version changed. */
typedef void dj_change_fn(void *cookie, struct dj_call *call);
void dj_engine_on_change(struct dj_engine *engine, dj_change_fn *change, void *cookie);

#endif

/*
 * libdj: the C interface of djfs. Compile with `pkg-config --cflags --libs libdj`.
 *
 *     struct dj *dj = dj_new("my-program");
 *     const char *words[] = {"5"};
 *     char *result;
 *     size_t len;
 *
 *     if (dj_connect_to(dj, NULL, DJ_START_DAEMON) < 0 ||
 *         dj_get(dj, "factorial", 1, words, 0, &result, &len) < 0)
 *         fprintf(stderr, "%s\n", dj_error(dj));
 *     else
 *         fwrite(result, 1, len, stdout), dj_mem_free(result);
 *     dj_free(dj);
 *
 * A `struct dj` is a connection to a daemon. What takes one and has a word of the command line as
 * its name does what `dj WORD` does, and blocks until it is done. Requests (struct dj_request) do
 * not block: hundreds can be under way on one connection.
 *
 * Errors. A function that can fail gives 0 (or what it says) or a negative errno, and dj_error() a
 * sentence for people. Which errno means what is in dj-tree(5); these are libdj's own:
 *     -ENOTCONN   no daemon: never connected, none listens, or it went away. dj_reconnect() helps
 *     -EINTR      the descriptor of dj_set_cancel_fd() became readable, or dj_cancel()
 *     -ETIMEDOUT  the time of dj_set_timeout() or dj_request_set_timeout() is over, or the task's
 *     -EAGAIN     DJ_CACHED, and it is not cached
 *     -EINVAL     also for a NULL where there must be something
 *     -EBUSY      a request that is under way was changed or submitted again
 * A failed call gives nothing, and leaves what its pointers point to as it was.
 *
 * Memory. What a function returns through char ** is malloc'd, has a NUL behind it that is not
 * counted, and is freed by dj_mem_free(). Every pointer that is const belongs to the object that it
 * was asked of, and holds until that object is changed, used for another call, or freed.
 * X_free(NULL) and X_close(NULL) do nothing. There is no running out of memory: the process ends
 * then.
 *
 * Threads. An object and all that was made with it belong to one thread at a time: a mutex of yours
 * may hand it from one to the other. Several connections may be used by several threads at once.
 * Nothing here installs a signal handler, raises SIGPIPE or prints.
 *
 * fork(). The parent goes on as before. In the child a connection that was made before has ended:
 * -ENOTCONN, until dj_reconnect() gives it one of its own; locks stay the parent's, and a
 * descriptor of dj_set_cancel_fd() has to be given again. All descriptors are closed by exec.
 *
 * Inside a run ($DJ_RUN is set) whatever is asked counts as the run's: what it gets it has called,
 * and it gives its worker slot back while it waits.
 *
 * Paths of the tree are relative to its top ("tasks/factorial/5/result") or begin with the mount
 * point. Where a RUN is wanted, its path is: tasks/TASK/NAME, TASK/NAME, or below the mount.
 */
#ifndef DJ_CLIENT_DJ_H
#define DJ_CLIENT_DJ_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DJ_PUBLIC __attribute__((visibility("default")))
#else
#define DJ_PUBLIC
#endif

struct dj;
struct dj_request;
struct dj_file;
struct dj_dir;
struct dj_tasks;
struct dj_impact;
struct dj_batch;
struct dj_frame;
struct dj_runs;
struct dj_export;
struct dj_import;
struct dj_gc;
struct dj_fsck;

/* dj_version(): of the library, as "0.1.0". */
DJ_PUBLIC const char *dj_version(void);

/* dj_mem_free(memory): what a call returned through a char **. */
DJ_PUBLIC void dj_mem_free(void *memory);

/* ---- the connection -------------------------------------------------------------------------- */

enum {
    DJ_START_DAEMON = 1 << 0, /* your own daemon is started when none runs and none was named */
    DJ_START_NAMED = 1 << 1,  /* with it: also at a socket that was named */
};

/* dj_new(program): not connected yet; program names you to the daemon and may be NULL. */
DJ_PUBLIC struct dj *dj_new(const char *program);

/* dj_free(dj): ends the connection. Requests that it leaves are over (-ENOTCONN), and still have to
 * be freed; so have files, folders, tasks and impacts. */
DJ_PUBLIC void dj_free(struct dj *dj);

/*
 * dj_connect_to(dj, address, flags): address NULL or "": $DJ_CONNECT, else what dj.conf names, else
 * your own daemon, else /run/dj/socket, as for dj(1). A connection that there was is ended before.
 */
DJ_PUBLIC int dj_connect_to(struct dj *dj, const char *address, unsigned flags);

/* dj_reconnect(dj): once more as the last dj_connect_to(). Requests are not sent again; locks are
 * claimed again, see dj_locked(). */
DJ_PUBLIC int dj_reconnect(struct dj *dj);

/* dj_disconnect(dj): requests under way are over: -ENOTCONN. Locks are given up. */
DJ_PUBLIC void dj_disconnect(struct dj *dj);

/* dj_is_connected(dj): 1, or 0; that a daemon went away is noticed by the next call. */
DJ_PUBLIC int dj_is_connected(const struct dj *dj);

/* dj_error(dj): why the last call of this connection failed; "" when it did not. */
DJ_PUBLIC const char *dj_error(const struct dj *dj);

/* dj_error_code(dj): its errno, positive; 0 when it did not. For what gives NULL on failure. */
DJ_PUBLIC int dj_error_code(const struct dj *dj);

/* Warnings of the last call, for people: of dj_get(), dj_memo(), dj_define(). */
DJ_PUBLIC size_t dj_note_count(const struct dj *dj);
DJ_PUBLIC const char *dj_note(const struct dj *dj, size_t i); /* NULL behind the last */

/* Who answers: its name and version, process, the folder of its store, and where its tree is
 * mounted ("": nowhere), as it was when the connection began. "" and 0 while there is none. */
DJ_PUBLIC const char *dj_daemon_program(const struct dj *dj);
DJ_PUBLIC int64_t dj_daemon_pid(const struct dj *dj);
DJ_PUBLIC const char *dj_daemon_store(const struct dj *dj);
DJ_PUBLIC const char *dj_daemon_mount(const struct dj *dj);

/* dj_find_socket(dj, address, ret): the socket that dj_connect_to(dj, address, 0) tries; no
 * daemon has to be there. */
DJ_PUBLIC int dj_find_socket(struct dj *dj, const char *address, char **ret);

/* dj_set_daemon_option(dj, name, value): what a daemon that DJ_START_DAEMON starts is told:
 * "store", "workers" or "quota" with a value as of the option of `dj up`, NULL: as dj.conf says;
 * each "resource" adds one ("ram=16"), NULL takes all away. One that runs already stays as it
 * is. */
DJ_PUBLIC int dj_set_daemon_option(struct dj *dj, const char *name, const char *value);

/*
 * dj_mount(dj, at, ret): the tree is mounted: 0, or 1 when it was there already. at NULL: where it
 * is mounted, else as dj.conf says, else /dj where that can be had, else ~/dj. *ret is where; it
 * may be NULL. It outlives this program and its daemon; fusermount3 -u ends it. After -EINTR or
 * -ETIMEDOUT it may come yet.
 */
DJ_PUBLIC int dj_mount(struct dj *dj, const char *at, char **ret);

/*
 * dj_mount_with(dj, at, options, ret): likewise, with options as of `djfs -o`; NULL: none. One with
 * "ro" is a further mount, which is never the one that runs are told of: at must not be NULL, and
 * what is mounted there already is -EBUSY.
 */
DJ_PUBLIC int dj_mount_with(struct dj *dj, const char *at, const char *options, char **ret);

/* dj_set_timeout(dj, ms): how long each blocking call may last; 0: for ever, as at first. To
 * connect has bounds of its own: 20 s for an answer, 30 s for a daemon that is started. */
DJ_PUBLIC int dj_set_timeout(struct dj *dj, uint64_t ms);

/*
 * dj_set_cancel_fd(dj, fd): a blocking call is cancelled when fd (a signalfd, an eventfd, a pipe)
 * is readable; it goes on until the daemon has said what becomes of the run, and gives -EINTR. fd
 * is not read, and must be taken back by -1 before it is closed.
 */
DJ_PUBLIC int dj_set_cancel_fd(struct dj *dj, int fd);

/* dj_stop(dj, cancel): ends the daemon; cancel not 0: and what runs, which goes on otherwise. It
 * has begun to end then; its store can be another's when the process dj_daemon_pid() is gone.
 * -ETIME: it has not answered within 20 s. */
DJ_PUBLIC int dj_stop(struct dj *dj, int cancel);

/* ---- calls ----------------------------------------------------------------------------------- */

enum {
    DJ_FORCE = 1 << 0,     /* always computed, stored as a new instance */
    DJ_INCOGNITO = 1 << 1, /* nothing is stored */
    DJ_CACHED = 1 << 2,    /* never computes: -EAGAIN when it is not there */
    DJ_START = 1 << 3,     /* over as soon as it is queued or there, without a result */
    DJ_FOLLOWED = 1 << 4,  /* for dj_request_follow(): the answer has the rest of the log */
};

/*
 * dj_get(dj, task, n, words, flags, ret, ret_len): the result of a call: cached, or computed now.
 * Words are arguments as on a command line, "name=value" among them where name is a parameter.
 * With n = 0 task may be a RUN. ret_len may be NULL. flags: DJ_FORCE, DJ_INCOGNITO, DJ_CACHED.
 */
DJ_PUBLIC int dj_get(struct dj *dj, const char *task, int n, const char *const *words,
                     unsigned flags, char **ret, size_t *ret_len);

/* dj_run(dj, task, n, words, flags): starts a run unless it is there; nobody waits. */
DJ_PUBLIC int dj_run(struct dj *dj, const char *task, int n, const char *const *words,
                     unsigned flags);

/* dj_path(dj, task, n, words, ret): where the run is in the tree, without computing. */
DJ_PUBLIC int dj_path(struct dj *dj, const char *task, int n, const char *const *words,
                      char **ret);

/*
 * dj_memo(dj, n, argv, flags, ret, ret_len, ret_exit): a command without a definition, run once in
 * this folder and environment. Also 0 when the command failed: *ret_exit is its exit code as a
 * shell gives it, and *ret what it wrote until then. ret_len may be NULL.
 */
DJ_PUBLIC int dj_memo(struct dj *dj, int n, const char *const *argv, unsigned flags, char **ret,
                      size_t *ret_len, int *ret_exit);

/* dj_wait(dj, run, ret_status): until it has ended; its status ("done", "failed"…) or NULL. */
DJ_PUBLIC int dj_wait(struct dj *dj, const char *run, char **ret_status);

/* dj_control(dj, run, verb): run, force, incognito, delete, cancel, invalidate, accept, pin, unpin:
 * what a write to its ctl does. */
DJ_PUBLIC int dj_control(struct dj *dj, const char *run, const char *verb);

/* dj_run_text(dj, run, file, ret): a file of it ("status", "why", "key", "meta", "log", "args"…);
 * a last newline is left out. */
DJ_PUBLIC int dj_run_text(struct dj *dj, const char *run, const char *file, char **ret);

/* ---- definitions ----------------------------------------------------------------------------- */

/*
 * dj_define(dj, text, len, file, here): sections of a task file, all or none. file is for sentences
 * and here the folder that {here} and relative commands mean; NULL: this one.
 */
DJ_PUBLIC int dj_define(struct dj *dj, const char *text, size_t len, const char *file,
                        const char *here);

/* dj_define_file(dj, path, n, functions): a task file, a script with #DJ lines, all (n = 0) or some
 * functions of a shared object or a Python file, or some of a shell script, as `dj define FILE`. */
DJ_PUBLIC int dj_define_file(struct dj *dj, const char *path, int n,
                             const char *const *functions);

/* dj_define_line(dj, n, words): NAME PARAM… -- COMMAND…, as `dj define`. */
DJ_PUBLIC int dj_define_line(struct dj *dj, int n, const char *const *words);

DJ_PUBLIC int dj_undefine(struct dj *dj, const char *task);

/* dj_bump(dj, task, ret_version): raises its version; ret_version may be NULL. */
DJ_PUBLIC int dj_bump(struct dj *dj, const char *task, char **ret_version);

/* dj_undelete(dj, task, name, ret_count): deleted runs come back: of one name, of a task (name
 * NULL), or all (both NULL). ret_count may be NULL. */
DJ_PUBLIC int dj_undelete(struct dj *dj, const char *task, const char *name,
                          uint64_t *ret_count);

/*
 * Tasks, by name: dj_tasks_open() (one: task; all: NULL; NULL is returned on failure), then
 * dj_tasks_next() until it is not 1: 0 at the end, or -errno. The others tell of the one that is
 * reached. params is as in a task file, changed_ns the time of its definition since 1970.
 */
DJ_PUBLIC struct dj_tasks *dj_tasks_open(struct dj *dj, const char *task);
DJ_PUBLIC int dj_tasks_next(struct dj_tasks *tasks);
DJ_PUBLIC const char *dj_tasks_name(const struct dj_tasks *tasks);
DJ_PUBLIC const char *dj_tasks_params(const struct dj_tasks *tasks);
DJ_PUBLIC const char *dj_tasks_version(const struct dj_tasks *tasks);
DJ_PUBLIC const char *dj_tasks_help(const struct dj_tasks *tasks);
DJ_PUBLIC const char *dj_tasks_folder(const struct dj_tasks *tasks);
DJ_PUBLIC uint64_t dj_tasks_changed_ns(const struct dj_tasks *tasks);
/* dj_tasks_runs(tasks, status): how many of its runs are "done", "failed"…; NULL: all. */
DJ_PUBLIC uint64_t dj_tasks_runs(const struct dj_tasks *tasks, const char *status);
DJ_PUBLIC void dj_tasks_close(struct dj_tasks *tasks);

/* The runs that a new version of task would make stale, by task and name, likewise. */
DJ_PUBLIC struct dj_impact *dj_impact_open(struct dj *dj, const char *task);
DJ_PUBLIC int dj_impact_next(struct dj_impact *impact);
DJ_PUBLIC const char *dj_impact_task(const struct dj_impact *impact);
DJ_PUBLIC const char *dj_impact_name(const struct dj_impact *impact);
DJ_PUBLIC void dj_impact_close(struct dj_impact *impact);

/* ---- inside a run, and sessions -------------------------------------------------------------- */

/* dj_reserve(dj, resources): parts of the session's resources, as "ram=1.5, gpu=1"; waits without a
 * worker. -EINVAL for what can never be had, -EDEADLK when all would wait for each other. */
DJ_PUBLIC int dj_reserve(struct dj *dj, const char *resources);
/* dj_release(dj, resources): some of what it has; NULL: all. */
DJ_PUBLIC int dj_release(struct dj *dj, const char *resources);

/* dj_progress(dj, text): how far the run is: "3/10", "30%". */
DJ_PUBLIC int dj_progress(struct dj *dj, const char *text);

/* dj_session_set(dj, session, change): "workers=10" or "ram=16", until the daemon ends. */
DJ_PUBLIC int dj_session_set(struct dj *dj, const char *session, const char *change);

/* ---- locks ----------------------------------------------------------------------------------- */

enum {
    DJ_SHARED = 1 << 0, /* together with other shared ones */
    DJ_NOW = 1 << 1,    /* -EBUSY instead of waiting */
};

/*
 * dj_lock(dj, name, flags): the lock of that name, in turn; a run gives its worker slot back while
 * it waits. It is the connection's until dj_unlock(), or until the connection or the process ends:
 * nobody has to break a lock. -EDEADLK: this connection has it already, or a program around this
 * one.
 */
DJ_PUBLIC int dj_lock(struct dj *dj, const char *name, unsigned flags);

/* dj_unlock(dj, name): -ENOENT: it is not held. */
DJ_PUBLIC int dj_unlock(struct dj *dj, const char *name);

/*
 * dj_locked(dj, name): 1: it is held; 0: never locked, or given up. -ENOTCONN: the daemon went
 * away, and dj_reconnect() claims it again: the next daemon has it on record and keeps it for a
 * while. Any other: it was lost then, and why; dj_unlock() or dj_lock() forgets that.
 */
DJ_PUBLIC int dj_locked(struct dj *dj, const char *name);

/* dj_lock_tokens(dj, ret): the value of $DJ_LOCKS for a program that you start and wait for while
 * locks are held: what it locks is known to be inside of them. */
DJ_PUBLIC int dj_lock_tokens(struct dj *dj, char **ret);

/* ---- the tree -------------------------------------------------------------------------------- */

struct dj_stat {
    uint64_t ino;
    uint64_t size;
    int64_t mtime_ns; /* since 1970 */
    uint32_t mode;    /* as st_mode of stat(2) */
    uint32_t nlink;
    uint32_t uid;
    uint32_t gid;
    uint64_t reserved[3];
};

/* dj_stat(dj, path, follow, ret): what is there; follow not 0: through a last link. */
DJ_PUBLIC int dj_stat(struct dj *dj, const char *path, int follow, struct dj_stat *ret);

/* dj_cat(dj, path, ret, ret_len): all of a file; of a result: computed when it is not there. */
DJ_PUBLIC int dj_cat(struct dj *dj, const char *path, char **ret, size_t *ret_len);

/* dj_write(dj, path, bytes, len): one write to a ctl, a definition, a version… */
DJ_PUBLIC int dj_write(struct dj *dj, const char *path, const void *bytes, size_t len);

/* dj_link(dj, path, ret): where a link leads. */
DJ_PUBLIC int dj_link(struct dj *dj, const char *path, char **ret);

/* dj_remove(dj, path): rm of a run, rmdir of a task: its runs are deleted. */
DJ_PUBLIC int dj_remove(struct dj *dj, const char *path);

/*
 * A file read piece by piece, NULL on failure. flags: 0, or DJ_CACHED: never computes nor waits,
 * -EAGAIN. dj_file_read() gives the number of bytes, 0 at the present end: of what grows (events,
 * the log of a run under way) there may be more later. It stays the file that was opened.
 */
DJ_PUBLIC struct dj_file *dj_file_open(struct dj *dj, const char *path, unsigned flags);
DJ_PUBLIC int64_t dj_file_read(struct dj_file *file, void *bytes, size_t size);
DJ_PUBLIC void dj_file_close(struct dj_file *file);

/*
 * A folder, NULL on failure: dj_dir_next() gives its entries without "." and "..", 1 for each, 0 at
 * the end, -errno. ret may be NULL.
 */
DJ_PUBLIC struct dj_dir *dj_dir_open(struct dj *dj, const char *path);
DJ_PUBLIC int dj_dir_next(struct dj_dir *dir, struct dj_stat *ret);
DJ_PUBLIC const char *dj_dir_name(const struct dj_dir *dir);
DJ_PUBLIC void dj_dir_close(struct dj_dir *dir);

/* ---- requests -------------------------------------------------------------------------------- */

/*
 * A request is made, filled, submitted, and over once: then it can be asked what came of it, and
 * has to be freed. Many can be under way; they end in any order.
 *
 *     request = dj_request_get(dj, "factorial");
 *     dj_request_add_word(request, "5");
 *     dj_request_set_cookie(request, whatever_is_mine);
 *     dj_submit(request);                                 and more of them
 *     while ((request = dj_next(dj, -1)) != NULL) {       those that are over, one by one
 *         if (dj_request_bytes(request, &bytes, &len) == 0)
 *             …
 *         dj_request_free(request);
 *     }
 *
 * In a poll loop of your own: wait until dj_fd() is ready for dj_events(), at most
 * dj_poll_timeout(), call dj_process(), then dj_next(dj, 0) until it gives NULL. Requests with a
 * callback are not given by dj_next(): dj_process() and dj_next() call it. It may make, submit and
 * free requests, its own too, but may not call what blocks, dj_free or dj_disconnect.
 *
 * Blocking calls may be made while requests are under way; what ends meanwhile waits for
 * dj_process() or dj_next().
 */

/* dj_request_get(dj, task): as dj_get(); add words. DJ_START makes it as dj_run(). */
DJ_PUBLIC struct dj_request *dj_request_get(struct dj *dj, const char *task);
/* dj_request_memo(dj): as dj_memo(); the words are the command. */
DJ_PUBLIC struct dj_request *dj_request_memo(struct dj *dj);
/* dj_request_path(dj, task): as dj_path(); its bytes are the path. */
DJ_PUBLIC struct dj_request *dj_request_path(struct dj *dj, const char *task);
/* dj_request_reserve(dj, resources): as dj_reserve(). */
DJ_PUBLIC struct dj_request *dj_request_reserve(struct dj *dj, const char *resources);
/* dj_request_lock(dj, name, flags): as dj_lock(): over when the connection has it. Freed before, it
 * is not locked. */
DJ_PUBLIC struct dj_request *dj_request_lock(struct dj *dj, const char *name, unsigned flags);
/*
 * dj_request_follow(followed, offset): how a get (with DJ_FOLLOWED) or memo under way goes on. Its
 * bytes are the log of the run from offset on, maybe not all of it; see dj_request_progress().
 */
DJ_PUBLIC struct dj_request *dj_request_follow(struct dj_request *followed, uint64_t offset);

/* dj_request_free(request): also of one under way, which is cancelled then. */
DJ_PUBLIC void dj_request_free(struct dj_request *request);

DJ_PUBLIC int dj_request_add_word(struct dj_request *request, const char *word);
DJ_PUBLIC int dj_request_add_bytes(struct dj_request *request, const void *bytes, size_t len);
DJ_PUBLIC int dj_request_set_flags(struct dj_request *request, unsigned flags);
/* dj_request_set_timeout(request, ms): it is cancelled then: -ETIMEDOUT. 0: never. */
DJ_PUBLIC int dj_request_set_timeout(struct dj_request *request, uint64_t ms);
/* dj_request_set_session(request, session): NAME, or "new,workers=10,ram=128". */
DJ_PUBLIC int dj_request_set_session(struct dj_request *request, const char *session);
/* dj_request_set_launch(request, launch): as `launch` of a task, for this call. */
DJ_PUBLIC int dj_request_set_launch(struct dj_request *request, const char *launch);
/* Parameters left out of account when there is no valid result: these, or all but these; several
 * calls, or commas. Parts of json ones, too: "config.verbose" (dj-tasks(5)). */
DJ_PUBLIC int dj_request_ignore(struct dj_request *request, const char *params);
DJ_PUBLIC int dj_request_keep(struct dj_request *request, const char *params);

/* A pointer of yours that comes along. */
DJ_PUBLIC void dj_request_set_cookie(struct dj_request *request, void *cookie);
DJ_PUBLIC void *dj_request_cookie(const struct dj_request *request);

typedef void dj_done_fn(struct dj_request *request, void *cookie);
DJ_PUBLIC int dj_request_set_callback(struct dj_request *request, dj_done_fn *done, void *cookie);

/* dj_submit(request): gathered with others; sent by whatever of libdj waits or processes next. */
DJ_PUBLIC int dj_submit(struct dj_request *request);
/* dj_perform(request): submits it and blocks until it is over; its code. */
DJ_PUBLIC int dj_perform(struct dj_request *request);
/* dj_cancel(request): gives it up: it ends soon with -EINTR, or with the answer that was under
 * way. Fine for one that is over. */
DJ_PUBLIC int dj_cancel(struct dj_request *request);

/* dj_next(dj, timeout_ms): a request that is over; NULL after the time (-1: never) or when none is
 * under way any more. */
DJ_PUBLIC struct dj_request *dj_next(struct dj *dj, int timeout_ms);

/* dj_process(dj): reads and writes what is possible without waiting, and calls back. -ENOTCONN when
 * the daemon has gone: all requests are over with it. */
DJ_PUBLIC int dj_process(struct dj *dj);
DJ_PUBLIC int dj_fd(const struct dj *dj);      /* -1: not connected; another after a reconnect */
DJ_PUBLIC short dj_events(const struct dj *dj); /* for poll(2); changes with what is submitted */
DJ_PUBLIC int dj_poll_timeout(const struct dj *dj); /* in ms, for poll(2); -1: none */
/* dj_pending(dj): how many requests are under way, or over and not given by dj_next() yet. */
DJ_PUBLIC size_t dj_pending(const struct dj *dj);

/* dj_request_is_over(request): 1 or 0. */
DJ_PUBLIC int dj_request_is_over(const struct dj_request *request);
/* dj_request_code(request): 0, why it failed as a negative errno, or -EINPROGRESS before. */
DJ_PUBLIC int dj_request_code(const struct dj_request *request);
DJ_PUBLIC const char *dj_request_error(const struct dj_request *request); /* a sentence, or "" */
/* dj_request_note(request): a warning for people, or "". */
DJ_PUBLIC const char *dj_request_note(const struct dj_request *request);

/* dj_request_bytes(request, ret, ret_len): the result; a large one is mapped into memory. Also what
 * a command of a memo wrote before it failed. */
DJ_PUBLIC int dj_request_bytes(struct dj_request *request, const void **ret, size_t *ret_len);
/* dj_request_file(request): a large result is this file, which must not be changed; else NULL. */
DJ_PUBLIC const char *dj_request_file(const struct dj_request *request);
DJ_PUBLIC uint64_t dj_request_instance(const struct dj_request *request);
/* dj_request_computed(request): of a get with DJ_FOLLOWED: 1: it was not there when it was asked
 * for, but is computed since; 0. */
DJ_PUBLIC int dj_request_computed(const struct dj_request *request);
/* dj_request_exit(request): of a memo, as a shell gives it. */
DJ_PUBLIC int dj_request_exit(const struct dj_request *request);
/* The log of a memo, or what dj_request_follow() has not told of it; long ones are mapped. */
DJ_PUBLIC int dj_request_log(struct dj_request *request, const void **ret, size_t *ret_len);

/*
 * dj_request_progress(request, …): of a follow: the run's status ("" while nothing is under way),
 * what it says (total 0: nothing), how long it runs and how long that usually takes (0: not known).
 * Each may be NULL.
 */
DJ_PUBLIC int dj_request_progress(const struct dj_request *request, const char **ret_status,
                                  uint64_t *ret_done, uint64_t *ret_total, uint64_t *ret_took_ns,
                                  uint64_t *ret_usual_ns);
/* dj_request_run(request): of a follow: the path of the run, or "". */
DJ_PUBLIC const char *dj_request_run(const struct dj_request *request);

/* ---- many calls of one task ------------------------------------------------------------------ */

/*
 * A batch is for thousands of calls: they travel in groups, so one that is cached takes a tenth of
 * the time of a request of its own. Calls are added at any time, and each is told of once, as they
 * end:
 *
 *     batch = dj_batch_new(dj, "factorial", 0);
 *     for (i = 0; i < n; i++)
 *         dj_batch_add(batch, 1, &words[i], NULL, &mine[i]);
 *     while (dj_batch_next(batch, -1) == 1)
 *         if (dj_batch_code(batch) == 0 && dj_batch_bytes(batch, &bytes, &len) == 0)
 *             …                                           of dj_batch_cookie(batch)
 *     dj_batch_free(batch);
 *
 * No more than a thousand are with the daemon at a time; the others wait here. In a poll loop of
 * your own: after dj_process(), dj_batch_next(batch, 0) until it is not 1.
 */
enum {
    DJ_LAZY = 1 << 5, /* nothing is computed or looked for: only where the runs are in the tree */
};

/* dj_batch_new(dj, task, flags): DJ_FORCE, DJ_INCOGNITO, DJ_CACHED, or DJ_LAZY alone. */
DJ_PUBLIC struct dj_batch *dj_batch_new(struct dj *dj, const char *task, unsigned flags);
/* dj_batch_of_runs(dj, flags): likewise, of runs by their paths, of any tasks. */
DJ_PUBLIC struct dj_batch *dj_batch_of_runs(struct dj *dj, unsigned flags);
/* As of a request; for what is added from then on. */
DJ_PUBLIC int dj_batch_set_session(struct dj_batch *batch, const char *session);
DJ_PUBLIC int dj_batch_set_launch(struct dj_batch *batch, const char *launch);

/* dj_batch_add(batch, n, words, lens, cookie): a call with these words; lens NULL: each ends at its
 * NUL. They are copied. It does not block; -E2BIG: of more than 4 MiB, with 8 bytes for each word
 * beside its own. */
DJ_PUBLIC int dj_batch_add(struct dj_batch *batch, int n, const char *const *words,
                           const size_t *lens, void *cookie);

/* dj_batch_add_run(batch, run, cookie): TASK/NAME or tasks/TASK/NAME, also below the mount. */
DJ_PUBLIC int dj_batch_add_run(struct dj_batch *batch, const char *run, void *cookie);

/* dj_batch_cancel(batch): those that have not ended end soon, with -EINTR. */
DJ_PUBLIC int dj_batch_cancel(struct dj_batch *batch);
/* dj_batch_pending(batch): how many were added and not told of. */
DJ_PUBLIC size_t dj_batch_pending(const struct dj_batch *batch);

/* dj_batch_next(batch, timeout_ms): 1: a call has ended, which the following tell of; 0: after the
 * time (-1: never), or when all were told of. */
DJ_PUBLIC int dj_batch_next(struct dj_batch *batch, int timeout_ms);
/* dj_batch_index(batch): as which it was added, from 0. */
DJ_PUBLIC uint64_t dj_batch_index(const struct dj_batch *batch);
DJ_PUBLIC void *dj_batch_cookie(const struct dj_batch *batch);
/* dj_batch_code(batch): 0, or why it failed; one that a connection has left is -ENOTCONN. */
DJ_PUBLIC int dj_batch_code(const struct dj_batch *batch);
DJ_PUBLIC const char *dj_batch_error(const struct dj_batch *batch); /* a sentence, or "" */
DJ_PUBLIC const char *dj_batch_note(const struct dj_batch *batch);  /* a warning, or "" */
DJ_PUBLIC const char *dj_batch_run(const struct dj_batch *batch);   /* its path, or "" */
/* dj_batch_status(batch): of the run: "done", "failed"…; "": it is none. */
DJ_PUBLIC const char *dj_batch_status(const struct dj_batch *batch);
/* As of a request; they hold until the next call is asked for. */
DJ_PUBLIC int dj_batch_bytes(struct dj_batch *batch, const void **ret, size_t *ret_len);
DJ_PUBLIC const char *dj_batch_file(const struct dj_batch *batch);

/* dj_batch_free(batch): what has not ended is cancelled. */
DJ_PUBLIC void dj_batch_free(struct dj_batch *batch);

/* ---- stored frames --------------------------------------------------------------------------- */

/*
 * Rows that the daemon keeps below frames/NAME, and computes without anybody waiting:
 * dj_frame_new(), dj_frame_add() for each row, dj_frame_store(): then it is there, and not before.
 * One at a time on a connection. `as` names the column that results are to be in, NULL: "result";
 * flags: DJ_FORCE.
 */
DJ_PUBLIC struct dj_frame *dj_frame_new(struct dj *dj, const char *name, const char *task,
                                        const char *as, unsigned flags);
/* Before the first row, as of a request. */
DJ_PUBLIC int dj_frame_set_session(struct dj_frame *frame, const char *session);
DJ_PUBLIC int dj_frame_set_launch(struct dj_frame *frame, const char *launch);
/* dj_frame_start(frame): what is wrong with all of it is told here: the name is taken (-EEXIST),
 * there is no such task. The first dj_frame_add() does it when nobody has. */
DJ_PUBLIC int dj_frame_start(struct dj_frame *frame);
/* dj_frame_add(frame, row, len, n, words, lens): a JSON object, and the words of its call, as of
 * dj_batch_add(). */
DJ_PUBLIC int dj_frame_add(struct dj_frame *frame, const char *row, size_t len, int n,
                           const char *const *words, const size_t *lens);
/* dj_frame_store(frame, ret_rows): how many rows it has; ret_rows may be NULL. */
DJ_PUBLIC int dj_frame_store(struct dj_frame *frame, uint64_t *ret_rows);
DJ_PUBLIC void dj_frame_free(struct dj_frame *frame);

/* ---- stored runs, given to other stores ------------------------------------------------------ */

/*
 * Which runs: dj_runs_new(), dj_runs_add() for what is meant, then dj_runs_next() until it is not
 * 1, by the time of their ends: what was called comes before who called it. Each is told of once.
 */
enum {
    DJ_HISTORY = 1 << 0,     /* all that are done, not only what answers now */
    DJ_WITH_CALLED = 1 << 1, /* and those that they were answered from, and so on */
};

DJ_PUBLIC struct dj_runs *dj_runs_new(struct dj *dj, unsigned flags);
/* dj_runs_add(runs, what): a TASK, a RUN, or NULL: all. -ENOENT: there is no such task. What is
 * added when some were told of begins anew. */
DJ_PUBLIC int dj_runs_add(struct dj_runs *runs, const char *what);
/* dj_runs_count(runs): how many are known by now, and their bytes; ret_bytes may be NULL. */
DJ_PUBLIC uint64_t dj_runs_count(const struct dj_runs *runs, uint64_t *ret_bytes);
/* dj_runs_on_progress(runs, progress, cookie): called with that count while the others block; a
 * negative errno of it ends them. */
typedef int dj_progress_fn(void *cookie, uint64_t count);
DJ_PUBLIC int dj_runs_on_progress(struct dj_runs *runs, dj_progress_fn *progress, void *cookie);
DJ_PUBLIC int dj_runs_next(struct dj_runs *runs);
/* dj_runs_rewind(runs): dj_runs_next() begins anew. */
DJ_PUBLIC void dj_runs_rewind(struct dj_runs *runs);
/* dj_runs_id(runs): 64 hex digits, the same in every store. */
DJ_PUBLIC const char *dj_runs_id(const struct dj_runs *runs);
DJ_PUBLIC uint64_t dj_runs_instance(const struct dj_runs *runs); /* in this store */
DJ_PUBLIC uint64_t dj_runs_end_ns(const struct dj_runs *runs);   /* since 1970 */
DJ_PUBLIC uint64_t dj_runs_bytes(const struct dj_runs *runs);    /* of its content */
DJ_PUBLIC int dj_runs_is_current(const struct dj_runs *runs);    /* it answers now */
DJ_PUBLIC void dj_runs_free(struct dj_runs *runs);

/*
 * A run taken out of a store: its record, texts, and contents, which are read one after the other:
 *
 *     while (dj_export_next(run) == 1)
 *         while ((n = dj_export_read(run, bytes, size)) > 0)
 *             …                                           of dj_export_name(run)
 *
 * One at a time on a connection: the next dj_export_open() ends the one before, with -ESTALE.
 * -ENOENT: the run went away; -EBADMSG, -EUCLEAN: it is damaged; -EMSGSIZE: its record is too large
 * to travel.
 */
enum {
    DJ_TEXTS = 1 << 0, /* with the texts of the tree */
};

DJ_PUBLIC struct dj_export *dj_export_open(struct dj *dj, uint64_t instance, unsigned flags);
DJ_PUBLIC const char *dj_export_task(const struct dj_export *run);
DJ_PUBLIC const char *dj_export_path(const struct dj_export *run); /* tasks/TASK/NAME */
DJ_PUBLIC const char *dj_export_id(const struct dj_export *run);   /* as dj_runs_id() */
/* dj_export_text(run, name, ret, ret_len): "record": what dj_import_begin() takes; with DJ_TEXTS
 * also "key", "args", "meta", "deps" and "definition", which may be empty. -ENOENT: no such
 * text. */
DJ_PUBLIC int dj_export_text(const struct dj_export *run, const char *name, const void **ret,
                             size_t *ret_len);
/* dj_export_next(run): 1: the next content; 0: that was all. "files.cbor" (its list of files,
 * when it has any), "result", "log", then "files/PATH" of each file; empty ones are told of,
 * too. */
DJ_PUBLIC int dj_export_next(struct dj_export *run);
DJ_PUBLIC const char *dj_export_name(const struct dj_export *run);
DJ_PUBLIC uint64_t dj_export_size(const struct dj_export *run);
/* dj_export_read(run, bytes, size): of the present content: how many; 0: its end. */
DJ_PUBLIC int64_t dj_export_read(struct dj_export *run, void *bytes, size_t size);
DJ_PUBLIC void dj_export_close(struct dj_export *run);

/*
 * Runs taken into a store, by records and contents of whatever store. from is for people: where
 * they come from. For each run:
 *
 *     rc = dj_import_begin(import, record, len);          0: it is there already
 *     while (rc == 1 && (rc = dj_import_next(import)) == 1)
 *         rc = dj_import_write(import, bytes, n);         dj_import_size() bytes, in any pieces,
 *     if (rc == 0) …                                      of the content dj_import_name()
 *
 * The contents are asked for in the order in which dj_export_next() tells of them, without empty
 * ones; dj_import_next() gives 0 when the run was handed over. Small runs are under way while the
 * next one is begun, so what is wrong with one may be an error of dj_import_next() or
 * dj_import_drain() for a later one, whose sentence names it: that run alone is left out.
 * dj_import_drain() waits for all. dj_import_from() is all of that for one run of another store: 1
 * when it was handed over, 0 when it is there already.
 */
DJ_PUBLIC struct dj_import *dj_import_new(struct dj *dj, const char *from);
/* dj_import_origin(import, from): from here on. */
DJ_PUBLIC int dj_import_origin(struct dj_import *import, const char *from);
DJ_PUBLIC int dj_import_begin(struct dj_import *import, const void *record, size_t len);
DJ_PUBLIC int dj_import_next(struct dj_import *import);
DJ_PUBLIC const char *dj_import_name(const struct dj_import *import);
DJ_PUBLIC uint64_t dj_import_size(const struct dj_import *import);
DJ_PUBLIC int dj_import_write(struct dj_import *import, const void *bytes, size_t len);
/* dj_import_from(import, run): a run that was just opened. */
DJ_PUBLIC int dj_import_from(struct dj_import *import, struct dj_export *run);
DJ_PUBLIC int dj_import_drain(struct dj_import *import);

struct dj_import_counts {
    uint64_t taken; /* runs that are stored now */
    uint64_t there; /* that were there before */
    uint64_t same;  /* another run there answers with the same result */
    uint64_t valid; /* of the taken ones: they answer now */
    uint64_t bytes; /* of content taken */
    uint64_t reserved[3];
};

/* dj_import_counts(import, ret): of all that was answered. */
DJ_PUBLIC int dj_import_counts(const struct dj_import *import, struct dj_import_counts *ret);
/* dj_import_conflict(import, i): a line of the i-th, from 0: two results of one call, which of them
 * answers, and why; NULL behind the last. */
DJ_PUBLIC const char *dj_import_conflict(const struct dj_import *import, size_t i);
/* dj_import_waiting(import, i): a task of which taken runs do not answer here (yet): it is not
 * defined as it was there; NULL behind the last. */
DJ_PUBLIC const char *dj_import_waiting(const struct dj_import *import, size_t i);
/* dj_import_free(import): what was handed over is taken in. */
DJ_PUBLIC void dj_import_free(struct dj_import *import);

/* ---- the store ------------------------------------------------------------------------------- */

/*
 * What no current task can reach: counted, or dropped for good. dj_gc_next() gives 1 for some runs
 * of one kind ("undefined", "stale", "failed", "deleted"), 0 at the end; kinds come more than once.
 */
enum {
    DJ_DROP = 1 << 0,
};

DJ_PUBLIC struct dj_gc *dj_gc_open(struct dj *dj, unsigned flags);
DJ_PUBLIC int dj_gc_next(struct dj_gc *gc);
DJ_PUBLIC const char *dj_gc_why(const struct dj_gc *gc);
DJ_PUBLIC uint64_t dj_gc_runs(const struct dj_gc *gc);
DJ_PUBLIC uint64_t dj_gc_bytes(const struct dj_gc *gc);
/* dj_gc_kept(gc): that would go, were they not open or under way; so far. */
DJ_PUBLIC uint64_t dj_gc_kept(const struct dj_gc *gc);
DJ_PUBLIC void dj_gc_close(struct dj_gc *gc);

/*
 * The store checked: by its daemon (store NULL), or by a djd that is started for this folder, which
 * no daemon may have; then dj need not be connected. dj_fsck_next() gives 1 for each finding, and
 * now and then one without a finding (dj_fsck_kind() is "") that says how far it is; 0 at the end.
 * One at a time on a connection.
 */
enum {
    DJ_READ_DATA = 1 << 0, /* all content is read and hashed */
    DJ_REPAIR = 1 << 1,    /* what can be mended safely is */
};

struct dj_fsck_progress {
    const char *phase; /* for people; holds until the next dj_fsck_next() */
    uint64_t done;
    uint64_t total; /* 0: not known */
    uint64_t records; /* looked at so far */
    uint64_t files;
    uint64_t bytes; /* hashed */
    uint64_t reserved[2];
};

DJ_PUBLIC struct dj_fsck *dj_fsck_open(struct dj *dj, const char *store, unsigned flags);
DJ_PUBLIC int dj_fsck_next(struct dj_fsck *fsck);
DJ_PUBLIC const char *dj_fsck_kind(const struct dj_fsck *fsck);  /* one word */
DJ_PUBLIC const char *dj_fsck_where(const struct dj_fsck *fsck);
DJ_PUBLIC const char *dj_fsck_text(const struct dj_fsck *fsck);  /* a sentence */
/* dj_fsck_repaired(fsck): what was done about it; "": nothing. */
DJ_PUBLIC const char *dj_fsck_repaired(const struct dj_fsck *fsck);
DJ_PUBLIC int dj_fsck_progress(const struct dj_fsck *fsck, struct dj_fsck_progress *ret);
DJ_PUBLIC void dj_fsck_close(struct dj_fsck *fsck);

#ifdef __cplusplus
}
#endif

#endif

/*
 * Tasks in C: functions of a shared object that djfs runs in threads of a process which stays.
 *
 *     #include <djfs/task.h>
 *
 *     DJ_TASK(factorial, "params = n:int")
 *     {
 *         int64_t n = dj_arg_int(run, "n");
 *         const char *below;
 *
 *         if (n == 0)
 *             return dj_printf(run, "1\n");
 *         below = dj_getf(run, NULL, "factorial/%lld", (long long)n - 1);
 *         return below == NULL ? -1 : dj_printf(run, "%lld\n", atoll(below) * (long long)n);
 *     }
 *
 * Build it with `cc -shared -fPIC -o t.so t.c` and define it with `dj define ./t.so`. The text in
 * DJ_TASK is options of a task file, a line each; see dj-tasks(5). A task returns 0 when it is
 * done; anything else is a failure, whose sentence is that of dj_fail() or of the call that failed.
 *
 * Each run has a thread of its own while it lasts, with a working directory of its own: what it
 * leaves there with plain fopen("x.txt", "w") becomes its side files. Tasks of one shared object
 * run beside each other in one process, so they must not share variables without a lock, must not
 * call exit() or setenv(). stdout and stderr belong to the process: use dj_printf() and dj_log().
 * One that crashes takes the process along; djfs fails that run alone and begins the others anew.
 *
 * What the functions return belongs to the run and lives until its task returns. All take the
 * `run` that the task was given, on the thread that it was given it on.
 */
#ifndef DJ_DJFS_TASK_H
#define DJ_DJFS_TASK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DJFS_TASK_ABI 1

struct dj_run;

/* What the host offers; called by the functions below. Entries are only ever appended. */
struct djfs_host {
    size_t size;
    const char *(*arg)(struct dj_run *run, const char *name, size_t i, size_t *ret_len);
    size_t (*count)(struct dj_run *run, const char *name);
    int (*write)(struct dj_run *run, const void *bytes, size_t len);
    int (*log)(struct dj_run *run, const void *bytes, size_t len);
    const char *(*get)(struct dj_run *run, size_t *ret_len, const char *path);
    int (*fail)(struct dj_run *run, const char *sentence);
    const char *(*error)(struct dj_run *run);
    int (*reserve)(struct dj_run *run, const char *resources);
    int (*release)(struct dj_run *run, const char *resources);
    void (*progress)(struct dj_run *run, uint64_t done, uint64_t total);
    bool (*cancelled)(struct dj_run *run);
    char *(*format)(struct dj_run *run, const char *format, va_list args, size_t *ret_len);
};

/* The beginning of what `run` points to. */
struct djfs_run {
    const struct djfs_host *host;
};

#define DJFS_HOST(run) (((const struct djfs_run *)(const void *)(run))->host)

#if defined(__GNUC__)
#define DJFS_PRINTF(at, args) __attribute__((format(printf, at, args), unused))
#define DJFS_UNUSED __attribute__((unused))
#else
#define DJFS_PRINTF(at, args)
#define DJFS_UNUSED
#endif

/* ---- arguments --------------------------------------------------------------------------- */

/* dj_arg(run, name): as text; of a file or path its path, of a run that of its result, of a list
 * its first. NULL: there is none. dj_arg_bytes(): with its length. */
static inline DJFS_UNUSED const char *dj_arg(struct dj_run *run, const char *name)
{
    return DJFS_HOST(run)->arg(run, name, 0, NULL);
}

static inline DJFS_UNUSED const char *dj_arg_bytes(struct dj_run *run, const char *name,
                                                   size_t *ret_len)
{
    return DJFS_HOST(run)->arg(run, name, 0, ret_len);
}

/* dj_arg_count(run, name), dj_arg_at(run, name, i): the elements of a list. */
static inline DJFS_UNUSED size_t dj_arg_count(struct dj_run *run, const char *name)
{
    return DJFS_HOST(run)->count(run, name);
}

static inline DJFS_UNUSED const char *dj_arg_at(struct dj_run *run, const char *name, size_t i)
{
    return DJFS_HOST(run)->arg(run, name, i, NULL);
}

/* By type; 0 when there is none. An int beyond 64 bits is the nearest that fits. */
static inline DJFS_UNUSED int64_t dj_arg_int(struct dj_run *run, const char *name)
{
    const char *text = dj_arg(run, name);

    return text == NULL ? 0 : strtoll(text, NULL, 10);
}

static inline DJFS_UNUSED double dj_arg_float(struct dj_run *run, const char *name)
{
    const char *text = dj_arg(run, name);

    return text == NULL ? 0 : strtod(text, NULL);
}

static inline DJFS_UNUSED bool dj_arg_bool(struct dj_run *run, const char *name)
{
    const char *text = dj_arg(run, name);

    return text != NULL && text[0] == 't';
}

/* ---- what comes out ---------------------------------------------------------------------- */

/* dj_write(), dj_printf(): more of the result. 0. */
static inline DJFS_UNUSED int dj_write(struct dj_run *run, const void *bytes, size_t len)
{
    return DJFS_HOST(run)->write(run, bytes, len);
}

static inline DJFS_PRINTF(2, 3) int dj_printf(struct dj_run *run, const char *format, ...)
{
    size_t len;
    va_list args;
    char *text;

    va_start(args, format);
    text = DJFS_HOST(run)->format(run, format, args, &len);
    va_end(args);
    return DJFS_HOST(run)->write(run, text, len);
}

/* dj_log(): a line for the run's log; it ends in a newline or gets one. 0. */
static inline DJFS_PRINTF(2, 3) int dj_log(struct dj_run *run, const char *format, ...)
{
    size_t len;
    va_list args;
    char *text;

    va_start(args, format);
    text = DJFS_HOST(run)->format(run, format, args, &len);
    va_end(args);
    return DJFS_HOST(run)->log(run, text, len);
}

/* dj_fail(run, …): why the task fails, for `return dj_fail(run, …);`. -1. */
static inline DJFS_PRINTF(2, 3) int dj_fail(struct dj_run *run, const char *format, ...)
{
    size_t len;
    va_list args;
    char *text;

    va_start(args, format);
    text = DJFS_HOST(run)->format(run, format, args, &len);
    va_end(args);
    return DJFS_HOST(run)->fail(run, text);
}

/* dj_progress(run, done, total): how far it is. */
static inline DJFS_UNUSED void dj_progress(struct dj_run *run, uint64_t done, uint64_t total)
{
    DJFS_HOST(run)->progress(run, done, total);
}

/* ---- other runs -------------------------------------------------------------------------- */

/*
 * dj_get(run, ret_len, path): the result of another run, TASK/NAME, computed when it is not there
 * yet; the worker is given back meanwhile. A zero byte stands behind it; ret_len may be NULL. NULL:
 * it failed, and dj_run_error() says why. dj_getf(): the path by a format.
 */
static inline DJFS_UNUSED const char *dj_get(struct dj_run *run, size_t *ret_len, const char *path)
{
    return DJFS_HOST(run)->get(run, ret_len, path);
}

static inline DJFS_PRINTF(3, 4) const char *dj_getf(struct dj_run *run, size_t *ret_len,
                                                    const char *format, ...)
{
    va_list args;
    char *path;

    va_start(args, format);
    path = DJFS_HOST(run)->format(run, format, args, NULL);
    va_end(args);
    return DJFS_HOST(run)->get(run, ret_len, path);
}

/* dj_run_error(run): the sentence of what failed last, or "". */
static inline DJFS_UNUSED const char *dj_run_error(struct dj_run *run)
{
    return DJFS_HOST(run)->error(run);
}

/* dj_reserve(run, "ram=1.5"): waits until it has them, without a worker. 0, or -1 with a sentence.
 * dj_release(run, "ram=1"): gives some of them back; NULL: all. */
static inline DJFS_UNUSED int dj_reserve(struct dj_run *run, const char *resources)
{
    return DJFS_HOST(run)->reserve(run, resources);
}

static inline DJFS_UNUSED int dj_release(struct dj_run *run, const char *resources)
{
    return DJFS_HOST(run)->release(run, resources);
}

/* dj_cancelled(run): somebody wants it to end. It has two seconds to return; then its process is
 * ended. */
static inline DJFS_UNUSED bool dj_cancelled(struct dj_run *run)
{
    return DJFS_HOST(run)->cancelled(run);
}

/* ---- how tasks are found ----------------------------------------------------------------- */

struct djfs_task {
    unsigned abi;
    const char *name;
    const char *options;
    int (*function)(struct dj_run *run);
};

/* DJ_TASK(name, options) { body }: `run` is its one parameter. */
#define DJ_TASK(task, task_options)                                                     \
    static int djfs_function_##task(struct dj_run *run);                                \
    static const struct djfs_task djfs_task_##task = {DJFS_TASK_ABI, #task, task_options, \
                                                      djfs_function_##task};            \
    static const struct djfs_task *const djfs_entry_##task                              \
        __attribute__((section("djfs_tasks"), used)) = &djfs_task_##task;               \
    static int djfs_function_##task(struct dj_run *run)

/* What the host asks a shared object for: all of its tasks. */
#ifndef DJFS_NO_TASKS
extern const struct djfs_task *const __start_djfs_tasks[]
    __attribute__((visibility("hidden"), weak));
extern const struct djfs_task *const __stop_djfs_tasks[]
    __attribute__((visibility("hidden"), weak));

__attribute__((visibility("default"), weak)) const struct djfs_task *const *
djfs_all_tasks(size_t *ret_n);

__attribute__((visibility("default"), weak)) const struct djfs_task *const *
djfs_all_tasks(size_t *ret_n)
{
    *ret_n = (size_t)(__stop_djfs_tasks - __start_djfs_tasks);
    return __start_djfs_tasks;
}
#endif

#ifdef __cplusplus
}
#endif

#endif

/*
 * What a task in a thread is offered (lib/djfs/task.h), and one run of it from beginning to end.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DJFS_NO_TASKS
#include "daemon/host/culprit.h"
#include "daemon/host/library.h"
#include "daemon/host/pool.h"
#include "lib/djfs/task.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { HERE = 16 << 10 }; /* larger results and logs go to the daemon as files */

static struct dj_hosted *of(struct dj_run *run)
{
    return (struct dj_hosted *)run;
}

/* It lives as long as the run. */
static char *keep(struct dj_hosted *hosted, char *text)
{
    *(char **)dj_list_add(&hosted->texts, sizeof(char *)) = text;
    return text;
}

/* The last sentence stays; it is freed with the run, since a task may still hold the one before. */
static void set_error(struct dj_hosted *hosted, const char *sentence)
{
    hosted->error = keep(hosted, dj_xstrdup(sentence));
}

/* ---- arguments --------------------------------------------------------------------------- */

static struct dj_part_hosted_arg *find(struct dj_hosted *hosted, const char *name, size_t i)
{
    const struct dj_list *args = &hosted->call.args;

    for (size_t at = 0; at < args->n; at++) {
        struct dj_part_hosted_arg *arg = DJ_LIST_AT(args, struct dj_part_hosted_arg, at);

        if (strcmp(arg->name, name) == 0 && i-- == 0)
            return arg;
    }
    return NULL;
}

static const char *api_arg(struct dj_run *run, const char *name, size_t i, size_t *ret_len)
{
    struct dj_part_hosted_arg *arg = find(of(run), name, i);

    if (arg == NULL)
        return NULL;
    if (ret_len != NULL)
        *ret_len = arg->text.len;
    return dj_buf_str(&arg->text);
}

static size_t api_count(struct dj_run *run, const char *name)
{
    size_t n = 0;

    while (find(of(run), name, n) != NULL)
        n++;
    return n;
}

/* ---- what comes out ---------------------------------------------------------------------- */

static bool exceeds(struct dj_hosted *hosted, enum dj_exit_how how, uint64_t limit, uint64_t size)
{
    if (limit == 0 || size <= limit)
        return false;
    if (!hosted->limited) {
        hosted->limited = true;
        hosted->ended.how = how;
        hosted->ended.limit = limit;
        hosted->ended.reached = size;
        set_error(hosted, "it has exceeded a limit");
    }
    return true;
}

static int api_write(struct dj_run *run, const void *bytes, size_t len)
{
    struct dj_hosted *hosted = of(run);

    if (exceeds(hosted, DJ_EXIT_RESULT_LIMIT, hosted->call.limits.result_bytes,
                hosted->result.len + len))
        return -1;
    dj_buf_add(&hosted->result, bytes, len);
    return 0;
}

static void flush_log(struct dj_hosted *hosted)
{
    if (hosted->log_written < hosted->log.len &&
        dj_place_log(hosted->host, hosted->place, &hosted->log, hosted->log_written) == 0)
        hosted->log_written = hosted->log.len;
}

static int api_log(struct dj_run *run, const void *bytes, size_t len)
{
    struct dj_hosted *hosted = of(run);
    const char *text = bytes;

    if (exceeds(hosted, DJ_EXIT_LOG_LIMIT, hosted->call.limits.log_bytes,
                hosted->log.len + len + 1))
        return -1;
    dj_pool_lock(hosted->host->pool);
    dj_buf_add(&hosted->log, bytes, len);
    if (len == 0 || text[len - 1] != '\n')
        dj_buf_addc(&hosted->log, '\n');
    if (hosted->live)
        flush_log(hosted);
    dj_pool_unlock(hosted->host->pool);
    return 0;
}

void dj_task_show_log(struct dj_hosted *hosted)
{
    hosted->live = true;
    flush_log(hosted);
}

static int api_fail(struct dj_run *run, const char *sentence)
{
    set_error(of(run), sentence);
    return -1;
}

static const char *api_error(struct dj_run *run)
{
    return of(run)->error == NULL ? "" : of(run)->error;
}

static char *api_format(struct dj_run *run, const char *format, va_list args, size_t *ret_len)
{
    struct dj_buf text = DJ_BUF_INIT;

    dj_buf_addv(&text, format, args);
    if (ret_len != NULL)
        *ret_len = text.len;
    (void)dj_buf_str(&text);
    return keep(of(run), dj_buf_steal(&text));
}

/* ---- the daemon asked -------------------------------------------------------------------- */

static int ask(struct dj_hosted *hosted, struct dj_ask *ask)
{
    ask->hosted = hosted;
    if (hosted->cancelled) {
        set_error(hosted, "cancelled");
        return -1;
    }
    dj_pool_ask(hosted->host->pool, ask);
    if (ask->code < 0)
        set_error(hosted, ask->error == NULL ? strerror(-ask->code) : ask->error);
    free(ask->error);
    ask->error = NULL;
    return ask->code < 0 ? -1 : 0;
}

static int read_path(struct dj_hosted *hosted, struct dj_ask *ask)
{
    int rc = ask->path == NULL ? 0
                               : dj_read_file(AT_FDCWD, ask->path, SIZE_MAX / 2, &ask->content);

    free(ask->path);
    if (rc < 0)
        set_error(hosted, "the result of the run cannot be read");
    return rc;
}

static const char *api_get(struct dj_run *run, size_t *ret_len, const char *path)
{
    struct dj_hosted *hosted = of(run);
    const char *slash = strchr(path, '/');
    struct dj_msg_get get = {0};
    struct dj_ask request = {.number = DJ_MSG_GET, .fields = &get, .want = DJ_MSG_RESULT,
                             .env = &get.env};
    int rc;

    if (slash == NULL || slash == path) {
        api_fail(run, "not the path of a run, which is TASK/NAME");
        return NULL;
    }
    get.task = dj_xmemdup0(path, (size_t)(slash - path));
    dj_buf_adds(&get.name, slash + 1);
    rc = ask(hosted, &request);
    dj_codec_release(dj_message_layout(DJ_MSG_GET), &get);
    if (rc == 0)
        rc = read_path(hosted, &request);
    if (rc < 0) {
        dj_buf_release(&request.content);
        return NULL;
    }
    if (ret_len != NULL)
        *ret_len = request.content.len;
    (void)dj_buf_str(&request.content);
    return keep(hosted, dj_buf_steal(&request.content));
}

static int api_reserve(struct dj_run *run, const char *resources)
{
    struct dj_msg_reserve reserve = {.resources = dj_xstrdup(resources)};
    struct dj_ask request = {.number = DJ_MSG_RESERVE, .fields = &reserve, .want = DJ_MSG_OK};
    int rc = ask(of(run), &request);

    free(reserve.resources);
    return rc;
}

static int api_release(struct dj_run *run, const char *resources)
{
    struct dj_msg_unreserve release = {.resources =
                                           dj_xstrdup(resources == NULL ? "" : resources)};
    struct dj_ask request = {.number = DJ_MSG_UNRESERVE, .fields = &release, .want = DJ_MSG_OK};
    int rc = ask(of(run), &request);

    free(release.resources);
    return rc;
}

static void api_progress(struct dj_run *run, uint64_t done, uint64_t total)
{
    struct dj_msg_progress far = {.done = done, .total = total};
    struct dj_ask request = {.number = DJ_MSG_PROGRESS, .fields = &far, .want = DJ_MSG_OK};

    (void)ask(of(run), &request);
}

static bool api_cancelled(struct dj_run *run)
{
    return of(run)->cancelled;
}

static const struct djfs_host api = {
    .size = sizeof(api),
    .arg = api_arg,
    .count = api_count,
    .write = api_write,
    .log = api_log,
    .get = api_get,
    .fail = api_fail,
    .error = api_error,
    .reserve = api_reserve,
    .release = api_release,
    .progress = api_progress,
    .cancelled = api_cancelled,
    .format = api_format,
};

/* ---- one run ----------------------------------------------------------------------------- */

static uint64_t us_of(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

static void charge(struct dj_exit_record *ended, const struct rusage *before)
{
    struct rusage after;

    getrusage(RUSAGE_THREAD, &after);
    ended->user_us = us_of(&after.ru_utime) - us_of(&before->ru_utime);
    ended->system_us = us_of(&after.ru_stime) - us_of(&before->ru_stime);
}

/* What does not go with the message is in the folder: the daemon takes it from there. */
static void put_down(struct dj_hosted *hosted)
{
    struct dj_exit_record *ended = &hosted->ended;
    bool here = !ended->has_files && hosted->log_written == 0 && hosted->call.result == NULL &&
                hosted->result.len + hosted->log.len <= HERE;

    ended->result_size = hosted->result.len;
    ended->log_size = hosted->log.len;
    ended->clean = here;
    if (here)
        return;
    flush_log(hosted);
    if (dj_place_write(hosted->host, hosted->place, "out", dj_buf_bytes(&hosted->result)) < 0 ||
        hosted->log_written < hosted->log.len) {
        ended->how = DJ_EXIT_NOT_STORED;
        ended->code = ENOSPC;
    }
}

static void judge(struct dj_hosted *hosted, int code)
{
    struct dj_exit_record *ended = &hosted->ended;

    if (hosted->cancelled && hosted->ending != DJ_EXIT_CODE)
        ended->how = hosted->ending;
    else if (hosted->limited || code == 0)
        return;
    else
        ended->code = code > 0 && code < 256 ? (uint64_t)code : 1;
    if (code != 0 && hosted->error != NULL)
        snprintf(ended->text, sizeof(ended->text), "%s", hosted->error);
}

/* pthread_exit() in a task: like exit(), since the thread is not its own. */
static void thread_exits(void *hosted)
{
    dj_culprit_name(hosted, DJ_EXIT_CODE);
}

static int call(struct dj_hosted *hosted)
{
    dj_task_fn *function = dj_library_find(hosted->host->library, hosted->call.function);
    int code;

    if (function == NULL) {
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

        dj_buf_addf(&text, "%s has no task %s", hosted->host->options.library,
                    hosted->call.function);
        dj_hosted_refuse(hosted, DJ_EXIT_NOT_STARTED, ENOENT, dj_buf_str(&text));
        return 0;
    }
    dj_culprit_enter(hosted);
    pthread_cleanup_push(thread_exits, hosted);
    code = function((struct dj_run *)hosted);
    pthread_cleanup_pop(0);
    dj_culprit_enter(NULL);
    return code;
}

static pid_t this_thread(void)
{
    static _Thread_local pid_t tid;

    if (tid == 0)
        tid = gettid();
    return tid;
}

/* Threads have one working directory among them until each asks for its own. */
static int enter_folder(const struct dj_hosted *hosted)
{
    static _Thread_local bool is_own;

    if (!is_own && unshare(CLONE_FS) < 0)
        return -errno;
    is_own = true;
    return fchdir(hosted->place->cwd) < 0 ? -errno : 0;
}

void dj_task_run(struct dj_hosted *hosted)
{
    struct dj_host *host = hosted->host;
    uint32_t slot = (uint32_t)hosted->call.slot;
    struct rusage before;
    int code, rc;

    hosted->api = &api;
    getrusage(RUSAGE_THREAD, &before);
    rc = enter_folder(hosted);
    if (rc < 0) {
        dj_hosted_refuse(hosted, DJ_EXIT_NOT_STARTED, -rc, "cannot enter the run's folder");
        return;
    }
    if (slot < DJ_SESSIONS_MAX)
        dj_sessions_set(host->sessions, slot, hosted->instance, this_thread(), 0);
    code = call(hosted);
    if (slot < DJ_SESSIONS_MAX)
        dj_sessions_clear(host->sessions, slot);
    hosted->ended.end_ns = dj_clock_now_ns();
    charge(&hosted->ended, &before);
    hosted->ended.has_files = !dj_place_is_empty(host, hosted->place);
    if (hosted->ended.how == DJ_EXIT_CODE)
        judge(hosted, code);
    put_down(hosted);
}

/*
 * libdj used by a program, against a daemon that runs: libdj-check GROUP, in TAP. tests/libdj.bats
 * has the tasks that it calls; what it needs to happen to the daemon it asks for by shell commands.
 */
#include <dj.h>

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

enum { MANY = 256, LARGE = 3000000 };

static struct dj *connected(void)
{
    struct dj *dj = dj_new("libdj-check");

    if (!ok(dj_connect_to(dj, NULL, 0) == 0, "connected"))
        diag("%s", dj_error(dj));
    return dj;
}

/* The words as libdj takes them, for up to three. */
#define WORDS(...) (const char *const[]){__VA_ARGS__}

static void take_text(char **got, const char *want, const char *name)
{
    is_str(*got, want, "%s", name);
    dj_mem_free(*got);
    *got = NULL;
}

static void free_text(char **text)
{
    dj_mem_free(*text);
    *text = NULL;
}

static void has(const char *text, const char *part)
{
    if (!ok(strstr(text, part) != NULL, "the sentence has \"%s\"", part))
        diag("%s", text);
}

/* ---- blocking -------------------------------------------------------------------------------- */

static void blocking(void)
{
    struct dj *dj = connected();
    char *text = NULL;
    size_t len = 0;
    int code = -1;

    ok(dj_is_connected(dj) == 1, "it says so");
    ok(dj_daemon_pid(dj) > 0, "the daemon's pid");
    ok(dj_daemon_store(dj)[0] == '/', "the daemon's store");
    ok(strncmp(dj_daemon_program(dj), "djd", 3) == 0, "the daemon's name");

    is_int(dj_get(dj, "mult", 2, WORDS("6", "7"), DJ_CACHED, &text, &len), -EAGAIN, "not cached");
    ok(text == NULL && dj_error(dj)[0] != '\0', "nothing but a sentence");
    is_int(dj_get(dj, "mult", 2, WORDS("6", "7"), 0, &text, &len), 0, "computed");
    is_int((int)len, 3, "its length");
    take_text(&text, "42\n", "its bytes");
    ok(dj_error(dj)[0] == '\0', "no error any more");
    is_int(dj_get(dj, "mult", 2, WORDS("b=7", "a=6"), DJ_CACHED, &text, NULL), 0, "by name");
    take_text(&text, "42\n", "cached");
    is_int(dj_path(dj, "mult", 2, WORDS("6", "7"), &text), 0, "its path");
    take_text(&text, "tasks/mult/a=6,b=7", "the path");
    is_int(dj_get(dj, "tasks/mult/a=6,b=7", 0, NULL, DJ_CACHED, &text, &len), 0, "by its path");
    take_text(&text, "42\n", "the same");
    is_int(dj_get(dj, "mult/a=6,b=7", 0, NULL, DJ_FORCE | DJ_INCOGNITO, &text, NULL), 0,
           "forced and incognito");
    free_text(&text);
    is_int(dj_get(dj, "mult", 2, WORDS("six", "7"), 0, &text, &len), -EINVAL, "a bad argument");
    has(dj_error(dj), "six");
    is_int(dj_get(dj, "no-such", 0, NULL, 0, &text, &len), -ENOENT, "no such task");
    has(dj_error(dj), "no-such");
    is_int(dj_get(dj, "fails", 0, NULL, 0, &text, &len), -EIO, "a run that failed");
    has(dj_error(dj), "exit");
    ok(text == NULL, "and gave nothing");

    is_int(dj_get(dj, "large", 0, NULL, 0, &text, &len), 0, "a large result");
    is_int((int)len, LARGE, "as a whole");
    free_text(&text);

    is_int(dj_run(dj, "mult", 2, WORDS("2", "3"), 0), 0, "started");
    is_int(dj_wait(dj, "mult/a=2,b=3", &text), 0, "waited for");
    take_text(&text, "done", "done");
    is_int(dj_run_text(dj, "mult/a=2,b=3", "result", &text), 0, "a file of a run");
    take_text(&text, "6", "without its newline");
    is_int(dj_control(dj, "mult/a=2,b=3", "delete"), 0, "deleted");
    is_int(dj_run_text(dj, "mult/a=2,b=3", "status", &text), 0, "its status");
    take_text(&text, "absent", "gone");
    is_int(dj_control(dj, "mult/a=2,b=3", "dance"), -EINVAL, "no such verb");
    has(dj_error(dj), "dance");

    is_int(dj_memo(dj, 2, WORDS("echo", "hello"), 0, &text, &len, &code), 0, "a memo");
    take_text(&text, "hello\n", "its output");
    is_int(code, 0, "its exit code");
    is_int(dj_memo(dj, 3, WORDS("sh", "-c", "echo some; exit 3"), 0, &text, &len, &code), 0,
           "a memo that fails");
    take_text(&text, "some\n", "what it wrote until then");
    is_int(code, 3, "its exit code");
    dj_free(dj);
}

/* ---- what is left out of account ------------------------------------------------------------- */

/* config is asked for while these are ignored, or only these kept; the run of want answers. */
static void left_out(struct dj *dj, const char *ignore, const char *keep, const char *config,
                     const char *want)
{
    struct dj_request *request = dj_request_get(dj, "fit");
    const void *bytes = "";
    size_t len = 0;

    is_int(dj_request_add_word(request, config), 0, "%s", config);
    if (ignore != NULL)
        is_int(dj_request_ignore(request, ignore), 0, "ignore %s", ignore);
    if (keep != NULL)
        is_int(dj_request_keep(request, keep), 0, "keep %s", keep);
    is_int(dj_perform(request), 0, "answered");
    is_int(dj_request_bytes(request, &bytes, &len), 0, "with a result");
    is_bytes(bytes, len, want, strlen(want), "the result");
    dj_request_free(request);
}

static void ignored(void)
{
    struct dj *dj = connected();
    struct dj_request *request;

    is_int(dj_define_line(dj, 6, WORDS("fit", "config:json", "n:int=1", "--", "echo", "{config}")),
           0, "defined");
    left_out(dj, NULL, NULL, "{\"lr\":1,\"v\":1}", "{\"lr\":1,\"v\":1}\n");
    left_out(dj, "config.v", NULL, "{\"lr\":1,\"v\":2}", "{\"lr\":1,\"v\":1}\n");
    left_out(dj, NULL, "config.lr, n", "{\"lr\":1,\"v\":3}", "{\"lr\":1,\"v\":1}\n");
    left_out(dj, "config", NULL, "{\"lr\":2}", "{\"lr\":1,\"v\":1}\n");
    left_out(dj, NULL, "n", "{\"lr\":3}", "{\"lr\":1,\"v\":1}\n");
    left_out(dj, "config.v", NULL, "{\"lr\":4,\"v\":1}", "{\"lr\":4,\"v\":1}\n");
    request = dj_request_get(dj, "fit");
    is_int(dj_request_add_word(request, "1"), 0, "an argument");
    is_int(dj_request_ignore(request, "n.x"), 0, "a part of what has none");
    is_int(dj_perform(request), -EINVAL, "refused");
    has(dj_request_error(request), "n is of type int");
    dj_request_free(request);
    dj_free(dj);
}

/* ---- definitions ----------------------------------------------------------------------------- */

static void definitions(void)
{
    static const char text[] = "[twice]\ncommand = echo {n}{n}\nparams = n:int\nversion = 1\n"
                               "help = says it twice\n";
    struct dj *dj = connected();
    struct dj_tasks *tasks;
    struct dj_impact *impact;
    char *got = NULL;
    uint64_t count = 0;
    int n = 0, rc;

    is_int(dj_define(dj, text, strlen(text), "my.ini", "/tmp"), 0, "defined");
    is_int(dj_define(dj, "[bad]\nnonsense\n", 15, "my.ini", NULL), -EINVAL, "a bad definition");
    has(dj_error(dj), "my.ini:2");
    is_int(dj_define_line(dj, 5, WORDS("thrice", "n:int", "--", "echo", "{n}{n}{n}")), 0,
           "one line");
    is_int(dj_define_file(dj, "./lib.sh", 1, WORDS("shout")), 0, "a function of a script");
    is_int(dj_define_file(dj, "./nothing.sh", 0, NULL), -ENOENT, "a file that is not there");
    has(dj_error(dj), "./nothing.sh");
    is_int(dj_get(dj, "twice", 1, WORDS("4"), 0, &got, NULL), 0, "called");
    take_text(&got, "44\n", "its result");
    is_int(dj_get(dj, "shout", 1, WORDS("hey"), 0, &got, NULL), 0, "the function called");
    take_text(&got, "HEY\n", "its result");

    tasks = dj_tasks_open(dj, "twice");
    is_int(dj_tasks_next(tasks), 1, "one task");
    is_str(dj_tasks_params(tasks), "n:int", "its parameters");
    is_str(dj_tasks_version(tasks), "1", "its version");
    is_str(dj_tasks_help(tasks), "says it twice", "its help");
    is_str(dj_tasks_folder(tasks), "/tmp", "its folder");
    is_int((int)dj_tasks_runs(tasks, "done"), 1, "runs that are done");
    is_int((int)dj_tasks_runs(tasks, NULL), 1, "all runs");
    ok(dj_tasks_changed_ns(tasks) > 0, "when it was defined");
    is_int(dj_tasks_next(tasks), 0, "no more");
    is_int(dj_tasks_next(tasks), 0, "nor later");
    dj_tasks_close(tasks);
    tasks = dj_tasks_open(dj, NULL);
    while ((rc = dj_tasks_next(tasks)) == 1)
        n += strcmp(dj_tasks_name(tasks), "thrice") == 0 ||
             strcmp(dj_tasks_name(tasks), "twice") == 0;
    is_int(rc, 0, "all tasks");
    is_int(n, 2, "ours are among them");
    dj_tasks_close(tasks);
    ok(dj_tasks_open(dj, "no-such") == NULL, "no such task");
    has(dj_error(dj), "no-such");

    impact = dj_impact_open(dj, "twice");
    is_int(dj_impact_next(impact), 1, "what a new version would change");
    is_str(dj_impact_task(impact), "twice", "its task");
    is_str(dj_impact_name(impact), "4", "its name");
    is_int(dj_impact_next(impact), 0, "no more");
    dj_impact_close(impact);

    is_int(dj_bump(dj, "twice", &got), 0, "raised");
    take_text(&got, "2", "the new version");
    is_int(dj_control(dj, "twice/4", "delete"), 0, "deleted");
    is_int(dj_undelete(dj, "twice", NULL, &count), 0, "undeleted");
    is_int((int)count, 1, "as many");
    is_int(dj_undefine(dj, "twice"), 0, "forgotten");
    is_int(dj_undefine(dj, "twice"), -ENOENT, "only once");
    dj_free(dj);
}

/* ---- the tree -------------------------------------------------------------------------------- */

static void tree(void)
{
    struct dj *dj = connected();
    char *text = NULL, piece[7];
    size_t len = 0;
    struct dj_stat st;
    struct dj_file *file;
    struct dj_dir *dir;
    int64_t n, sum = 0;
    int found = 0, rc;

    is_int(dj_get(dj, "mult", 2, WORDS("3", "5"), 0, &text, NULL), 0, "a run");
    free_text(&text);
    is_int(dj_stat(dj, "tasks/mult/a=3,b=5/result", 1, &st), 0, "stat");
    is_int((int)st.size, 3, "its size");
    ok((st.mode & 0170000) == 0100000, "a file");
    is_int(dj_stat(dj, "/tasks", 1, &st), 0, "with a slash before it");
    ok((st.mode & 0170000) == 0040000, "a folder");
    is_int(dj_stat(dj, "tasks/mult/a=3,b=5/nothing", 1, &st), -ENOENT, "nothing there");
    has(dj_error(dj), "nothing");
    is_int(dj_cat(dj, "tasks/mult/a=3,b=5/result", &text, &len), 0, "cat");
    take_text(&text, "15\n", "its bytes");
    is_int(dj_cat(dj, "tasks", &text, &len), -EISDIR, "cat of a folder");

    file = dj_file_open(dj, "tasks/large/_/result", 0);
    ok(file != NULL, "a large file opened");
    while ((n = dj_file_read(file, piece, sizeof(piece))) > 0 && sum < 70)
        sum += n;
    is_int((int)sum, 70, "read piece by piece");
    dj_file_close(file);
    ok(dj_file_open(dj, "tasks/mult/a=9,b=9/result", DJ_CACHED) == NULL, "not computed");
    ok(strlen(dj_error(dj)) > 0, "%s", dj_error(dj));
    file = dj_file_open(dj, "events", 0);
    ok(dj_file_read(file, piece, sizeof(piece)) == sizeof(piece), "events read");
    dj_file_close(file);

    dir = dj_dir_open(dj, "tasks/mult");
    while ((rc = dj_dir_next(dir, &st)) == 1)
        found += strcmp(dj_dir_name(dir), "a=3,b=5") == 0 && (st.mode & 0170000) == 0040000;
    is_int(rc, 0, "a folder listed");
    is_int(found, 1, "with the run");
    dj_dir_close(dir);
    ok(dj_dir_open(dj, "README") == NULL, "a file is no folder");
    is_int(dj_link(dj, "tasks/mult/a=3,b=5/result", &text), -EINVAL, "no link");
    is_int(dj_write(dj, "tasks/mult/.version", "7\n", 2), 0, "written");
    is_int(dj_cat(dj, "tasks/mult/.version", &text, NULL), 0, "read back");
    take_text(&text, "7\n", "the same");
    is_int(dj_remove(dj, "tasks/mult/a=3,b=5"), 0, "removed");
    is_int(dj_run_text(dj, "mult/a=3,b=5", "status", &text), 0, "and then");
    take_text(&text, "absent", "absent");
    is_int(dj_session_set(dj, "default", "ram=16"), 0, "a session's resources");
    is_int(dj_session_set(dj, "default", "workers=3"), 0, "a session's workers");
    is_int(dj_cat(dj, "sessions/default/max_workers", &text, NULL), 0, "read back");
    take_text(&text, "3\n", "as set");
    is_int(dj_session_set(dj, "default", "workers=none"), -EINVAL, "a bad number");
    dj_free(dj);
}

/* ---- many at once ---------------------------------------------------------------------------- */

static void count_one(struct dj_request *request, void *cookie)
{
    int *n = cookie;

    *n += dj_request_code(request) == 0;
    dj_request_free(request);
}

static struct dj_request *mult_of(struct dj *dj, int a, int b)
{
    struct dj_request *request = dj_request_get(dj, "mult");
    char word[16];

    snprintf(word, sizeof(word), "%d", a);
    dj_request_add_word(request, word);
    snprintf(word, sizeof(word), "%d", b);
    dj_request_add_word(request, word);
    return request;
}

static void by_queue(struct dj *dj)
{
    struct dj_request *request;
    const void *bytes;
    size_t len;
    int right = 0, wrong = 0;

    for (intptr_t i = 0; i < MANY; i++) {
        request = mult_of(dj, (int)i % 8, (int)i / 8 % 4);
        dj_request_set_cookie(request, (void *)i);
        wrong += dj_submit(request) != 0;
    }
    is_int((int)dj_pending(dj), MANY, "under way");
    while ((request = dj_next(dj, -1)) != NULL) {
        intptr_t i = (intptr_t)dj_request_cookie(request);
        char want[16];

        snprintf(want, sizeof(want), "%d\n", (int)(i % 8 * (i / 8 % 4)));
        if (dj_request_bytes(request, &bytes, &len) == 0 && len == strlen(want) &&
            memcmp(bytes, want, len) == 0)
            right++;
        dj_request_free(request);
    }
    is_int(wrong, 0, "all submitted");
    is_int(right, MANY, "each has its own result");
    is_int((int)dj_pending(dj), 0, "none is left");
}

static void by_callback(struct dj *dj)
{
    int n = 0;

    for (int i = 0; i < MANY; i++) {
        struct dj_request *request = mult_of(dj, i % 8, 2);

        dj_request_set_callback(request, count_one, &n);
        dj_submit(request);
    }
    while (dj_pending(dj) > 0) {
        struct pollfd polled = {.fd = dj_fd(dj), .events = dj_events(dj)};

        if (poll(&polled, 1, dj_poll_timeout(dj)) < 0 || dj_process(dj) < 0)
            break;
    }
    is_int(n, MANY, "each was called back");
}

static void ends(struct dj *dj)
{
    struct dj_request *slow = dj_request_get(dj, "gate"), *late = dj_request_get(dj, "gate"),
                      *log;
    const char *status = "";
    const void *bytes;
    size_t len;
    char *text;
    int looks = 0;

    dj_request_add_word(slow, "1");
    dj_request_set_flags(slow, DJ_FOLLOWED);
    is_int(dj_request_code(slow), -EINPROGRESS, "not over");
    is_int(dj_submit(slow), 0, "submitted");
    is_int(dj_submit(slow), -EBUSY, "not twice");
    is_int(dj_request_add_word(slow, "2"), -EBUSY, "nor changed");
    has(dj_error(dj), "submitted");
    ok(dj_next(dj, 0) == NULL, "nothing is over");
    is_int(dj_get(dj, "mult", 2, WORDS("1", "1"), 0, &text, NULL), 0, "blocking beside it");
    free_text(&text);
    for (bool seen = false; !seen && looks < 2000; looks++) {
        log = dj_request_follow(slow, 0);
        dj_perform(log);
        dj_request_progress(log, &status, NULL, NULL, NULL, NULL);
        seen = dj_request_bytes(log, &bytes, &len) == 0 && len == 6 &&
               memcmp(bytes, "at it\n", 6) == 0 && strcmp(status, "running") == 0;
        if (seen)
            is_str(dj_request_run(log), "tasks/gate/1", "which run");
        else
            usleep(5000);
        dj_request_free(log);
    }
    ok(looks < 2000, "its log while it runs");
    is_int(dj_cancel(slow), 0, "given up");
    ok(dj_next(dj, -1) == slow, "it ends");
    is_int(dj_request_code(slow), -EINTR, "interrupted");
    ok(dj_request_error(slow)[0] != '\0', "%s", dj_request_error(slow));
    dj_request_free(slow);

    dj_request_add_word(late, "2");
    dj_request_set_timeout(late, 50);
    dj_submit(late);
    ok(dj_poll_timeout(dj) >= 0 && dj_poll_timeout(dj) <= 51, "the poll's time");
    ok(dj_next(dj, -1) == late, "it ends by time");
    is_int(dj_request_code(late), -ETIMEDOUT, "the time is over");
    dj_request_free(late);
    late = dj_request_get(dj, "gate");
    dj_request_add_word(late, "3");
    dj_submit(late);
    dj_request_free(late);
    is_int((int)dj_pending(dj), 0, "one that was freed is forgotten");
}

static void blocking_ends(struct dj *dj)
{
    char *text = NULL;
    int fd = eventfd(1, EFD_CLOEXEC);

    is_int(dj_set_timeout(dj, 50), 0, "a time for each call");
    is_int(dj_get(dj, "gate", 1, WORDS("4"), 0, &text, NULL), -ETIMEDOUT, "get ends by time");
    has(dj_error(dj), "time is over");
    is_int(dj_run(dj, "gate", 1, WORDS("9"), 0), 0, "started");
    is_int(dj_wait(dj, "gate/9", &text), -ETIMEDOUT, "wait ends by time, too");
    is_int(dj_set_timeout(dj, 0), 0, "no time");
    is_int(dj_set_cancel_fd(dj, fd), 0, "a descriptor that cancels");
    is_int(dj_get(dj, "gate", 1, WORDS("5"), 0, &text, NULL), -EINTR, "get is cancelled");
    is_int(dj_cat(dj, "tasks/gate/5/result", &text, NULL), -EINTR, "so is cat");
    is_int(dj_set_cancel_fd(dj, -1), 0, "taken back");
    is_int(dj_set_cancel_fd(dj, 987), -EBADF, "no descriptor");
    close(fd);
    is_int(dj_get(dj, "mult", 2, WORDS("1", "1"), 0, &text, NULL), 0, "and all is well");
    free_text(&text);
}

static void requests(void)
{
    struct dj *dj = connected();
    struct dj_request *request;
    const void *bytes;
    size_t len = 0;

    by_queue(dj);
    by_callback(dj);
    ends(dj);
    blocking_ends(dj);
    request = dj_request_get(dj, "large");
    is_int(dj_perform(request), 0, "a large result");
    ok(dj_request_file(request) != NULL, "is a file");
    is_int(dj_request_bytes(request, &bytes, &len), 0, "mapped");
    is_int((int)len, LARGE, "as a whole");
    ok(dj_request_instance(request) > 0, "its instance");
    dj_request_free(request);
    request = dj_request_get(dj, "mult");
    dj_request_add_word(request, "6");
    dj_request_add_word(request, "1");
    dj_request_ignore(request, "b");
    is_int(dj_request_keep(request, "a"), 0, "ignore and keep");
    is_int(dj_perform(request), -EINVAL, "not both");
    dj_request_free(request);
    request = dj_request_memo(dj);
    dj_request_add_word(request, "sh");
    dj_request_add_word(request, "-c");
    dj_request_add_word(request, "echo out; echo err >&2");
    is_int(dj_perform(request), 0, "a memo");
    is_int(dj_request_log(request, &bytes, &len), 0, "its log");
    ok(len == 4 && memcmp(bytes, "err\n", 4) == 0, "its stderr");
    dj_request_free(request);
    dj_free(dj);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void nothing_connected(void)
{
    struct dj *dj = dj_new(NULL);
    char *text = NULL;
    struct dj_request *request;

    is_int(dj_get(dj, "mult", 0, NULL, 0, &text, NULL), -ENOTCONN, "not connected");
    has(dj_error(dj), "not connected");
    is_int(dj_cat(dj, "README", &text, NULL), -ENOTCONN, "nor cat");
    is_int(dj_reserve(dj, "ram=1"), -ENOTCONN, "nor reserve");
    is_int(dj_fd(dj), -1, "no descriptor");
    is_int(dj_process(dj), -ENOTCONN, "nothing to process");
    ok(dj_next(dj, -1) == NULL, "nothing to come");
    ok(dj_tasks_open(dj, NULL) == NULL && dj_dir_open(dj, "") == NULL &&
           dj_file_open(dj, "README", 0) == NULL,
       "nothing opens");
    request = dj_request_get(dj, "mult");
    is_int(dj_submit(request), -ENOTCONN, "nothing is submitted");
    is_int(dj_cancel(request), -EINVAL, "nor cancelled");
    is_int(dj_connect_to(dj, "/nowhere/socket", 0), -ENOTCONN, "nobody listens");
    has(dj_error(dj), "dj up");
    is_int(dj_connect_to(dj, NULL, 1U << 20), -EINVAL, "unknown flags");
    dj_free(dj);
    is_int(dj_submit(request), -ENOTCONN, "its connection is gone");
    dj_request_free(request);
}

static void nulls(void)
{
    struct dj *dj = connected();
    char *text = NULL;
    struct dj_request *request;

    is_int(dj_get(NULL, "mult", 0, NULL, 0, &text, NULL), -EINVAL, "no connection");
    is_int(dj_get(dj, NULL, 0, NULL, 0, &text, NULL), -EINVAL, "no task");
    has(dj_error(dj), "NULL");
    is_int(dj_get(dj, "mult", 2, NULL, 0, &text, NULL), -EINVAL, "no words");
    is_int(dj_get(dj, "mult", 2, WORDS("1", NULL), 0, &text, NULL), -EINVAL, "a NULL word");
    is_int(dj_get(dj, "mult", -1, NULL, 0, &text, NULL), -EINVAL, "less than none");
    is_int(dj_get(dj, "mult", 0, NULL, 0, NULL, NULL), -EINVAL, "no place");
    is_int(dj_get(dj, "mult", 0, NULL, 1U << 20, &text, NULL), -EINVAL, "unknown flags");
    is_int(dj_run(dj, "mult/1", 1, WORDS("2"), 0), -EINVAL, "a path with arguments");
    is_int(dj_memo(dj, 0, NULL, 0, &text, NULL, (int[]){0}), -EINVAL, "no command");
    is_int(dj_cat(dj, NULL, &text, NULL), -EINVAL, "no path");
    is_int(dj_cat(dj, "README", NULL, NULL), -EINVAL, "no place");
    is_int(dj_stat(dj, "README", 0, NULL), -EINVAL, "no place for stat");
    is_int(dj_write(dj, "ctl", NULL, 4), -EINVAL, "no bytes");
    is_int(dj_control(dj, "no-path", "delete"), -EINVAL, "no run");
    is_int(dj_control(dj, NULL, NULL), -EINVAL, "nothing at all");
    is_int(dj_wait(dj, NULL, NULL), -EINVAL, "wait for nothing");
    is_int(dj_define(dj, NULL, 0, NULL, NULL), -EINVAL, "no text");
    is_int(dj_define_line(dj, 0, NULL), -EINVAL, "no line");
    is_int(dj_undefine(dj, NULL), -EINVAL, "no task to forget");
    is_int(dj_undelete(dj, NULL, "5", NULL), -EINVAL, "a name without a task");
    is_int(dj_reserve(dj, NULL), -EINVAL, "no resources");
    is_int(dj_reserve(dj, "ram=1"), -EINVAL, "not inside a run");
    is_int(dj_progress(dj, "1/2"), -ENOENT, "nor progress");
    is_int(dj_session_set(dj, NULL, "ram=1"), -EINVAL, "no session");
    is_int(dj_connect_to(NULL, NULL, 0), -EINVAL, "connect nothing");
    is_int(dj_process(NULL), -EINVAL, "process nothing");
    ok(dj_next(NULL, -1) == NULL, "next of nothing");
    is_int(dj_submit(NULL), -EINVAL, "submit nothing");
    is_int(dj_perform(NULL), -EINVAL, "perform nothing");
    is_int(dj_request_code(NULL), -EINVAL, "code of nothing");
    ok(dj_request_get(NULL, "mult") == NULL && dj_request_get(dj, NULL) == NULL, "request nothing");
    ok(dj_request_follow(NULL, 0) == NULL, "follow nothing");
    is_int((int)dj_file_read(NULL, NULL, 1), -EINVAL, "read nothing");
    is_int(dj_dir_next(NULL, NULL), -EINVAL, "next of no folder");
    is_int(dj_tasks_next(NULL), -EINVAL, "next of no tasks");
    is_int(dj_impact_next(NULL), -EINVAL, "next of no impact");
    ok(dj_note(NULL, 0) == NULL && dj_note(dj, 99) == NULL, "no notes");
    request = dj_request_path(dj, "mult");
    is_int(dj_request_set_flags(request, DJ_FORCE), -EINVAL, "a path has no flags");
    is_int(dj_request_set_session(request, "x"), -EINVAL, "nor a session");
    is_int(dj_request_ignore(request, "a"), -EINVAL, "nor ignored parameters");
    is_int(dj_request_add_word(request, NULL), -EINVAL, "nor NULL words");
    is_int(dj_request_progress(request, NULL, NULL, NULL, NULL, NULL), -EINVAL, "nor progress");
    dj_request_free(request);
    dj_free(NULL);
    dj_request_free(NULL);
    dj_file_close(NULL);
    dj_dir_close(NULL);
    dj_tasks_close(NULL);
    dj_impact_close(NULL);
    dj_mem_free(NULL);
    dj_disconnect(NULL);
    ok(dj_get(dj, "mult", 2, WORDS("1", "1"), 0, &text, NULL) == 0, "and all is well");
    free_text(&text);
    dj_free(dj);
}

static void misuse(void)
{
    nothing_connected();
    nulls();
}

/* ---- the daemon goes away -------------------------------------------------------------------- */

/* By a shell, so that the daemon is no child of ours. */
static void shell(const char *command)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    ok(waitpid(pid, &status, 0) == pid && status == 0, "%s", command);
}

static void gone(const char *restart)
{
    struct dj *dj = connected();
    struct dj_request *request = dj_request_get(dj, "gate"), *idle = dj_request_get(dj, "mult");
    struct dj_file *file = dj_file_open(dj, "events", 0);
    struct dj_dir *dir = dj_dir_open(dj, "tasks");
    struct dj_tasks *tasks = dj_tasks_open(dj, NULL);
    char kill[64], byte, *text = NULL;

    dj_request_add_word(request, "6");
    is_int(dj_submit(request), 0, "one under way");
    snprintf(kill, sizeof(kill), "kill -9 %lld", (long long)dj_daemon_pid(dj));
    shell(kill);
    ok(dj_next(dj, -1) == request, "it is over");
    is_int(dj_request_code(request), -ENOTCONN, "by the daemon's end");
    has(dj_request_error(request), "connection");
    dj_request_free(request);
    is_int(dj_is_connected(dj), 0, "not connected");
    is_int(dj_get(dj, "mult", 2, WORDS("1", "1"), 0, &text, NULL), -ENOTCONN, "get says so");
    is_int((int)dj_file_read(file, &byte, 1), -ENOTCONN, "so does a file");
    is_int(dj_dir_next(dir, NULL), -ENOTCONN, "and a folder");
    is_int(dj_reconnect(dj), -ENOTCONN, "nobody is there yet");
    shell(restart);
    is_int(dj_reconnect(dj), 0, "there again");
    is_int(dj_get(dj, "mult", 2, WORDS("1", "1"), 0, &text, NULL), 0, "get works");
    free_text(&text);
    is_int((int)dj_file_read(file, &byte, 1), -ENOTCONN, "the file was of another connection");
    dj_file_close(file);
    is_int(dj_dir_next(dir, NULL), 1, "a folder goes on");
    dj_request_add_word(idle, "2");
    dj_request_add_word(idle, "2");
    is_int(dj_perform(idle), 0, "so does a request that was not submitted");

    /* In the middle of a blocking call. */
    snprintf(kill, sizeof(kill), "(sleep 0.2; kill -9 %lld) &", (long long)dj_daemon_pid(dj));
    shell(kill);
    is_int(dj_get(dj, "gate", 1, WORDS("7"), 0, &text, NULL), -ENOTCONN, "get ends with it");
    is_int(dj_is_connected(dj), 0, "not connected");
    shell(restart);
    is_int(dj_reconnect(dj), 0, "there again");
    snprintf(kill, sizeof(kill), "(sleep 0.2; kill -9 %lld) &", (long long)dj_daemon_pid(dj));
    shell(kill);
    is_int(dj_cat(dj, "tasks/gate/8/result", &text, NULL), -ENOTCONN, "cat ends with it");
    shell(restart);
    is_int(dj_reconnect(dj), 0, "there again");
    dj_free(dj);
    is_int(dj_dir_next(dir, NULL), -ENOTCONN, "what its connection left");
    is_int(dj_tasks_next(tasks), -ENOTCONN, "says so");
    dj_dir_close(dir);
    dj_tasks_close(tasks);
    dj_request_free(idle);
}

/* ---- inside a run ---------------------------------------------------------------------------- */

static void inside(void)
{
    struct dj *dj = connected();
    char *text = NULL;

    is_int(dj_progress(dj, "1/2"), 0, "progress");
    is_int(dj_reserve(dj, "ram=10"), 0, "reserved");
    is_int(dj_cat(dj, "sessions/self/status", &text, NULL), 0, "the session");
    has(text, "resource ram 10 of 16");
    free_text(&text);
    is_int(dj_reserve(dj, "ram=99"), -EINVAL, "more than there is");
    is_int(dj_release(dj, "ram=4"), 0, "some given back");
    is_int(dj_cat(dj, "sessions/self/status", &text, NULL), 0, "the session");
    has(text, "resource ram 6 of 16");
    free_text(&text);
    is_int(dj_release(dj, NULL), 0, "all given back");
    is_int(dj_get(dj, "mult", 2, WORDS("5", "5"), 0, &text, NULL), 0, "a call");
    free_text(&text);
    dj_free(dj);
}

/* ---- a daemon of one's own ------------------------------------------------------------------- */

static void start(void)
{
    struct dj *dj = dj_new(NULL);
    char *text = NULL;
    int code = -1;

    is_int(dj_connect_to(dj, NULL, 0), -ENOTCONN, "none runs");
    is_int(dj_set_daemon_option(dj, "workers", "3"), 0, "with so many workers");
    for (char number = '1'; number <= '9'; number++) {
        char resource[] = {'r', number, '=', number, '\0'};

        is_int(dj_set_daemon_option(dj, "resource", resource), 0, "and many resources");
    }
    is_int(dj_connect_to(dj, NULL, DJ_START_DAEMON), 0, "started");
    is_int(dj_cat(dj, "sessions/default/status", &text, NULL), 0, "its session");
    has(text, "resource r1 0 of 1");
    has(text, "resource r9 0 of 9");
    free_text(&text);
    is_int(dj_memo(dj, 2, WORDS("echo", "hello"), 0, &text, NULL, &code), 0, "it computes");
    take_text(&text, "hello\n", "a memo");
    is_int(waitpid(-1, NULL, WNOHANG), -1, "no child of ours");
    is_int(dj_stop(dj, 0), 0, "stopped");
    dj_free(dj);
}

/* A daemon that does not answer for a while. */
static void mounting(const char *at)
{
    struct dj *dj = connected();
    char stop[64], go_on[64];

    snprintf(stop, sizeof(stop), "kill -STOP %lld", (long long)dj_daemon_pid(dj));
    snprintf(go_on, sizeof(go_on), "kill -CONT %lld", (long long)dj_daemon_pid(dj));
    is_int(dj_set_timeout(dj, 200), 0, "not for long");
    shell(stop);
    is_int(dj_mount(dj, at, NULL), -ETIMEDOUT, "a mount takes too long");
    has(dj_error(dj), "time is over");
    shell(go_on);
    dj_free(dj);
}

int main(int argc, char **argv)
{
    const char *group = argc > 1 ? argv[1] : "";

    if (strcmp(group, "blocking") == 0)
        blocking();
    else if (strcmp(group, "ignored") == 0)
        ignored();
    else if (strcmp(group, "definitions") == 0)
        definitions();
    else if (strcmp(group, "tree") == 0)
        tree();
    else if (strcmp(group, "requests") == 0)
        requests();
    else if (strcmp(group, "misuse") == 0)
        misuse();
    else if (strcmp(group, "gone") == 0 && argc > 2)
        gone(argv[2]);
    else if (strcmp(group, "inside") == 0)
        inside();
    else if (strcmp(group, "start") == 0)
        start();
    else if (strcmp(group, "mounting") == 0 && argc > 2)
        mounting(argv[2]);
    return tap_done();
}

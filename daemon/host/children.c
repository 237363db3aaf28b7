#include "daemon/host/children.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/model/answer.h"
#include "lib/model/json.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

#define GRACE_NS (2 * DJ_NS_PER_S)
#define IDLE_NS (60 * DJ_NS_PER_S) /* then a child ends */

enum { HERE = 16 << 10, LINE_MAX_BYTES = 256 << 20, PIECE = 64 << 10, PIPES = 3, FDS = 4 };

/* So much is read before others are looked at: at least what a pipe can hold. */
enum { READS = 64 };

struct child {
    pid_t pid;
    int in, out, err;        /* its standard input, output and error */
    int end;                 /* can be read when it has ended; -1: the kernel has no pidfd */
    struct dj_place *place;
    struct dj_hosted *hosted; /* NULL: idle */
    struct dj_hosted *riders; /* its next ones */
    struct dj_buf line;      /* of its answer, so far */
    struct dj_buf unsent;
    size_t sent;
    uint64_t calls;
    uint64_t idle_ns;        /* when it may end */
    uint64_t kill_ns;        /* when it has to have ended; 0: it may go on */
    bool retired;            /* it gets no more calls */
    bool gone;               /* it has ended, and waits for its last files to be taken */
    uint64_t taken_by;       /* the call whose files are still to be taken; 0: none */
    struct child *next;
};

struct dj_children {
    struct dj_host *host;
    struct child *first;
    struct child *last; /* that was given a call; a rider joins it */
};

struct dj_children *dj_children_new(struct dj_host *host)
{
    struct dj_children *children = dj_xcalloc(1, sizeof(*children));

    children->host = host;
    signal(SIGPIPE, SIG_IGN);
    return children;
}

/* ---- one child --------------------------------------------------------------------------- */

static void become_program(const struct dj_host *host, const struct child *child,
                           const int pipes[PIPES][2]) DJ_NORETURN;

static void become_program(const struct dj_host *host, const struct child *child,
                           const int pipes[PIPES][2])
{
    dj_cleanup_buf struct dj_buf tmp = DJ_BUF_INIT;
    const char *program = host->options.argv[0];

    setsid();
    signal(SIGPIPE, SIG_DFL);
    dj_place_path(host, child->place, "tmp", &tmp);
    if (setenv("TMPDIR", dj_buf_str(&tmp), 1) == 0 && fchdir(child->place->cwd) == 0 &&
        dup2(pipes[0][0], STDIN_FILENO) >= 0 && dup2(pipes[1][1], STDOUT_FILENO) >= 0 &&
        dup2(pipes[2][1], STDERR_FILENO) >= 0)
        execvp(program, host->options.argv);
    dprintf(STDERR_FILENO, "cannot start %s: %s\n", program, strerror(errno));
    _exit(127);
}

static void close_pipes(int pipes[PIPES][2])
{
    for (size_t i = 0; i < PIPES; i++) {
        pipes[i][0] = dj_close(pipes[i][0]);
        pipes[i][1] = dj_close(pipes[i][1]);
    }
}

static int keep_ends(struct child *child, int pipes[PIPES][2])
{
    child->in = pipes[0][1];
    child->out = pipes[1][0];
    child->err = pipes[2][0];
    pipes[0][1] = pipes[1][0] = pipes[2][0] = -1;
    close_pipes(pipes);
    (void)dj_set_nonblock(child->in, true);
    (void)dj_set_nonblock(child->err, true);
    return dj_set_nonblock(child->out, true);
}

static struct child *start(struct dj_children *children, struct dj_err *err)
{
    struct child *child = dj_xcalloc(1, sizeof(*child));
    int pipes[PIPES][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    int rc = 0;

    child->place = dj_place_take(children->host, err);
    for (size_t i = 0; child->place != NULL && rc == 0 && i < PIPES; i++)
        rc = pipe2(pipes[i], O_CLOEXEC) < 0 ? -errno : 0;
    child->pid = rc < 0 || child->place == NULL ? -1 : fork();
    if (child->pid == 0)
        become_program(children->host, child, pipes);
    if (child->pid < 0) {
        if (child->place != NULL) {
            (void)dj_err_sys(err, rc < 0 ? -rc : errno, "cannot start a process");
            dj_place_free(children->host, child->place, true);
        }
        close_pipes(pipes);
        free(child);
        return NULL;
    }
    (void)keep_ends(child, pipes);
    /* A process that it left may hold its pipes long after its end. */
    child->end = (int)syscall(SYS_pidfd_open, child->pid, 0);
    child->next = children->first;
    children->first = child;
    return child;
}

static void free_child(struct dj_children *children, struct child *child)
{
    struct child **link = &children->first;

    while (*link != child)
        link = &(*link)->next;
    *link = child->next;
    if (children->last == child)
        children->last = NULL;
    dj_close(child->in);
    dj_close(child->out);
    dj_close(child->err);
    dj_close(child->end);
    dj_place_renew(children->host, child->place);
    dj_buf_release(&child->line);
    dj_buf_release(&child->unsent);
    free(child);
}

/* It sees the end of its input; one that does not care is ended. */
static void retire(struct child *child)
{
    if (child->retired)
        return;
    child->retired = true;
    child->in = dj_close(child->in);
    child->kill_ns = dj_clock_mono_ns() + GRACE_NS;
}

static void terminate(struct child *child)
{
    if (kill(-child->pid, SIGTERM) < 0)
        kill(child->pid, SIGTERM);
    retire(child);
}

/* ---- a call ------------------------------------------------------------------------------ */

static void add_member(struct dj_buf *line, const char *name, struct dj_bytes text)
{
    dj_buf_addf(line, "%s\"%s\":", line->len == 1 ? "" : ",", name);
    dj_json_string(line, text);
}

static void write_line(struct dj_buf *line, const struct dj_msg_call *call)
{
    struct dj_bytes args = dj_strip(dj_buf_bytes(&call->json));
    bool first = true;

    dj_buf_addc(line, '{');
    add_member(line, "task", dj_bytes_of(call->task));
    add_member(line, "function", dj_bytes_of(call->function));
    add_member(line, "name", dj_buf_bytes(&call->name));
    add_member(line, "run", dj_buf_bytes(&call->token));
    dj_buf_adds(line, ",\"args\":");
    dj_buf_add_bytes(line, args.len == 0 ? DJ_BYTES_LIT("{}") : args);
    dj_buf_adds(line, ",\"env\":{");
    for (size_t i = 0; i < call->env.n; i++) {
        const struct dj_part_pair *pair = DJ_LIST_AT(&call->env, struct dj_part_pair, i);

        if (pair->unset)
            continue;
        dj_buf_adds(line, first ? "" : ",");
        dj_json_string(line, dj_bytes_of(pair->name));
        dj_buf_addc(line, ':');
        dj_json_string(line, dj_buf_bytes(&pair->value));
        first = false;
    }
    dj_buf_adds(line, "}}\n");
}

static void set_session(struct dj_host *host, const struct child *child, bool on)
{
    uint64_t slot = child->hosted->call.slot;

    if (slot >= DJ_SESSIONS_MAX)
        return;
    if (on)
        dj_sessions_set(host->sessions, (uint32_t)slot, child->hosted->instance, child->pid,
                        child->pid);
    else
        dj_sessions_clear(host->sessions, (uint32_t)slot);
}

static void send_more(struct child *child)
{
    while (child->in >= 0 && child->sent < child->unsent.len) {
        ssize_t n = write(child->in, child->unsent.data + child->sent,
                          child->unsent.len - child->sent);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) /* EPIPE: its end comes as the end of its output */
            break;
        child->sent += (size_t)n;
    }
    if (child->sent == child->unsent.len) {
        dj_buf_clear(&child->unsent);
        child->sent = 0;
    }
}

/* It has said something that nobody asked for. */
static bool is_out_of_step(struct child *child)
{
    struct pollfd polled = {.fd = child->out, .events = POLLIN};

    if (poll(&polled, 1, 0) <= 0)
        return false;
    terminate(child);
    return true;
}

static struct child *idle_child(struct dj_children *children)
{
    struct child *child = children->first;

    while (child != NULL && (child->hosted != NULL || child->retired || child->taken_by != 0 ||
                             is_out_of_step(child)))
        child = child->next;
    return child;
}

static void give(struct dj_children *children, struct child *child, struct dj_hosted *hosted)
{
    hosted->running = true;
    hosted->start_ns = dj_clock_now_ns();
    hosted->begun_ns = dj_clock_mono_ns();
    hosted->place = child->place;
    child->hosted = hosted;
    child->calls++;
    set_session(children->host, child, true);
    write_line(&child->unsent, &hosted->call);
    send_more(child);
}

/* To a child that is idle, or a new one; NULL: there is none, and the call has ended so. */
static struct child *begin(struct dj_children *children, struct dj_hosted *hosted)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct child *child = idle_child(children);

    if (child == NULL)
        child = start(children, &err);
    if (child == NULL) {
        dj_hosted_refuse(hosted, DJ_EXIT_NOT_STARTED, EAGAIN, dj_err_text(&err, -EAGAIN));
        dj_host_ended(children->host, hosted);
        return NULL;
    }
    give(children, child, hosted);
    return child;
}

void dj_children_call(struct dj_children *children, struct dj_hosted *hosted)
{
    struct child *child = hosted->call.rides ? children->last : NULL;
    struct dj_hosted **end;

    if (child == NULL || child->hosted == NULL || child->retired) {
        children->last = begin(children, hosted);
        return;
    }
    for (end = &child->riders; *end != NULL; end = &(*end)->next)
        continue;
    hosted->next = NULL;
    *end = hosted;
}

/* The first of them to another child, with those behind it. */
static void move_riders(struct dj_children *children, struct child *child)
{
    struct dj_hosted *riders = child->riders;
    struct child *other = NULL;

    child->riders = NULL;
    while (riders != NULL && other == NULL) {
        struct dj_hosted *first = riders;

        riders = first->next;
        first->next = NULL;
        other = begin(children, first);
    }
    if (other != NULL)
        other->riders = riders;
    if (children->last == child)
        children->last = other;
}

void dj_children_blocked(struct dj_children *children, struct dj_hosted *hosted)
{
    struct child *child = children->first;

    while (child != NULL && child->hosted != hosted)
        child = child->next;
    if (child != NULL)
        move_riders(children, child);
}

/* One that has ended its call takes the next at once, when it can. */
static void go_on(struct dj_children *children, struct child *child)
{
    struct dj_hosted *next = child->riders;

    if (next == NULL)
        return;
    if (child->retired || child->gone || child->taken_by != 0 || is_out_of_step(child)) {
        move_riders(children, child);
        return;
    }
    child->riders = next->next;
    next->next = NULL;
    give(children, child, next);
}

/* ---- its end ----------------------------------------------------------------------------- */

static void take_log(struct child *child)
{
    struct dj_hosted *hosted = child->hosted;
    char piece[16 << 10];
    ssize_t n = 1;

    for (int reads = 0; child->err >= 0 && n != 0 && reads < READS; reads++) {
        n = read(child->err, piece, sizeof(piece));
        if (n < 0 && errno != EINTR)
            break;
        if (n == 0) /* it has closed it: nothing to poll for any more */
            child->err = dj_close(child->err);
        if (n < 0 || hosted == NULL)
            continue; /* what it says between calls is nobody's */
        dj_buf_add(&hosted->log, piece, (size_t)n);
        if (hosted->told)
            hosted->live = true;
        if ((hosted->live || hosted->log.len - hosted->log_written > PIECE) &&
            dj_place_log(hosted->host, hosted->place, &hosted->log, hosted->log_written) == 0)
            hosted->log_written = hosted->log.len;
    }
}

static bool is_small(const struct dj_hosted *hosted)
{
    return !hosted->ended.has_files && hosted->log_written == 0 &&
           hosted->result.len + hosted->log.len <= HERE && hosted->call.result == NULL;
}

/* As a file the daemon takes it from the folder, which is the child's until then. */
static void put_down(struct dj_host *host, struct dj_hosted *hosted)
{
    int rc = 0;

    hosted->ended.result_size = hosted->result.len;
    hosted->ended.log_size = hosted->log.len;
    if (is_small(hosted)) {
        hosted->place = NULL;
        return;
    }
    if (hosted->log_written < hosted->log.len)
        rc = dj_place_log(host, hosted->place, &hosted->log, hosted->log_written);
    if (rc == 0 && hosted->result_path == NULL)
        rc = dj_place_write(host, hosted->place, "out", dj_buf_bytes(&hosted->result));
    if (rc < 0) {
        hosted->ended.how = DJ_EXIT_NOT_STORED;
        hosted->ended.code = (uint64_t)-rc;
    }
}

static uint64_t memory_of(const struct child *child)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    unsigned long pages = 0;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/statm", (int)child->pid);
    if (dj_read_file(AT_FDCWD, path, 4096, &text) < 0 ||
        sscanf(dj_buf_str(&text), "%*u %lu", &pages) != 1)
        return 0;
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void maybe_retire(const struct dj_host *host, struct child *child)
{
    const struct dj_host_options *options = &host->options;

    if ((options->recycle_runs != 0 && child->calls >= options->recycle_runs) ||
        (options->recycle_rss != 0 && memory_of(child) > options->recycle_rss))
        retire(child);
}

/* It may have said too much and answered before anybody looked. */
static void judge_log(struct dj_hosted *hosted)
{
    uint64_t max = hosted->call.limits.log_bytes;

    if (max == 0 || hosted->log.len <= max || hosted->ended.how != DJ_EXIT_CODE)
        return;
    hosted->ended.how = DJ_EXIT_LOG_LIMIT;
    hosted->ended.limit = max;
    hosted->ended.reached = hosted->log.len;
}

static void finish(struct dj_children *children, struct child *child)
{
    struct dj_hosted *hosted = child->hosted;

    take_log(child);
    judge_log(hosted);
    set_session(children->host, child, false);
    hosted->ended.end_ns = dj_clock_now_ns();
    hosted->ended.has_files = !dj_place_is_empty(children->host, child->place);
    put_down(children->host, hosted);
    child->hosted = NULL;
    child->idle_ns = dj_clock_mono_ns() + IDLE_NS;
    /* Until its files are taken its folder is not for another call. */
    child->taken_by = hosted->place == NULL ? 0 : hosted->instance;
    if (!child->retired && !dj_place_is_there(children->host, child->place))
        retire(child); /* it is where nobody finds what it leaves */
    if (!child->retired)
        maybe_retire(children->host, child);
    dj_host_ended(children->host, hosted);
    go_on(children, child);
}

static void fail(struct dj_hosted *hosted, enum dj_exit_how how, uint64_t code, const char *text)
{
    hosted->ended.how = how;
    hosted->ended.code = code;
    snprintf(hosted->ended.text, sizeof(hosted->ended.text), "%s", text);
}

static bool is_below(struct dj_bytes path)
{
    struct dj_bytes component;

    if (path.len == 0 || path.data[0] == '/')
        return false;
    while (dj_next_component(&path, &component)) {
        if (dj_bytes_is(component, "..") || dj_bytes_is(component, "."))
            return false;
    }
    return true;
}

static void judge_answer(struct child *child, struct dj_answer *answer)
{
    struct dj_hosted *hosted = child->hosted;

    if (answer->failed) {
        fail(hosted, DJ_EXIT_CODE, answer->exit, dj_buf_str(&answer->result));
    } else if (answer->is_file && !is_below(dj_buf_bytes(&answer->result))) {
        fail(hosted, DJ_EXIT_NO_RESULT, EINVAL, "result_file is no path below its folder");
    } else if (answer->is_file) {
        hosted->result_path = dj_xstrdup(dj_buf_str(&answer->result));
        hosted->ended.has_files = true;
    } else {
        hosted->result = answer->result;
        answer->result = (struct dj_buf)DJ_BUF_INIT;
    }
}

static void refuse_answer(struct child *child, const char *why)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_buf_addf(&text, "its answer is none: %s", why);
    fail(child->hosted, DJ_EXIT_NO_RESULT, EPROTO, dj_buf_str(&text));
    terminate(child);
}

/* False: it answers a call that is over, and the one of now is still open. */
static bool take_answer(struct dj_children *children, struct child *child, struct dj_bytes line,
                        bool more)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_answer answer;
    int rc = dj_answer_parse(line, &answer, &err);
    bool named = answer.run.len > 0;
    bool ours = dj_bytes_equal(dj_buf_bytes(&answer.run),
                               dj_buf_bytes(&child->hosted->call.token));

    if (rc == 0 && named && !ours) {
        dj_answer_release(&answer);
        return false;
    }
    if (more) /* what stands behind it would be taken for the answer to the next */
        terminate(child);
    if (rc < 0)
        refuse_answer(child, dj_err_text(&err, rc));
    else if (!named)
        refuse_answer(child, "it has no \"run\", which says whose it is");
    else
        judge_answer(child, &answer);
    dj_answer_release(&answer);
    finish(children, child);
    return true;
}

/* ---- the end of a child ------------------------------------------------------------------ */

/* It ended without an answer: that is how its call ends. */
static void blame(struct dj_hosted *hosted, int status)
{
    if (hosted->ending != DJ_EXIT_CODE)
        fail(hosted, hosted->ending, SIGTERM, "");
    else if (WIFSIGNALED(status))
        fail(hosted, DJ_EXIT_SIGNAL, (uint64_t)WTERMSIG(status), "");
    else if (WEXITSTATUS(status) == 127)
        fail(hosted, DJ_EXIT_NOT_STARTED, ENOEXEC, hosted->log.len > 0 ? dj_buf_str(&hosted->log)
                                                                       : "it did not start");
    else
        fail(hosted, DJ_EXIT_CODE, WEXITSTATUS(status) == 0 ? 1 : (uint64_t)WEXITSTATUS(status),
             "it ended without an answer");
}

static void child_ended(struct dj_children *children, struct child *child)
{
    int status = 0;

    /* What it has started goes with it. */
    kill(-child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    child->gone = child->retired = true;
    child->kill_ns = 0;
    if (child->hosted != NULL) {
        take_log(child);
        blame(child->hosted, status);
        finish(children, child);
    }
    child->in = dj_close(child->in);
    child->out = dj_close(child->out);
    child->err = dj_close(child->err);
    child->end = dj_close(child->end);
    if (child->taken_by == 0)
        free_child(children, child);
}

/* One that has not begun ends at once. */
static void end_rider(struct dj_children *children, struct dj_hosted *hosted, enum dj_exit_how how)
{
    for (struct child *child = children->first; child != NULL; child = child->next) {
        struct dj_hosted **link = &child->riders;

        while (*link != NULL && *link != hosted)
            link = &(*link)->next;
        if (*link == NULL)
            continue;
        *link = hosted->next;
        dj_hosted_refuse(hosted, how, 0, "");
        dj_host_ended(children->host, hosted);
        return;
    }
}

void dj_children_end(struct dj_children *children, struct dj_hosted *hosted, enum dj_exit_how how)
{
    struct child *child = children->first;

    while (child != NULL && child->hosted != hosted)
        child = child->next;
    if (child == NULL) {
        end_rider(children, hosted, how);
        return;
    }
    hosted->ending = how;
    terminate(child);
}

bool dj_children_taken(struct dj_children *children, const struct dj_hosted *hosted)
{
    struct child *child = children->first;

    while (child != NULL && child->taken_by != hosted->instance)
        child = child->next;
    if (child == NULL)
        return false;
    child->taken_by = 0;
    if (child->gone)
        free_child(children, child);
    else if (!dj_place_empty(children->host, child->place))
        retire(child);
    return true;
}

void dj_children_free(struct dj_children *children)
{
    if (children == NULL)
        return;
    for (struct child *child = children->first; child != NULL; child = child->next) {
        if (!child->gone)
            terminate(child);
    }
    while (children->first != NULL) {
        struct child *child = children->first;
        uint64_t until = child->kill_ns;

        child->taken_by = 0;
        if (child->gone) {
            free_child(children, child);
            continue;
        }
        while (waitpid(child->pid, NULL, WNOHANG) == 0 && dj_clock_mono_ns() < until)
            dj_pause_ms(5);
        kill(-child->pid, SIGKILL);
        free_child(children, child);
    }
    free(children);
}

/* ---- the loop ---------------------------------------------------------------------------- */

static void add_poll(struct dj_list *ret, int fd, short events)
{
    *(struct pollfd *)dj_list_add(ret, sizeof(struct pollfd)) =
        (struct pollfd){.fd = fd, .events = events};
}

static uint64_t due(const struct child *child)
{
    if (child->gone)
        return 0;
    if (child->kill_ns != 0)
        return child->kill_ns;
    return child->hosted == NULL && !child->retired ? child->idle_ns : 0;
}

uint64_t dj_children_poll(struct dj_children *children, struct dj_list *ret)
{
    uint64_t next = 0;

    for (struct child *child = children->first; child != NULL; child = child->next) {
        uint64_t at = due(child);

        next = at != 0 && (next == 0 || at < next) ? at : next;
        add_poll(ret, child->unsent.len > 0 ? child->in : -1, POLLOUT);
        add_poll(ret, child->out, POLLIN);
        add_poll(ret, child->err, POLLIN);
        add_poll(ret, child->end, POLLIN);
    }
    return next;
}

static void drop_if_endless(struct dj_children *children, struct child *child)
{
    uint64_t max = child->hosted == NULL ? 0 : child->hosted->call.limits.result_bytes;

    if (child->hosted == NULL || child->line.len <= LINE_MAX_BYTES)
        return;
    fail(child->hosted, DJ_EXIT_RESULT_LIMIT, 0, "");
    child->hosted->ended.limit = max != 0 ? max : LINE_MAX_BYTES;
    child->hosted->ended.reached = child->line.len;
    dj_buf_clear(&child->line);
    terminate(child);
    finish(children, child);
}

/* Without a call nothing is to be said. */
static void take_lines(struct dj_children *children, struct child *child)
{
    const uint8_t *end;

    while (child->line.len > 0 && (end = memchr(child->line.data, '\n', child->line.len)) != NULL) {
        struct dj_bytes line = dj_bytes(child->line.data, (size_t)(end - child->line.data));
        bool more = line.len + 1 < child->line.len;

        if (child->hosted == NULL)
            terminate(child);
        if (child->hosted == NULL || take_answer(children, child, line, more)) {
            dj_buf_clear(&child->line);
            return;
        }
        dj_buf_consume(&child->line, line.len + 1);
    }
}

/* False: the child has closed its output. */
static bool take_output(struct dj_children *children, struct child *child)
{
    for (int reads = 0; reads < READS; reads++) {
        uint8_t *room = dj_buf_room(&child->line, PIECE);
        ssize_t n = read(child->out, room, PIECE);
        bool ends;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        ends = memchr(room, '\n', (size_t)n) != NULL;
        child->line.len += (size_t)n;
        if (ends) {
            take_lines(children, child);
        } else if (child->hosted == NULL) {
            terminate(child);
            dj_buf_clear(&child->line);
        } else {
            drop_if_endless(children, child);
        }
    }
    return true;
}

static void check_limits(struct child *child)
{
    struct dj_hosted *hosted = child->hosted;
    uint64_t max = hosted == NULL ? 0 : hosted->call.limits.log_bytes;

    if (max == 0 || hosted->log.len <= max || hosted->ending != DJ_EXIT_CODE)
        return;
    hosted->ending = DJ_EXIT_LOG_LIMIT;
    hosted->ended.limit = max;
    hosted->ended.reached = hosted->log.len;
    terminate(child);
}

static void look(struct dj_children *children, struct child *child, const struct pollfd *polled)
{
    uint64_t now = dj_clock_mono_ns();

    if (polled[0].revents != 0)
        send_more(child);
    if (polled[2].revents != 0) {
        take_log(child);
        check_limits(child);
    }
    if (child->kill_ns != 0 && now >= child->kill_ns) {
        kill(-child->pid, SIGKILL);
        child->kill_ns = now + GRACE_NS;
    }
    if (child->hosted == NULL && !child->retired && child->idle_ns != 0 && now >= child->idle_ns)
        retire(child);
    if (polled[3].revents != 0)
        child->retired = true; /* it gets no more, and what it has said is still there */
    if ((polled[1].revents != 0 && !take_output(children, child)) || polled[3].revents != 0)
        child_ended(children, child);
}

/* Whatever is looked at may begin and end others: they are found by their descriptor. */
void dj_children_look(struct dj_children *children, const struct pollfd *polled, size_t n)
{
    for (size_t i = 0; i + FDS <= n; i += FDS) {
        struct child *child = children->first;

        while (child != NULL && (child->gone || child->out != polled[i + 1].fd))
            child = child->next;
        if (child != NULL)
            look(children, child, polled + i);
    }
}

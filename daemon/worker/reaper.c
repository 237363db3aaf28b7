#include "daemon/worker/reaper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/worker/cgroup.h"
#include "daemon/worker/launched.h"
#include "daemon/worker/limits.h"
#include "daemon/worker/line.h"
#include "daemon/worker/memory.h"
#include "daemon/worker/processes.h"
#include "daemon/worker/record.h"
#include "daemon/worker/slot.h"
#include "daemon/worker/task.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/kill_point.h"

#define GRACE_NS (2 * DJ_NS_PER_S)
#define NEVER UINT64_MAX
#define CONFIRM_NS (6 * DJ_NS_PER_S) /* for a run that was launched to say that it ended */
#define TIMEOUT_MAX_MS (UINT64_C(100) * 366 * 24 * 3600 * 1000)

struct reaper {
    int state;
    int line;
    struct dj_task_start start;
    /* of the present run */
    const struct dj_order *order;
    struct dj_exit_record ended;
    pid_t task;
    int status;
    uint64_t late_ns;     /* from the order to our begin */
    uint64_t begin_ns;    /* steady clock, like all below */
    uint64_t end_ns;      /* of the task itself */
    uint64_t timeout_ns;
    struct dj_limits limits;
    struct dj_launched launched;
    struct dj_buf leaf;   /* its cgroup; empty: none */
    uint64_t kill_ns;     /* when the grace ends */
    bool outputs_open;
    bool task_over;
    bool all_over;
    bool ending;          /* ended.how is decided */
};

/* ---- the end ----------------------------------------------------------------------------- */

static bool is_empty(int folder)
{
    _Alignas(struct dirent64) char buf[2048];
    ssize_t n;

    while ((n = getdents64(folder, buf, sizeof(buf))) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)(buf + at);

            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                return false;
            at += entry->d_reclen;
        }
    }
    return n == 0;
}

/* Whether the folder can be used again as it is; ret_files: whether something is in it. */
static bool is_clean_folder(const char *name, bool *ret_files)
{
    dj_cleanup_close int folder =
        dj_open(AT_FDCWD, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

    *ret_files = folder >= 0 ? !is_empty(folder) : folder != -ENOENT;
    return !*ret_files && folder >= 0 && dj_slot_folder_is_plain(folder);
}

static uint64_t size_of(int fd, bool *ret_clean)
{
    uint64_t size;

    *ret_clean = dj_slot_file_is_plain(fd, &size) && size == 0;
    return size;
}

static void look_around(struct dj_exit_record *ended)
{
    bool clean = false, files;

    ended->result_size = size_of(STDOUT_FILENO, &clean);
    ended->clean |= clean ? DJ_CLEAN_OUT : 0;
    clean = false;
    ended->log_size = size_of(STDERR_FILENO, &clean);
    ended->clean |= clean ? DJ_CLEAN_ERR : 0;
    ended->clean |= is_clean_folder("tmp", &files) ? DJ_CLEAN_TMP : 0;
    ended->clean |= is_clean_folder("cwd", &files) ? DJ_CLEAN_CWD : 0;
    ended->has_files = files;
}

static void add_usage(struct dj_exit_record *ended, const struct rusage *usage)
{
    const struct timeval *user = &usage->ru_utime, *system = &usage->ru_stime;

    ended->user_us += (uint64_t)user->tv_sec * 1000000 + (uint64_t)user->tv_usec;
    ended->system_us += (uint64_t)system->tv_sec * 1000000 + (uint64_t)system->tv_usec;
    ended->max_rss_kib = DJ_MAX(ended->max_rss_kib, (uint64_t)usage->ru_maxrss);
}

/* Nothing of the run is left; what it wrote may be moved away, so we let go of it. */
static void finish(struct reaper *reaper)
{
    reaper->ended.end_ns = reaper->order->start_ns + reaper->late_ns +
                           (reaper->end_ns - reaper->begin_ns);
    /* A run that was over before the next look was due had no less than its largest process. */
    if (reaper->ended.memory_guard == DJ_MEMORY_POLLING)
        reaper->ended.memory_peak = DJ_MAX(reaper->limits.memory_peak,
                                           reaper->ended.max_rss_kib * 1024);
    if (reaper->leaf.len != 0) {
        reaper->ended.memory_peak = dj_cgroup_peak(dj_buf_str(&reaper->leaf));
        dj_cgroup_remove(reaper->order->cgroup, reaper->order->slot);
        dj_buf_release(&reaper->leaf);
    }
    if (reaper->outputs_open) {
        look_around(&reaper->ended);
        dup2(STDIN_FILENO, STDOUT_FILENO);
        dup2(STDIN_FILENO, STDERR_FILENO);
    }
    if (dj_exit_write(reaper->state, &reaper->ended) < 0)
        _exit(1);
}

static bool cannot(struct reaper *reaper, int code, const char *what)
{
    reaper->ended.how = DJ_EXIT_NOT_STARTED;
    reaper->ended.code = (uint64_t)code;
    snprintf(reaper->ended.text, sizeof(reaper->ended.text), "%s: %s", what, strerror(code));
    reaper->end_ns = dj_clock_mono_ns();
    return false;
}

/*
 * SIGKILL that is not ours, while the kernel's killer was busy. A shell says of its child what it
 * would have been itself.
 */
static bool was_out_of_memory(const struct reaper *reaper)
{
    const struct dj_exit_record *ended = &reaper->ended;

    return ((ended->how == DJ_EXIT_SIGNAL && ended->code == SIGKILL) ||
            (ended->how == DJ_EXIT_CODE && ended->code == 128 + SIGKILL)) &&
           dj_oom_kills() > reaper->order->oom_kills;
}

static bool over_in_cgroup(struct reaper *reaper)
{
    const char *leaf = dj_buf_str(&reaper->leaf);

    if (reaper->leaf.len == 0)
        return false;
    if (!dj_cgroup_exceeded(leaf))
        return false;
    reaper->ended.how = DJ_EXIT_MEMORY;
    reaper->ended.limit = reaper->order->limits.memory_bytes;
    reaper->ended.reached = dj_cgroup_peak(leaf);
    return true;
}

/* Where the command ran, a shell has said how it ended. */
static void judge_launched(struct reaper *reaper)
{
    uint64_t status = reaper->launched.status;
    bool signal = status > 128 && status <= 128 + 64;

    reaper->ended.how = signal ? DJ_EXIT_SIGNAL : DJ_EXIT_CODE;
    reaper->ended.code = signal ? status - 128 : status;
    reaper->ended.user_us += reaper->launched.user_us;
    reaper->ended.system_us += reaper->launched.system_us;
    reaper->end_ns = reaper->launched.ended_ns;
    snprintf(reaper->ended.host, sizeof(reaper->ended.host), "%s", reaper->launched.host);
    (void)dj_limits_final(&reaper->limits, &reaper->ended);
}

/* The launching program has failed first. */
static void not_begun(struct reaper *reaper)
{
    struct dj_exit_record *ended = &reaper->ended;
    bool signal = ended->how == DJ_EXIT_SIGNAL;
    char folder[200] = "";

    if (getcwd(folder, sizeof(folder)) == NULL)
        snprintf(folder, sizeof(folder), "the folder of the store");
    snprintf(ended->text, sizeof(ended->text),
             "%.60s ended with %s %d before the command began, which needs %s to be there where it"
             " runs", reaper->order->argv[0], signal ? "signal" : "exit status", (int)ended->code,
             folder);
    ended->how = DJ_EXIT_NOT_STARTED;
    ended->code = ECHILD;
}

/* How the task ended by itself. */
static void judge(struct reaper *reaper)
{
    struct dj_exit_record failed;

    reaper->ended.how = WIFSIGNALED(reaper->status) ? DJ_EXIT_SIGNAL : DJ_EXIT_CODE;
    reaper->ended.code = WIFSIGNALED(reaper->status) ? (uint64_t)WTERMSIG(reaper->status)
                                                     : (uint64_t)WEXITSTATUS(reaper->status);
    if (reaper->launched.ended) {
        judge_launched(reaper);
        return;
    }
    if (reaper->ended.how == DJ_EXIT_CODE && reaper->ended.code == DJ_TASK_NOT_STARTED &&
        dj_exit_read(reaper->state, reaper->order->instance, reaper->order->attempt, &failed) ==
            0) {
        memcpy(reaper->ended.text, failed.text, sizeof(failed.text));
        reaper->ended.how = failed.how;
        reaper->ended.code = failed.code;
        return;
    }
    if (reaper->launched.folder != NULL) {
        not_begun(reaper);
        return;
    }
    if (over_in_cgroup(reaper) || dj_limits_final(&reaper->limits, &reaper->ended))
        return;
    if (was_out_of_memory(reaper))
        reaper->ended.how = DJ_EXIT_OUT_OF_MEMORY;
}

/* ---- while it runs ----------------------------------------------------------------------- */

/* The child that shared our memory could not become the task: another one finds out why. */
static bool start_alone(struct reaper *reaper)
{
    if (reaper->ending || !atomic_load(&reaper->start.failed))
        return false;
    reaper->start.alone = true;
    reaper->task = dj_task_start(&reaper->start);
    return reaper->task > 0;
}

static void reap(struct reaper *reaper)
{
    struct rusage usage;
    int status;
    pid_t pid;

    while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        add_usage(&reaper->ended, &usage);
        if (pid != reaper->task || start_alone(reaper))
            continue;
        reaper->task_over = true;
        reaper->status = status;
        reaper->end_ns = dj_clock_mono_ns();
    }
    reaper->all_over = pid < 0;
}

/* SIGTERM to the group and `grace` for it to end; 0: all is killed at once. */
static void begin_ending(struct reaper *reaper, enum dj_exit_how how, uint64_t grace)
{
    if (reaper->ending) {
        reaper->kill_ns = dj_clock_mono_ns();
        return;
    }
    reaper->ending = true;
    reaper->ended.how = how;
    reaper->kill_ns = dj_clock_mono_ns() + grace;
    dj_launched_revoke(&reaper->launched);
    if (grace == 0 || reaper->launched.folder != NULL)
        return;
    /* Just forked, it may not lead its group yet. */
    if (kill(-reaper->task, SIGTERM) < 0)
        kill(reaper->task, SIGTERM);
    kill(-reaper->task, SIGCONT);
}

/* One wait for a signal, until the given moment at the latest. An order for a run before this one
 * that comes late is none. */
static int wait_signal(const struct reaper *reaper, uint64_t until_ns)
{
    uint64_t now = until_ns == NEVER ? 0 : dj_clock_mono_ns();
    uint64_t rest = until_ns > now ? until_ns - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(rest / DJ_NS_PER_S),
                               .tv_nsec = (long)(rest % DJ_NS_PER_S)};
    siginfo_t info = {.si_signo = 0};
    sigset_t set;
    int caught;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, DJ_REAPER_END);
    sigaddset(&set, DJ_LAUNCHED_SIGNAL);
    caught = sigtimedwait(&set, &info, until_ns == NEVER ? NULL : &timeout);
    if (caught == DJ_REAPER_END &&
        info.si_value.sival_int != DJ_REAPER_VALUE(reaper->order->instance))
        return 0;
    return caught;
}

static void look_at_clock(struct reaper *reaper)
{
    uint64_t now = dj_clock_mono_ns();

    if (now >= reaper->timeout_ns)
        begin_ending(reaper, DJ_EXIT_TIMEOUT, GRACE_NS);
    else if (dj_limits_look(&reaper->limits, now, &reaper->ended))
        begin_ending(reaper, (enum dj_exit_how)reaper->ended.how, 0);
}

static void watch(struct reaper *reaper)
{
    while (!reaper->task_over) {
        uint64_t until = DJ_MIN(reaper->timeout_ns, dj_limits_next(&reaper->limits));
        int caught;

        if (reaper->ending)
            return;
        caught = wait_signal(reaper, until);
        reap(reaper);
        if (reaper->task_over)
            return;
        if (caught == DJ_REAPER_END) {
            begin_ending(reaper, DJ_EXIT_KILLED, GRACE_NS);
        } else if (caught < 0 && until != NEVER) {
            look_at_clock(reaper);
        }
    }
}

/* True: the launching program has failed, and the command will not begin. */
static bool has_failed(struct reaper *reaper)
{
    struct dj_launched *launched = &reaper->launched;

    if (!reaper->task_over || reaper->status == 0 || launched->began)
        return false;
    dj_launched_revoke(launched);
    dj_launched_look(launched, dj_clock_mono_ns()); /* it may have begun just before */
    return !launched->began;
}

/* The time that a run waits in a batch queue is none of its own. */
static void begin_timeout(struct reaper *reaper)
{
    const struct dj_part_limits *limits = &reaper->order->limits;

    if (reaper->timeout_ns == NEVER && reaper->launched.began && limits->timeout_ms != 0 &&
        limits->timeout_ms <= TIMEOUT_MAX_MS)
        reaper->timeout_ns = reaper->launched.beat_ns + limits->timeout_ms * DJ_NS_PER_MS;
}

static void watch_launched(struct reaper *reaper)
{
    struct dj_launched *launched = &reaper->launched;

    while (!launched->ended && !reaper->ending && !has_failed(reaper)) {
        uint64_t until = DJ_MIN(reaper->timeout_ns, dj_limits_next(&reaper->limits));
        int caught = wait_signal(reaper, DJ_MIN(until, launched->next_ns));

        reap(reaper);
        dj_launched_look(launched, dj_clock_mono_ns());
        begin_timeout(reaper);
        if (caught == DJ_REAPER_END)
            begin_ending(reaper, DJ_EXIT_KILLED, GRACE_NS);
        else if (dj_launched_is_lost(launched, dj_clock_mono_ns()))
            begin_ending(reaper, DJ_EXIT_LOST, 0);
        else if (!launched->ended)
            look_at_clock(reaper);
    }
}

static void wait_for_all(struct reaper *reaper)
{
    while (!reaper->all_over && dj_clock_mono_ns() < reaper->kill_ns) {
        if (wait_signal(reaper, reaper->kill_ns) == DJ_REAPER_END)
            begin_ending(reaper, DJ_EXIT_KILLED, 0);
        reap(reaper);
    }
}

/* The command ends where it runs, and says so, before the program that launched it is told to. */
static void wait_for_command(struct reaper *reaper)
{
    struct dj_launched *launched = &reaper->launched;
    uint64_t until = dj_clock_mono_ns() + CONFIRM_NS;

    while (launched->began && !launched->ended && dj_clock_mono_ns() < until &&
           wait_signal(reaper, DJ_MIN(until, launched->next_ns)) != DJ_REAPER_END) {
        reap(reaper);
        dj_launched_look(launched, dj_clock_mono_ns());
    }
}

static void end_launched(struct reaper *reaper)
{
    struct dj_launched *launched = &reaper->launched;
    bool confirms = reaper->ending && reaper->ended.how != DJ_EXIT_LOST;

    if (confirms)
        wait_for_command(reaper);
    if (reaper->ending && !reaper->task_over) {
        kill(-reaper->task, SIGTERM);
        kill(-reaper->task, SIGCONT);
    }
    reaper->kill_ns = dj_clock_mono_ns() + GRACE_NS;
    wait_for_all(reaper);
    dj_launched_look(launched, dj_clock_mono_ns()); /* it may have begun just before */
    if (confirms)
        wait_for_command(reaper);
}

/* Each round ends our children, and then their children are ours. */
static void kill_all(struct reaper *reaper)
{
    uint64_t pause = DJ_NS_PER_MS;

    if (!reaper->task_over)
        kill(-reaper->task, SIGKILL);
    while (!reaper->all_over) {
        dj_kill_children();
        wait_signal(reaper, dj_clock_mono_ns() + pause);
        pause = DJ_MIN(pause * 2, 200 * DJ_NS_PER_MS);
        reap(reaper);
    }
}

/* ---- the beginning ----------------------------------------------------------------------- */

/* The worker's connection, its lock and the lines of other reapers are none of ours. */
static void close_others(int state, int line)
{
    unsigned low = (unsigned)DJ_MIN(state, line), high = (unsigned)DJ_MAX(state, line);

    if (low > 3)
        close_range(3, low - 1, 0);
    if (high > low + 1)
        close_range(low + 1, high - 1, 0);
    close_range(high + 1, ~0U, 0);
}

static int put_file(const char *name, int flags, int number)
{
    int fd = dj_open(AT_FDCWD, name, O_RDWR | O_CREAT | O_NOFOLLOW | flags, DJ_SLOT_FILE_MODE);

    if (fd < 0)
        return fd;
    if (dup2(fd, number) < 0)
        return -errno;
    dj_close(fd);
    return 0;
}

/*
 * The log is opened for appending: a task that opens /dev/stderr itself cuts it, and what others
 * write then must not leave a hole. The result is not, since programs seek in a file that is
 * theirs: zip, ffmpeg.
 */
static bool open_outputs(struct reaper *reaper)
{
    int rc = put_file("out", 0, STDOUT_FILENO);

    if (rc < 0)
        return cannot(reaper, -rc, "cannot open the file for the result");
    rc = put_file("err", O_APPEND, STDERR_FILENO);
    if (rc < 0)
        return cannot(reaper, -rc, "cannot open the file for the log");
    reaper->outputs_open = true;
    return true;
}

static void settle(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "dj-reaper");
}

static bool write_spec(struct reaper *reaper)
{
    struct dj_spec_record spec = {
        .instance = reaper->order->instance,
        .attempt = reaper->order->attempt,
        .start_ns = reaper->order->start_ns,
        .reaper = (uint64_t)reaper->start.reaper,
    };
    int rc = dj_spec_write(reaper->state, &spec);

    return rc == 0 || cannot(reaper, -rc, "cannot write the state of the slot");
}

/* The kernel keeps the limit where it lets us ask it to; else we look ourselves. */
static void guard_memory(struct reaper *reaper)
{
    const struct dj_order *order = reaper->order;
    uint64_t limit = order->limits.memory_bytes;

    if (limit == 0)
        return;
    if (order->cgroup != NULL &&
        dj_cgroup_make(order->cgroup, order->slot, limit, &reaper->leaf) == 0) {
        reaper->ended.memory_guard = DJ_MEMORY_CGROUP;
        return;
    }
    dj_buf_clear(&reaper->leaf);
    if (dj_memory_visible())
        reaper->ended.memory_guard = DJ_MEMORY_POLLING;
}

static bool start(struct reaper *reaper)
{
    const struct dj_part_limits *limits = &reaper->order->limits;

    reaper->timeout_ns = limits->timeout_ms == 0 || limits->timeout_ms > TIMEOUT_MAX_MS
                             ? NEVER
                             : reaper->begin_ns + limits->timeout_ms * DJ_NS_PER_MS;
    dj_launched_begin(&reaper->launched, reaper->order, reaper->begin_ns);
    if (reaper->launched.folder == NULL)
        guard_memory(reaper);
    else
        reaper->timeout_ns = NEVER;
    dj_limits_begin(&reaper->limits, reaper->order, reaper->begin_ns,
                    reaper->ended.memory_guard == DJ_MEMORY_POLLING);
    reaper->start.order = reaper->order;
    reaper->start.leaf = reaper->leaf.len == 0 ? NULL : dj_buf_str(&reaper->leaf);
    reaper->start.alone = false;
    reaper->task = dj_task_start(&reaper->start);
    return reaper->task > 0 || cannot(reaper, -reaper->task, "cannot start a process");
}

static void see_to(struct reaper *reaper)
{
    if (reaper->launched.folder != NULL) {
        watch_launched(reaper);
        end_launched(reaper);
    } else {
        watch(reaper);
        if (reaper->ending)
            wait_for_all(reaper);
    }
    kill_all(reaper);
    dj_launched_end(&reaper->launched);
    if (!reaper->ending)
        judge(reaper);
    else if (WIFSIGNALED(reaper->status))
        reaper->ended.code = (uint64_t)WTERMSIG(reaper->status);
}

static void run(struct reaper *reaper, const struct dj_order *order)
{
    uint64_t now_ns = dj_clock_now_ns();

    *reaper = (struct reaper){
        .state = reaper->state,
        .line = reaper->line,
        .start = reaper->start,
        .order = order,
        .late_ns = now_ns > order->start_ns ? now_ns - order->start_ns : 0,
        .begin_ns = dj_clock_mono_ns(),
    };
    dj_exit_begin(order, &reaper->ended);
    dj_kill_point("reaper-ordered");
    if (write_spec(reaper) && open_outputs(reaper) && start(reaper)) {
        dj_kill_point("reaper-task-started");
        see_to(reaper);
    }
    dj_kill_point("reaper-task-ended");
    finish(reaper);
    dj_kill_point("reaper-end-written");
}

void dj_reaper_main(const struct dj_order *order, const char *folder, int state, int line,
                    struct dj_sessions *sessions)
{
    struct reaper reaper = {.state = state, .line = line};
    struct dj_line_order next = {.packet = NULL};

    settle();
    if (chdir(folder) < 0)
        _exit(1); /* the slot is gone with its state file: nothing can be told */
    close_others(state, line);
    reaper.start.state = state;
    reaper.start.sessions = sessions;
    reaper.start.reaper = getpid();
    run(&reaper, order);
    while (dj_line_send_end(line, &reaper.ended) == 0 && dj_line_wait(line, &next) == 0)
        run(&reaper, &next.order);
    _exit(0);
}

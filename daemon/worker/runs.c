#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/worker/cgroup.h"
#include "daemon/worker/launched.h"
#include "daemon/worker/line.h"
#include "daemon/worker/memory.h"
#include "daemon/worker/order.h"
#include "daemon/worker/processes.h"
#include "daemon/worker/worker.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/kill_point.h"
#include "lib/util/log.h"

#define ROUND_NS (5 * DJ_NS_PER_MS)
#define REAPERS_KEPT 64 /* those of higher slots end with their run */
#define ROUNDS 400 /* two seconds: a process in the kernel's hands may take its time to die */

static void pause_ns(uint64_t ns)
{
    struct timespec time = {.tv_nsec = (long)ns};

    nanosleep(&time, NULL);
}

static void tmp_path(const struct dj_worker *worker, uint32_t slot, struct dj_buf *ret)
{
    dj_buf_addf(ret, "%s/%" PRIu32 "/tmp", worker->place, slot);
}

/* ---- starting ---------------------------------------------------------------------------- */

/* The run ended before it began; the records tell a next worker, as far as they can be written. */
static void not_started(struct dj_worker *worker, struct dj_slot *slot, int code, const char *text)
{
    dj_cleanup_close int state = dj_slot_open_state(&worker->work, slot->number, O_CREAT);
    struct dj_spec_record spec = {.instance = slot->instance, .attempt = slot->attempt,
                                  .start_ns = slot->start_ns};

    slot->state = DJ_SLOT_ENDED;
    slot->ended = (struct dj_exit_record){
        .instance = slot->instance, .attempt = slot->attempt, .how = DJ_EXIT_NOT_STARTED,
        .code = (uint64_t)code, .start_ns = slot->start_ns, .end_ns = slot->start_ns,
    };
    snprintf(slot->ended.text, sizeof(slot->ended.text), "%s", text);
    if (state < 0 || dj_spec_write(state, &spec) < 0 || dj_exit_write(state, &slot->ended) < 0)
        dj_log_debug("slot %" PRIu32 ": the end of a run could not be written", slot->number);
    dj_tell_exited(worker, slot);
}

/* A descriptor of its own, locked; the reaper inherits it. */
static int lock_state(struct dj_worker *worker, struct dj_slot *slot, struct dj_err *err)
{
    int state = dj_slot_open_state(&worker->work, slot->number, O_CREAT);

    if (state < 0)
        return dj_err_sys(err, -state, "cannot open the state of slot %" PRIu32, slot->number);
    if (flock(state, LOCK_EX | LOCK_NB) < 0) {
        int code = errno;

        dj_close(state);
        return dj_err_sys(err, code, "slot %" PRIu32 " is still held", slot->number);
    }
    return state;
}

static void become_reaper(const struct dj_worker *worker, const struct dj_order *order, int state,
                          int line) DJ_NORETURN;

static void become_reaper(const struct dj_worker *worker, const struct dj_order *order, int state,
                          int line)
{
    char folder[16];

    if (fchdir(worker->work.dir) < 0)
        _exit(1);
    snprintf(folder, sizeof(folder), "%" PRIu32, order->slot);
    dj_reaper_main(order, folder, state, line, worker->sessions);
}

static int watch_line(struct dj_worker *worker, struct dj_slot *slot, int line)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = slot};

    slot->line = line;
    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, line, &event) < 0 ? -errno : 0;
}

/* The reaper holds its copy of the state file, locked, and its end of the line. */
static int fork_reaper(struct dj_worker *worker, struct dj_slot *slot,
                       const struct dj_order *order, struct dj_err *err)
{
    dj_cleanup_close int state = lock_state(worker, slot, err);
    dj_cleanup_close int theirs = -1;
    int ends[2];
    int rc = state < 0 ? state : dj_line_open(ends);
    pid_t pid;

    if (state < 0)
        return state;
    if (rc < 0)
        return dj_err_sys(err, -rc, "cannot make a line to a process");
    theirs = ends[1];
    rc = watch_line(worker, slot, ends[0]);
    pid = rc < 0 ? -1 : fork();
    if (pid == 0)
        become_reaper(worker, order, state, theirs);
    if (pid < 0) {
        rc = rc < 0 ? rc : -errno;
        dj_reaper_dismiss(worker, slot);
        return dj_err_sys(err, -rc, "cannot start a process");
    }
    slot->reaper = pid;
    HASH_ADD(hh, worker->by_reaper, reaper, sizeof(slot->reaper), slot);
    return 0;
}

/* Closing the line is not enough: a reaper that has just been forked may still have a copy. */
void dj_reaper_dismiss(struct dj_worker *worker, struct dj_slot *slot)
{
    if (slot->line >= 0)
        epoll_ctl(worker->epoll, EPOLL_CTL_DEL, slot->line, NULL);
    slot->line = dj_close(slot->line);
}

/* One that was dismissed, and has no run, ends at once; its lock with it. */
void dj_reaper_await(struct dj_worker *worker, struct dj_slot *slot)
{
    dj_reaper_dismiss(worker, slot);
    if (slot->reaper == 0)
        return;
    while (waitpid(slot->reaper, NULL, 0) < 0 && errno == EINTR)
        continue;
    HASH_DEL(worker->by_reaper, slot);
    slot->reaper = 0;
}

static int give_order(struct dj_worker *worker, struct dj_slot *slot,
                      const struct dj_order_build *build, struct dj_err *err)
{
    if (slot->line >= 0 && dj_line_send_order(slot->line, build) == 0)
        return 0;
    dj_reaper_await(worker, slot);
    return fork_reaper(worker, slot, &build->order, err);
}

/* Reading it for each of many short runs would cost more than knowing it a second late. */
static uint64_t oom_kills(struct dj_worker *worker)
{
    uint64_t now = dj_clock_mono_ns();

    if (worker->oom_kills_ns == 0 || now - worker->oom_kills_ns > DJ_NS_PER_S) {
        worker->oom_kills = dj_oom_kills();
        worker->oom_kills_ns = now;
    }
    return worker->oom_kills;
}

static int start(struct dj_worker *worker, struct dj_slot *slot, const struct dj_msg_run *run,
                 struct dj_order_build *build, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf tmp = DJ_BUF_INIT;
    int rc;

    /* A folder that has to be made may be another one than the reaper is in. */
    if (!slot->made)
        dj_reaper_await(worker, slot);
    tmp_path(worker, slot->number, &tmp);
    rc = dj_order_init(build, run, dj_buf_str(&tmp), slot->start_ns, err);
    build->order.cgroup = worker->cgroup.len == 0 ? NULL : dj_buf_str(&worker->cgroup);
    build->order.oom_kills = oom_kills(worker);
    rc = rc < 0 ? rc : dj_slot_make(&worker->work, slot, err);
    dj_kill_point("djw-slot-made");
    rc = rc < 0 ? rc : dj_slot_write_args(&worker->work, slot, &run->files, err);
    if (rc >= 0 && run->launched != NULL)
        rc = dj_launched_write(&worker->work, slot, run, err);
    rc = rc < 0 ? rc : give_order(worker, slot, build, err);
    dj_kill_point("djw-order-given");
    if (rc < 0)
        return rc;
    slot->state = DJ_SLOT_RUNNING;
    slot->next_fresh = worker->fresh;
    worker->fresh = slot;
    worker->fresh_ns = dj_clock_mono_ns();
    return 0;
}

void dj_run_start(struct dj_worker *worker, struct dj_slot *slot, const struct dj_msg_run *run)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_order_build build = {0};
    int rc;

    slot->instance = run->instance;
    slot->attempt = run->attempt;
    slot->start_ns = dj_clock_now_ns();
    slot->started_told = false;
    worker->in_use++;
    rc = start(worker, slot, run, &build, &err);
    dj_order_release(&build);
    if (rc < 0)
        not_started(worker, slot, -rc, dj_err_text(&err, rc));
}

/* ---- ending ------------------------------------------------------------------------------ */

void dj_run_kill(struct dj_slot *slot)
{
    union sigval value = {.sival_int = DJ_REAPER_VALUE(slot->instance)};
    siginfo_t info = {.si_signo = DJ_REAPER_END, .si_code = SI_QUEUE, .si_value = value};

    info.si_pid = getpid();
    info.si_uid = getuid();
    if (slot->reaper != 0)
        sigqueue(slot->reaper, DJ_REAPER_END, value); /* a child: its pid is its own */
    else if (slot->pidfd >= 0)
        pidfd_send_signal(slot->pidfd, DJ_REAPER_END, &info, 0);
}

static bool is_ours(void *cookie, pid_t pid)
{
    struct dj_worker *worker = cookie;
    struct dj_slot *slot;

    HASH_FIND(hh, worker->by_reaper, &pid, sizeof(pid), slot);
    return slot != NULL || pid == worker->remover;
}

/* The reaper was killed: its task's processes have no one else who ends them. */
static void bury(struct dj_worker *worker, struct dj_slot *slot)
{
    dj_cleanup_buf struct dj_buf tmp = DJ_BUF_INIT;
    struct stat st;
    char path[32];

    tmp_path(worker, slot->number, &tmp);
    if (worker->cgroup.len != 0)
        dj_cgroup_remove(dj_buf_str(&worker->cgroup), slot->number);
    for (int i = 0; i < ROUNDS && dj_kill_strays(is_ours, worker, dj_buf_str(&tmp)) > 0; i++)
        pause_ns(ROUND_NS);
    slot->ended = (struct dj_exit_record){
        .instance = slot->instance, .attempt = slot->attempt, .how = DJ_EXIT_LOST,
        .start_ns = slot->start_ns, .end_ns = dj_clock_now_ns(),
    };
    snprintf(path, sizeof(path), "%" PRIu32 "/out", slot->number);
    if (fstatat(worker->work.dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
        slot->ended.result_size = (uint64_t)st.st_size;
    snprintf(path, sizeof(path), "%" PRIu32 "/err", slot->number);
    if (fstatat(worker->work.dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
        slot->ended.log_size = (uint64_t)st.st_size;
}

static bool read_end(struct dj_worker *worker, struct dj_slot *slot)
{
    dj_cleanup_close int state = dj_slot_open_state(&worker->work, slot->number, 0);

    return state >= 0 &&
           dj_exit_read(state, slot->instance, slot->attempt, &slot->ended) == 0;
}

static void ended(struct dj_worker *worker, struct dj_slot *slot)
{
    slot->state = DJ_SLOT_ENDED;
    if (slot->ended.how != DJ_EXIT_CODE)
        worker->oom_kills_ns = 0; /* what it may have been counted for is not the next one's */
    dj_tell_started(worker);
    dj_sessions_clear(worker->sessions, slot->number);
    dj_kill_point("djw-end-known");
    dj_tell_exited(worker, slot);
    if (worker->connection == NULL || worker->dismissed)
        dj_runs_forget_hosts(worker);
    if (worker->dismissed && worker->in_use == 0)
        dj_worker_end(worker, DJ_WORKER_DONE, "the daemon ended");
}

void dj_run_gone(struct dj_worker *worker, struct dj_slot *slot)
{
    if (slot->pidfd >= 0)
        epoll_ctl(worker->epoll, EPOLL_CTL_DEL, slot->pidfd, NULL);
    slot->pidfd = dj_close(slot->pidfd);
    slot->state = DJ_SLOT_ENDED;
    if (!read_end(worker, slot))
        bury(worker, slot);
    ended(worker, slot);
}

void dj_run_reported(struct dj_worker *worker, struct dj_slot *slot)
{
    struct dj_exit_record record;
    int rc = dj_line_take_end(slot->line, &record);

    if (rc < 0) {
        dj_reaper_dismiss(worker, slot); /* it is gone: dj_runs_reap() */
    } else if (rc > 0 && slot->state == DJ_SLOT_RUNNING && record.instance == slot->instance &&
               record.attempt == slot->attempt) {
        slot->ended = record;
        ended(worker, slot);
    }
}

static void empty_trash(struct dj_worker *worker)
{
    if (!worker->work.trash || worker->remover != 0)
        return;
    worker->work.trash = false;
    worker->remover = fork();
    if (worker->remover == 0) {
        dj_kill_point("remover-began");
        /* Our lock and our connection end with us, not with this. */
        if (worker->work.dir > 3)
            close_range(3, (unsigned)worker->work.dir - 1, 0);
        close_range((unsigned)worker->work.dir + 1, ~0U, 0);
        _exit(dj_trash_empty(&worker->work) < 0 ? 1 : 0);
    }
    if (worker->remover < 0) {
        worker->remover = 0;
        worker->work.trash = true; /* the next run that leaves something brings us here again */
    }
}

void dj_runs_reap(struct dj_worker *worker)
{
    struct dj_slot *gone = NULL, *slot, *next;
    int status;
    pid_t pid;

    /* All of them first: while a lost run is buried, nobody's child may be taken for a stray. */
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == worker->remover) {
            worker->remover = 0;
            worker->work.trash |= WIFSIGNALED(status);
            continue;
        }
        HASH_FIND(hh, worker->by_reaper, &pid, sizeof(pid), slot);
        if (slot == NULL)
            continue; /* a stray */
        HASH_DEL(worker->by_reaper, slot);
        slot->reaper = 0;
        dj_reaper_dismiss(worker, slot);
        slot->next_gone = gone;
        gone = slot;
    }
    for (slot = gone; slot != NULL; slot = next) {
        next = slot->next_gone;
        if (slot->state == DJ_SLOT_RUNNING)
            dj_run_gone(worker, slot);
    }
    empty_trash(worker); /* what came while the remover was at work, or it was killed */
}

static bool mark_free(struct dj_worker *worker, const struct dj_slot *slot)
{
    dj_cleanup_close int state = dj_slot_open_state(&worker->work, slot->number, 0);
    struct dj_spec_record spec = {.instance = 0};

    if (state >= 0 && dj_spec_write(state, &spec) == 0)
        return true;
    dj_log_debug("slot %" PRIu32 ": could not be marked as free", slot->number);
    return false;
}

void dj_run_taken(struct dj_worker *worker, struct dj_slot *slot)
{
    dj_kill_point("djw-taken-heard");
    if (!mark_free(worker, slot) || slot->number >= REAPERS_KEPT)
        dj_reaper_dismiss(worker, slot);
    dj_kill_point("djw-slot-freed");
    dj_slot_clean(&worker->work, slot);
    slot->state = DJ_SLOT_FREE;
    slot->instance = slot->attempt = 0;
    worker->in_use--;
    dj_kill_point("djw-slot-cleaned");
    empty_trash(worker);
}

/* A host leaves nothing that a later daemon would want. */
void dj_runs_forget_hosts(struct dj_worker *worker)
{
    for (size_t i = 0; i < worker->slots_n; i++) {
        struct dj_slot *slot = worker->slots[i];

        if (slot != NULL && slot->state == DJ_SLOT_ENDED && (slot->instance & DJ_HOST_BIT) != 0)
            dj_run_taken(worker, slot);
    }
}

/* ---- adopting ---------------------------------------------------------------------------- */

enum { FREE, ALIVE, DEAD };

static bool is_held(int state)
{
    return flock(state, LOCK_EX | LOCK_NB) < 0;
}

/*
 * What the state file says. The pid in it was written by who holds the lock; so when the lock is
 * still held after the descriptor of that pid was taken, the descriptor is the reaper's. A reaper
 * that was forked a moment ago has the lock but may not have written yet.
 */
static int examine(int state, struct dj_spec_record *spec, int *ret_pidfd)
{
    for (int i = 0; i < ROUNDS; i++) {
        bool known, held = is_held(state);

        known = dj_spec_read(state, spec) == 0 && spec->instance != 0;
        if (!held)
            return known ? DEAD : FREE;
        *ret_pidfd = known && spec->reaper > 0 ? pidfd_open((pid_t)spec->reaper, 0) : -1;
        if (*ret_pidfd >= 0 && is_held(state))
            return ALIVE;
        *ret_pidfd = dj_close(*ret_pidfd);
        pause_ns(ROUND_NS);
    }
    return FREE;
}

static int adopt(struct dj_worker *worker, struct dj_slot *slot, int state, struct dj_err *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = slot};
    struct dj_spec_record spec;
    int what = examine(state, &spec, &slot->pidfd);

    if (what == FREE) {
        dj_sessions_clear(worker->sessions, slot->number);
        /* What a worker that was killed had not cleaned; nobody is in it. */
        if (!is_held(state) && dj_slot_make(&worker->work, slot, NULL) < 0)
            dj_log_warning("slot %" PRIu32 " cannot be cleaned until it is used", slot->number);
        return 0;
    }
    slot->instance = spec.instance;
    slot->attempt = spec.attempt;
    slot->start_ns = spec.start_ns;
    slot->started_told = false;
    worker->in_use++;
    if (what == DEAD) {
        dj_run_gone(worker, slot);
        return 0;
    }
    slot->state = DJ_SLOT_RUNNING;
    if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, slot->pidfd, &event) < 0)
        return dj_err_sys(err, errno, "cannot watch a run that is under way");
    dj_log_info("run %" PRIu64 " goes on in slot %" PRIu32, slot->instance, slot->number);
    return 0;
}

static int adopt_folder(struct dj_worker *worker, const char *name, struct dj_err *err)
{
    dj_cleanup_close int state = -1;
    char *end;
    unsigned long number = strtoul(name, &end, 10);

    if (name[0] < '0' || name[0] > '9' || *end != '\0' || number >= DJ_SESSIONS_MAX)
        return 0;
    state = dj_slot_open_state(&worker->work, (uint32_t)number, 0);
    if (state < 0)
        return 0; /* never used */
    return adopt(worker, dj_worker_slot(worker, (uint32_t)number), state, err);
}

int dj_runs_adopt(struct dj_worker *worker, struct dj_err *err)
{
    DIR *folder = opendir(worker->place);
    struct dirent *entry;
    int rc = 0;

    if (folder == NULL)
        return dj_err_sys(err, errno, "%s", worker->place);
    while (rc == 0 && (entry = readdir(folder)) != NULL) {
        rc = adopt_folder(worker, entry->d_name, err);
        dj_kill_point("djw-slot-adopted");
    }
    closedir(folder);
    worker->work.trash = true;
    empty_trash(worker);
    return rc;
}

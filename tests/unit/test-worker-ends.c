/* djw with real processes: how runs end, and what worker and daemon do to each other. */
#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "tests/tools/worker-harness.h"
#include "tests/unit/tap.h"

/* ---- ends -------------------------------------------------------------------------------- */

static void test_background(void)
{
    uint64_t begun;

    begin();
    begun = dj_clock_mono_ns();
    ok(run_shell(0, "sleep 60 & echo done"), "a child in the background that holds stdout");
    ok(exited_with(DJ_EXIT_CODE, 0), "does not hold up the end");
    ok(seconds_since(begun) < 20, "the main process's end counts");
    ok(tasks_are(0), "and it is gone");
    take();
    ok(run_shell(0, "setsid sleep 61 & (setsid sh -c 'sleep 62 & sleep 63' &);"
                    " (trap '' TERM HUP INT; sleep 64; sleep 65) & sleep 66 & echo done"),
       "setsid, double forks, ignored signals");
    ok(tasks_are(0), "all are gone when the end is told");
    is_str(file_of(0, "out"), "done\n", "the result is as it was");
    take();
    ok(run_shell(0, "i=0; while [ $i -lt 30 ]; do i=$((i+1)); "
                    "(setsid sh -c 'sleep 67; :' &); done"),
       "thirty at once");
    ok(tasks_are(0), "are gone");
    end();
}

static void test_timeout(void)
{
    struct dj_msg_run run;
    uint64_t begun = dj_clock_mono_ns();

    begin();
    run = shell_order(0, "sleep 70");
    run.limits.timeout_ms = 100;
    ok(run_order(&run) && exited_with(DJ_EXIT_TIMEOUT, SIGTERM), "a timeout");
    ok(ended.end_ns - ended.start_ns >= 100 * DJ_NS_PER_MS, "not too early");
    take();
    begun = dj_clock_mono_ns();
    run = shell_order(0, "trap '' TERM; setsid sleep 71 & while :; do sleep 72; done");
    run.limits.timeout_ms = 100;
    ok(run_order(&run) && exited_with(DJ_EXIT_TIMEOUT, SIGKILL), "one that ignores SIGTERM");
    ok(seconds_since(begun) >= 2, "had two seconds");
    ok(tasks_are(0), "nothing is left");
    take();
    run = shell_order(0, "trap 'echo bye; exit 0' TERM; sleep 73 & wait; exit 1");
    run.limits.timeout_ms = 200;
    ok(run_order(&run) && exited_with(DJ_EXIT_TIMEOUT, 0), "one that tidies up");
    is_str(file_of(0, "out"), "bye\n", "can");
    take();
    run = shell_order(0, "echo quick");
    run.limits.timeout_ms = 60000;
    ok(run_order(&run) && exited_with(DJ_EXIT_CODE, 0), "one that is in time");
    end();
}

static void test_kill(void)
{
    uint64_t instance;

    begin();
    instance = send_shell(0, "setsid sleep 74 & echo ready; sleep 75");
    ok(appears(0, "out"), "a run is under way");
    send_kill(instance, 0);
    ok(hear_end(instance) && exited_with(DJ_EXIT_KILLED, SIGTERM), "KILL");
    ok(tasks_are(0), "ends all of it");
    send_kill(instance, 0);
    take();
    instance = send_shell(0, "sleep 76");
    send_kill(instance, 0);
    ok(hear_end(instance) && exited_with(DJ_EXIT_KILLED, SIGTERM), "KILL right behind RUN");
    take();
    instance = send_shell(0, "kill -STOP $$; sleep 77");
    hear(DJ_MSG_STARTED);
    send_kill(instance, 0);
    ok(hear_end(instance) && ended.how == DJ_EXIT_KILLED, "a stopped task can be killed");
    take();
    instance = send_shell(
        0, "trap 'echo no >&2' TERM; echo ready; while :; do sleep 78 & wait; done");
    ok(appears(0, "out"), "a task that ignores SIGTERM");
    send_kill(instance, 0);
    {
        uint64_t begun = dj_clock_mono_ns();

        ok(appears(0, "err"), "gets it");
        send_kill(instance, 0);
        ok(hear_end(instance) && exited_with(DJ_EXIT_KILLED, SIGKILL), "a second KILL");
        ok(seconds_since(begun) < 1.9, "ends the grace");
    }
    take();
    send_kill(99999, 5);
    ok(hear_end(99999) && exited_with(DJ_EXIT_LOST, 0), "a run that the worker does not know");
    ok(run_shell(0, "echo on") && exited_with(DJ_EXIT_CODE, 0), "the worker goes on");
    end();
}

/* A program whose open waits, as one on a mount may: somebody has a lease on its file. */
static void test_slow_exec(void)
{
    char path[128];
    struct dj_msg_run run;
    uint64_t instance, begun;
    int fd;

    snprintf(path, sizeof(path), "%s", in_top("slow"));
    put_file(path, "#!/bin/sh\necho too late\n", 0755);
    fd = open(path, O_RDWR | O_CLOEXEC);
    signal(SIGIO, SIG_IGN);
    begin();
    if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0) {
        skip(5, "no leases on files in /tmp");
        close(fd);
        end();
        return;
    }
    run = order_for(0);
    add_word(&run, path);
    instance = send_order(&run);
    ok(hear(DJ_MSG_STARTED), "a run whose exec takes long has its session already");
    begun = dj_clock_mono_ns();
    send_kill(instance, 0);
    ok(hear_end(instance) && exited_with(DJ_EXIT_KILLED, SIGTERM), "it can be killed");
    take();
    run = order_for(0);
    add_word(&run, path);
    instance = send_order(&run);
    send_kill(instance, 0);
    ok(hear_end(instance) && exited_with(DJ_EXIT_KILLED, SIGTERM), "at any moment");
    take();
    run = order_for(0);
    add_word(&run, path);
    run.limits.timeout_ms = 100;
    ok(run_order(&run) && ended.how == DJ_EXIT_TIMEOUT, "and it has its timeout");
    ok(seconds_since(begun) < 20, "none of this waited for exec");
    fcntl(fd, F_SETLEASE, F_UNLCK);
    close(fd);
    end();
}

static void test_reaper_killed(void)
{
    uint64_t instance;

    begin();
    instance = send_shell(0, "echo half; setsid sleep 80 & (setsid sleep 81 &); sleep 82");
    ok(appears(0, "out") && hear(DJ_MSG_STARTED) && tasks_are(4), "a run with four processes");
    ok(kill(parent_of((pid_t)started.pid), SIGKILL) == 0, "its reaper is killed");
    ok(hear_end(instance) && exited_with(DJ_EXIT_LOST, 0), "it is lost");
    is_int(count_tasks(), 0, "no process of it is left when that is told");
    take();
    ok(run_shell(0, "echo again") && strcmp(file_of(0, "out"), "again\n") == 0,
       "the slot is usable");
    end();
}

/* ---- worker and daemon come and go ------------------------------------------------------- */

static void go_on_with_new_worker(void)
{
    fake_end_worker(&djd, SIGKILL, bound(SOON));
    fake_hang_up(&djd, false);
    fake_spawn(&djd, NULL);
    ok(fake_accept(&djd, bound(SOON)) == 0 && hear(DJ_MSG_RUNNING), "a new worker");
}

static void test_worker_killed(void)
{
    uint64_t first, second, third;
    pid_t task;
    const struct dj_part_slot_state *state;

    begin();
    first = send_shell(0, "echo begun; read x < $GATE; echo $x; sleep 83 & exit 4");
    second = send_shell(1, "echo begun; sleep 84");
    ok(appears(0, "out") && appears(1, "out") && hear(DJ_MSG_STARTED) && hear(DJ_MSG_STARTED),
       "two runs are under way");
    third = send_shell(7, "echo over");
    ok(hear_end(third), "a third has ended and was not taken");
    go_on_with_new_worker();
    is_int((intmax_t)running.slots.n, 3, "knows all three");
    state = NULL;
    for (size_t i = 0; i < running.slots.n; i++) {
        const struct dj_part_slot_state *at =
            &((const struct dj_part_slot_state *)running.slots.items)[i];

        if (at->slot == 0)
            state = at;
    }
    ok(state != NULL && state->instance == first && state->attempt == 1 && state->start_ns > 0,
       "by instance, attempt and start");
    task = state == NULL ? 0 : (pid_t)state->pid;
    ok(task > 1 && kill(task, 0) == 0, "and the task's pid");
    ok(hear_end(third) && exited_with(DJ_EXIT_CODE, 0), "the third one's end is told again");
    take();
    open_gate();
    ok(hear_end(first) && exited_with(DJ_EXIT_CODE, 4), "the first ends under the new worker");
    is_str(file_of(0, "out"), "begun\non\n", "with its whole result");
    take();
    send_kill(second, 1);
    ok(hear_end(second) && exited_with(DJ_EXIT_KILLED, SIGTERM), "the second can be killed");
    take();
    ok(tasks_are(0), "nothing is left");
    ok(run_shell(0, "echo new") && strcmp(file_of(0, "out"), "new\n") == 0, "and slots are free");
    ok(take_and_see(), "a slot that is taken");
    go_on_with_new_worker();
    is_int((intmax_t)running.slots.n, 0, "is not told again");
    end();
}

static void test_ended_while_away(void)
{
    uint64_t first, second;

    begin();
    first = send_shell(0, "echo begun; read x < $GATE; echo $x");
    second = send_shell(1, "echo begun; (setsid sleep 85 &) ; sleep 86");
    ok(appears(0, "out") && appears(1, "out") && hear(DJ_MSG_STARTED) && hear(DJ_MSG_STARTED),
       "two runs");
    fake_end_worker(&djd, SIGKILL, bound(SOON));
    open_gate();
    ok(kill(parent_of(task_of[1]), SIGKILL) == 0, "a reaper dies while no worker is there");
    go_on_with_new_worker();
    is_int((intmax_t)running.slots.n, 2, "knows both");
    {
        bool done = false, lost = false;

        while (!(done && lost) && hear(DJ_MSG_EXITED)) {
            done = done || (ended.instance == first && ended.how == DJ_EXIT_CODE);
            lost = lost || (ended.instance == second && ended.how == DJ_EXIT_LOST);
        }
        ok(done, "one ended meanwhile");
        ok(lost, "one is lost");
    }
    is_int(count_tasks(), 0, "and left no process");
    end();
}

enum { STORM_SLOTS = 4, STORM_RUNS = 200, STORM_EACH = 17 };

static uint64_t storm_send(unsigned slot)
{
    struct dj_msg_run run = shell_order(slot, "echo $0; (setsid sleep 91 &)");
    char number[32];

    snprintf(number, sizeof(number), "%" PRIu64, run.instance);
    add_word(&run, number);
    return send_order(&run);
}

static bool storm_knows(uint64_t instance)
{
    for (size_t i = 0; i < running.slots.n; i++)
        if (DJ_LIST_AT(&running.slots, struct dj_part_slot_state, i)->instance == instance)
            return true;
    return false;
}

/* What a new worker does not know was never begun; what it should have forgotten is said again. */
static void storm_resume(uint64_t *in_slot)
{
    fake_hang_up(&djd, false);
    fake_spawn(&djd, NULL);
    if (fake_accept(&djd, bound(SOON)) < 0 || !hear(DJ_MSG_RUNNING))
        bail_out("no new worker");
    for (size_t i = 0; i < running.slots.n; i++) {
        const struct dj_part_slot_state *state =
            DJ_LIST_AT(&running.slots, struct dj_part_slot_state, i);
        struct dj_msg_taken taken = {state->instance, state->attempt, state->slot};

        if (state->slot >= STORM_SLOTS || in_slot[state->slot] != state->instance)
            fake_send(&djd, DJ_MSG_TAKEN, &taken);
    }
    for (unsigned slot = 0; slot < STORM_SLOTS; slot++)
        if (!storm_knows(in_slot[slot]))
            in_slot[slot] = storm_send(slot);
}

static bool storm_is_right(unsigned slot)
{
    const char *out = file_of(slot, "out");

    return exited_with(DJ_EXIT_CODE, 0) && out != NULL &&
           strtoull(out, NULL, 10) == ended.instance;
}

static void test_storm(void)
{
    uint64_t in_slot[STORM_SLOTS] = {0};
    int done = 0, right = 0, killed = 0;

    begin();
    for (unsigned slot = 0; slot < STORM_SLOTS; slot++)
        in_slot[slot] = storm_send(slot);
    while (done < STORM_RUNS && hear(DJ_MSG_EXITED)) {
        unsigned slot = (unsigned)ended.slot % STORM_SLOTS;

        if (ended.instance != in_slot[slot])
            continue; /* told again, since TAKEN came too late */
        right += storm_is_right(slot);
        take();
        in_slot[slot] = storm_send(slot);
        if (++done % STORM_EACH == 0) {
            fake_end_worker(&djd, SIGKILL, bound(SOON));
            killed++;
            storm_resume(in_slot);
        }
    }
    is_int(done, STORM_RUNS, "under workers that are killed again and again all runs end");
    is_int(right, STORM_RUNS, "each with its own result");
    is_int(killed, STORM_RUNS / STORM_EACH, "so many workers were killed");
    /* What is still under way ends by itself. */
    ok(tasks_are(0), "no process is left");
    end();
}

static void test_daemon_away(void)
{
    static const char *const short_wait[] = {"--away", "200ms", NULL};
    uint64_t first, second;

    begin_with(short_wait);
    first = send_shell(0, "echo begun; read x < $GATE");
    second = send_shell(1, "sleep 87");
    ok(appears(0, "out"), "runs are under way");
    fake_hang_up(&djd, true);
    open_gate();
    ok(fake_end_worker(&djd, 0, 600) == -1, "the daemon goes, the worker stays: it has runs");
    ok(fake_listen(&djd) == 0 && fake_accept(&djd, bound(SOON)) == 0 && hear(DJ_MSG_RUNNING),
       "a new daemon is found");
    is_int((intmax_t)running.slots.n, 2, "and told of both runs");
    ok(hear_end(first) && exited_with(DJ_EXIT_CODE, 0), "and of the one that ended");
    take();
    send_kill(second, 1);
    ok(hear_end(second), "the other is killed");
    ok(take_and_see(), "nothing is in use any more");
    fake_hang_up(&djd, true);
    {
        int status = fake_end_worker(&djd, 0, bound(SOON));

        ok(WIFEXITED(status) && WEXITSTATUS(status) == 69, "without runs it ends after --away");
    }
    end();
}

static void test_orders_to_end(void)
{
    int status;

    begin();
    {
        struct fake_djd other = djd;

        fake_spawn(&other, NULL);
        status = fake_end_worker(&other, 0, bound(SOON));
        ok(WIFEXITED(status) && WEXITSTATUS(status) == 75, "a second worker in the folder ends");
    }
    send_shell(0, "sleep 88 & echo begun; wait");
    ok(appears(0, "out"), "a run is under way");
    status = fake_end_worker(&djd, SIGTERM, bound(SOON));
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "SIGTERM ends the worker");
    is_int(count_tasks(), 2, "and leaves the run alone");
    fake_hang_up(&djd, false);
    fake_spawn(&djd, NULL);
    fake_accept_as(&djd, bound(SOON), "you are too old");
    status = fake_end_worker(&djd, 0, bound(SOON));
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "a refused worker ends");
    fake_spawn(&djd, NULL);
    fake_accept(&djd, bound(SOON));
    hear(DJ_MSG_RUNNING);
    is_int((intmax_t)running.slots.n, 1, "the run still goes on");
    send_kill(((struct dj_part_slot_state *)running.slots.items)[0].instance, 0);
    ok(hear(DJ_MSG_EXITED) && exited_with(DJ_EXIT_KILLED, SIGTERM), "until it is killed");
    ok(dj_remove_tree(AT_FDCWD, djd.work) == 0, "the folder is removed");
    fake_hang_up(&djd, true);
    status = fake_end_worker(&djd, 0, bound(SOON));
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the worker ends with it");
    end();
}

/* What an idle worker uses of the processor, in clock ticks, and how often it was woken. */
static long switches_of(pid_t pid)
{
    char path[64];
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    const char *at;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    if (dj_read_file(AT_FDCWD, path, 1 << 16, &text) < 0)
        return -1;
    at = strstr(dj_buf_str(&text), "\nvoluntary_ctxt_switches:");
    return at == NULL ? -1 : strtol(at + 25, NULL, 10);
}

static void test_idle(void)
{
    struct timespec second = {.tv_sec = 1};
    long before, reaper_before;
    uint64_t instance;

    begin();
    ok(run_shell(0, "true"), "a run");
    take();
    instance = send_shell(0, "echo begun; exec sleep 89");
    ok(appears(0, "out") && hear(DJ_MSG_STARTED), "and one that takes its time");
    settle();
    before = switches_of(djd.worker);
    reaper_before = switches_of(parent_of((pid_t)started.pid));
    nanosleep(&second, NULL); /* not a wait for something: it is nothing that is looked for */
    is_int(switches_of(djd.worker) - before, 0, "the worker does not wake up");
    is_int(switches_of(parent_of((pid_t)started.pid)) - reaper_before, 0, "nor does the reaper");
    send_kill(instance, 0);
    hear_end(instance);
    end();
}

int main(void)
{
    harness_begin();
    test_background();
    test_timeout();
    test_kill();
    test_slow_exec();
    test_reaper_killed();
    test_worker_killed();
    test_ended_while_away();
    test_storm();
    test_daemon_away();
    test_orders_to_end();
    test_idle();
    harness_end();
    return tap_done();
}

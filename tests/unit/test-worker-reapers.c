/* djw: reapers that see to one run after another. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "daemon/worker/memory.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "tests/tools/worker-harness.h"
#include "tests/unit/tap.h"

static uint64_t oom_kills; /* of the kernel, before the first worker */

/* The reaper of a run that ends at once, as the run saw it. */
static pid_t reaper_of_run(unsigned slot)
{
    pid_t reaper = 0;

    if (run_shell(slot, "echo $PPID") && exited_with(DJ_EXIT_CODE, 0))
        reaper = (pid_t)strtol(file_of(slot, "out"), NULL, 10);
    take();
    return reaper;
}

static bool is_gone(pid_t pid)
{
    for (int ms = 0; ms < bound(SOON); ms += 5) {
        if (kill(pid, 0) < 0)
            return true;
        settle();
    }
    return false;
}

static void test_same(void)
{
    pid_t first, other;

    begin();
    first = reaper_of_run(0);
    ok(first > 1 && reaper_of_run(0) == first, "a slot keeps its reaper");
    other = reaper_of_run(1);
    ok(other > 1 && other != first, "another slot has another");
    ok(reaper_of_run(0) == first, "after a run in another slot, too");
    other = reaper_of_run(100);
    ok(other > 1 && is_gone(other), "those of high slots end with their run");
    ok(kill(first, 0) == 0, "the others do not");
    end();
    ok(is_gone(first), "they end with the worker");
}

/*
 * A SIGKILL of nobody we know, while the kernel ended some process for want of memory, is taken for
 * the kernel's. It may be one of the tests beside this one that it ended, and the worker knows of
 * that a second late.
 */
static bool is_killed(void)
{
    uint64_t end_ns = dj_clock_mono_ns() + 3 * DJ_NS_PER_S;

    while (run_shell(0, "kill -9 $$")) {
        if (exited_with(DJ_EXIT_SIGNAL, SIGKILL))
            return true;
        if (dj_oom_kills() == oom_kills || dj_clock_mono_ns() > end_ns)
            return false;
        take();
    }
    return false;
}

static void test_nothing_stays(void)
{
    uint64_t user_us;

    begin();
    ok(run_shell(0, "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo long; echo log >&2"),
       "a run that takes time");
    user_us = ended.user_us;
    ok(user_us > 1000, "which is told");
    take();
    ok(run_shell(0, "echo x") && ended.user_us < user_us / 2, "is not counted for the next");
    is_str(file_of(0, "out"), "x\n", "which has its own result");
    is_str(file_of(0, "err"), "", "and its own log");
    take();
    ok(run_shell(0, "exit 3") && exited_with(DJ_EXIT_CODE, 3), "a run that fails");
    take();
    ok(is_killed(), "one that is killed");
    take();
    ok(run_shell(0, "exit 127") && exited_with(DJ_EXIT_CODE, 127), "one that exits with 127");
    take();
    ok(run_shell(0, "ls -l /proc/$PPID/fd") && exited_with(DJ_EXIT_CODE, 0), "the reaper's files");
    take();
    ok(run_shell(0, "echo on") && exited_with(DJ_EXIT_CODE, 0), "the reaper goes on");
    end();
}

static void test_not_started(void)
{
    struct dj_msg_run run;
    pid_t first;

    begin();
    first = reaper_of_run(0);
    run = order_for(0);
    add_word(&run, "no-such-program");
    ok(run_order(&run) && exited_with(DJ_EXIT_NOT_STARTED, ENOENT), "a program that is not there");
    ok(ended.text != NULL && strstr(ended.text, "not found in PATH") != NULL, "the reason is told");
    take();
    run = order_for(0);
    run.cwd = dj_xstrdup("/nowhere");
    add_word(&run, "true");
    ok(run_order(&run) && exited_with(DJ_EXIT_NOT_STARTED, ENOENT), "a folder that is not there");
    take();
    put_file(in_top("no-head"), "echo from $0 $1\n", 0755);
    run = order_for(0);
    add_word(&run, in_top("no-head"));
    add_word(&run, "here");
    ok(run_order(&run) && exited_with(DJ_EXIT_CODE, 0), "a script without an interpreter runs");
    take();
    ok(reaper_of_run(0) == first, "all by one reaper");
    end();
}

static void test_large_order(void)
{
    struct dj_msg_run run;
    static char word[100001];
    pid_t first;

    memset(word, 'w', sizeof(word) - 1);
    begin();
    first = reaper_of_run(0);
    run = shell_order(0, "echo ${#1} $#");
    add_word(&run, "sh");
    add_word(&run, word);
    ok(run_order(&run), "an order that does not fit into the line");
    is_str(file_of(0, "out"), "100000 1\n", "arrives");
    take();
    ok(is_gone(first), "with another reaper");
    run = shell_order(0, "echo $#");
    add_word(&run, "sh");
    for (int i = 0; i < 10000; i++)
        add_word(&run, "w");
    ok(run_order(&run), "an order of many words");
    is_str(file_of(0, "out"), "10000\n", "arrives");
    take();
    run = shell_order(0, "pwd");
    run.cwd = dj_xstrdup("/usr");
    ok(run_order(&run), "a working directory");
    is_str(file_of(0, "out"), "/usr\n", "goes down the line");
    end();
}

static void test_late_kill(void)
{
    union sigval value;
    uint64_t instance;
    pid_t reaper;

    begin();
    reaper = reaper_of_run(0);
    /* As one that the worker sent a moment before it learned of the end. */
    value.sival_int = (int)instances;
    ok(sigqueue(reaper, SIGRTMIN, value) == 0, "an order to end a run that is over");
    ok(run_shell(0, "sleep 0.1; echo on") && exited_with(DJ_EXIT_CODE, 0), "is none for the next");
    take();
    value.sival_int = (int)instances;
    ok(sigqueue(reaper, SIGRTMIN, value) == 0, "once more");
    instance = send_shell(0, "sleep 80");
    send_kill(instance, 0);
    ok(hear_end(instance) && exited_with(DJ_EXIT_KILLED, SIGTERM), "and hides no order for it");
    take();
    ok(reaper_of_run(0) == reaper, "the reaper goes on");
    end();
}

static void test_killed_between(void)
{
    pid_t reaper, next;

    begin();
    reaper = reaper_of_run(0);
    ok(kill(reaper, SIGKILL) == 0 && is_gone(reaper), "a reaper is killed between two runs");
    next = reaper_of_run(0);
    ok(next > 1 && next != reaper, "the next run has another");
    ok(run_shell(0, "cd ..; rm -rf cwd tmp arg out err state; echo gone >&2"), "a slot is removed");
    take();
    ok(reaper_of_run(0) > 1, "the next run has another");
    end();
}

int main(void)
{
    oom_kills = dj_oom_kills();
    harness_begin();
    test_same();
    test_nothing_stays();
    test_not_started();
    test_large_order();
    test_late_kill();
    test_killed_between();
    harness_end();
    return tap_done();
}

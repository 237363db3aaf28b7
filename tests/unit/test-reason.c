/* Every form of the line of `why`. */
#include <stdlib.h>

#include "lib/model/reason.h"
#include "tests/unit/tap.h"

static struct dj_reason reason;

static void begin(enum dj_reason_now now, enum dj_cause cause)
{
    dj_reason_release(&reason);
    dj_reason_init(&reason);
    reason.now = now;
    reason.cause = cause;
}

static void add(struct dj_list *list, const char *text)
{
    dj_list_add_bytes(list, dj_bytes_of(text));
}

static void line(const char *want)
{
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;

    dj_reason_print(&buf, &reason);
    is_str(dj_buf_str(&buf), want, "%s", want);
}

static void resources(void)
{
    begin(DJ_NOW_QUEUED, DJ_CAUSE_NEVER_RUN);
    reason.ahead = 2;
    dj_buf_adds(&reason.part, "ram=1.5");
    dj_buf_adds(&reason.session, "default");
    dj_buf_adds(&reason.part_held, "127 of 128");
    line("queued behind 2; waiting for ram=1.5 of session default, of which 127 of 128 are taken; "
         "never run before");
    add(&reason.part_holders, "a/1 (100)");
    add(&reason.part_holders, "b/2 (20)");
    reason.part_holder_count = 4;
    line("queued behind 2; waiting for ram=1.5 of session default, of which 127 of 128 are taken "
         "by a/1 (100), b/2 (20) and 2 more; never run before");
    reason.paused = true;
    line("queued behind 2; the daemon is paused; never run before");
    reason.now = DJ_NOW_RESERVING;
    line("waiting for ram=1.5 of session default, of which 127 of 128 are taken by a/1 (100), "
         "b/2 (20) and 2 more; never run before");
    reason.now = DJ_NOW_LOCKING;
    dj_buf_adds(&reason.lock, "db");
    dj_buf_adds(&reason.lock_holders, "a/1 (pid 7), joe (pid 8)");
    line("waiting for lock db, held by a/1 (pid 7), joe (pid 8); never run before");
}

static void validity(void)
{
    begin(DJ_NOW_HIT, DJ_CAUSE_NONE);
    reason.expires_ns = 1000000000;
    line("hit; valid until 1970-01-01 00:00:01");
    reason.served_ns = 61000000000;
    line("hit; its ttl was over on 1970-01-01 00:00:01, and it is served until 1970-01-01 00:01:01"
         " while it is computed anew");
    begin(DJ_NOW_HIT, DJ_CAUSE_NONE);
    dj_buf_adds(&reason.equal, "c/3 and 2 more");
    line("hit; came out equal: c/3 and 2 more");
    begin(DJ_NOW_NOTHING, DJ_CAUSE_EXPIRED);
    reason.expires_ns = 1000000000;
    line("stale: its ttl was over on 1970-01-01 00:00:01");
    add(&reason.path, "c/3");
    line("stale: c/3: its ttl was over on 1970-01-01 00:00:01");
    begin(DJ_NOW_NOTHING, DJ_CAUSE_UNSTORED);
    line("never stored, as its task has store = no");
    begin(DJ_NOW_CHECKING, DJ_CAUSE_VERSION);
    dj_buf_adds(&reason.from, "1");
    dj_buf_adds(&reason.to, "2");
    add(&reason.path, "c/3");
    line("looking whether what it called came out equal; c/3: version 1 -> 2");
    dj_buf_adds(&reason.called, "c/3");
    reason.called_status = "running";
    line("waiting for c/3 (running), which may come out equal; c/3: version 1 -> 2");
}

static void hits(void)
{
    begin(DJ_NOW_HIT, DJ_CAUSE_NONE);
    line("hit");
    add(&reason.notes, "f.sh changed since");
    line("hit; note: f.sh changed since");
    add(&reason.notes, "lib.sh is gone");
    line("hit; note: f.sh changed since; lib.sh is gone");
    reason.accepted_ns = UINT64_C(86400000000000);
    dj_buf_adds(&reason.user, "ann");
    dj_buf_adds(&reason.text, "version 1 -> 2");
    line("hit; accepted by ann on 1970-01-02 00:00:00, though version 1 -> 2; "
         "note: f.sh changed since; lib.sh is gone");
}

static void nothing_yet(void)
{
    begin(DJ_NOW_NOTHING, DJ_CAUSE_NEVER_RUN);
    line("never run");
    dj_buf_adds(&reason.argument, "a.txt");
    dj_buf_adds(&reason.before, "wc/a.txt@1f3a9c07d2");
    line("never run; a.txt changed since wc/a.txt@1f3a9c07d2");
    begin(DJ_NOW_NOTHING, DJ_CAUSE_DELETED);
    line("deleted");
    dj_buf_adds(&reason.user, "ann");
    line("deleted by ann");
    begin(DJ_NOW_NOTHING, DJ_CAUSE_CANCELLED);
    dj_buf_adds(&reason.text, "t/1 was cancelled when its daemon was stopped");
    line("cancelled: t/1 was cancelled when its daemon was stopped");
    dj_buf_adds(&reason.user, "ann");
    line("cancelled by ann");
}

static void failures(void)
{
    begin(DJ_NOW_NOTHING, DJ_CAUSE_FAILED);
    dj_buf_adds(&reason.text, "exit code 3");
    line("failed: exit code 3");
    reason.attempt = 2;
    reason.attempts = 4;
    line("failed: exit code 3, try 2 of 4");
    reason.remembered = true;
    line("failed: exit code 3, try 2 of 4; remembered, only force tries again");
    begin(DJ_NOW_NOTHING, DJ_CAUSE_LOST);
    dj_buf_adds(&reason.text, "its worker went away");
    line("lost: its worker went away");
    reason.lost = 4;
    line("lost 4 times: its worker went away");
    reason.cause = DJ_CAUSE_CORRUPT;
    line("corrupt: its worker went away");
}

static void stale(void)
{
    begin(DJ_NOW_NOTHING, DJ_CAUSE_VERSION);
    dj_buf_adds(&reason.from, "3");
    dj_buf_adds(&reason.to, "4");
    line("stale: version 3 -> 4");
    add(&reason.path, "child/1");
    line("stale: child/1: version 3 -> 4");
    add(&reason.path, "grandchild/2");
    line("stale: child/1 -> grandchild/2: version 3 -> 4");
    for (int i = 0; i < 10; i++)
        add(&reason.path, "x/_");
    line("stale: child/1 -> grandchild/2 -> x/_ -> 7 more -> x/_ -> x/_: version 3 -> 4");
    begin(DJ_NOW_NOTHING, DJ_CAUSE_DEFINITION);
    line("stale: definition changed");
    dj_buf_adds(&reason.text, "script");
    dj_buf_adds(&reason.task, "child");
    line("stale: task child: definition changed (script)");
    begin(DJ_NOW_NOTHING, DJ_CAUSE_TRACKED);
    dj_buf_adds(&reason.text, "/x/model.bin");
    line("stale: tracked file /x/model.bin changed");
    reason.gone = true;
    reason.cause = DJ_CAUSE_INPUT;
    line("stale: input /x/model.bin is gone");
    begin(DJ_NOW_NOTHING, DJ_CAUSE_EPOCH);
    dj_buf_adds(&reason.user, "bob");
    line("stale: its task was invalidated by bob");
    begin(DJ_NOW_NOTHING, DJ_CAUSE_UNDEFINED);
    line("stale: its task is not defined any more");
    begin(DJ_NOW_NOTHING, DJ_CAUSE_MARK);
    dj_buf_adds(&reason.text, "child/1 was invalidated by bob");
    line("stale: child/1 was invalidated by bob");
    begin(DJ_NOW_NOTHING, DJ_CAUSE_UNKNOWN);
    line("stale: something that it rests on changed");
}

static void under_way(void)
{
    begin(DJ_NOW_QUEUED, DJ_CAUSE_NEVER_RUN);
    reason.ahead = 3;
    reason.workers = 1;
    reason.holder_count = 1;
    add(&reason.holders, "slow/1");
    line("queued behind 3; the worker has slow/1; never run before");
    reason.workers = 8;
    add(&reason.holders, "slow/2");
    reason.holder_count = 8;
    line("queued behind 3; the 8 workers have slow/1, slow/2 and 6 more; never run before");
    reason.paused = true;
    line("queued behind 3; the daemon is paused; never run before");
    reason.no_worker = true;
    line("queued behind 3; no worker is there; never run before");
    begin(DJ_NOW_WAITING, DJ_CAUSE_VERSION);
    dj_buf_adds(&reason.from, "1");
    dj_buf_adds(&reason.to, "2");
    dj_buf_adds(&reason.called, "slow/1");
    reason.called_status = "running";
    line("waiting for slow/1 (running); version 1 -> 2");
    dj_buf_adds(&reason.called_by, "ann");
    line("waiting for slow/1 (running for ann); version 1 -> 2");
    begin(DJ_NOW_RESUMING, DJ_CAUSE_NONE);
    reason.workers = 1;
    add(&reason.holders, "slow/1");
    reason.holder_count = 1;
    line("waiting for a worker to go on; the worker has slow/1");
    begin(DJ_NOW_QUEUED, DJ_CAUSE_FAILED);
    dj_buf_adds(&reason.text, "exit code 75");
    reason.attempt = 1;
    reason.try = 2;
    reason.tries = reason.attempts = 4;
    reason.retry_ns = UINT64_C(86400000000000);
    line("queued for try 2 of 4, not before 1970-01-02 00:00:00; "
         "failed: exit code 75, try 1 of 4");
    begin(DJ_NOW_RUNNING, DJ_CAUSE_NEVER_RUN);
    reason.begun_again = 1;
    line("running; lost and begun again; never run before");
    reason.begun_again = 2;
    line("running; lost 2 times and begun again; never run before");
    begin(DJ_NOW_RUNNING, DJ_CAUSE_FORCED);
    dj_buf_adds(&reason.asked_by, "ann");
    dj_buf_adds(&reason.user, "ann");
    line("running for ann; forced by ann");
}

static void parts(void)
{
    dj_cleanup_buf struct dj_buf part = DJ_BUF_INIT;

    dj_reason_part(DJ_BYTES_LIT("command a\nsetup x\n"), DJ_BYTES_LIT("command a\nsetup y\n"),
                   &part);
    is_str(dj_buf_str(&part), "setup", "a line differs");
    dj_buf_clear(&part);
    dj_reason_part(DJ_BYTES_LIT("command a\n"), DJ_BYTES_LIT("command a\nenv A=1\n"), &part);
    is_str(dj_buf_str(&part), "env", "a line more");
    dj_buf_clear(&part);
    dj_reason_part(DJ_BYTES_LIT("command a\ncommand b\n"), DJ_BYTES_LIT("command a\n"), &part);
    is_str(dj_buf_str(&part), "command", "a line less");
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    validity();
    hits();
    resources();
    nothing_yet();
    failures();
    stale();
    under_way();
    parts();
    dj_reason_release(&reason);
    return tap_done();
}

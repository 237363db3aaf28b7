/* Named locks: their names, in turn, shared and alone, out of turn, and in random order. */
#include "daemon/locks.h"
#include "lib/model/lock.h"
#include "lib/util/process.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void names(void)
{
    static const char *const good[] = {"a", "db", "Z9", "a.b_c-d+e:f@g/h", "0"};
    static const char *const bad[] = {"", "-a", "/a", ".a", "a b", "a\tb", "a,b", "\xc3\xa9"};
    char name[DJ_LOCK_NAME_MAX + 2];
    struct dj_err err = DJ_ERR_INIT;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(good); i++)
        is_int(dj_lock_check(good[i], NULL), 0, good[i]);
    for (size_t i = 0; i < DJ_ARRAY_SIZE(bad); i++)
        is_int(dj_lock_check(bad[i], NULL), -EINVAL, bad[i]);
    is_int(dj_lock_check(NULL, NULL), -EINVAL, "no name at all");
    memset(name, 'x', sizeof(name));
    name[DJ_LOCK_NAME_MAX] = '\0';
    is_int(dj_lock_check(name, NULL), 0, "as long as can be");
    name[DJ_LOCK_NAME_MAX] = 'x';
    name[DJ_LOCK_NAME_MAX + 1] = '\0';
    is_int(dj_lock_check(name, &err), -EINVAL, "one more byte");
    is_str(err.text, "the name of a lock has at most 200 bytes, and this one 201", "its sentence");
    dj_err_release(&err);
    is_int(dj_lock_check("a b", &err), -EINVAL, "a blank");
    is_str(err.text, "\"a b\" is no name of a lock: it begins with a letter or a digit, and has"
           " only these and . _ - + : @ /", "its sentence");
    dj_err_release(&err);
}

static void in_turn(void)
{
    struct dj_locks locks = {0};
    struct dj_lock_claim a = {0}, b = {0}, c = {0}, other = {0};

    ok(dj_lock_ask(&locks, "db", &a), "a free lock is had at once");
    ok(!dj_lock_ask(&locks, "db", &b) && !dj_lock_ask(&locks, "db", &c), "others wait");
    ok(dj_lock_ask(&locks, "log", &other), "another lock is free");
    is_int((long)locks.waiting, 2, "two wait");
    ok(dj_locks_turn(&locks) == NULL, "nobody goes while it is held");
    dj_lock_leave(&locks, &a);
    ok(dj_locks_turn(&locks) == &b && b.held, "the first in line goes");
    ok(dj_locks_turn(&locks) == NULL, "and nobody else");
    dj_lock_leave(&locks, &c);
    dj_lock_leave(&locks, &c);
    is_int((long)locks.waiting, 0, "one gave up, twice");
    dj_lock_leave(&locks, &b);
    dj_lock_leave(&locks, &other);
    ok(dj_locks_turn(&locks) == NULL, "nobody is left");
    ok(locks.all == NULL && locks.ready == NULL, "nor is a lock");
}

static void shared(void)
{
    struct dj_locks locks = {0};
    struct dj_lock_claim a = {.shared = true}, b = {.shared = true}, alone = {0},
                         late = {.shared = true};

    ok(dj_lock_ask(&locks, "db", &a) && dj_lock_ask(&locks, "db", &b), "two share it");
    ok(!dj_lock_ask(&locks, "db", &alone), "who wants it alone waits");
    ok(!dj_lock_ask(&locks, "db", &late), "and who comes later waits behind him");
    ok(!dj_lock_pass(&locks, &alone), "he does not fit");
    ok(dj_lock_pass(&locks, &late) && late.held, "one that fits may be let pass");
    dj_lock_leave(&locks, &late);
    dj_lock_leave(&locks, &a);
    ok(dj_locks_turn(&locks) == NULL, "one still has it");
    late.shared = true;
    ok(!dj_lock_ask(&locks, "db", &late), "again behind him");
    dj_lock_leave(&locks, &b);
    ok(dj_locks_turn(&locks) == &alone && dj_locks_turn(&locks) == NULL, "his turn, alone");
    dj_lock_leave(&locks, &alone);
    ok(dj_locks_turn(&locks) == &late, "then the one behind");
    dj_lock_leave(&locks, &late);
    (void)dj_locks_turn(&locks);
    ok(locks.all == NULL, "nothing is left");
}

enum { CLAIMS = 200, STEPS = 20000 };

/* Never two that exclude each other, and nobody before who came earlier. */
static void random_order(void)
{
    static struct dj_lock_claim claims[CLAIMS];
    static const char *const its[] = {"a", "b", "c"};
    struct dj_locks locks = {0};
    bool good = true;

    srand(7);
    for (size_t step = 0; step < STEPS; step++) {
        struct dj_lock_claim *claim = &claims[(size_t)rand() % CLAIMS], *next;

        if (claim->lock != NULL) {
            dj_lock_leave(&locks, claim);
        } else {
            claim->shared = (size_t)rand() % 3 != 0;
            (void)dj_lock_ask(&locks, its[(size_t)rand() % 3], claim);
        }
        while ((next = dj_locks_turn(&locks)) != NULL)
            good = good && next->held;
        for (struct dj_lock *lock = locks.all; lock != NULL; lock = lock->hh.next) {
            for (struct dj_lock_claim *at = lock->holders; at != NULL; at = at->next)
                good = good && (at->shared || (at == lock->holders && at->next == NULL));
            for (struct dj_lock_claim *at = lock->line; at != NULL && at->next != NULL;
                 at = at->next)
                good = good && at->order < at->next->order;
            good = good && (lock->line == NULL || !dj_lock_fits(lock->line));
        }
    }
    ok(good, "random claims");
    for (size_t i = 0; i < CLAIMS; i++)
        dj_lock_leave(&locks, &claims[i]);
    while (dj_locks_turn(&locks) != NULL)
        continue;
    ok(locks.all == NULL && locks.waiting == 0, "all went");
}

static void processes(void)
{
    uint64_t born = dj_process_born(getpid());
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    ok(born != 0 && born == dj_process_born(getpid()), "a process has a birthday");
    while (dj_process_born(child) != 0)
        continue;
    ok(true, "a zombie has none");
    waitpid(child, NULL, 0);
    is_int((long)dj_process_born(child), 0, "nor has one that is gone");
    is_int((long)dj_process_born(0), 0, "nor one without a number");
    is_int((long)strlen(dj_boot_id()), 36, "the boot has an id");
}

int main(void)
{
    names();
    in_turn();
    shared();
    random_order();
    processes();
    return tap_done();
}

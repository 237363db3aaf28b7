/* Whose turn it is: classes, priorities, order of arrival, promotion and removal. */
#include "daemon/sched.h"
#include "tests/unit/tap.h"

enum { ITEMS = 500 };

static void classes_and_priorities(void)
{
    struct dj_sched sched;
    struct dj_sched_item idle = {0}, wanted = {0}, urgent = {0}, child = {0}, resumed = {0};

    dj_sched_init(&sched, 10);
    dj_sched_add(&sched, &idle, DJ_SCHED_WAITING, 100);
    dj_sched_add(&sched, &wanted, DJ_SCHED_WANTED, 0);
    dj_sched_add(&sched, &urgent, DJ_SCHED_WANTED, 5);
    dj_sched_add(&sched, &child, DJ_SCHED_CHILD, 0);
    dj_sched_add(&sched, &resumed, DJ_SCHED_RESUME, 0);
    is_int((long)dj_sched_position(&sched, &resumed), 1, "who resumes is first in line");
    is_int((long)dj_sched_position(&sched, &idle), 5, "what nobody waits for is last");
    ok(dj_sched_next(&sched) == &resumed, "resumers go first");
    ok(dj_sched_next(&sched) == &child, "then children of blocked runs");
    ok(dj_sched_next(&sched) == &urgent, "then the wanted one of higher priority");
    ok(dj_sched_next(&sched) == &wanted, "then the other");
    ok(dj_sched_next(&sched) == &idle, "a high priority does not beat a better class");
    ok(dj_sched_next(&sched) == NULL, "nobody is left");
    dj_sched_release(&sched);
}

static void slots_bound(void)
{
    struct dj_sched sched;
    struct dj_sched_item a = {0}, b = {0};

    dj_sched_init(&sched, 1);
    dj_sched_add(&sched, &a, DJ_SCHED_WANTED, 0);
    dj_sched_add(&sched, &b, DJ_SCHED_WANTED, 0);
    ok(dj_sched_next(&sched) == &a, "the first one gets the slot");
    ok(dj_sched_next(&sched) == NULL, "there is no second slot");
    dj_sched_give_back(&sched);
    sched.paused = true;
    ok(dj_sched_next(&sched) == NULL, "nothing new starts while paused");
    dj_sched_add(&sched, &a, DJ_SCHED_RESUME, 0);
    ok(dj_sched_next(&sched) == &a, "a blocked run goes on while paused");
    dj_sched_release(&sched);
}

static void promotion(void)
{
    struct dj_sched sched;
    struct dj_sched_item a = {0}, b = {0};

    dj_sched_init(&sched, 2);
    dj_sched_add(&sched, &a, DJ_SCHED_WAITING, 0);
    dj_sched_add(&sched, &b, DJ_SCHED_WAITING, 0);
    dj_sched_add(&sched, &b, DJ_SCHED_CHILD, 0);
    dj_sched_add(&sched, &a, DJ_SCHED_WAITING, 0);
    ok(dj_sched_next(&sched) == &b, "who is asked for by a blocked run moves up");
    is_int((long)sched.n, 1, "nobody stands in line twice");
    dj_sched_release(&sched);
}

static void random_order(void)
{
    static struct dj_sched_item items[ITEMS];
    struct dj_sched sched;
    struct dj_sched_item *before = NULL, *next;
    unsigned seed = 7, wrong = 0, taken = 0;

    dj_sched_init(&sched, ITEMS);
    for (size_t i = 0; i < ITEMS; i++) {
        seed = seed * 1103515245U + 12345U;
        dj_sched_add(&sched, &items[i], (enum dj_sched_class)(seed >> 16 & 3), seed >> 20 & 7);
    }
    for (size_t i = 0; i < ITEMS; i += 3)
        dj_sched_remove(&sched, &items[i]);
    while ((next = dj_sched_next(&sched)) != NULL) {
        if (before != NULL &&
            (before->class > next->class ||
             (before->class == next->class && before->priority < next->priority) ||
             (before->class == next->class && before->priority == next->priority &&
              before->order > next->order)))
            wrong++;
        before = next;
        taken++;
    }
    is_int((long)wrong, 0, "after removals the order is still right");
    is_int((long)taken, ITEMS - (ITEMS + 2) / 3, "who was removed does not come");
    dj_sched_release(&sched);
}

int main(void)
{
    classes_and_priorities();
    slots_bound();
    promotion();
    random_order();
    return tap_done();
}

/* Whose turn it is: classes, priorities, order of arrival, promotion, removal, resources. */
#include "daemon/sched.h"
#include "tests/unit/tap.h"

enum { ITEMS = 500 };

static void classes_and_priorities(void)
{
    struct dj_sched sched;
    struct dj_sched_item idle = {0}, wanted = {0}, urgent = {0}, child = {0}, resumed = {0};
    struct dj_sched_item direct = {0};

    dj_sched_init(&sched, 10);
    dj_sched_add(&sched, &idle, DJ_SCHED_WAITING, 100);
    dj_sched_add(&sched, &wanted, DJ_SCHED_WANTED, 0);
    dj_sched_add(&sched, &urgent, DJ_SCHED_WANTED, 5);
    dj_sched_add(&sched, &child, DJ_SCHED_CHILD, 0);
    dj_sched_add(&sched, &resumed, DJ_SCHED_RESUME, 0);
    is_int((long)dj_sched_position(&sched, &resumed), 1, "who resumes is first in line");
    is_int((long)dj_sched_position(&sched, &idle), 5, "what nobody waits for is last");
    dj_sched_add(&sched, &direct, DJ_SCHED_DIRECT, 0);
    ok(dj_sched_next(&sched) == &direct, "a direct call goes before all others");
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

/* ---- resources ---- */

static struct dj_sched_item *needing(struct dj_sched *sched, struct dj_sched_item *item,
                                     const char *name, uint64_t amount)
{
    size_t kind = 0;

    (void)dj_sched_kind(sched, name, &kind);
    dj_sched_need(item, kind, amount);
    return item;
}

static uint64_t held(const struct dj_sched *sched, const char *name)
{
    return dj_sched_kind(sched, name, NULL)->held;
}

static void resources_bound(void)
{
    struct dj_sched sched;
    struct dj_sched_item a = {0}, b = {0}, c = {0}, plain = {0};

    dj_sched_init(&sched, 10);
    dj_sched_set(&sched, "ram", 3);
    dj_sched_add(&sched, needing(&sched, &a, "ram", 2), DJ_SCHED_WANTED, 0);
    dj_sched_add(&sched, needing(&sched, &b, "ram", 2), DJ_SCHED_WANTED, 0);
    dj_sched_add(&sched, needing(&sched, &c, "ram", 1), DJ_SCHED_WANTED, 0);
    dj_sched_add(&sched, &plain, DJ_SCHED_WAITING, 0);
    ok(dj_sched_next(&sched) == &a, "what fits goes");
    ok(held(&sched, "ram") == 2, "and takes its part");
    ok(dj_sched_next(&sched) == &plain, "who needs nothing passes by");
    ok(dj_sched_next(&sched) == NULL, "who needs less does not pass by who waits for more");
    is_int((long)dj_sched_position(&sched, &c), 2, "and knows its place");
    dj_sched_give_back(&sched);
    dj_sched_free_all(&sched, &a);
    ok(dj_sched_next(&sched) == &b, "the one that waited goes");
    ok(dj_sched_next(&sched) == &c, "and the next beside it");
    ok(held(&sched, "ram") == 3, "all is taken");
    dj_sched_free(&sched, &b, 0, 100);
    ok(held(&sched, "ram") == 1 && dj_sched_held(&b, 0) == 0, "nobody gives back more than he has");
    dj_sched_free_all(&sched, &b);
    dj_sched_free_all(&sched, &c);
    ok(held(&sched, "ram") == 0, "nothing is left taken");
    dj_sched_release(&sched);
}

static void several_resources(void)
{
    struct dj_sched sched;
    struct dj_sched_item both = {0}, ram = {0}, gpu = {0};

    dj_sched_init(&sched, 10);
    dj_sched_set(&sched, "ram", 4);
    dj_sched_set(&sched, "gpu", 1);
    dj_sched_add(&sched, needing(&sched, &gpu, "gpu", 1), DJ_SCHED_WANTED, 0);
    ok(dj_sched_next(&sched) == &gpu, "the card is taken");
    (void)needing(&sched, &both, "ram", 1);
    dj_sched_add(&sched, needing(&sched, &both, "gpu", 1), DJ_SCHED_WANTED, 0);
    dj_sched_add(&sched, needing(&sched, &ram, "ram", 1), DJ_SCHED_WANTED, 0);
    ok(dj_sched_next(&sched) == NULL, "all or nothing, and in turn");
    ok(held(&sched, "ram") == 0, "so nothing is held meanwhile");
    is_int((long)sched.n, 2, "who stands in two lines counts once");
    ok(dj_sched_promote(&sched, &ram), "one may be let pass");
    ok(dj_sched_next(&sched) == &ram, "and goes when there is a slot");
    dj_sched_free_all(&sched, &gpu);
    ok(dj_sched_next(&sched) == &both, "then both are there");
    dj_sched_free_all(&sched, &both);
    dj_sched_free_all(&sched, &ram);
    dj_sched_release(&sched);
}

static void slotless(void)
{
    struct dj_sched sched;
    struct dj_sched_item runs = {0}, asks = {0}, more = {0};

    dj_sched_init(&sched, 1);
    dj_sched_set(&sched, "ram", 2);
    dj_sched_add(&sched, &runs, DJ_SCHED_WANTED, 0);
    ok(dj_sched_next(&sched) == &runs, "the only slot is taken");
    sched.paused = true;
    asks.slotless = more.slotless = true;
    dj_sched_add(&sched, needing(&sched, &asks, "ram", 2), DJ_SCHED_RESUME, 0);
    ok(dj_sched_go(&sched, &asks), "a reservation needs no slot");
    dj_sched_add(&sched, needing(&sched, &more, "ram", 1), DJ_SCHED_RESUME, 0);
    ok(!dj_sched_go(&sched, &more), "but room");
    ok(dj_sched_next(&sched) == NULL, "nobody may go");
    dj_sched_free_all(&sched, &asks);
    ok(dj_sched_next(&sched) == &more, "now it may, without a slot and while paused");
    is_int((long)sched.busy, 1, "the slots are as they were");
    dj_sched_free_all(&sched, &more);
    dj_sched_release(&sched);
}

static void totals_change(void)
{
    struct dj_sched sched;
    struct dj_sched_item a = {0}, b = {0};

    dj_sched_init(&sched, 10);
    dj_sched_set(&sched, "ram", 5);
    dj_sched_add(&sched, needing(&sched, &a, "ram", 5), DJ_SCHED_WANTED, 0);
    ok(dj_sched_next(&sched) == &a, "all of it is taken");
    dj_sched_set(&sched, "ram", 2);
    dj_sched_add(&sched, needing(&sched, &b, "ram", 1), DJ_SCHED_WANTED, 0);
    ok(dj_sched_next(&sched) == NULL, "less than is held is no room");
    dj_sched_set(&sched, "ram", 6);
    ok(dj_sched_next(&sched) == &b, "more is");
    dj_sched_free_all(&sched, &a);
    dj_sched_free_all(&sched, &b);
    dj_sched_release(&sched);
}

/* Whatever comes and goes: never more is held than there is, and all comes back. */
static void random_resources(void)
{
    static struct dj_sched_item items[ITEMS];
    static bool runs[ITEMS];
    struct dj_sched sched;
    unsigned seed = 3, wrong = 0, went = 0;

    dj_sched_init(&sched, 20);
    dj_sched_set(&sched, "ram", 10);
    dj_sched_set(&sched, "gpu", 3);
    for (size_t step = 0; step < 20 * ITEMS; step++) {
        size_t i = ((seed = seed * 1103515245U + 12345U) >> 16) % ITEMS;
        struct dj_sched_item *next;

        if (runs[i]) {
            dj_sched_free_all(&sched, &items[i]);
            dj_sched_give_back(&sched);
            runs[i] = false;
        } else if (!dj_sched_waits(&items[i])) {
            dj_sched_need_nothing(&items[i]);
            if (seed >> 8 & 1)
                (void)needing(&sched, &items[i], "ram", 1 + (seed >> 9) % 10);
            if (seed >> 7 & 1)
                (void)needing(&sched, &items[i], "gpu", 1 + (seed >> 11) % 3);
            dj_sched_add(&sched, &items[i], (enum dj_sched_class)(seed >> 20 & 3), 0);
        } else if ((seed >> 5 & 7) == 0) {
            dj_sched_remove(&sched, &items[i]);
        }
        while ((next = dj_sched_next(&sched)) != NULL) {
            runs[next - items] = true;
            went++;
        }
        wrong += held(&sched, "ram") > 10 || held(&sched, "gpu") > 3 || sched.busy > 20;
    }
    is_int((long)wrong, 0, "never more than there is");
    ok(went > ITEMS / 2, "many went");
    for (size_t i = 0; i < ITEMS; i++) {
        dj_sched_remove(&sched, &items[i]);
        dj_sched_free_all(&sched, &items[i]);
        dj_sched_need_nothing(&items[i]);
    }
    ok(held(&sched, "ram") == 0 && held(&sched, "gpu") == 0 && sched.n == 0, "all came back");
    dj_sched_release(&sched);
}

int main(void)
{
    resources_bound();
    several_resources();
    slotless();
    totals_change();
    random_resources();
    classes_and_priorities();
    slots_bound();
    promotion();
    random_order();
    return tap_done();
}

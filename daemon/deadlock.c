#include <errno.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/model/resource.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * Runs that wait for each other's resources.
 *
 * Who runs, or may start, is taken to come to its end and then to give back what it has; so does
 * who waits for a run that ends, or for resources that are then there. Whoever is left at the end
 * of this is stuck. First the lines are kept: who is stuck only by them (a child of a run that has
 * something, behind one that waits for just that) is let out of turn. Then they are not: who is
 * still stuck is in a deadlock, and the one that began last is told so.
 *
 * A look takes as long as there are runs, so it comes a while after the last wait began, once for
 * all of them, and only when somebody both has something and waits.
 */

enum { LOOK_AFTER_MS = 50, NAMES_SHOWN = 4 };

/* What stands in a line: a run that was not started, or a reservation of one that was. */
struct waiter {
    struct run *run;
    struct dj_want *want; /* NULL: the run itself */
    struct session *session;
    struct dj_sched_item *item;
};

struct look {
    struct dj_engine *engine;
    struct dj_list waiters; /* struct waiter, in the order of the lines */
    struct dj_list ending;  /* struct run *: whose end has not been followed yet */
};

/* ---- who waits ---- */

static void add_waiter(struct look *look, struct run *run, struct dj_want *want,
                       struct dj_sched_item *item)
{
    struct waiter *waiter = dj_list_add(&look->waiters, sizeof(*waiter));

    *waiter = (struct waiter){run, want, run->session, item};
}

static int in_order(const void *a, const void *b)
{
    const struct dj_sched_item *left = ((const struct waiter *)a)->item,
                               *right = ((const struct waiter *)b)->item;

    if (left->class != right->class)
        return left->class < right->class ? -1 : 1;
    if (left->priority != right->priority)
        return left->priority > right->priority ? -1 : 1;
    return left->order < right->order ? -1 : 1;
}

static void find_waiters(struct look *look)
{
    look->waiters.n = 0;
    for (struct run *run = look->engine->runs; run != NULL; run = run->hh.next) {
        if (run->line.in_parts)
            add_waiter(look, run, NULL, &run->line);
        for (struct dj_want *want = run->asks; want != NULL; want = want->ask_next) {
            if (want->part.in_parts)
                add_waiter(look, run, want, &want->part);
        }
    }
    if (look->waiters.n > 1)
        qsort(look->waiters.items, look->waiters.n, sizeof(struct waiter), in_order);
}

/* ---- who comes to an end ---- */

static void ends(struct look *look, struct run *run)
{
    if (run->ends)
        return;
    run->ends = true;
    *(struct run **)dj_list_add(&look->ending, sizeof(run)) = run;
}

static bool goes_on(const struct run *run)
{
    return run->state == BLOCKED ? false : !run->line.in_parts;
}

static struct dj_sched_kind *kind_of(const struct session *session, size_t kind)
{
    return DJ_LIST_AT(&session->sched.kinds, struct dj_sched_kind, kind);
}

/* Its end gives back what it has, and lets go on who waits for it. */
static void follow(struct look *look)
{
    while (look->ending.n != 0) {
        struct run *run = *DJ_LIST_AT(&look->ending, struct run *, --look->ending.n);

        for (size_t i = 0; i < run->line.holds.n; i++) {
            const struct dj_sched_part *part =
                DJ_LIST_AT(&run->line.holds, struct dj_sched_part, i);

            kind_of(run->session, part->kind)->spare += part->amount;
        }
        for (struct dj_want *want = run->wants; want != NULL; want = want->next) {
            if (want->asker != NULL)
                ends(look, want->asker);
        }
    }
}

static bool would_fit(const struct waiter *waiter)
{
    for (size_t i = 0; i < waiter->item->needs.n; i++) {
        const struct dj_sched_part *part =
            DJ_LIST_AT(&waiter->item->needs, struct dj_sched_part, i);
        const struct dj_sched_kind *kind = kind_of(waiter->session, part->kind);

        if (kind->taken || part->amount > kind->spare || part->amount > kind->total)
            return false;
    }
    return true;
}

/* In turn, nobody passes by who waits for the same. */
static void stand_before(const struct waiter *waiter)
{
    for (size_t i = 0; i < waiter->item->needs.n; i++)
        kind_of(waiter->session, DJ_LIST_AT(&waiter->item->needs, struct dj_sched_part, i)->kind)
            ->taken = true;
}

static void clear_kinds(struct dj_engine *engine, bool spare)
{
    for (struct session *session = engine->sessions; session != NULL; session = session->hh.next) {
        for (size_t i = 0; i < session->sched.kinds.n; i++) {
            struct dj_sched_kind *kind = kind_of(session, i);

            kind->taken = false;
            if (spare)
                kind->spare = kind->total - DJ_MIN(kind->total, kind->held);
        }
    }
}

static void simulate(struct look *look, bool in_turn)
{
    bool more = true;

    while (more) {
        more = false;
        clear_kinds(look->engine, false);
        for (size_t i = 0; i < look->waiters.n; i++) {
            struct waiter *waiter = DJ_LIST_AT(&look->waiters, struct waiter, i);

            if (waiter->run->ends)
                continue;
            if (would_fit(waiter)) {
                ends(look, waiter->run);
                follow(look);
                more = true;
            } else if (in_turn) {
                stand_before(waiter);
            }
        }
    }
}

static void begin(struct look *look)
{
    clear_kinds(look->engine, true);
    for (struct run *run = look->engine->runs; run != NULL; run = run->hh.next)
        run->ends = false;
    for (struct run *run = look->engine->runs; run != NULL; run = run->hh.next) {
        if (goes_on(run))
            ends(look, run);
    }
    follow(look);
}

/* ---- what is done about it ---- */

/* Out of turn; true: somebody goes on. */
static bool let_one_pass(struct look *look)
{
    for (size_t i = 0; i < look->waiters.n; i++) {
        struct waiter *waiter = DJ_LIST_AT(&look->waiters, struct waiter, i);

        if (waiter->run->ends || !dj_sched_promote(&waiter->session->sched, waiter->item))
            continue;
        if (waiter->want != NULL)
            (void)want_reserved(waiter->want, 0, NULL);
        run_plan_start(look->engine);
        return true;
    }
    return false;
}

static void add_others(struct dj_buf *buf, const struct look *look, const struct waiter *last,
                       size_t kind)
{
    size_t n = 0, more = 0;

    for (const struct run *run = look->engine->runs; run != NULL; run = run->hh.next) {
        uint64_t held = run->session == last->session ? dj_sched_held(&run->line, kind) : 0;

        if (run->ends || held == 0)
            continue;
        if (n == NAMES_SHOWN) {
            more++;
            continue;
        }
        dj_buf_adds(buf, n++ == 0 ? ", of which " : ", ");
        dj_buf_addf(buf, "%s/", run->call->task->public.name);
        dj_add_printable(buf, dj_buf_bytes(&run->call->name));
        dj_buf_adds(buf, " has ");
        dj_amount_print(buf, held);
    }
    if (more != 0)
        dj_buf_addf(buf, " and %zu more the rest", more);
    if (n != 0)
        dj_buf_adds(buf, n == 1 ? ", and it waits, too" : ", and these wait, too");
}

/* The first of its needs that even the end of all others would not give it. */
static void describe(struct dj_buf *buf, const struct look *look, const struct waiter *last)
{
    for (size_t i = 0; i < last->item->needs.n; i++) {
        const struct dj_sched_part *part =
            DJ_LIST_AT(&last->item->needs, struct dj_sched_part, i);
        const struct dj_sched_kind *kind = kind_of(last->session, part->kind);

        if (part->amount <= kind->spare && part->amount <= kind->total)
            continue;
        dj_buf_addf(buf, "%sit waits for %s=", part->amount > kind->total ? "" : "a deadlock: ",
                    kind->name);
        dj_amount_print(buf, part->amount);
        dj_buf_addf(buf, " of session %s, which has ", last->session->name);
        dj_amount_print(buf, kind->total);
        if (part->amount <= kind->total)
            add_others(buf, look, last, part->kind);
        return;
    }
}

static bool waits_for(const struct waiter *waiter, const struct run *run)
{
    for (size_t i = 0; i < waiter->item->needs.n; i++) {
        const struct dj_sched_part *part =
            DJ_LIST_AT(&waiter->item->needs, struct dj_sched_part, i);
        const struct dj_sched_kind *kind = kind_of(waiter->session, part->kind);
        uint64_t held =
            waiter->session == run->session ? dj_sched_held(&run->line, part->kind) : 0;

        if (waiter->run == run) { /* for what it has itself, or what nobody has */
            if (part->amount > kind->total - DJ_MIN(held, kind->total))
                return true;
        } else if (held != 0 && part->amount > kind->spare) {
            return true;
        }
    }
    return false;
}

static bool is_waited_for(const struct look *look, const struct run *run)
{
    for (const struct dj_want *want = run->wants; want != NULL; want = want->next) {
        if (want->asker != NULL && !want->asker->ends)
            return true;
    }
    for (size_t i = 0; i < look->waiters.n; i++) {
        const struct waiter *waiter = DJ_LIST_AT(&look->waiters, struct waiter, i);

        if (!waiter->run->ends && waits_for(waiter, run))
            return true;
    }
    return false;
}

/* Who only stands behind a circle, and nobody in it waits for him, is no part of it. */
static void leave_out_bystanders(struct look *look)
{
    bool more = true;

    while (more) {
        more = false;
        for (struct run *run = look->engine->runs; run != NULL; run = run->hh.next) {
            if (run->ends || is_waited_for(look, run))
                continue;
            run->ends = more = true;
        }
    }
}

/* Who began last has lost the least. */
static void refuse_youngest(struct look *look)
{
    dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;
    struct waiter *last = NULL;
    int code;

    leave_out_bystanders(look);
    for (size_t i = 0; i < look->waiters.n; i++) {
        struct waiter *waiter = DJ_LIST_AT(&look->waiters, struct waiter, i);

        if (!waiter->run->ends &&
            (last == NULL || waiter->run->instance > last->run->instance))
            last = waiter;
    }
    if (last == NULL)
        return;
    describe(&sentence, look, last);
    code = dj_bytes_starts(dj_buf_bytes(&sentence), DJ_BYTES_LIT("a deadlock")) ? -EDEADLK
                                                                                : -EINVAL;
    if (last->want != NULL)
        (void)want_reserved(last->want, code, dj_buf_str(&sentence));
    else
        run_finish(last->run, code, dj_buf_str(&sentence));
    deadlock_plan_look(look->engine);
}

static bool anybody_stuck(const struct look *look)
{
    for (size_t i = 0; i < look->waiters.n; i++) {
        if (!DJ_LIST_AT(&look->waiters, struct waiter, i)->run->ends)
            return true;
    }
    return false;
}

static void look_now(void *cookie)
{
    struct dj_engine *engine = cookie;
    struct look look = {.engine = engine};

    engine->deadlock_look = NULL;
    if (engine->stopping)
        return;
    find_waiters(&look);
    if (look.waiters.n != 0) {
        begin(&look);
        simulate(&look, true);
        if (anybody_stuck(&look) && let_one_pass(&look)) {
            deadlock_plan_look(engine);
        } else if (anybody_stuck(&look)) {
            simulate(&look, false);
            refuse_youngest(&look);
        }
    }
    free(look.waiters.items);
    free(look.ending.items);
}

void deadlock_plan_look(struct dj_engine *engine)
{
    bool any = false;

    for (const struct session *session = engine->sessions; session != NULL && !any;
         session = session->hh.next)
        any = session->sched.kinds.n != 0;
    if (any && engine->deadlock_look == NULL && !engine->stopping)
        engine->deadlock_look = dj_loop_timer(engine->loop, LOOK_AFTER_MS, look_now, engine);
}

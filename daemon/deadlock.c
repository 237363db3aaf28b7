#include <errno.h>
#include <stdlib.h>

#include "daemon/claims.h"
#include "daemon/engine_impl.h"
#include "lib/model/resource.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * Runs, and commands outside of runs, that wait for each other's resources and locks.
 *
 * Who runs, or may start, is taken to come to its end and then to give back what it has; so does
 * who waits for a run that ends, or for resources that are then there. Whoever is left at the end
 * of this is stuck. First the lines are kept: who is stuck only by them (a child of a run that has
 * something, behind one that waits for just that) is let out of turn. Then they are not: who is
 * still stuck is in a deadlock, and the one that began last is told so.
 *
 * A run waits as a whole: what of it waits for a lock may be another process than the one that has
 * one. Of a command outside of runs it is known which locks it stands inside of.
 *
 * A look takes as long as there are runs, so it comes a while after the last wait began, once for
 * all of them, and only when somebody both has something and waits.
 */

enum { LOOK_AFTER_MS = 50, NAMES_SHOWN = 4 };

/* What stands in a line: a run that was not started, a reservation of one that was, or a claim on a
 * lock, which need not be a run's. */
struct waiter {
    struct run *run;      /* NULL: of a claim of none */
    struct dj_want *want; /* NULL: the run itself */
    struct session *session;
    struct dj_sched_item *item;
    struct claim *claim;  /* then session and item are NULL */
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

    *waiter = (struct waiter){run, want, run->session, item, NULL};
}

static void add_claim(struct look *look, struct claim *claim)
{
    struct run *run = claim->rec.run == 0 ? NULL : run_find(look->engine, claim->rec.run);
    struct waiter *waiter = dj_list_add(&look->waiters, sizeof(*waiter));

    *waiter = (struct waiter){run, claim->want, NULL, NULL, claim};
}

static int in_order(const void *a, const void *b)
{
    const struct claim *before = ((const struct waiter *)a)->claim,
                       *behind = ((const struct waiter *)b)->claim;
    const struct dj_sched_item *left = ((const struct waiter *)a)->item,
                               *right = ((const struct waiter *)b)->item;

    if (before != NULL && behind != NULL)
        return before->place.order < behind->place.order ? -1 : 1;
    if (before != NULL || behind != NULL)
        return before == NULL ? -1 : 1;
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
    for (struct claim *claim = look->engine->claims; claim != NULL; claim = claim->next) {
        if (!claim->place.held && claim->want != NULL)
            add_claim(look, claim);
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
    return run->state == BLOCKED || run->state == CHECKING ? false : !run->line.in_parts;
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

static bool has_ended(const struct waiter *waiter)
{
    return waiter->run != NULL ? waiter->run->ends : waiter->claim->ends;
}

static void let_end(struct look *look, const struct waiter *waiter)
{
    if (waiter->run != NULL)
        ends(look, waiter->run);
    else
        waiter->claim->ends = true;
}

/* Its process waits inside of the lock that the holder is. */
static bool is_inside(const struct claim *claim, const struct claim *holder)
{
    for (size_t i = 0; i < claim->inside.n; i++) {
        if (dj_bytes_is(dj_list_bytes(&claim->inside, i), holder->rec.token))
            return true;
    }
    return false;
}

static bool is_given_back(const struct look *look, const struct claim *holder)
{
    const struct run *run =
        holder->rec.run == 0 ? NULL : run_find(look->engine, holder->rec.run);

    if (holder->rec.run != 0)
        return run == NULL || run->ends;
    for (size_t i = 0; i < look->waiters.n; i++) {
        const struct waiter *waiter = DJ_LIST_AT(&look->waiters, struct waiter, i);

        if (waiter->claim != NULL && !has_ended(waiter) && is_inside(waiter->claim, holder))
            return false;
    }
    return true;
}

static struct claim *claim_at(struct dj_lock_claim *place)
{
    return dj_container_of(place, struct claim, place);
}

/* Another process of the same run may have it, and give it back while this one waits. */
static bool lock_would_fit(const struct look *look, const struct claim *claim, bool in_turn)
{
    for (struct dj_lock_claim *at = claim->place.lock->holders; at != NULL; at = at->next) {
        const struct claim *holder = claim_at(at);

        if ((at->shared && claim->place.shared) ||
            (claim->rec.run != 0 && holder->rec.run == claim->rec.run))
            continue;
        if (!is_given_back(look, holder))
            return false;
    }
    for (struct dj_lock_claim *at = claim->place.lock->line; in_turn && at != &claim->place;
         at = at->next) {
        const struct claim *first = claim_at(at);
        const struct run *run =
            first->rec.run == 0 ? NULL : run_find(look->engine, first->rec.run);

        if (run != NULL ? !run->ends : !first->ends)
            return false;
    }
    return true;
}

static bool parts_would_fit(const struct waiter *waiter)
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

static bool one_would_fit(const struct look *look, const struct waiter *waiter, bool in_turn)
{
    return waiter->claim != NULL ? lock_would_fit(look, waiter->claim, in_turn)
                                 : parts_would_fit(waiter);
}

/* A run that waits for a lock ends when it gets all that it waits for, since the one who has the
 * lock may be among those that wait. */
static bool would_fit(const struct look *look, const struct waiter *waiter, bool in_turn)
{
    if (!one_would_fit(look, waiter, in_turn))
        return false;
    if (waiter->claim == NULL || waiter->run == NULL)
        return true;
    for (size_t i = 0; i < look->waiters.n; i++) {
        const struct waiter *other = DJ_LIST_AT(&look->waiters, struct waiter, i);

        if (other->run == waiter->run && !one_would_fit(look, other, in_turn))
            return false;
    }
    for (const struct dj_want *want = waiter->run->asks; want != NULL; want = want->ask_next) {
        if (want->target != NULL && !want->answered && !want->target->ends)
            return false;
    }
    return true;
}

/* In turn, nobody passes by who waits for the same. */
static void stand_before(const struct waiter *waiter)
{
    if (waiter->claim != NULL)
        return;
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

            if (has_ended(waiter))
                continue;
            if (would_fit(look, waiter, in_turn)) {
                let_end(look, waiter);
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
    for (struct claim *claim = look->engine->claims; claim != NULL; claim = claim->next)
        claim->ends = false;
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

        if (has_ended(waiter) ||
            (waiter->claim != NULL
                 ? !claim_pass(waiter->claim)
                 : !dj_sched_promote(&waiter->session->sched, waiter->item)))
            continue;
        if (waiter->want != NULL && waiter->claim == NULL)
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

static void describe_lock(struct dj_buf *buf, const struct claim *claim)
{
    dj_buf_addf(buf, "a deadlock: it waits for lock %s, held by ", claim->rec.name);
    lock_add_holders(buf, claim->place.lock);
    dj_buf_adds(buf, ", which waits, too");
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

static bool has_of_lock(const struct claim *claim, const struct run *run)
{
    for (struct dj_lock_claim *at = claim->place.lock->holders; at != NULL; at = at->next) {
        if (claim_at(at)->rec.run == run->instance && !(at->shared && claim->place.shared))
            return true;
    }
    return false;
}

static bool waits_for(const struct waiter *waiter, const struct run *run)
{
    if (waiter->claim != NULL)
        return waiter->run != run && has_of_lock(waiter->claim, run);
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

        if (!has_ended(waiter) && waits_for(waiter, run))
            return true;
    }
    return false;
}

/* Somebody who is stuck waits for a lock that this one stands inside of. */
static bool is_waited_for_outside(const struct look *look, const struct claim *claim)
{
    for (size_t i = 0; i < look->waiters.n; i++) {
        const struct waiter *waiter = DJ_LIST_AT(&look->waiters, struct waiter, i);

        if (waiter->claim == NULL || has_ended(waiter))
            continue;
        for (struct dj_lock_claim *at = waiter->claim->place.lock->holders; at != NULL;
             at = at->next) {
            if (is_inside(claim, claim_at(at)))
                return true;
        }
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
        for (size_t i = 0; i < look->waiters.n; i++) {
            struct waiter *waiter = DJ_LIST_AT(&look->waiters, struct waiter, i);

            if (waiter->run != NULL || has_ended(waiter) ||
                is_waited_for_outside(look, waiter->claim))
                continue;
            waiter->claim->ends = more = true;
        }
    }
}

/* Of a command that has not begun nothing is lost. */
static bool is_younger(const struct waiter *waiter, const struct waiter *last)
{
    if (last == NULL || (waiter->run == NULL) != (last->run == NULL))
        return last == NULL || waiter->run == NULL;
    return waiter->run == NULL ? waiter->claim->place.order > last->claim->place.order
                               : waiter->run->instance > last->run->instance;
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

        if (!has_ended(waiter) && is_younger(waiter, last))
            last = waiter;
    }
    if (last == NULL)
        return;
    if (last->claim != NULL)
        describe_lock(&sentence, last->claim);
    else
        describe(&sentence, look, last);
    code = dj_bytes_starts(dj_buf_bytes(&sentence), DJ_BYTES_LIT("a deadlock")) ? -EDEADLK
                                                                                : -EINVAL;
    if (last->claim != NULL)
        (void)want_answer(last->want, code, dj_buf_str(&sentence));
    else if (last->want != NULL)
        (void)want_reserved(last->want, code, dj_buf_str(&sentence));
    else
        run_finish(last->run, code, dj_buf_str(&sentence));
    deadlock_plan_look(look->engine);
}

static bool anybody_stuck(const struct look *look)
{
    for (size_t i = 0; i < look->waiters.n; i++) {
        if (!has_ended(DJ_LIST_AT(&look->waiters, struct waiter, i)))
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
    bool any = engine->locks.waiting != 0;

    for (const struct session *session = engine->sessions; session != NULL && !any;
         session = session->hh.next)
        any = session->sched.kinds.n != 0;
    if (any && engine->deadlock_look == NULL && !engine->stopping)
        engine->deadlock_look = dj_loop_timer(engine->loop, LOOK_AFTER_MS, look_now, engine);
}

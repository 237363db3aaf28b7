#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/claims.h"
#include "daemon/engine_impl.h"
#include "lib/model/lock.h"
#include "lib/util/clock.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"
#include "lib/util/process.h"
#include "lib/util/str.h"
#include "lib/util/user.h"

/*
 * Claims on named locks. A lock belongs to the connection that asked for it, and is free when that
 * ends. Each that is held is on record, with the process that has it: a daemon that is started
 * again keeps it for this process until it comes back with its token, or is gone.
 */

enum { LOOK_MS = 100, HOLDERS_SAID = 3 };

static char *token_at(const struct dj_list *tokens, size_t i)
{
    struct dj_bytes token = dj_list_bytes(tokens, i);

    return dj_xmemdup0(token.data, token.len);
}

struct claim *claim_of_token(const struct dj_engine *engine, const char *token)
{
    for (struct claim *claim = engine->claims; claim != NULL; claim = claim->next) {
        if (strcmp(claim->rec.token, token) == 0)
            return claim;
    }
    return NULL;
}

static struct claim *claim_of(struct dj_lock_claim *place)
{
    return dj_container_of(place, struct claim, place);
}

/* ---- on record ---- */

static int save(const struct claim *claim, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_store_batch *batch = dj_store_batch_new();
    int rc;

    dj_key_lock(&key, claim->rec.token);
    dj_codec_encode(&value, &dj_layout_lock, &claim->rec);
    dj_store_batch_put(batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
    rc = dj_store_write(claim->engine->store, batch, err);
    dj_store_batch_free(batch);
    return rc;
}

/* One that cannot be taken away says no more than the truth: its process is gone by then. */
static void unsave(const struct claim *claim)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_store_batch *batch = dj_store_batch_new();
    int rc;

    dj_key_lock(&key, claim->rec.token);
    dj_store_batch_delete(batch, dj_buf_bytes(&key));
    rc = dj_store_write(claim->engine->store, batch, &err);
    if (rc < 0)
        dj_log_warning("lock %s: %s", claim->rec.name, dj_err_text(&err, rc));
    dj_store_batch_free(batch);
}

/* ---- coming and going ---- */

static void free_claim(struct claim *claim)
{
    DL_DELETE(claim->engine->claims, claim);
    dj_bytes_list_release(&claim->inside);
    dj_codec_release(&dj_layout_lock, &claim->rec);
    free(claim);
}

static void granted(struct claim *claim)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    claim->rec.since_ns = dj_clock_now_ns();
    rc = save(claim, &err);
    (void)want_answer(claim->want, rc, rc < 0 ? dj_err_text(&err, rc) : NULL);
}

static void give_turns(struct dj_engine *engine)
{
    struct dj_lock_claim *place;

    while ((place = dj_locks_turn(&engine->locks)) != NULL)
        granted(claim_of(place));
    deadlock_plan_look(engine);
}

bool claim_pass(struct claim *claim)
{
    if (!dj_lock_pass(&claim->engine->locks, &claim->place))
        return false;
    granted(claim);
    return true;
}

static void drop(struct claim *claim)
{
    struct dj_engine *engine = claim->engine;

    if (claim->place.held)
        unsave(claim);
    dj_lock_leave(&engine->locks, &claim->place);
    free_claim(claim);
    give_turns(engine);
}

/* Of a daemon before this one, and not come back yet. */
static bool is_away(const struct claim *claim)
{
    return claim->owner == NULL;
}

static bool is_alive(const struct claim *claim)
{
    return claim->rec.born != 0 && dj_process_born((int64_t)claim->rec.pid) == claim->rec.born;
}

static void drop_dead(struct dj_engine *engine)
{
    struct claim *claim, *next;

    DL_FOREACH_SAFE(engine->claims, claim, next)
    {
        if (!is_away(claim) || is_alive(claim))
            continue;
        drop(claim);
        next = engine->claims; /* others may have gone with it */
    }
}

static void plan_look(struct dj_engine *engine);

static void look(void *cookie)
{
    struct dj_engine *engine = cookie;

    engine->claims_look = NULL;
    drop_dead(engine);
    plan_look(engine);
}

/* Nobody tells when a process ends that has no connection: while one of these is waited for. */
static void plan_look(struct dj_engine *engine)
{
    bool any = false;

    for (const struct claim *claim = engine->claims; claim != NULL && !any; claim = claim->next)
        any = is_away(claim) && claim->place.lock->line != NULL;
    if (any && engine->claims_look == NULL && !engine->stopping)
        engine->claims_look = dj_loop_timer(engine->loop, LOOK_MS, look, engine);
}

void claims_load(struct dj_engine *engine)
{
    struct dj_store_iter *iter =
        dj_store_iter_new(engine->store, DJ_BYTES_LIT("K"), DJ_BYTES_LIT("L"));

    while (dj_store_iter_next(iter)) {
        struct claim *claim = dj_xcalloc(1, sizeof(*claim));

        claim->engine = engine;
        if (dj_codec_decode(&dj_layout_lock, dj_store_iter_value(iter), &claim->rec, NULL) < 0 ||
            dj_lock_check(claim->rec.name, NULL) < 0 || claim->rec.token == NULL) {
            dj_codec_release(&dj_layout_lock, &claim->rec);
            free(claim);
            continue;
        }
        if (claim->rec.boot == NULL || strcmp(claim->rec.boot, dj_boot_id()) != 0)
            claim->rec.born = 0; /* no process of that boot is left */
        claim->place.shared = claim->rec.shared;
        dj_lock_hold(&engine->locks, claim->rec.name, &claim->place);
        DL_APPEND(engine->claims, claim);
    }
    dj_store_iter_free(iter);
    drop_dead(engine);
}

void claims_end(struct dj_engine *engine)
{
    dj_timer_cancel(dj_steal(engine->claims_look));
}

void claims_free(struct dj_engine *engine)
{
    while (engine->claims != NULL) {
        dj_lock_leave(&engine->locks, &engine->claims->place);
        free_claim(engine->claims);
    }
    (void)dj_locks_turn(&engine->locks);
}

/* ---- who has it ---- */

static void add_who(struct dj_buf *buf, const struct claim *claim)
{
    const struct run *run =
        claim->rec.run == 0 ? NULL : run_find(claim->engine, claim->rec.run);
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

    if (run != NULL)
        add_run_name(&name, run->call);
    else
        dj_buf_adds(&name, dj_user_name((uid_t)claim->rec.uid));
    dj_add_printable(buf, dj_buf_bytes(&name));
    if (claim->rec.pid != 0)
        dj_buf_addf(buf, " (pid %" PRIu64 ")", claim->rec.pid);
}

void lock_add_holders(struct dj_buf *buf, const struct dj_lock *lock)
{
    size_t n = 0;

    for (struct dj_lock_claim *at = lock->holders; at != NULL; at = at->next) {
        if (n++ >= HOLDERS_SAID)
            continue;
        dj_buf_adds(buf, n == 1 ? "" : ", ");
        add_who(buf, claim_of(at));
    }
    if (n > HOLDERS_SAID)
        dj_buf_addf(buf, " and %zu more", n - HOLDERS_SAID);
    if (n == 0)
        dj_buf_adds(buf, "nobody");
}

bool lock_say(const struct run *run, struct dj_reason *ret)
{
    for (const struct claim *claim = run->engine->claims; claim != NULL; claim = claim->next) {
        if (claim->want == NULL || claim->place.held || claim->rec.run != run->instance)
            continue;
        ret->now = DJ_NOW_LOCKING;
        dj_buf_adds(&ret->lock, claim->rec.name);
        lock_add_holders(&ret->lock_holders, claim->place.lock);
        return true;
    }
    return false;
}

static const struct dj_lock *lock_after(const struct dj_engine *engine, const char *after)
{
    const struct dj_lock *found = NULL;

    for (const struct dj_lock *lock = engine->locks.all; lock != NULL; lock = lock->hh.next) {
        if (strcmp(lock->name, after) > 0 &&
            (found == NULL || strcmp(lock->name, found->name) < 0))
            found = lock;
    }
    return found;
}

bool dj_lock_look(struct dj_engine *engine, const char *after, struct dj_lock_facts *ret)
{
    const struct dj_lock *lock = lock_after(engine, after);
    const struct dj_lock_claim *at;

    *ret = (struct dj_lock_facts){0};
    if (lock == NULL)
        return false;
    ret->name = lock->name;
    ret->shared = lock->holders != NULL && lock->holders->shared;
    ret->since_ns = lock->holders == NULL ? 0 : claim_of(lock->holders)->rec.since_ns;
    DL_FOREACH(lock->line, at)
        ret->waiting++;
    lock_add_holders(&ret->holders, lock);
    return true;
}

/* ---- asking ---- */

/* What a want tells: the lock is there, or will not be. */
static void told(void *cookie, int code, uint64_t instance DJ_UNUSED, const char *sentence)
{
    struct claim *claim = cookie;
    dj_wanted_fn *done = claim->done;
    void *its = claim->cookie;

    claim->want = NULL;
    claim->done = NULL;
    done(its, code, 0, sentence);
    if (code < 0)
        drop(claim);
}

static int refuse_busy(const struct dj_lock *lock, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf holders = DJ_BUF_INIT;

    lock_add_holders(&holders, lock);
    return dj_err_set(err, EBUSY, "lock %s is held by %s", lock->name, dj_buf_str(&holders));
}

/* A command that waits for a lock which a dj lock around it has would wait for itself. */
static int check_inside(struct dj_engine *engine, const struct dj_lock_ask *ask,
                        struct dj_err *err)
{
    for (size_t i = 0; i < ask->inside.n; i++) {
        dj_cleanup_free char *token = token_at(&ask->inside, i);
        const struct claim *outer = claim_of_token(engine, token);

        if (outer != NULL && strcmp(outer->rec.name, ask->name) == 0 &&
            !(outer->rec.shared && ask->shared))
            return dj_err_set(err, EDEADLK, "a deadlock: it waits for lock %s, which a dj lock"
                              " around it has", ask->name);
    }
    return 0;
}

static int check(struct dj_engine *engine, const struct dj_lock_ask *ask, struct dj_err *err)
{
    struct dj_lock_claim would = {.shared = ask->shared};
    struct dj_lock *lock;
    int rc = dj_lock_check(ask->name, err);

    if (rc == 0 && (ask->token == NULL || strlen(ask->token) != DJ_LOCK_TOKEN_LEN ||
                    strspn(ask->token, "0123456789abcdef") != DJ_LOCK_TOKEN_LEN))
        rc = dj_err_set(err, EINVAL, "the token of a claim is %d hex digits", DJ_LOCK_TOKEN_LEN);
    if (rc == 0)
        rc = check_inside(engine, ask, err);
    lock = rc < 0 ? NULL : dj_lock_find(&engine->locks, ask->name);
    if (lock == NULL || !ask->now)
        return rc;
    would.lock = lock;
    return lock->line == NULL && dj_lock_fits(&would) ? 0 : refuse_busy(lock, err);
}

/* It came back; or it was heard before, and the answer was lost with the daemon. */
static int take_back(struct claim *claim, const struct dj_lock_ask *ask, struct dj_err *err)
{
    if (strcmp(claim->rec.name, ask->name) != 0 || claim->rec.shared != ask->shared ||
        !claim->place.held || claim->want != NULL || claim->owner == ask->owner)
        return dj_err_set(err, EINVAL, "the token is in use by a claim on lock %s",
                          claim->rec.name);
    claim->owner = ask->owner;
    return 0;
}

static struct claim *new_claim(struct dj_engine *engine, const struct dj_asker *asker,
                               const struct dj_lock_ask *ask)
{
    struct claim *claim = dj_xcalloc(1, sizeof(*claim));

    claim->engine = engine;
    claim->owner = ask->owner;
    claim->place.shared = ask->shared;
    claim->rec = (struct dj_rec_lock){
        .name = dj_xstrdup(ask->name),
        .token = dj_xstrdup(ask->token),
        .shared = ask->shared,
        .pid = ask->pid < 0 ? 0 : (uint64_t)ask->pid,
        .born = dj_process_born(ask->pid),
        .boot = dj_xstrdup(dj_boot_id()),
        .run = asker->run,
        .uid = asker->uid,
    };
    for (size_t i = 0; i < ask->inside.n; i++)
        dj_list_add_bytes(&claim->inside, dj_list_bytes(&ask->inside, i));
    DL_APPEND(engine->claims, claim);
    return claim;
}

static void refuse(struct dj_engine *engine, const struct dj_asker *asker, int code,
                   const char *sentence, dj_wanted_fn *done, void *cookie)
{
    dj_note_refusal(engine, asker, sentence);
    done(cookie, code, 0, sentence);
}

void dj_lock(struct dj_engine *engine, const struct dj_asker *asker,
             const struct dj_lock_ask *ask, dj_wanted_fn *done, void *cookie)
{
    struct run *run = asker->run == 0 ? NULL : run_find(engine, asker->run);
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct claim *claim;
    int rc;

    drop_dead(engine);
    claim = ask->token == NULL ? NULL : claim_of_token(engine, ask->token);
    rc = claim != NULL ? take_back(claim, ask, &err) : check(engine, ask, &err);
    if (rc < 0) {
        refuse(engine, asker, rc, dj_err_text(&err, rc), done, cookie);
        return;
    }
    if (claim != NULL) {
        done(cookie, 0, 0, NULL);
        return;
    }
    claim = new_claim(engine, asker, ask);
    claim->done = done;
    claim->cookie = cookie;
    if (dj_lock_ask(&engine->locks, ask->name, &claim->place)) {
        claim->want = want_new(engine, NULL, told, claim);
        granted(claim);
        return;
    }
    claim->want = want_new(engine, run, told, claim);
    plan_look(engine);
    deadlock_plan_look(engine);
}

void dj_lock_give_up(struct dj_engine *engine, const char *token)
{
    struct claim *claim = claim_of_token(engine, token);

    if (claim == NULL || claim->want == NULL)
        return;
    dj_want_cancel(dj_steal(claim->want));
    drop(claim);
}

int dj_unlock(struct dj_engine *engine, const void *owner, const char *token, struct dj_err *err)
{
    struct claim *claim = token == NULL ? NULL : claim_of_token(engine, token);

    if (claim == NULL || claim->owner != owner || !claim->place.held || claim->want != NULL)
        return dj_err_set(err, EINVAL, "this connection has no lock with that token");
    drop(claim);
    return 0;
}

void dj_lock_owner_gone(struct dj_engine *engine, const void *owner)
{
    struct claim *claim, *next;

    DL_FOREACH_SAFE(engine->claims, claim, next)
    {
        if (claim->owner != owner || claim->want != NULL)
            continue;
        if (engine->stopping) { /* the next daemon keeps it for the process */
            claim->owner = NULL;
            continue;
        }
        drop(claim);
        next = engine->claims;
    }
}

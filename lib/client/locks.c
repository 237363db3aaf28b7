/* Named locks of a connection. (dj.h) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/client/request.h"
#include "lib/model/lock.h"
#include "lib/util/mem.h"
#include "lib/util/random.h"
#include "lib/util/str.h"

_Static_assert((int)DJ_SHARED == DJ_LOCK_SHARED && (int)DJ_NOW == DJ_LOCK_NOW,
               "dj.h has the flags of the protocol");

/* In the environment: tokens of the locks that programs around this one hold. */
#define INSIDE "DJ_LOCKS"

enum { TOKEN_BYTES = 16 };

struct dj_held_lock {
    TAILQ_ENTRY(dj_held_lock) link;
    char *name, *token;
    uint64_t flags;
    struct dj_err lost; /* code 0: it is held */
};

static struct dj_held_lock *find(const struct dj *dj, const char *name)
{
    struct dj_held_lock *held;

    TAILQ_FOREACH(held, &dj->locks, link)
    {
        if (strcmp(held->name, name) == 0)
            return held;
    }
    return NULL;
}

static void forget(struct dj *dj, struct dj_held_lock *held)
{
    TAILQ_REMOVE(&dj->locks, held, link);
    dj_err_release(&held->lost);
    free(held->name);
    free(held->token);
    free(held);
}

void dj_locks_forget(struct dj *dj)
{
    while (!TAILQ_EMPTY(&dj->locks))
        forget(dj, TAILQ_FIRST(&dj->locks));
}

/* ---- asked for ------------------------------------------------------------------------------- */

static char *new_token(void)
{
    uint8_t random[TOKEN_BYTES];
    char *token = dj_xmalloc(2 * TOKEN_BYTES + 1);

    dj_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(token + 2 * i, 3, "%02x", random[i]);
    return token;
}

struct dj_request *dj_request_lock(struct dj *dj, const char *name, unsigned flags)
{
    struct dj_request *request;
    struct dj_msg_lock *lock;

    if (dj_fresh(dj) < 0)
        return NULL;
    if ((flags & ~(unsigned)(DJ_SHARED | DJ_NOW)) != 0) {
        (void)dj_err_set(&dj->err, EINVAL, "a lock has no flags %#x", flags);
        return NULL;
    }
    if (name == NULL || dj_lock_check(name, &dj->err) < 0) {
        if (name == NULL)
            dj_null(dj, "the lock's name");
        return NULL;
    }
    request = dj_request_new(dj, DJ_MSG_LOCK, sizeof(*lock));
    lock = request->fields;
    lock->name = dj_xstrdup(name);
    lock->flags = flags;
    lock->token = new_token();
    return request;
}

int dj_lock_check_free(struct dj *dj, const char *name)
{
    struct dj_held_lock *held = find(dj, name);

    if (held != NULL && held->lost.code == 0)
        return dj_err_set(&dj->err, EDEADLK, "this connection has the lock %s already", name);
    if (held != NULL)
        forget(dj, held);
    return 0;
}

static void add_token(struct dj_list *list, struct dj_bytes token)
{
    struct dj_part_word *word = dj_list_add(list, sizeof(*word));

    dj_buf_add_bytes(&word->bytes, token);
}

void dj_lock_fill_inside(struct dj *dj, struct dj_list *ret)
{
    struct dj_bytes rest = dj_bytes_of(getenv(INSIDE) == NULL ? "" : getenv(INSIDE)), token;
    const struct dj_held_lock *held;

    while (dj_next_item(&rest, &token))
        add_token(ret, token);
    TAILQ_FOREACH(held, &dj->locks, link)
    {
        if (held->lost.code == 0)
            add_token(ret, dj_bytes_of(held->token));
    }
}

void dj_lock_taken(struct dj *dj, const struct dj_msg_lock *lock)
{
    struct dj_held_lock *held = dj_xcalloc(1, sizeof(*held));

    held->name = dj_xstrdup(lock->name);
    held->token = dj_xstrdup(lock->token);
    held->flags = lock->flags;
    TAILQ_INSERT_TAIL(&dj->locks, held, link);
}

/* ---- given back ------------------------------------------------------------------------------ */

static void ignore(void *cookie DJ_UNUSED, const struct dj_message_in *message DJ_UNUSED)
{
}

void dj_lock_abandon(struct dj *dj, const struct dj_msg_lock *lock)
{
    const struct dj_msg_unlock unlock = {.token = lock->token};

    (void)dj_connection_ask(dj->connection, DJ_MSG_UNLOCK, &unlock, ignore, NULL);
}

int dj_lock(struct dj *dj, const char *name, unsigned flags)
{
    struct dj_request *request = dj_request_lock(dj, name, flags);
    int rc = request == NULL ? dj == NULL ? -EINVAL : -dj->err.code : dj_perform(request);

    dj_request_free(request);
    return rc;
}

static int not_held(struct dj *dj, const char *name)
{
    return dj_err_set(&dj->err, ENOENT, "this connection does not have the lock %s", name);
}

int dj_unlock(struct dj *dj, const char *name)
{
    struct dj_held_lock *held;
    struct dj_msg_unlock unlock;
    bool lost;
    int rc;

    if (dj_fresh(dj) < 0)
        return -EINVAL;
    if (name == NULL)
        return dj_null(dj, "the lock's name");
    held = find(dj, name);
    if (held == NULL)
        return not_held(dj, name);
    lost = held->lost.code != 0;
    unlock.token = dj_steal(held->token);
    forget(dj, held);
    rc = lost ? not_held(dj, name) : dj_call_ok(dj, DJ_MSG_UNLOCK, &unlock, NULL, NULL);
    free(unlock.token);
    return rc;
}

/* ---- told ------------------------------------------------------------------------------------ */

int dj_locked(struct dj *dj, const char *name)
{
    const struct dj_held_lock *held;

    if (dj_fresh(dj) < 0)
        return -EINVAL;
    if (name == NULL)
        return dj_null(dj, "the lock's name");
    dj_notice_end(dj);
    held = find(dj, name);
    if (held == NULL)
        return 0;
    if (held->lost.code != 0)
        return dj_err_set(&dj->err, held->lost.code, "%s", dj_err_text(&held->lost, 0));
    return dj->connection != NULL
               ? 1
               : dj_err_set(&dj->err, ENOTCONN, "the connection to the daemon ended");
}

int dj_lock_tokens(struct dj *dj, char **ret)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_list tokens = {0};

    if (dj_fresh(dj) < 0)
        return -EINVAL;
    if (ret == NULL)
        return dj_null(dj, "the place of the tokens");
    dj_lock_fill_inside(dj, &tokens);
    for (size_t i = 0; i < tokens.n; i++) {
        dj_buf_adds(&text, i == 0 ? "" : " ");
        dj_buf_add_bytes(&text, dj_list_bytes(&tokens, i));
    }
    dj_bytes_list_release(&tokens);
    *ret = dj_xstrdup(dj_buf_str(&text));
    return 0;
}

/* ---- claimed again --------------------------------------------------------------------------- */

static int claim(struct dj *dj, struct dj_held_lock *held)
{
    struct dj_msg_lock lock = {.name = held->name, .token = held->token,
                               .flags = held->flags | DJ_LOCK_NOW};
    struct dj_message_in answer;
    int rc = dj_connection_call(dj->connection, DJ_MSG_LOCK, &lock, DJ_MSG_OK, &answer,
                                &held->lost);

    if (rc == 0)
        dj_message_release(&answer);
    if (rc != -ENOTCONN && rc != -ETIME)
        return 0;
    dj_err_release(&held->lost); /* once more by the next connection */
    return dj_err_set(&dj->err, ENOTCONN, "the daemon ended the connection");
}

int dj_locks_claim(struct dj *dj)
{
    struct dj_held_lock *held;
    int rc = 0;

    TAILQ_FOREACH(held, &dj->locks, link)
    {
        if (rc == 0 && held->lost.code == 0)
            rc = claim(dj, held);
    }
    if (rc < 0)
        dj_drop(dj);
    return rc;
}

#include "daemon/host/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon/host/culprit.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

#define IDLE_S 10            /* then a thread ends */
#define GROUP_NS DJ_NS_PER_MS /* what has ended waits no longer than this for company */

/* Calls that go one after the other. The thread that has it takes them from its head. */
struct chain {
    struct dj_hosted *first, **end;
    struct chain *next;
    bool taken; /* by a thread */
};

struct dj_pool {
    struct dj_host *host;
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t ended; /* a thread */
    struct chain *ready, **ready_end; /* not taken */
    struct chain *last;               /* that a rider joins */
    size_t waiting, idle, threads;
    struct dj_hosted *done, **done_end;
    uint64_t done_ns;                 /* of the first of them */
    struct dj_ask *asks, **asks_end;
    int event;
    bool told;                        /* the main thread knows that there is something */
    bool over;
};

struct dj_pool *dj_pool_new(struct dj_host *host)
{
    struct dj_pool *pool = dj_xcalloc(1, sizeof(*pool));

    pool->host = host;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->ended, NULL);
    pool->ready_end = &pool->ready;
    pool->done_end = &pool->done;
    pool->asks_end = &pool->asks;
    pool->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return pool;
}

void dj_pool_free(struct dj_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->over = true;
    pthread_cond_broadcast(&pool->work);
    while (pool->threads > 0)
        pthread_cond_wait(&pool->ended, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    dj_close(pool->event);
    pthread_cond_destroy(&pool->ended);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

int dj_pool_fd(const struct dj_pool *pool)
{
    return pool->event;
}

void dj_pool_lock(struct dj_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
}

void dj_pool_unlock(struct dj_pool *pool)
{
    pthread_mutex_unlock(&pool->lock);
}

/* Under the lock, as all that follows up to the next heading. */
static void tell_main(struct dj_pool *pool)
{
    uint64_t one = 1;

    if (pool->told)
        return;
    pool->told = true;
    (void)!write(pool->event, &one, sizeof(one));
}

static void give_back(struct dj_pool *pool, struct dj_hosted *hosted, bool alone)
{
    if (pool->done == NULL)
        pool->done_ns = dj_clock_mono_ns();
    hosted->next = NULL;
    *pool->done_end = hosted;
    pool->done_end = &hosted->next;
    if (alone || dj_clock_mono_ns() - pool->done_ns > GROUP_NS)
        tell_main(pool);
}

/* ---- threads ----------------------------------------------------------------------------- */

static struct dj_hosted *next_of(struct chain *chain)
{
    struct dj_hosted *hosted = chain->first;

    if (hosted == NULL)
        return NULL;
    chain->first = hosted->next;
    if (chain->first == NULL)
        chain->end = &chain->first;
    hosted->next = NULL;
    return hosted;
}

static void enter(struct dj_host *host, struct dj_hosted *hosted)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    hosted->running = true;
    hosted->start_ns = dj_clock_now_ns();
    hosted->begun_ns = dj_clock_mono_ns();
    if (hosted->cancelled) {
        dj_hosted_refuse(hosted, DJ_EXIT_KILLED, 0, "");
        return;
    }
    hosted->place = dj_place_take(host, &err);
    if (hosted->place == NULL)
        dj_hosted_refuse(hosted, DJ_EXIT_NOT_STARTED, EIO, dj_err_text(&err, -EIO));
}

/* A folder in which nothing was left is free at once; else the daemon says when. */
static void leave(struct dj_host *host, struct dj_hosted *hosted)
{
    hosted->running = false; /* it is `finished` when the main thread has taken it */
    hosted->chain = NULL;
    if (hosted->place == NULL || hosted->ended.clean == 0)
        return;
    dj_place_free(host, hosted->place, true);
    hosted->place = NULL;
}

static void run_chain(struct dj_pool *pool, struct chain *chain)
{
    struct dj_hosted *hosted;

    while ((hosted = next_of(chain)) != NULL) {
        enter(pool->host, hosted);
        if (hosted->place != NULL) {
            pthread_mutex_unlock(&pool->lock);
            dj_task_run(hosted);
            pthread_mutex_lock(&pool->lock);
        }
        leave(pool->host, hosted);
        give_back(pool, hosted, chain->first == NULL);
    }
    if (pool->last == chain)
        pool->last = NULL;
    free(chain);
}

static struct chain *take_chain(struct dj_pool *pool)
{
    struct chain *chain = pool->ready;

    if (chain == NULL)
        return NULL;
    pool->ready = chain->next;
    if (pool->ready == NULL)
        pool->ready_end = &pool->ready;
    pool->waiting--;
    chain->taken = true;
    return chain;
}

/* False: nothing came for long. */
static bool wait_for_work(struct dj_pool *pool)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += IDLE_S;
    pool->idle++;
    while (pool->ready == NULL && !pool->over && rc == 0)
        rc = pthread_cond_timedwait(&pool->work, &pool->lock, &until);
    pool->idle--;
    return pool->ready != NULL;
}

static void *thread_main(void *cookie)
{
    struct dj_pool *pool = cookie;
    struct chain *chain;

    dj_culprit_thread();
    pthread_mutex_lock(&pool->lock);
    do {
        while ((chain = take_chain(pool)) != NULL)
            run_chain(pool, chain);
    } while (wait_for_work(pool));
    dj_culprit_thread_ends();
    pool->threads--;
    pthread_cond_broadcast(&pool->ended);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Without another thread the calls wait for one that is there; without any they fail. */
static void start_thread(struct dj_pool *pool)
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, thread_main, pool) == 0)
        pool->threads++;
    pthread_attr_destroy(&attr);
}

static void fail_all(struct dj_pool *pool)
{
    struct chain *chain;

    while ((chain = take_chain(pool)) != NULL) {
        struct dj_hosted *hosted;

        while ((hosted = next_of(chain)) != NULL) {
            dj_hosted_refuse(hosted, DJ_EXIT_NOT_STARTED, EAGAIN,
                             "the system has no more threads for us");
            hosted->chain = NULL;
            give_back(pool, hosted, true);
        }
        if (pool->last == chain)
            pool->last = NULL;
        free(chain);
    }
}

static void wake_threads(struct dj_pool *pool)
{
    size_t idle = pool->idle;

    for (size_t i = 0; i < pool->waiting; i++) {
        if (i < idle)
            pthread_cond_signal(&pool->work);
        else
            start_thread(pool);
    }
    if (pool->threads == 0 && pool->waiting > 0)
        fail_all(pool);
}

static void add_chain(struct dj_pool *pool, struct chain *chain)
{
    chain->next = NULL;
    *pool->ready_end = chain;
    pool->ready_end = &chain->next;
    pool->waiting++;
}

/* The slot is the chain's; the run that waits now will be given one of its own. */
static void move_rest(struct dj_pool *pool, struct chain *chain)
{
    struct chain *rest;

    if (chain == NULL || chain->first == NULL)
        return;
    rest = dj_xcalloc(1, sizeof(*rest));
    rest->first = chain->first;
    rest->end = chain->end;
    for (struct dj_hosted *at = rest->first; at != NULL; at = at->next)
        at->chain = rest;
    chain->first = NULL;
    chain->end = &chain->first;
    if (pool->last == chain)
        pool->last = rest;
    add_chain(pool, rest);
    wake_threads(pool);
}

/* ---- the main thread --------------------------------------------------------------------- */

void dj_pool_add(struct dj_pool *pool, struct dj_hosted *hosted, bool rides)
{
    struct chain *chain;

    pthread_mutex_lock(&pool->lock);
    chain = rides ? pool->last : NULL;
    if (chain == NULL) {
        chain = dj_xcalloc(1, sizeof(*chain));
        chain->end = &chain->first;
        pool->last = chain;
        add_chain(pool, chain);
    }
    hosted->next = NULL;
    hosted->chain = chain;
    *chain->end = hosted;
    chain->end = &hosted->next;
    pthread_mutex_unlock(&pool->lock);
}

void dj_pool_begin(struct dj_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    wake_threads(pool);
    pthread_mutex_unlock(&pool->lock);
}

/* Of one that a thread has, only what it has not begun is there. */
static bool cut_out(struct chain *chain, const struct dj_hosted *hosted)
{
    struct dj_hosted **link = &chain->first;

    while (*link != NULL && *link != hosted)
        link = &(*link)->next;
    if (*link == NULL)
        return false;
    *link = hosted->next;
    if (*link == NULL)
        chain->end = link;
    return true;
}

bool dj_pool_remove(struct dj_pool *pool, struct dj_hosted *hosted)
{
    bool found;

    pthread_mutex_lock(&pool->lock);
    found = !hosted->running && hosted->chain != NULL && cut_out(hosted->chain, hosted);
    pthread_mutex_unlock(&pool->lock);
    return found;
}

void dj_pool_blocked(struct dj_pool *pool, struct dj_hosted *hosted)
{
    pthread_mutex_lock(&pool->lock);
    if (hosted->running)
        move_rest(pool, hosted->chain);
    pthread_mutex_unlock(&pool->lock);
}

static void hear(struct dj_pool *pool)
{
    uint64_t count;

    (void)!read(pool->event, &count, sizeof(count));
    pool->told = false;
}

struct dj_hosted *dj_pool_done(struct dj_pool *pool)
{
    struct dj_hosted *done;

    pthread_mutex_lock(&pool->lock);
    hear(pool);
    done = pool->done;
    pool->done = NULL;
    pool->done_end = &pool->done;
    pthread_mutex_unlock(&pool->lock);
    return done;
}

struct dj_ask *dj_pool_asks(struct dj_pool *pool)
{
    struct dj_ask *asks;

    pthread_mutex_lock(&pool->lock);
    asks = pool->asks;
    pool->asks = NULL;
    pool->asks_end = &pool->asks;
    pthread_mutex_unlock(&pool->lock);
    return asks;
}

void dj_pool_answered(struct dj_pool *pool, struct dj_ask *ask)
{
    pthread_mutex_lock(&pool->lock);
    ask->answered = true;
    pthread_cond_signal(ask->answer);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- the thread of a run ----------------------------------------------------------------- */

void dj_pool_ask(struct dj_pool *pool, struct dj_ask *ask)
{
    pthread_cond_t answer = PTHREAD_COND_INITIALIZER;

    ask->answer = &answer; /* its own: thousands may wait at a time */
    pthread_mutex_lock(&pool->lock);
    move_rest(pool, ask->hosted->chain);
    ask->next = NULL;
    *pool->asks_end = ask;
    pool->asks_end = &ask->next;
    tell_main(pool);
    while (!ask->answered)
        pthread_cond_wait(&answer, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_destroy(&answer);
}

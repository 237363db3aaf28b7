#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/answers.h"
#include "daemon/claims.h"
#include "daemon/engine_impl.h"
#include "daemon/engine_open.h"
#include "daemon/exchange.h"
#include "daemon/frames.h"
#include "daemon/tree.h"
#include "lib/proto/sessions.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/kill_point.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

enum { ANSWERS_BYTES = 48 << 20 }; /* some 350 000 short ones */

static uint64_t counter(struct dj_engine *engine, const char *name)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    dj_key_counter(&key, name);
    if (dj_store_get(engine->store, dj_buf_bytes(&key), &value) < 0)
        return 0;
    return dj_get64(dj_buf_bytes(&value), 0);
}

void engine_load_sums(struct dj_engine *engine)
{
    engine->stored_runs = counter(engine, "runs");
    engine->stored_bytes = counter(engine, "bytes");
}

void engine_reload(struct dj_engine *engine)
{
    engine_load_sums(engine);
    tasks_reload(engine);
    calls_reload(engine);
}

/* ---- premises in the store ---- */

static void put_record(struct dj_engine *engine, char kind, uint64_t number,
                       const struct dj_layout *layout, const void *record)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    dj_key_number(&key, kind, number);
    dj_codec_encode(&value, layout, record);
    dj_store_batch_put(engine->batch, dj_buf_bytes(&key), dj_buf_bytes(&value));
}

static void premise_made(void *cookie, uint64_t number, const struct dj_rec_premise *premise)
{
    struct dj_task *public = dj_task_by_number(cookie, (uint32_t)premise->task);
    struct task *task = public == NULL ? NULL : dj_container_of(public, struct task, public);

    put_record(cookie, 'P', number, &dj_layout_premise, premise);
    if (task != NULL && dj_digest_equal(&task->effective, &premise->digest))
        version_keep(cookie, task);
}

static void set_made(void *cookie, uint64_t number, const struct dj_rec_set *set)
{
    put_record(cookie, 'S', number, &dj_layout_set, set);
}

/* Without all of them, numbers would be given twice. */
int store_walked(struct dj_engine *engine, struct dj_store_iter *iter, int code,
                 struct dj_err *err)
{
    bool damaged = code == 0 && dj_store_iter_error(iter) < 0;

    dj_store_iter_free(iter);
    if (!damaged && code == 0)
        return 0;
    return dj_err_set(err, EUCLEAN,
                      "the store %s is damaged: not all of its tasks and premises can be read; "
                      "`dj fsck --repair` mends what it can",
                      dj_store_dir(engine->store));
}

static int load_premises(struct dj_engine *engine, struct dj_err *err)
{
    struct dj_store_iter *iter =
        dj_store_iter_new(engine->store, DJ_BYTES_LIT("P"), DJ_BYTES_LIT("Q"));
    struct dj_rec_premise premise;
    struct dj_rec_set set;
    int rc = 0;

    while (rc == 0 && dj_store_iter_next(iter)) {
        rc = dj_codec_decode(&dj_layout_premise, dj_store_iter_value(iter), &premise, err);
        if (rc == 0) {
            dj_premises_load(engine->premises, dj_get64(dj_store_iter_key(iter), 1), &premise);
            dj_codec_release(&dj_layout_premise, &premise);
        }
    }
    rc = store_walked(engine, iter, rc, err);
    iter = dj_store_iter_new(engine->store, DJ_BYTES_LIT("S"), DJ_BYTES_LIT("T"));
    while (rc == 0 && dj_store_iter_next(iter)) {
        rc = dj_codec_decode(&dj_layout_set, dj_store_iter_value(iter), &set, err);
        if (rc == 0) {
            dj_premises_load_set(engine->premises, dj_get64(dj_store_iter_key(iter), 1), &set);
            dj_codec_release(&dj_layout_set, &set);
        }
    }
    return store_walked(engine, iter, rc, err);
}

/* ---- the generations file ---- */

/* A mount that has not heard yet of this daemon answers by the file of the one before. */
static void outdate_generations(const char *path)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, path, O_RDWR | O_NOFOLLOW, 0);
    struct dj_generations *before;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size != sizeof(*before))
        return;
    before = mmap(NULL, sizeof(*before), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (before == MAP_FAILED)
        return;
    atomic_store(&before->all, dj_clock_now_ns());
    munmap(before, sizeof(*before));
}

static int map_generations(struct dj_engine *engine, struct dj_err *err)
{
    dj_cleanup_close int fd = -1;
    void *mapped;

    outdate_generations(engine->generations_path);
    unlink(engine->generations_path);
    fd = dj_open(AT_FDCWD, engine->generations_path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct dj_generations)) < 0)
        return dj_err_sys(err, fd < 0 ? -fd : errno, "%s", engine->generations_path);
    mapped = mmap(NULL, sizeof(struct dj_generations), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        return dj_err_sys(err, errno, "%s", engine->generations_path);
    engine->generations = mapped;
    /* Higher than any before: an answer from an earlier daemon is never taken for one of ours. */
    atomic_store(&engine->generations->all, dj_clock_now_ns());
    return 0;
}

/*
 * The worker writes the sessions, but mounts may come before it does, and one that finds no file
 * would take the calls of runs for a stranger's.
 */
static int make_sessions(struct dj_engine *engine, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    dj_cleanup_close int fd = -1;
    struct stat st;
    int rc = dj_mkdir_p(engine->work_dir, 0700);

    dj_buf_addf(&path, "%s/sessions", engine->work_dir);
    if (rc == 0)
        rc = fd = dj_open(AT_FDCWD, dj_buf_str(&path), O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (rc >= 0 && (fstat(fd, &st) < 0 || (st.st_size < (off_t)sizeof(struct dj_sessions) &&
                                           ftruncate(fd, sizeof(struct dj_sessions)) < 0)))
        rc = -errno;
    return rc < 0 ? dj_err_sys(err, -rc, "%s cannot be made", dj_buf_str(&path)) : 0;
}

/* After a crash between a content file's arrival and its record. */
static void sweep_orphans(struct dj_engine *engine)
{
    size_t removed = dj_store_was_clean(engine->store) ? 0 : contents_sweep(engine);

    if (removed != 0)
        dj_log_info("removed %zu content files that no run refers to", removed);
}

/* ---- life ---- */

static void take_limits(struct dj_engine *engine, const struct dj_engine_limits *limits)
{
    engine->quota = limits->quota;
    engine->keep_deleted_ns = limits->keep_deleted_ms * DJ_NS_PER_MS;
    engine->events_max = (size_t)limits->events_size;
    sessions_take_limits(engine, limits);
    launches_take_limits(engine, limits);
}

int dj_engine_new(struct dj_loop *loop, struct dj_store *store,
                  const struct dj_engine_options *options, struct dj_engine **ret,
                  struct dj_err *err)
{
    struct dj_engine *engine = dj_xcalloc(1, sizeof(*engine));
    struct dj_buf path = DJ_BUF_INIT;
    int rc;

    engine->loop = loop;
    engine->store = store;
    engine->socket = dj_xstrdup(options->socket);
    engine->worker_program = dj_xstrdup(options->worker_program);
    engine->start_ns = dj_clock_now_ns();
    engine->reload = options->reload;
    engine->reload_cookie = options->reload_cookie;
    take_limits(engine, &options->limits);
    events_load(engine);
    engine->frames = dj_frames_new(engine, dj_store_dir(engine->store));
    engine->generation = 1;
    engine->answers = dj_answers_new(ANSWERS_BYTES);
    engine->batch = dj_store_batch_new();
    engine->premises = dj_premises_new();
    dj_premises_on_made(engine->premises, premise_made, set_made, engine);
    dj_buf_addf(&path, "%s.generations", options->socket);
    engine->generations_path = dj_buf_steal(&path);
    dj_buf_addf(&path, "%s/work", dj_store_dir(store));
    engine->work_dir = dj_buf_steal(&path);
    rc = map_generations(engine, err);
    if (rc == 0)
        rc = make_sessions(engine, err);
    if (rc == 0)
        rc = load_premises(engine, err);
    if (rc == 0)
        rc = tasks_load(engine, err);
    if (rc < 0) {
        dj_engine_free(engine);
        return rc;
    }
    engine->next_instance = engine->reserved_instance = counter(engine, "instances");
    engine->next_call = counter(engine, "calls");
    engine_load_sums(engine);
    if (engine->stored_bytes == 0)
        quota_count(engine);
    sweep_orphans(engine);
    dj_exchange_sweep(engine->store);
    last_mount_load(engine);
    claims_load(engine);
    dj_engine_on_change(engine, dj_tree_changed, engine);
    *ret = engine;
    return 0;
}

void dj_engine_start(struct dj_engine *engine)
{
    workers_adopt(engine);
    dj_kill_point("djd-runs-adopted");
    worker_spawn(engine);
    dj_frames_start(engine->frames);
}

void dj_engine_stop(struct dj_engine *engine, bool cancel)
{
    struct dj_msg_stop stop = {.cancel = cancel};

    engine->stopping = true;
    dj_frames_stop(engine->frames);
    last_mount_end(engine);
    claims_end(engine);
    for (struct run *run = engine->runs; run != NULL; run = run->hh.next)
        dj_timer_cancel(dj_steal(run->timer));
    hosts_stop(engine);
    if (engine->worker != NULL)
        dj_peer_send(engine->worker, DJ_MSG_STOP, &stop);
}

void dj_engine_forget_asks(struct dj_engine *engine)
{
    struct run *run, *next;

    HASH_ITER(hh, engine->runs, run, next)
        want_forget_asker(run);
}

void dj_engine_free(struct dj_engine *engine)
{
    struct run *run, *next;

    if (engine == NULL)
        return;
    engine->stopping = true;
    dj_frames_free(engine->frames);
    alikes_drop(engine, NULL, -ENOTCONN);
    HASH_ITER(hh, engine->runs, run, next)
    {
        want_forget_asker(run);
        while (run->wants != NULL)
            wants_answer(run, -ENOTCONN, 0, "the daemon is stopping");
        run_free(run);
    }
    for (size_t i = 0; i < SPELLED_KEPT; i++)
        dj_call_unref(engine->spelled[i]);
    unwritten_forget(engine, false);
    dj_number_set_clear(&engine->unsynced);
    instances_free(engine);
    verified_forget_all(engine);
    dj_answers_free(engine->answers);
    tasks_free(engine);
    dj_premises_free(engine->premises);
    dj_store_batch_free(engine->batch);
    dj_timer_cancel(engine->deadlock_look);
    claims_free(engine);
    sessions_free(engine);
    launches_free(engine);
    hosts_free(engine);
    if (engine->generations != NULL) {
        /* The next daemon will not find the file. */
        atomic_store(&engine->generations->all, dj_clock_now_ns());
        munmap(engine->generations, sizeof(*engine->generations));
    }
    unlink(engine->generations_path);
    events_free(engine);
    free(engine->leaving.items);
    free(engine->telling.items);
    free(engine->syncs.items);
    free(engine->syncing.items);
    free(engine->slots);
    free(engine->mount);
    free(engine->generations_path);
    free(engine->work_dir);
    free(engine->worker_program);
    free(engine->socket);
    free(engine);
}

void dj_engine_on_change(struct dj_engine *engine, dj_change_fn *change, void *cookie)
{
    engine->change = change;
    engine->change_cookie = cookie;
}

void dj_engine_remove_mount(struct dj_engine *engine DJ_UNUSED, const char *mount)
{
    mounts_remove(dj_bytes_of(mount));
}

const char *dj_engine_mount(struct dj_engine *engine)
{
    return engine->mount;
}

bool dj_engine_mount_due(struct dj_engine *engine)
{
    return engine->mount_due != NULL;
}

const char *dj_engine_store_dir(struct dj_engine *engine)
{
    return dj_store_dir(engine->store);
}

const char *dj_engine_generations(struct dj_engine *engine)
{
    return engine->generations_path;
}

struct dj_answers *dj_engine_answers(struct dj_engine *engine)
{
    return engine->answers;
}

const char *dj_engine_work_dir(struct dj_engine *engine)
{
    return engine->work_dir;
}

uint64_t dj_engine_run_of_token(struct dj_engine *engine, struct dj_bytes token)
{
    struct run *run = token.len == 0 ? NULL : run_of_token(engine, token);

    return run == NULL ? 0 : run->instance;
}

struct dj_frames *dj_engine_frames(struct dj_engine *engine)
{
    return engine->frames;
}

struct dj_loop *dj_engine_loop(struct dj_engine *engine)
{
    return engine->loop;
}

struct dj_task *dj_engine_bind(struct dj_engine *engine, const char *name,
                               const struct dj_list *words, struct dj_args *ret,
                               struct dj_err *err, int *ret_code)
{
    struct dj_task *task = dj_task_by_name(engine, dj_bytes_of(name));
    struct dj_bytes *borrowed;

    if (task == NULL || task->definition == NULL) {
        *ret_code = dj_err_set(err, ENOENT, "there is no task %s", name == NULL ? "" : name);
        return NULL;
    }
    borrowed = dj_xcalloc(words->n, sizeof(*borrowed));
    for (size_t i = 0; i < words->n; i++)
        borrowed[i] = dj_buf_bytes(&DJ_LIST_AT(words, struct dj_part_word, i)->bytes);
    *ret_code = dj_args_bind(name, &task->definition->params, borrowed, words->n, ret, err);
    free(borrowed);
    return *ret_code < 0 ? NULL : task;
}

void dj_engine_resolve(struct dj_engine *engine, struct dj_task *task, struct dj_args *args,
                       const struct dj_asker *asker, dj_resolved_fn *done, void *cookie)
{
    resolve_args(engine, dj_container_of(task, struct task, public), args, asker, done, cookie);
}

void dj_engine_worker_attach(struct dj_engine *engine, struct dj_peer *peer, const char *place)
{
    worker_attach(engine, peer, place);
}

void dj_engine_worker_gone(struct dj_engine *engine, struct dj_peer *peer)
{
    worker_gone(engine, peer);
}

void dj_engine_worker_message(struct dj_engine *engine, struct dj_peer *peer,
                              const struct dj_message_in *message)
{
    worker_message(engine, peer, message);
}

void dj_totals(struct dj_engine *engine, struct dj_totals *ret)
{
    *ret = (struct dj_totals){
        .runs = engine->stored_runs,
        .stored = engine->stored_bytes,
        .quota = engine->quota,
        .start_ns = engine->start_ns,
        .paused = engine->paused,
    };
    for (const struct session *session = engine->sessions; session != NULL;
         session = session->hh.next) {
        ret->workers += session->sched.slots;
        ret->busy += session->sched.busy;
    }
    for (struct run *run = engine->runs; run != NULL; run = run->hh.next) {
        ret->queued += run->state == QUEUED || run->state == DELAYED;
        ret->waiting += run->state == BLOCKED || run->state == RESUMING || run->state == CHECKING;
    }
    (void)dj_store_usage(engine->store, &ret->bytes, &ret->bytes_free, &ret->bytes_total);
    if (engine->quota == 0)
        return;
    ret->bytes_total = engine->quota;
    ret->bytes_free = DJ_MIN(ret->bytes_free,
                             engine->quota - DJ_MIN(engine->quota, engine->stored_bytes));
}

/* Fewer workers than are busy end no run: none begins until enough have ended. */
int dj_reload(struct dj_engine *engine, struct dj_err *err)
{
    struct dj_engine_limits limits;
    int rc = -ENOTSUP;

    if (engine->reload != NULL)
        rc = engine->reload(engine->reload_cookie, &limits, err);
    if (rc < 0)
        return rc;
    take_limits(engine, &limits);
    run_plan_start(engine);
    return 0;
}

void dj_pause(struct dj_engine *engine, bool paused)
{
    engine->paused = paused;
    for (struct session *session = engine->sessions; session != NULL; session = session->hh.next)
        session->sched.paused = paused;
    run_plan_start(engine);
}

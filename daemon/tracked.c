#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/engine_impl.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

/*
 * The files that definitions track. A small one is read right here, a large one on a pool thread:
 * its task has no effective version meanwhile, so none of its runs is valid, and what would have to
 * be computed because of that is held until the version is known. Digests of large files are kept
 * in the stat cache, so a restart does not read them again.
 */

enum { HASHED_HERE = 4 << 20 };

static void look(struct tracked *tracked, struct stat *st)
{
    tracked->size = tracked->mtime_ns = tracked->ctime_ns = tracked->inode = 0;
    *st = (struct stat){0};
    if (outside_stat(tracked->path, st) < 0)
        return;
    tracked->size = (uint64_t)st->st_size;
    tracked->mtime_ns = dj_ns_of(st->st_mtim);
    tracked->ctime_ns = dj_ns_of(st->st_ctim);
    tracked->inode = st->st_ino;
}

/* What the stats of all are together; 0: nothing is tracked. */
static void stamp(uint64_t *stamp, const struct tracked *tracked)
{
    const uint64_t facts[] = {*stamp, tracked->size, tracked->mtime_ns, tracked->ctime_ns,
                              tracked->inode};
    struct dj_hasher hasher;
    struct dj_digest digest;

    dj_hasher_init(&hasher);
    dj_hasher_update(&hasher, facts, sizeof(facts));
    dj_hasher_final(&hasher, &digest);
    memcpy(stamp, digest.b, sizeof(*stamp));
    *stamp |= 1;
}

uint64_t tracked_known(const struct task *task)
{
    uint64_t ret = 0;

    for (size_t i = 0; i < task->tracked.n; i++)
        stamp(&ret, DJ_LIST_AT(&task->tracked, struct tracked, i));
    return ret;
}

uint64_t tracked_now(const struct dj_engine *engine, struct task *task)
{
    uint64_t ret = 0, turn = dj_loop_turn(engine->loop);

    if (task->stamp_turn == turn)
        return task->stamp;

    for (size_t i = 0; i < task->tracked.n; i++) {
        struct tracked now = {.path = DJ_LIST_AT(&task->tracked, struct tracked, i)->path};
        struct stat st;

        look(&now, &st);
        stamp(&ret, &now);
    }
    task->stamp_turn = turn;
    task->stamp = ret;
    return ret;
}

static bool same(const struct tracked *a, const struct tracked *b)
{
    return a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
           a->inode == b->inode;
}

static void free_list(struct dj_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(DJ_LIST_AT(list, struct tracked, i)->path);
    free(list->items);
    *list = (struct dj_list){0};
}

void tracked_free(struct task *task)
{
    free_list(&task->tracked);
}

bool tracked_changed(const struct task *task)
{
    bool changed = false;

    for (size_t i = 0; !changed && i < task->tracked.n; i++) {
        const struct tracked *tracked = DJ_LIST_AT(&task->tracked, struct tracked, i);
        struct tracked now = {.path = tracked->path};
        struct stat st;

        look(&now, &st);
        changed = tracked->fresh || !same(&now, tracked);
    }
    return changed;
}

char *tracked_path(const struct dj_definition *definition, struct dj_bytes word)
{
    struct dj_buf path = DJ_BUF_INIT;

    if (dj_bytes_is(word, "command")) {
        if (definition->command.n == 0)
            return NULL;
        word = dj_list_bytes(&definition->command, 0);
        if (memchr(word.data, '/', word.len) == NULL)
            return NULL;
    }
    if (word.len > 0 && word.data[0] != '/')
        dj_buf_addf(&path, "%s/", definition->here);
    dj_buf_add_bytes(&path, word);
    return dj_buf_steal(&path);
}

/* ---- large files ---- */

struct hashing {
    struct dj_engine *engine;
    uint32_t task;
    struct tracked file;
};

static void hashed(void *cookie, int code)
{
    struct hashing *hashing = cookie;
    struct dj_engine *engine = hashing->engine;
    struct dj_task *public = dj_task_by_number(engine, hashing->task);
    struct task *task = public == NULL ? NULL : dj_container_of(public, struct task, public);

    /* What cannot be read counts like a file that is not there, until its stat changes. */
    for (size_t i = 0; task != NULL && i < task->tracked.n; i++) {
        struct tracked *tracked = DJ_LIST_AT(&task->tracked, struct tracked, i);

        if (strcmp(tracked->path, hashing->file.path) != 0 || !same(tracked, &hashing->file))
            continue;
        tracked->hashing = false;
        tracked->unreadable = code < 0 && code != -EBUSY;
    }
    if (task != NULL && task->unsettled)
        task_settle(engine, task);
    free(hashing->file.path);
    free(hashing);
    runs_release(engine);
}

static const struct tracked *find(const struct dj_list *list, const struct tracked *tracked)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct tracked *one = DJ_LIST_AT(list, struct tracked, i);

        if (strcmp(one->path, tracked->path) == 0 && same(one, tracked))
            return one;
    }
    return NULL;
}

static void hash_later(struct dj_engine *engine, struct task *task, struct tracked *tracked)
{
    struct hashing *hashing = dj_xcalloc(1, sizeof(*hashing));

    hashing->engine = engine;
    hashing->task = task->public.number;
    hashing->file = *tracked;
    hashing->file.path = dj_xstrdup(tracked->path);
    tracked->hashing = true;
    input_hash_later(engine, tracked->path, hashed, hashing);
}

/* false: the digest is not known yet. before: what the list was. */
static bool hash(struct dj_engine *engine, struct task *task, struct tracked *tracked,
                 const struct dj_list *before)
{
    const struct tracked *was;
    dj_cleanup_close int fd = -1;
    struct stat st;

    look(tracked, &st);
    tracked->fresh = st.st_size <= HASHED_HERE && !dj_stat_is_settled(&st);
    if (tracked->inode == 0)
        return true;
    if (st.st_size <= HASHED_HERE || !S_ISREG(st.st_mode)) {
        fd = S_ISREG(st.st_mode) ? outside_open(tracked->path, O_RDONLY | O_NONBLOCK) : -1;
        if (fd >= 0 && dj_digest_fd(fd, &tracked->digest, NULL) < 0)
            tracked->digest = (struct dj_digest){{0}};
        return true;
    }
    if (input_known(engine->store, tracked->path, &st, &tracked->digest))
        return true;
    was = find(before, tracked);
    tracked->unreadable = was != NULL && was->unreadable;
    tracked->hashing = was != NULL && was->hashing;
    if (!tracked->unreadable && !tracked->hashing)
        hash_later(engine, task, tracked);
    return tracked->unreadable;
}

bool tracked_hash(struct dj_engine *engine, struct task *task, struct dj_hasher *hasher)
{
    const struct dj_definition *definition = &task->definition;
    struct dj_list before = task->tracked;
    bool known = true;

    task->tracked = (struct dj_list){0};
    for (size_t i = 0; i < definition->track.n; i++) {
        char *path = tracked_path(definition, dj_list_bytes(&definition->track, i));
        struct tracked *tracked;

        if (path == NULL)
            continue;
        tracked = dj_list_add(&task->tracked, sizeof(*tracked));
        tracked->path = path;
        known &= hash(engine, task, tracked, &before);
        dj_hasher_update(hasher, tracked->digest.b, sizeof(tracked->digest.b));
    }
    free_list(&before);
    return known;
}

/* ---- runs that wait for it ---- */

bool run_is_held(struct run *run)
{
    struct dj_call *call = run->call;
    bool stored = false;

    if (call->task->unsettled)
        return true;
    /* What it rests on may turn out to be as it was. */
    for (size_t i = 0; !run->forced && run->engine->unsettled != 0 && i < call->rec.instances.n;
         i++) {
        const struct dj_rec_summary *summary =
            DJ_LIST_AT(&call->rec.instances, struct dj_rec_summary, i);

        stored |= summary->state == DJ_DONE && !summary->stale;
    }
    return stored;
}

void run_hold(struct run *run)
{
    run_give_back(run);
    run->state = QUEUED;
    run->held = true;
}

/* A result that is valid after all answers those who wait; else it stands in line again. */
static void release(struct run *run)
{
    const struct dj_rec_instance *rec;
    struct closure closure;
    uint64_t current = run->forced ? 0 : dj_call_current(run->engine, run->call);

    run->held = false;
    rec = current == 0 ? NULL : dj_instance(run->engine, current);
    if (rec == NULL) {
        dj_sched_add(&run->session->sched, &run->line,
                     run->first_asker != 0 ? DJ_SCHED_CHILD : DJ_SCHED_WANTED,
                     run->call->task->definition.priority);
        run_plan_start(run->engine);
        return;
    }
    closure = instance_closure(run->engine, run->call, rec);
    run_add_closure(run, &closure);
    wants_answer(run, 0, current, NULL);
    run_finish(run, -ECANCELED, "there is a valid result already");
}

void runs_release(struct dj_engine *engine)
{
    struct run *run, *next;
    struct dj_list held = {0};

    HASH_ITER(hh, engine->runs, run, next)
    {
        if (run->held && run->state == QUEUED && !run_is_held(run))
            *(uint64_t *)dj_list_add(&held, sizeof(uint64_t)) = run->instance;
    }
    for (size_t i = 0; i < held.n; i++) {
        run = run_find(engine, *DJ_LIST_AT(&held, uint64_t, i));
        if (run != NULL && run->held)
            release(run);
    }
    free(held.items);
}

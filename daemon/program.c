#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/engine_impl.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

/*
 * The files that a task's command runs, as they were when a run began. They do not count for its
 * version (that is the user's word), but when they change it is said.
 *
 * A file is stat'ed once in a turn of the loop and read only when that differs. It is hashed right
 * here on the loop, so one above HASHED_MAX is known by its size and time alone.
 */

enum { HASHED_MAX = 4 << 20 };

static void identify(struct tracked *file, const struct stat *st)
{
    dj_cleanup_close int fd = -1;

    file->digest = (struct dj_digest){{0}};
    if (st == NULL)
        return;
    if (st->st_size <= HASHED_MAX)
        fd = outside_open(file->path, O_RDONLY | O_NONBLOCK);
    if (fd < 0 || dj_digest_fd(fd, &file->digest, NULL) < 0)
        dj_path_digest(dj_bytes_of(file->path), (uint64_t)st->st_size,
                       (int64_t)dj_ns_of(st->st_mtim), &file->digest);
}

static void look(struct tracked *file, uint64_t turn)
{
    struct tracked now = {.path = file->path, .turn = turn};
    struct stat st;
    bool there;

    if (file->turn == turn)
        return;
    file->turn = turn;
    there = outside_stat(file->path, &st) == 0 && S_ISREG(st.st_mode);
    if (there) {
        now.size = (uint64_t)st.st_size;
        now.mtime_ns = dj_ns_of(st.st_mtim);
        now.ctime_ns = dj_ns_of(st.st_ctim);
        now.inode = st.st_ino;
    }
    if (file->looked && now.size == file->size && now.mtime_ns == file->mtime_ns &&
        now.ctime_ns == file->ctime_ns && now.inode == file->inode)
        return;
    now.looked = !there || dj_stat_is_settled(&st); /* else it is read again the next time */
    identify(&now, there ? &st : NULL);
    *file = now;
}

static bool is_tracked(const struct task *task, struct dj_bytes path)
{
    for (size_t i = 0; i < task->tracked.n; i++) {
        if (dj_bytes_is(path, DJ_LIST_AT(&task->tracked, struct tracked, i)->path))
            return true;
    }
    return false;
}

void program_forget(struct task *task)
{
    for (size_t i = 0; i < task->program.n; i++)
        free(DJ_LIST_AT(&task->program, struct tracked, i)->path);
    free(task->program.items);
    task->program = (struct dj_list){0};
}

void program_reset(struct task *task)
{
    struct dj_list paths = {0};

    program_forget(task);
    if (task->public.definition == NULL)
        return;
    dj_definition_program(&task->definition, &paths);
    for (size_t i = 0; i < paths.n; i++) {
        struct dj_bytes path = dj_list_bytes(&paths, i);

        /* What is tracked makes its runs stale anyway. */
        if (!is_tracked(task, path))
            ((struct tracked *)dj_list_add(&task->program, sizeof(struct tracked)))->path =
                dj_xmemdup0(path.data, path.len);
    }
    dj_bytes_list_release(&paths);
}

static bool is_there(const struct tracked *file)
{
    return file->inode != 0;
}

uint64_t program_now(struct dj_engine *engine, struct task *task)
{
    uint64_t set = 0;

    for (size_t i = 0; i < task->program.n; i++) {
        struct tracked *file = DJ_LIST_AT(&task->program, struct tracked, i);

        look(file, dj_loop_turn(engine->loop));
        if (is_there(file))
            set = dj_premises_union(engine->premises, set,
                                    dj_premises_file(engine->premises, dj_bytes_of(file->path),
                                                     &file->digest));
    }
    return set;
}

/* ---- notes ---- */

struct comparing {
    struct task *task;
    uint64_t turn;
    struct dj_list *notes;
};

static void note(struct comparing *comparing, const struct tracked *file)
{
    const char *here = comparing->task->definition.here, *shown = file->path;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (here != NULL && strncmp(shown, here, strlen(here)) == 0 && shown[strlen(here)] == '/')
        shown += strlen(here) + 1;
    dj_buf_addf(&text, is_there(file) ? "%s changed since" : "%s is gone", shown);
    dj_list_add_bytes(comparing->notes, dj_buf_bytes(&text));
}

static bool compare(void *cookie, uint64_t number, const struct dj_rec_premise *premise)
{
    struct comparing *comparing = cookie;
    struct task *task = comparing->task;

    (void)number;
    for (size_t i = 0; i < task->program.n; i++) {
        struct tracked *file = DJ_LIST_AT(&task->program, struct tracked, i);

        if (!dj_bytes_is(dj_buf_bytes(&premise->path), file->path))
            continue;
        look(file, comparing->turn);
        if (!dj_digest_equal(&file->digest, &premise->digest))
            note(comparing, file);
    }
    return true;
}

void program_notes(struct dj_engine *engine, struct task *task, uint64_t program,
                   struct dj_list *ret)
{
    struct comparing comparing = {task, dj_loop_turn(engine->loop), ret};

    dj_premises_each(engine->premises, program, compare, &comparing);
}

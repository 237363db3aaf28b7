#include "daemon/sweep_run.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "daemon/calling.h"
#include "daemon/engine_open.h"
#include "daemon/loop.h"
#include "daemon/outcome.h"
#include "daemon/tree_impl.h"
#include "lib/model/row_call.h"
#include "lib/model/row_text.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum {
    ROWS_MAX = 1000,
    TURN_MAX = 250,
    HELD_MAX = 64 << 20,  /* bytes of results */
    AHEAD_MAX = 16 << 20, /* bytes that nobody has asked for yet */
};

struct sweep_row {
    struct sweep_row *next;
    struct dj_sweep_run *run;
    struct dj_calling *calling;
    uint64_t number;
    bool ended;
    struct dj_part_outcome outcome;
};

/* A read that waits. */
struct reader {
    struct reader *prev, *next;
    struct dj_request *request;
    struct dj_handle *handle; /* a reference: it has the run */
};

struct dj_sweep_run {
    struct dj_engine *engine;
    struct dj_sweep *sweep;
    char *task;
    bool table;
    bool strict;
    struct dj_calling_plan plan;
    struct dj_list env;       /* struct dj_part_pair: the asker's */
    uint64_t asked;           /* rows that were taken */
    struct sweep_row *first, **end;
    size_t in_memory;
    size_t held, largest;     /* bytes of results */
    struct dj_row row, answer;
    struct dj_row_writer writer;
    struct dj_buf text;       /* to be written at the end of the turn */
    int fd;
    uint64_t size;
    uint64_t wanted;          /* the place behind the last byte that was asked for */
    struct reader *readers;
    int code;                 /* why no more comes, or 0 */
    char *why;
    bool begun;
    bool planned;
    bool doomed;              /* it is freed when the plan is carried out */
};

static void go_on_later(struct dj_sweep_run *run);

static void row_free(struct sweep_row *row)
{
    dj_outcome_release(&row->outcome);
    free(row);
}

static bool is_over(const struct dj_sweep_run *run)
{
    return run->code != 0 ||
           (run->begun && run->asked == dj_sweep_rows(run->sweep) && run->first == NULL);
}

/* ---- made, freed ----------------------------------------------------------------------------- */

/* Without a name from the start where the file system can do that. */
static int open_file(const char *dir)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    int fd = dj_open(AT_FDCWD, dir, O_TMPFILE | O_RDWR | O_APPEND, 0600);

    if (fd >= 0)
        return fd;
    dj_buf_addf(&path, "%s/sweep-%llx", dir, (unsigned long long)dj_clock_now_ns());
    fd = dj_open(AT_FDCWD, dj_buf_str(&path), O_CREAT | O_EXCL | O_RDWR | O_APPEND, 0600);
    if (fd >= 0)
        (void)!unlink(dj_buf_str(&path));
    return fd;
}

static void copy_env(const struct dj_list *env, struct dj_list *ret)
{
    for (size_t i = 0; env != NULL && i < env->n; i++) {
        const struct dj_part_pair *from = DJ_LIST_AT(env, struct dj_part_pair, i);
        struct dj_part_pair *pair = dj_list_add(ret, sizeof(*pair));

        pair->name = from->name == NULL ? NULL : dj_xstrdup(from->name);
        dj_buf_set(&pair->value, dj_buf_bytes(&from->value));
        pair->unset = from->unset;
    }
}

static void env_release(struct dj_list *env)
{
    for (size_t i = 0; i < env->n; i++) {
        struct dj_part_pair *pair = DJ_LIST_AT(env, struct dj_part_pair, i);

        free(pair->name);
        dj_buf_release(&pair->value);
    }
    free(env->items);
}

static void leave(struct dj_sweep_run *run)
{
    while (run->first != NULL) {
        struct sweep_row *row = run->first;
        dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;

        run->first = row->next;
        if (row->calling != NULL)
            dj_calling_leave(row->calling, &sentence);
        row_free(row);
    }
    run->end = &run->first;
}

static void free_now(struct dj_sweep_run *run)
{
    dj_close(run->fd);
    dj_sweep_unref(run->sweep);
    env_release(&run->env);
    dj_row_release(&run->row);
    dj_row_release(&run->answer);
    dj_row_writer_release(&run->writer);
    dj_buf_release(&run->text);
    free(run->task);
    free(run->why);
    free(run);
}

void dj_sweep_run_free(struct dj_sweep_run *run)
{
    if (run == NULL)
        return;
    leave(run);
    run->doomed = true;
    if (!run->planned)
        free_now(run);
}

/* ---- rows written ---------------------------------------------------------------------------- */

static void write_header(struct dj_sweep_run *run)
{
    dj_sweep_columns(run->sweep, NULL, &run->row);
    dj_row_answer(&run->row, NULL, NULL, "result", DJ_BYTES_LIT(""), NULL, true, &run->answer);
    run->writer.format = DJ_ROWS_CSV;
    dj_row_write_header(&run->writer, &run->answer, &run->text);
}

static void write_row(struct dj_sweep_run *run, const struct sweep_row *row)
{
    dj_cleanup_args struct dj_args args = DJ_ARGS_INIT;

    dj_sweep_args(run->sweep, row->number, &args);
    dj_sweep_columns(run->sweep, &args, &run->row);
    dj_outcome_row(&row->outcome, &run->row, "result", run->table, &run->answer);
    if (run->table)
        (void)!dj_row_write(&run->writer, &run->answer, &run->text, NULL);
    else
        dj_row_print(&run->text, &run->answer);
}

static void stop(struct dj_sweep_run *run, int code, const char *why)
{
    if (run->code != 0)
        return;
    run->code = code;
    run->why = dj_xstrdup(why);
    leave(run);
    run->in_memory = run->held = 0;
}

/* What has ended of the first rows. */
static void write_ended(struct dj_sweep_run *run)
{
    int rc;

    while (run->first != NULL && run->first->ended) {
        struct sweep_row *row = run->first;

        if (run->strict && row->outcome.code == EAGAIN) {
            stop(run, -EAGAIN, "not all of its runs are there yet");
            break;
        }
        run->first = row->next;
        if (run->first == NULL)
            run->end = &run->first;
        run->in_memory--;
        run->held -= row->outcome.content.len;
        write_row(run, row);
        row_free(row);
    }
    rc = run->text.len == 0 ? 0 : dj_write_full(run->fd, run->text.data, run->text.len);
    run->size += rc == 0 ? run->text.len : 0;
    dj_buf_clear(&run->text);
    if (rc < 0)
        stop(run, rc, "what was computed could not be kept for its reader");
}

/* ---- calls ----------------------------------------------------------------------------------- */

static int bind(void *cookie, struct dj_task *task, struct dj_args *ret, struct dj_err *err)
{
    const struct sweep_row *row = cookie;
    const struct dj_sweep_run *run = row->run;
    int rc;

    if (!dj_sweep_fits(run->sweep, &task->definition->params))
        return dj_err_set(err, EINVAL, "%s was defined anew meanwhile, with other parameters or"
                          " with others of them that count", task->name);
    dj_sweep_args(run->sweep, row->number, ret);
    rc = dj_args_refer(run->engine, ret, err);
    if (rc < 0)
        dj_args_release(ret);
    return rc;
}

static void called(void *cookie, int code, struct dj_call *call, uint64_t instance,
                   const char *sentence)
{
    struct sweep_row *row = cookie;
    struct dj_sweep_run *run = row->run;

    row->calling = NULL;
    row->ended = true;
    if (code == -DJ_CODE_WANTS) {
        code = -EINVAL;
        sentence = "the task was defined anew, and wants variables of the environment";
    }
    dj_outcome(run->engine, NULL, code, call, instance, sentence, false, &row->outcome);
    run->held += row->outcome.content.len;
    run->largest = DJ_MAX(run->largest, row->outcome.content.len);
    go_on_later(run);
}

static void start(struct dj_sweep_run *run)
{
    struct sweep_row *row = dj_xcalloc(1, sizeof(*row));
    struct dj_calling *calling;

    row->run = run;
    row->number = run->asked++;
    *run->end = row;
    run->end = &row->next;
    run->in_memory++;
    calling = dj_calling_start(&run->plan, NULL, row);
    if (calling != NULL)
        row->calling = calling;
}

static bool has_room(const struct dj_sweep_run *run)
{
    size_t max = run->largest == 0 ? ROWS_MAX
                                   : DJ_MIN((size_t)ROWS_MAX, HELD_MAX / run->largest + 1);

    return run->in_memory < max && run->held < HELD_MAX &&
           run->size + run->text.len < run->wanted + AHEAD_MAX;
}

static bool takes_more(const struct dj_sweep_run *run)
{
    return run->code == 0 && run->asked < dj_sweep_rows(run->sweep) && has_room(run);
}

/* ---- readers --------------------------------------------------------------------------------- */

static void reader_end(struct reader *reader)
{
    struct dj_handle *handle = reader->handle;

    DL_DELETE(handle->sweep->readers, reader);
    free(reader);
    dj_handle_unref(handle);
}

static void on_cancel(struct dj_request *request)
{
    reader_end(request->cookie);
    dj_tree_refuse(request, -EINTR, "interrupted; what nobody else waits for is withdrawn when the"
                   " file is closed");
}

/* False: it has to wait. Else the request is gone. */
static bool answer(struct dj_sweep_run *run, struct dj_request *request)
{
    const struct dj_msg_read *ask = request->fields;
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;
    size_t size = (size_t)DJ_MIN(ask->size, DJ_TREE_READ_MAX);
    ssize_t n = 0;

    if (ask->offset < run->size) {
        size = (size_t)DJ_MIN((uint64_t)size, run->size - ask->offset);
        n = dj_pread_full(run->fd, dj_buf_room(&bytes, size), size, ask->offset);
    } else if (run->code != 0) {
        dj_tree_refuse(request, run->code, "%s", run->why);
        return true;
    } else if (!is_over(run)) {
        return false;
    }
    if (n < 0) {
        dj_tree_refuse(request, (int)n, "the rows cannot be read");
        return true;
    }
    bytes.len = (size_t)n;
    dj_tree_data(request, dj_buf_bytes(&bytes));
    return true;
}

static void answer_readers(struct dj_sweep_run *run)
{
    struct reader *reader, *next;

    DL_FOREACH_SAFE(run->readers, reader, next) {
        reader->request->on_cancel = NULL;
        if (answer(run, reader->request))
            reader_end(reader);
        else
            reader->request->on_cancel = on_cancel;
    }
}

static void go_on(void *cookie)
{
    struct dj_sweep_run *run = cookie;

    for (size_t n = 0; !run->doomed && n < TURN_MAX && takes_more(run); n++)
        start(run);
    if (!run->doomed) {
        write_ended(run);
        answer_readers(run);
    }
    run->planned = false; /* what ended within start() is seen to */
    if (run->doomed)
        free_now(run);
    else if (takes_more(run))
        go_on_later(run);
}

static void go_on_later(struct dj_sweep_run *run)
{
    if (run->planned)
        return;
    run->planned = true;
    dj_loop_later(dj_engine_loop(run->engine), go_on, run);
}

void dj_sweep_run_read(struct dj_handle *handle, struct dj_request *request,
                       const struct dj_msg_read *ask)
{
    struct dj_sweep_run *run = handle->sweep;
    struct reader *reader;
    uint64_t end;

    run->begun = true;
    if (!__builtin_add_overflow(ask->offset, DJ_MIN(ask->size, DJ_TREE_READ_MAX), &end))
        run->wanted = DJ_MAX(run->wanted, end);
    if (takes_more(run))
        go_on_later(run);
    if (answer(run, request))
        return;
    reader = dj_xcalloc(1, sizeof(*reader));
    reader->request = request;
    reader->handle = handle;
    dj_handle_ref(handle);
    DL_APPEND(run->readers, reader);
    request->cookie = reader;
    request->on_cancel = on_cancel;
}

struct dj_sweep_run *dj_sweep_run_new(struct dj_engine *engine, struct dj_task *task,
                                      struct dj_sweep *sweep, bool table, unsigned flags,
                                      bool strict, const struct dj_asker *asker,
                                      struct dj_err *err)
{
    int fd = open_file(dj_engine_store_dir(engine));
    struct dj_sweep_run *run;

    if (fd < 0) {
        (void)dj_err_sys(err, -fd, "a file for the rows cannot be made");
        return NULL;
    }
    run = dj_xcalloc(1, sizeof(*run));
    run->engine = engine;
    run->fd = fd;
    run->task = dj_xstrdup(task->name);
    run->sweep = sweep;
    dj_sweep_ref(sweep);
    run->table = table;
    run->strict = strict;
    run->end = &run->first;
    copy_env(asker->env, &run->env);
    run->plan = (struct dj_calling_plan){.engine = engine, .task = run->task, .asker = *asker,
                                         .bind = bind, .flags = flags, .done = called};
    run->plan.asker.env = run->env.n == 0 ? NULL : &run->env;
    if (table)
        write_header(run);
    write_ended(run);
    return run;
}

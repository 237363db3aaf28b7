#include "cli/swept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "cli/map.h"
#include "lib/model/row_call.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"
#include "lib/util/utf8.h"

enum { CALLS_MAX = 1000000 };

void dj_swept_release(struct dj_swept *swept)
{
    free(swept->task);
    dj_params_release(&swept->params);
    dj_sweep_unref(swept->sweep);
}

/* What is wrong with the task the call says: 0. */
static bool take_task(struct dj_cli *cli, struct dj_bytes task, struct dj_swept *ret)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    ret->task = dj_xmemdup0(task.data, task.len);
    return dj_task_params(cli, ret->task, &ret->params, &err) == 0;
}

/* 1: it is one, of a path tasks/TASK/SWEEP. */
static int of_path(struct dj_cli *cli, char **argv, struct dj_swept *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    const char *rest, *slash;
    int rc = dj_run_folder(cli, 1, argv, &path, err);

    if (rc < 0)
        return rc;
    rest = dj_buf_str(&path) + strlen("tasks/");
    slash = strchr(rest, '/');
    if (slash == NULL || strchr(slash + 1, '/') != NULL ||
        !take_task(cli, dj_bytes(rest, (size_t)(slash - rest)), ret))
        return 0;
    return dj_sweep_of_name(ret->task, &ret->params, dj_bytes_of(slash + 1), &ret->sweep, err);
}

static int of_words(struct dj_cli *cli, int argc, char **argv, struct dj_swept *ret,
                    struct dj_err *err)
{
    dj_cleanup_free struct dj_bytes *words = dj_xcalloc((size_t)argc, sizeof(*words));

    for (int i = 1; i < argc; i++)
        words[i - 1] = dj_bytes_of(argv[i]);
    if (!take_task(cli, dj_bytes_of(argv[0]), ret))
        return 0;
    return dj_sweep_of_words(ret->task, &ret->params, words, (size_t)argc - 1, &ret->sweep, err);
}

int dj_swept_find(struct dj_cli *cli, bool start, int argc, char **argv, struct dj_swept *ret,
                  struct dj_err *err)
{
    int rc = dj_connect(cli, start, err);

    if (rc < 0)
        return rc;
    rc = argc == 1 && strchr(argv[0], '/') != NULL ? of_path(cli, argv, ret, err)
                                                   : of_words(cli, argc, argv, ret, err);
    if (rc == 1 && dj_sweep_rows(ret->sweep) > CALLS_MAX)
        rc = dj_err_set(err, E2BIG, "these are more than %d calls; `dj frame` and `dj map` take any"
                        " number", CALLS_MAX);
    return rc;
}

/* Rows are JSON, which would carry another value. */
static int check_text(const struct dj_args *args, struct dj_err *err)
{
    for (size_t i = 0; i < args->params->n; i++) {
        const struct dj_value *value = &args->values[i];

        for (size_t j = 0; j < value->n; j++) {
            const struct dj_scalar *scalar = &value->scalars[j];
            dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

            if (dj_utf8_ok(dj_buf_bytes(&scalar->text)) &&
                dj_utf8_ok(dj_buf_bytes(&scalar->source)))
                continue;
            dj_add_printable(&shown, dj_buf_bytes(&scalar->text));
            return dj_err_set(err, EINVAL, "%s: \"%s\" is no UTF-8, which values that vary have to"
                              " be here; get it alone, or read the results of the sweep by"
                              " its path",
                              args->params->items[i].name, dj_buf_str(&shown));
        }
    }
    return 0;
}

int dj_swept_row(const struct dj_swept *swept, uint64_t number, struct dj_row *ret,
                 struct dj_err *err)
{
    dj_cleanup_args struct dj_args args = DJ_ARGS_INIT;
    int rc;

    dj_sweep_args(swept->sweep, number, &args);
    rc = check_text(&args, err);
    if (rc == 0)
        dj_sweep_columns(swept->sweep, &args, ret);
    return rc;
}

int dj_swept_words(const struct dj_swept *swept, uint64_t number, struct dj_list *ret,
                   struct dj_err *err)
{
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    int rc = dj_swept_row(swept, number, &row, err);

    return rc < 0 ? rc : dj_row_words(&row, &swept->params, ret, err);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static int ask(struct dj_cli *cli, struct dj_batch *batch, const struct dj_swept *swept,
               uint64_t number, struct dj_err *err)
{
    dj_cleanup_free const char **words = NULL;
    dj_cleanup_free size_t *lens = NULL;
    struct dj_list list = {0};
    int rc = dj_swept_words(swept, number, &list, err);

    words = dj_xcalloc(list.n + 1, sizeof(*words));
    lens = dj_xcalloc(list.n + 1, sizeof(*lens));
    for (size_t i = 0; i < list.n; i++) {
        words[i] = dj_buf_str(DJ_LIST_AT(&list, struct dj_buf, i));
        lens[i] = dj_list_bytes(&list, i).len;
    }
    if (rc == 0)
        rc = dj_said(cli, dj_batch_add(batch, (int)list.n, words, lens, NULL), err);
    dj_bytes_list_release(&list);
    return rc;
}

/* Those that are called lie in *ret from first on, in the order in which they were asked for. */
static int answers(struct dj_cli *cli, struct dj_batch *batch, size_t first, struct dj_list *ret,
                   struct dj_err *err)
{
    int rc;

    while ((rc = dj_batch_next(batch, -1)) == 1) {
        struct dj_buf *run = DJ_LIST_AT(ret, struct dj_buf, first + dj_batch_index(batch));

        rc = dj_batch_code(batch);
        if (rc < 0)
            return dj_err_set(err, -rc, "%s", dj_batch_error(batch));
        dj_buf_adds(run, dj_batch_run(batch));
    }
    return dj_said(cli, rc, err);
}

static int ask_all(struct dj_cli *cli, const struct dj_swept *swept, struct dj_list *ret,
                   struct dj_err *err)
{
    struct dj_batch *batch = dj_batch_new(cli->dj, swept->task, DJ_LAZY);
    uint64_t rows = dj_sweep_rows(swept->sweep);
    size_t first = ret->n;
    int rc = batch == NULL ? dj_said(cli, dj_refused(cli), err) : 0;

    for (uint64_t i = dj_sweep_first_from(swept->sweep, 0); rc == 0 && i < rows;
         i = dj_sweep_first_from(swept->sweep, i + 1)) {
        rc = ask(cli, batch, swept, i, err);
        dj_list_add_bytes(ret, dj_bytes(NULL, 0));
    }
    if (rc == 0)
        rc = answers(cli, batch, first, ret, err);
    dj_batch_free(batch);
    return rc;
}

struct seen {
    UT_hash_handle hh; /* by a path of the list */
};

/* Rows that differ in ignored parameters, or in files of one content, are one run. */
static void add_each_once(const struct dj_list *runs, struct dj_list *ret)
{
    struct seen *all = NULL, *seen, *next;

    for (size_t i = 0; i < runs->n; i++) {
        struct dj_bytes run = dj_list_bytes(runs, i);

        HASH_FIND(hh, all, run.data, run.len, seen);
        if (seen != NULL)
            continue;
        seen = dj_xcalloc(1, sizeof(*seen));
        HASH_ADD_KEYPTR(hh, all, run.data, run.len, seen);
        dj_list_add_bytes(ret, run);
    }
    HASH_ITER(hh, all, seen, next)
    {
        HASH_DEL(all, seen);
        free(seen);
    }
}

int dj_swept_runs(struct dj_cli *cli, bool start, int argc, char **argv, struct dj_list *ret,
                  struct dj_err *err)
{
    struct dj_swept swept DJ_CLEANUP(dj_swept_release) = {0};
    struct dj_list runs = {0};
    int rc = dj_swept_may_be(argc, argv) ? dj_swept_find(cli, start, argc, argv, &swept, err) : 0;

    if (rc == 1)
        rc = ask_all(cli, &swept, &runs, err);
    if (rc == 0)
        add_each_once(&runs, ret);
    dj_bytes_list_release(&runs);
    return rc < 0 ? rc : swept.sweep != NULL;
}

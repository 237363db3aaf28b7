/*
 * dj get and dj path with arguments that vary, or the path of a sweep: every combination.
 * (command.h)
 *
 * What varies lib/model/sweep.h says, as for the folders of the tree.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cli/map.h"
#include "lib/model/sweep.h"
#include "lib/util/mem.h"

enum { CALLS_MAX = 1000000 };

struct swept {
    char *task;
    struct dj_params params;
    struct dj_sweep *sweep;
};

static void swept_release(struct swept *swept)
{
    free(swept->task);
    dj_params_release(&swept->params);
    dj_sweep_unref(swept->sweep);
}

/* What is wrong with the task the call says: 0. */
static bool take_task(struct dj_cli *cli, struct dj_bytes task, struct swept *ret)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    ret->task = dj_xmemdup0(task.data, task.len);
    return dj_task_params(cli, ret->task, &ret->params, &err) == 0;
}

/* 1: it is one, of a path tasks/TASK/SWEEP. */
static int of_path(struct dj_cli *cli, char **argv, struct swept *ret, struct dj_err *err)
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

static int of_words(struct dj_cli *cli, int argc, char **argv, struct swept *ret,
                    struct dj_err *err)
{
    dj_cleanup_free struct dj_bytes *words = dj_xcalloc((size_t)argc, sizeof(*words));

    for (int i = 1; i < argc; i++)
        words[i - 1] = dj_bytes_of(argv[i]);
    if (!take_task(cli, dj_bytes_of(argv[0]), ret))
        return 0;
    return dj_sweep_of_words(ret->task, &ret->params, words, (size_t)argc - 1, &ret->sweep, err);
}

/* The rows that they make. 1: there are some; 0: it is one call. */
static int rows_of(struct dj_cli *cli, int argc, char **argv, struct swept *ret,
                   struct dj_rows *rows, struct dj_err *err)
{
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    int rc = dj_connect(cli, true, err);

    if (rc < 0)
        return rc;
    rc = argc == 1 && strchr(argv[0], '/') != NULL ? of_path(cli, argv, ret, err)
                                                   : of_words(cli, argc, argv, ret, err);
    if (rc == 1 && dj_sweep_rows(ret->sweep) > CALLS_MAX)
        rc = dj_err_set(err, E2BIG, "these are more than %d calls; `dj frame` and `dj map` take any"
                        " number", CALLS_MAX);
    for (uint64_t i = 0; rc == 1 && i < dj_sweep_rows(ret->sweep); i++) {
        dj_cleanup_args struct dj_args args = DJ_ARGS_INIT;

        dj_sweep_args(ret->sweep, i, &args);
        dj_sweep_columns(ret->sweep, &args, &row);
        dj_row_print(&rows->in, &row);
    }
    rows->at_end = true;
    rows->reader.file = ret->task;
    return rc;
}

int dj_get_sweep(struct dj_cli *cli, struct dj_get_options *options, int argc, char **argv)
{
    struct dj_map_options map = {.as = "result", .session = options->session,
                                 .launch = options->launch, .flags = options->flags,
                                 .timeout_ms = options->timeout_ms,
                                 .raw = true};
    dj_cleanup_rows struct dj_rows rows = DJ_ROWS_INIT;
    struct swept swept DJ_CLEANUP(swept_release) = {0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = rows_of(cli, argc, argv, &swept, &rows, &err);

    if (rc == 1 && (options->ignore.n != 0 || options->keep.n != 0))
        rc = dj_err_set(&err, EINVAL, "--ignore and --keep are for one call");
    if (rc < 0)
        return dj_fail(rc, &err);
    map.task = swept.task;
    return rc == 0 ? dj_get_one(cli, options, argc, argv) : dj_map(cli, &map, &rows, 0, NULL);
}

int dj_path_sweep(struct dj_cli *cli, int argc, char **argv)
{
    struct dj_map_options map = {.as = "result", .raw = true, .lazy = true};
    dj_cleanup_rows struct dj_rows rows = DJ_ROWS_INIT;
    struct swept swept DJ_CLEANUP(swept_release) = {0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = rows_of(cli, argc, argv, &swept, &rows, &err);

    if (rc < 0)
        return dj_fail(rc, &err);
    map.task = swept.task;
    return rc == 0 ? dj_path_one(cli, argc, argv) : dj_map(cli, &map, &rows, 0, NULL);
}

/*
 * dj get, dj path with arguments that vary, or the path of a sweep: every combination.
 * (command.h)
 */
#include <errno.h>

#include "cli/map.h"
#include "cli/swept.h"
#include "lib/util/mem.h"

/* The rows that they make. 1: there are some; 0: it is one call. */
static int rows_of(struct dj_cli *cli, int argc, char **argv, struct dj_swept *ret,
                   struct dj_rows *rows, struct dj_err *err)
{
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    int rc = dj_swept_find(cli, true, argc, argv, ret, err);

    for (uint64_t i = 0; rc == 1 && i < dj_sweep_rows(ret->sweep); i++) {
        int code = dj_swept_row(ret, i, &row, err);

        if (code < 0)
            return code;
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
    struct dj_swept swept DJ_CLEANUP(dj_swept_release) = {0};
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
    struct dj_swept swept DJ_CLEANUP(dj_swept_release) = {0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = rows_of(cli, argc, argv, &swept, &rows, &err);

    if (rc < 0)
        return dj_fail(rc, &err);
    map.task = swept.task;
    return rc == 0 ? dj_path_one(cli, argc, argv) : dj_map(cli, &map, &rows, 0, NULL);
}

/* dj load: a side file of every row's run, as a column. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/progress_bar.h"
#include "cli/rows.h"
#include "lib/model/json.h"
#include "lib/model/json_text.h"
#include "lib/model/row_call.h"

enum { AS = 400, CELL_MAX = 1 << 20, STEP = 64 << 10 };

struct loading {
    struct dj_cli *cli;
    struct dj_rows rows;
    const char *file;
    const char *as;
    struct dj_bar *bar;
    struct dj_row row;
    struct dj_buf path, content;
    size_t failed;
    bool large;
};

/* All of it, or -EFBIG. */
static int read_cell(struct loading *loading, struct dj_err *err)
{
    struct dj *dj = loading->cli->dj;
    struct dj_file *file = dj_file_open(dj, dj_buf_str(&loading->path), 0);
    int64_t n = 1;

    if (file == NULL)
        return dj_said(loading->cli, dj_refused(loading->cli), err);
    while (n > 0 && loading->content.len <= CELL_MAX) {
        n = dj_file_read(file, dj_buf_room(&loading->content, STEP), STEP);
        if (n > 0)
            loading->content.len += (size_t)n;
    }
    dj_file_close(file);
    loading->large = loading->content.len > CELL_MAX;
    return n < 0 ? dj_said(loading->cli, (int)n, err) : loading->large ? -EFBIG : 0;
}

/* Where the file is; of a run that is not done nothing is looked for, since that would compute. */
static int find_path(struct loading *loading, struct dj_err *err)
{
    struct dj_bytes run = dj_row_get(&loading->row, DJ_BYTES_LIT("run"));
    struct dj_bytes status = dj_row_get(&loading->row, DJ_BYTES_LIT("status"));

    dj_buf_clear(&loading->path);
    if (run.len == 0 || run.data[0] != '"')
        return dj_err_set(err, EINVAL, "the row has no run; `dj map` gives it one");
    if (status.len != 0 && !dj_bytes_is(status, "\"done\""))
        return dj_err_set(err, ENOENT, "its run is not done");
    dj_json_unquote(&loading->path, run);
    if (!dj_bytes_starts(dj_buf_bytes(&loading->path), DJ_BYTES_LIT("tasks/")))
        return dj_err_set(err, EINVAL, "%s is not the path of a run, which is tasks/TASK/NAME",
                          dj_buf_str(&loading->path));
    dj_buf_addf(&loading->path, "/files/%s", loading->file);
    return 0;
}

/* What is too large for a cell, or no text, is named by its path. */
static int load(struct loading *loading, struct dj_err *err)
{
    struct dj_buf *value;
    int rc = find_path(loading, err);

    dj_buf_clear(&loading->content);
    loading->large = false;
    if (rc == 0)
        rc = read_cell(loading, err);
    value = dj_row_set(&loading->row, dj_bytes_of(loading->as));
    if (rc < 0 && !loading->large) {
        dj_buf_adds(value, "null");
        return rc;
    }
    if (loading->large || !dj_result_cell(value, dj_buf_bytes(&loading->content)))
        dj_json_string(value, dj_buf_bytes(&loading->path));
    return 0;
}

static bool is_fatal(int code)
{
    return code == -ENOTCONN || code == -EPROTO || code == -EINTR;
}

static int load_row(struct loading *loading, struct dj_err *err)
{
    dj_cleanup_err struct dj_err why = DJ_ERR_INIT;
    int rc = load(loading, &why);

    if (rc < 0 && is_fatal(rc))
        return dj_err_set(err, -rc, "%s", dj_err_text(&why, rc));
    if (rc < 0) {
        loading->failed++;
        dj_bar_hide(loading->bar);
        fprintf(stderr, "dj: %s:%zu: %s\n", loading->rows.reader.file, loading->rows.reader.line,
                dj_err_text(&why, rc));
        dj_bar_show(loading->bar, false);
    }
    return dj_rows_put(&loading->rows, &loading->row, err);
}

static int run(struct loading *loading, struct dj_err *err)
{
    uint64_t done = 0;
    int rc = dj_connect(loading->cli, false, err);

    if (rc == 0)
        rc = dj_rows_open(&loading->rows, err);
    if (rc < 0)
        return rc;
    loading->bar = isatty(STDOUT_FILENO) ? NULL : dj_bar_begin(loading->cli, "files", 0);
    while (rc == 0 && (rc = dj_rows_next(&loading->rows, &loading->row, err)) == 1) {
        rc = load_row(loading, err);
        dj_bar_set(loading->bar, ++done, 0);
    }
    dj_bar_end(loading->bar);
    if (rc == 0)
        return dj_rows_flush(&loading->rows, err);
    (void)!dj_rows_flush(&loading->rows, NULL);
    return rc;
}

int dj_cmd_load(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"as", required_argument, NULL, AS},
        DJ_ROWS_LONGS,
        {NULL, 0, NULL, 0},
    };
    struct loading loading = {.cli = cli, .rows = DJ_ROWS_INIT};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int option, rc = 0;

    while (rc >= 0 && (option = getopt_long(argc, argv, "+:" DJ_ROWS_SHORTS, longs, NULL)) != -1) {
        if (option == AS)
            loading.as = optarg;
        else if ((rc = dj_rows_option(&loading.rows, option, optarg, &err)) == 0)
            return dj_bad_option(argv, option);
    }
    if (rc >= 0 && argc - optind != 1)
        return dj_usage("load");
    if (rc >= 0) {
        loading.file = argv[optind];
        loading.as = loading.as == NULL ? loading.file : loading.as;
        if (*loading.file == '\0' || *loading.as == '\0')
            rc = dj_err_set(&err, EINVAL, "a file, and a column, need a name");
        else
            rc = run(&loading, &err);
    }
    dj_rows_release(&loading.rows);
    dj_row_release(&loading.row);
    dj_buf_release(&loading.path);
    dj_buf_release(&loading.content);
    if (rc < 0)
        return dj_rows_fail(rc, &err);
    return loading.failed != 0 ? DJ_EX_FAILED : DJ_EX_OK;
}

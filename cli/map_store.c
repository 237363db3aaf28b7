/* dj map --frame: rows with their calls handed over to the daemon. (map.h) */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/map.h"
#include "cli/progress_bar.h"
#include "lib/model/row_call.h"
#include "lib/util/mem.h"

struct storing {
    struct dj_cli *cli;
    struct dj_rows *rows;
    struct dj_params params;
    struct dj_list assigned;
    struct dj_row row, call;
    struct dj_frame *frame;
    struct dj_buf text; /* of the row */
};

static int begin(struct storing *storing, const struct dj_map_options *options, struct dj_err *err)
{
    struct dj_cli *cli = storing->cli;

    storing->frame = dj_frame_new(cli->dj, options->frame, options->task, options->as,
                                  (unsigned)options->flags);
    if (storing->frame == NULL)
        return dj_said(cli, dj_refused(cli), err);
    (void)dj_frame_set_session(storing->frame, options->session);
    (void)dj_frame_set_launch(storing->frame, options->launch);
    return dj_said(cli, dj_frame_start(storing->frame), err);
}

static int add_row(struct storing *storing, const struct dj_list *words, struct dj_err *err)
{
    dj_cleanup_free const char **texts = dj_xcalloc(words->n + 1, sizeof(*texts));
    dj_cleanup_free size_t *lens = dj_xcalloc(words->n + 1, sizeof(*lens));

    for (size_t i = 0; i < words->n; i++) {
        texts[i] = dj_buf_str(DJ_LIST_AT(words, struct dj_buf, i));
        lens[i] = dj_list_bytes(words, i).len;
    }
    return dj_said(storing->cli,
                   dj_frame_add(storing->frame, dj_buf_str(&storing->text), storing->text.len,
                                (int)words->n, texts, lens),
                   err);
}

static int add(struct storing *storing, struct dj_err *err)
{
    struct dj_row *call = &storing->row;
    struct dj_list words = {0};
    int rc = 0;

    dj_buf_clear(&storing->text);
    dj_row_print(&storing->text, &storing->row);
    if (storing->assigned.n != 0) {
        dj_row_copy(&storing->call, &storing->row);
        rc = dj_map_assign(&storing->assigned, &storing->row, &storing->call, err);
        call = &storing->call;
    }
    if (rc == 0)
        rc = dj_row_words(call, &storing->params, &words, err);
    if (rc == 0)
        rc = add_row(storing, &words, err);
    dj_bytes_list_release(&words);
    return rc == 0 || rc == -ENOTCONN ? rc : dj_rows_blame(storing->rows, rc, err);
}

static int hand_over(struct storing *storing, struct dj_bar *bar, struct dj_err *err)
{
    uint64_t done = 0;
    int rc = 0;

    while (rc == 0 && (rc = dj_rows_next(storing->rows, &storing->row, err)) == 1) {
        rc = add(storing, err);
        dj_bar_set(bar, ++done, 0);
    }
    return rc == 0 ? dj_said(storing->cli, dj_frame_store(storing->frame, NULL), err) : rc;
}

static int store(struct storing *storing, const struct dj_map_options *options, int argc,
                 char **argv, struct dj_err *err)
{
    struct dj_bar *bar;
    int rc = dj_connect(storing->cli, true, err);

    if (rc == 0)
        rc = dj_task_params(storing->cli, options->task, &storing->params, err);
    if (rc == 0 && storing->rows->reader.format == DJ_ROWS_LINES)
        rc = dj_map_lines_column(&storing->params, options->task, storing->rows, err);
    if (rc == 0)
        rc = dj_map_assignments(argc, argv, &storing->params, &storing->assigned, err);
    if (rc == 0)
        rc = dj_rows_open(storing->rows, err);
    if (rc == 0)
        rc = begin(storing, options, err);
    if (rc < 0)
        return rc;
    bar = dj_bar_begin(storing->cli, "rows handed over", 0);
    rc = hand_over(storing, bar, err);
    dj_bar_end(bar);
    return rc;
}

int dj_map_store(struct dj_cli *cli, const struct dj_map_options *options, struct dj_rows *rows,
                 int argc, char **argv)
{
    struct storing storing = {.cli = cli, .rows = rows};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = store(&storing, options, argc, argv, &err);

    dj_frame_free(storing.frame);
    dj_buf_release(&storing.text);
    dj_map_assignments_release(&storing.assigned);
    dj_params_release(&storing.params);
    dj_row_release(&storing.row);
    dj_row_release(&storing.call);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

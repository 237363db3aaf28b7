/* dj run with arguments that vary. */
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/swept.h"

/* By its words, since what is ignored among them is no part of a run's name. */
static int start_row(struct dj_cli *cli, const struct dj_get_options *options,
                     const struct dj_swept *swept, uint64_t number, struct dj_err *err)
{
    struct dj_request *request = dj_request_get(cli->dj, swept->task);
    struct dj_list words = {0};
    int rc = request == NULL ? dj_said(cli, dj_refused(cli), err)
                             : dj_swept_words(swept, number, &words, err);

    for (size_t i = 0; rc == 0 && i < words.n; i++) {
        struct dj_bytes word = dj_list_bytes(&words, i);

        rc = dj_said(cli, dj_request_add_bytes(request, word.data, word.len), err);
    }
    if (rc == 0)
        rc = dj_said(cli, dj_set_options(request, options), err);
    if (rc == 0)
        rc = dj_said(cli, dj_perform(request), err);
    dj_request_free(request);
    dj_bytes_list_release(&words);
    return rc;
}

static int fail_of_row(const struct dj_swept *swept, uint64_t number, int rc,
                       const struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf run = DJ_BUF_INIT;

    dj_buf_addf(&run, "tasks/%s/", swept->task);
    dj_sweep_spelling(swept->sweep, number, &run);
    return dj_fail_of(rc, dj_buf_str(&run), err);
}

/* One that is refused keeps none that comes after it from being started. */
static int start_each(struct dj_cli *cli, const struct dj_get_options *options,
                      const struct dj_swept *swept)
{
    uint64_t rows = dj_sweep_rows(swept->sweep);
    dj_cleanup_bar struct dj_bar *bar = dj_bar_begin(cli, "run", rows);
    int worst = DJ_EX_OK;

    for (uint64_t i = dj_sweep_first_from(swept->sweep, 0); i < rows;
         i = dj_sweep_first_from(swept->sweep, i + 1)) {
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
        int rc = start_row(cli, options, swept, i, &err), code = DJ_EX_OK;

        if (rc < 0) {
            dj_bar_hide(bar);
            code = fail_of_row(swept, i, rc, &err);
            dj_bar_show(bar, false);
        }
        worst = DJ_MAX(worst, code);
        if (code == DJ_EX_NO_DAEMON)
            break;
        dj_bar_set(bar, i + 1, rows);
    }
    return worst;
}

int dj_run_sweep(struct dj_cli *cli, const struct dj_get_options *options, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_swept swept DJ_CLEANUP(dj_swept_release) = {0};
    int rc = dj_swept_find(cli, true, argc, argv, &swept, &err);

    if (rc < 0)
        return dj_fail(rc, &err);
    return rc == 0 ? dj_run_one(cli, options, argc, argv) : start_each(cli, options, &swept);
}

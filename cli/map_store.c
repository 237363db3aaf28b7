/* dj map --frame: rows with their calls handed over to the daemon. (map.h) */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/map.h"
#include "cli/progress_bar.h"
#include "lib/model/row_call.h"
#include "lib/util/mem.h"

enum { GROUP_ROWS = 1000, GROUP_BYTES = 1 << 20, ROW_MAX = 4 << 20 };

struct storing {
    struct dj_cli *cli;
    struct dj_rows *rows;
    struct dj_params params;
    struct dj_list assigned;
    struct dj_row row, call;
    struct dj_msg_rows group;
    size_t bytes;
};

static int begin(struct storing *storing, const struct dj_map_options *options, struct dj_err *err)
{
    struct dj_msg_frame ask = {.flags = options->flags};
    struct dj_message_in answer;
    char *cwd = getcwd(NULL, 0);
    int rc;

    ask.name = dj_xstrdup(options->frame);
    ask.task = dj_xstrdup(options->task);
    ask.as = dj_xstrdup(options->as);
    ask.cwd = cwd == NULL ? dj_xstrdup("") : cwd;
    ask.session = options->session == NULL ? NULL : dj_xstrdup(options->session);
    ask.launch = options->launch == NULL ? NULL : dj_xstrdup(options->launch);
    rc = dj_connection_call_env(storing->cli->connection, DJ_MSG_FRAME, &ask, &ask.env, DJ_MSG_OK,
                                &answer, err);
    dj_codec_release(dj_message_layout(DJ_MSG_FRAME), &ask);
    if (rc == 0)
        dj_message_release(&answer);
    return rc;
}

static int send(struct storing *storing, bool end, struct dj_err *err)
{
    struct dj_message_in answer;
    int rc;

    storing->group.end = end;
    rc = dj_connection_call(storing->cli->connection, DJ_MSG_ROWS, &storing->group, DJ_MSG_OK,
                            &answer, err);
    dj_codec_release(dj_message_layout(DJ_MSG_ROWS), &storing->group);
    storing->bytes = 0;
    if (rc == 0)
        dj_message_release(&answer);
    return rc;
}

/* A struct dj_part_word is a struct dj_buf. */
static int add(struct storing *storing, struct dj_err *err)
{
    struct dj_part_frame_row *part = dj_list_add(&storing->group.rows, sizeof(*part));
    struct dj_row *call = &storing->row;
    size_t bytes;
    int rc = 0;

    dj_row_print(&part->row, &storing->row);
    if (storing->assigned.n != 0) {
        dj_row_copy(&storing->call, &storing->row);
        rc = dj_map_assign(&storing->assigned, &storing->row, &storing->call, err);
        call = &storing->call;
    }
    if (rc == 0)
        rc = dj_row_words(call, &storing->params, &part->words, err);
    bytes = part->row.len;
    for (size_t i = 0; i < part->words.n; i++)
        bytes += dj_list_bytes(&part->words, i).len;
    storing->bytes += bytes;
    if (rc == 0 && bytes > ROW_MAX)
        rc = dj_err_set(err, E2BIG, "a row of a stored frame has at most %d MiB with its arguments",
                        ROW_MAX >> 20);
    return rc < 0 ? dj_rows_blame(storing->rows, rc, err) : 0;
}

static int hand_over(struct storing *storing, struct dj_bar *bar, struct dj_err *err)
{
    uint64_t done = 0;
    int rc = 0;

    while (rc == 0 && (rc = dj_rows_next(storing->rows, &storing->row, err)) == 1) {
        rc = add(storing, err);
        if (rc == 0 && (storing->group.rows.n == GROUP_ROWS || storing->bytes >= GROUP_BYTES))
            rc = send(storing, false, err);
        dj_bar_set(bar, ++done, 0);
    }
    return rc == 0 ? send(storing, true, err) : rc;
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

    dj_codec_release(dj_message_layout(DJ_MSG_ROWS), &storing.group);
    dj_map_assignments_release(&storing.assigned);
    dj_params_release(&storing.params);
    dj_row_release(&storing.row);
    dj_row_release(&storing.call);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

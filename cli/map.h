/*
 * dj map: what its files share.
 *
 * A row becomes a call: columns named like parameters are its arguments, and the words behind TASK
 * (PARAM=VALUE, PARAM:=EXPR) stand in for them. What comes back are the columns run, status and
 * the result, and error where there is none.
 */
#ifndef DJ_CLI_MAP_H
#define DJ_CLI_MAP_H

#include "cli/rows.h"
#include "lib/model/param.h"

struct dj_map_options {
    const char *task;
    const char *as;       /* the result's column */
    const char *session;  /* or NULL */
    const char *launch;   /* or NULL */
    uint64_t flags;       /* DJ_FORCE, DJ_INCOGNITO, DJ_CACHED */
    uint64_t timeout_ms;
    uint64_t max_fails;   /* it stops when so many rows have failed; 0: never */
    const char *frame;    /* the name of a stored frame, which the daemon computes; or NULL */
    bool raw;             /* no rows come out, but the results, each with a newline at its end; with
                           * lazy the paths of the runs */
    bool lazy;            /* nothing is computed: only the column run */
};

/* dj_map(cli, options, rows, argc, argv): all of it; argv is the words behind TASK. Exit code. */
int dj_map(struct dj_cli *cli, const struct dj_map_options *options, struct dj_rows *rows,
           int argc, char **argv);

/* dj_map_store(cli, options, rows, argc, argv): likewise, for options->frame (map_store.c). */
int dj_map_store(struct dj_cli *cli, const struct dj_map_options *options, struct dj_rows *rows,
                 int argc, char **argv);

/* ---- map_words.c ----------------------------------------------------------------------------- */

/* dj_task_params(cli, task, ret, err): the parameters of a task; connected. -ENOENT. */
int dj_task_params(struct dj_cli *cli, const char *task, struct dj_params *ret,
                   struct dj_err *err) DJ_MUST_CHECK;

/* dj_map_assignments(argc, argv, params, ret, err): PARAM=VALUE and PARAM:=EXPR. -EINVAL. */
int dj_map_assignments(int argc, char **argv, const struct dj_params *params, struct dj_list *ret,
                       struct dj_err *err) DJ_MUST_CHECK;
void dj_map_assignments_release(struct dj_list *assignments);
/* dj_map_assign(assignments, row, call, err): what they give for a row, into another. */
int dj_map_assign(const struct dj_list *assignments, const struct dj_row *row, struct dj_row *call,
                  struct dj_err *err) DJ_MUST_CHECK;

/* dj_map_lines_column(params, task, rows, err): with -R a line is the first parameter's value. */
int dj_map_lines_column(const struct dj_params *params, const char *task, struct dj_rows *rows,
                        struct dj_err *err) DJ_MUST_CHECK;

#endif

/*
 * Words of a command line whose arguments vary, or the path of a sweep: the runs that are meant.
 *
 * What varies lib/model/sweep.h says, as for the folders of the tree.
 */
#ifndef DJ_CLI_SWEPT_H
#define DJ_CLI_SWEPT_H

#include "cli/command.h"
#include "lib/model/row.h"
#include "lib/model/sweep.h"

struct dj_swept {
    char *task;
    struct dj_params params;
    struct dj_sweep *sweep;
};

/* dj_swept_may_be(argc, argv): they look like a sweep; if they are one, the parameters tell. */
bool dj_swept_may_be(int argc, char **argv);

/*
 * dj_swept_find(cli, start, argc, argv, ret, err): 1: these words are a sweep, of a million calls
 * at most; 0: one call. Connects, as dj_connect() does.
 */
int dj_swept_find(struct dj_cli *cli, bool start, int argc, char **argv, struct dj_swept *ret,
                  struct dj_err *err) DJ_MUST_CHECK;
void dj_swept_release(struct dj_swept *swept);

/* dj_swept_row(swept, number, ret, err): what the sweep names, as columns; -EINVAL: a value is no
 * UTF-8. */
int dj_swept_row(const struct dj_swept *swept, uint64_t number, struct dj_row *ret,
                 struct dj_err *err) DJ_MUST_CHECK;

/* dj_swept_words(swept, number, ret, err): the words of that row's call are added (struct dj_buf).
 * As dj_swept_row() otherwise. */
int dj_swept_words(const struct dj_swept *swept, uint64_t number, struct dj_list *ret,
                   struct dj_err *err) DJ_MUST_CHECK;

/* dj_swept_runs(cli, start, argc, argv, ret, err): 1: the paths of the runs of that sweep in their
 * order, each once, are added (struct dj_buf); 0: it is one call. Nothing is computed. A path has
 * no values of ignored parameters: to start a run takes its words. */
int dj_swept_runs(struct dj_cli *cli, bool start, int argc, char **argv, struct dj_list *ret,
                  struct dj_err *err) DJ_MUST_CHECK;

#endif

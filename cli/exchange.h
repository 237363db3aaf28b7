/*
 * What dj import and dj sync share: definitions that came with runs, and the words about what was
 * taken in.
 */
#ifndef DJ_CLI_EXCHANGE_H
#define DJ_CLI_EXCHANGE_H

#include "cli/intake.h"

/* dj_define_brought(cli, brought, err): struct dj_brought (cli/archive/archive.h): those tasks that
 * are not defined here are, in the current folder; others stay as they are. */
int dj_define_brought(struct dj_cli *cli, const struct dj_list *brought,
                      struct dj_err *err) DJ_MUST_CHECK;

/* dj_tell_intake(cli, counts): conflicts, and tasks whose runs wait for a definition, on stderr. */
void dj_tell_intake(const struct dj_cli *cli, const struct dj_intake_counts *counts);

/* dj_intake_json(buf, counts): the members of a JSON object, without its braces. */
void dj_intake_json(struct dj_buf *buf, const struct dj_intake_counts *counts);

#endif

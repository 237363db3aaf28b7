/*
 * What dj import and dj sync share: definitions that came with runs, and the words about what was
 * taken in.
 */
#ifndef DJ_CLI_EXCHANGE_H
#define DJ_CLI_EXCHANGE_H

#include "cli/command.h"

/* dj_define_brought(cli, brought, err): struct dj_brought (cli/archive/archive.h): those tasks that
 * are not defined here are, in the current folder; others stay as they are. */
int dj_define_brought(struct dj_cli *cli, const struct dj_list *brought,
                      struct dj_err *err) DJ_MUST_CHECK;

/* dj_tell_conflicts(import): on stderr; how many. NULL: none. */
size_t dj_tell_conflicts(const struct dj_import *import);
/* dj_tell_waiting(cli, import): tasks whose runs wait for a definition, on stderr. */
void dj_tell_waiting(struct dj_cli *cli, const struct dj_import *import);

/* dj_import_json(buf, import): the members of a JSON object, without its braces. */
void dj_import_json(struct dj_buf *buf, const struct dj_import *import);

#endif

/*
 * Stored runs that are meant: by their numbers in the store of a connection, each once.
 *
 *     struct dj_selection selection = {.connection = connection};
 *     dj_select(&selection, "factorial", NULL, err);
 *     dj_select_called(&selection, err);       what these rest on, too
 *     dj_select_sort(&selection);              what was called comes before who called it
 *     dj_selection_release(&selection);
 */
#ifndef DJ_CLI_SELECTION_H
#define DJ_CLI_SELECTION_H

#include "cli/progress_bar.h"
#include "lib/client/connection.h"

struct dj_chosen {
    uint64_t instance;
    uint64_t end_ns;
    uint64_t bytes;
    struct dj_digest id;
    bool current;
};

struct dj_known; /* instances or ids that are in it */

struct dj_selection {
    struct dj_connection *connection;
    struct dj_bar *bar;      /* may be NULL */
    uint64_t flags;          /* DJ_RUNS_* */
    struct dj_list chosen;   /* struct dj_chosen */
    struct dj_list called;   /* uint64_t: instances that may have to be looked at */
    struct dj_known *known;
    uint64_t bytes;
};

/* dj_select(selection, task, name, err): of one run; name NULL: of a task; task NULL: of all. */
int dj_select(struct dj_selection *selection, const char *task, const char *name,
              struct dj_err *err) DJ_MUST_CHECK;
/* dj_select_called(): all that the chosen ones called, and so on; flags had DJ_RUNS_CALLS. */
int dj_select_called(struct dj_selection *selection, struct dj_err *err) DJ_MUST_CHECK;
void dj_select_sort(struct dj_selection *selection);
void dj_selection_release(struct dj_selection *selection);

/* A set of ids. */
struct dj_ids;
void dj_ids_add(struct dj_ids **ids, const struct dj_digest *id);
bool dj_ids_has(const struct dj_ids *ids, const struct dj_digest *id);
size_t dj_ids_count(const struct dj_ids *ids);
void dj_ids_free(struct dj_ids **ids);

#endif

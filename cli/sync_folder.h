/*
 * A folder that several stores share: an archive a run, named by the time of its end and its id.
 *
 * Whoever writes a run writes the same name, and a file takes its name when it is whole, so two can
 * write at once, by whatever carries the folder from one to the other. Names sort by time, so that
 * what was called comes before who called it.
 */
#ifndef DJ_CLI_SYNC_FOLDER_H
#define DJ_CLI_SYNC_FOLDER_H

#include "cli/outgoing.h"

struct dj_folder_run {
    struct dj_digest id;
    char *name;
};

/* dj_folder_list(folder, ret, err): struct dj_folder_run, sorted; what is no archive is ignored. */
int dj_folder_list(const char *folder, struct dj_list *ret, struct dj_err *err) DJ_MUST_CHECK;
void dj_folder_release(struct dj_list *runs);

/* dj_folder_put(folder, store, run, err): written under its name. */
int dj_folder_put(const char *folder, const char *store, struct dj_outgoing *run,
                  struct dj_err *err) DJ_MUST_CHECK;

/* dj_folder_name(buf, end_ns, id); dj_folder_parse(name, ret): -EINVAL. Pure. */
void dj_folder_name(struct dj_buf *buf, uint64_t end_ns, const struct dj_digest *id);
int dj_folder_parse(const char *name, struct dj_digest *ret_id) DJ_MUST_CHECK;

#endif

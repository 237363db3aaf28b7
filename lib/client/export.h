/*
 * Contents of a run in the order in which they travel: its list of files, its result, its log, its
 * files. What an export tells of and an import asks for are the same.
 */
#ifndef DJ_CLIENT_EXPORT_H
#define DJ_CLIENT_EXPORT_H

#include "lib/client/client.h"
#include "lib/model/records.h"

struct dj_contents {
    struct dj_rec_carried carried;
    struct dj_rec_manifest manifest; /* of what dj_contents_files() was given */
    size_t at;                       /* the present one, from 1; 0: before the first */
    const struct dj_rec_content *content;
    struct dj_buf name;
};

/* dj_contents_open(contents, record, err): -EBADMSG, -EPROTONOSUPPORT. */
int dj_contents_open(struct dj_contents *contents, struct dj_bytes record,
                     struct dj_err *err) DJ_MUST_CHECK;
/* dj_contents_files(contents, bytes, err): the first content's bytes, before the third is asked
 * for. */
int dj_contents_files(struct dj_contents *contents, struct dj_bytes bytes,
                      struct dj_err *err) DJ_MUST_CHECK;
/* dj_contents_next(contents): content and name are the next ones'; false: there is none. */
bool dj_contents_next(struct dj_contents *contents);
bool dj_contents_is_files(const struct dj_contents *contents);
void dj_contents_release(struct dj_contents *contents);

/* dj_carried_bytes(instance): of all content of a run. */
uint64_t dj_carried_bytes(const struct dj_rec_instance *instance);

/* dj_export_dj(run): whose it is; NULL: that went. */
struct dj *dj_export_dj(const struct dj_export *run);

#define DJ_PIECE_MAX (1024 * 1024)

#endif

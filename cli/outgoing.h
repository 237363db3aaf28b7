/*
 * A run on its way into an archive: what libdj exports, with its record and its list of files read.
 *
 * Its contents come in their order: dj_export_next() of `run` is called for each.
 */
#ifndef DJ_CLI_OUTGOING_H
#define DJ_CLI_OUTGOING_H

#include "lib/client/dj.h"
#include "lib/model/records.h"

#define DJ_PIECE_MAX (1024 * 1024)

struct dj_outgoing {
    struct dj *dj;
    struct dj_export *run;
    struct dj_rec_carried carried;
    struct dj_buf files;           /* an encoded manifest, empty: no files */
    struct dj_rec_manifest manifest;
};

/* dj_outgoing_open(): -EBADMSG with a sentence: it has files that no other store takes. */
int dj_outgoing_open(struct dj *dj, uint64_t instance, struct dj_outgoing *ret,
                     struct dj_err *err) DJ_MUST_CHECK;
void dj_outgoing_release(struct dj_outgoing *outgoing);

/* dj_outgoing_text(outgoing, name): "key", "args"…, as dj_export_text(). */
struct dj_bytes dj_outgoing_text(const struct dj_outgoing *outgoing, const char *name);
uint64_t dj_outgoing_bytes(const struct dj_outgoing *outgoing); /* of all its content */

#endif

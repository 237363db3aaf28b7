/*
 * A run as the daemon of a connection gives it: its record, what people read of it, its content.
 *
 * dj_outgoing_open() asks for the run; until the next one is asked for, its content can be read by
 * dj_outgoing_content(), in pieces, whatever its size.
 */
#ifndef DJ_CLI_OUTGOING_H
#define DJ_CLI_OUTGOING_H

#include "lib/client/connection.h"
#include "lib/model/records.h"

struct dj_outgoing {
    struct dj_connection *connection;
    struct dj_message_in answer;
    const struct dj_msg_exported *run; /* borrowed from the answer */
    struct dj_rec_carried carried;
    struct dj_buf files;               /* an encoded manifest, empty: no files */
    struct dj_rec_manifest manifest;
};

/* dj_outgoing_open(): -EBADMSG with a sentence: it has files that no other store takes. */
int dj_outgoing_open(struct dj_connection *connection, uint64_t instance, bool texts,
                     struct dj_outgoing *ret, struct dj_err *err) DJ_MUST_CHECK;
void dj_outgoing_release(struct dj_outgoing *outgoing);

/* dj_outgoing_content(): each() gets the bytes in order, at most DJ_PIECE_MAX at once; a negative
 * errno ends it. */
#define DJ_PIECE_MAX (1024 * 1024)
typedef int dj_piece_fn(void *cookie, struct dj_bytes piece, struct dj_err *err);
int dj_outgoing_content(struct dj_outgoing *outgoing, const struct dj_rec_content *content,
                        dj_piece_fn *each, void *cookie, struct dj_err *err) DJ_MUST_CHECK;

#endif

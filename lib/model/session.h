/*
 * Sessions by their words: how many workers and which resources runs share.
 *
 *     NAME                          one that there is: `default`, or one of dj.conf
 *     new                           one of the call's own, which ends with its runs
 *     new,workers=10,ram=128        with so many workers and resources
 *
 * Names are [A-Za-z0-9_][A-Za-z0-9_.-]* of at most 64 bytes; `new`, `self` and names that begin
 * with "new-" are djfs's own. Pure; owned by whoever initialised it.
 */
#ifndef DJ_MODEL_SESSION_H
#define DJ_MODEL_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/codec.h"
#include "lib/util/buf.h"
#include "lib/util/err.h"

#define DJ_SESSION_DEFAULT "default"
#define DJ_SESSION_WORKERS_MAX 65536

struct dj_session_spec {
    char *name;            /* NULL: a new one */
    uint64_t workers;      /* 0: as many as the default session has */
    struct dj_list resources; /* struct dj_resource */
    char *origin;          /* where dj.conf has it; else NULL */
};

/* dj_session_parse(text, ret, err): of a call or a definition. ret is empty on failure. */
int dj_session_parse(struct dj_bytes text, struct dj_session_spec *ret,
                     struct dj_err *err) DJ_MUST_CHECK;
void dj_session_print(struct dj_buf *buf, const struct dj_session_spec *spec);
void dj_session_spec_release(struct dj_session_spec *spec);
#define dj_cleanup_session_spec DJ_CLEANUP(dj_session_spec_release)

/* dj_session_name_ok(name, err): for one that dj.conf makes. */
int dj_session_name_ok(struct dj_bytes name, struct dj_err *err) DJ_MUST_CHECK;

/* dj_session_workers(text, ret, err): from 1 to DJ_SESSION_WORKERS_MAX. */
int dj_session_workers(struct dj_bytes text, uint64_t *ret, struct dj_err *err) DJ_MUST_CHECK;

#endif

/*
 * Why a run failed, in a sentence. Pure.
 */
#ifndef DJ_DAEMON_FAILURE_H
#define DJ_DAEMON_FAILURE_H

#include <stdbool.h>

#include "lib/model/records.h"
#include "lib/util/buf.h"

struct dj_failure {
    const char *task;                  /* NULL: a memo, whose name is its command */
    struct dj_bytes name;              /* of the run */
    const struct dj_rec_instance *rec; /* how, code, bounds, limit, reached, by, try, tries, lost */
    const char *text;                  /* what the worker or the store has to say, or NULL */
    struct dj_bytes log;               /* the end of its log: the last line says most */
    bool abandoned;                    /* cancelled since nobody waited for it any more */
};

/* dj_failure_explain(buf, failure): one sentence without a full stop. */
void dj_failure_explain(struct dj_buf *buf, const struct dj_failure *failure);

/* dj_failure_errno(rec): what the command that waited is told, so that it can tell failures apart:
 * ETIMEDOUT, ECANCELED, EOWNERDEAD (lost) or EIO. In the tree each of them is EIO or ECANCELED. */
int dj_failure_errno(const struct dj_rec_instance *rec);

#endif

/*
 * How far a run is: what it says itself, N of M, and how long the rest will take: by that, else by
 * what earlier runs took. The line of a run's file `progress`; man/dj-tree.5 has every form. Pure.
 */
#ifndef DJ_MODEL_PROGRESS_H
#define DJ_MODEL_PROGRESS_H

#include "lib/model/status.h"
#include "lib/util/buf.h"
#include "lib/util/err.h"

#define DJ_PROGRESS_MAX (UINT64_C(1) << 53) /* what every reader of JSON takes */

struct dj_progress {
    uint64_t done;
    uint64_t total; /* 0: nothing was said */
};

struct dj_progress_facts {
    enum dj_status status;      /* of the run under way, else of the instance that is shown */
    struct dj_progress said;
    uint64_t took_ns;           /* since its start, or until its end; 0: it did not begin */
    uint64_t usual_ns;          /* what earlier runs took; 0: there were none */
};

/* dj_progress_parse(text, ret, err): "3/10"; of several lines the last counts. -EINVAL. */
int dj_progress_parse(struct dj_bytes text, struct dj_progress *ret,
                      struct dj_err *err) DJ_MUST_CHECK;

/* dj_progress_print(buf, facts): one line without a newline. */
void dj_progress_print(struct dj_buf *buf, const struct dj_progress_facts *facts);

#endif

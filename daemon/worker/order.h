/*
 * A RUN message as the arrays that exec wants.
 */
#ifndef DJ_WORKER_ORDER_H
#define DJ_WORKER_ORDER_H

#include "daemon/worker/reaper.h"
#include "lib/proto/messages.h"
#include "lib/util/buf.h"
#include "lib/util/err.h"

struct dj_order_build {
    struct dj_order order; /* points into text and into the message */
    struct dj_buf text;
    struct dj_buf launched;
    size_t *offsets;
    size_t n;
    size_t cap;
};

/* dj_order_init(build, run, tmp, start_ns, err): -EINVAL for what exec cannot take. TMPDIR becomes
 * tmp. To be released in either case; run must live as long. */
int dj_order_init(struct dj_order_build *build, const struct dj_msg_run *run, const char *tmp,
                  uint64_t start_ns, struct dj_err *err) DJ_MUST_CHECK;
void dj_order_release(struct dj_order_build *build);

#endif

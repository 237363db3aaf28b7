/*
 * The line between the worker and a reaper that it keeps: orders go down, ends come up.
 *
 * Each message is one packet, so nothing is ever half there, and the end of either process is the
 * end of the line for the other. An order that does not fit is -E2BIG; a reaper that is forked for
 * it has it in its memory.
 */
#ifndef DJ_WORKER_LINE_H
#define DJ_WORKER_LINE_H

#include <stddef.h>

#include "daemon/worker/order.h"
#include "daemon/worker/record.h"

/* dj_line_open(ret): two ends, close-on-exec; 0 or -errno. */
int dj_line_open(int ret[2]) DJ_MUST_CHECK;

/* ---- the worker's end -------------------------------------------------------------------- */

/* dj_line_send_order(line, build): 0, -E2BIG, or -errno when nobody is there. Does not wait. */
int dj_line_send_order(int line, const struct dj_order_build *build) DJ_MUST_CHECK;

/* dj_line_take_end(line, ret): 1, 0 when there is none, -errno at the end of the line. */
int dj_line_take_end(int line, struct dj_exit_record *ret) DJ_MUST_CHECK;

/* ---- the reaper's end -------------------------------------------------------------------- */

/* An order that came down the line. */
struct dj_line_order {
    struct dj_order order; /* points into packet and vector */
    char *packet;
    char **vector;
    size_t cap;
};

/* dj_line_wait(line, into): waits for an order; what was there before is gone. -errno: the end. */
int dj_line_wait(int line, struct dj_line_order *into) DJ_MUST_CHECK;

/* dj_line_send_end(line, ended): 0, or -errno when the worker is no more. */
int dj_line_send_end(int line, const struct dj_exit_record *ended) DJ_MUST_CHECK;

#endif

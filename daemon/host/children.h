/*
 * Programs that stay: children that answer a JSON line a call.
 *
 * A child reads a line from its standard input for each call and writes one to its standard output
 * (lib/model/answer.h); its standard error is the log of the run. It computes one call at a time,
 * in a working directory that is empty at the beginning of each. There are as many children as
 * calls under way. One that dies or answers something else fails its call and is replaced;
 * one that has had many calls, or has grown, is replaced before the next. A call that rides is the
 * next of the child that has the call before it.
 *
 * Main thread only.
 */
#ifndef DJ_HOST_CHILDREN_H
#define DJ_HOST_CHILDREN_H

#include <poll.h>

#include "daemon/host/host.h"

struct dj_children;

struct dj_children *dj_children_new(struct dj_host *host);
/* dj_children_free(children): ends all, with what they have. */
void dj_children_free(struct dj_children *children);

/* dj_children_call(children, hosted): begins it; dj_host_ended() follows in any case. */
void dj_children_call(struct dj_children *children, struct dj_hosted *hosted);
/* dj_children_end(children, hosted, how): ends the child that has it. */
void dj_children_end(struct dj_children *children, struct dj_hosted *hosted, enum dj_exit_how how);

/* dj_children_blocked(children, hosted): it waits for a run; what rides behind it does not. */
void dj_children_blocked(struct dj_children *children, struct dj_hosted *hosted);

/* dj_children_taken(children, hosted): what it left is taken; false: it is of no child. */
bool dj_children_taken(struct dj_children *children, const struct dj_hosted *hosted);

/* dj_children_poll(children, ret): what to poll for, struct pollfd each; the moment of the steady
 * clock at which to call dj_children_look() at the latest; 0: none. */
uint64_t dj_children_poll(struct dj_children *children, struct dj_list *ret);
/* dj_children_look(children, polled, n): after that poll. */
void dj_children_look(struct dj_children *children, const struct pollfd *polled, size_t n);

#endif

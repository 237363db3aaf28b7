/*
 * Whose doing it is when a host ends: a record in its folder that djd reads when it is gone.
 *
 * A thread that gets a deadly signal, or calls exit(), leaves there which run it was in. A process
 * that is ended from outside leaves none.
 */
#ifndef DJ_HOST_CULPRIT_H
#define DJ_HOST_CULPRIT_H

#include "daemon/host/host.h"
#include "lib/model/culprit.h"

/* dj_culprit_watch(host, err): once, before there are threads. */
int dj_culprit_watch(struct dj_host *host, struct dj_err *err) DJ_MUST_CHECK;

/* dj_culprit_thread(): each thread, first: a stack for its signals; dj_culprit_thread_ends(): last
 * of all. */
void dj_culprit_thread(void);
void dj_culprit_thread_ends(void);

/* dj_culprit_enter(hosted): this thread is in that run now; NULL: in none. */
void dj_culprit_enter(struct dj_hosted *hosted);

/* dj_culprit_name(hosted, how): the process ends now, because of that run. */
void dj_culprit_name(struct dj_hosted *hosted, enum dj_exit_how how) DJ_NORETURN;

#endif

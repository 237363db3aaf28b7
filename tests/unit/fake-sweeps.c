/* The rows of sweeps beside the fake engine: none are made. (daemon/sweep_run.h) */
#include <errno.h>

#include "daemon/sweep_run.h"

struct dj_sweep_run *dj_sweep_run_new(struct dj_engine *engine, struct dj_task *task,
                                      struct dj_sweep *sweep, bool table, unsigned flags,
                                      bool strict, const struct dj_asker *asker,
                                      struct dj_err *err)
{
    (void)engine, (void)task, (void)sweep, (void)table, (void)flags, (void)strict, (void)asker;
    (void)dj_err_set(err, ENOSYS, "no rows are made here");
    return NULL;
}

void dj_sweep_run_read(struct dj_handle *handle, struct dj_request *request,
                       const struct dj_msg_read *ask)
{
    (void)handle, (void)request, (void)ask;
}

void dj_sweep_run_free(struct dj_sweep_run *run)
{
    (void)run;
}

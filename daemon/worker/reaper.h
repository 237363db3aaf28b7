/*
 * The reaper: a small process beside the worker that sees to one run at a time and that nobody
 * needs to look after.
 *
 * It starts the task in a session of its own, waits for it, ends what the task left behind, writes
 * the exit record and tells the worker (line.h). It is a subreaper, so whatever leaves the session
 * or double-forks is still its child in the end, and the record is only written when no process of
 * the run is left. It lives in a session of its own and blocks every signal: what hits the worker
 * does not hit it, and the worker's death changes nothing for the run.
 *
 * The worker forks it with its first order, and gives it the slot's next ones down the line, since
 * forking costs more than all else that a short run needs. It ends when the line does, after the
 * run that is under way.
 *
 * The signal DJ_REAPER_END with the low 31 bits of the instance as its value is the order to end
 * that run: SIGTERM to the task's process group, two seconds for all to end, then SIGKILL to
 * everything. A second one ends the two seconds. It is queued, so that one that comes late for a
 * run neither ends the next nor hides an order to end it.
 */
#ifndef DJ_WORKER_REAPER_H
#define DJ_WORKER_REAPER_H

#include <signal.h>
#include <stdint.h>

#include "daemon/worker/session_table.h"
#include "lib/proto/messages.h"

#define DJ_REAPER_END SIGRTMIN
#define DJ_REAPER_VALUE(instance) ((int)((instance) & INT32_MAX))

struct dj_order {
    uint64_t instance;
    uint64_t attempt;
    uint32_t slot;
    char **argv;
    char **envp;
    const char *cwd; /* NULL: the slot's */
    const char *result; /* a file below it; NULL: stdout */
    const char *cgroup; /* where runs may have cgroups; NULL: nowhere */
    uint64_t oom_kills; /* of the kernel, before the run */
    struct dj_part_limits limits;
    uint64_t start_ns;
    const char *launched; /* argv launches the run from this folder of the slot; NULL: it is it */
    uint64_t lost_ms;
};

/*
 * dj_reaper_main(order, folder, state, line, sessions): never returns. folder: of the slot; state:
 * the slot's state file, locked; line: our end. Every other descriptor above 2 is closed. stdin is
 * inherited, so the worker's is /dev/null.
 */
void dj_reaper_main(const struct dj_order *order, const char *folder, int state, int line,
                    struct dj_sessions *sessions) __attribute__((noreturn));

#endif

/*
 * The reaper: one small process per run, forked from the worker, that nobody needs to look after.
 *
 * It starts the task in a session of its own, waits for it, ends what the task left behind, writes
 * the exit record and ends. It is a subreaper, so whatever leaves the session or double-forks is
 * still its child in the end, and the record is only written when no process of the run is left. It
 * lives in a session of its own and blocks every signal: what hits the worker does not hit it, and
 * the worker's death changes nothing for it.
 *
 * SIGUSR1 is the order to end the run: SIGTERM to the task's process group, two seconds for all to
 * end, then SIGKILL to everything. A second SIGUSR1 ends the two seconds.
 */
#ifndef DJ_WORKER_REAPER_H
#define DJ_WORKER_REAPER_H

#include <stdint.h>

#include "daemon/worker/session_table.h"
#include "lib/proto/messages.h"

#define DJ_REAPER_END SIGUSR1

struct dj_order {
    uint64_t instance;
    uint64_t attempt;
    uint32_t slot;
    char **argv;
    char **envp;
    const char *cwd; /* NULL: the slot's */
    struct dj_part_limits limits;
    uint64_t start_ns;
};

/*
 * dj_reaper_main(order, folder, state, sessions): never returns. folder: of the slot; state: the
 * slot's state file, locked. Every other descriptor above 2 is closed. stdin is inherited, so the
 * worker's is /dev/null.
 */
void dj_reaper_main(const struct dj_order *order, const char *folder, int state,
                    struct dj_sessions *sessions) __attribute__((noreturn));

#endif

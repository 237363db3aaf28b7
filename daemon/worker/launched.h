/*
 * A run that another program starts (launch = command): seen by the marks that its script leaves in
 * its folder, <slot>/arg/launch-TOKEN; lib/model/launch_script.h says what they are.
 *
 * The task of the reaper is the launching program then, with its output in the log. The run ends
 * when the mark `ended` is there, whatever the program does. When the program fails before the mark
 * `began`, the run could not be started. When it ends well before, it has only submitted the run,
 * and the reaper waits on. When the beats stop, the run is lost: beats are compared with each other
 * and with our own clock, so other hosts' clocks do not matter.
 *
 * Other hosts' files tell nobody when they change, so the reaper looks once a second; what changes
 * on this machine wakes it up by SIGIO.
 *
 * A slot with such a folder without `ended` may get files from it for ever. It is never used again.
 */
#ifndef DJ_WORKER_LAUNCHED_H
#define DJ_WORKER_LAUNCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/worker/order.h"
#include "daemon/worker/slot.h"

#define DJ_LAUNCHED_SIGNAL SIGIO

struct dj_launched {
    const char *folder; /* below the slot's; NULL: the task is the run itself */
    int watch;          /* inotify, or -1 */
    bool began, ended;
    uint64_t status;    /* ended: as a shell has it */
    uint64_t user_us, system_us;
    uint64_t ended_ns;  /* when that was seen */
    char host[64];      /* began: where */
    uint64_t beat;      /* the last one, */
    uint64_t beat_ns;   /* and when it came; steady clock */
    uint64_t next_ns;   /* when to look again */
    uint64_t lost_ns;   /* without a beat for so long it is lost */
};

/* dj_launched_write(work, slot, run, err): the worker's part: the folder with the script. */
int dj_launched_write(const struct dj_work *work, const struct dj_slot *slot,
                      const struct dj_msg_run *run, struct dj_err *err) DJ_MUST_CHECK;
/* dj_launched_is_open(work, slot): one has no `ended`. */
bool dj_launched_is_open(const struct dj_work *work, uint32_t slot);

/* The reaper's part; its working directory is the slot's folder. */
void dj_launched_begin(struct dj_launched *launched, const struct dj_order *order, uint64_t now);
void dj_launched_look(struct dj_launched *launched, uint64_t now);
bool dj_launched_is_lost(const struct dj_launched *launched, uint64_t now);
/* dj_launched_revoke(): it does not begin any more, and ends soon when it has begun. */
void dj_launched_revoke(const struct dj_launched *launched);
void dj_launched_end(struct dj_launched *launched);

#endif

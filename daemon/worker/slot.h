/*
 * Slots: the folders in which runs happen, used again and again.
 *
 *   <slot>/state   records and lock (record.h)
 *   <slot>/out     the result, taken in by djd or cut
 *   <slot>/err     the log, likewise; it can be read while the run goes on
 *   <slot>/arg/    files of the arguments
 *   <slot>/cwd/    working directory of the task
 *   <slot>/tmp/    its TMPDIR
 *
 * Making and removing these costs more than a short run, so in the common case nothing is made or
 * removed: files are cut, empty folders are left as they are. What djd has renamed away is made
 * anew; what a task left is renamed into trash/ and removed by a process of its own, since a large
 * tree would hold the worker up. A slot that cannot be made clean is renamed away as a whole.
 *
 * A slot is FREE, RUNNING (its reaper sees to a run) or ENDED (until djd has taken the outputs).
 */
#ifndef DJ_WORKER_SLOT_H
#define DJ_WORKER_SLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uthash.h>

#include "daemon/worker/record.h"
#include "lib/model/codec.h"
#include "lib/util/err.h"

#define DJ_SLOT_FOLDER_MODE 0755
#define DJ_SLOT_FILE_MODE 0644

enum dj_slot_state { DJ_SLOT_FREE, DJ_SLOT_RUNNING, DJ_SLOT_ENDED };

struct dj_slot {
    uint32_t number;
    enum dj_slot_state state;
    bool made;            /* its folder is complete and clean */
    bool started_told;    /* STARTED or RUNNING has told its pid */
    uint64_t instance;
    uint64_t attempt;
    uint64_t start_ns;
    pid_t reaper;         /* our child, which may wait for the next run; 0: none or adopted */
    int line;             /* to it; -1: none, or it is to end */
    int pidfd;            /* of an adopted reaper, else -1 */
    struct dj_exit_record ended;
    char **args;          /* names in arg/ */
    size_t args_n;
    size_t args_cap;
    struct dj_slot *next_fresh; /* STARTED is still to be told */
    struct dj_slot *next_gone;  /* runs.c only */
    UT_hash_handle hh;          /* by reaper: runs.c only */
};

struct dj_slot *dj_slot_new(uint32_t number);
void dj_slot_free(struct dj_slot *slot);

/* The worker's folder. */
struct dj_work {
    int dir;
    bool trash; /* something waits in trash/ for dj_trash_empty() */
};

/* dj_slot_folder_is_plain(folder), dj_slot_file_is_plain(file): as we make them, whatever is in
 * them: mode, owner, names, nothing attached, and not marked immutable or append-only (chattr). */
bool dj_slot_folder_is_plain(int folder);
bool dj_slot_file_is_plain(int file, uint64_t *ret_size);

/* dj_slot_make(work, slot, err): what is missing is made, what is left over removed. */
int dj_slot_make(struct dj_work *work, struct dj_slot *slot, struct dj_err *err) DJ_MUST_CHECK;

/* dj_slot_clean(work, slot): after a run; `made` is unset when something could not be cleaned. */
void dj_slot_clean(struct dj_work *work, struct dj_slot *slot);

/* dj_slot_write_args(work, slot, files, err): just these (struct dj_part_file) are in arg/ then. */
int dj_slot_write_args(const struct dj_work *work, struct dj_slot *slot,
                       const struct dj_list *files, struct dj_err *err) DJ_MUST_CHECK;
void dj_slot_forget_args(struct dj_slot *slot);

/* dj_slot_args_are_ours(work, slot): arg/ is as it was made, with nothing in it but ours. */
bool dj_slot_args_are_ours(const struct dj_work *work, const struct dj_slot *slot);

/* dj_slot_open_state(work, slot, flags): the state file; a descriptor or -errno. */
int dj_slot_open_state(const struct dj_work *work, uint32_t slot, int flags) DJ_MUST_CHECK;

/* dj_trash_empty(work): may take long, so it is for a process of its own. */
int dj_trash_empty(const struct dj_work *work) DJ_MUST_CHECK;

#endif

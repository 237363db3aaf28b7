/*
 * How a run can end, with the words that users see for it: `ended_by` in meta, and retry_on.
 *
 * The numbers are stored and sent; they are only ever appended.
 */
#ifndef DJ_MODEL_EXIT_H
#define DJ_MODEL_EXIT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/status.h"
#include "lib/util/bytes.h"

enum dj_exit_how {
    DJ_EXIT_CODE,
    DJ_EXIT_SIGNAL,
    DJ_EXIT_TIMEOUT,
    DJ_EXIT_KILLED,        /* by KILL: cancelled */
    DJ_EXIT_NOT_STARTED,   /* code is an errno, text says what */
    DJ_EXIT_LOST,          /* its reaper ended without a record */
    DJ_EXIT_RESULT_LIMIT,
    DJ_EXIT_LOG_LIMIT,
    DJ_EXIT_MEMORY,        /* over its own limit */
    DJ_EXIT_FILES_LIMIT,
    DJ_EXIT_OUT_OF_MEMORY, /* SIGKILL by nobody here, while the kernel's OOM killer was busy */
    DJ_EXIT_NOT_STORED,    /* ended well, but what it left could not be taken in */
    DJ_EXIT_NO_RESULT,     /* ended well, but there is no file where its result was to be */
    DJ_EXIT_INPUT_CHANGED, /* ended well, but a file argument was another one by then */
    DJ_EXIT_HOW_COUNT
};

/* What has watched over a run's memory. */
enum dj_memory_guard { DJ_MEMORY_NONE, DJ_MEMORY_CGROUP, DJ_MEMORY_POLLING };

/* dj_exit_word(how): "exit", "signal", "timeout" …; "unknown" for a number that is none. */
const char *dj_exit_word(uint64_t how);
/* dj_exit_of_word(word, ret): false: there is no such word. */
bool dj_exit_of_word(struct dj_bytes word, enum dj_exit_how *ret);

/* dj_memory_guard_word(guard): "cgroup", "polling"; "none". */
const char *dj_memory_guard_word(uint64_t guard);

/* dj_exit_state(how, code): what becomes of the instance: done, failed, cancelled or lost. */
enum dj_status dj_exit_state(uint64_t how, uint64_t code);

/*
 * dj_exit_remembered(how): with on_failure = remember this failure answers later calls, too: it is
 * the program's own. What the machine, the disk or a person did is none of its doing.
 */
bool dj_exit_remembered(uint64_t how);

/* dj_signal_name(number): "SEGV"; NULL for one without a name. */
const char *dj_signal_name(uint64_t number);

#endif

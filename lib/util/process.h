/*
 * Processes told apart: a pid is used again, together with the moment of its start it is not.
 */
#ifndef DJ_UTIL_PROCESS_H
#define DJ_UTIL_PROCESS_H

#include <stdint.h>

/* dj_process_born(pid): ticks from the boot to its start; 0: there is none (or only its zombie). */
uint64_t dj_process_born(int64_t pid);

/* dj_boot_id(): of this boot of the machine; empty when the system does not tell. */
const char *dj_boot_id(void);

#endif

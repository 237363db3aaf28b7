/*
 * The record that tells which run ended the process that was host to many.
 *
 * Written by the dying process in one piece, read by djd: DJ_CULPRIT_FILE in the host's folder.
 */
#ifndef DJ_MODEL_CULPRIT_H
#define DJ_MODEL_CULPRIT_H

#include <stdint.h>

#define DJ_CULPRIT_FILE "culprit"
#define DJ_CULPRIT_MAGIC UINT64_C(0x646a63756c707274)

struct dj_culprit {
    uint64_t magic;
    uint64_t instance;
    uint64_t place; /* the folder of the host that it was in */
    uint64_t how;   /* enum dj_exit_how */
    uint64_t code;
};

#endif

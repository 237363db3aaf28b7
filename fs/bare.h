/*
 * Reads of a mount that answers no OPEN.
 *
 * A read-only mount says once that it does not want to hear of opens; from then on the kernel opens
 * and closes files by itself, keeps what it has read, and sends nothing but READ, without a handle.
 * The bytes of an ended instance never change, so they come from the table of answers, whether the
 * instance is still the current one or not; a large one's file stays open there. Everything else is
 * asked for by its node.
 */
#ifndef DJ_FS_BARE_H
#define DJ_FS_BARE_H

#include <stdint.h>

#include "fs/fuse.h"

void dj_bare_read(fuse_req_t req, uint64_t node, uint64_t size, uint64_t offset);

#endif

/*
 * The lines in which two texts differ, as diff(1) marks them: "-" before one that only the old text
 * has, "+" before one that only the new one has, in their order. Lines that both have are left out:
 * the texts that are compared here say on each line what it is about.
 */
#ifndef DJ_CLI_DIFF_H
#define DJ_CLI_DIFF_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/util/bytes.h"

/* dj_diff(out, old, new): true when they differ. Texts with very many lines that differ are not
 * matched: all of the old ones come first. */
bool dj_diff(FILE *out, struct dj_bytes old, struct dj_bytes new);

#endif

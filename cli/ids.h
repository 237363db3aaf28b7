/*
 * A set of ids of runs. NULL is an empty one.
 */
#ifndef DJ_CLI_IDS_H
#define DJ_CLI_IDS_H

#include <stdbool.h>

#include "lib/util/digest.h"

struct dj_ids;

void dj_ids_add(struct dj_ids **ids, const struct dj_digest *id);
bool dj_ids_has(const struct dj_ids *ids, const struct dj_digest *id);
/* The same with the 64 hex digits of dj_runs_id(). */
void dj_ids_add_hex(struct dj_ids **ids, const char *hex);
bool dj_ids_has_hex(const struct dj_ids *ids, const char *hex);
size_t dj_ids_count(const struct dj_ids *ids);
void dj_ids_free(struct dj_ids **ids);

#endif

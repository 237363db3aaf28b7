/*
 * What a stored run counts for the quota, and so for the counter of bytes that the store keeps.
 */
#ifndef DJ_DAEMON_QUOTA_H
#define DJ_DAEMON_QUOTA_H

#include "lib/model/records.h"

uint64_t dj_quota_bytes(const struct dj_rec_instance *rec);

#endif

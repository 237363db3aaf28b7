/*
 * Cgroups of version 2: a limit of memory that the kernel keeps.
 *
 * It can be used when the worker has a cgroup to itself, one that is delegated to it: the folder is
 * writable, has the controller, and holds nobody but programs of djfs. Those move into the leaf
 * dj-daemon below it, since a cgroup with processes of its own cannot give a controller to those
 * below it. That of a service is only used when its manager has made such a leaf, as systemd does
 * for DelegateSubgroup=daemon. Each run with a limit then has a leaf dj-run-WORK-SLOT, where WORK
 * stands for the worker's folder: workers of several stores may share a cgroup. Where any of this
 * fails there is none, and the reaper looks itself.
 */
#ifndef DJ_WORKER_CGROUP_H
#define DJ_WORKER_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/buf.h"

/* dj_cgroup_find(work, ret): the base of the paths of leaves that runs may have, as the functions
 * below want it; false: there is none. work: the worker's folder. */
bool dj_cgroup_find(int work, struct dj_buf *ret);

/* dj_cgroup_path(self, mountinfo, ret): the caller's own cgroup by the texts of /proc/self/cgroup
 * and /proc/self/mountinfo; false: none of version 2. Pure. */
bool dj_cgroup_path(const char *self, const char *mountinfo, struct dj_buf *ret);

/* dj_cgroup_make(base, slot, limit, ret): the leaf of a run, empty, with its limit; -errno. */
int dj_cgroup_make(const char *base, uint32_t slot, uint64_t limit,
                   struct dj_buf *ret) DJ_MUST_CHECK;
/* dj_cgroup_enter(leaf): the calling process moves into it, and lets the kernel end it there. */
int dj_cgroup_enter(const char *leaf) DJ_MUST_CHECK;
/* dj_cgroup_exceeded(leaf): the kernel had to end something in it to keep its own limit. */
bool dj_cgroup_exceeded(const char *leaf);
/* dj_cgroup_peak(leaf): bytes; 0: this kernel does not tell. */
uint64_t dj_cgroup_peak(const char *leaf);
/* dj_cgroup_remove(base, slot): the leaf of a run with all that is still in it or below. */
void dj_cgroup_remove(const char *base, uint32_t slot);

#endif

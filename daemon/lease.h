/*
 * Leases for reading: while one is held, nobody has the file open for writing, or opens it so (who
 * tries waits, for at most what /proc/sys/fs/lease-break-time says).
 *
 * A program that stays is there still when its run has ended, and may write to what the run left.
 */
#ifndef DJ_DAEMON_LEASE_H
#define DJ_DAEMON_LEASE_H

enum dj_lease {
    DJ_LEASE_HELD,
    DJ_LEASE_WRITTEN, /* somebody has it open for writing */
    DJ_LEASE_NONE,    /* the file system has no leases, or the file is another user's */
};

/* dj_lease_take(fd): fd is open for reading only. */
enum dj_lease dj_lease_take(int fd);
void dj_lease_end(int fd);

#endif

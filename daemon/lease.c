#include "daemon/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/* The signal, should somebody open the file just now, is one that is ignored. */
enum dj_lease dj_lease_take(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
        return DJ_LEASE_HELD;
    return errno == EAGAIN ? DJ_LEASE_WRITTEN : DJ_LEASE_NONE;
}

void dj_lease_end(int fd)
{
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
}

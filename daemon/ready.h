/*
 * Telling who started djd that clients can connect: by a newline on a descriptor, or, where there
 * is none, as sd_notify(3) does, by a datagram to the socket that $NOTIFY_SOCKET names. That is
 * five lines of code, and libsystemd would be loaded by every start for them.
 */
#ifndef DJ_DAEMON_READY_H
#define DJ_DAEMON_READY_H

/* dj_tell_ready(fd): fd is closed; -1: the service manager is told, if there is one. What cannot be
 * told is a warning in the log. */
void dj_tell_ready(int fd);

#endif

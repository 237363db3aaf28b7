/*
 * Kill points: named moments at which the crash tests end a process with SIGKILL.
 *
 * Here dj_kill_point() does nothing, and no program of ours can be made to do more. The programs
 * of tests/crash are linked with another one, tests/crash/kill_point.c, which the linker finds
 * first. Names are those of tests/crash/points, with the process in front: a test compares.
 *
 * It may be called by any thread, and by a child that shares its parent's memory.
 */
#ifndef DJ_UTIL_KILL_POINT_H
#define DJ_UTIL_KILL_POINT_H

void dj_kill_point(const char *name);

#endif

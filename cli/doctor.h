/*
 * dj doctor: what of this machine, this installation and this daemon would be in the way.
 *
 * Each check says what it found by dj_doctor_say(): fine, something to know, or a problem, always
 * with its cure. Files of the system are found by dj_doctor_path(): below $DJ_DOCTOR_ROOT for
 * tests, else where they are.
 */
#ifndef DJ_CLI_DOCTOR_H
#define DJ_CLI_DOCTOR_H

#include "cli/command.h"

enum dj_doctor_level { DJ_DOCTOR_OK, DJ_DOCTOR_NOTE, DJ_DOCTOR_PROBLEM };

struct dj_doctor {
    struct dj_cli *cli;
    bool json;
    const char *mount;      /* as named, or NULL */
    const char *store;      /* likewise; then that of the daemon, once it is known */
    char *daemon_store;
    char *daemon_mount;
    unsigned said, problems;
    struct dj_buf objects;  /* --json */
};

void dj_doctor_say(struct dj_doctor *doctor, enum dj_doctor_level level, const char *check,
                   const char *format, ...) DJ_PRINTF(4, 5);
/* dj_doctor_path(path): malloc'd. */
char *dj_doctor_path(const char *path);
/* dj_doctor_first_line(argv, ret): of what a program prints; false when it cannot be run. */
bool dj_doctor_first_line(char **argv, struct dj_buf *ret);

/* doctor_system.c */
void dj_doctor_programs(struct dj_doctor *doctor);
void dj_doctor_fuse(struct dj_doctor *doctor);
void dj_doctor_timeouts(struct dj_doctor *doctor);
/* doctor_mounts.c */
void dj_doctor_mounts(struct dj_doctor *doctor);
/* doctor_daemon.c */
void dj_doctor_daemon(struct dj_doctor *doctor);
void dj_doctor_store(struct dj_doctor *doctor);

/* dj_doctor_type(path, ret): the kind of the file system that the path lies on, by the table of
 * mounts; dj_doctor_mounted(path, ret): of what is mounted right there. */
bool dj_doctor_type(const char *path, struct dj_buf *ret);
bool dj_doctor_mounted(const char *path, struct dj_buf *ret);

#endif

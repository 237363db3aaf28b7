/*
 * Where the programs are that only ours start: djw, dj-host, dj-rows.
 */
#ifndef DJ_UTIL_HELPER_PROGRAM_H
#define DJ_UTIL_HELPER_PROGRAM_H

/* dj_helper_program(name): in $DJ_LIBEXECDIR; else beside this program, as in a build folder; else
 * in libexec of the prefix that this program is in; else where it was installed. malloc'd. */
char *dj_helper_program(const char *name);

#endif

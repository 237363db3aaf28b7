/*
 * Where our programs are: djd and djfs, and those that only ours start, djw,
 * dj-host, dj-rows, dj-archive; where djfs.py is.
 */
#ifndef DJ_UTIL_HELPER_PROGRAM_H
#define DJ_UTIL_HELPER_PROGRAM_H

/* dj_helper_program(name): in $DJ_LIBEXECDIR; else beside this program, as in a build folder; else
 * in libexec of the prefix that this program is in; else where it was installed. malloc'd. */
char *dj_helper_program(const char *name);

/* dj_program(name): where one that people start is: in $DJ_BINDIR, beside this program, in PATH, or
 * where it is installed; malloc'd. */
char *dj_program(const char *name);

/* dj_python_folder(): the folder of djfs.py: $DJ_LIBEXECDIR or beside this program, as in a build
 * folder; else where it was installed, also when that was moved with this program. malloc'd. */
char *dj_python_folder(void);

#endif

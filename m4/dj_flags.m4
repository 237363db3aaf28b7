# DJ_CC_FLAGS(VARIABLE, FLAGS)
# Appends to VARIABLE each of the FLAGS that the compiler takes without a complaint.
AC_DEFUN([DJ_CC_FLAGS], [
  for dj_flag in $2; do
    AS_VAR_PUSHDEF([dj_cache], [dj_cv_cc_$dj_flag])
    AC_CACHE_CHECK([whether $CC takes $dj_flag], [dj_cache], [
      dj_saved_CFLAGS=$CFLAGS
      # gcc is silent about an unknown -Wno-FOO, and clang only warns about an unknown -WFOO.
      CFLAGS="$CFLAGS -Werror $dj_flag"
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
                        [AS_VAR_SET([dj_cache], [yes])], [AS_VAR_SET([dj_cache], [no])])
      CFLAGS=$dj_saved_CFLAGS
    ])
    AS_VAR_IF([dj_cache], [yes], [AS_VAR_APPEND([$1], [" $dj_flag"])])
    AS_VAR_POPDEF([dj_cache])
  done
])

# DJ_LD_FLAGS(VARIABLE, FLAGS)
# The same for flags that only matter when a program is linked.
AC_DEFUN([DJ_LD_FLAGS], [
  for dj_flag in $2; do
    AS_VAR_PUSHDEF([dj_cache], [dj_cv_ld_$dj_flag])
    AC_CACHE_CHECK([whether the linker takes $dj_flag], [dj_cache], [
      dj_saved_LDFLAGS=$LDFLAGS
      LDFLAGS="$LDFLAGS $dj_flag"
      AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
                     [AS_VAR_SET([dj_cache], [yes])], [AS_VAR_SET([dj_cache], [no])])
      LDFLAGS=$dj_saved_LDFLAGS
    ])
    AS_VAR_IF([dj_cache], [yes], [AS_VAR_APPEND([$1], [" $dj_flag"])])
    AS_VAR_POPDEF([dj_cache])
  done
])

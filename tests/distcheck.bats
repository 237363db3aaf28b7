# make distcheck: the tarball, unpacked where nothing may be written, is configured, built, tested,
# installed, uninstalled and cleaned, with nothing left over. Of the tests only one runs inside of it,
# else each would run twice.
# alone

load helper/djfs

setup_file()
{
    dj_setup
}

teardown_file()
{
    dj_teardown
}

@test "make distcheck" {
    [ -e "${DJ_SRCDIR:-$BATS_TEST_DIRNAME/..}/.git" ] || skip "this is the tarball, not a clone"
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u TESTS make -s -j2 -C "${DJ_BUILDDIR:?}" distcheck \
        CFLAGS=-O0 check_PROGRAMS= TESTS=tests/lint/code.bats > "$DJ_TMP/out" 2>&1 || {
        tail -n 30 "$DJ_TMP/out"
        false
    }
    has "$(cat "$DJ_TMP/out")" "ready for distribution"
    [ -s "$(echo "$DJ_BUILDDIR"/djfs-*.tar.xz)" ]
    rm -f "$DJ_BUILDDIR"/djfs-*.tar.xz
}

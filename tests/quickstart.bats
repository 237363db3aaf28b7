# ./quickstart as a user meets it, over a build that is there: packages are not installed here.

load helper/djfs

setup()
{
    dj_setup
    unset DJ_CONNECT
    export DJ_BUILD=${DJ_BUILDDIR:?} DJ_JOBS=2
    # A daemon of your own, found by XDG_RUNTIME_DIR, and a mount in the private home.
    [ ! -e /dj ] || [ "$(id -u)" -ne 0 ] || skip "/dj is in use on this machine"
}

teardown()
{
    dj_teardown
}

quickstart()
{
    # make: the build is up to date, as a part of make check it would only wait for itself.
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL "${DJ_SRCDIR:?}/quickstart" "$@"
}

@test "quickstart brings everything up, again too, and stop ends it" {
    requires_fuse
    exits 0 quickstart "$MNT"
    has "$output" "\$ cat $MNT/tasks/factorial/5/result"$'\n'120
    has "$output" "dj get factorial 10"
    is "$(cat "$MNT/tasks/factorial/6/result")" 720
    runs djd

    exits 0 quickstart "$MNT"
    has "$output" "up to date"
    has "$output" $'\n'120
    is "$(our_pids djd | wc -l)" 1
    is "$(our_pids djfs | wc -l)" 1

    exits 0 quickstart stop
    wait_until no_daemon
}

@test "the next commands that quickstart prints work" {
    requires_fuse
    local line
    exits 0 quickstart "$MNT"
    sed -n '/^The daemon is up/,$s/^    //p' <<< "$output" | grep -v 'quickstart stop' > commands
    [ "$(wc -l < commands)" -ge 6 ]
    bash -e commands > out 2>&1 || { cat out >&2; return 1; }
    grep -qx 3628800 out
    grep -qx 42 out
    exits 0 quickstart stop
}

@test "without /dev/fuse quickstart says so and finishes with dj get" {
    # A mount namespace in which /dev/fuse is something that cannot be opened as a device.
    requires_root
    printf '#!/bin/sh\nmount --bind /dev/null /dev/fuse 2>/dev/null && mount -o remount,bind,nodev /dev/fuse\nexec "$@"\n' > no-fuse
    chmod +x no-fuse
    [ -e /dev/fuse ] || printf '#!/bin/sh\nexec "$@"\n' > no-fuse
    exits 0 env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL unshare -m ./no-fuse "${DJ_SRCDIR:?}/quickstart"
    has "$output" "no mount: /dev/fuse"
    has "$output" "\$ dj get factorial 5"$'\n'120
    exits 0 quickstart stop
    wait_until no_daemon
}

@test "a word that quickstart does not know is refused" {
    exits 2 quickstart fly
    has "$output" "./quickstart check"
    exits 2 quickstart check --fly
    exits 2 quickstart stop now
}

# as_sudo CMD…: what sudo leaves of a call by nobody, whose home is not there.
as_sudo()
{
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL SUDO_USER=nobody SUDO_UID="$(id -u nobody)" \
        SUDO_GID="$(id -g nobody)" "$@"
}

@test "through sudo the daemon and the store belong to the caller" {
    requires_root
    local pid
    chown -R nobody "$DJ_TMP"
    as_user nobody test -x "$DJ_BUILD/dj" -a -r "${DJ_SRCDIR:?}/quickstart" ||
        skip "the build cannot be reached by nobody"
    # The build is there already; only its log is written anew.
    touch "$DJ_BUILD/quickstart.log"
    chown nobody "$DJ_BUILD/quickstart.log"
    exits 0 as_sudo "$DJ_SRCDIR/quickstart" "$MNT"
    has "$output" "going on as nobody"
    has "$output" $'\n'120
    runs djd
    for pid in $(our_pids djd) $(our_pids djw) $(our_pids djfs); do
        is "$(stat -c %U "/proc/$pid")" nobody
    done
    is "$(find "$XDG_DATA_HOME" ! -user nobody)" ""
    exits 0 as_sudo "$DJ_SRCDIR/quickstart" stop
    wait_until no_daemon
}

@test "a caller of sudo who is not in passwd is named" {
    requires_root
    exits 1 env SUDO_USER=no-such-user-here SUDO_UID=12345 SUDO_GID=12345 "${DJ_SRCDIR:?}/quickstart"
    has "$output" "no-such-user-here"
}

# ./quickstart as a user meets it, over a build that is there: packages are not installed here.

load helper/djfs

setup()
{
    dj_setup
    unset DJ_CONNECT
    export DJ_BUILD=${DJ_BUILDDIR:?} DJ_JOBS=2
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

# as_caller CMD…: as the user djcaller, who is there only for CMD: in a mount namespace of its own
# with a passwd and a sudoers that know him. His home is $HOME, sudo asks him for no password, and
# source and build can be reached by him wherever they are, and so can /dev/fuse, as udev makes it.
as_caller()
{
    printf 'djcaller:*:%s:%s::%s:/bin/sh\n' "$CALLER" "$CALLER" "$HOME" | cat /etc/passwd - > passwd
    printf 'root ALL=(ALL) ALL\ndjcaller ALL=(root) NOPASSWD:SETENV: ALL\n' > sudoers
    chmod 0440 sudoers
    chmod 0755 "$DJ_TMP"
    mkdir -p kept/src kept/build kept/dev
    chown -R "$CALLER:$CALLER" "$HOME" "$MNT"
    unshare -m bash -ec '
        mount --bind passwd /etc/passwd
        mount --bind sudoers /etc/sudoers
        mount --bind "$DJ_SRCDIR" kept/src
        mount --bind "$DJ_BUILD" kept/build
        if [ -c /dev/fuse ]; then
            mount -t tmpfs tmpfs kept/dev
            # shellcheck disable=SC2046
            mknod -m 0666 kept/dev/fuse c $(printf "%d %d" $(stat -c "0x%t 0x%T" /dev/fuse))
            mount --bind kept/dev/fuse /dev/fuse
        fi
        for folder in src:"$DJ_SRCDIR" build:"$DJ_BUILD"; do
            up=${folder#*:}
            while up=${up%/*} && [ -n "$up" ]; do
                setpriv --reuid="$CALLER" --regid="$CALLER" --clear-groups test -x "$up" || closed=$up
            done
            if [ -n "${closed-}" ]; then
                mountpoint -q "$closed" && [ -e "$closed/.opened" ] ||
                    mount -t tmpfs -o mode=0755 tmpfs "$closed"
                touch "$closed/.opened"
                mkdir -p "${folder#*:}"
                mount --bind "kept/${folder%%:*}" "${folder#*:}"
            fi
        done
        cd /
        exec setpriv --reuid="$CALLER" --regid="$CALLER" --init-groups -- \
            env -i PATH="$PATH" HOME="$HOME" "$@"' bash "$@"
}

@test "through sudo the daemon and the store belong to the caller" {
    requires_root
    requires sudo
    requires_fuse
    local pid
    export CALLER=61234
    on_exit rm -rf "/tmp/dj-$CALLER"
    # One namespace for both calls: what the first mounts, the second has to find.
    exits 0 as_caller sh -c '
        sudo -n DJ_BUILD="$1" "$2/quickstart" "$3" || exit
        cat "$3/tasks/factorial/6/result"
        find "$HOME" ! -user djcaller
        ps -o user=,comm= -u djcaller
        sudo -n DJ_BUILD="$1" "$2/quickstart" "$3" || exit
        sudo -n DJ_BUILD="$1" "$2/quickstart" stop' sh "$DJ_BUILD" "$DJ_SRCDIR" "$MNT"
    has "$output" "going on as djcaller"
    has "$output" $'\n'120
    has "$output" $'\n'720$'\n'"djcaller sh"
    has "$output" "djcaller djd"
    has "$output" "djcaller djw"
    has "$output" "djcaller djfs"
    has "$output" "a daemon runs already"
    [ -d "$HOME/.local/share/dj" ]
    is "$(find "$HOME" ! -user "$CALLER")" ""
    wait_until no_daemon
}

@test "an ordinary user whose machine has the packages needs no sudo" {
    requires_root
    requires sudo
    export CALLER=61235
    on_exit rm -rf "/tmp/dj-$CALLER"
    exits 0 as_caller sh -c '
        PATH=/usr/bin:/bin
        DJ_BUILD=$1 "$2/quickstart" build && DJ_BUILD=$1 "$2/quickstart" "$3" &&
            DJ_BUILD=$1 "$2/quickstart" stop' sh "$DJ_BUILD" "$DJ_SRCDIR" "$MNT"
    has "$output" "packages: all "
    has "$output" $'\n'120
    not has "$output" "installing"
    wait_until no_daemon
}

@test "a caller of sudo who is not in passwd is named" {
    requires_root
    exits 1 env SUDO_USER=no-such-user-here SUDO_UID=12345 SUDO_GID=12345 "${DJ_SRCDIR:?}/quickstart"
    has "$output" "no-such-user-here"
}

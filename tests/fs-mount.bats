# djfs alone: mounting, refusing to, and unmounting.

bats_require_minimum_version 1.5.0
load helper/djfs
load helper/fixture

setup()
{
    requires_fuse
    dj_setup
    start_fixture
}

teardown()
{
    dj_teardown
}

mounted()
{
    grep -q " $MNT fuse.djfs " /proc/mounts
}

@test "it returns when the mount can be used, and writes a newline to --ready-fd" {
    start_mount
    mounted
    is "$(cat "$MNT/README")" "canned files"
    fusermount3 -u "$MNT"
    wait_until not runs djfs
    djfs --connect "$DJ_CONNECT" -f --ready-fd 7 "$MNT" 7> ready 3>&- 2> djfs.log &
    wait_until test -s ready
    is "$(cat "$MNT/README")" "canned files"
    is "$(wc -c < ready)" 1
}

@test "the mount says what it is" {
    start_mount
    read -r source _ type options _ < <(grep " $MNT " /proc/mounts)
    is "$source" dj
    is "$type" fuse.djfs
    has ",$options," ,default_permissions,
    has ",$options," ,nosuid,
    has ",$options," ,nodev,
    not has ",$options," ,allow_other, 2> /dev/null
}

@test "what is no mount point is refused with a sentence" {
    touch "$MNT/file"
    exits 1 djfs --connect "$DJ_CONNECT" "$MNT"
    has "$output" "is not empty"
    exits 1 djfs --connect "$DJ_CONNECT" "$MNT/file"
    has "$output" "$(errno_text ENOTDIR)"
    exits 1 djfs --connect "$DJ_CONNECT" "$DJ_TMP/nowhere"
    has "$output" "$(errno_text ENOENT)"
    rm "$MNT/file"
    start_mount
    exits 1 djfs --connect "$DJ_CONNECT" "$MNT"
    has "$output" "is a mount point already"
    exits 1 djfs --connect "$DJ_CONNECT" "$MNT/tasks/echo/done"
    exits 2 djfs --connect "$DJ_CONNECT"
    exits 2 djfs -o bogus "$MNT"
    has "$output" bogus
}

@test "without the table of sessions it does not mount, nor go on with a new daemon" {
    mv fixture/sessions aside
    exits 1 djfs --connect "$DJ_CONNECT" "$MNT"
    has "$output" "the calls of runs would not be seen: cannot open $DJ_TMP/fixture/sessions"
    not mounted
    djfs --connect "$DJ_CONNECT" -o ro "$MNT" # nothing computes there
    fusermount3 -u "$MNT"
    wait_until not runs djfs
    mv aside fixture/sessions
    start_mount
    kill -STOP "$MOUNT"
    kill_fixture
    start_fixture
    mv fixture/sessions aside
    kill -CONT "$MOUNT"
    wait_until grep -q "the calls of runs would not be seen" djfs.log
    mv aside fixture/sessions
    wait_until grep -q "the daemon is back" djfs.log
    is "$(cat "$MNT/README")" "canned files"
}

@test "without a daemon it says so and mounts nothing" {
    exits 1 djfs --connect "$DJ_TMP/nobody" "$MNT"
    has "$output" "$DJ_TMP/nobody"
    not mounted
}

@test "as mount(8) calls it" {
    djfs "$DJ_CONNECT" "$MNT" -o rw,nosuid,nodev,_netdev 3>&-
    is "$(cat "$MNT/README")" "canned files"
}

@test "SIGTERM and SIGINT unmount" {
    for signal in TERM INT HUP; do
        start_mount
        kill -"$signal" "$MOUNT"
        wait_until not runs djfs
        not mounted
    done
}

@test "SIGTERM unmounts lazily what is in use, and whoever waits gets ENOTCONN" {
    start_mount
    exec 5< "$MNT/tasks/echo/done/result"
    cat "$(result_of never-ends)" 2> cat.err 3>&- &
    reader=$!
    wait_until count_is waiting 1
    kill -TERM "$MOUNT"
    wait_until not runs djfs
    not mounted
    wait "$reader" || :
    has "$(cat cat.err)" "$(errno_text ENOTCONN)"
    exec 5<&-
}

@test "umount -l with a reader in it: it is served, and then djfs ends" {
    [ "$(id -u)" -eq 0 ] || skip "only as root"
    start_mount
    cat "$(result_of slow)" > slow 3>&- &
    reader=$!
    wait_until count_is waiting 1
    umount -l "$MNT"
    wait "$reader" || :
    wait_until not runs djfs
}

@test "a mount whose djfs was killed is taken away and mounted anew" {
    start_mount
    kill -KILL "$MOUNT"
    wait_until not is_running "$MOUNT"
    gives_errno ENOTCONN ls "$MNT"
    start_mount
    is "$(cat "$MNT/README")" "canned files"
    is "$(grep -c " $MNT " /proc/mounts)" 1
}

@test "a mount whose daemon is away is not taken for a dead one" {
    start_mount -o wait=1
    kill_fixture
    wait_until not ls "$MNT/tasks"
    exits 1 djfs --connect "$DJ_CONNECT" "$MNT"
    has "$output" "is a mount point already"
    mounted
}

@test "a dead mount of something else is left alone" {
    requires_root
    [ -x "$DJ_BUILDDIR/bench/nullfs" ] || skip "bench/nullfs is not built"
    "$DJ_BUILDDIR/bench/nullfs" 10 "$MNT" > null.out 3>&- &
    pid=$!
    wait_until test -s null.out
    kill -KILL "$pid"
    wait_until not is_running "$pid"
    exits 1 djfs --connect "$DJ_CONNECT" "$MNT"
    has "$output" "leaves alone"
    umount -l "$MNT"
}

@test "an ordinary user mounts, too, and nobody else gets in" {
    requires_root
    programs_for_all
    chmod 755 "$DJ_TMP" "$XDG_RUNTIME_DIR" "${DJ_CONNECT%/*}" "$DJ_TMP/fixture"
    chown nobody "$MNT"
    mknod -m 666 "$DJ_TMP/fuse" c 10 229 # not every machine lets users open its own
    cat > as-nobody << 'SH'
mount --bind "$DJ_TMP/fuse" /dev/fuse || exit
nobody() { setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups -- "$@"; }
nobody "$DJ_TMP/programs/djfs" --connect "$DJ_CONNECT" "$MNT" || exit
nobody cat "$MNT/README" "$MNT/tasks/echo/done/result" | wc -c
ls "$MNT" 2>&1
nobody sh -c 'echo release > "$MNT/ctl"' || exit
nobody sh -c 'echo > "$MNT/README"' 2>&1
nobody fusermount3 -u "$MNT"
SH
    run -0 unshare -m bash as-nobody 3>&-
    is "${lines[0]}" $((100003 + 13))
    has "${lines[1]}" "$(errno_text EACCES)"
    has "${lines[2]}" "$(errno_text EACCES)"
    wait_until not runs djfs
}

@test "allow_other lets others in, as far as permissions go" {
    requires_root
    start_mount -o allow_other
    chmod 711 "$DJ_TMP"
    is "$(as_user nobody cat "$(result_of done)" | wc -c)" 100003
    gives_errno EACCES as_user nobody bash -c 'echo x > "$1/README"' - "$MNT"
    gives_errno EACCES as_user nobody mkdir "$MNT/tasks/x"
}

@test "read-only: ended runs only, nothing computes, nothing is written" {
    start_mount -o ro
    is "$(wc -c < "$(result_of done)")" 100003
    gives_errno ENOENT cat "$(result_of not-there)"
    gives_errno EROFS bash -c 'echo release > "$1/ctl"' - "$MNT"
    is "$(count waiting)" 0
}

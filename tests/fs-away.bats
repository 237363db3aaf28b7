# djfs alone: the daemon goes away and comes back.

bats_require_minimum_version 1.5.0
load helper/djfs
load helper/fixture

setup()
{
    requires_fuse
    dj_setup
    start_fixture
    start_mount
}

# short_patience: the mount again, one whose requests wait two seconds for the daemon.
short_patience()
{
    fusermount3 -u "$MNT"
    wait_until not runs djfs
    start_mount -o wait=2
}

# sleeps_for_good: djfs waits without a time at which it would look for anything by itself.
sleeps_for_good()
{
    local call

    read -r -a call < "/proc/$(our_pids djfs)/syscall" || return 1
    [ "${call[0]} ${call[3]}" = "7 0xffffffff" ]
}

requires_syscalls_shown()
{
    [ "$(uname -m)" = x86_64 ] || skip "the number of poll(2) is another one here"
    [ -r "/proc/$(our_pids djfs)/syscall" ] || skip "not allowed to see where a process waits"
}

is_back()
{
    [ "$(grep -c "the daemon is back" djfs.log)" -ge "$1" ]
}

teardown()
{
    dj_teardown
}

@test "requests wait for a daemon that comes back" {
    kill_fixture
    ls "$MNT/tasks/echo" > list 3>&- &
    ls=$!
    cat "$MNT/stats" > stats 3>&- &
    cat=$!
    start_fixture
    wait "$ls"
    is "$(cat list)" "$(printf '%s\n' big done)"
    wait "$cat"
}

@test "requests fail with ENOTCONN when it stays away, at once when it has been away for long" {
    short_patience
    kill_fixture
    takes_about 1000 8000 gives_errno ENOTCONN ls "$MNT/tasks/echo"
    is "$status" 0
    takes_about 0 500 gives_errno ENOTCONN ls "$MNT/tasks/echo"
    is "$status" 0
    start_fixture
    wait_until ls "$MNT/tasks/echo"
}

@test "who waits for the daemon can be killed" {
    kill_fixture
    ls "$MNT/tasks/echo" > /dev/null 2>&1 3>&- &
    wait_until waits_in request_wait $!
    kill -TERM $!
    takes_about 0 1000 wait $!
    is "$status" 143
}

@test "blocked opens, links and waits are asked again" {
    cat "$(result_of again)" > again 3>&- &
    one=$!
    readlink "$MNT/tasks/echo/linked/files" > target 3>&- &
    two=$!
    cat "$(result_of never-1)" > /dev/null 3>&- &
    three=$!
    wait_until count_is waiting 3
    cat "$MNT/tasks/echo/never-1/wait" > status 3>&- &
    four=$!
    wait_until count_is waiting 4
    kill_fixture
    start_fixture
    wait "$one" "$two"
    is "$(stat -c %s again)" 70000
    has "$(cat target)" .instance
    # the read of wait comes back to a daemon in which the run may not have begun again
    wait_until count_is waiting 2 || wait_until count_is waiting 1
    echo release > "$MNT/ctl"
    wait "$three" "$four"
}

@test "names that have no record keep their meaning" {
    cd "$MNT/tasks/echo/unheard-of"
    is "$(cat status)" absent
    kill_fixture
    start_fixture
    wait_until count_is restore 1
    [ "$(count named)" -ge 1 ]
    is "$(head -1 result | cut -d' ' -f1)" unheard-of
    cd "$DJ_TMP"
    is "$(cat fixture.log)" ""
}

@test "an open result stays readable, and is restored as held" {
    exec 5< "$(result_of done)" 6< "$(result_of big)"
    head -c 5 <&6 > part
    kill_fixture
    cat <&5 > done
    is "$(stat -c %s done)" 100003
    cat <&6 >> part
    same part fixture/content-2
    start_fixture
    wait_until count_is held 2
    exec 5<&- 6<&-
    wait_until count_is held 0
}

@test "a warm file can be read while the daemon is away" {
    cat "$(result_of done)" > before
    kill_fixture
    takes_about 0 1000 cat "$(result_of done)" > after
    same before after
}

@test "an open log goes on after a restart" {
    exec 5< "$MNT/tasks/echo/done/log"
    head -c 7 <&5 > log
    kill_fixture
    start_fixture
    wait_until count_is restore 0
    cat <&5 >> log
    same log "$MNT/tasks/echo/done/log"
    exec 5<&-
}

@test "a write that may have been done is EIO, and so is the rest of its dialogue" {
    exec 5<> "$MNT/ctl" 6<> "$MNT/ctl"
    exits 1 bash -c 'echo die >&5'
    has "$output" "$(errno_text EIO)"
    wait_until not is_running "$FIXTURE"
    rm -f fixture-pid fixture-ready
    start_fixture
    wait_until ls "$MNT/tasks"
    exits 1 cat <&5
    has "$output" "$(errno_text EIO)"
    # one that had said nothing yet goes on
    echo release >&6
    is "$(cat <&6)" "did release"
    exec 5>&- 6>&-
}

@test "an answer of the old daemon is not repeated for the new one" {
    cat "$(result_of done)" > /dev/null
    kill_fixture
    start_fixture
    wait_until ls "$MNT/tasks" > /dev/null
    before=$(count open)
    cat "$(result_of done)" > /dev/null
    is "$(count open)" $((before + 2))
}

@test "a daemon with another store at the same socket is left alone" {
    short_patience
    cat "$(result_of done)" > before
    kill_fixture
    mv "$DJ_TMP/fixture" "$DJ_TMP/old"
    start_fixture
    gives_errno ENOTCONN ls "$MNT/tasks/echo"
    wait_until grep -q "another store" djfs.log
    gives_errno ENOTCONN ls "$MNT/tasks/echo"
    kill_fixture
    rm -r "$DJ_TMP/fixture"
    mv "$DJ_TMP/old" "$DJ_TMP/fixture"
    start_fixture
    wait_until ls "$MNT/tasks/echo"
    cat "$(result_of done)" > after
    same before after
}

@test "while nobody asks, a mount without a daemon wakes up for nothing, and sees it come back" {
    requires_syscalls_shown
    export DJ_LOG=info
    short_patience
    kill_fixture
    wait_until sleeps_for_good
    start_fixture
    wait_until is_back 1
    # also where the folder of the socket goes and comes
    kill_fixture
    rm -r "${DJ_CONNECT%/*}"
    wait_until sleeps_for_good
    start_fixture
    wait_until is_back 2
    # and from far above
    kill_fixture
    wait_until sleeps_for_good
    rm -r "$XDG_RUNTIME_DIR"
    wait_until sleeps_for_good
    start_fixture
    wait_until is_back 3
    kill_fixture
    mv "${DJ_CONNECT%/*}" "$DJ_TMP/moved"
    wait_until sleeps_for_good
    start_fixture
    wait_until is_back 4
    ls "$MNT/tasks/echo"
}

@test "who asks just after the daemon came back is answered, though the mount had given up" {
    short_patience
    for _ in 1 2 3 4 5; do
        kill_fixture
        gives_errno ENOTCONN ls "$MNT/tasks/echo"
        start_fixture
        ls "$MNT/tasks/echo"
    done
}

@test "a daemon that is not understood: said once, tried less and less, and readers are refused" {
    short_patience
    kill_fixture
    touch fixture/garble
    start_fixture
    gives_errno ENOTCONN ls "$MNT/tasks/echo"
    gives_errno ENOTCONN ls "$MNT/tasks/echo"
    is "$(grep -c 'cannot be understood' djfs.log)" 1
    has "$(cat djfs.log)" "another build"
    [ "$(grep -c greeted fixture.log)" -le 10 ]
    kill_fixture
    mv fixture/garble fixture/garble-welcome
    start_fixture
    gives_errno ENOTCONN ls "$MNT/tasks/echo"
    is "$(grep -c 'cannot be understood' djfs.log)" 2
    [ "$(grep -c greeted fixture.log)" -le 20 ]
    kill_fixture
    rm fixture/garble-welcome
    start_fixture
    ls "$MNT/tasks/echo"
}

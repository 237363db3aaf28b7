# The harness itself: what it promises to notice, it notices.

load helper/djfs

setup()
{
    dj_setup
}

teardown()
{
    dj_teardown
}

@test "wait_until waits for what happens later" {
    (sleep 0.2 && touch happened) 3>&- &
    wait_until test -e happened
    wait
}

@test "wait_until gives up at its bound and says what it waited for" {
    exits 1 wait_until -t 1 test -e never
    has "$output" "test -e never"
}

@test "nothing of the outside is used" {
    [[ $HOME == "$DJ_TMP"/* && $XDG_RUNTIME_DIR == "$DJ_TMP"/* && $DJ_STORE == "$DJ_TMP"/* ]]
    is "$(stat -c %a "$XDG_RUNTIME_DIR")" 700
    # The longest name that fits into a unix socket's address is 107 bytes.
    [ "${#DJ_CONNECT}" -lt 100 ]
    is "${DJ_RUN-unset}" unset
}

@test "a process that was started is found by its environment, also as another session's" {
    setsid sleep 60 3>&- > /dev/null 2>&1 &
    wait_until runs sleep
    kill "$(our_pids sleep)"
    wait_until not runs
}

@test "a process that is left over fails the teardown, is named and is ended" {
    (
        dj_setup
        setsid sleep 60 3>&- > /dev/null 2>&1 &
        wait_until runs sleep
        echo "$!" > "$OLDPWD/pid"
        exits 1 dj_teardown
        has "$output" "left running"
        has "$output" "sleep 60"
    )
    not is_running "$(cat pid)"
}

@test "a sanitizer's report fails the teardown" {
    (
        dj_setup
        echo "heap-use-after-free" > "$DJ_TMP/sanitizer.1"
        exits 1 dj_teardown
        has "$output" "heap-use-after-free"
    )
}

@test "on_exit hooks run in reverse order" {
    (
        dj_setup
        on_exit eval "echo first >> '$DJ_TMP/../$BATS_TEST_NUMBER.$$'"
        on_exit eval "echo 'second one' >> '$DJ_TMP/../$BATS_TEST_NUMBER.$$'"
        dj_teardown
    )
    is "$(cat "/tmp/$BATS_TEST_NUMBER.$$")" "second one"$'\n'"first"
    rm "/tmp/$BATS_TEST_NUMBER.$$"
}

@test "the assertions can fail" {
    exits 1 is a b
    exits 1 has abc d
    exits 1 exits 0 false
    exits 1 gives_errno ENOENT true
    exits 1 gives_errno EACCES cat nothing
    exits 0 gives_errno ENOENT cat nothing
    is a a
    has abc bc
}

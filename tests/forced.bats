# Runs of one call that were forced one after the other and end in another order: the one that was
# asked for last is what the call is.

load helper/djfs

setup_file()
{
    dj_setup
    start_daemon --workers 4
    cat > "$DJ_TMP/numbered" <<'SH'
#!/bin/sh
# The nth execution of it gives n once gate-n is there, and fails when that has a word in it.
echo x >> "$1/count"
n=$(wc -l < "$1/count")
until [ -e "$1/gate-$n" ]; do sleep 0.02; done
[ -s "$1/gate-$n" ] && exit "$(cat "$1/gate-$n")"
echo "$n"
SH
    chmod +x "$DJ_TMP/numbered"
    define_tasks <<TASKS
[numbered]
command = {here}/numbered {in}
params = in

[again]
command = {here}/numbered {in}
params = in
retries = 2
retry_on = exit:75
TASKS
}

teardown_file()
{
    dj_teardown
}

# in_folder TASK: an empty folder $in, and $run that gives 1 and is forced twice: both are running.
in_folder()
{
    in=$DJ_TMP/$BATS_TEST_NUMBER
    run="tasks/$(dj path "$1" "$in" | sed 's,.*tasks/,,')"
    mkdir "$in"
    touch "$in/gate-1"
    is "$(get "$1" "$in")" 1
    dj write "$run/ctl" force
    wait_until counted 2
    dj write "$run/ctl" force
    wait_until counted 3
    is "$(dj cat "$run/status")" running
}

counted()
{
    [ "$(wc -l < "$in/count")" = "$1" ]
}

# ended EVENT N: the run has N events of that sort.
ended()
{
    [ "$(dj cat events | jq -s --arg run "${run##*/}" --arg event "$1" \
        'map(select(.run == $run and .event == $event)) | length')" = "$2" ]
}

@test "the later one answers, though the earlier ends after it" {
    in_folder numbered
    touch "$in/gate-3"
    is "$(get numbered "$in")" 3
    is "$(dj cat "$run/status")" "done"
    touch "$in/gate-2"
    wait_until ended "done" 3
    is "$(get --cached numbered "$in")" 3
    is "$(dj why numbered "$in")" hit
    is "$(dj cat "$run/history/3/result")" 2
    if fuse_usable; then
        is "$(cat "$MNT/$run/result" "$MNT/$run/history/1/result" "$MNT/$run/history/3/result" |
            tr '\n' ' ')" "3 1 2 "
    fi
    kill_daemon
    start_daemon --workers 4 --no-mount
    is "$(get --cached numbered "$in")" 3
    dj write "$run/ctl" invalidate
    dj write "$run/ctl" accept
    is "$(get --cached numbered "$in")" 3
}

@test "the earlier one answers when the later one fails; who asks meanwhile waits for it" {
    in_folder numbered
    echo 7 > "$in/gate-3"
    wait_until ended failed 1
    is "$(dj cat "$run/status")" running
    exits 3 dj get --cached numbered "$in"
    get numbered "$in" > "$DJ_TMP/got" 3>&- &
    touch "$in/gate-2"
    wait $!
    is "$(cat "$DJ_TMP/got")" 2
    is "$(get --cached numbered "$in")" 2
    counted 3
}

@test "a further try of the earlier one does not make it the later" {
    in_folder again
    touch "$in/gate-3"
    is "$(get again "$in")" 3
    echo 75 > "$in/gate-2"
    wait_until counted 4
    is "$(get --cached again "$in")" 3
    kill_daemon
    start_daemon --workers 4 --no-mount
    is "$(get --cached again "$in")" 3
    touch "$in/gate-4"
    wait_until ended "done" 3
    is "$(get --cached again "$in")" 3
    is "$(dj cat "$run/history/4/result")" 4
}

@test "a daemon that is started anew takes them in as they were" {
    in_folder numbered
    kill_daemon
    start_daemon --workers 4 --no-mount
    is "$(dj cat "$run/status")" running
    touch "$in/gate-2"
    wait_until ended "done" 2
    is "$(dj cat "$run/status")" running
    get numbered "$in" > "$DJ_TMP/got" 3>&- &
    touch "$in/gate-3"
    wait $!
    is "$(cat "$DJ_TMP/got")" 3
}

@test "older results are stale with the newest when what they all had read is invalidated" {
    define_tasks <<TASKS
[child]
params = n:int
command = echo {n}

[parent]
params = n:int
command = dj get child {n}

[grandparent]
params = n:int
command = dj get parent {n}
TASKS
    dj get grandparent 1
    for _ in 1 2; do
        dj get --force parent 1
        dj get --force grandparent 1
    done
    # A daemon that has just started has none of them in memory.
    stop_daemon
    start_daemon --workers 4
    dj write tasks/child/1/ctl invalidate
    is "$(dj cat tasks/parent/1/status)" stale
    is "$(dj cat tasks/grandparent/1/status)" stale
    is "$(dj why grandparent 1 | grep -c 'child/1 was invalidated')" 1
    exits 3 dj get --cached parent 1
}

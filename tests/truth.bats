# Answers that must not be given: what a run made of a refusal, of something that was taken back
# while it ran, or of what it did not wait for, is no result for those who ask later.

load helper/djfs
bats_require_minimum_version 1.5.0

setup_file()
{
    dj_setup
    mkdir "$DJ_TMP/gate"
    start_daemon --workers 4
    define_tasks <<TASKS
[ring]
command = sh -c 'dj get ring \$((1 - \$1)) 2> /dev/null || echo fallback' sh {n}
params = n:int

[asks]
command = sh -c 'dj get later 2> /dev/null || echo none' sh
params =

[asks_file]
command = sh -c 'cat \$DJ/tasks/later/_/result 2> /dev/null || echo none' sh
params =

[asks_badly]
command = sh -c 'dj get number x 2> /dev/null || echo none' sh
params =

[number]
command = echo {n}
params = n:int

# Reads its child, says so, and goes on when the gate of its own name is open.
[slow_parent]
command = sh -c 'dj get child \$1 2> /dev/null || echo failed; touch $DJ_TMP/gate/read-\$1; until test -e $DJ_TMP/gate/\$1; do sleep 0.02; done' sh {n}
params = n

[child]
command = sh -c 'echo x >> $DJ_TMP/gate/count-\$1; test ! -e $DJ_TMP/gate/fail-\$1 && cat $DJ_TMP/gate/value' sh {n}
params = n

[top]
command = dj get slow_parent {n}
params = n

[impatient]
command = sh -c 'timeout 0.2 dj get gated || echo tired; until test -e $DJ_TMP/gate/tired; do sleep 0.02; done' sh
params =

[patient]
command = sh -c 'timeout 0.2 dj get gated; touch $DJ_TMP/gate/waits; dj get gated' sh
params =

[gated]
command = sh -c 'until test -e $DJ_TMP/gate/through; do sleep 0.02; done; echo through' sh
params =

[bulk]
command = sh -c 'head -c \$1 /dev/zero | tr "\\\\0" x; head -c \$1 /dev/zero > side' sh {n}
params = n:int

[same_bulk]
command = sh -c 'head -c \$1 /dev/zero | tr "\\\\0" x; head -c \$1 /dev/zero > side' sh {n}
params = n:int
TASKS
    echo one > "$DJ_TMP/gate/value"
}

teardown_file()
{
    dj_teardown
}

status_is()
{
    [ "$(dj cat "tasks/$1/status")" = "$2" ]
}

gate_is()
{
    wait_until test -e "$DJ_TMP/gate/$1"
}

# begin TASK ARG: asks for it in the background; the answer is in $DJ_TMP/answer.
begin()
{
    dj get "$@" > "$DJ_TMP/answer" 2> "$DJ_TMP/answer.err" 3>&- &
    asker=$!
}

@test "what was made of a cycle's refusal is no result, nor what was made of that" {
    is "$(dj get ring 0)" fallback
    is "$(dj cat tasks/ring/1/status)" stale
    is "$(dj cat tasks/ring/0/status)" stale
}

@test "a run that was told there is no such task is asked again when there is" {
    is "$(dj get asks)" none
    is "$(dj cat tasks/asks/_/status)" stale
    is "$(dj get asks_badly)" none
    is "$(dj cat tasks/asks_badly/_/status)" stale
    if fuse_usable; then
        is "$(dj get asks_file)" none
        is "$(dj cat tasks/asks_file/_/status)" stale
    fi
    dj define later -- echo found
    is "$(dj get asks)" found
    is "$(dj cat tasks/asks/_/status)" done
    if fuse_usable; then
        is "$(dj get asks_file)" found
        is "$(dj cat tasks/asks_file/_/status)" done
    fi
}

@test "a child invalidated while its parent runs makes the parent stale when it ends" {
    begin top inv
    gate_is read-inv
    echo two > "$DJ_TMP/gate/value"
    dj write tasks/child/inv/ctl invalidate
    touch "$DJ_TMP/gate/inv"
    wait "$asker"
    is "$(cat "$DJ_TMP/answer")" one
    is "$(dj cat tasks/slow_parent/inv/status)" stale
    is "$(dj cat tasks/top/inv/status)" stale
    is "$(dj get top inv)" two
    is "$(dj cat tasks/top/inv/status)" done
    echo one > "$DJ_TMP/gate/value"
}

@test "who asks after a child was invalidated does not join the run that read the old one" {
    begin slow_parent join
    gate_is read-join
    echo two > "$DJ_TMP/gate/value"
    dj write tasks/child/join/ctl invalidate
    rm "$DJ_TMP/gate/read-join"
    dj get slow_parent join > "$DJ_TMP/second" 3>&- &
    gate_is read-join
    touch "$DJ_TMP/gate/join"
    wait
    is "$(cat "$DJ_TMP/answer") $(cat "$DJ_TMP/second")" "one two"
    is "$(dj cat tasks/slow_parent/join/result)" two
    echo one > "$DJ_TMP/gate/value"
}

@test "a failed child that is tried again while its parent runs makes the parent stale" {
    touch "$DJ_TMP/gate/fail-again"
    begin slow_parent again
    gate_is read-again
    rm "$DJ_TMP/gate/fail-again"
    is "$(dj get child again)" one
    touch "$DJ_TMP/gate/again"
    wait "$asker"
    is "$(cat "$DJ_TMP/answer")" failed
    is "$(dj cat tasks/slow_parent/again/status)" stale
    is "$(dj get slow_parent again)" one
}

@test "what a run read before its daemon was killed counts after it" {
    begin slow_parent kill
    gate_is read-kill
    kill_daemon
    start_daemon --workers 4 --no-mount
    wait "$asker" || :
    dj write tasks/child/kill/ctl invalidate
    touch "$DJ_TMP/gate/kill"
    wait_until status_is slow_parent/kill stale
}

@test "a refusal before its daemon was killed counts after it" {
    define_tasks <<TASKS
[refused]
command = sh -c 'dj get nowhere || echo none; touch $DJ_TMP/gate/read-nowhere; until test -e $DJ_TMP/gate/nowhere; do sleep 0.02; done' sh
params =
TASKS
    begin refused
    gate_is read-nowhere
    kill_daemon
    start_daemon --workers 4 --no-mount
    wait "$asker" || :
    touch "$DJ_TMP/gate/nowhere"
    wait_until status_is refused/_ stale
}

@test "a file that was named before the daemon was killed counts after it" {
    echo text > "$DJ_TMP/named"
    define_tasks <<TASKS
[chars]
command = wc -c {f}
params = f:file
[names]
command = sh -c 'dj get chars $DJ_TMP/named; touch $DJ_TMP/gate/read-named; until test -e $DJ_TMP/gate/named; do sleep 0.02; done' sh
params =
TASKS
    begin names
    gate_is read-named
    kill_daemon
    start_daemon --workers 4 --no-mount
    wait "$asker" || :
    echo longer > "$DJ_TMP/named"
    touch "$DJ_TMP/gate/named"
    wait_until status_is names/_ stale
}

@test "who gave up waiting has no result, who asked again and waited has one" {
    begin impatient
    wait_until status_is gated/_ running
    wait_until test -z "$(dj ls tasks/impatient/_/deps)"
    dj get patient > "$DJ_TMP/patient" 3>&- &
    gate_is waits
    touch "$DJ_TMP/gate/through"
    touch "$DJ_TMP/gate/tired"
    wait
    is "$(cat "$DJ_TMP/answer")" tired
    is "$(dj cat tasks/impatient/_/status)" stale
    is "$(cat "$DJ_TMP/patient")" through
    is "$(dj cat tasks/patient/_/status)" done
}

@test "a run inside of a run that leaves no trace is read by it" {
    define_tasks <<TASKS
[traceless]
command = sh -c 'dj get --incognito bulk 6000 | wc -c; dj get --incognito bulk 2100000 | wc -c' sh
params =
TASKS
    is "$(dj get traceless)" $'6000\n2100000'
    is "$(dj cat tasks/bulk/6000/status)" absent
    is "$(dj ls tasks/traceless/_/deps)" ""
    is "$(dj cat tasks/traceless/_/status)" "done"
    dj bump bulk
    is "$(dj cat tasks/traceless/_/status)" stale
}

stored_files()
{
    find "$DJ_STORE/content" -type f | wc -l
}

stored_files_are()
{
    [ "$(stored_files)" -eq "$1" ]
}

@test "an incognito run of any size is read whole, and takes nothing away from stored runs" {
    local n files

    for n in 3000 100000 3000000; do
        dj get bulk "$n" > "$DJ_TMP/stored"
        files=$(stored_files)
        dj get --incognito same_bulk "$n" | cmp - "$DJ_TMP/stored"
        is "$(dj cat "tasks/same_bulk/$n/status")" absent
        dj get --cached bulk "$n" | cmp - "$DJ_TMP/stored"
        is "$(dj cat "tasks/bulk/$n/files/side" | wc -c)" "$n"
        wait_until stored_files_are "$files"
    done
    files=$(stored_files)
    is "$(dj get --incognito bulk 2500000 | wc -c)" 2500000
    wait_until stored_files_are "$files"
}

@test "what is deleted and computed again to the same bytes is there" {
    local n

    for n in 5000 200000 4000000; do
        dj get bulk "$n" > "$DJ_TMP/stored"
        dj rm bulk "$n"
        dj get bulk "$n" | cmp - "$DJ_TMP/stored"
        dj get --cached bulk "$n" | cmp - "$DJ_TMP/stored"
        is "$(dj cat "tasks/bulk/$n/files/side" | wc -c)" "$n"
    done
}

@test "what is deleted and computed again to other bytes leaves no content behind" {
    dj define changes n:int -- sh -c 'head -c $1 /dev/zero; cat "$2"' sh '{n}' "$DJ_TMP/gate/value"
    files=$(stored_files)
    dj get changes 2000000 > "$DJ_TMP/stored"
    echo other > "$DJ_TMP/gate/value"
    dj rm changes 2000000
    dj get changes 2000000 > "$DJ_TMP/again"
    run ! cmp "$DJ_TMP/stored" "$DJ_TMP/again"
    wait_until stored_files_are $((files + 1))
    dj get --cached changes 2000000 | cmp - "$DJ_TMP/again"
}

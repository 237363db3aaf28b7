# dj gc: what no current task can reach, counted first.

bats_require_minimum_version 1.5.0
load helper/djfs

setup()
{
    dj_setup
    start_daemon --no-mount
}

teardown()
{
    dj_teardown
}

stored()
{
    dj cat status | awk '$1 == "runs" { print $2 }'
}

@test "undefined, stale and failed runs go, what answers and what that rests on stays" {
    dj define gone n:int -- echo '{n}'
    dj define old n:int -- echo '{n}'
    dj define bad n:int -- false
    dj define child n:int -- echo '{n}'
    dj define parent n:int -- sh -c 'dj get child $1' sh '{n}'
    dj get gone 1; dj get gone 2
    dj get old 1
    run ! dj get bad 1
    dj get parent 3
    dj undefine gone
    dj bump old
    dj get old 2
    [ "$(stored)" -eq 7 ]
    run -0 dj gc -n
    [[ ${lines[0]} == "undefined: 2 runs, "* ]]
    [[ ${lines[1]} == "stale: 1 run, "* ]]
    [[ ${lines[2]} == "failed: 1 run, "* ]]
    [[ ${lines[3]} == "to be dropped: 4 runs, "* ]]
    [ "$(stored)" -eq 7 ]
    run -0 dj gc --yes --json
    [ "$(jq -c '[.dropped, .runs, .kept, .undefined.runs, .stale.runs, .failed.runs]' <<< "$output")" = "[true,4,0,2,1,1]" ]
    [ "$(stored)" -eq 3 ]
    for run in 'old 2' 'parent 3' 'child 3'; do
        # shellcheck disable=SC2086 # two words
        dj get --cached $run
    done
    run -0 dj gc -n
    [ "$output" = "to be dropped: 0 runs, 0 B" ]
    run -0 dj fsck --read-data
    [[ $output == *" 0 findings"* ]]
    # What went is computed again like any run, also under its old version.
    dj define gone n:int -- echo '{n}'
    run -3 dj get --cached gone 1
    [ "$(dj get gone 1)" = 1 ]
}

@test "an accepted run keeps what it was made from, and history keeps its numbers" {
    dj define child n:int -- sh -c 'echo $$' sh '{n}'
    dj define parent n:int -- sh -c 'dj get child $1; echo $$' sh '{n}'
    dj get parent 1 > first
    dj bump child > /dev/null
    dj accept parent/1
    run -0 dj gc --yes
    [ "$output" = "dropped: 0 runs, 0 B" ]
    dj bump child > /dev/null
    dj get parent 1 > second
    dj get --force parent 1 > third
    [ "$(dj cat tasks/parent/1/history/2/result)" = "$(cat second)" ]
    run -0 dj gc --yes
    [ "${lines[-1]%%,*}" = "dropped: 2 runs" ]
    [ "$(dj get parent 1)" = "$(cat third)" ]
    [ "$(dj ls tasks/parent/1/history)" = 2 ]
    [ "$(dj cat tasks/parent/1/history/2/result)" = "$(cat second)" ]
    dj get --force parent 1 > /dev/null
    [ "$(dj cat tasks/parent/1/history/3/result)" = "$(cat third)" ]
    stop_daemon
    start_daemon --no-mount
    [ "$(dj cat tasks/parent/1/history/2/result)" = "$(cat second)" ]
    dj fsck
}

@test "what is open or under way stays, and a remembered failure" {
    fuse_usable || skip "no FUSE here"
    stop_daemon
    start_daemon
    cat > t.ini << END
[open]
command = sh -c 'head -c 2000000 /dev/zero'
[busy]
command = sh -c 'echo \$\$; while [ ! -e $DJ_TMP/gate ]; do sleep 0.02; done'
[no]
command = false
on_failure = remember
END
    dj define t.ini
    dj get open > /dev/null
    touch gate
    dj get busy
    run ! dj get no
    exec 5< "$MNT/tasks/open/_/result"
    dj invalidate open/_
    dj bump busy > /dev/null
    rm gate
    dj run busy
    run -0 dj gc --yes
    [[ $output == "dropped: 0 runs, 0 B; 2 in use stay" ]]
    [ "$(cat <&5 | wc -c)" -eq 2000000 ]
    exec 5<&-
    touch gate
    dj wait busy
    gone() { dj gc --yes --json | jq -e '.kept == 0'; }
    wait_until gone
    [ "$(find "$DJ_STORE/content" -type f | wc -l)" -eq 0 ]
    run ! dj get no
    [ "$(dj ls tasks/no/_/history | wc -l)" -eq 0 ]
    [ "$(stored)" -eq 2 ]
}

@test "it counts first and asks on a terminal; elsewhere it wants to be told" {
    dj define f n:int -- echo '{n}'
    dj get f 1
    dj undefine f
    run -2 dj gc < /dev/null
    [[ ${lines[0]} == "undefined: 1 run, "* ]]
    [[ ${lines[1]} == "to be dropped, for good: 1 run, "* ]]
    [ "${lines[2]}" = "dj: nobody can be asked here; say --yes to drop them, or -n to count only" ]
    [ "$(stored)" -eq 1 ]
    echo n | script -qec "dj gc" /dev/null > said
    grep -q 'drop them? \[y/N\]' said
    grep -q 'nothing was dropped' said
    [ "$(stored)" -eq 1 ]
    echo y | script -qec "dj gc" /dev/null > said
    grep -q 'dropped: 1 run, ' said
    [ "$(stored)" -eq 0 ]
    run -2 dj gc --yes -n
    [ "${lines[0]}" = "dj: gc: -n counts only, and --yes drops: not both" ]
    run -2 dj gc f
    run -0 dj -q gc --yes
    [ -z "$output" ]
}

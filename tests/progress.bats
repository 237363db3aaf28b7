# How far a run is: what it says itself, what earlier runs took, and who may say so.

load helper/djfs

setup_file()
{
    dj_setup
    start_daemon --workers 2
    printf '%s\n' '#!/bin/bash' 'echo 11/10 2>&1 > "$DJ/self/progress"' 'tail -1 "$DJ/self/ctl"' \
        > "$DJ_TMP/bad_write.sh"
    chmod +x "$DJ_TMP/bad_write.sh"
    define_tasks <<TASKS
[says]
command = sh -c 'echo 3/10 > \$DJ/self/progress; touch $DJ_TMP/said-\$1; while ! test -e $DJ_TMP/go-\$1; do sleep 0.02; done; test \$1 != 3' sh {n}
params = n:int

[tells]
command = sh -c 'dj progress 3/10; touch $DJ_TMP/said-\$1; while ! test -e $DJ_TMP/go-\$1; do sleep 0.02; done; dj progress 10/10; dj cat self/progress' sh {n}
params = n:int

[bad]
command = sh -c 'for text in "" 3 x/2 1/0 11/10; do dj progress "\$text" 2>&1; echo \$?; done'

[bad_write]
command = ./bad_write.sh

[other]
command = sh -c 'dj write tasks/tells/\$1/progress 9/10 2>&1; echo \$?' sh {n}
params = n:int

[takes]
command = sh -c 'touch $DJ_TMP/began-\$1; test \$1 = 1 && exec sleep 2; while ! test -e $DJ_TMP/go-takes; do sleep 0.02; done' sh {n}
params = n:int
TASKS
}

teardown_file()
{
    dj_teardown
}

# both RUN PATTERN: through the mount, which never blocks, and by dj cat.
both()
{
    local text

    if fuse_usable; then
        text=$(timeout $((5 * DJ_TIME_FACTOR)) cat "$MNT/tasks/$1/progress")
        [[ $text =~ ^$2$ ]] || { echo "mount: $text" >&2; return 1; }
    fi
    text=$(timeout $((5 * DJ_TIME_FACTOR)) dj cat "tasks/$1/progress")
    [[ $text =~ ^$2$ ]] || { echo "dj: $text" >&2; return 1; }
}

@test "echo 3/10 > \$DJ/self/progress, and who reads it meanwhile and behind the end" {
    requires_fuse
    both says/1 absent
    dj run says 1
    wait_until test -e "$DJ_TMP/said-1"
    wait_until both says/1 "3/10 30% eta [0-9]+ s"
    has "$(ls "$MNT/tasks/says/1")" progress
    has "$(dj ls tasks/says/1)" progress
    is "$(dj cat tasks/says/1/meta | jq -c .progress)" '{"done":3,"total":10}'
    touch "$DJ_TMP/go-1"
    is "$(dj wait says 1)" done
    both says/1 "100% done in [0-9.]+ m?s"
    not grep -q progress <(dj ls tasks/says/1)
    is "$(dj cat tasks/says/1/meta | jq -c .progress)" '{"done":3,"total":10}'
    dj invalidate says 1
    both says/1 "100% done in [0-9.]+ m?s"
    touch "$DJ_TMP/go-3"
    run dj get says 3
    both says/3 "3/10 30% failed after [0-9.]+ m?s"
    run dj get says 3
    is "$(dj cat tasks/says/3/history/1/meta | jq -c .progress)" '{"done":3,"total":10}'
}

tells_eta()
{
    [[ $(dj cat tasks/tells/11/progress) =~ ^"3/10 30% eta "[0-9]+" s"$ ]]
}

@test "dj progress, without a mount" {
    stop_daemon
    start_daemon --workers 2 --no-mount
    dj run tells 11
    wait_until test -e "$DJ_TMP/said-11"
    wait_until tells_eta
    touch "$DJ_TMP/go-11"
    is "$(dj get tells 11)" "10/10 100% eta 0 s"
    stop_daemon
    start_daemon --workers 2
}

@test "what is no progress is refused with a sentence" {
    is "$(dj get bad)" 'dj: "" is no progress; write N/M, as 3/10
2
dj: "3" is no progress; write N/M, as 3/10
2
dj: "x/2" is no progress; write N/M, as 3/10
2
dj: progress of 1/0: the whole is from 1 to 2^53
2
dj: progress of 11/10 is more than the whole
2'
    is "$(dj cat tasks/bad/_/meta | jq .progress)" null
    exits 2 dj progress
}

@test "a bad one through the mount is EINVAL, and ctl says why" {
    requires_fuse
    dj get bad_write > "$DJ_TMP/out"
    has "$(head -1 "$DJ_TMP/out")" "$(errno_text EINVAL)"
    has "$(cat "$DJ_TMP/out")" "progress of 11/10 is more than the whole"
}

@test "only the run itself says how far it is" {
    exits 5 dj progress 1/2
    is "$output" "dj: self/progress: you are not in a run; self is there for runs only"
    dj run tells 2
    wait_until test -e "$DJ_TMP/said-2"
    exits 4 dj write tasks/tells/2/progress 1/2
    is "$output" "dj: only the run itself says how far it is"
    is "$(dj get other 2)" "dj: only the run itself says how far it is
4"
    exits 4 dj write tasks/tells/99/progress 1/2
    if fuse_usable; then
        gives_errno EACCES bash -c 'echo 1/2 > "$1"' sh "$MNT/tasks/tells/2/progress"
    fi
    wait_until both tells/2 "3/10 30% eta [0-9]+ s"
    touch "$DJ_TMP/go-2"
    dj wait tells 2
}

@test "what earlier runs took: none, one of the task, one of the same call; queued" {
    dj write ctl pause
    dj run takes 1
    both takes/1 queued
    dj write ctl resume
    wait_until test -e "$DJ_TMP/began-1"
    both takes/1 "after [0-9]+ s"
    is "$(dj wait takes 1)" done
    dj run takes 2
    wait_until test -e "$DJ_TMP/began-2"
    wait_until both takes/2 "([0-9]+% eta [012]|99% late [0-9]+) s"
    touch "$DJ_TMP/go-takes"
    dj wait takes 2
    rm "$DJ_TMP/began-1"
    dj write tasks/takes/1/ctl force
    wait_until test -e "$DJ_TMP/began-1"
    wait_until both takes/1 "([0-9]+% eta [012]|99% late [0-9]+) s"
    dj wait takes 1
}

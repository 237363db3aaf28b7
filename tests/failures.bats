# How runs fail: each kind once, with its sentence, status, meta, errno and exit code; what is tried
# again by itself, and what is remembered.

load helper/djfs

setup_file()
{
    dj_setup
    mkdir "$DJ_TMP/count"
    start_daemon --workers 2
    echo 'echo never' > "$DJ_TMP/plain.sh"
    printf '#!/no/such/interpreter\n' > "$DJ_TMP/stray.sh"
    chmod +x "$DJ_TMP/stray.sh"
    define_tasks <<'TASKS'
[defaults]
params = n:int
env.TMP_OF_TEST = @TMP@

[code]
command = sh -c 'echo almost >&2; exit 7' sh {n}

[crash]
command = sh -c 'kill -SEGV $$' sh {n}

[slow]
command = sh -c 'echo working >&2; sleep 60' sh {n}
timeout = 200ms

[hog]
command = perl -e '$x = "x" x (200 << 20); sleep 60' {n}
memory = 100M

[wide]
command = sh -c 'yes; :' sh {n}
max_result = 1M

[wordy]
command = sh -c 'yes >&2; :' sh {n}
max_log = 1M

[heavy]
command = sh -c 'echo there >&2; echo kept > small; head -c 3000000 /dev/zero > large; sleep 60' sh {n}
max_files = 2M

[absent]
command = ./no/such/program {n}

[plain]
command = ./plain.sh {n}

[stray]
command = ./stray.sh {n}

[nowhere]
command = true {n}
result = file:out.txt

[waits]
command = sh -c 'echo x >> "$TMP_OF_TEST/count/waits-$1"; sleep 60' sh {n}

[tidy]
command = sh -c 'trap "sleep 0.3; exit 1" TERM; echo > "$TMP_OF_TEST/count/tidy-$1"; while :; do sleep 0.02; done' sh {n}

[orphan]
command = sh -c 'echo x >> "$TMP_OF_TEST/count/orphan"; echo $PPID > "$TMP_OF_TEST/reaper"; until test -e "$TMP_OF_TEST/let-go"; do sleep 0.02; done; echo home' sh {n}

[flaky]
command = sh -c 'echo x >> "$TMP_OF_TEST/count/flaky-$1"; echo "log of this try" >&2; test $(wc -l < "$TMP_OF_TEST/count/flaky-$1") -ge 3 || exit 75; echo right' sh {n}
retries = 3
retry_delay = 20ms*2
retry_on = exit:75

[patient]
command = sh -c 'echo x >> "$TMP_OF_TEST/count/patient-$1"; test -e "$TMP_OF_TEST/well" || exit 75; echo right' sh {n}
retries = 3
retry_delay = 3s

[remembered]
command = sh -c 'echo x >> "$TMP_OF_TEST/count/remembered"; exit 9' sh {n}
on_failure = remember

[slowly]
command = sh -c 'echo x >> "$TMP_OF_TEST/count/slowly"; sleep 60' sh {n}
on_failure = remember
timeout = 500ms
TASKS
}

# define_tasks with this test's folder in place of @TMP@.
define_tasks()
{
    sed "s|@TMP@|$DJ_TMP|" > "$DJ_TMP/tasks.ini"
    dj define "$DJ_TMP/tasks.ini"
}

teardown_file()
{
    dj_teardown
}

meta()
{
    dj cat "tasks/$1/meta" | jq -r "$2"
}

lines()
{
    cat "$1" 2> /dev/null | wc -l
}

# fails RUN EXIT SENTENCE ENDED_BY CODE: dj get, the record, and an open through the mount. The
# sentence is a pattern, since nobody knows to the byte how much something had become.
fails()
{
    exits "$2" dj get "tasks/$1"
    # shellcheck disable=SC2053
    [[ $output == "dj: "$3 ]] || { echo "said: $output" >&2; return 1; }
    is "$(dj cat "tasks/$1/status")" failed
    is "$(meta "$1" .ended_by)" "$4"
    is "$(meta "$1" .code)" "$5"
    # shellcheck disable=SC2053
    [[ $(meta "$1" .error) == $3 ]]
    ! fuse_usable || gives_errno EIO cat "$MNT/tasks/$1/result"
}

@test "an exit code" {
    fails code/1 1 "code/1 failed with exit code 7: almost" exit 7
}

@test "a signal" {
    fails crash/1 1 "crash/1 was ended by signal 11 (Segmentation fault)" signal 11
    is "$(meta crash/1 .signal)" SEGV
}

@test "a timeout has an exit code of its own" {
    fails slow/1 124 "slow/1 took longer than its timeout of 200ms: working" timeout 15
    is "$(meta slow/1 .limits.timeout_ms)" 200
}

@test "more memory than its limit" {
    fails hog/1 1 "hog/1 failed: it used *of*memory*limit* 100M" memory 9
    is "$(meta hog/1 .limits.memory)" 104857600
    is "$(meta hog/1 .exceeded.limit)" 104857600
    [[ $(meta hog/1 .memory.watched_by) == @(polling|cgroup) ]]
    [ "$(meta hog/1 .memory.peak)" -gt 104857600 ]
}

@test "a result that grows for ever" {
    fails wide/1 1 "wide/1 failed: its result grew to * MiB, and max_result is 1M" max_result 9
    [ "$(meta wide/1 .exceeded.reached)" -gt 1048576 ]
}

@test "a log that grows for ever; what is there of it can be read" {
    fails wordy/1 1 "wordy/1 failed: its log grew to * MiB, and max_log is 1M" max_log 9
    [ "$(dj cat tasks/wordy/1/log | wc -c)" -gt 1048576 ]
    is "$(meta code/1 .limits.max_log)" 1073741824
}

@test "files that grow for ever; they stay with the failed run" {
    fails heavy/1 1 "heavy/1 failed: its files grew to * MiB, and max_files is 2M" max_files 9
    is "$(meta heavy/1 .files.count)" 2
    is "$(dj cat tasks/heavy/1/log)" there
    [[ $(dj ls tasks/heavy/1) != *files* ]]
}

@test "a program that is not there, is not executable, has no interpreter" {
    fails absent/1 1 "absent/1 could not be started: $DJ_TMP/no/such/program: No such file or directory" not-started 2
    fails plain/1 1 "plain/1 could not be started: $DJ_TMP/plain.sh: Permission denied (it is not executable: chmod +x)" not-started 13
    fails stray/1 1 "stray/1 could not be started: $DJ_TMP/stray.sh: the interpreter that it asks for was not found" not-started 2
}

@test "a result file that is not there" {
    fails nowhere/1 1 "nowhere/1: it left no file out.txt, which was to be its result" no-result 5
}

@test "cancelled, and by whom" {
    dj get waits 1 > "$DJ_TMP/get.out" 2>&1 3>&- &
    wait_until test -e "$DJ_TMP/count/waits-1"
    dj cancel waits 1
    ended_with 75 $!
    is "$(cat "$DJ_TMP/get.out")" "dj: waits/1 was cancelled by $(id -un)"
    is "$(dj cat tasks/waits/1/status)" cancelled
    is "$(meta waits/1 .ended_by)" cancelled
    is "$(meta waits/1 .cancelled_by)" "$(id -un)"
}

@test "when a cancel has been answered, the record is there" {
    dj run tidy 1
    wait_until test -e "$DJ_TMP/count/tidy-1"
    dj cancel tidy 1
    is "$(dj cat tasks/tidy/1/status)" cancelled
    is "$(meta tidy/1 .ended_by)" cancelled
    # nobody is held up who does not want to wait, and two may cancel
    dj run tidy 2
    wait_until test -e "$DJ_TMP/count/tidy-2"
    dj cancel tidy 2 3>&- &
    timeout -s INT 0.01 dj cancel tidy 2 > /dev/null 2>&1 3>&- || :
    wait_until is_status tidy/2 cancelled
    wait $! || : # it may have come too late
}

@test "cancelled before it started" {
    dj write ctl pause
    dj get waits 2 > "$DJ_TMP/get.out" 2>&1 3>&- &
    wait_until is_status waits/2 queued
    dj cancel waits 2
    ended_with 75 $!
    dj write ctl resume
    is "$(cat "$DJ_TMP/get.out")" "dj: waits/2 was cancelled by $(id -un)"
    is "$(dj cat tasks/waits/2/status)" cancelled
    is "$(meta waits/2 ".seconds * 1")" 0
    [ ! -e "$DJ_TMP/count/waits-2" ]
}

# ended_with STATUS PID: of a child in the background.
ended_with()
{
    local got=0

    wait "$2" || got=$?
    is "$got" "$1" "exit code"
}

is_status()
{
    [ "$(dj cat "tasks/$1/status")" = "$2" ]
}

# lose ATTEMPT: the reaper of orphan is killed; nobody can tell then how the run ended.
lose()
{
    local pid

    wait_until lines_are "$DJ_TMP/count/orphan" "$1"
    wait_until test -s "$DJ_TMP/reaper"
    pid=$(cat "$DJ_TMP/reaper")
    rm "$DJ_TMP/reaper"
    kill -KILL "$pid"
}

lines_are()
{
    [ "$(lines "$1")" -eq "$2" ]
}

@test "a run that was lost is started again; its reader waits on" {
    dj get orphan 1 > "$DJ_TMP/get.out" 2>&1 3>&- &
    lose 1
    wait_until lines_are "$DJ_TMP/count/orphan" 2
    touch "$DJ_TMP/let-go"
    wait $!
    rm "$DJ_TMP/let-go" "$DJ_TMP/count/orphan" "$DJ_TMP/reaper"
    is "$(cat "$DJ_TMP/get.out")" home
    is "$(meta orphan/1 .attempt)" 2
    is "$(meta orphan/1 .state)" done
}

@test "a run that is lost again and again is lost" {
    dj get orphan 2 > "$DJ_TMP/get.out" 2>&1 3>&- &
    for i in 1 2 3 4; do
        lose $i
    done
    ended_with 75 $!
    is "$(cat "$DJ_TMP/get.out")" "dj: orphan/2 was lost 4 times: its processes ended without a trace"
    is "$(dj cat tasks/orphan/2/status)" lost
    is "$(meta orphan/2 .ended_by)" lost
    is "$(meta orphan/2 .attempt)" 4
}

@test "a failed run is tried again; who waits gets the last try" {
    is "$(dj get flaky 1)" right
    is "$(lines "$DJ_TMP/count/flaky-1")" 3
    is "$(meta flaky/1 .try)/$(meta flaky/1 .tries)" 3/4
    is "$(grep -c '"event":"failed".*"run":"1".*(try [12] of 4): log of this try' \
        <(dj cat events | grep '"task":"flaky"'))" 2
}

@test "not what is not in retry_on, and not more often than retries" {
    dj define picky retries=3 retry_delay=10ms retry_on=timeout n:int -- \
        sh -c "echo x >> $DJ_TMP/count/picky; exit 75" sh '{n}'
    exits 1 dj get picky 1
    is "$output" "dj: picky/1 failed with exit code 75 (try 1 of 4)"
    is "$(lines "$DJ_TMP/count/picky")" 1
    dj define stubborn retries=2 retry_delay=10ms n:int -- \
        sh -c "echo x >> $DJ_TMP/count/stubborn; exit 75" sh '{n}'
    exits 1 dj get stubborn 1
    is "$output" "dj: stubborn/1 failed with exit code 75 (try 3 of 3)"
    is "$(lines "$DJ_TMP/count/stubborn")" 3
}

# The delay is long enough to be seen and never waited for twice.
@test "waiting for the next try is being queued; a cancel ends it" {
    dj get patient 1 > "$DJ_TMP/get.out" 2>&1 3>&- &
    wait_until test -e "$DJ_TMP/count/patient-1"
    wait_until is_status patient/1 queued
    is "$(meta patient/1 .try)/$(meta patient/1 .tries)" 2/4
    [ "$(meta patient/1 .next_try)" != null ]
    dj cancel patient 1
    ended_with 75 $!
    is "$(cat "$DJ_TMP/get.out")" "dj: patient/1 was cancelled by $(id -un)"
    is "$(dj cat tasks/patient/1/status)" cancelled
    is "$(lines "$DJ_TMP/count/patient-1")" 1
}

@test "djd is killed between two tries: the next one comes all the same" {
    dj get patient 2 > /dev/null 2>&1 3>&- &
    wait_until test -e "$DJ_TMP/count/patient-2"
    wait_until is_status patient/2 queued
    touch "$DJ_TMP/well"
    kill_daemon
    wait $! || :
    start_daemon --workers 2 --no-mount # the old mount finds it
    wait_until is_status patient/2 done
    is "$(meta patient/2 .try)" 2
    is "$(dj get --cached patient 2)" right
    is "$(lines "$DJ_TMP/count/patient-2")" 2
}

@test "a run that is deleted under way leaves nothing, and undelete what was there" {
    dj define twofold n:int -- sh -c "echo x >> $DJ_TMP/count/twofold; test -e $DJ_TMP/quick && exec echo 6; sleep 60" sh '{n}'
    touch "$DJ_TMP/quick"
    is "$(dj get twofold 1)" 6
    rm "$DJ_TMP/quick"
    dj write tasks/twofold/1/ctl force
    wait_until lines_are "$DJ_TMP/count/twofold" 2
    dj rm twofold 1
    wait_until is_busy 0
    is "$(dj cat tasks/twofold/1/status)" absent
    dj undelete twofold 1
    is "$(dj get --cached twofold 1)" 6
}

is_busy()
{
    [ "$(dj cat status | sed -n 's/^busy //p')" = "$1" ]
}

@test "an incognito run of the same bytes takes no stored content away" {
    dj define large -- sh -c 'head -c 2000000 /dev/zero'
    dj get large > /dev/null
    dj get --force --incognito large > /dev/null
    is "$(dj get --cached large | wc -c)" 2000000
}

@test "a failure that is remembered stands until something changes" {
    exits 1 dj get remembered 1
    exits 1 dj get remembered 1
    is "$output" "dj: remembered/1 failed with exit code 9 (remembered; force tries again)"
    ! fuse_usable || gives_errno EIO cat "$MNT/tasks/remembered/1/result"
    is "$(lines "$DJ_TMP/count/remembered")" 1
    exits 1 dj get --force remembered 1
    is "$output" "dj: remembered/1 failed with exit code 9"
    dj invalidate remembered 1
    exits 1 dj get remembered 1
    dj bump remembered
    exits 1 dj get remembered 1
    exits 1 dj get remembered 1
    is "$(lines "$DJ_TMP/count/remembered")" 4
    exits 124 dj get slowly 1
    exits 124 dj get slowly 1
    is "$(lines "$DJ_TMP/count/slowly")" 1
}

@test "what was cancelled is not remembered" {
    dj define forgiving on_failure=remember n:int -- \
        sh -c "echo x >> $DJ_TMP/count/forgiving; until test -e $DJ_TMP/go; do sleep 0.02; done; echo 5" sh '{n}'
    dj get forgiving 1 > /dev/null 2>&1 3>&- &
    wait_until test -e "$DJ_TMP/count/forgiving"
    dj cancel forgiving 1
    ended_with 75 $!
    touch "$DJ_TMP/go"
    is "$(dj get forgiving 1)" 5
}

# Named locks: in turn, shared, freed by the end of the holder, kept over restarts; deadlocks.

load helper/djfs

setup()
{
    dj_setup
    mkdir "$DJ_TMP/go"
}

teardown()
{
    dj_teardown
}

# holder NAME GATE [OPTION…]: in the background, has the lock until go/GATE is there. Its pid is in
# GATE.pid and its exit code comes into GATE.code.
holder()
{
    local name=$1 gate=$2

    shift 2
    (
        dj lock "$@" "$name" sh -c "touch $DJ_TMP/$gate.in; while ! test -e $DJ_TMP/go/$gate; do sleep 0.02; done; echo $gate >> $DJ_TMP/order" \
            2> "$DJ_TMP/$gate.err" 3>&- &
        echo $! > "$DJ_TMP/$gate.pid"
        code=0
        wait $! || code=$?
        echo $code > "$DJ_TMP/$gate.code"
    ) 3>&- &
}

pid_of()
{
    cat "$DJ_TMP/$1.pid"
}

holds()
{
    test -e "$DJ_TMP/$1.in"
}

code_is()
{
    [ "$(cat "$DJ_TMP/$1.code" 2> /dev/null)" = "$2" ]
}

let_through()
{
    touch "$DJ_TMP/go/$1"
}

waiting()
{
    [ "$(dj lock --json | jq -c --arg lock "$1" '[.[] | select(.lock == $lock).waiting]')" = "[$2]" ]
}

why_is()
{
    [[ $(dj why "$1") == "$2"* ]]
}

@test "one at a time, first come first served; who has it and who waits can be seen" {
    start_daemon --no-mount
    is "$(dj lock --json)" "[]"
    holder db a
    wait_until holds a
    holder db b
    wait_until waiting db 1
    holder db c
    wait_until waiting db 2
    has "$(dj cat status)" "lock db exclusive since 20"
    has "$(dj cat status)" "waiting 2 by $(id -un) (pid $(pid_of a))"
    is "$(dj lock --json | jq -c '.[] | [.lock, .mode, .by]')" "[\"db\",\"exclusive\",\"$(id -un) (pid $(pid_of a))\"]"
    has "$(dj lock)" "$(id -un) (pid $(pid_of a))"
    # Another lock is another matter.
    dj lock log true
    let_through c
    let_through b
    holds b && false
    let_through a
    wait_until code_is c 0
    is "$(cat "$DJ_TMP/order" | tr '\n' ' ')" "a b c "
    is "$(dj cat status | grep -c '^lock')" 0
}

@test "--shared is shared, and nobody passes by who wants it alone" {
    start_daemon --no-mount
    holder db a --shared
    holder db b --shared
    wait_until holds a
    wait_until holds b
    is "$(dj lock --json | jq -r '.[].mode')" shared
    holder db alone
    wait_until waiting db 1
    holder db late --shared
    wait_until waiting db 2
    exits 75 dj lock -n --shared db true
    has "$output" "dj: lock db is held by $(id -un) (pid "
    let_through a
    let_through b
    wait_until holds alone
    holds late && false
    let_through late
    let_through alone
    wait_until code_is late 0
}

@test "the command's exit code, words, streams and signals are its own" {
    start_daemon --no-mount
    exits 7 dj lock db sh -c 'exit 7'
    exits 143 dj lock db sh -c 'kill -TERM $$'
    exits 127 dj lock db no-such-command
    is "$output" "dj: lock: no-such-command: No such file or directory"
    touch "$DJ_TMP/plain"
    exits 126 dj lock db "$DJ_TMP/plain"
    is "$(echo in | dj lock db sh -c 'cat; echo "$1"' sh --shared)" "in
--shared"
    # A signal goes to the command, which may take its time; the lock is kept meanwhile.
    dj lock db sh -c "trap 'touch $DJ_TMP/got; while ! test -e $DJ_TMP/go/x; do sleep 0.02; done; exit 9' TERM; touch $DJ_TMP/x.in; while :; do sleep 0.02; done" 3>&- &
    local pid=$!
    wait_until holds x
    kill -TERM "$pid"
    wait_until test -e "$DJ_TMP/got"
    exits 75 dj lock -n db true
    let_through x
    local code=0
    wait "$pid" || code=$?
    is "$code" 9
    dj lock -n db true
}

@test "freed when the holder dies, however; its command dies with it" {
    start_daemon --no-mount
    holder db a
    wait_until holds a
    local child
    child=$(pgrep -P "$(pid_of a)")
    holder db b
    wait_until waiting db 1
    kill -KILL "$(pid_of a)"
    wait_until holds b
    wait_until not is_running "$child"
    # Who waits and goes leaves the line.
    holder db c
    wait_until waiting db 1
    kill -KILL "$(pid_of c)"
    wait_until waiting db 0
    let_through b
    wait_until code_is b 0
}

@test "--timeout, -n and Ctrl-C give up; nothing of it stays in line" {
    start_daemon --no-mount
    holder db a
    wait_until holds a
    exits 124 dj lock --timeout 100ms db true
    is "$output" "dj: the time is over; it did not get lock db"
    exits 75 dj lock -n db true
    is "$output" "dj: lock db is held by $(id -un) (pid $(pid_of a))"
    holder db b
    wait_until waiting db 1
    kill -INT "$(pid_of b)"
    wait_until code_is b 130
    is "$(cat "$DJ_TMP/b.err")" "dj: interrupted; it did not get lock db"
    waiting db 0
    let_through a
    wait_until code_is a 0
    # In time it is had.
    is "$(dj lock --timeout 20s db echo got)" got
}

@test "what is refused: names, words, durations" {
    start_daemon --no-mount
    exits 2 dj lock "a b" true
    is "$output" 'dj: lock: "a b" is no name of a lock: it begins with a letter or a digit, and has only these and . _ - + : @ /'
    exits 2 dj lock "" true
    is "$output" "dj: lock: a lock needs a name"
    exits 2 dj lock "$(printf 'x%.0s' {1..201})" true
    is "$output" "dj: lock: the name of a lock has at most 200 bytes, and this one 201"
    exits 2 dj lock db
    has "$output" "usage: dj lock "
    exits 2 dj lock --shared
    has "$output" "usage: dj lock "
    exits 2 dj lock --json db true
    exits 2 dj lock --timeout soon db true
    has "$output" '"soon" is not a duration'
    exits 2 dj lock --exclusive db true
    has "$output" "dj: lock: there is no option --exclusive"
}

@test "in a run: waiting takes no worker, and why names the lock and who has it" {
    start_daemon --no-mount --workers 1
    define_tasks <<TASKS
[locks]
params = n
command = sh -c 'dj lock db sh -c "touch $DJ_TMP/\$1.in; while ! test -e $DJ_TMP/go/\$1; do sleep 0.02; done"; echo \$1' sh {n}
[free]
params = n
command = echo {n}
TASKS
    holder db a
    wait_until holds a
    dj run locks b
    wait_until why_is locks/b "waiting for lock db, held by $(id -un) (pid $(pid_of a)); never run before"
    is "$(dj cat tasks/locks/b/status)" waiting
    # Of one worker one is free.
    is "$(get free 1)" 1
    let_through a
    wait_until holds b
    wait_until why_is locks/b "running for "
    has "$(dj cat status)" " by locks/b (pid "
    # Two processes of one run wait for each other as any two do.
    let_through b
    is "$(get locks b)" b
    # A run that is cancelled frees what it has.
    dj run locks c
    wait_until holds c
    dj cancel locks c
    dj lock --timeout 20s db true
}

@test "deadlocks: of runs, with a call between, of commands, and inside of itself" {
    start_daemon --no-mount --workers 4
    define_tasks <<TASKS
[crossed]
params = mine theirs
command = sh -c 'dj lock \$1 sh -c "touch $DJ_TMP/go/\$1; while ! test -e $DJ_TMP/go/\$2; do sleep 0.02; done; dj lock \$2 echo both"' sh {mine} {theirs}
[wants]
command = dj lock k echo got
[calls]
command = dj lock k dj get wants
[twice]
command = dj lock k dj lock k true
[beside]
command = sh -c 'dj lock m sh -c "touch $DJ_TMP/go/beside; sleep 0.2; echo one" & while ! test -e $DJ_TMP/go/beside; do sleep 0.02; done; dj lock m echo two; wait'
TASKS
    dj run crossed a b
    wait_until test -e "$DJ_TMP/go/a"
    exits 1 get crossed b a
    has "$(dj log crossed b a)" "dj: a deadlock: it waits for lock a, held by crossed/mine=a,theirs=b (pid "
    has "$(dj log crossed b a)" ", which waits, too"
    is "$(get crossed a b)" both
    exits 1 get calls
    has "$(dj cat tasks/wants/_/log)" "dj: a deadlock: it waits for lock k, held by calls/_ (pid "
    exits 1 get twice
    has "$(dj log twice)" "dj: a deadlock: it waits for lock k, which a dj lock around it has"
    # Two processes of a run that want the same: one waits for the other, and all is well.
    is "$(get beside | tr '\n' ' ')" "one two "
    # Outside of runs.
    rm "$DJ_TMP/go/a" "$DJ_TMP/go/b"
    dj lock a sh -c "touch $DJ_TMP/go/a; while ! test -e $DJ_TMP/go/b; do sleep 0.02; done; dj lock b echo both" > "$DJ_TMP/first" 2> /dev/null 3>&- &
    local pid=$!
    wait_until test -e "$DJ_TMP/go/a"
    exits 1 timeout 20 dj lock b sh -c "touch $DJ_TMP/go/b; while ! dj cat status | grep -q 'lock b .*waiting 1'; do sleep 0.02; done; dj lock a true"
    has "$output" "dj: a deadlock: it waits for lock a, held by $(id -un) (pid "
    wait "$pid"
    is "$(cat "$DJ_TMP/first")" both
    exits 1 dj lock a dj lock --shared a true
    is "$output" "dj: a deadlock: it waits for lock a, which a dj lock around it has"
    dj lock --shared a dj lock --shared a true
}

@test "a child of who shares a lock is let pass by who waits to have it alone" {
    start_daemon --no-mount --workers 4
    define_tasks <<TASKS
[child]
command = dj lock --shared k echo got
[parent]
command = dj lock --shared k sh -c 'touch $DJ_TMP/go/in; while ! test -e $DJ_TMP/go/on; do sleep 0.02; done; dj get child'
TASKS
    dj run parent
    wait_until test -e "$DJ_TMP/go/in"
    holder k alone
    wait_until waiting k 1
    let_through alone
    let_through on
    is "$(get parent)" got
    wait_until code_is alone 0
}

@test "the daemon is killed: the holder keeps its lock, comes back, and nobody else gets it meanwhile" {
    start_daemon --no-mount
    holder db a
    wait_until holds a
    holder db b
    wait_until waiting db 1
    # It cannot come back while it is stopped: the next daemon keeps the lock for it all the same.
    kill -STOP "$(pid_of a)"
    kill_daemon
    start_daemon --no-mount
    wait_until waiting db 1
    exits 75 dj lock -n db true
    is "$output" "dj: lock db is held by $(id -un) (pid $(pid_of a))"
    kill -CONT "$(pid_of a)"
    holds b && false
    let_through b
    let_through a
    wait_until code_is b 0
    code_is a 0
    is "$(tr '\n' ' ' < "$DJ_TMP/order")" "a b "
    is "$(cat "$DJ_TMP/a.err" "$DJ_TMP/b.err")" ""
    exits 0 dj fsck
}

@test "the daemon is killed, and the holder too: the lock is free; dj down keeps it as a kill does" {
    start_daemon --no-mount
    holder db a
    wait_until holds a
    kill_daemon
    kill -KILL "$(pid_of a)"
    wait_until code_is a 137
    start_daemon --no-mount
    is "$(dj lock --json)" "[]"
    dj lock -n db true
    # The holder goes while it is away, and somebody waits already.
    holder db b
    wait_until holds b
    kill -STOP "$(pid_of b)"
    dj down > /dev/null
    start_daemon --no-mount
    holder db c
    wait_until waiting db 1
    kill -KILL "$(pid_of b)"
    wait_until holds c
    let_through c
    wait_until code_is c 0
}

@test "a daemon that knows nothing of it, where somebody else has the lock: the holder is told" {
    start_daemon --no-mount
    holder db a
    wait_until holds a
    kill -STOP "$(pid_of a)"
    kill_daemon
    rm -rf "$DJ_STORE"
    start_daemon --no-mount
    holder db b
    wait_until holds b
    kill -CONT "$(pid_of a)"
    wait_until code_is a 75
    is "$(cat "$DJ_TMP/a.err")" "dj: lock db was lost: lock db is held by $(id -un) (pid $(pid_of b)); its command is ended"
    let_through b
    wait_until code_is b 0
}

@test "a run that holds a lock over a restart is known to; deadlocks are found then, too" {
    start_daemon --no-mount --workers 4
    define_tasks <<TASKS
[crossed]
params = mine theirs
command = sh -c 'dj lock \$1 sh -c "touch $DJ_TMP/go/\$1; while ! test -e $DJ_TMP/go/\$2; do sleep 0.02; done; dj lock \$2 echo both"' sh {mine} {theirs}
TASKS
    dj run crossed a b
    wait_until test -e "$DJ_TMP/go/a"
    kill_daemon
    start_daemon --no-mount --workers 4
    has "$(dj cat status)" " by crossed/mine=a,theirs=b (pid "
    exits 1 get crossed b a
    is "$(get crossed a b)" both
}

# dj, the command: starting and ending, exit codes, what goes where.

bats_require_minimum_version 1.5.0
load helper/djfs
load helper/fixture

setup()
{
    dj_setup
    unset DJ_CONNECT
    export SOCKET=$XDG_RUNTIME_DIR/dj/socket
}

teardown()
{
    dj_teardown
}

define_some()
{
    dj define double n:int -- sh -c "echo x >> $DJ_TMP/runs; echo \$((\$1 * 2))" sh '{n}'
    dj define gate -- sh -c "echo x > $DJ_TMP/in; until test -e $DJ_TMP/open; do sleep 0.02; done; echo through"
    dj define bad -- sh -c 'echo oh dear >&2; exit 3'
    dj define echoes text -- printf %s '{text}'
}

@test "define and get start a daemon; a result is printed untouched and stored" {
    define_some
    is "$(dj get double 21)" 42
    is "$(dj get double 21)" 42
    is "$(wc -l < "$DJ_TMP/runs")" 1
    dj get echoes $'a\nb\xff ' > "$DJ_TMP/got"
    printf 'a\nb\xff ' > "$DJ_TMP/want"
    same "$DJ_TMP/got" "$DJ_TMP/want"
    is "$(dj get echoes -x=1)" -x=1
}

@test "a daemon that was named is not started by get" {
    exits 69 dj --connect "$DJ_TMP/none" get double 1
    DJ_CONNECT=$DJ_TMP/none exits 69 dj get double 1
    has "$output" "dj up"
    not runs djd
}

@test "exit codes" {
    define_some
    exits 1 dj get bad
    has "$output" "oh dear"
    exits 2 dj get double x
    exits 2 dj get
    exits 2 dj get --nope
    has "$output" "dj: get: there is no option --nope"
    exits 2 dj get --timeout
    has "$output" "wants a value"
    exits 2 dj frob
    exits 3 dj get --cached double 1
    exits 5 dj get nothing
    exits 5 dj cat tasks/nothing/meta
    exits 2 dj write tasks/double/1/ctl nonsense
}

@test "errors go to stderr, help to stdout in 80 columns" {
    define_some
    is "$(dj get double x 2> /dev/null || :)" ""
    is "$(dj frob 2> /dev/null || :)" ""
    is "$(dj --help 2>&1 > /dev/null)" ""
    is "$(dj --help | awk 'length > 80')" ""
    dj get --help | grep -q '^usage: dj get '
    is "$(dj --version | cut -d' ' -f1)" dj
}

@test "output that cannot be written is an error" {
    define_some
    exits 1 sh -c 'dj get double 1 > /dev/full'
    exits 1 sh -c 'dj ls > /dev/full'
    exits 1 sh -c 'dj --help > /dev/full'
}

@test "a time limit and Ctrl-C end the waiting, not the run" {
    define_some
    exits 124 dj get --timeout 200ms gate
    has "$output" "goes on"
    dj get gate 2> "$DJ_TMP/said" &
    local pid=$! code=0
    wait_until grep -q '^SigBlk:.*[2367abef]$' "/proc/$pid/status"
    kill -INT "$pid"
    wait "$pid" || code=$?
    is "$code" 130
    has "$(cat "$DJ_TMP/said")" "dj: interrupted; gate/_ goes on computing"
    touch "$DJ_TMP/open"
    is "$(dj wait gate)" done
    is "$(dj get --cached gate)" through
}

@test "run, cancel, rm, undelete, invalidate, bump, undefine" {
    define_some
    dj run gate
    wait_until test -e "$DJ_TMP/in"
    dj cancel tasks/gate/_
    is "$(dj wait gate)" cancelled
    dj get double 4
    is "$(dj path double 4)" tasks/double/4
    dj rm double 4
    exits 3 dj get --cached double 4
    dj undelete double
    is "$(dj get --cached double 4)" 8
    dj invalidate double 4
    exits 3 dj get --cached double 4
    is "$(dj bump double)" 2
    dj undefine double
    exits 5 dj get double 4
}

@test "several runs are taken one by one; each refusal is a line, the worst code is kept" {
    define_some
    dj get double 1
    dj get double 2
    exits 1 dj get bad
    run -0 dj wait tasks/double/1 double/3 tasks/bad/_ double/2
    is "$output" $'done\nabsent\nfailed\ndone'
    run -5 dj invalidate double/1 double/x double/3 double/2
    is "$(grep -c '^dj: ' <<< "$output")" 2
    has "$output" "dj: tasks/double/x/ctl: double: n: \"x\" is not an int"
    has "$output" "dj: double/3: nothing is stored of this run"
    is "$(dj wait double/1 double/2)" $'stale\nstale'
    run -5 dj rm double/1 double/3 nosuch/1 double/2
    has "$output" "nosuch"
    is "$(dj wait double/1 double/2)" $'absent\nabsent'
    run -2 dj wait double/1 2
    has "$output" "2 is no run's path"
    dj run gate
    run -5 dj cancel double/1 gate/_
    has "$output" "dj: double/1: "
    is "$(wc -l <<< "$output")" 1
    is "$(dj wait gate/_)" cancelled
    dj down
    run -69 dj wait double/1 double/2 double/3
    is "$(grep -c '^dj: ' <<< "$output")" 1
}

@test "get -f: many results in the list's order, what failed is named by its line" {
    define_some
    dj define mult a:int b:int -- sh -c 'echo $(($1 * $2))' sh '{a}' '{b}'
    dj define size f:file -- sh -c 'wc -c < "$1"' sh '{f}'
    printf 12345 > five
    printf '%s\n' double/1 tasks/double/2 '' 'echoes/a b%2Fc' double/1 mult/3,4 mult/b=5,a=2 \
        "size/five" > list
    is "$(dj get -f list)" "$(printf '%s\n' 2 4 'a b/c2' 12 10 5)"
    is "$(dj get -f list)" "$(dj get -f - < list)"
    is "$(sort "$DJ_TMP/runs" | uniq -c | tr -s ' ')" " 2 x"
    is "$(dj get tasks/double/2)" 4

    printf '%s\n' double/1 bad/_ nothing/1 double/x double double/ double/9 > list
    exits 1 sh -c 'dj get -f list 2> said'
    is "$output" "$(printf '2\n18')"
    is "$(cut -d: -f1-3 said | tr '\n' ';')" \
        "dj: list:2;dj: list:3;dj: list:4;dj: list:5;dj: list:6;"
    has "$(cat said)" "list:2: bad/_ failed with exit code 3: oh dear"
    has "$(cat said)" "there is no task nothing"
    has "$(cat said)" "TASK/NAME"
    exits 1 dj get --cached -f list
    has "$output" "list:2: not computed yet"
    exits 0 sh -c 'printf double/6 | dj get -f -'
    is "$output" 12
    is "$(dj get -f /dev/null)" ""
    exits 2 dj get -f list double 1
    exits 5 dj get -f no-list
    exits 1 sh -c 'echo double/1 | dj get -f - > /dev/full'
}

@test "get -f: a thousand and more at a time, on a pipe that is still being written" {
    define_some
    dj define name s -- printf '%s\n' '{s}'
    dj define large mark -- sh -c "yes \$1 | head -c 3000000" sh '{mark}'
    seq 2500 > want
    seq -f name/%.0f 2500 | dj get -f - > got
    same got want
    mkfifo pipe
    dj get -f - < pipe > got &
    local pid=$!
    exec 4> pipe
    printf 'name/a\nlarge/x\nname/b\n' >&4
    wait_until sh -c '[ "$(tail -n 1 got)" = b ]'
    printf 'name/c' >&4
    exec 4>&-
    wait "$pid"
    { echo a; yes x | head -c 3000000; printf 'b\nc\n'; } > want
    same got want
}

peak()
{
    sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}

# The same ten times in a row, and more than a dj needs for itself.
grows_no_more()
{
    peak "$1" >> peaks
    [ "$(tail -n 10 peaks | sort -u | wc -l)" -eq 1 ] && [ "$(tail -n 1 peaks)" -gt 30000 ]
}

@test "get -f: what waits for its turn takes a bounded memory" {
    define_some
    dj define megabyte -- sh -c 'yes | head -c 1000000'
    dj get megabyte > want
    { echo gate/_; yes megabyte/_ | head -n 400; } > list
    export ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=1
    dj get -f list > got &
    local pid=$!
    wait_until -t 60 grows_no_more "$pid"
    [ "$(peak "$pid")" -gt 30000 ]
    [ "$(peak "$pid")" -lt 250000 ]
    touch "$DJ_TMP/open"
    wait "$pid"
    is "$(stat -c %s got)" $((8 + 400 * 1000000))
    same <(tail -c +9 got) <(for _ in $(seq 400); do cat want; done)
}

@test "get -f: a time limit, Ctrl-C and a daemon that goes away are said once" {
    define_some
    printf '%s\n' double/1 gate/_ double/2 gate/_ > list
    exits 124 sh -c 'dj -q get --timeout 300ms -f list 2> said'
    is "$output" 2
    is "$(cat said)" "dj: the time is over; what was started goes on"
    dj -q get -f list > got 2> said &
    local pid=$! code=0
    wait_until test -s got
    kill -INT "$pid"
    wait "$pid" || code=$?
    is "$code" 130
    is "$(cat said)" "dj: interrupted; what was started goes on"
    code=0
    : > got
    dj -q get -f list > got 2> said &
    pid=$!
    wait_until test -s got
    kill_daemon
    wait "$pid" || code=$?
    is "$code" 69
    is "$(cat said)" "dj: the daemon ended the connection"
    touch "$DJ_TMP/open"
    is "$(dj get -f list)" "$(printf '2\nthrough\n4\nthrough')"
}

@test "ls, cat and write show the tree without a mount" {
    define_some
    has "$(dj ls)" tasks
    is "$(dj cat tasks/double/3/result)" 6
    has "$(dj ls -l tasks/double/3)" "-r--r--r--"
    dj write tasks/double/3/ctl delete
    exits 3 dj get --cached double 3
    exits 1 dj cat tasks
    exits 1 dj ls tasks/double/3/args
}

@test "a file with sections, a script's head and functions of a shell file are defined" {
    printf '[one]\ncommand = echo 1\nparams =\n' > tasks.ini
    printf '#!/bin/sh\n#DJ params = n:int\necho "<$1>"\n' > script.sh
    printf '#DJ params = word\nf() { echo "f $1"; }\ng() { echo g; }\n' > lib.sh
    chmod +x script.sh
    dj define tasks.ini
    dj define script.sh
    dj define lib.sh f
    is "$(dj get one)" 1
    is "$(dj get script 7)" "<7>"
    is "$(dj get f x)" "f x"
    exits 5 dj get g
    printf 'f() { :; }\n' > bare.sh
    exits 2 dj define bare.sh
    printf '#DJ params = word\necho "sh $1"\n' > plain.sh
    printf '#!/usr/bin/env python3\n#DJ params = n:int\nimport sys\nprint(int(sys.argv[1]) + 1)\n' > inc.py
    dj define plain.sh
    dj define inc.py
    is "$(dj get plain x)" "sh x"
    is "$(dj get inc 41)" 42
    exits 5 dj define none.ini
}

@test "up, up again, down; a socket by a relative name; two starts at once are one" {
    exits 0 dj --connect here/socket up --store "$DJ_STORE" --no-mount
    exits 0 dj --connect here/socket up --no-mount
    has "$output" "runs already, with the store $DJ_STORE"
    exits 0 dj --connect here/socket down
    exits 69 dj --connect here/socket down
    wait_until not runs djd

    local pids=() pid
    for _ in 1 2 3; do
        dj ls > /dev/null 2>&1 || dj define one -- echo 1 2>> "$DJ_TMP/said" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
    is "$(cat "$DJ_TMP/said")" ""
    is "$(our_pids djd | wc -l)" 1
}

@test "down: a daemon that goes before it can answer is gone, one that was stopped is told of" {
    export DJ_CONNECT=$SOCKET
    start_fixture
    touch fixture/dies
    exits 0 dj down
    kill_fixture
    mv fixture/dies fixture/halts
    start_fixture
    exits 75 dj down
    has "$output" "the daemon does not answer; it has been stopped, and \`kill -CONT $FIXTURE\`"
}

@test "a daemon that does not start says why" {
    exits 1 dj up --store /proc/none --no-mount
    has "$output" "/proc/none"
    not runs djd
}

@test "the mount: said once and again, other folders refused, a dead one mended" {
    requires_fuse
    exits 0 dj up --store "$DJ_STORE" "$MNT"
    has "$output" "mounted at $MNT"
    exits 0 dj up
    has "$output" "mounted at $MNT"
    mkdir full
    touch full/x
    exits 1 dj mount full
    has "$output" "not empty"
    kill -KILL "$(our_pids djfs)"
    wait_until gives_errno ENOTCONN ls "$MNT"
    exits 0 dj up "$MNT"
    has "$(ls "$MNT")" tasks
    exits 0 dj umount
    is "$(our_mounts)" ""
    exits 0 dj mount "$MNT"
    exits 0 dj down
    is "$(our_mounts)" ""
    wait_until not runs djd
}

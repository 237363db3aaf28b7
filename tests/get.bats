# dj get: its options, its exit codes, and what it shows on a terminal.

load helper/djfs

setup()
{
    dj_setup
    start_daemon --no-mount --workers 1
    define_tasks <<'TASKS'
[double]
command = sh -c 'echo x >> "$1/runs"; echo $(($2 * 2))' sh {here} {n}
params = n:int

[gate]
command = sh -c 'echo "one $2" >&2; touch "$1/in$2"; until test -e "$1/open"; do sleep 0.02; done; printf two >&2; echo "through $2"' sh {here} {n}
params = n:int

[bad]
command = sh -c 'echo oh dear >&2; exit 3'
params =

[left]
command = sh -c 'touch "$1/in"; until test -e "$1/open"; do sleep 0.02; done' sh {here}
params =
abandon = cancel
TASKS
}

teardown()
{
    touch "$DJ_TMP/open"
    dj_teardown
}

# What a terminal shows of a shell command is in the file `screen`, what is typed there is written
# to descriptor 4. A shell lets what it starts in the background ignore SIGINT, a terminal does not.
terminal()
{
    [ -p keys ] || mkfifo keys
    exec 4<> keys
    env --default-signal=INT,QUIT script -qefc "$1" /dev/null < keys > screen 2>&1 3>&- &
    pid=$!
}

# screen: what stays on it; the bar is wiped away.
screen()
{
    perl -pe 's/\r(dj: [^\r\n]*?)?\e\[K//g; s/\r//g' < screen
}

shows()
{
    screen | grep -qF -- "$1"
}

# ends STATUS: of what the terminal ran.
ends()
{
    local code=0

    wait "$pid" || code=$?
    exec 4>&-
    is "$code" "$1" "$(cat screen)"
}

@test "each exit code" {
    exits 0 dj get double 1
    exits 1 dj get bad
    has "$output" "bad/_ failed with exit code 3: oh dear"
    exits 2 dj get
    exits 2 dj get double x
    exits 2 dj get double 1 2
    exits 3 dj get --cached double 2
    is "$output" "dj: not computed yet"
    exits 4 dj write tasks/double/1/result text
    exits 5 dj get nothing 1
    is "$output" "dj: there is no task nothing"
    exits 5 dj rm double 2
    exits 69 dj --connect "$DJ_TMP/none" get double 1
    exits 124 dj get --timeout 200ms gate 1
    has "$output" "dj: the time is over; gate/1 goes on computing; \`dj cancel tasks/gate/1\` ends it"
    dj get gate 1 2> said &
    local pid=$! code=0
    wait_until grep -q '^SigBlk:.*[2367abef]$' "/proc/$pid/status"
    dj cancel gate 1
    wait "$pid" || code=$?
    is "$code" 75
    has "$(cat said)" "gate/1 was cancelled"
    dj get gate 2 2> said &
    pid=$! code=0
    wait_until grep -q '^SigBlk:.*[2367abef]$' "/proc/$pid/status"
    kill -INT "$pid"
    wait "$pid" || code=$?
    is "$code" 130
}

@test "each option, alone and together; those to come are refused by name" {
    is "$(dj get double 1)" 2
    is "$(dj get --force double 1)" 2
    is "$(wc -l < runs)" 2
    is "$(dj get --incognito double 1)" 2
    is "$(dj get --cached double 1)" 2
    is "$(dj get --timeout 10s --cached double 1)" 2
    is "$(wc -l < runs)" 2
    is "$(dj get --force --incognito double 1)" 2
    is "$(dj get --incognito double 5)" 10
    is "$(wc -l < runs)" 4
    exits 3 dj get --cached double 5
    printf 'double/1\ndouble/7\n' > list
    is "$(dj get -f list)" "$(printf '2\n14')"
    is "$(dj get --cached -f list)" "$(printf '2\n14')"
    exits 2 dj get --force --cached double 1
    is "$output" "dj: get: --force computes and --cached never does"
    exits 2 dj get --timeout soon double 1
    exits 2 dj get --launch "thread now" double 1
    is "$output" "dj: get: --launch thread now: thread takes no word behind it"
    exits 5 dj get --launch other --force double 1
    has "$output" "dj: double: there is no launch other: dj.conf has no section [launch other]"
    exits 5 dj get --session other --force double 1
    has "$output" "dj: double: there is no session other"
    exits 2 dj get --launch
    has "$output" "wants a value"
}

@test "a terminal shows the log while it waits, a file gets the result only" {
    requires script
    terminal "dj get gate 1 > result"
    wait_until shows "one 1"
    is "$(cat result)" ""
    touch open
    ends 0
    is "$(screen)" "$(printf 'one 1\ntwo')"
    is "$(cat result)" "through 1"

    # On one terminal the result begins a line; what is there already has no log to show.
    terminal "dj get gate 2"
    ends 0
    is "$(screen)" "$(printf 'one 2\ntwo\nthrough 2')"
    terminal "dj get gate 2"
    ends 0
    is "$(screen)" "through 2"
    terminal "dj -q get --force gate 2"
    ends 0
    is "$(screen)" "through 2"
    terminal "dj get --force --incognito gate 2"
    ends 0
    is "$(screen)" "$(printf 'one 2\ntwo\nthrough 2')"
    is "$(dj get --force gate 2 2>&1)" "through 2"
    terminal "dj get bad"
    ends 1
    is "$(screen)" "$(printf 'oh dear\ndj: bad/_ failed with exit code 3: oh dear')"
}

@test "a terminal shows a long log in full, once" {
    requires script
    dj define long -- sh -c 'i=0; while [ $i -lt 30 ]; do seq 20000 >&2; sleep 0.01; i=$((i + 1)); done; echo end'
    terminal "stty raw; dj get long > result"
    ends 0
    is "$(screen | md5sum)" "$(for i in $(seq 30); do seq 20000; done | md5sum)"
    is "$(cat result)" end
    terminal "stty raw; dj memo sh -c 'seq 300000 >&2; exit 3' > result"
    ends 3
    is "$(screen | md5sum)" "$(seq 300000 | md5sum)"
}

@test "a terminal shows how far it is: as it says itself, else by the time of the last one" {
    requires script
    define_tasks <<'TASKS'
[far]
command = sh -c 'dj progress 1/4; printf "part of a line" >&2; until test -e "$1/more"; do sleep 0.02; done; echo >&2; until test -e "$1/open"; do sleep 0.02; done; echo "there"' sh {here}
params =

[usual]
command = sh -c 'if [ "$2" = 2 ]; then until test -e "$1/open"; do sleep 0.02; done; else sleep 2.2; fi; echo "$2"' sh {here} {n}
params = n:int
TASKS
    terminal "stty cols 60; dj get far"
    wait_until shows "part of a line"
    touch more
    wait_until grep -q $'\rdj: running \[=.*> .*\] 1/4 25 % [a-z0-9 ]*\e' screen
    touch open
    ends 0
    is "$(screen)" "$(printf 'part of a line\nthere')"
    rm open
    dj get usual 1
    terminal "stty cols 70; dj get usual 2"
    wait_until grep -q $'\rdj: running, usual seconds \[=.*> .*\] 1/2 50 % [a-z0-9 ]*\e' screen
    wait_until grep -q $'\rdj: running [0-9]* s so far\e' screen
    touch open
    ends 0
    is "$(screen)" 2
    terminal "dj -q get usual 3" # long enough for a bar
    ends 0
    is "$(tr -d '\r' < screen)" 3
}

@test "a memo shows its stderr as it comes, and once" {
    requires script
    local cmd='echo one >&2; touch in; until test -e open; do sleep 0.02; done; printf two >&2; echo out'
    terminal "dj memo sh -c '$cmd'"
    wait_until shows one
    touch open
    ends 0
    is "$(screen)" "$(printf 'one\ntwoout')"
    terminal "dj -q memo sh -c '$cmd'"
    ends 0
    is "$(screen)" "$(printf 'one\ntwoout')"
}

@test "Ctrl-C on a terminal says what goes on" {
    requires script
    terminal "dj get gate 1"
    wait_until shows "one 1"
    printf '\003' >&4
    ends 130
    shows "dj: interrupted; gate/1 goes on computing; \`dj cancel tasks/gate/1\` ends it"

    terminal "dj get double 1"
    wait_until sh -c 'dj cat status | grep -q "^queued 1"'
    printf '\003' >&4
    ends 130
    shows "dj: interrupted; double/1 was still queued and is withdrawn"

    dj get double 2 > got &
    local other=$!
    wait_until sh -c 'dj cat status | grep -q "^queued 1"'
    terminal "dj get double 2"
    wait_until sh -c "grep -q '^SigBlk:.*[2367abef]$' /proc/\$(pgrep -nx -P \$(pgrep -P $pid) dj || pgrep -nx -P $pid dj)/status"
    printf '\003' >&4
    ends 130
    shows "dj: interrupted; double/2 stays queued, since others wait for it; \`dj cancel"
    dj cancel gate 1
    wait "$other"
    is "$(cat got)" 4
    exits 3 dj get --cached double 1

    terminal "dj get left"
    wait_until test -e in
    printf '\003' >&4
    ends 130
    shows "dj: interrupted; left/_ is ended, as its task has abandon = cancel"
    is "$(dj wait left)" cancelled
}

@test "a second Ctrl-C does not wait for the daemon" {
    requires script
    terminal "dj get gate 1"
    wait_until shows "one 1"
    local djd
    djd=$(our_pids djd)
    on_exit kill -CONT "$djd"
    kill -STOP "$djd"
    printf '\003' >&4
    wait_until sh -c "! grep -q '^SigBlk:.*[2367abef]$' /proc/$(our_pids dj)/status"
    printf '\003' >&4
    ends 130
    kill -CONT "$djd"
}

@test "a hit loads no library that it does not need, and a table no archives" {
    requires readelf
    local library
    has "$(needed dj)" libc.so
    for library in jansson sodium smartcols jq archive; do
        has "$(needed dj-archive)" "lib$library.so"
        [[ $(needed dj) != *"lib$library.so"* ]]
    done
    has "$(needed dj-rows)" libjq.so
    [[ $(needed dj-rows) != *libarchive.so* ]]
}

needed()
{
    readelf -d "$DJ_BUILDDIR/$1" | grep NEEDED
}

# Why a run has a result or has none: each line of `why`, and that it agrees with what an open does.

load helper/djfs

setup_file()
{
    dj_setup
    start_daemon --workers 2
    mkdir "$DJ_TMP/go"
    printf '#!/bin/sh\necho leaf "$1"\n' > "$DJ_TMP/leaf.sh"
    chmod +x "$DJ_TMP/leaf.sh"
    define_tasks <<TASKS
[leaf]
command = ./leaf.sh {n}
params = n:int

[mid]
command = sh -c 'dj get leaf \$1' sh {n}
params = n:int

[top]
command = sh -c 'dj get mid \$1' sh {n}
params = n:int

[gate]
command = sh -c 'while ! test -e $DJ_TMP/go/\$1; do sleep 0.02; done' sh {n}
params = n:int

[waits]
command = sh -c 'dj get gate \$1' sh {n}
params = n:int

[size]
command = wc -c {f}
params = f:file

[reads]
command = sh -c 'dj get size $DJ_TMP/\$1' sh {name}
params = name

[above]
command = sh -c 'dj get reads \$1' sh {name}
params = name

[tracks]
command = cat {here}/model
track = model

[fails]
command = sh -c 'test -e $DJ_TMP/go/\$1 || exit 3' sh {n}
params = n:int

[stubborn]
command = sh -c 'exit 4'
on_failure = remember

[slow]
command = sleep 600
timeout = 100ms

[signal]
command = sh -c 'kill -SEGV \$\$'

[hog]
command = perl -e '\$x = "x" x (200 << 20); sleep 60'
memory = 100M

[flaky]
command = sh -c 'test -e $DJ_TMP/go/\$1 || exit 75; echo right' sh {n}
params = n:int
retries = 1
retry_delay = 600s

[orphan]
command = sh -c 'echo \$PPID > $DJ_TMP/reaper; while ! test -e $DJ_TMP/go/\$1; do sleep 0.02; done' sh {n}
params = n:int

[tolerant]
command = sh -c 'dj get fails \$1; echo went on' sh {n}
params = n:int

TASKS
    me=$(id -un)
    export me
}

teardown_file()
{
    dj_teardown
}

# why_is RUN LINE: and an open that may not compute agrees with it.
why_is()
{
    is "$(dj why "$1")" "$2"
    if [[ $2 == hit* ]]; then
        dj get --cached "tasks/$1" > /dev/null 2>&1
    else
        run dj get --cached "tasks/$1"
        [ "$status" -ne 0 ]
    fi
}

why_begins()
{
    [[ $(dj why "$1") == "$2"* ]]
}

let_through()
{
    touch "$DJ_TMP/go/$1"
}

@test "never run, hit, and the same by the file in the tree" {
    why_is leaf/1 "never run"
    dj get leaf 1
    why_is leaf/1 hit
    is "$(dj why leaf 1)" hit
    is "$(dj cat tasks/leaf/1/why)" hit
    is "$(dj ls tasks/leaf/1 | tr '\n' ' ')" \
        "args command ctl deps dependents files history key log meta status why result "
    [ ! -e "$DJ_TMP/go/none" ] && is "$(dj cat tasks/leaf/987/why)" "never run"
    is "$(dj cat tasks/leaf/987/status)" absent
}

@test "queued: its place and who has the workers" {
    dj run gate 1
    dj run gate 2
    wait_until why_begins gate/2 running
    dj run leaf 11
    dj run leaf 12
    why_is leaf/12 "queued behind 1; the 2 workers have gate/1, gate/2; never run before"
    dj write ctl pause
    why_is leaf/11 "queued behind 0; the daemon is paused; never run before"
    dj write ctl resume
    let_through 1
    let_through 2
    is "$(dj wait leaf 12)" done
    why_is leaf/12 hit
}

@test "waiting for a run that it called, and for somebody else's" {
    dj run waits 3
    wait_until why_begins waits/3 waiting
    wait_until why_begins gate/3 running
    why_is waits/3 "waiting for gate/3 (running); never run before"
    why_is gate/3 "running for waits/3; never run before"
    let_through 3
    dj wait waits 3
    dj run gate 4
    wait_until why_begins gate/4 running
    dj run waits 4
    wait_until why_begins waits/4 waiting
    why_is waits/4 "waiting for gate/4 (running for $me); never run before"
    why_is gate/4 "running for $me; never run before"
    let_through 4
    dj wait waits 4
    why_is waits/4 hit
}

@test "a version: its own, a child's, a grandchild's with the path" {
    dj get top 20
    dj bump leaf
    why_is leaf/20 "stale: version 1 -> 2"
    why_is mid/20 "stale: leaf/20: version 1 -> 2"
    why_is top/20 "stale: mid/20 -> leaf/20: version 1 -> 2"
    dj write tasks/leaf/.version 1
    why_is top/20 hit
    dj bump mid
    why_is top/20 "stale: mid/20: version 1 -> 2"
    dj write tasks/mid/.version 1
}

@test "a definition, by the part that changed; a child's task that is not defined any more" {
    dj get top 30
    dj define leaf n:int -- echo changed "{n}"
    why_is leaf/30 "stale: definition changed (command)"
    why_is top/30 "stale: mid/30 -> leaf/30: definition changed (command)"
    dj undefine leaf
    why_is top/30 "stale: mid/30 -> leaf/30: its task is not defined any more"
    dj define "$DJ_TMP/tasks.ini"
    why_is top/30 hit
}

@test "a tracked file" {
    echo 1 > "$DJ_TMP/model"
    dj get tracks
    why_is tracks/_ hit
    echo 2 > "$DJ_TMP/model"
    why_is tracks/_ "stale: tracked file $DJ_TMP/model changed"
    rm "$DJ_TMP/model"
    why_is tracks/_ "stale: tracked file $DJ_TMP/model is gone"
    echo 1 > "$DJ_TMP/model"
    why_is tracks/_ hit
}

@test "a file argument, and the input file of a child" {
    local old
    echo one > "$DJ_TMP/text"
    dj get above text
    old=$(dj path size "$DJ_TMP/text")
    why_is above/text hit
    echo other > "$DJ_TMP/text"
    is "$(dj why size "$DJ_TMP/text")" "never run; text changed since ${old#tasks/}"
    why_is "${old#tasks/}" hit
    why_is reads/text "stale: input $DJ_TMP/text changed"
    why_is above/text "stale: reads/text: input $DJ_TMP/text changed"
    rm "$DJ_TMP/text"
    why_is above/text "stale: reads/text: input $DJ_TMP/text is gone"
}

@test "invalidated: the run, what it called, the whole task" {
    dj get top 40
    dj get top 41
    dj invalidate leaf 40
    why_is leaf/40 "stale: leaf/40 was invalidated by $me"
    why_is top/40 "stale: leaf/40 was invalidated by $me"
    why_is top/41 hit
    dj write tasks/leaf/.ctl invalidate
    why_is leaf/41 "stale: its task was invalidated by $me"
    why_is top/41 "stale: mid/41 -> leaf/41: its task was invalidated by $me"
}

@test "forced, and a forced run that fails" {
    let_through 50
    dj get fails 50
    why_is fails/50 hit
    rm "$DJ_TMP/go/50"
    run dj get --force fails 50
    why_is fails/50 "hit; note: a newer try: failed: exit code 3, try 1 of 1"
    run dj get fails 50
    is "$output" "dj: fails/50: a newer try: failed: exit code 3, try 1 of 1"
    let_through 51
    dj get gate 51
    rm "$DJ_TMP/go/51"
    dj write tasks/gate/51/ctl force
    wait_until why_begins gate/51 running
    why_is gate/51 "running for $me; forced by $me"
    let_through 51
    dj wait gate 51
    why_is gate/51 hit
}

@test "deleted, and brought back" {
    dj get leaf 60
    dj rm leaf 60
    why_is leaf/60 "deleted by $me"
    dj undelete leaf 60
    why_is leaf/60 hit
    dj rm leaf 60
    dj get leaf 60
    why_is leaf/60 hit
}

@test "failed, by a signal, out of time; and remembered" {
    run dj get fails 70
    why_is fails/70 "failed: exit code 3, try 1 of 1"
    run dj get stubborn
    why_is stubborn/_ "failed: exit code 4, try 1 of 1; remembered, only force tries again"
    run dj get signal
    why_is signal/_ "failed: signal 11 (Segmentation fault), try 1 of 1"
    run dj get slow
    why_is slow/_ "failed: timed out, try 1 of 1"
}

@test "out of memory, and the other limits" {
    run dj get hog
    why_is hog/_ "failed: out of memory, above its limit of 100M, try 1 of 1"
    printf '%s\n' '[wide]' "command = sh -c 'yes; :'" 'max_result = 1M' \
        '[wordy]' "command = sh -c 'yes >&2; :'" 'max_log = 1M' \
        '[heavy]' "command = sh -c 'yes > f; :'" 'max_files = 1M' \
        '[absent]' 'command = ./no/such' > "$DJ_TMP/limits.ini"
    dj define "$DJ_TMP/limits.ini"
    for task in wide wordy heavy absent; do
        run dj get $task
    done
    why_is wide/_ "failed: its result grew above its max_result of 1M, try 1 of 1"
    why_is wordy/_ "failed: its log grew above its max_log of 1M, try 1 of 1"
    why_is heavy/_ "failed: its files grew above its max_files of 1M, try 1 of 1"
    why_is absent/_ "failed: absent/_ could not be started: $DJ_TMP/no/such: No such file or directory, try 1 of 1"
}

@test "waiting to be tried again, with the try that failed" {
    dj run flaky 170
    wait_until why_begins flaky/170 "queued for try"
    [[ $(dj why flaky/170) =~ ^"queued for try 2 of 2, not before "(20[-0-9: ]+)"; failed: exit code 75, try 1 of 2"$ ]]
    is "$(date -d "${BASH_REMATCH[1]}" +%FT%T)" "$(dj cat tasks/flaky/170/meta | jq -r .next_try | cut -c-19)"
    dj cancel flaky 170
    wait_until why_begins flaky/170 "cancelled by $me"
    printf '[flaky]\ncommand = sh -c "exit 75"\nparams = n:int\nretries = 1\nretry_delay = 0\n' | define_tasks
    run dj get flaky 171
    why_is flaky/171 "failed: exit code 75, try 2 of 2"
}

@test "cancelled by a user; while it was queued; beside a result that is there" {
    dj run gate 180
    wait_until why_begins gate/180 running
    dj cancel gate 180
    wait_until not why_begins gate/180 running
    why_is gate/180 "cancelled by $me"
    dj write ctl pause
    dj run gate 181
    dj cancel gate 181
    why_is gate/181 "cancelled by $me"
    dj write ctl resume
    let_through 182
    dj get gate 182
    rm "$DJ_TMP/go/182"
    dj write tasks/gate/182/ctl force
    wait_until why_begins gate/182 running
    dj cancel gate 182
    wait_until why_begins gate/182 hit
    why_is gate/182 "hit; note: a newer try: cancelled by $me"
}

# lose: the reaper of orphan is killed; nobody can tell then how the run ended.
lose()
{
    local pid

    wait_until test -s "$DJ_TMP/reaper"
    pid=$(cat "$DJ_TMP/reaper")
    rm "$DJ_TMP/reaper"
    kill -KILL "$pid"
}

@test "lost and begun again; lost for good" {
    dj run orphan 190
    wait_until test -s "$DJ_TMP/reaper"
    why_is orphan/190 "running for $me; never run before"
    lose
    wait_until test -s "$DJ_TMP/reaper"
    why_is orphan/190 "running for $me; lost and begun again; never run before"
    lose
    wait_until test -s "$DJ_TMP/reaper"
    why_is orphan/190 "running for $me; lost 2 times and begun again; never run before"
    let_through 190
    is "$(dj wait orphan 190)" done
    why_is orphan/190 hit
    rm "$DJ_TMP/reaper"
    dj run orphan 191
    for _ in 1 2 3 4; do
        lose
    done
    wait_until why_begins orphan/191 lost
    why_is orphan/191 "lost 4 times: its processes ended without a trace"
}

@test "what was built on a failure stands until that is tried again" {
    dj get tolerant 80
    why_is tolerant/80 hit
    let_through 80
    dj get fails 80
    why_is tolerant/80 "stale: fails/80, whose failure it had read, was tried again"
}

@test "the program changed and the version did not" {
    dj get leaf 90
    cp -p "$DJ_TMP/leaf.sh" "$DJ_TMP/leaf.old"
    echo "# more" >> "$DJ_TMP/leaf.sh"
    why_is leaf/90 "hit; note: leaf.sh changed since"
    is "$(dj get leaf 90 2> "$DJ_TMP/err")" "leaf 90"
    is "$(cat "$DJ_TMP/err")" "dj: leaf/90: leaf.sh changed since"
    dj get leaf 91 2> "$DJ_TMP/err"
    is "$(cat "$DJ_TMP/err")" ""
    why_is leaf/91 hit
    dj get mid 90 2> "$DJ_TMP/err"
    is "$(cat "$DJ_TMP/err"; dj cat tasks/mid/90/log)" ""
    cp "$DJ_TMP/leaf.old" "$DJ_TMP/leaf.sh"
    why_is leaf/90 hit
    touch "$DJ_TMP/leaf.sh"
    why_is leaf/90 hit
}

@test "a version that is taken back after a restart is told as before it" {
    dj get top 100
    dj bump leaf
    dj down
    start_daemon --workers 2
    why_is top/100 "stale: mid/100 -> leaf/100: version 1 -> 2"
    echo "# more" >> "$DJ_TMP/leaf.sh"
    dj write tasks/leaf/.version 1
    why_is leaf/100 "hit; note: leaf.sh changed since"
}

@test "through the mount" {
    requires_fuse
    dj get leaf 110
    is "$(cat "$MNT/tasks/leaf/110/why")" hit
    is "$(cat "$MNT/tasks/leaf/111/why")" "never run"
    is "$(head -1 "$MNT/tasks/leaf/110/key")" "task leaf"
    dj bump leaf
    is "$(cat "$MNT/tasks/leaf/110/why")" "stale: version 1 -> 2"
    dj write tasks/leaf/.version 1
}

@test "key: a fact a line" {
    local digest
    printf 12345 > "$DJ_TMP/five"
    dj define keyed f:file xs:int\* v:int=0 -- cat "{f}"
    printf '[keyed]\ncommand = cat {f}\nparams = f:file, v:int, xs:int*\ndefault.v = 1\nignore = v\nenv.A = b c\ntrack = five\n' |
        define_tasks
    dj get keyed "$DJ_TMP/five" 7 3 4
    digest=$(dj cat "$(dj path keyed "$DJ_TMP/five" 7 3 4)/meta" | sed -n 's/.*"key": "\(.*\)",/\1/p')
    is "$(dj key keyed "$DJ_TMP/five" 7 3 4 | sed 's/[0-9a-f]\{64\}/DIGEST/')" \
        "task keyed
arg f file DIGEST $DJ_TMP/five
ignored v int 7
arg xs int* 3
arg xs int* 4
key DIGEST
version 1
command cat
command {f}
env A=b c
tracked DIGEST $DJ_TMP/five
epoch 0
effective DIGEST"
    is "$(dj key keyed "$DJ_TMP/five" 7 3 4 | grep '^key')" "key $digest"
    printf '[caller]\ncommand = echo\nenv = WHY_1, WHY_2\n' | define_tasks
    is "$(WHY_1='a b' dj key caller | grep -v '[0-9a-f]\{64\}')" \
        "task caller
arg env.WHY_1 str a b
unset env.WHY_2 str
version 1
command echo
env-of-caller WHY_1
env-of-caller WHY_2
epoch 0"
}

@test "key: two runs compared, and what a run rests on" {
    local old
    dj get top 120
    dj key top 120 > "$DJ_TMP/before"
    grep -qx 'rests on task leaf version 1 [0-9a-f]\{64\}' "$DJ_TMP/before"
    run dj key top/120 top/120
    [ "$status" -eq 0 ]
    is "$output" ""
    run dj key top/120 "$MNT/tasks/top/121"
    [ "$status" -eq 1 ]
    [[ $output == "--- tasks/top/120
+++ tasks/top/121
-arg n int 120
-key "*"
+arg n int 121
+key "* ]]
    dj bump leaf
    dj get top 120
    dj key top 120 > "$DJ_TMP/after"
    run diff "$DJ_TMP/before" "$DJ_TMP/after"
    is "$(sed 's/[0-9a-f]\{64\}/DIGEST/' <<< "$output" | grep '^[<>]')" \
        "< rests on task leaf version 1 DIGEST
> rests on task leaf version 2 DIGEST"
    dj write tasks/leaf/.version 1
    run dj key nosuch/1
    [ "$status" -eq 5 ]
    run dj key top/1 top/2 top/3
    [ "$status" -eq 2 ]
}

@test "impact: lists what a bump then makes stale" {
    local i
    dj define base n:int -- echo "{n}"
    dj define user n:int -- sh -c 'dj get base $1' sh "{n}"
    dj define free n:int -- echo "{n}"
    for i in 1 2 3; do
        dj get user $i
        dj get free $i
    done
    dj get base 4
    is "$(dj impact base)" "base: 4 runs
    tasks/base/1
    tasks/base/2
    tasks/base/3
    tasks/base/4
user: 3 runs
    tasks/user/1
    tasks/user/2
    tasks/user/3
7 runs of 2 tasks would be stale"
    is "$(dj impact --json base)" '{"task": "base", "runs": 7, "tasks": [{"task": "base", "count": 4, "runs": ["tasks/base/1", "tasks/base/2", "tasks/base/3", "tasks/base/4"]}, {"task": "user", "count": 3, "runs": ["tasks/user/1", "tasks/user/2", "tasks/user/3"]}]}'
    is "$(dj cat tasks/base/.status | grep stale)" "stale 0"
    dj bump base
    is "$(dj cat tasks/base/.status | grep stale)" "stale 4"
    is "$(dj cat tasks/user/.status | grep stale)" "stale 3"
    is "$(dj cat tasks/free/.status | grep stale)" "stale 0"
    is "$(dj impact base)" "0 runs of 0 tasks would be stale"
    run dj impact nosuch
    [ "$status" -eq 5 ]
}

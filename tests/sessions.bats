# Sessions: workers and named resources that runs share; waiting for them, deadlocks, and refusals.

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

# tasks: gate N waits until go/N is there, so that a run is under way for as long as a test wants.
tasks()
{
    define_tasks <<TASKS
[defaults]
params = n

[gate]
command = sh -c 'while ! test -e $DJ_TMP/go/\$1; do sleep 0.02; done; echo \$1' sh {n}

[takes]
command = sh -c 'echo \$1 >> $DJ_TMP/order; while ! test -e $DJ_TMP/go/\$1; do sleep 0.02; done; echo \$1' sh {n}
resources = gpu=1

[half]
command = sh -c 'echo \$1 >> $DJ_TMP/order; while ! test -e $DJ_TMP/go/\$1; do sleep 0.02; done; echo \$1' sh {n}
resources = gpu:0.5

[reserves]
command = sh -c 'dj reserve gpu=1 && echo \$1 >> $DJ_TMP/order; while ! test -e $DJ_TMP/go/\$1; do sleep 0.02; done; echo \$1' sh {n}

[free]
command = echo {n}
TASKS
}

let_through()
{
    touch "$DJ_TMP/go/$1"
}

status_is()
{
    [ "$(dj cat "tasks/$1/status" 2> /dev/null)" = "$2" ]
}

taken()
{
    [ "$(dj session --json "${2-default}" | jq -r '.[0].resources.gpu.held')" = "$1" ]
}

why_is()
{
    [ "$(dj why "$1")" = "$2" ]
}

@test "declared: no more runs at a time than the resource has room for; parts of one, too" {
    start_daemon --workers 4 --resource gpu=1
    tasks
    dj run takes a
    wait_until status_is takes/a running
    dj run half b
    dj run half c
    dj run free d
    # Who needs nothing of it passes by.
    is "$(dj get free d)" d
    wait_until status_is half/b queued
    is "$(dj why half b)" "queued behind 0; waiting for gpu=0.5 of session default, of which 1 of 1 are taken by takes/a (1); never run before"
    is "$(dj why half c)" "queued behind 1; waiting for gpu=0.5 of session default, of which 1 of 1 are taken by takes/a (1); never run before"
    let_through a
    wait_until status_is half/b running
    wait_until status_is half/c running
    taken 1
    let_through b
    let_through c
    is "$(get half c)" c
    is "$(get half b)" b
    wait_until taken 0
    is "$(dj cat tasks/half/b/meta | jq -c '.session, .resources')" '"default"
{"gpu":0.5}'
    is "$(dj cat tasks/free/d/meta | jq -c '.resources')" null
}

@test "reserved inside a run: it waits without a worker, and why says for what" {
    start_daemon --workers 1 --resource gpu=1
    tasks
    dj run reserves a
    wait_until grep -q a "$DJ_TMP/order"
    dj session default workers=3
    dj run reserves b
    wait_until why_is reserves/b "waiting for gpu=1 of session default, of which 1 of 1 are taken by reserves/a (1); never run before"
    is "$(dj cat tasks/reserves/b/status)" waiting
    # One is blocked, one runs: of three workers two are free.
    is "$(dj session --json | jq -c '.[0] | [.busy, .workers, .waiting]')" "[1,3,1]"
    let_through a
    wait_until grep -q b "$DJ_TMP/order"
    wait_until why_is reserves/b "running for $(id -un); never run before"
    let_through b
    is "$(get reserves b)" b
    wait_until taken 0
}

@test "what a run holds is free however it ends: failed, cancelled, killed, released early" {
    start_daemon --workers 3 --resource gpu=1
    tasks
    define_tasks <<TASKS
[fails]
params = n
command = sh -c 'dj reserve gpu=1; exit 3'
[dies]
params = n
command = sh -c 'dj reserve gpu=1; kill -KILL \$\$'
[early]
params = n
command = sh -c 'dj reserve gpu=1; dj release gpu=0.25; echo \$1 >> $DJ_TMP/order; while ! test -e $DJ_TMP/go/1; do sleep 0.02; done; dj release; while ! test -e $DJ_TMP/go/2; do sleep 0.02; done' sh {n}
TASKS
    exits 1 dj get fails 1
    wait_until taken 0
    exits 1 dj get dies 1
    wait_until taken 0
    dj run takes a
    wait_until taken 1
    dj cancel takes a
    wait_until taken 0
    dj run early x
    wait_until taken 0.75
    let_through 1
    wait_until taken 0
    is "$(dj cat tasks/early/x/status)" running
    let_through 2
    get early x
    is "$(dj cat tasks/early/x/meta | jq -c .resources)" '{"gpu":1}'
}

@test "kept while the run is blocked on a call, whose worker is given back" {
    start_daemon --workers 1 --resource gpu=1
    tasks
    define_tasks <<TASKS
[holds]
params = n
command = sh -c 'dj reserve gpu=0.5; dj get gate \$1' sh {n}
TASKS
    dj run holds x
    wait_until status_is gate/x running
    taken 0.5
    is "$(dj cat tasks/holds/x/status)" waiting
    let_through x
    is "$(get holds x)" x
    wait_until taken 0
}

@test "what can never be had is refused at once, with its sentence" {
    start_daemon --workers 2 --resource gpu=1 --resource ram=128
    define_tasks <<TASKS
[much]
command = true
resources = gpu=1.5
[unknown]
command = true
resources = tpu=1
[asks]
params = what:str*
command = dj reserve {what}
[twice]
command = sh -c 'dj reserve ram=100 && dj reserve ram=29'
[gives]
command = sh -c 'dj reserve ram=1; dj release ram=2'
TASKS
    exits 2 dj get much
    is "$output" "dj: much: gpu=1.5 can never be had: session default has 1"
    exits 2 dj get unknown
    is "$output" "dj: unknown: session default has no resource tpu; it has gpu=1, ram=128"
    exits 1 dj get asks tpu=1
    has "$(dj log asks tpu=1)" "dj: session default has no resource tpu; it has gpu=1, ram=128"
    exits 1 dj get asks gpu=2
    has "$(dj log asks gpu=2)" "dj: gpu=2 can never be had: session default has 1"
    exits 1 dj get asks gpu
    has "$(dj log asks gpu)" 'dj: reserve: "gpu" has no amount; write NAME=N, such as ram=1.5'
    exits 1 dj get asks gpu=-1
    has "$(dj log asks gpu=-1)" 'dj: reserve: "-1" is not an amount: a number such as 2 or 1.5, of at most six places'
    exits 1 dj get asks gpu=1 gpu=1
    has "$(dj log asks gpu=1 gpu=1)" 'dj: reserve: gpu is named twice'
    exits 1 dj get twice
    has "$(dj log twice)" "dj: ram=29 can never be had beside the 100 that the run has: session default has 128"
    exits 1 dj get gives
    has "$(dj log gives)" "dj: the run does not have that much ram; it has ram=1"
    exits 2 dj reserve gpu=1
    is "$output" "dj: resources are reserved by a run, and this is none"
    exits 2 dj release gpu=1
    is "$output" "dj: resources are released by the run that has them, and this is none"
    exits 2 dj reserve
    exits 2 dj up --resource gpu
    has "$output" 'dj: up: --resource gpu: "gpu" has no amount'
    printf '[t]\ncommand = true\nresources = gpu\n' > "$DJ_TMP/bad.ini"
    exits 2 dj define "$DJ_TMP/bad.ini"
    is "$output" "dj: $DJ_TMP/bad.ini:3: \"gpu\" has no amount; write NAME=N, such as ram=1.5"
    printf '[t]\ncommand = true\nsession = a/b\n' > "$DJ_TMP/bad.ini"
    exits 2 dj define "$DJ_TMP/bad.ini"
    has "$output" 'is not the name of a session'
}

@test "recursion on one resource: the deadlock is found, and told to the youngest" {
    start_daemon --workers 2 --resource ram=3
    define_tasks <<TASKS
[down]
params = n:int
resources = ram=1
command = sh -c 'if [ "\$1" -eq 0 ]; then echo 0; else dj get down \$((\$1 - 1)) || exit 9; fi' sh {n}
[inside]
params = n:int
command = sh -c 'dj reserve ram=1 || exit 9; if [ "\$1" -eq 0 ]; then echo 0; else dj get inside \$((\$1 - 1)) || exit 9; fi' sh {n}
TASKS
    is "$(get down 2)" 0
    exits 1 get down 6
    has "$(dj log down 4)" "dj: a deadlock: it waits for ram=1 of session default, which has 3, of which"
    has "$(dj log down 4)" "down/6 has 1"
    has "$(dj log down 4)" "and these wait, too"
    is "$(get inside 2)" 0
    exits 1 get inside 6
    # The youngest is the one that could not get its part; the others only fail with it.
    has "$(dj log inside 3)" "dj: a deadlock: it waits for ram=1 of session default, which has 3, of which"
    [ "$(dj session --json | jq '.[0].resources.ram.held')" = 0 ]
    # What failed for this is no result: with more of it the same call computes.
    dj session default ram=10
    is "$(get down 6)" 0
}

@test "two that hold what the other wants: one is told, the other ends well" {
    start_daemon --workers 3 --resource a=1 --resource b=1
    define_tasks <<TASKS
[cross]
params = have, want
command = sh -c 'dj reserve \$1=1; touch $DJ_TMP/go/\$1; while ! test -e $DJ_TMP/go/\$2; do sleep 0.02; done; dj reserve \$2=1 || exit 9; echo both' sh {have} {want}
TASKS
    dj run cross a b
    wait_until test -e "$DJ_TMP/go/a"
    exits 1 get cross b a
    has "$(dj log cross b a)" "dj: a deadlock: it waits for a=1 of session default, which has 1, of which cross/have=a,want=b has 1, and it waits, too"
    is "$(get cross a b)" both
}

@test "what needs much is not starved by what needs little" {
    start_daemon --workers 10 --resource gpu=1
    tasks
    dj run half a
    wait_until status_is half/a running
    dj run takes big
    wait_until status_is takes/big queued
    dj run half b
    wait_until status_is half/b queued
    is "$(cat "$DJ_TMP/order")" a
    let_through a
    wait_until status_is takes/big running
    is "$(dj cat tasks/half/b/status)" queued
    let_through big
    wait_until status_is half/b running
    let_through b
    is "$(tr '\n' ' ' < "$DJ_TMP/order")" "a big b "
}

@test "a child of a run that holds something is let pass by who waits for just that" {
    start_daemon --workers 10 --resource gpu=1
    tasks
    define_tasks <<TASKS
[parent]
params = n
resources = gpu=0.5
command = sh -c 'touch $DJ_TMP/go/parent; while ! test -e $DJ_TMP/go/child; do sleep 0.02; done; dj get half \$1' sh {n}
TASKS
    dj run parent x
    wait_until test -e "$DJ_TMP/go/parent"
    dj run takes big
    wait_until status_is takes/big queued
    let_through child
    let_through x
    is "$(get parent x)" x
    let_through big
    is "$(get takes big)" big
}

@test "a session of the call's own: its workers and resources, and its children are in it" {
    start_daemon --workers 1 --resource gpu=1
    tasks
    define_tasks <<TASKS
[many]
params = n:int
command = sh -c 'for i in 1 2 3; do dj get gate \$i & done; wait' sh {n}
[own]
session = new, workers=2, gpu=7
resources = gpu=5
command = dj cat sessions/self/status
[named]
session = cluster
command = true
TASKS
    dj run gate first
    wait_until status_is gate/first running
    # The default session is full; this one is not, and takes nothing from it.
    dj run --session new,workers=3 many 1
    for i in 1 2 3; do
        wait_until status_is "gate/$i" running
    done
    is "$(dj session --json | jq -c '.[] | [.busy, .workers]' | tr '\n' ' ')" "[1,1] [3,3] "
    let_through 1
    let_through 2
    let_through 3
    get many 1
    is "$(dj session | sed 1d | awk '{ print $1 }')" default
    has "$(dj cat tasks/many/1/meta | jq -r .session)" new-
    has "$(dj cat tasks/gate/2/meta | jq -r .session)" new-
    let_through first
    has "$(get own)" "resource gpu 5 of 7"
    exits 5 dj get named
    is "$output" 'dj: named: there is no session cluster; `dj session` lists them'
    exits 2 dj get --session new,gpu free 1
    is "$output" 'dj: get: --session new,gpu: "gpu" has no amount; write NAME=N, such as ram=1.5'
    exits 5 dj get --session nowhere free 1
    # A hit is a hit, whatever session it is asked for in.
    is "$(get --session new gate 1)" 1
}

@test "sessions of dj.conf: named by calls and tasks, changed by reload" {
    mkdir -p "$XDG_CONFIG_HOME/dj"
    cat > "$XDG_CONFIG_HOME/dj/dj.conf" << 'END'
workers = 1
resources = ram=2

[session cluster]
workers = 20
resources = gpu=4, licence=1

[session small]
END
    start_daemon
    tasks
    is "$(dj session | tr -s ' ')" "SESSION BUSY WORKERS QUEUED WAITING RESOURCES
cluster 0 20 0 0 gpu 0 of 4, licence 0 of 1
default 0 1 0 0 ram 0 of 2
small 0 1 0 0 -"
    dj run --session cluster takes a
    wait_until taken 1 cluster
    sed -i 's/gpu=4/gpu=1/; /small/d' "$XDG_CONFIG_HOME/dj/dj.conf"
    dj write ctl reload
    is "$(dj session cluster | sed 1d | tr -s ' ')" "cluster 1 20 0 0 gpu 1 of 1, licence 0 of 1"
    exits 5 dj session small
    let_through a
    is "$(get --session cluster takes a)" a
    is "$(dj config --json resources | jq -r '.[0].value')" ram=2
    is "$(dj config | sed -n '/^session/p' | tr -s ' ')" "session cluster workers=20, gpu=1, licence=1 $XDG_CONFIG_HOME/dj/dj.conf:4"
    for text in '[session new]' '[session default]' '[cluster]' '[session a b]' '[session x]
speed = 3' '[session x]
workers = 0' '[session x]
resources = a' '[session x]
[session x]'; do
        printf '%s\n' "$text" > "$XDG_CONFIG_HOME/dj/dj.conf"
        exits 2 dj config
        has "$output" "$XDG_CONFIG_HOME/dj/dj.conf:"
    done
}

@test "changed while it runs: more room lets who waits go, less refuses who can never go" {
    start_daemon --workers 4 --resource gpu=1
    tasks
    dj run takes a
    wait_until status_is takes/a running
    dj run takes b
    wait_until status_is takes/b queued
    dj session default gpu=2
    wait_until status_is takes/b running
    get takes c > "$DJ_TMP/c" 2>&1 &
    waiter=$!
    wait_until status_is takes/c queued
    dj session default gpu=0.5
    if wait "$waiter"; then false; fi
    has "$(cat "$DJ_TMP/c")" "it waits for gpu=1 of session default, which has 0.5"
    status_is takes/b running
    dj run takes b # which has what it needs
    let_through a
    let_through b
    is "$(get takes b)" b
    exits 2 dj session default workers=0
    is "$output" "dj: session: the number of workers is one from 1 to 65536"
    exits 2 dj session default gpu=x
    exits 5 dj session nowhere
    exits 5 dj session nowhere gpu=1
}

@test "a daemon that is killed: the next one knows who holds what, and in which session" {
    start_daemon --workers 4 --resource gpu=1
    tasks
    dj run reserves a
    wait_until grep -q a "$DJ_TMP/order"
    dj run --session new,workers=1,gpu=3 takes b
    wait_until grep -q b "$DJ_TMP/order"
    kill_daemon
    start_daemon --workers 4 --resource gpu=1
    wait_until taken 1
    is "$(dj session --json | jq -c '.[] | [.busy, .workers, .resources.gpu.held, .resources.gpu.total]' | tr '\n' ' ')" "[1,4,1,1] [1,1,1,3] "
    dj run reserves c
    wait_until status_is reserves/c waiting
    let_through a
    wait_until grep -q c "$DJ_TMP/order"
    let_through b
    let_through c
    is "$(get reserves a) $(get takes b) $(get reserves c)" "a b c"
    wait_until taken 0
    is "$(dj session | sed 1d | wc -l)" 1
}

@test "one that gave up waiting: Ctrl-C and the end of the run leave nothing in line" {
    start_daemon --workers 3 --resource gpu=1
    tasks
    define_tasks <<TASKS
[impatient]
params = n
command = sh -c 'timeout -s INT 0.2 dj reserve gpu=1; echo \$?' sh {n}
[leaves]
params = n
command = sh -c 'dj reserve gpu=1 & while ! test -e $DJ_TMP/go/\$1; do sleep 0.02; done' sh {n}
TASKS
    dj run takes a
    wait_until status_is takes/a running
    is "$(get impatient 1)" 124
    dj run leaves x
    wait_until why_is leaves/x "waiting for gpu=1 of session default, of which 1 of 1 are taken by takes/a (1); never run before"
    let_through x
    get leaves x
    let_through a
    is "$(get takes a)" a
    wait_until taken 0
    let_through b
    is "$(get takes b)" b
}

@test "a deadlock is told to one that is in it, and not to who only stands behind it" {
    start_daemon --workers 9 --resource a=1 --resource b=1 --resource c=1
    define_tasks <<TASKS
[cross]
params = have, want
command = sh -c 'dj reserve \$1=1; touch $DJ_TMP/go/\$1; while ! test -e $DJ_TMP/go/now; do sleep 0.02; done; dj reserve \$2=1 || exit 9; echo both' sh {have} {want}
[behind]
params = n
resources = a=1
command = echo {n}
[holds]
command = sh -c 'dj reserve c=1; touch $DJ_TMP/go/c; dj reserve a=1; echo held'
TASKS
    dj run cross a b
    wait_until test -e "$DJ_TMP/go/a"
    dj run cross b a
    dj run holds
    wait_until test -e "$DJ_TMP/go/b"
    wait_until status_is holds/_ waiting
    for i in 1 2 3 4 5; do
        dj run behind "$i"
    done
    let_through now
    wait_until status_is "cross/have=b,want=a" failed
    is "$(get cross a b)" both
    is "$(get holds)" held
    for i in 1 2 3 4 5; do
        is "$(get behind "$i")" "$i"
    done
}

@test "a run with several open calls: stuck when the last that can end has ended, and told then" {
    start_daemon --workers 9 --resource a=1 --resource b=1
    tasks
    define_tasks <<TASKS
[both]
command = sh -c 'dj reserve a=1; touch $DJ_TMP/go/a; while ! test -e $DJ_TMP/go/b; do sleep 0.02; done; dj get gate x > $DJ_TMP/x & dj reserve b=1 || exit 9; wait; echo both'
[other]
command = sh -c 'dj reserve b=1; touch $DJ_TMP/go/b; while ! test -e $DJ_TMP/go/a; do sleep 0.02; done; dj reserve a=1 || exit 9; echo other'
TASKS
    dj run both
    dj run other
    wait_until status_is both/_ waiting
    wait_until status_is other/_ waiting
    wait_until status_is gate/x running
    let_through x
    wait_until status_is other/_ failed
    is "$(get both)" both
}

@test "who gives up a reservation beside another call makes room for who stood behind it" {
    start_daemon --workers 9 --resource gpu=1
    tasks
    define_tasks <<TASKS
[gives_up]
command = sh -c 'dj get gate x > $DJ_TMP/x & dj reserve gpu=1 & echo \$! > $DJ_TMP/pid; wait; echo done'
TASKS
    dj run half a
    wait_until status_is half/a running
    dj run gives_up
    wait_until status_is gives_up/_ waiting
    wait_until test -s "$DJ_TMP/pid"
    dj run half b
    wait_until why_is half/b "queued behind 1; waiting for gpu=0.5 of session default, of which 0.5 of 1 are taken by half/a (0.5); never run before"
    kill "$(cat "$DJ_TMP/pid")"
    wait_until status_is half/b running
    let_through a
    let_through b
    let_through x
    is "$(get gives_up)" done
    wait_until taken 0
}

@test "a reservation that came is given back by who is interrupted before he was told" {
    start_daemon --workers 1 --resource gpu=1
    tasks
    define_tasks <<TASKS
[holds]
command = sh -c 'dj reserve gpu=1; touch $DJ_TMP/go/held; while ! test -e $DJ_TMP/go/1; do sleep 0.02; done; dj release; while ! test -e $DJ_TMP/go/2; do sleep 0.02; done'
[asks]
command = sh -c 'dj reserve gpu=1 & echo \$! > $DJ_TMP/pid; wait; while ! test -e $DJ_TMP/go/3; do sleep 0.02; done'
TASKS
    dj run holds
    wait_until test -e "$DJ_TMP/go/held"
    dj session default workers=2
    dj run asks
    wait_until status_is asks/_ waiting
    dj session default workers=1
    let_through 1
    # It has it, and waits for a worker to be told so.
    wait_until taken 1
    wait_until why_is asks/_ "waiting for a worker to go on; the worker has holds/_; never run before"
    kill "$(cat "$DJ_TMP/pid")"
    wait_until taken 0
    let_through 2
    let_through 3
    get asks
}

@test "written reservations: a refusal beside a reader that waits, and a daemon that ends" {
    requires_fuse
    start_daemon --workers 9 --resource a=1 --resource b=1 --resource c=1
    tasks
    define_tasks <<TASKS
[holds]
command = sh -c 'dj reserve c=1; touch $DJ_TMP/go/c; while ! test -e $DJ_TMP/go/1; do sleep 0.02; done'
[wants]
command = sh -c 'dj reserve b=1; touch $DJ_TMP/go/b; while ! test -e $DJ_TMP/go/asked; do sleep 0.02; done; dj reserve a=1 || exit 9; echo wants'
[writes]
command = sh -c 'cd \$DJ/sessions/self; dj reserve a=1; echo reserve c=1 > ctl; cat wait > $DJ_TMP/told 2>&1 & while ! test -e $DJ_TMP/go/b; do sleep 0.02; done; echo reserve b=1 > \$DJ/sessions/self/ctl; touch $DJ_TMP/go/asked; wait; echo writes'
[lost]
command = sh -c 'cd \$DJ/sessions/self; echo reserve c=1 > ctl; touch $DJ_TMP/go/lost; while ! test -e $DJ_TMP/go/2; do sleep 0.02; done; cat wait 2> $DJ_TMP/lost; echo reserve c=1 > ctl; cat wait'
[keeps]
resources = c=1
command = sh -c 'while ! test -e $DJ_TMP/go/3; do sleep 0.02; done'
TASKS
    dj run holds
    wait_until test -e "$DJ_TMP/go/c"
    dj run wants
    dj run writes
    wait_until status_is writes/_ waiting
    wait_until test -e "$DJ_TMP/go/asked"
    wait_until status_is wants/_ waiting
    let_through 1
    get writes
    wait_until not status_is wants/_ waiting
    exits 0 dj status
    # What an earlier daemon was asked for will not come: that is said, once.
    dj run keeps
    wait_until status_is keeps/_ running
    dj run lost
    wait_until status_is lost/_ waiting
    kill_daemon
    start_daemon --workers 9 --resource a=1 --resource b=1 --resource c=1
    let_through 2
    wait_until grep -q "Input/output error" "$DJ_TMP/lost"
    let_through 3
    is "$(get lost)" "c=1"
}

@test "the tree: values that are written read back, and a run reserves by a write" {
    requires_fuse
    start_daemon --workers 3 --resource gpu=1
    tasks
    is "$(ls "$MNT/sessions")" default
    is "$(ls "$MNT/sessions/default" | tr '\n' ' ')" "ctl max_workers resources status "
    is "$(cat "$MNT/sessions/default/max_workers")" 3
    is "$(cat "$MNT/sessions/default/resources/gpu")" 1
    echo 5 > "$MNT/sessions/default/max_workers"
    is "$(cat "$MNT/sessions/default/max_workers")" 5
    echo 1.25 > "$MNT/sessions/default/resources/gpu"
    is "$(cat "$MNT/sessions/default/resources/gpu")" 1.25
    echo 1 > "$MNT/sessions/default/resources/gpu"
    echo 'set licence=2' > "$MNT/sessions/default/ctl"
    is "$(ls "$MNT/sessions/default/resources" | tr '\n' ' ')" "gpu licence "
    gives_errno EINVAL bash -c 'echo 0 > "$1/sessions/default/max_workers"' sh "$MNT"
    gives_errno EINVAL bash -c 'echo much > "$1/sessions/default/resources/gpu"' sh "$MNT"
    gives_errno EINVAL bash -c 'echo fly > "$1/sessions/default/ctl"' sh "$MNT"
    gives_errno EINVAL bash -c 'echo reserve gpu=1 > "$1/sessions/default/ctl"' sh "$MNT"
    # The reason is in ctl, as everywhere.
    has "$(cat "$MNT/sessions/default/ctl")" "refused: resources are reserved and released by a run, and this is none"
    gives_errno EINVAL bash -c 'echo much > "$1/sessions/default/resources/gpu"' sh "$MNT"
    has "$(cat "$MNT/sessions/default/ctl")" 'refused: "much" is not an amount'
    gives_errno EINVAL bash -c 'echo set > "$1/sessions/default/ctl"' sh "$MNT"
    is "$(cat "$MNT/sessions/default/ctl")" "reserve NAME=N...
release [NAME=N...]
set NAME=N...
refused: set needs NAME=N behind it, as in \"set ram=1.5\""
    gives_errno ENOENT cat "$MNT/sessions/nowhere/status"
    gives_errno ENOENT ls "$MNT/sessions/self"
    define_tasks <<'TASKS'
[writes]
params = n
command = sh -c 'cd $DJ/sessions/self; echo reserve gpu=1 > ctl; cat wait; grep gpu status; echo release gpu=0.5 > ctl; cat wait; grep gpu status; echo release > ctl; cat wait' sh
[replies]
params = n
command = bash -c 'exec 3<> $DJ/sessions/self/ctl; echo reserve gpu=1 >&3; cat <&3; cat $DJ/sessions/self/max_workers' sh
[wrong]
params = n
command = sh -c 'echo reserve gpu=2 > $DJ/sessions/self/ctl || echo refused' sh
TASKS
    dj run takes a
    wait_until status_is takes/a running
    dj run writes 1
    wait_until why_is writes/1 "waiting for gpu=1 of session default, of which 1 of 1 are taken by takes/a (1); never run before"
    is "$(dj cat tasks/writes/1/status)" waiting
    let_through a
    is "$(get writes 1)" "gpu=1
resource gpu 1 of 1
gpu=0.5
resource gpu 0.5 of 1
none"
    is "$(get replies 1)" "gpu=1
5"
    is "$(get wrong 1)" refused
    # Looking at all of it starts and changes nothing.
    find "$MNT/sessions" > /dev/null
    grep -r gpu "$MNT/sessions" > "$DJ_TMP/grep"
    has "$(cat "$DJ_TMP/grep")" "resource gpu 0 of 1"
}

# What tasks say of how long their results are valid: cutoff, ttl, serve_stale, store = no.

load helper/djfs

setup()
{
    dj_setup
    mkdir "$DJ_TMP/go"
    : > "$DJ_TMP/runs"
}

teardown()
{
    dj_teardown
}

# began: what was computed since the last time, in order.
began()
{
    tr '\n' ' ' < "$DJ_TMP/runs"
    : > "$DJ_TMP/runs"
}

counted()
{
    [ "$(wc -l < "$DJ_TMP/runs")" = "$1" ]
}

status_is()
{
    [ "$(dj cat "tasks/$1/status")" = "$2" ]
}

why_is()
{
    [[ $(dj why "$1") == "$2"* ]]
}

# tasks: c says what is in the file data; p, and top above it, call c; each notes that it ran.
tasks()
{
    echo one > "$DJ_TMP/data"
    define_tasks <<TASKS
[defaults]
params = n
[c]
command = sh -c 'echo c >> $DJ_TMP/runs; while test -e $DJ_TMP/hold; do sleep 0.02; done; date +%N > \$DJ_TMP/when; cat $DJ_TMP/data' sh {n}
cutoff = yes
[p]
command = sh -c 'echo p >> $DJ_TMP/runs; dj get c \$1' sh {n}
[top]
command = sh -c 'echo top >> $DJ_TMP/runs; dj get p \$1' sh {n}
TASKS
}

@test "cutoff: a child that came out equal leaves its parents valid, however far above" {
    start_daemon --no-mount --workers 1
    tasks
    is "$(get top 1)" one
    is "$(began)" "top p c "
    dj bump c
    is "$(dj why top 1)" "stale: p/1 -> c/1: version 1 -> 2"
    is "$(dj cat tasks/top/1/status)" stale
    is "$(get top 1)" one
    is "$(began)" "c "
    is "$(dj why top 1)" "hit; came out equal: c/1"
    is "$(dj why p 1)" "hit; came out equal: c/1"
    is "$(dj cat tasks/top/1/meta | jq -c '.accepted[] | [.equal, .though]')" '["c/1","p/1 -> c/1: version 1 -> 2"]'
    is "$(get top 1)$(began)" one
    # The next daemon knows.
    kill_daemon
    start_daemon --no-mount
    is "$(dj why top 1)" "hit; came out equal: c/1"
    # And the version from before is valid as it was.
    dj write tasks/c/.version 1
    is "$(dj why top 1)" hit
    # One that came out different invalidates.
    echo two > "$DJ_TMP/data"
    dj write tasks/c/.version 3
    is "$(get top 1)" two
    is "$(began)" "c p top "
    is "$(dj why p 1)" hit
}

@test "cutoff: what is there already is enough, and looking computes nothing" {
    start_daemon --no-mount
    tasks
    is "$(get p 1)" one
    dj bump c
    exits 3 dj get --cached p 1
    is "$(began)" "p c "
    get c 1
    is "$(dj get --cached p 1)" one
    is "$(began)" "c "
    is "$(dj why p 1)" "hit; came out equal: c/1"
    # Without cutoff all is as ever.
    define_tasks <<TASKS
[c]
params = n
command = sh -c 'echo c >> $DJ_TMP/runs; cat $DJ_TMP/data' sh {n}
TASKS
    is "$(get p 1)" one
    is "$(began)" "p c "
}

@test "cutoff: files count, but for their times; a definition that changed, a tracked file, a failure" {
    start_daemon --no-mount
    touch "$DJ_TMP/lib"
    echo x > "$DJ_TMP/data"
    define_tasks <<TASKS
[c]
command = sh -c 'echo c >> $DJ_TMP/runs; cp $DJ_TMP/data out; mkdir d; ln -s x d/l; ! test -e $DJ_TMP/fail' # v1
cutoff = yes
track = lib
[p]
command = sh -c 'echo p >> $DJ_TMP/runs; dj get c; echo done'
TASKS
    is "$(get p)$(began)" "donep c "
    echo changed > "$DJ_TMP/lib"
    is "$(get p)$(began)" "donec "
    is "$(dj why p)" "hit; came out equal: c/_"
    sed -i s/v1/v2/ "$DJ_TMP/tasks.ini"
    dj define "$DJ_TMP/tasks.ini"
    is "$(get p)$(began)" "donec "
    echo y > "$DJ_TMP/data"
    dj bump c
    is "$(get p)$(began)" "donec p "
    touch "$DJ_TMP/fail"
    dj bump c
    is "$(get p)" "done"
    is "$(began)" "c p c "
}

@test "cutoff: while the child is computed its parent waits without a worker, others join, Ctrl-C gives up" {
    start_daemon --no-mount --workers 1
    tasks
    is "$(get p 1)$(began)" "onep c "
    touch "$DJ_TMP/hold"
    dj bump c
    dj get p 1 > "$DJ_TMP/first" 3>&- &
    local first=$!
    wait_until counted 1
    wait_until why_is p/1 "waiting for c/1 (running), which may come out equal; c/1: version 1 -> 2"
    is "$(dj cat tasks/p/1/status)" waiting
    is "$(dj session --json | jq -c '.[0] | [.busy, .waiting]')" "[1,1]"
    is "$(dj why c 1)" "running for p/1; version 1 -> 2"
    dj get p 1 > "$DJ_TMP/second" 3>&- &
    local second=$!
    kill -INT "$first"
    wait "$first" || is "$?" 130
    rm "$DJ_TMP/hold"
    wait "$second"
    is "$(cat "$DJ_TMP/second")$(began)" "onec "
    # The last who gives up ends the look; a child that had begun goes on.
    touch "$DJ_TMP/hold"
    dj bump c
    dj get p 1 > /dev/null 2>&1 3>&- &
    first=$!
    wait_until status_is p/1 waiting
    kill -INT "$first"
    wait "$first" || is "$?" 130
    wait_until status_is p/1 stale
    rm "$DJ_TMP/hold"
    wait_until status_is c/1 "done"
    is "$(dj get --cached p 1)" one
    # Cancelled by hand, and a daemon that is killed meanwhile.
    touch "$DJ_TMP/hold"
    dj bump c
    dj run p 1
    wait_until status_is p/1 waiting
    dj cancel p 1
    wait_until status_is p/1 cancelled
    dj run p 1
    wait_until status_is p/1 waiting
    kill_daemon
    rm "$DJ_TMP/hold"
    start_daemon --no-mount --workers 1
    began > /dev/null
    is "$(get p 1)" one
    has "$(dj why p 1)" "hit; came out equal: c/1"
}

@test "cutoff: a chain of runs, many calls, and a circle that new code has made" {
    start_daemon --no-mount
    echo 1 > "$DJ_TMP/data"
    define_tasks <<TASKS
[defaults]
params = n:int
[leaf]
command = sh -c 'echo leaf >> $DJ_TMP/runs; cat $DJ_TMP/data'
cutoff = yes
[chain]
command = sh -c 'echo c >> $DJ_TMP/runs; if [ "\$1" -eq 0 ]; then dj get leaf 0; else dj get chain \$((\$1 - 1)); fi' sh {n}
[wide]
command = sh -c 'echo w >> $DJ_TMP/runs; for i in 1 2 3 4 5 6 7 8; do dj get leaf \$i; done' sh {n}
TASKS
    get chain 40
    get wide 1
    began > /dev/null
    dj bump leaf
    get chain 40
    is "$(began)" "leaf "
    is "$(dj why chain 40)" "hit; came out equal: leaf/0"
    get wide 1
    is "$(began)" "leaf leaf leaf leaf leaf leaf leaf leaf "
    is "$(dj why wide 1)" "hit; came out equal: leaf/1 and 7 more"
    # The leaf calls who called it.
    define_tasks <<TASKS
[leaf]
params = n:int
command = sh -c 'dj get chain 0'
cutoff = yes
TASKS
    exits 1 get chain 0
    has "$(dj log leaf 0)" "a cycle: "
}

@test "ttl: valid for that long, and what read it no longer; why and meta say until when" {
    start_daemon --no-mount
    define_tasks <<TASKS
[t]
command = sh -c 'echo t >> $DJ_TMP/runs; wc -l < $DJ_TMP/runs'
ttl = 3s
[p]
command = dj get t
[long]
command = dj get t
ttl = 1h
TASKS
    is "$(get p)" 1
    is "$(get long)" 1
    has "$(dj why t)" "hit; valid until 20"
    has "$(dj why p)" "hit; valid until 20"
    is "$(dj cat tasks/p/_/meta | jq .expires)" "$(dj cat tasks/t/_/meta | jq .expires)"
    is "$(dj cat tasks/long/_/meta | jq .expires)" "$(dj cat tasks/t/_/meta | jq .expires)"
    kill_daemon
    start_daemon --no-mount
    wait_until status_is t/_ stale
    wait_until status_is p/_ stale
    has "$(dj why t)" "stale: its ttl was over on 20"
    has "$(dj why p)" "stale: t/_: its ttl was over on 20"
    exits 3 dj get --cached long
    is "$(get p)" 2
    is "$(get t)$(began)" "2t t "
    # Who accepts it has the say.
    wait_until status_is t/_ stale
    dj accept t
    has "$(dj why t)" "though its ttl was over on"
    has "$(dj cat tasks/t/.definition)" "ttl = 3s"
    has "$(dj show t)" "ttl = 3s"
}

@test "ttl through the mount: neither the mount nor the kernel answers for longer" {
    requires_fuse
    start_daemon
    define_tasks <<TASKS
[t]
command = sh -c 'echo t >> $DJ_TMP/runs; wc -l < $DJ_TMP/runs; cp $DJ_TMP/runs f'
ttl = 2s
TASKS
    is "$(cat "$MNT/tasks/t/_/result")" 1
    for _ in 1 2 3; do
        cat "$MNT/tasks/t/_/result" "$MNT/tasks/t/_/files/f" > /dev/null
    done
    counted 1
    wait_until status_is t/_ stale
    is "$(cat "$MNT/tasks/t/_/result")" 2
    wait_until status_is t/_ stale
    is "$(wc -l < "$MNT/tasks/t/_/files/f")" 3
    wait_until status_is t/_ stale
    is "$(find "$MNT/tasks/t/_" -maxdepth 1 -name result -o -maxdepth 1 -name files)" ""
    counted 3
}

@test "serve_stale: what is over is served at once while one is computed beside it, and no longer than that" {
    start_daemon --no-mount
    define_tasks <<TASKS
[t]
command = sh -c 'echo t >> $DJ_TMP/runs; while test -e $DJ_TMP/hold; do sleep 0.02; done; wc -l < $DJ_TMP/runs'
ttl = 1s
serve_stale = 1h
[short]
command = sh -c 'echo s >> $DJ_TMP/short; wc -l < $DJ_TMP/short'
ttl = 300ms
serve_stale = 300ms
TASKS
    is "$(get t)" 1
    touch "$DJ_TMP/hold"
    served() { [[ $(dj why t) == "hit; its ttl was over on "*", and it is served until "*" while it is computed anew" ]]; }
    wait_until served
    # Looking begins nothing.
    is "$(dj get --cached t)" 1
    is "$(dj cat tasks/t/_/status)" "done"
    counted 1
    is "$(get t)" 1
    wait_until counted 2
    is "$(dj cat tasks/t/_/status)" running
    is "$(get t) $(get t)" "1 1"
    counted 2
    rm "$DJ_TMP/hold"
    wait_until status_is t/_ "done"
    is "$(dj get --cached t)" 2
    is "$(get short)" 1
    wait_until status_is short/_ stale
    is "$(get short)" 2
}

@test "cutoff and ttl: what is over, and came out equal, leaves its parents valid" {
    start_daemon --no-mount
    echo one > "$DJ_TMP/data"
    define_tasks <<TASKS
[t]
command = sh -c 'echo t >> $DJ_TMP/runs; cat $DJ_TMP/data'
ttl = 2s
cutoff = yes
[p]
command = sh -c 'echo p >> $DJ_TMP/runs; dj get t'
TASKS
    is "$(get p)$(began)" "onep t "
    wait_until status_is p/_ stale
    is "$(get p)$(began)" "onet "
    has "$(dj why p)" "hit; came out equal: t/_; valid until 20"
    wait_until status_is p/_ stale
    echo two > "$DJ_TMP/data"
    is "$(get p)$(began)" "twot p "
}

@test "store = no: nothing is stored, who asks meanwhile shares, and its callers rest on what it read" {
    start_daemon --no-mount
    tasks
    define_tasks <<TASKS
[u]
params = n
command = sh -c 'echo u >> $DJ_TMP/runs; while test -e $DJ_TMP/wait; do sleep 0.02; done; dj get c \$1' sh {n}
store = no
[above]
params = n
command = sh -c 'echo a >> $DJ_TMP/runs; dj get u \$1' sh {n}
TASKS
    is "$(get u 1)" one
    is "$(dj why u 1)" "never stored, as its task has store = no"
    is "$(dj ls tasks/u)" ""
    is "$(dj cat tasks/u/1/status)" absent
    exits 3 dj get --cached u 1
    is "$(get u 1)$(began)" "oneu c u "
    touch "$DJ_TMP/wait"
    dj get u 1 > "$DJ_TMP/first" 3>&- &
    local first=$!
    wait_until counted 1
    is "$(dj cat tasks/u/1/status)" running
    dj get u 1 > "$DJ_TMP/second" 3>&- &
    local second=$!
    wait_until second_waits
    rm "$DJ_TMP/wait"
    wait "$first" "$second"
    is "$(cat "$DJ_TMP/first" "$DJ_TMP/second" | tr '\n' ' ')$(began)" "one one u "
    # Its callers are stored, and stale by what it read, and by itself.
    is "$(get above 1)$(began)" "onea u "
    is "$(get above 1)$(began)" one
    is "$(dj ls tasks/above/1/deps)" "c,1"
    echo two > "$DJ_TMP/data"
    dj bump c
    is "$(get above 1)" two
    began > /dev/null
    dj bump u
    is "$(dj why above 1)" "stale: task u: version 1 -> 2"
    is "$(get above 1)$(began)" "twoa u "
    has "$(dj cat tasks/u/.definition)" "store = no"
    exits 0 dj fsck
    # A failure is told, and stored no more than a result.
    define_tasks <<TASKS
[f]
command = sh -c 'exit 3'
store = no
[kept]
command = sh -c 'echo k >> $DJ_TMP/runs'
TASKS
    exits 1 get f
    has "$output" "exit"
    is "$(dj ls tasks/f)" ""
    # What was stored before goes on to answer.
    get kept
    define_tasks <<TASKS
[kept]
command = sh -c 'echo k >> $DJ_TMP/runs'
store = no
TASKS
    get kept
    is "$(began)" "k "
}

second_waits()
{
    [ "$(pgrep -cf "^dj get u 1")" = 2 ]
}

@test "store = no: a caller's run over a restart, cancelled, and read through the mount" {
    start_daemon --workers 2
    tasks
    define_tasks <<TASKS
[u]
params = n
command = sh -c 'echo u >> $DJ_TMP/runs; while test -e $DJ_TMP/wait; do sleep 0.02; done; echo \$1; echo f > f' sh {n}
store = no
ttl = 1h
[above]
params = n
command = sh -c 'dj get u \$1' sh {n}
TASKS
    is "$(get above 1)" 1
    has "$(dj why above 1)" "hit; valid until 20"
    touch "$DJ_TMP/wait"
    dj run u 2
    wait_until status_is u/2 running
    dj cancel u 2
    wait_until status_is u/2 absent
    rm "$DJ_TMP/wait"
    began > /dev/null
    if fuse_usable; then
        is "$(cat "$MNT/tasks/u/3/result")" 3
        is "$(began)" "u "
        is "$(cat "$MNT/tasks/u/3/result")" 3
        is "$(began)" "u "
        exits 1 cat "$MNT/tasks/u/3/files/f"
        has "$output" "No such file"
    fi
}

@test "what is refused" {
    start_daemon --no-mount
    refused()
    {
        printf '[a]\ncommand = true\n%b' "$1" > "$DJ_TMP/bad.ini"
        exits 2 dj define "$DJ_TMP/bad.ini"
        has "$output" "$2"
    }
    refused 'cutoff = maybe\n' "bad.ini:3: cutoff is yes or no"
    refused 'store = 1\n' "bad.ini:3: store is yes or no"
    refused 'ttl = 0s\n' "bad.ini:3: ttl is none or a duration of at least 1ms"
    refused 'ttl = soon\n' 'bad.ini:3: "soon" is not a duration'
    refused 'serve_stale = 1m\n' "bad.ini:1: a: serve_stale needs a ttl"
    refused 'store = no\ncutoff = yes\n' "bad.ini:1: a: with store = no there is nothing for cutoff"
    refused 'store = no\nttl = 1m\nserve_stale = 1m\n' "bad.ini:1: a: with store = no there is nothing for serve_stale"
    exits 5 dj show a
}

# What a worker starts: each run once, in a folder of its own that is clean, with a slot that comes
# back, and ended when it is cancelled.

load helper/djfs

setup()
{
    dj_setup
    start_daemon --workers 1 --no-mount
}

teardown()
{
    dj_teardown
}

status_is()
{
    [ "$(dj cat "tasks/$1/status")" = "$2" ]
}

@test "a run that asks for another while it stands in line to go on gives the slot to that" {
    local asker other
    define_tasks <<TASKS
[gated]
params = n
command = sh -c 'until [ -e $DJ_TMP/gate-{n} ]; do sleep 0.02; done; echo {n}'

[child]
command = echo child

[asks]
command = sh -c '(until [ -e $DJ_TMP/ask ]; do sleep .02; done; dj get child) & dj get gated a; wait'
TASKS
    dj get asks > out 3>&- &
    asker=$!
    wait_until status_is gated/a running
    dj run gated b
    dj get gated b > /dev/null 3>&- &
    other=$!
    touch gate-a
    wait_until status_is gated/b running
    touch ask
    wait_until status_is child/_ queued
    touch gate-b
    wait "$other"
    timeout $((20 * ${DJ_TIME_FACTOR:-1})) tail --pid="$asker" -f /dev/null
    wait "$asker"
    is "$(sort out)" "$(printf 'a\nchild')"
}

@test "what is cancelled while there is no worker is ended by the next one" {
    local pid worker
    dj define long n:int -- sh -c "echo \$\$ > '$DJ_TMP/pid-'\$1; exec sleep 600" sh '{n}'
    dj run long 1
    wait_until test -s pid-1
    pid=$(cat pid-1)
    worker=$(our_pids djw)
    kill -KILL "$worker"
    dj cancel long 1
    wait_until not is_running "$pid"
    dj define short -- echo short
    is "$(timeout $((20 * ${DJ_TIME_FACTOR:-1})) dj get short)" short
}

@test "what a task leaves beside its script, or does to that folder, does not reach the next run" {
    cat > tasks.ini <<'TASKS'
[keeps]
params = n:int
script =
    d=$(dirname "$0")
    if [ -e "$d/kept" ]; then echo "found: $(cat "$d/kept")"; else echo clean; fi
    echo "of $1" > "$d/kept"

[removes]
params = n:int
script =
    rm -rf "$(dirname "$0")"
    echo removed

[closes]
script =
    chmod 0500 "$(dirname "$0")"
    echo closed

[plain]
params = n:int
script = echo plain
TASKS
    dj define tasks.ini
    is "$(dj get keeps 1) $(dj get keeps 2) $(dj get keeps 3)" "clean clean clean"
    is "$(dj get removes 1) $(dj get plain 1) $(dj get keeps 4)" "removed plain clean"
    is "$(dj get closes) $(dj get plain 2) $(dj get removes 2)" "closed plain removed"
    is "$(dj get plain 3)" plain
}

@test "a result behind a link is not the run's own, and stays where it is" {
    mkdir outside
    head -c 3000000 /dev/zero > outside/big
    dj define linked "result=file:o/big" -- ln -s "$DJ_TMP/outside" o
    exits 1 dj get linked
    has "$output" "it left no file o/big"
    is "$(wc -c < outside/big)" 3000000
    dj define own "result=file:o/big" -- sh -c 'mkdir o; echo own > o/big'
    is "$(dj get own)" own
}

# Daemon, worker, mount and reapers killed at any moment: nothing is lost, nothing is left.

load helper/djfs

setup()
{
    dj_setup
}

teardown()
{
    dj_teardown
}

lines()
{
    wc -l < "$1"
}

@test "a mount that is there before its worker sees the calls of runs" {
    requires_fuse
    mkdir libexec
    printf '#!/bin/sh\nuntil [ -e %s/go ]; do sleep 0.02; done\nexec %s/djw "$@"\n' "$DJ_TMP" \
        "$DJ_LIBEXECDIR" > libexec/djw
    chmod +x libexec/djw
    DJ_LIBEXECDIR=$DJ_TMP/libexec start_daemon
    define_tasks <<TASKS
[child]
command = echo 1

[parent]
command = sh -c 'cat \$DJ/tasks/child/_/result'
TASKS
    ls "$MNT/tasks" > /dev/null
    touch go
    is "$(cat "$MNT/tasks/parent/_/result")" 1
    is "$(dj ls tasks/parent/_/deps)" child,_
}

@test "events survive the daemon, torn lines do not, and positions grow" {
    start_daemon
    define_tasks <<TASKS
[t]
command = echo {n}
params = n:int
TASKS
    dj get t 1
    dj cat events > before
    grep -q '"done"' before
    kill_daemon
    printf '{"time":1,"eve' >> "$DJ_STORE/events"
    start_daemon --no-mount
    dj get t 2
    dj cat events > after
    same <(head -c "$(stat -c %s before)" after) before
    is "$(grep -c '^{"time":[0-9.]*,"event":.*}$' after)" "$(lines after)"
    is "$(grep -c '"done"' after)" 2
    dj down
    start_daemon
    dj cat events > last
    same <(head -c "$(stat -c %s after)" last) after
    requires_fuse
    is "$(stat -c %s "$MNT/events")" "$(wc -c < "$MNT/events")"
}

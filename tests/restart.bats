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

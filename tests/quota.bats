# A quota: beyond it a run fails with a sentence of its own, and all else goes on.

load helper/djfs

setup()
{
    dj_setup
}

teardown()
{
    dj_teardown
}

stored()
{
    dj cat status | sed -n 's/^stored //p'
}

@test "a run that would exceed the quota fails with EDQUOT, deleting makes room, and all goes on" {
    start_daemon --quota 4M
    define_tasks <<TASKS
[fill]
command = head -c {n} /dev/zero
params = n:int

[leave]
command = sh -c 'head -c \$1 /dev/zero > left' sh {n}
params = n:int
TASKS
    dj get fill 1500000 > /dev/null
    dj get leave 1600000
    exits 75 dj get fill 2000000
    has "$output" "the quota of the store is used up"
    is "$(dj cat tasks/fill/2000000/status)" absent
    is "$(find "$DJ_STORE/content" -type f -size +1500k | wc -l)" 1
    # small ones still fit
    is "$(dj get fill 3 | wc -c)" 3
    [ "$(stored)" -lt 4194304 ]
    if fuse_usable; then
        gives_errno EDQUOT cat "$MNT/tasks/fill/2000001/result"
        is "$(df -B1 --output=size "$MNT" | tail -1 | tr -d ' ')" 4194304
        [ "$(df -B1 --output=avail "$MNT" | tail -1)" -le $((4194304 - $(stored))) ]
    fi
    # what was deleted gives way, the rest stays
    dj rm leave 1600000
    dj get fill 2000000 | wc -c
    is "$(dj get --cached fill 1500000 | wc -c)" 1500000
    kill_daemon
    start_daemon --no-mount
    is "$(dj get fill 2000002 | wc -c)" 2000002
}

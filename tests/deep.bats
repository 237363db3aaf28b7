# A caller that waits gives its slot back, so recursion of any depth ends with one worker. It has
# thousands of processes at a time, so no other test runs beside it:
# alone

load helper/djfs

setup()
{
    dj_setup
}

teardown()
{
    dj_teardown
}


@test "two thousand calls deep with one worker" {
    requires_fuse
    local before peak=0 now
    start_daemon --workers 1
    cat > deep <<'SH'
#!/bin/sh
[ "$1" -eq 0 ] && exec echo 0
exec cat "$DJ/tasks/deep/$(($1 - 1))/result"
SH
    chmod +x deep
    dj define deep n:int -- "$DJ_TMP/deep" "{n}"
    before=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
    cat "$MNT/tasks/deep/2000/result" > out 3>&- &
    while is_running $!; do
        now=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
        [ $((before - now)) -le "$peak" ] || peak=$((before - now))
        sleep 0.2
    done
    wait $!
    is "$(cat out)" 0
    is "$(dj ls tasks/deep | wc -l)" 2001
    is "$(dj ls tasks/deep/2000/deps)" deep,1999
    echo "# 2000 levels took $((peak / 1024)) MB, $((peak / 2000)) kB a level" >&3
}

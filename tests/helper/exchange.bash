# shellcheck shell=bash
#
# A second store beside the test's own one: `other CMD…` runs a command with it.

OTHER=

# start_other [OPTION OF dj up]…: its daemon, without a mount; the socket is $OTHER.
start_other()
{
    OTHER=$DJ_TMP/run/other/socket
    mkdir -p "$DJ_TMP/run/other"
    chmod 0700 "$DJ_TMP/run/other"
    other dj up --store "$DJ_TMP/store2" --no-mount "$@" > "$DJ_TMP/up2.log" 2>&1 < /dev/null 3>&-
    on_exit other_down
}

other_down()
{
    [ ! -S "$DJ_TMP/run/other/socket" ] || DJ_CONNECT=$DJ_TMP/run/other/socket dj down > /dev/null 2>&1 || :
}

other()
{
    DJ_CONNECT=$DJ_TMP/run/other/socket "$@"
}

# kill_other: its daemon, at once.
kill_other()
{
    local pid
    for pid in $(our_pids djd); do
        if tr '\0' ' ' < "/proc/$pid/cmdline" | grep -q "$DJ_TMP/run/other/socket"; then
            kill -KILL "$pid"
            wait_until not is_running "$pid"
        fi
    done
}

# dj_files TASK: every file of its run _ with its size, and where links lead.
dj_files()
{
    dj cat "tasks/$1/_/meta" | jq -c .files
    dj ls "tasks/$1/_/files" | sort
    dj ls "tasks/$1/_/files/a b" | sort | od -c
    dj ls "tasks/$1/_/files/a b/c" | sort | while read -r name; do
        dj cat "tasks/$1/_/files/a b/c/$name"
    done
}

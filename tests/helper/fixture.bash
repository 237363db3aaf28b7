# shellcheck shell=bash
#
# For tests of djfs alone: a daemon of canned files (tests/tools/tree-fixture.c) instead of djd.
# After helper/djfs and dj_setup:
#
#     start_fixture [MS]          a run takes MS milliseconds (300)
#     start_mount [OPTION]…       djfs on $MNT
#
# kill_fixture kills it as a crash would; start_fixture then starts it again with what it had stored.

TOOLS=$DJ_BUILDDIR/tests/tools

start_fixture()
{
    mkdir -p "$DJ_TMP/fixture" "${DJ_CONNECT%/*}"
    "$TOOLS/tree-fixture" "$DJ_CONNECT" "$DJ_TMP/fixture" "${1:-300}" \
        > "$DJ_TMP/fixture-ready" 2>> "$DJ_TMP/fixture.log" 3>&- 5>&- 6>&- < /dev/null &
    disown
    FIXTURE=$!
    echo "$FIXTURE" > "$DJ_TMP/fixture-pid"
    [ -e "$DJ_TMP/fixture-hook" ] || on_exit kill_fixture
    touch "$DJ_TMP/fixture-hook"
    wait_until grep -q ready "$DJ_TMP/fixture-ready"
}

kill_fixture()
{
    local pid

    pid=$(cat "$DJ_TMP/fixture-pid" 2> /dev/null) || return 0
    rm "$DJ_TMP/fixture-pid" "$DJ_TMP/fixture-ready"
    kill -KILL "$pid" 2> /dev/null || :
    wait_until not is_running "$pid"
}

# start_mount [OPTION]…: returns when it can be used; its messages are in djfs.log, its pid in $MOUNT.
start_mount()
{
    djfs --connect "$DJ_CONNECT" "$@" "$MNT" 2>> "$DJ_TMP/djfs.log" 3>&- 5>&- 6>&- < /dev/null || {
        cat "$DJ_TMP/djfs.log" >&2
        return 1
    }
    MOUNT=$(our_pids djfs)
}

# count NAME: what the fixture says of itself in /stats.
count()
{
    sed -n "s/^$1 //p" "$MNT/stats"
}

# count_is NAME NUMBER: for wait_until.
count_is()
{
    [ "$(count "$1")" = "$2" ]
}

# result_of NAME: the path of a result.
result_of()
{
    echo "$MNT/tasks/echo/$1/result"
}

# takes_about MIN MAX CMD ARGUMENT…: whether it took between MIN and MAX milliseconds; its exit status
# is in $status.
takes_about()
{
    local min=$1 max=$2 start=${EPOCHREALTIME/[.,]/} took

    shift 2
    status=0
    "$@" || status=$?
    took=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
    ((took >= min && took <= max * DJ_TIME_FACTOR)) && return 0
    echo "takes_about: $*: $took ms, not $min to $max" >&2
    return 1
}
